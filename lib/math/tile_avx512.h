/* A tile by AVX-512, for tile_avx512.c and tile_avx512_shapes.c to compile for its shapes. */
#ifndef FI_MATH_TILE_AVX512_H
#define FI_MATH_TILE_AVX512_H

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
#define ADD_PRODUCT "vfmadd231pd "
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
#define ADD_PRODUCT "vfmadd231ps "
#define LOWER _mm512_castps512_ps256
#define SPREAD _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define LOAD_MASKED _mm256_maskz_loadu_ps
#define STORE_MASKED _mm256_mask_storeu_ps
#define MULTIPLY_ADD _mm256_fmadd_ps
#endif

enum {
    TALL = FI_TILE_TALLEST, /* of the kernel that asks */
    WIDE = FI_TILE_WIDER,
    LOW = FI_TILE_LOW, /* of the other */
    BROAD = 6,
    LANES = 2 * FI_TILE_LANES,
    MOST = LOW * BROAD / 2,          /* pairs of sums in registers */
    SMALL = 32768 / sizeof(fi_real), /* fits into the first cache */
    GROUP = 2,                       /* terms of a large tile over dense b taken together */
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

/* How the rows of a lie: terms next to each other; rows, of a packed whole tile; either. */
typedef enum layout {
    TERMS,
    ROWS,
    EITHER
} layout;

/* What a tile is compiled for: all loops but those over terms unroll. */
typedef struct shape {
    size_t rows, vectors, group; /* terms that are taken together: one if copying */
    bool full, copying, asking;  /* all columns are there; into b_copy; for what is ahead */
    layout a;
} shape;

/* Whether pair j of a row is stored, and loaded, as a whole. */
FI_AVX512_INLINE bool is_whole(const shape is, size_t j)
{
    return is.full || is.vectors % 2 || j + 1 < is.vectors / 2;
}

FI_AVX512_INLINE pair load_pair(const shape is, lane_mask mask, const fi_real *row, size_t j)
{
    return is_whole(is, j) ? LOAD_PAIR(row + j * LANES) : LOAD_MASKED_PAIR(mask, row + j * LANES);
}

/* A row of a term. The sums stay in their registers, of which all are taken: of intrinsics, or of
 * one instruction at a time, the compiler doesn't make sure, and moves or spills some. */
FI_AVX512_INLINE void add_row(const size_t pairs, pair factor, const pair *columns, pair *sum)
{
    if (pairs == 1)
        __asm__(ADD_PRODUCT "%2, %1, %0" : "+v"(sum[0]) : "v"(factor), "v"(columns[0]));
    else if (pairs == 2)
        __asm__(ADD_PRODUCT "%3, %2, %0\n\t" ADD_PRODUCT "%4, %2, %1"
                : "+v"(sum[0]), "+v"(sum[1])
                : "v"(factor), "v"(columns[0]), "v"(columns[1]));
    else if (pairs == 3)
        __asm__(ADD_PRODUCT "%4, %3, %0\n\t" ADD_PRODUCT "%5, %3, %1\n\t" ADD_PRODUCT "%6, %3, %2"
                : "+v"(sum[0]), "+v"(sum[1]), "+v"(sum[2])
                : "v"(factor), "v"(columns[0]), "v"(columns[1]), "v"(columns[2]));
    else
        __asm__(ADD_PRODUCT "%5, %4, %0\n\t" ADD_PRODUCT "%6, %4, %1\n\t" ADD_PRODUCT
                            "%7, %4, %2\n\t" ADD_PRODUCT "%8, %4, %3"
                : "+v"(sum[0]), "+v"(sum[1]), "+v"(sum[2]), "+v"(sum[3])
                : "v"(factor), "v"(columns[0]), "v"(columns[1]), "v"(columns[2]), "v"(columns[3]));
}

/* A term: a[i] is that of row 3 i, the next row is `row` on. */
FI_AVX512_INLINE void add_term(const shape is, lane_mask mask, const fi_real *const *a, size_t term,
                               size_t row, const fi_real *b, size_t b_row, fi_real *b_copy,
                               pair *sum, vector *last)
{
    const size_t pairs = is.vectors / 2;
    const bool odd = is.vectors % 2;
    pair columns[4];
    vector rest;
#pragma GCC unroll 4
    for (size_t j = 0; j < pairs; j++)
        columns[j] = load_pair(is, mask, b, j);
    if (odd)
        rest = LOAD_MASKED((__mmask8)mask, b + pairs * LANES);
    if (is.copying) {
#pragma GCC unroll 4
        for (size_t j = 0; j < pairs; j++) {
            STORE_PAIR(b_copy + j * LANES, columns[j]);
            __builtin_prefetch(b + AHEAD * b_row + j * LANES);
        }
        __builtin_prefetch(b + AHEAD * b_row + pairs * LANES - 1);
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < is.rows; i++) {
        const fi_real *const from = a[i / 3] + i % 3 * row + term;
        if (pairs == 0) {
            last[i] = MULTIPLY_ADD(SPREAD(*from), rest, last[i]);
            continue;
        }
        const pair factor = SPREAD_PAIR(*from);
        add_row(pairs, factor, columns, sum + i * pairs);
        if (odd)
            __asm__(ADD_PRODUCT "%2, %1, %0" : "+v"(last[i]) : "v"(LOWER(factor)), "v"(rest));
    }
}

/* The sums of a tile begin with c, or with 0 if it is not read. */
FI_AVX512_INLINE void begin_sums(const shape is, lane_mask mask, bool fresh, const fi_real *c,
                                 size_t c_row, pair *sum, vector *last)
{
    const size_t pairs = is.vectors / 2;
    if (fresh) {
#pragma GCC unroll 36
        for (size_t k = 0; k < is.rows * pairs; k++)
            sum[k] = (pair){0};
#pragma GCC unroll 12
        for (size_t i = 0; i < is.rows; i++)
            last[i] = (vector){0};
        return;
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < is.rows; i++, c += c_row) {
#pragma GCC unroll 4
        for (size_t j = 0; j < pairs; j++)
            sum[i * pairs + j] = load_pair(is, mask, c, j);
        if (is.vectors % 2)
            last[i] = LOAD_MASKED((__mmask8)mask, c + pairs * LANES);
    }
}

FI_AVX512_INLINE void store_sums(const shape is, lane_mask mask, const pair *sum,
                                 const vector *last, fi_real *c, size_t c_row)
{
    const size_t pairs = is.vectors / 2;
#pragma GCC unroll 12
    for (size_t i = 0; i < is.rows; i++, c += c_row) {
#pragma GCC unroll 4
        for (size_t j = 0; j < pairs; j++)
            if (is_whole(is, j))
                STORE_PAIR(c + j * LANES, sum[i * pairs + j]);
            else
                STORE_MASKED_PAIR(c + j * LANES, mask, sum[i * pairs + j]);
        if (is.vectors % 2)
            STORE_MASKED(c + pairs * LANES, (__mmask8)mask, last[i]);
    }
}

FI_AVX512_INLINE void advance(const fi_real **a, size_t by)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        a[i] += by;
}

