/*
 * Samples of unlike norms, under batch norm. Batch norm gives each unit its variance over the
 * batch, not each sample its norm: a sample whose centred activations below had norm^2 r (on
 * average 1) is fed N(0, r), and the variance of r grows with depth. Expectations over r are sums
 * over FI_NORMS values: log r is taken for a quadratic in a normal variable (Cornish & Fisher 1938)
 * that has its variance and third moment, at the nodes of Gauss-Hermite quadrature.
 */
#include "propagate.h"

#include <math.h>

/* Of the polynomial He_5, for the weight exp(-x^2 / 2) / sqrt(2 pi). */
static const double nodes[FI_NORMS] = {-2.8569700138728056, -1.3556261799742659, 0,
                                       1.3556261799742659, 2.8569700138728056};
static const double weights[FI_NORMS] = {0.011257411327720691, 0.22207592200561264, 8.0 / 15,
                                         0.22207592200561264, 0.011257411327720691};

double fi_norms_mean(const double *values)
{
    double sum = 0;
    for (int k = 0; k < FI_NORMS; k++)
        sum += weights[k] * values[k];
    return sum;
}

double fi_norms_product(const double *a, const double *b)
{
    double sum = 0;
    for (int k = 0; k < FI_NORMS; k++)
        sum += weights[k] * a[k] * b[k];
    return sum;
}

double fi_norms_covariance(const double *a, const double *b)
{
    const double mean_a = fi_norms_mean(a), mean_b = fi_norms_mean(b);
    double sum = 0;
    for (int k = 0; k < FI_NORMS; k++)
        sum += weights[k] * (a[k] - mean_a) * (b[k] - mean_b);
    return sum;
}

double fi_norms_form(const double *a, const double pair[FI_NORMS][FI_NORMS], const double *b)
{
    double given[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++)
        given[k] = fi_norms_product(pair[k], b);
    return fi_norms_product(a, given);
}

void fi_norms_init(double *log_r, double variance, double third)
{
    /* s x + bend (x^2 - 1) has variance s^2 + 2 bend^2, third moment 6 s^2 bend + 8 bend^3. */
    const double least = 1e-6, total = fmax(variance, least);
    double bend = 0;
    for (int step = 0; step < 20; step++) {
        const double squared = fmin(bend * bend, 0.3 * total);
        bend = third / (6 * total - 4 * squared);
    }
    bend = fmax(-0.3 * sqrt(total), fmin(0.3 * sqrt(total), bend));
    const double s = sqrt(total - 2 * bend * bend);
    double mean = 0;
    for (int k = 0; k < FI_NORMS; k++) {
        log_r[k] = s * nodes[k] + bend * (nodes[k] * nodes[k] - 1);
        mean += weights[k] * exp(log_r[k]);
    }
    for (int k = 0; k < FI_NORMS; k++)
        log_r[k] -= log(mean);
}

void fi_norms_pass(const double *log_ratio, const double *noise, const double *skew, double *log_r)
{
    const double mean = fi_norms_mean(log_ratio);
    double variance = 0, third = 0;
    for (int k = 0; k < FI_NORMS; k++) {
        const double d = log_ratio[k] - mean;
        variance += weights[k] * (d * d + noise[k]);
        third += weights[k] * (d * (d * d + 3 * noise[k]) + skew[k]);
    }
    fi_norms_init(log_r, variance, third);
}

void fi_norms_interpolate(const double *log_r, const double *values, double at, double out[3])
{
    double c[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++)
        c[k] = values[k];
    for (int order = 1; order < FI_NORMS; order++)
        for (int k = FI_NORMS - 1; k >= order; k--)
            c[k] = (c[k] - c[k - 1]) / (log_r[k] - log_r[k - order]);
    double value = c[FI_NORMS - 1], first = 0, second = 0;
    for (int k = FI_NORMS - 2; k >= 0; k--) {
        const double step = at - log_r[k];
        second = second * step + 2 * first;
        first = first * step + value;
        value = value * step + c[k];
    }
    out[0] = value;
    out[1] = first;
    out[2] = second;
}

/* Polynomials of degree 0 to 2 in log r that are orthonormal over it. */
struct basis {
    double mean, deviation, skew, size;
};

