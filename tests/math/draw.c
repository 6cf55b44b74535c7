/* Draws: exactness of the quantile, one draw a value whatever the call, and the laws themselves. */
#include "math/draw.h"
#include "fanin.h"
#include "math/quantile.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifdef FI_DOUBLE
#define EPSILON DBL_EPSILON
#else
#define EPSILON ((double)FLT_EPSILON)
#endif

#define ROOT_HALF 0.70710678118654752440
#define TRUNCATED_SD 0.87962566103423978

enum {
    MANY = 1000003
};

static fi_real values[MANY], others[MANY];

static const fi_law laws[] = {FI_NORMAL, FI_UNIFORM, FI_TRUNCATED};
static const char *const law_names[] = {"normal", "uniform", "truncated"};

/* The z >= 0 whose upper tail is `tail`, which leaves `central` within +-z, by bisection. */
static double quantile_of(double tail, double central)
{
    double low = 0;
    double high = 7;
    for (int k = 0; k < 200 && low < high; k++) {
        const double middle = (low + high) / 2;
        if (middle == low || middle == high)
            break;
        const bool beyond =
            tail < 0.25 ? erfc(middle * ROOT_HALF) / 2 < tail : erf(middle * ROOT_HALF) > central;
        *(beyond ? &high : &low) = middle;
    }
    return low;
}

/* Value of draw x at std 1, in double from the definition of the law. */
static double reference(fi_law law, uint32_t x)
{
    const uint32_t t = x < ~x ? x : ~x;
    const double sign = x < ~x ? -1 : 1;
    const double central = (4294967295.0 - 2.0 * t) / 4294967296.0;
    if (law == FI_UNIFORM)
        return sign * sqrt(3) * central;
    if (law == FI_NORMAL)
        return sign * quantile_of((t + 0.5) / 4294967296.0, central);
    const double span = erf(2 * ROOT_HALF);
    const double tail = erfc(2 * ROOT_HALF) / 2 + span * (t + 0.5) / 4294967296.0;
    return sign * quantile_of(tail, span * central) / TRUNCATED_SD;
}

/*
 * How far a value may be off. Double: 8 roundings, for the quantile is no worse conditioned than
 * its argument. Float: what quantile.h states, and two roundings for scaling; for the truncated law
 * 5e-9 more, for its fixed point.
 */
static double tolerance(fi_law law, double value)
{
#ifdef FI_DOUBLE
    (void)law;
    return 8 * DBL_EPSILON * fabs(value);
#else
    const double rounding = EPSILON * fabs(value);
    if (law == FI_UNIFORM)
        return 2 * rounding;
    if (law == FI_TRUNCATED)
        return (1.4e-7 + 5e-9) / TRUNCATED_SD + rounding;
    const float z = fabsf((float)value);
    return fmax(1.4e-7, (double)(nextafterf(z, 8) - z));
#endif
}

/* A generator whose next output is x: the state that XSH-RR takes to x without a rotation. */
static fi_rng about_to_give(uint32_t x)
{
    return (fi_rng){.state = (uint64_t)(x ^ x >> 18) << 27, .inc = 1};
}

/* Draws x by the vector loop (n = 16) and its mirror image by the scalar one (n = 1). */
static void check_value(fi_law law, uint32_t x)
{
    fi_real group[16], mirrored[1];
    fi_rng rng = about_to_give(x);
    fi_rng mirror = about_to_give(~x);
    fi_draw(&rng, law, 1, 16, group);
    fi_draw(&mirror, law, 1, 1, mirrored);
    const double value = (double)group[0];
    const double expected = reference(law, x);
    cr_assert(fabs(value - expected) <= tolerance(law, expected),
              "law %d, x = %08x: %.17g, not %.17g", law, x, value, expected);
    if (law != FI_UNIFORM)
        cr_assert(group[0] == -mirrored[0], "law %d, x = %08x: %g, mirrored %g", law, x, value,
                  (double)mirrored[0]);
    cr_assert(law != FI_NORMAL || fabs(value) <= 6.34, "%g", value);
}

