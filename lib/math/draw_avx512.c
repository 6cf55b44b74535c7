/*
 * The kernel of draw.c for AVX-512: a round of sixteen draws is one vector, and a permutation of
 * two vectors looks up a coefficient of any of the 32 segments of the quantile. The same bits as
 * rng.h and quantile.h define them.
 */
#include "../core/internal.h"
#include "draw.h"
#include "quantile.h"

#ifdef __x86_64__
#include <immintrin.h>

_Static_assert(FI_LANES == 16 && FI_QUANTILE_SEGMENTS == 32 && FI_QUANTILE_DEGREE == 8,
               "what is written out below");

typedef struct states {
    __m512i lower, upper; /* of lanes 0 to 7 and 8 to 15 */
} states;

FI_AVX512_INLINE states load(const fi_lanes *lanes)
{
    return (states){_mm512_loadu_si512(lanes->state), _mm512_loadu_si512(lanes->state + 8)};
}

FI_AVX512_INLINE states next(states s, __m512i multiplier, __m512i increment)
{
    return (states){_mm512_add_epi64(_mm512_mullo_epi64(s.lower, multiplier), increment),
                    _mm512_add_epi64(_mm512_mullo_epi64(s.upper, multiplier), increment)};
}

/* fi_pcg_output: bits 27 to 58 of state ^ state >> 18, rotated by the topmost five of the state. */
FI_AVX512_INLINE __m512i output(states s)
{
    const __m512i even =
        _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    const __m512i lower =
        _mm512_srli_epi64(_mm512_xor_si512(s.lower, _mm512_srli_epi64(s.lower, 18)), 27);
    const __m512i upper =
        _mm512_srli_epi64(_mm512_xor_si512(s.upper, _mm512_srli_epi64(s.upper, 18)), 27);
    const __m512i bits = _mm512_permutex2var_epi32(lower, even, upper);
    const __m512i rotation =
        _mm512_srli_epi32(_mm512_permutex2var_epi32(s.lower, odd, s.upper), 27);
    return _mm512_rorv_epi32(bits, rotation);
}

static FI_AVX512 void run(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x)
{
    const __m512i multiplier = _mm512_set1_epi64((long long)lanes->multiplier);
    const __m512i increment = _mm512_set1_epi64((long long)lanes->increment);
    states s = load(lanes);
    for (size_t i = 0; i < rounds; i++, x += FI_LANES) {
        _mm512_storeu_si512(x, output(s));
        s = next(s, multiplier, increment);
    }
    _mm512_storeu_si512(lanes->state, s.lower);
    _mm512_storeu_si512(lanes->state + 8, s.upper);
}

/* fi_narrow. */
FI_AVX512_INLINE __m512i narrow(__m512i x, const fi_window *window)
{
    const __m512i span = _mm512_set1_epi32((int)window->span);
    const __m512i half = _mm512_set1_epi64((window->span - 1) / 2);
    const __m512i shift = _mm512_set1_epi32((int)(window->shift + INT32_MIN));
    const __m512i centred = _mm512_xor_si512(x, _mm512_set1_epi32(INT32_MIN));
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(centred, span), half);
    const __m512i odd =
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(centred, 32), span), half);
    const __m512i moved =
        _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
    return _mm512_add_epi32(moved, shift);
}

/* Rounds whose polynomials are summed together, as each waits for its last term. */
enum {
    TOGETHER = 4
};

/* A round of draws with what fi_quantile makes of them: s = from_end / 2^e, by its exponent. */
typedef struct draws {
    __m512i x, e;
    __m512 s, z;
} draws;

FI_AVX512_INLINE draws start(__m512i x)
{
    const __m512i ones = _mm512_set1_epi32(-1);
    const __m512i nearer = _mm512_min_epu32(x, _mm512_xor_si512(x, ones));
    const __m512i e = _mm512_sub_epi32(_mm512_set1_epi32(32), _mm512_lzcnt_epi32(nearer));
    const __m512i end = _mm512_sllv_epi32(_mm512_set1_epi32(2), e);
    const __m512i from_end =
        _mm512_add_epi32(_mm512_sub_epi32(end, _mm512_add_epi32(nearer, nearer)), ones);
    const __m512i scaled = _mm512_castps_si512(_mm512_cvtepu32_ps(from_end));
    const __m512i s = _mm512_sub_epi32(scaled, _mm512_slli_epi32(e, 23));
    return (draws){.x = x, .e = e, .s = _mm512_castsi512_ps(s)};
}

/* z times `scale`, with its sign: below the median it is negative. */
FI_AVX512_INLINE void finish(const draws *d, __m512 scale, float *out)
{
    const __m512i size = _mm512_set1_epi32(INT32_MAX);
    const __m512i z =
        _mm512_ternarylogic_epi32(size, _mm512_castps_si512(d->z), d->x, 0xc5 /* size ? z : ~x */);
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_castsi512_ps(z), scale));
}

/* The next `count` rounds, a constant. */
FI_AVX512_INLINE states take(const size_t count, states s, __m512i multiplier, __m512i increment,
                             const fi_window *window, __m512 scale, float *out)
{
    draws d[TOGETHER];
#pragma GCC unroll 4
    for (size_t r = 0; r < count; r++) {
        const __m512i x = output(s);
        s = next(s, multiplier, increment);
        d[r] = start(window ? narrow(x, window) : x);
    }
#pragma GCC unroll 9
    for (int k = FI_QUANTILE_DEGREE; k >= 0; k--) {
        const __m512 lower = _mm512_loadu_ps(fi_quantile_coefficients[k]);
        const __m512 upper = _mm512_loadu_ps(fi_quantile_coefficients[k] + 16);
#pragma GCC unroll 4
        for (size_t r = 0; r < count; r++) {
            const __m512 term = _mm512_permutex2var_ps(lower, d[r].e, upper);
            d[r].z = k == FI_QUANTILE_DEGREE ? term : _mm512_fmadd_ps(d[r].z, d[r].s, term);
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < count; r++)
        finish(&d[r], scale, out + r * FI_LANES);
    return s;
}

FI_AVX512_INLINE void normal_draws(const fi_lanes *lanes, size_t rounds, const fi_window *window,
                                   float scale, float *out)
{
    const __m512i multiplier = _mm512_set1_epi64((long long)lanes->multiplier);
    const __m512i increment = _mm512_set1_epi64((long long)lanes->increment);
    const __m512 factor = _mm512_set1_ps(scale);
    states s = load(lanes);
    for (; rounds >= TOGETHER; rounds -= TOGETHER, out += (size_t)TOGETHER * FI_LANES)
        s = take(TOGETHER, s, multiplier, increment, window, factor, out);
    for (; rounds; rounds--, out += FI_LANES)
        s = take(1, s, multiplier, increment, window, factor, out);
}

static FI_AVX512 void normal(fi_lanes lanes, size_t rounds, const fi_window *window, float scale,
                             float *out)
{
    if (window)
        normal_draws(&lanes, rounds, window, scale, out);
    else
        normal_draws(&lanes, rounds, NULL, scale, out);
}

const fi_draw_kernel fi_draw_avx512 = {"AVX-512", run, normal};
#endif
