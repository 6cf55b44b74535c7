/* Mean cosine and effective rank against naive definitions and known covariances. */
#include "math/representation.h"
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 303,
    COLS = 45
};

static fi_arena *arena;

static void set_up(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void tear_down(void)
{
    fi_arena_free(arena);
}

TestSuite(representation, .init = set_up, .fini = tear_down);

static fi_real *normals(size_t count, uint64_t seed)
{
    fi_real *x = fi_arena_alloc(arena, count, sizeof *x);
    fi_rng rng = fi_rng_stream(seed, FI_FOR_DATA, 0, 0);
    fi_draw(&rng, FI_NORMAL, 1, count, x);
    return x;
}

/* Over all pairs of rows that are not zeros. */
static double naive_cosine(size_t rows, size_t cols, const fi_real *x)
{
    double sum = 0;
    size_t pairs = 0;
    double *squares = fi_arena_zeros(arena, rows, sizeof *squares);
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < cols; c++)
            squares[i] += (double)x[i * cols + c] * (double)x[i * cols + c];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < i; j++) {
            double dot = 0;
            for (size_t c = 0; c < cols; c++)
                dot += (double)x[i * cols + c] * (double)x[j * cols + c];
            if (squares[i] > 0 && squares[j] > 0) {
                sum += dot / sqrt(squares[i] * squares[j]);
                pairs++;
            }
        }
    return sum / (double)pairs;
}

Test(representation, mean_cosine_is_that_of_all_pairs)
{
    fi_real *x = normals((size_t)ROWS * COLS, 1);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] += (fi_real)0.3;
    for (size_t c = 0; c < COLS; c++)
        x[7 * COLS + c] = 0; /* a sample without a direction */
    const double expected = naive_cosine(ROWS, COLS, x);
    const double ours = fi_mean_cosine(ROWS, COLS, x, arena);
    /* sums of 303 terms of size 1 in double, divided by 303^2 / 2 */
    cr_expect_float_eq(ours, expected, 1e-13, "%.17g, naive %.17g", ours, expected);
}

Test(representation, undefined_is_nan)
{
    const fi_real zeros[6] = {0};
    const fi_real same[6] = {1, 2, 3, 1, 2, 3};
    cr_expect(isnan(fi_mean_cosine(2, 3, zeros, arena)));
    cr_expect(isnan(fi_effective_rank(2, 3, zeros, arena)));
    cr_expect(isnan(fi_effective_rank(2, 3, same, arena)));
    cr_expect_float_eq(fi_mean_cosine(2, 3, same, arena), 1, 1e-15);
    fi_arena_refuse_after(arena, 0);
    cr_expect(isnan(fi_mean_cosine(2, 3, same, arena)));
    cr_expect(isnan(fi_effective_rank(2, 3, same, arena)));
}

/* Adds the squared products of the first `group` rows with the last, each pair once. */
static void add_naive_pairs(size_t count, size_t group, size_t cols, const double *x, double *sum,
                            double *pairs)
{
    for (size_t j = count - (group < count ? group : count); j < count; j++)
        for (size_t i = 0; i < j && i < group; i++) {
            double dot = 0;
            for (size_t c = 0; c < cols; c++)
                dot += x[i * cols + c] * x[j * cols + c];
            *sum += dot * dot;
            ++*pairs;
        }
}

/* The effective rank in double, of differences from the first row; tr C^2 from its pairs of rows.
 */
static double naive_rank(size_t rows, size_t cols, const fi_real *x)
{
    double *const centred = fi_arena_alloc(arena, rows * cols, sizeof *centred);
    double trace = 0;
    double product = 0;
    double pairs = 0;
    for (size_t c = 0; c < cols; c++) {
        double mean = 0;
        for (size_t r = 0; r < rows; r++)
            mean += ((double)x[r * cols + c] - (double)x[c]) / (double)rows;
        for (size_t r = 0; r < rows; r++) {
            centred[r * cols + c] = (double)x[r * cols + c] - (double)x[c] - mean;
            trace += centred[r * cols + c] * centred[r * cols + c] / (double)rows;
        }
    }
    if (rows < 256)
        add_naive_pairs(rows < 160 ? rows : 160, 80, cols, centred, &product, &pairs);
    for (size_t r = 0; rows >= 256 && r < 256; r += 64)
        add_naive_pairs(64, 32, cols, centred + r * cols, &product, &pairs);
    return trace * trace * pairs / product;
}

/*
 * At any distance of the mean from 0. A centred value and each of 45 terms of a product of two rows
 * round by u of the element type: 100 u bound them relative to the rows' lengths, whose product is
 * sqrt 45 times a typical product, and squaring doubles it.
 */
