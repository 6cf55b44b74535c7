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

/* Variances of the weights of each layer and units of each, as theory wants them. */
static void describe_layers(const fi_init_context *study, size_t *units, double *variances)
{
    const fi_init_options *options = study->options;
    units[0] = study->inputs;
    for (size_t l = 1; l <= options->depth; l++) {
        units[l] = options->width;
        variances[l - 1] = options->gain * options->gain *
                           study->initializer.variance((double)units[l - 1], (double)units[l]);
    }
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
    describe_layers(study, units, variances);
    FI_TRY(fi_theory_predict(
        &(fi_theory_spec){
            .activation = activation,
            .depth = depth,
            .samples = study->samples,
            .units = units,
            .weight_variance = variances,
            .law = study->initializer.law,
            .bias_variance = study->options->bias_std * study->options->bias_std,
            .batch_norm = batch_norm,
            .input = study->input_moments,
        },
        layers, cell->arena));
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
