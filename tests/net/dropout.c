/* Dropout: the mask's law, where it comes from, and that backward uses forward's mask. */
#include "fixture.h"

#include <signal.h>

enum {
    SAMPLES = 200,
    UNITS = 501,
    COUNT = SAMPLES * UNITS
};

static fi_real *constant(fi_arena *arena, fi_real value)
{
    fi_real *x = fi_arena_alloc(arena, COUNT, sizeof *x);
    cr_assert_not_null(x);
    for (size_t k = 0; k < COUNT; k++)
        x[k] = value;
    return x;
}

static fi_net *dropout_net(fi_arena *arena, double keep, fi_keep policy)
{
    fi_net *net = new_net(arena, SAMPLES, UNITS, policy);
    cr_assert_eq(fi_net_dropout(net, NULL, keep), FI_OK);
    return net;
}

/* Of n independent elements the fraction kept has standard error sqrt(keep (1 - keep) / n). */
Test(dropout, keeps_the_fraction_and_the_mean)
{
    const double keeps[] = {0.1, 0.5, 0.8, 0.97};
    for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++) {
        fi_arena *arena = new_arena();
        fi_net *net = dropout_net(arena, keeps[k], FI_KEEP_NOTHING);
        forward(net, constant(arena, 1), FI_TRAIN);
        double kept = 0;
        double sum = 0;
        for (size_t i = 0; i < COUNT; i++) {
            kept += fi_net_output(net)->data[i] != 0;
            sum += (double)fi_net_output(net)->data[i];
        }
        const double error = sqrt(keeps[k] * (1 - keeps[k]) / COUNT);
        cr_expect(fabs(kept / COUNT - keeps[k]) < 5 * error, "kept %g of %g", kept / COUNT,
                  keeps[k]);
        cr_expect(fabs(sum / COUNT - 1) < 5 * error / keeps[k], "mean %g at keep %g", sum / COUNT,
                  keeps[k]);
        fi_arena_free(arena);
    }
}

/* Element k of pass `step` is kept iff draw k of the stream is below keep 2^32. */
Test(dropout, masks_are_the_streams_draws_step_by_step)
{
    const double keep = 0.7;
    fi_arena *arena = new_arena();
    fi_net *net = dropout_net(arena, keep, FI_KEEP_DATA);
    const fi_real *x = normals(arena, 1, COUNT, 1);
    const fi_real scale = (fi_real)(1 / keep);
    for (uint64_t step = 0; step < 3; step++) {
        forward(net, x, FI_TEST); /* is no step */
        forward(net, x, FI_TRAIN);
        fi_rng rng = fi_rng_stream(7, FI_FOR_DROPOUT, 0, step);
        size_t wrong = 0;
        for (size_t i = 0; i < COUNT; i++) {
            const fi_real kept = fi_rng_u32(&rng) < keep * 0x1p32 ? x[i] * scale : 0;
            wrong += fi_net_output(net)->data[i] != kept;
        }
        cr_expect_eq(wrong, 0, "step %d: %zu elements differ", (int)step, wrong);
    }
    fi_arena_free(arena);
}

/* Two independent masks differ in 2 keep (1 - keep) of the elements. */
Test(dropout, neighbouring_steps_are_independent)
{
    const double keep = 0.5;
    fi_arena *arena = new_arena();
    fi_net *net = dropout_net(arena, keep, FI_KEEP_ALL);
    const fi_real *x = constant(arena, 1);
    forward(net, x, FI_TRAIN);
    const fi_real *first = copy(arena, fi_net_output(net)->data, COUNT);
    forward(net, x, FI_TRAIN);
    double differ = 0;
    for (size_t i = 0; i < COUNT; i++)
        differ += first[i] != fi_net_output(net)->data[i];
    cr_expect(fabs(differ / COUNT - 0.5) < 5 * sqrt(0.25 / COUNT), "%g differ", differ / COUNT);
    fi_arena_free(arena);
}

/* With all ones forward and backward, output and gradient are both mask / keep. */
Test(dropout, backward_uses_the_mask_of_the_last_forward)
{
    fi_arena *arena = new_arena();
    fi_net *net = dropout_net(arena, 0.6, FI_KEEP_DATA);
    const fi_real *ones = constant(arena, 1);
    for (int step = 0; step < 2; step++) {
        forward(net, ones, FI_TRAIN);
        fi_net_backward(net, ones, NULL);
        cr_expect_arr_eq(fi_net_input(net)->diff, fi_net_output(net)->data, COUNT * sizeof(fi_real),
                         "step %d", step);
    }
    fi_arena_free(arena);
}

/* Dropped is 0, whatever was there. */
Test(dropout, drops_what_is_not_finite)
{
    fi_arena *arena = new_arena();
    fi_net *net = dropout_net(arena, 0.5, FI_KEEP_DATA);
    forward(net, constant(arena, (fi_real)NAN), FI_TRAIN);
    size_t zeros = 0;
    for (size_t i = 0; i < COUNT; i++)
        zeros += fi_net_output(net)->data[i] == 0;
    cr_expect(fabs((double)zeros / COUNT - 0.5) < 5 * sqrt(0.25 / COUNT), "%zu zeros", zeros);
    fi_arena_free(arena);
}

static void check_identity(double keep, fi_phase phase, fi_keep policy)
{
    fi_arena *arena = new_arena();
    fi_net *net = dropout_net(arena, keep, policy);
    const fi_real *x = normals(arena, 1, COUNT, 1);
    const fi_real *cotangent = normals(arena, 2, COUNT, 1);
    forward(net, x, phase);
    cr_expect_eq(fi_net_output(net)->data, x, "a copy was made");
    if (policy != FI_KEEP_NOTHING) {
        fi_net_backward(net, cotangent, NULL);
        cr_expect_arr_eq(fi_net_input(net)->diff, cotangent, COUNT * sizeof(fi_real));
    }
    fi_arena_free(arena);
}

Test(dropout, passes_through_unless_it_trains_and_drops)
{
    for (int policy = FI_KEEP_NOTHING; policy <= FI_KEEP_ALL; policy++) {
        check_identity(0.5, FI_TEST, (fi_keep)policy);
        check_identity(0.5, FI_PROBE, (fi_keep)policy);
        check_identity(1, FI_TRAIN, (fi_keep)policy);
    }
}

/* The smallest and the largest probabilities do not wrap around: n keep, n (1 - keep) < 1e-3. */
Test(dropout, nearly_none_and_nearly_all)
{
    const double keeps[] = {1e-9, 1 - 1e-9, 1 - 0x1p-53};
    for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++) {
        fi_arena *arena = new_arena();
        fi_net *net = dropout_net(arena, keeps[k], FI_KEEP_NOTHING);
        forward(net, constant(arena, 1), FI_TRAIN);
        size_t kept = 0;
        for (size_t i = 0; i < COUNT; i++)
            kept += fi_net_output(net)->data[i] != 0;
        cr_expect_eq(kept, k ? COUNT : 0, "keep %.17g kept %zu", keeps[k], kept);
        fi_arena_free(arena);
    }
}

Test(dropout, a_probability_of_zero_is_a_bug, .signal = SIGABRT)
{
    (void)dropout_net(new_arena(), 0, FI_KEEP_DATA);
}
