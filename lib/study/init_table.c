/* The tables on the terminal: one for each activation and batch norm, and the verdict below it. */
#include "init.h"
#include "verdict.h"

#include "../core/internal.h"

#include <math.h>
#include <string.h>

/* What a column shows of its variable. */
enum shown {
    MEAN,     /* over the runs */
    ROOT,     /* of a variance: the standard deviation, run by run */
    PERCENT,  /* of a fraction */
    EXPECTED, /* of a variance: theory's standard deviation */
    DEVIATION /* of a variance: (mean over runs - theory's) / theory's deviation of such a mean */
};

struct column {
    const char *group, *name; /* two header lines; a group spans the columns that leave it out */
    int width;
    enum shown shown;
    enum fi_init_variable variable, predicted, predicted_sd;
    bool symmetry; /* only where the scheme asks for it */
};

#define PREDICTED(id) FI_INIT_##id, FI_PREDICTED_##id, FI_PREDICTED_##id##_SD

static const struct column columns[] = {
    {"pre-act.", "std", 9, ROOT, PREDICTED(PRE_VARIANCE), false},
    {"activation", "mean", 10, MEAN, PREDICTED(ACT_MEAN), false},
    {NULL, "std", 9, ROOT, PREDICTED(ACT_VARIANCE), false},
    {NULL, "expected", 9, EXPECTED, PREDICTED(ACT_VARIANCE), false},
    {NULL, "z", 5, DEVIATION, PREDICTED(ACT_VARIANCE), false},
    {"zeros", "%", 6, PERCENT, PREDICTED(ZERO_FRACTION), false},
    {"distinct", "units", 8, MEAN, FI_INIT_DISTINCT_UNITS, 0, 0, true},
    {"gradient", "std", 9, ROOT, PREDICTED(GRADIENT_VARIANCE), false},
    {NULL, "expected", 9, EXPECTED, PREDICTED(GRADIENT_VARIANCE), false},
    {NULL, "z", 5, DEVIATION, PREDICTED(GRADIENT_VARIANCE), false},
    {"dW", "std", 9, ROOT, PREDICTED(WEIGHT_GRADIENT_VARIANCE), false},
    {"distinct", "dW", 8, MEAN, FI_INIT_DISTINCT_GRADIENTS, 0, 0, true},
};

#define COLUMNS (sizeof columns / sizeof *columns)

static bool is_shown(size_t c, const fi_init_scheme *scheme)
{
    return !columns[c].symmetry || scheme->symmetry;
}

static void print_header(const fi_init_scheme *scheme, FILE *stream)
{
    fprintf(stream, "%5s", "");
    for (size_t c = 0; c < COLUMNS; c++) {
        int width = columns[c].width;
        for (size_t next = c + 1; next < COLUMNS && !columns[next].group; next++)
            width += 1 + columns[next].width;
        if (!is_shown(c, scheme) || !columns[c].group)
            continue;
        const int left = (width + (int)strlen(columns[c].group)) / 2;
        fprintf(stream, " %*s%*s", left, columns[c].group, width - left, "");
    }
    fprintf(stream, "\n%5s", "layer");
    for (size_t c = 0; c < COLUMNS; c++)
        if (is_shown(c, scheme))
            fprintf(stream, " %*s", columns[c].width, columns[c].name);
    fputc('\n', stream);
}

/* ".": missing; integers as such; else four digits. */
static void print_number(double x, const struct column *column, FILE *stream)
{
    const int width = column->width;
    const double size = fabs(x);
    if (isnan(x))
        fprintf(stream, " %*s", width, ".");
    else if (column->shown == DEVIATION || column->shown == PERCENT)
        fprintf(stream, " %*.1f", width, x);
    else if (x == round(x) && size < 1e6)
        fprintf(stream, " %*.0f", width, x);
    else if (size >= 1e-3 && size < 1e5)
        fprintf(stream, " %*.*f", width, size < 10 ? 5 : size < 1000 ? 3 : 1, x);
    else
        fprintf(stream, " %*.2e", width, x);
}

