/* Matrix products, single-threaded: the library's own or those of CBLAS. */
#ifndef FI_MATH_GEMM_H
#define FI_MATH_GEMM_H

#include "../fanin.h"

typedef enum fi_transpose {
    FI_AS_IS,
    FI_TRANSPOSED
} fi_transpose;

/* c (m, n) = op(a) (m, k) times op(b) (k, n) + beta c; all row-major and dense. */
void fi_gemm(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k, const fi_real *a,
             const fi_real *b, fi_real beta, fi_real *c);

/*
 * Is told that rows [first, first + rows) of c are complete: in order, each row once, as soon as
 * they are, so that they are still in the cache. The blocks depend on the shapes alone. `done` may
 * change the rows it is given; it must not multiply.
 */
typedef struct fi_gemm_rows {
    void (*done)(void *context, size_t first, size_t rows);
    void *context;
} fi_gemm_rows;

/* fi_gemm, and each block of rows is given to the sink, if there is one. */
void fi_gemm_by_rows(fi_transpose a_is, fi_transpose b_is, size_t m, size_t n, size_t k,
                     const fi_real *a, const fi_real *b, fi_real beta, fi_real *c,
                     const fi_gemm_rows *sink);

/* Replaces w (rows, cols) of independent normals by its orthonormal factor; see the .c. Fails with
 * FI_ENOMEM, or FI_EIO without a LAPACK. */
fi_status fi_orthonormalize(size_t rows, size_t cols, fi_real *w, fi_arena *scratch);

/*
 * The library and what decides on the bits of its products: the kernel it picked for this processor
 * ("OpenBLAS 0.3.21", "Zen"), or "fma": one chain for each element, by whatever kernel ("fanin").
 */
const char *fi_blas_name(void);
const char *fi_blas_kernel(void);

/* Loads the CBLAS if products need it, lest the first of them end the program: FI_EIO. */
FI_CHECKED fi_status fi_gemm_ready(void);

#endif
