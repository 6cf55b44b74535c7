/*
 * The kernel of draw.c for AVX-512: a round of sixteen draws is one vector, and a permutation of
 * one vector looks up a coefficient of any of the 16 segments of the quantile that nearly all draws
 * are in; one of two vectors does for all 32, but takes the ports of the multiply-adds. The same
 * bits as rng.h and quantile.h define them.
 */
#include "../core/internal.h"
#include "draw.h"
#include "quantile.h"

#ifdef __x86_64__
#include <immintrin.h>

_Static_assert(FI_LANES == 16 && FI_QUANTILE_SEGMENTS == 32 && FI_QUANTILE_DEGREE == 8,
               "what is written out below");

/* In the order in which halves of both, quarter by quarter, are those of lanes 0 to 15. */
typedef struct states {
    __m512i lower, upper; /* of lanes 0, 1, 4, 5, 8, 9, 12, 13, and of the others */
} states;

FI_AVX512_INLINE states load(const fi_lanes *lanes)
{
    const __m512i a = _mm512_loadu_si512(lanes->state);
    const __m512i b = _mm512_loadu_si512(lanes->state + 8);
    const __m512i lower = _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0);
    const __m512i upper = _mm512_add_epi64(lower, _mm512_set1_epi64(2));
    return (states){_mm512_permutex2var_epi64(a, lower, b), _mm512_permutex2var_epi64(a, upper, b)};
}

FI_AVX512_INLINE void store(states s, fi_lanes *lanes)
{
    const __m512i a = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i b = _mm512_add_epi64(a, _mm512_set1_epi64(4));
    _mm512_storeu_si512(lanes->state, _mm512_permutex2var_epi64(s.lower, a, s.upper));
    _mm512_storeu_si512(lanes->state + 8, _mm512_permutex2var_epi64(s.lower, b, s.upper));
}

FI_AVX512_INLINE states next(states s, __m512i multiplier, __m512i increment)
{
    return (states){_mm512_add_epi64(_mm512_mullo_epi64(s.lower, multiplier), increment),
                    _mm512_add_epi64(_mm512_mullo_epi64(s.upper, multiplier), increment)};
}

/* The even 32 bits of both, or the odd. */
FI_AVX512_INLINE __m512i even_of(__m512i lower, __m512i upper)
{
    return _mm512_castps_si512(
        _mm512_shuffle_ps(_mm512_castsi512_ps(lower), _mm512_castsi512_ps(upper), 0x88));
}

FI_AVX512_INLINE __m512i odd_of(__m512i lower, __m512i upper)
{
    return _mm512_castps_si512(
        _mm512_shuffle_ps(_mm512_castsi512_ps(lower), _mm512_castsi512_ps(upper), 0xdd));
}

/*
 * fi_pcg_output: bits 27 to 58 of state ^ state >> 18, rotated by the topmost five of the state;
 * in halves of 32 bits.
 */
FI_AVX512_INLINE __m512i output(states s)
{
    const __m512i low = even_of(s.lower, s.upper), high = odd_of(s.lower, s.upper);
    const __m512i bits =
        _mm512_ternarylogic_epi32(_mm512_slli_epi32(high, 5), _mm512_srli_epi32(low, 27),
                                  _mm512_srli_epi32(high, 13), 0x96 /* a ^ b ^ c */);
    return _mm512_rorv_epi32(bits, _mm512_srli_epi32(high, 27));
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
    store(s, lanes);
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

/*
 * A round of draws with what fi_quantile makes of them: by its leading zeros the segment, in it s,
 * from_end / 2^e or, shifted up, from_end 2^(32 - e) / 2^32, and in the end z.
 */
typedef struct draws {
    __m512i x, zeros;
    __m512 s, z;
} draws;

enum {
    MOST_ZEROS = 16 /* in the segments from 16 on, where all but one draw in 65536 are */
};

/* Right for draws that have no more zeros. */
FI_AVX512_INLINE draws start(__m512i x)
{
    const __m512i ones = _mm512_set1_epi32(-1);
    const __m512i nearer = _mm512_min_epu32(x, _mm512_xor_si512(x, ones));
    const __m512i zeros = _mm512_lzcnt_epi32(nearer);
    const __m512i from_end = _mm512_xor_si512(_mm512_add_epi32(nearer, nearer), ones);
    const __m512i shifted = _mm512_sllv_epi32(from_end, zeros);
    const __m512i s = _mm512_sub_epi32(_mm512_castps_si512(_mm512_cvtepu32_ps(shifted)),
                                       _mm512_set1_epi32(32 << 23));
    return (draws){.x = x, .zeros = zeros, .s = _mm512_castsi512_ps(s)};
}

/* Right for all. */
FI_AVX512_INLINE __m512 place_in_segment(__m512i x, __m512i e)
{
    const __m512i ones = _mm512_set1_epi32(-1);
    const __m512i nearer = _mm512_min_epu32(x, _mm512_xor_si512(x, ones));
    const __m512i end = _mm512_sllv_epi32(_mm512_set1_epi32(2), e);
    const __m512i from_end =
        _mm512_add_epi32(_mm512_sub_epi32(end, _mm512_add_epi32(nearer, nearer)), ones);
    const __m512i scaled = _mm512_castps_si512(_mm512_cvtepu32_ps(from_end));
    return _mm512_castsi512_ps(_mm512_sub_epi32(scaled, _mm512_slli_epi32(e, 23)));
}

FI_AVX512_INLINE bool any_far(const size_t count, const draws *d)
{
    __m512i most = d[0].zeros;
#pragma GCC unroll 4
    for (size_t r = 1; r < count; r++)
        most = _mm512_max_epu32(most, d[r].zeros);
    return _mm512_cmpgt_epu32_mask(most, _mm512_set1_epi32(MOST_ZEROS));
}

/* z times `scale`, with its sign: below the median it is negative. */
FI_AVX512_INLINE void finish(const draws *d, __m512 scale, float *out)
{
    const __m512i size = _mm512_set1_epi32(INT32_MAX);
    const __m512i z =
        _mm512_ternarylogic_epi32(size, _mm512_castps_si512(d->z), d->x, 0xc5 /* size ? z : ~x */);
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_castsi512_ps(z), scale));
}

