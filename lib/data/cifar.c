/*
 * CIFAR-10's binary version (Krizhevsky 2009, "Learning multiple layers of features from tiny
 * images"): records of one label byte, then the 32 x 32 bytes of the red channel, row by row, of
 * the green and of the blue. Nothing but its length tells such a file from another.
 */
#include "../core/arena.h"
#include "../core/internal.h"
#include "file.h"
#include "samples.h"

#include <inttypes.h>

enum {
    SIDE = 32,
    PIXELS = SIDE * SIDE,
    CHANNELS = 3,
    RECORD = 1 + PIXELS * CHANNELS,
    CLASSES = 10,
    AT_ONCE = 64 /* records read together */
};

static fi_status open_records(fi_file *file, const char *path)
{
    FI_TRY(fi_file_open(file, path, "CIFAR-10 file"));
    if (file->length > 0 && file->length % RECORD == 0)
        return FI_OK;
    fi_file_close(file);
    return fi_fail(FI_EDATA,
                   "'%s' has %" PRIu64 " bytes, expected a multiple of %d: one label and %d x %d x "
                   "%d pixels a record; give the .bin files of CIFAR-10's binary version, unpacked",
                   path, file->length, RECORD, SIDE, SIDE, CHANNELS);
}

/* How many records the files have together. */
static fi_status count_records(const char *const *paths, size_t n_paths, size_t *records)
{
    *records = 0;
    for (size_t k = 0; k < n_paths; k++) {
        fi_file file;
        FI_TRY(open_records(&file, paths[k]));
        fi_file_close(&file);
        *records += file.length / RECORD;
    }
    return FI_OK;
}

/* x (pixel, channel) = bytes (channel, pixel) / 255 */
FI_CLONES static void interleave(const uint8_t *restrict bytes, fi_real *restrict x)
{
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        for (size_t channel = 0; channel < CHANNELS; channel++)
            x[pixel * CHANNELS + channel] = (fi_real)bytes[channel * PIXELS + pixel] / 255;
}

/* Appends the file's records to samples from row *filled on, until all rows are. */
static fi_status read_records(const fi_file *file, uint8_t *buffer, fi_samples *samples,
                              size_t *filled)
{
    const size_t records = file->length / RECORD;
    for (size_t first = 0; first < records && *filled < samples->rows; first += AT_ONCE) {
        size_t n = records - first < AT_ONCE ? records - first : AT_ONCE;
        n = samples->rows - *filled < n ? samples->rows - *filled : n;
        FI_TRY(fi_file_read(file, first * RECORD, n * RECORD, buffer));
        for (size_t k = 0; k < n; k++, ++*filled) {
            const uint8_t *record = buffer + k * RECORD;
            if (record[0] >= CLASSES)
                return fi_fail_label(file->path, first + k, record[0], CLASSES);
            samples->labels[*filled] = record[0];
            interleave(record + 1, samples->x + *filled * samples->cols);
        }
    }
    return FI_OK;
}

static fi_status read_files(const char *const *paths, size_t n_paths, fi_samples *samples,
                            fi_arena *scratch)
{
    uint8_t *buffer = fi_arena_alloc(scratch, AT_ONCE, RECORD);
    if (!buffer)
        return fi_fail_memory((size_t)AT_ONCE * RECORD, "a buffer");
    size_t filled = 0;
    for (size_t k = 0; k < n_paths && filled < samples->rows; k++) {
        fi_file file;
        FI_TRY(open_records(&file, paths[k]));
        const fi_status status = read_records(&file, buffer, samples, &filled);
        fi_file_close(&file);
        FI_TRY(status);
    }
    if (filled < samples->rows)
        return fi_fail(FI_EIO,
                       "the files from '%s' on became shorter while they were read; try "
                       "again",
                       paths[0]);
    return FI_OK;
}

fi_status fi_read_cifar(fi_samples *samples, const char *const *paths, size_t n_paths, size_t rows,
                        fi_arena *arena)
{
    FI_REQUIRE(samples && paths && n_paths > 0 && arena);
    size_t records = 0;
    FI_TRY(count_records(paths, n_paths, &records));
    if (rows > records)
        return fi_fail(FI_EDATA,
                       "the %zu files from '%s' on have %zu records, %zu were asked for; ask for "
                       "%zu or fewer (--samples)",
                       n_paths, paths[0], records, rows, records);
    fi_samples made;
    FI_TRY(fi_samples_new(&made, rows ? rows : records, 3, (const size_t[]){SIDE, SIDE, CHANNELS},
                          CLASSES, arena));
    const fi_arena_mark mark = fi_arena_now(arena);
    FI_TRY(read_files(paths, n_paths, &made, arena));
    fi_arena_release(arena, mark);
    *samples = made;
    return FI_OK;
}
