/* Distinct columns against the comparison of every pair, on matrices with many near-copies. */
#include "math/symmetry.h"
#include "core/arena.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum {
    MOST_COLS = 130,
    MOST = 200 * MOST_COLS
};

static fi_real x[MOST];
static fi_arena *arena;

static void begin(void)
{
    cr_assert(fi_arena_new(&arena) == FI_OK);
}

static void end(void)
{
    fi_arena_free(arena);
}

TestSuite(symmetry, .init = begin, .fini = end);

static bool same(fi_real a, fi_real b)
{
    return a == b || (isnan(a) && isnan(b));
}

static size_t distinct_by_pairs(size_t rows, size_t cols)
{
    size_t distinct = 0;
    for (size_t c = 0; c < cols; c++) {
        bool copy = false;
        for (size_t before = 0; before < c && !copy; before++) {
            size_t r = 0;
            while (r < rows && same(x[r * cols + c], x[r * cols + before]))
                r++;
            copy = r == rows;
        }
        distinct += !copy;
    }
    return distinct;
}

static void compare(const char *what, size_t rows, size_t cols)
{
    const size_t expected = distinct_by_pairs(rows, cols);
    const size_t got = fi_distinct_columns(rows, cols, x, arena);
    fi_arena_reset(arena);
    cr_expect(got == expected, "%s, %zu x %zu: %zu, not %zu", what, rows, cols, got, expected);
    fi_real nonzero[MOST_COLS] = {0};
    for (size_t k = 0; k < rows * cols; k++)
        nonzero[k % cols] = x[k] != 0 || isnan(x[k]) ? 1 : nonzero[k % cols];
    const size_t knowing = fi_distinct_columns_knowing(rows, cols, x, nonzero, arena);
    fi_arena_reset(arena);
    cr_expect(knowing == expected, "%s, %zu x %zu: %zu where zeros are known, not %zu", what, rows,
              cols, knowing, expected);
}

static uint32_t draw(fi_rng *rng, uint32_t below)
{
    return fi_rng_u32(rng) % below;
}

Test(symmetry, small_integers)
{
    fi_rng rng = fi_rng_stream(3, FI_FOR_PROBE, 0, 0);
    for (size_t trial = 0; trial < 600; trial++) {
        const size_t rows = 1 + draw(&rng, 9);
        const size_t cols = 1 + draw(&rng, 130);
        const uint32_t values = 1 + draw(&rng, 4);
        for (size_t i = 0; i < rows * cols; i++)
            x[i] = (fi_real)draw(&rng, values) - 1;
        compare("integers", rows, cols);
    }
}

/* Columns copied from a few, which themselves are half zeros; one copy differs in one place. */
Test(symmetry, copies_of_half_zero_columns)
{
    fi_rng rng = fi_rng_stream(4, FI_FOR_PROBE, 0, 0);
    for (size_t trial = 0; trial < 40; trial++) {
        const size_t rows = 200;
        const size_t cols = 130;
        const size_t originals = 1 + draw(&rng, 100);
        for (size_t i = 0; i < rows * cols; i++) {
            const size_t row = i / cols;
            const size_t column = i % cols;
            const double value = (double)draw(&rng, 1000) - 500;
            x[i] = column < originals ? (fi_real)(value < 0 ? 0 : value)
                                      : x[row * cols + column % originals];
        }
        compare("copies", rows, cols);
        x[draw(&rng, MOST)] += 1;
        compare("copies but one", rows, cols);
        x[MOST - 1] = -7;
        compare("copies but the last of the last row", rows, cols);
    }
}

Test(symmetry, all_equal_and_all_distinct)
{
    const size_t rows = 200;
    const size_t cols = 130;
    for (size_t i = 0; i < MOST; i++)
        x[i] = (fi_real)(i - i % cols);
    cr_expect(fi_distinct_columns(rows, cols, x, arena) == 1);
    for (size_t c = 0; c < cols; c++)
        x[(rows - 1) * cols + c] = (fi_real)((c * 71) % cols);
    cr_expect(fi_distinct_columns(rows, cols, x, arena) == cols);
    x[(rows - 1) * cols] = x[(rows - 1) * cols + 1];
    cr_expect(fi_distinct_columns(rows, cols, x, arena) == cols - 1);
}

Test(symmetry, zeros_have_no_sign_and_nans_are_equal)
{
    const fi_real nan = (fi_real)NAN;
    const fi_real zero = 0;
    const fi_real inf = (fi_real)HUGE_VAL;
    const fi_real matrix[] = {0,   -zero, 0,   0,    -zero, /**/
                              nan, -nan,  nan, 1,    nan,   /**/
                              inf, inf,   inf, -inf, inf};
    cr_expect(fi_distinct_columns(1, 5, matrix, arena) == 1);
    cr_expect(fi_distinct_columns(3, 5, matrix, arena) == 2);
    cr_expect(fi_distinct_columns(2, 5, matrix + 5, arena) == 2);
}

Test(symmetry, of_no_rows_or_columns)
{
    cr_expect(fi_distinct_columns(0, 5, NULL, arena) == 1);
    cr_expect(fi_distinct_columns(5, 0, NULL, arena) == 0);
    cr_expect(fi_distinct_columns(3, 1, x, arena) == 1);
}

Test(symmetry, is_0_where_memory_is_refused)
{
    for (size_t allowed = 0; allowed < 7; allowed++) {
        fi_arena_refuse_after(arena, allowed);
        cr_expect(fi_distinct_columns(4, 4, x, arena) == 0, "after %zu allocations", allowed);
    }
    fi_arena_refuse_after(arena, 7);
    cr_expect(fi_distinct_columns(4, 4, x, arena) == 1);
}

/* Copies that rounding has parted are one; what differs by more, in one row at least, is not. */
Test(symmetry, a_tolerance_forgives_rounding)
{
    enum {
        ROWS = 9,
        COLS = 6
    };
    fi_real columns[ROWS * COLS];
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLS; c++)
            columns[r * COLS + c] = (fi_real)((double)r + 1e-5 * (double)c);
    columns[4 * COLS + 3] += (fi_real)0.5;
    fi_arena *memory = NULL;
    cr_assert(fi_arena_new(&memory) == FI_OK);
    cr_expect(fi_unlike_columns(ROWS, COLS, columns, 1e-3, memory) == 2, "one parted by 0.5");
    cr_expect(fi_unlike_columns(ROWS, COLS, columns, 1, memory) == 1, "all within 1");
    cr_expect(fi_unlike_columns(ROWS, COLS, columns, 0, memory) == COLS, "none equal");
    columns[0] = columns[1] = (fi_real)NAN;
    cr_expect(fi_unlike_columns(ROWS, COLS, columns, 1e-3, memory) == 3, "NaN equals NaN alone");
    fi_arena_free(memory);
}
