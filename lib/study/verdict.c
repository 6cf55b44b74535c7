/*
 * The quantities of the verdict: what was measured, and what theory says of the same weights. The
 * words are in verdict_rules.c.
 */
#include "verdict.h"

#include "../core/internal.h"
#include "verdict_rules.h"
#include "verdict_trend.h"

#include <math.h>

/* ---- theory ---------------------------------------------------------------------------------- */

/* As measured in a hidden layer, if there is one, where the caller does not know. */
static double effective_sw2(const fi_verdict_input *in)
{
    const size_t hidden = fi_verdict_depth(in) > 1 ? 2 : 1;
    return isnan(in->sw2) ? (double)in->width * fi_verdict_mean(in, FI_INIT_WEIGHT_VARIANCE, hidden)
                          : in->sw2;
}

/*
 * C = (1 - sb2) / F(1) keeps pre-activations of variance 1, and is taken if it changes gradients by
 * less than 10 % a layer in mean square; else the critical C, unless it saturates the units.
 */
static double serving_scale(const fi_activation *activation, double sb2, const fi_maps *at_one)
{
    const double keeping = (1 - sb2) / at_one->second;
    if (keeping > 0 && fabs(keeping * at_one->gain - 1) < 0.1)
        return keeping;
    double q = 0;
    const double critical = fi_critical(activation, sb2, &q);
    return q > 4 ? (double)NAN : critical;
}

/* Where the signal would go without batch norm. */
static void ask_theory(fi_verdict *v)
{
    const double none = (double)NAN;
    const fi_maps at_one = fi_maps_at(v->activation, 1, 0);
    v->batch_norm_growth = at_one.gain / (at_one.second - at_one.mean * at_one.mean);
    v->scale = serving_scale(v->activation, v->sb2, &at_one);
    v->settled = v->settled_saturated = v->rate = none;
    v->theory = (fi_fixed_point){.q = none, .c = none, .chi_1 = none, .chi_c = none};
    if (!(v->sw2 >= 0))
        return;
    v->theory = fi_fixed_point_of(v->activation, v->sw2, v->sb2);
    const double q = v->theory.q;
    if (isnan(q))
        return;
    if (q < 1e-9 || q > 1e6) { /* within rounding of 0, or beyond all use: the limits */
        v->theory.q = q < 1 ? 0 : HUGE_VAL;
        v->rate = isinf(v->theory.xi_q) ? 0 : (q < 1 ? -0.5 : 0.5) / v->theory.xi_q;
        return;
    }
    const fi_maps maps = fi_maps_at(v->activation, q, 0);
    v->rate = 0;
    v->settled_saturated = maps.saturated;
    if (!isinf(v->theory.xi_q)) /* else every q is a fixed point */
        v->settled = sqrt(maps.second - maps.mean * maps.mean);
}

/*
 * The sd of ln std of one layer, given the one before: weights of width n make mean squares over
 * samples that correlate vary by Cov(phi(u)^2, phi(v)^2) / n. Taken in the middle of the net.
 */
static double step_error(const fi_verdict_input *in)
{
    const size_t middle = (fi_verdict_depth(in) + 1) / 2;
    const double mean = fi_verdict_mean(in, FI_INIT_PRE_MEAN, middle);
    const double q = mean * mean + fi_verdict_mean(in, FI_INIT_PRE_VARIANCE, middle);
    const double c = fi_verdict_mean(in, FI_INIT_COSINE, middle > 1 ? middle - 1 : 1);
    if (!(q > 1e-30 && q < 1e30) || isnan(c))
        return 0;
    const fi_maps maps = fi_maps_at(in->activation, q, fmin(fmax(c, 0), 1));
    const double excess = maps.square_product / (maps.second * maps.second) - 1;
    return excess > 0 ? 0.5 * sqrt(excess / (double)in->width) : 0;
}

/* The three trends, each with what theory expects of it; of batch norm it says nothing here. */
static void find_trends(const fi_verdict_input *in, fi_verdict *v)
{
    const double none = (double)NAN;
    fi_expectation signal = {none, none, 0}, contrast = signal, gradient = signal;
    if (!in->batch_norm) {
        const double error = step_error(in);
        const double drift = -error * error; /* E exp(2 x) = 1 makes E x = -Var x */
        const double rate = 0.5 * log(v->theory.chi_1);
        const double chi = fabs(rate) * (double)v->depth < 0.05 ? 0 : rate; /* too little to show */
        signal = (fi_expectation){v->rate + drift, v->settled, error};
        contrast = (fi_expectation){chi <= 0 ? chi : none, none, error};
        gradient = (fi_expectation){chi + drift, none, error};
    }
    v->signal = fi_trend_of(in, FI_SIGNAL, &signal);
    v->contrast = fi_trend_of(in, FI_CONTRAST, &contrast);
    v->gradient = fi_trend_of(in, FI_GRADIENT, &gradient);
}

