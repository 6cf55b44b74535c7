/*
 * Matrix products through CBLAS or, if the build asks for it, by the tiles of tile.c; and the QR
 * factorization of LAPACK that comes with CBLAS. What only OpenBLAS has is linked weakly, so that
 * another CBLAS will do.
 */
#include "gemm.h"
#include "../core/internal.h"
#include "tile.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
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

static int as_int(size_t size)
{
    FI_REQUIRE(size <= INT_MAX);
    return (int)size;
}

/* The distance between rows, which CBLAS wants positive even where there are none. */
static int stride_of(fi_transpose is, size_t rows, size_t cols)
{
    const int stride = as_int(is == FI_TRANSPOSED ? rows : cols);
    return stride ? stride : 1;
}

/* The kernel of our own products, NULL where CBLAS is to compute them. */
static const fi_tile_kernel *own_kernel(void)
{
#ifdef FI_GEMM_NATIVE
    return fi_tile_best();
#else
    return NULL;
#endif
}

/* Tells the sink of complete rows, a block at a time. */
static void give_rows(const fi_gemm_rows *sink, size_t m)
{
    for (size_t i = 0; i < m; i += FI_TILE_ROWS)
        sink->done(sink->context, i, m - i < FI_TILE_ROWS ? m - i : FI_TILE_ROWS);
}

/*
 * CBLAS packs b in each call: one call for all rows, which are told of afterwards, is 4 to 10 %
 * faster than one for each block of them.
 */
void fi_gemm_by_rows(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k,
                     const fi_real *a, const fi_real *b, fi_real beta, fi_real *c,
                     const fi_gemm_rows *sink)
{
    const fi_tile_kernel *own = own_kernel();
    if (own && fi_tile_gemm(own, a_is, b_is, m, n, k, a, b, beta, c, sink))
        return;
    if (m && n)
        GEMM(CblasRowMajor, a_is == FI_TRANSPOSED ? CblasTrans : CblasNoTrans,
             b_is == FI_TRANSPOSED ? CblasTrans : CblasNoTrans, as_int(m), as_int(n), as_int(k), 1,
             a, stride_of(a_is, m, k), b, stride_of(b_is, k, n), beta, c, as_int(n));
    if (sink)
        give_rows(sink, m);
}

void fi_gemm(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k, const fi_real *a,
             const fi_real *b, fi_real beta, fi_real *c)
{
    fi_gemm_by_rows(a_is, b_is, m, n, k, a, b, beta, c, NULL);
}

/*
 * Q of a = Q R, a column-major (rows, cols) with rows >= cols, with the signs that make R's
 * diagonal positive: Haar-distributed if a's entries are independent normals (Mezzadri 2007).
 * `work` has cols * (work_columns + 2) elements.
 */
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
    FI_REQUIRE(info == 0);
    for (size_t j = 0; j < cols; j++)
        sign[j] = copysign(1, a[j * rows + j]);
    dorgqr_(&m, &n, &n, a, &m, tau, work, &work_size, &info);
    FI_REQUIRE(info == 0);
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i < rows; i++)
            a[j * rows + i] *= sign[j];
}

/*
 * Orthonormal columns if rows >= cols, else orthonormal rows. In double whatever fi_real is, so
 * that rounding the result is the only error in it. LAPACK sees columns where w has rows: a wide w
 * is the tall matrix in place, a tall one is transposed on the way in and out.
 */
fi_status fi_orthonormalize(size_t rows, size_t cols, fi_real *w, fi_arena *scratch)
{
    enum {
        WORK_COLUMNS = 64 /* LAPACK's blocks are at most that wide */
    };
    const bool tall = rows >= cols;
    const size_t longer = tall ? rows : cols;
    const size_t shorter = tall ? cols : rows;
    if (shorter == 0)
        return FI_OK;
    const size_t row_step = tall ? 1 : longer;
    const size_t col_step = tall ? longer : 1;
    const size_t count = shorter * (longer + WORK_COLUMNS + 2);
    double *a = fi_arena_alloc(scratch, count, sizeof *a);
    if (!a)
        return fi_fail_memory(count * sizeof *a, "an orthogonal matrix");
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            a[i * row_step + j * col_step] = (double)w[i * cols + j];
    orthonormal_factor(longer, shorter, a, a + longer * shorter, WORK_COLUMNS);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            w[i * cols + j] = (fi_real)a[i * row_step + j * col_step];
    return FI_OK;
}

const char *fi_blas_name(void)
{
    static _Thread_local char name[64];
    if (own_kernel())
        return "fanin";
    if (!openblas_get_config)
        return "CBLAS";
    /* "OpenBLAS 0.3.21 DYNAMIC_ARCH ...": the first two words. */
    const char *config = openblas_get_config();
    size_t length = strcspn(config, " ");
    length += config[length] ? 1 + strcspn(config + length + 1, " ") : 0;
    length = length < sizeof name ? length : sizeof name - 1;
    memcpy(name, config, length);
    name[length] = '\0';
    return name;
}

const char *fi_blas_kernel(void)
{
    if (own_kernel())
        return "fma";
    return openblas_get_corename ? openblas_get_corename() : "unknown";
}

void fi_blas_single_thread(void)
{
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    if (blas_thread_shutdown_)
        (void)blas_thread_shutdown_(); /* its idle threads would spin for the first 60 ms */
}
