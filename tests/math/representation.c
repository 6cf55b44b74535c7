/* Mean cosine and effective rank against naive definitions and known covariances. */
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>

enum {
    ROWS = 300,
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

Test(representation, mean_cosine_is_that_of_all_pairs)
{
    fi_real *x = normals((size_t)ROWS * COLS, 1);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        x[k] += (fi_real)0.3;
    for (size_t c = 0; c < COLS; c++)
        x[7 * COLS + c] = 0; /* a sample without a direction */
    double sum = 0;
    size_t pairs = 0;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < i; j++) {
            double dot = 0;
            double ii = 0;
            double jj = 0;
            for (size_t c = 0; c < COLS; c++) {
                dot += (double)x[i * COLS + c] * (double)x[j * COLS + c];
                ii += (double)x[i * COLS + c] * (double)x[i * COLS + c];
                jj += (double)x[j * COLS + c] * (double)x[j * COLS + c];
            }
            if (ii > 0 && jj > 0) {
                sum += dot / sqrt(ii * jj);
                pairs++;
            }
        }
    const double ours = fi_mean_cosine(ROWS, COLS, x, arena);
    /* sums of 300 terms of size 1 in double, divided by 300^2 / 2 */
    cr_expect_float_eq(ours, sum / (double)pairs, 1e-13, "%.17g, naive %.17g", ours,
                       sum / (double)pairs);
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

/*
 * Normal samples with `wide` directions of variance 9 and the rest of 1, at a mean far from 0: the
 * rank is (9 w + n)^2 / (81 w + n). A squared product of two of the 128 rows has a relative
 * deviation near sqrt 2; the 8128 pairs share rows, so the mean's is near 2 / 128 from each of two
 * rows: .03 in all, and four of them are allowed; a covariance of half the trace fails by 4.
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
}
