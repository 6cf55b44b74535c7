/* CBLAS and LAPACK. What only OpenBLAS has is linked weakly, so that another CBLAS will do. */
#include "blas.h"
#include "../core/internal.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef OPENBLAS_VERSION
char *openblas_get_config(void);
char *openblas_get_corename(void);
void openblas_set_num_threads(int threads);
#endif
int blas_thread_shutdown_(void);
#pragma weak openblas_get_config
#pragma weak openblas_get_corename
#pragma weak openblas_set_num_threads
#pragma weak blas_thread_shutdown_

#ifdef FI_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

/* LAPACK: the factors of a (rows, cols), column-major; then its first `cols` columns of Q. */
extern void dgeqrf_(const int *rows, const int *cols, double *a, const int *stride, double *tau,
                    double *work, const int *work_size, int *info);
extern void dorgqr_(const int *rows, const int *cols, const int *reflectors, double *a,
                    const int *stride, const double *tau, double *work, const int *work_size,
                    int *info);

/* LAPACK: eigenvalues, rising, and eigenvectors of a symmetric matrix; lengths of the strings. */
extern void dsyevd_(const char *job, const char *triangle, const int *n, double *a,
                    const int *stride, double *values, double *work, const int *work_size,
                    int *integers, const int *integers_size, int *info, size_t job_length,
                    size_t triangle_length);

/* This library has nothing of libfanin in it: a condition that does not hold ends the program. */
static void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fanin: %s\n", what);
    abort();
}

static int as_int(size_t size)
{
    require(size <= INT_MAX, "a matrix has more rows or columns than CBLAS can count");
    return (int)size;
}

/* The distance between rows, which CBLAS wants positive even where there are none. */
static int stride_of(fi_transpose is, size_t rows, size_t cols)
{
    const int stride = as_int(is == FI_TRANSPOSED ? rows : cols);
    return stride ? stride : 1;
}

static void gemm(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k,
                 const fi_real *a, const fi_real *b, fi_real beta, fi_real *c)
{
    GEMM(CblasRowMajor, a_is == FI_TRANSPOSED ? CblasTrans : CblasNoTrans,
         b_is == FI_TRANSPOSED ? CblasTrans : CblasNoTrans, as_int(m), as_int(n), as_int(k), 1, a,
         stride_of(a_is, m, k), b, stride_of(b_is, k, n), beta, c, as_int(n));
}

static void add_square(size_t rows, size_t cols, double scale, const double *x, double *c)
{
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, as_int(cols), as_int(rows), scale, x,
                as_int(cols), 1, c, as_int(cols));
}

/* Haar-distributed if a's entries are independent normals (Mezzadri 2007). */
static void orthonormal_factor(size_t rows, size_t cols, double *a, double *work,
                               size_t work_columns)
{
    const int m = as_int(rows);
    const int n = as_int(cols);
    const int work_size = as_int(cols * work_columns);
    double *tau = work + cols * work_columns;
    double *sign = tau + cols;
    int info = 0;
    dgeqrf_(&m, &n, a, &m, tau, work, &work_size, &info);
    require(info == 0, "dgeqrf of LAPACK refuses its arguments");
    for (size_t j = 0; j < cols; j++)
        sign[j] = copysign(1, a[j * rows + j]);
    dorgqr_(&m, &n, &n, a, &m, tau, work, &work_size, &info);
    require(info == 0, "dorgqr of LAPACK refuses its arguments");
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i < rows; i++)
            a[j * rows + i] *= sign[j];
}

/* LAPACK sees columns where the rows of `a` are: the upper triangle is its lower one. */
static bool eigenvectors(size_t cols, double *values, double *a, double *work, int *integers)
{
    const int n = as_int(cols);
    const int work_size = as_int(fi_eigen_work(cols));
    const int integers_size = as_int(fi_eigen_integers(cols));
    int info = 0;
    dsyevd_("V", "L", &n, a, &n, values, work, &work_size, integers, &integers_size, &info, 1, 1);
    return info == 0;
}

static const char *name(void)
{
    static _Thread_local char text[64];
    if (!openblas_get_config)
        return "CBLAS";
    /* "OpenBLAS 0.3.21 DYNAMIC_ARCH ...": the first two words. */
    const char *config = openblas_get_config();
    size_t length = strcspn(config, " ");
    length += config[length] ? 1 + strcspn(config + length + 1, " ") : 0;
    length = length < sizeof text ? length : sizeof text - 1;
    memcpy(text, config, length);
    text[length] = '\0';
    return text;
}

static const char *kernel(void)
{
    return openblas_get_corename ? openblas_get_corename() : "unknown";
}

static void single_thread(void)
{
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    if (blas_thread_shutdown_)
        (void)blas_thread_shutdown_(); /* its idle threads would spin for the first 60 ms */
}

const fi_blas fi_blas_functions = {.gemm = gemm,
                                   .add_square = add_square,
                                   .orthonormal_factor = orthonormal_factor,
                                   .eigenvectors = eigenvectors,
                                   .name = name,
                                   .kernel = kernel,
                                   .single_thread = single_thread};
