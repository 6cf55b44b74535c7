/* A net of every kind of parameter, its gradients, and its weights in double, for the solver. */
#ifndef FI_TESTS_NET_SOLVING_H
#define FI_TESTS_NET_SOLVING_H

#include "core/arena.h"
#include "fixture.h"

enum {
    INPUTS = 37, /* the first layer has 37 x 41 weights: more than one tile, and no whole number */
    FROZEN = 4   /* the index of the layer that does not learn */
};

static const char *const rules[] = {"sgd", "momentum", "nesterov", "adam"};

enum {
    RULES = sizeof rules / sizeof *rules
};

/* dense, batch norm, activation, dense (slower, decays more), frozen dense. */
static inline fi_net *some_net(fi_arena *arena)
{
    fi_net *net = new_net(arena, 2, INPUTS, FI_KEEP_ALL);
    add_dense(net, 41, "he_normal", 0.5);
    add_batch_norm(net);
    add_activation(net, "tanh");
    add_dense(net, 6, "he_normal", 0.5);
    add_dense(net, 3, "he_normal", 0.5);
    fi_layer_multiply(fi_net_layer(net, 3), 0.5, 3);
    fi_layer_multiply(fi_net_layer(net, FROZEN), 0, 1);
    cr_assert_eq(fi_net_draw(net), FI_OK);
    return net;
}

static inline fi_solver *new_solver(fi_net *net, fi_solver_spec spec, fi_arena *arena)
{
    fi_solver *solver = NULL;
    cr_assert_eq(fi_solver_new(&solver, net, &spec, arena), FI_OK, "%s", fi_message());
    return solver;
}

/* Gradients of one update, of standard deviation `std`; a frozen layer's are not to be read. */
static inline void some_gradients(fi_net *net, uint64_t update, double std)
{
    for (size_t l = 0; l < fi_net_layers(net); l++) {
        fi_layer *layer = fi_net_layer(net, l);
        const fi_blob *blob = NULL;
        for (size_t p = 0; (blob = fi_layer_parameter(layer, p)); p++) {
            fi_rng rng = fi_rng_stream(update, FI_FOR_PROBE, l, p);
            fi_draw(&rng, FI_NORMAL, std, blob->rows * blob->cols, blob->diff);
            for (size_t k = 0; l == FROZEN && k < blob->rows * blob->cols; k++)
                blob->diff[k] = (fi_real)NAN;
        }
    }
}

/* A parameter and its running values, and what its layer is told to multiply by. */
struct plain {
    size_t n;
    const fi_blob *blob;
    double rate, decay;
    double *w, *v, *m;
};

static inline double *doubles(fi_arena *arena, size_t count)
{
    double *x = fi_arena_zeros(arena, count, sizeof *x);
    cr_assert_not_null(x);
    return x;
}

/* All parameters that learn, with what some_net multiplies by; weights of dense layers decay. */
static inline size_t plain_net(const fi_net *net, struct plain *plain, fi_arena *arena)
{
    const struct plain rows[] = {
        {.blob = fi_layer_parameter(fi_net_layer(net, 0), 0), .rate = 1, .decay = 1},
        {.blob = fi_layer_parameter(fi_net_layer(net, 0), 1), .rate = 1},
        {.blob = fi_layer_parameter(fi_net_layer(net, 1), 0), .rate = 1},
        {.blob = fi_layer_parameter(fi_net_layer(net, 1), 1), .rate = 1},
        {.blob = fi_layer_parameter(fi_net_layer(net, 3), 0), .rate = 0.5, .decay = 3},
        {.blob = fi_layer_parameter(fi_net_layer(net, 3), 1), .rate = 0.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        plain[i] = rows[i];
        plain[i].n = rows[i].blob->rows * rows[i].blob->cols;
        plain[i].w = doubles(arena, plain[i].n);
        plain[i].v = doubles(arena, plain[i].n);
        plain[i].m = doubles(arena, plain[i].n);
        for (size_t k = 0; k < plain[i].n; k++)
            plain[i].w[k] = (double)rows[i].blob->data[k];
    }
    return sizeof rows / sizeof *rows;
}

static inline double plain_norm(const struct plain *plain, size_t count)
{
    long double sum = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < plain[i].n; k++)
            sum += powl((long double)plain[i].blob->diff[k], 2);
    return (double)sqrtl(sum);
}

#endif
