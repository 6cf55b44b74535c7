/*
 * The kernel of tile.c in plain C, for any processor, and the choice of one. All of them compute
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

/* Row i of the tiles, which are one below the other. */
static const fi_real *row_of(const fi_tile *tile, size_t rows, size_t i)
{
    const size_t row = i % rows;
    return tile->a + i / rows * tile->a_tall + row / FI_TILE_SHORT * tile->a_short +
           row % FI_TILE_SHORT * tile->a_row;
}

static void multiply(size_t rows, size_t vectors, const fi_tile *tile)
{
    const size_t columns = vectors * FI_TILE_LANES;
    for (size_t i = 0; i < rows * tile->down; i++) {
        fi_real sum[FI_TILE_WIDEST * FI_TILE_LANES] = {0};
        const fi_real *a = row_of(tile, rows, i);
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

const fi_tile_kernel fi_tile_portable = {.name = "portable",
                                         .tall = FI_TILE_SHORT,
                                         .wide = 2,
                                         .tallest = FI_TILE_SHORT,
                                         .narrow = 2,
                                         .few = FI_TILE_TALLEST,
                                         .multiply = multiply,
                                         .transpose = transpose};

/* ---- the choice ------------------------------------------------------------------------------ */

const fi_tile_kernel *fi_tile_choice(size_t k)
{
#ifdef __x86_64__
    const fi_instructions best = fi_instructions_here();
    if (best == FI_WITH_AVX512 && k < 2) /* measured on a Zen 4 and a Xeon with AMX */
        return (__builtin_cpu_is("amd") != 0) == (k == 0) ? &fi_tile_avx512_asking
                                                          : &fi_tile_avx512;
    k -= best == FI_WITH_AVX512 ? 2 : 0;
    if (best >= FI_WITH_AVX2 && k == 0)
        return &fi_tile_avx2;
    k -= best >= FI_WITH_AVX2 ? 1 : 0;
#endif
    return k == 0 ? &fi_tile_portable : NULL;
}

/* The portable one is fast where the compiler knows of an instruction for it. */
#if (defined(FI_DOUBLE) && defined(__FP_FAST_FMA)) ||                                              \
    (!defined(FI_DOUBLE) && defined(__FP_FAST_FMAF))
#define FMA_IS_FAST true
#else
#define FMA_IS_FAST false
#endif

const fi_tile_kernel *fi_tile_best(void)
{
    const fi_tile_kernel *best = fi_tile_choice(0);
    return best != &fi_tile_portable || FMA_IS_FAST ? best : NULL;
}