Test(draw, is_accurate_at_the_edges_of_all_segments)
{
    for (size_t k = 0; k < 3; k++)
        for (uint32_t e = 0; e < 32; e++) {
            const uint32_t edge = e ? UINT32_C(1) << (e - 1) : 0;
            for (uint32_t d = 0; d < 8; d++) {
                check_value(laws[k], edge + d);
                check_value(laws[k], edge - d);
                check_value(laws[k], edge + d * (edge / 8));
                check_value(laws[k], ~(edge + d * (edge / 8)));
            }
        }
}

Test(draw, is_accurate_everywhere)
{
    fi_rng rng = fi_rng_stream(1, FI_FOR_PROBE, 0, 0);
    for (size_t k = 0; k < 3; k++)
        for (int i = 0; i < 32768; i++)
            check_value(laws[k], fi_rng_u32(&rng) >> (i % 32));
}

Test(draw, a_value_does_not_depend_on_the_call)
{
    const size_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 1023, 1024, 1025, 4099, 100003, MANY};
    for (size_t k = 0; k < 3; k++) {
        const size_t most = laws[k] == FI_NORMAL ? MANY : 100003;
        const fi_rng start = fi_rng_stream(k, FI_FOR_WEIGHT, 1, 0);
        fi_rng single = start;
        for (size_t i = 0; i < most; i++)
            fi_draw(&single, laws[k], 0.3, 1, &others[i]);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes && sizes[s] <= most; s++) {
            fi_rng rng = start;
            fi_rng stepped = start;
            fi_rng_advance(&stepped, sizes[s]);
            memset(values, 0xff, sizeof values);
            fi_draw(&rng, laws[k], 0.3, sizes[s], values);
            cr_expect(memcmp(values, others, sizes[s] * sizeof *values) == 0, "%s, n = %zu",
                      law_names[k], sizes[s]);
            cr_expect(sizes[s] == MANY || isnan((double)values[sizes[s]]),
                      "%s wrote past %zu values", law_names[k], sizes[s]);
            cr_expect(rng.state == stepped.state && rng.inc == stepped.inc,
                      "%s advanced by other than %zu", law_names[k], sizes[s]);
        }
    }
}

Test(draw, split_calls_continue_the_stream)
{
    const size_t total = 20000;
    for (size_t k = 0; k < 3; k++) {
        fi_rng whole = fi_rng_stream(9, FI_FOR_INPUT, k, 0);
        fi_rng parts = whole;
        fi_draw(&whole, laws[k], 1, total, values);
        for (size_t i = 0, part = 0; i < total; i += part) {
            part = (i * 7 + 3) % 2100; /* never 0 */
            part = part < total - i ? part : total - i;
            fi_draw(&parts, laws[k], 1, part, others + i);
        }
        cr_expect(memcmp(values, others, total * sizeof *values) == 0, "%s", law_names[k]);
    }
}

/* Run in parts, the lanes of either kernel give the stream's own draws in its order. */
Test(draw, lanes_are_the_stream)
{
    enum {
        ROUNDS = 130
    };
    const size_t parts[] = {1, 2, 63, 64};
    for (size_t kernel = 0; fi_draw_choice(kernel); kernel++) {
        static uint32_t draws[FI_LANES * ROUNDS + 1];
        fi_rng plain = fi_rng_stream(5, FI_FOR_DROPOUT, 2, 1);
        fi_lanes lanes = fi_lanes_from(plain);
        uint32_t *next = draws;
        memset(draws, 0, sizeof draws);
        for (size_t k = 0; k < sizeof parts / sizeof *parts; next += FI_LANES * parts[k++])
            fi_draw_choice(kernel)->run(&lanes, parts[k], next);
        fi_draw_choice(kernel)->run(&lanes, 0, next);
        cr_assert_eq(next - draws, FI_LANES * ROUNDS);
        for (size_t i = 0; i < FI_LANES * ROUNDS; i++)
            cr_assert_eq(draws[i], fi_rng_u32(&plain), "%s: draw %zu", fi_draw_choice(kernel)->name,
                         i);
        cr_expect_eq(draws[FI_LANES * ROUNDS], 0, "one draw too many");
    }
}

/* The plain form of what a kernel does, and whether `out` has its bits. */
static bool is_plain(const uint32_t *x, size_t n, const fi_window *window, float scale,
                     const float *out)
{
    for (size_t i = 0; i < n; i++) {
        const float z = fi_quantile(window ? fi_narrow(x[i], *window) : x[i]) * scale;
        if (memcmp(&z, out + i, sizeof z) != 0)
            return false;
    }
    return true;
}

