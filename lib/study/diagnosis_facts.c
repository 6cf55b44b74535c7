/* The facts of a run: what its curves of loss and accuracy show, set against guessing. */
#include "../core/internal.h"
#include "diagnosis.h"

#include <math.h>

#define UNKNOWN ((double)NAN)

/* ---- one curve ------------------------------------------------------------------------------- */

static double iteration_of(const fi_curves *c, size_t point)
{
    return c->iteration && isfinite(c->iteration[point]) ? c->iteration[point] : UNKNOWN;
}

static size_t count_finite(const fi_curves *c, const double *y)
{
    size_t n = 0;
    for (size_t p = 0; y && p < c->points; p++)
        n += isfinite(y[p]) != 0;
    return n;
}

/* The mean of the finite values number from, ..., to - 1; NAN of none. */
static double mean_between(const fi_curves *c, const double *y, size_t from, size_t to)
{
    double sum = 0;
    size_t k = 0;
    for (size_t p = 0; p < c->points; p++)
        if (isfinite(y[p])) {
            sum += k >= from && k < to ? y[p] : 0;
            k++;
        }
    return from < to ? sum / (double)(to - from) : UNKNOWN;
}

/* Noise of variance v gives second differences of variance 6 v, whatever the slope. */
static void find_noise(const fi_curves *c, const double *y, size_t n, fi_course *course)
{
    double before[2] = {UNKNOWN, UNKNOWN}, squares = 0, falls = 0;
    size_t k = 0, count = 0;
    for (size_t p = 0; p < c->points; p++) {
        if (!isfinite(y[p]))
            continue;
        falls += k > 0 && y[p] < before[0];
        if (k >= n / 2 + 2) {
            const double second = y[p] - 2 * before[0] + before[1];
            squares += second * second;
            count++;
        }
        before[1] = before[0];
        before[0] = y[p];
        k++;
    }
    course->noise = n >= 8 ? sqrt(squares / (6 * (double)count)) : UNKNOWN;
    course->falling = n >= 5 ? falls / (double)(n - 1) : UNKNOWN;
}

static fi_course course_of(const fi_curves *c, const double *y)
{
    fi_course course = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
                        UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
    const size_t n = count_finite(c, y);
    if (n == 0)
        return course;
    for (size_t p = 0; p < c->points; p++) {
        if (!isfinite(y[p]))
            continue;
        course.first = isnan(course.first) ? y[p] : course.first;
        course.most = fmax(course.most, y[p]);
        if (!(y[p] >= course.least)) {
            course.least = y[p];
            course.least_at = iteration_of(c, p);
        }
    }
    course.last = mean_between(c, y, n - (n + 9) / 10, n);
    if (n >= 8) {
        course.before_late = mean_between(c, y, n / 2, n - n / 4);
        course.late_fall = course.before_late - mean_between(c, y, n - n / 4, n);
    }
    find_noise(c, y, n, &course);
    return course;
}

/* ---- the training set ------------------------------------------------------------------------ */

static void count_classes(const fi_curves *c, fi_facts *f)
{
    const size_t *counts = c->class_counts;
    f->classes = c->classes;
    f->samples = f->largest = f->smallest = UNKNOWN;
    double total = 0;
    for (size_t k = 0; counts && k < c->classes; k++) {
        total += (double)counts[k];
        f->largest_class = counts[k] > counts[f->largest_class] ? k : f->largest_class;
        f->smallest_class = counts[k] < counts[f->smallest_class] ? k : f->smallest_class;
    }
    if (counts && total > 0) {
        f->samples = total;
        f->largest = (double)counts[f->largest_class] / total;
        f->smallest = (double)counts[f->smallest_class] / total;
    }
}

/* Not known where there is but one class. */
static void find_guess(const fi_curves *c, fi_facts *f)
{
    f->log_classes = c->classes > 1 ? log((double)c->classes) : UNKNOWN;
    f->guess_loss = f->guess_accuracy = UNKNOWN;
    if (c->classes < 2 || f->largest == 1)
        return;
    f->guess_loss = f->log_classes;
    f->guess_accuracy = 1 / (double)c->classes;
    if (!c->class_counts || isnan(f->samples))
        return;
    f->guess_loss = 0;
    f->guess_accuracy = f->largest;
    for (size_t k = 0; k < c->classes; k++) {
        const double share = (double)c->class_counts[k] / f->samples;
        f->guess_loss -= share > 0 ? share * log(share) : 0;
    }
}

/* ---- the run --------------------------------------------------------------------------------- */

static void find_end(const fi_curves *c, fi_facts *f)
{
    f->bad_iteration = c->bad_iteration;
    f->bad_layer = c->bad_layer;
    f->bad = !isnan(c->bad_iteration);
    for (size_t p = 0; p < c->points && !f->bad; p++) {
        f->bad = (c->train_loss && isinf(c->train_loss[p])) ||
                 (c->batch_loss && isinf(c->batch_loss[p]));
        if (f->bad && iteration_of(c, p) > 0)
            f->bad_iteration = iteration_of(c, p);
    }
    f->updates = UNKNOWN;
    for (size_t p = 0; p < c->points; p++)
        f->updates = fmax(f->updates, iteration_of(c, p)); /* of a NAN and a number, the number */
    f->trained = isnan(f->updates) ? c->points > 1 : f->updates > 0;
}

