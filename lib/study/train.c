/* The training study as a program: options, axes, the runs, the file and the table. */
#include "train.h"
#include "train_single.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/gemm.h"
#include "dataset.h"
#include "replace.h"
#include "revision.h"

#include <math.h>
#include <string.h>

/* ---- axes and variables ---------------------------------------------------------------------- */

/* The deepest net of all positions: hidden layers, and the input and the logits. */
static size_t count_layers(const fi_train_context *context)
{
    const fi_train_scheme *scheme = context->scheme;
    const size_t positions = fi_axes_size(scheme->n_axes, scheme->axes, (1U << scheme->n_axes) - 1);
    uint64_t deepest = 0;
    for (size_t p = 0; p < positions; p++) {
        size_t at[FI_MAX_AXES] = {0};
        fi_axes_position(scheme->n_axes, scheme->axes, (1U << scheme->n_axes) - 1, p, at);
        const fi_recipe recipe = fi_train_recipe(context, at);
        deepest = recipe.depth > deepest ? recipe.depth : deepest;
    }
    return deepest + 2;
}

static fi_status make_axes(const fi_train_context *context, fi_axis *axes, fi_arena *arena)
{
    const fi_train_options *options = context->options;
    const size_t n = context->scheme->n_axes;
    double *numbers[FI_TRAIN_AXES];
    const size_t sizes[FI_TRAIN_AXES] = {
        [FI_TRAIN_RUN] = options->runs,
        [FI_TRAIN_POINT] = options->points + 1,
        [FI_TRAIN_LAYER] = context->layers,
        [FI_TRAIN_INPUT] = context->data.training.cols,
    };
    if (n)
        memcpy(axes, context->scheme->axes, n * sizeof *axes);
    for (size_t k = 0; k < FI_TRAIN_AXES; k++)
        FI_TRY(fi_axis_count(0, sizes[k], &numbers[k], arena));
    axes[n + FI_TRAIN_RUN] =
        (fi_axis){"run", "one seed", "1", sizes[FI_TRAIN_RUN], numbers[FI_TRAIN_RUN], NULL};
    axes[n + FI_TRAIN_POINT] =
        (fi_axis){"point",
                  "evaluation, 0 before the first update; see iteration and epoch",
                  "1",
                  sizes[FI_TRAIN_POINT],
                  numbers[FI_TRAIN_POINT],
                  NULL};
    axes[n + FI_TRAIN_LAYER] =
        (fi_axis){"layer",
                  "layer, 0 is the input, one past the hidden layers the logits",
                  "1",
                  sizes[FI_TRAIN_LAYER],
                  numbers[FI_TRAIN_LAYER],
                  NULL};
    axes[n + FI_TRAIN_INPUT] = (fi_axis){"input",
                                         "value of a sample, row by row, channels last",
                                         "1",
                                         sizes[FI_TRAIN_INPUT],
                                         numbers[FI_TRAIN_INPUT],
                                         NULL};
    return FI_OK;
}

