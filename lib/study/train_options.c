/* The options of the training studies: one table, whose defaults the scheme sets. */
#include "train.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AT(member) offsetof(fi_train_options, member)
#define MOST_COUNT 4503599627370496.0

enum use {
    ELSE,    /* how it is run */
    DECIDES, /* the results, with the seed */
    SINGLE   /* for a program without axes; decides nothing */
};

static fi_status parse_batch_norm(void *options, const char *text)
{
    static const char *const names[] = {"off", "on"};
    for (size_t k = 0; k < 2; k++)
        if (strcmp(text, names[k]) == 0) {
            ((fi_train_options *)options)->recipe.batch_norm = k == 1;
            return FI_OK;
        }
    return fi_unknown_name("batch norm", text, names, 2);
}

/* "A-B", both included. */
static fi_status parse_classes(void *options, const char *text)
{
    fi_recipe *recipe = &((fi_train_options *)options)->recipe;
    char *dash = NULL;
    char *end = NULL;
    const unsigned long first = strtoul(text, &dash, 10);
    const unsigned long last = *dash == '-' ? strtoul(dash + 1, &end, 10) : 0;
    if (strspn(text, "0123456789-") != strlen(text) || dash == text || !end || end == dash + 1 ||
        *end || last <= first || last > 65535)
        return fi_fail(FI_EUSAGE,
                       "--classes '%.80s': expected FIRST-LAST, two classes or more, as 5-9", text);
    recipe->first_class = first;
    recipe->end_class = last + 1;
    return FI_OK;
}

static const struct row {
    fi_option option;
    enum use use;
} table[] = {
    {{'d', "depth", "N", "hidden layers", FI_OPTION_COUNT, AT(recipe.depth), 0, 1e6, NULL},
     DECIDES},
    {{'w', "width", "N", "units in each", FI_OPTION_COUNT, AT(recipe.width), 1, 1e6, NULL},
     DECIDES},
    {{'a', "activation", "NAME", "of the hidden layers", FI_OPTION_TEXT, AT(recipe.activation), 0,
      0, NULL},
     DECIDES},
    {{0, "initializer", "NAME[:KEY=VALUE,...]", "of the weights; --list has all", FI_OPTION_TEXT,
      AT(recipe.initializer), 0, 0, NULL},
     DECIDES},
    {{0, "bias-std", "X", "draw biases from N(0, X^2)", FI_OPTION_REAL, AT(recipe.bias_std), 0,
      1e30, NULL},
     DECIDES},
    {{'b', "batch-norm", "WHEN", "off or on", FI_OPTION_CALL, 0, 0, 0, parse_batch_norm}, DECIDES},
    {{0, "keep", "P", "dropout keeps each activation with this probability", FI_OPTION_REAL,
      AT(recipe.keep), 1e-3, 1, NULL},
     DECIDES},
    {{'i', "data", "WHERE",
      "mnist, cifar10 (both in data/), digits100 (in tests/data/), synthetic, a folder with the "
      "files of mnist or cifar10, or auto: mnist if `make mnist` has brought it, else digits100 "
      "with --each, else synthetic",
      FI_OPTION_TEXT, AT(data), 0, 0, NULL},
     DECIDES},
    {{'n', "samples", "N", "for training; 0: all", FI_OPTION_COUNT, AT(samples), 0, MOST_COUNT,
      NULL},
     DECIDES},
    {{0, "each", "N", "and of these N of each class; 0: all", FI_OPTION_COUNT, AT(each), 0,
      MOST_COUNT, NULL},
     DECIDES},
    {{0, "validation", "N", "samples kept from training to look at along the way", FI_OPTION_COUNT,
      AT(validation), 0, MOST_COUNT, NULL},
     DECIDES},
    {{0, "test", "N", "samples for the end; 0: all", FI_OPTION_COUNT, AT(test), 0, MOST_COUNT,
      NULL},
     DECIDES},
    {{0, "classes", "A-B", "only these classes (default: all)", FI_OPTION_CALL, 0, 0, 0,
      parse_classes},
     DECIDES},
    {{0, "transform", "NAME", "fitted to the training samples; --list has all", FI_OPTION_TEXT,
      AT(recipe.transform), 0, 0, NULL},
     DECIDES},
    {{0, "components", "N", "principal axes that pca and whiten keep; 0: all", FI_OPTION_COUNT,
      AT(recipe.components), 0, 1e6, NULL},
     DECIDES},
    {{0, "rule", "NAME", "sgd, momentum, nesterov or adam", FI_OPTION_TEXT, AT(recipe.rule), 0, 0,
      NULL},
     DECIDES},
    {{'r', "rate", "X", "learning rate of the first update", FI_OPTION_REAL, AT(recipe.rate), 0,
      1e30, NULL},
     DECIDES},
    {{0, "policy", "NAME[:KEY=VALUE,...]", "how the rate changes; --list has all", FI_OPTION_TEXT,
      AT(recipe.policy), 0, 0, NULL},
     DECIDES},
    {{0, "momentum", "X", "of momentum and nesterov", FI_OPTION_REAL, AT(recipe.momentum), 0,
      0.9999, NULL},
     DECIDES},
    {{0, "l2", "X", "add X/2 times the sum of squared weights to the loss", FI_OPTION_REAL,
      AT(recipe.l2), 0, 1e30, NULL},
     DECIDES},
    {{0, "clip", "X", "scale gradients of a larger norm to X; 0: do not", FI_OPTION_REAL,
      AT(recipe.clip), 0, 1e30, NULL},
     DECIDES},
    {{0, "batch", "N", "samples of a mini-batch", FI_OPTION_COUNT, AT(recipe.batch), 1, MOST_COUNT,
      NULL},
     DECIDES},
    {{'e', "epochs", "N", "passes over the training samples", FI_OPTION_COUNT, AT(recipe.epochs), 1,
      1e9, NULL},
     DECIDES},
    {{0, "updates", "N", "updates, in place of epochs; 0: as epochs say", FI_OPTION_COUNT,
      AT(recipe.updates), 0, MOST_COUNT, NULL},
     DECIDES},
    {{0, "lower-rate", "X", "all layers but the last learn at X times the rate; 0 freezes them",
      FI_OPTION_REAL, AT(recipe.lower_rate), 0, 1e6, NULL},
     DECIDES},
    {{'s', "seed", "N", "of run 0; run r has seed N + r", FI_OPTION_COUNT, AT(recipe.seed), 0,
      MOST_COUNT, NULL},
     DECIDES},
    {{0, "runs", "N", "seeds for each network", FI_OPTION_COUNT, AT(runs), 1, 1e6, NULL}, DECIDES},
    {{0, "points", "N", "evaluations along a run", FI_OPTION_COUNT, AT(points), 1, 1e6, NULL},
     DECIDES},
    {{0, "clock", NULL, "record times too; the file then differs from run to run", FI_OPTION_FLAG,
      AT(clock), 0, 0, NULL},
     DECIDES},
    {{0, "weights", "FILE", "begin with the weights of a snapshot, layer by layer of the same name",
      FI_OPTION_TEXT, AT(weights), 0, 0, NULL},
     DECIDES},
    {{0, "top", "NAME", "of the last layer (default: logits); a new name has it drawn afresh",
      FI_OPTION_TEXT, AT(top), 0, 0, NULL},
     DECIDES},
    {{0, "snapshot", "FILE", "write the state there, at the end and on SIGINT or SIGTERM",
      FI_OPTION_TEXT, AT(snapshot), 0, 0, NULL},
     SINGLE},
    {{0, "snapshot-every", "N", "and after every N updates; 0: do not", FI_OPTION_COUNT,
      AT(snapshot_every), 0, MOST_COUNT, NULL},
     SINGLE},
    {{0, "resume", "FILE", "go on from a snapshot, with the options that it holds", FI_OPTION_TEXT,
      AT(resume), 0, 0, NULL},
     SINGLE},
    {{0, "log", "FILE", "write each evaluation as a line of JSON, as it is made", FI_OPTION_TEXT,
      AT(log), 0, 0, NULL},
     ELSE},
};

