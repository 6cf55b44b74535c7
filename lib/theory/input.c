/* What theory needs to know of the inputs: of normal ones by formula, of given ones by measuring.
 */
#include "../core/internal.h"
#include "../fanin.h"

#include <math.h>

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

/* Mean and variance of the cosine over pairs of samples 1, 6, 31, ... apart, cyclically. */
static void cosines(size_t samples, size_t inputs, const fi_real *x, fi_input_moments *moments)
{
    double sum = 0, squares = 0, count = 0;
    for (size_t apart = 1; apart < samples; apart = 5 * apart + 1) {
        for (size_t n = 0; n < samples; n++) {
            const fi_real *a = x + n * inputs, *b = x + (n + apart) % samples * inputs;
            const double norms = sqrt(dot(inputs, a, a) * dot(inputs, b, b));
            const double cosine = norms > 0 ? dot(inputs, a, b) / norms : 0;
            sum += cosine;
            squares += cosine * cosine;
            count++;
        }
    }
    moments->cosine = sum / count;
    moments->cosine_variance = fmax(0, squares / count - moments->cosine * moments->cosine);
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
    cosines(samples, inputs, x, &moments);
    return moments;
}
