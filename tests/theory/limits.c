/* What theory refuses, what is exact, and networks out of the ordinary. */
#include "core/arena.h"
#include "fanin.h"
#include "theory/propagate.h"

#include <criterion/criterion.h>
#include <math.h>

static fi_layer_theory layers[101];

static fi_status predict(const fi_theory_spec *spec)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    const fi_status status = fi_theory_predict(spec, layers, arena);
    fi_arena_free(arena);
    return status;
}

static fi_theory_spec spec_of(const char *name, const size_t *units, const double *variance,
                              size_t depth)
{
    return (fi_theory_spec){.activation = fi_activation_find(name),
                            .depth = depth,
                            .samples = 100,
                            .units = units,
                            .weight_variance = variance,
                            .input = fi_input_normal(units[0])};
}

static void is(const char *what, fi_prediction p, double value, double sd)
{
    cr_expect(fabs(p.value - value) <= 1e-12 * fabs(value) && fabs(p.sd - sd) <= 1e-9 * fabs(sd),
              "%s: %.12g +- %.9g, not %.12g +- %.9g", what, p.value, p.sd, value, sd);
}

/* Kurtosis of the laws: 3, 9/5, and 2.36 of a normal law cut at two sigma, by integration. */
Test(limits, of_the_weights_own_statistics)
{
    static const size_t units[2] = {40, 25};
    static const double variance[1] = {0.3};
    const double count = 1000, correction = 2 / (count * count);
    double mass = 0, second = 0, fourth = 0;
    for (int k = -20000; k <= 20000; k++) {
        const double x = 1e-4 * k, w = exp(-0.5 * x * x) * (abs(k) == 20000 ? 0.5 : 1);
        mass += w;
        second += w * x * x;
        fourth += w * x * x * x * x;
    }
    const double kurtosis[3] = {3, 1.8, fourth * mass / (second * second)};
    static const fi_law laws[3] = {FI_NORMAL, FI_UNIFORM, FI_TRUNCATED};
    for (size_t i = 0; i < 3; i++) {
        fi_theory_spec spec = spec_of("tanh", units, variance, 1);
        spec.law = laws[i];
        cr_assert_eq(predict(&spec), FI_OK);
        is("mean", layers[1].weight_mean, 0, sqrt(0.3 / count));
        const fi_prediction v = layers[1].weight_variance;
        cr_expect(fabs(v.value - 0.3 * 0.999) < 1e-12);
        const double sd = 0.3 * sqrt((kurtosis[i] - 1) / count + correction);
        cr_expect(fabs(v.sd - sd) < 1e-8 * sd, "law %zu: %.9g, not %.9g", i, v.sd, sd);
    }
}

/*
 * A linear layer by hand: the mean of z^2 is a quadratic form in W, whose relative variance is
 * (2 + k) / (n n0) with k the weights' excess kurtosis, 2 / (N n0) from the inputs, 2 / (n N) from
 * both, and 3 k / (n n0 N) and 4 / (n n0 N), which the tolerance covers.
 */
Test(limits, of_a_linear_layer_are_known)
{
    static const size_t units[2] = {64, 48};
    static const double variance[1] = {1.0 / 64};
    const double n0 = 64, n = 48, samples = 100, excess[2] = {0, -1.2};
    for (size_t i = 0; i < 2; i++) {
        fi_theory_spec spec = spec_of("linear", units, variance, 1);
        spec.law = i ? FI_UNIFORM : FI_NORMAL;
        cr_assert_eq(predict(&spec), FI_OK);
        const fi_prediction v = layers[1].preactivation_variance;
        cr_expect(fabs(v.value - (1 - 1 / (n * samples))) < 1e-9, "%.9g", v.value);
        const double relative = (2 + excess[i]) / (n * n0) + 2 / (samples * n0) + 2 / (n * samples);
        cr_expect(fabs(v.sd * v.sd - relative) < 0.02 * relative, "%.9g, not %.9g", v.sd * v.sd,
                  relative);
        const double gradient = layers[0].gradient_variance.value;
        cr_expect(fabs(gradient - n / n0 * (1 - 1 / (samples * n0))) < 1e-9, "%.9g", gradient);
    }
}

