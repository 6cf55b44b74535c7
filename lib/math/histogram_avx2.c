/*
 * The pairs of bins of a block for AVX2, by places in fixed point, as bins_within of
 * histogram_avx512.c has them.
 */
#include "../core/internal.h"
#include "histogram.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

enum {
    LANES = 8,
    PAIRS = FI_HISTOGRAM_BLOCK / 2
};

/* INT32_MIN + bin 2^16 + what its place is beyond an edge by, and the margin more. */
FI_AVX2_INLINE __m256i bins_within(const fi_places *p, const float *x, __m256i *doubt,
                                   __m256i *most)
{
    const __m256 place = _mm256_fmadd_ps(_mm256_loadu_ps(x), _mm256_set1_ps(p->slope),
                                         _mm256_set1_ps(FI_FIXED + p->shift));
    const __m256i bins = _mm256_add_epi32(_mm256_castps_si256(place),
                                          _mm256_set1_epi32((int)(p->margin + FI_FROM_FIXED)));
    *doubt = _mm256_min_epu16(*doubt, bins);
    *most = _mm256_max_epi32(*most, bins);
    return bins;
}

static FI_AVX2 bool find_pairs(const fi_places *p, const float *x, float *pair)
{
    const int stride = (int)p->bins + 1;
    const __m256i weights = _mm256_set1_epi32(stride << 16 | 1);
    const __m256i zero = _mm256_set1_epi32((stride + 1) * INT16_MIN); /* of two words INT16_MIN */
    __m256i doubt = _mm256_set1_epi32(-1), most = _mm256_set1_epi32(INT32_MIN);
#pragma GCC unroll 4
    for (size_t i = 0; i < PAIRS; i += LANES) {
        const __m256i one = bins_within(p, x + i, &doubt, &most);
        const __m256i other = bins_within(p, x + i + PAIRS, &doubt, &most);
        const __m256i both = _mm256_blend_epi16(_mm256_srli_epi32(one, 16), other, 0xaa);
        const __m256i index = _mm256_sub_epi32(_mm256_madd_epi16(both, weights), zero);
        _mm256_storeu_si256((__m256i *)(pair + i), index);
    }
    const __m256i end = _mm256_set1_epi32(INT32_MIN + ((int)p->bins << 16) - 1);
    const __m256i least = _mm256_set1_epi16((short)(2 * p->margin));
    const __m256i certain = _mm256_cmpeq_epi16(_mm256_max_epu16(doubt, least), doubt);
    const __m256i beyond = _mm256_cmpgt_epi32(most, end);
    return _mm256_movemask_epi8(_mm256_andnot_si256(beyond, certain)) == -1;
}

fi_pair_finder *fi_best_pair_finder(void)
{
    return fi_instructions_here() >= FI_WITH_AVX2 ? find_pairs : NULL;
}

#else

fi_pair_finder *fi_best_pair_finder(void)
{
    return NULL;
}
#endif
