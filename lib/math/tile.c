/*
 * The blocks of a product: b in panels as wide as a tile, which stay in the first cache while the
 * rows of a pass, a in blocks that stay in the second. Blocks go round the members of a team.
 */
#include "tile.h"
#include "../core/internal.h"
#include "../core/team.h"
#include "tile_block.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    ROWS = FI_TILE_ROWS,               /* of a block of a: 192 KiB of the second cache */
    FEW_COLUMNS = 4 * FI_TILE_LANES,   /* of b: too few to make up for packing a */
    FEW_TERMS = 128,                   /* which neither do, where taller tiles read it as it is */
    FEW_ROWS = 64,                     /* of a: too few to make up for packing b of no more than */
    NEAR_COLUMNS = 16 * FI_TILE_LANES, /* so many columns */
    LARGE = (3 << 20) / sizeof(fi_real), /* elements of b: beyond the second cache by far */
    LEAST_TERMS = 32,
    LEAST_SHARED = 1 << 20, /* terms that make up for waking a team: some 20 us */
};

/* ---- memory ---------------------------------------------------------------------------------- */

static pthread_key_t panels_key;
static pthread_once_t panels_once = PTHREAD_ONCE_INIT;
static bool panels_keyed;

static void make_key(void)
{
    panels_keyed = pthread_key_create(&panels_key, free) == 0;
}

/* Of the calling thread, kept until it ends, and of others that share its work. */
struct members {
    panels *panels;
    size_t count;
};

