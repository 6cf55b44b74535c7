/* What the files of the training studies share: options, context, axes. */
#ifndef FI_STUDY_TRAIN_H
#define FI_STUDY_TRAIN_H

#include "../fanin.h"
#include "options.h"
#include "program.h"
#include "trainer.h"

/* Axes of the dataset after the scheme's own. */
enum fi_train_axis {
    FI_TRAIN_RUN,
    FI_TRAIN_POINT,
    FI_TRAIN_LAYER,
    FI_TRAIN_INPUT,
    FI_TRAIN_AXES
};

typedef struct fi_train_options {
    struct fi_program_options common;
    fi_recipe recipe;
    const char *data; /* auto, mnist, cifar10, digits100, synthetic, or a folder */
    uint64_t samples, each, validation, test, runs, points;
    const char *log;
    bool clock;
    /* Of a single run. */
    const char *snapshot, *resume, *weights, *top;
    uint64_t snapshot_every;
} fi_train_options;

/* What the cells share; owned by fi_train_study. */
typedef struct fi_train_context {
    const fi_train_scheme *scheme;
    const fi_train_options *options;
    fi_train_data data;
    const char *data_name; /* what was found, in words */
    const char *command;   /* the options that decide the results, one a line */
    size_t layers;
    FILE *log; /* NULL: none */
    fi_dataset *dataset;
} fi_train_context;

/* The options table of the scheme's program: all rows but those that it varies or that are not for
 * it; NULL if memory is refused. */
const fi_option *fi_train_option_rows(const fi_train_scheme *scheme, size_t *count,
                                      fi_arena *arena);

/* The program's defaults, and the scheme's over them. */
void fi_train_defaults(const fi_train_scheme *scheme, fi_train_options *options);

/* Fails with FI_EUSAGE: two files under one name, snapshots without a file, a value of two lines.
 */
FI_CHECKED fi_status fi_train_check_options(const fi_train_options *options);

/* The options that decide the results, "--name=value" a line, from the table. */
const char *fi_train_command(const fi_train_scheme *scheme, const fi_train_options *options,
                             fi_arena *arena);

/* Finds, reads and splits the data. Fails with FI_EUSAGE, FI_EDATA, FI_EIO or FI_ENOMEM. */
FI_CHECKED fi_status fi_train_load(fi_train_context *context, fi_arena *arena);

/* The recipe at a position along the scheme's axes, run by run. */
fi_recipe fi_train_recipe(const fi_train_context *context, const size_t *position);

/* One position and run, into the slots of the cell. */
fi_status fi_train_cell(const fi_cell *cell);

/* One table over all positions, and the diagnosis of each. */
fi_status fi_train_print(const fi_dataset *dataset, const fi_train_context *context, FILE *stream,
                         fi_arena *arena);

/* "{"iteration":10, ...}" for one evaluation; to the log as it happens. */
void fi_train_log(const fi_train_context *context, const size_t *position,
                  const fi_trainer *trainer, size_t point);
/* An older log stays until the first line is written. */
FI_CHECKED fi_status fi_train_log_open(fi_train_context *context);
FI_CHECKED fi_status fi_train_log_close(fi_train_context *context);

#endif
