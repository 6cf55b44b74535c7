/*
 * The blocks of a product: b in panels as wide as a tile, which stay in the first cache while the
 * rows of a pass, a in blocks that stay in the second. What is not in the order in which it is read
 * is packed, mostly by the first tiles that read it, while they multiply.
 */
#include "tile.h"
#include "../core/internal.h"
#include "tile_pack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    LARGE_PAGE = 2 << 20,
    DEPTH = 512,         /* of a panel of b: 32 KiB */
    ROWS = FI_TILE_ROWS, /* of a block of a: 192 KiB of the second cache */
    WIDE = TILE_WIDE,
    GROUP = 4 * WIDE, /* columns of b packed together if a row of b is a PAGE or more */
    PAGE = 4096 / sizeof(fi_real),
    ALONE = 512 / sizeof(fi_real), /* rows that are one block: panels of b need not be kept */
    FLIPPED = 512,                 /* rows computed together as columns */
    COLUMNS = 13 * GROUP,          /* panels of b: all of a thread's fit into 2 MiB */
    APART = DEPTH + 16,            /* rows of a, packed */
    FEW_ROWS = FI_TILE_TALLEST,    /* too few to make up for packing b, */
    FEW_COLUMNS = 2 * WIDE,        /* or a */
};

static size_t smaller(size_t x, size_t y)
{
    return x < y ? x : y;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Of a thread, kept until it ends: the panels of b, the block of a, an edge of c. */
typedef struct panels {
    fi_real b[DEPTH * COLUMNS];
    fi_real a[ALONE * APART];
    fi_real c[FI_TILE_TALLEST * FI_TILE_WIDEST * FI_TILE_LANES];
    fi_real few[FI_TILE_FEW * FLIPPED];
} panels;

_Static_assert(sizeof(panels) <= LARGE_PAGE, "the panels of a thread are one large page");

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
    panels *new = aligned_alloc(LARGE_PAGE, LARGE_PAGE);
    if (!new)
        return NULL;
    (void)madvise(new, LARGE_PAGE, MADV_HUGEPAGE); /* a wish; small pages work too */
    if (pthread_setspecific(panels_key, new) != 0) {
        free(new);
        return NULL;
    }
    return mine = new;
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

/* The part of a product that multiply_block computes: rows i ..., columns j ..., terms l .... */
typedef struct block {
    size_t i, rows, j, columns, l, depth;
} block;

/* The rows of the next tile, with so many left: no tile has much fewer than TALL. */
static size_t rows_of(size_t left)
{
    if (left >= 2 * FI_TILE_TALL)
        return FI_TILE_TALL;
    return left > FI_TILE_TALL ? (left + 1) / 2 : left;
}

static bool packs_tiles(const product *p)
{
    return p->pack_a && p->a.is == FI_TRANSPOSED;
}

/* All of a block of a that tiles want packed and do not pack themselves. */
static void pack_a(const product *p, const block *z)
{
    if (p->pack_a && p->a.is == FI_AS_IS)
        pack_rows(&p->a, z->i, z->l, z->rows, z->depth, APART, p->panels->a);
    for (size_t i = 0, step; packs_tiles(p) && i < z->rows; i += step) {
        step = rows_of(z->rows - i);
        if (step != FI_TILE_TALL || z->columns < WIDE)
            pack_tile(&p->a, z->i + i, z->l, step, z->depth, p->panels->a + i * z->depth);
    }
}

/* `step` rows of a from row i of the block; the tiles of the first panel may have to pack them. */
static void find_a(const product *p, const block *z, size_t i, size_t step, bool first,
                   fi_tile *tile)
{
    fi_real *packed = p->panels->a + i * (packs_tiles(p) ? z->depth : APART);
    const bool packing = packs_tiles(p) && first && step == FI_TILE_TALL && z->columns >= WIDE;
    tile->a = p->pack_a && !packing ? packed : at(&p->a, z->i + i, z->l);
    if (packs_tiles(p)) {
        tile->a_col = packing ? p->a.row : step;
        tile->a_tall = FI_TILE_TALL * (packing ? 1 : z->depth);
    }
    tile->a_copy = packing ? packed : NULL;
}

/* The rows of the next tile of a panel, and how many such tiles follow one another. */
static size_t next_tile(size_t left, size_t vectors, bool single, size_t *down)
{
    const bool tallest = vectors == 1 && (left >= 3 * FI_TILE_TALL || left == 2 * FI_TILE_TALL);
    const size_t rows = tallest ? FI_TILE_TALLEST : rows_of(left);
    *down = 1;
    if (!single && rows == FI_TILE_TALL)
        while (rows_of(left - *down * rows) == FI_TILE_TALL)
            ++*down;
    return rows;
}

/* The tiles down the panel of b that is for column x of the block, but for those above it all. */
static void multiply_panel(const product *p, const block *z, size_t x, size_t columns,
                           size_t vectors, fi_tile tile)
{
    fi_real *c = p->c + z->i * p->n + z->j + x;
    const size_t above = p->lower && z->j + x > z->i ? z->j + x - z->i : 0;
    const bool edge = columns < vectors * FI_TILE_LANES;
    for (size_t i = 0, step; i < z->rows; i += step * tile.down) {
        step = next_tile(z->rows - i, vectors, edge || tile.b_copy || i < above, &tile.down);
        find_a(p, z, i, smaller(step, FI_TILE_TALL), x == 0, &tile);
        if (i + step <= above)
            continue;
        tile.c = c + i * p->n;
        if (!edge)
            p->kernel->multiply(step, vectors, &tile);
        else
            multiply_edge(p, step, vectors, columns, &tile);
        if (tile.b_copy) {
            tile.b = tile.b_copy;
            tile.b_row = WIDE;
            tile.b_copy = NULL;
        }
    }
}

/* How many vectors the next panel has, with so many columns left. */
static size_t vectors_of(const product *p, size_t columns)
{
    const size_t most = p->m == 1             ? FI_TILE_WIDEST
                        : p->m <= FI_TILE_FEW ? FI_TILE_WIDER
                                              : FI_TILE_WIDE;
    return smaller(most, (columns + FI_TILE_LANES - 1) / FI_TILE_LANES);
}

/*
 * The panel of b for `columns` columns from x: where it lies, or packed. At the top it is packed,
 * here or, if it is a whole one and few are side by side in a page, by the first tile.
 */
static void find_b(const product *p, const block *z, size_t x, size_t columns, size_t width,
                   fi_tile *tile)
{
    fi_real *panel = p->panels->b + (z->rows == p->m ? x % GROUP : x) * z->depth;
    const bool whole = p->b.is == FI_AS_IS && columns == width;
    const bool grouped = whole && width == WIDE && p->b.row >= PAGE;
    const bool by_tile = whole && width == WIDE && !grouped && z->i == 0;
    const bool lies = whole && (by_tile || !p->pack_b);
    tile->b = lies ? at(&p->b, z->l, z->j + x) : panel;
    tile->b_row = lies ? p->b.row : width;
    tile->b_copy = by_tile && p->pack_b ? panel : NULL;
    if (lies || z->i > 0)
        return;
    if (!grouped)
        pack_panel(p->kernel, &p->b, z->l, z->j + x, z->depth, columns, width, panel);
    else if (x % GROUP == 0)
        pack_panels(&p->b, z->l, z->j + x, z->depth, smaller(GROUP, z->columns - x) / WIDE, panel);
}

static void multiply_block(const product *p, const block *z)
{
    const bool transposed = p->a.is == FI_TRANSPOSED;
    fi_tile tile = {.a_row = transposed  ? 1
                             : p->pack_a ? APART
                                         : p->a.row,
                    .a_col = transposed ? p->a.row : 1,
                    .c_row = p->n,
                    .depth = z->depth,
                    .fresh = p->fresh && z->l == 0};
    tile.a_tall = FI_TILE_TALL * tile.a_row;
    pack_a(p, z);
    for (size_t x = 0, columns; x < z->columns; x += columns) {
        const size_t vectors = vectors_of(p, z->columns - x);
        const size_t width = vectors * FI_TILE_LANES;
        columns = smaller(width, z->columns - x);
        find_b(p, z, x, columns, width, &tile);
        multiply_panel(p, z, x, columns, vectors, tile);
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
    const size_t step = p->m <= ALONE
                            ? p->m
                            : FI_TILE_TALL * ((part(p->m, ROWS) + FI_TILE_TALL - 1) / FI_TILE_TALL);
    for (size_t j = 0; j < p->n; j += COLUMNS)
        for (size_t l = 0; l < p->k; l += depth)
            for (size_t i = 0; i < p->m; i += step) {
                const block z = {i, smaller(step, p->m - i), j, smaller(COLUMNS, p->n - j),
                                 l, smaller(depth, p->k - l)};
                multiply_block(p, &z);
                if (sink && j + COLUMNS >= p->n && l + depth >= p->k)
                    sink->done(sink->context, i, z.rows);
            }
}

/*
 * What is worth packing. Of a as it is: rows that take nearly a page each, as every tile would have
 * its pages to find anew; twelve rows that share a set of the first cache, which has eight ways.
 */
static product planned(product p)
{
    const bool paged = p.a.row >= PAGE / 8 * 7 && p.n > FEW_COLUMNS;
    const bool aliased = p.a.row % PAGE == 0 && p.n <= FI_TILE_LANES && p.m > FI_TILE_TALL;
    if (p.a.is == FI_TRANSPOSED)
        p.pack_a = p.n > FEW_COLUMNS && p.m > FI_TILE_FEW;
    else
        p.pack_a = paged || aliased;
    p.pack_b = p.m > FEW_ROWS || p.b.is == FI_TRANSPOSED;
    return p;
}

/* to (cols, rows) = from (rows, cols)', rows of either as far apart as stated. */
static void flip(size_t rows, size_t cols, const fi_real *from, size_t from_row, fi_real *to,
                 size_t to_row)
{
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i < rows; i++)
            to[j * to_row + i] = from[i * from_row + j];
}

static fi_transpose other(fi_transpose is)
{
    return is == FI_TRANSPOSED ? FI_AS_IS : FI_TRANSPOSED;
}

/* With few columns, c' = op(b)' op(a)': what would be the few used lanes of a vector are rows. */
static void multiply_flipped(const product *p, const fi_gemm_rows *sink)
{
    for (size_t i = 0; i < p->m; i += FLIPPED) {
        const size_t rows = smaller(FLIPPED, p->m - i);
        product q = *p;
        q.a = (matrix){p->b.data, p->b.row, other(p->b.is)};
        q.b = (matrix){at(&p->a, i, 0), p->a.row, other(p->a.is)};
        q.c = p->panels->few;
        q.m = p->n;
        q.n = rows;
        q = planned(q);
        if (!p->fresh)
            flip(rows, p->n, p->c + i * p->n, p->n, q.c, rows);
        multiply_blocks(&q, NULL);
        flip(p->n, rows, q.c, rows, p->c + i * p->n, p->n);
        if (sink)
            sink->done(sink->context, i, rows);
    }
}

/* No terms, or no columns: beta c is all there is. */
static void multiply_nothing(size_t m, size_t n, fi_real beta, fi_real *c, const fi_gemm_rows *sink)
{
    if (beta == 0)
        memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; sink && i < m; i += ROWS)
        sink->done(sink->context, i, smaller(ROWS, m - i));
}