/* Whole, the law within 2 sigma, one with a single span and one at the end of the draws. */
static const fi_window windows[] = {{0, 0},         {2049785763, 0},       {1, -77},
                                    {INT32_MAX, 1}, {1000001, 2146483646}, {65537, -2147418111}};

/* Draws at and about the edges of all segments, in every lane. */
Test(draw, kernels_are_plain_at_the_edges_of_all_segments)
{
    for (size_t kernel = 0; fi_draw_choice(kernel); kernel++)
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
            for (uint32_t e = 0; e < 32; e++)
                for (uint32_t d = 0; d < 32; d++) {
                    const fi_window *window = w ? &windows[w] : NULL;
                    fi_lanes lanes = {.multiplier = 1};
                    uint32_t x[FI_LANES];
                    float out[FI_LANES];
                    for (uint32_t k = 0; k < FI_LANES; k++) {
                        const uint32_t near = ((UINT32_C(1) << e) - 1) + d - 16;
                        x[k] = (d + k) % 3 ? near : ~near; /* rare and common ones side by side */
                        if ((d + k) % 5 == 0)
                            x[k] = x[k] * UINT32_C(2654435769) + k;
                        lanes.state[k] = about_to_give(x[k]).state;
                    }
                    fi_draw_choice(kernel)->normal(lanes, 1, window, 0.7F, out);
                    cr_assert(is_plain(x, FI_LANES, window, 0.7F, out),
                              "%s, window %zu, edge %u, at %u", fi_draw_choice(kernel)->name, w, e,
                              d);
                }
}

Test(draw, kernels_are_plain_in_long_runs)
{
    enum {
        ROUNDS = 4097
    };
    const size_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, ROUNDS};
    static uint32_t x[FI_LANES * ROUNDS];
    static float out[FI_LANES * ROUNDS + 1];
    const fi_rng start = fi_rng_stream(6, FI_FOR_WEIGHT, 3, 0);
    fi_rng plain = start;
    for (size_t i = 0; i < FI_LANES * ROUNDS; i++)
        x[i] = fi_rng_u32(&plain);
    for (size_t kernel = 0; fi_draw_choice(kernel); kernel++)
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                const fi_window *window = w ? &windows[w] : NULL;
                const size_t n = sizes[s] * FI_LANES;
                out[n] = 7;
                fi_draw_choice(kernel)->normal(fi_lanes_from(start), sizes[s], window, -1.3F, out);
                cr_expect(is_plain(x, n, window, -1.3F, out), "%s, window %zu, %zu rounds",
                          fi_draw_choice(kernel)->name, w, sizes[s]);
                cr_expect(out[n] == 7, "wrote past the end");
            }
}

#ifndef FI_DOUBLE
Test(draw, equals_the_plain_loop)
{
    const fi_rng start = fi_rng_stream(3, FI_FOR_WEIGHT, 1, 0);
    fi_rng rng = start;
    fi_rng plain = start;
    fi_draw(&rng, FI_NORMAL, 0.7, MANY, values);
    for (size_t i = 0; i < MANY; i++)
        others[i] = fi_quantile(fi_rng_u32(&plain)) * 0.7F;
    cr_expect(memcmp(values, others, sizeof values) == 0);
    cr_expect_eq(rng.state, plain.state);
}
#endif

Test(draw, a_constant_takes_no_draws)
{
    const fi_rng start = fi_rng_stream(1, FI_FOR_BIAS, 0, 0);
    fi_rng rng = start;
    fi_draw(&rng, FI_CONSTANT, 0.25, 1000, values);
    cr_expect_eq(rng.state, start.state);
    for (size_t i = 0; i < 1000; i++)
        cr_assert(values[i] == (fi_real)0.25, "value %zu is %g", i, (double)values[i]);
}

Test(draw, refuses_a_matrix_law, .signal = SIGABRT)
{
    fi_rng rng = fi_rng_seed(0, 0);
    fi_draw(&rng, FI_ORTHOGONAL, 1, 16, values);
}

