/* The predictions of a whole network: the input, the weights, and the way through the layers. */
#include "../core/arena.h"
#include "../core/internal.h"
#include "propagate.h"

#include <float.h>
#include <math.h>

#define SMALLEST_BATCH 8
#define UNEVEN 0.25 /* relative variance of the inputs' norms^2 beyond which second order fails */

#define ALIKE 0.02 /* mean square cosine of given inputs: fewer than 50 directions */

#ifdef FI_DOUBLE
#define LARGEST DBL_MAX
#define LEAST DBL_MIN
#else
#define LARGEST (double)FLT_MAX
#define LEAST (double)FLT_MIN
#endif

static const fi_prediction missing = {(double)NAN, (double)NAN};

/* E w^4 / (E w^2)^2 - 3; NAN for a law that is no law of independent weights. */
static double excess_kurtosis(fi_law law)
{
    const double cut = 2, density = exp(-0.5 * cut * cut) / sqrt(2 * M_PI);
    const double inside = erf(cut / M_SQRT2);
    const double second = 1 - 2 * cut * density / inside;
    const double fourth = 3 - 2 * (cut * cut * cut + 3 * cut) * density / inside;
    switch (law) {
    case FI_NORMAL:
    case FI_ORTHOGONAL:
        return 0;
    case FI_UNIFORM:
        return -1.2;
    case FI_TRUNCATED:
        return fourth / (second * second) - 3;
    case FI_CONSTANT:
    case FI_EYE:
        break;
    }
    return (double)NAN;
}

double fi_kept_noise(const fi_theory_spec *spec, size_t layer, bool backward)
{
    if (spec->law != FI_ORTHOGONAL)
        return 1;
    const double from = (double)spec->units[backward ? layer : layer - 1];
    const double to = (double)spec->units[backward ? layer - 1 : layer];
    return fmax(0, 1 - to / from);
}

static void weights(const fi_propagation *net, size_t layer)
{
    const fi_theory_spec *spec = net->spec;
    const double count = (double)spec->units[layer - 1] * (double)spec->units[layer];
    const double variance = spec->weight_variance[layer - 1];
    const double own = spec->law == FI_ORTHOGONAL ? 0 : 2 + net->excess;
    const double quadratic = (spec->kurtosis > 0 ? spec->noise : own) / count;
    fi_layer_theory *out = &net->layers[layer];
    out->weight_mean = (fi_prediction){0, sqrt(variance / count)};
    out->weight_variance = (fi_prediction){variance * (1 - 1 / count),
                                           variance * sqrt(quadratic + 2 / (count * count))};
}

/* Layer 0: what is known of the input. */
static void input(fi_propagation *net)
{
    const fi_input_moments *in = &net->spec->input;
    const double n = (double)net->spec->units[0], samples = net->samples;
    const double s = in->second, count = n * samples, variance = s - in->mean * in->mean;
    fi_kernel *a = &net->kernels[0];
    *a = (fi_kernel){.n = n, .mean = in->mean, .second = s, .fourth = in->fourth};
    a->product = s * in->cosine;
    a->square_product = s * s;
    a->var_s = in->norm_variance;
    a->var_k = s * s * in->cosine_variance;
    a->batch_ss = in->drawn ? a->var_s / samples : 0;
    a->batch_kk = in->drawn ? 2 * a->var_k / (samples * samples) : 0;
    a->cov_s = (samples * a->batch_ss - a->var_s) / fmax(1, samples - 1);

    const double centred = s - a->product;
    net->batch[0] = (fi_batch_layer){.centred = centred,
                                     .norms = a->var_s / (centred * centred),
                                     .cosines = a->var_k / (centred * centred),
                                     .fourth_share = in->fourth / (centred * centred),
                                     .noise = a->batch_ss / (centred * centred),
                                     .mean_noise = centred / n};
    const double cosines = net->batch[0].cosines;
    net->batch[0].triples = cosines * cosines + (3 * cosines + 1 / samples) / samples;
    fi_norms_init(net->batch[0].log_r, log1p(net->batch[0].norms), 0);
    const double drawn = in->drawn ? 1 : 0;
    fi_layer_theory *out = &net->layers[0];
    out->activation_mean = (fi_prediction){in->mean, drawn * sqrt(variance / count)};
    out->activation_variance =
        (fi_prediction){variance * (1 - drawn / count), drawn * variance * sqrt(2 / count)};
    if (in->drawn) {
        out->activation_skewness = (fi_prediction){0, sqrt(6 / count)};
        out->activation_kurtosis = (fi_prediction){3, sqrt(24 / count)};
        out->zero_fraction = (fi_prediction){0, 0};
    }
    out->cosine = (fi_prediction){in->cosine, in->drawn ? sqrt(a->batch_kk) / s : (double)NAN};
}

