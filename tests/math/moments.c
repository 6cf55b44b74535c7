/* Moments against the plain two-pass computation in long double, at every scale of a float. */
#include "math/moments.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

/*
 * The bound of lib/math/moments.c, relative, in the element type: 14 or 12 roundings and what the
 * mean may add; the double sums over them add less. A product of four deviations has two
 * roundings more, the sum of third powers the same bound relative to its absolute values.
 */
#ifdef FI_DOUBLE
#define BOUND 1e-13
#else
#define BOUND 1e-6
#endif

enum {
    MOST = 50021
};

static fi_real x[MOST + 8];

struct plain {
    double mean, variance, m3, m4, absolute3;
    double minimum, maximum;
    uint64_t zeros;
};

static struct plain two_pass(size_t n, const fi_real *values)
{
    struct plain p = {.minimum = HUGE_VAL, .maximum = -HUGE_VAL};
    long double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = (double)values[i];
        sum += (long double)value;
        p.minimum = fmin(p.minimum, value);
        p.maximum = fmax(p.maximum, value);
        p.zeros += value == 0;
    }
    const long double mean = sum / (long double)n;
    long double m2 = 0;
    long double m3 = 0;
    long double m4 = 0;
    long double absolute3 = 0;
    for (size_t i = 0; i < n; i++) {
        const long double d = (long double)values[i] - mean;
        m2 += d * d;
        m3 += d * d * d;
        m4 += d * d * d * d;
        absolute3 += fabsl(d * d * d);
    }
    p.mean = (double)mean;
    p.variance = (double)(m2 / (long double)n);
    p.m3 = (double)m3;
    p.m4 = (double)m4;
    p.absolute3 = (double)absolute3;
    return p;
}

static fi_moments moments_of(size_t n, const fi_real *values)
{
    fi_moments moments = FI_MOMENTS_EMPTY;
    fi_moments_add(&moments, n, values);
    return moments;
}

static fi_moments spread_of(size_t n, const fi_real *values)
{
    fi_moments moments = FI_MOMENTS_EMPTY;
    fi_spread_add(&moments, n, values);
    return moments;
}

/* Values of that mean and deviation, skewed, of which one in `zero_every` is 0. */
static void fill(size_t n, double mean, double sd, size_t zero_every)
{
    fi_rng rng = fi_rng_stream(11, FI_FOR_PROBE, 0, 0);
    fi_draw(&rng, FI_NORMAL, 1, n, x);
    for (size_t i = 0; i < n; i++) {
        const double g = (double)x[i];
        x[i] = zero_every && i % zero_every == 0 ? 0 : (fi_real)(mean + sd * (g + g * g / 4));
    }
}

static void compare_spread(const char *what, size_t n, const fi_real *values)
{
    const struct plain p = two_pass(n, values);
    const fi_moments m = spread_of(n, values);
    const double variance = fi_moments_variance(&m);
    cr_expect(fabs(m.mean - p.mean) <= BOUND * sqrt(p.variance) + 1e-15 * fabs(p.mean),
              "spread, %s, %zu: mean %.17g, not %.17g", what, n, m.mean, p.mean);
    cr_expect(fabs(variance - p.variance) <= BOUND * p.variance,
              "spread, %s, %zu: variance %.17g, not %.17g (%.2g)", what, n, variance, p.variance,
              fabs(variance / p.variance - 1));
    cr_expect(m.count == n, "spread, %s: count", what);
}

static void compare(const char *what, size_t n, const fi_real *values)
{
    const struct plain p = two_pass(n, values);
    const fi_moments m = moments_of(n, values);
    const double variance = fi_moments_variance(&m);
    const double sd = sqrt(p.variance);
    cr_expect(fabs(m.mean - p.mean) <= BOUND * sd + 1e-15 * fabs(p.mean),
              "%s, %zu: mean %.17g, not %.17g", what, n, m.mean, p.mean);
    cr_expect(fabs(variance - p.variance) <= BOUND * p.variance,
              "%s, %zu: variance %.17g, not %.17g (%.2g)", what, n, variance, p.variance,
              fabs(variance / p.variance - 1));
    cr_expect(fabs(m.m3 - p.m3) <= 2 * BOUND * p.absolute3, "%s, %zu: m3 %g, not %g", what, n, m.m3,
              p.m3);
    cr_expect(fabs(m.m4 - p.m4) <= 2 * BOUND * p.m4, "%s, %zu: m4 %g, not %g", what, n, m.m4, p.m4);
    cr_expect(m.count == n && m.zeros == p.zeros && m.nonfinite == 0, "%s, %zu: counts", what, n);
    cr_expect(m.minimum == p.minimum && m.maximum == p.maximum, "%s, %zu: extremes", what, n);
    compare_spread(what, n, values);
}

