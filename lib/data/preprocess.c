/*
 * Preprocessing: transforms fitted to training samples and applied to any. A row of transforms.def
 * says what is subtracted, what divided and what rotated.
 */
#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/gemm.h"
#include "principal.h"

#include <math.h>
#include <string.h>

#define WHITENING_EPS 1e-5    /* of the mean variance */
#define AT_ONCE ((size_t)256) /* rows of a product */

static const fi_transform_kind kinds[] = {
#define FI_TRANSFORM(row, says, ...) {.name = #row, .formula = says, .citation = __VA_ARGS__},
#include "transforms.def"
#undef FI_TRANSFORM
};

const fi_transform_kind *fi_transform_kinds(size_t *count)
{
    *count = sizeof kinds / sizeof *kinds;
    return kinds;
}

const fi_transform_kind *fi_transform_kind_find(const char *name)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strcmp(kinds[k].name, name) == 0)
            return &kinds[k];
    return NULL;
}

/* ---- fitting --------------------------------------------------------------------------------- */

static fi_status check_finite(const fi_samples *samples)
{
    for (size_t k = 0; k < samples->rows * samples->cols; k++)
        if (!isfinite(samples->x[k]))
            return fi_fail(FI_EDATA,
                           "value %zu of training sample %zu (the first is 0) is %g; leave samples "
                           "out that are not finite",
                           k % samples->cols, k / samples->cols, (double)samples->x[k]);
    return FI_OK;
}

/* sum[j] += the sum over the rows of x less the first row: exactly 0 where a column is constant. */
FI_CLONES static void add_from_first(size_t rows, size_t cols, const fi_real *restrict x,
                                     double *restrict sum)
{
    for (size_t i = 1; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            sum[j] += (double)x[i * cols + j] - (double)x[j];
}

/* sum[j] += the sum over the rows of (x - mean)^2 */
FI_CLONES static void add_squares(size_t rows, size_t cols, const fi_real *restrict x,
                                  const double *restrict mean, double *restrict sum)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            const double deviation = (double)x[i * cols + j] - mean[j];
            sum[j] += deviation * deviation;
        }
}

/* Replaces each pixel's mean by that of its channel: the last axis of three. */
static void average_channels(const fi_samples *training, double *mean)
{
    const size_t channels = training->rank == 3 ? training->shape[2] : 1;
    for (size_t channel = 0; channel < channels; channel++) {
        double sum = 0;
        for (size_t j = channel; j < training->cols; j += channels)
            sum += mean[j];
        const double average = sum * (double)channels / (double)training->cols;
        for (size_t j = channel; j < training->cols; j += channels)
            mean[j] = average;
    }
}

static fi_status fit_mean(fi_transform *transform, const fi_samples *training, fi_arena *arena)
{
    double *mean = fi_arena_zeros(arena, training->cols, sizeof *mean);
    if (!mean)
        return FI_ENOMEM;
    add_from_first(training->rows, training->cols, training->x, mean);
    for (size_t j = 0; j < training->cols; j++)
        mean[j] = (double)training->x[j] + mean[j] / (double)training->rows;
    if (transform->kind->per_channel)
        average_channels(training, mean);
    transform->mean = mean;
    return FI_OK;
}

/* 1 / max |x| of all pixels (of zeros: 1), or 1 / the standard deviation of each (of 0: 0). */
static fi_status fit_scale(fi_transform *transform, const fi_samples *training, fi_arena *arena)
{
    double *scale = fi_arena_zeros(arena, training->cols, sizeof *scale);
    if (!scale)
        return FI_ENOMEM;
    transform->scale = scale;
    if (transform->kind->standardizes) {
        add_squares(training->rows, training->cols, training->x, transform->mean, scale);
        for (size_t j = 0; j < training->cols; j++)
            scale[j] = scale[j] > 0 ? 1 / sqrt(scale[j] / (double)training->rows) : 0;
        return FI_OK;
    }
    double largest = 0;
    for (size_t k = 0; k < training->rows * training->cols; k++) {
        const double size = fabs((double)training->x[k]);
        largest = size > largest ? size : largest;
    }
    for (size_t j = 0; j < training->cols; j++)
        scale[j] = largest > 0 ? 1 / largest : 1;
    return FI_OK;
}

/* What an axis is multiplied by. Where nothing varies, whitened samples are 0. */
static double whitening(const fi_transform *transform, double variance, double mean_variance)
{
    if (!transform->kind->whitens)
        return 1;
    const double regular = variance + WHITENING_EPS * mean_variance;
    return regular > 0 ? 1 / sqrt(regular) : 0;
}

