/* Dense: forward and backward against triple loops in long double, and where weights come from. */
#include "fixture.h"

#include <signal.h>

static const struct shape {
    size_t samples, inputs, units;
} shapes[] = {{1, 1, 1}, {7, 5, 6}, {33, 17, 9}, {64, 1, 300}, {3, 600, 2}, {100, 31, 1030}};

enum {
    SHAPES = sizeof shapes / sizeof *shapes
};

/* Element (r, c) of a matrix, or of its transpose. */
struct matrix {
    const fi_real *data;
    size_t row, col; /* strides */
};

static long double at(struct matrix m, size_t r, size_t c)
{
    return (long double)m.data[r * m.row + c * m.col];
}

/*
 * How far c (rows, cols) is from a (rows, inner) b (inner, cols) + bias, over the bound of Higham
 * 2002, section 3.1, for a sum of `inner` products and a bias in any order: (inner + 2) u times the
 * sum of magnitudes, u = EPSILON / 2. At most 1 if right.
 */
static double product_error(size_t rows, size_t cols, size_t inner, struct matrix a,
                            struct matrix b, const fi_real *bias, const fi_real *c)
{
    double worst = 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < cols; j++) {
            long double sum = bias ? (long double)bias[j] : 0;
            long double magnitude = fabsl(sum);
            for (size_t k = 0; k < inner; k++) {
                sum += at(a, i, k) * at(b, k, j);
                magnitude += fabsl(at(a, i, k) * at(b, k, j));
            }
            const long double bound = (long double)(inner + 2) * (long double)EPSILON / 2;
            const long double error = fabsl((long double)c[i * cols + j] - sum);
            worst = fmax(worst, (double)(error / (bound * magnitude)));
        }
    }
    return worst;
}

static void check_dense(const struct shape *s, double bias_std)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, s->samples, s->inputs, FI_KEEP_ALL);
    add_dense(net, s->units, "he_normal", bias_std);
    const fi_real *x = normals(arena, 1, s->samples * s->inputs, 1);
    const fi_real *dz = normals(arena, 2, s->samples * s->units, 1);
    forward(net, x, FI_TRAIN);
    const fi_layer *layer = fi_net_layer(net, 0);
    const fi_blob *w = fi_layer_parameter(layer, 0);
    const fi_blob *b = fi_layer_parameter(layer, 1);
    const size_t in = s->inputs;
    const size_t out = s->units;

    const double z_error =
        product_error(s->samples, out, in, (struct matrix){x, in, 1},
                      (struct matrix){w->data, out, 1}, b->data, fi_net_output(net)->data);
    fi_net_backward(net, dz, NULL);
    const double dx_error =
        product_error(s->samples, in, out, (struct matrix){dz, out, 1},
                      (struct matrix){w->data, 1, out}, NULL, fi_net_input(net)->diff);
    const double dw_error = product_error(in, out, s->samples, (struct matrix){x, 1, in},
                                          (struct matrix){dz, out, 1}, NULL, w->diff);
    const fi_real one = 1;
    const double db_error = product_error(1, out, s->samples, (struct matrix){&one, 0, 0},
                                          (struct matrix){dz, out, 1}, NULL, b->diff);
    cr_expect(z_error <= 1 && dx_error <= 1 && dw_error <= 1 && db_error <= 1,
              "%zu x %zu x %zu: errors over their bounds: z %g, dx %g, dW %g, db %g", s->samples,
              in, out, z_error, dx_error, dw_error, db_error);
    fi_arena_free(arena);
}

Test(dense, agrees_with_triple_loops)
{
    for (size_t k = 0; k < SHAPES; k++) {
        check_dense(&shapes[k], 0);
        check_dense(&shapes[k], 0.5);
    }
}

/* A float sum of n values of one sign would be off by up to n u; one in double is off by u. */
Test(dense, bias_gradient_is_summed_in_double)
{
    enum {
        SAMPLES = 10000
    };
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, 1, FI_KEEP_DATA);
    add_dense(net, 1, "he_normal", 0);
    const fi_real *x = normals(arena, 1, SAMPLES, 1);
    fi_real *dz = normals(arena, 2, SAMPLES, 1);
    double sum = 0;
    for (size_t k = 0; k < SAMPLES; k++) {
        dz[k] = dz[k] < 0 ? -dz[k] : dz[k];
        sum += (double)dz[k];
    }
    forward(net, x, FI_TRAIN);
    fi_net_backward(net, dz, NULL);
    const double db = (double)fi_layer_parameter(fi_net_layer(net, 0), 1)->diff[0];
    cr_expect(fabs(db - sum) <= EPSILON * sum, "db %.17g, sum %.17g", db, sum);
    fi_arena_free(arena);
}

