/* Packing for tile.c: the order in which tiles read what lies out of order. */
#ifndef FI_MATH_TILE_PACK_H
#define FI_MATH_TILE_PACK_H

#include "tile.h"

#include <string.h>

enum {
    PACK_LINE = 64 / sizeof(fi_real),
    PACK_PART = FI_TILE_LANES, /* copied at a time */
    PACK_AHEAD = 16,           /* rows of b for which memory is asked while they are packed */
    TILES_AHEAD = 8            /* rows of a as it is stored, each in some lines */
};

typedef struct matrix {
    const fi_real *data;
    size_t row; /* from one row to the next as it is stored */
    fi_transpose is;
} matrix;

static inline const fi_real *at(const matrix *x, size_t i, size_t j)
{
    return x->is == FI_TRANSPOSED ? x->data + j * x->row + i : x->data + i * x->row + j;
}

/* memcpy for a row of a tile, inline. */
static inline void copy_row(fi_real *to, const fi_real *from, size_t n)
{
    for (; n >= 8; n -= 8, to += 8, from += 8)
        memcpy(to, from, 8 * sizeof *to);
    if (n & 4)
        memcpy(to, from, 4 * sizeof *to), to += 4, from += 4;
    if (n & 2)
        memcpy(to, from, 2 * sizeof *to), to += 2, from += 2;
    if (n & 1)
        *to = *from;
}

/* `count` panels of `width`, next to each other, of b as it is from (l, j): row by row. */
static inline void pack_panels(const matrix *b, size_t l, size_t j, size_t depth, size_t count,
                               size_t width, fi_real *panel)
{
    const fi_real *from = at(b, l, j);
    for (size_t p = 0; p < depth; p++, from += b->row, panel += width) {
        for (size_t x = 0; x < count * width; x += PACK_LINE)
            __builtin_prefetch(from + PACK_AHEAD * b->row + x);
        for (size_t k = 0; k < count; k++)
            for (size_t x = 0; x < width; x += PACK_PART)
                memcpy(panel + k * width * depth + x, from + k * width + x,
                       PACK_PART * sizeof *panel);
    }
}

/* One panel `width` wide, of which the first `columns` are those of b from (l, j). */
static inline void pack_panel(const fi_tile_kernel *kernel, const matrix *b, size_t l, size_t j,
                              size_t depth, size_t columns, size_t width, fi_real *panel)
{
    const fi_real *from = at(b, l, j);
    if (b->is == FI_TRANSPOSED) {
        kernel->transpose(depth, columns, from, b->row, panel, width);
        return;
    }
    for (size_t p = 0; p < depth; p++, from += b->row, panel += width) {
        memset(panel + width - FI_TILE_LANES, 0, FI_TILE_LANES * sizeof *panel);
        copy_row(panel, from, columns);
    }
}

/* `rows` rows of a, transposed, from (i, l), for one tile: adjacent for each term. */
static inline void pack_tile(const matrix *a, size_t i, size_t l, size_t rows, size_t depth,
                             fi_real *to)
{
    for (size_t q = 0; q < depth; q++, to += rows)
        copy_row(to, at(a, i, l + q), rows);
}

/* The same for tiles of `tall` rows, a constant, one after the other. */
static inline __attribute__((always_inline)) void pack_tiles(const matrix *a, size_t i, size_t l,
                                                             size_t rows, size_t depth,
                                                             const size_t tall, fi_real *to)
{
    for (size_t q = 0; q < depth; q++, to += tall) {
        const fi_real *from = at(a, i, l + q);
        for (size_t r = 0; r < rows; r += PACK_LINE)
            __builtin_prefetch(from + TILES_AHEAD * a->row + r);
        for (size_t r = 0; r < rows; r += tall)
            copy_row(to + r * depth, from + r, tall);
    }
}

/* Rows of a, as it is, from (i, l), `apart`, which is to spread them over the cache. */
static inline void pack_rows(const matrix *a, size_t i, size_t l, size_t rows, size_t depth,
                             size_t apart, fi_real *block)
{
    for (size_t r = 0; r < rows; r++)
        memcpy(block + r * apart, at(a, i + r, l), depth * sizeof *block);
}

#endif
