/* The diagnosis of made-up runs: each is a sound run with one thing changed. */
#include "diagnosis_run.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST = 8
};

/* ---- what is changed, by how much ------------------------------------------------------------ */

#define CHANGE(name, ...)                                                                          \
    static void name(run *r, double x)                                                             \
    {                                                                                              \
        (void)x;                                                                                   \
        __VA_ARGS__                                                                                \
    }

static void set_share(run *r, double x) /* of class 3 */
{
    for (size_t k = 0; k < CLASSES; k++)
        r->counts[k] = (size_t)lround(9000 * (k == 3 ? x : (1 - x) / (CLASSES - 1)));
}

CHANGE(nothing, (void)r;)
CHANGE(no_points, r->curves.points = 0;)
CHANGE(points, r->curves.points = (size_t)x;)
CHANGE(no_iterations, r->curves.iteration = NULL; r->curves.points = (size_t)x;)
CHANGE(bad_update, stick(r); r->curves.bad_iteration = x; r->curves.bad_layer = 3;)
CHANGE(bad_loss, stick(r); r->curves.bad_iteration = x;)
CHANGE(infinite, r->train_loss[12] = x;)
CHANGE(infinite_at_first, r->train_loss[0] = x;)
CHANGE(bad_and_grows, bad_update(r, 5); grade(r->variance, 0, 1, x);)
CHANGE(growth, learn(r, 0.6, 0.6); creep(r->train_loss, 3, x);)
CHANGE(growth_from_below, learn(r, 0.6, 0.6); creep(r->train_loss, 1, x);)
CHANGE(stuck_loss, stick(r); creep(r->train_accuracy, 0.1, 0.1);
       go(r->train_loss, log(CLASSES), log(CLASSES) * x);)
CHANGE(stuck_accuracy, stick(r); creep(r->train_loss, log(CLASSES), 0.96 * log(CLASSES));
       go(r->train_accuracy, 0.1, x); go(r->validation_accuracy, 0.1, x);
       shake(r->train_loss, 0.05);)
CHANGE(no_counts, stuck_accuracy(r, x); r->curves.class_counts = NULL;)
CHANGE(no_classes, stick(r); creep(r->train_loss, 2, 2 * x); shake(r->train_loss, 0.02);
       r->train_loss[0] = 2; r->curves.classes = 0;)
CHANGE(accuracies_alone, stick(r); go(r->train_accuracy, 0.1, x);
       go(r->validation_accuracy, 0.1, x); r->curves.train_loss = r->curves.batch_loss = NULL;)
CHANGE(flat, stick(r); go(r->train_accuracy, 0.1, 0.6); go(r->validation_accuracy, 0.1, 0.6);
       r->train_loss[10] = log(CLASSES) * x;)
CHANGE(copies_and_growth, growth(r, 4); grade(r->distinct, 0, x, 1);)
CHANGE(copies, stick(r); grade(r->distinct, 0, x, 1); grade(r->ratio, 0, 1e-9, 1);)
CHANGE(copies_once, stick(r); grade(r->distinct, 1, 1, 1);)
CHANGE(copies_that_learn, grade(r->distinct, 0, x, 1);)
CHANGE(copies_of_skill, copies(r, 1); learn(r, x, x);)
CHANGE(small, stick(r); grade(r->variance, 0, 1, x);)
CHANGE(small_and_dead, small(r, 1e-9); grade(r->dead, 0, x, 1);)
CHANGE(died, stick(r); grade(r->dead, 10, x, 1);)
CHANGE(dead_before, stick(r); grade(r->dead, 0, x, 1); grade(r->dead, 10, 0.95, 1);)
CHANGE(dead_always, stick(r); grade(r->dead, 0, x, 1);)
CHANGE(saturated, stick(r); grade(r->saturated, 0, x, 1);)
CHANGE(saturated_later, stick(r); grade(r->saturated, 0, 0.45, 1); grade(r->saturated, 10, x, 1);)
CHANGE(saturated_before, saturated_later(r, 0.9); grade(r->saturated, 0, x, 1);
       grade(r->saturated, 10, 0.9, 1);)