/* W has the gradient it has beside a bias that gets one. */
Test(dense, a_fixed_bias_has_no_gradient)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 1, 5 * 3, 1), *dz = normals(arena, 2, 5 * 4, 1);
    fi_blob *w[2], *b[2];
    for (int fixed = 0; fixed < 2; fixed++) {
        fi_net *net = new_net(arena, 5, 3, FI_KEEP_DATA);
        const fi_dense_spec spec = {.units = 4,
                                    .initializer = fi_initializer_find("he_normal"),
                                    .bias_std = 1,
                                    .fixed_bias = fixed};
        cr_assert_eq(fi_net_dense(net, &spec), FI_OK);
        forward(net, x, FI_TRAIN);
        fi_net_backward(net, dz, NULL);
        w[fixed] = fi_layer_parameter(fi_net_layer(net, 0), 0);
        b[fixed] = fi_layer_parameter(fi_net_layer(net, 0), 1);
    }
    cr_expect_arr_eq(w[1]->diff, w[0]->diff, 3 * 4 * sizeof(fi_real));
    cr_expect_arr_eq(b[1]->data, b[0]->data, 4 * sizeof(fi_real));
    for (size_t k = 0; k < 4; k++)
        cr_expect(b[0]->diff[k] != 0 && b[1]->diff[k] == 0);
    fi_arena_free(arena);
}

/* Parameters are the draws of the streams of (seed, purpose, depth), whatever the layer's index. */
Test(dense, weights_come_from_the_stream_of_the_depth)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, 2, 3, FI_KEEP_DATA);
    add_dense(net, 4, "he_normal", 0);
    add_activation(net, "tanh");
    const fi_initializer *initializer = fi_initializer_find("he_normal");
    cr_assert_eq(
        fi_net_dense(
            net,
            &(fi_dense_spec){.units = 5, .initializer = initializer, .gain = 3, .bias_std = 0.25}),
        FI_OK);
    forward(net, normals(arena, 1, 6, 1), FI_TRAIN);
    fi_real w[20];
    fi_real b[5];
    cr_assert_eq(
        fi_initialize(initializer, 3, fi_rng_stream(7, FI_FOR_WEIGHT, 2, 0), 4, 5, w, arena),
        FI_OK);
    fi_rng rng = fi_rng_stream(7, FI_FOR_BIAS, 2, 0);
    fi_draw(&rng, FI_NORMAL, 0.25, 5, b);
    const fi_layer *second = fi_net_layer(net, 2);
    cr_expect_eq(fi_layer_depth(second), 2);
    cr_expect_arr_eq(fi_layer_parameter(second, 0)->data, w, sizeof w);
    cr_expect_arr_eq(fi_layer_parameter(second, 1)->data, b, sizeof b);
    const fi_real none[4] = {0};
    cr_expect_arr_eq(fi_layer_parameter(fi_net_layer(net, 0), 1)->data, none, sizeof none);
    fi_arena_free(arena);
}

/* A bias that started at 0 counts once it is trained. */
Test(dense, a_trained_bias_is_added)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, 2, 3, FI_KEEP_ALL);
    add_dense(net, 2, "zeros", 0);
    const fi_real *x = normals(arena, 1, 6, 1);
    forward(net, x, FI_TRAIN);
    fi_layer_parameter(fi_net_layer(net, 0), 1)->data[1] = 3;
    forward(net, x, FI_TRAIN);
    const fi_real expected[4] = {0, 3, 0, 3};
    cr_expect_arr_eq(fi_net_output(net)->data, expected, sizeof expected);
    fi_arena_free(arena);
}

Test(dense, zero_units_are_a_bug, .signal = SIGABRT)
{
    fi_net *net = new_net(new_arena(), 2, 3, FI_KEEP_ALL);
    add_dense(net, 0, "zeros", 0);
}

Test(dense, a_matrix_is_no_bias, .signal = SIGABRT)
{
    fi_net *net = new_net(new_arena(), 2, 3, FI_KEEP_ALL);
    const fi_dense_spec spec = {.units = 3,
                                .initializer = fi_initializer_find("he_normal"),
                                .bias = fi_initializer_find("orthogonal")};
    cr_expect_eq(fi_net_dense(net, &spec), FI_OK);
}

