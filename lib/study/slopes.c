/* The slopes of an activation function on a batch. */
#include "slopes.h"

#include "../core/arena.h"
#include "../core/internal.h"

/* How many of n slopes are below `least` in size; notes in `alive` those that are not 0. */
static FI_CLONES size_t count_small(size_t n, const fi_real *restrict slopes, fi_real least,
                                    fi_real *restrict alive)
{
    uint32_t small = 0;
    for (size_t i = 0; i < n; i++) {
        const fi_real size = slopes[i] < 0 ? -slopes[i] : slopes[i];
        small += size < least;
        alive[i] = size > alive[i] ? size : alive[i];
    }
    return small;
}

bool fi_count_slopes(const fi_activation *activation, size_t rows, size_t units, const fi_real *z,
                     const fi_real *a, fi_arena *scratch, double *saturated, double *dead)
{
    const fi_real least = (fi_real)(0.05 * activation->max_slope);
    fi_real *ones = fi_arena_alloc(scratch, units, sizeof *ones);
    fi_real *slopes = fi_arena_alloc(scratch, units, sizeof *slopes);
    fi_real *alive = fi_arena_zeros(scratch, units, sizeof *alive);
    if (!ones || !slopes || !alive)
        return false;
    for (size_t c = 0; c < units; c++)
        ones[c] = 1;
    size_t small = 0;
    for (size_t r = 0; r < rows; r++) {
        activation->backward(units, z ? z + r * units : NULL, a ? a + r * units : NULL, ones,
                             slopes);
        small += count_small(units, slopes, least, alive);
    }
    size_t zeros = 0;
    for (size_t c = 0; c < units; c++)
        zeros += alive[c] == 0;
    *saturated = (double)small / ((double)rows * (double)units);
    *dead = (double)zeros / (double)units;
    return true;
}
