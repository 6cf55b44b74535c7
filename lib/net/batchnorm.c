/*
 * Batch norm (Ioffe & Szegedy 2015): y = gamma (x - mean) / sqrt(variance + eps) + beta, per unit.
 *
 * Statistics and the arithmetic on them are in double. Columns are taken a tile at a time, a few
 * rows at once: the tile's vectors stay in the first cache while the rows stream by.
 */
#include "layer.h"

#include "../core/internal.h"

#include <math.h>

enum {
    TILE = 512,
    TOGETHER = 8 /* rows added up in one visit of the sums of their columns */
};

struct batch_norm {
    fi_layer layer;
    double eps, momentum;
    double *mean, *inverse; /* (units): mean and 1 / sqrt(variance + eps) of the last forward */
};

/* Columns of a matrix: `cols` of each row of `stride` elements. */
struct tile {
    size_t rows, stride, cols;
};

static struct tile tile_at(const fi_layer *layer, size_t first)
{
    const size_t units = layer->out.cols;
    return (struct tile){
        .rows = layer->out.rows,
        .stride = units,
        .cols = units - first < TILE ? units - first : TILE,
    };
}

static unsigned uses(const fi_layer *layer, fi_phase phase)
{
    (void)layer;
    (void)phase;
    return FI_ELEMENTWISE | FI_READS_INPUT;
}

static fi_status draw(fi_layer *layer, uint64_t seed)
{
    (void)seed;
    for (size_t c = 0; c < layer->out.cols; c++) {
        layer->parameters[0].data[c] = 1;
        layer->parameters[1].data[c] = 0;
        layer->states[0].data[c] = 0;
        layer->states[1].data[c] = 1;
    }
    return FI_OK;
}

/* Of so many rows, one after the other. */
static inline __attribute__((always_inline)) void
add_deviations_of(size_t count, struct tile tile, const fi_real *restrict x,
                  const fi_real *restrict pivot, double *restrict sum, double *restrict squares)
{
    for (size_t c = 0; c < tile.cols; c++) {
        double s = sum[c], q = squares[c];
        for (size_t r = 0; r < count; r++) {
            const double d = (double)x[r * tile.stride + c] - (double)pivot[c];
            s += d;
            q = fma(d, d, q);
        }
        sum[c] = s;
        squares[c] = q;
    }
}

/* Adds, column by column, x - pivot and its square. */
static FI_CLONES void add_deviations(struct tile tile, const fi_real *restrict x,
                                     const fi_real *restrict pivot, double *restrict sum,
                                     double *restrict squares)
{
    size_t r = 0;
    for (; r + TOGETHER <= tile.rows; r += TOGETHER)
        add_deviations_of(TOGETHER, tile, x + r * tile.stride, pivot, sum, squares);
    for (; r < tile.rows; r++)
        add_deviations_of(1, tile, x + r * tile.stride, pivot, sum, squares);
}

/*
 * Mean and population variance of the tile's columns, in one pass about a pivot, the first row.
 * Since the pivot is one of n values, (pivot - mean)^2 <= n variance: the subtraction loses at most
 * a factor n of double's precision, and a constant column has variance 0 and its value as mean.
 */
static void batch_statistics(struct tile tile, const fi_real *x, double *mean, double *variance)
{
    double sum[TILE] = {0};
    double squares[TILE] = {0};
    const double n = (double)tile.rows;
    add_deviations(tile, x, x, sum, squares);
    for (size_t c = 0; c < tile.cols; c++) {
        const double shift = sum[c] / n;
        const double v = squares[c] / n - shift * shift;
        mean[c] = (double)x[c] + shift;
        variance[c] = v < 0 ? 0 : v;
    }
}

/* One value has no unbiased variance; its 0 stands. */
static void update_running(fi_layer *layer, size_t first, struct tile tile, const double *mean,
                           const double *variance)
{
    const double momentum = ((struct batch_norm *)layer)->momentum;
    const double unbiased = tile.rows > 1 ? (double)tile.rows / (double)(tile.rows - 1) : 1;
    for (size_t c = 0; c < tile.cols; c++) {
        fi_real *m = &layer->states[0].data[first + c];
        fi_real *v = &layer->states[1].data[first + c];
        *m = (fi_real)((1 - momentum) * (double)*m + momentum * mean[c]);
        *v = (fi_real)((1 - momentum) * (double)*v + momentum * unbiased * variance[c]);
    }
}

