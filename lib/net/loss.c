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

/*
 * One sample's loss; d (n), unless it is NULL, gets (p - [k == label]) / samples and may be x. With
 * the largest logit taken out the sum of exponentials is within [1, n]; d holds them between the
 * loops, rounded to fi_real, but for the label's, from which 1 is subtracted.
 */
static double sample_loss(size_t n, const fi_real *x, size_t label, double largest, double samples,
                          fi_real *d)
{
    const double logit = (double)x[label] - largest;
    double sum = 0;
    double at_label = 0;
    for (size_t k = 0; k < n; k++) {
        const double term = exp((double)x[k] - largest);
        sum += term;
        if (k == label)
            at_label = term;
        if (d)
            d[k] = (fi_real)term;
    }
    for (size_t k = 0; d && k < n; k++)
        d[k] = (fi_real)((double)d[k] / (sum * samples));
    if (d)
        d[label] = (fi_real)((at_label / sum - 1) / samples);
    return log(sum) - logit;
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
        hits += best == label;
        loss += sample_loss(classes, x, label, (double)x[best], (double)samples,
                            dlogits ? dlogits + r * classes : NULL);
    }
    if (correct)
        *correct = hits;
    return loss / (double)samples;
}
