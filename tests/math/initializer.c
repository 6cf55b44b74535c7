/* Initializers: every row of the table against its moments, and the table against the papers. */
#include "core/arena.h"
#include "core/internal.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <signal.h>
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

/* How far the sample of n weights is from its scheme's moments, in units of the limit. */
struct excess {
    double mean, variance, kurtosis;
};

/*
 * Limits of four standard errors: of the mean sqrt(variance / n); of sum (w - mean)^2 over its
 * expectation sqrt(noise / n), which for 210,000 independent weights is 1.23 % (normal), 0.78 %
 * (uniform), 1.02 % (truncated); of E d^4, d = (w - mean) / sd, sqrt((E d^8 - (E d^4)^2) / n), from
 * the sample. Where a sum is fixed the limit is rounding.
 */
static struct excess excess(const fi_weight_moments *m, size_t count, const fi_real *w)
{
    const double n = (double)count;
    const double sd = sqrt(m->variance);
    double first = 0, second = 0, fourth = 0, eighth = 0; /* n E d, n E d^2 ... */
    for (size_t k = 0; k < count; k++) {
        const double d = ((double)w[k] - m->mean) / sd, square = d * d;
        first += d;
        second += square;
        fourth += square * square;
        eighth += square * square * square * square;
    }
    const double rounding = ORTHONORMAL + n * DBL_EPSILON / 2;
    const double kurtosis = fourth / n;
    return (struct excess){
        fabs(first / n) / (4 / sqrt(n)),
        fabs(second / n - 1) / fmax(4 * sqrt(m->noise / n), rounding),
        fabs(kurtosis - m->kurtosis) / (4 * sqrt((eighth / n - kurtosis * kurtosis) / n)),
    };
}

/* All three moments, where fan_in and fan_out differ; and weights that are 5 % too large are
 * noticed. */
static void check_moments(const fi_initializer *row)
{
    for (size_t s = 1; s < 3; s++) {
        const size_t fan_in = shapes[s][0], fan_out = shapes[s][1], count = fan_in * fan_out;
        const fi_weight_moments m = fi_initializer_moments(row, 1, fan_in, fan_out);
        initialize(row, 1, fan_in, fan_out, weights);
        const struct excess found = excess(&m, count, weights);
        if (!(m.variance > 0))
            continue;
        cr_expect(found.mean < 1 && found.variance < 1,
                  "%s, law %d, %zu x %zu: mean and variance off by %g and %g times the limit",
                  row->name, row->law, fan_in, fan_out, found.mean, found.variance);
        cr_expect(isnan(m.kurtosis) || found.kurtosis < 1,
                  "%s, law %d, %zu x %zu: kurtosis off by %g times the limit", row->name, row->law,
                  fan_in, fan_out, found.kurtosis);
        for (size_t k = 0; k < count; k++)
            weights[k] *= (fi_real)1.05;
        cr_expect(excess(&m, count, weights).variance > 2, "%s: 5 %% too wide passes", row->name);
    }
}

Test(initializer, every_row_has_its_moments)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++)
        check_moments(&rows[k]);
}

/* Fields that a row leaves alone, on top of it. */
Test(initializer, every_field_counts)
{
    const fi_initializer he = *find("he_normal");
    fi_initializer rows[] = {he, he, he, he, he, he, he, he};
    rows[0].gain = -3;
    rows[1].mean = 0.4;
    rows[2].fan = FI_FAN_OUT;
    rows[3].fan = FI_FAN_AVG;
    rows[4].sparsity = 0.25;
    for (size_t k = 5; k < 8; k++)
        rows[k].law = FI_TRUNCATED;
    rows[5].lower = -1, rows[5].upper = 0.5;
    rows[6].lower = 1.5, rows[6].upper = 3.5, rows[6].mean = -2;
    rows[7].lower = -100, rows[7].upper = 100;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        check_moments(&rows[k]);
}

