/*
 * How a batch of samples lies in the space of a layer's units: the mean cosine of two samples, and
 * how many directions the batch spreads over.
 */
#include "../core/arena.h"
#include "../core/internal.h"
#include "gemm.h"

#include <math.h>

enum {
    LANES = 16,
    PAIRED = 128 /* samples whose pairs the effective rank is estimated from */
};

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

/* sum += scale x */
static FI_CLONES void add_scaled(size_t n, double scale, const fi_real *restrict x,
                                 double *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = fma(scale, (double)x[i], sum[i]);
}

/* Sum of squares of doubles, in order. */
static double squares(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = fma(x[i], x[i], sum);
    return sum;
}

/* The cosines of all pairs sum to (|sum of unit rows|^2 - rows) / 2. */
double fi_mean_cosine(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    double *sum = fi_arena_zeros(scratch, cols, sizeof *sum);
    if (!sum)
        return (double)NAN;
    double directed = 0; /* rows that have a direction */
    for (size_t r = 0; r < rows; r++) {
        const double norm = sqrt(squared_norm(cols, x + r * cols));
        if (norm == 0)
            continue;
        add_scaled(cols, 1 / norm, x + r * cols, sum);
        directed++;
    }
    return directed < 2 ? (double)NAN
                        : (squares(cols, sum) - directed) / (directed * (directed - 1));
}

/* out = (x - mean) / scale */
static FI_CLONES void centre(size_t n, double scale, const fi_real *restrict x,
                             const double *restrict mean, fi_real *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (fi_real)(((double)x[i] - mean[i]) / scale);
}

/*
 * tr C is the mean squared length of a centred row, and tr C^2 the mean squared product of two,
 * over the pairs of the first rows. Rows are scaled by the root of tr C, so that nothing under- or
 * overflows.
 */
double fi_effective_rank(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    const size_t paired = rows < PAIRED ? rows : PAIRED;
    double *mean = fi_arena_zeros(scratch, cols, sizeof *mean);
    fi_real *centred = fi_arena_alloc(scratch, paired * cols, sizeof *centred);
    fi_real *gram = fi_arena_alloc(scratch, paired * paired, sizeof *gram);
    if (!mean || !centred || !gram || paired < 2)
        return (double)NAN;
    for (size_t r = 0; r < rows; r++)
        add_scaled(cols, 1 / (double)rows, x + r * cols, mean);
    double trace = 0;
    for (size_t r = 0; r < rows; r++) {
        centre(cols, 1, x + r * cols, mean, centred);
        trace += squared_norm(cols, centred);
    }
    trace /= (double)rows;
    if (!(trace > 0))
        return (double)NAN;
    for (size_t r = 0; r < paired; r++)
        centre(cols, sqrt(trace), x + r * cols, mean, centred + r * cols);
    fi_gemm(FI_AS_IS, FI_TRANSPOSED, paired, paired, cols, centred, centred, 0, gram);
    double product = 0;
    for (size_t i = 0; i < paired; i++)
        for (size_t j = 0; j < i; j++)
            product += (double)gram[i * paired + j] * (double)gram[i * paired + j];
    return (double)paired * (double)(paired - 1) / 2 / product;
}
