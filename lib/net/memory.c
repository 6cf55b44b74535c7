/*
 * Where a net's blobs live. Nothing is copied between layers: a layer's blobs point to memory of
 * their own, to a pool that layers share, or, in place, to the memory of the blob below.
 */
#include "net.h"

#include "../core/internal.h"

#define ALIGNMENT (64 / sizeof(fi_real)) /* in elements */

/* rows x cols elements from the arena, unless there are some already. */
static fi_status keep(const fi_net *net, fi_real **where, size_t rows, size_t cols,
                      const char *what)
{
    size_t row = 0;
    size_t bytes = SIZE_MAX;
    if (*where)
        return FI_OK;
    if (!__builtin_mul_overflow(cols, sizeof **where, &row)) {
        *where = fi_arena_alloc(net->arena, rows, row);
        if (__builtin_mul_overflow(rows, row, &bytes))
            bytes = SIZE_MAX;
    }
    return *where ? FI_OK : fi_fail_memory(bytes, what);
}

/* Elements of a parameter in a pool, up to the next aligned one; SIZE_MAX past all memory. */
static size_t extent(const fi_blob *parameter)
{
    size_t count = 0;
    if (__builtin_mul_overflow(parameter->rows, parameter->cols, &count) || count > SIZE_MAX / 64)
        return SIZE_MAX / 4;
    return (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* What a pool must hold for any one layer's parameters. */
static size_t largest_parameters(const fi_net *net, bool redrawn_only)
{
    size_t largest = 0;
    for (size_t i = 0; i < net->n_layers; i++) {
        const fi_layer *layer = net->layers[i];
        const size_t all = extent(&layer->parameters[0]) + extent(&layer->parameters[1]);
        if (all > largest && (layer->kind->redrawn || !redrawn_only))
            largest = all;
    }
    return largest;
}

static size_t widest_output(const fi_net *net)
{
    size_t widest = 0;
    for (size_t i = 0; i < net->n_layers; i++)
        if (net->layers[i]->out.cols > widest)
            widest = net->layers[i]->out.cols;
    return widest;
}

static fi_status allocate_pools(fi_net *net)
{
    const size_t samples = net->spec.samples;
    const size_t widest = widest_output(net);
    if (net->spec.keep == FI_KEEP_NOTHING) {
        for (int k = 0; k < 2; k++)
            FI_TRY(keep(net, &net->data_pool[k], samples, widest, "activations"));
        FI_TRY(keep(net, &net->weight_pool, 1, largest_parameters(net, true), "weights"));
    } else if (net->spec.keep == FI_KEEP_DATA) {
        const size_t all = widest > net->spec.inputs ? widest : net->spec.inputs;
        for (int k = 0; k < 2; k++)
            FI_TRY(keep(net, &net->diff_pool[k], samples, all, "cotangents"));
        FI_TRY(keep(net, &net->gradient_pool, 1, largest_parameters(net, false), "gradients"));
    }
    return FI_OK;
}

static fi_status allocate_parameters(fi_net *net, fi_layer *layer)
{
    const bool pooled = net->spec.keep == FI_KEEP_NOTHING && layer->kind->redrawn;
    size_t offset = 0;
    for (size_t p = 0; p < FI_MAX_PARAMETERS && layer->parameters[p].cols; p++) {
        fi_blob *blob = &layer->parameters[p];
        if (pooled)
            blob->data = net->weight_pool + offset;
        FI_TRY(keep(net, &blob->data, blob->rows, blob->cols, "weights"));
        if (net->spec.keep == FI_KEEP_DATA)
            blob->diff = net->gradient_pool + offset;
        if (net->spec.keep != FI_KEEP_NOTHING)
            FI_TRY(keep(net, &blob->diff, blob->rows, blob->cols, "gradients"));
        offset += extent(blob);
    }
    for (size_t s = 0; s < FI_MAX_STATES && layer->states[s].cols; s++) {
        fi_blob *blob = &layer->states[s];
        FI_TRY(keep(net, &blob->data, blob->rows, blob->cols, "a layer's state"));
    }
    return FI_OK;
}

fi_status fi_net_allocate(fi_net *net)
{
    if (net->allocated)
        return FI_OK;
    FI_TRY(allocate_pools(net));
    for (size_t i = 0; i < net->n_layers; i++)
        FI_TRY(allocate_parameters(net, net->layers[i]));
    net->allocated = true;
    return FI_OK;
}

static fi_real *other(fi_real *const pool[2], const fi_real *taken)
{
    return taken == pool[0] ? pool[1] : pool[0];
}

/*
 * A layer runs in place if it can, and nothing reads the blob below again: not its own backward,
 * not that of the layer below, and not the caller, to whom x belongs.
 */
static fi_status place_data(fi_net *net, const fi_real *x, fi_phase phase)
{
    const bool keeps = net->spec.keep != FI_KEEP_NOTHING;
    net->input.data = (fi_real *)x;
    bool free_below = false;
    for (size_t i = 0; i < net->n_layers; i++) {
        fi_layer *layer = net->layers[i];
        layer->uses = layer->kind->uses(layer, phase);
        if (layer->uses & FI_IDENTITY) {
            layer->out.data = layer->in->data;
            continue;
        }
        const bool own_below = !(keeps && (layer->uses & FI_READS_INPUT));
        if (free_below && own_below && (layer->uses & FI_ELEMENTWISE)) {
            layer->out.data = layer->in->data;
        } else if (keeps) {
            FI_TRY(keep(net, &layer->own_data, net->spec.samples, layer->out.cols, "activations"));
            layer->out.data = layer->own_data;
        } else {
            layer->out.data = other(net->data_pool, layer->in->data);
        }
        free_below = !(keeps && (layer->uses & FI_READS_OUTPUT));
    }
    return FI_OK;
}

/*
 * Under FI_KEEP_DATA all layers that can share their cotangent with the layer below do so; under
 * FI_KEEP_ALL only those that share the data, so that each blob ends with its own gradient.
 */
static fi_status place_diff(fi_net *net)
{
    const bool keeps_all = net->spec.keep == FI_KEEP_ALL;
    fi_layer *top = net->layers[net->n_layers - 1];
    if (keeps_all)
        FI_TRY(keep(net, &top->own_diff, net->spec.samples, top->out.cols, "gradients"));
    top->out.diff = keeps_all ? top->own_diff : net->diff_pool[0];
    for (size_t i = net->n_layers; i-- > 0;) {
        fi_layer *layer = net->layers[i];
        fi_blob *in = layer->in;
        const bool shares = keeps_all ? in->data == layer->out.data
                                      : (layer->uses & (FI_ELEMENTWISE | FI_IDENTITY)) != 0;
        if (i == 0 && net->spec.no_input_gradient && !shares) {
            in->diff = NULL;
        } else if (shares) {
            in->diff = layer->out.diff;
        } else if (keeps_all) {
            fi_real **own = i ? &net->layers[i - 1]->own_diff : &net->input_diff;
            FI_TRY(keep(net, own, net->spec.samples, in->cols, "gradients"));
            in->diff = *own;
        } else {
            in->diff = other(net->diff_pool, layer->out.diff);
        }
    }
    return FI_OK;
}

fi_status fi_net_place(fi_net *net, const fi_real *x, fi_phase phase)
{
    FI_TRY(place_data(net, x, phase));
    return net->spec.keep == FI_KEEP_NOTHING ? FI_OK : place_diff(net);
}
