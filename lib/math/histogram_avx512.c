/*
 * Counting the bins of a block by their bits, for AVX-512: of 64 values, a word for each of the six
 * bits of their bins says who has it; the words of three bits give those of the eight bins that
 * they tell apart, and the words of either half have in common the values of one bin of 64. So a
 * value takes half an instruction, where a counter in memory takes two or more.
 */
#include "../core/internal.h"
#include "histogram.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

#define FI_BITS_TARGET target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vpopcntdq,gfni")
#define FI_BITS_INLINE static inline __attribute__((FI_BITS_TARGET, always_inline))
#define FI_BITS_APART __attribute__((FI_BITS_TARGET, noinline))

enum {
    WORDS = FI_HISTOGRAM_BLOCK / 64
};

/*
 * Of 16 values, as find_bins_by_place has it: the lowest byte of each is its bin. Floats that are
 * not negative compare as integers do, and a NaN, whose place is then anywhere, is outside.
 */
FI_BITS_INLINE __m512i bins_of(const fi_places *p, const float *from, __m512 *farthest)
{
    const __m512 x = _mm512_loadu_ps(from);
    const __m512 outside = _mm512_set1_ps(FI_COUNTER + (float)p->bins);
    __m512i bits =
        _mm512_castps_si512(_mm512_fmadd_ps(x, _mm512_set1_ps(p->slope), _mm512_set1_ps(p->shift)));
    bits = _mm512_max_epi32(bits, _mm512_setzero_si512());
    bits = _mm512_min_epi32(bits, _mm512_castps_si512(_mm512_set1_ps(p->last)));
    const __m512 place = _mm512_castsi512_ps(bits);
    const __m512 off = _mm512_reduce_ps(place, 8 /* less the nearest integer */);
    *farthest = _mm512_range_ps(*farthest, off, 0xb /* the larger size, without a sign */);
    const __mmask16 above = _mm512_cmp_ps_mask(x, _mm512_set1_ps(p->least), _CMP_GE_OQ);
    const __mmask16 inside =
        _mm512_mask_cmp_ps_mask(above, x, _mm512_set1_ps(p->greatest), _CMP_LE_OQ);
    return _mm512_castps_si512(
        _mm512_mask_add_ps(outside, inside, place, _mm512_set1_ps(FI_COUNTER)));
}

/* The bins of 64 values as bytes, in an order of their own. */
FI_BITS_INLINE __m512i bytes_of(const fi_places *p, const float *x, __m512 *farthest)
{
    const __m512i a = bins_of(p, x, farthest), b = bins_of(p, x + 16, farthest);
    const __m512i c = bins_of(p, x + 32, farthest), d = bins_of(p, x + 48, farthest);
    const __m512i ab = _mm512_mask_blend_epi16(0xaaaaaaaa, a, _mm512_slli_epi32(b, 16));
    const __m512i cd = _mm512_mask_blend_epi16(0xaaaaaaaa, c, _mm512_slli_epi32(d, 16));
    return _mm512_or_si512(ab, _mm512_slli_epi16(cd, 8));
}

/* Word k has those of the values whose bits `bit` to `bit` + 2 are those of k. */
FI_BITS_INLINE __m512i words(__m512i octets, int bit)
{
    const __m512i not0 = _mm512_set_epi64(0, -1, 0, -1, 0, -1, 0, -1);
    const __m512i not1 = _mm512_set_epi64(0, 0, -1, -1, 0, 0, -1, -1);
    const __m512i not2 = _mm512_set_epi64(0, 0, 0, 0, -1, -1, -1, -1);
    const __m512i octet = _mm512_set1_epi64(0x3830282018100800 /* that of `bit` 0 in each word */);
    __m512i has[3];
#pragma GCC unroll 3
    for (int k = 0; k < 3; k++)
        has[k] = _mm512_permutexvar_epi8(_mm512_add_epi8(octet, _mm512_set1_epi8((char)(bit + k))),
                                         octets);
    const __m512i first = _mm512_xor_si512(has[0], not0);
    const __m512i second = _mm512_ternarylogic_epi64(first, has[1], not1, 0x60 /* a & (b ^ c) */);
    return _mm512_ternarylogic_epi64(second, has[2], not2, 0x60);
}

/* Of 64 values. */
typedef struct halves {
    __m512i lower, upper; /* words of the lower and of the upper three bits of their bins */
} halves;

/* False if a value is too near an inner edge. */
static FI_BITS_APART bool find_halves(const fi_places *p, const float *x, halves *h)
{
    __m512 farthest = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (size_t i = 0; i < WORDS; i++) {
        const __m512i bytes = bytes_of(p, x + 64 * i, &farthest);
        /* each word of 8 values as a matrix of bits, transposed: octet b has bit b of each */
        const __m512i octets = _mm512_gf2p8affine_epi64_epi8(
            _mm512_set1_epi64((long long)0x8040201008040201), bytes, 0);
        h[i] = (halves){words(octets, 0), words(octets, 3)};
    }
    return !_mm512_cmp_ps_mask(farthest, _mm512_set1_ps(p->certain), _CMP_NLE_UQ);
}

/* A function of its own, so that words are spread from memory and not by moves of lanes. */
static FI_BITS_APART void add_common(size_t bins, const halves *h, uint64_t *counts)
{
    const uint64_t *upper = (const uint64_t *)&h->upper;
    for (size_t k = 0; k < bins; k += 8, upper++) {
        __m512i sum = _mm512_loadu_si512(counts + k);
#pragma GCC unroll 4
        for (size_t i = 0; i < WORDS; i++) {
            const __m512i here = _mm512_set1_epi64((long long)upper[i * sizeof *h / sizeof *upper]);
            sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_and_si512(here, h[i].lower)));
        }
        _mm512_storeu_si512(counts + k, sum);
    }
}

static bool count(const fi_places *p, const float *x, uint64_t *counts)
{
    halves h[WORDS];
    const bool certain = find_halves(p, x, h);
    if (certain)
        add_common(p->bins, h, counts);
    return certain;
}

fi_block_counter *fi_best_block_counter(void)
{
    const bool able = fi_instructions_here() == FI_WITH_AVX512 &&
                      __builtin_cpu_supports("avx512vbmi") &&
                      __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("gfni");
    return able ? count : NULL;
}

#else

fi_block_counter *fi_best_block_counter(void)
{
    return NULL;
}
#endif
