/* Where a file comes from, as its attributes: the scheme, the command that makes it, the versions.
 */
#include "init.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/gemm.h"
#include "revision.h"

#include <stdio.h>
#include <string.h>

/* The options that decide the results, as a command that gives them again. */
static char *command(const fi_init_scheme *scheme, const fi_init_options *options, fi_arena *arena)
{
    char *text = fi_arena_alloc(arena, 8192, 1);
    if (!text)
        return NULL;
    int n = snprintf(text, 8192,
                     "%s --activation=%s --batch-norm=%s --depth=%llu --width=%llu --runs=%llu "
                     "--seed=%llu --gain=%.17g --bias-std=%.17g",
                     scheme->name, options->activation, options->batch_norm,
                     (unsigned long long)options->depth, (unsigned long long)options->width,
                     (unsigned long long)options->runs, (unsigned long long)options->seed,
                     options->gain, options->bias_std);
    if (!scheme->initializer && n < 8192)
        n += snprintf(text + n, 8192 - (size_t)n, " --initializer=%s", options->initializer);
    if (options->bias && n < 8192)
        n += snprintf(text + n, 8192 - (size_t)n, " --bias=%s", options->bias);
    if (options->samples && n < 8192)
        n += snprintf(text + n, 8192 - (size_t)n, " --samples=%llu",
                      (unsigned long long)options->samples);
    if (options->distribution && n < 8192)
        n += snprintf(text + n, 8192 - (size_t)n, " --distribution=%s", options->distribution);
    if (options->input && n < 8192)
        n += snprintf(text + n, 8192 - (size_t)n, " --input=%s", options->input);
    if (n < 8192)
        snprintf(text + n, 8192 - (size_t)n, "%s%s", options->forward_only ? " --no-backward" : "",
                 options->jacobian ? " --jacobian" : "");
    return text;
}

fi_status fi_init_describe(fi_dataset *dataset, const fi_init_scheme *scheme,
                           const fi_init_context *context, fi_arena *arena)
{
    const fi_attribute rows[] = {
        {"title", "Activation and gradient statistics of a network with its first weights"},
        {"scheme", scheme->name},
        {"initializer", context->initializer.name},
        {"formula", context->initializer.formula},
        {"references", context->initializer.citation},
        {"source", "fanin " FI_VERSION},
        {"revision", FI_REVISION},
        {"command", command(scheme, context->options, arena)},
        {"blas", fi_blas_name()},
        {"blas_kernel", fi_blas_kernel()},
    };
    return fi_program_describe(dataset, rows, sizeof rows / sizeof *rows, arena);
}

const char *fi_init_about(const fi_initializer *initializer, fi_arena *arena)
{
    const size_t size = strlen(initializer->name) + strlen(initializer->formula) + 3;
    char *text = fi_arena_zeros(arena, size, 1);
    if (text)
        snprintf(text, size, "%s: %s", initializer->name, initializer->formula);
    return text;
}