CHANGE(gradient, stick(r); grade(r->gradient, 0, 1, x);)
CHANGE(decayed, stick(r); r->curves.l2 = 0.005; grade(r->variance, 10, x, 1);)
CHANGE(ratio, stick(r); grade(r->ratio, 0, x / 10, 10);)
CHANGE(pulled, stick(r); grade(r->ratio, 0, 0.3, 1); r->curves.l2 = x;)
CHANGE(ratio_of_a_learner, r->curves.classes = 0; creep(r->train_loss, 2, x);
       grade(r->ratio, 0, 1e-6, 1);)
CHANGE(ratio_of_the_good, grade(r->ratio, 0, 1e-6, 1);)
CHANGE(stuck_jumps, stick(r); shake(r->train_loss, log(CLASSES) * x);)
CHANGE(above, stick(r); go(r->train_loss, 10, log(CLASSES) * x);)
CHANGE(falling_from_above, stick(r); creep(r->train_loss, 30, x);)
CHANGE(slow, stick(r); creep(r->train_loss, 2.75, x);)
CHANGE(penalty, learn(r, 0.7, 0.7); r->curves.l2 = 0.001;
       r->curves.penalty = x * r->train_loss[20];)
CHANGE(strong, learn(r, 0.7, 0.7); r->curves.l2 = x;)
CHANGE(keep, learn(r, 0.7, 0.7); r->curves.keep = x;)
CHANGE(few, learn(r, 0.99, 0.99); for (size_t k = 0; k < CLASSES; k++) r->counts[k] = (size_t)x;)
CHANGE(few_by_heart, few(r, 10); learn(r, x, 0.5); r->train_accuracy[18] = x;)
CHANGE(low, learn(r, x, x);)
CHANGE(low_alone, learn(r, x, x); r->curves.validation_accuracy = NULL;)
CHANGE(gap, learn(r, 0.99, 0.99 - x);)
CHANGE(gap_and_l2, gap(r, 0.1); r->curves.l2 = x;)
CHANGE(gap_and_dropout, gap(r, 0.1); r->curves.keep = x;)
CHANGE(gap_and_both, gap_and_l2(r, 0.001); r->curves.keep = x;)
CHANGE(gap_and_best, learn(r, 0.99, 0.7); r->validation_loss[7] = r->validation_loss[20] / x;)
CHANGE(gap_and_noise, learn(r, 0.99, 0.7); shake(r->validation_loss, x);)
CHANGE(easier, learn(r, 0.9, 0.9 + x);)
CHANGE(overtrains, r->validation_loss[7] = r->validation_loss[20] / x;)
CHANGE(overtrains_alone, overtrains(r, 1.3); creep(r->train_loss, 0.11, 0.11 * x);
       r->curves.train_accuracy = NULL;)
CHANGE(one_class, set_share(r, 1);)
CHANGE(majority, stick(r); set_share(r, 0.8); go(r->train_loss, 0.95, 0.94);
       go(r->train_accuracy, x, x);)
CHANGE(majority_of_few, stick(r); set_share(r, x); go(r->train_accuracy, x, x);)
CHANGE(majority_symmetric, majority(r, 0.8); grade(r->distinct, 0, 1, 1);)
CHANGE(largest, learn(r, 0.7, 0.7); set_share(r, x);)
CHANGE(largest_unseen, learn(r, 0.98, 0.7); set_share(r, x);)
CHANGE(smallest, learn(r, 0.7, 0.7); r->counts[4] = (size_t)x;)
CHANGE(jumps, shake(r->train_loss, log(CLASSES) * x); shake(r->batch_loss, log(CLASSES) * x);)
CHANGE(dying, grade(r->dead, 10, x, 1);)
CHANGE(dying_from, grade(r->dead, 0, x, 1); grade(r->dead, 10, 0.5, 1);)
CHANGE(first_loss, r->train_loss[0] = log(CLASSES) * x;)
CHANGE(late, for (size_t p = 0; p <= (size_t)x; p++) r->train_loss[p] = log(CLASSES);)
CHANGE(late_from_above, late(r, 9); r->train_loss[1] = log(CLASSES) * x;)
CHANGE(improving, learn(r, 0.95, 0.95); creep(r->train_loss, 0.5 + 15 * x, 0.5 - 5 * x);)
CHANGE(improving_low, improving(r, x); for (size_t p = 0; p < POINTS; p++) r->train_loss[p] -= 0.4;)
CHANGE(improving_noise, improving(r, 0.01); shake(r->train_loss, x);)
CHANGE(improving_best, improving(r, 0.01); go(r->train_accuracy, 0.1, x);)
CHANGE(improving_above, improving(r, 0.02); r->validation_loss[10] = r->validation_loss[20] / x;)
CHANGE(low_improving, learn(r, 0.7, 0.7); creep(r->train_loss, 2.5, x);)
CHANGE(batches_jump, shake(r->batch_loss, log(CLASSES) * x);)
CHANGE(losses_alone, r->curves.train_accuracy = r->curves.validation_accuracy = NULL;)
CHANGE(validation_alone, losses_alone(r, 0); r->curves.train_loss = r->curves.batch_loss = NULL;)
CHANGE(batches_alone, losses_alone(r, 0); r->curves.train_loss = r->curves.validation_loss = NULL;)