/* ---- what was measured ----------------------------------------------------------------------- */

static void weigh_gradients(const fi_verdict_input *in, fi_verdict *v)
{
    v->dw_least = HUGE_VAL;
    for (size_t layer = 1; layer <= v->depth; layer++) {
        double std = 0;
        for (size_t run = 0; run < v->runs; run++)
            std += sqrt(fi_verdict_value(in, FI_INIT_WEIGHT_GRADIENT_VARIANCE, run, layer)) /
                   (double)v->runs;
        v->dw_bottom = layer == 1 ? std : v->dw_bottom;
        v->dw_top = std;
        v->dw_least = fmin(v->dw_least, std);
        v->dw_most = fmax(v->dw_most, std);
    }
}

/* Of E a^2 in the top layer, from run to run. */
static double wander_of(const fi_verdict_input *in)
{
    const size_t top = fi_verdict_depth(in), runs = fi_verdict_runs(in);
    double mean = 0, squares = 0;
    for (size_t run = 0; run < runs; run++)
        mean +=
            fi_verdict_second(in, FI_INIT_ACT_MEAN, FI_INIT_ACT_VARIANCE, run, top) / (double)runs;
    for (size_t run = 0; run < runs; run++) {
        const double off =
            fi_verdict_second(in, FI_INIT_ACT_MEAN, FI_INIT_ACT_VARIANCE, run, top) - mean;
        squares += off * off;
    }
    return runs > 1 ? sqrt(squares / (double)(runs - 1)) / mean : (double)NAN;
}

static size_t first_nonfinite(const fi_verdict_input *in)
{
    for (size_t layer = 1; layer <= fi_verdict_depth(in); layer++)
        for (size_t run = 0; run < fi_verdict_runs(in); run++)
            if (fi_verdict_value(in, FI_INIT_NONFINITE, run, layer) > 0)
                return layer;
    return 0;
}

/* phi bends between -30 and 30, but its slope is the same a standard deviation around the mean. */
static bool is_linear_part(const fi_verdict_input *in)
{
    const fi_activation *f = in->activation;
    const double z = fi_verdict_mean(in, FI_INIT_PRE_MEAN, fi_verdict_depth(in));
    const double sd = sqrt(fi_verdict_mean(in, FI_INIT_PRE_VARIANCE, fi_verdict_depth(in)));
    const double slope = f->slope(z);
    const double near = fmax(fabs(f->slope(z - sd) - slope), fabs(f->slope(z + sd) - slope));
    const double far = fmax(fabs(f->slope(-30) - slope), fabs(f->slope(30) - slope));
    return near < 0.05 * fabs(slope) && far > 0.05 * fabs(slope);
}

fi_verdict fi_verdict_compute(const fi_verdict_input *in)
{
    FI_REQUIRE(in->width > 0 && fi_verdict_runs(in) > 0 && fi_verdict_depth(in) > 0);
    const size_t top = fi_verdict_depth(in);
    fi_verdict v = {
        .activation = in->activation,
        .batch_norm = in->batch_norm,
        .bounded = isfinite(in->activation->lower) && isfinite(in->activation->upper),
        .depth = top,
        .width = in->width,
        .runs = fi_verdict_runs(in),
        .sw2 = effective_sw2(in),
        .sb2 = in->sb2,
        .input = fi_verdict_std(in, FI_SIGNAL, 0),
        .mean = fi_verdict_mean(in, FI_INIT_ACT_MEAN, top),
        .dead = fi_verdict_mean(in, FI_INIT_DEAD_FRACTION, top),
        .cosine_first = fi_verdict_mean(in, FI_INIT_COSINE, 1),
        .cosine_last = fi_verdict_mean(in, FI_INIT_COSINE, top),
        .distinct = fi_verdict_mean(in, FI_INIT_DISTINCT_UNITS, 1),
        .nonfinite_layer = first_nonfinite(in),
        .wander = wander_of(in),
        .equal_weights = fi_verdict_mean(in, FI_INIT_WEIGHT_VARIANCE, 1) == 0,
        .linear_part = is_linear_part(in),
    };
    for (size_t layer = 1; layer <= top; layer++)
        v.saturated += fi_verdict_mean(in, FI_INIT_SATURATED_FRACTION, layer) / (double)top;
    ask_theory(&v);
    find_trends(in, &v);
    weigh_gradients(in, &v);
    v.class = fi_rule_of(FI_SAY_SIGNAL, &v)->class;
    return v;
}
