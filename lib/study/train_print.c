/* What a training study says at its end: one table over all positions, and the diagnosis. */
#include "train.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "dataset.h"

#include <math.h>
#include <string.h>

enum {
    MOST_DIAGNOSES = 12, /* positions with a diagnosis of their own; more are told by rule */
    MOST_FINDINGS = 8,
    FINDINGS = 2 /* shown of a position */
};

/* A position's values: mean and deviation over the runs. */
struct summary {
    double mean, sd;
};

static size_t runs_of(const fi_dataset *d, size_t n_axes)
{
    return d->axes[n_axes + FI_TRAIN_RUN].size;
}

static size_t points_of(const fi_dataset *d, size_t n_axes)
{
    return d->axes[n_axes + FI_TRAIN_POINT].size;
}

/* Variable v of one run, at its last evaluation. */
static double last_value(const fi_dataset *d, size_t n_axes, size_t v, size_t run)
{
    const size_t points = points_of(d, n_axes);
    const double *iterations = d->values[FI_TRAIN_ITERATION] + run * points;
    const double *values = d->values[v] + run * points;
    for (size_t k = points; k-- > 0;)
        if (!isnan(iterations[k]))
            return values[k];
    return NAN;
}

double fi_train_final(const fi_dataset *d, const char *variable, const size_t *position,
                      size_t layer)
{
    const size_t n = fi_dataset_axis(d, "run");
    const size_t v = fi_dataset_find(d, variable);
    const size_t runs = runs_of(d, n);
    const uint32_t grid = (1U << n) - 1;
    size_t at[FI_MAX_AXES] = {0};
    FI_REQUIRE(v < d->n_variables);
    if (n)
        memcpy(at, position, n * sizeof *at);
    at[n + FI_TRAIN_LAYER] = layer;
    double sum = 0;
    for (at[n + FI_TRAIN_RUN] = 0; at[n + FI_TRAIN_RUN] < runs; at[n + FI_TRAIN_RUN]++) {
        const size_t run =
            fi_axes_index(d->n_axes, d->axes, grid, at) * runs + at[n + FI_TRAIN_RUN];
        const double *iterations = d->values[FI_TRAIN_ITERATION] + run * points_of(d, n);
        size_t last = points_of(d, n);
        while (last > 1 && isnan(iterations[last - 1]))
            last--;
        at[n + FI_TRAIN_POINT] = last - 1;
        sum += d->values[v][fi_axes_index(d->n_axes, d->axes, d->variables[v].axes, at)];
    }
    return sum / (double)runs;
}

/* The best validation accuracy of one run, and the epoch it was reached in. */
static double best_value(const fi_dataset *d, size_t n_axes, size_t run, double *epoch)
{
    const size_t points = points_of(d, n_axes);
    const double *values = d->values[FI_TRAIN_VALIDATION_ACCURACY] + run * points;
    double best = NAN;
    *epoch = NAN;
    for (size_t k = 0; k < points; k++)
        if (values[k] > best || (isnan(best) && !isnan(values[k]))) {
            best = values[k];
            *epoch = d->values[FI_TRAIN_EPOCH][run * points + k];
        }
    return best;
}

static struct summary summarize(const fi_dataset *d, size_t n_axes, size_t v, size_t position)
{
    const size_t runs = runs_of(d, n_axes);
    double sum = 0;
    double squares = 0;
    for (size_t r = 0; r < runs; r++)
        sum += last_value(d, n_axes, v, position * runs + r);
    const double mean = sum / (double)runs;
    for (size_t r = 0; r < runs; r++) {
        const double x = last_value(d, n_axes, v, position * runs + r) - mean;
        squares += x * x;
    }
    return (struct summary){mean, runs > 1 ? sqrt(squares / (double)(runs - 1)) : (double)NAN};
}

/* The columns that an axis takes: its name or its widest label. */
static int width_of(const fi_axis *axis)
{
    size_t width = strlen(axis->name);
    for (size_t k = 0; axis->labels && k < axis->size; k++)
        width = strlen(axis->labels[k]) > width ? strlen(axis->labels[k]) : width;
    return (int)width;
}

/* "rate 0.1, he_normal" */
static void print_position(const fi_dataset *d, size_t n_axes, size_t position, bool aligned,
                           FILE *stream)
{
    size_t at[FI_MAX_AXES] = {0};
    fi_axes_position(d->n_axes, d->axes, (1U << n_axes) - 1, position, at);
    for (size_t k = 0; k < n_axes; k++) {
        const fi_axis *axis = &d->axes[k];
        char number[FI_NUMBER_TEXT];
        if (!axis->labels)
            fi_number_text(fi_axis_number(axis, at[k]), number);
        const char *text = axis->labels ? axis->labels[at[k]] : number;
        if (aligned)
            fprintf(stream, "%-*s  ", width_of(axis), text);
        else
            fprintf(stream, "%s%s %s", k ? ", " : "", axis->name, text);
    }
}