Test(representation, effective_rank_is_that_of_all_pairs)
{
    static const double offsets[] = {0, 0.3, -30, 120, 1e7};
#ifdef FI_DOUBLE
    const double bound = 1400 * 0x1p-53 + 1e-9; /* what subtraction may leave */
#else
    const double bound = 1400 * 0x1p-24;
#endif
    static const size_t rows[] = {2, 3, 5, 80, 81, 130, 159, 160, 255, 256, ROWS};
    for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            fi_real *x = normals(rows[k] * COLS, 4);
            for (size_t i = 0; i < rows[k] * COLS; i++)
                x[i] = (fi_real)(offsets[o] + 3 * (double)x[i]);
            const double expected = naive_rank(rows[k], COLS, x);
            const double ours = fi_effective_rank(rows[k], COLS, x, arena);
            cr_expect(fabs(ours / expected - 1) <= bound, "%zu rows at %g: %.17g, naive %.17g",
                      rows[k], offsets[o], ours, expected);
        }
}

/* Equal rows have no variance, whatever the rounding of their mean; one that differs gives some. */
Test(representation, a_constant_batch_has_no_rank)
{
    fi_real *x = fi_arena_alloc(arena, (size_t)ROWS * COLS, sizeof *x);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] = (fi_real)(0.1 * (double)(k % COLS + 1));
    cr_expect(isnan(fi_effective_rank(ROWS, COLS, x, arena)), "%g",
              fi_effective_rank(ROWS, COLS, x, arena));
    cr_expect_float_eq(fi_mean_cosine(ROWS, COLS, x, arena), 1, 1e-13);
    x[COLS] += (fi_real)0.01;
    const double rank = fi_effective_rank(ROWS, COLS, x, arena);
    cr_expect(rank > 0, "%g", rank);
}

/*
 * Normal samples with `wide` directions of variance 9 and the rest of 1, at a mean far from 0: the
 * rank is (9 w + n)^2 / (81 w + n). A squared product of two rows has a relative deviation near
 * sqrt 2, and its mean over all partners of a row one of sqrt(2 tr C^4) / tr C^2 = .22; of 4096
 * pairs, in which either row is one of 128, that makes (2 / 4096 + 2 .22^2 / 128)^.5 = .036. Three
 * of them are allowed, and a covariance of half the trace fails by 4.
 */
Test(representation, effective_rank_of_a_known_covariance)
{
    const size_t n = 400;
    const size_t wide = 30;
    fi_real *x = normals(ROWS * n, 2);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < n; c++)
            x[r * n + c] = 100 + x[r * n + c] * (c < wide ? 3 : 1);
    const double w = (double)wide;
    const double rest = (double)(n - wide);
    const double expected = pow(9 * w + rest, 2) / (81 * w + rest);
    const double ours = fi_effective_rank(ROWS, n, x, arena);
    cr_expect_float_eq(ours / expected, 1, 0.12, "%g, expected %g", ours, expected);
}

Test(representation, effective_rank_has_no_scale)
{
    fi_real *x = normals((size_t)ROWS * COLS, 3);
    const double rank = fi_effective_rank(ROWS, COLS, x, arena);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] *= (fi_real)1e-17;
    const double tiny = fi_effective_rank(ROWS, COLS, x, arena);
    cr_expect_float_eq(tiny / rank, 1, 1e-4, "%g, unscaled %g", tiny, rank);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] *= (fi_real)1e-25; /* floats of some ten bits */
    const double least = fi_effective_rank(ROWS, COLS, x, arena);
    cr_expect_float_eq(least / rank, 1, 1e-2, "%g, unscaled %g", least, rank);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] *= (fi_real)1e38;
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] *= (fi_real)1e38;
    const double greatest = fi_effective_rank(ROWS, COLS, x, arena);
    cr_expect_float_eq(greatest / rank, 1, 1e-2, "%g, unscaled %g", greatest, rank);
}

/* ---- rows of many columns, added up in fi_real ----------------------------------------------- */

static fi_real *wide_rows(size_t rows, size_t cols, double offset, double scale)
{
    fi_real *x = normals(rows * cols, 5);
    for (size_t i = 0; i < rows * cols; i++)
        x[i] = (fi_real)(scale * (offset + (double)x[i]));
    return x;
}

/*
 * At distances of the mean from 0 about that where the variance is no longer had by subtraction.
 * The cosine is promised to 1e-9 or 1e-6 of it; tr C, in float, to 1e-6, which its square doubles,
 * as do the independent roundings of the products.
 */
static void compare_wide(size_t rows, size_t cols, double offset, double scale)
{
#ifdef FI_DOUBLE
    const double cosine_bound = 1e-13;
    const double least_bound = 1e-15;
    const double rank_bound = 1e-11;
#else
    const double cosine_bound = 1e-6;
    const double least_bound = 1e-9;
    const double rank_bound = 4e-6;
#endif
    const fi_arena_mark mark = fi_arena_now(arena);
    const fi_real *x = wide_rows(rows, cols, offset, scale);
    const fi_representation ours = fi_represent(rows, cols, x, arena);
    const double cosine = naive_cosine(rows, cols, x);
    const double rank = naive_rank(rows, cols, x);
    cr_expect(fabs(ours.cosine - cosine) <= fmax(cosine_bound * fabs(cosine), least_bound),
              "%zu x %zu at %g, scale %g: cosine %.17g, naive %.17g", rows, cols, offset, scale,
              ours.cosine, cosine);
    cr_expect(fabs(ours.rank / rank - 1) <= rank_bound,
              "%zu x %zu at %g, scale %g: rank %.17g, naive %.17g", rows, cols, offset, scale,
              ours.rank, rank);
    fi_arena_release(arena, mark);
}

