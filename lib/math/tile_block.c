/*
 * A block of a product, panel by panel of b, which stays in the first caches, and down each panel
 * tile by tile. What is not in the order in which it is read is packed: b by the first tiles that
 * read it, while they multiply, if the kernel copies.
 */
#include "tile_block.h"
#include "../core/internal.h"

enum {
    NEARLY = 8 * FI_TILE_LANES, /* columns that remain when the next block is asked for */
    REGIONS = 3,                /* asked for while a panel is multiplied */
    STEP = 16                   /* rows of a panel asked for as one */
};

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

/* The rows of the next tile, with so many left: no tile has much fewer than `tall`. */
static size_t rows_of(size_t tall, size_t left)
{
    if (left >= 2 * tall)
        return tall;
    return left > tall ? (left + 1) / 2 : left;
}

static bool packs_tiles(const product *p)
{
    return p->pack_a && p->a.is == FI_TRANSPOSED;
}

/* All of a block of a that tiles want packed. */
static void pack_a(const product *p, const block *z)
{
    const size_t tall = p->kernel->tall;
    size_t whole = 0;
    if (!p->pack_a)
        return;
    if (p->a.is == FI_AS_IS) {
        pack_rows(&p->a, z->i, z->l, z->rows, z->depth, TILE_APART, p->panels->a);
        return;
    }
    while (rows_of(tall, z->rows - whole) == tall)
        whole += tall;
    switch (tall) {
    case FI_TILE_LOWEST:
        pack_tiles(&p->a, z->i, z->l, whole, z->depth, FI_TILE_LOWEST, p->panels->a);
        break;
    case FI_TILE_SHORT:
        pack_tiles(&p->a, z->i, z->l, whole, z->depth, FI_TILE_SHORT, p->panels->a);
        break;
    case FI_TILE_LOW:
        pack_tiles(&p->a, z->i, z->l, whole, z->depth, FI_TILE_LOW, p->panels->a);
        break;
    default:
        FI_REQUIRE(tall == FI_TILE_TALLEST);
        pack_tiles(&p->a, z->i, z->l, whole, z->depth, FI_TILE_TALLEST, p->panels->a);
    }
    for (size_t i = whole, step; i < z->rows; i += step) {
        step = rows_of(tall, z->rows - i);
        pack_tile(&p->a, z->i + i, z->l, step, z->depth, p->panels->a + i * z->depth);
    }
}

/* `step` rows of a from row i of the block: of one packed tile, or of two. */
static void find_a(const product *p, const block *z, size_t i, size_t step, fi_tile *tile)
{
    const size_t tall = p->kernel->tall;
    const bool tiles = packs_tiles(p);
    tile->a =
        p->pack_a ? p->panels->a + i * (tiles ? z->depth : TILE_APART) : at(&p->a, z->i + i, z->l);
    if (tiles) {
        tile->a_col = smaller(step, tall);
        tile->a_tall = tall * z->depth;
        tile->a_short = tall == FI_TILE_SHORT ? tile->a_tall : FI_TILE_SHORT;
    }
}

/* The rows of the next tile of a panel, and how many such tiles follow one another. */
static size_t next_tile(size_t tall, size_t left, size_t vectors, bool single, size_t *down)
{
    const bool taller = vectors == 1 && (left >= 3 * FI_TILE_SHORT || left == 2 * FI_TILE_SHORT);
    const bool pair = taller && tall == FI_TILE_SHORT;
    const size_t rows = pair ? FI_TILE_TALLEST : rows_of(tall, left);
    *down = 1;
    if (!single && rows == tall)
        while (rows_of(tall, left - *down * rows) == tall)
            ++*down;
    return rows;
}

/* Rows of the tiles of a panel: fewer if it is wider than a whole tile, more if it is narrow. */
static size_t tall_of(const product *p, size_t vectors)
{
    if (vectors > p->kernel->wide)
        return FI_TILE_SHORT;
    const bool taller = vectors <= p->kernel->narrow && !packs_tiles(p);
    return taller ? p->kernel->tallest : p->kernel->tall;
}

/* The tiles down the panel of b that is for column x of the block. */
static void multiply_panel(const product *p, const block *z, size_t x, size_t columns,
                           size_t vectors, fi_tile *tile)
{
    fi_real *c = p->c + z->i * p->n + z->j + x;
    const bool edge = columns < vectors * FI_TILE_LANES && !p->kernel->any_columns;
    const size_t tall = tall_of(p, vectors);
    if (!packs_tiles(p))
        tile->a_tall = tall * tile->a_row;
    for (size_t i = 0, step; i < z->rows; i += step * tile->down) {
        step = next_tile(tall, z->rows - i, vectors, edge || tile->b_copy, &tile->down);
        find_a(p, z, i, step, tile);
        tile->c = c + i * p->n;
        tile->columns = columns;
        if (!edge)
            p->kernel->multiply(step, vectors, tile);
        else
            multiply_edge(p, step, vectors, columns, tile);
        if (tile->b_copy) {
            tile->b = tile->b_copy;
            tile->b_row = vectors * FI_TILE_LANES;
            tile->b_copy = NULL;
        }
    }
}

/*
 * How many vectors the next panel has, with so many columns left. Kernels whose whole tiles are
 * wide have tiles for any number, and taller ones for few rows or for two halves of the rest. Of
 * others: no odd ones beside a pair; but all that are left, if any columns will do, if they are
 * more than a whole tile's and fewer than two's: of a small rest alone, loads would take longer
 * than products.
 */
