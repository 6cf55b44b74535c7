/*
 * Dense (fully connected): z (samples, fan_out) = x (samples, fan_in) W (fan_in, fan_out) + b; and
 * LSUV, which scales W by what it makes of the first batch.
 */
#include "layer.h"

#include "../core/internal.h"
#include "../math/gemm.h"

#include <math.h>
#include <string.h>

enum {
    MOST_DIVISORS = 10 /* Mishkin & Matas 2016, algorithm 1: T_max */
};

#ifdef FI_DOUBLE
#define UNIT_TOLERANCE 1e-12
#else
#define UNIT_TOLERANCE 1e-6
#endif

struct dense {
    fi_layer layer;
    const fi_initializer *initializer, *bias;
    double gain, bias_std;
    bool fixed_bias;
    /* What LSUV divided W by, one after the other: W drawn anew is divided again. */
    size_t n_divisors;
    double divisors[MOST_DIVISORS];
};

static unsigned uses(const fi_layer *layer, fi_phase phase)
{
    (void)layer;
    (void)phase;
    return FI_READS_INPUT;
}

static void divide(const fi_blob *w, double divisor)
{
    for (size_t k = 0; k < w->rows * w->cols; k++)
        w->data[k] = (fi_real)((double)w->data[k] / divisor);
}

static void draw_bias(const struct dense *dense, fi_rng rng)
{
    const fi_blob *w = &dense->layer.parameters[0];
    const fi_blob *b = &dense->layer.parameters[1];
    if (dense->bias)
        fi_initialize_bias(dense->bias, rng, w->rows, w->cols, b->data);
    else if (dense->bias_std > 0)
        fi_draw(&rng, FI_NORMAL, dense->bias_std, b->cols, b->data);
    else
        memset(b->data, 0, b->cols * sizeof *b->data);
}

static fi_status draw(fi_layer *layer, uint64_t seed)
{
    const struct dense *dense = (const struct dense *)layer;
    const fi_blob *w = &layer->parameters[0];
    /* The initializer's scratch memory is not for the net's arena: it would pile up with depth. */
    fi_arena *scratch = NULL;
    FI_TRY(fi_arena_new(&scratch));
    const fi_rng weights = fi_rng_stream(seed, FI_FOR_WEIGHT, layer->depth, 0);
    const fi_status status =
        fi_initialize(dense->initializer, dense->gain, weights, w->rows, w->cols, w->data, scratch);
    fi_arena_free(scratch);
    for (size_t k = 0; k < dense->n_divisors; k++)
        divide(w, dense->divisors[k]);
    draw_bias(dense, fi_rng_stream(seed, FI_FOR_BIAS, layer->depth, 0));
    return status;
}

static bool any_nonzero(size_t n, const fi_real *x)
{
    for (size_t k = 0; k < n; k++)
        if (x[k] != 0)
            return true;
    return false;
}

static FI_CLONES void add_to_rows(size_t rows, size_t cols, const fi_real *restrict b,
                                  fi_real *restrict z)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            z[r * cols + c] += b[c];
}

/* sum += `count` rows, one after the other, in one visit of the sums. */
static inline void add_rows(size_t count, size_t stride, size_t width, const fi_real *restrict x,
                            double *restrict sum)
{
    for (size_t c = 0; c < width; c++) {
        double s = sum[c];
        for (size_t r = 0; r < count; r++)
            s += (double)x[r * stride + c];
        sum[c] = s;
    }
}

/* sums (1, cols): over the rows of x, in double. */
static FI_CLONES void sum_rows(size_t rows, size_t cols, const fi_real *x, fi_real *sums)
{
    enum {
        TILE = 512,
        TOGETHER = 8
    };
    for (size_t first = 0; first < cols; first += TILE) {
        const size_t width = cols - first < TILE ? cols - first : TILE;
        double sum[TILE] = {0};
        size_t r = 0;
        for (; r + TOGETHER <= rows; r += TOGETHER)
            add_rows(TOGETHER, cols, width, x + r * cols + first, sum);
        for (; r < rows; r++)
            add_rows(1, cols, width, x + r * cols + first, sum);
        for (size_t c = 0; c < width; c++)
            sums[first + c] = (fi_real)sum[c];
    }
}

/* Who waits for rows of z, until their bias is added. */
struct waiting {
    const fi_layer *layer;
    const fi_gemm_rows *rows;
};

