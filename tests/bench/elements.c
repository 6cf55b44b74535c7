/* What is done once an element: draws, activations, statistics, beside libm and a plain pass. */
#include "bench.h"

#include "core/internal.h"

#include <math.h>

enum {
    VALUES = 500000, /* the activations of a layer: 1000 samples of 500 units */
    BINS = 50
};

static fi_real *z, *a, *da, *dz;
static volatile double sink; /* keeps results from being thrown away unread */

/* Reads one array, writes another: what no pass over the elements can go below. */
static void copy(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < VALUES; i++)
        a[i] = z[i] * FI_REAL(0.5);
}

static void draw(void *law)
{
    fi_rng rng = fi_rng_stream(1, FI_FOR_WEIGHT, 0, 0);
    fi_draw(&rng, *(const fi_law *)law, 1, VALUES, a);
}

static void libm_tanh(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < VALUES; i++)
        a[i] = (fi_real)tanhf((float)z[i]);
}

static void forward(void *activation)
{
    ((const fi_activation *)activation)->forward(VALUES, z, a);
}

static void backward(void *activation)
{
    ((const fi_activation *)activation)->backward(VALUES, z, a, da, dz);
}

static void moments(void *unused)
{
    (void)unused;
    fi_moments result = FI_MOMENTS_EMPTY;
    fi_moments_add(&result, VALUES, z);
    sink = result.m2;
}

static void histogram(void *unused)
{
    (void)unused;
    double counts[BINS] = {0};
    fi_histogram(VALUES, z, -3, 3, BINS, counts);
    sink = counts[0];
}

static bench_times measure(const char *name, void (*run)(void *context), void *context)
{
    const bench_times times = bench_measure(&(bench_work){"elements", name, run, context, 0, 0});
    bench_seconds(&times, VALUES / 1e9, "ns a value");
    return times;
}

static void measure_activations(void)
{
    static const char *const names[] = {"tanh", "gelu", "relu"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char both[32];
        fi_activation activation = *fi_activation_find(names[k]);
        const bench_times times = measure(names[k], forward, &activation);
        snprintf(both, sizeof both, "%s, backward", names[k]);
        (void)measure(both, backward, &activation);
        if (k == 0) {
            const bench_times libm = measure("tanhf of libm", libm_tanh, NULL);
            bench_ratio("libm over tanh", &libm, &times);
        }
    }
}

void bench_elements(void)
{
    fi_arena *arena = NULL;
    fi_real **const arrays[] = {&z, &a, &da, &dz};
    fi_law laws[] = {FI_NORMAL, FI_UNIFORM, FI_TRUNCATED};
    FI_REQUIRE(fi_arena_new(&arena) == FI_OK);
    for (size_t k = 0; k < 4; k++) {
        *arrays[k] = fi_arena_alloc(arena, VALUES, sizeof(fi_real));
        FI_REQUIRE(*arrays[k] != NULL);
        fi_rng rng = fi_rng_stream(1, FI_FOR_INPUT, k, 0);
        fi_draw(&rng, FI_NORMAL, 1, VALUES, *arrays[k]);
    }
    (void)measure("a pass that reads and writes", copy, NULL);
    (void)measure("normal", draw, &laws[0]);
    (void)measure("uniform", draw, &laws[1]);
    (void)measure("truncated", draw, &laws[2]);
    measure_activations();
    (void)measure("moments", moments, NULL);
    (void)measure("histogram", histogram, NULL);
    fi_arena_free(arena);
}
