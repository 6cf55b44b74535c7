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
    FEW = 8, /* values of a block in doubt that are settled one by one */
    WORDS = FI_HISTOGRAM_BLOCK / 64
};

/* Are the values in a bin at all? */
FI_BITS_INLINE __mmask16 inside(const fi_places *p, __m512 x)
{
    const __mmask16 above = _mm512_cmp_ps_mask(x, _mm512_set1_ps(p->least), _CMP_GE_OQ);
    return _mm512_mask_cmp_ps_mask(above, x, _mm512_set1_ps(p->greatest), _CMP_LE_OQ);
}

/*
 * Of 16 values the bins, from bit 16 on: their places in fixed point, as a float above FI_FIXED has
 * them. `doubt` keeps the least fraction of a place that is `margin` further, which is small beside
 * an edge. Floats that are not negative compare as integers do; a NaN, anywhere then, is outside.
 */
FI_BITS_INLINE __m512i bins_in_fixed_point(const fi_places *p, __m512 x, __m512i *doubt)
{
    const __m512i first = _mm512_castps_si512(_mm512_set1_ps(FI_FIXED));
    const __m512i last = _mm512_castps_si512(_mm512_set1_ps(FI_FIXED + p->last));
    __m512i place = _mm512_castps_si512(
        _mm512_fmadd_ps(x, _mm512_set1_ps(p->slope), _mm512_set1_ps(FI_FIXED + p->shift)));
    place = _mm512_min_epi32(_mm512_max_epi32(place, first), last);
    place = _mm512_add_epi32(place, _mm512_set1_epi32((int)p->margin));
    *doubt = _mm512_min_epu16(*doubt, place);
    return _mm512_mask_mov_epi32(_mm512_set1_epi32((int)p->bins << 16), inside(p, x), place);
}

/*
 * The same of values that are all in a bin and not in the outer half of the first or last, or else
 * `most` becomes INT32_MIN + (bins << 16) or more: so are floats below 192, NaN and infinities.
 */
FI_BITS_INLINE __m512i bins_within(const fi_places *p, __m512 x, __m512i *doubt, __m512i *most)
{
    const __m512 place =
        _mm512_fmadd_ps(x, _mm512_set1_ps(p->slope), _mm512_set1_ps(FI_FIXED + p->shift));
    const __m512i bins = _mm512_add_epi32(_mm512_castps_si512(place),
                                          _mm512_set1_epi32((int)(p->margin + FI_FROM_FIXED)));
    *doubt = _mm512_min_epu16(*doubt, bins);
    *most = _mm512_max_epi32(*most, bins);
    return bins;
}

/* The bins of those that are in doubt, by edges; *few of them, and what is left of that. */
static FI_BITS_APART __m512i settle(const fi_places *p, __m512 x, __m512i bins, __mmask16 doubt,
                                    int *few)
{
    float value[16];
    int32_t bin[16];
    _mm512_storeu_ps(value, x);
    _mm512_storeu_si512(bin, bins);
    for (unsigned left = doubt; left && --*few >= 0; left &= left - 1) {
        const int k = __builtin_ctz(left);
        bin[k] = fi_bin_by_edge(p, value[k]) << 16;
    }
    return _mm512_loadu_si512(bin);
}

/* The same by their places in float, as find_bins_by_place has it: slower, and less often in
 * doubt, of which it settles a few. */
FI_BITS_INLINE __m512i bins_by_place(const fi_places *p, __m512 x, int *few)
{
    const __m512 counter = _mm512_set1_ps(FI_COUNTER);
    __m512 place = _mm512_fmadd_ps(x, _mm512_set1_ps(p->slope), _mm512_set1_ps(p->shift));
    place = _mm512_min_ps(_mm512_max_ps(place, _mm512_setzero_ps()), _mm512_set1_ps(p->last));
    const __m512 found = _mm512_add_ps(place, counter);
    const __m512 off = _mm512_abs_ps(_mm512_sub_ps(place, _mm512_sub_ps(found, counter)));
    const __mmask16 doubt = _mm512_cmp_ps_mask(off, _mm512_set1_ps(p->certain), _CMP_NLE_UQ);
    const __m512i bins = _mm512_mask_mov_epi32(_mm512_set1_epi32((int)p->bins << 16), inside(p, x),
                                               _mm512_slli_epi32(_mm512_castps_si512(found), 16));
    return doubt ? settle(p, x, bins, doubt, few) : bins;
}

