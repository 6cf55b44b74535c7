/*
 * The kernel of tile.c for AVX2: whole tiles of 4 rows and 3 vectors, which are the fewest loads
 * for 16 registers, and panels of fewer vectors in tiles of 6 rows. It asks for what the next tile
 * needs, but not for the regions of fi_tile's `ahead`: measured, that costs as many slots as it
 * saves waiting for panels that the processor sees coming, one row after the other.
 */
#include "../core/internal.h"
#include "tile.h"

#ifdef __x86_64__
#include <immintrin.h>

#ifdef FI_DOUBLE
typedef __m256d vector;
typedef __m128d half;
#define LOAD _mm256_loadu_pd
#define STORE _mm256_storeu_pd
#define SPREAD _mm256_broadcast_sd
#define MULTIPLY_ADD _mm256_fmadd_pd
#define ADD_PRODUCT "vfmadd231pd "
#define LOAD_HALF _mm_loadu_pd
#define JOIN(low, high) _mm256_insertf128_pd(_mm256_castpd128_pd256(low), high, 1)
#else
typedef __m256 vector;
typedef __m128 half;
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define SPREAD _mm256_broadcast_ss
#define MULTIPLY_ADD _mm256_fmadd_ps
#define ADD_PRODUCT "vfmadd231ps "
#define LOAD_HALF _mm_loadu_ps
#define JOIN(low, high) _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1)
#endif

enum {
    TALL = FI_TILE_LOWEST,
    WIDE = 3,
    SUMS = TALL * WIDE, /* vectors of sums in registers */
    GROUP = 4,          /* terms of a whole tile that are taken together */
    LINE = 64 / sizeof(fi_real)
};

/* A row of a term. The sums stay in their registers, of which all are taken: of intrinsics, or of
 * one instruction at a time, the compiler doesn't make sure, and moves some. */
FI_AVX2_INLINE void add_row(const size_t vectors, vector factor, const vector *columns, vector *sum)
{
    if (vectors == 2)
        __asm__(ADD_PRODUCT "%3, %2, %0\n\t" ADD_PRODUCT "%4, %2, %1"
                : "+x"(sum[0]), "+x"(sum[1])
                : "x"(factor), "x"(columns[0]), "x"(columns[1]));
    else
        __asm__(ADD_PRODUCT "%4, %3, %0\n\t" ADD_PRODUCT "%5, %3, %1\n\t" ADD_PRODUCT "%6, %3, %2"
                : "+x"(sum[0]), "+x"(sum[1]), "+x"(sum[2])
                : "x"(factor), "x"(columns[0]), "x"(columns[1]), "x"(columns[2]));
}

/* How a dense tile is compiled: all loops but those over terms and tiles unroll. The rows of a are
 * apart, else adjacent. */
typedef struct shape {
    size_t rows, vectors;
    bool apart;
} shape;

/* Term l. Rows of a that are apart are `stride` apart, else terms are; `lower` is row 3. */
FI_AVX2_INLINE void add_term(const shape is, size_t l, const fi_real *a, const fi_real *lower,
                             size_t stride, const fi_real *b, vector *sum)
{
    vector columns[WIDE];
#pragma GCC unroll 3
    for (size_t j = 0; j < is.vectors; j++)
        columns[j] = LOAD(b + (l * is.vectors + j) * FI_TILE_LANES);
#pragma GCC unroll 6
    for (size_t i = 0; i < is.rows; i++) {
        const fi_real *const row = (i < 3 ? a : lower) + i % 3 * stride + l;
        add_row(is.vectors, SPREAD(is.apart ? row : a + i), columns, sum + i * is.vectors);
    }
}

/*
 * A tile over dense b. A processor of whose slots a neighbour takes half has time for little but
 * the products: hence GROUP terms for each step of the loop, and not more, as such a neighbour also
 * takes half of the room for decoded instructions. Of what is `ahead` as much is asked for in each
 * step as the step reads of rows that are apart.
 */
