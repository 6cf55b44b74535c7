/*
 * Classes drawn from a seed. A raw image is w = m + p + e: the mean image m with coordinates of
 * N(0, 1), the prototype p of N(0, separation^2 / cols) and the deviation e of N(0, 1). A sample of
 * rank 2 or more is w smoothed, w + 2 (the mean of the 3 x 3 pixels about each), which makes
 * neighbours correlate and the mean image one of patches. Smoothing is linear and can be undone
 * (its eigenvalues are those of the box, -1/3 to 1, times 2 plus 1), so that in the metric of the
 * deviations' covariance two classes stay sqrt(2) separation apart.
 */
#include "../core/arena.h"
#include "../core/internal.h"
#include "samples.h"

#include <math.h>

#define CENTRE 0.5 /* of the pixels */
#define SPREAD 0.2
#define SHARPNESS (2.0 / 9)          /* of each of the nine pixels, beside the pixel itself */
#define SMOOTHED_VARIANCE (17.0 / 9) /* (11/9)^2 + 8 (2/9)^2, away from the edges */

/* The streams of FI_FOR_DATA, by their layer. */
enum {
    MEAN_IMAGE,
    PROTOTYPES,
    DEVIATIONS,
    CHOICES
};

/* A sample's shape as an image: rank 1 has no neighbours, and depth is what shares a pixel. */
struct image {
    bool smoothed;
    size_t height, line, depth; /* rows; values a row; values a pixel */
};

static struct image image_of(const fi_samples *samples)
{
    struct image image = {.smoothed = samples->rank > 1, .height = 1, .depth = 1};
    if (image.smoothed)
        image.height = samples->shape[0];
    for (size_t k = 2; k < samples->rank; k++)
        image.depth *= samples->shape[k];
    image.line = samples->cols / image.height;
    return image;
}

/*
 * out = CENTRE + scale (w smoothed); at an edge the nearest pixel stands for those beyond it.
 * `columns` has room for a row and a pixel on either side of it.
 */
FI_CLONES static void smooth(const struct image *image, fi_real scale, const fi_real *restrict w,
                             fi_real *restrict columns, fi_real *restrict out)
{
    const size_t line = image->line;
    const size_t depth = image->depth;
    for (size_t row = 0; row < image->height; row++) {
        const fi_real *here = w + row * line;
        const fi_real *above = row ? here - line : here;
        const fi_real *below = row + 1 < image->height ? here + line : here;
        for (size_t k = 0; k < line; k++)
            columns[depth + k] = above[k] + here[k] + below[k];
        for (size_t k = 0; k < depth; k++) {
            columns[k] = columns[depth + k];
            columns[depth + line + k] = columns[line + k];
        }
        for (size_t k = 0; k < line; k++)
            out[row * line + k] =
                (fi_real)CENTRE +
                scale * (here[k] + (fi_real)SHARPNESS *
                                       (columns[k] + columns[depth + k] + columns[2 * depth + k]));
    }
}

FI_CLONES static void rescale(size_t n, fi_real scale, const fi_real *restrict w,
                              fi_real *restrict out)
{
    for (size_t k = 0; k < n; k++)
        out[k] = (fi_real)CENTRE + scale * w[k];
}

FI_CLONES static void add(size_t n, const fi_real *restrict a, fi_real *restrict sum)
{
    for (size_t k = 0; k < n; k++)
        sum[k] += a[k];
}

/* Uniform on 0 .. n - 1 from one draw, up to n / 2^32. */
static size_t choose(fi_rng *rng, size_t n)
{
    return (size_t)((uint64_t)fi_rng_u32(rng) * n >> 32);
}

/* (classes * modes, cols): the raw prototypes about their mean image. */
static fi_real *draw_prototypes(const fi_synthetic_spec *spec, size_t rows, size_t cols, double sd,
                                fi_arena *arena)
{
    fi_real *prototypes = fi_arena_alloc(arena, rows * cols, sizeof *prototypes);
    fi_real *mean = fi_arena_alloc(arena, cols, sizeof *mean);
    if (!prototypes || !mean) {
        (void)fi_fail_memory(rows * cols * sizeof *prototypes, "the prototypes of the classes");
        return NULL;
    }
    fi_rng rng = fi_rng_stream(spec->seed, FI_FOR_DATA, MEAN_IMAGE, 0);
    fi_draw(&rng, FI_NORMAL, 1, cols, mean);
    rng = fi_rng_stream(spec->seed, FI_FOR_DATA, PROTOTYPES, 0);
    fi_draw(&rng, FI_NORMAL, sd, rows * cols, prototypes);
    for (size_t k = 0; k < rows; k++)
        add(cols, mean, prototypes + k * cols);
    return prototypes;
}

/* Row i takes three choices and `cols` deviations of their streams, however many rows there are. */
static fi_status draw_samples(const fi_synthetic_spec *spec, fi_samples *samples, fi_arena *scratch)
{
    const size_t cols = samples->cols;
    const size_t modes = spec->modes ? spec->modes : 1;
    const double sd = (spec->separation > 0 ? spec->separation : 8) / sqrt((double)cols);
    const struct image image = image_of(samples);
    const double variance = (2 + sd * sd) * (image.smoothed ? SMOOTHED_VARIANCE : 1);
    const fi_real scale = (fi_real)(SPREAD / sqrt(variance));
    const fi_real *prototypes = draw_prototypes(spec, spec->classes * modes, cols, sd, scratch);
    fi_real *raw = fi_arena_zeros(scratch, cols, sizeof *raw);
    fi_real *columns = fi_arena_zeros(scratch, image.line + 2 * image.depth, sizeof *columns);
    if (!prototypes || !raw || !columns)
        return FI_ENOMEM;
    fi_rng deviations = fi_rng_stream(spec->seed, FI_FOR_DATA, DEVIATIONS, 0);
    fi_rng choices = fi_rng_stream(spec->seed, FI_FOR_DATA, CHOICES, 0);
    for (size_t i = 0; i < samples->rows; i++) {
        const size_t class = i % spec->classes;
        const size_t mode = choose(&choices, modes);
        const bool anew = fi_rng_u32(&choices) < spec->noise * 0x1p32;
        const size_t other = choose(&choices, spec->classes);
        samples->labels[i] = (int32_t)(anew ? other : class);
        fi_draw(&deviations, FI_NORMAL, 1, cols, raw);
        add(cols, prototypes + (class * modes + mode) * cols, raw);
        if (image.smoothed)
            smooth(&image, scale, raw, columns, samples->x + i * cols);
        else
            rescale(cols, scale, raw, samples->x + i * cols);
    }
    return FI_OK;
}

fi_status fi_synthesize(fi_samples *samples, const fi_synthetic_spec *spec, fi_arena *arena)
{
    FI_REQUIRE(samples && spec && arena);
    FI_REQUIRE(spec->rows > 0 && spec->classes > 0 && spec->classes <= INT32_MAX);
    FI_REQUIRE(spec->separation >= 0 && spec->noise >= 0 && spec->noise <= 1);
    fi_samples made;
    FI_TRY(fi_samples_new(&made, spec->rows, spec->rank, spec->shape, spec->classes, arena));
    FI_REQUIRE(made.cols > 0);
    const fi_arena_mark mark = fi_arena_now(arena);
    FI_TRY(draw_samples(spec, &made, arena));
    fi_arena_release(arena, mark);
    *samples = made;
    return FI_OK;
}