/* The bins of 64 values as bytes, of which bits 6 and 7 mean nothing, in an order of their own. */
FI_BITS_INLINE __m512i bytes_of(const __m512i bins[4])
{
    const __m512i ab = _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(bins[0], 16), bins[1]);
    const __m512i cd = _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(bins[2], 16), bins[3]);
    return _mm512_ternarylogic_epi32(_mm512_set1_epi16(0xff), ab, _mm512_slli_epi16(cd, 8),
                                     0xca /* 0xff ? ab : cd */);
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

FI_BITS_INLINE halves halves_of(const __m512i bins[4])
{
    /* each word of 8 values as a matrix of bits, transposed: octet b has bit b of each */
    const __m512i octets = _mm512_gf2p8affine_epi64_epi8(
        _mm512_set1_epi64((long long)0x8040201008040201), bytes_of(bins), 0);
    return (halves){words(octets, 0), words(octets, 3)};
}

FI_BITS_INLINE bool none_in_doubt(const fi_places *p, __m512i doubt)
{
    return !_mm512_cmplt_epu16_mask(doubt, _mm512_set1_epi16((short)(2 * p->margin)));
}

/* False if a value is too near an edge, or may be at a bound or outside. */
static FI_BITS_APART bool find_halves_within(const fi_places *p, const float *x, halves *h)
{
    __m512i doubt = _mm512_set1_epi32(-1), most = _mm512_set1_epi32(INT32_MIN);
#pragma GCC unroll 4
    for (size_t i = 0; i < WORDS; i++) {
        __m512i bins[4];
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            bins[k] = bins_within(p, _mm512_loadu_ps(x + 64 * i + 16 * k), &doubt, &most);
        h[i] = halves_of(bins);
    }
    const __m512i end = _mm512_set1_epi32(INT32_MIN + ((int)p->bins << 16));
    return none_in_doubt(p, doubt) && !_mm512_cmpge_epi32_mask(most, end);
}

/* False if a value is too near an inner edge. */
static FI_BITS_APART bool find_halves_in_fixed_point(const fi_places *p, const float *x, halves *h)
{
    __m512i doubt = _mm512_set1_epi32(-1);
#pragma GCC unroll 4
    for (size_t i = 0; i < WORDS; i++) {
        __m512i bins[4];
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            bins[k] = bins_in_fixed_point(p, _mm512_loadu_ps(x + 64 * i + 16 * k), &doubt);
        h[i] = halves_of(bins);
    }
    return none_in_doubt(p, doubt);
}

/* False if too many values are. */
static FI_BITS_APART bool find_halves_by_place(const fi_places *p, const float *x, halves *h)
{
    int few = FEW;
    for (size_t i = 0; i < WORDS; i++) {
        __m512i bins[4];
        for (size_t k = 0; k < 4; k++)
            bins[k] = bins_by_place(p, _mm512_loadu_ps(x + 64 * i + 16 * k), &few);
        h[i] = halves_of(bins);
    }
    return few >= 0;
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

static bool find_halves(fi_places *p, const float *x, halves *h)
{
    if (fi_attempts(&p->within)) {
        const bool within = find_halves_within(p, x, h);
        fi_attempted(&p->within, within);
        if (within)
            return true;
    }
    return find_halves_in_fixed_point(p, x, h) || find_halves_by_place(p, x, h);
}

static bool count(fi_places *p, const float *x, uint64_t *counts)
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
