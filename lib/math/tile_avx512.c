/*
 * The kernel of tile.c for AVX-512: whole tiles of 12 rows and 4 vectors of AVX2, two of which are
 * one here; an odd last one is taken as it is. A mask keeps to the columns that c has.
 */
#include "../core/internal.h"
#include "tile.h"

#ifdef __x86_64__
#include <immintrin.h>

#ifdef FI_DOUBLE
typedef __m512d pair;
typedef __m256d vector;
typedef __mmask8 lane_mask;
#define LOAD_PAIR _mm512_loadu_pd
#define LOAD_MASKED_PAIR _mm512_maskz_loadu_pd
#define STORE_PAIR _mm512_storeu_pd
#define STORE_MASKED_PAIR _mm512_mask_storeu_pd
#define SPREAD_PAIR _mm512_set1_pd
#define MULTIPLY_ADD_PAIR _mm512_fmadd_pd
#define LOWER _mm512_castpd512_pd256
#define SPREAD _mm256_set1_pd
#define LOAD _mm256_loadu_pd
#define LOAD_MASKED _mm256_maskz_loadu_pd
#define STORE_MASKED _mm256_mask_storeu_pd
#define MULTIPLY_ADD _mm256_fmadd_pd
#else
typedef __m512 pair;
typedef __m256 vector;
typedef __mmask16 lane_mask;
#define LOAD_PAIR _mm512_loadu_ps
#define LOAD_MASKED_PAIR _mm512_maskz_loadu_ps
#define STORE_PAIR _mm512_storeu_ps
#define STORE_MASKED_PAIR _mm512_mask_storeu_ps
#define SPREAD_PAIR _mm512_set1_ps
#define MULTIPLY_ADD_PAIR _mm512_fmadd_ps
#define LOWER _mm512_castps512_ps256
#define SPREAD _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define LOAD_MASKED _mm256_maskz_loadu_ps
#define STORE_MASKED _mm256_mask_storeu_ps
#define MULTIPLY_ADD _mm256_fmadd_ps
#endif

enum {
    TALL = FI_TILE_TALLEST,
    WIDE = FI_TILE_WIDER,
    LANES = 2 * FI_TILE_LANES,
    MOST = TALL * WIDE / 2,          /* pairs of sums in registers */
    SMALL = 32768 / sizeof(fi_real), /* fits into the first cache */
    AHEAD = 12,                      /* rows of b for which memory is asked while they are copied */
    LATE = 24                        /* terms before the end of which c is asked for again */
};

/* How far regions have been asked for: up to `at`, in a row to `end`. */
typedef struct asking {
    const char *at, *end;
    fi_region *region;
} asking;

FI_AVX512_INLINE asking ask_from(fi_region *region)
{
    while (region->rows == 0 && region->bytes > 0)
        region++;
    return (asking){region->at, region->at + region->bytes, region};
}

/* Asks for a line, until there are no more. */
FI_AVX512_INLINE void ask(asking *a)
{
    __builtin_prefetch(a->at, 0, 2);
    a->at += 64;
    if (a->at < a->end)
        return;
    fi_region *const asked = a->region;
    if (asked->rows > 0) {
        asked->rows--;
        asked->at += asked->apart;
    }
    *a = ask_from(asked);
}

FI_AVX512_INLINE void ask_for_line(const bool now, const fi_real *c)
{
    if (now)
        __builtin_prefetch(c, 1, 3);
    else
        __builtin_prefetch(c, 1, 2);
}

/* Asks for the lines of c, into the second cache, where they wait, or into the first. */
FI_AVX512_INLINE void ask_for(const size_t rows, const size_t vectors, const bool now,
                              const fi_tile *tile, const fi_real *c)
{
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++, c += tile->c_row) {
#pragma GCC unroll 4
        for (size_t j = 0; j < vectors; j += 2)
            ask_for_line(now, c + j * FI_TILE_LANES);
        ask_for_line(now, c + tile->columns - 1);
    }
}

/*
 * One tile with its sums in registers: rows, vectors and whether all columns are there are
 * constants, and all loops but that over `depth` unroll.
 */
