/*
 * Principal axes: the eigenvectors of the samples' covariance, by the divide and conquer of LAPACK.
 * In double whatever fi_real is: whitening divides by the roots of the smallest eigenvalues, which
 * rounding to float would bury.
 */
#include "principal.h"
#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/blas.h"

#include <math.h>

#define AT_ONCE ((size_t)256) /* rows of a product */

FI_CLONES static void centre(size_t rows, size_t cols, const fi_real *restrict x,
                             const double *restrict mean, double *restrict out)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            out[i * cols + j] = (double)x[i * cols + j] - mean[j];
}

/* The upper triangle (of rows) of the covariance, added to the zeros of c (cols, cols). */
static void add_covariance(const fi_blas *blas, size_t rows, size_t cols, const fi_real *x,
                           const double *mean, double *block, double *c)
{
    for (size_t first = 0; first < rows; first += AT_ONCE) {
        const size_t n = rows - first < AT_ONCE ? rows - first : AT_ONCE;
        centre(n, cols, x + first * cols, mean, block);
        blas->add_square(n, cols, 1 / (double)rows, block, c);
    }
}

/* Reverses the order of the values and of the rows of `axes`: largest first. */
static void reverse(size_t cols, double *values, double *axes)
{
    for (size_t low = 0, high = cols - 1; low < high; low++, high--) {
        const double value = values[low];
        values[low] = values[high];
        values[high] = value;
        for (size_t j = 0; j < cols; j++) {
            const double entry = axes[low * cols + j];
            axes[low * cols + j] = axes[high * cols + j];
            axes[high * cols + j] = entry;
        }
    }
}

/* An eigenvector's sign is free: the first of its largest entries becomes positive. */
static void fix_sign(size_t cols, double *axis)
{
    size_t largest = 0;
    for (size_t j = 1; j < cols; j++)
        if (fabs(axis[j]) > fabs(axis[largest]))
            largest = j;
    if (axis[largest] < 0)
        for (size_t j = 0; j < cols; j++)
            axis[j] = -axis[j];
}

static fi_status find_eigenvectors(const fi_blas *blas, size_t cols, double *values, double *axes,
                                   fi_arena *scratch)
{
    const size_t work_size = fi_eigen_work(cols);
    double *work = fi_arena_alloc(scratch, work_size, sizeof *work);
    int *integers = fi_arena_alloc(scratch, fi_eigen_integers(cols), sizeof *integers);
    if (!work || !integers)
        return fi_fail_memory(work_size * sizeof *work, "the eigenvectors of a covariance");
    if (!blas->eigenvectors(cols, values, axes, work, integers))
        return fi_fail(FI_EDATA,
                       "the eigenvalues of the covariance of %zu values cannot be found; is the "
                       "scale of the data extreme?",
                       cols);
    return FI_OK;
}

fi_status fi_principal_axes(size_t rows, size_t cols, const fi_real *x, const double *mean,
                            double *variances, double *axes, fi_arena *scratch)
{
    FI_REQUIRE(rows > 0 && cols > 0 && cols <= FI_MOST_AXES);
    const fi_blas *blas = NULL;
    FI_TRY(fi_blas_find(&blas));
    const fi_arena_mark mark = fi_arena_now(scratch);
    double *block = fi_arena_alloc(scratch, AT_ONCE * cols, sizeof *block);
    if (!block)
        return fi_fail_memory(AT_ONCE * cols * sizeof *block, "centred samples");
    for (size_t k = 0; k < cols * cols; k++)
        axes[k] = 0;
    add_covariance(blas, rows, cols, x, mean, block, axes);
    double trace = 0;
    for (size_t j = 0; j < cols; j++)
        trace += axes[j * cols + j];
    if (!isfinite(trace))
        return fi_fail(FI_EDATA, "the variance of the samples is not finite; scale them first");
    FI_TRY(find_eigenvectors(blas, cols, variances, axes, scratch));
    reverse(cols, variances, axes);
    for (size_t k = 0; k < cols; k++) {
        variances[k] = fmax(variances[k], 0); /* a 0 may come out as -1e-17 */
        fix_sign(cols, axes + k * cols);
    }
    fi_arena_release(scratch, mark);
    return FI_OK;
}
