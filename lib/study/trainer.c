/*
 * One run of training: mini-batches in a new order each epoch, forward, loss, backward, update; and
 * evaluations along the way.
 */
#include "trainer.h"
#include "options.h"
#include "scheme.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <math.h>
#include <string.h>

enum {
    EVALUATION_ROWS = 512, /* of a batch of an evaluation */
    TRAINING_ROWS = 2000,  /* the training samples that an evaluation looks at */
    MOST_ROWS = 64         /* of a table of names */
};

/* ---- building -------------------------------------------------------------------------------- */

/* depth times: dense, batch norm, activation, dropout; then dense, the logits. */
static fi_status build(fi_trainer *t, const char *last_layer)
{
    const fi_recipe *recipe = t->recipe;
    const fi_dense_spec dense = {
        .initializer = &t->initializer, .units = recipe->width, .bias_std = recipe->bias_std};
    for (uint64_t l = 0; l < recipe->depth; l++) {
        FI_TRY(fi_net_dense(t->net, &dense));
        if (recipe->batch_norm)
            FI_TRY(fi_net_batch_norm(t->net, &(fi_batch_norm_spec){0}));
        FI_TRY(fi_net_activation(t->net, NULL, t->activation));
        if (recipe->keep < 1)
            FI_TRY(fi_net_dropout(t->net, NULL, recipe->keep));
    }
    fi_dense_spec logits = dense;
    logits.name = last_layer ? last_layer : "logits";
    logits.units = t->data.training.classes;
    FI_TRY(fi_net_dense(t->net, &logits));
    for (size_t k = 0; k + 1 < fi_net_layers(t->net); k++)
        fi_layer_multiply(fi_net_layer(t->net, k), recipe->lower_rate, 1);
    return fi_net_draw(t->net);
}

/* fi_unknown_name of a table, whose rows of `size` bytes begin with their names. */
static fi_status unknown_row(const char *kind, const char *given, const void *rows, size_t size,
                             size_t count)
{
    const char *names[MOST_ROWS];
    FI_REQUIRE(count <= MOST_ROWS);
    for (size_t k = 0; k < count; k++)
        memcpy(&names[k], (const char *)rows + k * size, sizeof *names);
    return fi_unknown_name(kind, given, names, count);
}

static fi_status find_rows(fi_trainer *t)
{
    size_t count = 0;
    const fi_activation *rows = fi_activations(&count);
    t->activation = fi_activation_find(t->recipe->activation);
    if (!t->activation)
        return unknown_row("activation", t->recipe->activation, rows, sizeof *rows, count);
    return fi_scheme_parse(t->recipe->initializer, &t->initializer, t->arena);
}

static fi_status new_solver(fi_trainer *t)
{
    const fi_recipe *recipe = t->recipe;
    size_t count = 0;
    const fi_update_rule *rules = fi_update_rules(&count);
    fi_solver_spec spec = {
        .rule = fi_update_rule_find(recipe->rule),
        .momentum = recipe->momentum,
        .l2 = recipe->l2,
        .clip = recipe->clip,
    };
    if (!spec.rule)
        return unknown_row("update rule", recipe->rule, rules, sizeof *rules, count);
    if (recipe->momentum == 0 && spec.rule->histories == 1) /* the solver's 0 is its default */
        spec.rule = fi_update_rule_find("sgd");
    FI_TRY(fi_schedule_parse(&spec.schedule, recipe->policy, t->arena));
    spec.schedule.base = recipe->rate;
    if (spec.schedule.last == 0)
        spec.schedule.last = t->updates;
    return fi_solver_new(&t->solver, t->net, &spec, t->arena);
}

/* Copies of all rows, or the caller's own. */
static fi_status copy_samples(fi_samples *samples, const fi_samples *from, size_t rows,
                              bool in_place, fi_arena *arena)
{
    *samples = *from;
    if (rows && rows < from->rows)
        samples->rows = rows;
    if (in_place || samples->rows == 0)
        return FI_OK;
    samples->x = fi_arena_alloc(arena, samples->rows * samples->cols, sizeof *samples->x);
    if (!samples->x)
        return fi_fail_memory(samples->rows * samples->cols * sizeof *samples->x, "the samples");
    memcpy(samples->x, from->x, samples->rows * samples->cols * sizeof *samples->x);
    return FI_OK;
}

