/* A program that trains one net: first weights from a file, snapshots, resuming. */
#ifndef FI_STUDY_TRAIN_SINGLE_H
#define FI_STUDY_TRAIN_SINGLE_H

#include "train.h"

/*
 * Before the first update: checks that snapshots can be written, and with --resume goes on where
 * the snapshot `before` was made.
 */
FI_CHECKED fi_status fi_train_single_begin(const fi_train_context *context, fi_trainer *trainer,
                                           const fi_snapshot *before);

/* Before each: a snapshot where one is due; FI_EINTERRUPTED after a signal, with a snapshot. */
FI_CHECKED fi_status fi_train_single_stop(const fi_train_context *context, fi_trainer *trainer);

/* After the last: the snapshot of the end, unless the loss is no longer finite. */
FI_CHECKED fi_status fi_train_single_end(const fi_train_context *context,
                                         const fi_trainer *trainer);

/*
 * With --resume: the options that the snapshot holds, in place of the defaults. What argv says
 * must not contradict them: FI_EUSAGE.
 */
FI_CHECKED fi_status fi_train_single_options(const fi_train_scheme *scheme, int argc, char **argv,
                                             const fi_option *rows, size_t count,
                                             fi_train_options *options, fi_arena *arena);

#endif
