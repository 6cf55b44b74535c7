/* Where a training study's samples come from. */
#include "train.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH 4096
#define DIGITS_FOLDER "tests/data"

static const char *const mnist_files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                          "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static const char *const cifar_files[] = {"data_batch_1.bin", "data_batch_2.bin",
                                          "data_batch_3.bin", "data_batch_4.bin",
                                          "data_batch_5.bin", "test_batch.bin"};

static void join(char path[PATH], const char *folder, const char *file)
{
    snprintf(path, PATH, "%s/%s", folder, file);
}

static bool exists(const char *folder, const char *file)
{
    char path[PATH];
    join(path, folder, file);
    return access(path, F_OK) == 0;
}

static const char *const digits_files[] = {"digits100-images.idx3-ubyte",
                                           "digits100-labels.idx1-ubyte"};

/* How many rows of the training file are wanted: 0 for all. */
static size_t wanted(const fi_train_options *options)
{
    return options->samples ? options->samples + options->validation : 0;
}

static fi_status read_mnist(const fi_train_context *context, const char *folder, fi_samples *all,
                            fi_samples *test, fi_arena *arena)
{
    char paths[4][PATH];
    for (size_t k = 0; k < 4; k++)
        join(paths[k], folder, mnist_files[k]);
    FI_TRY(fi_read_idx_pair(all, paths[0], paths[1], 10, wanted(context->options), arena));
    return fi_read_idx_pair(test, paths[2], paths[3], 10, context->options->test, arena);
}

/* The 100 that the tests carry. */
static fi_status read_digits(fi_samples *all, fi_arena *arena)
{
    char paths[2][PATH];
    for (size_t k = 0; k < 2; k++)
        join(paths[k], DIGITS_FOLDER, digits_files[k]);
    if (!exists(DIGITS_FOLDER, digits_files[0]))
        return fi_fail(FI_EDATA, "--data digits100: there is no %s; run this in fanin's own folder",
                       paths[0]);
    return fi_read_idx_pair(all, paths[0], paths[1], 10, 0, arena);
}

static fi_status read_cifar(const fi_train_context *context, const char *folder, fi_samples *all,
                            fi_samples *test, fi_arena *arena)
{
    char text[6][PATH];
    const char *paths[6];
    for (size_t k = 0; k < 6; k++) {
        join(text[k], folder, cifar_files[k]);
        paths[k] = text[k];
    }
    FI_TRY(fi_read_cifar(all, paths, 5, wanted(context->options), arena));
    return fi_read_cifar(test, paths + 5, 1, context->options->test, arena);
}

/* Images of MNIST's shape, drawn from seed 0 whatever the run's, so that all runs share them. */
static fi_status generate(const fi_train_context *context, fi_samples *all, fi_samples *test,
                          fi_arena *arena)
{
    const fi_train_options *options = context->options;
    const size_t rows = (options->samples ? options->samples : 10000) + options->validation;
    const size_t tests = options->test ? options->test : 2000;
    fi_samples both;
    FI_TRY(fi_program_check_memory(2 * 28 * 28 * sizeof(fi_real) * (double)(rows + tests), 1));
    FI_TRY(fi_synthesize(&both,
                         &(fi_synthetic_spec){
                             .rows = rows + tests,
                             .classes = 10,
                             .modes = 3,
                             .rank = 2,
                             .shape = {28, 28},
                             .noise = 0.02,
                         },
                         arena));
    *all = both;
    *test = both;
    all->rows = rows;
    test->rows = tests;
    test->x += rows * both.cols;
    test->labels += rows;
    return FI_OK;
}

/* What was looked for and is not there. */
static fi_status refuse(const char *where, const char *folder)
{
    static const char *const names[] = {"auto", "mnist", "cifar10", "digits100", "synthetic"};
    const bool is_name = strcmp(folder, where) != 0;
    if (!is_name && !strchr(where, '/') && access(where, F_OK) != 0)
        return fi_unknown_name("data (nor is it a folder)", where, names,
                               sizeof names / sizeof *names);
    if (is_name)
        return fi_fail(FI_EDATA, "--data %s: there is no %s in '%s'; %s, or take --data synthetic",
                       where, strcmp(where, "mnist") == 0 ? mnist_files[0] : cifar_files[0], folder,
                       strcmp(where, "mnist") == 0 ? "`make mnist` brings it"
                                                   : "put CIFAR-10's binary files there");
    return fi_fail(
        FI_EDATA,
        "--data '%.200s': there is neither %s nor %s in it; `make mnist` brings MNIST to "
        "data/, and --data synthetic needs no files",
        where, mnist_files[0], cifar_files[0]);
}

/* `validation` becomes 0 where ten of each class are all there is. */
static fi_status find(fi_train_context *context, fi_samples *all, fi_samples *test,
                      uint64_t *validation, fi_arena *arena)
{
    const char *where = context->options->data;
    const bool is_auto = strcmp(where, "auto") == 0;
    const char *folder =
        is_auto || strcmp(where, "mnist") == 0 || strcmp(where, "cifar10") == 0 ? "data" : where;
    const bool mnist = exists(folder, mnist_files[0]);
    const bool few = context->options->each && exists(DIGITS_FOLDER, digits_files[0]);
    if (strcmp(where, "digits100") == 0 || (is_auto && !mnist && few)) {
        context->data_name = "100 digits of MNIST";
        *validation = context->options->each ? 0 : *validation;
        return read_digits(all, arena);
    }
    if (strcmp(where, "synthetic") == 0 || (is_auto && !mnist)) {
        context->data_name = "synthetic images of 10 classes";
        return generate(context, all, test, arena);
    }
    if (mnist && strcmp(where, "cifar10") != 0) {
        context->data_name = "MNIST";
        return read_mnist(context, folder, all, test, arena);
    }
    if (exists(folder, cifar_files[0]) && strcmp(where, "mnist") != 0) {
        context->data_name = "CIFAR-10";
        return read_cifar(context, folder, all, test, arena);
    }
    return refuse(where, folder);
}

fi_status fi_train_load(fi_train_context *context, fi_arena *arena)
{
    const fi_train_options *options = context->options;
    fi_samples all = {0};
    fi_samples parts[2] = {{0}};
    uint64_t validation = options->validation;
    FI_TRY(find(context, &all, &context->data.test, &validation, arena));
    if (validation >= all.rows)
        return fi_fail(FI_EDATA,
                       "--validation %llu leaves nothing of the %zu samples to train on; ask for "
                       "fewer",
                       (unsigned long long)validation, all.rows);
    const size_t counts[] = {all.rows - validation, validation};
    FI_TRY(fi_samples_split(&all, options->recipe.seed, validation ? 2 : 1, counts, parts, arena));
    context->data.training = parts[0];
    context->data.validation = parts[1];
    if (options->each)
        FI_TRY(fi_samples_balance(&context->data.training, &parts[0], options->recipe.seed,
                                  options->each, arena));
    return FI_OK;
}