FI_AVX512_INLINE void tile_avx512(const size_t rows, const size_t vectors, const bool full,
                                  const bool copying, const fi_tile *tile)
{
    const size_t pairs = vectors / 2;
    const bool odd = vectors % 2;
    const size_t row = tile->a_row;
    const size_t col = tile->a_col;
    const size_t b_row = tile->b_row;
    const size_t c_row = tile->c_row;
    const size_t next = tile->a_short;
    const unsigned lanes = odd ? FI_TILE_LANES : LANES; /* of the last in a row */
    const size_t missing = full ? 0 : vectors * FI_TILE_LANES - tile->columns;
    const lane_mask mask = (lane_mask)(((1U << lanes) - 1) >> missing);
    const fi_real *top = tile->a;
    fi_real *b_copy = tile->b_copy;
    fi_real *c = tile->c;
    asking ahead = ask_from(tile->ahead);
    for (size_t t = tile->down; t > 0; t--) {
        const fi_real *a[4] = {top, top + 3 * row, top + next, top + next + 3 * row};
        const fi_real *b = tile->b;
        pair sum[MOST];
        vector last[TALL];
        if (tile->fresh) {
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
#pragma GCC unroll 4
                for (size_t j = 0; j < pairs; j++)
                    sum[i * pairs + j] = (pair){0};
                last[i] = (vector){0};
            }
            if (tile->depth > LATE)
                ask_for(rows, vectors, false, tile, c);
        } else {
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
                const fi_real *const from = c + i * c_row;
#pragma GCC unroll 4
                for (size_t j = 0; j < pairs; j++)
                    sum[i * pairs + j] = j + 1 < pairs || odd || full
                                             ? LOAD_PAIR(from + j * LANES)
                                             : LOAD_MASKED_PAIR(mask, from + j * LANES);
                if (odd)
                    last[i] = LOAD_MASKED((__mmask8)mask, from + pairs * LANES);
            }
        }
        for (size_t l = tile->depth; l > 0; l--) {
            if (l == LATE)
                ask_for(rows, vectors, true, tile, c);
            pair columns[4];
            vector rest;
#pragma GCC unroll 4
            for (size_t j = 0; j < pairs; j++)
                columns[j] = j + 1 < pairs || odd || full ? LOAD_PAIR(b + j * LANES)
                                                          : LOAD_MASKED_PAIR(mask, b + j * LANES);
            if (odd)
                rest = LOAD_MASKED((__mmask8)mask, b + pairs * LANES);
            if (copying) {
#pragma GCC unroll 4
                for (size_t j = 0; j < pairs; j++) {
                    STORE_PAIR(b_copy + j * LANES, columns[j]);
                    __builtin_prefetch(b + AHEAD * b_row + j * LANES);
                }
                b_copy += vectors * FI_TILE_LANES;
                __builtin_prefetch(b + AHEAD * b_row + pairs * LANES - 1);
            }
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
                const fi_real *const from = a[i / 3] + i % 3 * row;
                if (pairs == 0) {
                    last[i] = MULTIPLY_ADD(SPREAD(*from), rest, last[i]);
                    continue;
                }
                const pair factor = SPREAD_PAIR(*from);
#pragma GCC unroll 4
                for (size_t j = 0; j < pairs; j++)
                    sum[i * pairs + j] = MULTIPLY_ADD_PAIR(factor, columns[j], sum[i * pairs + j]);
                if (odd)
                    last[i] = MULTIPLY_ADD(LOWER(factor), rest, last[i]);
            }
            b += b_row;
            ask(&ahead);
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++)
                a[i] += col;
        }
#pragma GCC unroll 12
        for (size_t i = 0; i < rows; i++, c += c_row) {
#pragma GCC unroll 4
            for (size_t j = 0; j < pairs; j++)
                if (j + 1 < pairs || odd || full)
                    STORE_PAIR(c + j * LANES, sum[i * pairs + j]);
                else
                    STORE_MASKED_PAIR(c + j * LANES, mask, sum[i * pairs + j]);
            if (odd)
                STORE_MASKED(c + pairs * LANES, (__mmask8)mask, last[i]);
        }
        top += tile->a_tall;
    }
}

/* Every shape, by rows and vectors. */
#define EVEN(X, rows) X(rows, 1) X(rows, 2) X(rows, 4)
#define MANY(X) EVEN(X, 7) EVEN(X, 8) EVEN(X, 9) EVEN(X, 10) EVEN(X, 11) EVEN(X, 12)
#define WIDER(X, rows) X(rows, 3) X(rows, 5) X(rows, 6) X(rows, 7) X(rows, 8)
#define BOTH(X, rows) EVEN(X, rows) WIDER(X, rows)
#define SHAPES(X) BOTH(X, 1) BOTH(X, 2) BOTH(X, 3) BOTH(X, 4) BOTH(X, 5) BOTH(X, 6) MANY(X)

#define X_FUNCTIONS(rows, vectors)                                                                 \
    static FI_AVX512 void tile_##rows##_##vectors(const fi_tile *tile)                             \
    {                                                                                              \
        tile_avx512(rows, vectors, true, false, tile);                                             \
    }                                                                                              \
    static FI_AVX512 void part_##rows##_##vectors(const fi_tile *tile)                             \
    {                                                                                              \
        tile_avx512(rows, vectors, false, false, tile);                                            \
    }
SHAPES(X_FUNCTIONS)

static FI_AVX512 void tile_copying(const fi_tile *tile)
{
    if (tile->columns == WIDE * FI_TILE_LANES)
        tile_avx512(TALL, WIDE, true, true, tile);
    else
        tile_avx512(TALL, WIDE, false, true, tile);
}

static void multiply(size_t rows, size_t vectors, const fi_tile *tile)
{
#define X_ENTRY(rows, vectors)                                                                     \
    [rows - 1][vectors - 1] = {part_##rows##_##vectors, tile_##rows##_##vectors},
    static void (*const shapes[TALL][FI_TILE_WIDEST][2])(const fi_tile *) = {SHAPES(X_ENTRY)};
    if (tile->b_copy)
        tile_copying(tile);
    else
        shapes[rows - 1][vectors - 1][tile->columns == vectors * FI_TILE_LANES](tile);
}

const fi_tile_kernel fi_tile_avx512 = {sizeof(fi_real) == 4 ? "AVX-512, 12 x 32"
                                                            : "AVX-512, 12 x 16",
                                       TALL,
                                       WIDE,
                                       2 * TALL,
                                       SMALL,
                                       true,
                                       multiply,
                                       fi_tile_transpose_avx2};
#endif