/* y = scale (x - mean) + beta; y may be x. */
static FI_CLONES void normalize(struct tile tile, const fi_real *x, const double *restrict mean,
                                const double *restrict scale, const fi_real *restrict beta,
                                fi_real *y)
{
    for (size_t r = 0; r < tile.rows; r++) {
        const size_t row = r * tile.stride;
#pragma GCC ivdep
        for (size_t c = 0; c < tile.cols; c++)
            y[row + c] = (fi_real)fma((double)x[row + c] - mean[c], scale[c], (double)beta[c]);
    }
}

/* Normalized by the batch's own statistics; a frozen layer never is. */
static bool by_batch(const fi_layer *layer, const fi_pass *pass)
{
    return pass->phase != FI_TEST && layer->rate != 0;
}

static void find_statistics(fi_layer *layer, const fi_pass *pass)
{
    const struct batch_norm *norm = (const struct batch_norm *)layer;
    for (size_t first = 0; first < layer->out.cols; first += TILE) {
        const struct tile tile = tile_at(layer, first);
        const fi_real *x = layer->in->data + first;
        double *mean = norm->mean + first;
        double *inverse = norm->inverse + first;
        double variance[TILE];
        if (by_batch(layer, pass)) {
            batch_statistics(tile, x, mean, variance);
            if (pass->phase == FI_TRAIN)
                update_running(layer, first, tile, mean, variance);
        } else {
            for (size_t c = 0; c < tile.cols; c++) {
                mean[c] = (double)layer->states[0].data[first + c];
                variance[c] = (double)layer->states[1].data[first + c];
            }
        }
        for (size_t c = 0; c < tile.cols; c++)
            inverse[c] = 1 / sqrt(variance[c] + norm->eps);
    }
}

/* Who waits for rows that are to be normalized. */
struct waiting {
    fi_layer *layer;
    const fi_gemm_rows *rows;
};

static void normalize_rows(void *context, size_t first_row, size_t rows)
{
    const struct waiting *w = context;
    fi_layer *layer = w->layer;
    const struct batch_norm *norm = (const struct batch_norm *)layer;
    for (size_t first = 0; first < layer->out.cols; first += TILE) {
        struct tile tile = tile_at(layer, first);
        const size_t at = first_row * tile.stride + first;
        double scale[TILE];
        tile.rows = rows;
        for (size_t c = 0; c < tile.cols; c++)
            scale[c] = (double)layer->parameters[0].data[first + c] * norm->inverse[first + c];
        normalize(tile, layer->in->data + at, norm->mean + first, scale,
                  layer->parameters[1].data + first, layer->out.data + at);
    }
    w->rows->done(w->rows->context, first_row, rows);
}

static void forward(fi_layer *layer, const fi_pass *pass, const fi_gemm_rows *rows)
{
    struct waiting waiting = {layer, rows};
    find_statistics(layer, pass);
    fi_net_tell_rows(&layer->out, &(fi_gemm_rows){normalize_rows, &waiting});
}

/* Of so many rows, one after the other. */
static inline __attribute__((always_inline)) void
add_cotangents_of(size_t count, struct tile tile, const fi_real *restrict x,
                  const fi_real *restrict dy, const double *restrict mean, double *restrict sum,
                  double *restrict product)
{
    for (size_t c = 0; c < tile.cols; c++) {
        double s = sum[c], p = product[c];
        for (size_t r = 0; r < count; r++) {
            const size_t at = r * tile.stride + c;
            s += (double)dy[at];
            p = fma((double)dy[at], (double)x[at] - mean[c], p);
        }
        sum[c] = s;
        product[c] = p;
    }
}

