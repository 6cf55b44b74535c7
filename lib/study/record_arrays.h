/* The content of a snapshot, attributes and named arrays, to a file and back. */
#ifndef FI_STUDY_RECORD_ARRAYS_H
#define FI_STUDY_RECORD_ARRAYS_H

#include "../fanin.h"

#define FI_SNAPSHOT_FORMAT "format" /* the attribute by which a snapshot is known */

/*
 * Replaces the file at snapshot->path as fi_dataset_write does: the same content gives the same
 * bytes. An attribute that is called "format" is left out. Fails with FI_EIO.
 */
FI_CHECKED fi_status fi_snapshot_save(const fi_snapshot *snapshot);

#endif