static const fi_option common_rows[] = {FI_PROGRAM_OPTIONS(fi_train_options)};

enum {
    ROWS = sizeof table / sizeof *table,
    COMMON_ROWS = sizeof common_rows / sizeof *common_rows
};

static bool is_for(const struct row *row, const fi_train_scheme *scheme)
{
    const char *name = row->option.name;
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", name);
    if (scheme->varies && strstr(scheme->varies, padded))
        return false;
    const bool single = row->use == SINGLE || strcmp(name, "weights") == 0 ||
                        strcmp(name, "top") == 0 || strcmp(name, "classes") == 0;
    if (strcmp(name, "runs") == 0)
        return scheme->n_axes > 0;
    return !single || scheme->n_axes == 0;
}

/* The value an option has, as its text; false where it has none. */
static bool value_text(const fi_option *option, const fi_train_options *options, char *text,
                       size_t size)
{
    const char *place = (const char *)options + option->offset;
    char number[FI_NUMBER_TEXT];
    switch (option->kind) {
    case FI_OPTION_COUNT:
        snprintf(text, size, "%" PRIu64, *(const uint64_t *)place);
        return true;
    case FI_OPTION_REAL:
        fi_number_text(*(const double *)place, number);
        snprintf(text, size, "%s", number);
        return true;
    case FI_OPTION_TEXT:
        if (!*(const char *const *)place)
            return false;
        snprintf(text, size, "%s", *(const char *const *)place);
        return true;
    case FI_OPTION_CALL:
        if (option->parse == parse_batch_norm)
            snprintf(text, size, "%s", options->recipe.batch_norm ? "on" : "off");
        else if (options->recipe.end_class)
            snprintf(text, size, "%" PRIu64 "-%" PRIu64, options->recipe.first_class,
                     options->recipe.end_class - 1);
        else
            return false;
        return true;
    case FI_OPTION_FLAG:
        break;
    }
    return false;
}

