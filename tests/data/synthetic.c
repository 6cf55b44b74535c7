/*
 * The synthetic classes. What a sample is made of is found back from its numbers; sums of squares
 * have their known chi-squared law, and bounds are 5 standard errors (one in 1.7 million).
 */
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef FI_DOUBLE
#define UNIT 0x1p-53
#else
#define UNIT 0x1p-24
#endif

static fi_arena *arena;

static void begin(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void end(void)
{
    fi_arena_free(arena);
}

TestSuite(synthetic, .init = begin, .fini = end);

static fi_samples make(fi_synthetic_spec spec)
{
    fi_samples samples;
    cr_assert_eq(fi_synthesize(&samples, &spec, arena), FI_OK, "%s", fi_message());
    return samples;
}

#define IMAGES .classes = 10, .rank = 2, .shape = {12, 7}

Test(synthetic, a_row_depends_on_the_seed_alone)
{
    const fi_samples long_set = make((fi_synthetic_spec){.rows = 500, IMAGES, .seed = 1});
    const fi_samples again = make((fi_synthetic_spec){.rows = 500, IMAGES, .seed = 1});
    const fi_samples other = make((fi_synthetic_spec){.rows = 500, IMAGES, .seed = 2});
    cr_expect(long_set.rows == 500 && long_set.cols == 84 && long_set.classes == 10);
    cr_expect(long_set.rank == 2 && long_set.shape[0] == 12 && long_set.shape[1] == 7);
    cr_expect(memcmp(long_set.x, again.x, 500 * 84 * sizeof *again.x) == 0);
    size_t equal = 0;
    for (size_t k = 0; k < (size_t)500 * 84; k++)
        equal += long_set.x[k] == other.x[k];
    cr_expect(equal < 10, "%zu values are the same under another seed", equal);
    for (size_t i = 0; i < 500; i++)
        cr_expect_eq(long_set.labels[i], i % 10);
    const fi_synthetic_spec noisy = {
        .rows = 500, IMAGES, .modes = 3, .noise = 0.5, .seed = 1, .separation = 5};
    const fi_samples all = make(noisy);
    for (size_t rows = 1; rows < 40; rows += 13) {
        fi_synthetic_spec fewer = noisy;
        fewer.rows = rows;
        const fi_samples few = make(fewer);
        cr_expect_eq(few.rows, rows);
        cr_expect(memcmp(few.x, all.x, rows * 84 * sizeof *few.x) == 0);
        cr_expect(memcmp(few.labels, all.labels, rows * sizeof *few.labels) == 0);
    }
}

/* ---- the geometry ---------------------------------------------------------------------------- */

#define COLS ((size_t)784)
#define CLASSES ((size_t)10)
#define EACH ((size_t)200)

static double centroids[10][784];
static double centre[784];

/* Means by class and of all, in units of the deviations. */
static void find_centroids(const fi_samples *samples, double scale)
{
    for (size_t k = 0; k < samples->rows * COLS; k++) {
        const double raw = ((double)samples->x[k] - 0.5) / scale;
        centroids[k / COLS % CLASSES][k % COLS] += raw / (double)EACH;
        centre[k % COLS] += raw / (double)(EACH * CLASSES);
    }
}

static void expect_variance(const char *what, double sum, double freedom, double expected)
{
    const double error = 5 * sqrt(2 / freedom);
    cr_expect(fabs(sum / freedom / expected - 1) < error, "%s: variance %g, not %g +- %g", what,
              sum / freedom, expected, error * expected);
}

/*
 * Of a class of n rows the centroid is mean image + prototype + e / sqrt n. So the deviations about
 * it, the centroids about their mean, and that over the pixels have these variances.
 */
Test(synthetic, mean_image_prototypes_and_deviations_have_their_variances)
{
    static const double separations[] = {0, 8, 20};
    for (size_t c = 0; c < 3; c++) {
        const double separation = separations[c];
        const double square = (separation == 0 ? 64 : separation * separation) / (double)COLS;
        const double scale = 0.2 / sqrt(2 + square);
        const fi_samples samples = make((fi_synthetic_spec){.rows = CLASSES * EACH,
                                                            .classes = CLASSES,
                                                            .rank = 1,
                                                            .shape = {COLS},
                                                            .separation = separation,
                                                            .seed = 3});
        memset(centroids, 0, sizeof centroids);
        memset(centre, 0, sizeof centre);
        find_centroids(&samples, scale);
        double within = 0, between = 0, pixels = 0, sum = 0;
        for (size_t k = 0; k < samples.rows * COLS; k++)
            within += pow(
                ((double)samples.x[k] - 0.5) / scale - centroids[k / COLS % CLASSES][k % COLS], 2);
        for (size_t class = 0; class < CLASSES; class ++)
            for (size_t j = 0; j < COLS; j++)
                between += pow(centroids[class][j] - centre[j], 2);
        for (size_t j = 0; j < COLS; j++) {
            pixels += centre[j] * centre[j];
            sum += centre[j];
        }
        const double of_mean = square + 1 / (double)EACH;
        expect_variance("deviations", within, (double)(CLASSES * COLS * (EACH - 1)), 1);
        expect_variance("prototypes", between, (double)(COLS * (CLASSES - 1)), of_mean);
        expect_variance("mean image", pixels, (double)COLS, 1 + of_mean / (double)CLASSES);
        cr_expect(fabs(sum) < 5 * sqrt((double)COLS * (1 + of_mean / (double)CLASSES)), "mean %g",
                  sum / (double)COLS);
    }
}

/*
 * Nearest centroid, from n = 100 rows a class of 784 values: the margin s^2 = 64 has a standard
 * deviation of sqrt(2 s^2 + 2 cols / n) = 12, 5.3 of them; 9 wrong classes, so 1e-6 of the rows.
 * At s = 1 the margin is a quarter of one deviation, sqrt(2 + 15.7): nearly chance.
 */
Test(synthetic, the_separation_decides_what_can_be_learnt)
{
    static const double separations[] = {8, 1};
    size_t wrong[2] = {0};
    for (size_t c = 0; c < 2; c++) {
        const fi_samples samples = make((fi_synthetic_spec){.rows = CLASSES * EACH,
                                                            .classes = CLASSES,
                                                            .rank = 1,
                                                            .shape = {COLS},
                                                            .separation = separations[c],
                                                            .seed = 4});
        fi_samples half = samples;
        half.rows = samples.rows / 2;
        memset(centroids, 0, sizeof centroids);
        find_centroids(&half, 1);
        for (size_t i = half.rows; i < samples.rows; i++) {
            size_t nearest = 0;
            double least = HUGE_VAL;
            for (size_t class = 0; class < CLASSES; class ++) {
                double distance = 0;
                for (size_t j = 0; j < COLS; j++)
                    distance +=
                        pow((double)samples.x[i * COLS + j] - 0.5 - 2 * centroids[class][j], 2);
                nearest = distance < least ? class : nearest;
                least = fmin(distance, least);
            }
            wrong[c] += nearest != i % CLASSES;
        }
    }
    cr_expect(wrong[0] == 0, "%zu of 1000 wrong at 8", wrong[0]);
    cr_expect(wrong[1] > 500, "only %zu of 1000 wrong at 1", wrong[1]);
}

/* ---- smoothing ------------------------------------------------------------------------------- */

static size_t clamp(size_t k, ptrdiff_t step, size_t n)
{
    const ptrdiff_t to = (ptrdiff_t)k + step;
    return to < 0 ? 0 : to >= (ptrdiff_t)n ? n - 1 : (size_t)to;
}

/*
 * One seed gives the same raw values whatever the shape; so the naive smoothing of the unsmoothed
 * set is the smoothed one. 0.2 / sqrt(2 + ...) becomes 0.2 / sqrt(17/9 (2 + ...)). Values are below
 * 2, of which half an ulp is 2 UNIT / 2; a value's w is off by that, smoothed by three times that
 * times 0.73, and smoothing rounds seven more times: in all below 12 of 2 UNIT.
 */
Test(synthetic, an_image_is_its_raw_values_smoothed)
{
    static const size_t shapes[][5] = {{2, 5, 4, 0, 0}, {3, 5, 4, 3, 0}, {2, 1, 6, 0, 0},
                                       {2, 6, 1, 0, 0}, {3, 1, 1, 3, 0}, {4, 3, 2, 2, 2}};
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++) {
        fi_synthetic_spec spec = {.rows = 7, .classes = 3, .rank = shapes[c][0], .seed = c};
        memcpy(spec.shape, shapes[c] + 1, sizeof spec.shape);
        const fi_samples smooth = make(spec);
        const size_t cols = smooth.cols;
        const size_t height = spec.shape[0], width = spec.shape[1], depth = cols / height / width;
        spec.rank = 1;
        spec.shape[0] = cols;
        const fi_samples raw = make(spec);
        for (size_t k = 0; k < 7 * cols; k++) {
            const size_t row = k % cols / (width * depth), column = k / depth % width;
            const fi_real *w = raw.x + k / cols * cols + k % depth;
            double sum = 0;
            for (ptrdiff_t dy = -1; dy <= 1; dy++)
                for (ptrdiff_t dx = -1; dx <= 1; dx++)
                    sum +=
                        (double)
                            w[(clamp(row, dy, height) * width + clamp(column, dx, width)) * depth] -
                        0.5;
            const double expected = 0.5 + ((double)raw.x[k] - 0.5 + 2 * sum / 9) / sqrt(17.0 / 9);
            cr_expect(fabs((double)smooth.x[k] - expected) < 24 * UNIT,
                      "shape %zu, value %zu: %.9g, not %.9g", c, k, (double)smooth.x[k], expected);
        }
    }
}