static double skill_of(const fi_facts *f, double accuracy)
{
    return (accuracy - f->guess_accuracy) / (1 - f->guess_accuracy);
}

/*
 * Stuck is a loss within 5 % of guessing's, or above, and an accuracy within a skill of 5 %, or
 * within 3 standard errors; of what is known of the two. Where guessing is not known, so is a loss
 * that did not fall by 5 %. Whatever the accuracy, so is a loss that always was guessing's: logits
 * of almost 0 may well be in the right order.
 */
static bool is_stuck(const fi_facts *f)
{
    const double guess = f->guess_accuracy;
    const double error = isnan(f->samples) ? 0 : sqrt(guess * (1 - guess) / f->samples);
    const bool by_loss = f->loss.last >= 0.95 * f->scale;
    const bool by_accuracy = f->accuracy.last <= guess + fmax(0.05 * (1 - guess), 3 * error);
    const bool no_loss = isnan(f->loss.last);
    const bool no_accuracy = isnan(f->accuracy.last) || isnan(guess);
    if (f->loss.most < 1.01 * f->guess_loss && f->loss.least > 0.99 * f->guess_loss)
        return true;
    return (by_loss || no_loss) && (by_accuracy || no_accuracy) && !(no_loss && no_accuracy);
}

/* The least of many values is about 2 standard deviations below their mean. */
static bool rises(const fi_course *loss)
{
    const double noise = isnan(loss->noise) ? 0 : loss->noise;
    return loss->last - loss->least > fmax(0.02 * loss->least, 3 * noise);
}

/* Falls by more than 5 % from the third quarter to the fourth, 1 % of the scale, and the noise. */
static bool is_improving(const fi_facts *f, size_t values)
{
    const double error = f->loss.noise * sqrt(8 / (double)values);
    const double least = fmax(fmax(0.05 * f->loss.before_late, 0.01 * f->scale), 3 * error);
    return f->loss.late_fall > least && !(f->accuracy.last >= 0.995) && !f->validation_rises;
}

static void find_start(const fi_curves *c, const double *loss, fi_facts *f)
{
    f->plateau = 0;
    f->plateau_end = f->first_loss = UNKNOWN;
    for (size_t p = 0; loss && p < c->points && !(loss[p] < 0.9 * f->scale); p++) {
        if (iteration_of(c, p) == 0)
            f->first_loss = loss[p];
        else if (loss[p] > 1.1 * f->scale)
            f->plateau = UNKNOWN;
        else if (!isnan(loss[p])) {
            f->plateau++;
            f->plateau_end = iteration_of(c, p);
        }
    }
}

static void judge(const fi_curves *c, fi_facts *f)
{
    const double *loss = isnan(f->train.last) ? c->batch_loss : c->train_loss;
    f->loss = isnan(f->train.last) ? f->batch : f->train;
    f->scale = isnan(f->guess_loss) ? f->loss.first : f->guess_loss;
    f->skill = skill_of(f, f->accuracy.last);
    f->validation_skill = skill_of(f, f->validation_accuracy.last);
    f->gap = f->accuracy.last - f->validation_accuracy.last;
    f->recorded = f->bad || !isnan(f->loss.last) || !isnan(f->accuracy.last) ||
                  !isnan(f->validation_loss.last) || !isnan(f->validation_accuracy.last);
    const bool sound = f->recorded && f->trained && !f->bad;
    f->grows = sound && f->loss.last > 1.2 * f->loss.first && f->loss.last > 1.5 * f->scale;
    f->stuck = sound && is_stuck(f);
    f->learns = sound && !f->stuck && !f->grows;
    f->poor = f->stuck || (f->learns && f->skill < 0.5);
    f->low = f->stuck || (f->learns && f->skill < 0.8);
    f->majority = f->stuck && f->largest * (double)f->classes > 1.5 &&
                  fabs(f->accuracy.last - f->largest) <= 0.02;
    f->tiny = f->samples <= 20 * (double)f->classes;
    f->overfits = f->gap > 0.05;
    f->validation_rises = rises(&f->validation_loss);
    f->improving = sound && is_improving(f, count_finite(c, loss));
    find_start(c, loss, f);
}

fi_facts fi_facts_of(const fi_curves *c)
{
    fi_facts f = {
        .accuracy = course_of(c, c->train_accuracy),
        .train = course_of(c, c->train_loss),
        .batch = course_of(c, c->batch_loss),
        .validation_loss = course_of(c, c->validation_loss),
        .validation_accuracy = course_of(c, c->validation_accuracy),
        .l2 = c->l2,
        .decay = c->rate * c->l2,
        .keep = c->keep,
        .penalty = c->penalty,
    };
    count_classes(c, &f);
    find_guess(c, &f);
    find_end(c, &f);
    judge(c, &f);
    fi_facts_of_layers(c, &f);
    fi_facts_in_words(c, &f);
    return f;
}
