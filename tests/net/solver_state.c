/* What an update takes into account and what it leaves: clipping, decay, freezing, histories. */
#include "solving.h"

#include <signal.h>

/*
 * What sgd of rate 1 takes from the weights is the clipped gradient, and its norm the clip, up to
 * two roundings of what is taken and one of weights smaller than that.
 */
Test(solver, a_clipped_gradient_has_the_norm_asked_for)
{
    fi_arena *arena = new_arena();
    fi_net *net = some_net(arena);
    struct plain plain[8];
    const size_t count = plain_net(net, plain, arena);
    fi_layer_multiply(fi_net_layer(net, 3), 1, 1);
    fi_solver *solver = new_solver(net, (fi_solver_spec){.schedule.base = 1, .clip = 100}, arena);
    some_gradients(net, 1, 1000);
    fi_solver_update(solver);
    long double sum = 0, product = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < plain[i].n; k++) {
            const long double taken = plain[i].w[k] - (double)plain[i].blob->data[k];
            sum += taken * taken;
            product += taken * (long double)plain[i].blob->diff[k];
        }
    const double norm = (double)sqrtl(sum);
    const double along = (double)(product / plain_norm(plain, count));
    cr_expect(fabs(norm - 100) < 100 * 4 * EPSILON, "norm %.17g", norm);
    cr_expect(fabs(along - 100) < 100 * 4 * EPSILON, "along the gradient %.17g", along);
    fi_arena_free(arena);
}

/* Two nets, the same but for the solver, end with the same bits, or do not. */
static bool same_after_updates(fi_solver_spec one, fi_solver_spec other)
{
    fi_arena *arena = new_arena();
    fi_net *nets[] = {some_net(arena), some_net(arena)};
    fi_solver *solvers[] = {new_solver(nets[0], one, arena), new_solver(nets[1], other, arena)};
    bool same = true;
    for (int k = 0; k < 2; k++)
        for (uint64_t t = 0; t < 3; t++) {
            some_gradients(nets[k], t, 1);
            fi_solver_update(solvers[k]);
        }
    for (size_t l = 0; l < fi_net_layers(nets[0]); l++)
        for (size_t p = 0; fi_layer_parameter(fi_net_layer(nets[0], l), p); p++) {
            const fi_blob *a = fi_layer_parameter(fi_net_layer(nets[0], l), p);
            const fi_blob *b = fi_layer_parameter(fi_net_layer(nets[1], l), p);
            same = same && memcmp(a->data, b->data, a->rows * a->cols * sizeof *a->data) == 0;
        }
    fi_arena_free(arena);
    return same;
}

/* The gradients' norm is about 43, less than 60 and more than 30. */
Test(solver, clips_only_what_is_larger)
{
    fi_solver_spec plain = {.schedule.base = 0.1, .l2 = 100};
    fi_solver_spec wide = plain, tight = plain;
    wide.clip = 60;
    tight.clip = 30;
    cr_expect(same_after_updates(plain, wide), "L2 counts as gradient");
    cr_expect(!same_after_updates(plain, tight), "nothing is clipped");
}

Test(solver, without_a_rule_is_sgd_of_a_fixed_rate)
{
    fi_solver_spec named = {.rule = fi_update_rule_find("sgd"), .schedule.base = 0.1};
    named.schedule.policy = fi_policy_find("fixed");
    cr_expect(same_after_updates(named, (fi_solver_spec){.schedule.base = 0.1}));
    cr_expect(!same_after_updates(named, (fi_solver_spec){.schedule.base = 0.2}));
}

/* With gradients of 0, weights shrink by 1 - rate l2 decay and all else stays as it is. */
Test(solver, weights_decay_and_nothing_else)
{
    fi_arena *arena = new_arena();
    fi_net *net = some_net(arena);
    struct plain plain[8];
    const size_t count = plain_net(net, plain, arena);
    fi_solver *solver = new_solver(net, (fi_solver_spec){.schedule.base = 0.5, .l2 = 0.1}, arena);
    double penalty = 0;
    some_gradients(net, 1, 0);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < plain[i].n; k++)
            penalty += 0.1 / 2 * plain[i].decay * plain[i].w[k] * plain[i].w[k];
    cr_expect(fabs(fi_solver_penalty(solver) - penalty) < 1e-13 * penalty, "%.17g not %.17g",
              fi_solver_penalty(solver), penalty);
    fi_solver_update(solver);
    cr_expect_eq(fi_solver_gradient_norm(solver), 0);
    for (size_t i = 0; i < count; i++) {
        struct worst worst = {0};
        const double factor = 1 - 0.5 * 0.1 * plain[i].rate * plain[i].decay;
        for (size_t k = 0; k < plain[i].n; k++)
            compare(&worst, (double)plain[i].blob->data[k], factor * (long double)plain[i].w[k],
                    factor < 1 ? 2 * EPSILON * fabs(plain[i].w[k]) : 0);
        EXPECT_CLOSE(worst, "parameter %zu", i);
    }
    fi_arena_free(arena);
}