/* x and the findings, all of them; then another x, about where the first of them ceases to hold. */
static const struct scenario {
    void (*change)(run *r, double x);
    double x;
    const char *says;
    double other;
    const char *otherwise, *words; /* words of what is said at x */
} scenarios[] = {
    {nothing, 0, "use_it", 0, "use_it", "98.0 %, validation 97.0 %"},
    {no_points, 0, "nothing_recorded", 0, "nothing_recorded", "nothing to tell"},
    {points, 1, "not_trained", 20, "use_it", "Training loss 2.303 (guessing: 2.303)"},
    {no_iterations, 1, "not_trained", 20, "use_it", "before the first update"},
    {bad_update, 37, "loss_not_finite", UNKNOWN, "at_chance", "update 37; the lowest|layer 3"},
    {bad_update, 0, "loss_not_finite", UNKNOWN, "at_chance", "from layer 3|He or Xavier"},
    {bad_loss, 37, "loss_not_finite", UNKNOWN, "at_chance", "update 37. The learning rate of 0.1"},
    {bad_loss, 0, "loss_not_finite", UNKNOWN, "at_chance", "though all layers are"},
    {infinite, HUGE_VAL, "loss_not_finite", 0.2, "use_it", "update 1200"},
    {infinite_at_first, HUGE_VAL, "loss_not_finite", 2, "use_it", "overflows. The first weights"},
    {bad_and_grows, 1.1e4, "loss_not_finite", 0.9e4, "loss_not_finite", "from 1 in layer 1 to 105"},
    {bad_and_grows, 0.9e4, "loss_not_finite", 0.9e4, "loss_not_finite", "update 5; the lowest"},
    {growth, 4, "loss_grows", 3.3, "underfitting", "from 3 to 3.9"},
    {growth_from_below, 3.7, "loss_grows", 3.4, "underfitting", "from 1 to 3.56"},
    {stuck_loss, 0.96, "at_chance", 0.94, "underfitting", "loss 2.21 (guessing: 2.303)"},
    {stuck_accuracy, 0.14, "at_chance", 0.15, "underfitting", "accuracy 14 % (guessing: 10 %)"},
    {no_counts, 0.14, "at_chance", 0.15, "underfitting", "accuracy 14 % (guessing: 10 %)"},
    {no_classes, 0.97, "at_chance", 0.93, "learns", "Training loss 1.9"},
    {accuracies_alone, 0.14, "at_chance", 0.15, "underfitting", "Training accuracy 14 %"},
    {flat, 0.992, "at_chance", 0.988, "underfitting", "accuracy 60 %"},
    {flat, 1.008, "at_chance", 1.012, "underfitting", "accuracy 60 %"},
    {copies_and_growth, 1, "symmetric", 6, "loss_grows", "copies"},
    {copies, 1, "symmetric", 6, "rate_too_low", "more than 1 of 100 differ|at random"},
    {copies, 5, "symmetric", 100, "rate_too_low", "more than 5 of 100"},
    {copies_once, 1, "at_chance", 1, "at_chance", "guessing"},
    {copies_of_skill, 0.56, "symmetric", 0.54, "symmetric", "but all units"},
    {copies_that_learn, 1, "symmetric use_it", 6, "use_it", "net is one of width 1"},
    {copies_of_skill, 0.54, "symmetric", 0.56, "symmetric", "same gradient"},
    {small, 0.9e-4, "signal_dies", 1.1e-4, "at_chance", "from 1 in layer 1 to 0.00949 in layer 8"},
    {small, 0, "signal_dies", 1, "at_chance", "to 0 in layer 8"},
    {small_and_dead, 0.89, "signal_dies", 0.91, "dead_units", "too small"},
    {died, 0.91, "units_died", 0.89, "at_chance", "layer 1 91 %|against 1 %|rate of 0.1"},
    {dead_before, 0.49, "units_died", 0.51, "dead_units", "95 % have|against 49 %"},
    {dead_always, 0.91, "dead_units", 0.89, "at_chance",
     "91 % of the units are dead|and 91 % were"},
    {saturated, 0.71, "saturated", 0.69, "at_chance", "too large|71 %"},
    {small, 1.1e4, "signal_explodes", 0.9e4, "at_chance", "too large|from 1 in layer 1 to 105"},
    {gradient, 1.1e4, "gradients_vanish", 0.9e4, "at_chance", "from 105 in layer 8 to 1 in"},
    {gradient, 0.9e-4, "gradients_explode", 1.1e-4, "at_chance", "from 0.00949 in layer 8 to 1"},
    {decayed, 0.9e-4, "regularization_too_strong", 1.1e-4, "at_chance", "L2 of 0.005|to 0.00949"},
    {saturated_later, 0.71, "rate_too_high", 0.69, "at_chance", "from 45 % to 71 %"},
    {saturated_before, 0.49, "rate_too_high", 0.51, "at_chance", "from 49 % to 90 %"},
    {ratio, 0.11, "rate_too_high", 0.09, "at_chance", "by 0.11 of their size"},
    {pulled, 0.31, "regularization_too_strong", 0.29, "rate_too_high", "takes 0.031 of every"},
    {ratio, 0.9e-5, "rate_too_low", 1.1e-5, "at_chance", "by no more than 9e-06"},
    {ratio, 0, "rate_too_low", 1e-3, "at_chance", "no more than 0 of"},
    {ratio_of_a_learner, 1.1, "rate_too_low", 0.9, "still_improving", "rate of 0.1"},
    {ratio_of_the_good, 0, "use_it", 0, "use_it", ""},
    /* Alternating +-x has second differences of 4 x, and noise of 4 x / sqrt 6 = 1.63 x. */
    {stuck_jumps, 0.065, "rate_too_high", 0.058, "at_chance", "jumps about by 0.24"},
    {above, 1.55, "rate_too_high", 1.45, "at_chance", "worse than guessing"},
    {falling_from_above, 5, "still_improving", 27, "rate_too_low", "began at 30"},
    {slow, 2.24, "rate_too_low", 2.12, "still_improving", "steadily but slowly, from 2.75"},
    {penalty, 1.1, "regularization_too_strong", 0.9, "underfitting", "penalty, 0.715, outweighs"},
    {strong, 0.011, "regularization_too_strong", 0.009, "underfitting", "L2 of 0.011"},
    {keep, 0.49, "regularization_too_strong", 0.51, "underfitting", "only 0.49"},
    {few, 20, "sanity_failed", 21, "use_it", "only 200 samples"},
    {few_by_heart, 1, "sanity_passed", 0.99, "sanity_failed", "100 % on 100 samples"},
    {low, 0.81, "underfitting", 0.83, "use_it", "81.0 %, validation 81.0 %: equal, and low"},
    {low_alone, 0.81, "underfitting", 0.83, "no_validation", "81.0 % is low"},
    {low_alone, 0.99, "no_validation", 0.7, "underfitting", "is 99.0 %"},
    {gap, 0.055, "overfitting", 0.045, "use_it", "99.0 %, validation 93.5 %|more data"},
    {gap_and_l2, 0.001, "overfitting", 0, "overfitting", "dropout (now L2 0.001), or"},
    {gap_and_dropout, 0.8, "overfitting", 1, "overfitting",
     "dropout (now dropout keeping 0.8), or"},
    {gap_and_dropout, 1, "overfitting", 0, "overfitting", "L2 or dropout, or"},
    {gap_and_dropout, 0, "overfitting", 0, "overfitting", "L2 or dropout, or"},
    {gap_and_both, 0.8, "overfitting", 1, "overfitting", "(now L2 0.001, dropout keeping 0.8)"},
    {gap_and_best, 1.025, "overfitting", 1.015, "overfitting",
     "99.0 %, validation 70.0 %|at update 700"},
    {gap_and_noise, 0.02, "overfitting", 0.02, "overfitting", "overfits. Use more"},
    {easier, 0.055, "validation_easier", 0.045, "use_it", "validation 95.5 %"},
    {overtrains, 1.12, "use_it overtrained", 1.08, "use_it", "at update 700, 0.0982, and is 0.11"},
    {overtrains_alone, 0.85, "overtrained", 1, "unclear", "best at update 700"},
    {one_class, 0, "one_class", 0, "one_class", "All 9000 training samples are of class 3"},
    {majority, 0.785, "majority", 0.775, "at_chance unbalanced", "Class 3 is 80.0 %|78.5 %"},
    {majority_of_few, 0.16, "majority", 0.14, "at_chance", "Class 3 is 16.0 %"},
    {majority_symmetric, 0, "symmetric majority", 0, "symmetric majority", "copies of one"},
    {largest, 0.16, "underfitting unbalanced", 0.14, "underfitting",
     "16.0 % of|9.3 %|of 16.0 % is"},
    {largest_unseen, 0.16, "overfitting unbalanced", 0.14, "overfitting", "overfits"},
    {smallest, 150, "underfitting unbalanced", 250, "underfitting", "equal, and low"},
    {jumps, 0.032, "use_it rate_high", 0.029, "use_it", "about by 0.12|ends at 0.065|of 0.1"},
    {dying, 0.41, "use_it units_dying", 0.39, "use_it", "41 % of the hidden|against 1 %"},
    {dying_from, 0.29, "use_it units_dying", 0.31, "use_it", "against 29 %"},
    {first_loss, 2.1, "use_it first_loss_high", 1.9, "use_it", "first loss is 4.84|has 2.3"},
    {late, 7, "use_it late_start", 6, "use_it", "still about 2.3 at update 700 of 2000"},
    {late_from_above, 1.05, "use_it late_start", 1.15, "use_it", "high"},
    {improving, 0.005, "use_it still_improving", 0.0043, "use_it", "0.485 on|0.513 in"},
    {improving_low, 0.0045, "use_it still_improving", 0.004, "use_it", "0.0865 on"},
    {improving_noise, 0.015, "use_it still_improving", 0.02, "use_it", "still falls"},
    {improving_best, 0.99, "use_it still_improving", 0.999, "use_it", "still falls"},
    {improving_above, 1.015, "use_it still_improving", 1.025, "use_it", "high"},
    {low_improving, 0.5, "still_improving", 2.5, "underfitting", "quarter|Train longer"},
    {batches_jump, 0.032, "use_it batch_noise", 0.029, "use_it", "jumps about by 0.12|normal"},
    {losses_alone, 0, "learns", 0, "learns", "from 2.3 to 0.09"},
    {batches_alone, 0, "learns", 0, "learns", "from 2.3 to 0.09"},
    {validation_alone, 0, "unclear", 0, "unclear", "Validation loss 0.11"},
};
#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

