/* Short ways to arenas, numbers and nets, for the tests of this room. */
#ifndef FI_TESTS_NET_FIXTURE_H
#define FI_TESTS_NET_FIXTURE_H

#include "fanin.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#ifdef FI_DOUBLE
#define EPSILON DBL_EPSILON
#else
#define EPSILON ((double)FLT_EPSILON)
#endif

/* The worst of many comparisons, to be told once. */
struct worst {
    size_t wrong;
    double excess, actual, expected;
};

static inline void compare(struct worst *worst, double actual, long double expected,
                           double tolerance)
{
    const double error = fabs(actual - (double)expected);
    if (error <= tolerance)
        return;
    if (worst->wrong++ == 0 || !(error - tolerance <= worst->excess)) {
        worst->excess = error - tolerance;
        worst->actual = actual;
        worst->expected = (double)expected;
    }
}

#define EXPECT_CLOSE(worst, format, ...)                                                           \
    cr_expect((worst).wrong == 0, format ": %zu values are off, the worst %.17g, expected %.17g",  \
              __VA_ARGS__, (worst).wrong, (worst).actual, (worst).expected)

static inline fi_arena *new_arena(void)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    return arena;
}

/* N(0, std^2); each `stream` gives other numbers. */
static inline fi_real *normals(fi_arena *arena, uint64_t stream, size_t count, double std)
{
    fi_real *x = fi_arena_alloc(arena, count, sizeof *x);
    cr_assert_not_null(x);
    fi_rng rng = fi_rng_stream(stream, FI_FOR_DATA, 0, 0);
    fi_draw(&rng, FI_NORMAL, std, count, x);
    return x;
}

static inline fi_real *copy(fi_arena *arena, const fi_real *x, size_t count)
{
    fi_real *y = fi_arena_alloc(arena, count, sizeof *y);
    cr_assert_not_null(y);
    return memcpy(y, x, count * sizeof *x);
}

static inline fi_net *new_net(fi_arena *arena, size_t samples, size_t inputs, fi_keep keep)
{
    fi_net *net = NULL;
    const fi_net_spec spec = {.samples = samples, .inputs = inputs, .seed = 7, .keep = keep};
    cr_assert_eq(fi_net_new(&net, arena, &spec), FI_OK);
    return net;
}

static inline void add_dense(fi_net *net, size_t units, const char *initializer, double bias_std)
{
    const fi_dense_spec spec = {
        .units = units,
        .initializer = fi_initializer_find(initializer),
        .bias_std = bias_std,
    };
    cr_assert_not_null(spec.initializer, "no initializer %s", initializer);
    cr_assert_eq(fi_net_dense(net, &spec), FI_OK);
}

static inline void add_batch_norm(fi_net *net)
{
    cr_assert_eq(fi_net_batch_norm(net, &(fi_batch_norm_spec){0}), FI_OK);
}

static inline void add_activation(fi_net *net, const char *name)
{
    const fi_activation *activation = fi_activation_find(name);
    cr_assert_not_null(activation, "no activation %s", name);
    cr_assert_eq(fi_net_activation(net, NULL, activation), FI_OK);
}

static inline void forward(fi_net *net, const fi_real *x, fi_phase phase)
{
    cr_assert_eq(fi_net_forward(net, x, phase, NULL), FI_OK);
}

#endif
