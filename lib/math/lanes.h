/* Sums held in lanes, added up in pairs: in one order, whatever the instruction set. */
#ifndef FI_MATH_LANES_H
#define FI_MATH_LANES_H

#include "../fanin.h"

/* Adds the upper half of 2 * half lanes to the lower. */
static inline void fi_add_halves(size_t half, fi_real *lanes)
{
    for (size_t l = 0; l < half; l++)
        lanes[l] += lanes[l + half];
}

/* The sum of eight. */
static inline double fi_sum_of_eight(const double *lanes)
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

#endif
