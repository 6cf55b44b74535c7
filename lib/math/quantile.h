/*
 * The normal quantile of a 32-bit draw, z(x) = Phi^-1((x + 1/2) / 2^32), one value at a time: the
 * plain form of the vector loop in draw_kernel.c, which gives the same bits.
 *
 * With t = min(x, ~x) the probability of the nearer tail is v / 2^33, v = 2 t + 1. Segment e holds
 * the v of [2^e, 2^(e+1)), in which |z| is a polynomial in s = 2 - v / 2^e, 0 < s <= 1. So s counts
 * from the end nearer the median, and in the last segment, where z(s = 0) = 0, small z keep their
 * relative accuracy. z(~x) = -z(x) exactly.
 *
 * The polynomials (quantile.def, fitted by quantile.py) are minimax of degree 8, within 1.2e-8
 * before their coefficients are rounded. The largest error measured is 1.4e-7 for |z| < 2 and one
 * unit in the last place beyond, up to the largest |z|, 6.34.
 */
#ifndef FI_MATH_QUANTILE_H
#define FI_MATH_QUANTILE_H

#include "../fanin.h"

#include <math.h>

enum {
    FI_QUANTILE_DEGREE = 8,
    FI_QUANTILE_SEGMENTS = 32
};

/* [k][e]: the coefficient of s^k in segment e. */
static const float fi_quantile_coefficients[FI_QUANTILE_DEGREE + 1][FI_QUANTILE_SEGMENTS] = {
#include "quantile.def"
};

static inline float fi_quantile(uint32_t x)
{
    const uint32_t t = x < ~x ? x : ~x;
    const uint32_t e = t ? 32 - (uint32_t)__builtin_clz(t) : 0;
    const uint32_t from_end = (2U << e) - (2 * t + 1); /* 2^32 wraps to 0, and back */
    const float s = (float)from_end / (float)(1U << e);
    float z = fi_quantile_coefficients[FI_QUANTILE_DEGREE][e];
    for (int k = FI_QUANTILE_DEGREE - 1; k >= 0; k--)
        z = fmaf(z, s, fi_quantile_coefficients[k][e]);
    return copysignf(z, (float)(int32_t)(x ^ UINT32_C(0x80000000)));
}

#endif
