/* Softmax cross-entropy against the definition in long double. */
#include "fixture.h"

#include <signal.h>

enum {
    SAMPLES = 23,
    CLASSES = 11,
    COUNT = SAMPLES * CLASSES
};

/* The definition, row by row; the largest logit is taken out so that expl does not overflow. */
static long double naive_loss(const fi_real *x, const int32_t *labels, long double *d)
{
    long double loss = 0;
    for (size_t r = 0; r < SAMPLES; r++, x += CLASSES, d += CLASSES) {
        long double largest = (long double)x[0];
        long double sum = 0;
        for (size_t k = 0; k < CLASSES; k++)
            largest = fmaxl(largest, (long double)x[k]);
        for (size_t k = 0; k < CLASSES; k++)
            sum += expl((long double)x[k] - largest);
        for (size_t k = 0; k < CLASSES; k++)
            d[k] = (expl((long double)x[k] - largest) / sum - (k == (size_t)labels[r])) / SAMPLES;
        loss += logl(sum) + largest - (long double)x[labels[r]];
    }
    return loss / SAMPLES;
}

static void some_labels(int32_t *labels)
{
    for (size_t r = 0; r < SAMPLES; r++)
        labels[r] = (int32_t)(r * 7 % CLASSES);
}

/*
 * The loss is within a few double roundings of its largest term, the derivative (at most 1 / n)
 * within a rounding of fi_real and an error of exp's argument, 2^-53 |x - largest| <= 1e-11.
 */
static void check_scale(double scale)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 3, COUNT, scale);
    int32_t labels[SAMPLES];
    long double expected[COUNT];
    fi_real d[COUNT];
    some_labels(labels);
    const long double loss = naive_loss(x, labels, expected);
    const double actual = fi_softmax_loss(SAMPLES, CLASSES, x, labels, d, NULL);
    cr_expect(fabs(actual - (double)loss) <= 16 * DBL_EPSILON * (8 * scale + 3),
              "scale %g: loss %.17g, expected %.17g", scale, actual, (double)loss);
    struct worst worst = {0};
    for (size_t k = 0; k < COUNT; k++)
        compare(&worst, (double)d[k], expected[k],
                EPSILON * fabs((double)expected[k]) + 1e-15 * (8 * scale + 3) / SAMPLES);
    EXPECT_CLOSE(worst, "scale %g", scale);
    fi_arena_free(arena);
}

Test(loss, agrees_with_the_definition)
{
    check_scale(0);
    check_scale(1e-3);
    check_scale(1);
    check_scale(30);
    check_scale(1e4);
}

Test(loss, is_finite_at_large_logits)
{
    const fi_real x[6] = {10000, -10000, 0, -10000, 10000, -10000};
    const int32_t labels[2] = {0, 0};
    const fi_real expected[6] = {0, 0, 0, -0.5, 0.5, 0};
    fi_real d[6];
    size_t correct = 9;
    const double loss = fi_softmax_loss(2, 3, x, labels, d, &correct);
    cr_expect_eq(loss, 10000, "loss %.17g", loss);
    cr_expect_eq(correct, 1, "%zu", correct);
    for (size_t k = 0; k < 6; k++)
        cr_expect_eq(d[k], expected[k], "d[%zu] = %g", k, (double)d[k]);
}

Test(loss, of_one_class_is_zero)
{
    const fi_real x[2] = {(fi_real)-3.7, 1000};
    const int32_t labels[2] = {0, 0};
    fi_real d[2] = {9, 9};
    size_t correct = 0;
    cr_expect_eq(fi_softmax_loss(2, 1, x, labels, d, &correct), 0);
    cr_expect(d[0] == 0 && d[1] == 0 && correct == 2, "%g %g %zu", (double)d[0], (double)d[1],
              correct);
}

Test(loss, ties_go_to_the_first)
{
    const fi_real x[9] = {1, 2, 2, 5, 5, 5, 0, 0, 1};
    const int32_t first[3] = {1, 0, 2};
    const int32_t second[3] = {2, 1, 0};
    size_t correct = 0;
    (void)fi_softmax_loss(3, 3, x, first, NULL, &correct);
    cr_expect_eq(correct, 3, "%zu", correct);
    (void)fi_softmax_loss(3, 3, x, second, NULL, &correct);
    cr_expect_eq(correct, 0, "%zu", correct);
}

Test(loss, may_overwrite_the_logits)
{
    fi_arena *arena = new_arena();
    fi_real *x = normals(arena, 5, COUNT, 2);
    int32_t labels[SAMPLES];
    fi_real d[COUNT];
    some_labels(labels);
    const double apart = fi_softmax_loss(SAMPLES, CLASSES, x, labels, d, NULL);
    const double in_place = fi_softmax_loss(SAMPLES, CLASSES, x, labels, x, NULL);
    cr_expect_eq(apart, in_place);
    cr_expect_arr_eq(x, d, sizeof d);
    fi_arena_free(arena);
}

/* The loss and the derivative are the same whatever else is asked for. */
Test(loss, does_not_depend_on_what_is_asked_for)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 6, COUNT, 2);
    int32_t labels[SAMPLES];
    fi_real d[COUNT], again[COUNT];
    size_t correct = 0;
    some_labels(labels);
    const double all = fi_softmax_loss(SAMPLES, CLASSES, x, labels, d, &correct);
    cr_expect_eq(fi_softmax_loss(SAMPLES, CLASSES, x, labels, NULL, NULL), all);
    cr_expect_eq(fi_softmax_loss(SAMPLES, CLASSES, x, labels, again, NULL), all);
    cr_expect_arr_eq(d, again, sizeof d);
    fi_arena_free(arena);
}

Test(loss, a_label_past_the_classes_is_a_bug, .signal = SIGABRT)
{
    (void)fi_softmax_loss(1, 2, (fi_real[]){0, 0}, (int32_t[]){2}, NULL, NULL);
}

Test(loss, a_negative_label_is_a_bug, .signal = SIGABRT)
{
    (void)fi_softmax_loss(1, 2, (fi_real[]){0, 0}, (int32_t[]){-1}, NULL, NULL);
}
