/*
 * What is asked of a CBLAS and the LAPACK that comes with it. Most studies ask nothing, and
 * OpenBLAS would add 2 ms to each start: blas.c is a shared library by itself, libfanin-blas, which
 * is loaded when something is asked.
 */
#ifndef FI_MATH_BLAS_H
#define FI_MATH_BLAS_H

#include "gemm.h"

typedef struct fi_blas {
    /* As fi_gemm. */
    void (*gemm)(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k,
                 const fi_real *a, const fi_real *b, fi_real beta, fi_real *c);
    /* The upper triangle (of rows) of c (cols, cols) += scale x' x, of x (rows, cols). */
    void (*add_square)(size_t rows, size_t cols, double scale, const double *x, double *c);
    /*
     * Q of a = Q R, a column-major (rows, cols) with rows >= cols, with the signs that make R's
     * diagonal positive. `work` has cols * (work_columns + 2) elements.
     */
    void (*orthonormal_factor)(size_t rows, size_t cols, double *a, double *work,
                               size_t work_columns);
    /*
     * Of the symmetric matrix in the upper triangle (of rows) of a (cols, cols) the eigenvalues,
     * rising, and in the rows of a the eigenvectors; false if they cannot be found. `work` has
     * fi_eigen_work(cols) elements, `integers` fi_eigen_integers(cols).
     */
    bool (*eigenvectors)(size_t cols, double *values, double *a, double *work, int *integers);
    const char *(*name)(void);   /* "OpenBLAS 0.3.21"; "CBLAS" of others */
    const char *(*kernel)(void); /* "Zen", or "unknown" */
    void (*single_thread)(void); /* calls stay inside the thread that calls */
} fi_blas;

static inline size_t fi_eigen_work(size_t cols)
{
    return 1 + 6 * cols + 2 * cols * cols;
}

static inline size_t fi_eigen_integers(size_t cols)
{
    return 3 + 5 * cols;
}

/* Loads it, single-threaded, unless it is there already. Fails with FI_EIO. */
FI_CHECKED fi_status fi_blas_find(const fi_blas **blas);

/* What libfanin-blas is looked up for; weak, as archives may have it in them. */
extern FI_API const fi_blas fi_blas_functions __attribute__((weak));

#endif
