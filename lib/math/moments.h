/* Mean and variance alone, at a third of the cost of all moments. */
#ifndef FI_MATH_MOMENTS_H
#define FI_MATH_MOMENTS_H

#include "../fanin.h"

/*
 * As fi_moments_add, and as accurate, but for count, mean and m2 only: what else *moments holds is
 * left as it is. The bits depend on how the values are cut into calls. A NaN or an infinity passes
 * into both.
 */
void fi_spread_add(fi_moments *moments, size_t n, const fi_real *x);

#endif