bool fi_tile_gemm(const fi_tile_kernel *kernel, fi_transpose a_is, fi_transpose b_is, size_t m,
                  size_t n, size_t k, const fi_real *a, const fi_real *b, fi_real beta, fi_real *c,
                  const fi_gemm_rows *sink)
{
    const product p = {.kernel = kernel,
                       .a = {a, a_is == FI_TRANSPOSED ? m : k, a_is},
                       .b = {b, b_is == FI_TRANSPOSED ? k : n, b_is},
                       .c = c,
                       .m = m,
                       .n = n,
                       .k = k,
                       .fresh = beta == 0,
                       .panels = panels_of_thread()};
    if (!p.panels)
        return false;
    scale(m * n, beta, c);
    const product plan = planned(p);
    if (n == 0 || k == 0)
        multiply_nothing(m, n, beta, c, sink);
    else if (n <= FI_TILE_FEW && m > n)
        multiply_flipped(&p, sink);
    else
        multiply_blocks(&plan, sink);
    return true;
}

bool fi_tile_gram(const fi_tile_kernel *kernel, size_t rows, size_t cols, const fi_real *x,
                  fi_real *gram)
{
    const product p = planned((product){.kernel = kernel,
                                        .a = {x, cols, FI_AS_IS},
                                        .b = {x, cols, FI_TRANSPOSED},
                                        .c = gram,
                                        .m = rows,
                                        .n = rows,
                                        .k = cols,
                                        .fresh = true,
                                        .lower = true,
                                        .panels = panels_of_thread()});
    if (!p.panels)
        return false;
    if (cols == 0)
        multiply_nothing(rows, rows, 0, gram, NULL);
    else
        multiply_blocks(&p, NULL);
    return true;
}
