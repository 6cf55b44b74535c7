/* Batch norm against its formulas in long double, in both phases, and where they are singular. */
#include "fixture.h"

#include <signal.h>

enum {
    MAX_SAMPLES = 1000
};

/* One batch norm layer on its own, with gamma and beta drawn, after one pass that made them. */
struct rig {
    fi_arena *arena;
    fi_net *net;
    const fi_layer *layer;
    size_t samples, units;
    const fi_real *gamma, *beta;
};

static struct rig rig(size_t samples, size_t units, const fi_batch_norm_spec *spec)
{
    struct rig rig = {.arena = new_arena(), .samples = samples, .units = units};
    rig.net = new_net(rig.arena, samples, units, FI_KEEP_ALL);
    cr_assert_eq(fi_net_batch_norm(rig.net, spec), FI_OK);
    rig.layer = fi_net_layer(rig.net, 0);
    forward(rig.net, normals(rig.arena, 99, samples * units, 1), FI_TEST);
    fi_real *gamma = fi_layer_parameter(rig.layer, 0)->data;
    fi_real *beta = fi_layer_parameter(rig.layer, 1)->data;
    memcpy(gamma, normals(rig.arena, 98, units, 1), units * sizeof *gamma);
    memcpy(beta, normals(rig.arena, 97, units, 1), units * sizeof *beta);
    rig.gamma = gamma;
    rig.beta = beta;
    return rig;
}

/* Of column c of x (rows, cols). */
static void column(size_t rows, size_t cols, const fi_real *x, size_t c, long double *mean,
                   long double *variance)
{
    *mean = 0;
    *variance = 0;
    for (size_t r = 0; r < rows; r++)
        *mean += (long double)x[r * cols + c];
    *mean /= (long double)rows;
    for (size_t r = 0; r < rows; r++)
        *variance += powl((long double)x[r * cols + c] - *mean, 2);
    *variance /= (long double)rows;
}

static const struct batch {
    size_t samples, units;
    double mean, sd;
} batches[] = {
    {7, 5, 0, 1},      {2, 513, 0, 1},    {MAX_SAMPLES, 3, 3, 2}, {64, 1, -1, 0.1},
    {100, 1100, 0, 1}, {50, 20, 0, 1e-6}, {300, 10, 1e4, 1},      {3, 4, 0, 1e8},
};

enum {
    BATCHES = sizeof batches / sizeof *batches
};

static fi_real *batch(const struct rig *rig, const struct batch *b, uint64_t stream)
{
    const size_t count = b->samples * b->units;
    fi_real *x = normals(rig->arena, stream, count, b->sd);
    for (size_t k = 0; k < count; k++)
        x[k] += (fi_real)b->mean;
    return x;
}

/*
 * The error, relative to the column's deviation, of what is computed in double: a mean of n values
 * about a pivot, and a variance, whose u grows at most n times where the pivot is that far out.
 */
static double double_error(size_t n, long double mean, long double variance)
{
    return DBL_EPSILON * (4 * (double)n + 4 * (double)(fabsl(mean) / sqrtl(variance)));
}

static void check_forward(const struct batch *b)
{
    const struct rig r = rig(b->samples, b->units, &(fi_batch_norm_spec){0});
    const fi_real *x = batch(&r, b, 1);
    struct worst worst = {0};
    forward(r.net, x, FI_TRAIN);
    for (size_t c = 0; c < b->units; c++) {
        long double mean, variance;
        column(b->samples, b->units, x, c, &mean, &variance);
        for (size_t k = c; k < b->samples * b->units; k += b->units) {
            const long double scaled =
                (long double)r.gamma[c] * ((long double)x[k] - mean) / sqrtl(variance + 1e-5L);
            const double y = (double)(scaled + (long double)r.beta[c]);
            const double terms = 1 + fabs((double)scaled) + fabs((double)r.beta[c]);
            compare(&worst, (double)fi_net_output(r.net)->data[k], y,
                    EPSILON * fabs(y) + double_error(b->samples, mean, variance) * terms);
        }
    }
    EXPECT_CLOSE(worst, "%zu x %zu about %g", b->samples, b->units, b->mean);
    fi_arena_free(r.arena);
}

