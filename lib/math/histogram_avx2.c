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

/* What is known of the values so far: see bins_in_fixed_point and bins_within there. */
typedef struct known {
    __m256i doubt, most;
    __m256 inside;
} known;

/*
 * INT32_MIN + bin 2^16 + how far beyond the edge of the bin a place is, and the margin more; where
 * it may be at a bound or outside, only if it is `clamped`.
 */
FI_AVX2_INLINE __m256i bins_of(const fi_places *p, const bool clamped, const float *x, known *k)
{
    const __m256 value = _mm256_loadu_ps(x);
    __m256i place = _mm256_castps_si256(
        _mm256_fmadd_ps(value, _mm256_set1_ps(p->slope), _mm256_set1_ps(FI_FIXED + p->shift)));
    if (clamped) {
        const __m256 above = _mm256_cmp_ps(value, _mm256_set1_ps(p->least), _CMP_GE_OQ);
        const __m256 below = _mm256_cmp_ps(value, _mm256_set1_ps(p->greatest), _CMP_LE_OQ);
        const __m256i first = _mm256_castps_si256(_mm256_set1_ps(FI_FIXED));
        const __m256i last = _mm256_castps_si256(_mm256_set1_ps(FI_FIXED + p->last));
        k->inside = _mm256_and_ps(k->inside, _mm256_and_ps(above, below));
        place = _mm256_min_epi32(_mm256_max_epi32(place, first), last);
    }
    const __m256i bins =
        _mm256_add_epi32(place, _mm256_set1_epi32((int)(p->margin + FI_FROM_FIXED)));
    k->doubt = _mm256_min_epu16(k->doubt, bins);
    if (!clamped)
        k->most = _mm256_max_epi32(k->most, bins);
    return bins;
}

/* False if a value is too near an edge or outside or, if not `clamped`, may be so or at a bound. */
FI_AVX2_INLINE bool find(const fi_places *places, const bool clamped, const float *x, float *pair)
{
    const fi_places p = *places; /* which pairs might be stored into, for all the compiler knows */
    const int stride = (int)p.bins + 1;
    const __m256i weights = _mm256_set1_epi32(stride << 16 | 1);
    const __m256i zero = _mm256_set1_epi32((stride + 1) * INT16_MIN); /* of two words INT16_MIN */
    known k = {_mm256_set1_epi32(-1), _mm256_set1_epi32(INT32_MIN),
               _mm256_castsi256_ps(_mm256_set1_epi32(-1))};
#pragma GCC unroll 4
    for (size_t i = 0; i < PAIRS; i += LANES) {
        const __m256i one = bins_of(&p, clamped, x + i, &k);
        const __m256i other = bins_of(&p, clamped, x + i + PAIRS, &k);
        const __m256i both = _mm256_blend_epi16(_mm256_srli_epi32(one, 16), other, 0xaa);
        const __m256i index = _mm256_sub_epi32(_mm256_madd_epi16(both, weights), zero);
        _mm256_storeu_si256((__m256i *)(pair + i), index);
    }
    const __m256i end = _mm256_set1_epi32(INT32_MIN + ((int)p.bins << 16));
    const __m256i least = _mm256_set1_epi16((short)(2 * p.margin));
    const __m256i certain = _mm256_cmpeq_epi16(_mm256_max_epu16(k.doubt, least), k.doubt);
    const __m256i within = _mm256_and_si256(_mm256_cmpgt_epi32(end, k.most), certain);
    return _mm256_movemask_epi8(_mm256_and_si256(within, _mm256_castps_si256(k.inside))) == -1;
}

static FI_AVX2 bool find_pairs(fi_places *p, const float *x, float *pair)
{
    if (fi_attempts(&p->within)) {
        const bool within = find(p, false, x, pair);
        fi_attempted(&p->within, within);
        if (within)
            return true;
    }
    return find(p, true, x, pair);
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
