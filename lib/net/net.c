/* The net: layers in order, built bottom up, run forward and backward. */
#include "net.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- building -------------------------------------------------------------------------------- */

fi_status fi_net_new(fi_net **net, fi_arena *arena, const fi_net_spec *spec)
{
    FI_REQUIRE(net && arena && spec);
    FI_REQUIRE(spec->samples > 0 && spec->inputs > 0);
    *net = fi_arena_zeros(arena, 1, sizeof **net);
    if (!*net)
        return FI_ENOMEM;
    (*net)->arena = arena;
    (*net)->spec = *spec;
    (*net)->input = (fi_blob){.rows = spec->samples, .cols = spec->inputs};
    return FI_OK;
}

static fi_layer *top(const fi_net *net)
{
    return net->n_layers ? net->layers[net->n_layers - 1] : NULL;
}

size_t fi_net_top(const fi_net *net)
{
    return fi_net_output(net)->cols;
}

double *fi_net_doubles(const fi_net *net, size_t count)
{
    return fi_arena_zeros(net->arena, count, sizeof(double));
}

/* The kind's name and a number, where the caller gave no name. */
static const char *layer_name(fi_arena *arena, const fi_layer *layer, const char *name)
{
    char numbered[64];
    if (!name) {
        (void)snprintf(numbered, sizeof numbered, "%s_%zu", layer->kind->name, layer->number);
        name = numbered;
    }
    const char *copy = fi_arena_string(arena, name);
    if (!copy)
        (void)fi_fail_memory(strlen(name) + 1, "a layer's name");
    return copy;
}

fi_layer *fi_layer_new(const fi_net *net, const fi_kind *kind, size_t size, const char *name,
                       size_t units)
{
    FI_REQUIRE(!net->allocated);
    FI_REQUIRE(units > 0);
    fi_layer *layer = fi_arena_zeros(net->arena, 1, size);
    if (!layer)
        return NULL;
    layer->kind = kind;
    layer->rate = 1;
    layer->decay = 1;
    layer->depth = top(net) ? top(net)->depth : 0;
    layer->in = (fi_blob *)fi_net_output(net);
    layer->out = (fi_blob){.rows = net->spec.samples, .cols = units};
    layer->number = 1;
    for (size_t i = net->n_layers; i-- > 0;) {
        if (net->layers[i]->kind == kind) {
            layer->number = net->layers[i]->number + 1;
            break;
        }
    }
    layer->name = layer_name(net->arena, layer, name);
    return layer->name ? layer : NULL;
}

