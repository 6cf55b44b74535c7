/*
 * Statistics of the layers during training: on a probe, the first training samples, the same at
 * each evaluation; and the size of the update that follows.
 */
#include "slopes.h"
#include "trainer.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <math.h>
#include <string.h>

enum {
    PROBE_ROWS = 256
};

/* Units whose activations differ by less than this part of their root mean square are alike. */
#define ALIKE 1e-3

struct probe {
    fi_trainer *trainer;
    size_t point;
    bool out_of_memory;
};

static void set(const struct probe *probe, enum fi_train_variable variable, size_t layer,
                double value)
{
    const fi_trainer *t = probe->trainer;
    if (t->slots[variable])
        t->slots[variable][probe->point * t->layers + layer] = value;
}

static fi_moments moments_of(size_t count, const fi_real *x)
{
    fi_moments moments = FI_MOMENTS_EMPTY;
    fi_moments_add(&moments, count, x);
    return moments;
}

static void record_slopes(struct probe *probe, size_t layer, const fi_blob *z, const fi_blob *a)
{
    const fi_blob *blob = z ? z : a;
    double saturated = NAN;
    double dead = NAN;
    probe->out_of_memory |=
        !fi_count_slopes(probe->trainer->activation, blob->rows, blob->cols, z ? z->data : NULL,
                         a ? a->data : NULL, probe->trainer->arena, &saturated, &dead);
    set(probe, FI_TRAIN_SATURATED_FRACTION, layer, saturated);
    set(probe, FI_TRAIN_DEAD_FRACTION, layer, dead);
}

static void record_output(struct probe *probe, size_t layer, const fi_blob *a)
{
    const fi_moments moments = moments_of(a->rows * a->cols, a->data);
    const double size = sqrt(moments.mean * moments.mean + fi_moments_variance(&moments));
    const size_t distinct = fi_unlike_columns(
        a->rows, a->cols, a->data, isfinite(size) ? ALIKE * size : 0, probe->trainer->arena);
    probe->out_of_memory |= distinct == 0;
    set(probe, FI_TRAIN_ACT_MEAN, layer, moments.mean);
    set(probe, FI_TRAIN_ACT_VARIANCE, layer, fi_moments_variance(&moments));
    set(probe, FI_TRAIN_DISTINCT_UNITS, layer, (double)distinct);
}

static void record_variance(struct probe *probe, enum fi_train_variable variable, size_t layer,
                            size_t count, const fi_real *x)
{
    const fi_moments moments = moments_of(count, x);
    set(probe, variable, layer, fi_moments_variance(&moments));
}

/* Slopes are found from what the activation needs: its output, or what it is fed. */
static void see_forward(struct probe *probe, const fi_layer *layer)
{
    const fi_trainer *t = probe->trainer;
    const fi_blob *out = fi_layer_output(layer);
    const char *kind = fi_layer_kind(layer);
    const size_t l = fi_layer_depth(layer);
    const bool hidden = l <= t->recipe->depth;
    const char *feeding = t->recipe->batch_norm ? "batch_norm" : "dense";
    if (strcmp(kind, "dense") == 0) {
        const fi_blob *w = fi_layer_parameter(layer, 0);
        record_variance(probe, FI_TRAIN_WEIGHT_VARIANCE, l, w->rows * w->cols, w->data);
        if (!hidden)
            record_output(probe, l, out);
    }
    if (hidden && strcmp(kind, feeding) == 0 && !t->activation->from_output)
        record_slopes(probe, l, out, NULL);
    if (strcmp(kind, "activation") == 0) {
        record_output(probe, l, out);
        if (t->activation->from_output)
            record_slopes(probe, l, NULL, out);
    }
}

