/* A made-up run of training that is sound, and how to change it: for the tests. */
#ifndef FI_TEST_DIAGNOSIS_RUN_H
#define FI_TEST_DIAGNOSIS_RUN_H

#include "fanin.h"

#include <math.h>

enum {
    POINTS = 21, /* iterations 0, 100, ..., 2000 */
    LAYERS = 8,
    WIDTH = 100,
    CLASSES = 10
};

#define UNKNOWN ((double)NAN)

typedef struct run {
    double iteration[POINTS], batch_loss[POINTS], train_loss[POINTS], train_accuracy[POINTS];
    double validation_loss[POINTS], validation_accuracy[POINTS];
    double variance[POINTS * LAYERS], saturated[POINTS * LAYERS], dead[POINTS * LAYERS];
    double distinct[POINTS * LAYERS], gradient[POINTS * LAYERS], ratio[POINTS * LAYERS];
    size_t counts[CLASSES];
    fi_curves curves;
} run;

/* From `from` to within 0.1 % of `to`, where it is from the middle of the run on. */
static inline void go(double *y, double from, double to)
{
    for (size_t p = 0; p < POINTS; p++)
        y[p] = to + (from - to) * exp(-7.0 * (double)p / (POINTS / 2));
}

/* In equal steps. */
static inline void creep(double *y, double from, double to)
{
    for (size_t p = 0; p < POINTS; p++)
        y[p] = from + (to - from) * (double)p / (POINTS - 1);
}

static inline void shake(double *y, double by)
{
    for (size_t p = 0; p < POINTS; p++)
        y[p] += p % 2 ? by : -by;
}

/* By a factor a layer that makes `factor` over all; the same in all evaluations from `point` on. */
static inline void grade(double *values, size_t point, double bottom, double factor)
{
    for (size_t k = point * LAYERS; k < (size_t)POINTS * LAYERS; k++)
        values[k] = bottom * pow(factor, (double)(k % LAYERS) / (LAYERS - 1));
}

static inline void learn(run *r, double training, double validation)
{
    go(r->train_loss, log(CLASSES), 0.05 + 2.0 * (1 - training));
    go(r->batch_loss, log(CLASSES), 0.05 + 2.0 * (1 - training));
    go(r->validation_loss, log(CLASSES), 0.05 + 2.0 * (1 - validation));
    go(r->train_accuracy, 0.1, training);
    go(r->validation_accuracy, 0.1, validation);
}

static inline void stick(run *r)
{
    go(r->train_loss, log(CLASSES), log(CLASSES));
    go(r->batch_loss, log(CLASSES), log(CLASSES));
    go(r->validation_loss, log(CLASSES), log(CLASSES));
    go(r->train_accuracy, 0.1, 0.1);
    go(r->validation_accuracy, 0.1, 0.1);
}

static inline void make_sound(run *r)
{
    learn(r, 0.98, 0.97);
    creep(r->iteration, 0, 2000);
    grade(r->variance, 0, 1, 1);
    grade(r->saturated, 0, 0.1, 1);
    grade(r->dead, 0, 0.01, 1);
    grade(r->distinct, 0, WIDTH, 1);
    grade(r->gradient, 0, 1, 1);
    grade(r->ratio, 0, 1e-3, 1);
    for (size_t k = 0; k < CLASSES; k++)
        r->counts[k] = 1000;
    r->curves = (fi_curves){
        .points = POINTS,
        .layers = LAYERS,
        .width = WIDTH,
        .iteration = r->iteration,
        .batch_loss = r->batch_loss,
        .train_loss = r->train_loss,
        .train_accuracy = r->train_accuracy,
        .validation_loss = r->validation_loss,
        .validation_accuracy = r->validation_accuracy,
        .activation_variance = r->variance,
        .saturated_fraction = r->saturated,
        .dead_fraction = r->dead,
        .distinct_units = r->distinct,
        .gradient_variance = r->gradient,
        .update_ratio = r->ratio,
        .classes = CLASSES,
        .class_counts = r->counts,
        .rate = 0.1,
        .keep = 1,
        .bad_iteration = UNKNOWN,
    };
}

#endif
