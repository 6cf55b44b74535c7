/*
 * Elementary functions, type-generic as in tgmath.h: fi_exp(x) is of the type of x. For float they
 * are written so that a loop over them becomes vector code: a range reduction and a polynomial, no
 * branch, no table, no call, every rounding spelled out, so that a value does not depend on where
 * it stands in an array or on the instruction set. For double they are the C library's.
 *
 * The coefficients are minimax fits (Remez) of the relative error, rounded to float; each comment
 * gives the interval, the degree and the error of the fit before rounding. A NaN passes through.
 */
#ifndef FI_MATH_ELEMENTARY_H
#define FI_MATH_ELEMENTARY_H

#include "../fanin.h"

#include <math.h>

#if defined(__x86_64__) && !defined(FI_DOUBLE)
/* a = fi_tanh z for the first n values but those after the last whole strip; how many they are.
 * Where the processor has the instructions. */
size_t fi_tanh_strips_avx2(size_t n, const float *z, float *a);
size_t fi_tanh_strips_avx512(size_t n, const float *z, float *a);
#endif

/* e^x = 2^power (1 + fraction). */
struct fi_reduced {
    float fraction;
    int32_t power;
};

static inline int32_t fi_float_bits(float x)
{
    union {
        float value;
        int32_t bits;
    } u = {.value = x};
    return u.bits;
}

static inline float fi_float_of(uint32_t bits)
{
    union {
        uint32_t bits;
        float value;
    } u = {.bits = bits};
    return u.value;
}

/* 2^k for -127 < k < 128. */
static inline float fi_power_of_two(int32_t k)
{
    return fi_float_of((uint32_t)(k + 127) << 23);
}

/*
 * x = power ln 2 + r, |r| <= ln 2 / 2, and fraction = e^r - 1. Adding 1.5 * 2^23 rounds to an
 * integer and leaves it in the low bits; ln 2 is the sum of two floats.
 * (e^r - 1 - r) / r^2: |r| <= .347, degree 4, error of e^r - 1 below 2^-26.1.
 */
static inline struct fi_reduced fi_exp_reduce(float x)
{
    const float shift = 12582912.0f;
    const float shifted = fmaf(x, 1.44269504f, shift);
    const float power = shifted - shift;
    const float r = fmaf(power, 1.90465421e-9f, fmaf(power, -0.693147182f, x));
    float p = 1.388248056e-3f;
    p = fmaf(p, r, 8.366581053e-3f);
    p = fmaf(p, r, 4.166720062e-2f);
    p = fmaf(p, r, 1.666654348e-1f);
    p = fmaf(p, r, 4.999999702e-1f);
    return (struct fi_reduced){.fraction = fmaf(r * r, p, r),
                               .power = fi_float_bits(shifted) - fi_float_bits(shift)};
}

/* e^x where neither it nor its inverse is near overflow: |x| <= 87. */
static inline float fi_exp_moderate(float x)
{
    const struct fi_reduced e = fi_exp_reduce(x);
    const float scale = fi_power_of_two(e.power);
    return fmaf(scale, e.fraction, scale);
}

/* e^x for x <= 88; the power of two is applied in halves, so that the result may be denormal. */
static inline float fi_expf(float x)
{
    const struct fi_reduced e = fi_exp_reduce(x < -104.0f ? -104.0f : x);
    const int32_t half = e.power >> 1;
    return (1.0f + e.fraction) * fi_power_of_two(half) * fi_power_of_two(e.power - half);
}

/* e^x - 1 for x <= 87. */
static inline float fi_expm1f(float x)
{
    const struct fi_reduced e = fi_exp_reduce(x < -20.0f ? -20.0f : x);
    const float scale = fi_power_of_two(e.power);
    return fmaf(scale, e.fraction, scale - 1.0f);
}

/*
 * ln(1 + u) for 0 <= u <= 1.
 * (ln(1 + u) - u) / u^2: degree 8, error of ln(1 + u) below 2^-27.5.
 */
static inline float fi_log1pf(float u)
{
    float p = -3.318501171e-3f;
    p = fmaf(p, u, 2.020472474e-2f);
    p = fmaf(p, u, -5.766472593e-2f);
    p = fmaf(p, u, 1.068058684e-1f);
    p = fmaf(p, u, -1.535541564e-1f);
    p = fmaf(p, u, 1.969540864e-1f);
    p = fmaf(p, u, -2.495858967e-1f);
    p = fmaf(p, u, 3.333051205e-1f);
    p = fmaf(p, u, -4.999993145e-1f);
    return fmaf(u * u, p, u);
}

/*
 * |x| = k ln 2 / 2 + h, t = tanh h: tanh |x| is (2^k - 1 + (2^k + 1) t) / (2^k + 1 + (2^k - 1) t).
 * d is half the denominator, and d - 1 + t half the numerator, so that the rounding of d cancels
 * where both are large; for k = 0 the quotient is t. Adding 1.5 * 2^21 rounds 2 |x| / ln 2 to
 * quarters; without the two lowest bits it is k, and -.044 <= h <= .3035. From 9.02 on it is 1.
 * (tanh h / h - 1) / h^2 in h^2: |h| <= .3035, degree 2, error of tanh below 2^-26.1.
 */
