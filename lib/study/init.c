/*
 * The initialization study as a program: options, axes, the run, the file and the table. What one
 * network does is in init_cell.c.
 */
#include "init.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "dataset.h"
#include "options.h"
#include "progress.h"
#include "replace.h"
#include "scheme.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPTION_AT(member) offsetof(fi_init_options, member)

/* The first two are for a scheme that names no initializer. */
enum {
    CUSTOM_ROWS = 2
};
static const fi_option option_rows[] = {
    {0, "initializer", "NAME[:KEY=VALUE,...]", "the scheme of the weights; --list has all",
     FI_OPTION_TEXT, OPTION_AT(initializer), 0, 0, NULL},
    {0, "bias", "NAME[:KEY=VALUE,...]", "the scheme of the biases (default: zeros)", FI_OPTION_TEXT,
     OPTION_AT(bias), 0, 0, NULL},
    {'a', "activation", "LIST", "activations, separated by commas (default: tanh,relu)",
     FI_OPTION_TEXT, OPTION_AT(activation), 0, 0, NULL},
    {'b', "batch-norm", "WHEN", "off, on or both (default: both)", FI_OPTION_TEXT,
     OPTION_AT(batch_norm), 0, 0, NULL},
    {'d', "depth", "N", "layers (default: 10)", FI_OPTION_COUNT, OPTION_AT(depth), 1, 1e9, NULL},
    {'w', "width", "N", "units in each layer (default: 500)", FI_OPTION_COUNT, OPTION_AT(width), 1,
     1e9, NULL},
    {'n', "samples", "N", "rows of the input (default: 1000)", FI_OPTION_COUNT, OPTION_AT(samples),
     1, 1e9, NULL},
    {'r', "runs", "N", "networks of each kind (default: 8)", FI_OPTION_COUNT, OPTION_AT(runs), 1,
     1e9, NULL},
    {'s', "seed", "N", "seed of run 0; run r has seed N + r (default: 1)", FI_OPTION_COUNT,
     OPTION_AT(seed), 0, 4503599627370496.0, NULL},
    {0, "distribution", "LAW", "normal, uniform or truncated, at the scheme's variance",
     FI_OPTION_TEXT, OPTION_AT(distribution), 0, 0, NULL},
    {'g', "gain", "X", "multiply the weights by X (default: 1)", FI_OPTION_REAL, OPTION_AT(gain),
     1e-30, 1e30, NULL},
    {0, "bias-std", "X", "draw biases from N(0, X^2) (default: 0)", FI_OPTION_REAL,
     OPTION_AT(bias_std), 0, 1e30, NULL},
    {'i', "input", "FILE",
     "images in IDX format, as MNIST's: pixels / 255 less each pixel's mean (default: N(0, 1))",
     FI_OPTION_TEXT, OPTION_AT(input), 0, 0, NULL},
    {0, "no-backward", NULL, "leave the gradients out", FI_OPTION_FLAG, OPTION_AT(forward_only), 0,
     0, NULL},
    {0, "jacobian", NULL, "add the singular values of the Jacobian by the input", FI_OPTION_FLAG,
     OPTION_AT(jacobian), 0, 0, NULL},
    FI_PROGRAM_OPTIONS(fi_init_options),
};

#define OPTION_ROWS (sizeof option_rows / sizeof *option_rows)

/* The options of the scheme's program; *count is their number. */
static const fi_option *rows_of(const fi_init_scheme *scheme, size_t *count)
{
    const size_t first = scheme->initializer ? CUSTOM_ROWS : 0;
    *count = OPTION_ROWS - first;
    return option_rows + first;
}

static void print_help(const fi_init_scheme *scheme)
{
    size_t count = 0;
    const fi_option *rows = rows_of(scheme, &count);
    printf("usage: %s [OPTION]...\n\n", scheme->name);
    printf("Builds networks with the weights %s,\n"
           "runs them forward and backward, and records the mean and variance of every\n"
           "layer in results/%s.h5.\n\n",
           scheme->about ? scheme->about : "of --initializer", scheme->name);
    fi_options_help(stdout, rows, count);
    fi_program_help_end();
}

/* Fills context->activations from a list such as "tanh,relu"; *count is their number. */
static fi_status find_activations(fi_init_context *context, const char *list, size_t *count,
                                  fi_arena *arena)
{
    size_t known = 0;
    const fi_activation *rows = fi_activations(&known);
    const fi_activation **chosen = fi_arena_zeros(arena, known, sizeof *chosen);
    const char **names = fi_arena_zeros(arena, known, sizeof *names);
    char *rest = fi_arena_string(arena, list);
    if (!chosen || !names || !rest)
        return fi_fail_memory(known * sizeof *chosen, "the activations");
    for (size_t k = 0; k < known; k++)
        names[k] = rows[k].name;
    *count = 0;
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        const fi_activation *activation = fi_activation_find(name);
        if (!activation)
            return fi_unknown_name("activation", name, names, known);
        for (size_t k = 0; k < *count; k++)
            if (chosen[k] == activation)
                return fi_fail(FI_EUSAGE, "--activation names '%s' twice; name it once", name);
        chosen[(*count)++] = activation;
    }
    context->activations = chosen;
    return FI_OK;
}

