/* Moments against the plain two-pass computation in long double, at every scale of a float. */
#include "fanin.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

/*
 * The bound of lib/math/moments.c: sums of 14 values and three roundings of a square, relative, in
 * the element type; the double sums over them add less. A product of four deviations has two
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
}

Test(moments, agree_with_two_passes_at_every_scale)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 223, 225, 4095, 4096, 4097, MOST};
    static const double scales[] = {1, 1e-7, 1e-20, 1e-30, 1e-40, 1e18, 1e37};
    static const double means[] = {0, 1, -30, 1e4}; /* in deviations */
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
    for (size_t shift = 1; shift < 8; shift++) {
        memmove(x + shift, x + shift - 1, MOST * sizeof *x);
        const fi_moments moved = moments_of(MOST, x + shift);
        cr_expect(memcmp(&moved, &expected, sizeof moved) == 0, "shifted by %zu", shift);
    }
}
