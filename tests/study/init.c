/* The initialization study against the classic printed table and an independent Monte Carlo. */
#include "core/arena.h"
#include "core/place.h"
#include "kind.h"
#include "montecarlo.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static fi_arena *arena;

static void set_up(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void tear_down(void)
{
    fi_arena_free(arena);
}

TestSuite(init, .init = set_up, .fini = tear_down);

/* Mean over the runs of a variable at a layer. */
static double mean_of(const fi_dataset *dataset, const fi_test_kind *kind, size_t variable,
                      size_t layer)
{
    double sum = 0;
    for (size_t run = 0; run < kind->runs; run++)
        sum += dataset->values[variable][run * (kind->depth + 1) + layer];
    return sum / (double)kind->runs;
}

/* Bytes of its arena that a cell holds when it is done. */
static size_t held;

static fi_status hold(const fi_cell *cell)
{
    const fi_status status = fi_init_cell(cell);
    held = fi_arena_now(cell->arena).used;
    return status;
}

static fi_test_kind classic(const char *initializer, const char *activation, bool batch_norm)
{
    return (fi_test_kind){initializer, activation, batch_norm, false, 1, 2, 10, 500, 1000};
}

/*
 * The greatest |z| of all layers and statistics. The standard error is that of a mean of our runs
 * less a mean of theirs; a floor of 1e-6 of the value stands for rounding (of the printed table,
 * which has six digits, and of float).
 */
static double worst_z(const struct monte_carlo *theirs, const fi_test_kind *kind)
{
    static const size_t columns[4] = {FI_INIT_PRE_MEAN, FI_INIT_PRE_VARIANCE, FI_INIT_ACT_MEAN,
                                      FI_INIT_ACT_VARIANCE};
    const double scale = sqrt(1.0 / (double)kind->runs + 1.0 / MONTE_CARLO_RUNS);
    const fi_dataset dataset = fi_test_run(arena, fi_processors(), kind);
    double worst = 0;
    for (size_t layer = 1; layer <= MONTE_CARLO_LAYERS; layer++)
        for (size_t c = 0; c < 4; c++) {
            const double mean = theirs->layers[layer - 1].mean[c];
            const double error = theirs->layers[layer - 1].sd[c] * scale;
            const double ours = mean_of(&dataset, kind, columns[c], layer);
            const double z = fabs(ours - mean) / (error + 1e-6 * fmax(fabs(mean), 1e-3));
            worst = isnan(z) || z > worst ? z : worst;
        }
    for (size_t layer = 0; layer <= MONTE_CARLO_LAYERS; layer++) {
        double ours = 0;
        for (size_t run = 0; run < kind->runs; run++) {
            const size_t at = run * (kind->depth + 1) + layer;
            const double mean = dataset.values[FI_INIT_GRADIENT_MEAN][at];
            ours += log(dataset.values[FI_INIT_GRADIENT_VARIANCE][at] + mean * mean);
        }
        const double z = fabs(ours / (double)kind->runs - theirs->log_gradient[layer].mean) /
                         (theirs->log_gradient[layer].sd * scale + 1e-6);
        worst = isnan(z) || z > worst ? z : worst;
    }
    return worst;
}

/*
 * 51 correlated comparisons a network. The deviations are themselves estimated from 24 seeds, so z
 * follows Student's t with 23 degrees of freedom: P(|t| > 5) = 5e-5, under 2 % for all of them.
 */
Test(init, agrees_with_the_monte_carlo)
{
    for (size_t k = 0; k < sizeof monte_carlo / sizeof *monte_carlo; k++) {
        const struct monte_carlo *theirs = &monte_carlo[k];
        const fi_test_kind kind =
            classic(theirs->initializer, theirs->activation, theirs->batch_norm);
        const double z = worst_z(theirs, &kind);
        cr_expect(z < 5, "%s %s batch norm %d: |z| = %.2f", kind.initializer, kind.activation,
                  kind.batch_norm, z);
    }
}

/* The same test notices weights that are 5 % too large; batch norm is blind to them by design. */
Test(init, monte_carlo_notices_a_wrong_scale)
{
    for (size_t k = 0; k < sizeof monte_carlo / sizeof *monte_carlo; k++) {
        const struct monte_carlo *theirs = &monte_carlo[k];
        fi_test_kind kind = classic(theirs->initializer, theirs->activation, theirs->batch_norm);
        kind.gain = 1.05;
        const double z = worst_z(theirs, &kind);
        cr_expect(kind.batch_norm || z > 5, "%s %s: |z| = %.2f", kind.initializer, kind.activation,
                  z);
    }
}

/* Infinite width and one-run deviation (Poole et al. 2016; finite-width terms), layers 1 2 5 10. */
static const struct row {
    const char *initializer, *activation;
    size_t variable; /* a mean, or a variance of which the table gives the root */
    double value[4], sd[4];
} classic_table[] = {
    {"small_normal",
     "tanh",
     FI_INIT_ACT_VARIANCE,
     {.213546, .0476421, 5.32592e-4, 2.97728e-7},
     {3.7e-4, 1.4e-4, 3.1e-6, 3.5e-9}},
    {"unit_normal",
     "tanh",
     FI_INIT_ACT_VARIANCE,
     {.982012, .981680, .981673, .981673},
     {1.2e-4, 1.2e-4, 1.2e-4, 1.2e-4}},
    {"xavier_normal",
     "tanh",
     FI_INIT_ACT_VARIANCE,
     {.62768, .48600, .32146, .22806},
     {.0025 / 4, .0030 / 4, .0045 / 4, .0066 / 4}},
    {"xavier_normal",
     "relu",
     FI_INIT_ACT_MEAN,
     {.398942, .282095, .099736, .017631},
     {.0011, .0096, .0064, .0022}},
    {"xavier_normal",
     "relu",
     FI_INIT_ACT_VARIANCE,
     {.583819, .412823, .145955, .025801},
     {.0014, .0077, .0081, .0030}},
    {"he_normal",
     "relu",
     FI_INIT_ACT_MEAN,
     {.56419, .56419, .56419, .56419},
     {.0058 / 4, .0183, .041, .065}},
    {"he_normal",
     "relu",
     FI_INIT_ACT_VARIANCE,
     {.82565, .82565, .82565, .82565},
     {.0076 / 4, .0155, .049, .089}},
};

/* One seed within 4 standard deviations of the classic experiment's table. */
Test(init, agrees_with_the_classic_table)
{
    static const size_t layers[4] = {1, 2, 5, 10};
    for (size_t k = 0; k < sizeof classic_table / sizeof *classic_table; k++) {
        const struct row *row = &classic_table[k];
        fi_test_kind kind = classic(row->initializer, row->activation, false);
        kind.runs = 1;
        kind.forward_only = true;
        const fi_dataset dataset = fi_test_run(arena, fi_processors(), &kind);
        for (size_t l = 0; l < 4; l++) {
            double ours = mean_of(&dataset, &kind, row->variable, layers[l]);
            if (row->variable == FI_INIT_ACT_VARIANCE)
                ours = sqrt(ours);
            const double z = fabs(ours - row->value[l]) / row->sd[l];
            cr_expect(z < 4, "%s %s layer %zu: %g, expected %g, z = %.2f", row->initializer,
                      row->activation, layers[l], ours, row->value[l], z);
        }
    }
}

/* Zero weights: everything exactly what symmetry makes it, and finite with batch norm. */
Test(init, zero_weights_are_exact)
{
    static const struct {
        const char *activation;
        double mean;
    } cases[] = {{"tanh", 0}, {"relu", 0}, {"sigmoid", .5}};
    for (size_t k = 0; k < 3; k++)
        for (int batch_norm = 0; batch_norm < 2; batch_norm++) {
            const fi_test_kind kind = {"zeros", cases[k].activation, batch_norm, false, 1, 1, 4, 30,
                                       50};
            const fi_dataset d = fi_test_run(arena, fi_processors(), &kind);
            for (size_t l = 1; l <= kind.depth; l++) {
                cr_expect_eq(d.values[FI_INIT_PRE_VARIANCE][l], 0);
                cr_expect_eq(d.values[FI_INIT_ACT_MEAN][l], cases[k].mean);
                cr_expect_eq(d.values[FI_INIT_ACT_VARIANCE][l], 0);
                cr_expect_eq(d.values[FI_INIT_NONFINITE][l], 0);
                cr_expect_eq(d.values[FI_INIT_DISTINCT_UNITS][l], 1);
                cr_expect_eq(d.values[FI_INIT_WEIGHT_VARIANCE][l], 0);
                cr_expect(isfinite(d.values[FI_INIT_GRADIENT_VARIANCE][l]));
                cr_expect(isfinite(d.values[FI_INIT_WEIGHT_GRADIENT_VARIANCE][l]));
                if (cases[k].mean == 0) {
                    cr_expect_eq(d.values[FI_INIT_WEIGHT_GRADIENT_VARIANCE][l], 0);
                    cr_expect_eq(d.values[FI_INIT_ZERO_FRACTION][l], 1);
                }
                if (l < kind.depth) {
                    cr_expect_eq(d.values[FI_INIT_DISTINCT_GRADIENTS][l], 1);
                    cr_expect_eq(d.values[FI_INIT_GRADIENT_VARIANCE][l], 0);
                }
            }
        }
}

/* Xavier and He with one seed see the same draws: a linear layer's outputs are proportional. */
Test(init, schemes_share_their_draws)
{
    fi_test_kind kind = {"xavier_normal", "linear", false, true, 1, 2, 3, 40, 60};
    const fi_dataset xavier = fi_test_run(arena, fi_processors(), &kind);
    kind.initializer = "he_normal";
    const fi_dataset he = fi_test_run(arena, fi_processors(), &kind);
    for (size_t l = 1; l <= kind.depth; l++) {
        const double ratio = mean_of(&he, &kind, FI_INIT_ACT_VARIANCE, l) /
                             mean_of(&xavier, &kind, FI_INIT_ACT_VARIANCE, l);
        /* the factor sqrt 2 is rounded once a layer: a few ulps of float in the variance */
        cr_expect_float_eq(ratio / pow(2, (double)l), 1, 1e-5, "layer %zu: %.9g", l, ratio);
    }
}

/* The histogram holds every finite activation, between edges that enclose the extremes. */
Test(init, histogram_counts_everything)
{
    static const char *const activations[] = {"tanh", "relu", "gelu", "sigmoid"};
    for (size_t k = 0; k < 4; k++) {
        const fi_test_kind kind = {"he_normal", activations[k], false, true, 1, 1, 3, 40, 60};
        const fi_dataset d = fi_test_run(arena, fi_processors(), &kind);
        for (size_t l = 0; l <= kind.depth; l++) {
            double sum = 0;
            for (size_t b = 0; b < FI_INIT_BINS; b++)
                sum += d.values[FI_INIT_HISTOGRAM][l * FI_INIT_BINS + b];
            const double *edges = d.values[FI_INIT_EDGES] + l * (FI_INIT_BINS + 1);
            cr_expect_eq(sum, (double)(kind.width * kind.samples));
            cr_expect(edges[0] <= d.values[FI_INIT_ACT_MINIMUM][l]);
            cr_expect(edges[FI_INIT_BINS] >= d.values[FI_INIT_ACT_MAXIMUM][l]);
        }
    }
}

/* What is counted of a layer is forgotten with it: 8 KiB are for what a layer itself is. */
Test(init, memory_is_flat_in_depth_without_backward)
{
    static const char *const activations[] = {"tanh", "relu", "gelu"};
    for (int k = 0; k < 6; k++) {
        fi_test_kind kind = classic("he_normal", activations[k / 2], k % 2);
        size_t bytes[2];
        kind.forward_only = true;
        kind.width = 64;
        kind.samples = 100;
        kind.runs = 1;
        for (int deep = 0; deep < 2; deep++) {
            kind.depth = deep ? 30 : 2;
            (void)fi_test_run_with(arena, 1, &kind, hold);
            bytes[deep] = held;
        }
        cr_expect(bytes[1] - bytes[0] < 28 * (size_t)8192, "%s, batch norm %d: %zu bytes a layer",
                  kind.activation, kind.batch_norm, (bytes[1] - bytes[0]) / 28);
    }
}
