/*
 * The kernels of draw.c: for AVX2 in intrinsics, and in plain C for any processor. All take the
 * stream and the quantile as rng.h and quantile.h define them, and give the same bits.
 */
#include "../core/internal.h"
#include "../core/rng.h"
#include "draw.h"
#include "quantile.h"

enum {
    LANES = FI_LANES
};

/* ---- any processor --------------------------------------------------------------------------- */

static void run(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x)
{
    const uint64_t multiplier = lanes->multiplier;
    const uint64_t increment = lanes->increment;
    for (size_t i = 0; i < rounds; i++) {
        for (size_t k = 0; k < LANES; k++)
            x[i * LANES + k] = fi_pcg_output(lanes->state[k]);
        for (size_t k = 0; k < LANES; k++)
            lanes->state[k] = lanes->state[k] * multiplier + increment;
    }
}

static void normal(fi_lanes lanes, size_t rounds, const fi_window *window, float scale, float *out)
{
    for (size_t i = 0; i < rounds; i++, out += LANES) {
        uint32_t x[LANES];
        run(&lanes, 1, x);
        for (size_t k = 0; k < LANES; k++)
            out[k] = fi_quantile(window ? fi_narrow(x[k], *window) : x[k]) * scale;
    }
}

const fi_draw_kernel fi_draw_portable = {"portable", run, normal};

/* ---- AVX2 ------------------------------------------------------------------------------------ */

#ifdef __x86_64__
#include <immintrin.h>

typedef __m256i *pointer;
typedef const __m256i *const_pointer;

/* Eight states of 64 bits by halves, as most of their arithmetic is on 32 bits. */
typedef struct states {
    __m256i low, high;
} states;

typedef struct step {
    __m256i low, high,
        increment; /* the multiplier's halves eight times, the increment four times */
} step;

FI_AVX2_INLINE step step_of(const fi_lanes *lanes)
{
    return (step){.low = _mm256_set1_epi32((int)lanes->multiplier),
                  .high = _mm256_set1_epi32((int)(lanes->multiplier >> 32)),
                  .increment = _mm256_set1_epi64x((long long)lanes->increment)};
}

FI_AVX2_INLINE states split(const uint64_t *state)
{
    const __m256 a = _mm256_castsi256_ps(_mm256_loadu_si256((const_pointer)state));
    const __m256 b = _mm256_castsi256_ps(_mm256_loadu_si256((const_pointer)(state + 4)));
    const __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
    const __m256i high = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
    return (states){_mm256_permute4x64_epi64(low, 0xd8), _mm256_permute4x64_epi64(high, 0xd8)};
}

FI_AVX2_INLINE void join(states s, uint64_t *state)
{
    const __m256i low = _mm256_permute4x64_epi64(s.low, 0xd8);
    const __m256i high = _mm256_permute4x64_epi64(s.high, 0xd8);
    _mm256_storeu_si256((pointer)state, _mm256_unpacklo_epi32(low, high));
    _mm256_storeu_si256((pointer)(state + 4), _mm256_unpackhi_epi32(low, high));
}

/* fi_pcg_output: bits 27 to 58 of state ^ state >> 18, rotated by the topmost five of the state. */
FI_AVX2_INLINE __m256i output(states s)
{
    const __m256i own =
        _mm256_xor_si256(_mm256_slli_epi32(s.high, 5), _mm256_srli_epi32(s.low, 27));
    const __m256i bits = _mm256_xor_si256(own, _mm256_srli_epi32(s.high, 13));
    const __m256i rotation = _mm256_srli_epi32(s.high, 27);
    const __m256i rest = _mm256_sub_epi32(_mm256_set1_epi32(32), rotation);
    return _mm256_or_si256(_mm256_srlv_epi32(bits, rotation), _mm256_sllv_epi32(bits, rest));
}

/* state * multiplier + increment: two 64-bit products of lower halves, two 32-bit ones across. */
FI_AVX2_INLINE states next(states s, step by)
{
    const __m256i odd_low = _mm256_srli_epi64(s.low, 32);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epu32(s.low, by.low), by.increment);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epu32(odd_low, by.low), by.increment);
    const __m256i across =
        _mm256_add_epi32(_mm256_mullo_epi32(s.low, by.high), _mm256_mullo_epi32(s.high, by.low));
    const __m256i low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    return (states){low, _mm256_add_epi32(high, across)};
}

