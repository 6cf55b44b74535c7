/*
 * Draws of each law, one 32-bit draw a value. Sixteen SIMD lanes hold copies of the one stream,
 * each a draw ahead of the one before, and all jump by sixteen: their output in order is the
 * stream's. The laws are loops over blocks of that output.
 */
#include "draw.h"
#include "../core/internal.h"
#include "../core/rng.h"
#include "quantile.h"

#include <math.h>
#include <string.h>

enum {
    LANES = FI_LANES,
    BLOCK = 64 * LANES
};

/* ---- the stream ------------------------------------------------------------------------------ */

/* The jump is affine: its increment is the image of 0, its multiplier that of 1, less that. */
fi_lanes fi_lanes_from(fi_rng rng)
{
    fi_rng zero = {.state = 0, .inc = rng.inc};
    fi_rng one = {.state = 1, .inc = rng.inc};
    fi_rng_advance(&zero, LANES);
    fi_rng_advance(&one, LANES);
    fi_lanes lanes = {.multiplier = one.state - zero.state, .increment = zero.state};
    for (size_t k = 0; k < LANES; k++, fi_rng_advance(&rng, 1))
        lanes.state[k] = rng.state;
    return lanes;
}

FI_CLONES static void lanes_run(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x)
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

/* The loader cannot hide a function that it picks: the clones are behind one that it does not. */
void fi_lanes_run(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x)
{
    lanes_run(lanes, rounds, x);
}

/* ---- the laws -------------------------------------------------------------------------------- */

#define ROOT_3 1.73205080756887729353
#define ROOT_HALF 0.707106781186547524401
#define HALF 2147483648.0 /* 2^31 draws on either side of the median */

static double density(double z)
{
    return 0.398942280401432677940 * exp(-z * z / 2);
}

/* Moments by parts: E z^k = (k - 1) E z^(k-2) + what z^(k-1) density(z) loses from end to end. */
fi_cut fi_cut_normal(double lower, double upper)
{
    FI_REQUIRE(isfinite(lower) && isfinite(upper) && lower < upper);
    const double from = lower * ROOT_HALF;
    const double to = upper * ROOT_HALF;
    fi_cut cut = {.below = erfc(-from) / 2, .above = erfc(to) / 2};
    if (from > 0)
        cut.inside = (erfc(from) - erfc(to)) / 2;
    else if (to < 0)
        cut.inside = (erfc(-to) - erfc(-from)) / 2;
    else
        cut.inside = (erf(to) - erf(from)) / 2;
    const double at_lower = density(lower) / cut.inside;
    const double at_upper = density(upper) / cut.inside;
    const double m1 = at_lower - at_upper;
    const double m2 = 1 + lower * at_lower - upper * at_upper;
    const double m3 = 2 * m1 + lower * lower * at_lower - upper * upper * at_upper;
    const double m4 = 3 * m2 + pow(lower, 3) * at_lower - pow(upper, 3) * at_upper;
    const double variance = m2 - m1 * m1;
    const double fourth = m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * pow(m1, 4);
    cut.mean = m1;
    cut.sd = sqrt(variance);
    cut.kurtosis = fourth / (variance * variance);
    return cut;
}

/*
 * The draws that leave a cut law: of the draw of u the draw of below + inside u, in fixed point,
 * off by at most 2.4e-10; in the quantile at 2 sigma that is 5e-9. `span`, inside in 2^-31, is odd,
 * so that in a symmetric cut narrow(~x) = ~narrow(x).
 */
struct window {
    int64_t span, shift;
};

static struct window window_of(const fi_cut *cut)
{
    struct window window = {.span = 2 * (int64_t)(cut->inside * HALF / 2) + 1};
    if (window.span > INT32_MAX)
        window.span = INT32_MAX;
    const int64_t most = ((int64_t)1 << 31) - window.span;
    const double shift = (cut->below - cut->above) * HALF;
    window.shift = llround(fmax((double)-most, fmin((double)most, shift)));
    return window;
}