static size_t vectors_of(const product *p, size_t columns)
{
    const size_t wide = p->kernel->wide, narrow = p->kernel->narrow;
    const size_t left = (columns + FI_TILE_LANES - 1) / FI_TILE_LANES;
    if (p->m <= FI_TILE_FEW)
        return smaller(p->m == 1 ? FI_TILE_WIDEST : FI_TILE_WIDER, left);
    if (wide > narrow) {
        const bool taller = p->m > p->kernel->tall && p->m <= p->kernel->tallest;
        const bool halves = left > wide && left <= 2 * narrow;
        return smaller(taller || halves ? narrow : wide, left);
    }
    if (p->kernel->any_columns && left > wide && left < 2 * wide && !packs_tiles(p))
        return left;
    return left > 1 ? smaller(wide, left) / 2 * 2 : left;
}

/* Where the panel of b for column x is packed: panels that one block needs need not stay. */
static fi_real *panel_at(const product *p, const block *z, size_t x)
{
    return p->panels->b + (z->rows == p->m ? x % tile_group(p->kernel) : x) * z->depth;
}

/*
 * The panel of b for `columns` columns from x: where it lies, or packed. At the top it is packed,
 * here, whole ones side by side together, or by the first tile, if the kernel copies and its rows
 * of b share pages.
 */
static void find_b(const product *p, const block *z, size_t x, size_t columns, size_t width,
                   fi_tile *tile)
{
    fi_real *panel = panel_at(p, z, x);
    const size_t tall = p->kernel->tall, wide = p->kernel->wide * FI_TILE_LANES;
    const bool whole = p->b.is == FI_AS_IS && (columns == width || p->kernel->any_columns);
    const bool copies = p->kernel->copies && p->b.row < TILE_PAGE;
    const bool grouped = whole && columns == wide && !copies;
    const bool can_copy = width == wide && rows_of(tall, z->rows) == tall;
    const bool by_tile = whole && can_copy && !grouped && z->first;
    const bool lies = whole && (by_tile || !p->pack_b);
    tile->b = lies ? at(&p->b, z->l, z->j + x) : panel;
    tile->b_row = lies ? p->b.row : width;
    tile->b_copy = by_tile && p->pack_b ? panel : NULL;
    if (lies || !z->first)
        return;
    if (!grouped)
        pack_panel(p->kernel, &p->b, z->l, z->j + x, z->depth, columns, width, panel);
    else if (x % tile_group(p->kernel) == 0)
        pack_panels(&p->b, z->l, z->j + x, z->depth,
                    smaller(tile_group(p->kernel), z->columns - x) / wide, wide, panel);
}

/* The part (rows, cols) of x from (i, j). */
static fi_region part_of(const matrix *x, size_t i, size_t j, size_t rows, size_t cols)
{
    const bool flat = x->is == FI_TRANSPOSED;
    return (fi_region){(const char *)at(x, i, j), (flat ? rows : cols) * sizeof *x->data,
                       x->row * sizeof *x->data, flat ? cols : rows};
}

/* A packed panel `width` wide. */
static fi_region packed(const fi_real *panel, size_t width, size_t depth)
{
    const size_t bytes = STEP * width * sizeof *panel;
    return (fi_region){(const char *)panel, bytes, bytes, (depth + STEP - 1) / STEP};
}

/* The panel of b for column x: packed or, if this block is to pack it, what it is packed from. */
static fi_region next_panel(const product *p, const block *z, size_t x, bool first)
{
    const size_t width = vectors_of(p, z->columns - x) * FI_TILE_LANES;
    if (!first)
        return packed(panel_at(p, z, x), width, z->depth);
    const size_t line = p->b.is == FI_AS_IS ? PACK_LINE : 0; /* rows that end within one */
    return part_of(&p->b, z->l, z->j + x, z->depth, smaller(width, z->columns - x) + line);
}

/*
 * What to ask for meanwhile, with so many columns done after this panel: rows of c that somebody
 * waits for; the next panel of b, and where it is packed; and, near the end, what the next block
 * begins with of a.
 */
static void look_ahead(const product *p, const block *z, size_t done, fi_region *ask)
{
    const bool last = done == z->columns, more = z->next < p->m;
    if (last && z->awaited)
        *ask++ = (fi_region){(const char *)(p->c + z->i * p->n), p->n * sizeof *p->c,
                             p->n * sizeof *p->c, z->rows};
    if (p->pack_b && !last) {
        *ask++ = next_panel(p, z, done, z->first);
        if (z->first)
            *ask++ = next_panel(p, z, done, false);
    } else if (p->pack_b && more) {
        *ask++ = next_panel(p, z, 0, false);
    }
    if (!last && done + NEARLY >= z->columns && more)
        *ask++ = part_of(&p->a, z->next, z->l, smaller(z->rows, p->m - z->next), z->depth);
    *ask = (fi_region){(const char *)p->c, 0, 0, 0};
}

void fi_tile_block(const product *p, const block *z)
{
    const bool transposed = p->a.is == FI_TRANSPOSED;
    fi_region ahead[REGIONS + 1];
    fi_tile tile = {.a_row = transposed  ? 1
                             : p->pack_a ? TILE_APART
                                         : p->a.row,
                    .a_col = transposed ? p->a.row : 1,
                    .c_row = p->n,
                    .depth = z->depth,
                    .fresh = p->fresh && z->l == 0,
                    .ahead = ahead};
    tile.a_short = FI_TILE_SHORT * tile.a_row;
    pack_a(p, z);
    for (size_t x = 0, columns; x < z->columns; x += columns) {
        const size_t vectors = vectors_of(p, z->columns - x);
        const size_t width = vectors * FI_TILE_LANES;
        columns = smaller(width, z->columns - x);
        find_b(p, z, x, columns, width, &tile);
        if (p->kernel->asks)
            look_ahead(p, z, x + columns, ahead);
        multiply_panel(p, z, x, columns, vectors, &tile);
    }
}