static FI_AVX2 void run_avx2(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x)
{
    const step by = step_of(lanes);
    states a = split(lanes->state);
    states b = split(lanes->state + 8);
    for (size_t i = 0; i < rounds; i++, x += LANES) {
        _mm256_storeu_si256((pointer)x, output(a));
        _mm256_storeu_si256((pointer)(x + 8), output(b));
        a = next(a, by);
        b = next(b, by);
    }
    join(a, lanes->state);
    join(b, lanes->state + 8);
}

/* fi_narrow. */
FI_AVX2_INLINE __m256i narrow(__m256i x, const fi_window *window)
{
    const __m256i span = _mm256_set1_epi32((int)window->span);
    const __m256i half = _mm256_set1_epi64x((window->span - 1) / 2);
    const __m256i shift = _mm256_set1_epi32((int)(window->shift + INT32_MIN));
    const __m256i centred = _mm256_xor_si256(x, _mm256_set1_epi32(INT32_MIN));
    const __m256i odd_centred = _mm256_srli_epi64(centred, 32);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(centred, span), half);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(odd_centred, span), half);
    const __m256i moved =
        _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
    return _mm256_add_epi32(moved, shift);
}

/*
 * The last eight segments of the quantile are the common ones: they hold 255 of 256 draws, and a
 * permutation within registers looks up their coefficients (a gather takes six times as long).
 */
enum {
    COMMON = FI_QUANTILE_SEGMENTS - 8,
    TAIL = 1 << (COMMON - 1), /* the t below are in the others */
    BLOCK = 64                /* rounds between two repairs of the others */
};

/* Eight draws with what fi_quantile makes of them, where they are common. */
typedef struct draws {
    __m256i x, t;
    __m256i segment; /* e, modulo 8 */
    __m256 s, z;
} draws;

/*
 * The bits of t below 14 drop out, so that the float of the others is exact: its exponent is
 * e + 112. v 2^(31-e) as a signed integer is -2^31 s.
 */
FI_AVX2_INLINE draws start(__m256i x)
{
    draws d = {.x = x, .t = _mm256_xor_si256(x, _mm256_srai_epi32(x, 31))};
    const __m256 power = _mm256_cvtepi32_ps(_mm256_srli_epi32(d.t, 14));
    d.segment = _mm256_srli_epi32(_mm256_castps_si256(power), 23);
    const __m256i v = _mm256_sub_epi32(_mm256_add_epi32(d.t, d.t), _mm256_set1_epi32(-1));
    const __m256i shift = _mm256_sub_epi32(_mm256_set1_epi32(112 + 31), d.segment);
    const __m256 scaled = _mm256_cvtepi32_ps(_mm256_sllv_epi32(v, shift));
    const __m256i to_s = _mm256_set1_epi32((int)((256U - 31) << 23)); /* times -2^-31 */
    d.s = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(scaled), to_s));
    return d;
}

FI_AVX2_INLINE __m256 look_up(int k, const draws *d)
{
    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(&fi_quantile_coefficients[k][COMMON]),
                                    d->segment);
}

FI_AVX2_INLINE void add_term(int k, draws *a, draws *b)
{
    a->z = _mm256_fmadd_ps(a->z, a->s, look_up(k, a));
    b->z = _mm256_fmadd_ps(b->z, b->s, look_up(k, b));
}

/* Below the median the sign changes. */
FI_AVX2_INLINE void finish(const draws *d, __m256 minus_scale, float *out)
{
    const __m256 above = _mm256_and_ps(_mm256_castsi256_ps(d->x), _mm256_set1_ps(-0.0F));
    _mm256_storeu_ps(out, _mm256_mul_ps(d->z, _mm256_xor_ps(minus_scale, above)));
}

/* The lanes, of eight each, in which a or b is not common. */
FI_AVX2_INLINE uint32_t uncommon(const draws *a, const draws *b)
{
    const __m256i least = _mm256_min_epu32(a->t, b->t);
    const __m256i below = _mm256_sub_epi32(least, _mm256_set1_epi32(TAIL));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(below));
}