/* The initializer of the scheme, with the law of --distribution in place of its own. */
static fi_status find_initializer(fi_init_context *context, fi_arena *arena)
{
    static const char *const laws[] = {
        [FI_NORMAL] = "normal", [FI_UNIFORM] = "uniform", [FI_TRUNCATED] = "truncated"};
    const fi_init_options *options = context->options;
    if (!options->initializer)
        return fi_fail(
            FI_EUSAGE,
            "give --initializer NAME[:KEY=VALUE,...], such as he_normal; --list has all");
    FI_TRY(fi_scheme_parse(options->initializer, &context->initializer, arena));
    if (options->bias && options->bias_std > 0)
        return fi_fail(FI_EUSAGE, "--bias and --bias-std exclude each other; give one of them");
    if (options->bias)
        FI_TRY(fi_scheme_parse_bias(options->bias, &context->bias, arena));
    const char *name = options->distribution;
    if (!name || context->initializer.law == FI_CONSTANT || context->initializer.law == FI_EYE)
        return FI_OK;
    for (size_t law = 0; law < sizeof laws / sizeof *laws; law++)
        if (strcmp(laws[law], name) == 0) {
            context->initializer.law = (fi_law)law;
            return FI_OK;
        }
    return fi_unknown_name("distribution", name, laws, sizeof laws / sizeof *laws);
}

/* The images of --input as centred pixels; sets the shape of the input either way. */
static fi_status load_input(fi_init_context *context, fi_arena *arena)
{
    const fi_init_options *options = context->options;
    context->samples = options->samples ? options->samples : 1000;
    context->inputs = options->width;
    context->input_moments = fi_input_normal(context->inputs);
    if (!options->input)
        return FI_OK;
    fi_idx idx;
    FI_TRY(fi_idx_read(&idx, options->input, 1, arena));
    if (idx.rank < 2)
        return fi_fail(FI_EDATA, "%s holds labels (rank 1); give the file of the images",
                       options->input);
    if (!options->samples && context->samples > idx.shape[0])
        context->samples = idx.shape[0];
    FI_TRY(fi_idx_read(&idx, options->input, context->samples, arena));
    context->inputs = idx.cols;
    fi_real *x = fi_arena_alloc(arena, idx.rows * idx.cols, sizeof *x);
    if (!x)
        return fi_fail_memory(idx.rows * idx.cols * sizeof *x, "the input");
    fi_center_pixels(idx.rows, idx.cols, idx.bytes, x, NULL);
    context->input = x;
    context->input_moments = fi_input_measure(idx.rows, idx.cols, x);
    return FI_OK;
}

/* Which of {off, on} --batch-norm asks for: the first label's index and how many. */
static fi_status find_batch_norm(fi_init_context *context, size_t *first, size_t *count)
{
    static const bool off_on[] = {false, true};
    static const char *const names[] = {"off", "on", "both"};
    const char *name = context->options->batch_norm;
    for (size_t k = 0; k < 3; k++)
        if (strcmp(names[k], name) == 0) {
            *first = k == 1;
            *count = k == 2 ? 2 : 1;
            context->batch_norms = off_on + *first;
            return FI_OK;
        }
    return fi_unknown_name("batch norm", name, names, 3);
}

static fi_status make_axes(fi_init_context *context, fi_axis axes[FI_INIT_AXES], fi_arena *arena)
{
    static const char *const off_on[] = {"off", "on"};
    const fi_init_options *options = context->options;
    size_t activations = 0;
    size_t first = 0;
    size_t batch_norms = 0;
    double *numbers[FI_INIT_AXES] = {NULL};
    double *seeds = NULL;
    FI_TRY(find_activations(context, options->activation, &activations, arena));
    FI_TRY(find_batch_norm(context, &first, &batch_norms));
    FI_TRY(fi_axis_count((double)options->seed, options->runs, &seeds, arena));
    FI_TRY(fi_axis_count(0, options->runs, &numbers[FI_AXIS_RUN], arena));
    FI_TRY(fi_axis_count(0, options->depth + 1, &numbers[FI_AXIS_LAYER], arena));
    FI_TRY(fi_axis_count(0, FI_INIT_BINS, &numbers[FI_AXIS_BIN], arena));
    FI_TRY(fi_axis_count(0, FI_INIT_BINS + 1, &numbers[FI_AXIS_EDGE], arena));
    const char **labels = fi_arena_zeros(arena, activations, sizeof *labels);
    if (!labels)
        return FI_ENOMEM;
    for (size_t k = 0; k < activations && context->activations; k++)
        labels[k] = context->activations[k]->name;
    context->seeds = seeds;
    axes[FI_AXIS_ACTIVATION] =
        (fi_axis){"activation", "activation function", NULL, activations, NULL, labels};
    axes[FI_AXIS_BATCH_NORM] = (fi_axis){
        "batch_norm", "batch norm before the activation", NULL, batch_norms, NULL, off_on + first};
    axes[FI_AXIS_RUN] =
        (fi_axis){"run", "network, one seed each", "1", options->runs, numbers[FI_AXIS_RUN], NULL};
    axes[FI_AXIS_LAYER] = (fi_axis){
        "layer", "layer, 0 is the input", "1", options->depth + 1, numbers[FI_AXIS_LAYER], NULL};
    axes[FI_AXIS_BIN] =
        (fi_axis){"bin", "bin of the histogram", "1", FI_INIT_BINS, numbers[FI_AXIS_BIN], NULL};
    axes[FI_AXIS_EDGE] = (fi_axis){"edge",
                                   "edge of a bin, bin k lies between edges k and k + 1",
                                   "1",
                                   FI_INIT_BINS + 1,
                                   numbers[FI_AXIS_EDGE],
                                   NULL};
    return FI_OK;
}

