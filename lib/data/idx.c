/*
 * IDX files (LeCun, "The MNIST database of handwritten digits"): 00 00, the element type, the rank,
 * one big-endian 32-bit size a dimension, then the elements, the last index fastest. Only unsigned
 * bytes are read. The file's length is held against its header before anything is allocated.
 */
#include "../core/internal.h"
#include "file.h"

#include <inttypes.h>

#define UNSIGNED_BYTE 0x08
#define MAX_RANK 4
#define MAX_HEADER (4 + 4 * MAX_RANK)

static const char *type_name(uint8_t type)
{
    switch (type) {
    case 0x09:
        return "signed bytes";
    case 0x0B:
        return "16-bit integers";
    case 0x0C:
        return "32-bit integers";
    case 0x0D:
        return "32-bit floats";
    case 0x0E:
        return "64-bit floats";
    default:
        return NULL;
    }
}

/* The first four bytes, 0 past the end: an IDX file of unsigned bytes, and of which rank? */
static fi_status check_magic(const char *path, const uint8_t *magic, uint64_t length, size_t *rank)
{
    if (length == 0)
        return fi_fail(FI_EDATA, "'%s' is empty; expected an IDX file", path);
    if (magic[0] == 0x1F && magic[1] == 0x8B)
        return fi_fail(FI_EDATA, "'%s' is compressed with gzip; gunzip it first", path);
    if (length < 4)
        return fi_fail(FI_EDATA,
                       "'%s' is truncated: an IDX header has at least 8 bytes, found %" PRIu64,
                       path, length);
    const char *type = type_name(magic[2]);
    if (magic[0] != 0 || magic[1] != 0 || (magic[2] != UNSIGNED_BYTE && !type))
        return fi_fail(FI_EDATA,
                       "'%s' is not an IDX file: it begins with %02x %02x %02x %02x, expected "
                       "00 00 08 and the rank",
                       path, magic[0], magic[1], magic[2], magic[3]);
    if (type)
        return fi_fail(FI_EDATA,
                       "'%s' holds %s (IDX type %02x); expected unsigned bytes (type 08), as MNIST "
                       "has them",
                       path, type, magic[2]);
    if (magic[3] < 1 || magic[3] > MAX_RANK)
        return fi_fail(FI_EDATA, "'%s' has %u dimensions; expected 1 to %d", path, magic[3],
                       MAX_RANK);
    *rank = magic[3];
    return FI_OK;
}

/* The sizes, none 0; their product; and whether the file is as long as they say. */
static fi_status check_shape(const char *path, const uint8_t *sizes, uint64_t length, fi_idx *idx)
{
    uint64_t elements = 1;
    uint64_t expected = 0;
    bool overflow = false;
    for (size_t k = 0; k < idx->rank; k++) {
        const uint8_t *b = sizes + 4 * k;
        const uint32_t size =
            (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (size == 0)
            return fi_fail(FI_EDATA, "'%s' says that its dimension %zu of %zu has size 0", path,
                           k + 1, idx->rank);
        idx->shape[k] = size;
        overflow |= __builtin_mul_overflow(elements, (uint64_t)size, &elements);
    }
    overflow |= __builtin_add_overflow(elements, 4 + 4 * (uint64_t)idx->rank, &expected);
    if (overflow)
        return fi_fail(
            FI_EDATA, "'%s' is truncated: its header asks for more than 2^64 bytes, found %" PRIu64,
            path, length);
    if (length != expected)
        return fi_fail(FI_EDATA,
                       "'%s' is %s: its header asks for %" PRIu64 " bytes, found %" PRIu64, path,
                       length < expected ? "truncated" : "too long", expected, length);
    idx->cols = (size_t)(elements / idx->shape[0]);
    return FI_OK;
}

static fi_status read_header(const fi_file *file, fi_idx *idx)
{
    const uint64_t length = file->length;
    uint8_t header[MAX_HEADER] = {0};
    FI_TRY(fi_file_read(file, 0, length < sizeof header ? length : sizeof header, header));
    FI_TRY(check_magic(file->path, header, length, &idx->rank));
    if (length < 4 + 4 * (uint64_t)idx->rank)
        return fi_fail(FI_EDATA,
                       "'%s' is truncated: an IDX header of rank %zu has %zu bytes, found %" PRIu64,
                       file->path, idx->rank, 4 + 4 * idx->rank, length);
    return check_shape(file->path, header + 4, length, idx);
}

static fi_status read_open(const fi_file *file, size_t rows, fi_arena *arena, fi_idx *idx)
{
    FI_TRY(read_header(file, idx));
    if (rows > idx->shape[0])
        return fi_fail(FI_EDATA,
                       "'%s' has %zu records, %zu were asked for; ask for %zu or fewer (--samples)",
                       file->path, idx->shape[0], rows, idx->shape[0]);
    idx->rows = rows ? rows : idx->shape[0];
    idx->bytes = fi_arena_alloc(arena, idx->rows, idx->cols);
    if (!idx->bytes)
        return fi_fail_memory(idx->rows * idx->cols, "the input data");
    return fi_file_read(file, 4 + 4 * (uint64_t)idx->rank, (uint64_t)idx->rows * idx->cols,
                        idx->bytes);
}

fi_status fi_idx_read(fi_idx *idx, const char *path, size_t rows, fi_arena *arena)
{
    FI_REQUIRE(idx && path && arena);
    *idx = (fi_idx){0};
    fi_file file;
    FI_TRY(fi_file_open(&file, path, "IDX file"));
    const fi_status status = read_open(&file, rows, arena, idx);
    fi_file_close(&file);
    return status;
}