Test(representation, of_wide_rows)
{
    static const double offsets[] = {0, 0.3, 3, 9, 11, 60};
    static const size_t rows[] = {31, 40, 47, 150};
    static const size_t cols[] = {64, 95, 512, 1061};
    for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (size_t c = 0; c < sizeof cols / sizeof *cols; c++)
                compare_wide(rows[r], cols[c], offsets[o], 1);
    static const double scales[] = {1e-30, 1e-21, 1e-12, 1e-10, 1e8, 1e10, 1e17};
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
        compare_wide(50, 100, 0.3, scales[s]);
}

/* Some rows have no length, some one beyond fi_real, and one is infinite or not a number. */
Test(representation, of_wide_rows_of_unlike_lengths)
{
    const size_t cols = 100;
    fi_real *x = wide_rows(ROWS, cols, 0.3, 1);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < cols; c++)
            x[r * cols + c] *= (fi_real)(r % 11 == 7 ? 0 : r % 37 == 5 ? 1e-25 : 1);
    const double expected = naive_cosine(ROWS, cols, x);
    const double ours = fi_mean_cosine(ROWS, cols, x, arena);
    cr_expect(fabs(ours - expected) <= 1e-6 * expected, "%.17g, naive %.17g", ours, expected);
    x[200 * cols + 3] = (fi_real)HUGE_VAL;
    cr_expect(isnan(fi_mean_cosine(ROWS, cols, x, arena)));
    cr_expect(isnan(fi_effective_rank(ROWS, cols, x, arena)));
    x[200 * cols + 3] = (fi_real)NAN;
    cr_expect(isnan(fi_mean_cosine(ROWS, cols, x, arena)));
    cr_expect(isnan(fi_effective_rank(ROWS, cols, x, arena)));
}

/* By rows of 1, 2, ... and of all lengths by turns: the same bits as at once. */
Test(representation, does_not_depend_on_how_rows_come)
{
    const size_t cols = 70;
    const fi_real *x = wide_rows(ROWS, cols, 0.3, 1);
    const fi_representation once = fi_represent(ROWS, cols, x, arena);
    for (size_t cut = 0; cut < 20; cut++) {
        fi_row_sums sums;
        cr_assert(fi_represent_begin(&sums, cols, arena));
        fi_represent_add(&sums, 0, NULL);
        for (size_t r = 0, count; r < ROWS; r += count) {
            count = cut ? cut : 1 + r % 19;
            count = count < ROWS - r ? count : ROWS - r;
            fi_represent_add(&sums, count, x + r * cols);
        }
        const fi_representation parts = fi_represent_finish(&sums, x, arena);
        cr_expect(parts.cosine == once.cosine && parts.rank == once.rank,
                  "by %zu: %.17g and %.17g, not %.17g and %.17g", cut, parts.cosine, parts.rank,
                  once.cosine, once.rank);
    }
}

/* The kernels add up in the same order, whatever the columns that are left. */
Test(representation, kernels_give_the_same_bits)
{
    static const size_t cols[] = {1, 15, 16, 17, 31, 32, 64, 500, 511, 512, 513, 560, 1024, 1061};
    for (size_t k = 1; fi_row_choice(k); k++)
        for (size_t i = 0; i < sizeof cols / sizeof *cols; i++) {
            const size_t n = cols[i];
            fi_real *x = wide_rows(FI_ROWS_TOGETHER, n, 0.3, 1);
            for (size_t c = 0; c < FI_ROWS_TOGETHER * n; c++)
                x[c] = (fi_real)ldexp((double)x[c], (int)(c % 8 * 6)); /* so that doubles round */
            double square[2][FI_ROWS_TOGETHER], *sum[2], *direction[2];
            const fi_real inverse[FI_ROWS_TOGETHER] = {1, 2, (fi_real)0.3, 4, 5, (fi_real)0.6,
                                                       7, 8};
            for (size_t which = 0; which < 2; which++) {
                const fi_row_kernel *kernel = fi_row_choice(which * k);
                sum[which] = fi_arena_zeros(arena, n + 1, sizeof(double)); /* and one beyond */
                direction[which] = fi_arena_zeros(arena, n + 1, sizeof(double));
                kernel->squares(n, x, square[which]);
                for (size_t visit = 0; visit < 2; visit++)
                    kernel->add(n, x, inverse, direction[which], sum[which]);
            }
            const size_t bytes = (n + 1) * sizeof(double);
            cr_expect(memcmp(square[0], square[1], sizeof *square) == 0, "%zu columns: squares", n);
            cr_expect(memcmp(sum[0], sum[1], bytes) == 0, "%zu columns: sums", n);
            cr_expect(memcmp(direction[0], direction[1], bytes) == 0, "%zu columns: directions", n);
        }
}
