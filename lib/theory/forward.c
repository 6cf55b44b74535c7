/*
 * Forward, without batch norm. Given the kernel of the layer below, the units of a layer are
 * independent and normal over the samples; so an average over units and samples deviates by its
 * unit noise (of order 1 / n, with the correlations of the samples) and by what it inherits from
 * the kernel's own fluctuations, to first order; its mean is shifted to second. Yaida 2020
 * ("Non-Gaussian processes and neural networks at finite widths") and Hanin & Nica 2020 ("Finite
 * depth and width corrections to the neural tangent kernel") treat one sample.
 */
#include "../core/internal.h"
#include "propagate.h"

#include <math.h>

/* Finite width moves the kurtosis by a greater share: beyond an expansion to second order. */
#define SHIFTED 0.25

/* The shift of E a^2, relative, and half its relative variance: beyond it nothing is predicted. */
#define LOST 0.25

/* One layer while it is computed. */
struct forward {
    const fi_propagation *net;
    const fi_kernel *below;
    fi_table table;
    fi_powers powers, limit; /* limit: of infinite width, where c does not vary */
    size_t layer;
    double sw2, q, c, n;
    double kurtosis, pair_kurtosis; /* fourth cumulants of z_n, and of z_n, z_n, z_m, z_m */
    double kept;
};

static double slope(const struct forward *f, int row)
{
    return fi_table_slope(&f->table, row);
}

/* The shift of an average of row i from its limit. */
static double shift(const struct forward *f, int i)
{
    return f->sw2 * f->below->shift * slope(f, i) +
           f->kurtosis * fi_table_curvature(&f->table, i) / 6;
}

/* Covariance of two averages over units and samples, given the kernel below. */
static double unit_noise(const struct forward *f, int i, int j)
{
    const double one = 1 / f->net->samples;
    const double pair =
        fi_table_pair(&f->table, i, j, &f->powers) + f->pair_kurtosis * slope(f, i) * slope(f, j);
    const double quadratic = f->table.coefficient[2][i] * f->table.coefficient[2][j];
    const double fixed = (1 - f->kept) * quadratic * (one + (1 - one) * f->powers.at[2]);
    return (one * f->table.covariance[i][j] + (1 - one) * pair - fixed) / f->n;
}

static double covariance(const struct forward *f, int i, int j)
{
    const double s2 = f->sw2 * f->sw2, own = f->below->var_s, common = f->below->cov_s;
    /* The average over samples of the squares of their deviations. */
    const double squares = 0.5 * s2 * s2 * (own * own / f->net->samples + common * common);
    return unit_noise(f, i, j) + s2 * f->below->batch_ss * slope(f, i) * slope(f, j) +
           squares * fi_table_curvature(&f->table, i) * fi_table_curvature(&f->table, j);
}

static fi_prediction fraction(const struct forward *f, int row)
{
    return fi_fraction(f->table.value[row] + shift(f, row), covariance(f, row, row),
                       f->n * f->net->samples);
}

static void statistics(const struct forward *f, fi_layer_theory *layer)
{
    static const int z[2] = {FI_ROW_Z, FI_ROW_Z2};
    static const int phi[FI_SPREAD] = {FI_ROW_C1, FI_ROW_C2, FI_ROW_C3, FI_ROW_C4};
    double mean[FI_SPREAD], matrix[FI_SPREAD][FI_SPREAD];
    for (int i = 0; i < 2; i++) {
        mean[i] = f->table.value[z[i]] + shift(f, z[i]);
        for (int j = 0; j < 2; j++)
            matrix[i][j] = covariance(f, z[i], z[j]);
    }
    layer->preactivation_mean = (fi_prediction){0, sqrt(matrix[0][0])};
    layer->preactivation_variance = fi_spread(fi_statistic_variance, 2, mean, matrix, NULL);
    layer->affine_variance = layer->preactivation_variance;
    for (int i = 0; i < FI_SPREAD; i++) {
        mean[i] = f->table.value[phi[i]] + shift(f, phi[i]);
        for (int j = 0; j < FI_SPREAD; j++)
            matrix[i][j] = covariance(f, phi[i], phi[j]);
    }
    fi_activation_statistics(layer, f->table.mean, mean, matrix);
    const double limit[FI_SPREAD] = {f->table.value[FI_ROW_C1], f->table.value[FI_ROW_C2],
                                     f->table.value[FI_ROW_C3], f->table.value[FI_ROW_C4]};
    const double kurtosis = fi_statistic_kurtosis(limit, NULL);
    const fi_prediction missing = {(double)NAN, (double)NAN};
    if (fabs(layer->activation_kurtosis.value - kurtosis) > SHIFTED * kurtosis)
        layer->activation_skewness = layer->activation_kurtosis = missing;
    layer->zero_fraction = fraction(f, FI_ROW_ZERO);
    if (f->net->integrand.underflows && f->table.value[FI_ROW_ZERO] > 0)
        layer->zero_fraction = missing;
    layer->saturated_fraction = fraction(f, FI_ROW_SATURATED);
}