/* Its diff is not a number, and its histories stay 0. */
Test(solver, a_frozen_layer_stays_and_is_not_read)
{
    for (size_t r = 0; r < RULES; r++) {
        fi_arena *arena = new_arena();
        fi_net *net = some_net(arena);
        const fi_blob *w = fi_layer_parameter(fi_net_layer(net, FROZEN), 0);
        const size_t n = w->rows * w->cols;
        const fi_real *before = copy(arena, w->data, n);
        const fi_solver_spec spec = {.rule = fi_update_rule_find(rules[r]),
                                     .schedule.base = 0.1,
                                     .l2 = 1,
                                     .clip = r % 2 ? 1 : 0};
        fi_solver *solver = new_solver(net, spec, arena);
        some_gradients(net, 1, 1);
        fi_solver_update(solver);
        cr_expect_arr_eq(w->data, before, n * sizeof *before, "%s", rules[r]);
        cr_expect(isfinite(fi_solver_gradient_norm(solver)), "%s: norm %g", rules[r],
                  fi_solver_gradient_norm(solver));
        for (size_t h = 0; h < spec.rule->histories; h++)
            for (size_t k = 0; k < n; k++)
                cr_assert_eq(fi_solver_history(solver, FROZEN, 0, h)->data[k], 0);
        fi_arena_free(arena);
    }
}

Test(solver, leaves_the_gradients_as_they_are)
{
    fi_arena *arena = new_arena();
    fi_net *net = some_net(arena);
    const fi_solver_spec spec = {.schedule.base = 0.1, .l2 = 0.1, .clip = 1};
    fi_solver *solver = new_solver(net, spec, arena);
    some_gradients(net, 1, 1);
    const fi_blob *w = fi_layer_parameter(fi_net_layer(net, 0), 0);
    const fi_real *before = copy(arena, w->diff, w->rows * w->cols);
    fi_solver_update(solver);
    cr_expect_arr_eq(w->diff, before, w->rows * w->cols * sizeof *before);
    fi_arena_free(arena);
}

/* ---- histories ------------------------------------------------------------------------------- */

static void run(fi_net *net, fi_solver *solver, uint64_t from, uint64_t to)
{
    for (uint64_t t = from; t < to; t++) {
        some_gradients(net, t, 1);
        fi_solver_update(solver);
    }
}

static void take_over(fi_blob *to, const fi_blob *from)
{
    cr_assert(to && from && to->rows == from->rows && to->cols == from->cols);
    memcpy(to->data, from->data, to->rows * to->cols * sizeof *to->data);
}

/* A solver that is given weights, histories and iteration goes on as the first one. */
Test(solver, goes_on_from_what_another_left)
{
    for (size_t r = 0; r < RULES; r++) {
        fi_arena *arena = new_arena();
        fi_net *first = some_net(arena), *second = some_net(arena);
        fi_solver_spec spec = {.rule = fi_update_rule_find(rules[r]),
                               .schedule = {.base = 0.02, .gamma = 0.9}};
        spec.schedule.policy = fi_policy_find("exp");
        fi_solver *solver = new_solver(first, spec, arena);
        fi_solver *next = new_solver(second, spec, arena);
        run(first, solver, 0, 7);
        for (size_t l = 0; l < fi_net_layers(first); l++)
            for (size_t p = 0; fi_layer_parameter(fi_net_layer(first, l), p); p++) {
                take_over(fi_layer_parameter(fi_net_layer(second, l), p),
                          fi_layer_parameter(fi_net_layer(first, l), p));
                for (size_t h = 0; h < spec.rule->histories; h++)
                    take_over(fi_solver_history(next, l, p, h), fi_solver_history(solver, l, p, h));
            }
        fi_solver_set_iteration(next, 7);
        run(first, solver, 7, 12);
        run(second, next, 7, 12);
        const fi_blob *w = fi_layer_parameter(fi_net_layer(first, 0), 0);
        cr_expect_arr_eq(w->data, fi_layer_parameter(fi_net_layer(second, 0), 0)->data,
                         w->rows * w->cols * sizeof *w->data, "%s", rules[r]);
        fi_arena_free(arena);
    }
}

Test(solver, has_histories_for_parameters_only)
{
    fi_arena *arena = new_arena();
    fi_net *net = some_net(arena);
    const fi_solver_spec spec = {.rule = fi_update_rule_find("momentum"), .schedule.base = 1};
    fi_solver *solver = new_solver(net, spec, arena);
    cr_expect_null(fi_solver_history(solver, 0, 0, 1));
    cr_expect_null(fi_solver_history(solver, 0, 0, 9));
    cr_expect_null(fi_solver_history(solver, 0, 2, 0));
    cr_expect_null(fi_solver_history(solver, 2, 0, 0));
    cr_expect_null(fi_solver_history(solver, 5, 0, 0));
    cr_expect_not_null(fi_solver_history(solver, FROZEN, 1, 0));
    fi_arena_free(arena);
}

Test(solver, says_when_memory_is_refused)
{
    for (size_t allowed = 0; allowed < 6; allowed++) {
        fi_arena *arena = new_arena(), *own = new_arena();
        fi_net *net = some_net(arena);
        fi_solver *solver = NULL;
        const fi_solver_spec spec = {.rule = fi_update_rule_find("adam"), .schedule.base = 1};
        fi_arena_refuse_after(own, allowed);
        cr_expect_eq(fi_solver_new(&solver, net, &spec, own), FI_ENOMEM, "after %zu", allowed);
        cr_expect_not_null(strstr(fi_message(), "refused"), "%s", fi_message());
        fi_arena_free(own);
        fi_arena_free(arena);
    }
}

Test(solver, a_net_without_all_gradients_is_a_bug, .signal = SIGABRT)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, 2, 3, FI_KEEP_DATA);
    add_dense(net, 4, "he_normal", 0);
    (void)new_solver(net, (fi_solver_spec){.schedule.base = 1}, arena);
}
