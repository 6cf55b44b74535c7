/* Labelled samples from a pair of IDX files: images, and one byte a record that is its class. */
#include "../core/internal.h"
#include "samples.h"

static fi_status check_pair(const char *images, const fi_idx *pixels, const char *labels,
                            const fi_idx *classes)
{
    if (pixels->rank == 1)
        return fi_fail(FI_EDATA,
                       "'%s' has one byte a record, as labels have; expected images: give the file "
                       "of the images first, then that of the labels",
                       images);
    if (classes->rank != 1)
        return fi_fail(FI_EDATA,
                       "'%s' has records of %zu bytes; expected labels, one byte a record: give "
                       "the file of the images first, then that of the labels",
                       labels, classes->cols);
    if (classes->shape[0] != pixels->shape[0])
        return fi_fail(FI_EDATA,
                       "'%s' has %zu labels, but '%s' has %zu images; give two files of one set",
                       labels, classes->shape[0], images, pixels->shape[0]);
    return FI_OK;
}

FI_CLONES static void scale_bytes(size_t n, const uint8_t *bytes, fi_real *restrict x)
{
    for (size_t k = 0; k < n; k++)
        x[k] = (fi_real)bytes[k] / 255;
}

static fi_status read_pair(fi_samples *samples, const char *images, const char *labels,
                           size_t classes, size_t rows, fi_arena *arena, fi_arena *scratch)
{
    fi_idx pixels;
    fi_idx given;
    FI_TRY(fi_idx_read(&pixels, images, rows, scratch));
    FI_TRY(fi_idx_read(&given, labels, 0, scratch));
    FI_TRY(check_pair(images, &pixels, labels, &given));
    for (size_t i = 0; i < pixels.rows; i++)
        if (given.bytes[i] >= classes)
            return fi_fail_label(labels, i, given.bytes[i], classes);
    FI_TRY(fi_samples_new(samples, pixels.rows, pixels.rank - 1, pixels.shape + 1, classes, arena));
    scale_bytes(pixels.rows * pixels.cols, pixels.bytes, samples->x);
    for (size_t i = 0; i < pixels.rows; i++)
        samples->labels[i] = given.bytes[i];
    return FI_OK;
}

/* The bytes are a quarter of what becomes of them: they live in an arena of their own. */
fi_status fi_read_idx_pair(fi_samples *samples, const char *images, const char *labels,
                           size_t classes, size_t rows, fi_arena *arena)
{
    FI_REQUIRE(samples && images && labels && classes > 0 && arena);
    fi_arena *scratch = NULL;
    FI_TRY(fi_arena_new(&scratch));
    const fi_status status = read_pair(samples, images, labels, classes, rows, arena, scratch);
    fi_arena_free(scratch);
    return status;
}
