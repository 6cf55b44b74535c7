/* The maps against closed forms, against plain quadrature, and against their own differences. */
#include "fanin.h"
#include "theory/expectation.h"

#include <criterion/criterion.h>
#include <math.h>

static const fi_activation *named(const char *name)
{
    const fi_activation *activation = fi_activation_find(name);
    cr_assert_not_null(activation, "no activation %s", name);
    return activation;
}

static void close_to(const char *what, double q, double got, double expected, double tolerance)
{
    cr_expect(fabs(got - expected) <= tolerance * fabs(expected), "%s at q = %g: %.12g, not %.12g",
              what, q, got, expected);
}

static const double qs[] = {1e-13, 1e-3, 0.5, 1, 30, 500, 1e6};
#define N_Q (sizeof qs / sizeof *qs)

/* 1e-9: the accuracy that the header states. */
Test(maps, meet_closed_forms_of_one_sample)
{
    for (size_t i = 0; i < N_Q; i++) {
        const double q = qs[i];
        const fi_maps linear = fi_maps_at(named("linear"), q, 0.3);
        close_to("linear F", q, linear.second, q, 1e-9);
        close_to("linear fourth", q, linear.fourth, 3 * q * q, 1e-9);
        const fi_maps relu = fi_maps_at(named("relu"), q, 0.3);
        close_to("ReLU F", q, relu.second, q / 2, 1e-9);
        close_to("ReLU M", q, relu.mean, sqrt(q / (2 * M_PI)), 1e-9);
        close_to("ReLU M'", q, relu.mean_slope, 0.5 * sqrt(1 / (2 * M_PI * q)), 1e-9);
        close_to("ReLU F'", q, relu.slope, 0.5, 1e-9);
        close_to("ReLU fourth", q, relu.fourth, 1.5 * q * q, 1e-9);
        close_to("ReLU gain", q, relu.gain, 0.5, 1e-9);
        close_to("ReLU zeros", q, relu.zero, 0.5, 1e-9);
        const fi_maps leaky = fi_maps_at(named("leaky_relu"), q, 0.3);
        close_to("leaky F", q, leaky.second, q * (1 + 1e-4) / 2, 1e-9);
        close_to("leaky gain fourth", q, leaky.gain_fourth, (1 + 1e-8) / 2, 1e-9);
        const fi_maps erf_maps = fi_maps_at(named("erf"), q, 0.3);
        close_to("erf F", q, erf_maps.second, 2 / M_PI * asin(2 * q / (1 + 2 * q)), 1e-9);
        close_to("erf gain", q, erf_maps.gain, 4 / M_PI / sqrt(1 + 4 * q), 1e-9);
    }
    close_to("tanh F", 1, fi_maps_at(named("tanh"), 1, 0).second, 0.39429449, 1e-8);
}

/* Cho & Saul 2009; 2e-6 as the header states for a kink and c <= 0.95. */
Test(maps, meet_closed_forms_of_two_samples)
{
    const double cs[] = {0, 0.1, 0.5, 0.8, 0.95};
    for (size_t i = 0; i < N_Q; i++) {
        for (size_t j = 0; j < sizeof cs / sizeof *cs; j++) {
            const double q = qs[i], c = cs[j], t = acos(c), s = sqrt(1 - c * c);
            const fi_maps relu = fi_maps_at(named("relu"), q, c);
            close_to("ReLU product", q, relu.product, q / 2 * (s + (M_PI - t) * c) / M_PI, 2e-6);
            close_to("ReLU squares", q, relu.square_product,
                     q * q * (3 * s * c + (M_PI - t) * (1 + 2 * c * c)) / (2 * M_PI), 1e-6);
            /* A step's coefficients fall as k^(-3/2) and their tail is modelled. */
            close_to("ReLU slopes", q, relu.slope_product, (M_PI - t) / (2 * M_PI), 2e-4);
            const fi_maps erf_maps = fi_maps_at(named("erf"), q, c);
            const double product = 2 / M_PI * asin(2 * q * c / (1 + 2 * q));
            cr_expect(fabs(erf_maps.product - product) < 2e-4 * (1e-6 + (q > 10)) + 1e-6 * product,
                      "erf product at (%g, %g): %.10g, not %.10g", q, c, erf_maps.product, product);
        }
    }
}

