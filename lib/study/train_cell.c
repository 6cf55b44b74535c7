/* One run of a training study: its recipe, data and first weights, the training, what it left. */
#include "train.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../core/workers.h"
#include "progress.h"
#include "train_single.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A run and who listens to it. */
struct run {
    const fi_cell *cell;
    const fi_train_context *context;
    double started;
    double reported; /* the share of this run that the progress line counts */
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

fi_recipe fi_train_recipe(const fi_train_context *context, const size_t *position)
{
    fi_recipe recipe = context->options->recipe;
    if (context->scheme->vary)
        context->scheme->vary(position, &recipe);
    recipe.seed += position[context->scheme->n_axes + FI_TRAIN_RUN];
    return recipe;
}

/* ---- listening ------------------------------------------------------------------------------- */

static void on_evaluated(void *context, const fi_trainer *t, size_t point)
{
    struct run *run = context;
    if (run->context->options->clock)
        t->slots[FI_TRAIN_SECONDS][point] = now() - run->started;
    fi_train_log(run->context, run->cell->position, t, point);
}

/* Shares of all runs are added up in millionths: it is only shown. */
static void on_updated(void *context, const fi_trainer *t)
{
    static atomic_ullong millionths;
    struct run *run = context;
    const fi_axis *axes = run->context->dataset->axes;
    double cells = 1;
    for (size_t k = 0; k <= run->context->scheme->n_axes; k++)
        cells *= (double)axes[k].size;
    const double share = (double)t->iteration / (double)t->updates;
    if (share - run->reported < 1e-3 && share < 1)
        return;
    const unsigned long long step = (unsigned long long)(1e6 * (share - run->reported));
    const double all = (double)(atomic_fetch_add(&millionths, step) + step) / 1e6 / cells;
    run->reported = share;
    char note[96];
    const size_t last = t->point - 1;
    snprintf(note, sizeof note, "loss %.3g, accuracy %.1f %%, rate %.2g",
             t->slots[FI_TRAIN_TRAIN_LOSS][last], 100 * t->slots[FI_TRAIN_TRAIN_ACCURACY][last],
             t->slots[FI_TRAIN_RATE][last]);
    fi_progress_share(all, note);
}

static fi_status on_stop(void *context, fi_trainer *t)
{
    const struct run *run = context;
    if (run->context->scheme->n_axes == 0)
        return fi_train_single_stop(run->context, t);
    return fi_workers_interrupted() ? fi_fail(FI_EINTERRUPTED, "interrupted; nothing was written")
                                    : FI_OK;
}

/* ---- before and after ------------------------------------------------------------------------ */

/* The rows of the classes first <= c < end in each part. */
static fi_status choose_classes(fi_train_data *data, const fi_train_data *from, size_t first,
                                size_t end, fi_arena *arena)
{
    fi_samples *parts[] = {&data->training, &data->validation, &data->test};
    const fi_samples *all[] = {&from->training, &from->validation, &from->test};
    if (end > from->training.classes)
        return fi_fail(FI_EUSAGE, "--classes %zu-%zu: the data have classes 0 to %zu", first,
                       end - 1, from->training.classes - 1);
    for (size_t k = 0; k < 3; k++) {
        *parts[k] = *all[k];
        if (all[k]->rows)
            FI_TRY(fi_samples_of_classes(parts[k], all[k], first, end, arena));
    }
    return FI_OK;
}

/* Trains on the classes below first_class; weights and transform are what stays. */
static fi_status pretrain(const fi_cell *cell, const fi_recipe *recipe, fi_snapshot *snapshot,
                          fi_transform *transform)
{
    const fi_train_context *context = cell->context;
    fi_recipe *first = fi_arena_zeros(cell->arena, 1, sizeof *first);
    fi_train_data data;
    fi_trainer *trainer = NULL;
    if (!first)
        return FI_ENOMEM;
    *first = *recipe;
    first->epochs = recipe->pretraining;
    first->updates = 0;
    first->training = 0;
    first->lower_rate = 1;
    FI_TRY(choose_classes(&data, &context->data, 0, recipe->first_class, cell->arena));
    FI_TRY(fi_trainer_new(
        &trainer,
        &(fi_trainer_spec){
            .recipe = first, .data = &data, .in_place = true, .last_layer = "logits_before"},
        cell->arena));
    struct run run = {.cell = cell, .context = context};
    FI_TRY(fi_trainer_run(trainer, &(fi_train_listener){.context = &run, .stops = on_stop}));
    *transform = trainer->transform;
    return fi_snapshot_of(snapshot, trainer->net, NULL, cell->arena);
}

/* The layers of the same name take their weights from the snapshot; the table says which. */
static fi_status load_weights(const fi_train_context *context, fi_trainer *trainer,
                              const fi_snapshot *snapshot, bool transformed)
{
    fi_loaded_layer *table = NULL;
    size_t rows = 0;
    FI_TRY(fi_snapshot_load_weights(snapshot, trainer->net, &table, &rows, trainer->arena));
    if (!context->options->common.quiet && context->scheme->n_axes == 0) {
        fprintf(stderr, "%s: weights from %s, transform %s%s\n", context->scheme->name,
                snapshot->path, trainer->transform.kind->name, transformed ? " as there" : "");
        fi_print_loading(stderr, table, rows);
    }
    return FI_OK;
}

/* The theory of the first weights: over how many layers the correlation of two inputs is lost. */
static double depth_scale(const fi_trainer *t)
{
    const double width = (double)t->recipe->width;
    const fi_weight_moments weights =
        fi_initializer_moments(&t->initializer, 1, t->recipe->width, t->recipe->width);
    const double sb2 = t->recipe->bias_std * t->recipe->bias_std;
    if (t->recipe->batch_norm || !(weights.variance > 0) || weights.mean != 0)
        return NAN;
    return fi_fixed_point_of(t->activation, width * weights.variance, sb2).xi_c;
}

/*
 * Dropout: the logits of so many sampled sub-networks, on average, against those of the prediction
 * pass, on the first validation samples.
 */
static fi_status compare_subnetworks(const fi_cell *cell, fi_trainer *t)
{
    enum {
        MOST_ROWS = 100
    };
    const fi_samples *samples = t->data.validation.rows ? &t->data.validation : &t->data.training;
    const size_t rows = samples->rows < MOST_ROWS ? samples->rows : MOST_ROWS;
    const fi_blob *logits = fi_net_output(t->net);
    const size_t n = rows * logits->cols;
    const double masks = (double)t->recipe->subnetworks;
    double *sum = fi_arena_zeros(cell->arena, n, sizeof *sum);
    double *squares = fi_arena_zeros(cell->arena, n, sizeof *squares);
    if (!sum || !squares)
        return FI_ENOMEM;
    fi_net_set_samples(t->net, rows);
    for (uint64_t k = 0; k < t->recipe->subnetworks; k++) {
        FI_TRY(fi_net_forward(t->net, samples->x, FI_TRAIN, NULL));
        for (size_t i = 0; i < n; i++) {
            const double y = (double)logits->data[i];
            sum[i] += y;
            squares[i] += y * y;
        }
    }
    FI_TRY(fi_net_forward(t->net, samples->x, FI_TEST, NULL));
    double size = 0;
    double error = 0;
    double noise = 0;
    for (size_t i = 0; i < n; i++) {
        const double y = (double)logits->data[i];
        const double mean = sum[i] / masks;
        size += y * y;
        error += (mean - y) * (mean - y);
        noise += (squares[i] / masks - mean * mean) / (masks - 1);
    }
    *cell->slots[FI_TRAIN_SUBNETWORK_ERROR] = sqrt(error / size);
    *cell->slots[FI_TRAIN_SUBNETWORK_NOISE] = sqrt(noise / size);
    return FI_OK;
}

/* ---- the cell -------------------------------------------------------------------------------- */

fi_status fi_train_cell(const fi_cell *cell)
{
    const fi_train_context *context = cell->context;
    const fi_train_options *options = context->options;
    const bool single = context->scheme->n_axes == 0;
    fi_recipe *recipe = fi_arena_zeros(cell->arena, 1, sizeof *recipe);
    if (!recipe)
        return FI_ENOMEM;
    *recipe = fi_train_recipe(context, cell->position);
    if (cell->slots[FI_TRAIN_SEED])
        *cell->slots[FI_TRAIN_SEED] = (double)recipe->seed;
    fi_train_data data = context->data;
    bool own = single;
    if (recipe->end_class) {
        FI_TRY(choose_classes(&data, &context->data, recipe->first_class, recipe->end_class,
                              cell->arena));
        own = true;
    }
    fi_trainer *trainer = NULL;
    struct run run = {.cell = cell, .context = context, .started = now()};
    const fi_train_listener listener = {
        .context = &run, .evaluated = on_evaluated, .updated = on_updated, .stops = on_stop};
    fi_snapshot before = {0};
    fi_transform transform = {0};
    if (recipe->pretraining) {
        FI_TRY(pretrain(cell, recipe, &before, &transform));
    } else if (options->resume || options->weights) {
        const char *path = options->resume ? options->resume : options->weights;
        FI_TRY(fi_snapshot_read(&before, path, cell->arena));
        fi_trainer_transform(&before, &transform);
    }
    FI_TRY(fi_trainer_new(&trainer,
                          &(fi_trainer_spec){
                              .recipe = recipe,
                              .data = &data,
                              .in_place = own,
                              .transform = transform.kind ? &transform : NULL,
                              .last_layer = options->top,
                              .points = options->points,
                              .layers = context->layers,
                              .slots = cell->slots,
                          },
                          cell->arena));
    if (before.n_arrays && !options->resume)
        FI_TRY(load_weights(context, trainer, &before, transform.kind != NULL));
    *cell->slots[FI_TRAIN_DEPTH_SCALE] = depth_scale(trainer);
    if (single)
        FI_TRY(fi_train_single_begin(context, trainer, &before));
    if (options->clock && trainer->point)
        run.started -= trainer->slots[FI_TRAIN_SECONDS][trainer->point - 1];
    FI_TRY(fi_trainer_run(trainer, &listener));
    if (recipe->subnetworks && recipe->keep < 1)
        FI_TRY(compare_subnetworks(cell, trainer));
    return single ? fi_train_single_end(context, trainer) : FI_OK;
}