/* The rules that speak, joined by blanks. */
static size_t diagnose(const run *r, fi_finding *findings, char *rules, size_t size)
{
    const size_t n = fi_diagnose(&r->curves, MOST, findings);
    rules[0] = '\0';
    for (size_t k = 0; k < n; k++) {
        strncat(rules, k ? " " : "", size - strlen(rules) - 1);
        strncat(rules, findings[k].rule, size - strlen(rules) - 1);
    }
    return n;
}

static void expect_words(const char *text, const char *words)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", words);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, "|")) != NULL;)
        cr_expect(strstr(text, word), "does not say '%s': %s", word, text);
}

static void try(size_t k, double x, const char *says, const char *words)
{
    static run r;
    fi_finding findings[MOST];
    char rules[256];
    make_sound(&r);
    scenarios[k].change(&r, x);
    const size_t n = diagnose(&r, findings, rules, sizeof rules);
    cr_expect_str_eq(rules, says, "scenario %zu at %g: %s (%s), expected %s", k, x, rules,
                     findings[0].text, says);
    char all[MOST * sizeof findings->text] = "";
    for (size_t j = 0; j < n; j++)
        strcat(all, findings[j].text);
    if (words)
        expect_words(all, words);
}

Test(diagnosis, says_what_ails_a_run)
{
    for (size_t k = 0; k < SCENARIOS; k++) {
        try(k, scenarios[k].x, scenarios[k].says, scenarios[k].words);
        try(k, scenarios[k].other, scenarios[k].otherwise, NULL);
    }
}

