/* Arena: alignment, reuse of pages after a reset, refusal. */
#include "core/arena.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

Test(arena, allocations_are_aligned_and_apart)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    char *previous_end = NULL;
    for (size_t k = 0; k < 1000; k++) {
        const size_t size = k * k % 4099;
        char *memory = fi_arena_alloc(arena, size, 1);
        cr_assert_not_null(memory);
        cr_assert_eq((uintptr_t)memory % 64, 0);
        if (previous_end && memory > previous_end - 5000 && memory < previous_end)
            cr_assert_fail("allocation %zu overlaps the one before", k);
        memset(memory, (int)k, size);
        previous_end = memory + size;
    }
    fi_arena_free(arena);
}

/* An arena's first memory may be little or much: all of it is there, and apart from what follows.
 */
Test(arena, may_begin_with_any_size)
{
    const size_t sizes[] = {1, 262080, 262144, 262145, 600000, (size_t)2 << 20, 9000000};
    const size_t n = sizeof sizes / sizeof *sizes;
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < n; l++) {
            fi_arena *arena = NULL;
            cr_assert_eq(fi_arena_new(&arena), FI_OK);
            unsigned char *first = fi_arena_alloc(arena, sizes[k], 1);
            unsigned char *second = fi_arena_alloc(arena, sizes[l], 1);
            cr_assert(first && second);
            cr_assert(first + sizes[k] <= second || second + sizes[l] <= first,
                      "%zu bytes and then %zu overlap", sizes[k], sizes[l]);
            memset(first, 1, sizes[k]);
            memset(second, 2, sizes[l]);
            cr_expect(first[0] == 1 && first[sizes[k] - 1] == 1);
            fi_arena_free(arena);
        }
}

/* Large arrays are in huge pages, where the system has them to give. */
Test(arena, begins_large_arrays_on_a_huge_page)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    for (size_t k = 0; k < 4; k++)
        cr_expect_eq((uintptr_t)fi_arena_alloc(arena, (size_t)5 << 20, 1) % ((size_t)2 << 20), 0);
    fi_arena_free(arena);
}

Test(arena, a_reset_gives_the_same_memory_again)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    void *first[3];
    const size_t sizes[3] = {100, (size_t)5 << 20, 3};
    for (size_t k = 0; k < 3; k++)
        first[k] = fi_arena_alloc(arena, sizes[k], 1);
    fi_arena_reset(arena);
    for (size_t k = 0; k < 3; k++)
        cr_expect_eq(fi_arena_alloc(arena, sizes[k], 1), first[k], "allocation %zu moved", k);
    fi_arena_free(arena);
}

Test(arena, refuses_what_cannot_be_had)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    cr_expect_null(fi_arena_alloc(arena, SIZE_MAX, 2));
    cr_expect_null(fi_arena_alloc(arena, SIZE_MAX / 2, 1));
    fi_arena_refuse_after(arena, 1);
    cr_expect_not_null(fi_arena_alloc(arena, 1, 1));
    cr_expect_null(fi_arena_alloc(arena, 1, 1));
    cr_expect_null(fi_arena_alloc(arena, 1, 1));
    cr_expect_null(fi_arena_zeros(arena, 7, 1));
    cr_expect(strstr(fi_message(), "refused") != NULL, "%s", fi_message());
    fi_arena_free(arena);
}

Test(arena, strings_and_zeros)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    cr_expect_str_eq(fi_arena_string(arena, "fan_in"), "fan_in");
    memset(fi_arena_alloc(arena, 1000, 1), 1, 1000);
    fi_arena_reset(arena);
    const unsigned char *zeros = fi_arena_zeros(arena, 1000, 1);
    for (size_t k = 0; k < 1000; k++)
        cr_assert_eq(zeros[k], 0);
    fi_arena_free(arena);
}

Test(arena, a_release_forgets_what_came_after_the_mark)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    char *kept = fi_arena_string(arena, "kept");
    const fi_arena_mark mark = fi_arena_now(arena);
    void *small = fi_arena_alloc(arena, 10, 1);
    void *large = fi_arena_alloc(arena, (size_t)9 << 20, 1);
    fi_arena_release(arena, mark);
    cr_expect_eq(fi_arena_alloc(arena, 10, 1), small);
    cr_expect_eq(fi_arena_alloc(arena, (size_t)9 << 20, 1), large);
    cr_expect_str_eq(kept, "kept");
    fi_arena_free(arena);
}

Test(arena, a_mark_does_not_outlive_an_earlier_one, .signal = SIGABRT)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    cr_assert_not_null(fi_arena_alloc(arena, 10, 1));
    const fi_arena_mark early = fi_arena_now(arena);
    cr_assert_not_null(fi_arena_alloc(arena, 10, 1));
    const fi_arena_mark late = fi_arena_now(arena);
    fi_arena_release(arena, early);
    fi_arena_release(arena, late);
}
