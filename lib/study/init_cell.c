/*
 * One cell of an initialization study: build the network, run it forward and backward. What is
 * measured of each layer, while its blobs are still in cache, is in measure.c.
 */
#include "init.h"
#include "measure.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <math.h>
#include <string.h>

static void see(void *context, fi_event event, const fi_layer *layer)
{
    fi_measurer *m = context;
    const size_t l = fi_layer_depth(layer);
    const char *kind = fi_layer_kind(layer);
    if (event == FI_AFTER_FORWARD) {
        fi_measure_forward(m, layer);
    } else if (event == FI_BEFORE_BACKWARD && strcmp(kind, "activation") == 0) {
        fi_measure_gradient(m, l);
    } else if (event == FI_AFTER_BACKWARD && strcmp(kind, "dense") == 0) {
        fi_measure_weight_gradient(m, l, fi_layer_parameter(layer, 0));
        if (l == 1) {
            const fi_blob *x = fi_layer_input(layer);
            fi_measure_gradient_rows(m, x, 0, x->rows);
            fi_measure_gradient(m, 0);
        }
    }
}

static void see_rows(void *context, const fi_layer *layer, size_t first, size_t rows)
{
    fi_measure_rows(context, layer, first, rows);
}

static void see_diff_rows(void *context, const fi_layer *layer, size_t first, size_t rows)
{
    if (strcmp(fi_layer_kind(layer), "activation") == 0)
        fi_measure_gradient_rows(context, fi_layer_output(layer), first, rows);
}

/* depth times: dense, batch norm where it is on, activation. */
static fi_status build(fi_net *net, const fi_init_context *study, const fi_activation *activation,
                       bool batch_norm)
{
    const fi_init_options *options = study->options;
    for (uint64_t l = 0; l < options->depth; l++) {
        FI_TRY(fi_net_dense(net, &(fi_dense_spec){
                                     .units = options->width,
                                     .initializer = &study->initializer,
                                     .gain = options->gain,
                                     .bias_std = options->bias_std,
                                     .bias = study->bias.name ? &study->bias : NULL,
                                     .fixed_bias = true, /* nobody looks at its gradient */
                                 }));
        if (batch_norm)
            FI_TRY(fi_net_batch_norm(net, &(fi_batch_norm_spec){0}));
        FI_TRY(fi_net_activation(net, NULL, activation));
    }
    return FI_OK;
}

/* N(0, 1) of the given shape from the stream of this purpose. */
static fi_real *draw(const fi_cell *cell, uint64_t seed, fi_purpose purpose, size_t rows,
                     size_t cols)
{
    fi_real *x = fi_arena_alloc(cell->arena, rows * cols, sizeof *x);
    fi_rng rng = fi_rng_stream(seed, purpose, 0, 0);
    if (x)
        fi_draw(&rng, FI_NORMAL, 1, rows * cols, x);
    return x;
}

fi_status fi_init_cell(const fi_cell *cell)
{
    const fi_init_context *study = cell->context;
    const size_t run = cell->position[FI_AXIS_RUN];
    const uint64_t seed = (uint64_t)study->seeds[run];
    fi_measurer m = {
        .cell = cell,
        .activation = study->activations[cell->position[FI_AXIS_ACTIVATION]],
        .batch_norm = study->batch_norms[cell->position[FI_AXIS_BATCH_NORM]],
    };
    const fi_watcher watcher = {
        .see = see, .context = &m, .see_rows = see_rows, .see_diff_rows = see_diff_rows};

    fi_net *net = NULL;
    FI_TRY(fi_net_new(&net, cell->arena,
                      &(fi_net_spec){
                          .samples = study->samples,
                          .inputs = study->inputs,
                          .seed = seed,
                          .keep = study->options->forward_only ? FI_KEEP_NOTHING : FI_KEEP_DATA,
                      }));
    FI_TRY(build(net, study, m.activation, m.batch_norm));
    fi_jacobian jacobian;
    if (study->options->jacobian && !m.batch_norm) {
        const size_t width = study->options->width;
        FI_TRY(fi_jacobian_new(&jacobian, study->inputs,
                               width > study->inputs ? width : study->inputs, seed, cell->arena));
        m.jacobian = &jacobian;
    }

    const fi_real *x = study->input;
    if (!x)
        x = draw(cell, seed, FI_FOR_INPUT, study->samples, study->inputs);
    if (!x)
        return fi_fail_memory(study->samples * study->inputs * sizeof *x, "the input");
    fi_measure_input(&m, &(fi_blob){study->samples, study->inputs, (fi_real *)x, NULL});
    FI_TRY(fi_net_forward(net, x, FI_TRAIN, &watcher));

    if (!study->options->forward_only) {
        const size_t width = study->options->width;
        const fi_real *cotangent = draw(cell, seed, FI_FOR_COTANGENT, study->samples, width);
        if (!cotangent)
            return fi_fail_memory(study->samples * width * sizeof *x, "the cotangent");
        fi_net_backward(net, cotangent, &watcher);
    }
    if (run == 0)
        FI_TRY(fi_init_predict(cell, m.activation, m.batch_norm));
    if (cell->slots[FI_INIT_SEED])
        *cell->slots[FI_INIT_SEED] = (double)seed;
    return m.out_of_memory ? fi_fail_memory(study->samples * sizeof(size_t), "a count of units")
                           : FI_OK;
}

double fi_init_cell_bytes(const fi_init_context *context)
{
    const fi_init_options *options = context->options;
    const double depth = (double)options->depth;
    const double width = (double)options->width;
    const double inputs = (double)context->inputs;
    const double samples = (double)context->samples;
    const double kept = options->forward_only ? 1 : depth;
    const double weights = fmax(width, inputs) * width + (kept - 1) * width * width;
    const double activations = (2 * kept + 3) * samples * width + samples * inputs;
    const double tangents = options->jacobian ? 4 * fmin(inputs, 1024) * fmax(width, inputs) : 0;
    return (weights + activations + tangents) * sizeof(fi_real) + depth * 2048;
}