Test(batchnorm, forward_is_the_formula)
{
    for (size_t k = 0; k < BATCHES; k++)
        check_forward(&batches[k]);
}

/* dx, dgamma and dbeta of column c by the chain rule, from sums over the batch. */
static void naive_backward(const struct rig *r, const fi_real *x, const fi_real *dy, size_t c,
                           long double *dx, long double *dgamma, long double *dbeta)
{
    long double mean, variance;
    column(r->samples, r->units, x, c, &mean, &variance);
    const long double inverse = 1 / sqrtl(variance + 1e-5L);
    const long double n = (long double)r->samples;
    *dgamma = 0;
    *dbeta = 0;
    for (size_t i = 0; i < r->samples; i++) {
        const size_t k = i * r->units + c;
        *dgamma += (long double)dy[k] * ((long double)x[k] - mean) * inverse;
        *dbeta += (long double)dy[k];
    }
    for (size_t i = 0; i < r->samples; i++) {
        const size_t k = i * r->units + c;
        const long double xhat = ((long double)x[k] - mean) * inverse;
        dx[i] = (long double)r->gamma[c] * inverse / n *
                (n * (long double)dy[k] - *dbeta - xhat * *dgamma);
    }
}

/* dy is about 1 and below 6: so are the terms of the sums, and, times gamma / sd, those of dx. */
static void check_backward(const struct batch *b)
{
    const struct rig r = rig(b->samples, b->units, &(fi_batch_norm_spec){0});
    const fi_real *x = batch(&r, b, 1);
    const fi_real *dy = normals(r.arena, 2, b->samples * b->units, 1);
    const fi_real *actual[2] = {fi_layer_parameter(r.layer, 0)->diff,
                                fi_layer_parameter(r.layer, 1)->diff};
    struct worst gamma = {0};
    struct worst beta = {0};
    struct worst x_worst = {0};
    forward(r.net, x, FI_TRAIN);
    fi_net_backward(r.net, dy, NULL);
    for (size_t c = 0; c < b->units; c++) {
        long double dx[MAX_SAMPLES], dgamma, dbeta, mean, variance;
        naive_backward(&r, x, dy, c, dx, &dgamma, &dbeta);
        column(b->samples, b->units, x, c, &mean, &variance);
        const double term = 6 * double_error(b->samples, mean, variance);
        const double sum = (double)b->samples * term;
        const double scale = fabs((double)r.gamma[c]) / sqrt((double)variance + 1e-5);
        compare(&gamma, (double)actual[0][c], dgamma, EPSILON * fabs((double)dgamma) + sum);
        compare(&beta, (double)actual[1][c], dbeta, EPSILON * fabs((double)dbeta) + sum);
        for (size_t i = 0; i < b->samples; i++)
            compare(&x_worst, (double)fi_net_input(r.net)->diff[i * b->units + c], dx[i],
                    EPSILON * fabs((double)dx[i]) + scale * term);
    }
    EXPECT_CLOSE(gamma, "dgamma, %zu x %zu about %g", b->samples, b->units, b->mean);
    EXPECT_CLOSE(beta, "dbeta, %zu x %zu about %g", b->samples, b->units, b->mean);
    EXPECT_CLOSE(x_worst, "dx, %zu x %zu about %g", b->samples, b->units, b->mean);
    fi_arena_free(r.arena);
}

Test(batchnorm, backward_is_the_formula)
{
    for (size_t k = 0; k < BATCHES; k++)
        check_backward(&batches[k]);
}

/* The variance of each unit of the layer's output, to `context`, a row of units a layer. */
struct variances {
    size_t units, row;
    long double *of;
};

