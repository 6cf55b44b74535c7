/*
 * Backward under batch norm. A sample's cotangent depends on its norm r, which is inherited by the
 * layers above: it is followed for FI_NORMS values of r.
 */
#include "../core/internal.h"
#include "propagate.h"

#include <math.h>

/* Mean square cosine of the samples: beyond it the projections' effects are not small. */
#define CROWDED 0.06

/* Of the cotangent at a layer: see backward.c; `other` is its correlation between samples. */
struct cotangent {
    double second, other, shift, noise, cosine, kept;
    double shared;  /* see backward.c */
    double opposed; /* w: two units' cotangents have cosine -w times that of their activations */
    double radial;  /* excess of its mean square along the sample's own activations */
    double bent;    /* the same of two samples' cotangents, times the number of samples */
    double of[FI_NORMS], square[FI_NORMS]; /* E of its mean square over a sample of norm r, and of
                                              that square, relative */
};

/*
 * Variance of the average over samples, from how they differ; but for what follows r in proportion,
 * since its average is 1 in every batch.
 */
static double sample_noise(const fi_propagation *net, size_t layer, const struct cotangent *d)
{
    double r[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++)
        r[k] = exp(net->batch[layer].log_r[k]);
    const double linear = pow(fi_norms_covariance(r, d->of), 2) / fi_norms_covariance(r, r);
    return ((fi_norms_mean(d->square) - linear) / pow(fi_norms_mean(d->of), 2) - 1) / net->samples;
}

static void cotangent_statistics(const fi_propagation *net, size_t layer, const struct cotangent *d)
{
    const double n = (double)net->spec->units[layer], one = 1 / net->samples;
    const double own = 2 * d->kept * (one + (1 - one) * d->cosine) / n;
    const double second = d->second * exp(d->shift);
    const double mean_variance = d->other == 0 ? second * one / n : 0;
    const double variance = d->noise + sample_noise(net, layer, d) + own;
    fi_layer_theory *out = &net->layers[layer];
    out->gradient_mean = (fi_prediction){0, sqrt(mean_variance)};
    out->gradient_variance =
        (fi_prediction){second - mean_variance, second == 0 ? 0 : second * sqrt(variance)};
}

/* The mean over W of (sum_n a_n ds_n)^2; ds is orthogonal to 1 and to y. */
static void weight_gradient(const fi_propagation *net, size_t layer, const struct cotangent *s)
{
    const fi_batch_layer *b = &net->batch[layer], *below = &net->batch[layer - 1];
    const double lost = s->bent * below->cosines + b->weighted / (b->gain * net->samples);
    const double samples = net->samples, n = (double)net->spec->units[layer];
    const double second = s->second * exp(s->shift);
    const double value = s->second == 0 || below->centred == 0
                             ? 0
                             : samples * below->centred * second *
                                   (fi_norms_product(s->of, b->at.r) / fi_norms_mean(s->of) - lost);
    const double variance =
        s->noise + sample_noise(net, layer - 1, s) + 2 * below->cosines * s->cosine;
    fi_layer_theory *out = &net->layers[layer];
    out->weight_gradient_mean = (fi_prediction){
        0, sqrt(samples * samples / (samples - 1) * below->mean_noise * second / n)};
    out->weight_gradient_variance = (fi_prediction){value, value == 0 ? 0 : value * sqrt(variance)};
}

/* What is left of a correlation, forward times backward. */
static double passes(const fi_batch_layer *b)
{
    return b->gain > 0 ? b->alike * b->mean_slope * b->mean_slope / b->gain : 0;
}