fi_status fi_net_push(fi_net *net, fi_layer *layer)
{
    if (net->n_layers == net->capacity) {
        const size_t capacity = net->capacity ? 2 * net->capacity : 32;
        fi_layer **layers = fi_arena_zeros(net->arena, capacity, sizeof(fi_layer *));
        if (!layers)
            return FI_ENOMEM;
        if (net->n_layers)
            memcpy(layers, net->layers, net->n_layers * sizeof(fi_layer *));
        net->layers = layers;
        net->capacity = capacity;
    }
    net->layers[net->n_layers++] = layer;
    return FI_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

void fi_net_tell_rows(const fi_blob *blob, const fi_gemm_rows *rows)
{
    enum {
        BLOCK = 128 * 1024 / sizeof(fi_real)
    };
    const size_t most = blob->cols < BLOCK ? BLOCK / blob->cols : 1;
    for (size_t first = 0; first < blob->rows; first += most)
        rows->done(rows->context, first, blob->rows - first < most ? blob->rows - first : most);
}

static void tell(const fi_watcher *watcher, fi_event event, const fi_layer *layer)
{
    if (watcher && watcher->see)
        watcher->see(watcher->context, event, layer);
}

static fi_status draw(const fi_net *net, fi_layer *layer)
{
    if (layer->drawn || !layer->kind->draw)
        return FI_OK;
    FI_TRY(layer->kind->draw(layer, net->spec.seed));
    layer->drawn = !(net->spec.keep == FI_KEEP_NOTHING && layer->kind->redrawn);
    return FI_OK;
}

fi_status fi_net_draw(fi_net *net)
{
    FI_REQUIRE(net && net->spec.keep != FI_KEEP_NOTHING);
    FI_TRY(fi_net_allocate(net));
    for (size_t i = 0; i < net->n_layers; i++)
        FI_TRY(draw(net, net->layers[i]));
    return FI_OK;
}

void fi_net_set_samples(fi_net *net, size_t samples)
{
    FI_REQUIRE(net && samples > 0 && samples <= net->spec.samples);
    net->kept = false;
    net->input.rows = samples;
    for (size_t i = 0; i < net->n_layers; i++)
        net->layers[i]->out.rows = samples;
}

/*
 * A layer and those on top of it that go on with each block of its rows at once, while it is in the
 * cache: [first, end).
 */
struct chain {
    const fi_net *net;
    const fi_watcher *watcher;
    size_t first, end;
};

/* Rows of the chain's first layer are complete: those of the others follow. */
static void pass_on(void *context, size_t first, size_t rows)
{
    const struct chain *chain = context;
    for (size_t i = chain->first; i < chain->end; i++) {
        fi_layer *layer = chain->net->layers[i];
        if (i > chain->first && !(layer->uses & FI_IDENTITY))
            layer->kind->forward_rows(layer, &chain->net->pass, first, rows);
        if (chain->watcher && chain->watcher->see_rows)
            chain->watcher->see_rows(chain->watcher->context, layer, first, rows);
    }
}

/* A chain that begins with a layer whose rows do not depend on each other. */
static void begin_rows(void *context, size_t first, size_t rows)
{
    const struct chain *chain = context;
    fi_layer *layer = chain->net->layers[chain->first];
    if (!(layer->uses & FI_IDENTITY))
        layer->kind->forward_rows(layer, &chain->net->pass, first, rows);
    pass_on(context, first, rows);
}

/* The end of the chain that begins with layer i: a watcher of whole blobs sees each in its turn. */
static size_t end_of_chain(const fi_net *net, size_t i, const fi_watcher *watcher)
{
    const bool whole = watcher && watcher->see && !watcher->see_rows;
    size_t end = i + 1;
    while (!whole && end < net->n_layers && net->layers[end]->kind->forward_rows)
        end++;
    return end;
}

static fi_status run_chain(struct chain *chain)
{
    fi_layer *layer = chain->net->layers[chain->first];
    for (size_t i = chain->first; i < chain->end; i++)
        FI_TRY(draw(chain->net, chain->net->layers[i]));
    if (layer->kind->forward_rows)
        fi_net_tell_rows(&layer->out, &(fi_gemm_rows){begin_rows, chain});
    else
        layer->kind->forward(layer, &chain->net->pass, &(fi_gemm_rows){pass_on, chain});
    for (size_t i = chain->first; i < chain->end; i++)
        tell(chain->watcher, FI_AFTER_FORWARD, chain->net->layers[i]);
    return FI_OK;
}

/* x is neither copied nor written; it must stay until the backward pass. */
fi_status fi_net_forward(fi_net *net, const fi_real *x, fi_phase phase, const fi_watcher *watcher)
{
    FI_REQUIRE(net && x);
    FI_REQUIRE(net->n_layers > 0);
    net->kept = false;
    net->pass = (fi_pass){.seed = net->spec.seed, .step = net->trainings, .phase = phase};
    FI_TRY(fi_net_allocate(net));
    FI_TRY(fi_net_place(net, x, phase));
    for (size_t i = 0, end; i < net->n_layers; i = end) {
        end = end_of_chain(net, i, watcher);
        FI_TRY(run_chain(&(struct chain){net, watcher, i, end}));
    }
    net->trainings += phase == FI_TRAIN;
    net->kept = net->spec.keep != FI_KEEP_NOTHING;
    return FI_OK;
}

/* The lowest layer whose gradients anything needs. */
static size_t last_backward(const fi_net *net)
{
    size_t lowest = 0;
    while (net->spec.no_input_gradient && lowest + 1 < net->n_layers &&
           !(net->layers[lowest]->parameters[0].cols && net->layers[lowest]->rate != 0))
        lowest++;
    return lowest;
}

/*
 * What a complete cotangent is passed down to, block of rows by block: layers [end, first), and the
 * layer below them, if it is not under `lowest`, is shown what they leave.
 */
struct descent {
    const fi_net *net;
    const fi_watcher *watcher;
    size_t first, end, lowest;
};

static void pass_down(void *context, size_t first, size_t rows)
{
    const struct descent *d = context;
    for (size_t i = d->first; i-- > d->lowest;) {
        fi_layer *layer = d->net->layers[i];
        if (d->watcher && d->watcher->see_diff_rows)
            d->watcher->see_diff_rows(d->watcher->context, layer, first, rows);
        if (i < d->end)
            return;
        if (!(layer->uses & FI_IDENTITY))
            layer->kind->backward_rows(layer, &d->net->pass, first, rows);
    }
}

/* From layer `first` - 1 on. A watcher of whole blobs sees each in its turn. */
static struct descent descent_from(const fi_net *net, const fi_watcher *watcher, size_t first,
                                   size_t lowest)
{
    const bool whole = watcher && watcher->see && !watcher->see_diff_rows;
    size_t end = first;
    while (!whole && end > lowest && net->layers[end - 1]->kind->backward_rows)
        end--;
    return (struct descent){net, watcher, first, end, lowest};
}

static void tell_descent(const struct descent *d)
{
    for (size_t i = d->first; i-- > d->end;) {
        tell(d->watcher, FI_BEFORE_BACKWARD, d->net->layers[i]);
        tell(d->watcher, FI_AFTER_BACKWARD, d->net->layers[i]);
    }
}

/* A layer whose cotangent is complete, and those that go on with what it leaves. */
static void run_back(fi_layer *layer, struct descent *below)
{
    const fi_net *net = below->net;
    const bool shown = below->watcher && below->watcher->see_diff_rows;
    const bool awaited = layer->in->diff && (shown || below->end < below->first);
    tell(below->watcher, FI_BEFORE_BACKWARD, layer);
    if (layer->kind->backward)
        layer->kind->backward(layer, &net->pass,
                              awaited ? &(fi_gemm_rows){pass_down, below} : NULL);
    else if (!(layer->uses & FI_IDENTITY))
        layer->kind->backward_rows(layer, &net->pass, 0, layer->out.rows);
    tell(below->watcher, FI_AFTER_BACKWARD, layer);
    tell_descent(below);
}

/* The output's own diff, there after a forward pass, may hold the cotangent: that saves a copy. */
void fi_net_backward(fi_net *net, const fi_real *cotangent, const fi_watcher *watcher)
{
    FI_REQUIRE(net && cotangent);
    FI_REQUIRE(net->kept);
    const fi_blob *out = fi_net_output(net);
    if (cotangent != out->diff)
        memcpy(out->diff, cotangent, out->rows * out->cols * sizeof *cotangent);
    const size_t lowest = last_backward(net);
    struct descent below = descent_from(net, watcher, net->n_layers, lowest);
    fi_net_tell_rows(out, &(fi_gemm_rows){pass_down, &below});
    tell_descent(&below);
    for (size_t i = below.end; i > lowest; i = below.end) {
        below = descent_from(net, watcher, i - 1, lowest);
        run_back(net->layers[i - 1], &below);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

const fi_blob *fi_net_input(const fi_net *net)
{
    return &net->input;
}

const fi_blob *fi_net_output(const fi_net *net)
{
    return top(net) ? &top(net)->out : &net->input;
}

size_t fi_net_layers(const fi_net *net)
{
    return net->n_layers;
}

fi_layer *fi_net_layer(const fi_net *net, size_t index)
{
    FI_REQUIRE(index < net->n_layers);
    return net->layers[index];
}

uint64_t fi_net_trainings(const fi_net *net)
{
    return net->trainings;
}

void fi_net_set_trainings(fi_net *net, uint64_t trainings)
{
    net->trainings = trainings;
}

void fi_layer_multiply(fi_layer *layer, double rate, double decay)
{
    FI_REQUIRE(rate >= 0 && decay >= 0);
    layer->rate = rate;
    layer->decay = decay;
}

double fi_layer_rate(const fi_layer *layer)
{
    return layer->rate;
}

double fi_layer_decay(const fi_layer *layer)
{
    return layer->decay;
}

const char *fi_layer_name(const fi_layer *layer)
{
    return layer->name;
}

const char *fi_layer_kind(const fi_layer *layer)
{
    return layer->kind->name;
}

size_t fi_layer_depth(const fi_layer *layer)
{
    return layer->depth;
}

const fi_blob *fi_layer_input(const fi_layer *layer)
{
    return layer->in;
}

const fi_blob *fi_layer_output(const fi_layer *layer)
{
    return &layer->out;
}

static fi_blob *present(const fi_blob *blobs, size_t count, size_t index)
{
    return index < count && blobs[index].cols ? (fi_blob *)&blobs[index] : NULL;
}

fi_blob *fi_layer_parameter(const fi_layer *layer, size_t index)
{
    return present(layer->parameters, FI_MAX_PARAMETERS, index);
}

fi_blob *fi_layer_state(const fi_layer *layer, size_t index)
{
    return present(layer->states, FI_MAX_STATES, index);
}