static void print_share(double share, FILE *stream)
{
    if (isnan(share))
        fprintf(stream, " %8s", ".");
    else
        fprintf(stream, " %7.1f%%", 100 * share);
}

static void print_loss(double loss, FILE *stream)
{
    if (isnan(loss))
        fprintf(stream, " %9s", ".");
    else
        fprintf(stream, " %9.4g", loss);
}

static void print_row(const fi_dataset *d, size_t n_axes, size_t position, FILE *stream)
{
    const size_t runs = runs_of(d, n_axes);
    double best = 0;
    double epoch = 0;
    double test = 0;
    for (size_t r = 0; r < runs; r++) {
        double at = 0;
        best += best_value(d, n_axes, position * runs + r, &at) / (double)runs;
        epoch += at / (double)runs;
        test += d->values[FI_TRAIN_TEST_ACCURACY][position * runs + r] / (double)runs;
    }
    print_position(d, n_axes, position, true, stream);
    fprintf(stream, "%8.0f", summarize(d, n_axes, FI_TRAIN_ITERATION, position).mean);
    print_loss(summarize(d, n_axes, FI_TRAIN_TRAIN_LOSS, position).mean, stream);
    print_share(summarize(d, n_axes, FI_TRAIN_TRAIN_ACCURACY, position).mean, stream);
    print_loss(summarize(d, n_axes, FI_TRAIN_VALIDATION_LOSS, position).mean, stream);
    print_share(summarize(d, n_axes, FI_TRAIN_VALIDATION_ACCURACY, position).mean, stream);
    if (runs > 1)
        print_share(summarize(d, n_axes, FI_TRAIN_VALIDATION_ACCURACY, position).sd, stream);
    print_share(best, stream);
    if (isnan(epoch))
        fprintf(stream, " %6s", ".");
    else
        fprintf(stream, " %6.1f", epoch);
    print_share(test, stream);
    fputc('\n', stream);
}

static void print_header(const fi_dataset *d, size_t n_axes, FILE *stream)
{
    int width = 0;
    for (size_t k = 0; k < n_axes; k++)
        width += 2 + width_of(&d->axes[k]);
    const bool several = runs_of(d, n_axes) > 1;
    fprintf(stream, "%*s%8s %18s %18s%s %15s\n", width, "", "", "training    ", "validation    ",
            several ? "         " : "", "best    ");
    for (size_t k = 0; k < n_axes; k++)
        fprintf(stream, "%-*s  ", width_of(&d->axes[k]), d->axes[k].name);
    fprintf(stream, "%8s %9s %8s %9s %8s%s %8s %6s %8s\n", "updates", "loss", "accuracy", "loss",
            "accuracy", several ? "       sd" : "", "accuracy", "epoch", "test");
}

/* ---- the diagnosis --------------------------------------------------------------------------- */

/* The hidden layers' part of a layers' variable: (points, depth). */
static const double *hidden(const fi_dataset *d, size_t n_axes, size_t v, size_t run, size_t points,
                            size_t depth, fi_arena *arena)
{
    const size_t all = points_of(d, n_axes);
    const size_t layers = d->axes[n_axes + FI_TRAIN_LAYER].size;
    double *values = fi_arena_zeros(arena, points * depth + 1, sizeof *values);
    for (size_t p = 0; values && p < points; p++)
        for (size_t l = 0; l < depth; l++)
            values[p * depth + l] = d->values[v][(run * all + p) * layers + l + 1];
    return values;
}