static const struct row {
    const char *rule;
    fi_outlook outlook;
} rows[] = {
#define FI_DIAGNOSIS(rule, about, outlook, ...) {#rule, outlook},
#include "study/diagnosis.def"
};

Test(diagnosis, every_rule_has_a_scenario)
{
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        bool found = false;
        for (size_t k = 0; k < SCENARIOS; k++)
            found |= strstr(scenarios[k].says, rows[row].rule) != NULL;
        cr_expect(found, "%s", rows[row].rule);
    }
}

/* ---- what is missing ------------------------------------------------------------------------- */

static double draw(fi_rng *rng)
{
    return (double)fi_rng_u32(rng) / 4294967296.0;
}

/* Drops each array with probability 1/4, and of those left now and then a value. */
static void damage(run *r, fi_rng *rng)
{
    const double **arrays[] = {
        &r->curves.iteration,           &r->curves.batch_loss,
        &r->curves.train_loss,          &r->curves.train_accuracy,
        &r->curves.validation_loss,     &r->curves.activation_variance,
        &r->curves.validation_accuracy, &r->curves.saturated_fraction,
        &r->curves.dead_fraction,       &r->curves.distinct_units,
        &r->curves.gradient_variance,   &r->curves.update_ratio,
    };
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
        double *values = (double *)*arrays[k];
        for (size_t p = 0; values && p < POINTS; p++)
            if (draw(rng) < 0.1)
                values[p] = draw(rng) < 0.9 ? UNKNOWN : HUGE_VAL;
        if (draw(rng) < 0.25)
            *arrays[k] = NULL;
    }
    r->curves.class_counts = draw(rng) < 0.25 ? NULL : r->counts;
    r->curves.classes = draw(rng) < 0.1 ? 0 : CLASSES;
    r->curves.points = (size_t)(draw(rng) * (POINTS + 1));
    double *numbers[] = {&r->curves.rate, &r->curves.l2, &r->curves.penalty, &r->curves.keep};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        *numbers[k] = draw(rng) < 0.25 ? UNKNOWN : *numbers[k];
}

