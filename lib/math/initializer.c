/* Initializers: the rows of initializers.def, and the one function that draws weights from them. */
#include "../core/internal.h"
#include "draw.h"
#include "gemm.h"

#include <math.h>
#include <string.h>

#define FI_INITIALIZER(name, law, variance, ...)                                                   \
    static double name##_variance(double fan_in, double fan_out)                                   \
    {                                                                                              \
        (void)fan_in;                                                                              \
        (void)fan_out;                                                                             \
        return variance;                                                                           \
    }
#include "initializers.def"
#undef FI_INITIALIZER

static const fi_initializer initializers[] = {
#define FI_INITIALIZER(row, law, variance, ...) {.name = #row, law, row##_variance, __VA_ARGS__},
#include "initializers.def"
#undef FI_INITIALIZER
};

const fi_initializer *fi_initializers(size_t *count)
{
    *count = sizeof initializers / sizeof *initializers;
    return initializers;
}

const fi_initializer *fi_initializer_find(const char *name)
{
    for (size_t k = 0; k < sizeof initializers / sizeof *initializers; k++)
        if (strcmp(initializers[k].name, name) == 0)
            return &initializers[k];
    return NULL;
}

/* ---- its numbers ----------------------------------------------------------------------------- */

static double gain_of(const fi_initializer *initializer)
{
    return initializer->gain != 0 ? initializer->gain : 1;
}

/* Of the law, before the gain. */
static double variance_of(const fi_initializer *initializer, size_t fan_in, size_t fan_out)
{
    const double in = (double)fan_in;
    const double out = (double)fan_out;
    switch (initializer->fan) {
    case FI_FAN_IN:
        return initializer->variance(in, in);
    case FI_FAN_OUT:
        return initializer->variance(out, out);
    case FI_FAN_AVG:
        return initializer->variance((in + out) / 2, (in + out) / 2);
    case FI_FAN_OWN:
        break;
    }
    return initializer->variance(in, out);
}

static fi_cut cut_of(const fi_initializer *initializer)
{
    const bool given = initializer->lower != 0 || initializer->upper != 0;
    return given ? fi_cut_normal(initializer->lower, initializer->upper) : fi_cut_normal(-2, 2);
}

/* How many of an input's fan_out weights are 0. */
static size_t zeros_of(const fi_initializer *initializer, size_t fan_out)
{
    FI_REQUIRE(initializer->sparsity >= 0 && initializer->sparsity <= 1);
    return (size_t)ceil(initializer->sparsity * (double)fan_out);
}

bool fi_initializer_is_independent(const fi_initializer *initializer)
{
    return initializer->law != FI_ORTHOGONAL && initializer->law != FI_EYE &&
           initializer->sparsity == 0 && !initializer->unit_variance;
}

/* Of the weights of a law of this kurtosis, all but a share `kept` of them replaced by 0. */
static fi_weight_moments thinned(double mean, double variance, double kurtosis, double kept)
{
    return (fi_weight_moments){mean, kept * variance, kurtosis / kept, (kurtosis - 1) / kept};
}

