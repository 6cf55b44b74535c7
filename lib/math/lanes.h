/* Sums held in lanes, added up in pairs: in one order, whatever the instruction set. */
#ifndef FI_MATH_LANES_H
#define FI_MATH_LANES_H

#include "../fanin.h"

#include <string.h>

enum {
    FI_FINAL_LANES = 8 /* of doubles, which the others are added to */
};

/* Vectors of the compiler's: of a loop over so few lanes it makes scalars. */
typedef fi_real fi_eight __attribute__((vector_size(8 * sizeof(fi_real))));
typedef double fi_eight_doubles __attribute__((vector_size(8 * sizeof(double))));

/* Adds the upper half of 2 * half vectors to the lower. */
static inline __attribute__((always_inline)) void fi_add_upper(size_t half, fi_eight *lanes)
{
#pragma GCC unroll 8
    for (size_t k = 0; k < half; k++)
        lanes[k] += lanes[k + half];
}

/*
 * total (FINAL_LANES) += the lanes, 2 to 16 times 8 and a power of two, a constant, added up in
 * halves; the first of which from memory, one vector at a time, as of a copy they would stay there.
 */
static inline __attribute__((always_inline)) void fi_widen(size_t lanes, const fi_real *from,
                                                           double *total)
{
    fi_eight sum[8];
    fi_eight_doubles wide;
#pragma GCC unroll 8
    for (size_t k = 0; k < lanes / 16; k++) {
        fi_eight upper;
        memcpy(&sum[k], from + 8 * k, sizeof upper);
        memcpy(&upper, from + 8 * k + lanes / 2, sizeof upper);
        sum[k] += upper;
    }
    if (lanes == 128) /* spelled out, as compilers unroll no loop of halvings */
        fi_add_upper(4, sum);
    if (lanes >= 64)
        fi_add_upper(2, sum);
    if (lanes >= 32)
        fi_add_upper(1, sum);
    memcpy(&wide, total, sizeof wide);
    wide += __builtin_convertvector(sum[0], fi_eight_doubles);
    memcpy(total, &wide, sizeof wide);
}

/* The sum of eight. */
static inline double fi_sum_of_eight(const double *lanes)
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

#endif