/* Fits the transform to the training samples, unless it is given, and applies it to all. */
static fi_status transform(fi_trainer *t, const fi_trainer_spec *spec, fi_samples **parts)
{
    size_t count = 0;
    const fi_transform_kind *kinds = fi_transform_kinds(&count);
    const fi_transform_kind *kind = fi_transform_kind_find(t->recipe->transform);
    if (!kind)
        return unknown_row("transform", t->recipe->transform, kinds, sizeof *kinds, count);
    if (spec->transform)
        t->transform = *spec->transform;
    else
        FI_TRY(fi_transform_fit(&t->transform, kind, &t->data.training, t->recipe->components,
                                t->arena));
    for (size_t k = 0; k < 3; k++)
        if (parts[k]->rows)
            FI_TRY(fi_transform_apply(&t->transform, parts[k], t->arena));
    return FI_OK;
}

static fi_status prepare_data(fi_trainer *t, const fi_trainer_spec *spec)
{
    const size_t wanted = t->recipe->training;
    const fi_train_data *data = spec->data;
    fi_samples *parts[] = {&t->data.training, &t->data.validation, &t->data.test};
    const fi_samples *from[] = {&data->training, &data->validation, &data->test};
    if (wanted > data->training.rows)
        return fi_fail(FI_EDATA,
                       "there are %zu training samples, %zu were asked for; ask for fewer",
                       data->training.rows, wanted);
    for (size_t k = 0; k < 3; k++)
        FI_TRY(copy_samples(parts[k], from[k], k == 0 ? wanted : 0, spec->in_place, t->arena));
    return transform(t, spec, parts);
}

static fi_status allocate(fi_trainer *t)
{
    const size_t rows = t->data.training.rows;
    const size_t most = rows > t->data.validation.rows ? rows : t->data.validation.rows;
    t->capacity = most < EVALUATION_ROWS ? most : EVALUATION_ROWS;
    if (t->recipe->batch > t->capacity)
        t->capacity = t->recipe->batch < rows ? t->recipe->batch : rows;
    t->order = fi_arena_zeros(t->arena, rows, sizeof *t->order);
    t->x = fi_arena_alloc(t->arena, t->capacity * t->data.training.cols, sizeof *t->x);
    t->labels = fi_arena_zeros(t->arena, t->capacity, sizeof *t->labels);
    if (!t->order || !t->x || !t->labels)
        return fi_fail_memory(t->capacity * t->data.training.cols * sizeof *t->x, "a mini-batch");
    return FI_OK;
}

/* Updates an epoch takes: the last batch of it may be smaller. */
static uint64_t updates_an_epoch(const fi_trainer *t)
{
    return (t->data.training.rows + t->recipe->batch - 1) / t->recipe->batch;
}

/* What a run that is recorded needs: a copy of the weights; and it says how its data were made. */
static fi_status allocate_records(fi_trainer *t)
{
    size_t count = 0;
    if (!t->slots)
        return FI_OK;
    for (size_t k = 0; k < fi_net_layers(t->net); k++) {
        const fi_layer *layer = fi_net_layer(t->net, k);
        const fi_blob *w = fi_layer_parameter(layer, 0);
        if (strcmp(fi_layer_kind(layer), "dense") == 0)
            count += w->rows * w->cols;
    }
    t->weights_before = fi_arena_alloc(t->arena, count, sizeof *t->weights_before);
    if (!t->weights_before)
        return fi_fail_memory(count * sizeof *t->weights_before, "a copy of the weights");
    for (size_t k = 0; k < t->transform.inputs; k++) {
        if (t->slots[FI_TRAIN_TRANSFORM_MEAN] && t->transform.mean)
            t->slots[FI_TRAIN_TRANSFORM_MEAN][k] = t->transform.mean[k];
        if (t->slots[FI_TRAIN_TRANSFORM_SCALE] && t->transform.scale)
            t->slots[FI_TRAIN_TRANSFORM_SCALE][k] = t->transform.scale[k];
    }
    return FI_OK;
}

