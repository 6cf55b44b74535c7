/*
 * The solver against a plain re-implementation in double, one weight at a time, and against closed
 * forms. Gradients are written where backward would leave them.
 */
#include "solving.h"

enum {
    UPDATES = 20
};

static const uint64_t steps[] = {3, 11};
static const fi_schedule schedules[] = {
    {.base = 0.02},
    {.base = 0.02, .gamma = 0.6, .step = 6},
    {.base = 0.02, .gamma = 0.3, .steps = steps, .n_steps = 2},
    {.base = 0.02, .gamma = 0.9},
    {.base = 0.02, .gamma = 0.2, .power = 0.75},
    {.base = 0.02, .power = 2, .last = 15},
};
static const char *const policies[] = {"fixed", "step", "multistep", "exp", "inv", "poly"};

/* ---- the plain re-implementation ------------------------------------------------------------- */

/* The rate, followed from update to update. */
static double plain_rate(const char *policy, const fi_schedule *s, int t)
{
    double rate = s->base;
    for (int i = 1; i <= t; i++) {
        const bool at_step = strcmp(policy, "step") == 0 && i % (int)s->step == 0;
        const bool at_steps = strcmp(policy, "multistep") == 0 && (i == 3 || i == 11);
        if (at_step || at_steps || strcmp(policy, "exp") == 0)
            rate *= s->gamma;
    }
    if (strcmp(policy, "inv") == 0)
        rate *= exp(-s->power * log(1 + s->gamma * t));
    if (strcmp(policy, "poly") == 0)
        rate *= t < 15 ? (1 - t / 15.0) * (1 - t / 15.0) : 0;
    return rate;
}

/* Update t = 1, 2, ... of one weight with PyTorch's defaults. */
static void plain_update(const char *rule, double rate, double g, int t, double *w, double *v,
                         double *m)
{
    if (strcmp(rule, "adam") == 0) {
        *m = 0.9 * *m + 0.1 * g;
        *v = 0.999 * *v + 0.001 * g * g;
        *w -= rate * (*m / (1 - pow(0.9, t))) / (sqrt(*v / (1 - pow(0.999, t))) + 1e-8);
        return;
    }
    *v = strcmp(rule, "sgd") == 0 ? g : 0.9 * *v + g;
    *w -= rate * (strcmp(rule, "nesterov") == 0 ? g + 0.9 * *v : *v);
}

/*
 * An update rounds fewer than 10 times, values no larger than |w| and what is taken from it: at
 * most rate times 10 gradients (a momentum of 0.9), or in Adam rate times 8.
 */
static void compare_weights(const struct plain *plain, size_t count, double largest_gradient,
                            const char *what)
{
    for (size_t i = 0; i < count; i++) {
        struct worst worst = {0};
        for (size_t k = 0; k < plain[i].n; k++)
            compare(&worst, (double)plain[i].blob->data[k], (long double)plain[i].w[k],
                    UPDATES * 10 * EPSILON / 2 *
                        (fabs(plain[i].w[k]) + 0.02 * 10 * fmax(1, largest_gradient)));
        EXPECT_CLOSE(worst, "%s, parameter %zu", what, i);
    }
}

/* Gradients of 0.1 have a norm of about 4.3, which shrinks: a clip of 3 is not always at work. */
static void check_rule(const char *rule, size_t policy, double l2, double clip)
{
    fi_arena *arena = new_arena();
    fi_net *net = some_net(arena);
    struct plain plain[8];
    char what[96];
    fi_solver_spec spec = {
        .rule = fi_update_rule_find(rule), .schedule = schedules[policy], .l2 = l2, .clip = clip};
    spec.schedule.policy = fi_policy_find(policies[policy]);
    fi_solver *solver = new_solver(net, spec, arena);
    const size_t count = plain_net(net, plain, arena);
    (void)snprintf(what, sizeof what, "%s, %s, l2 %g, clip %g", rule, policies[policy], l2, clip);
    for (int t = 0; t < UPDATES; t++) {
        some_gradients(net, (uint64_t)t, 0.1 * pow(0.95, t));
        const double norm = plain_norm(plain, count);
        const double scale = clip > 0 && norm > clip ? clip / norm : 1;
        const double rate = plain_rate(policies[policy], &spec.schedule, t);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < plain[i].n; k++)
                plain_update(rule, rate * plain[i].rate,
                             scale * (double)plain[i].blob->diff[k] +
                                 l2 * plain[i].decay * plain[i].w[k],
                             t + 1, &plain[i].w[k], &plain[i].v[k], &plain[i].m[k]);
        cr_expect(fabs(fi_solver_rate(solver) - rate) <= 1e-14 * rate, "%s: rate %g not %g", what,
                  fi_solver_rate(solver), rate);
        fi_solver_update(solver);
        cr_expect(fabs(fi_solver_gradient_norm(solver) - norm) <= 1e-14 * norm,
                  "%s: norm %g not %g", what, fi_solver_gradient_norm(solver), norm);
    }
    cr_expect_eq(fi_solver_iteration(solver), UPDATES);
    compare_weights(plain, count, 0.1 * 5, what);
    fi_arena_free(arena);
}