/* Through phi', given r of the layer below; returns the gain. */
static double through_slope(const fi_batch_layer *b, double kept, struct cotangent *d)
{
    struct cotangent out = *d;
    for (int k = 0; k < FI_NORMS; k++) {
        double of[3], square[3];
        fi_norms_interpolate(b->log_r, d->of, b->at.expected[k], of);
        fi_norms_interpolate(b->log_r, d->square, b->at.expected[k], square);
        const double gain = b->at.gain[k], cross = b->at.cross[k], half = 0.5 * b->at.noise[k];
        const double units = 1 + ((1 + 2 * kept) * b->at.fourth[k] - 1) / b->n;
        out.of[k] = gain * (of[0] + half * of[2]) + cross * (of[1] + d->radial * of[0]);
        out.square[k] =
            gain * gain * units * (square[0] + half * square[2] - 2 * half * of[1] * of[1]) +
            2 * gain * cross * (square[1] - of[0] * of[1]);
    }
    const double mean = fi_norms_mean(out.of);
    for (int k = 0; k < FI_NORMS; k++) {
        d->of[k] = out.of[k] / mean;
        d->square[k] = out.square[k] / (mean * mean);
    }
    return mean;
}

/* Through batch norm: s has been through phi', with this gain, from d above. */
static void through_norm(const fi_propagation *net, size_t layer, double gain,
                         const struct cotangent *d, struct cotangent *s)
{
    const fi_batch_layer *b = &net->batch[layer], *below = &net->batch[layer - 1];
    const double one = 1 / net->samples, others = (net->samples - 1) * d->other;
    const double left = 1 - b->share;
    const double mean = (b->gain + others * b->slope_pair) * one;
    const double along = (b->weighted + others * b->weighted_pair) * one;
    s->second *= b->inverse * (gain - mean - (1 - left * left) * along);
    s->noise += (b->spread + b->unit_noise + (1 - one) * 2 * d->kept * d->cosine) / b->n;
    const double alike = b->gain > 0 ? pow(b->slope_pair / b->gain, 2) : 0;
    s->cosine = alike * d->cosine + (1 - (1 - d->kept) * alike) / b->n;
    if (below->cosines > CROWDED)
        s->second = (double)NAN;
    /* Each unit's projection bends the cotangents by its own y, less what is bent already. */
    const double second = below->cosines + one, third = below->triples / second;
    s->bent = b->gain > 0 ? passes(b) * d->bent / (1 + 2 * (third - second)) +
                                b->weighted / b->gain * (1 - d->bent * (2 * third - second))
                          : 0;
}

/* Through W, which acts on both passes: d goes on from ds, which `s` describes. */
static void through_weights(const fi_propagation *net, size_t layer, const struct cotangent *s,
                            struct cotangent *d)
{
    const fi_batch_layer *b = &net->batch[layer], *below = &net->batch[layer - 1];
    const double second = below->cosines + 1 / net->samples;
    *d = *s;
    d->second *= b->n * b->weight;
    d->other = -1 / (net->samples - 1);
    d->opposed *= passes(b) * (1 - 0.5 * second);
    d->shared = 1 + passes(b) * d->shared;
    const double along = b->gain > 0 ? b->response * b->response * b->centred / b->gain : 0;
    d->radial = along * s->radial;
    d->shift +=
        d->radial * b->kept / b->n - log1p(d->opposed) - (2 * b->kept + net->excess) / b->fan_in;
    d->radial += 2 * b->log_gain;
    d->opposed += 2 * (1 + b->log_gain) * b->kept / b->fan_in;
    /* What W does to norms cancels against the deviations that it gives. */
    d->noise += below->noise - 4 * d->shared * b->kept / (b->n * b->fan_in);
    d->kept = b->kept;
}

void fi_batch_backward(fi_propagation *net)
{
    struct cotangent d = {.second = 1, .kept = 1};
    for (int k = 0; k < FI_NORMS; k++)
        d.of[k] = d.square[k] = 1;
    for (size_t layer = net->spec->depth;; layer--) {
        cotangent_statistics(net, layer, &d);
        if (layer == 0)
            return;
        const fi_batch_layer *b = &net->batch[layer];
        struct cotangent s = d;
        const double gain = b->norms > 0 ? through_slope(b, d.kept, &s) : b->gain;
        through_norm(net, layer, gain, &d, &s);
        weight_gradient(net, layer, &s);
        through_weights(net, layer, &s, &d);
    }
}
