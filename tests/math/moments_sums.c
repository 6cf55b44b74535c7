/*
 * Sums of powers in the order that lanes.h and moments_sums.c state, one addition after the other:
 * the same bits by every instruction set.
 */
#include "math/moments_sums.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#ifdef FI_DOUBLE
#define FMA fma
#else
#define FMA fmaf
#endif

enum {
    POWERS = 4,
    MOST_LANES = 128,
    BLOCKS = 3,
    MOST = BLOCKS * FI_TWO_POWERS_BLOCK
};

static fi_real x[MOST];

/* Random values, a zero here and there. */
static void fill(void)
{
    fi_rng rng = fi_rng_stream(3, FI_FOR_PROBE, 1, 0);
    fi_draw(&rng, FI_NORMAL, 1, MOST, x);
    for (size_t i = 5; i < MOST; i += 61)
        x[i] = i % 2 ? 0 : -(fi_real)0;
}

/* Lanes in halves until eight are left, which go into doubles. */
static void widen(size_t lanes, fi_real *lane, double *total)
{
    for (size_t half = lanes / 2; half >= FI_FINAL_LANES; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] += lane[l + half];
    for (size_t l = 0; l < FI_FINAL_LANES; l++)
        total[l] += (double)lane[l];
}

/*
 * `powers` sums of a block: of its parts, one after the other, each has `width` lanes, to which its
 * rows are added. Products are fused with
 * the addition.
 */
static void sum_block(size_t powers, size_t block, size_t width, fi_real scale, fi_real shift,
                      const fi_real *values, double total[POWERS][FI_FINAL_LANES])
{
    const size_t parts = 4, rows = block / (parts * width);
    fi_real lane[POWERS][MOST_LANES];
    for (size_t i = 0; i < block; i++) {
        const size_t l = i / (rows * width) * width + i % width;
        const bool first = i / width % rows == 0;
        const fi_real d = FMA(values[i], scale, shift), square = d * d;
        lane[0][l] = first ? d : lane[0][l] + d;
        if (powers == 2) {
            lane[1][l] = first ? square : FMA(d, d, lane[1][l]);
            continue;
        }
        lane[1][l] = first ? square : lane[1][l] + square;
        lane[2][l] = first ? square * d : FMA(square, d, lane[2][l]);
        lane[3][l] = first ? square * square : FMA(square, square, lane[3][l]);
    }
    for (size_t k = 0; k < powers; k++)
        widen(parts * width, lane[k], total[k]);
}

Test(moments_sums, of_four_powers_have_one_order)
{
    const fi_real center = (fi_real)0.0371, scale = (fi_real)0.25;
    const size_t n = BLOCKS * FI_POWERS_BLOCK;
    double expected[POWERS][FI_FINAL_LANES] = {{0}};
    fill();
    for (size_t i = 0; i < n; i += FI_POWERS_BLOCK)
        sum_block(4, FI_POWERS_BLOCK, FI_SURVEY_LANES, scale, -center * scale, x + i, expected);
    for (int surveyed = 0; surveyed < 2; surveyed++) {
        double total[POWERS][FI_FINAL_LANES] = {{0}};
        fi_survey seen;
        fi_add_powers(n, x, center, scale, total, surveyed ? &seen : NULL);
        cr_expect(memcmp(total, expected, sizeof total) == 0, "surveyed: %d", surveyed);
    }
}

Test(moments_sums, survey_lane_by_lane)
{
    const size_t n = BLOCKS * FI_POWERS_BLOCK;
    double total[POWERS][FI_FINAL_LANES] = {{0}};
    fi_survey seen;
    fill();
    fi_add_powers(n, x, 0, 1, total, &seen);
    for (size_t l = 0; l < FI_SURVEY_LANES; l++) {
        fi_real minimum = x[l], maximum = x[l];
        size_t zeros = 0;
        for (size_t i = l; i < n; i += FI_SURVEY_LANES) {
            minimum = x[i] < minimum ? x[i] : minimum;
            maximum = x[i] > maximum ? x[i] : maximum;
            zeros += x[i] == 0;
        }
        cr_expect(seen.minimum[l] == minimum && seen.maximum[l] == maximum &&
                      seen.zeros[l] == zeros,
                  "lane %zu: %g to %g and %zu zeros, not %g to %g and %zu", l,
                  (double)seen.minimum[l], (double)seen.maximum[l], (size_t)seen.zeros[l],
                  (double)minimum, (double)maximum, zeros);
    }
}

Test(moments_sums, of_two_powers_have_one_order)
{
    const fi_real center = (fi_real)-0.0193;
    double expected[POWERS][FI_FINAL_LANES] = {{0}}, total[2][FI_FINAL_LANES] = {{0}};
    fill();
    for (size_t i = 0; i < MOST; i += FI_TWO_POWERS_BLOCK)
        sum_block(2, FI_TWO_POWERS_BLOCK, 32, 1, -center, x + i, expected);
    fi_add_two_powers(MOST, x, center, total);
    cr_expect(memcmp(total, expected, sizeof total) == 0);
}
