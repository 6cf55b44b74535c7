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

/* Norms^2 vary by more: third and fourth moments hang on how, beyond their third moment. */
#define UNEVEN 0.08

/* Of the norms^2 and the cosines: beyond it nothing is predicted. */
#define LOST 0.5

/* One layer while it is computed. */
struct forward {
    const fi_propagation *net;
    fi_table table;        /* of a sample of average norm */
    fi_table at[FI_NORMS]; /* of each norm, about the mean of `table` */
    double r[FI_NORMS];    /* mean square over units of y, for a sample of each norm */
    double n, kurtosis;    /* kurtosis: fourth cumulant of z beyond that of its norm */
    const fi_batch_layer *below;
    double share_shift, share_noise; /* of v / (v + eps): its deviation's mean and variance */
    double pulled[FI_NORMS];         /* what dividing by v takes from r, and from r / v again */
    double linear[FI_ROWS], square[FI_ROWS]; /* what the batch's constant sums of y, y^2 take */
    double slope[FI_ROWS][FI_NORMS];         /* d h_i / dy, on average, at each norm */
};

/* E h_i over samples of all norms. */
static double mean(const struct forward *f, int i)
{
    double at[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++)
        at[k] = f->at[k].value[i];
    return fi_norms_mean(at);
}

/*
 * A unit's average over the batch of h - linear y - square (y^2 - 1) / sqrt 2 is that of h but for
 * a constant, since its averages of y and y^2 are 0 and 1.
 */
static void find_constants(struct forward *f)
{
    for (int i = 0; i < FI_ROWS; i++) {
        double at[FI_NORMS];
        for (int k = 0; k < FI_NORMS; k++) {
            at[k] = f->at[k].coefficient[2][i];
            f->slope[i][k] = f->at[k].coefficient[1][i] / sqrt(f->r[k]);
        }
        f->square[i] = fi_norms_mean(at);
        f->linear[i] = fi_norms_mean(f->slope[i]);
    }
}

/*
 * Variance over units of an average over samples, from pairs of them: what two samples have in
 * common by chance, and by their norms, since weights may favour samples of great norm.
 */
static double pair_noise(const struct forward *f, int i, int j)
{
    const double(*a)[FI_ROWS] = f->table.coefficient;
    const double cosines = f->below->cosines;
    return (1 - 1 / f->net->samples) * a[4][i] * a[4][j] * 3 * cosines * cosines +
           fi_norms_form(f->slope[i], f->below->pair, f->slope[j]);
}

static double unit_noise(const struct forward *f, int i, int j)
{
    double own[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++) {
        const double r = f->r[k], root = sqrt(r);
        const double *a1 = f->at[k].coefficient[1], *a2 = f->at[k].coefficient[2];
        const double li = f->linear[i], lj = f->linear[j], si = f->square[i], sj = f->square[j];
        own[k] = f->at[k].covariance[i][j] - root * (li * a1[j] + lj * a1[i] - root * li * lj) -
                 r * (si * a2[j] + sj * a2[i] - r * si * sj);
    }
    return (fi_norms_mean(own) / f->net->samples + pair_noise(f, i, j)) / f->n;
}

