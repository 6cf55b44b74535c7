/* Initializers: every row of the table against its own variance, and the table against the papers.
 */
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef FI_DOUBLE
#define EPSILON DBL_EPSILON
#define ORTHONORMAL 1e-12
#else
#define EPSILON ((double)FLT_EPSILON)
#define ORTHONORMAL 1e-6
#endif

enum {
    WIDTH = 500,
    MOST = WIDTH * WIDTH
};

static const size_t shapes[][2] = {{WIDTH, WIDTH}, {300, 700}, {700, 300}};

static fi_real weights[MOST], others[MOST];

static void initialize(const fi_initializer *row, double gain, size_t fan_in, size_t fan_out,
                       fi_real *w)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    const fi_rng rng = fi_rng_stream(5, FI_FOR_WEIGHT, 1, 0);
    cr_assert_eq(fi_initialize(row, gain, rng, fan_in, fan_out, w, arena), FI_OK, "%s: %s",
                 row->name, fi_message());
    fi_arena_free(arena);
}

static const fi_initializer *find(const char *name)
{
    const fi_initializer *row = fi_initializer_find(name);
    cr_assert_not_null(row, "no initializer %s", name);
    return row;
}

/* (kurtosis - 1): n independent values put sqrt of this over n into the relative variance. */
static double spread(fi_law law)
{
    switch (law) {
    case FI_NORMAL:
        return 2;
    case FI_UNIFORM:
        return 0.8;
    case FI_TRUNCATED:
        return 1.3655;
    default:
        return 0;
    }
}

/*
 * Sum of w^2 / (n variance) - 1, in units of four standard errors: of 250,000 weights 1.13 %
 * (normal), 0.72 % (uniform), 0.94 % (truncated). For an orthogonal matrix the sum is the number of
 * vectors, up to the rounding of each weight.
 */
static double excess(const fi_initializer *row, size_t fan_in, size_t fan_out, const fi_real *w)
{
    const double n = (double)(fan_in * fan_out);
    double sum = 0;
    for (size_t k = 0; k < fan_in * fan_out; k++)
        sum += (double)w[k] * (double)w[k];
    const double ratio = sum / (n * row->variance((double)fan_in, (double)fan_out));
    return fabs(ratio - 1) / fmax(4 * sqrt(spread(row->law) / n), ORTHONORMAL);
}

static void check_variance(const fi_initializer *row)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t fan_in = shapes[s][0], fan_out = shapes[s][1];
        const double variance = row->variance((double)fan_in, (double)fan_out);
        initialize(row, 1, fan_in, fan_out, weights);
        double mean = 0;
        for (size_t k = 0; k < fan_in * fan_out; k++)
            mean += (double)weights[k] / (double)(fan_in * fan_out);
        cr_expect(fabs(mean) <= 4 * sqrt(variance / (double)(fan_in * fan_out)),
                  "%s, law %d: mean %g", row->name, row->law, mean);
        if (row->law == FI_CONSTANT)
            continue;
        cr_expect(excess(row, fan_in, fan_out, weights) < 1,
                  "%s, law %d, %zu x %zu: variance off by %g times the limit", row->name, row->law,
                  fan_in, fan_out, excess(row, fan_in, fan_out, weights));
        for (size_t k = 0; k < fan_in * fan_out; k++)
            weights[k] *= (fi_real)1.05;
        cr_expect(excess(row, fan_in, fan_out, weights) > 5, "%s: 5 %% too wide passes", row->name);
    }
}

Test(initializer, every_row_has_its_variance)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++)
        check_variance(&rows[k]);
}

Test(initializer, an_override_of_the_law_keeps_the_variance)
{
    const fi_law laws[] = {FI_NORMAL, FI_UNIFORM, FI_TRUNCATED};
    const char *const names[] = {"small_normal", "he_normal", "glorot_uniform"};
    for (size_t n = 0; n < 3; n++)
        for (size_t l = 0; l < 3; l++) {
            fi_initializer row = *find(names[n]);
            row.law = laws[l];
            check_variance(&row);
        }
}

/* The largest weight tells the laws apart; of 250,000 normals it exceeds 4 with p = 1 - 1e-7. */
Test(initializer, laws_have_their_range)
{
    const struct {
        fi_law law;
        double least, most; /* of the largest |w| over its standard deviation */
    } ranges[] = {{FI_NORMAL, 4, 6.34},
                  {FI_UNIFORM, 1.73, sqrt(3) * (1 + 2 * EPSILON)},
                  {FI_TRUNCATED, 2.27, 2 / 0.87962566103423978 * (1 + 2 * EPSILON)}};
    for (size_t l = 0; l < 3; l++) {
        fi_initializer row = *find("he_normal");
        row.law = ranges[l].law;
        initialize(&row, 1, WIDTH, WIDTH, weights);
        double largest = 0;
        for (size_t k = 0; k < MOST; k++)
            largest = fmax(largest, fabs((double)weights[k]));
        largest /= sqrt(2.0 / WIDTH);
        cr_expect(largest >= ranges[l].least && largest <= ranges[l].most,
                  "law %d: largest %.9g standard deviations", row.law, largest);
    }
}