static fi_status fit_basis(fi_transform *transform, const fi_samples *training, fi_arena *arena)
{
    const size_t inputs = transform->inputs;
    const size_t outputs = transform->outputs;
    if (inputs > FI_MOST_AXES)
        return fi_fail(FI_EDATA,
                       "samples of %zu values are too long for principal axes, %zu at most; make "
                       "them smaller, or choose a transform without axes",
                       inputs, FI_MOST_AXES);
    transform->basis = fi_arena_alloc(arena, inputs * outputs, sizeof *transform->basis);
    transform->variances = fi_arena_alloc(arena, inputs, sizeof *transform->variances);
    const fi_arena_mark mark = fi_arena_now(arena);
    double *axes = fi_arena_alloc(arena, inputs * inputs, sizeof *axes);
    if (!transform->basis || !transform->variances || !axes)
        return fi_fail_memory(inputs * inputs * sizeof *axes, "principal axes");
    FI_TRY(fi_principal_axes(training->rows, inputs, training->x, transform->mean,
                             transform->variances, axes, arena));
    double mean_variance = 0;
    for (size_t k = 0; k < inputs; k++)
        mean_variance += transform->variances[k] / (double)inputs;
    for (size_t k = 0; k < outputs; k++) {
        const double factor = whitening(transform, transform->variances[k], mean_variance);
        for (size_t j = 0; j < inputs; j++)
            transform->basis[j * outputs + k] = (fi_real)(factor * axes[k * inputs + j]);
    }
    fi_arena_release(arena, mark);
    return FI_OK;
}

fi_status fi_transform_fit(fi_transform *transform, const fi_transform_kind *kind,
                           const fi_samples *training, size_t components, fi_arena *arena)
{
    FI_REQUIRE(transform && kind && training && training->rows > 0 && arena);
    const size_t cols = training->cols;
    if (components > cols)
        return fi_fail(FI_EDATA,
                       "samples of %zu values have as many principal components, %zu were asked "
                       "for; ask for %zu or fewer",
                       cols, components, cols);
    *transform = (fi_transform){.kind = kind, .inputs = cols, .outputs = cols};
    FI_TRY(check_finite(training));
    if (kind->centers)
        FI_TRY(fit_mean(transform, training, arena));
    if (kind->scales || kind->standardizes)
        FI_TRY(fit_scale(transform, training, arena));
    if (kind->rotates) {
        transform->outputs = components ? components : cols;
        FI_TRY(fit_basis(transform, training, arena));
    }
    return FI_OK;
}

/* ---- applying -------------------------------------------------------------------------------- */

/* y = (x - mean) scale, rounded once; y may be x. */
FI_CLONES static void shift_and_scale(size_t rows, size_t cols, const fi_real *x,
                                      const double *mean, const double *scale, fi_real *y)
{
    for (size_t i = 0; i < rows; i++, x += cols, y += cols) {
        if (mean && scale)
            for (size_t j = 0; j < cols; j++)
                y[j] = (fi_real)(((double)x[j] - mean[j]) * scale[j]);
        else if (mean)
            for (size_t j = 0; j < cols; j++)
                y[j] = (fi_real)((double)x[j] - mean[j]);
        else if (scale)
            for (size_t j = 0; j < cols; j++)
                y[j] = (fi_real)((double)x[j] * scale[j]);
    }
}

/* y (rows, outputs) = (x - mean) basis, a block of rows at a time. */
static fi_status rotate(const fi_transform *transform, size_t rows, const fi_real *x, fi_real *y,
                        fi_arena *scratch)
{
    const size_t inputs = transform->inputs;
    const size_t outputs = transform->outputs;
    fi_real *block = fi_arena_alloc(scratch, AT_ONCE * inputs, sizeof *block);
    if (!block)
        return fi_fail_memory(AT_ONCE * inputs * sizeof *block, "centred samples");
    for (size_t first = 0; first < rows; first += AT_ONCE) {
        const size_t n = rows - first < AT_ONCE ? rows - first : AT_ONCE;
        shift_and_scale(n, inputs, x + first * inputs, transform->mean, transform->scale, block);
        fi_gemm(FI_AS_IS, FI_AS_IS, n, outputs, inputs, block, transform->basis, 0,
                y + first * outputs);
    }
    return FI_OK;
}

fi_status fi_transform_apply(const fi_transform *transform, fi_samples *samples, fi_arena *arena)
{
    FI_REQUIRE(transform && transform->kind && samples && arena);
    if (samples->cols != transform->inputs)
        return fi_fail(FI_EDATA,
                       "the transform '%s' was fitted to samples of %zu values, these have %zu; "
                       "give samples of the shape of the training samples",
                       transform->kind->name, transform->inputs, samples->cols);
    if (!transform->basis) {
        shift_and_scale(samples->rows, samples->cols, samples->x, transform->mean, transform->scale,
                        samples->x);
        return FI_OK;
    }
    fi_real *y = fi_arena_alloc(arena, samples->rows * transform->outputs, sizeof *y);
    if (!y)
        return fi_fail_memory(samples->rows * transform->outputs * sizeof *y, "rotated samples");
    const fi_arena_mark mark = fi_arena_now(arena);
    FI_TRY(rotate(transform, samples->rows, samples->x, y, arena));
    fi_arena_release(arena, mark);
    samples->x = y;
    samples->cols = transform->outputs;
    samples->rank = 1; /* components have no place in an image */
    memset(samples->shape, 0, sizeof samples->shape);
    samples->shape[0] = samples->cols;
    return FI_OK;
}