static inline uint32_t narrow(uint32_t x, struct window window)
{
    const int64_t from_median = (int32_t)(x ^ UINT32_C(0x80000000));
    const int64_t product = from_median * window.span + (window.span - 1) / 2;
    const uint32_t moved = (uint32_t)((uint64_t)product >> 31) + (uint32_t)window.shift;
    return moved ^ UINT32_C(0x80000000);
}

FI_CLONES static void uniform(size_t n, const uint32_t *restrict x, fi_real scale,
                              fi_real *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t from_median = (int32_t)(x[i] ^ UINT32_C(0x80000000));
        out[i] = ((fi_real)from_median + FI_REAL(0.5)) * scale;
    }
}

#ifdef FI_DOUBLE

/* Halley's step from the float quantile of below + inside (x + 1/2)/2^32 to the double one. */
static double refined(uint32_t x, const fi_cut *cut, double start)
{
    const double v = 2.0 * x + 1;
    const double beyond = 2.0 * ~x + 1;
    const double central = cut->below - cut->above + cut->inside * ((v - 2 * HALF) / (2 * HALF));
    const double tail = central < 0 ? cut->below + cut->inside * (v / (4 * HALF))
                                    : cut->above + cut->inside * (beyond / (4 * HALF));
    const double z = fabs(start);
    const double miss =
        tail < 0.25 ? erfc(z * ROOT_HALF) / 2 - tail : (fabs(central) - erf(z * ROOT_HALF)) / 2;
    const double step = miss / density(z);
    return copysign(z + step / (1 - z * step / 2), central);
}

static void normal(size_t n, const uint32_t *x, double scale, double *out)
{
    const fi_cut whole = {.inside = 1};
    for (size_t i = 0; i < n; i++)
        out[i] = refined(x[i], &whole, (double)fi_quantile(x[i])) * scale;
}

static void truncated(size_t n, uint32_t *x, const fi_cut *cut, double scale, double *out)
{
    const struct window window = window_of(cut);
    for (size_t i = 0; i < n; i++)
        out[i] = refined(x[i], cut, (double)fi_quantile(narrow(x[i], window))) * scale;
}

#else

/*
 * fi_quantile of eight draws. A permutation within registers looks up the coefficients of the last
 * eight segments, which hold 255 of 256 draws (gathers from memory take six times as long); what is
 * in the others is redone. Vectors pass by pointer, as the baseline has no registers for them, and
 * the pointers vanish when all is inlined into a clone.
 */
#define INLINED static inline __attribute__((always_inline))

typedef float float_x8 __attribute__((vector_size(32)));
typedef int32_t int32_x8 __attribute__((vector_size(32)));
typedef uint32_t uint32_x8 __attribute__((vector_size(32)));
typedef uint64_t uint64_x4 __attribute__((vector_size(32)));

enum {
    FIRST_COMMON = FI_QUANTILE_SEGMENTS - 8,
    GROUP = 16 /* draws between two checks for the others */
};

/* The coefficients of s^k in the segments e. */
INLINED void look_up(int k, const uint32_x8 *e, float_x8 *found)
{
    float_x8 table;
    memcpy(&table, &fi_quantile_coefficients[k][FIRST_COMMON], sizeof table);
#ifdef __clang__
    for (int lane = 0; lane < 8; lane++)
        (*found)[lane] = table[(*e)[lane] % 8];
#else
    *found = __builtin_shuffle(table, *e); /* takes the index modulo 8 */
#endif
}

