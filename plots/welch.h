/* Whether samples differ in mean: Welch's t test, and Holm's correction for many at once. */
#ifndef FI_PLOTS_WELCH_H
#define FI_PLOTS_WELCH_H

#include <stddef.h>

/* What `n` finite values say; mean NaN of none, sd (n - 1) NaN of fewer than two. */
struct sample {
    size_t n, lost; /* `lost`: values that are missing or infinite, and left out */
    double mean, sd;
};

/* Of `count` values, `stride` apart. Neither overflows nor underflows where the result does not. */
struct sample fi_sample(size_t count, const double *values, size_t stride);

/*
 * t of the difference a - b over its standard error, sqrt(sd_a^2 / n_a + sd_b^2 / n_b), with its
 * degrees of freedom (Welch 1947, Biometrika 34, 28-35; Satterthwaite 1946). A sample of one takes
 * the other's sd. NaN where there is no spread to hold the difference against.
 */
double fi_welch(const struct sample *a, const struct sample *b, double *freedom);

/* P(|T| >= |t|) for Student's t with so many degrees of freedom, which need not be whole. */
double fi_student_tails(double t, double freedom);

/*
 * p[k] becomes the least family-wise error rate at which Holm's procedure rejects hypothesis k
 * (Holm 1979, Scandinavian Journal of Statistics 6, 65-70); the tests may depend on each other.
 * `order` gets the hypotheses from the smallest p to the largest.
 */
void fi_holm(size_t n, double *p, size_t *order);

#endif