/* The lanes of the last vector of a row that c has. */
FI_AVX512_INLINE lane_mask mask_of(const shape is, size_t columns)
{
    const unsigned lanes = is.vectors % 2 ? FI_TILE_LANES : LANES;
    const size_t missing = is.full ? 0 : is.vectors * FI_TILE_LANES - columns;
    return (lane_mask)(((1U << lanes) - 1) >> missing);
}

/* Tiles, one below the other, with their sums in registers. */
FI_AVX512_INLINE void multiply_tiles(const shape is, const fi_tile *tile)
{
    const size_t row = is.a == ROWS ? 1 : tile->a_row;
    const size_t col = is.a == TERMS ? 1 : is.a == ROWS ? is.rows : tile->a_col;
    const size_t next = is.a == ROWS ? FI_TILE_SHORT : tile->a_short;
    const size_t b_row = is.group > 1 ? is.vectors * FI_TILE_LANES : tile->b_row;
    const size_t c_row = tile->c_row;
    const lane_mask mask = mask_of(is, tile->columns);
    const fi_real *top = tile->a;
    fi_real *b_copy = tile->b_copy;
    fi_real *c = tile->c;
    asking ahead = {0};
    if (is.asking)
        ahead = ask_from(tile->ahead);
    for (size_t t = tile->down; t > 0; t--, top += tile->a_tall, c += is.rows * c_row) {
        const fi_real *a[4] = {top, top + 3 * row, top + next, top + next + 3 * row};
        const fi_real *b = tile->b;
        pair sum[MOST];
        vector last[TALL];
        begin_sums(is, mask, tile->fresh, c, c_row, sum, last);
        if (is.asking && tile->fresh && tile->depth > LATE)
            ask_for(is.rows, is.vectors, false, tile, c);
        size_t left = tile->depth;
        for (; left >= is.group; left -= is.group) {
            if (is.asking && left == LATE)
                ask_for(is.rows, is.vectors, true, tile, c);
#pragma GCC unroll 4
            for (size_t l = 0; l < is.group; l++)
                add_term(is, mask, a, l * col, row, b + l * b_row, b_row, b_copy, sum, last);
            b_copy += is.copying ? is.vectors * FI_TILE_LANES : 0;
            b += is.group * b_row;
            if (is.asking)
                ask(&ahead);
            advance(a, is.group * col);
        }
        for (; is.group > 1 && left > 0; left--) {
            add_term(is, mask, a, 0, row, b, b_row, b_copy, sum, last);
            b += b_row;
            advance(a, col);
        }
        store_sums(is, mask, sum, last, c, c_row);
    }
}

#define FI_TILE_FUNCTION(name, ...)                                                                \
    static FI_AVX512 void name(const fi_tile *tile)                                                \
    {                                                                                              \
        multiply_tiles((shape){__VA_ARGS__}, tile);                                                \
    }

/* By rows and vectors: for any columns in the last of them, and for all. */
typedef void (*const fi_tile_functions[TALL][FI_TILE_WIDEST][2])(const fi_tile *);

/* Of every shape, wherever a and b lie. */
extern fi_tile_functions fi_tile_shapes_avx512;

#endif
#endif