FI_AVX2_INLINE void dense_tile(const shape is, const fi_real *a, size_t stride, fi_real *c,
                               const fi_real *ahead, const fi_tile *tile)
{
    const fi_real *b = tile->b, *lower = a + 3 * stride;
    const size_t c_row = tile->c_row;
    vector sum[SUMS];
#pragma GCC unroll 12
    for (size_t k = 0; k < is.rows * is.vectors; k++) {
        const fi_real *const at = c + k / is.vectors * c_row + k % is.vectors * FI_TILE_LANES;
        sum[k] = tile->fresh ? (vector){0} : LOAD(at);
    }
    for (size_t left = tile->depth / GROUP; left > 0; left--) {
#pragma GCC unroll 4
        for (size_t l = 0; l < GROUP; l++) {
            add_term(is, l, a, lower, stride, b, sum);
            a += is.apart ? 0 : stride;
        }
        if (is.apart) {
#pragma GCC unroll 4
            for (size_t x = 0; x < is.rows * GROUP; x += LINE)
                __builtin_prefetch(ahead + x);
            ahead += is.rows * GROUP;
        }
        a += is.apart ? GROUP : 0;
        lower += GROUP;
        b += GROUP * is.vectors * FI_TILE_LANES;
    }
#pragma GCC unroll 1
    for (size_t left = tile->depth % GROUP; left > 0; left--) {
        add_term(is, 0, a, lower, stride, b, sum);
        a += is.apart ? 1 : stride;
        lower++;
        b += is.vectors * FI_TILE_LANES;
    }
#pragma GCC unroll 12
    for (size_t k = 0; k < is.rows * is.vectors; k++)
        STORE(c + k / is.vectors * c_row + k % is.vectors * FI_TILE_LANES, sum[k]);
}

/* The lines of c that a tile is in. */
FI_AVX2_INLINE void ask_for_c(const shape is, const fi_real *c, size_t c_row)
{
#pragma GCC unroll 1
    for (size_t i = 0; i < is.rows; i++, c += c_row) {
        __builtin_prefetch(c, 1);
        if (is.vectors > 2)
            __builtin_prefetch(c + LINE, 1);
        __builtin_prefetch(c + is.vectors * FI_TILE_LANES - 1, 1);
    }
}

/* The first two lines of each row of a. */
FI_AVX2_INLINE void ask_for_rows(const shape is, const fi_real *a, size_t a_row)
{
#pragma GCC unroll 1
    for (size_t i = 0; i < is.rows; i++, a += a_row) {
        __builtin_prefetch(a);
        __builtin_prefetch(a + LINE);
    }
}

/*
 * Tiles over dense b, one below the other, in loops over terms that are functions, as the compiler
 * has registers enough if it thinks of nothing else. What the next tile needs is asked for a tile
 * ahead: c, for whose lines its stores would wait and, behind them, the tile after it; and rows of
 * a, all if they are next to each other, else their beginning. The first of the next panel follows
 * the last.
 */
FI_AVX2_INLINE void dense_tiles(const shape is, const fi_tile *tile,
                                void (*multiply)(const fi_real *a, fi_real *c, const fi_real *ahead,
                                                 const fi_tile *tile))
{
    const bool dense = tile->a_row == tile->depth;
    const fi_real *a = tile->a;
    fi_real *c = tile->c;
    ask_for_c(is, c, tile->c_row);
    for (size_t left = tile->down; left > 0; left--) {
        const fi_real *const next = left > 1 ? a + tile->a_tall : tile->a;
        fi_real *const below =
            left > 1 ? c + is.rows * tile->c_row : tile->c + is.vectors * FI_TILE_LANES;
        ask_for_c(is, below, tile->c_row);
        if (is.apart && !dense)
            ask_for_rows(is, next, tile->a_row);
        multiply(a, c, dense ? next : a, tile);
        a = next;
        c = below;
    }
}

