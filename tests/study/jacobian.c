/* The Jacobian's moments against the product of its factors, written out. */
#include "study/jacobian.h"

#include <criterion/criterion.h>
#include <math.h>

enum {
    INPUTS = 7,
    UNITS = 5,
    LAYERS = 3
};

struct trace {
    fi_jacobian jacobian;
    const fi_activation *activation;
    double product[INPUTS][INPUTS]; /* J so far, (INPUTS, units) */
};

/* product = product W diag(phi'(z)), one factor at a time, in double. */
static void see(void *context, fi_event event, const fi_layer *layer)
{
    struct trace *trace = context;
    const fi_blob *out = fi_layer_output(layer);
    const fi_blob *w = fi_layer_parameter(layer, 0);
    if (event != FI_AFTER_FORWARD)
        return;
    if (!w) {
        fi_jacobian_activation(&trace->jacobian, layer, trace->activation);
        for (size_t i = 0; i < INPUTS; i++)
            for (size_t j = 0; j < UNITS; j++)
                trace->product[i][j] *= 1 - (double)out->data[j] * (double)out->data[j];
        return;
    }
    fi_jacobian_at(&trace->jacobian, layer);
    fi_jacobian_dense(&trace->jacobian, layer);
    for (size_t i = 0; i < INPUTS; i++) {
        double row[UNITS] = {0};
        for (size_t j = 0; j < UNITS; j++)
            for (size_t k = 0; k < w->rows; k++)
                row[j] += trace->product[i][k] * (double)w->data[k * UNITS + j];
        for (size_t j = 0; j < UNITS; j++)
            trace->product[i][j] = row[j];
    }
}

Test(jacobian, is_the_product_of_its_factors)
{
    fi_arena *arena = NULL;
    fi_net *net = NULL;
    struct trace trace = {.activation = fi_activation_find("tanh")};
    const fi_watcher watcher = {.see = see, .context = &trace};
    const fi_initializer *xavier = fi_initializer_find("xavier_normal");
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    cr_assert_eq(fi_net_new(&net, arena, &(fi_net_spec){.samples = 3, .inputs = INPUTS, .seed = 1}),
                 FI_OK);
    for (size_t l = 0; l < LAYERS; l++) {
        cr_assert_eq(fi_net_dense(net, &(fi_dense_spec){.units = UNITS, .initializer = xavier}),
                     FI_OK);
        cr_assert_eq(fi_net_activation(net, NULL, trace.activation), FI_OK);
    }
    for (size_t i = 0; i < INPUTS; i++)
        trace.product[i][i] = 1;
    cr_assert_eq(fi_jacobian_new(&trace.jacobian, INPUTS, INPUTS, 1, arena), FI_OK);
    fi_real x[3 * INPUTS];
    fi_rng rng = fi_rng_stream(1, FI_FOR_INPUT, 0, 0);
    fi_draw(&rng, FI_NORMAL, 1, sizeof x / sizeof *x, x);
    cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, &watcher), FI_OK);

    double first = 0; /* tr J J' */
    double second = 0;
    for (size_t i = 0; i < INPUTS; i++)
        for (size_t j = 0; j < INPUTS; j++) {
            double dot = 0;
            for (size_t k = 0; k < UNITS; k++)
                dot += trace.product[i][k] * trace.product[j][k];
            first += i == j ? dot : 0;
            second += dot * dot;
        }
    first /= UNITS;
    second /= UNITS;
    double mean = 0;
    double spread = 0;
    fi_jacobian_moments(&trace.jacobian, UNITS, &mean, &spread, arena);
    /* some 20 roundings of float on the way to each entry */
    cr_expect_float_eq(mean / first, 1, 1e-5, "mean %.9g, expected %.9g", mean, first);
    const double expected = sqrt(second - first * first);
    cr_expect_float_eq(spread / expected, 1, 1e-5, "spread %.9g, expected %.9g", spread, expected);
    fi_arena_free(arena);
}