/* Each row is 256 round + its uncommon lanes. */
FI_AVX2_INLINE void repair(size_t n, const uint16_t *rows, const uint32_t *x, float scale,
                           float *out)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t lanes = rows[i] % 256; lanes; lanes &= lanes - 1) {
            const size_t k = rows[i] / 256 * LANES + (size_t)__builtin_ctz(lanes);
            out[k] = fi_quantile(x[k]) * scale;
            out[k + 8] = fi_quantile(x[k + 8]) * scale;
        }
}

/* A round of lanes, and the draws it gave last. */
typedef struct stream {
    states lower, upper;
    draws a, b;
} stream;

FI_AVX2_INLINE draws start_narrow(__m256i x, const fi_window *window)
{
    return start(window ? narrow(x, window) : x);
}

FI_AVX2_INLINE stream begin(const fi_lanes *lanes, const fi_window *window)
{
    const step by = step_of(lanes);
    const states lower = split(lanes->state);
    const states upper = split(lanes->state + 8);
    return (stream){.lower = next(lower, by),
                    .upper = next(upper, by),
                    .a = start_narrow(output(lower), window),
                    .b = start_narrow(output(upper), window)};
}

/* Sums the polynomials of a round and in between, as they wait for each other, makes the next. */
FI_AVX2_INLINE void sum(stream *s, step by, const fi_window *window, __m256 minus_scale, float *out)
{
    _Static_assert(FI_QUANTILE_DEGREE == 8, "a term for each degree");
    draws a = s->a;
    draws b = s->b;
    a.z = look_up(8, &a);
    b.z = look_up(8, &b);
    add_term(7, &a, &b);
    const __m256i x_a = output(s->lower);
    add_term(6, &a, &b);
    const __m256i x_b = output(s->upper);
    add_term(5, &a, &b);
    s->lower = next(s->lower, by);
    add_term(4, &a, &b);
    s->upper = next(s->upper, by);
    add_term(3, &a, &b);
    s->a = start_narrow(x_a, window);
    add_term(2, &a, &b);
    s->b = start_narrow(x_b, window);
    add_term(1, &a, &b);
    add_term(0, &a, &b);
    finish(&a, minus_scale, out);
    finish(&b, minus_scale, out + 8);
}

FI_AVX2_INLINE void normal_draws(const fi_lanes *lanes, size_t rounds, const fi_window *window,
                                 float scale, float *out)
{
    const step by = step_of(lanes);
    const __m256 minus_scale = _mm256_set1_ps(-scale);
    stream s = begin(lanes, window);
    while (rounds) {
        const size_t count = rounds < BLOCK ? rounds : BLOCK;
        uint32_t x[BLOCK * LANES];
        uint16_t rows[BLOCK + 1];
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            _mm256_storeu_si256((pointer)(x + i * LANES), s.a.x);
            _mm256_storeu_si256((pointer)(x + i * LANES + 8), s.b.x);
            const uint32_t others = uncommon(&s.a, &s.b);
            rows[n] = (uint16_t)(256 * i + others);
            n += others != 0;
            sum(&s, by, window, minus_scale, out + i * LANES);
        }
        repair(n, rows, x, scale, out);
        out += count * LANES;
        rounds -= count;
    }
}

static FI_AVX2 void normal_avx2(fi_lanes lanes, size_t rounds, const fi_window *window, float scale,
                                float *out)
{
    if (window)
        normal_draws(&lanes, rounds, window, scale, out);
    else
        normal_draws(&lanes, rounds, NULL, scale, out);
}

const fi_draw_kernel fi_draw_avx2 = {"AVX2", run_avx2, normal_avx2};
#endif

/* ---- the choice ------------------------------------------------------------------------------ */

const fi_draw_kernel *fi_draw_choice(size_t k)
{
    static const fi_draw_kernel *const kernels[] = {
        [FI_PORTABLE] = &fi_draw_portable,
#ifdef __x86_64__
        [FI_WITH_AVX2] = &fi_draw_avx2,
        [FI_WITH_AVX512] = &fi_draw_avx512,
#endif
    };
    const size_t best = fi_instructions_here();
    return k <= best ? kernels[best - k] : NULL;
}