static void make_variables(size_t n, fi_variable variables[FI_TRAIN_VARIABLES])
{
    const uint32_t run = 1U << (n + FI_TRAIN_RUN);
    const uint32_t cell = (1U << (n + FI_TRAIN_RUN + 1)) - 1;
    const uint32_t point = cell | 1U << (n + FI_TRAIN_POINT);
    const uint32_t layer = point | 1U << (n + FI_TRAIN_LAYER);
    const uint32_t input = cell | 1U << (n + FI_TRAIN_INPUT);
#define INPUT input
#define RUN run
#define CELL cell
#define POINT point
#define LAYER layer
#define X(id, name, long_name, units, axes)                                                        \
    variables[FI_TRAIN_##id] = (fi_variable){name, long_name, units, axes};
#include "train.def"
#undef X
#undef LAYER
#undef POINT
#undef CELL
#undef RUN
#undef INPUT
}

/* ---- provenance ------------------------------------------------------------------------------ */

/* "NAME --depth=2 ...": the options of the command, one after the other. */
static char *one_line(const char *name, const char *command, fi_arena *arena)
{
    const size_t size = strlen(name) + strlen(command) + 2;
    char *text = fi_arena_zeros(arena, size, 1);
    if (!text)
        return NULL;
    snprintf(text, size, "%s %s", name, command);
    for (char *c = text; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    if (text[size - 2] == ' ')
        text[size - 2] = '\0';
    return text;
}

static fi_status describe(fi_dataset *dataset, const fi_train_context *context, fi_arena *arena)
{
    const fi_attribute rows[] = {
        {"title", "Training curves and the layers' statistics along them"},
        {"study", context->scheme->name},
        {"about", context->scheme->about},
        {"data", context->data_name},
        {"source", "fanin " FI_VERSION},
        {"revision", FI_REVISION},
        {"command", one_line(context->scheme->name, context->command, arena)},
        {"blas", fi_blas_name()},
        {"blas_kernel", fi_blas_kernel()},
    };
    return fi_program_describe(dataset, rows, sizeof rows / sizeof *rows, arena);
}

/* ---- the program ----------------------------------------------------------------------------- */

/*
 * Refuses what this machine cannot hold before the first update: weights, gradients and histories,
 * activations, and the curves.
 */
static fi_status check_memory(const fi_train_context *context)
{
    const fi_train_options *options = context->options;
    const fi_train_scheme *scheme = context->scheme;
    const fi_recipe *recipe = &options->recipe;
    const double cells = (double)options->runs * (double)fi_axes_size(scheme->n_axes, scheme->axes,
                                                                      (1U << scheme->n_axes) - 1);
    const double width = (double)recipe->width;
    const double depth = (double)context->layers;
    const double inputs = (double)context->data.training.cols;
    const double rows = fmax(fmin((double)recipe->batch, (double)context->data.training.rows), 512);
    const double weights = inputs * width + depth * width * width;
    const double jobs = fmin(fi_program_jobs(&options->common), cells);
    const double samples = (double)context->data.training.rows * inputs;
    const double curves = cells * (double)(options->points + 1) * depth * FI_TRAIN_VARIABLES;
    return fi_program_check_memory(jobs * sizeof(fi_real) *
                                           (5 * weights + 6 * depth * rows * width + samples) +
                                       2 * sizeof(double) * curves,
                                   jobs);
}

static fi_status run(fi_train_context *context, fi_dataset *dataset, fi_arena *arena)
{
    const fi_train_scheme *scheme = context->scheme;
    const fi_train_options *options = context->options;
    const size_t n = scheme->n_axes;
    fi_axis axes[FI_MOST_TRAIN_AXES + FI_TRAIN_AXES];
    fi_variable variables[FI_TRAIN_VARIABLES];
    FI_TRY(fi_replacement_try(options->common.output));
    if (options->snapshot)
        FI_TRY(fi_replacement_try(options->snapshot));
    FI_TRY(fi_train_load(context, arena));
    context->layers = count_layers(context);
    context->dataset = dataset;
    FI_TRY(check_memory(context));
    FI_TRY(fi_train_log_open(context));
    FI_TRY(make_axes(context, axes, arena));
    make_variables(n, variables);
    const fi_study study = {
        .name = scheme->name,
        .grid = n + 1,
        .n_axes = n + FI_TRAIN_AXES,
        .n_variables = FI_TRAIN_VARIABLES,
        .axes = axes,
        .variables = variables,
        .cell = fi_train_cell,
        .context = context,
    };
    FI_TRY(fi_program_run(&study, &options->common, NULL, dataset, arena));
    FI_TRY(describe(dataset, context, arena));
    return fi_dataset_write(dataset, options->common.output);
}

static fi_status print(const fi_dataset *dataset, const fi_train_context *context, fi_arena *arena)
{
    const fi_train_options *options = context->options;
    const uint32_t points = dataset->variables[FI_TRAIN_ITERATION].axes;
    fi_status status;
    if (fi_program_exports(dataset, &options->common, points, &status))
        return status;
    FI_TRY(fi_train_print(dataset, context, stdout, arena));
    (void)fflush(stdout); /* what it says of failure is asked for at the end */
    fprintf(stderr, "%s: wrote %s\n", context->scheme->name, options->common.output);
    return FI_OK;
}

/* "NAME ABOUT" in lines of at most 79 columns. */
static void print_about(const char *name, const char *about)
{
    int column = printf("%s", name);
    for (size_t word; (word = strcspn(about, " ")) > 0; about += word + (about[word] == ' ')) {
        const bool fits = column + 1 + (int)word < 80;
        printf("%c%.*s", fits ? ' ' : '\n', (int)word, about);
        column = (fits ? column + 1 : 0) + (int)word;
    }
    printf("\n\n");
}

static void print_help(const fi_train_scheme *scheme, const fi_option *rows, size_t count)
{
    printf("usage: %s [OPTION]...\n\n", scheme->name);
    print_about(scheme->name, scheme->about);
    fi_options_help(stdout, rows, count);
    if (scheme->varies)
        printf("\nThe study itself varies:%s\n", scheme->varies);
    fi_program_help_end();
}

static void list(FILE *stream)
{
    size_t count = 0;
    fi_program_list(stream);
    fprintf(stream, "\ntransforms\n");
    const fi_transform_kind *kinds = fi_transform_kinds(&count);
    for (size_t k = 0; k < count; k++)
        fprintf(stream, "  %-16s  %-34s  %s\n", kinds[k].name, kinds[k].formula, kinds[k].citation);
    fprintf(stream, "\nupdate rules\n");
    const fi_update_rule *rules = fi_update_rules(&count);
    for (size_t k = 0; k < count; k++)
        fprintf(stream, "  %-16s  %-34s  %s\n", rules[k].name, rules[k].formula, rules[k].citation);
    fprintf(stream, "\nlearning-rate policies\n");
    const fi_policy *policies = fi_policies(&count);
    for (size_t k = 0; k < count; k++)
        fprintf(stream, "  %-16s  %s\n", policies[k].name, policies[k].formula);
}

/* An option that the axes decide is not taken for the beginning of another's name. */
static fi_status refuse_varied(const fi_train_scheme *scheme, int argc, char **argv)
{
    for (int k = 1; k < argc && scheme->varies; k++) {
        char padded[64];
        const size_t length = strcspn(argv[k], "=");
        if (strncmp(argv[k], "--", 2) != 0 || length > 40)
            continue;
        snprintf(padded, sizeof padded, " %.*s ", (int)length - 2, argv[k] + 2);
        if (strstr(scheme->varies, padded))
            return fi_fail(FI_EUSAGE,
                           "--%.*s is what this study varies; for a value of your own: train %s",
                           (int)length - 2, argv[k] + 2, argv[k]);
    }
    return FI_OK;
}

static fi_status study(int argc, char **argv, const fi_train_scheme *scheme, fi_arena *arena)
{
    char output[256];
    size_t count = 0;
    fi_train_options options;
    fi_train_defaults(scheme, &options);
    snprintf(output, sizeof output, "results/%s.h5", scheme->name);
    options.common.output = output;
    const fi_option *rows = fi_train_option_rows(scheme, &count, arena);
    if (!rows)
        return FI_ENOMEM;
    FI_TRY(refuse_varied(scheme, argc, argv));
    FI_TRY(fi_options_parse(argc, argv, rows, count, &options));
    if (options.common.help) {
        print_help(scheme, rows, count);
        return FI_OK;
    }
    if (options.common.version) {
        fi_program_version(scheme->name);
        return FI_OK;
    }
    if (options.common.list) {
        list(stdout);
        return FI_OK;
    }
    if (options.resume)
        FI_TRY(fi_train_single_options(scheme, argc, argv, rows, count, &options, arena));
    fi_dataset dataset = {0};
    fi_train_context context = {.scheme = scheme, .options = &options};
    context.command = fi_train_command(scheme, &options, arena);
    if (!context.command)
        return FI_ENOMEM;
    FI_TRY(fi_train_check_options(&options));
    const fi_status status = run(&context, &dataset, arena);
    const fi_status logged = fi_train_log_close(&context);
    FI_TRY(status);
    FI_TRY(logged);
    return print(&dataset, &context, arena);
}

int fi_train_study(int argc, char **argv, const fi_train_scheme *scheme)
{
    fi_program_start();
    fi_arena *arena = NULL;
    fi_status status = fi_arena_new(&arena);
    if (status == FI_OK)
        status = study(argc, argv, scheme, arena);
    fi_arena_free(arena);
    return fi_program_end(scheme->name, status);
}
