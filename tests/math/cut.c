/* The normal law between two bounds: its moments, and that draws have it up to its ends. */
#include "math/draw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define SD_2 0.87962566103423975041 /* of N(0, 1) within +-2 */

enum {
    DRAWS = 100000
};

static fi_real values[DRAWS], others[DRAWS];

static const double cuts[][2] = {{-2, 2},    {-100, 100}, {-1, 0.5},   {0, 2},      {1.5, 3.5},
                                 {-5, -2.5}, {3, 6},      {0.1, 0.11}, {-100, 0.6}, {-0.6, 100}};

enum {
    CUTS = sizeof cuts / sizeof *cuts
};

/* E (z - center)^k density over the cut, by Simpson's rule, up to 1e-12 of the whole. */
static double integral(double lower, double upper, double center, int power)
{
    enum {
        STEPS = 4096
    };
    const double from = fmax(lower, -9), to = fmin(upper, 9), h = (to - from) / STEPS;
    double sum = 0;
    for (int i = 0; i <= STEPS; i++) {
        const double z = from + i * h, weight = i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2;
        sum += weight * pow(z - center, power) * exp(-z * z / 2);
    }
    return sum * h / 3 / sqrt(2 * acos(-1));
}

/* What is left after subtractions: 1e-16 over the probability and the law's variance^2. */
Test(cut, a_cut_has_its_moments)
{
    cr_expect(fabs(fi_cut_normal(-2, 2).sd - SD_2) < 4e-16);
    for (size_t k = 0; k < CUTS; k++) {
        const double lower = cuts[k][0], upper = cuts[k][1];
        const fi_cut cut = fi_cut_normal(lower, upper);
        const double inside = integral(lower, upper, 0, 0);
        const double mean = integral(lower, upper, 0, 1) / inside;
        const double variance = integral(lower, upper, mean, 2) / inside;
        const double kurtosis = integral(lower, upper, mean, 4) / inside / (variance * variance);
        const double rounding = 1e-14 / inside / variance;
        cr_expect(fabs(cut.below + cut.inside + cut.above - 1) < 1e-15);
        cr_expect(fabs(cut.inside - inside) < 1e-11 * inside, "%zu: %.17g", k, cut.inside);
        cr_expect(fabs(cut.mean - mean) < 1e-11 * fmax(1, fabs(mean)), "%zu: %.17g", k, cut.mean);
        cr_expect(fabs(cut.sd - sqrt(variance)) < (1e-10 + rounding) * cut.sd, "%zu: %.17g not %g",
                  k, cut.sd, sqrt(variance));
        cr_expect(fabs(cut.kurtosis - kurtosis) < 1e-9 + 10 * rounding / variance, "%zu: %g not %g",
                  k, cut.kurtosis, kurtosis);
    }
}

static int ascending(const void *a, const void *b)
{
    const fi_real x = *(const fi_real *)a, y = *(const fi_real *)b;
    return (x > y) - (x < y);
}

/*
 * Within the bounds up to rounding, and distributed as it says: Kolmogorov and Smirnov's sqrt(n) D
 * exceeds 2.3 with probability 5e-5. A draw is off by 2^-32 in the probability below it, which
 * moves the value by that over the density, and by what the quantile itself is off, 1.4e-7.
 */
Test(cut, a_cut_has_its_law)
{
    const size_t n = DRAWS;
    for (size_t k = 0; k < CUTS; k++) {
        const double lower = cuts[k][0], upper = cuts[k][1];
        const fi_cut cut = fi_cut_normal(lower, upper);
        fi_rng rng = fi_rng_stream(6, FI_FOR_WEIGHT, k, 0), after = rng;
        fi_draw_cut(&rng, &cut, 1, n, values);
        fi_rng_advance(&after, n);
        cr_expect_eq(rng.state, after.state);
        qsort(values, n, sizeof *values, ascending);
        const double outside[] = {lower - (double)values[0], (double)values[n - 1] - upper};
        for (size_t e = 0; e < 2; e++) {
            const double density = exp(-cuts[k][e] * cuts[k][e] / 2) * 0.39894;
            const double limit = 4e-7 * fmax(1, fabs(cuts[k][e])) + 5e-10 / density;
            cr_expect(outside[e] <= limit, "[%g, %g]: beyond by %g", lower, upper, outside[e]);
        }
        double distance = 0;
        for (size_t i = 0; i < n; i++) {
            const double z = (double)values[i];
            const double p = z < 0 ? (erfc(-z * M_SQRT1_2) / 2 - cut.below) / cut.inside
                                   : 1 - (erfc(z * M_SQRT1_2) / 2 - cut.above) / cut.inside;
            distance = fmax(distance, fabs(p - ((double)i + 0.5) / (double)n));
        }
        cr_expect(sqrt((double)n) * distance < 2.3, "[%g, %g]: sqrt(n) D = %g", lower, upper,
                  sqrt((double)n) * distance);
    }
}

/* The extreme draws of a cut with one open end do not wrap around to the other end. */
Test(cut, the_ends_of_a_cut_hold)
{
    for (size_t k = 0; k < CUTS; k++) {
        const fi_cut cut = fi_cut_normal(cuts[k][0], cuts[k][1]);
        fi_real last = -100;
        for (uint32_t x = 0, step = 0; step < 9; step++, x = step < 8 ? x + 0x1fffffff : ~0U) {
            fi_rng rng = {.state = (uint64_t)(x ^ x >> 18) << 27, .inc = 1}; /* gives x next */
            fi_real z = 0;
            fi_draw_cut(&rng, &cut, 1, 1, &z);
            cr_expect(z > last, "[%g, %g], x = %08x: %g after %g", cuts[k][0], cuts[k][1], x,
                      (double)z, (double)last);
            last = z;
        }
    }
}

/* Bounds too wide to cut anything leave the normal draws, up to 2^-31 in probability. */
Test(cut, a_wide_cut_is_no_cut)
{
    const fi_cut cut = fi_cut_normal(-100, 100);
    fi_rng rng = fi_rng_stream(6, FI_FOR_WEIGHT, 0, 0), same = rng;
    fi_draw_cut(&rng, &cut, 1, DRAWS, values);
    fi_draw(&same, FI_NORMAL, 1, DRAWS, others);
    for (size_t k = 0; k < DRAWS; k++) {
        const double z = (double)others[k], density = exp(-z * z / 2) * 0.39894;
#ifdef FI_DOUBLE
        const double limit = 1e-13 / density;
#else
        const double limit = 3e-7 * fmax(1, fabs(z)) + 4.7e-10 / density;
#endif
        cr_assert(fabs((double)values[k] - z) <= limit, "value %zu: %.9g, not %.9g", k,
                  (double)values[k], z);
    }
}
