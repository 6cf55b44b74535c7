/* From the averages of powers to the statistics made of them: mean and deviation over runs. */
#include "propagate.h"

#include <math.h>
#include <string.h>

/* Columns of a lower triangular root; directions without variance become 0. */
static void root(size_t n, double a[FI_SPREAD][FI_SPREAD], double l[FI_SPREAD][FI_SPREAD])
{
    for (size_t j = 0; j < n; j++) {
        double pivot = a[j][j];
        for (size_t k = 0; k < j; k++)
            pivot -= l[j][k] * l[j][k];
        const bool flat = !(pivot > 1e-12 * a[j][j]) && !isnan(pivot);
        l[j][j] = flat ? 0 : sqrt(pivot);
        for (size_t i = j + 1; i < n; i++) {
            double sum = a[i][j];
            for (size_t k = 0; k < j; k++)
                sum -= l[i][k] * l[j][k];
            l[i][j] = flat ? 0 : sum / l[j][j];
        }
    }
}

fi_prediction fi_spread(fi_statistic *statistic, size_t n, const double *mean,
                        double covariance[FI_SPREAD][FI_SPREAD], const double *constants)
{
    double l[FI_SPREAD][FI_SPREAD] = {{0}};
    root(n, covariance, l);
    const double centre = statistic(mean, constants);
    double curved = 0, variance = 0;
    for (size_t j = 0; j < n; j++) {
        double plus[FI_SPREAD], minus[FI_SPREAD];
        for (size_t i = 0; i < n; i++) {
            plus[i] = mean[i] + l[i][j];
            minus[i] = mean[i] - l[i][j];
        }
        const double up = statistic(plus, constants), down = statistic(minus, constants);
        curved += 0.5 * (up + down - 2 * centre);
        variance += 0.25 * (up - down) * (up - down) + 0.5 * pow(up + down - 2 * centre, 2);
    }
    return (fi_prediction){centre + curved, sqrt(variance)};
}

double fi_uneven_cosine(const fi_kernel *kernel)
{
    const double s = kernel->second, uneven = 0.75 * kernel->var_s + 0.25 * kernel->cov_s;
    return (kernel->product * uneven / s - kernel->cov_sk) / (s * s);
}

fi_prediction fi_resolved(fi_prediction cosine)
{
    if (!(cosine.sd > 3e-5 * fabs(cosine.value)) || cosine.value > 0.99)
        cosine.sd = (double)NAN;
    return cosine;
}

double fi_statistic_variance(const double *averages, const double *constants)
{
    (void)constants;
    return averages[1] - averages[0] * averages[0];
}

double fi_statistic_skewness(const double *averages, const double *constants)
{
    const double m = averages[0], variance = fi_statistic_variance(averages, constants);
    return (averages[2] - 3 * m * averages[1] + 2 * m * m * m) / (variance * sqrt(variance));
}

double fi_statistic_kurtosis(const double *averages, const double *constants)
{
    const double m = averages[0], variance = fi_statistic_variance(averages, constants);
    const double fourth =
        averages[3] - 4 * m * averages[2] + 6 * m * m * averages[1] - 3 * m * m * m * m;
    return fourth / (variance * variance);
}

double fi_statistic_ratio(const double *averages, const double *constants)
{
    (void)constants;
    return averages[1] / averages[0];
}

/* A tail of less than this hangs on how the norms of samples are spread, beyond their variance. */
#define TAIL 0.005

fi_prediction fi_fraction(double value, double variance, double count)
{
    const double missing = (double)NAN, rare = fmin(value, 1 - value) * count;
    if (fabs(rare) < 1e-9 * count)
        return (fi_prediction){round(value), 0};
    if (!(rare >= 10))
        return (fi_prediction){missing, missing};
    return (fi_prediction){value, rare < TAIL * count ? missing : sqrt(variance)};
}

void fi_activation_statistics(fi_layer_theory *layer, double mean, const double averages[FI_SPREAD],
                              double covariance[FI_SPREAD][FI_SPREAD])
{
    layer->activation_mean = (fi_prediction){mean + averages[0], sqrt(covariance[0][0])};
    layer->activation_variance = fi_spread(fi_statistic_variance, 2, averages, covariance, NULL);
    layer->activation_skewness = fi_spread(fi_statistic_skewness, 3, averages, covariance, NULL);
    layer->activation_kurtosis = fi_spread(fi_statistic_kurtosis, 4, averages, covariance, NULL);
}
