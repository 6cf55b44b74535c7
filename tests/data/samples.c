/* Choosing samples and putting them in order: permutations, splits, balance, classes. */
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define ROWS ((size_t)60)
#define COLS ((size_t)6)

static fi_arena *arena;
static fi_real x[ROWS * COLS];
static int32_t labels[ROWS];
static fi_samples all;

/* Row i holds 10 i + j, so that it tells where it came from; class i mod 4, but 3 only once. */
static void begin(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = i == 7 ? 3 : (int32_t)(i % 3);
        for (size_t j = 0; j < COLS; j++)
            x[i * COLS + j] = (fi_real)(10 * i + j);
    }
    all = (fi_samples){.rows = ROWS,
                       .cols = COLS,
                       .rank = 3,
                       .shape = {1, 2, 3},
                       .classes = 4,
                       .x = x,
                       .labels = labels};
}

static void end(void)
{
    fi_arena_free(arena);
}

TestSuite(samples, .init = begin, .fini = end);

/* The row of `all` that row i of a choice is a whole copy of, with its label less `shift`. */
static size_t origin(const fi_samples *of, size_t i, int32_t shift)
{
    const size_t row = (size_t)(of->x[i * of->cols] / 10);
    cr_assert(row < ROWS);
    cr_expect(memcmp(of->x + i * COLS, x + row * COLS, COLS * sizeof *x) == 0, "row %zu", i);
    cr_expect_eq(of->labels[i], labels[row] - shift, "label of row %zu", i);
    return row;
}

static void expect_like_all(const fi_samples *of, size_t rows, size_t classes)
{
    cr_expect(of->rows == rows && of->cols == COLS && of->classes == classes, "%zu rows", of->rows);
    cr_expect(of->rank == 3 && memcmp(of->shape, all.shape, sizeof all.shape) == 0);
}

static void expect_said(fi_status got, fi_status status, const char *part)
{
    cr_expect_eq(got, status, "status %d, not %d", got, status);
    cr_expect(strstr(fi_message(), part), "'%s' does not say '%s'", fi_message(), part);
}

/* ---- order ----------------------------------------------------------------------------------- */

Test(samples, a_permutation_has_every_number_once)
{
    static const size_t sizes[] = {0, 1, 2, 3, 1000};
    fi_rng rng = fi_rng_seed(1, 1);
    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        uint32_t order[1001];
        uint8_t seen[1001] = {0};
        order[sizes[c]] = 77;
        fi_permute(&rng, sizes[c], order);
        cr_expect_eq(order[sizes[c]], 77, "%zu: written past the end", sizes[c]);
        for (size_t k = 0; k < sizes[c]; k++) {
            cr_assert(order[k] < sizes[c]);
            cr_expect_eq(seen[order[k]]++, 0, "%zu: %u twice", sizes[c], order[k]);
        }
    }
}

