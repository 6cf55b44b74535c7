/* Transforms against their definitions, and what they refuse. */
#include "correlated.h"

TestSuite(preprocess, .init = begin, .fini = end);

Test(preprocess, kinds_are_found_by_name)
{
    static const char *const names[] = {"none",        "scale", "per_pixel", "per_channel",
                                        "standardize", "pca",   "whiten"};
    size_t count = 0;
    const fi_transform_kind *kinds = fi_transform_kinds(&count);
    cr_assert_eq(count, 7);
    for (size_t k = 0; k < count; k++) {
        cr_expect_str_eq(kinds[k].name, names[k]);
        cr_expect_eq(fi_transform_kind_find(names[k]), &kinds[k]);
        cr_expect(*kinds[k].formula && *kinds[k].citation);
    }
    cr_expect_null(fi_transform_kind_find("whitened"));
}

/* ---- pixel by pixel -------------------------------------------------------------------------- */

static long double exact_sd(size_t j)
{
    long double sum = 0;
    for (size_t i = 0; i < ROWS; i++)
        sum += powl((long double)x[i * COLS + j] - exact_mean(j), 2);
    return sqrtl(sum / ROWS);
}

/* The mean over the pixels of j's channel, of `channels`. */
static long double exact_channel_mean(size_t j, size_t channels)
{
    long double sum = 0;
    for (size_t k = j % channels; k < COLS; k += channels)
        sum += exact_mean(k);
    return sum * (long double)channels / COLS;
}

static long double exact_largest(void)
{
    long double largest = 0;
    for (size_t k = 0; k < ROWS * COLS; k++)
        largest = fmaxl(largest, fabsl((long double)x[k]));
    return largest;
}

/* What the definition makes of the values of column j: (value - *mean) * *factor. */
static void define(const char *kind, size_t rank, size_t j, long double *mean, long double *factor)
{
    *mean = 0;
    *factor = 1;
    if (strcmp(kind, "scale") == 0)
        *factor = 1 / exact_largest();
    if (strcmp(kind, "per_pixel") == 0 || strcmp(kind, "standardize") == 0)
        *mean = exact_mean(j);
    if (strcmp(kind, "standardize") == 0)
        *factor = j == CONSTANT ? 0 : 1 / exact_sd(j);
    if (strcmp(kind, "per_channel") == 0)
        *mean = exact_channel_mean(j, rank == 3 ? 3 : 1);
}

Test(preprocess, each_kind_meets_its_definition_on_training_and_validation)
{
    static const char *const kinds[] = {"none", "scale", "per_pixel", "per_channel", "standardize"};
    for (size_t c = 0; c < 5; c++)
        for (size_t rank = 1; rank <= 3; rank++) {
            const fi_samples training = some(0, ROWS, rank);
            const fi_transform transform = fit(kinds[c], &training, 0);
            cr_expect(memcmp(training.x, x, ROWS * COLS * sizeof *x) == 0, "fitting changes data");
            cr_expect(transform.inputs == COLS && transform.outputs == COLS && !transform.basis);
            fi_samples all = some(0, ROWS + OTHERS, rank);
            apply(&transform, &all);
            cr_expect(all.cols == COLS && all.rank == rank);
            for (size_t j = 0; j < COLS; j++) {
                long double mean = 0, factor = 0;
                define(kinds[c], rank, j, &mean, &factor);
                for (size_t i = 0; i < ROWS + OTHERS; i++) {
                    const long double value = (long double)x[i * COLS + j];
                    const long double y = (value - mean) * factor;
                    const double slack = (double)(1.01L * UNIT * fabsl(y) +
                                                  OWN_ERROR(ROWS) * (fabsl(value) + 8) * factor);
                    cr_expect(fabs((double)((long double)all.x[i * COLS + j] - y)) <= slack,
                              "%s of rank %zu: y(%zu, %zu) is %.17g, not %.17Lg", kinds[c], rank, i,
                              j, (double)all.x[i * COLS + j], y);
                }
            }
        }
}

