/*
 * Sums over FI_ROWS_TOGETHER rows of fi_real at once, for representation.c: the same bits on every
 * instruction set.
 */
#ifndef FI_MATH_ROW_SUMS_H
#define FI_MATH_ROW_SUMS_H

#include "../fanin.h"

enum {
    FI_ROWS_TOGETHER = 8, /* rows added up before they go into doubles */
    FI_ROW_LANES = 32,    /* of a sum of squares; */
    FI_ROW_CHAIN = 16     /* so many are added up in each before they go into doubles */
};

typedef struct fi_row_kernel {
    const char *name;
    /* square (FI_ROWS_TOGETHER): the squared lengths of the rows of x (FI_ROWS_TOGETHER, cols). */
    void (*squares)(size_t cols, const fi_real *x, double *square);
    /* sum (cols) += the sum of the rows; direction += that of inverse[r] row r. */
    void (*add)(size_t cols, const fi_real *restrict x, const fi_real *restrict inverse,
                double *restrict direction, double *restrict sum);
} fi_row_kernel;

extern const fi_row_kernel fi_rows_portable;
#if defined(__x86_64__) && !defined(FI_DOUBLE)
extern const fi_row_kernel fi_rows_avx2, fi_rows_avx512;
void fi_row_squares_avx2(size_t cols, const float *x, double *square);
#endif

/* The kernels that this processor can run, the fastest first; NULL beyond the last. */
const fi_row_kernel *fi_row_choice(size_t k);

#endif
