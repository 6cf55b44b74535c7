/*
 * The kernels of tile.c for AVX-512. Two vectors of AVX2 are one pair here; an odd last one is
 * taken as it is. A mask keeps to the columns that c has. Processors that multiply and add two
 * pairs in a cycle pay for all other instructions, of loads most, with slots or, if it is power
 * that limits them, with their clock: for them there are whole tiles of 9 rows and 6 vectors, the
 * fewest loads that 32 registers allow, and nothing else in their loops. For those that add one
 * pair there are tiles of 12 rows and 4 vectors, which need less of b at once, and ask for what is
 * `ahead`.
 */
#include "tile_avx512.h"

#ifdef __x86_64__
/* The shapes, by rows and vectors, that take most of the time. */
#define ASKING(X) X(6, 5) X(6, 6) X(6, 7) X(6, 8) X(12, 4)
#define BROADEST(X) X(5, 6) X(6, 6) X(7, 6) X(8, 6) X(9, 6)
#define DENSE(X) X(8, 3) X(12, 3) X(8, 4) X(12, 4) BROADEST(X)
#define PACKED(X) X(8, 3) X(9, 3) X(9, 4) BROADEST(X)

#define X_ASKING(rows, vectors)                                                                    \
    FI_TILE_FUNCTION(asking_##rows##_##vectors, rows, vectors, 1, true, false, true, TERMS)        \
    FI_TILE_FUNCTION(asking_part_##rows##_##vectors, rows, vectors, 1, false, false, true, TERMS)  \
    FI_TILE_FUNCTION(asking_all_##rows##_##vectors, rows, vectors, 1, true, false, true, EITHER)   \
    FI_TILE_FUNCTION(asking_part_all_##rows##_##vectors, rows, vectors, 1, false, false, true,     \
                     EITHER)
#define X_DENSE(rows, vectors)                                                                     \
    FI_TILE_FUNCTION(dense_##rows##_##vectors, rows, vectors, GROUP, true, false, false, TERMS)    \
    FI_TILE_FUNCTION(dense_part_##rows##_##vectors, rows, vectors, GROUP, false, false, false,     \
                     TERMS)
#define X_PACKED(rows, vectors)                                                                    \
    FI_TILE_FUNCTION(packed_##rows##_##vectors, rows, vectors, GROUP, true, false, false, ROWS)    \
    FI_TILE_FUNCTION(packed_part_##rows##_##vectors, rows, vectors, GROUP, false, false, false,    \
                     ROWS)
ASKING(X_ASKING)
DENSE(X_DENSE)
PACKED(X_PACKED)
FI_TILE_FUNCTION(copying, LOW, BROAD, 1, true, true, false, EITHER)
FI_TILE_FUNCTION(copying_part, LOW, BROAD, 1, false, true, false, EITHER)
FI_TILE_FUNCTION(asking_copying, TALL, WIDE, 1, true, true, true, EITHER)
FI_TILE_FUNCTION(asking_copying_part, TALL, WIDE, 1, false, true, true, EITHER)

#define X_SHAPE_ASKING(rows, vectors)                                                              \
    [rows - 1][vectors - 1] = {asking_part_##rows##_##vectors, asking_##rows##_##vectors},
#define X_SHAPE_DENSE(rows, vectors)                                                               \
    [rows - 1][vectors - 1] = {dense_part_##rows##_##vectors, dense_##rows##_##vectors},
#define X_SHAPE_PACKED(rows, vectors)                                                              \
    [rows - 1][vectors - 1] = {packed_part_##rows##_##vectors, packed_##rows##_##vectors},
#define X_SHAPE_ASKING_ALL(rows, vectors)                                                          \
    [rows - 1][vectors - 1] = {asking_part_all_##rows##_##vectors, asking_all_##rows##_##vectors},
static fi_tile_functions shapes_asking = {ASKING(X_SHAPE_ASKING)};
static fi_tile_functions shapes_asking_all = {ASKING(X_SHAPE_ASKING_ALL)};
static fi_tile_functions shapes_dense = {DENSE(X_SHAPE_DENSE)};
static fi_tile_functions shapes_packed = {PACKED(X_SHAPE_PACKED)};

static void multiply_asking(size_t rows, size_t vectors, const fi_tile *tile)
{
    const bool full = tile->columns == vectors * FI_TILE_LANES;
    if (tile->b_copy)
        (full ? asking_copying : asking_copying_part)(tile);
    else if (!shapes_asking[rows - 1][vectors - 1][full])
        fi_tile_shapes_avx512[rows - 1][vectors - 1][full](tile);
    else if (tile->a_col == 1)
        shapes_asking[rows - 1][vectors - 1][full](tile);
    else
        shapes_asking_all[rows - 1][vectors - 1][full](tile);
}

static void multiply(size_t rows, size_t vectors, const fi_tile *tile)
{
    const bool full = tile->columns == vectors * FI_TILE_LANES;
    const bool dense = tile->b_row == vectors * FI_TILE_LANES;
    if (tile->b_copy)
        (full ? copying : copying_part)(tile);
    else if (dense && tile->a_col == 1 && shapes_dense[rows - 1][vectors - 1][full])
        shapes_dense[rows - 1][vectors - 1][full](tile);
    else if (dense && tile->a_row == 1 && tile->a_col == rows &&
             shapes_packed[rows - 1][vectors - 1][full])
        shapes_packed[rows - 1][vectors - 1][full](tile);
    else
        fi_tile_shapes_avx512[rows - 1][vectors - 1][full](tile);
}

const fi_tile_kernel fi_tile_avx512 = {.name = sizeof(fi_real) == 4 ? "AVX-512, 9 x 48"
                                                                    : "AVX-512, 9 x 24",
                                       .tall = LOW,
                                       .wide = BROAD,
                                       .tallest = TALL,
                                       .narrow = WIDE,
                                       .few = 2 * TALL,
                                       .small = SMALL,
                                       .any_columns = true,
                                       .copies = true,
                                       .multiply = multiply,
                                       .transpose = fi_tile_transpose_avx2};

const fi_tile_kernel fi_tile_avx512_asking = {.name = sizeof(fi_real) == 4 ? "AVX-512, 12 x 32"
                                                                           : "AVX-512, 12 x 16",
                                              .tall = TALL,
                                              .wide = WIDE,
                                              .tallest = TALL,
                                              .narrow = WIDE,
                                              .few = 2 * TALL,
                                              .small = SMALL,
                                              .any_columns = true,
                                              .copies = true,
                                              .asks = true,
                                              .multiply = multiply_asking,
                                              .transpose = fi_tile_transpose_avx2};
#endif