/* The mean of equal values is that value, to the last bit, and their deviation is 0. */
Test(preprocess, a_constant_pixel_becomes_exactly_0)
{
    static const char *const kinds[] = {"per_pixel", "standardize"};
    for (size_t c = 0; c < 2; c++) {
        fi_samples all = some(0, ROWS + OTHERS, 1);
        const fi_samples training = some(0, ROWS, 1);
        const fi_transform transform = fit(kinds[c], &training, 0);
        cr_expect_eq(transform.mean[CONSTANT], (double)(fi_real)0.1);
        apply(&transform, &all);
        for (size_t i = 0; i < ROWS + OTHERS; i++) {
            const double y = (double)all.x[i * COLS + CONSTANT];
            cr_expect((y == 0) == (i < ROWS || c == 1), "%s: row %zu is %g", kinds[c], i, y);
        }
    }
}

Test(preprocess, samples_of_zeros_stay_zeros)
{
    size_t count = 0;
    const fi_transform_kind *kinds = fi_transform_kinds(&count);
    for (size_t c = 0; c < count; c++) {
        fi_samples samples = some(0, 3, 3);
        memset(samples.x, 0, 3 * COLS * sizeof *samples.x);
        const fi_transform transform = fit(kinds[c].name, &samples, 0);
        apply(&transform, &samples);
        for (size_t k = 0; k < 3 * COLS; k++)
            cr_expect_eq(samples.x[k], 0, "%s: value %zu is %g", kinds[c].name, k,
                         (double)samples.x[k]);
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void expect_said(fi_status got, fi_status status, const char *part)
{
    cr_expect_eq(got, status, "status %d, not %d", got, status);
    cr_expect(strstr(fi_message(), part), "'%s' does not say '%s'", fi_message(), part);
}

Test(preprocess, what_does_not_fit_is_refused)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    fi_samples samples = some(0, 10, 1);
    fi_transform transform = fit("pca", &samples, 3);
    const fi_transform_kind *pca = transform.kind;
    expect_said(fi_transform_fit(&transform, pca, &samples, 25, arena), FI_EDATA,
                "samples of 24 values have as many principal components, 25 were asked for");
    transform = fit("per_pixel", &samples, 0);
    samples.cols = 12;
    expect_said(fi_transform_apply(&transform, &samples, arena), FI_EDATA,
                "'per_pixel' was fitted to samples of 24 values, these have 12; give");
    samples.cols = COLS;
    for (size_t k = 0; k < 3; k++) {
        samples.x[7 * COLS + 2] = (fi_real)bad[k];
        expect_said(fi_transform_fit(&transform, pca, &samples, 0, arena), FI_EDATA,
                    "value 2 of training sample 7 (the first is 0) is ");
    }
#ifdef FI_DOUBLE
    samples.x[7 * COLS + 2] = 1e200;
    expect_said(fi_transform_fit(&transform, pca, &samples, 0, arena), FI_EDATA,
                "the variance of the samples is not finite; scale them first");
#endif
    samples.cols = 32001;
    samples.rows = 1;
    samples.x = fi_arena_zeros(arena, samples.cols, sizeof *samples.x);
    expect_said(fi_transform_fit(&transform, pca, &samples, 0, arena), FI_EDATA,
                "samples of 32001 values are too long for principal axes, 32000 at most; make");
}

/* Fitting and applying in one: mean; scale; basis, variances, axes, block, work, integers; y,
 * block. */
Test(preprocess, refused_memory_is_reported)
{
    static const struct {
        const char *kind;
        size_t needed;
    } cases[] = {{"none", 0},        {"scale", 1}, {"per_pixel", 1}, {"per_channel", 1},
                 {"standardize", 2}, {"pca", 9},   {"whiten", 9}};
    for (size_t c = 0; c < 7; c++)
        for (size_t allowed = 0; allowed <= cases[c].needed; allowed++) {
            fi_arena_refuse_after(arena, SIZE_MAX);
            fi_samples samples = some(0, 10, 1);
            fi_transform transform;
            fi_arena_refuse_after(arena, allowed);
            fi_status got = fi_transform_fit(&transform, fi_transform_kind_find(cases[c].kind),
                                             &samples, 0, arena);
            if (got == FI_OK)
                got = fi_transform_apply(&transform, &samples, arena);
            cr_expect_eq(got, allowed < cases[c].needed ? FI_ENOMEM : FI_OK, "%s, %zu: status %d",
                         cases[c].kind, allowed, got);
        }
}