/* c = 1: every product is that of one sample, to the rounding of its series. */
Test(maps, of_one_sample_twice_are_those_of_one)
{
    size_t count = 0;
    const fi_activation *rows = fi_activations(&count);
    for (size_t a = 0; a < count; a++) {
        const fi_maps maps = fi_maps_at(&rows[a], 1.7, 1);
        close_to(rows[a].name, 1.7, maps.product, maps.second, 1e-9);
        close_to(rows[a].name, 1.7, maps.slope_product, maps.gain, 1e-9);
        close_to(rows[a].name, 1.7, maps.square_product, maps.fourth, 1e-9);
    }
}

/*
 * Every row of the table by the trapezoid rule, step 0.004 on |g| <= 14, a node on 0. Its error is
 * h^2 / 12 times the normal density at 0 times the jump of the integrand's slope in g, of up to
 * 6 sqrt q (SELU's phi'^2): 3.2e-6 sqrt q, of sums above 0.5. At a jump of phi' the node counts by
 * its mean.
 */
Test(maps, of_every_activation_meet_the_trapezoid_rule)
{
    size_t count = 0;
    const fi_activation *rows = fi_activations(&count);
    for (size_t a = 0; a < count; a++) {
        for (size_t i = 2; i < 5; i++) {
            const double q = qs[i], h = 0.004;
            double mean = 0, second = 0, fourth = 0, gain = 0;
            for (int k = -3500; k <= 3500; k++) {
                const double g = h * k, w = h * exp(-0.5 * g * g) / sqrt(2 * M_PI);
                const double z = sqrt(q) * g, phi = rows[a].phi(z);
                const double left = rows[a].slope(z - 1e-12), right = rows[a].slope(z + 1e-12);
                mean += w * phi;
                second += w * phi * phi;
                fourth += w * pow(phi, 4);
                gain += w * 0.5 * (left * left + right * right);
            }
            const double tolerance = 6.4e-6 * fmax(1, sqrt(q));
            const fi_maps maps = fi_maps_at(&rows[a], q, 0);
            close_to(rows[a].name, q, maps.second, second, tolerance);
            close_to(rows[a].name, q, maps.fourth, fourth, tolerance);
            close_to(rows[a].name, q, maps.gain, gain, tolerance);
            cr_expect(fabs(maps.mean - mean) < tolerance * sqrt(second),
                      "%s mean at q = %g: %g, not %g", rows[a].name, q, maps.mean, mean);
        }
    }
}

/* The plane by trapezoid, step 0.05: exact to 1e-9 where phi is smooth on that scale. */
Test(maps, of_two_samples_meet_quadrature_of_the_plane)
{
    const char *const names[] = {"tanh", "gelu", "sigmoid"};
    for (size_t a = 0; a < 3; a++) {
        const fi_activation *phi = named(names[a]);
        for (double c = 0.2; c < 1; c += 0.35) {
            const double q = 0.8, h = 0.05, s = sqrt(1 - c * c);
            double product = 0, slopes = 0, squares = 0;
            for (int i = -160; i <= 160; i++) {
                for (int j = -160; j <= 160; j++) {
                    const double g = h * i, k = h * j, w = exp(-0.5 * (g * g + k * k));
                    const double u = sqrt(q) * g, v = sqrt(q) * (c * g + s * k);
                    const double pu = phi->phi(u), pv = phi->phi(v);
                    product += w * pu * pv;
                    slopes += w * phi->slope(u) * phi->slope(v);
                    squares += w * pu * pu * pv * pv;
                }
            }
            const fi_maps maps = fi_maps_at(phi, q, c);
            const double scale = h * h / (2 * M_PI);
            close_to(names[a], q, maps.product, scale * product, 1e-8);
            close_to(names[a], q, maps.slope_product, scale * slopes, 1e-8);
            close_to(names[a], q, maps.square_product, scale * squares, 1e-8);
        }
    }
}

