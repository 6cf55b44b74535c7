/*
 * tanh by AVX2, some vectors side by side, as tanh_avx512.c has them; z is loaded again for its
 * sign, as registers are fewer. The bits are fi_tanhf's.
 */
#include "../core/internal.h"
#include "elementary.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

enum {
    SIDE = 3,
    LANES = 8,
    STRIP = SIDE * LANES
};

#define EACH _Pragma("GCC unroll 3") for (int r = 0; r < SIDE; r++)
#define ALL _mm256_set1_ps
#define INTEGERS _mm256_castps_si256
#define FLOATS _mm256_castsi256_ps

/* See fi_tanhf; the limit to 9.02 comes first, where a NaN passes. */
FI_AVX2_INLINE void tanh_strip(const float *z, float *a)
{
    const __m256 shift = ALL(3145728.0f), sign = ALL(-0.0f);
    __m256 size[SIDE], h[SIDE], square[SIDE], p[SIDE], t[SIDE], d[SIDE];
    __m256i shifted[SIDE], scale[SIDE];
    EACH size[r] = _mm256_loadu_ps(z + r * LANES);
    EACH size[r] = _mm256_min_ps(ALL(9.02f), _mm256_andnot_ps(sign, size[r]));
    EACH shifted[r] = INTEGERS(_mm256_fmadd_ps(size[r], ALL(2.88539008f), shift));
    EACH shifted[r] = _mm256_and_si256(shifted[r], _mm256_set1_epi32(~3));
    EACH h[r] = _mm256_sub_ps(FLOATS(shifted[r]), shift);
    EACH h[r] = _mm256_fmadd_ps(h[r], ALL(-0.346573591f), size[r]);
    EACH square[r] = _mm256_mul_ps(h[r], h[r]);
    EACH p[r] = _mm256_fmadd_ps(ALL(-5.028719828e-2f), square[r], ALL(1.331400126e-1f));
    EACH p[r] = _mm256_fmadd_ps(p[r], square[r], ALL(-3.333304226e-1f));
    EACH t[r] = _mm256_fmadd_ps(_mm256_mul_ps(h[r], square[r]), p[r], h[r]);
    EACH scale[r] =
        _mm256_add_epi32(_mm256_slli_epi32(shifted[r], 21), _mm256_set1_epi32(126 << 23));
    EACH d[r] = _mm256_fmadd_ps(_mm256_sub_ps(FLOATS(scale[r]), ALL(0.5f)), t[r],
                                _mm256_add_ps(FLOATS(scale[r]), ALL(0.5f)));
    EACH t[r] = _mm256_div_ps(_mm256_add_ps(_mm256_sub_ps(d[r], ALL(1)), t[r]), d[r]);
    EACH t[r] = _mm256_or_ps(_mm256_and_ps(sign, _mm256_loadu_ps(z + r * LANES)), t[r]);
    EACH _mm256_storeu_ps(a + r * LANES, t[r]);
}

FI_AVX2 size_t fi_tanh_strips_avx2(size_t n, const float *z, float *a)
{
    const size_t whole = n - n % STRIP;
    for (size_t i = 0; i < whole; i += STRIP)
        tanh_strip(z + i, a + i);
    return whole;
}
#endif