Test(moments, agree_with_two_passes_at_every_scale)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 575, 577, 767, 769, 9216, 13823, 13824, MOST};
    static const double scales[] = {1, 1e-7, 1e-20, 1e-30, 1e-40, 1e18, 1e37};
    static const double means[] = {0, 0.1, 1, -30, 1e4}; /* in deviations */
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
        for (size_t k = 0; k < sizeof means / sizeof *means; k++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                if (scales[s] * means[k] > 1e38 || (sizes[i] == MOST && s > 1 && k != 2))
                    continue;
                char what[64];
                snprintf(what, sizeof what, "mean %g sd, scale %g", means[k], scales[s]);
                fill(sizes[i], means[k] * scales[s], scales[s], means[k] == 0 ? 3 : 0);
                compare(what, sizes[i], x);
            }
}

/* Tiles that are not like those before: jumps of the mean and of the scale. */
Test(moments, where_tiles_differ)
{
    static const double jumps[] = {0, 0.05, 0.2, 1, 1e3};
    static const double scales[] = {1, 1e-3, 1e-15, 1e3, 1e15};
    for (size_t j = 0; j < sizeof jumps / sizeof *jumps; j++)
        for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
            fill(MOST, 1, 1, 0);
            for (size_t i = 1; jumps[j] == 0 && i < MOST; i += 2)
                x[i] = -x[i - 1]; /* a mean of 0 everywhere */
            for (size_t i = 0; i < MOST; i++)
                x[i] = (fi_real)((double)x[i] * (i / 9216 % 2 ? scales[s] : 1) +
                                 jumps[j] * (double)(i / 9216 % 3));
            char what[64];
            snprintf(what, sizeof what, "jumps of %g, scales 1 and %g", jumps[j], scales[s]);
            compare(what, MOST, x);
        }
}

/* A later tile that is constant, or holds what is not finite. */
Test(moments, of_a_later_tile_that_is_odd)
{
    const fi_real odd[] = {(fi_real)NAN, (fi_real)HUGE_VAL, -(fi_real)HUGE_VAL};
    for (size_t k = 0; k < 3; k++) {
        fill(MOST, 1, 1, 0);
        x[20000] = odd[k];
        const fi_moments m = moments_of(MOST, x);
        cr_expect(m.nonfinite == 1 && isnan(m.m2) && isfinite(m.minimum) && isfinite(m.maximum),
                  "%g: %llu not finite, m2 %g, from %g to %g", (double)odd[k],
                  (unsigned long long)m.nonfinite, m.m2, m.minimum, m.maximum);
    }
    fill(MOST, 1, 1, 0);
    for (size_t i = 9216; i < 27648; i++)
        x[i] = 1;
    compare("constant tiles", MOST, x);
}

Test(moments, of_a_sum_that_overflows)
{
    fill(MOST, 0, 0, 0);
    for (size_t i = 0; i < MOST; i++)
        x[i] = (fi_real)(3e38 - 1e36 * (double)(i % 11));
    compare("3e38", MOST, x);
}

Test(moments, divide_by_n)
{
    const fi_real four[] = {1, 2, 3, 6};
    const fi_moments m = moments_of(4, four);
    cr_expect(m.mean == 3);
    cr_expect(fi_moments_variance(&m) == 3.5, "%g", fi_moments_variance(&m));
    cr_expect(fabs(fi_moments_skewness(&m) - 4.5 / pow(3.5, 1.5)) < 1e-15, "%g",
              fi_moments_skewness(&m));
    cr_expect(fabs(fi_moments_kurtosis(&m) - 24.5 / (3.5 * 3.5)) < 1e-15, "%g",
              fi_moments_kurtosis(&m));
}

