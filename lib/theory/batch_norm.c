/*
 * Batch norm at initialization, training mode (Yang et al. 2019). The normalized pre-activations of
 * a unit are a point on the sphere sum y = 0, sum y^2 = samples, uniformly distributed where the
 * samples are alike: so a table in Gegenbauer's polynomials is exact at any batch size. First and
 * second polynomial are constants of the batch and add no noise. What finite width adds: the
 * centred samples have unlike norms and are not orthogonal.
 */
#include "../core/internal.h"
#include "propagate.h"

#include <math.h>

/* Norms vary by more: third and fourth moments are beyond an expansion in their variance. */
#define UNEVEN 0.05

/* One layer while it is computed. */
struct forward {
    const fi_propagation *net;
    fi_table table;
    double n, kurtosis;              /* kurtosis: fourth cumulant of z beyond the sphere's */
    double norms, cosines, along;    /* of the layer below */
    double share_shift, share_noise; /* of v / (v + eps): its deviation's mean and variance */
};

static double shift(const struct forward *f, int i)
{
    return f->kurtosis * fi_table_curvature(&f->table, i) / 6 +
           f->share_shift * fi_table_slope(&f->table, i);
}

static double unit_noise(const struct forward *f, int i, int j)
{
    const double one = 1 / f->net->samples;
    const double(*a)[FI_ROWS] = f->table.coefficient;
    const double own = f->table.covariance[i][j] - a[1][i] * a[1][j] - a[2][i] * a[2][j];
    const double pair = a[4][i] * a[4][j] * 3 * f->cosines * f->cosines;
    /* Of unlike norms the first polynomials do not add up to a constant. */
    const double uneven = 1.5 * a[3][i] * a[3][j] * (one * f->norms + f->along);
    return (one * own + (1 - one) * pair + uneven) / f->n;
}

static double covariance(const struct forward *f, int i, int j)
{
    /* The squares of the norms' deviations, as of log-normal norms, averaged over samples. */
    const double w = 1 + f->norms, w3 = w * w * w, q = f->table.q;
    const double squares = w3 * w3 - 4 * w3 + 6 * w - 3 - f->norms * f->norms;
    const double spread = 0.25 * q * q * q * q * squares / f->net->samples;
    return unit_noise(f, i, j) +
           spread * fi_table_curvature(&f->table, i) * fi_table_curvature(&f->table, j) +
           f->share_noise * fi_table_slope(&f->table, i) * fi_table_slope(&f->table, j);
}

/* Before batch norm: averages of s and s^2 over correlated samples. */
static void affine(const fi_propagation *net, size_t layer, double sw2, double kept)
{
    const fi_kernel *below = &net->kernels[layer - 1];
    const double n = (double)net->spec->units[layer], one = 1 / net->samples, s2 = sw2 * sw2;
    const double q = sw2 * below->second + net->spec->bias_variance;
    const double k = sw2 * below->product + net->spec->bias_variance;
    const double pair = 2 * kept * (k * k + s2 * below->var_k) +
                        s2 * net->excess * below->square_product / below->n;
    const double mean_variance = (one * q + (1 - one) * k) / n;
    const double variance = (one * 2 * kept * q * q + (1 - one) * pair) / n + s2 * below->batch_ss;
    net->layers[layer].affine_variance =
        (fi_prediction){q + sw2 * below->shift - mean_variance, sqrt(variance)};
}

/* Mean over pairs of the cosine from averages of phi - M and (phi - M)^2. */
static double cosine(const double *averages, const double *constants)
{
    const double mean = constants[0], between_units = constants[1], samples = constants[2];
    const double m = mean + averages[0];
    const double second = averages[1] + 2 * mean * averages[0] + mean * mean;
    return (samples * (m * m + between_units) - second) / ((samples - 1) * second);
}

