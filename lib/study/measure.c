/* The statistics of each layer, into the slots of the cell. */
#include "measure.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../math/moments.h"
#include "../math/symmetry.h"

#include <math.h>
#include <string.h>

enum {
    INPUT_ROWS = 64 /* measured one after the other: some that the second cache holds */
};

/* Mean and variance alone. */
static fi_moments spread_of(const fi_real *x, size_t rows, size_t cols)
{
    fi_moments moments = FI_MOMENTS_EMPTY;
    fi_spread_add(&moments, rows * cols, x);
    return moments;
}

static double root_mean_square(double mean, double variance)
{
    return sqrt(mean * mean + variance);
}

/* The units whose columns are not copies of another's; 0, and noted, when memory is refused. */
static double distinct(fi_measurer *m, const fi_real *x, size_t rows, size_t cols,
                       const fi_real *nonzero)
{
    const fi_arena_mark scratch = fi_arena_now(m->cell->arena);
    const size_t count = fi_distinct_columns_knowing(rows, cols, x, nonzero, m->cell->arena);
    fi_arena_release(m->cell->arena, scratch);
    m->out_of_memory |= count == 0;
    return (double)count;
}

/* Whether the activation has both bounds: then the bins are known before its values are. */
static bool bounded(const fi_measurer *m, size_t layer)
{
    return layer > 0 && isfinite(m->activation->lower) && isfinite(m->activation->upper);
}

static fi_tally *tally_between(fi_measurer *m, double lower, double upper)
{
    fi_tally *tally = fi_tally_new(lower, upper, FI_INIT_BINS, m->cell->arena);
    m->out_of_memory |= !tally;
    return tally;
}

/* Bins between the activation's bounds where it has them, else between the extremes. */
static void record_histogram(fi_measurer *m, size_t layer, const fi_blob *a)
{
    double lower = m->activations.minimum;
    double upper = m->activations.maximum;
    if (layer && isfinite(m->activation->lower))
        lower = m->activation->lower;
    if (layer && isfinite(m->activation->upper))
        upper = m->activation->upper;
    if (!(lower < upper)) { /* all equal, or nothing finite: as numpy.histogram does */
        lower = isfinite(lower) ? lower - 0.5 : -0.5;
        upper = lower + 1;
    }
    if (!m->tally)
        m->tally = tally_between(m, lower, upper);
    if (m->tally && !bounded(m, layer))
        fi_tally_add(m->tally, a->rows * a->cols, a->data);
    double *counts = m->cell->slots[FI_INIT_HISTOGRAM] + layer * FI_INIT_BINS;
    double *edges = m->cell->slots[FI_INIT_EDGES] + layer * (FI_INIT_BINS + 1);
    memset(counts, 0, FI_INIT_BINS * sizeof *counts);
    if (m->tally)
        fi_tally_counts(m->tally, counts);
    for (size_t k = 0; k <= FI_INIT_BINS; k++)
        edges[k] = lower + (double)k * (upper - lower) / FI_INIT_BINS;
}

/* Slopes are counted from what the activation needs: its output, or what it is fed. */
static void begin_slopes(fi_measurer *m, size_t units)
{
    m->out_of_memory |= !fi_slopes_begin(&m->slopes, m->activation, units, m->cell->arena);
}

static void record_slopes(const fi_measurer *m, size_t layer)
{
    if (!m->out_of_memory)
        fi_slopes_finish(&m->slopes, &m->cell->slots[FI_INIT_SATURATED_FRACTION][layer],
                         &m->cell->slots[FI_INIT_DEAD_FRACTION][layer]);
}

/* Activations as they come, and the whole of them once they are complete. */
static void add_activations(fi_measurer *m, size_t layer, const fi_blob *a, size_t first,
                            size_t rows)
{
    const fi_real *x = a->data + first * a->cols;
    const bool has_slopes = layer > 0 && m->activation->from_output;
    if (first == 0) {
        m->activations = FI_MOMENTS_EMPTY;
        m->tally = NULL;
        if (has_slopes)
            begin_slopes(m, a->cols);
        if (bounded(m, layer))
            m->tally = tally_between(m, m->activation->lower, m->activation->upper);
        m->out_of_memory |= !fi_represent_begin(&m->rows, a->cols, m->cell->arena);
    }
    if (m->out_of_memory)
        return;
    if (has_slopes)
        fi_slopes_add_with_moments(&m->slopes, &m->activations, rows, x);
    else
        fi_moments_add(&m->activations, rows * a->cols, x);
    fi_represent_add(&m->rows, rows, x);
    if (m->tally)
        fi_tally_add(m->tally, rows * a->cols, x);
}

static void record_activations(fi_measurer *m, size_t layer, const fi_blob *a)
{
    double **slots = m->cell->slots;
    const fi_moments *moments = &m->activations;
    slots[FI_INIT_ACT_MEAN][layer] = moments->mean;
    slots[FI_INIT_ACT_VARIANCE][layer] = fi_moments_variance(moments);
    slots[FI_INIT_ACT_SKEWNESS][layer] = fi_moments_skewness(moments);
    slots[FI_INIT_ACT_KURTOSIS][layer] = fi_moments_kurtosis(moments);
    slots[FI_INIT_ACT_MINIMUM][layer] = moments->minimum;
    slots[FI_INIT_ACT_MAXIMUM][layer] = moments->maximum;
    slots[FI_INIT_ZERO_FRACTION][layer] = (double)moments->zeros / (double)moments->count;
    slots[FI_INIT_NONFINITE][layer] = (double)moments->nonfinite;
    const bool has_slopes = layer > 0 && m->activation->from_output && !m->out_of_memory;
    const fi_real *const nonzero = has_slopes ? fi_slopes_nonzero(&m->slopes) : NULL;
    slots[FI_INIT_DISTINCT_UNITS][layer] = distinct(m, a->data, a->rows, a->cols, nonzero);
    if (!m->out_of_memory) {
        const fi_representation shape = fi_represent_finish(&m->rows, a->data, m->cell->arena);
        slots[FI_INIT_COSINE][layer] = shape.cosine;
        slots[FI_INIT_EFFECTIVE_RANK][layer] = shape.rank;
    }
    record_histogram(m, layer, a);
    if (layer > 0 && m->activation->from_output)
        record_slopes(m, layer);
}

