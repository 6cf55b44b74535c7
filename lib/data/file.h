/* Regular files of known length, read at an offset; every refusal reads alike. */
#ifndef FI_DATA_FILE_H
#define FI_DATA_FILE_H

#include "../fanin.h"

typedef struct fi_file {
    const char *path;
    uint64_t length; /* bytes */
    int descriptor;
} fi_file;

/* Opens for reading; `kind` names what was expected: "IDX file". Nothing is open after a failure.
 */
FI_CHECKED fi_status fi_file_open(fi_file *file, const char *path, const char *kind);

/* Reads exactly n bytes from the offset on. */
FI_CHECKED fi_status fi_file_read(const fi_file *file, uint64_t offset, uint64_t n, uint8_t *bytes);

void fi_file_close(const fi_file *file);

#endif