/* The covariance of (S_n, S_m, K_nm) and of the averages over samples: inherited, and new noise. */
static void kernel(const struct forward *f, fi_kernel *out)
{
    const fi_table *t = &f->table;
    const fi_kernel *b = f->below;
    const double s2 = f->sw2 * f->sw2, q2 = f->q * f->q, c = f->c;
    const double ds = slope(f, FI_ROW_SQUARE), mean_slope = t->value[FI_ROW_SLOPE];
    const double dk =
        fi_table_pair(t, FI_ROW_SLOPE, FI_ROW_SLOPE, &f->powers) + mean_slope * mean_slope;
    const double dks = fi_table_product_slope(t, &f->powers);
    const double pair = fi_table_pair(t, FI_ROW_SQUARE, FI_ROW_SQUARE, &f->powers);

    *out = (fi_kernel){.n = f->n, .mean = t->mean, .second = t->second};
    out->fourth = t->covariance[FI_ROW_SQUARE][FI_ROW_SQUARE] + t->second * t->second;
    out->square_product = pair + t->second * t->second;
    out->product = fi_table_pair(t, FI_ROW_C1, FI_ROW_C1, &f->limit) + t->mean * t->mean;
    out->shift = shift(f, FI_ROW_SQUARE);

    /* The kernel of z: inherited, less what orthogonal weights keep. */
    const double lost = (1 - f->kept) * q2 / f->n;
    const double zss = s2 * b->var_s - 2 * lost, zsm = s2 * b->cov_s - 2 * c * c * lost;
    const double zkk = s2 * b->var_k - (1 + c * c) * lost, zsk = s2 * b->cov_sk - 2 * c * lost;
    out->var_s = ds * ds * zss + t->covariance[FI_ROW_SQUARE][FI_ROW_SQUARE] / f->n;
    out->cov_s = ds * ds * zsm + pair / f->n;
    out->var_k = dk * dk * zkk + 2 * dks * dks * (zss + zsm) + 4 * dk * dks * zsk +
                 (out->square_product - out->product * out->product) / f->n;
    const double cube =
        fi_table_pair(t, FI_ROW_CUBE, FI_ROW_C1, &f->powers) + t->value[FI_ROW_CUBE] * t->mean;
    out->cov_sk = ds * (dk * zsk + dks * (zss + zsm)) + (cube - t->second * out->product) / f->n;

    out->product_shift = f->sw2 * (dk * b->product_shift + 2 * dks * b->shift) +
                         fi_table_product_shift(t, &f->powers, f->kurtosis, 3 * s2 * b->cov_sk,
                                                s2 * (b->cov_s + 2 * b->var_k));

    double shared = 0, mixed = 0;
    fi_table_shared(t, c, &shared, &mixed);
    /* By their own noise, and by what the spread of c adds to the pairs. */
    const double own = (out->second - out->product) / f->net->samples +
                       fi_table_pair(t, FI_ROW_C1, FI_ROW_C1, &f->powers) -
                       fi_table_pair(t, FI_ROW_C1, FI_ROW_C1, &f->limit);
    out->batch_ss = s2 * ds * ds * b->batch_ss + unit_noise(f, FI_ROW_SQUARE, FI_ROW_SQUARE);
    mixed += 2 * (cube - mixed - out->second * out->product) / f->net->samples +
             2 * t->mean *
                 (fi_table_pair(t, FI_ROW_SQUARE, FI_ROW_C1, &f->powers) -
                  fi_table_pair(t, FI_ROW_SQUARE, FI_ROW_C1, &f->limit));
    out->batch_sk = s2 * ds * (dk * b->batch_sk + 2 * dks * b->batch_ss) + mixed / f->n;
    out->batch_kk =
        s2 * (dk * dk * b->batch_kk + 4 * dk * dks * b->batch_sk + 4 * dks * dks * b->batch_ss) +
        (shared + 4 * out->product * own + 2 * own * own) / f->n;
}

static void gains(const struct forward *f, fi_gains *out)
{
    const fi_table *t = &f->table;
    const double gain = t->value[FI_ROW_GAIN], mean_slope = t->value[FI_ROW_SLOPE];
    const double kept = fi_kept_noise(f->net->spec, f->layer, true); /* of a column's norm */
    const double dlog = slope(f, FI_ROW_GAIN) / gain;
    const double slope_pair =
        fi_table_pair(t, FI_ROW_SLOPE, FI_ROW_SLOPE, &f->powers) + mean_slope * mean_slope;
    *out = (fi_gains){
        .n = f->n,
        .gain = gain,
        .response = f->sw2 * dlog,
        .signal = f->sw2 * slope(f, FI_ROW_SQUARE),
        .shift = shift(f, FI_ROW_GAIN) / gain,
        .reuse = 2 * f->q * dlog / f->below->n * kept,
        .fourth = t->covariance[FI_ROW_GAIN][FI_ROW_GAIN] / (gain * gain) + 1,
        .pair = fi_table_pair(t, FI_ROW_GAIN, FI_ROW_GAIN, &f->powers) / (gain * gain) + 1,
        .slope_pair = slope_pair * slope_pair / (gain * gain),
        .alike = slope_pair * slope_pair * f->q / (t->second * gain),
        .noise = unit_noise(f, FI_ROW_SQUARE, FI_ROW_SQUARE),
        .cross = unit_noise(f, FI_ROW_SQUARE, FI_ROW_GAIN) / gain,
        .cross_one = t->covariance[FI_ROW_SQUARE][FI_ROW_GAIN] / (f->n * gain),
        .curved = 2 * f->q * dlog,
        .along = f->q * pow(slope(f, FI_ROW_SQUARE), 2) / (t->second * gain),
        .mean_share = pow(t->covariance[FI_ROW_C1][FI_ROW_SLOPE] + t->mean * mean_slope, 2) /
                      (t->second * gain),
    };
}

