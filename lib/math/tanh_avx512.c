/*
 * tanh by AVX-512, some vectors side by side: one alone waits for itself, and a loop has the
 * processor look ahead of what it is waiting for too little. The bits are fi_tanhf's.
 */
#include "../core/internal.h"
#include "elementary.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

enum {
    SIDE = 6,
    LANES = 16,
    STRIP = SIDE * LANES
};

#define EACH _Pragma("GCC unroll 6") for (int r = 0; r < SIDE; r++)
#define ALL _mm512_set1_ps

/* See fi_tanhf; the limit to 9.02 comes first, where a NaN passes. */
FI_AVX512_INLINE void tanh_strip(const float *z, float *a)
{
    const __m512 shift = ALL(3145728.0f);
    const __m512i sign = _mm512_set1_epi32(INT32_MIN);
    __m512 x[SIDE], size[SIDE], h[SIDE], square[SIDE], p[SIDE], t[SIDE], d[SIDE];
    __m512i shifted[SIDE], scale[SIDE];
    EACH x[r] = _mm512_loadu_ps(z + r * LANES);
    EACH size[r] = _mm512_min_ps(ALL(9.02f), _mm512_abs_ps(x[r]));
    EACH shifted[r] = _mm512_castps_si512(_mm512_fmadd_ps(size[r], ALL(2.88539008f), shift));
    EACH shifted[r] = _mm512_and_si512(shifted[r], _mm512_set1_epi32(~3));
    EACH h[r] = _mm512_sub_ps(_mm512_castsi512_ps(shifted[r]), shift);
    EACH h[r] = _mm512_fmadd_ps(h[r], ALL(-0.346573591f), size[r]);
    EACH square[r] = _mm512_mul_ps(h[r], h[r]);
    EACH p[r] = _mm512_fmadd_ps(ALL(-5.028719828e-2f), square[r], ALL(1.331400126e-1f));
    EACH p[r] = _mm512_fmadd_ps(p[r], square[r], ALL(-3.333304226e-1f));
    EACH t[r] = _mm512_fmadd_ps(_mm512_mul_ps(h[r], square[r]), p[r], h[r]);
    EACH scale[r] =
        _mm512_add_epi32(_mm512_slli_epi32(shifted[r], 21), _mm512_set1_epi32(126 << 23));
    EACH d[r] = _mm512_fmadd_ps(_mm512_sub_ps(_mm512_castsi512_ps(scale[r]), ALL(0.5f)), t[r],
                                _mm512_add_ps(_mm512_castsi512_ps(scale[r]), ALL(0.5f)));
    EACH t[r] = _mm512_div_ps(_mm512_add_ps(_mm512_sub_ps(d[r], ALL(1)), t[r]), d[r]);
    EACH _mm512_storeu_si512(a + r * LANES,
                             _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(x[r]),
                                                       _mm512_castps_si512(t[r]),
                                                       0xca /* sign ? x : t */));
}

FI_AVX512 size_t fi_tanh_strips_avx512(size_t n, const float *z, float *a)
{
    const size_t whole = n - n % STRIP;
    for (size_t i = 0; i < whole; i += STRIP)
        tanh_strip(z + i, a + i);
    return whole;
}
#endif
