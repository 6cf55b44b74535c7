/* The tiles of tile_avx512.c for every shape, wherever a and b lie. */
#include "tile_avx512.h"

#ifdef __x86_64__
#define EVEN(X, rows) X(rows, 1) X(rows, 2) X(rows, 4)
#define ODD(X, rows) X(rows, 3) X(rows, 5) X(rows, 6)
#define EACH(X, rows) EVEN(X, rows) ODD(X, rows) X(rows, 7) X(rows, 8)
#define FEW(X) EACH(X, 1) EACH(X, 2) EACH(X, 3) EACH(X, 4) EACH(X, 5) EACH(X, 6)
#define MANY(X) EVEN(X, 7) EVEN(X, 8) EVEN(X, 9) EVEN(X, 10) EVEN(X, 11) EVEN(X, 12)
#define MORE(X) ODD(X, 7) ODD(X, 8) ODD(X, 9) X(10, 3) X(11, 3) X(12, 3)
#define SHAPES(X) FEW(X) MANY(X) MORE(X)

#define X_TILE(rows, vectors)                                                                      \
    FI_TILE_FUNCTION(tile_##rows##_##vectors, rows, vectors, 1, true, false, false, EITHER)        \
    FI_TILE_FUNCTION(part_##rows##_##vectors, rows, vectors, 1, false, false, false, EITHER)
SHAPES(X_TILE)

#define X_SHAPE(rows, vectors)                                                                     \
    [rows - 1][vectors - 1] = {part_##rows##_##vectors, tile_##rows##_##vectors},
fi_tile_functions fi_tile_shapes_avx512 = {SHAPES(X_SHAPE)};
#endif
