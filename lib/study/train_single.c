/* A program that trains one net: first weights from a file, snapshots, resuming. */
#include "train_single.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../core/workers.h"
#include "snapshot.h"

#include <string.h>

fi_status fi_train_single_begin(const fi_train_context *context, fi_trainer *trainer,
                                const fi_snapshot *before)
{
    if (context->options->snapshot)
        FI_TRY(fi_snapshot_check_names(trainer->net));
    if (!context->options->resume)
        return FI_OK;
    FI_TRY(fi_trainer_restore(trainer, before));
    for (size_t point = 0; point < trainer->point; point++)
        fi_train_log(context, (size_t[]){0}, trainer, point);
    return FI_OK;
}

static fi_status save(const fi_train_context *context, const fi_trainer *trainer)
{
    const char *path = context->options->snapshot;
    return path ? fi_trainer_save(trainer, path, context->command) : FI_OK;
}

fi_status fi_train_single_stop(const fi_train_context *context, fi_trainer *trainer)
{
    const fi_train_options *options = context->options;
    const char *name = context->scheme->name;
    const bool due = options->snapshot_every && trainer->iteration > 0 &&
                     trainer->iteration % options->snapshot_every == 0;
    if (due || fi_workers_interrupted())
        FI_TRY(save(context, trainer));
    if (!fi_workers_interrupted())
        return FI_OK;
    if (!options->snapshot)
        return fi_fail(FI_EINTERRUPTED,
                       "interrupted after %llu of %llu updates; with --snapshot FILE they would "
                       "have been kept",
                       (unsigned long long)trainer->iteration,
                       (unsigned long long)trainer->updates);
    char every[48] = "";
    if (options->snapshot_every)
        snprintf(every, sizeof every, " --snapshot-every %llu",
                 (unsigned long long)options->snapshot_every);
    return fi_fail(FI_EINTERRUPTED,
                   "interrupted after %llu of %llu updates; go on with: %s --resume %s --output "
                   "%s%s%s%s",
                   (unsigned long long)trainer->iteration, (unsigned long long)trainer->updates,
                   name, options->snapshot, options->common.output, options->log ? " --log " : "",
                   options->log ? options->log : "", every);
}

fi_status fi_train_single_end(const fi_train_context *context, const fi_trainer *trainer)
{
    const fi_train_options *options = context->options;
    if (trainer->iteration == trainer->updates)
        return save(context, trainer);
    if (options->snapshot && !options->common.quiet)
        fprintf(stderr, "%s: the loss is not finite, so '%s' is left as it was\n",
                context->scheme->name, options->snapshot);
    return FI_OK;
}

/* ---- the options of a resumed run ------------------------------------------------------------ */

/* The line of a command that gives the same option as `line`; NULL if there is none. */
static const char *same_option(const char *command, const char *line)
{
    const size_t name = strcspn(line, "=\n");
    while (*command && (strncmp(command, line, name) != 0 || strcspn(command, "=\n") != name))
        command += strcspn(command, "\n") + 1;
    return *command ? command : NULL;
}

/* The first line of `given` that is not in `held`: what the snapshot holds can be given no less. */
static fi_status refuse_difference(const char *given, const char *held, const char *path)
{
    for (;; given += strcspn(given, "\n") + 1) {
        const int length = (int)strcspn(given, "\n");
        const char *line = same_option(held, given);
        FI_REQUIRE(*given);
        if (line && strncmp(line, given, (size_t)length + 1) == 0)
            continue;
        if (!line)
            line = "none";
        return fi_fail(FI_EUSAGE,
                       "%.*s contradicts the snapshot '%s', which was begun with %.*s; leave it "
                       "out, or begin anew with --weights",
                       length, given, path, (int)strcspn(line, "\n"), line);
    }
}

/* The lines of `text` as arguments after a program's name. */
static char **split(const char *name, const char *text, int *argc, fi_arena *arena)
{
    size_t lines = 0;
    char *rest = fi_arena_string(arena, text);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    char **argv = fi_arena_zeros(arena, lines + 2, sizeof *argv);
    if (!rest || !argv)
        return NULL;
    *argc = 1;
    argv[0] = (char *)name;
    for (size_t k = 0; k < lines; k++) {
        argv[(*argc)++] = rest;
        rest = strchr(rest, '\n');
        *rest++ = '\0';
    }
    return argv;
}

fi_status fi_train_single_options(const fi_train_scheme *scheme, int argc, char **argv,
                                  const fi_option *rows, size_t count, fi_train_options *options,
                                  fi_arena *arena)
{
    const char *path = options->resume;
    fi_snapshot snapshot;
    FI_TRY(fi_snapshot_read(&snapshot, path, arena));
    const char *held = fi_snapshot_attribute(&snapshot, "options");
    if (!held)
        return fi_fail(FI_EDATA,
                       "'%s' holds weights only, no run to go on with; use it as --weights", path);
    int held_argc = 0;
    char **held_argv = split(scheme->name, held, &held_argc, arena);
    if (!held_argv)
        return FI_ENOMEM;
    const char *output = options->common.output;
    fi_train_defaults(scheme, options);
    options->common.output = output;
    FI_TRY(fi_options_parse(held_argc, held_argv, rows, count, options));
    FI_TRY(fi_options_parse(argc, argv, rows, count, options));
    if (!options->snapshot)
        options->snapshot = path;
    const char *given = fi_train_command(scheme, options, arena);
    if (!given)
        return FI_ENOMEM;
    return strcmp(given, held) == 0 ? FI_OK : refuse_difference(given, held, path);
}