/* Values 0, 0, 0, 4: mean 1, variance 3, third moment 6, fourth 21; averages about 0 and about 3.
 */
Test(limits, of_statistics_do_not_depend_on_the_centre)
{
    const double zero[FI_SPREAD] = {1, 4, 16, 64};
    const double three[FI_SPREAD] = {-2, 7, -20, 61};
    cr_expect(fabs(fi_statistic_variance(zero, NULL) - 3) < 1e-12);
    cr_expect(fabs(fi_statistic_variance(three, NULL) - 3) < 1e-12);
    cr_expect(fabs(fi_statistic_skewness(zero, NULL) - 6 / pow(3, 1.5)) < 1e-12);
    cr_expect(fabs(fi_statistic_skewness(three, NULL) - 6 / pow(3, 1.5)) < 1e-12);
    cr_expect(fabs(fi_statistic_kurtosis(zero, NULL) - 21.0 / 9) < 1e-12);
    cr_expect(fabs(fi_statistic_kurtosis(three, NULL) - 21.0 / 9) < 1e-12);
}

/* Rectangular: gradients grow by n_l Var W chi / sw2. */
Test(limits, of_rectangular_layers)
{
    static const size_t units[4] = {300000000, 100000000, 400000000, 200000000};
    double variance[3];
    for (size_t l = 0; l < 3; l++)
        variance[l] = 2 / (double)units[l];
    fi_theory_spec spec = spec_of("relu", units, variance, 3);
    spec.samples = 1000000000;
    cr_assert_eq(predict(&spec), FI_OK);
    for (size_t l = 3; l > 0; l--) {
        const double ratio =
            layers[l - 1].gradient_variance.value / layers[l].gradient_variance.value;
        const double expected = (double)units[l] / (double)units[l - 1];
        cr_expect(fabs(ratio - expected) < 1e-6 * expected, "layer %zu: %g, not %g", l, ratio,
                  expected);
        const double weights = layers[l].weight_gradient_variance.value;
        const double above = layers[l].gradient_variance.value;
        cr_expect(fabs(weights - 1e9 * above / 2) < 1e-6 * weights, "layer %zu: %g", l, weights);
    }
}

Test(limits, of_zero_weights_are_exact)
{
    static const size_t units[4] = {50, 50, 50, 50};
    static const double variance[3] = {0, 0, 0};
    for (int batch_norm = 0; batch_norm < 2; batch_norm++) {
        fi_theory_spec spec = spec_of("relu", units, variance, 3);
        spec.batch_norm = batch_norm;
        spec.law = FI_CONSTANT;
        cr_assert_eq(predict(&spec), FI_OK);
        for (size_t l = 1; l <= 3; l++) {
            is("preactivation", layers[l].preactivation_variance, 0, 0);
            is("mean", layers[l].activation_mean, 0, 0);
            is("variance", layers[l].activation_variance, 0, 0);
            is("zeros", layers[l].zero_fraction, 1, 0);
            is("weight gradient", layers[l].weight_gradient_variance, 0, 0);
            is("gradient", layers[l - 1].gradient_variance, 0, 0);
            cr_expect(isnan(layers[l].activation_skewness.value));
        }
        spec.activation = fi_activation_find("sigmoid");
        cr_assert_eq(predict(&spec), FI_OK);
        is("sigmoid", layers[2].activation_mean, 0.5, 0);
        is("alike", layers[2].cosine, 1, 0);
    }
}