static void statistics(const struct forward *f, fi_layer_theory *layer)
{
    static const int phi[FI_SPREAD] = {FI_ROW_C1, FI_ROW_C2, FI_ROW_C3, FI_ROW_C4};
    double mean[FI_SPREAD], matrix[FI_SPREAD][FI_SPREAD];
    for (int i = 0; i < FI_SPREAD; i++) {
        mean[i] = f->table.value[phi[i]] + shift(f, phi[i]);
        for (int j = 0; j < FI_SPREAD; j++)
            matrix[i][j] = covariance(f, phi[i], phi[j]);
    }
    fi_activation_statistics(layer, f->table.mean, mean, matrix);
    if (f->norms > UNEVEN) {
        const fi_prediction missing = {(double)NAN, (double)NAN};
        layer->activation_skewness = layer->activation_kurtosis = missing;
    }
    const double constants[3] = {f->table.mean, f->n * unit_noise(f, FI_ROW_C1, FI_ROW_C1),
                                 f->net->samples};
    layer->cosine = fi_spread(cosine, 2, mean, matrix, constants);
    layer->cosine.sd = hypot(layer->cosine.sd, sqrt(2 / f->n) * constants[1] / f->table.second);
    if (layer->cosine.sd < 4 / (f->n * f->n)) /* below the terms of second order in 1 / width */
        layer->cosine.sd = (double)NAN;
    static const int rows[2] = {FI_ROW_ZERO, FI_ROW_SATURATED};
    fi_prediction *const out[2] = {&layer->zero_fraction, &layer->saturated_fraction};
    for (int i = 0; i < 2; i++)
        *out[i] = fi_fraction(f->table.value[rows[i]] + shift(f, rows[i]),
                              covariance(f, rows[i], rows[i]), f->n * f->net->samples);
}

static void kernel(const struct forward *f, const fi_powers *powers, double kept,
                   const fi_batch_layer *below, fi_kernel *out, fi_batch_layer *batch)
{
    const fi_table *t = &f->table;
    const double mean = t->mean;
    *out = (fi_kernel){.n = f->n, .mean = mean, .second = t->second};
    out->product = fi_table_pair(t, FI_ROW_C1, FI_ROW_C1, powers) + mean * mean;
    out->shift = shift(f, FI_ROW_SQUARE);
    out->fourth = t->covariance[FI_ROW_SQUARE][FI_ROW_SQUARE] + t->second * t->second;
    out->square_product =
        fi_table_pair(t, FI_ROW_SQUARE, FI_ROW_SQUARE, powers) + t->second * t->second;
    out->batch_ss = covariance(f, FI_ROW_SQUARE, FI_ROW_SQUARE);

    const double centred = out->second - out->product + shift(f, FI_ROW_C2),
                 c1 = t->coefficient[1][FI_ROW_C1];
    const double dm = fi_table_slope(t, FI_ROW_C1), ds = fi_table_slope(t, FI_ROW_SQUARE);
    const double response = t->q * (ds - 2 * mean * dm) / (out->second - out->product);
    const double alike = c1 * c1 / centred;
    const double fourth = t->value[FI_ROW_C4] / (centred * centred);
    batch->centred = centred;
    batch->norms = response * response * (below->norms - 2 * (1 - kept) / f->n) +
                   (fourth - 1) * (1 + below->norms) / f->n;
    /*
     * Dividing by each unit's own deviation makes samples less alike, by about a quarter of its
     * variance (from simulation); unlike norms make them more so.
     */
    const double cosines = (below->cosines - (1 - kept) / f->n) / (1 + 0.25 * batch->spread);
    const double uneven = dm * dm * t->q * t->q * below->norms / centred;
    batch->cosines = alike * alike * cosines + uneven * uneven + 1 / f->n;
    batch->alike = alike;
    batch->response = response;
    batch->along = pow(dm * t->q * response * below->norms, 2) / centred;
    batch->mean_noise = centred / f->n + dm * dm * t->q * t->q * below->norms;
    batch->noise = covariance(f, FI_ROW_C2, FI_ROW_C2) / (centred * centred);
    out->var_k = centred * centred * batch->cosines;

    const double norms = t->q * t->q * below->norms; /* of z */
    const double dks = fi_table_product_slope(t, powers);
    const double cube =
        fi_table_pair(t, FI_ROW_CUBE, FI_ROW_C1, powers) + t->value[FI_ROW_CUBE] * mean;
    out->var_s = ds * ds * norms + t->covariance[FI_ROW_SQUARE][FI_ROW_SQUARE] / f->n;
    out->cov_sk = ds * dks * norms + (cube - t->second * out->product) / f->n;
    out->cov_s = (out->square_product - t->second * t->second) / f->n;
}