static inline float fi_tanhf(float x)
{
    const float size = fabsf(x), shift = 3145728.0f;
    const uint32_t shifted = (uint32_t)fi_float_bits(fmaf(size, 2.88539008f, shift)) & ~3u;
    const float k = fi_float_of(shifted) - shift;
    const float h = fmaf(k, -0.346573591f, size), square = h * h;
    float p = -5.028719828e-2f;
    p = fmaf(p, square, 1.331400126e-1f);
    p = fmaf(p, square, -3.333304226e-1f);
    const float t = fmaf(h * square, p, h);
    const float scale = fi_float_of((shifted << 21) + (126u << 23)); /* 2^(k - 1) */
    const float d = fmaf(scale - 0.5f, t, scale + 0.5f);
    const float quotient = ((d - 1.0f) + t) / d;
    const uint32_t sign = (uint32_t)fi_float_bits(x) & 0x80000000u;
    return fi_float_of((uint32_t)fi_float_bits(size > 9.02f ? 1.0f : quotient) | sign);
}

/*
 * An odd polynomial below .85, then 1 - erfc, which vanishes from 3.92 on.
 * erf x / x - 1 in x^2: |x| <= .85, degree 5, error of erf below 2^-27.2;
 * -ln erfc x: .85 <= x <= 4, degree 6, error of erf below 2^-28.9.
 */
static inline float fi_erff(float x)
{
    const float size = fabsf(x), square = x * x;
    float p = -6.315141800e-4f;
    p = fmaf(p, square, 5.051097367e-3f);
    p = fmaf(p, square, -2.680254914e-2f);
    p = fmaf(p, square, 1.128271744e-1f);
    p = fmaf(p, square, -3.761257231e-1f);
    p = fmaf(p, square, 1.283791661e-1f);
    const float small = fmaf(size, p, size);
    const float y = size > 4.0f ? 4.0f : size;
    float q = -2.025216672e-4f;
    q = fmaf(q, y, 3.107129363e-3f);
    q = fmaf(q, y, -2.247879840e-2f);
    q = fmaf(q, y, 1.044477075e-1f);
    q = fmaf(q, y, 6.366019845e-1f);
    q = fmaf(q, y, 1.128015280f);
    q = fmaf(q, y, 1.147407165e-4f);
    const float large = 1.0f - fi_exp_moderate(-q);
    return copysignf(size < 0.85f ? small : large, x);
}

/* e^(-scale x^2), scale a power of two; the rounding of x^2 is carried into the exponential. */
static inline float fi_gaussianf(float scale, float x)
{
    const float size = fabsf(x), t = size > 40.0f ? 40.0f : size;
    const float square = t * t, rest = fmaf(t, t, -square);
    const float e = fi_expf(-scale * square);
    return fmaf(-scale * rest, e, e);
}

/*
 * P(g < x) for a standard normal g. The tail is e^(-x^2 / 2) times a ratio of polynomials of |x|:
 * |x| <= 14.5, degrees 4 and 5, all coefficients positive, error of the tail below 2^-27.3.
 */
static inline float fi_normal_cdff(float x)
{
    const float size = fabsf(x), t = size > 40.0f ? 40.0f : size;
    float p = 4.1163317e-3f;
    p = fmaf(p, t, 4.063339e-2f);
    p = fmaf(p, t, 1.8323563e-1f);
    p = fmaf(p, t, 4.3829563e-1f);
    p = fmaf(p, t, 0.5f);
    float q = 1.0317994e-2f;
    q = fmaf(q, t, 1.0185925e-1f);
    q = fmaf(q, t, 4.6947193e-1f);
    q = fmaf(q, t, 1.2025052f);
    q = fmaf(q, t, 1.6744763f);
    q = fmaf(q, t, 1.0f);
    const float tail = fi_gaussianf(0.5f, x) * (p / q);
    return x < 0.0f ? tail : 1.0f - tail;
}

/* 1 / (1 + e^-x), by one exponential that does not overflow. */
static inline float fi_logisticf(float x)
{
    const float e = fi_expf(-fabsf(x)), r = 1.0f / (1.0f + e);
    return x < 0.0f ? e * r : r;
}

static inline double fi_logisticd(double x)
{
    const double e = exp(-fabs(x)), r = 1.0 / (1.0 + e);
    return x < 0.0 ? e * r : r;
}

static inline double fi_gaussiand(double scale, double x)
{
    return exp(-scale * x * x);
}

static inline double fi_normal_cdfd(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440);
}

#define fi_exp(x) _Generic((x), float : fi_expf, double : exp)(x)
#define fi_expm1(x) _Generic((x), float : fi_expm1f, double : expm1)(x)
#define fi_log1p(x) _Generic((x), float : fi_log1pf, double : log1p)(x)
#define fi_tanh(x) _Generic((x), float : fi_tanhf, double : tanh)(x)
#define fi_erf(x) _Generic((x), float : fi_erff, double : erf)(x)
#define fi_logistic(x) _Generic((x), float : fi_logisticf, double : fi_logisticd)(x)
#define fi_gaussian(scale, x) _Generic((x), float : fi_gaussianf, double : fi_gaussiand)(scale, x)
#define fi_normal_cdf(x) _Generic((x), float : fi_normal_cdff, double : fi_normal_cdfd)(x)

#endif