fi_weight_moments fi_initializer_moments(const fi_initializer *initializer, double gain,
                                         size_t fan_in, size_t fan_out)
{
    FI_REQUIRE(initializer && fan_in > 0 && fan_out > 0);
    const double scale = gain * gain_of(initializer);
    const double variance = scale * scale * variance_of(initializer, fan_in, fan_out);
    const double mean = gain * initializer->mean;
    const double none = (double)NAN;
    const double longer = (double)(fan_in > fan_out ? fan_in : fan_out);
    const double kept = 1 - (double)zeros_of(initializer, fan_out) / (double)fan_out;
    if (initializer->unit_variance)
        return (fi_weight_moments){mean, none, none, none};
    switch (initializer->law) {
    case FI_NORMAL:
        return thinned(mean, variance, 3, kept);
    case FI_UNIFORM:
        return thinned(mean, variance, 1.8, kept);
    case FI_TRUNCATED:
        return thinned(mean, variance, cut_of(initializer).kurtosis, kept);
    case FI_CONSTANT:
        return (fi_weight_moments){mean, 0, mean == 0 ? 3 : none, 0};
    case FI_ORTHOGONAL: /* a coordinate of a point on the sphere in `longer` dimensions */
        return (fi_weight_moments){mean, variance, 3 * longer / (longer + 2), 0};
    case FI_EYE:
        return (fi_weight_moments){scale / longer, variance * (1 - 1 / longer), none, 0};
    }
    FI_REQUIRE(!"a law");
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* w[k] = mean + std * (draw k under the law). */
static void draw(const fi_initializer *initializer, double mean, double std, fi_rng *rng,
                 size_t count, fi_real *w)
{
    if (initializer->law == FI_TRUNCATED) {
        const fi_cut cut = cut_of(initializer);
        mean -= std * (cut.mean / cut.sd);
        fi_draw_cut(rng, &cut, std / cut.sd, count, w);
    } else {
        fi_draw(rng, initializer->law, std, count, w);
    }
    for (size_t k = 0; mean != 0 && k < count; k++)
        w[k] += (fi_real)mean;
}

/*
 * Sets `zeros` weights of each row to 0, every choice being as likely: going through the row, each
 * with the share of zeros that the rest of it lacks (Fan, Muller & Rezucha 1962; Knuth's S).
 */
static void thin(size_t rows, size_t cols, size_t zeros, fi_rng *rng, fi_real *w)
{
    for (size_t r = 0; r < rows; r++) {
        size_t lacking = zeros;
        for (size_t c = 0; c < cols; c++) {
            const double share = (double)lacking / (double)(cols - c);
            if ((double)fi_rng_u32(rng) < share * 4294967296.0) {
                w[r * cols + c] = 0;
                lacking--;
            }
        }
    }
}

static void draw_eye(double gain, size_t rows, size_t cols, fi_real *w)
{
    memset(w, 0, rows * cols * sizeof *w);
    for (size_t k = 0; k < rows && k < cols; k++)
        w[k * cols + k] = (fi_real)gain;
}

static fi_status draw_orthogonal(double gain, fi_rng *rng, size_t rows, size_t cols, fi_real *w,
                                 fi_arena *scratch)
{
    fi_draw(rng, FI_NORMAL, 1, rows * cols, w);
    FI_TRY(fi_orthonormalize(rows, cols, w, scratch));
    for (size_t k = 0; k < rows * cols; k++)
        w[k] *= (fi_real)gain;
    return FI_OK;
}

fi_status fi_initialize(const fi_initializer *initializer, double gain, fi_rng rng, size_t fan_in,
                        size_t fan_out, fi_real *w, fi_arena *scratch)
{
    size_t count = 0;
    FI_REQUIRE(initializer && !__builtin_mul_overflow(fan_in, fan_out, &count));
    const double scale = gain * gain_of(initializer);
    if (initializer->law == FI_ORTHOGONAL)
        return draw_orthogonal(scale, &rng, fan_in, fan_out, w, scratch);
    if (initializer->law == FI_EYE) {
        draw_eye(scale, fan_in, fan_out, w);
        return FI_OK;
    }
    draw(initializer, gain * initializer->mean,
         scale * sqrt(variance_of(initializer, fan_in, fan_out)), &rng, count, w);
    if (initializer->sparsity > 0)
        thin(fan_in, fan_out, zeros_of(initializer, fan_out), &rng, w);
    return FI_OK;
}

void fi_initialize_bias(const fi_initializer *initializer, fi_rng rng, size_t fan_in,
                        size_t fan_out, fi_real *b)
{
    FI_REQUIRE(initializer && fi_initializer_is_independent(initializer));
    const double std = gain_of(initializer) * sqrt(variance_of(initializer, fan_in, fan_out));
    draw(initializer, initializer->mean, std, &rng, fan_out, b);
}