void fi_measure_input(fi_measurer *m, const fi_blob *x)
{
    m->before = fi_arena_now(m->cell->arena);
    for (size_t first = 0; first < x->rows; first += INPUT_ROWS) {
        const size_t left = x->rows - first;
        add_activations(m, 0, x, first, left < INPUT_ROWS ? left : INPUT_ROWS);
    }
    record_activations(m, 0, x);
    fi_arena_release(m->cell->arena, m->before);
}

/* Is it what the activation is fed? */
static bool feeds(const fi_measurer *m, const char *kind)
{
    return strcmp(kind, m->batch_norm ? "batch_norm" : "dense") == 0;
}

static void record_weights(fi_measurer *m, size_t layer, const fi_blob *w)
{
    const fi_moments weights = spread_of(w->data, w->rows, w->cols);
    m->cell->slots[FI_INIT_WEIGHT_MEAN][layer] = weights.mean;
    m->cell->slots[FI_INIT_WEIGHT_VARIANCE][layer] = fi_moments_variance(&weights);
}

void fi_measure_rows(fi_measurer *m, const fi_layer *layer, size_t first, size_t rows)
{
    const fi_blob *out = fi_layer_output(layer);
    const fi_real *z = out->data + first * out->cols;
    const char *kind = fi_layer_kind(layer);
    if (strcmp(kind, "activation") == 0) {
        add_activations(m, fi_layer_depth(layer), out, first, rows);
        return;
    }
    const bool has_slopes = feeds(m, kind) && !m->activation->from_output;
    if (first == 0) {
        m->before = fi_arena_now(m->cell->arena);
        m->preactivations = FI_MOMENTS_EMPTY;
        if (has_slopes)
            begin_slopes(m, out->cols);
        if (strcmp(kind, "dense") == 0)
            record_weights(m, fi_layer_depth(layer), fi_layer_parameter(layer, 0));
        if (m->jacobian && strcmp(kind, "dense") == 0)
            fi_jacobian_at(m->jacobian, layer);
    }
    fi_spread_add(&m->preactivations, rows * out->cols, z);
    if (has_slopes && !m->out_of_memory)
        fi_slopes_add(&m->slopes, rows, z, NULL);
}

void fi_measure_forward(fi_measurer *m, const fi_layer *layer)
{
    double **slots = m->cell->slots;
    const size_t l = fi_layer_depth(layer);
    const fi_blob *out = fi_layer_output(layer);
    const char *kind = fi_layer_kind(layer);
    if (strcmp(kind, "activation") == 0) {
        record_activations(m, l, out);
        if (m->jacobian) {
            fi_jacobian_activation(m->jacobian, layer, m->activation);
            fi_jacobian_moments(m->jacobian, out->cols, &slots[FI_INIT_JACOBIAN_MEAN][l],
                                &slots[FI_INIT_JACOBIAN_SPREAD][l], m->cell->arena);
        }
        fi_arena_release(m->cell->arena, m->before);
        return;
    }
    if (strcmp(kind, "dense") == 0) {
        slots[FI_INIT_AFFINE_VARIANCE][l] = fi_moments_variance(&m->preactivations);
        if (m->jacobian)
            fi_jacobian_dense(m->jacobian, layer);
    }
    if (feeds(m, kind)) {
        slots[FI_INIT_PRE_MEAN][l] = m->preactivations.mean;
        slots[FI_INIT_PRE_VARIANCE][l] = fi_moments_variance(&m->preactivations);
        if (!m->activation->from_output)
            record_slopes(m, l);
    }
}

void fi_measure_gradient_rows(fi_measurer *m, const fi_blob *a, size_t first, size_t rows)
{
    if (first == 0)
        m->gradients = FI_MOMENTS_EMPTY;
    fi_spread_add(&m->gradients, rows * a->cols, a->diff + first * a->cols);
}

void fi_measure_gradient(fi_measurer *m, size_t layer)
{
    m->cell->slots[FI_INIT_GRADIENT_MEAN][layer] = m->gradients.mean;
    m->cell->slots[FI_INIT_GRADIENT_VARIANCE][layer] = fi_moments_variance(&m->gradients);
}

void fi_measure_weight_gradient(fi_measurer *m, size_t layer, const fi_blob *w)
{
    double **slots = m->cell->slots;
    const fi_moments moments = spread_of(w->diff, w->rows, w->cols);
    const double variance = fi_moments_variance(&moments);
    slots[FI_INIT_WEIGHT_GRADIENT_MEAN][layer] = moments.mean;
    slots[FI_INIT_WEIGHT_GRADIENT_VARIANCE][layer] = variance;
    slots[FI_INIT_GRADIENT_TO_WEIGHT][layer] =
        root_mean_square(moments.mean, variance) /
        root_mean_square(slots[FI_INIT_WEIGHT_MEAN][layer], slots[FI_INIT_WEIGHT_VARIANCE][layer]);
    slots[FI_INIT_DISTINCT_GRADIENTS][layer] = distinct(m, w->diff, w->rows, w->cols, NULL);
}