static struct basis basis_of(const double *log_r)
{
    struct basis b = {.mean = fi_norms_mean(log_r)};
    b.deviation = sqrt(fi_norms_covariance(log_r, log_r));
    for (int k = 0; k < FI_NORMS; k++)
        b.skew += weights[k] * pow((log_r[k] - b.mean) / b.deviation, 3);
    for (int k = 0; k < FI_NORMS; k++) {
        const double x = (log_r[k] - b.mean) / b.deviation;
        b.size += weights[k] * pow(x * x - b.skew * x - 1, 2);
    }
    b.size = sqrt(b.size);
    return b;
}

static void evaluate(const struct basis *b, double log_r, double out[3])
{
    const double x = (log_r - b->mean) / b->deviation;
    out[0] = 1;
    out[1] = x;
    out[2] = (x * x - b->skew * x - 1) / b->size;
}

/*
 * A function of two samples' norms before a layer, in which value k of log r becomes at[k], becomes
 * its mean given their norms after it.
 */
static void carry(const double *log_r, const double *at, double pair[FI_NORMS][FI_NORMS])
{
    /* share[q][k]: of what was value k before, in the mean given value q after the layer. */
    double share[FI_NORMS][FI_NORMS] = {{0}}, half[FI_NORMS][FI_NORMS] = {{0}};
    const struct basis basis = basis_of(log_r);
    for (int q = 0; q < FI_NORMS; q++)
        for (int k = 0; k < FI_NORMS; k++) {
            double after[3], before[3];
            evaluate(&basis, log_r[q], after);
            evaluate(&basis, at[k], before);
            for (int p = 0; p < 3; p++)
                share[q][k] += weights[k] * after[p] * before[p];
        }
    for (int q = 0; q < FI_NORMS; q++)
        for (int k = 0; k < FI_NORMS; k++)
            for (int i = 0; i < FI_NORMS; i++)
                half[q][k] += share[q][i] * pair[i][k];
    for (int q = 0; q < FI_NORMS; q++)
        for (int k = 0; k < FI_NORMS; k++) {
            pair[q][k] = 0;
            for (int i = 0; i < FI_NORMS; i++)
                pair[q][k] += half[q][i] * share[k][i];
        }
}

/*
 * By chance: with K the cosines of the samples and v the variance of a unit, E z_n z_m / v is
 * K (1 + 2 tr K^2 / N^2) - 2 K^2 / N to second order, which takes 4 (tr K^3 / N^3 - (tr K^2 /
 * N^2)^2) from the mean square of K, and 6 (tr K^4 / N^4 - tr K^3 tr K^2 / N^5) from tr K^3 / N^3,
 * where tr K^4 is that of a log-normal spectrum. Then `alike` is left of each cosine, and n units
 * add what they add to a Wishart matrix.
 */
static void by_chance(fi_batch_layer *batch, const fi_batch_layer *below, double samples,
                      double kept)
{
    const double one = 1 / samples, alike = batch->alike, own = (1 - alike) * one;
    const double second = below->cosines - below->common + one, third = below->triples;
    const double ratio = third / second;
    const double divided = second / (1 + 4 * fmax(0, ratio - second)) - one;
    const double thrice = third / (1 + 6 * (ratio * ratio / second - second));
    const double left = fmax(0, alike * alike * (divided - (1 - kept) / batch->n));
    const double three = pow(alike, 3) * thrice + 3 * alike * alike * own * second +
                         own * own * (3 * alike + 1 - alike);
    batch->triples = three + (3 * (left + one) + 1 / batch->n) / batch->n;
    batch->cosines = left + 1 / batch->n;
}

void fi_batch_cosines(fi_batch_layer *batch, const fi_batch_layer *below, double samples,
                      double kept, const double *slope)
{
    const double *mean = batch->at.mean, centre = fi_norms_mean(mean);
    for (int k = 0; k < FI_NORMS; k++)
        for (int m = 0; m < FI_NORMS; m++)
            batch->pair[k][m] = (slope[k] * slope[m] * below->pair[k][m] +
                                 (mean[k] - centre) * (mean[m] - centre)) /
                                batch->centred;
    carry(batch->log_r, batch->at.expected, batch->pair);
    double squares[FI_NORMS];
    for (int k = 0; k < FI_NORMS; k++)
        squares[k] = fi_norms_product(batch->pair[k], batch->pair[k]);
    batch->common = fi_norms_mean(squares);
    by_chance(batch, below, samples, kept);
    batch->cosines += batch->common;
}