/* chi^2 of 23 degrees of freedom is above 70.55 with probability 1e-6. */
Test(samples, the_24_permutations_of_4_are_equally_likely)
{
    enum {
        EACH = 4000
    };
    size_t seen[256] = {0};
    fi_rng rng = fi_rng_stream(1, FI_FOR_SHUFFLE, 0, 0);
    for (size_t k = 0; k < (size_t)24 * EACH; k++) {
        uint32_t order[4];
        fi_permute(&rng, 4, order);
        seen[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    double chi_squared = 0;
    size_t different = 0;
    for (size_t k = 0; k < 256; k++) {
        different += seen[k] > 0;
        if (seen[k])
            chi_squared += ((double)seen[k] - EACH) * ((double)seen[k] - EACH) / EACH;
    }
    cr_expect_eq(different, 24);
    cr_expect(chi_squared < 70.55, "chi^2 is %g", chi_squared);
}

/* Of the 2^32 draws one is too many for thirds, 0; for quarters none is. State 0 draws it. */
Test(samples, a_draw_that_would_favour_a_number_is_drawn_again)
{
    uint32_t order[4], expected[4];
    for (size_t n = 3; n <= 4; n++) {
        fi_rng rng = {.state = 0, .inc = 0x9e3779b97f4a7c15};
        fi_rng later = rng;
        cr_assert_eq(fi_rng_u32(&(fi_rng){0, rng.inc}), 0);
        fi_rng_advance(&later, n == 3);
        fi_permute(&rng, n, order);
        fi_permute(&later, n, expected);
        cr_expect_eq(rng.state, later.state, "%zu: not as many draws as expected", n);
        cr_expect_arr_eq(order, expected, n * sizeof *order);
    }
}

/* ---- choice ---------------------------------------------------------------------------------- */

Test(samples, take_copies_rows_in_the_order_given)
{
    static const uint32_t rows[] = {59, 0, 7, 7, 30};
    fi_samples some;
    cr_assert_eq(fi_samples_take(&some, &all, 5, rows, arena), FI_OK);
    expect_like_all(&some, 5, 4);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(origin(&some, i, 0), rows[i]);
    x[0] = -1;
    cr_expect_eq(some.x[COLS], 0, "a change of the source reached the copy");
    x[0] = 0;
    cr_assert_eq(fi_samples_take(&some, &some, 2, (const uint32_t[]){4, 0}, arena), FI_OK);
    cr_expect(some.rows == 2 && origin(&some, 0, 0) == 30 && origin(&some, 1, 0) == 59);
}

Test(samples, a_batch_is_gathered_in_the_order_given)
{
    static const uint32_t rows[] = {3, 59, 3};
    fi_real batch[4 * COLS] = {0};
    int32_t its_labels[4] = {0, 0, 0, 77};
    batch[3 * COLS] = 77;
    fi_samples_gather(&all, 3, rows, batch, its_labels);
    for (size_t i = 0; i < 3; i++) {
        cr_expect(memcmp(batch + i * COLS, x + rows[i] * COLS, COLS * sizeof *x) == 0);
        cr_expect_eq(its_labels[i], labels[rows[i]]);
    }
    cr_expect(batch[3 * COLS] == 77 && its_labels[3] == 77, "written past the end");
}

Test(samples, parts_of_a_split_are_disjoint_and_follow_its_stream)
{
    static const size_t counts[] = {40, 0, 15, 5};
    uint32_t order[ROWS];
    fi_rng rng = fi_rng_stream(5, FI_FOR_SPLIT, 0, 0);
    fi_permute(&rng, ROWS, order);
    for (size_t parts = 1; parts <= 4; parts++) { /* the first parts are the same */
        fi_samples out[4];
        cr_assert_eq(fi_samples_split(&all, 5, parts, counts, out, arena), FI_OK);
        size_t done = 0;
        for (size_t k = 0; k < parts; k++) {
            expect_like_all(&out[k], counts[k], 4);
            for (size_t i = 0; i < out[k].rows; i++, done++)
                cr_expect_eq(origin(&out[k], i, 0), order[done], "part %zu, row %zu", k, i);
        }
    }
    fi_samples other;
    size_t same = 0;
    cr_assert_eq(fi_samples_split(&all, 6, 1, counts, &other, arena), FI_OK);
    for (size_t i = 0; i < 40; i++)
        same += origin(&other, i, 0) == order[i];
    cr_expect(same < 20, "another seed has %zu of 40 rows in the same place", same);
}

Test(samples, a_split_of_too_few_is_refused)
{
    fi_samples out[3];
    expect_said(fi_samples_split(&all, 1, 3, (const size_t[]){50, 10, 1}, out, arena), FI_EDATA,
                "part 3 of 3 is to have 1 samples, but of the 60 only 0 are left; make");
    expect_said(fi_samples_split(&all, 1, 2, (const size_t[]){1, SIZE_MAX}, out, arena), FI_EDATA,
                "part 2 of 2");
}

/* Of each class those that come first in the order of the split, and in that order. */
Test(samples, balance_takes_as_many_of_each_class)
{
    uint32_t order[ROWS];
    fi_rng rng = fi_rng_stream(9, FI_FOR_SPLIT, 0, 0);
    fi_permute(&rng, ROWS, order);
    labels[7] = 1;
    all.classes = 3;
    for (size_t each = 1; each <= 20; each++) {
        fi_samples some;
        cr_assert_eq(fi_samples_balance(&some, &all, 9, each, arena), FI_OK, "%s", fi_message());
        expect_like_all(&some, 3 * each, 3);
        size_t of_class[3] = {0}, next = 0;
        for (size_t i = 0; i < ROWS; i++)
            if (of_class[labels[order[i]]]++ < each)
                cr_expect_eq(origin(&some, next++, 0), order[i], "%zu each, row %zu", each, i);
    }
    fi_samples some;
    expect_said(fi_samples_balance(&some, &all, 9, 21, arena), FI_EDATA,
                "60 samples are too few for 21 of each of 3 classes");
    expect_said(fi_samples_balance(&some, &all, 9, SIZE_MAX / 2, arena), FI_EDATA, "too few");
    labels[7] = 2;
    expect_said(fi_samples_balance(&some, &all, 9, 20, arena), FI_EDATA,
                "class 1 has 19 samples, 20 of each were asked for");
}

Test(samples, classes_are_counted_from_0)
{
    for (size_t first = 0; first < 4; first++)
        for (size_t last = first + 1; last <= 4; last++) {
            fi_samples some;
            cr_assert_eq(fi_samples_of_classes(&some, &all, first, last, arena), FI_OK);
            size_t next = 0;
            for (size_t i = 0; i < ROWS; i++)
                if ((size_t)labels[i] >= first && (size_t)labels[i] < last)
                    cr_expect_eq(origin(&some, next++, (int32_t)first), i);
            expect_like_all(&some, next, last - first);
        }
    labels[7] = 0;
    fi_samples none;
    expect_said(fi_samples_of_classes(&none, &all, 3, 4, arena), FI_EDATA,
                "of the 60 samples none is of the classes 3 to 3");
}

Test(samples, rows_of_each_class_are_counted)
{
    size_t counts[5] = {9, 9, 9, 9, 9};
    fi_samples_count(&all, counts);
    cr_expect(counts[0] == 20 && counts[1] == 19 && counts[2] == 20 && counts[3] == 1);
    cr_expect_eq(counts[4], 9, "written past the end");
}

/* Each fails at each of its allocations, and not once it has them all. */
Test(samples, refused_memory_is_reported)
{
    static const size_t counts[] = {10, 20};
    static const size_t needed[] = {2, 5, 4, 3}; /* x and labels; order; counts by class */
    all.classes = 3;
    labels[7] = 1;
    for (size_t which = 0; which < 4; which++)
        for (size_t allowed = 0; allowed <= needed[which]; allowed++) {
            fi_samples out[2];
            fi_arena_refuse_after(arena, allowed);
            const fi_status got =
                which == 0   ? fi_samples_take(out, &all, 2, (const uint32_t[]){1, 2}, arena)
                : which == 1 ? fi_samples_split(&all, 1, 2, counts, out, arena)
                : which == 2 ? fi_samples_balance(out, &all, 1, 3, arena)
                             : fi_samples_of_classes(out, &all, 0, 2, arena);
            cr_expect_eq(got, allowed < needed[which] ? FI_ENOMEM : FI_OK,
                         "function %zu with %zu allocations: status %d", which, allowed, got);
        }
}
