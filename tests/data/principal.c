/* PCA and whitening against their definitions. */
#include "correlated.h"

TestSuite(principal, .init = begin, .fini = end);

static double covariances[COLS][COLS], trace;

/* Of the rows about `mean`, divided by their number, in double. */
static void find_covariances(const fi_samples *samples, const double *mean)
{
    memset(covariances, 0, sizeof covariances);
    trace = 0;
    const size_t cols = samples->cols;
    for (size_t i = 0; i < samples->rows; i++)
        for (size_t j = 0; j < cols; j++)
            for (size_t k = 0; k < cols; k++)
                covariances[j][k] += ((double)samples->x[i * cols + j] - (mean ? mean[j] : 0)) *
                                     ((double)samples->x[i * cols + k] - (mean ? mean[k] : 0)) /
                                     (double)samples->rows;
    for (size_t j = 0; j < cols; j++)
        trace += covariances[j][j];
}

/*
 * A value y = sum of COLS products errs by (COLS + 2) UNIT |x| at most, x and the axis being
 * rounded too; a covariance by twice that times |y|, on average below 2 (COLS + 2) UNIT trace, and
 * in double the eigenvectors and this sum by as much again.
 */
#define COVARIANCE_ERROR (4 * (COLS + 2) * UNIT)

static void expect_falling(const fi_transform *transform)
{
    double sum = 0;
    for (size_t k = 0; k < COLS; k++) {
        sum += transform->variances[k];
        cr_expect(transform->variances[k] >= 0 &&
                      (k == 0 || transform->variances[k] <= transform->variances[k - 1]),
                  "variance %zu is %g", k, transform->variances[k]);
    }
    cr_expect(fabs(sum - trace) <= COVARIANCE_ERROR * trace, "the variances add to %g, not %g", sum,
              trace);
}

/* With fewer rows than columns, too: then all but rows - 1 variances are 0. */
Test(principal, pca_makes_the_covariance_diagonal)
{
    static const size_t counts[] = {ROWS, 5, 1};
    for (size_t c = 0; c < 3; c++) {
        fi_samples samples = some(0, counts[c], 3);
        const fi_transform transform = fit("pca", &samples, 0);
        cr_expect(transform.inputs == COLS && transform.outputs == COLS && !transform.scale);
        find_covariances(&samples, transform.mean);
        const double input_trace = trace;
        expect_falling(&transform);
        apply(&transform, &samples);
        cr_expect(samples.rank == 1 && samples.cols == COLS && samples.shape[0] == COLS);
        cr_expect(samples.shape[1] == 0 && samples.shape[2] == 0);
        find_covariances(&samples, NULL);
        for (size_t j = 0; j < COLS; j++)
            for (size_t k = 0; k < COLS; k++) {
                const double expected = j == k ? transform.variances[k] : 0;
                cr_expect(fabs(covariances[j][k] - expected) <= COVARIANCE_ERROR * input_trace,
                          "%zu rows: covariance (%zu, %zu) is %g, not %g", counts[c], j, k,
                          covariances[j][k], expected);
            }
        for (size_t k = counts[c] - 1; k < COLS; k++)
            cr_expect(transform.variances[k] <= COVARIANCE_ERROR * input_trace, "variance %zu", k);
    }
}

/* An entry of V'V is a sum of products of which each factor was rounded once. */
Test(principal, principal_axes_are_orthonormal_and_their_signs_fixed)
{
    const fi_samples samples = some(0, ROWS, 1);
    const fi_transform transform = fit("pca", &samples, 0);
    for (size_t a = 0; a < COLS; a++) {
        double largest = 0;
        for (size_t b = 0; b < COLS; b++) {
            double product = 0;
            for (size_t j = 0; j < COLS; j++)
                product +=
                    (double)transform.basis[j * COLS + a] * (double)transform.basis[j * COLS + b];
            cr_expect(fabs(product - (a == b)) <= COVARIANCE_ERROR, "axes %zu and %zu: %g", a, b,
                      product);
            const double entry = (double)transform.basis[b * COLS + a];
            largest = fabs(entry) > fabs(largest) ? entry : largest;
        }
        cr_expect(largest > 0, "axis %zu has its largest entry %g", a, largest);
    }
    const fi_transform again = fit("pca", &samples, 0);
    cr_expect(memcmp(again.basis, transform.basis, COLS * COLS * sizeof *again.basis) == 0);
}

Test(principal, the_first_components_are_those_of_all)
{
    const fi_samples training = some(0, ROWS, 3);
    static const char *const kinds[] = {"pca", "whiten"};
    for (size_t c = 0; c < 2; c++) {
        const fi_transform whole = fit(kinds[c], &training, 0);
        const fi_transform part = fit(kinds[c], &training, 7);
        cr_expect(part.inputs == COLS && part.outputs == 7);
        for (size_t k = 0; k < COLS * 7; k++)
            cr_expect_eq(part.basis[k], whole.basis[k / 7 * COLS + k % 7]);
        fi_samples samples = some(0, ROWS, 3);
        apply(&part, &samples);
        cr_expect(samples.cols == 7 && samples.shape[0] == 7 && samples.rank == 1);
    }
}

/* In the metric of PCA's errors: y_k errs by as much over sqrt(variance + eps). */
Test(principal, whitening_makes_the_covariance_the_identity_up_to_eps)
{
    static const size_t counts[] = {ROWS, 5};
    for (size_t c = 0; c < 2; c++) {
        fi_samples samples = some(0, counts[c], 2);
        const fi_transform transform = fit("whiten", &samples, 0);
        find_covariances(&samples, transform.mean);
        expect_falling(&transform);
        const double input_trace = trace;
        const double eps = 1e-5 * trace / COLS;
        apply(&transform, &samples);
        find_covariances(&samples, NULL);
        for (size_t j = 0; j < COLS; j++)
            for (size_t k = 0; k < COLS; k++) {
                const double *v = transform.variances;
                const double expected = j == k ? v[k] / (v[k] + eps) : 0;
                const double slack =
                    COVARIANCE_ERROR * input_trace / sqrt((v[j] + eps) * (v[k] + eps));
                cr_expect(fabs(covariances[j][k] - expected) <= slack,
                          "%zu rows: covariance (%zu, %zu) is %g, not %g +- %g", counts[c], j, k,
                          covariances[j][k], expected, slack);
            }
    }
}

/* Validation samples meet the mean and axes of the training samples, not their own. */
Test(principal, validation_is_rotated_by_what_training_gave)
{
    const fi_samples training = some(0, ROWS, 1);
    const fi_transform transform = fit("pca", &training, 0);
    fi_samples validation = some(ROWS, OTHERS, 1);
    apply(&transform, &validation);
    for (size_t i = 0; i < OTHERS; i++)
        for (size_t k = 0; k < COLS; k++) {
            double y = 0, size = 0;
            for (size_t j = 0; j < COLS; j++) {
                const double deviation = (double)x[(ROWS + i) * COLS + j] - (double)exact_mean(j);
                y += deviation * (double)transform.basis[j * COLS + k];
                size += fabs(deviation * (double)transform.basis[j * COLS + k]);
            }
            /* COLS roundings of the sum, each of at most its size, and one of the deviation */
            cr_expect(fabs((double)validation.x[i * COLS + k] - y) <=
                          (COLS + 2) * UNIT * size + OWN_ERROR(ROWS) * 100,
                      "y(%zu, %zu) is %g, not %g", i, k, (double)validation.x[i * COLS + k], y);
        }
}