const fi_option *fi_train_option_rows(const fi_train_scheme *scheme, size_t *count, fi_arena *arena)
{
    fi_train_options defaults;
    fi_option *rows = fi_arena_zeros(arena, ROWS + COMMON_ROWS, sizeof *rows);
    fi_train_defaults(scheme, &defaults);
    *count = 0;
    for (size_t k = 0; rows && k < ROWS; k++) {
        char value[256];
        char help[512];
        if (!is_for(&table[k], scheme))
            continue;
        fi_option *row = &rows[(*count)++];
        *row = table[k].option;
        if (!value_text(row, &defaults, value, sizeof value))
            continue;
        snprintf(help, sizeof help, "%s (default: %s)", row->help, value);
        row->help = fi_arena_string(arena, help);
        if (!row->help)
            return NULL;
    }
    for (size_t k = 0; rows && k < COMMON_ROWS; k++)
        rows[(*count)++] = common_rows[k];
    return rows;
}

static void default_count(uint64_t *value, uint64_t otherwise)
{
    *value = *value ? *value : otherwise;
}

static void default_real(double *value, double otherwise)
{
    *value = *value != 0 ? *value : otherwise;
}

static void default_text(const char **value, const char *otherwise)
{
    *value = *value ? *value : otherwise;
}

void fi_train_defaults(const fi_train_scheme *scheme, fi_train_options *options)
{
    *options = (fi_train_options){
        .recipe = scheme->defaults,
        .data = "auto",
        .samples = scheme->samples  ? scheme->samples
                   : scheme->n_axes ? 5000
                                    : 0,
        .each = scheme->each,
        .validation = scheme->validation ? scheme->validation
                      : scheme->n_axes   ? 1000
                                         : 5000,
        .test = scheme->n_axes ? 2000 : 0,
        .runs = scheme->runs ? scheme->runs : 1,
        .points = scheme->points ? scheme->points : 40,
    };
    fi_recipe *recipe = &options->recipe;
    default_count(&recipe->depth, 2);
    default_count(&recipe->width, 100);
    default_text(&recipe->activation, "relu");
    default_text(&recipe->initializer, "he_normal");
    default_real(&recipe->keep, 1);
    default_text(&recipe->transform, "per_pixel");
    default_text(&recipe->rule, "momentum");
    default_text(&recipe->policy, "fixed");
    default_real(&recipe->rate, 0.01);
    default_real(&recipe->momentum, 0.9);
    default_real(&recipe->lower_rate, 1);
    default_count(&recipe->batch, 64);
    default_count(&recipe->epochs, 10);
    default_count(&recipe->seed, 1);
}

/* ---- what does not go together --------------------------------------------------------------- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat one;
    struct stat other;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

fi_status fi_train_check_options(const fi_train_options *options)
{
    const struct {
        const char *name, *path;
    } files[] = {{"output", options->common.output},
                 {"log", options->log},
                 {"snapshot", options->snapshot},
                 {"weights", options->weights},
                 {"resume", options->resume}};
    enum {
        WRITTEN = 3,
        FILES = sizeof files / sizeof *files
    };
    for (size_t k = 0; k < WRITTEN; k++)
        for (size_t l = k + 1; l < FILES; l++)
            if (files[k].path && files[l].path && strcmp(files[k].name, "snapshot") != 0 &&
                is_same_file(files[k].path, files[l].path))
                return fi_fail(FI_EUSAGE,
                               "--%s and --%s are both '%.200s', and one would be lost; give "
                               "them different files",
                               files[k].name, files[l].name, files[k].path);
    if (options->snapshot_every && !options->snapshot)
        return fi_fail(FI_EUSAGE,
                       "--snapshot-every %" PRIu64 " has no file to write; give it as "
                       "--snapshot FILE too",
                       options->snapshot_every);
    for (size_t k = 0; k < ROWS; k++) {
        const fi_option *option = &table[k].option;
        const char *const *text = (const void *)((const char *)options + option->offset);
        if (option->kind == FI_OPTION_TEXT && table[k].use == DECIDES && *text &&
            strchr(*text, '\n'))
            return fi_fail(FI_EUSAGE, "--%s '%.80s': expected one line", option->name, *text);
    }
    return FI_OK;
}

const char *fi_train_command(const fi_train_scheme *scheme, const fi_train_options *options,
                             fi_arena *arena)
{
    enum {
        SIZE = 16384
    };
    char *text = fi_arena_zeros(arena, SIZE, 1);
    int used = 0;
    for (size_t k = 0; text && k < ROWS; k++) {
        char value[4096];
        const fi_option *option = &table[k].option;
        if (table[k].use != DECIDES || !is_for(&table[k], scheme))
            continue;
        if (option->kind == FI_OPTION_FLAG) {
            if (*(const bool *)((const char *)options + option->offset))
                used += snprintf(text + used, (size_t)(SIZE - used), "--%s\n", option->name);
        } else if (value_text(option, options, value, sizeof value)) {
            used += snprintf(text + used, (size_t)(SIZE - used), "--%s=%s\n", option->name, value);
        }
        used = used < SIZE ? used : SIZE - 1;
    }
    return text;
}
