/*
 * How a batch of samples lies in the space of a layer's units: the mean cosine of two samples, and
 * how many directions the batch spreads over.
 */
#include "representation.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "gemm.h"

#include <math.h>
#include <string.h>

enum {
    LANES = 16,
    TOGETHER = 4, /* rows added to the sums in one visit of these */
    PAIRED = 128  /* samples whose pairs the effective rank is estimated from */
};

/*
 * Below this share of the mean square, the variance is not what is left of it by subtraction: two
 * sums of a thousand rows, each off by 1e-13 at most, leave it to 1e-9.
 */
static const double least_share = 1e-4;

/* The sum of squares of n values, in lanes of double: the same bits on every instruction set. */
static FI_CLONES double squared_norm(size_t n, const fi_real *x)
{
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lanes[k] = fma((double)x[i + k], (double)x[i + k], lanes[k]);
    for (size_t k = 0; i < n; i++, k++)
        lanes[k] = fma((double)x[i], (double)x[i], lanes[k]);
    double sum = 0;
    for (size_t k = 0; k < LANES; k++)
        sum += lanes[k];
    return sum;
}

/* Sum of squares of doubles, in order. */
static double squares(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = fma(x[i], x[i], sum);
    return sum;
}

/* What all rows add up to. */
struct sums {
    double *direction; /* (cols): of the rows, each scaled to length 1 */
    double *mean;      /* (cols) */
    double directed;   /* rows that have a direction */
    double square;     /* mean squared length */
};

static inline void add_rows(size_t rows, size_t cols, const fi_real *restrict x,
                            const double *restrict inverse, double share,
                            double *restrict direction, double *restrict mean)
{
    for (size_t c = 0; c < cols; c++) {
        double d = direction[c], m = mean[c];
        for (size_t r = 0; r < rows; r++) {
            d = fma(inverse[r], (double)x[r * cols + c], d);
            m = fma(share, (double)x[r * cols + c], m);
        }
        direction[c] = d;
        mean[c] = m;
    }
}

/* direction += row times its inverse, mean += row times `share`; in the order of the rows. */
static FI_CLONES void add_to_sums(size_t rows, size_t cols, const fi_real *x, const double *inverse,
                                  double share, double *direction, double *mean)
{
    if (rows == TOGETHER) {
        add_rows(TOGETHER, cols, x, inverse, share, direction, mean);
        return;
    }
    for (size_t r = 0; r < rows; r++)
        add_rows(1, cols, x + r * cols, inverse + r, share, direction, mean);
}

/* Rows are added while they are in the cache where their lengths have put them. */
static void sum_rows(size_t rows, size_t cols, const fi_real *x, struct sums *sums)
{
    const double share = 1 / (double)rows;
    for (size_t r = 0; r < rows; r += TOGETHER) {
        const size_t count = rows - r < TOGETHER ? rows - r : TOGETHER;
        double inverse[TOGETHER];
        for (size_t k = 0; k < count; k++) {
            const double square = squared_norm(cols, x + (r + k) * cols);
            const double norm = sqrt(square);
            inverse[k] = norm == 0 ? 0 : 1 / norm;
            sums->directed += norm != 0;
            sums->square = fma(share, square, sums->square);
        }
        add_to_sums(count, cols, x + r * cols, inverse, share, sums->direction, sums->mean);
    }
}

/* The cosines of all pairs sum to (|sum of unit rows|^2 - rows) / 2. */
static double mean_cosine(size_t cols, const struct sums *sums)
{
    return sums->directed < 2 ? (double)NAN
                              : (squares(cols, sums->direction) - sums->directed) /
                                    (sums->directed * (sums->directed - 1));
}

/* out = (x - mean) scale */
static FI_CLONES void centre(size_t n, double scale, const fi_real *restrict x,
                             const double *restrict mean, fi_real *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (fi_real)(((double)x[i] - mean[i]) * scale);
}

/* sum += (x - from) scale */
static FI_CLONES void add_difference(size_t n, double scale, const fi_real *restrict x,
                                     const fi_real *restrict from, double *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = fma((double)x[i] - (double)from[i], scale, sum[i]);
}

/*
 * tr C of rows that are nearly one: the mean again, as the first row and the mean of the
 * differences from it, and the mean squared length of a centred row. Equal rows have exactly 0.
 */
static double trace_of_differences(size_t rows, size_t cols, const fi_real *x, double *mean,
                                   fi_real *row)
{
    memset(mean, 0, cols * sizeof *mean);
    for (size_t r = 1; r < rows; r++)
        add_difference(cols, 1 / (double)rows, x + r * cols, x, mean);
    for (size_t c = 0; c < cols; c++)
        mean[c] += (double)x[c];
    double trace = 0;
    for (size_t r = 0; r < rows; r++) {
        centre(cols, 1, x + r * cols, mean, row);
        trace += squared_norm(cols, row);
    }
    return trace / (double)rows;
}

/*
 * tr C is the mean squared length of a centred row, and tr C^2 the mean squared product of two,
 * over the pairs of the first rows. Rows are scaled by the root of tr C, so that nothing under- or
 * overflows.
 */
static double effective_rank(size_t rows, size_t cols, const fi_real *x, const struct sums *sums,
                             fi_arena *scratch)
{
    const size_t paired = rows < PAIRED ? rows : PAIRED;
    fi_real *centred = fi_arena_alloc(scratch, paired * cols, sizeof *centred);
    fi_real *gram = fi_arena_alloc(scratch, paired * paired, sizeof *gram);
    if (!centred || !gram || paired < 2)
        return (double)NAN;
    double trace = sums->square - squares(cols, sums->mean);
    if (!(trace > least_share * sums->square))
        trace = trace_of_differences(rows, cols, x, sums->mean, centred);
    if (!(trace > 0))
        return (double)NAN;
    for (size_t r = 0; r < paired; r++)
        centre(cols, 1 / sqrt(trace), x + r * cols, sums->mean, centred + r * cols);
    fi_gemm(FI_AS_IS, FI_TRANSPOSED, paired, paired, cols, centred, centred, 0, gram);
    double product = 0;
    for (size_t i = 1; i < paired; i++)
        product += squared_norm(i, gram + i * paired);
    return (double)paired * (double)(paired - 1) / 2 / product;
}

fi_representation fi_represent(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    struct sums sums = {.direction = fi_arena_zeros(scratch, cols, sizeof *sums.direction),
                        .mean = fi_arena_zeros(scratch, cols, sizeof *sums.mean)};
    if (!sums.direction || !sums.mean)
        return (fi_representation){(double)NAN, (double)NAN};
    sum_rows(rows, cols, x, &sums);
    return (fi_representation){.cosine = mean_cosine(cols, &sums),
                               .rank = effective_rank(rows, cols, x, &sums, scratch)};
}

double fi_mean_cosine(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    return fi_represent(rows, cols, x, scratch).cosine;
}

double fi_effective_rank(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    return fi_represent(rows, cols, x, scratch).rank;
}
