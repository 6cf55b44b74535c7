/* The verdict on made-up numbers, of which it is known. */
#include "verdict_text.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static fi_arena *arena;

static void set_up(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void tear_down(void)
{
    fi_arena_free(arena);
}

TestSuite(verdict_trend, .init = set_up, .fini = tear_down);

/* A study of 2 activations x 2 x 2 runs in which only the last configuration is said to exist. */
typedef struct made_up {
    fi_axis axes[FI_INIT_AXES];
    double *values[FI_INIT_VARIABLES];
    fi_dataset dataset;
    fi_verdict_input input;
} made_up;

static void set(made_up *m, size_t variable, size_t layer, double value)
{
    const size_t layers = m->axes[FI_AXIS_LAYER].size;
    for (size_t run = 0; run < 2; run++)
        m->values[variable][((2 * 1 + 1) * 2 + run) * layers + layer] = value;
}

/* Everything missing there, and nonsense elsewhere. */
static void make(made_up *m, size_t depth, const char *activation, bool batch_norm)
{
    *m = (made_up){.axes = {{.size = 2}, {.size = 2}, {.size = 2}, {.size = depth + 1}}};
    for (size_t v = 0; v < FI_INIT_VARIABLES; v++) {
        m->values[v] = fi_arena_alloc(arena, 8 * (depth + 1), sizeof **m->values);
        for (size_t k = 0; k < 8 * (depth + 1); k++)
            m->values[v][k] = 7;
        for (size_t layer = 0; layer <= depth; layer++)
            set(m, v, layer, (double)NAN);
    }
    m->dataset = (fi_dataset){.n_axes = FI_INIT_AXES, .axes = m->axes, .values = m->values};
    m->input = (fi_verdict_input){.dataset = &m->dataset,
                                  .at_activation = 1,
                                  .at_batch_norm = 1,
                                  .activation = fi_activation_find(activation),
                                  .batch_norm = batch_norm,
                                  .width = 100,
                                  .sw2 = (double)NAN};
}

Test(verdict_trend, of_missing_values_says_nothing)
{
    made_up m;
    for (size_t depth = 1; depth < 4; depth++) {
        make(&m, depth, "tanh", depth == 2);
        char *text = NULL;
        const fi_verdict v = verdict_of(&m.input, &text);
        expect_class(&v, FI_VERDICT_UNKNOWN, text);
        cr_expect_str_eq(text, depth == 2 ? "tanh, batch norm on: nothing was measured. "
                                          : "tanh, batch norm off: nothing was measured. ");
        free(text);
    }
}

/* std l^-1/2, or 2^-l, whatever lies in layer 0; no theory speaks of batch norm. */
Test(verdict_trend, tells_powers_from_factors)
{
    made_up m;
    for (size_t depth = 4; depth <= 12; depth++)
        for (int power = 0; power < 2; power++) {
            make(&m, depth, "tanh", true);
            for (size_t l = 0; l <= depth; l++)
                set(&m, FI_INIT_ACT_VARIANCE, l,
                    l == 0  ? 1e6
                    : power ? 1 / (double)l
                            : pow(0.25, (double)l));
            const fi_trend signal = fi_verdict_compute(&m.input).signal;
            cr_expect_eq(signal.change, power ? FI_CHANGE_FALLS_SLOWLY : FI_CHANGE_FALLS);
            if (power)
                cr_expect_float_eq(signal.exponent, 0.5, 1e-12);
            else
                cr_expect_float_eq(signal.factor, 0.5, 1e-12);
            /* 2^-10 is the first under 1/1000; 1 + 3 / log10 2 layers if they were not whole. */
            const double lost = power ? 1e6 : depth < 11 ? 1 + 3 / log10(2) : 11;
            cr_expect_float_eq(signal.lost, lost, 1e-9 * lost, "depth %zu: %.12g", depth,
                               signal.lost);
            cr_expect_eq(signal.lost_seen, !power && depth >= 11);
        }
}

/* Gradients go from the top down: 3 a layer makes 1000 over 8 layers, top and bottom included. */
Test(verdict_trend, follows_gradients_down)
{
    made_up m;
    make(&m, 10, "relu", true);
    for (size_t l = 0; l <= 10; l++) {
        set(&m, FI_INIT_ACT_VARIANCE, l, 1);
        set(&m, FI_INIT_GRADIENT_VARIANCE, l, l == 0 ? 1e-9 : pow(9, 10 - (double)l));
    }
    const fi_trend gradient = fi_verdict_compute(&m.input).gradient;
    cr_expect_eq(gradient.change, FI_CHANGE_GROWS);
    cr_expect_float_eq(gradient.factor, 3, 1e-12);
    cr_expect_float_eq(gradient.first, 1, 1e-12);
    cr_expect_float_eq(gradient.last, pow(3, 9), 1e-9);
    cr_expect_eq(gradient.lost, 8);
}

/* Without theory, a fall in the first layers only; with it, a rise to where sw2 = 2 settles. */
Test(verdict_trend, passes_over_transients)
{
    static const double falls[11] = {1,      .8,     .64,    .512,   .4096, .32768,
                                     .32768, .32768, .32768, .32768, .32768};
    static const double rises[8] = {.05, .07, .1, .14, .19, .26, .34, .41};
    made_up m;
    make(&m, 11, "tanh", true);
    for (size_t l = 1; l <= 11; l++)
        set(&m, FI_INIT_ACT_VARIANCE, l, falls[l - 1] * falls[l - 1]);
    cr_expect_eq(fi_verdict_compute(&m.input).signal.change, FI_CHANGE_NONE);
    make(&m, 8, "tanh", false);
    m.input.sw2 = 2;
    for (size_t l = 1; l <= 8; l++)
        set(&m, FI_INIT_ACT_VARIANCE, l, rises[l - 1] * rises[l - 1]);
    const fi_verdict v = fi_verdict_compute(&m.input);
    expect_class(&v, FI_VERDICT_HOLDS, "");
}

/* A rate on its way to theory's 1/sqrt 2 is taken to be half way. */
Test(verdict_trend, extrapolates_towards_theory)
{
    made_up m;
    make(&m, 5, "relu", false);
    m.input.sw2 = 1;
    for (size_t l = 1; l <= 5; l++)
        set(&m, FI_INIT_ACT_VARIANCE, l, pow(.75, 2 * (double)l));
    const double rate = 0.5 * (log(.75) + 0.5 * log(.5));
    const double lost = 5 + (-log(1000) - 4 * log(.75)) / rate;
    cr_expect_float_eq(fi_verdict_compute(&m.input).signal.lost, lost, 1e-9);
}

/* Values near the least of the type stop falling, and do not count. */
Test(verdict_trend, leaves_out_what_is_near_the_least)
{
    made_up m;
    make(&m, 40, "relu", true);
    for (size_t l = 1; l <= 40; l++)
        set(&m, FI_INIT_ACT_VARIANCE, l, fmax(pow(.01, (double)l), 1e-75));
    cr_expect_float_eq(fi_verdict_compute(&m.input).signal.factor, .1, 1e-9);
}

/* Of two samples that are the same but for rounding nothing is left. */
Test(verdict_trend, does_not_follow_rounding)
{
    static const double apart[6] = {.5, .05, 1e-3, 1e-14, 1e-16, -2.3e-16};
    made_up m;
    make(&m, 6, "sigmoid", false);
    for (size_t l = 1; l <= 6; l++) {
        set(&m, FI_INIT_ACT_MEAN, l, .5);
        set(&m, FI_INIT_ACT_VARIANCE, l, .01);
        set(&m, FI_INIT_COSINE, l, 1 - apart[l - 1]);
    }
    m.input.sw2 = 1;
    const fi_verdict v = fi_verdict_compute(&m.input);
    cr_expect_eq(v.contrast.zero, 4);
    cr_expect_float_eq(v.contrast.factor, pow(.002, .25), 1e-12);
    expect_class(&v, FI_VERDICT_FORGETS, "");
}

/* Critical scales: 1 without bias for tanh, and as Schoenholz et al. 2017 have it; none that is not
 * saturated for sigmoid; 2 / fan_in for ReLU (He et al. 2015), 1 / fan_in for SELU. */
Test(verdict_trend, finds_the_scale_that_serves)
{
    static const struct {
        const char *activation;
        double sb2, scale;
    } cases[] = {{"tanh", 0, 1},     {"tanh", .05, 1.760955}, {"sigmoid", 0, 0}, {"sigmoid", .1, 0},
                 {"softplus", 0, 0}, {"relu", 0, 2},          {"selu", 0, 1},    {"linear", 0, 1},
                 {"relu", .05, 1.9}, {"erf", .05, 1.375839}};
    made_up m;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        make(&m, 1, cases[k].activation, false);
        m.input.sb2 = cases[k].sb2;
        const double scale = fi_verdict_compute(&m.input).scale;
        if (cases[k].scale == 0)
            cr_expect(isnan(scale), "%s: %g", cases[k].activation, scale);
        else
            cr_expect(fabs(scale - cases[k].scale) < 1e-5, "%s: %.7g, expected %.7g",
                      cases[k].activation, scale, cases[k].scale);
    }
}

