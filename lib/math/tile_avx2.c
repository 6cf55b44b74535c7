/*
 * The kernel of tile.c for AVX2: whole tiles of 6 rows and 2 vectors. It asks for nothing of what
 * is `ahead`: measured, requests cost as many slots as they save waiting for panels that the
 * processor sees coming, one row after the other.
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
    TALL = FI_TILE_SHORT,
    WIDE = 2,
    SUMS = TALL * WIDE, /* vectors of sums in registers */
    GROUP = 4,          /* terms of a whole tile that are taken together */
    LATE = 8,           /* groups before the end of which c is asked for again */
    AHEAD = 12          /* rows of b for which memory is asked while they are copied */
};

/*
 * Term l of a whole tile over dense b. Of a the rows are `stride` apart or, if not `apart`,
 * adjacent and the terms that far apart; `lower` is row 3. The sums stay in their registers, of
 * which all are taken: of intrinsics, or of one instruction at a time, the compiler doesn't make
 * sure.
 */
FI_AVX2_INLINE void add_term(const bool apart, size_t l, const fi_real *a, const fi_real *lower,
                             size_t stride, const fi_real *b, vector *sum)
{
    const vector left = LOAD(b + l * WIDE * FI_TILE_LANES);
    const vector right = LOAD(b + (l * WIDE + 1) * FI_TILE_LANES);
#pragma GCC unroll 6
    for (size_t i = 0; i < TALL; i++) {
        const fi_real *row = (i < 3 ? a : lower) + i % 3 * stride + l;
        const vector factor = SPREAD(apart ? row : a + i);
        __asm__(ADD_PRODUCT "%3, %2, %0\n\t" ADD_PRODUCT "%4, %2, %1"
                : "+x"(sum[WIDE * i]), "+x"(sum[WIDE * i + 1])
                : "x"(factor), "x"(left), "x"(right));
    }
}

/* The lines of c that a whole tile is in. */
FI_AVX2_INLINE void ask_for_whole(const fi_real *c, size_t c_row)
{
#pragma GCC unroll 1
    for (size_t i = 0; i < TALL; i++, c += c_row) {
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + WIDE * FI_TILE_LANES - 1, 1);
    }
}

/*
 * A whole tile over dense b. A processor of whose slots a neighbour takes half has time for little
 * but the products: hence GROUP terms for each step of the loop. c, which waits in the second
 * cache, is asked for once more LATE: stores that had to wait for it would hold up the next tile.
 */
FI_AVX2_INLINE void whole_tile(const bool apart, const fi_real *a, size_t stride, fi_real *c,
                               const fi_tile *tile)
{
    const fi_real *b = tile->b, *lower = a + 3 * stride;
    const size_t c_row = tile->c_row;
    vector sum[SUMS];
    if (tile->fresh)
        ask_for_whole(c, c_row);
#pragma GCC unroll 6
    for (size_t i = 0; i < TALL; i++) {
        const fi_real *const row = c + i * c_row;
        sum[WIDE * i] = tile->fresh ? (vector){0} : LOAD(row);
        sum[WIDE * i + 1] = tile->fresh ? (vector){0} : LOAD(row + FI_TILE_LANES);
    }
    for (size_t left = tile->depth / GROUP; left > 0; left--) {
        if (left == LATE)
            ask_for_whole(c, c_row);
#pragma GCC unroll 4
        for (size_t l = 0; l < GROUP; l++) {
            add_term(apart, l, a, lower, stride, b, sum);
            a += apart ? 0 : stride;
        }
        a += apart ? GROUP : 0;
        lower += apart ? GROUP : 0;
        b += GROUP * WIDE * FI_TILE_LANES;
    }
#pragma GCC unroll 1
    for (size_t left = tile->depth % GROUP; left > 0; left--) {
        add_term(apart, 0, a, lower, stride, b, sum);
        a += apart ? 1 : stride;
        lower += apart ? 1 : 0;
        b += WIDE * FI_TILE_LANES;
    }
#pragma GCC unroll 6
    for (size_t i = 0; i < TALL; i++) {
        STORE(c + i * c_row, sum[WIDE * i]);
        STORE(c + i * c_row + FI_TILE_LANES, sum[WIDE * i + 1]);
    }
}

