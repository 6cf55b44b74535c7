/*
 * The blocks of a product: b in panels as wide as a tile, which stay in the first cache while the
 * rows of a pass, a in blocks that stay in the second. Only what is out of order is packed.
 */
#include "tile.h"
#include "../core/internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 2048 / sizeof(fi_real), /* of a panel of b; a tile's a is 12 KiB */
    ROWS = FI_TILE_ROWS,            /* of a block of a: 192 KiB of the second cache */
    WIDE = FI_TILE_WIDE * FI_TILE_LANES,
    GROUP = 4 * WIDE, /* columns of b packed together if a row of b is a PAGE or more */
    PAGE = 4096 / sizeof(fi_real),
    COLUMNS = 16 * GROUP,            /* panels of b: 2 MiB */
    APART = DEPTH + 16,              /* rows of a, packed */
    AT_ONCE = 32,                    /* terms of a, packed while in the first cache */
    FEW_ROWS = FI_TILE_TALLEST,      /* too few to make up for packing b, */
    FEW_COLUMNS = 2 * WIDE,          /* or a */
    ALIASED = 1024 / sizeof(fi_real) /* rows so far apart, or a multiple, share sets */
};

static size_t smaller(size_t x, size_t y)
{
    return x < y ? x : y;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Of a thread, kept until it ends: the panels of b, the block of a, an edge of c. */
typedef struct panels {
    fi_real b[DEPTH * COLUMNS];
    fi_real a[ROWS * APART];
    fi_real c[FI_TILE_TALLEST * FI_TILE_WIDEST * FI_TILE_LANES];
} panels;

static pthread_key_t panels_key;
static pthread_once_t panels_once = PTHREAD_ONCE_INIT;
static bool panels_keyed;

static void make_key(void)
{
    panels_keyed = pthread_key_create(&panels_key, free) == 0;
}

static panels *panels_of_thread(void)
{
    static _Thread_local panels *mine;
    if (mine)
        return mine;
    pthread_once(&panels_once, make_key);
    if (!panels_keyed)
        return NULL;
    panels *new = aligned_alloc(64, (sizeof *new + 63) / 64 * 64);
    if (new &&pthread_setspecific(panels_key, new) != 0) {
        free(new);
        return NULL;
    }
    return mine = new;
}

/* ---- packing --------------------------------------------------------------------------------- */

typedef struct matrix {
    const fi_real *data;
    size_t row; /* from one row to the next as it is stored */
    fi_transpose is;
} matrix;

static const fi_real *at(const matrix *x, size_t i, size_t j)
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

/* Panels as wide as a tile, next to each other, of b as it is from (l, j): row by row. */
static void pack_panels(const matrix *b, size_t l, size_t j, size_t depth, size_t count,
                        fi_real *panel)
{
    const fi_real *from = at(b, l, j);
    for (size_t p = 0; p < depth; p++, from += b->row)
        for (size_t q = 0; q < count; q++)
            memcpy(panel + (q * depth + p) * WIDE, from + q * WIDE, WIDE * sizeof *panel);
}

/* One panel `width` wide, of which the first `columns` are those of b from (l, j). */
static void pack_panel(const fi_tile_kernel *kernel, const matrix *b, size_t l, size_t j,
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

/* The rows of the next tile, with so many left: no tile has much fewer than TALL. */
static size_t rows_of(size_t left)
{
    if (left >= 2 * FI_TILE_TALL)
        return FI_TILE_TALL;
    return left > FI_TILE_TALL ? (left + 1) / 2 : left;
}

/*
 * The block of a from (i, l): transposed, tile by tile, a tile's rows adjacent for each term; as
 * it is, row by row, at a distance that spreads over the cache.
 */
static void pack_a(const matrix *a, size_t i, size_t l, size_t rows, size_t depth, fi_real *block)
{
    for (size_t r = 0; a->is == FI_AS_IS && r < rows; r++)
        memcpy(block + r * APART, at(a, i + r, l), depth * sizeof *block);
    for (size_t p = 0; a->is == FI_TRANSPOSED && p < depth; p += AT_ONCE)
        for (size_t r = 0, step; r < rows; r += step) {
            const size_t end = smaller(depth, p + AT_ONCE);
            step = rows_of(rows - r);
            for (size_t q = p; q < end; q++) {
                fi_real *to = block + r * depth + q * step;
                if (step == FI_TILE_TALL)
                    memcpy(to, at(a, i + r, l + q), FI_TILE_TALL * sizeof *to);
                else
                    copy_row(to, at(a, i + r, l + q), step);
            }
        }
}

/* ---- blocks ---------------------------------------------------------------------------------- */

typedef struct product {
    const fi_tile_kernel *kernel;
    matrix a, b;
    fi_real *c;
    size_t m, n, k;
    bool fresh;          /* c is not read */
    bool pack_a, pack_b; /* else a or b is read where it lies */
    bool lower;          /* only tiles that reach the diagonal or lie below it */
    panels *panels;
} product;

/* A tile that reaches beyond the last column of c. */
static void multiply_edge(const product *p, size_t rows, size_t vectors, size_t columns,
                          const fi_tile *tile)
{
    fi_tile whole = *tile;
    whole.c = p->panels->c;
    whole.c_row = vectors * FI_TILE_LANES;
    for (size_t i = 0; !tile->fresh && i < rows; i++)
        copy_row(whole.c + i * whole.c_row, tile->c + i * tile->c_row, columns);
    p->kernel->multiply(rows, vectors, &whole);
    for (size_t i = 0; i < rows; i++)
        copy_row(tile->c + i * tile->c_row, whole.c + i * whole.c_row, columns);
}

/* The tiles down one panel of b, but for `above` rows: c (rows, columns) from a's block. */
static void multiply_panel(const product *p, size_t above, size_t rows, size_t columns,
                           size_t vectors, fi_tile tile)
{
    const fi_tile first = tile;
    const bool tile_by_tile = p->pack_a && p->a.is == FI_TRANSPOSED;
    for (size_t i = 0, step; i < rows; i += step) {
        const size_t left = rows - i;
        step = rows_of(left);
        if (tile_by_tile)
            tile.a_col = step;
        if (vectors == 1 && (left >= 3 * FI_TILE_TALL || left == 2 * FI_TILE_TALL))
            step = FI_TILE_TALLEST;
        if (i + step <= above)
            continue;
        tile.a = first.a + i * (tile_by_tile ? tile.depth : first.a_row);
        tile.c = first.c + i * first.c_row;
        if (columns == vectors * FI_TILE_LANES)
            p->kernel->multiply(step, vectors, &tile);
        else
            multiply_edge(p, step, vectors, columns, &tile);
    }
}

/* How many vectors the next panel has, with so many columns left. */
static size_t vectors_of(const product *p, size_t columns)
{
    const size_t most = p->m == 1 ? FI_TILE_WIDEST : FI_TILE_WIDE;
    return smaller(most, (columns + FI_TILE_LANES - 1) / FI_TILE_LANES);
}

/* Rows i ... of columns j ... and of the sum's terms l ...; b is packed on the way at the top. */
static void multiply_block(const product *p, size_t i, size_t rows, size_t j, size_t columns,
                           size_t l, size_t depth)
{
    fi_tile tile = {.a = at(&p->a, i, l), .c_row = p->n, .depth = depth, .fresh = p->fresh && !l};
    const bool transposed = p->a.is == FI_TRANSPOSED;
    const size_t group = p->b.row >= PAGE ? GROUP : WIDE;
    tile.a_row = transposed ? 1 : p->a.row;
    tile.a_col = transposed ? p->a.row : 1; /* if packed, it is the tile's */
    if (p->pack_a) {
        pack_a(&p->a, i, l, rows, depth, p->panels->a);
        tile.a = p->panels->a;
        tile.a_row = transposed ? 1 : APART;
    }
    tile.a_tall = FI_TILE_TALL * (transposed && p->pack_a ? depth : tile.a_row);
    for (size_t x = 0, step; x < columns; x += step) {
        const size_t vectors = vectors_of(p, columns - x);
        const size_t width = vectors * FI_TILE_LANES;
        fi_real *panel = p->panels->b + x * depth;
        step = smaller(width, columns - x);
        tile.b = panel;
        tile.b_row = width;
        if (!p->pack_b && step == width) {
            tile.b = at(&p->b, l, j + x);
            tile.b_row = p->b.row;
        } else if (i == 0 && (step < WIDE || width > WIDE || p->b.is == FI_TRANSPOSED)) {
            pack_panel(p->kernel, &p->b, l, j + x, depth, step, width, panel);
        } else if (i == 0 && x % group == 0) {
            pack_panels(&p->b, l, j + x, depth, smaller(group, columns - x) / WIDE, panel);
        }
        tile.c = p->c + i * p->n + j + x;
        const size_t above = p->lower && j + x > i ? j + x - i : 0;
        multiply_panel(p, above, rows, step, vectors, tile);
    }
}

/* Parts as equal as can be, none larger than `most`. */
static size_t part(size_t whole, size_t most)
{
    const size_t parts = (whole + most - 1) / most;
    return (whole + parts - 1) / parts;
}

/* c beta, where it is neither left as it is nor ignored. */
static void scale(size_t n, fi_real beta, fi_real *c)
{
    for (size_t i = 0; beta != 0 && beta != 1 && i < n; i++)
        c[i] *= beta;
}

/* The last visit to a block of rows, over the last columns and terms, completes it. */
static void multiply_blocks(const product *p, const fi_gemm_rows *sink)
{
    const size_t depth = part(p->k, DEPTH);
    for (size_t j = 0; j < p->n; j += COLUMNS)
        for (size_t l = 0; l < p->k; l += depth)
            for (size_t i = 0; i < p->m; i += ROWS) {
                const size_t rows = smaller(ROWS, p->m - i);
                multiply_block(p, i, rows, j, smaller(COLUMNS, p->n - j), l,
                               smaller(depth, p->k - l));
                if (sink && j + COLUMNS >= p->n && l + depth >= p->k)
                    sink->done(sink->context, i, rows);
            }
}

/* Whether to copy rows of k terms that are to meet n columns: they share sets of the cache. */
static bool pack_rows(size_t n, size_t k)
{
    return n > FEW_COLUMNS && k % ALIASED == 0;
}

bool fi_tile_gemm(const fi_tile_kernel *kernel, fi_transpose a_is, fi_transpose b_is, size_t m,
                  size_t n, size_t k, const fi_real *a, const fi_real *b, fi_real beta, fi_real *c,
                  const fi_gemm_rows *sink)
{
    panels *memory = panels_of_thread();
    if (!memory)
        return false;
    if (n == 0 || k == 0) {
        scale(m * n, beta, c);
        if (beta == 0)
            memset(c, 0, m * n * sizeof *c);
        for (size_t i = 0; sink && i < m; i += ROWS)
            sink->done(sink->context, i, smaller(ROWS, m - i));
        return true;
    }
    scale(m * n, beta, c);
    product p = {.kernel = kernel,
                 .a = {a, a_is == FI_TRANSPOSED ? m : k, a_is},
                 .b = {b, b_is == FI_TRANSPOSED ? k : n, b_is},
                 .c = c,
                 .m = m,
                 .n = n,
                 .k = k,
                 .fresh = beta == 0,
                 .panels = memory};
    p.pack_a = a_is == FI_TRANSPOSED ? n > FEW_COLUMNS : pack_rows(n, k);
    p.pack_b = m > FEW_ROWS || b_is == FI_TRANSPOSED;
    multiply_blocks(&p, sink);
    return true;
}

bool fi_tile_gram(const fi_tile_kernel *kernel, size_t rows, size_t cols, const fi_real *x,
                  fi_real *gram)
{
    panels *memory = panels_of_thread();
    if (!memory)
        return false;
    if (cols == 0)
        memset(gram, 0, rows * rows * sizeof *gram);
    product p = {.kernel = kernel,
                 .a = {x, cols, FI_AS_IS},
                 .b = {x, cols, FI_TRANSPOSED},
                 .c = gram,
                 .m = rows,
                 .n = rows,
                 .k = cols,
                 .fresh = true,
                 .pack_a = pack_rows(rows, cols),
                 .pack_b = true,
                 .lower = true,
                 .panels = memory};
    if (cols)
        multiply_blocks(&p, NULL);
    return true;
}
