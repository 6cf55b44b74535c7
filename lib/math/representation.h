/* How a batch of samples lies in the space of a layer's units: both measures in one visit. */
#ifndef FI_MATH_REPRESENTATION_H
#define FI_MATH_REPRESENTATION_H

#include "../fanin.h"

/* fi_mean_cosine and fi_effective_rank of x (rows, cols). */
typedef struct fi_representation {
    double cosine, rank;
} fi_representation;
fi_representation fi_represent(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch);

#endif
