/* How a batch of samples lies in the space of a layer's units: both measures in one visit. */
#ifndef FI_MATH_REPRESENTATION_H
#define FI_MATH_REPRESENTATION_H

#include "row_sums.h"

/* fi_mean_cosine and fi_effective_rank of x (rows, cols). */
typedef struct fi_representation {
    double cosine, rank;
} fi_representation;
fi_representation fi_represent(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch);

/* What the rows so far add up to; the arena owns the arrays. */
typedef struct fi_row_sums {
    size_t rows, cols;
    double *direction, *sum; /* (cols): of the rows scaled to length 1, and as they are */
    double square, unit;     /* of the squared lengths of the same */
    double directed;         /* rows that have a direction */
    fi_real *waiting;        /* (FI_ROWS_TOGETHER, cols): rows that are not yet so many */
} fi_row_sums;

/*
 * fi_represent as the rows come: begin, add all of x in order, and finish while all of x is still
 * there. The bits do not depend on how the rows are cut into calls; multiples of FI_ROWS_TOGETHER
 * are fastest. Begin is false if memory is refused. The cosine is right to 1e-9 or, where that is
 * more, 1e-6 of it; the rank to 1e-6 but for the product of the pairs in fi_real.
 */
FI_CHECKED bool fi_represent_begin(fi_row_sums *sums, size_t cols, fi_arena *scratch);
void fi_represent_add(fi_row_sums *sums, size_t rows, const fi_real *x);
fi_representation fi_represent_finish(fi_row_sums *sums, const fi_real *x, fi_arena *scratch);

#endif