/* Whole tiles, and those of narrow panels, over a as it is and over packed a. */
#define DENSE(X) X(4, 3) X(6, 2) X(4, 2)
#define X_DENSE(rows, vectors)                                                                     \
    static FI_AVX2 __attribute__((noinline)) void apart_##rows##_##vectors(                        \
        const fi_real *a, fi_real *c, const fi_real *ahead, const fi_tile *tile)                   \
    {                                                                                              \
        dense_tile((shape){rows, vectors, true}, a, tile->a_row, c, ahead, tile);                  \
    }                                                                                              \
    static FI_AVX2 __attribute__((noinline)) void adjacent_##rows##_##vectors(                     \
        const fi_real *a, fi_real *c, const fi_real *ahead, const fi_tile *tile)                   \
    {                                                                                              \
        dense_tile((shape){rows, vectors, false}, a, tile->a_col, c, ahead, tile);                 \
    }                                                                                              \
    static FI_AVX2 void dense_##rows##_##vectors(const fi_tile *tile)                              \
    {                                                                                              \
        if (tile->a_col == 1)                                                                      \
            dense_tiles((shape){rows, vectors, true}, tile, apart_##rows##_##vectors);             \
        else                                                                                       \
            dense_tiles((shape){rows, vectors, false}, tile, adjacent_##rows##_##vectors);         \
    }
DENSE(X_DENSE)

/*
 * One tile with its sums in registers. All loops but that over `depth` unroll, as rows, vectors
 * and `apart` (the rows of a are apart, else adjacent) are constants: 12 sums at most.
 */
FI_AVX2_INLINE void tile_avx2(const size_t rows, const size_t vectors, const bool apart,
                              const fi_tile *tile)
{
    const size_t row = apart ? tile->a_row : 1;
    const size_t col = apart ? 1 : tile->a_col;
    const size_t b_row = tile->b_row;
    const size_t c_row = tile->c_row;
    const size_t next = tile->a_short;
    const fi_real *top = tile->a;
    fi_real *c = tile->c;
    for (size_t t = tile->down; t > 0; t--) {
        const fi_real *a[4] = {top, top + 3 * row, top + next, top + next + 3 * row};
        const fi_real *b = tile->b;
        vector sum[SUMS];
        if (tile->fresh) {
#pragma GCC unroll 12
            for (size_t k = 0; k < rows * vectors; k++) {
                sum[k] = (vector){0};
                __builtin_prefetch(c + k / vectors * c_row + k % vectors * FI_TILE_LANES, 1);
            }
        } else {
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 8
                for (size_t j = 0; j < vectors; j++)
                    sum[i * vectors + j] = LOAD(c + i * c_row + j * FI_TILE_LANES);
        }
        for (size_t l = tile->depth; l > 0; l--) {
            vector columns[FI_TILE_WIDEST];
#pragma GCC unroll 8
            for (size_t j = 0; j < vectors; j++)
                columns[j] = LOAD(b + j * FI_TILE_LANES);
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
                const vector factor = SPREAD(a[i / 3] + i % 3 * row);
#pragma GCC unroll 8
                for (size_t j = 0; j < vectors; j++)
                    sum[i * vectors + j] = MULTIPLY_ADD(factor, columns[j], sum[i * vectors + j]);
            }
            b += b_row;
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++)
                a[i] += col;
        }
#pragma GCC unroll 12
        for (size_t i = 0; i < rows; i++, c += c_row)
#pragma GCC unroll 8
            for (size_t j = 0; j < vectors; j++)
                STORE(c + j * FI_TILE_LANES, sum[i * vectors + j]);
        top += tile->a_tall;
    }
}

/* Every shape, by rows and vectors. */
#define WIDER(X) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(2, 3) X(2, 4) X(3, 3) X(3, 4)
#define BOTH(X, rows) X(rows, 1) X(rows, 2)
#define SHAPES(X)                                                                                  \
    BOTH(X, 1) BOTH(X, 2) BOTH(X, 3) BOTH(X, 4) BOTH(X, 5) BOTH(X, 6) X(12, 1) X(4, 3) WIDER(X)

#define X_FUNCTIONS(rows, vectors)                                                                 \
    static FI_AVX2 void tile_##rows##_##vectors(const fi_tile *tile)                               \
    {                                                                                              \
        if (tile->a_col == 1)                                                                      \
            tile_avx2(rows, vectors, true, tile);                                                  \
        else                                                                                       \
            tile_avx2(rows, vectors, false, tile);                                                 \
    }
SHAPES(X_FUNCTIONS)

static void multiply_avx2(size_t rows, size_t vectors, const fi_tile *tile)
{
#define X_ENTRY_DENSE(rows, vectors) [rows - 1][vectors - 1] = dense_##rows##_##vectors,
#define X_ENTRY(rows, vectors) [rows - 1][vectors - 1] = tile_##rows##_##vectors,
    static void (*const shapes[FI_TILE_TALLEST][FI_TILE_WIDEST])(const fi_tile *) = {
        SHAPES(X_ENTRY)};
    static void (*const dense[FI_TILE_TALLEST][FI_TILE_WIDEST])(const fi_tile *) = {
        DENSE(X_ENTRY_DENSE)};
    if (tile->b_row == vectors * FI_TILE_LANES && dense[rows - 1][vectors - 1])
        dense[rows - 1][vectors - 1](tile);
    else
        shapes[rows - 1][vectors - 1](tile);
}

