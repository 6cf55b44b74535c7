/*
 * The sums of moments_sums.c for AVX2, eight lanes at a time: of all sixteen, the sums and what is
 * surveyed are more than it has registers. Each lane adds up the same values in the same order.
 */
#include "../core/internal.h"
#include "moments_sums.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

enum {
    LANES = FI_SURVEY_LANES,
    ROWS = FI_POWERS_ROWS,
    PARTS = FI_POWERS_BLOCK / (ROWS * LANES),
    EIGHT = 8
};

typedef struct seen {
    __m256 minimum, maximum;
    __m256i zeros;
} seen;

FI_AVX2_INLINE seen seen_so_far(const fi_survey *s, size_t lane)
{
    return (seen){_mm256_loadu_ps(s->minimum + lane), _mm256_loadu_ps(s->maximum + lane),
                  _mm256_loadu_si256((const __m256i *)(s->zeros + lane))};
}

FI_AVX2_INLINE void keep_seen(seen s, fi_survey *survey, size_t lane)
{
    _mm256_storeu_ps(survey->minimum + lane, s.minimum);
    _mm256_storeu_ps(survey->maximum + lane, s.maximum);
    _mm256_storeu_si256((__m256i *)(survey->zeros + lane), s.zeros);
}

/* min and max give the second where either is NaN: what was seen before. */
FI_AVX2_INLINE void see(seen *s, __m256 x)
{
    const __m256 zero = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_EQ_OQ);
    s->minimum = _mm256_min_ps(x, s->minimum);
    s->maximum = _mm256_max_ps(x, s->maximum);
    s->zeros = _mm256_sub_epi32(s->zeros, _mm256_castps_si256(zero));
}

typedef struct powers {
    __m256 sum[4];
} powers;

FI_AVX2_INLINE powers powers_of(__m256 d)
{
    const __m256 square = _mm256_mul_ps(d, d);
    return (powers){{d, square, _mm256_mul_ps(square, d), _mm256_mul_ps(square, square)}};
}

FI_AVX2_INLINE void add_powers_of(powers *p, __m256 d)
{
    const __m256 square = _mm256_mul_ps(d, d);
    p->sum[0] = _mm256_add_ps(p->sum[0], d);
    p->sum[1] = _mm256_add_ps(p->sum[1], square);
    p->sum[2] = _mm256_fmadd_ps(square, d, p->sum[2]);
    p->sum[3] = _mm256_fmadd_ps(square, square, p->sum[3]);
}

FI_AVX2_INLINE __m256 seen_and_scaled(const float *x, __m256 scale, __m256 shift, seen *s)
{
    const __m256 value = _mm256_loadu_ps(x);
    see(s, value);
    return _mm256_fmadd_ps(value, scale, shift);
}

FI_AVX2_INLINE void keep_powers(const powers *p, float sums[4][PARTS * LANES], size_t lane)
{
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        _mm256_storeu_ps(sums[k] + lane, p->sum[k]);
}

/*
 * Eight lanes of two parts, from lane `lane` of part `p`: the sums of d, d^2, d^3 and d^4,
 * d = x scale + shift. Of one part alone each sum would wait for the last.
 */
FI_AVX2_INLINE void sum_eight(const float *x, __m256 scale, __m256 shift,
                              float sums[4][PARTS * LANES], size_t p, size_t lane, seen *s)
{
    const float *const upper = x + (p * ROWS * LANES) + lane, *const lower = upper + ROWS * LANES;
    powers first = powers_of(seen_and_scaled(upper, scale, shift, s));
    powers second = powers_of(seen_and_scaled(lower, scale, shift, s));
#pragma GCC unroll 1
    for (size_t r = LANES; r < ROWS * LANES; r += LANES) {
        add_powers_of(&first, seen_and_scaled(upper + r, scale, shift, s));
        add_powers_of(&second, seen_and_scaled(lower + r, scale, shift, s));
    }
    keep_powers(&first, sums, p * LANES + lane);
    keep_powers(&second, sums, (p + 1) * LANES + lane);
}

FI_AVX2 void fi_survey_and_add_powers_avx2(size_t n, const float *x, float scale, float shift,
                                           double total[4][FI_FINAL_LANES], fi_survey *survey)
{
    const __m256 scales = _mm256_set1_ps(scale), shifts = _mm256_set1_ps(shift);
    for (const float *const end = x + n; x < end; x += FI_POWERS_BLOCK) {
        float sums[4][PARTS * LANES];
        for (size_t lane = 0; lane < LANES; lane += EIGHT) {
            seen s = seen_so_far(survey, lane);
            for (size_t p = 0; p < PARTS; p += 2)
                sum_eight(x, scales, shifts, sums, p, lane, &s);
            keep_seen(s, survey, lane);
        }
        for (size_t k = 0; k < 4; k++)
            fi_widen((size_t)PARTS * LANES, sums[k], total[k]);
    }
}
#endif