static void gains(const struct forward *f, const fi_powers *powers, fi_batch_layer *batch)
{
    const fi_table *t = &f->table;
    const double gain = t->value[FI_ROW_GAIN], slope = t->value[FI_ROW_SLOPE];
    const double weighted = t->value[FI_ROW_Y_SLOPE];
    batch->gain = gain + shift(f, FI_ROW_GAIN);
    batch->slope_pair = fi_table_pair(t, FI_ROW_SLOPE, FI_ROW_SLOPE, powers) + slope * slope;
    batch->mean_slope = slope;
    batch->weighted = t->covariance[FI_ROW_Y_SLOPE][FI_ROW_Y_SLOPE] + weighted * weighted;
    batch->weighted_pair =
        fi_table_pair(t, FI_ROW_Y_SLOPE, FI_ROW_Y_SLOPE, powers) + weighted * weighted;
    batch->fourth = t->covariance[FI_ROW_GAIN][FI_ROW_GAIN] / (gain * gain) + 1;
    batch->log_gain = t->q * fi_table_slope(t, FI_ROW_GAIN) / gain;
    batch->cross = t->covariance[FI_ROW_C2][FI_ROW_GAIN] / (f->n * batch->centred * gain);
}

/* A batch in which every unit is constant: batch norm gives 0. */
static void forward_of_zero(fi_propagation *net, size_t layer)
{
    const fi_activation *activation = net->spec->activation;
    const double phi = activation->phi(0), none = (double)NAN;
    fi_layer_theory *out = &net->layers[layer];
    out->preactivation_mean = out->preactivation_variance = (fi_prediction){0, 0};
    out->activation_mean = (fi_prediction){phi, 0};
    out->activation_variance = (fi_prediction){0, 0};
    out->zero_fraction = (fi_prediction){phi == 0, 0};
    out->saturated_fraction =
        (fi_prediction){fabs(activation->slope(0)) < 0.05 * activation->max_slope, 0};
    out->cosine = (fi_prediction){phi == 0 ? none : 1, phi == 0 ? none : 0};
    const double s = phi * phi, slope = activation->slope(0);
    net->kernels[layer] = (fi_kernel){.n = (double)net->spec->units[layer],
                                      .mean = phi,
                                      .second = s,
                                      .fourth = s * s,
                                      .product = s,
                                      .square_product = s * s};
    net->batch[layer].gain = slope * slope;
    net->batch[layer].slope_pair = slope * slope;
    net->batch[layer].inverse = 1 / net->eps;
}

void fi_batch_forward(fi_propagation *net, size_t layer)
{
    const fi_theory_spec *spec = net->spec;
    const fi_kernel *a = &net->kernels[layer - 1];
    const fi_batch_layer *below = &net->batch[layer - 1];
    fi_batch_layer *batch = &net->batch[layer];
    const double weight = spec->weight_variance[layer - 1], sw2 = weight * a->n;
    const double v = sw2 * below->centred, kept = fi_kept_noise(spec, layer, false);
    struct forward f = {.net = net, .n = (double)spec->units[layer]};
    *batch = (fi_batch_layer){.weight = weight,
                              .n = f.n,
                              .fan_in = a->n,
                              .kept = fi_kept_noise(spec, layer, true),
                              .share = v / (v + net->eps)};
    affine(net, layer, sw2, kept);
    if (v == 0) {
        forward_of_zero(net, layer);
        return;
    }
    const double share = batch->share, own = net->samples / (net->samples - 3) - 1;
    const double fixed = 2 * (1 - kept) / f.n; /* orthogonal weights keep the sum of all v */
    batch->spread = fmax(0, 2 * (1 + below->norms) / net->samples + 2 * below->cosines - fixed);
    const double uneven = 2 * below->norms / net->samples + 2 * below->cosines - fixed;
    batch->inverse = share / v * (1 + share * share * (own + uneven));
    f.norms = below->norms;
    f.cosines = below->cosines;
    f.kurtosis = share * share *
                 (3 * below->norms - 6 * below->cosines + net->excess * below->fourth_share / a->n);
    f.along = below->along;
    const double left = share * (1 - share); /* d share / d log v */
    f.share_shift = -share * left * batch->spread;
    f.share_noise = left * left * (batch->spread / f.n + below->noise);
    fi_table_init(&f.table, &net->integrand, share, spec->samples);
    fi_powers powers;
    fi_powers_batch(&powers, spec->samples);

    fi_layer_theory *out = &net->layers[layer];
    out->preactivation_mean = (fi_prediction){0, 0};
    out->preactivation_variance = (fi_prediction){share + f.share_shift, sqrt(f.share_noise)};
    statistics(&f, out);
    kernel(&f, &powers, kept, below, &net->kernels[layer], batch);
    out->cosine.value += fi_uneven_cosine(&net->kernels[layer]);
    out->cosine = fi_resolved(out->cosine);
    batch->fourth_share = f.table.value[FI_ROW_C4] / (batch->centred * batch->centred);
    gains(&f, &powers, batch);
}