static void forget(fi_layer_theory *layer)
{
    *layer =
        (fi_layer_theory){missing, missing, missing, missing, missing, missing, missing, missing,
                          missing, missing, missing, missing, missing, missing, missing, missing};
}

/* Whether numbers of this mean square stay clear of both ends of fi_real. */
static bool representable(double second)
{
    return second == 0 || (sqrt(second) < LARGEST / 100 && sqrt(second) > LEAST * 100);
}

/* Forgets what lies past the reach of the element type, for which theory does not hold. */
static void trim(fi_propagation *net)
{
    const size_t depth = net->spec->depth;
    bool lost = false;
    for (size_t l = 1; l <= depth; l++) {
        fi_layer_theory *layer = &net->layers[l];
        const fi_prediction mean = layer->weight_mean, variance = layer->weight_variance;
        lost = lost || !representable(layer->affine_variance.value) ||
               !representable(net->kernels[l].second);
        if (!lost)
            continue;
        forget(layer);
        layer->weight_mean = mean;
        layer->weight_variance = variance;
    }
    for (size_t l = depth + 1; l-- > 0;) {
        fi_layer_theory *layer = &net->layers[l];
        lost = lost || !representable(layer->gradient_variance.value);
        if (lost)
            layer->gradient_mean = layer->gradient_variance = missing;
        if (lost || (l && !representable(layer->weight_gradient_variance.value)))
            layer->weight_gradient_mean = layer->weight_gradient_variance = missing;
    }
}

/*
 * Given inputs that lie in few directions. Averages over samples then hang on more than the mean
 * and the mean square of the cosines: what is odd in the pre-activations, and how samples grow
 * alike.
 */
static void forget_averages(fi_propagation *net)
{
    const double none = (double)NAN;
    for (size_t l = 1; l <= net->spec->depth; l++) {
        fi_layer_theory *layer = &net->layers[l];
        layer->cosine = layer->activation_skewness = layer->activation_kurtosis = missing;
        layer->weight_gradient_mean.sd = none;
        if (net->spec->batch_norm)
            layer->activation_mean.sd = layer->saturated_fraction.sd = layer->zero_fraction.sd =
                none;
    }
}

static void way_through(fi_propagation *net)
{
    const fi_theory_spec *spec = net->spec;
    for (size_t layer = 1; layer <= spec->depth; layer++)
        (spec->batch_norm ? fi_batch_forward : fi_forward)(net, layer);
    (spec->batch_norm ? fi_batch_backward : fi_backward)(net);
    trim(net);
    if (!spec->input.drawn && spec->input.cosine_variance > ALIKE)
        forget_averages(net);
}

fi_status fi_theory_predict(const fi_theory_spec *spec, fi_layer_theory *layers, fi_arena *scratch)
{
    FI_REQUIRE(spec->activation && spec->depth && spec->samples && spec->bias_variance >= 0);
    fi_propagation net = {.spec = spec, .layers = layers, .samples = (double)spec->samples};
    net.eps = spec->eps > 0 ? spec->eps : 1e-5;
    net.excess = excess_kurtosis(spec->law);
    if (spec->kurtosis > 0 && spec->law != FI_ORTHOGONAL)
        net.excess = spec->kurtosis - 3;
    net.kernels = fi_arena_zeros(scratch, spec->depth + 1, sizeof *net.kernels);
    net.gains = fi_arena_zeros(scratch, spec->depth + 1, sizeof *net.gains);
    net.batch = fi_arena_zeros(scratch, spec->depth + 1, sizeof *net.batch);
    if (!net.kernels || !net.gains || !net.batch)
        return FI_ENOMEM;
    double most = 0;
    for (size_t layer = 0; layer < spec->depth; layer++)
        most = fmax(most, spec->weight_variance[layer]);
    if (spec->law == FI_CONSTANT && most == 0)
        net.excess = 0;
    for (size_t layer = 0; layer <= spec->depth; layer++)
        forget(&layers[layer]);
    input(&net);
    for (size_t layer = 1; layer <= spec->depth; layer++)
        weights(&net, layer);
    const fi_input_moments *in = &spec->input;
    if (isnan(net.excess) || (spec->batch_norm && spec->samples < SMALLEST_BATCH) ||
        !(in->norm_variance <= UNEVEN * in->second * in->second))
        return FI_OK;
    fi_integrand_init(&net.integrand, spec->activation);
    way_through(&net);
    return FI_OK;
}