/* All pre-activations are 0, in every run. */
static void forward_of_zero(fi_propagation *net, size_t layer)
{
    const fi_activation *activation = net->spec->activation;
    const double phi = activation->phi(0), slope_0 = activation->slope(0), none = (double)NAN;
    const fi_prediction zero = {0, 0}, missing = {none, none};
    fi_layer_theory *out = &net->layers[layer];
    out->preactivation_mean = out->preactivation_variance = out->affine_variance = zero;
    out->activation_mean = (fi_prediction){phi, 0};
    out->activation_variance = zero;
    out->activation_skewness = out->activation_kurtosis = missing;
    out->zero_fraction = (fi_prediction){phi == 0, 0};
    out->saturated_fraction = (fi_prediction){fabs(slope_0) < 0.05 * activation->max_slope, 0};
    out->cosine = phi == 0 ? missing : (fi_prediction){1, 0};
    const double s = phi * phi, gain = slope_0 * slope_0;
    net->kernels[layer] = (fi_kernel){.n = (double)net->spec->units[layer],
                                      .mean = phi,
                                      .second = s,
                                      .fourth = s * s,
                                      .product = s,
                                      .square_product = s * s};
    net->gains[layer] = (fi_gains){.gain = gain, .fourth = 1, .pair = 1, .slope_pair = 1};
}

void fi_forward(fi_propagation *net, size_t layer)
{
    const fi_theory_spec *spec = net->spec;
    const fi_kernel *below = &net->kernels[layer - 1];
    const double weight = spec->weight_variance[layer - 1];
    struct forward f = {.net = net, .below = below, .layer = layer, .sw2 = weight * below->n};
    f.n = (double)spec->units[layer];
    f.q = f.sw2 * below->second + spec->bias_variance;
    f.kept = fi_kept_noise(spec, layer, false);
    if (f.q == 0) {
        forward_of_zero(net, layer);
    } else {
        const double s2 = f.sw2 * f.sw2;
        f.c = fmin(1, fmax(0, (f.sw2 * below->product + spec->bias_variance) / f.q));
        const double var_c = s2 / (f.q * f.q) *
                             (below->var_k + 0.5 * f.c * f.c * (below->var_s + below->cov_s) -
                              2 * f.c * below->cov_sk);
        f.kurtosis = s2 * (3 * below->var_s + net->excess * below->fourth / below->n);
        f.pair_kurtosis = s2 * net->excess * below->square_product / below->n;
        if (spec->law == FI_ORTHOGONAL) /* a row of W is a part of a point on a sphere */
            f.kurtosis =
                s2 * (3 * below->var_s - 6 * below->second * below->second / fmax(below->n, f.n));
        fi_table_init(&f.table, &net->integrand, f.q, 0);
        fi_powers_normal(&f.powers, f.c, fmax(0, var_c));
        fi_powers_normal(&f.limit, f.c, 0);
        statistics(&f, &net->layers[layer]);
        kernel(&f, &net->kernels[layer]);
        gains(&f, &net->gains[layer]);
        const fi_kernel *out = &net->kernels[layer];
        const double mean[2] = {out->second, out->product};
        double matrix[FI_SPREAD][FI_SPREAD] = {{out->batch_ss, out->batch_sk},
                                               {out->batch_sk, out->batch_kk}};
        net->layers[layer].cosine = fi_spread(fi_statistic_ratio, 2, mean, matrix, NULL);
        net->layers[layer].cosine.value =
            (out->product + out->product_shift) / (out->second + out->shift) +
            fi_uneven_cosine(out);
        net->layers[layer].cosine = fi_resolved(net->layers[layer].cosine);
        if (spec->law == FI_ORTHOGONAL)
            net->layers[layer].cosine.sd = (double)NAN;
    }
    fi_kernel *own = &net->kernels[layer];
    if (fabs(own->shift) > LOST * own->second ||
        own->batch_ss > 2 * LOST * own->second * own->second)
        own->second = (double)NAN;
    fi_gains *out = &net->gains[layer];
    out->weight = weight;
    out->fan_in = below->n;
    out->n = f.n;
    out->kept = fi_kept_noise(spec, layer, true);
}