Test(moments, of_a_constant_have_no_variance)
{
    static const double constants[] = {0, 0.1, -12345.678, 1e-30, 1e30, 3.3e-42};
    for (size_t k = 0; k < sizeof constants / sizeof *constants; k++) {
        for (size_t i = 0; i < MOST; i++)
            x[i] = (fi_real)constants[k];
        const fi_moments m = moments_of(MOST, x);
        cr_expect(m.mean == (double)x[0] && m.m2 == 0 && m.m3 == 0 && m.m4 == 0, "%g: %g %g",
                  constants[k], m.mean, m.m2);
        cr_expect(isnan(fi_moments_skewness(&m)) && isnan(fi_moments_kurtosis(&m)));
        cr_expect(m.zeros == (constants[k] == 0 ? MOST : 0));
        const fi_moments spread = spread_of(MOST, x);
        cr_expect(spread.mean == (double)x[0] && spread.m2 == 0, "%g: %g %g", constants[k],
                  spread.mean, spread.m2);
    }
}

Test(moments, of_nothing)
{
    fi_moments m = moments_of(0, NULL);
    cr_expect(m.count == 0 && m.minimum == HUGE_VAL && m.maximum == -HUGE_VAL);
    cr_expect(isnan(fi_moments_variance(&m)) && isnan(fi_moments_skewness(&m)) &&
              isnan(fi_moments_kurtosis(&m)));
    const fi_real one = 5;
    const fi_moments single = moments_of(1, &one);
    fi_moments_merge(&m, &single);
    cr_expect(memcmp(&m, &single, sizeof m) == 0);
    const fi_moments nothing = FI_MOMENTS_EMPTY;
    fi_moments_merge(&m, &nothing);
    cr_expect(memcmp(&m, &single, sizeof m) == 0);
}

Test(moments, count_what_is_not_finite)
{
    fill(MOST, 1, 1, 0);
    const struct plain finite = two_pass(MOST, x);
    x[0] = x[5000] = x[MOST - 1] = (fi_real)HUGE_VAL;
    fi_moments m = moments_of(MOST, x);
    cr_expect(m.nonfinite == 3 && m.count == MOST);
    cr_expect(m.mean == HUGE_VAL, "mean %g", m.mean);
    cr_expect(isnan(fi_moments_variance(&m)));
    cr_expect(isfinite(m.maximum) && m.maximum <= finite.maximum && m.minimum >= finite.minimum);
    x[7000] = -(fi_real)HUGE_VAL;
    m = moments_of(MOST, x);
    cr_expect(m.nonfinite == 4 && isnan(m.mean));
    fill(MOST, 1, 1, 0);
    x[17] = (fi_real)NAN;
    m = moments_of(MOST, x);
    cr_expect(m.nonfinite == 1 && isnan(m.mean) && isnan(fi_moments_variance(&m)));
    cr_expect(m.maximum <= finite.maximum && m.minimum >= finite.minimum);
}

static void expect_near(const fi_moments *a, const fi_moments *b, double bound)
{
    cr_expect(a->count == b->count && a->zeros == b->zeros);
    cr_expect(a->minimum == b->minimum && a->maximum == b->maximum);
    cr_expect(fabs(a->mean - b->mean) <= bound * sqrt(fi_moments_variance(b)), "%.17g %.17g",
              a->mean, b->mean);
    cr_expect(fabs(a->m2 / b->m2 - 1) <= bound, "m2 %.17g %.17g", a->m2, b->m2);
    cr_expect(fabs(a->m3 / b->m3 - 1) <= 4 * bound, "m3 %.17g %.17g", a->m3, b->m3);
    cr_expect(fabs(a->m4 / b->m4 - 1) <= 4 * bound, "m4 %.17g %.17g", a->m4, b->m4);
}

/* Merging is exact but for a few roundings in double; the pieces have means of their own. */
Test(moments, merge_in_any_order)
{
    fill(MOST, 2, 1, 0);
    for (size_t i = 0; i < MOST; i++)
        x[i] += (fi_real)((double)i / MOST);
    const size_t first = 1000;
    const size_t second = 30011;
    const fi_moments a = moments_of(first, x);
    const fi_moments b = moments_of(second - first, x + first);
    const fi_moments c = moments_of(MOST - second, x + second);
    fi_moments left = a;
    fi_moments_merge(&left, &b);
    fi_moments_merge(&left, &c);
    fi_moments right = b;
    fi_moments_merge(&right, &c);
    fi_moments_merge(&right, &a);
    expect_near(&left, &right, 1e-13);
    const fi_moments whole = moments_of(MOST, x);
    expect_near(&left, &whole, 2 * BOUND);
}