/* Central differences of step 1e-3 q: relative error of the order of its square. */
Test(maps, have_slopes_that_are_their_differences)
{
    size_t count = 0;
    const fi_activation *rows = fi_activations(&count);
    for (size_t a = 0; a < count; a++) {
        const double q = 0.9, d = 1e-3 * q;
        const fi_maps low = fi_maps_at(&rows[a], q - d, 0), high = fi_maps_at(&rows[a], q + d, 0);
        const fi_maps maps = fi_maps_at(&rows[a], q, 0);
        const double scale = maps.second / q;
        cr_expect(fabs(maps.slope - (high.second - low.second) / (2 * d)) < 1e-5 * scale,
                  "%s F' %.9g", rows[a].name, maps.slope);
        cr_expect(fabs(maps.curve - (high.slope - low.slope) / (2 * d)) < 1e-5 * scale / q,
                  "%s F'' %.9g", rows[a].name, maps.curve);
        cr_expect(fabs(maps.mean_slope - (high.mean - low.mean) / (2 * d)) < 1e-5 * sqrt(scale / q),
                  "%s M' %.9g", rows[a].name, maps.mean_slope);
    }
}

/* F(q) / q -> phi'(0)^2 where phi(0) = 0: to first order in sqrt q. */
Test(maps, of_small_q_are_linear)
{
    const char *const names[] = {"tanh", "gelu", "silu", "elu", "erf"};
    const double slopes[] = {1, 0.5, 0.5, 1, 2 / sqrt(M_PI)};
    for (size_t a = 0; a < 5; a++) {
        const double q = 1e-13, slope = slopes[a];
        close_to(names[a], q, fi_maps_at(named(names[a]), q, 0).second / q, slope * slope, 2e-6);
        const fi_maps zero = fi_maps_at(named(names[a]), 0, 0);
        cr_expect(zero.second == 0 && zero.mean == 0, "%s at q = 0", names[a]);
    }
}

/* Saturated is |phi'| < 0.05 sup |phi'|: for tanh |z| > artanh sqrt(0.95), for erf z^2 > ln 20. */
Test(maps, know_what_is_saturated)
{
    for (size_t i = 2; i < N_Q; i++) {
        const double q = qs[i];
        close_to("tanh", q, fi_maps_at(named("tanh"), q, 0).saturated,
                 erfc(atanh(sqrt(0.95)) / sqrt(2 * q)), 1e-8);
        close_to("erf", q, fi_maps_at(named("erf"), q, 0).saturated, erfc(sqrt(log(20) / (2 * q))),
                 1e-8);
    }
}

/*
 * What samples of correlation c share, h: by E over the rest at each h. 1e-10: what the series
 * leaves out at these c, with terms that fall as c^k.
 */
Test(maps, shared_part_meets_plain_quadrature)
{
    static const char *const names[] = {"tanh", "sigmoid"};
    static const double cases[][2] = {{0.5, 0.2}, {0.5, 0.9}, {3, 0.2}, {3, 0.5}}; /* q, c */
    for (int i = 0; i < 8; i++) {
        const fi_activation *const activation = named(names[i / 4]);
        const double q = cases[i % 4][0], c = cases[i % 4][1], step = 1 / 32.0, reach = 9;
        double mass = 0, second = 0, fourth = 0, mixed = 0, square = 0;
        for (double h = -reach; h <= reach; h += step) {
            const double w = exp(-0.5 * h * h);
            double m = 0, s = 0, own_mass = 0;
            for (double rest = -reach; rest <= reach; rest += step) {
                const double own = exp(-0.5 * rest * rest);
                const double phi = activation->phi(sqrt(q) * (sqrt(c) * h + sqrt(1 - c) * rest));
                own_mass += own;
                m += own * phi;
                s += own * phi * phi;
            }
            const double m2 = m * m / (own_mass * own_mass);
            mass += w;
            second += w * m2;
            fourth += w * m2 * m2;
            mixed += w * m2 * s / own_mass;
            square += w * s / own_mass;
        }
        fi_integrand integrand;
        fi_table table;
        double variance = 0, covariance = 0;
        fi_integrand_init(&integrand, activation);
        fi_table_init(&table, &integrand, q, 0);
        fi_table_shared(&table, c, &variance, &covariance);
        close_to(names[i / 4], q, variance, fourth / mass - second * second / (mass * mass), 1e-10);
        close_to(names[i / 4], q, covariance, mixed / mass - second * square / (mass * mass),
                 1e-10);
    }
}