fi_status fi_trainer_new(fi_trainer **trainer, const fi_trainer_spec *spec, fi_arena *arena)
{
    const fi_recipe *recipe = spec->recipe;
    fi_trainer *t = fi_arena_zeros(arena, 1, sizeof *t);
    if (!t)
        return FI_ENOMEM;
    *t = (fi_trainer){
        .recipe = recipe,
        .arena = arena,
        .points = spec->points,
        .layers = spec->layers,
        .slots = spec->slots,
    };
    FI_TRY(find_rows(t));
    FI_TRY(prepare_data(t, spec));
    FI_TRY(allocate(t));
    t->updates = recipe->updates ? recipe->updates : recipe->epochs * updates_an_epoch(t);
    FI_TRY(fi_net_new(&t->net, arena,
                      &(fi_net_spec){
                          .samples = t->capacity,
                          .inputs = t->data.training.cols,
                          .seed = recipe->seed,
                          .keep = FI_KEEP_ALL,
                          .no_input_gradient = true,
                      }));
    FI_TRY(build(t, spec->last_layer));
    FI_TRY(new_solver(t));
    FI_TRY(allocate_records(t));
    t->cursor = t->data.training.rows; /* the first batch begins an epoch */
    *trainer = t;
    return FI_OK;
}

/* ---- one update ------------------------------------------------------------------------------ */

/* The next samples of this epoch's order, as many as a batch has or as are left. */
static size_t next_batch(fi_trainer *t)
{
    const size_t rows = t->data.training.rows;
    if (t->cursor == rows) {
        t->epoch++;
        t->cursor = 0;
        fi_rng rng = fi_rng_stream(t->recipe->seed, FI_FOR_SHUFFLE, 0, t->epoch);
        fi_permute(&rng, rows, t->order);
    }
    const size_t left = rows - t->cursor;
    const size_t count = t->recipe->batch < left ? t->recipe->batch : left;
    fi_samples_gather(&t->data.training, count, t->order + t->cursor, t->x, t->labels);
    t->cursor += count;
    return count;
}

static void note_loss(fi_trainer *t, double loss)
{
    t->loss_sum += loss;
    t->loss_squares += loss * loss;
    t->losses++;
}

/* Forward for the activations and the loss, backward for the gradients, then the weights. */
static fi_status update(fi_trainer *t, double *loss)
{
    const size_t count = next_batch(t);
    const fi_blob *logits = fi_net_output(t->net);
    fi_net_set_samples(t->net, count);
    FI_TRY(fi_net_forward(t->net, t->x, FI_TRAIN, NULL));
    *loss = fi_softmax_loss(count, logits->cols, logits->data, t->labels, logits->diff, NULL);
    note_loss(t, *loss);
    if (!isfinite(*loss))
        return FI_OK;
    fi_net_backward(t->net, logits->diff, NULL);
    fi_solver_update(t->solver);
    t->iteration++;
    return FI_OK;
}

/* ---- evaluations ----------------------------------------------------------------------------- */

uint64_t fi_trainer_point(const fi_trainer *t, size_t point)
{
    const uint64_t last = t->updates < t->points ? t->updates : t->points;
    if (point >= last)
        return point == last ? t->updates : UINT64_MAX;
    return (uint64_t)((double)point * (double)t->updates / (double)last + 0.5);
}

fi_status fi_trainer_evaluate(fi_trainer *t, const fi_samples *samples, size_t rows, double *loss,
                              double *accuracy)
{
    const fi_blob *logits = fi_net_output(t->net);
    double sum = 0;
    size_t right = 0;
    *loss = NAN;
    *accuracy = NAN;
    for (size_t first = 0; first < rows; first += t->capacity) {
        const size_t count = rows - first < t->capacity ? rows - first : t->capacity;
        size_t correct = 0;
        fi_net_set_samples(t->net, count);
        FI_TRY(fi_net_forward(t->net, samples->x + first * samples->cols, FI_TEST, NULL));
        sum += (double)count * fi_softmax_loss(count, logits->cols, logits->data,
                                               samples->labels + first, NULL, &correct);
        right += correct;
    }
    if (rows) {
        *loss = sum / (double)rows;
        *accuracy = (double)right / (double)rows;
    }
    return FI_OK;
}