/* Eight values, right where the segment e is a common one. */
INLINED void normal_x8(const uint32_t *draws, float scale, float *out, uint32_x8 *e)
{
    uint32_x8 x;
    memcpy(&x, draws, sizeof x);
    const int32_x8 t = (int32_x8)x ^ ((int32_x8)x >> 31);
    /* Without the bit after its leading one, t cannot round up to the next power of 2. */
    const float_x8 power = __builtin_convertvector(t & ~(t >> 1), float_x8) + 0.5F;
    *e = ((uint32_x8)power >> 23) - 126;
    const int32_x8 from_end = (int32_x8)((2U << *e) - (2 * (uint32_x8)t + 1));
    const float_x8 s = __builtin_convertvector(from_end, float_x8) * (float_x8)((127 - *e) << 23);
    float_x8 z;
    look_up(FI_QUANTILE_DEGREE, e, &z);
    for (int k = FI_QUANTILE_DEGREE - 1; k >= 0; k--) {
        float_x8 coefficient;
        look_up(k, e, &coefficient);
        for (int lane = 0; lane < 8; lane++)
            z[lane] = fmaf(z[lane], s[lane], coefficient[lane]);
    }
    z = (float_x8)((uint32_x8)z ^ (~x & UINT32_C(0x80000000))) * scale;
    memcpy(out, &z, sizeof z);
}

/* Whether all segments are at least FIRST_COMMON, 24: these alone have both bits of 24. */
INLINED bool all_common(const uint32_x8 *a, const uint32_x8 *b)
{
    const uint64_x4 pairs = (uint64_x4)(*a & *b);
    const uint64_t both = pairs[0] & pairs[1] & pairs[2] & pairs[3];
    return (both & both >> 32 & FIRST_COMMON) == FIRST_COMMON;
}

FI_CLONES static void normal(size_t n, const uint32_t *restrict x, float scale, float *restrict out)
{
    const uint32_t tail = UINT32_C(1) << (FIRST_COMMON - 1);
    size_t i = 0;
    for (; i + GROUP <= n; i += GROUP) {
        uint32_x8 first;
        uint32_x8 second;
        normal_x8(x + i, scale, out + i, &first);
        normal_x8(x + i + 8, scale, out + i + 8, &second);
        if (all_common(&first, &second))
            continue;
        for (size_t k = i; k < i + GROUP; k++)
            if (x[k] < tail || ~x[k] < tail)
                out[k] = fi_quantile(x[k]) * scale;
    }
    for (; i < n; i++)
        out[i] = fi_quantile(x[i]) * scale;
}

FI_CLONES static void truncated(size_t n, uint32_t *x, const fi_cut *cut, float scale, float *out)
{
    const struct window window = window_of(cut);
    for (size_t i = 0; i < n; i++)
        x[i] = narrow(x[i], window);
    normal(n, x, scale, out);
}

#endif

/* The cut is that of FI_TRUNCATED. */
static void draw(fi_rng *rng, fi_law law, const fi_cut *cut, double std, size_t n, fi_real *out)
{
    fi_lanes lanes = fi_lanes_from(*rng);
    uint32_t x[BLOCK] = {0};
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t count = n - i < BLOCK ? n - i : BLOCK;
        lanes_run(&lanes, (count + LANES - 1) / LANES, x);
        if (law == FI_NORMAL)
            normal(count, x, (fi_real)std, out + i);
        else if (law == FI_TRUNCATED)
            truncated(count, x, cut, (fi_real)std, out + i);
        else
            uniform(count, x, (fi_real)(std * ROOT_3 / HALF), out + i);
    }
    fi_rng_advance(rng, n);
}

void fi_draw_cut(fi_rng *rng, const fi_cut *cut, double std, size_t n, fi_real *out)
{
    FI_REQUIRE(rng && cut && (out || n == 0));
    draw(rng, FI_TRUNCATED, cut, std, n, out);
}

void fi_draw(fi_rng *rng, fi_law law, double std, size_t n, fi_real *out)
{
    FI_REQUIRE(rng && (out || n == 0));
    FI_REQUIRE(law != FI_ORTHOGONAL && law != FI_EYE);
    if (law == FI_CONSTANT) {
        for (size_t i = 0; i < n; i++)
            out[i] = (fi_real)std;
    } else if (law == FI_TRUNCATED) {
        const fi_cut cut = fi_cut_normal(-2, 2);
        fi_draw_cut(rng, &cut, std / cut.sd, n, out);
    } else {
        draw(rng, law, NULL, std, n, out);
    }
}
