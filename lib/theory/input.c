/* What theory needs to know of the inputs: of normal ones by formula, of given ones by measuring.
 */
#include "../core/internal.h"
#include "../fanin.h"

#include <math.h>

enum {
    COLUMNS = 256 /* of the directions' sum, at a time */
};

fi_input_moments fi_input_normal(size_t inputs)
{
    FI_REQUIRE(inputs > 0);
    return (fi_input_moments){.second = 1,
                              .fourth = 3,
                              .norm_variance = 2 / (double)inputs,
                              .cosine_variance = 1 / (double)inputs,
                              .drawn = true};
}

static double dot(size_t n, const fi_real *x, const fi_real *y)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += (double)x[j] * (double)y[j];
    return sum;
}

static double norm(size_t n, const fi_real *x)
{
    return sqrt(dot(n, x, x));
}

/* Mean cosine of all pairs of samples, from the sum of their directions; of zeros it is 0. */
static double mean_cosine(size_t samples, size_t inputs, const fi_real *x)
{
    double all = 0, own = 0;
    for (size_t first = 0; first < inputs; first += COLUMNS) {
        const size_t cols = inputs - first < COLUMNS ? inputs - first : COLUMNS;
        double sum[COLUMNS] = {0};
        for (size_t n = 0; n < samples; n++) {
            const double length = norm(inputs, x + n * inputs);
            for (size_t j = 0; j < cols && length > 0; j++)
                sum[j] += (double)x[n * inputs + first + j] / length;
            own += first == 0 && length > 0 ? 1 : 0;
        }
        for (size_t j = 0; j < cols; j++)
            all += sum[j] * sum[j];
    }
    return (all - own) / ((double)samples * (double)(samples - 1));
}

/* Mean square of the cosine over pairs of samples 1, 6, 31, ... apart, cyclically. */
static double square_cosine(size_t samples, size_t inputs, const fi_real *x)
{
    double squares = 0, count = 0;
    for (size_t apart = 1; apart < samples; apart = 5 * apart + 1) {
        for (size_t n = 0; n < samples; n++) {
            const fi_real *a = x + n * inputs, *b = x + (n + apart) % samples * inputs;
            const double norms = norm(inputs, a) * norm(inputs, b);
            const double cosine = norms > 0 ? dot(inputs, a, b) / norms : 0;
            squares += cosine * cosine;
            count++;
        }
    }
    return squares / count;
}

fi_input_moments fi_input_measure(size_t samples, size_t inputs, const fi_real *x)
{
    FI_REQUIRE(samples >= 2 && inputs > 0);
    fi_input_moments moments = {0};
    double norms = 0;
    for (size_t n = 0; n < samples; n++) {
        double first = 0, second = 0, fourth = 0;
        for (size_t j = 0; j < inputs; j++) {
            const double value = (double)x[n * inputs + j], square = value * value;
            first += value;
            second += square;
            fourth += square * square;
        }
        moments.mean += first / (double)inputs;
        moments.second += second / (double)inputs;
        moments.fourth += fourth / (double)inputs;
        norms += second * second / ((double)inputs * (double)inputs);
    }
    const double count = (double)samples;
    moments.mean /= count;
    moments.second /= count;
    moments.fourth /= count;
    moments.norm_variance = fmax(0, norms / count - moments.second * moments.second);
    moments.cosine = mean_cosine(samples, inputs, x);
    moments.cosine_variance =
        fmax(0, square_cosine(samples, inputs, x) - moments.cosine * moments.cosine);
    return moments;
}