static double covariance(const struct forward *f, int i, int j)
{
    double a[FI_NORMS], b[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++) {
        a[k] = f->at[k].value[i] - f->square[i] * (f->r[k] - 1) / M_SQRT2;
        b[k] = f->at[k].value[j] - f->square[j] * (f->r[k] - 1) / M_SQRT2;
    }
    return unit_noise(f, i, j) + fi_norms_covariance(a, b) / f->net->samples +
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

/* Of each norm: its table, with what finite width does to the mean of each row. */
static void find_tables(struct forward *f, double share)
{
    const fi_batch_layer *below = f->below;
    for (int k = 0; k < FI_NORMS; k++) {
        const double r = exp(below->log_r[k]);
        f->pulled[k] = 2 * fi_norms_product(below->pair[k], below->pair[k]) - 2 * r * below->common;
        f->r[k] = fmax(0.1 * r, r - f->pulled[k]);
        fi_table *t = &f->at[k];
        fi_table_init_about(t, &f->net->integrand, share * f->r[k], f->net->spec->samples,
                            f->table.mean);
        for (int i = 0; i < FI_ROWS; i++)
            t->value[i] += f->kurtosis * f->r[k] * f->r[k] * fi_table_curvature(t, i) / 6 +
                           f->share_shift * f->r[k] * fi_table_slope(t, i);
        t->mean = f->table.mean + t->value[FI_ROW_C1];
        t->second = t->value[FI_ROW_SQUARE];
    }
}

/* Mean over pairs of the cosine from averages of phi - M and (phi - M)^2. */
static double cosine(const double *averages, const double *constants)
{
    const double mean = constants[0], between_units = constants[1], samples = constants[2];
    const double m = mean + averages[0];
    const double second = averages[1] + 2 * mean * averages[0] + mean * mean;
    return (samples * (m * m + between_units) - second) / ((samples - 1) * second);
}

/*
 * What unlike norms add to the mean cosine, (E a / |a|)^2 over samples, and to its variance: the
 * mean direction of the samples favours small norms, and so do, by chance, some units.
 */
static fi_prediction uneven_cosine(const struct forward *f)
{
    const double(*pair)[FI_NORMS] = f->below->pair;
    const double *slope = f->slope[FI_ROW_C1];
    const double m = f->table.mean + mean(f, FI_ROW_C1), s = mean(f, FI_ROW_SQUARE);
    double unit[FI_NORMS], favoured[FI_NORMS], across[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++) {
        const double norm = sqrt(f->at[k].second);
        unit[k] = f->at[k].mean / norm;
        favoured[k] = slope[k] / norm;
        across[k] = favoured[k] - 0.5 * unit[k] * f->slope[FI_ROW_SQUARE][k] / f->at[k].second;
    }
    const double direction = fi_norms_mean(unit);
    const double value = direction * direction - m * m / s +
                         fi_norms_form(favoured, pair, favoured) -
                         fi_norms_form(slope, pair, slope) / s;
    const double variance = 4 * direction * direction * fi_norms_form(across, pair, across) / f->n;
    return (fi_prediction){value, sqrt(fmax(0, variance))};
}

static void statistics(const struct forward *f, fi_layer_theory *layer)
{
    static const int phi[FI_SPREAD] = {FI_ROW_C1, FI_ROW_C2, FI_ROW_C3, FI_ROW_C4};
    double means[FI_SPREAD], matrix[FI_SPREAD][FI_SPREAD];
    for (int i = 0; i < FI_SPREAD; i++) {
        means[i] = mean(f, phi[i]);
        for (int j = 0; j < FI_SPREAD; j++)
            matrix[i][j] = covariance(f, phi[i], phi[j]);
    }
    fi_activation_statistics(layer, f->table.mean, means, matrix);
    if (f->below->norms > UNEVEN) {
        const fi_prediction missing = {(double)NAN, (double)NAN};
        layer->activation_skewness = layer->activation_kurtosis = missing;
    }
    const double constants[3] = {f->table.mean, f->n * unit_noise(f, FI_ROW_C1, FI_ROW_C1),
                                 f->net->samples};
    layer->cosine = fi_spread(cosine, 2, means, matrix, constants);
    const fi_prediction uneven = uneven_cosine(f);
    layer->cosine.value += uneven.value;
    layer->cosine.sd = hypot(layer->cosine.sd, uneven.sd);
    layer->cosine.sd = hypot(layer->cosine.sd, sqrt(2 / f->n) * constants[1] / f->table.second);
    if (layer->cosine.sd < 4 / (f->n * f->n)) /* below the terms of second order in 1 / width */
        layer->cosine.sd = (double)NAN;
    static const int rows[2] = {FI_ROW_ZERO, FI_ROW_SATURATED};
    fi_prediction *const out[2] = {&layer->zero_fraction, &layer->saturated_fraction};
    for (int i = 0; i < 2; i++)
        *out[i] =
            fi_fraction(mean(f, rows[i]), covariance(f, rows[i], rows[i]), f->n * f->net->samples);
}

/* How the norms of the samples go on, about the mean of phi over all of them. */
static void find_norms(const struct forward *f, double average, fi_norms *at)
{
    const double d = f->table.mean - average;
    for (int k = 0; k < FI_NORMS; k++) {
        const double *v = f->at[k].value;
        const double second = v[FI_ROW_C2] + 2 * d * v[FI_ROW_C1] + d * d;
        const double fourth = v[FI_ROW_C4] + 4 * d * v[FI_ROW_C3] + 6 * d * d * v[FI_ROW_C2] +
                              4 * d * d * d * v[FI_ROW_C1] + d * d * d * d;
        at->r[k] = f->r[k];
        at->mean[k] = f->at[k].mean;
        at->ratio[k] = second;
        const double sixth =
            f->at[k].covariance[FI_ROW_C3][FI_ROW_C3] + v[FI_ROW_C3] * v[FI_ROW_C3];
        const double share = fourth / (second * second);
        at->noise[k] = (share - 1) / f->n;
        at->skew[k] = (sixth / pow(second, 3) - 3 * share + 2) / (f->n * f->n) -
                      3 * at->noise[k] * at->noise[k];
    }
}

/* What becomes of the samples' norms and cosines; `pair` is their mean product after centring. */
static void follow_samples(const struct forward *f, double average, double pair, double kept,
                           fi_batch_layer *batch)
{
    const fi_table *t = &f->table;
    fi_norms *at = &batch->at;
    find_norms(f, average, at);
    const double limit = fi_norms_mean(at->ratio);
    double fourth[FI_NORMS], r[FI_NORMS];
    const double dm = fi_table_slope(t, FI_ROW_C1), ds = fi_table_slope(t, FI_ROW_SQUARE);
    batch->response = t->q * (ds - 2 * t->mean * dm) / (t->second - t->mean * t->mean - pair);
    for (int k = 0; k < FI_NORMS; k++) {
        at->ratio[k] /= limit;
        at->expected[k] = log(at->ratio[k]) - 0.5 * at->noise[k];
        fourth[k] = at->ratio[k] * at->ratio[k] * (1 + at->noise[k] * f->n);
        /* Orthogonal weights keep a part of the norms as they are. */
        at->noise[k] -= batch->response * batch->response * 2 * (1 - kept) / f->n;
    }
    batch->centred = limit - pair;
    batch->alike = f->linear[FI_ROW_C1] * f->linear[FI_ROW_C1] / batch->centred;
    batch->fourth_share = fi_norms_mean(fourth);
    fi_norms_pass(at->expected, at->noise, at->skew, batch->log_r);
    for (int k = 0; k < FI_NORMS; k++)
        r[k] = exp(batch->log_r[k]);
    batch->norms = fi_norms_covariance(r, r);
    fi_batch_cosines(batch, f->below, f->net->samples, kept, f->slope[FI_ROW_C1]);
    batch->mean_noise = batch->centred / f->n + fi_norms_covariance(at->mean, at->mean);
    batch->noise = covariance(f, FI_ROW_C2, FI_ROW_C2) / (batch->centred * batch->centred);
}

static void kernel(const struct forward *f, const fi_powers *powers, double kept, fi_kernel *out,
                   fi_batch_layer *batch)
{
    const fi_table *t = &f->table;
    const double average = t->mean + mean(f, FI_ROW_C1);
    const double pair = fi_table_pair(t, FI_ROW_C1, FI_ROW_C1, powers);
    *out = (fi_kernel){.n = f->n, .mean = average, .second = mean(f, FI_ROW_SQUARE)};
    out->product = pair + average * average;
    out->square_product =
        fi_table_pair(t, FI_ROW_SQUARE, FI_ROW_SQUARE, powers) + out->second * out->second;
    out->batch_ss = covariance(f, FI_ROW_SQUARE, FI_ROW_SQUARE);
    follow_samples(f, average, pair, kept, batch);
    out->var_k = batch->centred * batch->centred * batch->cosines;

    const double cube =
        fi_table_pair(t, FI_ROW_CUBE, FI_ROW_C1, powers) + mean(f, FI_ROW_CUBE) * average;
    out->var_s = t->covariance[FI_ROW_SQUARE][FI_ROW_SQUARE] / f->n;
    out->cov_sk = (cube - out->second * out->product) / f->n;
    out->cov_s = (out->square_product - out->second * out->second) / f->n;
}

static void gains(const struct forward *f, const fi_powers *powers, fi_batch_layer *batch)
{
    const fi_table *t = &f->table;
    const double slope = mean(f, FI_ROW_SLOPE);
    const double weighted = t->value[FI_ROW_Y_SLOPE];
    fi_norms *at = &batch->at;
    double weighted_at[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++) {
        const fi_table *own = &f->at[k];
        const double limit = own->value[FI_ROW_GAIN], y = own->value[FI_ROW_Y_SLOPE];
        const double second = at->ratio[k] * batch->centred;
        at->gain[k] = limit - f->pulled[k] * t->q * fi_table_slope(own, FI_ROW_GAIN);
        at->fourth[k] = own->covariance[FI_ROW_GAIN][FI_ROW_GAIN] / (limit * limit) + 1;
        at->cross[k] = own->covariance[FI_ROW_C2][FI_ROW_GAIN] / (f->n * second);
        weighted_at[k] = f->r[k] * (own->covariance[FI_ROW_Y_SLOPE][FI_ROW_Y_SLOPE] + y * y);
    }
    const double gain = batch->gain = fi_norms_mean(at->gain);
    batch->slope_pair = fi_table_pair(t, FI_ROW_SLOPE, FI_ROW_SLOPE, powers) + slope * slope;
    batch->mean_slope = slope;
    batch->weighted = fi_norms_mean(weighted_at);
    batch->weighted_pair =
        fi_table_pair(t, FI_ROW_Y_SLOPE, FI_ROW_Y_SLOPE, powers) + weighted * weighted;
    batch->unit_noise = pair_noise(f, FI_ROW_GAIN, FI_ROW_GAIN) / (gain * gain);
    batch->log_gain = t->q * fi_table_slope(t, FI_ROW_GAIN) / gain;
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
    fi_norms_init(net->batch[layer].log_r, 0, 0);
}

void fi_batch_forward(fi_propagation *net, size_t layer)
{
    const fi_theory_spec *spec = net->spec;
    const fi_kernel *a = &net->kernels[layer - 1];
    const fi_batch_layer *below = &net->batch[layer - 1];
    fi_batch_layer *batch = &net->batch[layer];
    const double weight = spec->weight_variance[layer - 1], sw2 = weight * a->n;
    const bool lost = below->norms > LOST || below->cosines > LOST;
    const double v = lost ? (double)NAN : sw2 * below->centred,
                 kept = fi_kept_noise(spec, layer, false);
    struct forward f = {.net = net, .n = (double)spec->units[layer], .below = below};
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
    /* Orthogonal weights keep the sum of all v. */
    const double law = net->excess / a->n - 2 * (1 - kept) / f.n;
    const double uneven = 2 * below->norms / net->samples + 2 * below->cosines + law;
    batch->spread = fmax(0, 2 / net->samples + uneven);
    batch->inverse = share / v * (1 + share * share * (own + uneven));
    f.kurtosis =
        share * share * (net->excess * (below->fourth_share - 3) / a->n - 6 * below->cosines);
    const double left = share * (1 - share); /* d share / d log v */
    f.share_shift = -share * left * (own + uneven);
    f.share_noise = left * left * (batch->spread / f.n + below->noise);
    fi_table_init(&f.table, &net->integrand, share, spec->samples);
    find_tables(&f, share);
    find_constants(&f);
    fi_powers powers;
    fi_powers_batch(&powers, spec->samples);

    fi_layer_theory *out = &net->layers[layer];
    out->preactivation_mean = (fi_prediction){0, 0};
    out->preactivation_variance = (fi_prediction){share + f.share_shift, sqrt(f.share_noise)};
    statistics(&f, out);
    kernel(&f, &powers, kept, &net->kernels[layer], batch);
    out->cosine.value += fi_uneven_cosine(&net->kernels[layer]);
    out->cosine = fi_resolved(out->cosine);
    gains(&f, &powers, batch);
}
