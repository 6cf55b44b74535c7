/* Matrix products, single-threaded, through CBLAS. */
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

/* Replaces w (rows, cols) of independent normals by its orthonormal factor; see the .c. */
fi_status fi_orthonormalize(size_t rows, size_t cols, fi_real *w, fi_arena *scratch);

/* The library and the kernel it picked for this processor ("OpenBLAS 0.3.21", "Zen"). */
const char *fi_blas_name(void);
const char *fi_blas_kernel(void);

/* Calls inside one thread stay inside it; called once before any product. */
void fi_blas_single_thread(void);

#endif
