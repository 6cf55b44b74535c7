/* A program that trains one net: first weights from a file, snapshots, resuming. */
#include "train_single.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../core/workers.h"

#include <string.h>

fi_status fi_train_single_begin(const fi_train_context *context, fi_trainer *trainer)
{
    const char *path = context->options->resume;
    fi_snapshot snapshot;
    if (!path)
        return FI_OK;
    FI_TRY(fi_snapshot_read(&snapshot, path, trainer->arena));
    FI_TRY(fi_trainer_restore(trainer, &snapshot));
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
    return fi_fail(FI_EINTERRUPTED,
                   "interrupted after %llu of %llu updates; go on with: %s --resume %s",
                   (unsigned long long)trainer->iteration, (unsigned long long)trainer->updates,
                   name, options->snapshot);
}

fi_status fi_train_single_end(const fi_train_context *context, fi_trainer *trainer)
{
    return save(context, trainer);
}

/* ---- the options of a resumed run ------------------------------------------------------------ */

/* The first line in which two commands differ, as "given, expected". */
static fi_status refuse_difference(const char *given, const char *held, const char *path)
{
    while (*given && *given == *held) {
        given++;
        held++;
    }
    while (given[-1] != '\n' && held[-1] != '\n') {
        given--;
        held--;
    }
    return fi_fail(
        FI_EUSAGE,
        "%.*s contradicts the snapshot '%s', which was begun with %.*s; leave it out, or "
        "begin anew with --weights",
        (int)strcspn(given, "\n"), given, path, (int)strcspn(held, "\n"), held);
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
