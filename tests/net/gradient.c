/*
 * Gradients by central differences, in the double build: every parameter and input of nets with
 * each activation, with and without batch norm and dropout, in both phases, through the loss.
 */
#include "fixture.h"
#include "net/net.h"

#ifdef FI_DOUBLE

enum {
    SAMPLES = 7,
    INPUTS = 5,
    CLASSES = 4
};

struct shape {
    const fi_activation *activation;
    bool batch_norm;
    double keep;
    fi_phase phase;
};

struct problem {
    fi_arena *arena;
    fi_net *net;
    fi_real *x;
    int32_t labels[SAMPLES];
    fi_phase phase;
};

static void add_block(fi_net *net, size_t units, const struct shape *shape)
{
    add_dense(net, units, "he_normal", 0.3);
    if (shape->batch_norm)
        add_batch_norm(net);
    cr_assert_eq(fi_net_activation(net, NULL, shape->activation), FI_OK);
    cr_assert_eq(fi_net_dropout(net, NULL, shape->keep), FI_OK);
}

/* gamma and beta away from 1 and 0. */
static void vary_batch_norms(struct problem *p)
{
    for (size_t l = 0; l < fi_net_layers(p->net); l++) {
        fi_layer *layer = fi_net_layer(p->net, l);
        if (strcmp(fi_layer_kind(layer), "batch_norm") != 0)
            continue;
        fi_blob *gamma = fi_layer_parameter(layer, 0);
        fi_blob *beta = fi_layer_parameter(layer, 1);
        const fi_real *draws = normals(p->arena, 20 + l, 2 * gamma->cols, 0.3);
        for (size_t k = 0; k < gamma->cols; k++) {
            gamma->data[k] += draws[k];
            beta->data[k] += draws[gamma->cols + k];
        }
    }
}

static struct problem new_problem(const struct shape *shape)
{
    struct problem p = {.arena = new_arena(), .phase = shape->phase};
    p.net = new_net(p.arena, SAMPLES, INPUTS, FI_KEEP_ALL);
    add_block(p.net, 6, shape);
    add_block(p.net, 5, shape);
    add_dense(p.net, CLASSES, "he_normal", 0.3);
    p.x = normals(p.arena, 1, (size_t)SAMPLES * INPUTS, 1);
    for (size_t r = 0; r < SAMPLES; r++)
        p.labels[r] = (int32_t)(r * 3 % CLASSES);
    forward(p.net, p.x, FI_TRAIN); /* draws the parameters, moves the running statistics */
    vary_batch_norms(&p);
    return p;
}

/* The loss, and in dlogits its derivative, at step 0: the dropout masks are fixed. */
static double loss(struct problem *p, fi_real *dlogits)
{
    p->net->trainings = 0;
    forward(p->net, p->x, p->phase);
    return fi_softmax_loss(SAMPLES, CLASSES, fi_net_output(p->net)->data, p->labels, dlogits, NULL);
}

/*
 * With a step h = 1e-5 a difference is off by h^2 (third derivative) / 6 ~ 1e-10, relatively, and
 * by 2^-52 loss / h < 1e-10, absolutely, which is all there is to a gradient that is exactly 0, as
 * that of a bias below batch norm.
 */
static void check_values(struct problem *p, size_t count, fi_real *values, const fi_real *gradient,
                         const char *what, const struct shape *shape)
{
    const double h = 1e-5;
    double difference = 0;
    double analytic = 0;
    double numeric = 0;
    for (size_t k = 0; k < count; k++) {
        const fi_real value = values[k];
        values[k] = value + h;
        const double above = loss(p, NULL);
        values[k] = value - h;
        const double below = loss(p, NULL);
        values[k] = value;
        const double slope = (above - below) / (2 * h);
        difference += (slope - gradient[k]) * (slope - gradient[k]);
        analytic += gradient[k] * gradient[k];
        numeric += slope * slope;
    }
    cr_expect(sqrt(difference) <=
                  1e-6 * (sqrt(analytic) + sqrt(numeric)) + 1e-10 * sqrt((double)count),
              "%s%s, keep %g, phase %d: |d %s| %.9g, by differences %.9g, apart by %.3g",
              shape->activation->name, shape->batch_norm ? " with batch norm" : "", shape->keep,
              (int)shape->phase, what, sqrt(analytic), sqrt(numeric), sqrt(difference));
}

static void check_net(const struct shape *shape)
{
    struct problem p = new_problem(shape);
    fi_real dlogits[SAMPLES * CLASSES];
    (void)loss(&p, dlogits);
    fi_net_backward(p.net, dlogits, NULL);
    const size_t inputs = (size_t)SAMPLES * INPUTS;
    check_values(&p, inputs, p.x, copy(p.arena, fi_net_input(p.net)->diff, inputs), "x", shape);
    for (size_t l = 0; l < fi_net_layers(p.net); l++) {
        for (size_t k = 0; k < 2; k++) {
            const fi_layer *layer = fi_net_layer(p.net, l);
            const fi_blob *blob = fi_layer_parameter(layer, k);
            if (blob)
                check_values(&p, blob->rows * blob->cols, blob->data, blob->diff,
                             fi_layer_name(layer), shape);
        }
    }
    fi_arena_free(p.arena);
}

/* Kinks are met by no sample: a step of 1e-5 would have to cross one. */
Test(gradient, agrees_with_central_differences)
{
    size_t count = 0;
    const fi_activation *rows = fi_activations(&count);
    for (size_t k = 0; k < count; k++) {
        for (int batch_norm = 0; batch_norm < 2; batch_norm++) {
            check_net(&(struct shape){&rows[k], batch_norm, 1, FI_TRAIN});
            check_net(&(struct shape){&rows[k], batch_norm, 0.7, FI_TRAIN});
            check_net(&(struct shape){&rows[k], batch_norm, 0.7, FI_TEST});
        }
    }
}

#else

/* In float the same code runs; each layer's own test bounds its rounding. Here: that it descends.
 */
Test(gradient, a_small_step_down_lowers_the_loss)
{
    enum {
        SAMPLES = 50,
        UNITS = 8
    };
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, UNITS, FI_KEEP_ALL);
    add_dense(net, UNITS, "he_normal", 0);
    add_batch_norm(net);
    add_activation(net, "tanh");
    add_dense(net, UNITS, "he_normal", 0);
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * UNITS, 1);
    int32_t labels[SAMPLES];
    for (size_t r = 0; r < SAMPLES; r++)
        labels[r] = (int32_t)(r % UNITS);
    double before = INFINITY;
    for (int step = 0; step < 20; step++) {
        forward(net, x, FI_TRAIN);
        const fi_blob *logits = fi_net_output(net);
        const double loss =
            fi_softmax_loss(SAMPLES, UNITS, logits->data, labels, logits->diff, NULL);
        cr_expect(loss < before, "step %d: loss %g after %g", step, loss, before);
        before = loss;
        fi_net_backward(net, logits->diff, NULL);
        for (size_t l = 0; l < fi_net_layers(net); l++) {
            for (size_t k = 0; k < 2; k++) {
                const fi_blob *blob = fi_layer_parameter(fi_net_layer(net, l), k);
                for (size_t i = 0; blob && i < blob->rows * blob->cols; i++)
                    blob->data[i] -= (fi_real)0.1 * blob->diff[i];
            }
        }
    }
    fi_arena_free(arena);
}

#endif