static void see_variance(void *context, fi_event event, const fi_layer *layer)
{
    struct variances *variances = context;
    const fi_blob *out = fi_layer_output(layer);
    if (event != FI_AFTER_FORWARD || strcmp(fi_layer_kind(layer), "activation") == 0)
        return;
    for (size_t c = 0; c < out->cols; c++) {
        long double mean;
        column(out->rows, out->cols, out->data, c, &mean,
               &variances->of[variances->row * variances->units + c]);
    }
    variances->row++;
}

/*
 * Of a linear net each unit's variance v becomes v / (v + eps): to 1e-10 in double; in float to
 * the rounding of each y, which moves v by at most 2 u max|y| sd, and of each z.
 */
static void check_linear_net(const char *initializer, fi_keep keep)
{
    enum {
        DEPTH = 5,
        SAMPLES = 200,
        UNITS = 40
    };
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, UNITS, keep);
    for (int l = 0; l < DEPTH; l++) {
        add_dense(net, UNITS, initializer, 0);
        add_batch_norm(net);
        add_activation(net, "linear");
    }
    long double of[2 * DEPTH * UNITS];
    struct variances variances = {UNITS, 0, of};
    const fi_watcher watcher = {.see = see_variance, .context = &variances};
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * UNITS, 1);
    cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, &watcher), FI_OK);
    const double tolerance = fmax(1e-10, 20 * EPSILON);
    struct worst worst = {0};
    for (size_t l = 0; l < DEPTH; l++) {
        for (size_t c = 0; c < UNITS; c++) {
            const double before = (double)of[2 * l * UNITS + c];
            const double after = (double)of[(2 * l + 1) * UNITS + c];
            const double expected = before / (before + 1e-5);
            compare(&worst, after, expected, tolerance * expected);
        }
    }
    EXPECT_CLOSE(worst, "%s, variances", initializer);
    fi_arena_free(arena);
}

Test(batchnorm, variance_of_a_linear_net)
{
    const char *const initializers[] = {"small_normal", "he_normal", "unit_normal"};
    for (size_t k = 0; k < sizeof initializers / sizeof *initializers; k++) {
        check_linear_net(initializers[k], FI_KEEP_NOTHING);
        check_linear_net(initializers[k], FI_KEEP_DATA);
    }
}

/* What does not vary comes out as beta, exactly, and passes no gradient. */
Test(batchnorm, a_constant_unit_gives_beta)
{
    const double values[] = {0, 0.1, 1.0 / 3, -1e4, 3e-39};
    const size_t samples[] = {1, 2, 7, 1000};
    for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
        const size_t units = sizeof values / sizeof *values;
        const struct rig r = rig(samples[s], units, &(fi_batch_norm_spec){0});
        fi_real *x = fi_arena_alloc(r.arena, samples[s] * units, sizeof *x);
        for (size_t k = 0; k < samples[s] * units; k++)
            x[k] = (fi_real)values[k % units];
        forward(r.net, x, FI_TRAIN);
        fi_net_backward(r.net, normals(r.arena, 2, samples[s] * units, 1), NULL);
        struct worst y = {0};
        struct worst dx = {0}; /* below any bound is finite */
        for (size_t k = 0; k < samples[s] * units; k++) {
            compare(&y, (double)fi_net_output(r.net)->data[k], (double)r.beta[k % units], 0);
            compare(&dx, (double)fi_net_input(r.net)->diff[k], 0, samples[s] > 1 ? 1e6 : 0);
        }
        EXPECT_CLOSE(y, "y of %zu samples", samples[s]);
        EXPECT_CLOSE(dx, "dx of %zu samples", samples[s]);
        for (size_t c = 0; c < units; c++) {
            cr_expect_eq(fi_layer_parameter(r.layer, 0)->diff[c], 0);
            cr_expect(isfinite((double)fi_layer_state(r.layer, 1)->data[c]));
        }
        fi_arena_free(r.arena);
    }
}