Test(moments, bits_do_not_depend_on_alignment)
{
    fill(MOST, 2, 1, 5);
    const fi_moments expected = moments_of(MOST, x);
    const fi_moments spread = spread_of(MOST, x);
    for (size_t shift = 1; shift < 8; shift++) {
        memmove(x + shift, x + shift - 1, MOST * sizeof *x);
        const fi_moments moved = moments_of(MOST, x + shift);
        cr_expect(memcmp(&moved, &expected, sizeof moved) == 0, "shifted by %zu", shift);
        const fi_moments moved_spread = spread_of(MOST, x + shift);
        cr_expect(memcmp(&moved_spread, &spread, sizeof spread) == 0, "shifted by %zu", shift);
    }
}

/* ---- mean and variance alone ----------------------------------------------------------------- */

/* Where the mean so far says nothing of the tile: it jumps by many deviations, and the scale too.
 */
Test(moments, spread_where_tiles_differ)
{
    static const double jumps[] = {0.05, 0.2, 1, 1e3};
    static const double scales[] = {1, 1e-15, 1e15};
    for (size_t j = 0; j < sizeof jumps / sizeof *jumps; j++)
        for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
            fill(MOST, 1, 1, 0);
            for (size_t i = 0; i < MOST; i++)
                x[i] *= (fi_real)(i / 7000 % 2 ? scales[s] : 1);
            for (size_t i = 0; i < MOST; i++)
                x[i] += (fi_real)(jumps[j] * (double)(i / 5000 % 3));
            char what[64];
            snprintf(what, sizeof what, "jumps of %g, scales 1 and %g", jumps[j], scales[s]);
            compare_spread(what, MOST, x);
        }
}

/*
 * Two values of one size, so that every square rounds the same way, the mean square at the edges of
 * what is added up once, and the mean about as far from 0 as that allows.
 */
Test(moments, spread_of_two_values)
{
    for (int exponent = -140; exponent <= 120; exponent += exponent < -40 || exponent > 40 ? 1 : 5)
        for (size_t one_in = 2; one_in < 5; one_in++) {
            const double size = 1.2345678 * pow(2, exponent);
            for (size_t i = 0; i < MOST; i++)
                x[i] = (fi_real)(i % one_in == 0 ? size : -size * 1.1);
            char what[64];
            snprintf(what, sizeof what, "two values near 2^%d, one in %zu", exponent, one_in);
            compare_spread(what, MOST, x);
        }
}

Test(moments, spread_adds_to_count_mean_and_variance_alone)
{
    fill(MOST, 0.5, 1, 7);
    const size_t first = 20001;
    fi_moments m = moments_of(first, x);
    const fi_moments before = m;
    fi_spread_add(&m, 0, NULL);
    cr_expect(memcmp(&m, &before, sizeof m) == 0);
    fi_spread_add(&m, MOST - first, x + first);
    const fi_moments whole = moments_of(MOST, x);
    cr_expect(m.count == MOST && fabs(m.m2 / whole.m2 - 1) <= 2 * BOUND);
    cr_expect(fabs(m.mean - whole.mean) <= 2 * BOUND);
    m.count = before.count;
    m.mean = before.mean;
    m.m2 = before.m2;
    cr_expect(memcmp(&m, &before, sizeof m) == 0);
}

Test(moments, spread_passes_on_what_is_not_finite)
{
    static const size_t places[] = {0, 5000, MOST - 1};
    for (size_t k = 0; k < 3; k++) {
        fill(MOST, 0, 1, 0);
        x[places[k]] = (fi_real)HUGE_VAL;
        fi_moments m = spread_of(MOST, x);
        cr_expect(m.mean == HUGE_VAL && isnan(fi_moments_variance(&m)), "infinity: %g", m.mean);
        x[places[k]] = (fi_real)NAN;
        m = spread_of(MOST, x);
        cr_expect(isnan(m.mean) && isnan(fi_moments_variance(&m)), "NaN: %g", m.mean);
    }
}
