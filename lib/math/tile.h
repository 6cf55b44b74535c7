/*
 * Matrix products of the library's own: tiles held in registers, over packed panels (Goto & van de
 * Geijn 2008). Each element of c is one chain of fused multiply-adds over k = 0, 1, ..., from beta
 * c or from 0, whatever the shape, the position and the kernel: the bits are the same on every
 * processor.
 */
#ifndef FI_MATH_TILE_H
#define FI_MATH_TILE_H

#include "gemm.h"

enum {
    FI_TILE_LANES = 32 / sizeof(fi_real), /* of one vector */
    FI_TILE_SHORT = 6,                    /* rows of a tile, the next of which may lie elsewhere */
    FI_TILE_TALLEST = 2 * FI_TILE_SHORT,  /* rows of a tile one vector across, if not SHORT */
    FI_TILE_LOW = 9,                      /* rows of a whole tile may be so many too */
    FI_TILE_LOWEST = 4,                   /* or so many */
    FI_TILE_FEW = 3,                      /* rows of a tile at most WIDER vectors across */
    FI_TILE_WIDER = 4,
    FI_TILE_WIDEST = 8,                  /* vectors across a tile of one row */
    FI_TILE_ROWS = 384 / sizeof(fi_real) /* of c computed together: what a sink is told of */
};

/*
 * Memory that will be read: rows of so many bytes, the first at `at`, the next `apart` from it. Of
 * several regions the last has no bytes; rows that have been asked for are taken off.
 */
typedef struct fi_region {
    const char *at;
    size_t bytes, apart, rows;
} fi_region;

/*
 * c (rows, columns) = a (rows, depth) times b (depth, columns) + c, or + 0 if `fresh`. Of a, the
 * next term is a_col on and the next row a_row, one of which is 1; row SHORT is a_short from row 0.
 * The rows of b and c lie b_row and c_row apart. A whole tile, `tall` rows and `wide` vectors,
 * copies b densely into b_copy, aligned as a vector is, if that is not NULL and the kernel copies.
 * Tiles may be several, `down` of them, one below the other, a_tall apart.
 */
typedef struct fi_tile {
    const fi_real *a, *b;
    fi_real *c, *b_copy;
    size_t a_row, a_short, a_tall, a_col, b_row, c_row;
    size_t columns, depth, down;
    bool fresh;
    fi_region *ahead; /* asked for meanwhile, into the second cache, if the kernel asks */
} fi_tile;

typedef struct fi_tile_kernel {
    const char *name;
    size_t tall, wide;      /* rows, LOWEST, SHORT, LOW or TALLEST, and vectors of a whole tile */
    size_t tallest, narrow; /* rows, SHORT or TALLEST, of tiles of so many vectors or fewer */
    size_t few, small;      /* rows of a, and elements of a or b, that do not make up for packing */
    bool any_columns;       /* of b and c, else vectors times FI_TILE_LANES */
    bool copies;            /* b while it multiplies, else b is packed before */
    bool asks;              /* for what is ahead */
    /* The tile has a shape that the enum allows or one within a whole or a narrow one, with 1, 2 or
     * 4 vectors or, if whole ones are wider than narrow ones, any number; if any columns will do,
     * up to SHORT rows may be WIDEST. There are columns in the last vector. */
    void (*multiply)(size_t rows, size_t vectors, const fi_tile *tile);
    /* c (depth, columns), rows c_row >= columns apart, from columns rows of b, b_row apart; beyond
     * the columns c holds what is never looked at. c_row is a multiple of FI_TILE_LANES. */
    void (*transpose)(size_t depth, size_t columns, const fi_real *b, size_t b_row, fi_real *c,
                      size_t c_row);
} fi_tile_kernel;

extern const fi_tile_kernel fi_tile_portable;
#ifdef __x86_64__
extern const fi_tile_kernel fi_tile_avx2, fi_tile_avx512, fi_tile_avx512_asking;
void fi_tile_transpose_avx2(size_t depth, size_t columns, const fi_real *b, size_t b_row,
                            fi_real *c, size_t c_row);
#endif

/* The kernels that this processor can run, the fastest first; NULL beyond the last of them, which
 * is the portable one. */
const fi_tile_kernel *fi_tile_choice(size_t k);

/* The fastest of them; NULL if the processor has no fused multiply-add. */
const fi_tile_kernel *fi_tile_best(void);

/* As fi_gemm_by_rows; false, and c untouched, if memory for the panels was refused. */
bool fi_tile_gemm(const fi_tile_kernel *kernel, fi_transpose a_is, fi_transpose b_is, size_t m,
                  size_t n, size_t k, const fi_real *a, const fi_real *b, fi_real beta, fi_real *c,
                  const fi_gemm_rows *sink);

#endif
