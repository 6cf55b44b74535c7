/* One block of a product: tiles over packed panels. What tile.c and tile_block.c share. */
#ifndef FI_MATH_TILE_BLOCK_H
#define FI_MATH_TILE_BLOCK_H

#include "tile_pack.h"

enum {
    TILE_DEPTH = 512,                   /* of a panel of b: 32 KiB, or 48, 64, or 96 */
    TILE_GROUP = 8 * FI_TILE_LANES,     /* at most, see tile_group */
    TILE_PAGE = 4096 / sizeof(fi_real), /* a row of b or more is wide */
    TILE_ALONE = 512 / sizeof(fi_real), /* rows that are one block: panels of b need not stay */
    TILE_COLUMNS = 13 * TILE_GROUP,     /* panels of b: all of a thread's fit into 2 MiB */
    TILE_APART = TILE_DEPTH + 16,       /* rows of a, packed */
    TILE_FLIPPED = 512,                 /* rows computed together as columns */
    TILE_LARGE_PAGE = 2 << 20
};

/* Of a thread: the panels of b, the block of a, an edge of c; one large page. */
typedef struct __attribute__((aligned(TILE_LARGE_PAGE))) panels {
    fi_real b[TILE_DEPTH * TILE_COLUMNS];
    fi_real a[TILE_ALONE * TILE_APART];
    fi_real c[FI_TILE_TALLEST * FI_TILE_WIDEST * FI_TILE_LANES];
    fi_real few[FI_TILE_TALLEST * TILE_FLIPPED];
} panels;

_Static_assert(sizeof(panels) == TILE_LARGE_PAGE, "the panels of a thread are one large page");

/* The product c (m, n) = a (m, k) times b (k, n) + c, and how it is to be computed. */
typedef struct product {
    const fi_tile_kernel *kernel;
    matrix a, b;
    fi_real *c;
    size_t m, n, k;
    bool fresh;          /* c is not read */
    bool pack_a, pack_b; /* else a or b is read where it lies */
    panels *panels;      /* of the thread that computes, then of others that may share */
    size_t members;      /* so many in all */
} product;

/*
 * The part of a product that fi_tile_block computes: rows i ..., columns j ..., terms l .... The
 * first of those that share panels of b fills them.
 */
typedef struct block {
    size_t i, rows, j, columns, l, depth;
    size_t next; /* the row at which the thread goes on, m or beyond if nowhere */
    bool first;
    bool awaited; /* the rows are complete, and read next */
} block;

void fi_tile_block(const product *p, const block *z);

/* Columns of b, of whole panels, that are packed together where tiles don't copy them. */
static inline size_t tile_group(const fi_tile_kernel *kernel)
{
    const size_t columns = kernel->wide * FI_TILE_LANES;
    return TILE_GROUP / columns * columns;
}

/* Columns of b that are packed at a time. */
static inline size_t tile_columns(const fi_tile_kernel *kernel)
{
    return TILE_COLUMNS / tile_group(kernel) * tile_group(kernel);
}

static inline size_t smaller(size_t x, size_t y)
{
    return x < y ? x : y;
}

#endif