/* moments[k]: E v^(2k), k <= 4, of a law of variance 1. */
static void even_moments(fi_law law, double *moments)
{
    const double edge = 2 * 0.05399096651318805195 / erf(2 * ROOT_HALF); /* 2 phi(2) / span */
    moments[0] = 1;
    for (int k = 1; k <= 4; k++)
        if (law == FI_UNIFORM)
            moments[k] = pow(3, k) / (2 * k + 1);
        else /* by parts */
            moments[k] =
                (2 * k - 1) * moments[k - 1] - (law == FI_TRUNCATED ? edge * pow(2, 2 * k - 1) : 0);
    for (int k = 1; law == FI_TRUNCATED && k <= 4; k++)
        moments[k] /= pow(TRUNCATED_SD, 2 * k);
}

/*
 * Sample moments of n values within 5 standard errors: of the mean 1/sqrt n, of the variance
 * sqrt((m4 - 1)/n), and of the kurtosis, by the delta method for a symmetric law,
 * sqrt((m8 - 4 m4 m6 + 4 m4^3 - m4^2)/n), which is sqrt(24/n) for a normal one.
 */
Test(draw, moments_are_the_laws)
{
    const double n = 1e6;
    for (size_t k = 0; k < 3; k++) {
        double m[5];
        even_moments(laws[k], m);
        cr_expect(fabs(m[1] - 1) < 1e-14, "the law's own variance is %.17g", m[1]);
        fi_rng rng = fi_rng_stream(2, FI_FOR_WEIGHT, k, 0);
        fi_draw(&rng, laws[k], 1, (size_t)n, values);
        double sum[5] = {0};
        for (size_t i = 0; i < (size_t)n; i++) {
            const double v = (double)values[i];
            const double powers[] = {1, v, v * v, v * v * v, v * v * v * v};
            for (int p = 1; p <= 4; p++)
                sum[p] += powers[p] / n;
        }
        const double variance = sum[2] - sum[1] * sum[1];
        const double fourth =
            sum[4] - 4 * sum[1] * sum[3] + 6 * sum[1] * sum[1] * sum[2] - 3 * pow(sum[1], 4);
        const double found[] = {sum[1], variance, fourth / (variance * variance)};
        const double expected[] = {0, 1, m[2]};
        const double error[] = {
            1 / sqrt(n), sqrt((m[2] - 1) / n),
            sqrt((m[4] - 4 * m[2] * m[3] + 4 * pow(m[2], 3) - m[2] * m[2]) / n)};
        const char *const names[] = {"mean", "variance", "kurtosis"};
        for (int s = 0; s < 3; s++)
            cr_expect(fabs(found[s] - expected[s]) < 5 * error[s],
                      "%s: %s %g, expected %g, standard error %g", law_names[k], names[s], found[s],
                      expected[s], error[s]);
    }
}

static int ascending(const void *a, const void *b)
{
    const fi_real x = *(const fi_real *)a;
    const fi_real y = *(const fi_real *)b;
    return (x > y) - (x < y);
}

static double distribution(fi_law law, double v)
{
    if (law == FI_UNIFORM)
        return (v / sqrt(3) + 1) / 2;
    if (law == FI_NORMAL)
        return erfc(-v * ROOT_HALF) / 2;
    return (erf(v * TRUNCATED_SD * ROOT_HALF) / erf(2 * ROOT_HALF) + 1) / 2;
}

/* Kolmogorov-Smirnov: sqrt(n) D exceeds 2.3 with probability 2 exp(-2 * 2.3^2) = 5e-5. */
Test(draw, distributions_are_the_laws)
{
    const size_t n = 200000;
    for (size_t k = 0; k < 3; k++) {
        fi_rng rng = fi_rng_stream(4, FI_FOR_WEIGHT, k, 0);
        fi_draw(&rng, laws[k], 1, n, values);
        qsort(values, n, sizeof *values, ascending);
        double distance = 0;
        for (size_t i = 0; i < n; i++) {
            const double p = distribution(laws[k], (double)values[i]);
            distance =
                fmax(distance, fmax(p - (double)i / (double)n, (double)(i + 1) / (double)n - p));
        }
        cr_expect(sqrt((double)n) * distance < 2.3, "%s: sqrt(n) D = %g", law_names[k],
                  sqrt((double)n) * distance);
    }
}
