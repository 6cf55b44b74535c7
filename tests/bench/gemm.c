/* Matrix products alone: the share of the peak that each shape reaches, and those of a whole net.
 */
#include "bench.h"

#include "core/internal.h"
#include "math/gemm.h"

/* What any product of these sections fits into, drawn once. */
enum {
    MOST = 1000 * 1000
};

static struct {
    fi_real *a, *b, *c;
} matrices;

static void prepare(void)
{
    static fi_arena *arena;
    if (arena)
        return;
    FI_REQUIRE(fi_arena_new(&arena) == FI_OK);
    fi_real **const all[] = {&matrices.a, &matrices.b, &matrices.c};
    for (size_t k = 0; k < 3; k++) {
        *all[k] = fi_arena_alloc(arena, MOST, sizeof(fi_real));
        FI_REQUIRE(*all[k] != NULL);
        fi_rng rng = fi_rng_stream(1, FI_FOR_INPUT, k, 0);
        fi_draw(&rng, FI_NORMAL, 0.01, MOST, *all[k]);
    }
}

/* ---- shapes ---------------------------------------------------------------------------------- */

struct product {
    const char *name;
    fi_transpose a_is, b_is;
    size_t m, n, k;
};

static void multiply(void *context)
{
    const struct product *p = context;
    fi_gemm(p->a_is, p->b_is, p->m, p->n, p->k, matrices.a, matrices.b, 0, matrices.c);
}

void bench_gemm(void)
{
    static struct product products[] = {
        {"forward, 1000 x 500 x 500", FI_AS_IS, FI_AS_IS, 1000, 500, 500},
        {"dx, 1000 x 500 x 500", FI_AS_IS, FI_TRANSPOSED, 1000, 500, 500},
        {"dW, 500 x 500 x 1000", FI_TRANSPOSED, FI_AS_IS, 500, 500, 1000},
        {"forward, 128 x 500 x 784", FI_AS_IS, FI_AS_IS, 128, 500, 784},
        {"dW, 784 x 500 x 128", FI_TRANSPOSED, FI_AS_IS, 784, 500, 128},
        {"forward, 128 x 500 x 500", FI_AS_IS, FI_AS_IS, 128, 500, 500},
        {"dx, 128 x 500 x 500", FI_AS_IS, FI_TRANSPOSED, 128, 500, 500},
        {"dW, 500 x 500 x 128", FI_TRANSPOSED, FI_AS_IS, 500, 500, 128},
    };
    prepare();
    for (size_t k = 0; k < sizeof products / sizeof *products; k++) {
        struct product *p = &products[k];
        const bench_times times =
            bench_measure(&(bench_work){"matrix products", p->name, multiply, p, 0, 0});
        bench_share(&times, 2.0 * (double)p->m * (double)p->n * (double)p->k);
    }
}

/* ---- nets ------------------------------------------------------------------------------------ */

static size_t units_below(const bench_net *net, size_t layer)
{
    return layer == 0 ? net->inputs : net->width;
}

static size_t units_of(const bench_net *net, size_t layer)
{
    return layer < net->depth ? net->width : net->outputs;
}

static size_t layers_of(const bench_net *net)
{
    return net->depth + (net->outputs ? 1 : 0);
}

double bench_flops(const bench_net *net)
{
    double sum = 0;
    for (size_t l = 0; l < layers_of(net); l++) {
        const int products = net->backward ? (l == 0 && !net->input_gradient ? 2 : 3) : 1;
        sum += 2.0 * (double)net->samples * (double)units_below(net, l) * (double)units_of(net, l) *
               products;
    }
    return sum;
}

void bench_products(void *context)
{
    const bench_net *net = context;
    const size_t samples = net->samples;
    prepare();
    for (size_t l = 0; l < layers_of(net); l++) {
        const size_t in = units_below(net, l);
        const size_t out = units_of(net, l);
        fi_gemm(FI_AS_IS, FI_AS_IS, samples, out, in, matrices.a, matrices.b, 0, matrices.c);
    }
    for (size_t l = layers_of(net); net->backward && l-- > 0;) {
        const size_t in = units_below(net, l);
        const size_t out = units_of(net, l);
        fi_gemm(FI_TRANSPOSED, FI_AS_IS, in, out, samples, matrices.a, matrices.b, 0, matrices.c);
        if (l > 0 || net->input_gradient)
            fi_gemm(FI_AS_IS, FI_TRANSPOSED, samples, in, out, matrices.a, matrices.b, 0,
                    matrices.c);
    }
}
