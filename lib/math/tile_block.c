/*
 * A block of a product, panel by panel of b, which stays in the first cache, and down each panel
 * tile by tile. What is not in the order in which it is read is packed, b mostly by the first tiles
 * that read it, while they multiply.
 */
#include "tile_block.h"

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

/* All of a block of a that tiles want packed. */
static void pack_a(const product *p, const block *z)
{
    size_t whole = 0;
    if (!p->pack_a)
        return;
    if (p->a.is == FI_AS_IS) {
        pack_rows(&p->a, z->i, z->l, z->rows, z->depth, TILE_APART, p->panels->a);
        return;
    }
    while (rows_of(z->rows - whole) == FI_TILE_TALL)
        whole += FI_TILE_TALL;
    pack_tiles(&p->a, z->i, z->l, whole, z->depth, p->panels->a);
    for (size_t i = whole, step; i < z->rows; i += step) {
        step = rows_of(z->rows - i);
        pack_tile(&p->a, z->i + i, z->l, step, z->depth, p->panels->a + i * z->depth);
    }
}

/* `step` rows of a from row i of the block. */
static void find_a(const product *p, const block *z, size_t i, size_t step, fi_tile *tile)
{
    const bool tiles = packs_tiles(p);
    tile->a =
        p->pack_a ? p->panels->a + i * (tiles ? z->depth : TILE_APART) : at(&p->a, z->i + i, z->l);
    if (tiles) {
        tile->a_col = step;
        tile->a_tall = FI_TILE_TALL * z->depth;
    }
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
        find_a(p, z, i, smaller(step, FI_TILE_TALL), &tile);
        if (i + step <= above)
            continue;
        tile.c = c + i * p->n;
        if (!edge)
            p->kernel->multiply(step, vectors, &tile);
        else
            multiply_edge(p, step, vectors, columns, &tile);
        if (tile.b_copy) {
            tile.b = tile.b_copy;
            tile.b_row = TILE_WIDE;
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
    fi_real *panel = p->panels->b + (z->rows == p->m ? x % TILE_GROUP : x) * z->depth;
    const bool whole = p->b.is == FI_AS_IS && columns == width;
    const bool grouped = whole && width == TILE_WIDE && p->b.row >= TILE_PAGE;
    const bool by_tile = whole && width == TILE_WIDE && !grouped && z->first;
    const bool lies = whole && (by_tile || !p->pack_b);
    tile->b = lies ? at(&p->b, z->l, z->j + x) : panel;
    tile->b_row = lies ? p->b.row : width;
    tile->b_copy = by_tile && p->pack_b ? panel : NULL;
    if (lies || !z->first)
        return;
    if (!grouped)
        pack_panel(p->kernel, &p->b, z->l, z->j + x, z->depth, columns, width, panel);
    else if (x % TILE_GROUP == 0)
        pack_panels(&p->b, z->l, z->j + x, z->depth,
                    smaller(TILE_GROUP, z->columns - x) / TILE_WIDE, panel);
}

void fi_tile_block(const product *p, const block *z)
{
    const bool transposed = p->a.is == FI_TRANSPOSED;
    fi_tile tile = {.a_row = transposed  ? 1
                             : p->pack_a ? TILE_APART
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