/* Away from the edges, neighbours share 60/153 of their variance: see the smoothing's weights. */
Test(synthetic, neighbouring_pixels_correlate_and_pixels_spread_as_said)
{
    const fi_samples samples = make((fi_synthetic_spec){
        .rows = 4000, .classes = 1, .rank = 2, .shape = {28, 28}, .separation = 1e-9, .seed = 5});
    static double mean[784];
    double variance = 0, covariance = 0, total = 0;
    for (size_t k = 0; k < samples.rows * COLS; k++)
        mean[k % COLS] += (double)samples.x[k] / (double)samples.rows;
    for (size_t k = 0; k < samples.rows * COLS; k++) {
        const size_t row = k % COLS / 28, column = k % 28;
        if (row < 1 || row > 26 || column < 1 || column > 25)
            continue;
        const double here = (double)samples.x[k] - mean[k % COLS];
        variance += here * here;
        covariance += here * ((double)samples.x[k + 1] - mean[k % COLS + 1]);
        total++;
    }
    /* Pixels are not independent: at most 25 share a raw value, so a 25th of them counts. */
    const double error = 5 * sqrt(2 * 25 / total);
    cr_expect(fabs(variance / total / 0.02 - 1) < error, "variance %g, half of 0.04 +- %g",
              variance / total, 0.02 * error);
    cr_expect(fabs(covariance / total / 0.02 - 60.0 / 153) < error, "correlation %g, not %g +- %g",
              covariance / total / 0.02, 60.0 / 153, error);
}