/* Of the cotangent at a layer: see backward.c; `other` is its correlation between samples. */
struct cotangent {
    double second, other, shift, noise, cosine, kept;
    double shared;   /* see backward.c */
    double response; /* d log / d log norm^2 of a sample's activations */
    double opposed;  /* w: two units' cotangents have cosine -w times that of their activations */
};

static void cotangent_statistics(const fi_propagation *net, size_t layer, const struct cotangent *d)
{
    const double n = (double)net->spec->units[layer], one = 1 / net->samples;
    const double own = 2 * d->kept * (one + (1 - one) * d->cosine) / n;
    const double second = d->second * exp(d->shift);
    const double mean_variance = d->other == 0 ? second * one / n : 0;
    fi_layer_theory *out = &net->layers[layer];
    out->gradient_mean = (fi_prediction){0, sqrt(mean_variance)};
    out->gradient_variance =
        (fi_prediction){second - mean_variance, second == 0 ? 0 : second * sqrt(d->noise + own)};
}

/* The mean over W of (sum_n a_n ds_n)^2; ds is orthogonal to 1 and to y. */
static void weight_gradient(const fi_propagation *net, size_t layer, const struct cotangent *s)
{
    const fi_batch_layer *b = &net->batch[layer], *below = &net->batch[layer - 1];
    const double lost = (below->cosines + 1 / net->samples) * b->weighted / b->gain;
    const double samples = net->samples, n = (double)net->spec->units[layer];
    const double second = s->second * exp(s->shift);
    const double value =
        s->second == 0 || below->centred == 0
            ? 0
            : samples * below->centred * second * (1 - lost + below->norms * s->response);
    const double variance = s->noise + 2 * below->cosines * s->cosine;
    fi_layer_theory *out = &net->layers[layer];
    out->weight_gradient_mean = (fi_prediction){
        0, sqrt(samples * samples / (samples - 1) * below->mean_noise * second / n)};
    out->weight_gradient_variance = (fi_prediction){value, value == 0 ? 0 : value * sqrt(variance)};
}

void fi_batch_backward(fi_propagation *net)
{
    const double samples = net->samples, one = 1 / samples;
    struct cotangent d = {.second = 1, .kept = 1};
    for (size_t layer = net->spec->depth;; layer--) {
        cotangent_statistics(net, layer, &d);
        if (layer == 0)
            return;
        const fi_batch_layer *b = &net->batch[layer];
        const double others = (samples - 1) * d.other;
        const double mean = (b->gain + others * b->slope_pair) * one;
        const double along = (b->weighted + others * b->weighted_pair) * one;
        const double left = 1 - b->share;
        const double gain = b->gain - mean - (1 - left * left) * along;
        struct cotangent s = d;
        s.second *= b->inverse * gain;
        s.noise += (b->spread + one * ((1 + 2 * d.kept) * b->fourth - 1) +
                    (1 - one) * 2 * d.kept * d.cosine) /
                   b->n;
        s.shift +=
            d.response * (b->cross + b->log_gain * net->batch[layer - 1].norms * b->response);
        s.response = b->log_gain + b->response * d.response;
        const double alike = b->gain > 0 ? pow(b->slope_pair / b->gain, 2) : 0;
        s.cosine = alike * d.cosine + (1 - (1 - d.kept) * alike) / b->n;
        weight_gradient(net, layer, &s);
        d = s;
        d.second *= b->n * b->weight;
        d.other = -1 / (samples - 1);
        const double kept = b->gain > 0 ? b->alike * b->mean_slope * b->mean_slope / b->gain : 0;
        d.opposed *= kept;
        d.shared = 1 + kept * d.shared;
        d.shift -= log1p(d.opposed) + 2 * b->kept / b->fan_in;
        d.opposed += 2 * (1 + b->log_gain) * b->kept / b->fan_in;
        /* What W does to norms cancels against the deviations that it gives. */
        d.noise += net->batch[layer - 1].noise - 4 * d.shared * b->kept / (b->n * b->fan_in);
        d.kept = b->kept;
    }
}
