/*
 * What a draw costs: ns a value for each law, in blocks of the size of a weight matrix, beside the
 * same values one at a time and the cost of only writing or copying them.
 */
#include "bench.h"
#include "fanin.h"
#include "math/quantile.h"

#include <stdio.h>
#include <string.h>

enum {
    VALUES = 250000,
    ROUNDS = 9
};

static fi_real values[VALUES], copied[VALUES];

static void draw_normal(fi_rng *rng)
{
    fi_draw(rng, FI_NORMAL, 1, VALUES, values);
}

static void draw_uniform(fi_rng *rng)
{
    fi_draw(rng, FI_UNIFORM, 1, VALUES, values);
}

static void draw_truncated(fi_rng *rng)
{
    fi_draw(rng, FI_TRUNCATED, 1, VALUES, values);
}

static void one_at_a_time(fi_rng *rng)
{
    for (size_t i = 0; i < VALUES; i++)
        values[i] = (fi_real)fi_quantile(fi_rng_u32(rng));
}

static void set(fi_rng *rng)
{
    memset(values, (int)fi_rng_u32(rng) & 63, sizeof values);
}

static void copy(fi_rng *rng)
{
    values[fi_rng_u32(rng) % VALUES] = 1;
    memcpy(copied, values, sizeof values);
}

int main(void)
{
    const struct {
        const char *name;
        void (*run)(fi_rng *rng);
    } rows[] = {{"normal", draw_normal},
                {"uniform", draw_uniform},
                {"truncated", draw_truncated},
                {"normal, one at a time", one_at_a_time},
                {"memset", set},
                {"memcpy", copy}};
    fi_rng rng = fi_rng_stream(1, FI_FOR_WEIGHT, 0, 0);
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        double times[ROUNDS];
        rows[row].run(&rng);
        for (size_t round = 0; round < ROUNDS; round++) {
            const double start = bench_now();
            rows[row].run(&rng);
            times[round] = bench_now() - start;
        }
        printf("%-22s %6.2f ns a value\n", rows[row].name,
               1e9 * bench_median(times, ROUNDS) / VALUES);
    }
    /* Printed so that no value is computed in vain. */
    printf("last values %g, %g\n", (double)values[VALUES - 1], (double)copied[0]);
    return 0;
}
