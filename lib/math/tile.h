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
    FI_TILE_WIDE = 2,                     /* vectors across a tile of at most TALL rows */
    FI_TILE_TALL = 6,
    FI_TILE_TALLEST = 2 * FI_TILE_TALL, /* rows of a tile one vector across, if not TALL */
    FI_TILE_FEW = 3,                    /* rows of a tile at most WIDER vectors across */
    FI_TILE_WIDER = 4,
    FI_TILE_WIDEST = 8,                  /* vectors across a tile of one row */
    FI_TILE_ROWS = 384 / sizeof(fi_real) /* of c computed together: what a sink is told of */
};

/*
 * c (rows, columns) = a (rows, depth) times b (depth, columns) + c, or + 0 if `fresh`. Of a, the
 * next term is a_col on and the next row a_row, one of which is 1; row TALL is a_tall from row 0.
 * The rows of b and c lie b_row and c_row apart. A tile of TALL rows and WIDE vectors copies b
 * densely into b_copy, aligned as a vector is, if that is not NULL. Tiles of TALL rows may be
 * several, `down` of them, one below the other.
 */
typedef struct fi_tile {
    const fi_real *a, *b;
    fi_real *c, *b_copy;
    size_t a_row, a_tall, a_col, b_row, c_row;
    size_t depth, down;
    bool fresh;
} fi_tile;

typedef struct fi_tile_kernel {
    const char *name;
    /* The tile has `vectors` times FI_TILE_LANES columns and a shape that the enum allows. */
    void (*multiply)(size_t rows, size_t vectors, const fi_tile *tile);
    /* c (depth, columns), rows c_row >= columns apart, from columns rows of b, b_row apart; beyond
     * the columns c holds what is never looked at. c_row is a multiple of FI_TILE_LANES. */
    void (*transpose)(size_t depth, size_t columns, const fi_real *b, size_t b_row, fi_real *c,
                      size_t c_row);
} fi_tile_kernel;

extern const fi_tile_kernel fi_tile_portable;

/* The fastest kernel of this processor; NULL if it has no fused multiply-add. */
const fi_tile_kernel *fi_tile_best(void);

/* As fi_gemm_by_rows; false, and c untouched, if memory for the panels was refused. */
bool fi_tile_gemm(const fi_tile_kernel *kernel, fi_transpose a_is, fi_transpose b_is, size_t m,
                  size_t n, size_t k, const fi_real *a, const fi_real *b, fi_real beta, fi_real *c,
                  const fi_gemm_rows *sink);

/* As fi_gemm_gram; false, and gram untouched, if memory for the panels was refused. */
bool fi_tile_gram(const fi_tile_kernel *kernel, size_t rows, size_t cols, const fi_real *x,
                  fi_real *gram);

#endif