Test(initializer, an_override_of_the_law_keeps_the_variance)
{
    const fi_law laws[] = {FI_NORMAL, FI_UNIFORM, FI_TRUNCATED};
    const char *const names[] = {"small_normal", "he_normal", "glorot_uniform"};
    for (size_t n = 0; n < 3; n++)
        for (size_t l = 0; l < 3; l++) {
            fi_initializer row = *find(names[n]);
            row.law = laws[l];
            check_moments(&row);
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

#define SD_2 0.87962566103423975041 /* of N(0, 1) within +-2 */

Test(initializer, rows_are_as_published)
{
    const struct {
        const char *name;
        fi_law law;
        double mean, variance; /* at fan_in 300, fan_out 700 */
    } published[] = {{"zeros", FI_CONSTANT, 0, 0},
                     {"small_normal", FI_NORMAL, 0, 1e-4},
                     {"unit_normal", FI_NORMAL, 0, 1},
                     {"xavier_normal", FI_NORMAL, 0, 1 / 300.0},
                     {"xavier_uniform", FI_UNIFORM, 0, 1 / 300.0},
                     {"he_normal", FI_NORMAL, 0, 2 / 300.0},
                     {"he_uniform", FI_UNIFORM, 0, 2 / 300.0},
                     {"glorot_normal", FI_NORMAL, 0, 2 / 1000.0},
                     {"glorot_uniform", FI_UNIFORM, 0, 2 / 1000.0},
                     {"lecun_normal", FI_NORMAL, 0, 1 / 300.0},
                     {"lecun_uniform", FI_UNIFORM, 0, 1 / 300.0},
                     {"orthogonal", FI_ORTHOGONAL, 0, 1 / 700.0},
                     {"kaiming_normal", FI_NORMAL, 0, 2 / 300.0},
                     {"kaiming_uniform", FI_UNIFORM, 0, 2 / 300.0},
                     {"torch_linear", FI_UNIFORM, 0, 1 / 900.0},
                     {"variance_scaling", FI_TRUNCATED, 0, 1 / 300.0},
                     {"normal", FI_NORMAL, 0, 1},
                     {"uniform", FI_UNIFORM, 0.5, 1 / 12.0},
                     {"trunc_normal", FI_TRUNCATED, 0, SD_2 * SD_2},
                     {"truncated_normal", FI_TRUNCATED, 0, 0.0025 * SD_2 * SD_2},
                     {"constant", FI_CONSTANT, 0, 0},
                     {"eye", FI_EYE, 1 / 700.0, 1 / 700.0 - 1 / 490000.0},
                     {"sparse", FI_NORMAL, 0, 0.1 * 1e-4},
                     {"lsuv", FI_ORTHOGONAL, 0, (double)NAN}};
    size_t count = 0;
    (void)fi_initializers(&count);
    cr_expect_eq(sizeof published / sizeof *published, count, "a row is not in this list");
    for (size_t k = 0; k < sizeof published / sizeof *published; k++) {
        const fi_initializer *row = find(published[k].name);
        const fi_weight_moments m = fi_initializer_moments(row, 1, 300, 700);
        cr_expect_eq(row->law, published[k].law, "%s", row->name);
        cr_expect_eq(m.mean, published[k].mean, "%s: mean %g", row->name, m.mean);
        cr_expect(isnan(published[k].variance)
                      ? isnan(m.variance)
                      : fabs(m.variance - published[k].variance) <= 1e-15 * published[k].variance,
                  "%s: variance %.17g, not %.17g", row->name, m.variance, published[k].variance);
    }
    cr_expect(fabs(find("orthogonal")->variance(700, 300) - 1 / 700.0) < 1e-18);
    fi_initializer glorot = *find("glorot_normal");
    const double fans[] = {
        [FI_FAN_OWN] = 500, [FI_FAN_IN] = 300, [FI_FAN_OUT] = 700, [FI_FAN_AVG] = 500};
    for (int fan = FI_FAN_OWN; fan <= FI_FAN_AVG; fan++) {
        glorot.fan = (fi_fan)fan;
        const double variance = fi_initializer_moments(&glorot, 1, 300, 700).variance;
        cr_expect(fabs(variance * fans[fan] - 1) < 1e-15, "fan %d: variance %g", fan, variance);
    }
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
        cr_expect_not_null(rows[k].parameters, "%s", rows[k].name);
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

/* Of 1 x 1 every weight is +-1; of 2 x 2 the cosine of any angle, E cos^4 / (E cos^2)^2 = 3/2. */
Test(initializer, orthogonal_weights_are_coordinates)
{
    cr_expect_eq(fi_initializer_moments(find("orthogonal"), 1, 1, 1).kurtosis, 1);
    cr_expect_eq(fi_initializer_moments(find("orthogonal"), 1, 1, 2).kurtosis, 1.5);
    cr_expect_eq(fi_initializer_moments(find("orthogonal"), 1, 2, 1).kurtosis, 1.5);
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
            const double size = fabs(expected) + fabs(rows[k].mean); /* before they cancel */
            cr_assert(fabs((double)others[i] - expected) <= 2 * EPSILON * size,
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

Test(initializer, constants_and_the_identity_are_exact)
{
    fi_initializer row = *find("constant");
    row.mean = -0.3;
    for (size_t s = 0; s < 3; s++) {
        const size_t fan_in = shapes[s][0], fan_out = shapes[s][1];
        initialize(&row, 0.5, fan_in, fan_out, weights);
        initialize(find("eye"), -1.5, fan_in, fan_out, others);
        for (size_t i = 0; i < fan_in; i++)
            for (size_t j = 0; j < fan_out; j++) {
                const size_t k = i * fan_out + j;
                cr_assert(weights[k] == (fi_real)-0.15, "weight %zu: %g", k, (double)weights[k]);
                cr_assert(others[k] == (i == j ? FI_REAL(-1.5) : 0), "(%zu, %zu): %g", i, j,
                          (double)others[k]);
            }
    }
}

/*
 * Each input has exactly ceil(sparsity fan_out) zeros, and the other weights are those of
 * the dense scheme. Every choice is as likely: over R rows a unit's zeros have mean R p and
 * variance R p (1 - p), so chi^2 over C units has mean C - 1 (their sum is fixed) and deviation
 * sqrt(2 C). Neighbours are zero together in p (z - 1) / (C - 1) of all cases, z zeros a row; five
 * binomial deviations, of which these have fewer.
 */
static void check_zeros(double sparsity, size_t rows, size_t cols)
{
    fi_initializer dense = *find("normal"), sparse = dense;
    sparse.sparsity = sparsity;
    initialize(&dense, 1, rows, cols, others);
    initialize(&sparse, 1, rows, cols, weights);
    const double zeros = ceil(sparsity * (double)cols), p = zeros / (double)cols;
    double together = 0, chi_squared = 0;
    double *unit = calloc(cols, sizeof *unit);
    for (size_t r = 0; r < rows; r++) {
        double found = 0;
        for (size_t c = 0; c < cols; c++) {
            const fi_real w = weights[r * cols + c];
            cr_assert(w == 0 || w == others[r * cols + c], "(%zu, %zu): %g", r, c, (double)w);
            found += w == 0;
            unit[c] += w == 0;
            together += c && w == 0 && weights[r * cols + c - 1] == 0;
        }
        cr_assert_eq(found, zeros, "row %zu has %g zeros, not %g", r, found, zeros);
    }
    if (p > 0 && p < 1) {
        const double mean = (double)rows * p, count = (double)cols;
        for (size_t c = 0; c < cols; c++)
            chi_squared += (unit[c] - mean) * (unit[c] - mean) / (mean * (1 - p));
        cr_expect(fabs(chi_squared - (count - 1)) < 5 * sqrt(2 * count), "chi^2 %g of %zu units",
                  chi_squared, cols);
        const double pairs = (double)rows * (count - 1), both = p * (zeros - 1) / (count - 1);
        cr_expect(fabs(together - pairs * both) <= 5 * sqrt(pairs * both * (1 - both)),
                  "%g neighbours, expected %g", together, pairs * both);
    }
    free(unit);
}

Test(initializer, sparse_has_its_zeros)
{
    const double shares[] = {0, 0.1, 0.5, 0.9, 0.999, 1};
    for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
        check_zeros(shares[k], shapes[k % 3][0], shapes[k % 3][1]);
    check_zeros(0.3, 7, 1);
}

/* A bias has the scheme's scale at the layer's fans, and its draws from the stream's first on. */
Test(initializer, a_bias_takes_the_first_draws)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    const fi_rng rng = fi_rng_stream(5, FI_FOR_WEIGHT, 1, 0);
    for (size_t k = 0; k < count; k++) {
        if (!fi_initializer_is_independent(&rows[k]))
            continue;
        initialize(&rows[k], 1, 30, 70, weights);
        memset(others, 0xff, sizeof others);
        fi_initialize_bias(&rows[k], rng, 30, 70, others);
        cr_expect(memcmp(weights, others, 70 * sizeof *weights) == 0, "%s", rows[k].name);
        cr_expect(isnan((double)others[70]), "%s writes past the bias", rows[k].name);
    }
}

Test(initializer, a_matrix_is_no_bias, .signal = SIGABRT)
{
    fi_initialize_bias(find("eye"), fi_rng_seed(0, 0), 30, 70, weights);
}