static fi_status diagnose(const fi_dataset *d, const fi_train_context *context, size_t position,
                          fi_finding *findings, size_t *count, fi_arena *arena)
{
    const size_t n = context->scheme->n_axes;
    const size_t run = position * runs_of(d, n);
    const size_t all = points_of(d, n);
    size_t at[FI_MAX_AXES] = {0};
    fi_axes_position(d->n_axes, d->axes, (1U << n) - 1, position, at);
    const fi_recipe recipe = fi_train_recipe(context, at);
    size_t points = 0;
    while (points < all && !isnan(d->values[FI_TRAIN_ITERATION][run * all + points]))
        points++;
    const size_t classes = context->data.training.classes;
    size_t *counts = fi_arena_zeros(arena, classes + 1, sizeof *counts);
    if (!counts)
        return FI_ENOMEM;
    fi_samples_count(&context->data.training, counts);
#define CURVE(id) (d->values[FI_TRAIN_##id] + run * all)
#define LAYERS(id) hidden(d, n, FI_TRAIN_##id, run, points, recipe.depth, arena)
    const fi_curves curves = {
        .points = points,
        .layers = recipe.depth,
        .width = recipe.width,
        .iteration = CURVE(ITERATION),
        .batch_loss = CURVE(BATCH_LOSS),
        .train_loss = CURVE(TRAIN_LOSS),
        .train_accuracy = CURVE(TRAIN_ACCURACY),
        .validation_loss = CURVE(VALIDATION_LOSS),
        .validation_accuracy = CURVE(VALIDATION_ACCURACY),
        .activation_variance = LAYERS(ACT_VARIANCE),
        .saturated_fraction = LAYERS(SATURATED_FRACTION),
        .dead_fraction = LAYERS(DEAD_FRACTION),
        .distinct_units = LAYERS(DISTINCT_UNITS),
        .gradient_variance = LAYERS(GRADIENT_VARIANCE),
        .update_ratio = LAYERS(UPDATE_RATIO),
        .classes = recipe.end_class ? recipe.end_class - recipe.first_class : classes,
        .class_counts = recipe.end_class || recipe.training ? NULL : counts,
        .rate = recipe.rate,
        .l2 = recipe.l2,
        .penalty = last_value(d, n, FI_TRAIN_PENALTY, run),
        .keep = recipe.keep,
        .bad_iteration = d->values[FI_TRAIN_BAD_ITERATION][run],
        .bad_layer =
            d->values[FI_TRAIN_BAD_LAYER][run] > 0 ? (size_t)d->values[FI_TRAIN_BAD_LAYER][run] : 0,
    };
#undef LAYERS
#undef CURVE
    *count = fi_diagnose(&curves, MOST_FINDINGS, findings);
    return FI_OK;
}

/* Each position with its own findings. */
static void print_each(const fi_dataset *d, size_t n_axes, size_t position,
                       const fi_finding *findings, size_t count, FILE *stream)
{
    if (n_axes) {
        fputc('\n', stream);
        print_position(d, n_axes, position, false, stream);
        fputs(":\n", stream);
    }
    for (size_t k = 0; k < count && k < FINDINGS; k++)
        fprintf(stream, "  %s\n", findings[k].text);
}

/* The positions with one rule in common, and what it says of the first. */
static void print_group(const fi_dataset *d, size_t n_axes, const fi_finding *first,
                        size_t positions, size_t from, FILE *stream)
{
    size_t members = 0;
    for (size_t p = from; p < positions; p++)
        members += strcmp(first[p].rule, first[from].rule) == 0;
    fprintf(stream, "\n%s, %zu of %zu:", first[from].rule, members, positions);
    for (size_t p = from; p < positions; p++)
        if (strcmp(first[p].rule, first[from].rule) == 0) {
            fputs(p == from ? " " : "; ", stream);
            print_position(d, n_axes, p, false, stream);
        }
    fprintf(stream, "\n  The first: %s\n", first[from].text);
}

static fi_status print_diagnoses(const fi_dataset *d, const fi_train_context *context,
                                 size_t positions, FILE *stream, fi_arena *arena)
{
    const size_t n_axes = context->scheme->n_axes;
    fi_finding findings[MOST_FINDINGS];
    fi_finding *first = fi_arena_zeros(arena, positions, sizeof *first);
    if (!first)
        return FI_ENOMEM;
    fprintf(stream, "\nDiagnosis%s\n", n_axes ? " of the first run of each" : "");
    for (size_t p = 0; p < positions; p++) {
        const fi_arena_mark before = fi_arena_now(arena);
        size_t count = 0;
        FI_TRY(diagnose(d, context, p, findings, &count, arena));
        first[p] = findings[0];
        if (positions <= MOST_DIAGNOSES)
            print_each(d, n_axes, p, findings, count, stream);
        fi_arena_release(arena, before);
    }
    for (size_t p = 0; positions > MOST_DIAGNOSES && p < positions; p++) {
        bool told = false;
        for (size_t q = 0; q < p; q++)
            told |= strcmp(first[q].rule, first[p].rule) == 0;
        if (!told)
            print_group(d, n_axes, first, positions, p, stream);
    }
    return FI_OK;
}

fi_status fi_train_print(const fi_dataset *d, const fi_train_context *context, FILE *stream,
                         fi_arena *arena)
{
    const size_t n_axes = context->scheme->n_axes;
    const size_t runs = runs_of(d, n_axes);
    const size_t positions = fi_axes_size(d->n_axes, d->axes, (1U << n_axes) - 1);
    fprintf(stream, "%s: %s\n", context->scheme->name, context->scheme->about);
    fprintf(stream, "%s, %zu for training, %zu for validation; ", context->data_name,
            context->data.training.rows, context->data.validation.rows);
    fprintf(stream, runs == 1 ? "one run of each\n\n" : "means over %zu runs of each\n\n", runs);
    print_header(d, n_axes, stream);
    for (size_t p = 0; p < positions; p++)
        print_row(d, n_axes, p, stream);
    if (context->scheme->conclude) {
        fputc('\n', stream);
        context->scheme->conclude(d, stream);
    }
    return print_diagnoses(d, context, positions, stream, arena);
}