/* Panels for `wanted` members or, if they are refused, for as many as there were. */
static struct members members_of_thread(size_t wanted)
{
    static _Thread_local struct members mine;
    if (mine.count >= wanted)
        return mine;
    pthread_once(&panels_once, make_key);
    panels *new = panels_keyed ? aligned_alloc(sizeof *new, wanted * sizeof *new) : NULL;
    if (!new)
        return mine;
    (void)madvise(new, wanted * sizeof *new, MADV_HUGEPAGE); /* a wish; small pages work too */
    if (pthread_setspecific(panels_key, new) != 0) {
        free(new);
        return mine;
    }
    free(mine.panels);
    mine = (struct members){new, wanted};
    return mine;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

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

/*
 * A product whose blocks of rows go round the members of a team or, if there is one block only,
 * whose columns are divided among them.
 */
struct shared {
    const product *product;
    const fi_gemm_rows *sink;
    size_t step;        /* rows of a block */
    atomic_size_t told; /* rows that the sink knows of */
};

/* What a member computes: columns from j to end of the blocks at row i, i + round, .... */
struct portion {
    size_t member, j, end, i, round;
    bool completes; /* those rows */
};

/* The sink hears of the blocks in order. */
static void tell(struct shared *s, size_t i, size_t rows)
{
    unsigned waited = 0;
    while (atomic_load_explicit(&s->told, memory_order_acquire) != i)
        fi_team_pause(&waited);
    s->sink->done(s->sink->context, i, rows);
    atomic_store_explicit(&s->told, i + rows, memory_order_release);
}

/* The last visit to a block of rows, over the last columns and terms, completes it. */
static void multiply_portion(struct shared *s, struct portion mine)
{
    product p = *s->product;
    p.panels += mine.member;
    const size_t depth = part(p.k, TILE_DEPTH);
    const size_t columns = tile_columns(p.kernel);
    for (size_t j = mine.j; j < mine.end; j += columns) {
        const bool last_columns = j + columns >= mine.end;
        for (size_t l = 0; l < p.k; l += depth)
            for (size_t i = mine.i; i < p.m; i += mine.round) {
                const bool complete = mine.completes && last_columns && l + depth >= p.k;
                const block z = {.i = i,
                                 .rows = smaller(s->step, p.m - i),
                                 .j = j,
                                 .columns = smaller(columns, mine.end - j),
                                 .l = l,
                                 .depth = smaller(depth, p.k - l),
                                 .next = i + mine.round,
                                 .first = i == mine.i,
                                 .awaited = complete};
                fi_tile_block(&p, &z);
                if (complete)
                    tell(s, i, z.rows);
            }
    }
}

static void multiply_rows(void *context, size_t member, size_t members)
{
    struct shared *const s = context;
    multiply_portion(s, (struct portion){.member = member,
                                         .end = s->product->n,
                                         .i = member * s->step,
                                         .round = members * s->step,
                                         .completes = s->sink != NULL});
}

static void multiply_columns(void *context, size_t member, size_t members)
{
    struct shared *const s = context;
    const size_t n = s->product->n;
    const size_t tile = s->product->kernel->wide * FI_TILE_LANES;
    const size_t tiles = (n + tile - 1) / tile;
    const size_t width = tile * ((tiles + members - 1) / members);
    multiply_portion(s, (struct portion){.member = member,
                                         .j = member * width,
                                         .end = smaller((member + 1) * width, n),
                                         .round = s->step});
}

/* The blocks of rows are the same for all kernels: sinks may add up what they are given. */
static void multiply_blocks(const product *p, const fi_gemm_rows *sink)
{
    struct shared s = {.product = p, .sink = sink, .step = p->m};
    if (p->m > TILE_ALONE)
        s.step = FI_TILE_TALLEST * ((part(p->m, ROWS) + FI_TILE_TALLEST - 1) / FI_TILE_TALLEST);
    const bool small = p->m * p->n < LEAST_SHARED / p->k;
    const size_t members = small ? 1 : p->members;
    const size_t blocks = (p->m + s.step - 1) / s.step;
    if (blocks > 1 || members == 1) {
        fi_team_share(smaller(members, blocks), multiply_rows, &s);
    } else {
        fi_team_share(members, multiply_columns, &s);
        if (sink)
            tell(&s, 0, p->m);
    }
}

/*
 * Whether a is worth packing. As it is: rows that take nearly a page each, as every tile would have
 * its pages to find anew; twelve rows that share a set of the first cache, which has eight ways.
 * Transposed: unless the columns are few, or the terms are where taller tiles make up for it; where
 * short tiles read a part of a line of each of terms that share a set, sooner.
 */
static bool packs_a(const product *p)
{
    const fi_tile_kernel *const kernel = p->kernel;
    const bool shares_set = p->a.row % TILE_PAGE == 0;
    if (p->a.is == FI_AS_IS) {
        const bool paged = p->a.row >= TILE_PAGE / 8 * 7 && p->n > FEW_COLUMNS;
        const bool tallest = kernel->tall == FI_TILE_TALLEST || p->n <= FI_TILE_LANES;
        return paged || (shares_set && tallest && p->m > FI_TILE_SHORT);
    }
    const bool few_terms = p->k <= FEW_TERMS, few_columns = p->n <= FEW_COLUMNS;
    bool worth = !few_columns;
    if (kernel->any_columns && kernel->tallest > kernel->tall)
        worth = worth && !(few_terms && p->n <= 3 * (size_t)FEW_COLUMNS);
    else if (!kernel->any_columns && shares_set)
        worth = p->n > (size_t)FEW_COLUMNS / 2 || !few_terms;
    return worth && p->m > kernel->tallest && p->m * p->k > kernel->small;
}

/*
 * Whether b, as it is, is worth packing: not for few rows of a. Where that takes a pass of its own:
 * not for somewhat more, if rows of b lie so near that the processor sees them coming; but for
 * fewer, if b is large, as each tile would have to wait for it anew.
 */
static bool packs_b(const product *p)
{
    const bool near = !p->kernel->copies && p->n <= NEAR_COLUMNS;
    const bool large = !p->kernel->copies && p->k * p->n > LARGE;
    const size_t few = large ? FI_TILE_SHORT : near ? FEW_ROWS : p->kernel->few;
    return p->m > few && p->k * p->n > p->kernel->small;
}

static product planned(product p)
{
    p.pack_a = packs_a(&p);
    p.pack_b = p.b.is == FI_TRANSPOSED || packs_b(&p);
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

/* Columns that leave lanes unused but make good rows, where b need not be transposed for that and
 * the terms make up for transposing c. */
static bool narrow(const product *p)
{
    return p->n <= p->kernel->tallest && p->kernel->any_columns && p->a.is == FI_TRANSPOSED &&
           p->k >= LEAST_TERMS;
}

/* With few columns, c' = op(b)' op(a)': what would be the few used lanes of a vector are rows. */
static void multiply_flipped(const product *p, const fi_gemm_rows *sink)
{
    FI_REQUIRE(p->n * TILE_FLIPPED <= sizeof p->panels->few / sizeof *p->panels->few);
    for (size_t i = 0; i < p->m; i += TILE_FLIPPED) {
        const size_t rows = smaller(TILE_FLIPPED, p->m - i);
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
    const struct members mine = members_of_thread(fi_team_members());
    if (!mine.count)
        return false;
    const product p = {.kernel = kernel,
                       .a = {a, a_is == FI_TRANSPOSED ? m : k, a_is},
                       .b = {b, b_is == FI_TRANSPOSED ? k : n, b_is},
                       .c = c,
                       .m = m,
                       .n = n,
                       .k = k,
                       .fresh = beta == 0,
                       .panels = mine.panels,
                       .members = mine.count};
    scale(m * n, beta, c);
    const product plan = planned(p);
    if (m == 0 || n == 0 || k == 0)
        multiply_nothing(m, n, beta, c, sink);
    else if (m > n && (n <= FI_TILE_FEW || narrow(&p)))
        multiply_flipped(&p, sink);
    else
        multiply_blocks(&plan, sink);
    return true;
}
