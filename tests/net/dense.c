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