static void see(void *context, fi_event event, const fi_layer *layer)
{
    struct probe *probe = context;
    const fi_arena_mark before = fi_arena_now(probe->trainer->arena);
    const size_t l = fi_layer_depth(layer);
    const bool dense = strcmp(fi_layer_kind(layer), "dense") == 0;
    const bool top = l > probe->trainer->recipe->depth;
    if (event == FI_AFTER_FORWARD) {
        see_forward(probe, layer);
    } else if (event == FI_BEFORE_BACKWARD &&
               (top || strcmp(fi_layer_kind(layer), "activation") == 0)) {
        const fi_blob *out = fi_layer_output(layer);
        record_variance(probe, FI_TRAIN_GRADIENT_VARIANCE, l, out->rows * out->cols, out->diff);
    } else if (event == FI_AFTER_BACKWARD && dense && fi_layer_rate(layer) > 0) {
        const fi_blob *w = fi_layer_parameter(layer, 0);
        record_variance(probe, FI_TRAIN_WEIGHT_GRADIENT_VARIANCE, l, w->rows * w->cols, w->diff);
    }
    fi_arena_release(probe->trainer->arena, before);
}

fi_status fi_trainer_probe(fi_trainer *t, size_t point)
{
    struct probe probe = {.trainer = t, .point = point};
    const fi_watcher watcher = {.see = see, .context = &probe};
    const fi_samples *samples = &t->data.training;
    const fi_blob *logits = fi_net_output(t->net);
    size_t rows = samples->rows < PROBE_ROWS ? samples->rows : PROBE_ROWS;
    rows = rows < t->capacity ? rows : t->capacity;
    fi_net_set_samples(t->net, rows);
    const fi_arena_mark before = fi_arena_now(t->arena);
    record_output(&probe, 0, &(fi_blob){rows, samples->cols, samples->x, NULL});
    fi_arena_release(t->arena, before);
    FI_TRY(fi_net_forward(t->net, samples->x, FI_PROBE, &watcher));
    (void)fi_softmax_loss(rows, logits->cols, logits->data, samples->labels, logits->diff, NULL);
    fi_net_backward(t->net, logits->diff, &watcher);
    return probe.out_of_memory ? fi_fail_memory(samples->cols * sizeof(size_t), "a count of units")
                               : FI_OK;
}

/* ---- updates --------------------------------------------------------------------------------- */

/* Calls `visit` for the weights of each dense layer, with room for a copy of them. */
static void visit_weights(fi_trainer *t, size_t point,
                          void (*visit)(fi_trainer *t, size_t point, const fi_layer *layer,
                                        const fi_blob *w, fi_real *copy))
{
    size_t offset = 0;
    for (size_t k = 0; k < fi_net_layers(t->net); k++) {
        const fi_layer *layer = fi_net_layer(t->net, k);
        if (strcmp(fi_layer_kind(layer), "dense") != 0)
            continue;
        const fi_blob *w = fi_layer_parameter(layer, 0);
        visit(t, point, layer, w, t->weights_before + offset);
        offset += w->rows * w->cols;
    }
}

static void keep(fi_trainer *t, size_t point, const fi_layer *layer, const fi_blob *w,
                 fi_real *copy)
{
    (void)t;
    (void)point;
    (void)layer;
    memcpy(copy, w->data, w->rows * w->cols * sizeof *copy);
}

static void compare(fi_trainer *t, size_t point, const fi_layer *layer, const fi_blob *w,
                    fi_real *copy)
{
    double squares = 0;
    double changes = 0;
    for (size_t k = 0; k < w->rows * w->cols; k++) {
        const double change = (double)w->data[k] - (double)copy[k];
        squares += (double)copy[k] * (double)copy[k];
        changes += change * change;
    }
    if (t->slots[FI_TRAIN_UPDATE_RATIO])
        t->slots[FI_TRAIN_UPDATE_RATIO][point * t->layers + fi_layer_depth(layer)] =
            squares > 0 ? sqrt(changes / squares) : (double)NAN;
}

void fi_trainer_before_update(fi_trainer *t)
{
    visit_weights(t, 0, keep);
}

void fi_trainer_after_update(fi_trainer *t, size_t point)
{
    visit_weights(t, point, compare);
}

static bool is_finite(const fi_blob *blob)
{
    return moments_of(blob->rows * blob->cols, blob->data).nonfinite == 0;
}

size_t fi_trainer_bad_layer(const fi_trainer *t)
{
    for (size_t k = 0; k < fi_net_layers(t->net); k++) {
        const fi_layer *layer = fi_net_layer(t->net, k);
        if (!is_finite(fi_layer_output(layer)))
            return fi_layer_depth(layer);
    }
    return 0;
}
