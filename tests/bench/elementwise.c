/*
 * What is done once an element: ns of each activation forward and backward, of the moments, the
 * histogram and the comparison of columns, beside tanhf of the C library and a plain copy. Medians
 * of rounds in which all cases take turns.
 */
#include "bench.h"
#include "fanin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ROWS = 1000,
    COLS = 500,
    VALUES = ROWS * COLS,
    BINS = 64,
    ROUNDS = 9,
    CASES = 64
};

struct bench {
    char name[40];
    void (*run)(const fi_activation *activation);
    const fi_activation *activation;
    double ns[ROUNDS];
};

static fi_real z[VALUES], a[VALUES], da[VALUES], dz[VALUES], equal[VALUES];
static fi_arena *scratch;
static volatile double sink; /* keeps results from being thrown away unread */

static void forward(const fi_activation *activation)
{
    activation->forward(VALUES, z, a);
}

static void backward(const fi_activation *activation)
{
    activation->backward(VALUES, z, a, da, dz);
}

static void copy(const fi_activation *activation)
{
    (void)activation;
    memcpy(a, z, sizeof a);
    sink = (double)a[VALUES - 1];
}

static void libm_tanh(const fi_activation *activation)
{
    (void)activation;
    for (size_t i = 0; i < VALUES; i++)
        a[i] = (fi_real)tanhf((float)z[i]);
}

static void moments(const fi_activation *activation)
{
    (void)activation;
    fi_moments result = FI_MOMENTS_EMPTY;
    fi_moments_add(&result, VALUES, z);
    sink = result.m2;
}

static void histogram(const fi_activation *activation)
{
    (void)activation;
    double counts[BINS] = {0};
    fi_histogram(VALUES, z, -3, 3, BINS, counts);
    sink = counts[0];
}

static void distinct_random(const fi_activation *activation)
{
    (void)activation;
    sink = (double)fi_distinct_columns(ROWS, COLS, z, scratch);
    fi_arena_reset(scratch);
}

static void distinct_equal(const fi_activation *activation)
{
    (void)activation;
    sink = (double)fi_distinct_columns(ROWS, COLS, equal, scratch);
    fi_arena_reset(scratch);
}

static void add(struct bench *cases, size_t *count, void (*run)(const fi_activation *activation),
                const fi_activation *activation, const char *name)
{
    struct bench *bench = &cases[(*count)++];
    *bench = (struct bench){.run = run, .activation = activation};
    snprintf(bench->name, sizeof bench->name, "%s%s", activation ? activation->name : "", name);
}

static size_t list(struct bench *cases)
{
    size_t count = 0;
    size_t activations = 0;
    const fi_activation *rows = fi_activations(&activations);
    add(cases, &count, copy, NULL, "copy");
    add(cases, &count, libm_tanh, NULL, "tanhf of libm");
    for (size_t i = 0; i < activations && count + 6 <= CASES; i++) {
        add(cases, &count, forward, &rows[i], " forward");
        add(cases, &count, backward, &rows[i], " backward");
    }
    add(cases, &count, moments, NULL, "moments");
    add(cases, &count, histogram, NULL, "histogram");
    add(cases, &count, distinct_random, NULL, "distinct columns, random");
    add(cases, &count, distinct_equal, NULL, "distinct columns, equal");
    return count;
}

int main(void)
{
    static struct bench cases[CASES];
    const size_t count = list(cases);
    if (fi_arena_new(&scratch) != FI_OK) {
        fprintf(stderr, "%s\n", fi_message());
        return FI_ENOMEM;
    }
    fi_rng rng = fi_rng_stream(1, FI_FOR_INPUT, 0, 0);
    fi_draw(&rng, FI_NORMAL, 1, VALUES, z);
    fi_draw(&rng, FI_NORMAL, 1, VALUES, da);
    for (size_t i = 0; i < VALUES; i++)
        equal[i] = z[i / COLS];
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < count; k++) {
            const double start = bench_now();
            cases[k].run(cases[k].activation);
            cases[k].ns[round] = (bench_now() - start) * 1e9 / VALUES;
        }
    printf("%-28s %10s\n", "case", "ns/value");
    for (size_t k = 0; k < count; k++)
        printf("%-28s %10.3f\n", cases[k].name, bench_median(cases[k].ns, ROUNDS));
    fi_arena_free(scratch);
    return 0;
}