/* What rounds are made of, and the coefficients of the near segments by zeros mod 16. */
typedef struct source {
    states s;
    __m512i multiplier, increment;
    const fi_window *window;
    __m512 near[FI_QUANTILE_DEGREE + 1];
} source;

FI_AVX512_INLINE source source_of(const fi_lanes *lanes, const fi_window *window)
{
    const __m512i segment = _mm512_set_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0);
    source from = {load(lanes),
                   _mm512_set1_epi64((long long)lanes->multiplier),
                   _mm512_set1_epi64((long long)lanes->increment),
                   window,
                   {{0}}};
    for (int k = 0; k <= FI_QUANTILE_DEGREE; k++)
        from.near[k] =
            _mm512_permutexvar_ps(segment, _mm512_loadu_ps(fi_quantile_coefficients[k] + 16));
    return from;
}

FI_AVX512_INLINE draws next_round(source *from)
{
    const __m512i x = output(from->s);
    from->s = next(from->s, from->multiplier, from->increment);
    return start(from->window ? narrow(x, from->window) : x);
}

/* The polynomials of all segments. */
FI_AVX512_INLINE void sum_far(const size_t count, draws *d)
{
    for (size_t r = 0; r < count; r++) {
        const __m512i e = _mm512_sub_epi32(_mm512_set1_epi32(32), d[r].zeros);
        const __m512 s = place_in_segment(d[r].x, e);
        for (int k = FI_QUANTILE_DEGREE; k >= 0; k--) {
            const __m512 term =
                _mm512_permutex2var_ps(_mm512_loadu_ps(fi_quantile_coefficients[k]), e,
                                       _mm512_loadu_ps(fi_quantile_coefficients[k] + 16));
            d[r].z = k == FI_QUANTILE_DEGREE ? term : _mm512_fmadd_ps(d[r].z, s, term);
        }
    }
}

/*
 * The polynomials of `count` rounds in near segments; meanwhile the next rounds are started, if
 * `following` is not NULL: what multiplies would wait for what shifts, and the other way round.
 */
FI_AVX512_INLINE void sum_near(const size_t count, draws *d, source *from, draws *following)
{
    size_t started = 0;
#pragma GCC unroll 9
    for (int k = FI_QUANTILE_DEGREE; k >= 0; k--) {
        __m512 near = from->near[k];
        FI_IN_REGISTER(near);
#pragma GCC unroll 4
        for (size_t r = 0; r < count; r++) {
            const __m512 term = _mm512_permutexvar_ps(d[r].zeros, near);
            d[r].z = k == FI_QUANTILE_DEGREE ? term : _mm512_fmadd_ps(d[r].z, d[r].s, term);
        }
        if (following && started < count && (FI_QUANTILE_DEGREE - k) % 2 == 0)
            following[started++] = next_round(from);
    }
}

/* Sums and stores `count` rounds, and starts as many if `following` is not NULL. */
FI_AVX512_INLINE void pass(const size_t count, draws *d, source *from, draws *following,
                           __m512 scale, float *out)
{
    const bool far = any_far(count, d);
    sum_near(count, d, from, following);
    if (__builtin_expect(far, false))
        sum_far(count, d);
#pragma GCC unroll 4
    for (size_t r = 0; r < count; r++)
        finish(&d[r], scale, out + r * FI_LANES);
}

FI_AVX512_INLINE void normal_draws(const fi_lanes *lanes, size_t rounds, const fi_window *window,
                                   float scale, float *out)
{
    source from = source_of(lanes, window);
    const __m512 factor = _mm512_set1_ps(scale);
    draws d[TOGETHER], following[TOGETHER];
    if (rounds >= TOGETHER) {
#pragma GCC unroll 4
        for (size_t r = 0; r < TOGETHER; r++)
            d[r] = next_round(&from);
        for (; rounds >= 2 * TOGETHER; rounds -= TOGETHER, out += (size_t)TOGETHER * FI_LANES) {
            pass(TOGETHER, d, &from, following, factor, out);
#pragma GCC unroll 4
            for (size_t r = 0; r < TOGETHER; r++)
                d[r] = following[r];
        }
        pass(TOGETHER, d, &from, NULL, factor, out);
        rounds -= TOGETHER;
        out += (size_t)TOGETHER * FI_LANES;
    }
    for (; rounds; rounds--, out += FI_LANES) {
        d[0] = next_round(&from);
        pass(1, d, &from, NULL, factor, out);
    }
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