/* The scheme of the bias draws from the bias's stream, at the fans of the layer. */
Test(dense, a_bias_may_have_a_scheme)
{
    fi_arena *arena = new_arena();
    const fi_initializer *scheme = fi_initializer_find("torch_linear");
    for (int keep = FI_KEEP_NOTHING; keep <= FI_KEEP_ALL; keep++) {
        fi_net *net = new_net(arena, 1, 12, (fi_keep)keep);
        const fi_dense_spec spec = {
            .units = 300, .initializer = fi_initializer_find("zeros"), .bias = scheme};
        cr_assert_eq(fi_net_dense(net, &spec), FI_OK);
        const fi_real x[12] = {1};
        forward(net, x, FI_TEST);
        fi_real b[300];
        fi_initialize_bias(scheme, fi_rng_stream(7, FI_FOR_BIAS, 1, 0), 12, 300, b);
        cr_expect_arr_eq(fi_net_output(net)->data, b, sizeof b);
        fi_real greatest = 0;
        for (size_t k = 0; k < 300; k++)
            greatest = b[k] > greatest ? b[k] : greatest;
        /* U(-a, a), a = 1 / sqrt 12: of 300 the greatest is below 0.95 a with p = 0.975^300 */
        cr_expect((double)greatest > 0.95 / sqrt(12) && (double)greatest <= 1 / sqrt(12),
                  "greatest bias %g", (double)greatest);
    }
    fi_arena_free(arena);
}

/* ---- LSUV ------------------------------------------------------------------------------------ */

#ifdef FI_DOUBLE
#define UNIT_TOLERANCE 1e-12 /* of dense.c */
#else
#define UNIT_TOLERANCE 1e-6
#endif

enum {
    LSUV_SAMPLES = 100,
    LSUV_INPUTS = 30,
    LSUV_WIDTH = 50,
    LSUV_DEPTH = 6
};

/* How far the variance of a dense layer's output is from `variance`, and z from x W, at worst. */
struct lsuv_check {
    double variance, worst, product;
};

static void see_variance(void *context, fi_event event, const fi_layer *layer)
{
    struct lsuv_check *check = context;
    if (event != FI_AFTER_FORWARD || strcmp(fi_layer_kind(layer), "dense") != 0)
        return;
    const fi_blob *x = fi_layer_input(layer), *z = fi_layer_output(layer);
    const fi_blob *w = fi_layer_parameter(layer, 0);
    const double n = (double)(z->rows * z->cols);
    double mean = 0, variance = 0;
    for (size_t k = 0; k < z->rows * z->cols; k++)
        mean += (double)z->data[k] / n;
    for (size_t k = 0; k < z->rows * z->cols; k++)
        variance += ((double)z->data[k] - mean) * ((double)z->data[k] - mean) / n;
    check->worst = fmax(check->worst, fabs(variance / check->variance - 1));
    check->product =
        fmax(check->product,
             product_error(z->rows, z->cols, x->cols, (struct matrix){x->data, x->cols, 1},
                           (struct matrix){w->data, z->cols, 1}, NULL, z->data));
}

static fi_net *lsuv_net(fi_arena *arena, const char *activation, bool batch_norm, fi_keep keep,
                        double gain)
{
    fi_net *net = new_net(arena, LSUV_SAMPLES, LSUV_INPUTS, keep);
    for (size_t l = 0; l < LSUV_DEPTH; l++) {
        const fi_dense_spec spec = {
            .units = LSUV_WIDTH, .initializer = fi_initializer_find("lsuv"), .gain = gain};
        cr_assert_eq(fi_net_dense(net, &spec), FI_OK);
        if (batch_norm)
            add_batch_norm(net);
        add_activation(net, activation);
    }
    return net;
}

/*
 * The variance of every layer's output, summed in double: what the layer itself allows, and as much
 * again for its own sum. What the watcher sees of W is what made z.
 */
Test(dense, lsuv_gives_unit_variance)
{
    const char *const activations[] = {"tanh", "relu", "sigmoid", "gelu"};
    const double gains[] = {1, 1.5};
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 1, (size_t)LSUV_SAMPLES * LSUV_INPUTS, 20);
    for (int k = 0; k < 4 * 2 * 2 * 3; k++) {
        const bool batch_norm = k / 4 % 2;
        const fi_keep keep = (fi_keep)(k / 8 % 3);
        struct lsuv_check check = {.variance = gains[k / 24] * gains[k / 24]};
        const fi_watcher watcher = {.see = see_variance, .context = &check};
        fi_net *net = lsuv_net(arena, activations[k % 4], batch_norm, keep, gains[k / 24]);
        cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, &watcher), FI_OK);
        cr_expect(check.worst <= 2 * UNIT_TOLERANCE && check.product <= 1,
                  "%s, batch norm %d, policy %d: variance off by %g, product by %g bounds",
                  activations[k % 4], batch_norm, (int)keep, check.worst, check.product);
    }
    fi_arena_free(arena);
}