/* Something is always said, whole, once a rule, and never of what is not known. */
Test(diagnosis, what_is_not_known_is_not_said)
{
    static run r;
    fi_rng rng = fi_rng_stream(1, FI_FOR_DATA, 0, 0);
    for (size_t round = 0; round < 20000; round++) {
        fi_finding findings[MOST];
        char rules[256];
        const struct scenario *s = &scenarios[round % SCENARIOS];
        make_sound(&r);
        s->change(&r, round % 2 ? s->x : s->other);
        damage(&r, &rng);
        const size_t n = diagnose(&r, findings, rules, sizeof rules);
        cr_assert(n >= 1 && n <= MOST, "%zu findings", n);
        for (size_t k = 0; k < n; k++) {
            const char *text = findings[k].text;
            cr_assert(strlen(text) > 20 && strlen(text) < 399 && text[strlen(text) - 1] == '.',
                      "%s", text);
            cr_assert(text[0] >= 'A' || text[0] >= '0', "%s", text);
            cr_assert(!strstr(text, "nan") && !strstr(text, "inf ") && !strstr(text, "inf,"), "%s",
                      text);
            for (size_t j = 0; j < k; j++)
                cr_assert_str_neq(findings[j].rule, findings[k].rule, "%s", rules);
        }
    }
}

Test(diagnosis, gives_no_more_than_asked_for)
{
    static run r;
    fi_finding findings[2] = {{.rule = "x"}, {.rule = "untouched"}};
    make_sound(&r);
    jumps(&r, 0.05);
    cr_expect_eq(fi_diagnose(&r.curves, 1, findings), 1);
    cr_expect_str_eq(findings[0].rule, "use_it");
    cr_expect_str_eq(findings[1].rule, "untouched");
}

Test(diagnosis, room_for_no_finding_is_a_bug, .signal = SIGABRT)
{
    static run r;
    fi_finding finding;
    make_sound(&r);
    (void)fi_diagnose(&r.curves, 0, &finding);
}