/* The whole paragraph, from numbers of ReLU networks at half of He's variance. */
Test(verdict_trend, writes_what_the_numbers_are)
{
    made_up m;
    make(&m, 5, "relu", false);
    for (size_t l = 0; l <= 5; l++) {
        const double scale = pow(0.5, (double)l);
        set(&m, FI_INIT_PRE_MEAN, l, 0);
        set(&m, FI_INIT_PRE_VARIANCE, l, 2 * scale);
        set(&m, FI_INIT_ACT_MEAN, l, 0.5 * sqrt(scale));
        set(&m, FI_INIT_ACT_VARIANCE, l, scale);
        set(&m, FI_INIT_COSINE, l, 0.3);
        set(&m, FI_INIT_DEAD_FRACTION, l, 0.036);
        set(&m, FI_INIT_NONFINITE, l, 0);
        set(&m, FI_INIT_DISTINCT_UNITS, l, 100);
        set(&m, FI_INIT_WEIGHT_VARIANCE, l, 0.01);
        set(&m, FI_INIT_GRADIENT_VARIANCE, l, pow(0.5, 5 - (double)l));
        set(&m, FI_INIT_WEIGHT_GRADIENT_VARIANCE, l, 4e4 / scale);
    }
    char *text = NULL;
    const fi_verdict v = verdict_of(&m.input, &text);
    expect_class(&v, FI_VERDICT_DIES, text);
    cr_expect_float_eq(v.sw2, 1, 1e-12);
    cr_expect_str_eq(
        text,
        "relu, batch norm off: the signal dies. Its standard deviation shrinks 1.41x a layer "
        "(factor 0.707); at about layer 21 a thousandth of layer 1's would be left. 3.6 % of the "
        "units in layer 5 are dead: slope 0 on every sample. Gradients shrink alike, 1.41x a layer "
        "on the way down: of 1.00 at the top 0.250 is left in layer 1 (dW: 1131 in layer 5, 283 in "
        "layer 1). Regime: ordered: by theory gradients, and small differences between inputs, "
        "shrink by chi = 0.500 a layer in mean square. What to do: draw the weights with std "
        "sqrt(2 / fan_in) (He), or use batch norm. ");
    free(text);
}

Test(verdict_trend, names_every_class)
{
    for (int a = 0; a < FI_VERDICT_CLASSES; a++)
        for (int b = 0; b < a; b++)
            cr_expect(strcmp(fi_verdict_class_name((fi_verdict_class)a),
                             fi_verdict_class_name((fi_verdict_class)b)) != 0);
}