/* Refuses what this machine cannot hold before anything is allocated. */
static fi_status check_memory(const fi_init_context *context, size_t activations)
{
    const fi_init_options *options = context->options;
    const double cells = 2.0 * (double)activations * (double)options->runs;
    const double layers = (double)options->depth + 1;
    const double jobs = fmin(cells, fi_program_jobs(&options->common));
    const double record = cells * layers * (FI_INIT_VARIABLES + 2 * FI_INIT_BINS) * sizeof(double);
    return fi_program_check_memory(jobs * fi_init_cell_bytes(context) + record, jobs);
}

/* Runs the study and writes its file; the dataset and the verdicts stay in the arena. */
static fi_status run(const fi_init_scheme *scheme, fi_init_context *context, fi_dataset *dataset,
                     const struct fi_verdict **verdicts, fi_arena *arena)
{
    const fi_init_options *options = context->options;
    fi_axis *axes = fi_arena_zeros(arena, FI_INIT_AXES, sizeof *axes);
    if (!axes)
        return FI_ENOMEM;
    FI_TRY(find_initializer(context, arena));
    FI_TRY(load_input(context, arena));
    FI_TRY(check_memory(context, 1));
    FI_TRY(make_axes(context, axes, arena));
    FI_TRY(check_memory(context, axes[FI_AXIS_ACTIVATION].size));
    FI_TRY(fi_replacement_try(options->common.output));
    const fi_study study = {
        .name = scheme->name,
        .grid = FI_AXIS_RUN + 1,
        .n_axes = FI_INIT_AXES,
        .n_variables = FI_INIT_VARIABLES,
        .axes = axes,
        .variables = fi_init_variables,
        .cell = fi_init_cell,
        .context = context,
    };
    FI_TRY(fi_program_run(&study, &options->common, fi_progress, dataset, arena));
    *verdicts = fi_init_judge(dataset, context, arena);
    if (!*verdicts)
        return FI_ENOMEM;
    FI_TRY(fi_init_describe(dataset, scheme, context, arena));
    return fi_dataset_write(dataset, options->common.output);
}

static fi_status print(const fi_dataset *dataset, const struct fi_verdict *verdicts,
                       const fi_init_options *options, const fi_init_scheme *scheme)
{
    fi_status status;
    if (fi_program_exports(dataset, &options->common, FI_INIT_PER_LAYER, &status))
        return status;
    fi_init_print(dataset, verdicts, scheme, stdout);
    (void)fflush(stdout); /* what it says of failure is asked for at the end */
    fprintf(stderr, "%s: wrote %s\n", scheme->name, options->common.output);
    return FI_OK;
}

static fi_status study(int argc, char **argv, const fi_init_scheme *scheme, fi_arena *arena)
{
    char output[256];
    snprintf(output, sizeof output, "results/%s.h5", scheme->name);
    fi_init_options options = {
        .common = {.output = output},
        .initializer = scheme->initializer,
        .activation = "tanh,relu",
        .batch_norm = "both",
        .depth = 10,
        .width = 500,
        .runs = 8,
        .seed = 1,
        .gain = 1,
    };
    size_t count = 0;
    const fi_option *rows = rows_of(scheme, &count);
    FI_TRY(fi_options_parse(argc, argv, rows, count, &options));
    if (options.common.help) {
        print_help(scheme);
        return FI_OK;
    }
    if (options.common.version) {
        fi_program_version(scheme->name);
        return FI_OK;
    }
    if (options.common.list) {
        fi_program_list(stdout);
        return FI_OK;
    }
    fi_init_context context = {.options = &options};
    fi_dataset dataset = {0};
    const struct fi_verdict *verdicts = NULL;
    FI_TRY(run(scheme, &context, &dataset, &verdicts, arena));
    fi_init_scheme shown = *scheme;
    if (!shown.about)
        shown.about = fi_init_about(&context.initializer, arena);
    return shown.about ? print(&dataset, verdicts, &options, &shown) : FI_ENOMEM;
}

int fi_init_study(int argc, char **argv, const fi_init_scheme *scheme)
{
    fi_program_start();
    fi_arena *arena = NULL;
    fi_status status = fi_arena_new(&arena);
    if (status == FI_OK)
        status = study(argc, argv, scheme, arena);
    fi_arena_free(arena);
    return fi_program_end(scheme->name, status);
}