/* Columns from rows: x[i] is a half of row i and a half of row i + LANES / 2. */
FI_AVX2_INLINE void store_columns(const vector *x, fi_real *c, size_t c_row)
{
#ifdef FI_DOUBLE
    STORE(c, _mm256_unpacklo_pd(x[0], x[1]));
    STORE(c + c_row, _mm256_unpackhi_pd(x[0], x[1]));
#else
    const vector low02 = _mm256_unpacklo_ps(x[0], x[2]);
    const vector low13 = _mm256_unpacklo_ps(x[1], x[3]);
    const vector high02 = _mm256_unpackhi_ps(x[0], x[2]);
    const vector high13 = _mm256_unpackhi_ps(x[1], x[3]);
    STORE(c, _mm256_unpacklo_ps(low02, low13));
    STORE(c + c_row, _mm256_unpackhi_ps(low02, low13));
    STORE(c + 2 * c_row, _mm256_unpacklo_ps(high02, high13));
    STORE(c + 3 * c_row, _mm256_unpackhi_ps(high02, high13));
#endif
}

enum {
    STEP = FI_TILE_LANES / 2, /* terms of a block */
    STRIP = 2 * FI_TILE_LANES
};

/* `terms` terms, a multiple of STEP, of LANES rows of b. */
static FI_AVX2 __attribute__((noinline)) void
transpose_lanes(size_t terms, const fi_real *b, size_t b_row, fi_real *c, size_t c_row)
{
    const fi_real *high = b + STEP * b_row;
    for (size_t l = 0; l < terms; l += STEP, c += STEP * c_row) {
        vector x[STEP];
#pragma GCC unroll 4
        for (size_t i = 0; i < STEP; i++)
            x[i] = JOIN(LOAD_HALF(b + l + i * b_row), LOAD_HALF(high + l + i * b_row));
        store_columns(x, c, c_row);
    }
}

/* The same of fewer rows of b: the last one stands in for what there is not. */
static FI_AVX2 __attribute__((noinline)) void transpose_few(size_t terms, size_t columns,
                                                            const fi_real *b, size_t b_row,
                                                            fi_real *c, size_t c_row)
{
    const size_t last = columns - 1;
    for (size_t l = 0; l < terms; l += STEP, c += STEP * c_row) {
        vector x[STEP];
#pragma GCC unroll 4
        for (size_t i = 0; i < STEP; i++)
            x[i] = JOIN(LOAD_HALF(b + l + (i < last ? i : last) * b_row),
                        LOAD_HALF(b + l + (i + STEP < last ? i + STEP : last) * b_row));
        store_columns(x, c, c_row);
    }
}

/*
 * A strip at a time, of that a line of each row of b, of that LANES columns: lines stay in the
 * cache for that long even if the rows share a set. The last terms overlap those before.
 */
FI_AVX2 void fi_tile_transpose_avx2(size_t depth, size_t columns, const fi_real *b, size_t b_row,
                                    fi_real *c, size_t c_row)
{
    if (depth < STEP) {
        fi_tile_portable.transpose(depth, columns, b, b_row, c, c_row);
        return;
    }
    for (size_t strip = 0; strip < c_row; strip += STRIP)
        for (size_t line = 0, terms; line < depth; line += terms) {
            const bool end = depth - line < STEP;
            const size_t from = end ? depth - STEP : line;
            terms = end ? STEP : depth - line < LINE ? (depth - line) / STEP * STEP : LINE;
            for (size_t j = strip; j < strip + STRIP && j < c_row; j += FI_TILE_LANES)
                if (columns - j >= FI_TILE_LANES)
                    transpose_lanes(terms, b + j * b_row + from, b_row, c + from * c_row + j,
                                    c_row);
                else
                    transpose_few(terms, columns - j, b + j * b_row + from, b_row,
                                  c + from * c_row + j, c_row);
        }
}

const fi_tile_kernel fi_tile_avx2 = {.name = sizeof(fi_real) == 4 ? "AVX2, 4 x 24" : "AVX2, 4 x 12",
                                     .tall = TALL,
                                     .wide = WIDE,
                                     .tallest = FI_TILE_SHORT,
                                     .narrow = 2,
                                     .few = FI_TILE_TALLEST,
                                     .multiply = multiply_avx2,
                                     .transpose = fi_tile_transpose_avx2};
#endif