/* Everything that it cannot predict is missing; nothing is infinite. */
Test(limits, are_where_theory_ends)
{
    static size_t units[101];
    static double variance[100];
    for (size_t l = 0; l <= 100; l++)
        units[l] = 100;
    for (size_t l = 0; l < 100; l++)
        variance[l] = 1e8;
    fi_theory_spec spec = spec_of("relu", units, variance, 100);
    cr_assert_eq(predict(&spec), FI_OK);
    cr_expect(isfinite(layers[2].activation_mean.value));
    cr_expect(isnan(layers[100].activation_mean.value) && isnan(layers[0].gradient_variance.sd));
    for (size_t l = 1; l <= 100; l++)
        cr_expect(!isinf(layers[l].activation_variance.value) &&
                  !isinf(layers[l].weight_gradient_variance.sd));
    is("weights go on", layers[100].weight_mean, 0, sqrt(1e8 / 1e4));

    variance[0] = variance[1] = 0.01;
    spec.depth = 2;
    spec.law = FI_CONSTANT;
    cr_assert_eq(predict(&spec), FI_OK);
    cr_expect(isnan(layers[1].activation_mean.value));
    spec.law = FI_NORMAL;
    spec.batch_norm = true;
    spec.samples = 7;
    cr_assert_eq(predict(&spec), FI_OK);
    cr_expect(isnan(layers[1].activation_mean.value));
    spec.samples = 8;
    cr_assert_eq(predict(&spec), FI_OK);
    cr_expect(isfinite(layers[1].activation_mean.value));
    spec.input.norm_variance = 0.3;
    cr_assert_eq(predict(&spec), FI_OK);
    cr_expect(isnan(layers[1].activation_mean.value) && isfinite(layers[1].weight_mean.sd));
}

/* A square orthogonal matrix keeps every norm: all that is left is the inputs' own. */
Test(limits, of_orthogonal_weights_keep_norms)
{
    static const size_t units[4] = {80, 80, 80, 80};
    static const double variance[3] = {1.0 / 80, 1.0 / 80, 1.0 / 80};
    fi_theory_spec spec = spec_of("linear", units, variance, 3);
    spec.law = FI_ORTHOGONAL;
    cr_assert_eq(predict(&spec), FI_OK);
    const double sd = sqrt(2.0 / (80 * 100));
    for (size_t l = 1; l <= 3; l++) {
        cr_expect(fabs(layers[l].activation_variance.sd - sd) < 1e-3 * sd, "layer %zu: %g", l,
                  layers[l].activation_variance.sd);
        cr_expect(fabs(layers[l - 1].gradient_variance.sd - sd) < 1e-3 * sd, "layer %zu: %g", l,
                  layers[l - 1].gradient_variance.sd);
    }
}

/* Two samples of two inputs, by hand. */
Test(limits, of_given_inputs_are_measured)
{
    static const fi_real x[4] = {1, 2, -2, 2};
    const fi_input_moments m = fi_input_measure(2, 2, x);
    cr_expect(fabs(m.mean - 0.75) < 1e-12 && fabs(m.second - 3.25) < 1e-12);
    cr_expect(fabs(m.fourth - 12.25) < 1e-12, "%g", m.fourth);
    cr_expect(fabs(m.norm_variance - 0.5625) < 1e-12, "%g", m.norm_variance);
    cr_expect(fabs(m.cosine - 2 / sqrt(40)) < 1e-12 && m.cosine_variance < 1e-12);
    cr_expect(!m.drawn);
}

Test(limits, of_memory_are_reported)
{
    static const size_t units[2] = {10, 10};
    static const double variance[1] = {0.1};
    const fi_theory_spec spec = spec_of("tanh", units, variance, 1);
    for (size_t allowed = 0; allowed < 3; allowed++) {
        fi_arena *arena = NULL;
        cr_assert_eq(fi_arena_new(&arena), FI_OK);
        fi_arena_refuse_after(arena, allowed);
        cr_expect_eq(fi_theory_predict(&spec, layers, arena), FI_ENOMEM);
        fi_arena_free(arena);
    }
}