/* ---- modes and labels ------------------------------------------------------------------------ */

/* Far apart, rows of one mode are near each other: their first one stands for it. */
Test(synthetic, a_class_has_its_modes_equally_often)
{
    enum {
        MODES = 3,
        N = 3000
    };
    const fi_samples samples = make((fi_synthetic_spec){.rows = N,
                                                        .classes = 2,
                                                        .modes = MODES,
                                                        .rank = 1,
                                                        .shape = {50},
                                                        .separation = 200,
                                                        .seed = 6});
    size_t stands[2 * MODES + 1] = {0}, seen[2 * MODES + 1] = {0}, modes = 0;
    for (size_t i = 0; i < N; i++) {
        size_t k = 0;
        for (; k < modes; k++) {
            double distance = 0;
            for (size_t j = 0; j < 50; j++)
                distance += pow((double)(samples.x[i * 50 + j] - samples.x[stands[k] * 50 + j]), 2);
            /* deviations are 200 / sqrt 50 times smaller than prototypes of variance 0.04 */
            if (sqrt(distance) < 0.1)
                break;
        }
        cr_assert(k < 2 * MODES, "more than three modes a class");
        if (k == modes)
            stands[modes++] = i;
        cr_expect_eq(i % 2, stands[k] % 2, "a mode is of one class");
        seen[k]++;
    }
    cr_expect_eq(modes, 2 * MODES);
    const double expected = N / 2.0 / MODES;
    for (size_t k = 0; k < modes; k++) /* binomial */
        cr_expect(fabs((double)seen[k] - expected) < 5 * sqrt(expected * (1 - 1.0 / MODES)),
                  "mode %zu has %zu rows", k, seen[k]);
}

