/* The statistics of each layer, into the slots of the cell. */
#include "measure.h"
#include "slopes.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/representation.h"

#include <math.h>
#include <string.h>

static fi_moments moments_of(const fi_real *x, size_t rows, size_t cols)
{
    fi_moments moments = FI_MOMENTS_EMPTY;
    fi_moments_add(&moments, rows * cols, x);
    return moments;
}

static double root_mean_square(const fi_moments *moments)
{
    return sqrt(moments->mean * moments->mean + fi_moments_variance(moments));
}

/* The units whose columns are not copies of another's; 0, and noted, when memory is refused. */
static double distinct(fi_measurer *m, const fi_real *x, size_t rows, size_t cols)
{
    const fi_arena_mark scratch = fi_arena_now(m->cell->arena);
    const size_t count = fi_distinct_columns(rows, cols, x, m->cell->arena);
    fi_arena_release(m->cell->arena, scratch);
    m->out_of_memory |= count == 0;
    return (double)count;
}

/* Bins between the activation's bounds where it has them, else between the extremes. */
static void record_histogram(fi_measurer *m, size_t layer, const fi_blob *a,
                             const fi_moments *moments)
{
    double lower =
        layer && isfinite(m->activation->lower) ? m->activation->lower : moments->minimum;
    double upper =
        layer && isfinite(m->activation->upper) ? m->activation->upper : moments->maximum;
    if (!(lower < upper)) { /* all equal, or nothing finite: as numpy.histogram does */
        lower = isfinite(lower) ? lower - 0.5 : -0.5;
        upper = lower + 1;
    }
    double *counts = m->cell->slots[FI_INIT_HISTOGRAM] + layer * FI_INIT_BINS;
    double *edges = m->cell->slots[FI_INIT_EDGES] + layer * (FI_INIT_BINS + 1);
    memset(counts, 0, FI_INIT_BINS * sizeof *counts);
    fi_histogram(a->rows * a->cols, a->data, lower, upper, FI_INIT_BINS, counts);
    for (size_t k = 0; k <= FI_INIT_BINS; k++)
        edges[k] = lower + (double)k * (upper - lower) / FI_INIT_BINS;
}

static void record_slopes(fi_measurer *m, size_t layer, const fi_blob *blob, const fi_real *z,
                          const fi_real *a)
{
    const fi_arena_mark scratch = fi_arena_now(m->cell->arena);
    m->out_of_memory |=
        !fi_count_slopes(m->activation, blob->rows, blob->cols, z, a, m->cell->arena,
                         &m->cell->slots[FI_INIT_SATURATED_FRACTION][layer],
                         &m->cell->slots[FI_INIT_DEAD_FRACTION][layer]);
    fi_arena_release(m->cell->arena, scratch);
}

void fi_measure_activation(fi_measurer *m, size_t layer, const fi_blob *a)
{
    double **slots = m->cell->slots;
    const fi_arena_mark scratch = fi_arena_now(m->cell->arena);
    const fi_moments moments = moments_of(a->data, a->rows, a->cols);
    slots[FI_INIT_ACT_MEAN][layer] = moments.mean;
    slots[FI_INIT_ACT_VARIANCE][layer] = fi_moments_variance(&moments);
    slots[FI_INIT_ACT_SKEWNESS][layer] = fi_moments_skewness(&moments);
    slots[FI_INIT_ACT_KURTOSIS][layer] = fi_moments_kurtosis(&moments);
    slots[FI_INIT_ACT_MINIMUM][layer] = moments.minimum;
    slots[FI_INIT_ACT_MAXIMUM][layer] = moments.maximum;
    slots[FI_INIT_ZERO_FRACTION][layer] = (double)moments.zeros / (double)moments.count;
    slots[FI_INIT_NONFINITE][layer] = (double)moments.nonfinite;
    slots[FI_INIT_DISTINCT_UNITS][layer] = distinct(m, a->data, a->rows, a->cols);
    const fi_representation shape = fi_represent(a->rows, a->cols, a->data, m->cell->arena);
    slots[FI_INIT_COSINE][layer] = shape.cosine;
    slots[FI_INIT_EFFECTIVE_RANK][layer] = shape.rank;
    record_histogram(m, layer, a, &moments);
    fi_arena_release(m->cell->arena, scratch);
}

static void record_preactivation(fi_measurer *m, size_t layer, const fi_moments *moments)
{
    m->cell->slots[FI_INIT_PRE_MEAN][layer] = moments->mean;
    m->cell->slots[FI_INIT_PRE_VARIANCE][layer] = fi_moments_variance(moments);
}

void fi_measure_forward(fi_measurer *m, const fi_layer *layer)
{
    double **slots = m->cell->slots;
    const size_t l = fi_layer_depth(layer);
    const fi_blob *out = fi_layer_output(layer);
    const char *kind = fi_layer_kind(layer);
    if (strcmp(kind, "activation") == 0) {
        fi_measure_activation(m, l, out);
        if (m->jacobian) {
            fi_jacobian_activation(m->jacobian, layer, m->activation);
            fi_jacobian_moments(m->jacobian, out->cols, &slots[FI_INIT_JACOBIAN_MEAN][l],
                                &slots[FI_INIT_JACOBIAN_SPREAD][l], m->cell->arena);
        }
        if (m->activation->from_output)
            record_slopes(m, l, out, NULL, out->data);
        return;
    }
    const fi_moments moments = moments_of(out->data, out->rows, out->cols);
    if (strcmp(kind, "dense") == 0) {
        const fi_blob *w = fi_layer_parameter(layer, 0);
        const fi_moments weights = moments_of(w->data, w->rows, w->cols);
        slots[FI_INIT_WEIGHT_MEAN][l] = weights.mean;
        slots[FI_INIT_WEIGHT_VARIANCE][l] = fi_moments_variance(&weights);
        slots[FI_INIT_AFFINE_VARIANCE][l] = fi_moments_variance(&moments);
        if (m->jacobian)
            fi_jacobian_dense(m->jacobian, layer);
    }
    if (!m->batch_norm || strcmp(kind, "batch_norm") == 0) {
        record_preactivation(m, l, &moments);
        if (!m->activation->from_output)
            record_slopes(m, l, out, out->data, NULL);
    }
}

void fi_measure_gradient(fi_measurer *m, size_t layer, const fi_blob *a)
{
    const fi_moments moments = moments_of(a->diff, a->rows, a->cols);
    m->cell->slots[FI_INIT_GRADIENT_MEAN][layer] = moments.mean;
    m->cell->slots[FI_INIT_GRADIENT_VARIANCE][layer] = fi_moments_variance(&moments);
}

void fi_measure_weight_gradient(fi_measurer *m, size_t layer, const fi_blob *w)
{
    const fi_moments moments = moments_of(w->diff, w->rows, w->cols);
    const fi_moments weights = moments_of(w->data, w->rows, w->cols);
    m->cell->slots[FI_INIT_WEIGHT_GRADIENT_MEAN][layer] = moments.mean;
    m->cell->slots[FI_INIT_WEIGHT_GRADIENT_VARIANCE][layer] = fi_moments_variance(&moments);
    m->cell->slots[FI_INIT_GRADIENT_TO_WEIGHT][layer] =
        root_mean_square(&moments) / root_mean_square(&weights);
    m->cell->slots[FI_INIT_DISTINCT_GRADIENTS][layer] = distinct(m, w->diff, w->rows, w->cols);
}
