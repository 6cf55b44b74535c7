/* Learning-rate policies against their definitions, followed update by update. */
#include "fixture.h"

enum {
    UPDATES = 60
};

static const uint64_t steps[] = {3, 4, 20, 59};

static fi_schedule schedule_of(const char *policy)
{
    const fi_schedule schedule = {
        .policy = fi_policy_find(policy),
        .base = 0.3,
        .gamma = 0.7,
        .power = 1.5,
        .step = 7,
        .steps = steps,
        .n_steps = sizeof steps / sizeof *steps,
        .last = 50,
    };
    cr_assert_not_null(schedule.policy, "no policy %s", policy);
    return schedule;
}

/* A power is off by a rounding of its argument times the exponent, at most 60, and by its own. */
static void expect_rate(const fi_schedule *schedule, uint64_t t, double expected)
{
    const double rate = fi_schedule_rate(schedule, t);
    cr_expect(fabs(rate - expected) <= 64 * DBL_EPSILON * expected,
              "%s at %d: %.17g, expected %.17g", schedule->policy ? schedule->policy->name : "NULL",
              (int)t, rate, expected);
}

Test(policy, fixed_is_the_base_and_the_default)
{
    const fi_schedule fixed = schedule_of("fixed");
    for (uint64_t t = 0; t < UPDATES; t++) {
        expect_rate(&fixed, t, 0.3);
        expect_rate(&(fi_schedule){.base = 0.2}, t, 0.2);
    }
}

Test(policy, step_multiplies_every_so_many_updates)
{
    const fi_schedule schedule = schedule_of("step");
    double rate = 0.3;
    for (uint64_t t = 0; t < UPDATES; t++) {
        if (t > 0 && t % 7 == 0)
            rate *= 0.7;
        expect_rate(&schedule, t, rate);
    }
}

/* A quotient that double rounds must not step early: 3^32 updates, one before a multiple. */
Test(policy, step_does_not_change_early)
{
    fi_schedule schedule = schedule_of("step");
    schedule.step = 1853020188851841;
    expect_rate(&schedule, schedule.step - 1, 0.3);
    expect_rate(&schedule, schedule.step, 0.3 * 0.7);
}

Test(policy, multistep_multiplies_at_each_step)
{
    const fi_schedule schedule = schedule_of("multistep");
    double rate = 0.3;
    for (uint64_t t = 0; t < UPDATES; t++) {
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
            if (steps[k] == t)
                rate *= 0.7;
        expect_rate(&schedule, t, rate);
    }
}

Test(policy, exp_multiplies_every_update)
{
    const fi_schedule schedule = schedule_of("exp");
    double rate = 0.3;
    for (uint64_t t = 0; t < UPDATES; t++, rate *= 0.7)
        expect_rate(&schedule, t, rate);
}

/* Power 1.5 as the root of a cube. */
Test(policy, inv_falls_by_a_power)
{
    const fi_schedule schedule = schedule_of("inv");
    for (uint64_t t = 0; t < UPDATES; t++) {
        const double x = 1 + 0.7 * (double)t;
        expect_rate(&schedule, t, 0.3 / sqrt(x * x * x));
    }
}

Test(policy, poly_reaches_zero_and_stays)
{
    const fi_schedule schedule = schedule_of("poly");
    for (uint64_t t = 0; t < UPDATES; t++) {
        const double x = t < 50 ? 1 - (double)t / 50 : 0;
        expect_rate(&schedule, t, 0.3 * sqrt(x * x * x));
    }
}

Test(policy, a_table_of_six)
{
    size_t count = 0;
    const fi_policy *rows = fi_policies(&count);
    cr_expect_eq(count, 6, "%zu", count);
    for (size_t k = 0; k < count; k++)
        cr_expect_eq(fi_policy_find(rows[k].name), &rows[k]);
    cr_expect_null(fi_policy_find("stepp"));
}
