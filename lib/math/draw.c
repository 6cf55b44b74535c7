/*
 * Draws of each law, one 32-bit draw a value. Sixteen SIMD lanes hold copies of the one stream,
 * each a draw ahead of the one before, and all jump by sixteen: their output in order is the
 * stream's. draw_kernel.c runs them and takes their output to the normal law.
 */
#include "draw.h"
#include "../core/internal.h"
#include "../core/team.h"
#include "quantile.h"

#include <math.h>

enum {
    LANES = FI_LANES,
    BLOCK = 64 * LANES,
    LEAST_SHARED = 1 << 15 /* draws that make up for waking a team: some 30 us */
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

void fi_lanes_run(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x)
{
    fi_draw_choice(0)->run(lanes, rounds, x);
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

static fi_window window_of(const fi_cut *cut)
{
    fi_window window = {.span = 2 * (int64_t)(cut->inside * HALF / 2) + 1};
    if (window.span > INT32_MAX)
        window.span = INT32_MAX;
    const int64_t most = ((int64_t)1 << 31) - window.span;
    const double shift = (cut->below - cut->above) * HALF;
    window.shift = llround(fmax((double)-most, fmin((double)most, shift)));
    return window;
}

FI_CLONES static void centre(size_t n, const uint32_t *restrict x, fi_real scale,
                             fi_real *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t from_median = (int32_t)(x[i] ^ UINT32_C(0x80000000));
        out[i] = ((fi_real)from_median + FI_REAL(0.5)) * scale;
    }
}

static void uniform(fi_rng *rng, double std, size_t n, fi_real *out)
{
    fi_lanes lanes = fi_lanes_from(*rng);
    uint32_t x[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t count = n - i < BLOCK ? n - i : BLOCK;
        fi_lanes_run(&lanes, (count + LANES - 1) / LANES, x);
        centre(count, x, (fi_real)(std * ROOT_3 / HALF), out + i);
    }
    fi_rng_advance(rng, n);
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

/* A normal law, cut or, where cut is NULL, whole. */
static void normal(fi_rng *rng, const fi_cut *cut, double std, size_t n, double *out)
{
    const fi_cut whole = {.inside = 1};
    const fi_window window = cut ? window_of(cut) : (fi_window){0};
    for (size_t i = 0; i < n; i++) {
        const uint32_t x = fi_rng_u32(rng);
        const double start = (double)fi_quantile(cut ? fi_narrow(x, window) : x);
        out[i] = refined(x, cut ? cut : &whole, start) * std;
    }
}

#else

struct shared_draws {
    fi_rng rng;
    const fi_window *window;
    size_t rounds;
    float scale, *out;
};

/* The member's part of the rounds, from its place in the stream. */
static void draw_share(void *context, size_t member, size_t members)
{
    const struct shared_draws *const s = context;
    const size_t first = s->rounds * member / members;
    const size_t end = s->rounds * (member + 1) / members;
    fi_rng rng = s->rng;
    fi_rng_advance(&rng, first * LANES);
    fi_draw_choice(0)->normal(fi_lanes_from(rng), end - first, s->window, s->scale,
                              s->out + first * LANES);
}

/* A normal law, cut or, where cut is NULL, whole. */
static void normal(fi_rng *rng, const fi_cut *cut, double std, size_t n, float *out)
{
    const fi_window window = cut ? window_of(cut) : (fi_window){0};
    const float scale = (float)std;
    const size_t rounds = n / LANES;
    struct shared_draws shared = {*rng, cut ? &window : NULL, rounds, scale, out};
    if (rounds)
        fi_team_share(n < LEAST_SHARED ? 1 : SIZE_MAX, draw_share, &shared);
    fi_rng_advance(rng, rounds * LANES);
    for (size_t i = rounds * LANES; i < n; i++) {
        const uint32_t x = fi_rng_u32(rng);
        out[i] = fi_quantile(cut ? fi_narrow(x, window) : x) * scale;
    }
}

#endif

void fi_draw_cut(fi_rng *rng, const fi_cut *cut, double std, size_t n, fi_real *out)
{
    FI_REQUIRE(rng && cut && (out || n == 0));
    normal(rng, cut, std, n, out);
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
        normal(rng, &cut, std / cut.sd, n, out);
    } else if (law == FI_NORMAL) {
        normal(rng, NULL, std, n, out);
    } else {
        uniform(rng, std, n, out);
    }
}
