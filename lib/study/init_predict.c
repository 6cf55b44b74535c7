/*
 * The variables of an initialization study: the table, and what theory predicts for those it
 * covers.
 */
#include "init.h"

#include "../core/internal.h"

#include <float.h>
#include <math.h>

#define RUN (1U << FI_AXIS_RUN)
#define LAYER FI_INIT_PER_LAYER
#define KIND (1U << FI_AXIS_ACTIVATION | 1U << FI_AXIS_BATCH_NORM)
#define BIN (1U << FI_AXIS_BIN)
#define EDGE (1U << FI_AXIS_EDGE)

const fi_variable fi_init_variables[FI_INIT_VARIABLES] = {
#define X(id, name, long_name, units, axes) {name, long_name, units, axes},
#define P(id, name, field, size)                                                                   \
    {"predicted_" name, "what theory expects of " name, "1", LAYER & ~RUN},                        \
        {"predicted_" name "_sd", "standard deviation of " name " from one run to the next", "1",  \
         LAYER & ~RUN},
#include "init.def"
#undef P
#undef X
};

/* The one law of all biases; NAN where layers differ or they have a mean. */
static fi_weight_moments biases(const fi_init_context *study)
{
    const size_t width = study->options->width;
    const double std = study->options->bias_std;
    if (!study->bias.name)
        return (fi_weight_moments){.variance = std * std, .kurtosis = 3};
    fi_weight_moments first = fi_initializer_moments(&study->bias, 1, study->inputs, width);
    const fi_weight_moments other = fi_initializer_moments(&study->bias, 1, width, width);
    if (first.mean != 0 || first.variance != other.variance)
        first.variance = (double)NAN;
    return first;
}

/* LSUV scales W so that z, bias included, has the variance gain^2, whatever the layer below. */
static double lsuv_variance(const fi_init_context *study, const fi_activation *activation,
                            bool batch_norm, size_t layer, double bias_variance)
{
    const double q = study->options->gain * study->options->gain;
    const double fed = layer == 1 ? study->input_moments.second
                                  : fi_maps_at(activation, batch_norm ? 1 : q, 0).second;
    const size_t fan_in = layer == 1 ? study->inputs : study->options->width;
    return fmax(0, q - bias_variance) / ((double)fan_in * fed);
}

/*
 * What theory has no deviation for, or nothing at all. LSUV fixes what otherwise fluctuates. Biases
 * that are not normal give z, by their share of it, an excess kurtosis of up to 1.2 share^2, and
 * the mean of |z| a 24th of that.
 */
static void leave_out(const fi_init_context *study, const fi_weight_moments *bias, bool batch_norm,
                      size_t depth, fi_layer_theory *layers)
{
    enum {
        FIELDS = sizeof(fi_layer_theory) / sizeof(fi_prediction)
    };
    const fi_prediction missing = {(double)NAN, (double)NAN};
    const double variance = study->options->gain * study->options->gain;
    for (size_t l = 1; l <= depth; l++) {
        fi_prediction *all = &layers[l].preactivation_mean;
        const double share = bias->kurtosis == 3 || batch_norm
                                 ? 0
                                 : bias->variance / layers[l].affine_variance.value;
        if (share > 0.05)
            layers[l].activation_kurtosis = missing;
        for (size_t f = 0; f < FIELDS; f++) {
            if (share > 0.25)
                all[f] = missing;
            else if (study->initializer.unit_variance)
                all[f].sd = (double)NAN;
        }
        if (study->initializer.unit_variance)
            layers[l].affine_variance.value = variance;
        if (study->initializer.unit_variance && !batch_norm)
            layers[l].preactivation_variance.value = variance;
    }
}

/*
 * Units and the weights' variance of each layer, as theory wants them, and the moments of the last
 * layer's weights.
 */
static fi_weight_moments describe_layers(const fi_init_context *study,
                                         const fi_activation *activation, bool batch_norm,
                                         const fi_weight_moments *bias, size_t *units,
                                         double *variances)
{
    fi_weight_moments weights = {0};
    units[0] = study->inputs;
    for (size_t l = 1; l <= study->options->depth; l++) {
        units[l] = study->options->width;
        weights = fi_initializer_moments(&study->initializer, study->options->gain, units[l - 1],
                                         units[l]);
        if (study->initializer.unit_variance) {
            weights.variance = lsuv_variance(study, activation, batch_norm, l, bias->variance);
            weights.kurtosis = 3;
            weights.noise = 0;
        }
        variances[l - 1] = weights.variance;
    }
    return weights;
}

/* The deviation of one run when its numbers are rounded: theory's is that of exact arithmetic. */
static double rounded(double sd, double size)
{
    const double unit = sizeof(fi_real) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON;
    return hypot(sd, 2 * unit * size);
}

fi_status fi_init_predict(const fi_cell *cell, const fi_activation *activation, bool batch_norm)
{
    const fi_init_context *study = cell->context;
    const size_t depth = study->options->depth;
    size_t *units = fi_arena_alloc(cell->arena, depth + 1, sizeof *units);
    double *variances = fi_arena_alloc(cell->arena, depth, sizeof *variances);
    fi_layer_theory *layers = fi_arena_alloc(cell->arena, depth + 1, sizeof *layers);
    if (!units || !variances || !layers)
        return fi_fail_memory((depth + 1) * sizeof *layers, "the predictions");
    const fi_weight_moments bias = biases(study);
    const fi_weight_moments weights =
        describe_layers(study, activation, batch_norm, &bias, units, variances);
    if (weights.mean != 0 || isnan(weights.kurtosis) || isnan(bias.variance))
        return FI_OK; /* weights or biases that have a mean, or are not drawn */
    FI_TRY(fi_theory_predict(
        &(fi_theory_spec){
            .activation = activation,
            .depth = depth,
            .samples = study->samples,
            .units = units,
            .weight_variance = variances,
            .law = study->initializer.law,
            .kurtosis = weights.kurtosis,
            .noise = weights.noise,
            .bias_variance = bias.variance,
            .batch_norm = batch_norm,
            .input = study->input_moments,
        },
        layers, cell->arena));
    leave_out(study, &bias, batch_norm, depth, layers);
    for (size_t l = 0; l <= depth; l++) {
        const fi_layer_theory *t = &layers[l];
#define X(id, name, long_name, units, axes)
#define P(id, name, field, size)                                                                   \
    cell->slots[FI_PREDICTED_##id][l] = t->field.value;                                            \
    cell->slots[FI_PREDICTED_##id##_SD][l] = rounded(t->field.sd, size);
#include "init.def"
#undef P
#undef X
    }
    return FI_OK;
}
