/*
 * One network of a study, forward and backward with all statistics, against the same matrix
 * products alone. Prints medians of interleaved rounds; the ratio is what carries over.
 */
#include "../study/kind.h"
#include "bench.h"

#include "core/internal.h"
#include "math/gemm.h"

#include <stdio.h>

enum {
    ROUNDS = 9,
    DEPTH = 10,
    WIDTH = 500,
    SAMPLES = 1000
};

struct matrices {
    fi_real *x, *w, *z, *dx, *dw;
};

/* The products of one network: depth forward, and twice as many backward. */
static void products(const struct matrices *m, bool backward)
{
    for (size_t l = 0; l < DEPTH; l++) {
        fi_gemm(FI_AS_IS, FI_AS_IS, SAMPLES, WIDTH, WIDTH, m->x, m->w, 0, m->z);
        if (!backward)
            continue;
        fi_gemm(FI_TRANSPOSED, FI_AS_IS, WIDTH, WIDTH, SAMPLES, m->x, m->z, 0, m->dw);
        fi_gemm(FI_AS_IS, FI_TRANSPOSED, SAMPLES, WIDTH, WIDTH, m->z, m->w, 0, m->dx);
    }
}

static struct matrices make_matrices(fi_arena *arena)
{
    struct matrices m;
    fi_real **const batches[] = {&m.x, &m.z, &m.dx};
    fi_real **const weights[] = {&m.w, &m.dw};
    for (size_t k = 0; k < 3; k++) {
        *batches[k] = fi_arena_alloc(arena, (size_t)SAMPLES * WIDTH, sizeof(fi_real));
        FI_REQUIRE(*batches[k] != NULL);
    }
    for (size_t k = 0; k < 2; k++) {
        *weights[k] = fi_arena_alloc(arena, (size_t)WIDTH * WIDTH, sizeof(fi_real));
        FI_REQUIRE(*weights[k] != NULL);
    }
    fi_rng rng = fi_rng_stream(1, FI_FOR_INPUT, 0, 0);
    fi_draw(&rng, FI_NORMAL, 1, (size_t)SAMPLES * WIDTH, m.x);
    fi_draw(&rng, FI_NORMAL, 0.01, (size_t)WIDTH * WIDTH, m.w);
    return m;
}

int main(void)
{
    static const char *const activations[] = {"tanh", "relu"};
    fi_arena *arena = NULL;
    fi_arena *scratch = NULL;
    if (fi_arena_new(&arena) != FI_OK || fi_arena_new(&scratch) != FI_OK)
        return 71;
    fi_blas_single_thread();
    const struct matrices products_of = make_matrices(scratch);

    printf("one network, %d x %d units, %d samples, one worker, %s (%s): median of %d\n", DEPTH,
           WIDTH, SAMPLES, fi_blas_name(), fi_blas_kernel(), ROUNDS);
    printf("%-10s %-10s %-10s %12s %12s %8s\n", "activation", "batch norm", "pass", "network ms",
           "products ms", "ratio");
    for (size_t a = 0; a < 2; a++)
        for (int batch_norm = 0; batch_norm < 2; batch_norm++)
            for (int backward = 0; backward < 2; backward++) {
                const fi_test_kind kind = {"he_normal", activations[a], batch_norm, !backward, 1,
                                           1,           DEPTH,          WIDTH,      SAMPLES};
                double network[ROUNDS];
                double alone[ROUNDS];
                for (int round = -1; round < ROUNDS; round++) { /* round -1 warms up */
                    const double start = bench_now();
                    (void)fi_test_run(arena, 1, &kind);
                    const double middle = bench_now();
                    products(&products_of, backward);
                    const double end = bench_now();
                    fi_arena_reset(arena);
                    if (round >= 0) {
                        network[round] = middle - start;
                        alone[round] = end - middle;
                    }
                }
                const double ours = bench_median(network, ROUNDS);
                const double theirs = bench_median(alone, ROUNDS);
                printf("%-10s %-10s %-10s %12.1f %12.1f %8.2f\n", activations[a],
                       batch_norm ? "on" : "off", backward ? "both" : "forward", ours * 1e3,
                       theirs * 1e3, ours / theirs);
            }
    fi_arena_free(arena);
    fi_arena_free(scratch);
    return 0;
}