/* Adds, column by column, dy and dy (x - mean). */
static FI_CLONES void add_cotangents(struct tile tile, const fi_real *restrict x,
                                     const fi_real *restrict dy, const double *restrict mean,
                                     double *restrict sum, double *restrict product)
{
    size_t r = 0;
    for (; r + TOGETHER <= tile.rows; r += TOGETHER)
        add_cotangents_of(TOGETHER, tile, x + r * tile.stride, dy + r * tile.stride, mean, sum,
                          product);
    for (; r < tile.rows; r++)
        add_cotangents_of(1, tile, x + r * tile.stride, dy + r * tile.stride, mean, sum, product);
}

/* What turns dy into dx, per column. */
struct slope {
    double scale[TILE], offset[TILE], tilt[TILE];
};

/* dx = scale (dy - offset - tilt (x - mean)); dx may be dy. */
static FI_CLONES void propagate(struct tile tile, const fi_real *restrict x,
                                const double *restrict mean, const struct slope *restrict slope,
                                const fi_real *dy, fi_real *dx)
{
    for (size_t r = 0; r < tile.rows; r++) {
        const size_t row = r * tile.stride;
#pragma GCC ivdep
        for (size_t c = 0; c < tile.cols; c++) {
            const double centred = (double)dy[row + c] - slope->offset[c];
            const double d = (double)x[row + c] - mean[c];
            dx[row + c] = (fi_real)(slope->scale[c] * fma(-slope->tilt[c], d, centred));
        }
    }
}

/*
 * With xhat = (x - mean) / sqrt(variance + eps) and means over the batch,
 * dx = gamma / sqrt(variance + eps) (dy - mean(dy) - xhat mean(dy xhat)); the two means come from
 * the statistics' dependence on x, which running statistics do not have.
 */
static void backward(fi_layer *layer, const fi_pass *pass, const fi_gemm_rows *rows)
{
    const struct batch_norm *norm = (const struct batch_norm *)layer;
    const double n = by_batch(layer, pass) ? (double)layer->out.rows : (double)INFINITY;
    for (size_t first = 0; first < layer->out.cols; first += TILE) {
        const struct tile tile = tile_at(layer, first);
        const fi_real *x = layer->in->data + first;
        const fi_real *dy = layer->out.diff + first;
        const double *mean = norm->mean + first;
        double sum[TILE] = {0};
        double product[TILE] = {0};
        struct slope slope;
        add_cotangents(tile, x, dy, mean, sum, product);
        for (size_t c = 0; c < tile.cols; c++) {
            const double inverse = norm->inverse[first + c];
            layer->parameters[0].diff[first + c] = (fi_real)(product[c] * inverse);
            layer->parameters[1].diff[first + c] = (fi_real)sum[c];
            slope.scale[c] = (double)layer->parameters[0].data[first + c] * inverse;
            slope.offset[c] = sum[c] / n;
            slope.tilt[c] = product[c] * inverse * inverse / n;
        }
        propagate(tile, x, mean, &slope, dy, layer->in->diff + first);
    }
    if (rows)
        fi_net_tell_rows(layer->in, rows);
}

static const fi_kind batch_norm_kind = {
    .name = "batch_norm",
    .uses = uses,
    .draw = draw,
    .forward = forward,
    .backward = backward,
};

fi_status fi_net_batch_norm(fi_net *net, const fi_batch_norm_spec *spec)
{
    FI_REQUIRE(net && spec);
    FI_REQUIRE(spec->eps >= 0 && spec->momentum >= 0 && spec->momentum <= 1);
    const size_t units = fi_net_top(net);
    struct batch_norm *norm =
        (struct batch_norm *)fi_layer_new(net, &batch_norm_kind, sizeof *norm, spec->name, units);
    if (!norm)
        return FI_ENOMEM;
    norm->eps = spec->eps > 0 ? spec->eps : 1e-5;
    norm->momentum = spec->momentum > 0 ? spec->momentum : 0.1;
    norm->mean = fi_net_doubles(net, units);
    norm->inverse = fi_net_doubles(net, units);
    if (!norm->mean || !norm->inverse)
        return FI_ENOMEM;
    for (int k = 0; k < 2; k++) {
        norm->layer.parameters[k] = (fi_blob){.rows = 1, .cols = units};
        norm->layer.states[k] = (fi_blob){.rows = 1, .cols = units};
    }
    return fi_net_push(net, &norm->layer);
}
