/*
 * Backward, without batch norm, from a cotangent of independent N(0, 1) at the top. The cotangents
 * of different samples stay uncorrelated, since each changes sign with its own at the top; the
 * squares of their cosines have mean r. A gradient's second moment is a product of the gains above
 * (Schoenholz et al. 2017, section 4), which share the fluctuations of the forward pass.
 */
#include "../core/internal.h"
#include "propagate.h"

#include <math.h>

/* Of the cotangent that arrives at a layer: relative to its second moment. */
struct cotangent {
    double second;   /* in the limit of width */
    double shift;    /* of its logarithm */
    double noise;    /* variance of its average over samples: what the layers above add */
    double response; /* d log / dS of this layer's activations */
    double cosine;   /* r: mean square cosine between samples, given the layers above */
    double kept;     /* share of a quadratic form's noise that the weights above add */
    double excess;   /* what they add beyond normal ones, from their fourth moment */
    double spread;   /* E (its mean square over a sample)^2, relative */
    double radial;   /* excess of its mean square along a sample's own activations, relative */
    double shared;   /* response to the noise of weights above that lies along this layer's W */
};

static fi_prediction log_normal(double value, double variance)
{
    return (fi_prediction){value, value * sqrt(variance)};
}

/* The gradient of a layer's weights: mean over W of (sum_n a_n dz_n)^2, dz having `z`. */
static void weight_gradient(const fi_propagation *net, size_t layer, const struct cotangent *z,
                            double response)
{
    const fi_kernel *a = &net->kernels[layer - 1];
    fi_layer_theory *out = &net->layers[layer];
    const double n = (double)net->spec->units[layer], samples = net->samples;
    const double s = a->second;
    if (s == 0 || z->second == 0) {
        out->weight_gradient_mean = out->weight_gradient_variance = (fi_prediction){0, 0};
        return;
    }
    const double mean_square = a->mean * a->mean + (s - a->mean * a->mean) / a->n;
    const double together = 1 + z->radial * net->gains[layer].mean_share;
    const double mean_variance = samples * mean_square * z->second * together * exp(z->shift) / n;
    const double shift = z->shift + a->shift / s + a->var_s * response / s;
    const double second = samples * s * z->second * exp(shift);
    const double cosine = (a->product * a->product + a->var_k) / (s * s);
    const double variance = z->noise + a->batch_ss * pow(1 / s + response, 2) +
                            2 * (1 - 1 / samples) * cosine * z->cosine;
    out->weight_gradient_mean = (fi_prediction){0, sqrt(mean_variance)};
    out->weight_gradient_variance = log_normal(second, variance);
    out->weight_gradient_variance.value -= mean_variance;
}

static void cotangent_statistics(const fi_propagation *net, size_t layer, const struct cotangent *d)
{
    const double n = (double)net->spec->units[layer], one = 1 / net->samples;
    const double inherited = d->response * d->response * net->kernels[layer].batch_ss;
    const double own = (2 * d->kept * (one + (1 - one) * d->cosine) + d->excess) / n;
    fi_layer_theory *out = &net->layers[layer];
    const double second = d->second * exp(d->shift);
    const fi_kernel *a = &net->kernels[layer];
    const double together = 1 + (a->second > 0 ? d->radial * a->mean * a->mean / a->second : 0);
    out->gradient_mean = (fi_prediction){0, sqrt(second * one * together / n)};
    out->gradient_variance = log_normal(second, d->noise + inherited + own);
    out->gradient_variance.value -= second * one / n;
}

void fi_backward(fi_propagation *net)
{
    struct cotangent d = {.second = 1, .kept = 1, .spread = 1};
    const double one = 1 / net->samples;
    for (size_t layer = net->spec->depth;; layer--) {
        cotangent_statistics(net, layer, &d);
        if (layer == 0)
            return;
        const fi_gains *g = &net->gains[layer];
        const fi_kernel *below = &net->kernels[layer - 1];
        /* Through phi': dz = phi' da, averaged over n units. */
        const double diagonal = (1 + 2 * d.kept) * g->fourth - 1;
        const double pairs = g->pair * (1 + 2 * d.kept * d.cosine + d.excess) - 1;
        struct cotangent z = d;
        z.second *= g->gain;
        z.noise += (one * d.spread * diagonal + (1 - one) * pairs) / g->n +
                   d.response * (d.response * g->noise + 2 * g->cross);
        z.spread += z.spread * diagonal / g->n;
        const double own = net->kernels[layer].second;
        z.shift += g->shift + (d.response + (own > 0 ? d.radial / own : 0)) * g->cross_one +
                   g->response * below->var_s * g->signal * d.response;
        z.response = g->response + g->signal * d.response;
        z.cosine = g->slope_pair * d.cosine + (g->pair - (1 - d.kept) * g->slope_pair) / g->n;
        weight_gradient(net, layer, &z, z.response);
        /*
         * Through W: da = dz W'. The norm of W, and its product with each W above, act on both
         * passes.
         */
        d = z;
        d.shared = z.response * below->second + g->alike * d.shared;
        d.noise += (4 * d.shared + 2 * net->excess * z.response * below->second) * g->kept /
                   (g->n * g->fan_in);
        d.excess = net->excess * g->pair / g->n;
        d.second *= g->n * g->weight;
        d.shift += g->reuse + z.radial * g->along * g->kept / g->n;
        d.radial = g->curved + z.radial * g->along;
        d.kept = g->kept;
    }
}
