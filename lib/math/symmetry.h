/* Units that are copies of each other, for those that know some of them. */
#ifndef FI_MATH_SYMMETRY_H
#define FI_MATH_SYMMETRY_H

#include "../fanin.h"

/*
 * fi_distinct_columns of x (rows, cols) where the columns of zeros may be known: `nonzero` (cols),
 * if it is not NULL, is 0 for them, or some of them, and then for no other column.
 */
size_t fi_distinct_columns_knowing(size_t rows, size_t cols, const fi_real *x,
                                   const fi_real *nonzero, fi_arena *scratch);

#endif