Test(synthetic, a_share_of_the_labels_is_noise)
{
    enum {
        N = 20000
    };
    static const double shares[] = {0, 0.1, 0.5, 1};
    const fi_samples clean = make((fi_synthetic_spec){
        .rows = N, .classes = 4, .modes = 2, .rank = 1, .shape = {4}, .seed = 7});
    for (size_t c = 0; c < 4; c++) {
        const fi_samples noisy = make((fi_synthetic_spec){.rows = N,
                                                          .classes = 4,
                                                          .modes = 2,
                                                          .rank = 1,
                                                          .shape = {4},
                                                          .noise = shares[c],
                                                          .seed = 7});
        cr_expect(memcmp(noisy.x, clean.x, (size_t)N * 4 * sizeof *clean.x) == 0,
                  "the images do not depend on the labels' noise");
        size_t pairs[4][4] = {0};
        for (size_t i = 0; i < N; i++)
            pairs[i % 4][noisy.labels[i]]++;
        for (size_t k = 0; k < 16; k++) { /* each class gets a quarter of the share of each */
            if (k / 4 == k % 4)
                continue;
            const double p = shares[c] / 4, n = N / 4.0;
            const double found = (double)pairs[k / 4][k % 4];
            cr_expect(fabs(found - p * n) <= 5 * sqrt(p * (1 - p) * n),
                      "noise %g: %g labels %zu became %zu, not %g", shares[c], found, k / 4, k % 4,
                      p * n);
        }
    }
}

/*
 * Rows of three values take as many deviations as choices, so that a shared stream would give the
 * relabelled rows deviations of one sign. Theirs, less the class's mean, average to N(0, 1 / rows).
 */
Test(synthetic, labels_do_not_depend_on_the_deviations)
{
    enum {
        N = 8000
    };
    const fi_samples samples = make((fi_synthetic_spec){
        .rows = N, .classes = 4, .rank = 1, .shape = {3}, .noise = 0.5, .seed = 8});
    const double scale = 0.2 / sqrt(2 + 64.0 / 3);
    double means[4][3] = {0}, sums[3] = {0}, moved = 0;
    for (size_t k = 0; k < (size_t)N * 3; k++)
        means[k / 3 % 4][k % 3] += (double)samples.x[k] / (N / 4.0);
    for (size_t i = 0; i < N; i++) {
        if (samples.labels[i] == (int32_t)(i % 4))
            continue;
        moved++;
        for (size_t j = 0; j < 3; j++)
            sums[j] += ((double)samples.x[i * 3 + j] - means[i % 4][j]) / scale;
    }
    for (size_t j = 0; j < 3; j++)
        cr_expect(fabs(sums[j]) < 5 * sqrt(moved), "column %zu: mean deviation %g of %g rows", j,
                  sums[j] / moved, moved);
}

/* x, labels; prototypes, mean image, a raw row, a row of sums. */
Test(synthetic, refused_memory_is_reported)
{
    const fi_synthetic_spec spec = {.rows = 20, IMAGES, .seed = 1};
    for (size_t allowed = 0; allowed <= 6; allowed++) {
        fi_samples samples;
        fi_arena_refuse_after(arena, allowed);
        const fi_status got = fi_synthesize(&samples, &spec, arena);
        cr_expect_eq(got, allowed < 6 ? FI_ENOMEM : FI_OK, "%zu: status %d", allowed, got);
    }
    fi_arena_refuse_after(arena, SIZE_MAX);
    fi_samples samples;
    fi_synthetic_spec huge = spec;
    huge.rank = 4;
    huge.shape[0] = huge.shape[1] = huge.shape[2] = huge.shape[3] = (size_t)1 << 17;
    cr_expect_eq(fi_synthesize(&samples, &huge, arena), FI_ENOMEM);
}