/* Functions, as the compiler has registers enough if it thinks of nothing else. */
static FI_AVX2 __attribute__((noinline)) void whole_apart(const fi_real *a, fi_real *c,
                                                          const fi_tile *tile)
{
    whole_tile(true, a, tile->a_row, c, tile);
}

static FI_AVX2 __attribute__((noinline)) void whole_adjacent(const fi_real *a, fi_real *c,
                                                             const fi_tile *tile)
{
    whole_tile(false, a, tile->a_col, c, tile);
}

static void whole_tiles(const fi_tile *tile)
{
    const fi_real *a = tile->a;
    fi_real *c = tile->c;
    for (size_t t = tile->down; t > 0; t--, a += tile->a_tall, c += TALL * tile->c_row)
        if (tile->a_col == 1)
            whole_apart(a, c, tile);
        else
            whole_adjacent(a, c, tile);
}

/*
 * One tile with its sums in registers. All loops but that over `depth` unroll, as rows, vectors
 * and `apart` (the rows of a are apart, else adjacent) are constants: 12 sums at most.
 */
FI_AVX2_INLINE void tile_avx2(const size_t rows, const size_t vectors, const bool apart,
                              const bool copying, const fi_tile *tile)
{
    const size_t row = apart ? tile->a_row : 1;
    const size_t col = apart ? 1 : tile->a_col;
    const size_t b_row = tile->b_row;
    const size_t c_row = tile->c_row;
    const size_t next = tile->a_short;
    const fi_real *top = tile->a;
    fi_real *b_copy = tile->b_copy;
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
            if (copying) {
#pragma GCC unroll 8
                for (size_t j = 0; j < vectors; j++)
                    STORE(b_copy + j * FI_TILE_LANES, columns[j]);
                b_copy += vectors * FI_TILE_LANES;
                __builtin_prefetch(b + AHEAD * b_row);
                __builtin_prefetch(b + AHEAD * b_row + vectors * FI_TILE_LANES - 1);
            }
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
    BOTH(X, 1) BOTH(X, 2) BOTH(X, 3) BOTH(X, 4) BOTH(X, 5) BOTH(X, 6) X(12, 1) WIDER(X)

#define X_FUNCTIONS(rows, vectors)                                                                 \
    static FI_AVX2 void tile_##rows##_##vectors(const fi_tile *tile)                               \
    {                                                                                              \
        if (tile->a_col == 1)                                                                      \
            tile_avx2(rows, vectors, true, false, tile);                                           \
        else                                                                                       \
            tile_avx2(rows, vectors, false, false, tile);                                          \
    }
SHAPES(X_FUNCTIONS)

static FI_AVX2 void tile_copying(const fi_tile *tile)
{
    if (tile->a_col == 1)
        tile_avx2(TALL, WIDE, true, true, tile);
    else
        tile_avx2(TALL, WIDE, false, true, tile);
}

static void multiply_avx2(size_t rows, size_t vectors, const fi_tile *tile)
{
#define X_ENTRY(rows, vectors) [rows - 1][vectors - 1] = tile_##rows##_##vectors,
    static void (*const shapes[FI_TILE_TALLEST][FI_TILE_WIDEST])(const fi_tile *) = {
        SHAPES(X_ENTRY)};
    if (tile->b_copy)
        tile_copying(tile);
    else if (rows == TALL && vectors == WIDE && tile->b_row == WIDE * FI_TILE_LANES)
        whole_tiles(tile);
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
    LINE = 64 / sizeof(fi_real),
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

const fi_tile_kernel fi_tile_avx2 = {sizeof(fi_real) == 4 ? "AVX2, 6 x 16" : "AVX2, 6 x 8",
                                     TALL,
                                     WIDE,
                                     FI_TILE_TALLEST,
                                     0,
                                     false,
                                     false,
                                     multiply_avx2,
                                     fi_tile_transpose_avx2};
#endif
