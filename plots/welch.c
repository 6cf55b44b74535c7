/* Whether samples differ in mean: Welch's t test, and Holm's correction for many at once. */
#define _GNU_SOURCE
#include "welch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct sample fi_sample(size_t count, const double *values, size_t stride)
{
    struct sample sample = {0, 0, (double)NAN, (double)NAN};
    double first = 0;
    double sum = 0;
    double farthest = 0;
    double squares = 0;
    for (size_t k = 0; k < count; k++) {
        const double value = values[k * stride];
        if (isfinite(value)) {
            first = sample.n == 0 ? value : first; /* equal values have exactly no spread */
            sum += value / (double)count - first / (double)count;
            sample.n++;
        }
    }
    sample.lost = count - sample.n;
    if (sample.n > 0)
        sample.mean = first + sum * ((double)count / (double)sample.n);
    for (size_t k = 0; k < count; k++)
        if (isfinite(values[k * stride]))
            farthest = fmax(farthest, fabs(values[k * stride] - sample.mean));
    for (size_t k = 0; k < count && farthest > 0; k++)
        if (isfinite(values[k * stride]))
            squares += pow((values[k * stride] - sample.mean) / farthest, 2);
    if (sample.n > 1)
        sample.sd = farthest * sqrt(squares / (double)(sample.n - 1));
    return sample;
}

double fi_welch(const struct sample *a, const struct sample *b, double *freedom)
{
    const double sd_a = a->n > 1 ? a->sd : b->sd;
    const double sd_b = b->n > 1 ? b->sd : a->sd;
    const double scale = fmax(sd_a, sd_b);
    const double part_a = pow(sd_a / scale, 2) / (double)a->n;
    const double part_b = pow(sd_b / scale, 2) / (double)b->n;
    *freedom = (a->n > 1 ? (double)(a->n - 1) : 0) + (b->n > 1 ? (double)(b->n - 1) : 0);
    if (a->n > 1 && b->n > 1)
        *freedom = pow(part_a + part_b, 2) /
                   (part_a * part_a / (double)(a->n - 1) + part_b * part_b / (double)(b->n - 1));
    return (a->mean - b->mean) / (scale * sqrt(part_a + part_b));
}

/*
 * The continued fraction of the incomplete beta function, DLMF 8.17.22, from the front by Lentz's
 * method (Lentz 1976; Thompson & Barnett 1986); it is quick for x < (a + 1) / (a + b + 2).
 */
static double beta_fraction(double a, double b, double x)
{
    double c = 1;
    double d = 1 / (1 - (a + b) * x / (a + 1));
    double fraction = d;
    for (int k = 1; k < 10000; k++) {
        const double m = k;
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        fraction *= c * d;
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        fraction *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return fraction;
}

/* I_x(a, b) with y = 1 - x, DLMF 8.17.4 and 8.17.22. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

double fi_student_tails(double t, double freedom)
{
    const double ratio = t / sqrt(freedom); /* P = I_x(freedom / 2, 1 / 2), x = 1 / (1 + ratio^2) */
    const double x = 1 / (1 + ratio * ratio);
    const double y = isinf(ratio * ratio) ? 1 : ratio * ratio * x;
    return incomplete_beta(freedom / 2, 0.5, x, y);
}

static int compare_p(const void *one, const void *other, void *p)
{
    const size_t i = *(const size_t *)one;
    const size_t j = *(const size_t *)other;
    const double a = ((const double *)p)[i];
    const double b = ((const double *)p)[j];
    return a != b ? (a > b) - (a < b) : (i > j) - (i < j);
}

void fi_holm(size_t n, double *p, size_t *order)
{
    for (size_t k = 0; k < n; k++)
        order[k] = k;
    qsort_r(order, n, sizeof *order, compare_p, p);
    double least = 0;
    for (size_t k = 0; k < n; k++) {
        least = fmax(least, fmin(1, (double)(n - k) * p[order[k]]));
        p[order[k]] = least;
    }
}