static void add_bias(void *context, size_t first, size_t rows)
{
    const struct waiting *w = context;
    const fi_blob *z = &w->layer->out;
    add_to_rows(rows, z->cols, w->layer->parameters[1].data, z->data + first * z->cols);
    if (w->rows)
        w->rows->done(w->rows->context, first, rows);
}

/* z = x W + b, block of rows by block. */
static void multiply(const fi_layer *layer, const fi_gemm_rows *rows)
{
    const fi_blob *x = layer->in;
    const fi_blob *z = &layer->out;
    struct waiting waiting = {layer, rows};
    const fi_gemm_rows with_bias = {add_bias, &waiting};
    const bool biased = any_nonzero(z->cols, layer->parameters[1].data);
    fi_gemm_by_rows(FI_AS_IS, FI_AS_IS, z->rows, z->cols, x->cols, x->data,
                    layer->parameters[0].data, 0, z->data, biased ? &with_bias : rows);
}

/*
 * LSUV: divides W until the variance of z, over samples and units, is the layer's gain^2. One
 * division does it up to rounding, unless there is a bias. No division mends a z that is constant
 * or not finite.
 */
static void reach_unit_variance(struct dense *dense)
{
    const fi_blob *w = &dense->layer.parameters[0];
    const fi_blob *z = &dense->layer.out;
    for (; dense->n_divisors < MOST_DIVISORS; dense->n_divisors++) {
        fi_moments moments = FI_MOMENTS_EMPTY;
        fi_moments_add(&moments, z->rows * z->cols, z->data);
        const double ratio = sqrt(fi_moments_variance(&moments)) / fabs(dense->gain);
        if (!(ratio > 0) || isinf(ratio) || fabs(ratio * ratio - 1) <= UNIT_TOLERANCE)
            break;
        divide(w, ratio);
        dense->divisors[dense->n_divisors] = ratio;
        multiply(&dense->layer, NULL);
    }
    dense->layer.settled = true;
}

static void forward(fi_layer *layer, const fi_pass *pass, const fi_gemm_rows *rows)
{
    struct dense *dense = (struct dense *)layer;
    const bool settled =
        !dense->initializer->unit_variance || layer->settled || pass->phase == FI_TEST;
    multiply(layer, settled ? rows : NULL);
    if (settled)
        return;
    reach_unit_variance(dense);
    fi_net_tell_rows(&layer->out, rows);
}

/* dW = x' dz and db = 1' dz, summed over the samples, unless frozen; dx = dz W', where wanted. */
static void backward(fi_layer *layer, const fi_pass *pass, const fi_gemm_rows *rows)
{
    (void)pass;
    const struct dense *dense = (const struct dense *)layer;
    const fi_blob *x = layer->in;
    const fi_blob *z = &layer->out;
    const fi_blob *w = &layer->parameters[0];
    if (layer->rate != 0) {
        fi_gemm(FI_TRANSPOSED, FI_AS_IS, w->rows, w->cols, x->rows, x->data, z->diff, 0, w->diff);
        sum_rows(dense->fixed_bias ? 0 : z->rows, z->cols, z->diff, layer->parameters[1].diff);
    }
    if (x->diff)
        fi_gemm_by_rows(FI_AS_IS, FI_TRANSPOSED, x->rows, x->cols, z->cols, z->diff, w->data, 0,
                        x->diff, rows);
}

static const fi_kind dense_kind = {
    .name = "dense",
    .redrawn = true,
    .uses = uses,
    .draw = draw,
    .forward = forward,
    .backward = backward,
};

fi_status fi_net_dense(fi_net *net, const fi_dense_spec *spec)
{
    FI_REQUIRE(net && spec && spec->initializer);
    FI_REQUIRE(spec->bias_std >= 0);
    FI_REQUIRE(!spec->bias || fi_initializer_is_independent(spec->bias));
    struct dense *dense =
        (struct dense *)fi_layer_new(net, &dense_kind, sizeof *dense, spec->name, spec->units);
    if (!dense)
        return FI_ENOMEM;
    dense->initializer = spec->initializer;
    dense->bias = spec->bias;
    dense->fixed_bias = spec->fixed_bias;
    dense->gain = spec->gain != 0 ? spec->gain : 1;
    dense->bias_std = spec->bias_std;
    dense->layer.depth++;
    dense->layer.parameters[0] = (fi_blob){.rows = fi_net_top(net), .cols = spec->units};
    dense->layer.parameters[1] = (fi_blob){.rows = 1, .cols = spec->units};
    return fi_net_push(net, &dense->layer);
}