/* Whatever a net keeps, and whatever it is run on afterwards, its weights are the same. */
Test(dense, lsuv_scales_once)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 1, (size_t)LSUV_SAMPLES * LSUV_INPUTS, 20);
    const fi_real *other = normals(arena, 2, (size_t)LSUV_SAMPLES * LSUV_INPUTS, 3);
    const size_t size = (size_t)LSUV_SAMPLES * LSUV_WIDTH * sizeof *x;
    const fi_phase phases[] = {FI_TRAIN, FI_TEST, FI_TRAIN, FI_TEST};
    fi_real *expected[4] = {NULL};
    for (int keep = FI_KEEP_NOTHING; keep <= FI_KEEP_ALL; keep++) {
        fi_net *net = lsuv_net(arena, "tanh", false, (fi_keep)keep, 1);
        for (size_t pass = 0; pass < 4; pass++) {
            forward(net, pass < 2 ? x : other, phases[pass]);
            const fi_real *found = fi_net_output(net)->data;
            if (!expected[pass])
                expected[pass] = copy(arena, found, size / sizeof *x);
            cr_expect_arr_eq(found, expected[pass], size, "policy %d, pass %zu", keep, pass);
        }
    }
    cr_expect_arr_eq(expected[0], expected[1], size);
    cr_expect_arr_eq(expected[2], expected[3], size);
    fi_arena_free(arena);
}

/* Before the first FI_TRAIN pass W is Q; after it a multiple of it, up to a rounding a division. */
Test(dense, lsuv_scales_an_orthogonal_matrix)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 1, (size_t)LSUV_SAMPLES * LSUV_INPUTS, 20);
    fi_real q[LSUV_INPUTS * LSUV_WIDTH];
    cr_assert_eq(fi_initialize(fi_initializer_find("orthogonal"), 1,
                               fi_rng_stream(7, FI_FOR_WEIGHT, 1, 0), LSUV_INPUTS, LSUV_WIDTH, q,
                               arena),
                 FI_OK);
    fi_net *net = lsuv_net(arena, "tanh", false, FI_KEEP_ALL, 1);
    const fi_layer *first = fi_net_layer(net, 0);
    forward(net, x, FI_TEST);
    cr_expect_arr_eq(fi_layer_parameter(first, 0)->data, q, sizeof q);
    forward(net, x, FI_TRAIN);
    const fi_real *w = fi_layer_parameter(first, 0)->data;
    double scale = 0, weight = 0, worst = 0;
    for (size_t k = 0; k < LSUV_INPUTS * LSUV_WIDTH; k++) {
        scale += (double)w[k] * (double)q[k];
        weight += (double)q[k] * (double)q[k];
    }
    for (size_t k = 0; k < LSUV_INPUTS * LSUV_WIDTH; k++)
        worst = fmax(worst, fabs((double)w[k] / (double)q[k] * weight / scale - 1));
    cr_expect(worst <= 10 * EPSILON, "W / Q varies by %g", worst);
    /* entries of x have standard deviation 20, and Q keeps the norm of 30 inputs over 50 units */
    cr_expect(fabs(scale / weight * 20 * sqrt(0.6) - 1) < 0.1, "scale %g", scale / weight);
    fi_arena_free(arena);
}

/*
 * A bias adds to the variance without being scaled: each division then leaves a share of the error
 * that is the bias's share of the variance, here about 0.2, and ten leave 0.2^10 = 1e-7.
 */
Test(dense, lsuv_allows_for_a_bias)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 1, (size_t)LSUV_SAMPLES * LSUV_INPUTS, 20);
    fi_net *net = new_net(arena, LSUV_SAMPLES, LSUV_INPUTS, FI_KEEP_DATA);
    add_dense(net, LSUV_WIDTH, "lsuv", sqrt(0.2));
    struct lsuv_check check = {.variance = 1};
    const fi_watcher watcher = {.see = see_variance, .context = &check};
    cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, &watcher), FI_OK);
    cr_expect(check.worst < 1e-5, "variance off by %g", check.worst);
    fi_arena_free(arena);
}

/* Nothing to divide by: the weights stay finite, and the outputs what they are. */
Test(dense, lsuv_leaves_a_constant_alone)
{
    fi_arena *arena = new_arena();
    fi_real *x = normals(arena, 1, (size_t)LSUV_SAMPLES * LSUV_INPUTS, 1);
    memset(x, 0, (size_t)LSUV_SAMPLES * LSUV_INPUTS * sizeof *x);
    for (int nan = 0; nan < 2; nan++) {
        fi_net *net = lsuv_net(arena, "tanh", false, FI_KEEP_DATA, 1);
        x[0] = nan ? (fi_real)NAN : 0;
        forward(net, x, FI_TRAIN);
        for (size_t l = 0; l < fi_net_layers(net); l += 2) {
            const fi_blob *w = fi_layer_parameter(fi_net_layer(net, l), 0);
            for (size_t k = 0; k < w->rows * w->cols; k++)
                cr_assert(isfinite((double)w->data[k]) && fabs((double)w->data[k]) <= 1.0001);
        }
    }
    fi_arena_free(arena);
}
