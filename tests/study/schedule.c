/* Schedules as text: what each policy takes, its defaults, and what is said of what is wrong. */
#include "core/arena.h"
#include "core/pairs.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <string.h>

static fi_schedule parsed(const char *text, fi_arena *arena)
{
    fi_schedule schedule = {.base = 0.5, .step = 99, .last = 99, .gamma = 99};
    cr_assert_eq(fi_schedule_parse(&schedule, text, arena), FI_OK, "%s: %s", text, fi_message());
    cr_expect_eq(schedule.base, 0.5, "%s: base %g", text, schedule.base);
    cr_assert_not_null(schedule.policy);
    return schedule;
}

static void expect(const char *text, const char *policy, double gamma, double power, uint64_t step,
                   uint64_t last)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    const fi_schedule s = parsed(text, arena);
    cr_expect_str_eq(s.policy->name, policy, "%s: %s", text, s.policy->name);
    cr_expect(s.gamma == gamma && s.power == power && s.step == step && s.last == last,
              "%s: gamma %g, power %g, step %d, last %d", text, s.gamma, s.power, (int)s.step,
              (int)s.last);
    cr_expect_eq(s.n_steps, 0);
    fi_arena_free(arena);
}

Test(schedule, reads_every_policy)
{
    expect("fixed", "fixed", 0, 0, 0, 0);
    expect("step:step=1000", "step", 0.1, 0, 1000, 0);
    expect("step:gamma=0.5,step=10", "step", 0.5, 0, 10, 0);
    expect("exp", "exp", 0.999, 0, 0, 0);
    expect("exp:gamma=1.01", "exp", 1.01, 0, 0, 0);
    expect("inv", "inv", 0.0001, 0.75, 0, 0);
    expect("inv:power=1,gamma=1e-3", "inv", 1e-3, 1, 0, 0);
    expect("poly", "poly", 0, 1, 0, 0);
    expect("poly:last=2000", "poly", 0, 1, 0, 2000);
    expect("POLY:Last=7,power=0.5", "poly", 0, 0.5, 0, 7);
}

Test(schedule, reads_steps)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    const fi_schedule one = parsed("multistep:steps=5", arena);
    const fi_schedule three = parsed("multistep:steps=500/800/801,gamma=0.2", arena);
    cr_assert(one.n_steps == 1 && one.steps[0] == 5 && one.gamma == 0.1);
    cr_assert(three.n_steps == 3 && three.gamma == 0.2);
    cr_expect(three.steps[0] == 500 && three.steps[1] == 800 && three.steps[2] == 801);
    fi_arena_free(arena);
}

/* What is refused, and what the message has to name. */
static const struct {
    const char *text, *words[3];
} refused[] = {
    {"stepp:step=3", {"'stepp'", "did you mean 'step'", "multistep"}},
    {"", {"''", "fixed", "poly"}},
    {"step", {"step needs step", "step:step=1000", ""}},
    {"step:gamma=0.1", {"step needs step", "", ""}},
    {"multistep:gamma=0.1", {"multistep needs steps", "500/800", ""}},
    {"poly:last=-1", {"last '-1'", "at least 0", ""}},
    {"fixed:gamma=1", {"fixed takes no parameters", "'gamma'", ""}},
    {"fixed:", {"fixed takes no parameters", "", ""}},
    {"step:", {"step", "KEY=VALUE", "gamma=0.1,step"}},
    {"step:step", {"'step'", "KEY=VALUE", ""}},
    {"step:stp=3", {"parameter of step 'stp'", "did you mean 'step'", "gamma"}},
    {"step:power=3,step=3", {"parameter of step 'power'", "gamma, step", ""}},
    {"step:step=0", {"step '0'", "at least 1", ""}},
    {"step:step=1.5", {"step '1.5'", "number of updates", ""}},
    {"step:step=-1", {"step '-1'", "", ""}},
    {"step:step=99999999999999999999", {"step '99999999999999999999'", "", ""}},
    {"exp:gamma=x", {"gamma 'x'", "from 0 to 1e+06", ""}},
    {"exp:gamma=", {"gamma ''", "", ""}},
    {"exp:gamma=-1", {"gamma '-1'", "", ""}},
    {"exp:gamma=nan", {"gamma 'nan'", "", ""}},
    {"exp:gamma=1e7", {"gamma '1e7'", "", ""}},
    {"multistep:steps=", {"steps ''", "500/800", ""}},
    {"multistep:steps=5/5", {"steps '5/5'", "larger", "'5' is not"}},
    {"multistep:steps=9/8", {"steps '9/8'", "larger", "'8' is not"}},
    {"multistep:steps=5/", {"steps '5/'", "'' is not", ""}},
    {"multistep:steps=0", {"steps '0'", "", ""}},
};

Test(schedule, says_what_is_wrong)
{
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        fi_arena *arena = NULL;
        fi_schedule schedule = {.base = 3, .step = 4};
        cr_assert_eq(fi_arena_new(&arena), FI_OK);
        const fi_status status = fi_schedule_parse(&schedule, refused[k].text, arena);
        cr_expect_eq(status, FI_EUSAGE, "'%s': status %d", refused[k].text, status);
        for (size_t w = 0; status && w < 3; w++)
            cr_expect_not_null(strstr(fi_message(), refused[k].words[w]), "'%s': no %s in: %s",
                               refused[k].text, refused[k].words[w], fi_message());
        cr_expect(schedule.base == 3 && schedule.step == 4 && !schedule.policy);
        fi_arena_free(arena);
    }
}

Test(schedule, says_when_memory_is_refused)
{
    for (size_t allowed = 0; allowed < 5; allowed++) {
        fi_arena *arena = NULL;
        fi_schedule schedule = {.base = 1};
        cr_assert_eq(fi_arena_new(&arena), FI_OK);
        fi_arena_refuse_after(arena, allowed);
        cr_expect_eq(fi_schedule_parse(&schedule, "multistep:steps=5/8", arena), FI_ENOMEM,
                     "after %zu", allowed);
        fi_arena_free(arena);
    }
}

Test(pairs, cuts_a_list)
{
    char text[] = "a=1,b,c==2,=3,";
    const char *const expected[][2] = {{"a", "1"}, {"b", NULL}, {"c", "=2"}, {"", "3"}, {"", NULL}};
    char *rest = text;
    size_t count = 0;
    for (fi_pair pair; fi_pair_next(&rest, &pair); count++) {
        cr_assert_lt(count, 5);
        cr_expect_str_eq(pair.key, expected[count][0]);
        cr_expect(expected[count][1] ? pair.value && strcmp(pair.value, expected[count][1]) == 0
                                     : !pair.value,
                  "pair %zu: %s", count, pair.value ? pair.value : "NULL");
    }
    cr_expect_eq(count, 5, "%zu", count);
}

Test(pairs, counts_are_digits_below_2_64)
{
    uint64_t count = 0;
    cr_expect(fi_count_of("18446744073709551615", &count) && count == UINT64_MAX);
    cr_expect(fi_count_of("007", &count) && count == 7);
    const char *const bad[] = {
        "18446744073709551616", "99999999999999999999", "", " 1", "1 ", "+1", "-0", "1e3", "0x1"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        cr_expect(!fi_count_of(bad[k], &count), "'%s'", bad[k]);
}

Test(pairs, numbers_are_finite_and_whole_words)
{
    double number = 0;
    cr_expect(fi_number_of("-1.5e-3", &number) && number == -1.5e-3);
    const char *const bad[] = {"", " 1", "1 ", "1x", "inf", "nan", "1e999"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        cr_expect(!fi_number_of(bad[k], &number), "'%s'", bad[k]);
}
