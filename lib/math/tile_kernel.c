/*
 * The kernels of tile.c: for AVX2 in intrinsics, and in plain C for any processor. Both compute
 * each element by the same chain of fused multiply-adds.
 */
#include "../core/internal.h"
#include "tile.h"

#include <math.h>
#include <string.h>

#ifdef FI_DOUBLE
#define FMA fma
#else
#define FMA fmaf
#endif

/* ---- any processor --------------------------------------------------------------------------- */

static void multiply(size_t rows, size_t vectors, const fi_tile *tile)
{
    const size_t columns = vectors * FI_TILE_LANES;
    for (size_t i = 0; i < rows; i++) {
        fi_real sum[FI_TILE_WIDEST * FI_TILE_LANES] = {0};
        const fi_real *a =
            tile->a + i / FI_TILE_TALL * tile->a_tall + i % FI_TILE_TALL * tile->a_row;
        fi_real *c = tile->c + i * tile->c_row;
        if (!tile->fresh)
            memcpy(sum, c, columns * sizeof *c);
        for (size_t l = 0; l < tile->depth; l++) {
            const fi_real factor = a[l * tile->a_col];
            const fi_real *b = tile->b + l * tile->b_row;
            for (size_t j = 0; j < columns; j++)
                sum[j] = FMA(factor, b[j], sum[j]);
        }
        memcpy(c, sum, columns * sizeof *c);
    }
}

static void transpose(size_t depth, size_t columns, const fi_real *b, size_t b_row, fi_real *c,
                      size_t c_row)
{
    for (size_t l = 0; l < depth; l++)
        for (size_t j = 0; j < c_row; j++)
            c[l * c_row + j] = b[(j < columns ? j : columns - 1) * b_row + l];
}

const fi_tile_kernel fi_tile_portable = {"portable", multiply, transpose};

/* ---- AVX2 ------------------------------------------------------------------------------------ */

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma"), always_inline))

#ifdef FI_DOUBLE
typedef __m256d vector;
typedef __m128d half;
#define LOAD _mm256_loadu_pd
#define STORE _mm256_storeu_pd
#define SPREAD _mm256_broadcast_sd
#define MULTIPLY_ADD _mm256_fmadd_pd
#define LOAD_HALF _mm_loadu_pd
#define JOIN(low, high) _mm256_insertf128_pd(_mm256_castpd128_pd256(low), high, 1)
#else
typedef __m256 vector;
typedef __m128 half;
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define SPREAD _mm256_broadcast_ss
#define MULTIPLY_ADD _mm256_fmadd_ps
#define LOAD_HALF _mm_loadu_ps
#define JOIN(low, high) _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1)
#endif

/*
 * One tile with its sums in registers. All loops but that over `depth` unroll, as rows, vectors
 * and `apart` (the rows of a are apart, else adjacent) are constants: 12 sums at most.
 */
AVX2_INLINE void tile_avx2(const size_t rows, const size_t vectors, const bool apart,
                           const fi_tile *tile)
{
    const size_t row = apart ? tile->a_row : 1;
    const size_t col = apart ? 1 : tile->a_col;
    const size_t b_row = tile->b_row;
    const size_t c_row = tile->c_row;
    const fi_real *tall = tile->a + tile->a_tall;
    const fi_real *a[4] = {tile->a, tile->a + 3 * row, tall, tall + 3 * row};
    const fi_real *b = tile->b;
    fi_real *c = tile->c;
    vector sum[12];
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++, c += c_row)
#pragma GCC unroll 8
        for (size_t j = 0; j < vectors; j++) {
            sum[i * vectors + j] = (vector){0};
            if (tile->fresh)
                __builtin_prefetch(c + j * FI_TILE_LANES, 1);
            else
                sum[i * vectors + j] = LOAD(c + j * FI_TILE_LANES);
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
    c = tile->c;
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++, c += c_row)
#pragma GCC unroll 8
        for (size_t j = 0; j < vectors; j++)
            STORE(c + j * FI_TILE_LANES, sum[i * vectors + j]);
}

/* Every shape, by rows and vectors. */
#define WIDER(X) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8)
#define BOTH(X, rows) X(rows, 1) X(rows, 2)
#define SHAPES(X)                                                                                  \
    BOTH(X, 1) BOTH(X, 2) BOTH(X, 3) BOTH(X, 4) BOTH(X, 5) BOTH(X, 6) X(12, 1) WIDER(X)

#define X_FUNCTIONS(rows, vectors)                                                                 \
    static AVX2 void tile_##rows##_##vectors(const fi_tile *tile)                                  \
    {                                                                                              \
        if (tile->a_col == 1)                                                                      \
            tile_avx2(rows, vectors, true, tile);                                                  \
        else                                                                                       \
            tile_avx2(rows, vectors, false, tile);                                                 \
    }
SHAPES(X_FUNCTIONS)

static void multiply_avx2(size_t rows, size_t vectors, const fi_tile *tile)
{
#define X_ENTRY(rows, vectors) [rows - 1][vectors - 1] = tile_##rows##_##vectors,
    static void (*const shapes[FI_TILE_TALLEST][FI_TILE_WIDEST])(const fi_tile *) = {
        SHAPES(X_ENTRY)};
    shapes[rows - 1][vectors - 1](tile);
}

/* A half vector of each of LANES rows, from column l, as rows of c. */
AVX2_INLINE void transpose_block(const fi_real *const *rows, size_t l, fi_real *c, size_t c_row)
{
    vector x[FI_TILE_LANES / 2];
#pragma GCC unroll 4
    for (size_t i = 0; i < FI_TILE_LANES / 2; i++)
        x[i] = JOIN(LOAD_HALF(rows[i] + l), LOAD_HALF(rows[i + FI_TILE_LANES / 2] + l));
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

static AVX2 void transpose_avx2(size_t depth, size_t columns, const fi_real *b, size_t b_row,
                                fi_real *c, size_t c_row)
{
    const size_t step = FI_TILE_LANES / 2;
    if (depth < step) {
        transpose(depth, columns, b, b_row, c, c_row);
        return;
    }
    for (size_t j = 0; j < c_row; j += FI_TILE_LANES) {
        const fi_real *rows[FI_TILE_LANES];
        for (size_t i = 0; i < FI_TILE_LANES; i++)
            rows[i] = b + (j + i < columns ? j + i : columns - 1) * b_row;
        for (size_t l = 0; l + step <= depth; l += step)
            transpose_block(rows, l, c + l * c_row + j, c_row);
        if (depth % step) /* overlaps the one before */
            transpose_block(rows, depth - step, c + (depth - step) * c_row + j, c_row);
    }
}

static const fi_tile_kernel avx2 = {sizeof(fi_real) == 4 ? "avx2 6x16" : "avx2 6x8", multiply_avx2,
                                    transpose_avx2};

const fi_tile_kernel *fi_tile_best(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2 : NULL;
}

#else

const fi_tile_kernel *fi_tile_best(void)
{
#if (defined(FI_DOUBLE) && defined(__FP_FAST_FMA)) ||                                              \
    (!defined(FI_DOUBLE) && defined(__FP_FAST_FMAF))
    return &fi_tile_portable;
#else
    return NULL;
#endif
}
#endif
