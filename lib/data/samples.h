/* What the makers of samples share. */
#ifndef FI_DATA_SAMPLES_H
#define FI_DATA_SAMPLES_H

#include "../fanin.h"

/* Samples of the given shape, x and labels not yet filled in. Fails with FI_ENOMEM. */
FI_CHECKED fi_status fi_samples_new(fi_samples *samples, size_t rows, size_t rank,
                                    const size_t *shape, size_t classes, fi_arena *arena);

/* FI_EDATA: the label of this record of the file, counted from 0, is out of range. */
fi_status fi_fail_label(const char *path, size_t record, unsigned label, size_t classes);

#endif