Test(solver, agrees_with_the_plain_rules_under_every_policy)
{
    for (size_t r = 0; r < RULES; r++)
        for (size_t p = 0; p < sizeof policies / sizeof *policies; p++) {
            check_rule(rules[r], p, 0, 0);
            check_rule(rules[r], p, 0.05, 3);
        }
}

/* ---- closed forms ---------------------------------------------------------------------------- */

/* One weight, 1 at first, with the loss w^2/2: its gradient is w; or, if `constant`, is constant.
 */
static void descend(const char *rule, double rate, fi_real constant, double *path)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, 1, 1, FI_KEEP_ALL);
    add_dense(net, 1, "zeros", 0);
    const fi_solver_spec spec = {.rule = fi_update_rule_find(rule), .schedule.base = rate};
    fi_solver *solver = new_solver(net, spec, arena);
    const fi_blob *w = fi_layer_parameter(fi_net_layer(net, 0), 0);
    *fi_layer_parameter(fi_net_layer(net, 0), 1)->diff = 0;
    w->data[0] = 1;
    for (int t = 0; t < UPDATES; t++) {
        path[t] = (double)w->data[0];
        w->diff[0] = constant != 0 ? constant : w->data[0];
        fi_solver_update(solver);
    }
    fi_arena_free(arena);
}

/* Every update rounds fewer than 5 times and forgets less than it adds: 5 UPDATES roundings. */
static void expect_path(const double *path, const double *expected, const char *what)
{
    for (int t = 0; t < UPDATES; t++)
        cr_expect(fabs(path[t] - expected[t]) <= 5 * UPDATES * EPSILON / 2,
                  "%s, %d: %g, expected %g", what, t, path[t], expected[t]);
}

Test(solver, sgd_on_a_parabola_is_geometric)
{
    const double rates[] = {0.1, 1, 1.9};
    for (size_t r = 0; r < 3; r++) {
        double path[UPDATES], expected[UPDATES];
        for (int t = 0; t < UPDATES; t++)
            expected[t] = pow(1 - rates[r], t);
        descend("sgd", rates[r], 0, path);
        expect_path(path, expected, "sgd");
    }
}

/*
 * w_(t+1) = trace w_t - determinant w_(t-1), with complex roots: a damped oscillation, from 1 and
 * w1.
 */
static void expect_oscillation(const char *rule, double rate, double trace, double determinant,
                               double w1)
{
    double path[UPDATES], expected[UPDATES];
    const double root = sqrt(determinant), angle = acos(trace / 2 / root);
    const double sine = (w1 / root - cos(angle)) / sin(angle);
    for (int t = 0; t < UPDATES; t++)
        expected[t] = pow(root, t) * (cos(angle * t) + sine * sin(angle * t));
    descend(rule, rate, 0, path);
    expect_path(path, expected, rule);
}

Test(solver, momentum_on_a_parabola_oscillates)
{
    const double m = 0.9, rate = 0.1;
    expect_oscillation("momentum", rate, 1 + m - rate, m, 1 - rate);
    expect_oscillation("nesterov", rate, (1 + m) * (1 - rate), m * (1 - rate), 1 - rate * (1 + m));
}

/* Both means are the constant's own, corrected, at any size: a step is the rate. */
Test(solver, adam_steps_by_its_rate_under_a_constant_gradient)
{
    double path[UPDATES], expected[UPDATES];
    const fi_real gradients[] = {5, (fi_real)-0.01};
    for (size_t k = 0; k < 2; k++) {
        for (int t = 0; t < UPDATES; t++)
            expected[t] = 1 - t * 0.01 / (1 + 1e-8 / fabs((double)gradients[k])) * (k ? -1 : 1);
        descend("adam", 0.01, gradients[k], path);
        expect_path(path, expected, "adam");
    }
}