/* Three batches at a momentum of 0.25, the variance by n - 1; FI_TEST changes nothing. */
Test(batchnorm, running_statistics)
{
    const struct batch b = {11, 6, 3, 2};
    const struct rig r = rig(b.samples, b.units, &(fi_batch_norm_spec){.momentum = 0.25});
    double mean[6] = {0};
    double variance[6] = {1, 1, 1, 1, 1, 1};
    for (uint64_t step = 0; step < 3; step++) {
        const fi_real *x = batch(&r, &b, step);
        forward(r.net, x, FI_TRAIN);
        forward(r.net, normals(r.arena, 50, b.samples * b.units, 1), FI_TEST);
        for (size_t c = 0; c < b.units; c++) {
            long double m, v;
            column(b.samples, b.units, x, c, &m, &v);
            mean[c] = 0.75 * mean[c] + 0.25 * (double)m;
            variance[c] = 0.75 * variance[c] + 0.25 * (double)v * 11 / 10;
            const double actual_mean = (double)fi_layer_state(r.layer, 0)->data[c];
            const double actual_variance = (double)fi_layer_state(r.layer, 1)->data[c];
            /* a rounding to fi_real a step, and the statistics' own */
            const double u = 3 * EPSILON + double_error(b.samples, m, v);
            cr_expect(fabs(actual_mean - mean[c]) <= u * (fabs(mean[c]) + 3),
                      "step %d: mean %.17g, expected %.17g", (int)step, actual_mean, mean[c]);
            cr_expect(fabs(actual_variance - variance[c]) <= u * variance[c],
                      "step %d: variance %.17g, expected %.17g", (int)step, actual_variance,
                      variance[c]);
        }
    }
    fi_arena_free(r.arena);
}

/* In FI_TEST the layer is affine in x: the gradients of the two constants are not there. */
Test(batchnorm, test_phase_uses_running_statistics)
{
    const struct batch b = {11, 6, 3, 2};
    const size_t count = b.samples * b.units;
    const struct rig r = rig(b.samples, b.units, &(fi_batch_norm_spec){.eps = 0.5});
    forward(r.net, batch(&r, &b, 1), FI_TRAIN);
    const fi_real *x = batch(&r, &b, 2);
    const fi_real *dy = normals(r.arena, 3, count, 1);
    forward(r.net, x, FI_TEST);
    fi_net_backward(r.net, dy, NULL);
    double dgamma[6] = {0};
    struct worst worst = {0};
    for (size_t k = 0; k < count; k++) {
        const size_t c = k % b.units;
        const double mean = (double)fi_layer_state(r.layer, 0)->data[c];
        const double variance = (double)fi_layer_state(r.layer, 1)->data[c];
        const double xhat = ((double)x[k] - mean) / sqrt(variance + 0.5);
        const double scaled = (double)r.gamma[c] * xhat;
        const double beta = (double)r.beta[c];
        const double dx = (double)dy[k] * (double)r.gamma[c] / sqrt(variance + 0.5);
        const double u = EPSILON + 8 * DBL_EPSILON;
        dgamma[c] += (double)dy[k] * xhat;
        compare(&worst, (double)fi_net_output(r.net)->data[k], scaled + beta,
                u * (fabs(scaled) + fabs(beta)));
        compare(&worst, (double)fi_net_input(r.net)->diff[k], dx, u * fabs(dx));
    }
    for (size_t c = 0; c < b.units; c++)
        compare(&worst, (double)fi_layer_parameter(r.layer, 0)->diff[c], dgamma[c],
                EPSILON * fabs(dgamma[c]) + 11 * 6 * double_error(b.samples, 3, 1));
    EXPECT_CLOSE(worst, "%zu x %zu", b.samples, b.units);
    fi_arena_free(r.arena);
}

Test(batchnorm, a_negative_eps_is_a_bug, .signal = SIGABRT)
{
    fi_net *net = new_net(new_arena(), 2, 3, FI_KEEP_ALL);
    (void)!fi_net_batch_norm(net, &(fi_batch_norm_spec){.eps = -1});
}
