/* Matrix products by the tiles of tile.c or, if the build asks for it, of CBLAS. */
#include "gemm.h"
#include "../core/internal.h"
#include "blas.h"
#include "tile.h"

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
    const fi_blas *blas = NULL;
    FI_REQUIRE(fi_blas_find(&blas) == FI_OK);
    if (m && n)
        blas->gemm(a_is, b_is, m, n, k, a, b, beta, c);
    if (sink)
        give_rows(sink, m);
}

void fi_gemm(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k, const fi_real *a,
             const fi_real *b, fi_real beta, fi_real *c)
{
    fi_gemm_by_rows(a_is, b_is, m, n, k, a, b, beta, c, NULL);
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
    const fi_blas *blas = NULL;
    FI_TRY(fi_blas_find(&blas));
    double *a = fi_arena_alloc(scratch, count, sizeof *a);
    if (!a)
        return fi_fail_memory(count * sizeof *a, "an orthogonal matrix");
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            a[i * row_step + j * col_step] = (double)w[i * cols + j];
    blas->orthonormal_factor(longer, shorter, a, a + longer * shorter, WORK_COLUMNS);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            w[i * cols + j] = (fi_real)a[i * row_step + j * col_step];
    return FI_OK;
}

fi_status fi_gemm_ready(void)
{
    const fi_blas *blas = NULL;
    return own_kernel() ? FI_OK : fi_blas_find(&blas);
}

const char *fi_blas_name(void)
{
    const fi_blas *blas = NULL;
    if (own_kernel())
        return "fanin";
    return fi_blas_find(&blas) == FI_OK ? blas->name() : "none";
}

const char *fi_blas_kernel(void)
{
    const fi_blas *blas = NULL;
    if (own_kernel())
        return "fma";
    return fi_blas_find(&blas) == FI_OK ? blas->kernel() : "none";
}