Test(initializer, rows_are_as_published)
{
    const struct {
        const char *name;
        fi_law law;
        double variance; /* at fan_in 300, fan_out 700 */
    } published[] = {{"zeros", FI_CONSTANT, 0},
                     {"small_normal", FI_NORMAL, 1e-4},
                     {"unit_normal", FI_NORMAL, 1},
                     {"xavier_normal", FI_NORMAL, 1 / 300.0},
                     {"xavier_uniform", FI_UNIFORM, 1 / 300.0},
                     {"he_normal", FI_NORMAL, 2 / 300.0},
                     {"he_uniform", FI_UNIFORM, 2 / 300.0},
                     {"glorot_normal", FI_NORMAL, 2 / 1000.0},
                     {"glorot_uniform", FI_UNIFORM, 2 / 1000.0},
                     {"lecun_normal", FI_NORMAL, 1 / 300.0},
                     {"lecun_uniform", FI_UNIFORM, 1 / 300.0},
                     {"orthogonal", FI_ORTHOGONAL, 1 / 700.0}};
    for (size_t k = 0; k < sizeof published / sizeof *published; k++) {
        const fi_initializer *row = find(published[k].name);
        cr_expect_eq(row->law, published[k].law, "%s", row->name);
        const double variance = row->variance(300, 700);
        cr_expect(fabs(variance - published[k].variance) <= 1e-15 * published[k].variance,
                  "%s: variance %g", row->name, variance);
    }
    cr_expect(fabs(find("orthogonal")->variance(700, 300) - 1 / 700.0) < 1e-18);
    cr_expect_null(fi_initializer_find("xavier"));
    cr_expect_null(fi_initializer_find(""));
}

Test(initializer, rows_are_complete_and_differ)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++) {
        cr_expect_eq(fi_initializer_find(rows[k].name), &rows[k], "two rows %s", rows[k].name);
        cr_expect(strlen(rows[k].formula) > 0 && strlen(rows[k].citation) > 0, "%s", rows[k].name);
    }
}

Test(initializer, zeros_are_exactly_zero)
{
    const fi_rng rng = fi_rng_stream(5, FI_FOR_WEIGHT, 1, 0);
    memset(weights, 0xff, sizeof weights);
    memset(others, 0, sizeof others);
    cr_assert_eq(fi_initialize(find("zeros"), 1, rng, WIDTH, WIDTH, weights, NULL), FI_OK);
    cr_expect(memcmp(weights, others, sizeof weights) == 0);
}

Test(initializer, orthogonal_has_orthonormal_vectors)
{
    for (size_t s = 0; s < 3; s++) {
        const size_t fan_in = shapes[s][0], fan_out = shapes[s][1];
        const bool tall = fan_in >= fan_out;
        const size_t along = tall ? fan_out : 1, across = tall ? 1 : fan_out;
        initialize(find("orthogonal"), 1, fan_in, fan_out, weights);
        double worst = 0;
        for (size_t i = 0; i < (tall ? fan_out : fan_in); i++)
            for (size_t j = 0; j <= i; j++) {
                double product = i == j ? -1 : 0;
                for (size_t l = 0; l < (tall ? fan_in : fan_out); l++)
                    product += (double)weights[l * along + i * across] *
                               (double)weights[l * along + j * across];
                worst = fmax(worst, fabs(product));
            }
        cr_expect(worst < ORTHONORMAL, "%zu x %zu: |W'W - I| is %g", fan_in, fan_out, worst);
    }
}

/* A gain of 2 is exact; -sqrt(1/2) is off by the rounding of the scale and of each product. */
Test(initializer, gain_scales_the_weights)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++) {
        initialize(&rows[k], 1, 100, 80, weights);
        initialize(&rows[k], 2, 100, 80, others);
        for (size_t i = 0; i < 8000; i++)
            cr_assert(others[i] == 2 * weights[i], "%s, weight %zu", rows[k].name, i);
        initialize(&rows[k], -sqrt(0.5), 100, 80, others);
        for (size_t i = 0; i < 8000; i++) {
            const double expected = -sqrt(0.5) * (double)weights[i];
            cr_assert(fabs((double)others[i] - expected) <= 2 * EPSILON * fabs(expected),
                      "%s, weight %zu: %g, not %g", rows[k].name, i, (double)others[i], expected);
        }
    }
}

/* One stream, two schemes: the weights differ by the scale alone, up to two roundings in each. */
Test(initializer, schemes_share_their_draws)
{
    initialize(find("xavier_normal"), 1, WIDTH, WIDTH, weights);
    initialize(find("he_normal"), 1, WIDTH, WIDTH, others);
    for (size_t k = 0; k < MOST; k++) {
        const double expected = sqrt(2) * (double)weights[k];
        cr_assert(fabs((double)others[k] - expected) <= 2 * EPSILON * fabs(expected),
                  "weight %zu: %g, not %g", k, (double)others[k], expected);
    }
}

Test(initializer, orthogonal_reports_refused_memory)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    fi_arena_refuse_after(arena, 0);
    const fi_rng rng = fi_rng_stream(5, FI_FOR_WEIGHT, 1, 0);
    cr_expect_eq(fi_initialize(find("orthogonal"), 1, rng, 30, 20, weights, arena), FI_ENOMEM);
    cr_expect(strstr(fi_message(), "orthogonal") != NULL, "%s", fi_message());
    fi_arena_free(arena);
}
