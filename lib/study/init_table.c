/* The table on the terminal: one for each activation and batch norm, means over the runs. */
#include "init.h"

#include <math.h>
#include <string.h>

struct column {
    const char *group, *name; /* two header lines; a group spans the columns that leave it out */
    enum fi_init_variable variable;
    enum {
        AS_IS,
        ROOT,   /* standard deviation of a variance, run by run */
        PERCENT /* of a fraction */
    } shown;
    bool symmetry; /* only where the scheme asks for it */
};

static const struct column columns[] = {
    {"pre-activation", "mean", FI_INIT_PRE_MEAN, AS_IS, false},
    {NULL, "std", FI_INIT_PRE_VARIANCE, ROOT, false},
    {"activation", "mean", FI_INIT_ACT_MEAN, AS_IS, false},
    {NULL, "std", FI_INIT_ACT_VARIANCE, ROOT, false},
    {"zeros", "%", FI_INIT_ZERO_FRACTION, PERCENT, false},
    {"distinct", "units", FI_INIT_DISTINCT_UNITS, AS_IS, true},
    {"gradient", "std", FI_INIT_GRADIENT_VARIANCE, ROOT, false},
    {"dW", "std", FI_INIT_WEIGHT_GRADIENT_VARIANCE, ROOT, false},
    {"distinct", "dW", FI_INIT_DISTINCT_GRADIENTS, AS_IS, true},
};

#define COLUMNS (sizeof columns / sizeof *columns)

/* The value of one run as the column shows it. */
static double shown(const fi_dataset *dataset, const struct column *column, size_t activation,
                    size_t batch_norm, size_t run, size_t layer)
{
    const fi_axis *axes = dataset->axes;
    size_t at = activation * axes[FI_AXIS_BATCH_NORM].size + batch_norm;
    at = (at * axes[FI_AXIS_RUN].size + run) * axes[FI_AXIS_LAYER].size + layer;
    const double value = dataset->values[column->variable][at];
    return column->shown == ROOT ? sqrt(value) : column->shown == PERCENT ? 100 * value : value;
}

/* "        .": missing; integers as such; else four digits. */
static void print_number(double x, FILE *stream)
{
    if (isnan(x))
        fprintf(stream, " %10s", ".");
    else if (x == round(x) && fabs(x) < 1e6)
        fprintf(stream, " %10.0f", x);
    else if (fabs(x) >= 1e-3 && fabs(x) < 1e5)
        fprintf(stream, " %10.*f", fabs(x) < 10 ? 5 : fabs(x) < 1000 ? 3 : 1, x);
    else
        fprintf(stream, " %10.3e", x);
}

static bool is_shown(size_t c, const fi_init_scheme *scheme)
{
    return !columns[c].symmetry || scheme->symmetry;
}

static void print_header(const fi_init_scheme *scheme, FILE *stream)
{
    fprintf(stream, "%5s", "");
    for (size_t c = 0; c < COLUMNS; c++) {
        const bool spans = c + 1 < COLUMNS && !columns[c + 1].group;
        if (is_shown(c, scheme) && columns[c].group)
            fprintf(stream, spans ? " %17s    " : " %10s", columns[c].group);
    }
    fprintf(stream, "\n%5s", "layer");
    for (size_t c = 0; c < COLUMNS; c++)
        if (is_shown(c, scheme))
            fprintf(stream, " %10s", columns[c].name);
    fputc('\n', stream);
}

static void print_layers(const fi_dataset *dataset, const fi_init_scheme *scheme, size_t activation,
                         size_t batch_norm, FILE *stream)
{
    const size_t runs = dataset->axes[FI_AXIS_RUN].size;
    for (size_t layer = 0; layer < dataset->axes[FI_AXIS_LAYER].size; layer++) {
        fprintf(stream, "%5zu", layer);
        for (size_t c = 0; c < COLUMNS; c++) {
            if (!is_shown(c, scheme))
                continue;
            double sum = 0;
            for (size_t run = 0; run < runs; run++)
                sum += shown(dataset, &columns[c], activation, batch_norm, run, layer);
            print_number(sum / (double)runs, stream);
        }
        fputc('\n', stream);
    }
}

void fi_init_print(const fi_dataset *dataset, const fi_init_scheme *scheme, FILE *stream)
{
    const fi_axis *axes = dataset->axes;
    fprintf(stream, "%s: %s; means over %zu run%s\n", scheme->name, scheme->about,
            axes[FI_AXIS_RUN].size, axes[FI_AXIS_RUN].size == 1 ? "" : "s");
    for (size_t a = 0; a < axes[FI_AXIS_ACTIVATION].size; a++)
        for (size_t b = 0; b < axes[FI_AXIS_BATCH_NORM].size; b++) {
            fprintf(stream, "\n%s, batch norm %s\n", axes[FI_AXIS_ACTIVATION].labels[a],
                    axes[FI_AXIS_BATCH_NORM].labels[b]);
            print_header(scheme, stream);
            print_layers(dataset, scheme, a, b, stream);
        }
}