static void set(const fi_trainer *t, enum fi_train_variable variable, size_t point, double value)
{
    if (t->slots && t->slots[variable])
        t->slots[variable][point] = value;
}

static fi_status evaluate_part(fi_trainer *t, const fi_samples *samples, size_t most, size_t point,
                               enum fi_train_variable loss, enum fi_train_variable accuracy)
{
    double l = 0;
    double a = 0;
    FI_TRY(fi_trainer_evaluate(t, samples, samples->rows < most ? samples->rows : most, &l, &a));
    set(t, loss, point, l);
    set(t, accuracy, point, a);
    return FI_OK;
}

static fi_status evaluate(fi_trainer *t, size_t point)
{
    const double rows = (double)t->data.training.rows;
    const double begun = t->epoch ? (double)(t->epoch - 1) : 0;
    set(t, FI_TRAIN_ITERATION, point, (double)t->iteration);
    set(t, FI_TRAIN_EPOCH, point, t->iteration ? begun + (double)t->cursor / rows : 0);
    set(t, FI_TRAIN_RATE, point, fi_solver_rate(t->solver));
    set(t, FI_TRAIN_PENALTY, point, fi_solver_penalty(t->solver));
    if (t->losses > 0) {
        const double mean = t->loss_sum / t->losses;
        const double variance = fmax(t->loss_squares / t->losses - mean * mean, 0);
        set(t, FI_TRAIN_BATCH_LOSS, point, mean);
        set(t, FI_TRAIN_BATCH_LOSS_SPREAD, point, sqrt(variance));
        set(t, FI_TRAIN_GRADIENT_NORM, point, fi_solver_gradient_norm(t->solver));
    }
    t->loss_sum = 0;
    t->loss_squares = 0;
    t->losses = 0;
    if (t->slots) /* first: LSUV takes its first batch from the probe */
        FI_TRY(fi_trainer_probe(t, point));
    FI_TRY(evaluate_part(t, &t->data.training, TRAINING_ROWS, point, FI_TRAIN_TRAIN_LOSS,
                         FI_TRAIN_TRAIN_ACCURACY));
    return evaluate_part(t, &t->data.validation, SIZE_MAX, point, FI_TRAIN_VALIDATION_LOSS,
                         FI_TRAIN_VALIDATION_ACCURACY);
}

/* ---- the run --------------------------------------------------------------------------------- */

/* The test samples, once, after the last update. */
static fi_status finish(fi_trainer *t)
{
    double loss = 0;
    double accuracy = 0;
    FI_TRY(fi_trainer_evaluate(t, &t->data.test, t->data.test.rows, &loss, &accuracy));
    set(t, FI_TRAIN_TEST_LOSS, 0, loss);
    set(t, FI_TRAIN_TEST_ACCURACY, 0, accuracy);
    return FI_OK;
}

fi_status fi_trainer_run(fi_trainer *t, const fi_train_listener *listener)
{
    for (;;) {
        if (t->slots && t->iteration == fi_trainer_point(t, t->point)) {
            FI_TRY(evaluate(t, t->point++));
            if (listener && listener->evaluated)
                listener->evaluated(listener->context, t, t->point - 1);
        }
        if (t->iteration == t->updates)
            return t->slots ? finish(t) : FI_OK;
        if (listener && listener->stops)
            FI_TRY(listener->stops(listener->context, t));
        const bool evaluated = t->point > 0 && t->iteration == fi_trainer_point(t, t->point - 1);
        if (evaluated)
            fi_trainer_before_update(t);
        double loss = 0;
        FI_TRY(update(t, &loss));
        if (!isfinite(loss)) {
            set(t, FI_TRAIN_BAD_ITERATION, 0, (double)t->iteration);
            set(t, FI_TRAIN_BAD_LAYER, 0, (double)fi_trainer_bad_layer(t));
            return FI_OK;
        }
        if (evaluated)
            fi_trainer_after_update(t, t->point - 1);
        if (listener && listener->updated)
            listener->updated(listener->context, t);
    }
}