/* The value of a cell, an activation and batch norm, at the layer as the column shows it. */
static double value_of(const fi_dataset *dataset, const struct column *column, size_t cell,
                       size_t layer)
{
    const size_t runs = dataset->axes[FI_AXIS_RUN].size;
    const size_t layers = dataset->axes[FI_AXIS_LAYER].size;
    const double *measured = dataset->values[column->variable] + cell * runs * layers + layer;
    if (column->shown == EXPECTED)
        return sqrt(dataset->values[column->predicted][cell * layers + layer]);
    double sum = 0;
    for (size_t run = 0; run < runs; run++)
        sum += column->shown == ROOT ? sqrt(measured[run * layers]) : measured[run * layers];
    const double mean = sum / (double)runs;
    if (column->shown != DEVIATION)
        return column->shown == PERCENT ? 100 * mean : mean;
    const double predicted = dataset->values[column->predicted][cell * layers + layer];
    const double deviation = dataset->values[column->predicted_sd][cell * layers + layer];
    return deviation > 0 ? (mean - predicted) / deviation * sqrt((double)runs) : (double)NAN;
}

static void print_layers(const fi_dataset *dataset, const fi_init_scheme *scheme, size_t cell,
                         FILE *stream)
{
    for (size_t layer = 0; layer < dataset->axes[FI_AXIS_LAYER].size; layer++) {
        fprintf(stream, "%5zu", layer);
        for (size_t c = 0; c < COLUMNS; c++)
            if (is_shown(c, scheme))
                print_number(value_of(dataset, &columns[c], cell, layer), &columns[c], stream);
        fputc('\n', stream);
    }
}

static fi_verdict judge(const fi_dataset *dataset, const fi_init_context *context,
                        size_t activation, size_t batch_norm)
{
    const fi_init_options *options = context->options;
    const size_t width = options->width;
    const fi_weight_moments weights =
        fi_initializer_moments(&context->initializer, options->gain, width, width);
    return fi_verdict_compute(&(fi_verdict_input){
        .dataset = dataset,
        .at_activation = activation,
        .at_batch_norm = batch_norm,
        .activation = context->activations[activation],
        .batch_norm = context->batch_norms[batch_norm],
        .width = width,
        .sw2 = context->initializer.unit_variance ? (double)NAN : (double)width * weights.variance,
        .sb2 = options->bias_std * options->bias_std,
    });
}

fi_verdict *fi_init_judge(fi_dataset *dataset, const fi_init_context *context, fi_arena *arena)
{
    const fi_axis *axes = dataset->axes;
    const size_t count = axes[FI_AXIS_ACTIVATION].size * axes[FI_AXIS_BATCH_NORM].size;
    fi_verdict *verdicts = fi_arena_alloc(arena, count, sizeof *verdicts);
    if (!verdicts) {
        (void)fi_fail_memory(count * sizeof *verdicts, "the verdicts");
        return NULL;
    }
    for (size_t a = 0; a < axes[FI_AXIS_ACTIVATION].size; a++)
        for (size_t b = 0; b < axes[FI_AXIS_BATCH_NORM].size; b++) {
            const size_t at = a * axes[FI_AXIS_BATCH_NORM].size + b;
            verdicts[at] = judge(dataset, context, a, b);
            dataset->values[FI_INIT_FORWARD_FACTOR][at] = verdicts[at].signal.factor;
            dataset->values[FI_INIT_BACKWARD_FACTOR][at] = verdicts[at].gradient.factor;
        }
    return verdicts;
}

void fi_init_print(const fi_dataset *dataset, const fi_verdict *verdicts,
                   const fi_init_scheme *scheme, FILE *stream)
{
    const fi_axis *axes = dataset->axes;
    const size_t runs = axes[FI_AXIS_RUN].size;
    fprintf(stream, "%s: %s\n", scheme->name, scheme->about);
    fprintf(stream,
            "Means over %zu run%s; expected: by theory; z: their distance in standard errors.\n",
            runs, runs == 1 ? "" : "s");
    for (size_t a = 0; a < axes[FI_AXIS_ACTIVATION].size; a++)
        for (size_t b = 0; b < axes[FI_AXIS_BATCH_NORM].size; b++) {
            fprintf(stream, "\n%s, batch norm %s\n", axes[FI_AXIS_ACTIVATION].labels[a],
                    axes[FI_AXIS_BATCH_NORM].labels[b]);
            print_header(scheme, stream);
            const size_t at = a * axes[FI_AXIS_BATCH_NORM].size + b;
            print_layers(dataset, scheme, at, stream);
            fputc('\n', stream);
            fi_verdict_print(&verdicts[at], stream);
        }
}
