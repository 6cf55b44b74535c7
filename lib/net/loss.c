/* Softmax cross-entropy. */
#include "../core/internal.h"

#include <math.h>

/* The first of the largest. */
static size_t argmax(size_t n, const fi_real *x)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (x[k] > x[best])
            best = k;
    return best;
}

/* log(sum_k exp(x_k - shift)): with the largest x as shift the sum is within [1, n]. */
static double log_sum_exp(size_t n, const fi_real *x, double shift)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += exp((double)x[k] - shift);
    return log(sum);
}

/* dlogits may be logits. */
double fi_softmax_loss(size_t samples, size_t classes, const fi_real *logits, const int32_t *labels,
                       fi_real *dlogits, size_t *correct)
{
    FI_REQUIRE(samples > 0 && classes > 0);
    FI_REQUIRE(logits && labels);
    double loss = 0;
    size_t hits = 0;
    for (size_t r = 0; r < samples; r++) {
        const fi_real *x = logits + r * classes;
        FI_REQUIRE(labels[r] >= 0 && (size_t)labels[r] < classes);
        const size_t label = (size_t)labels[r];
        const size_t best = argmax(classes, x);
        const double shift = (double)x[best];
        const double log_sum = log_sum_exp(classes, x, shift);
        loss += log_sum - ((double)x[label] - shift);
        hits += best == label;
        for (size_t k = 0; dlogits && k < classes; k++) {
            const double p = exp((double)x[k] - shift - log_sum);
            dlogits[r * classes + k] = (fi_real)((p - (k == label)) / (double)samples);
        }
    }
    if (correct)
        *correct = hits;
    return loss / (double)samples;
}
