/*
 * Schemes as text: every name of ours, of torch.nn.init and of Keras against its documented law, by
 * its moments and by the weights that it draws; and every way to get one wrong.
 */
#include "study/scheme.h"
#include "core/arena.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAN_IN = 300,
    FAN_OUT = 700,
    COUNT = FAN_IN * FAN_OUT
};

static fi_arena *arena;

static void set_up(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void tear_down(void)
{
    fi_arena_free(arena);
}

TestSuite(scheme, .init = set_up, .fini = tear_down);

/* Of N(0, 1) within +-2, and of N(0, 1) within [0, 2]: by parts, with density p and mass q. */
#define SD_2 0.87962566103423975041
#define P_0 0.39894228040143267794
#define P_2 0.053990966513188051949
#define Q_2 0.47724986805182079280 /* of [0, 2] */
#define HALF_MEAN ((P_0 - P_2) / Q_2)
#define HALF_VARIANCE (1 - 2 * P_2 / Q_2 - HALF_MEAN * HALF_MEAN)

/*
 * The documented laws at fan_in 300, fan_out 700: mean, variance, and bounds that no weight lies
 * beyond and that some come within 2 % of their distance of (0, 0: there are none).
 */
static const struct documented {
    const char *text;
    double mean, variance, lower, upper;
} documented[] = {
#define TRUNCATED(v) 0, v, -2 / SD_2 *sqrt(v), 2 / SD_2 *sqrt(v)
#define NORMAL(v) 0, v, 0, 0
#define UNIFORM(v) 0, v, -sqrt(3 * (v)), sqrt(3 * (v))
    /* ours */
    {"he_normal", NORMAL(2 / 300.)},
    {"HE_NORMAL:GAIN=1.1", NORMAL(1.21 * 2 / 300.)},
    {"he_normal:mode=fan_out", NORMAL(2 / 700.)},
    {"he_normal:mode=fan_avg,distribution=uniform", UNIFORM(2 / 500.)},
    {"he_uniform:gain=selu,distribution=truncated", TRUNCATED(0.5625 * 2 / 300.)},
    {"xavier_normal:gain=tanh", NORMAL(25 / 9. / 300)},
    {"xavier_uniform:gain=leaky_relu:0.2", UNIFORM(2 / 1.04 / 300)},
    {"glorot_normal:gain=leaky_relu", NORMAL(2 / 1.0001 * 2 / 1000.)},
    {"glorot_uniform:mode=fan_in", UNIFORM(1 / 300.)},
    {"lecun_normal:gain=relu", NORMAL(2 / 300.)},
    {"lecun_uniform", UNIFORM(1 / 300.)},
    {"small_normal:distribution=uniform", UNIFORM(1e-4)},
    {"unit_normal:gain=-2", NORMAL(4)},
    {"zeros", 0, 0, 0, 0},
    {"orthogonal:gain=2", 0, 4 / 700., 0, 0},
    /* torch.nn.init */
    {"uniform_", 0.5, 1 / 12., 0, 1},
    {"uniform:a=-1,b=3", 1, 16 / 12., -1, 3},
    {"normal_:mean=0.5,std=0.1", 0.5, 0.01, 0, 0},
    {"constant_:val=0.3", 0.3, 0, 0, 0},
    {"ones_", 1, 0, 0, 0},
    {"zeros_", 0, 0, 0, 0},
    {"eye_", 1 / 700., 1 / 700. - 1 / 490000., 0, 1},
    {"xavier_uniform_", UNIFORM(2 / 1000.)},
    {"xavier_normal_:gain=2", NORMAL(4 * 2 / 1000.)},
    {"kaiming_uniform_", UNIFORM(2 / 300.)},
    {"kaiming_uniform_:a=2.23606797749979,nonlinearity=leaky_relu", UNIFORM(1 / 900.)},
    {"kaiming_normal:mode=fan_out,nonlinearity=tanh", NORMAL(25 / 9. / 700)},
    {"kaiming_normal_:nonlinearity=selu", NORMAL(0.5625 / 300)},
    {"kaiming_normal:negative_slope=1", NORMAL(1 / 300.)},
    {"kaiming_normal:nonlinearity=linear,slope=7", NORMAL(1 / 300.)},
    {"trunc_normal_", TRUNCATED(SD_2 *SD_2)},
    {"trunc_normal:std=0.02,a=-2,b=2", NORMAL(4e-4)}, /* its bounds are 100 std away */
    {"trunc_normal:mean=1,std=0.5,a=1,b=2", 1 + 0.5 * HALF_MEAN, 0.25 * HALF_VARIANCE, 1, 2},
    {"trunc_normal:mean=-1,a=-3,b=-1", -1 - HALF_MEAN, HALF_VARIANCE, -3, -1},
    {"orthogonal_", 0, 1 / 700., 0, 0},
    {"sparse_:sparsity=0.1", NORMAL(0.9e-4)},
    {"sparse:sparsity=0.5,std=2", NORMAL(2)},
    {"torch_linear", UNIFORM(1 / 900.)},
    /* Keras */
    {"RandomNormal", NORMAL(0.0025)},
    {"random_normal:mean=1,stddev=0.2", 1, 0.04, 0, 0},
    {"RandomUniform", 0, 0.01 / 12, -0.05, 0.05},
    {"random_uniform:minval=0,maxval=0.5", 0.25, 0.25 / 12, 0, 0.5},
    {"TruncatedNormal", 0, 0.0025 * SD_2 *SD_2, -0.1, 0.1},
    {"truncated_normal:mean=1,stddev=0.5", 1, 0.25 * SD_2 *SD_2, 0, 2},
    {"Zeros", 0, 0, 0, 0},
    {"Ones", 1, 0, 0, 0},
    {"Constant:value=-2", -2, 0, 0, 0},
    {"Identity:gain=-3", -3 / 700., 9 * (1 / 700. - 1 / 490000.), -3, 0},
    {"Orthogonal:gain=0.5", 0, 0.25 / 700, 0, 0},
    {"OrthogonalInitializer", 0, 1 / 700., 0, 0},
    {"GlorotNormal", TRUNCATED(2 / 1000.)},
    {"GlorotUniform", UNIFORM(2 / 1000.)},
    {"HeNormal", TRUNCATED(2 / 300.)},
    {"HeUniform", UNIFORM(2 / 300.)},
    {"LecunNormal", TRUNCATED(1 / 300.)},
    {"LecunUniform", UNIFORM(1 / 300.)},
    {"VarianceScaling", TRUNCATED(1 / 300.)},
    {"variance_scaling:scale=2,mode=fan_avg,distribution=uniform", UNIFORM(2 / 500.)},
    {"VarianceScaling:scale=3,mode=fan_out,distribution=truncated_normal", TRUNCATED(3 / 700.)},
    {"VarianceScaling:scale=0.5,distribution=untruncated_normal", NORMAL(0.5 / 300.)},
};

enum {
    DOCUMENTED = sizeof documented / sizeof *documented
};

static fi_initializer parse(const char *text)
{
    fi_initializer scheme = {0};
    cr_assert_eq(fi_scheme_parse(text, &scheme, arena), FI_OK, "%s: %s", text, fi_message());
    cr_expect_str_eq(scheme.name, text);
    return scheme;
}

/* Arithmetic in double: 1e-12 is thousands of roundings, and what 100 std leave is 0. */
Test(scheme, moments_are_as_documented)
{
    for (size_t k = 0; k < DOCUMENTED; k++) {
        const struct documented *d = &documented[k];
        const fi_initializer scheme = parse(d->text);
        const fi_weight_moments m = fi_initializer_moments(&scheme, 1, FAN_IN, FAN_OUT);
        cr_expect(fabs(m.mean - d->mean) <= 1e-12 * fmax(fabs(d->mean), sqrt(d->variance)),
                  "%s: mean %.17g, not %.17g", d->text, m.mean, d->mean);
        cr_expect(fabs(m.variance - d->variance) <= 1e-12 * d->variance,
                  "%s: variance %.17g, not %.17g", d->text, m.variance, d->variance);
    }
}

/* The least and greatest of n weights. */
static void check_bounds(const struct documented *d, const fi_real *w)
{
    double least = INFINITY, greatest = -INFINITY;
    for (size_t k = 0; k < COUNT; k++) {
        least = fmin(least, (double)w[k]);
        greatest = fmax(greatest, (double)w[k]);
    }
    const double width = d->upper - d->lower, sd = sqrt(d->variance);
    if (width > 0) /* up to the rounding of a float of that size */
        cr_expect(least >= d->lower - 3e-7 * width && least < d->lower + 0.02 * width &&
                      greatest <= d->upper + 3e-7 * width && greatest > d->upper - 0.02 * width,
                  "%s: from %.9g to %.9g, not %.9g to %.9g", d->text, least, greatest, d->lower,
                  d->upper);
    else /* of 210,000 normals the greatest is beyond 3.5 with p = 1 - 1e-21 */
        cr_expect(greatest - d->mean >= 3.5 * sd && greatest - d->mean <= 7 * sd * sqrt(2),
                  "%s: the greatest of a normal law is %g", d->text, greatest);
}

/*
 * The weights themselves: mean and mean of (w - mean)^2 within four standard errors, which for n
 * independent weights of kurtosis k are sd / sqrt n and variance sqrt((k - 1) / n), k from the
 * sample; those of an orthogonal matrix or the identity are less.
 */
Test(scheme, weights_are_as_documented)
{
    fi_real *w = malloc(COUNT * sizeof *w);
    for (size_t k = 0; k < DOCUMENTED; k++) {
        const struct documented *d = &documented[k];
        const fi_initializer scheme = parse(d->text);
        const fi_rng rng = fi_rng_stream(11, FI_FOR_WEIGHT, 1, 0);
        cr_assert_eq(fi_initialize(&scheme, 1, rng, FAN_IN, FAN_OUT, w, arena), FI_OK);
        double sum[5] = {0};
        for (size_t i = 0; i < COUNT; i++) {
            const double x = (double)w[i] - d->mean;
            sum[1] += x / COUNT;
            sum[2] += x * x / COUNT;
            sum[4] += x * x * x * x / COUNT;
        }
        const double rounding = 1e-6 * fabs(d->mean);
        const double mean_limit = 4 * sqrt(d->variance / COUNT) + rounding;
        const double limit =
            4 * sqrt(fmax(0, sum[4] - sum[2] * sum[2]) / COUNT) + rounding * rounding;
        cr_expect(fabs(sum[1]) <= mean_limit, "%s: mean off by %g, limit %g", d->text, sum[1],
                  mean_limit);
        cr_expect(fabs(sum[2] - d->variance) <= limit, "%s: variance %g, not %g, limit %g", d->text,
                  sum[2], d->variance, limit);
        if (d->variance > 0)
            check_bounds(d, w);
    }
    free(w);
}

/* The row as the table has it, and as its own parameters make it. */
Test(scheme, defaults_are_the_rows)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++) {
        char text[256];
        snprintf(text, sizeof text, "%s:%s", rows[k].name, rows[k].parameters);
        for (int spelled = 0; spelled < 1 + (*rows[k].parameters != '\0'); spelled++) {
            const fi_initializer scheme = parse(spelled ? text : rows[k].name);
            const fi_weight_moments a = fi_initializer_moments(&scheme, 1.5, FAN_IN, FAN_OUT);
            const fi_weight_moments b = fi_initializer_moments(&rows[k], 1.5, FAN_IN, FAN_OUT);
            cr_expect_eq(scheme.law, rows[k].law, "%s", text);
            cr_expect_eq(scheme.sparsity, rows[k].sparsity, "%s", text);
            cr_expect_eq(scheme.unit_variance, rows[k].unit_variance, "%s", text);
            const double pairs[][2] = {{a.mean, b.mean},
                                       {a.variance, b.variance},
                                       {a.kurtosis, b.kurtosis},
                                       {a.noise, b.noise}};
            for (size_t p = 0; p < 4; p++)
                cr_expect(fabs(pairs[p][0] - pairs[p][1]) <= 1e-14 * fabs(pairs[p][1]) ||
                              (isnan(pairs[p][0]) && isnan(pairs[p][1])),
                          "%s: moment %zu is %.17g, not %.17g", text, p, pairs[p][0], pairs[p][1]);
        }
    }
}

/* Schemes of one law share their draws. */
Test(scheme, draws_are_paired)
{
    const fi_initializer a = parse("normal:std=2"), b = parse("sparse:sparsity=0.3,std=1");
    const fi_rng rng = fi_rng_stream(11, FI_FOR_WEIGHT, 1, 0);
    fi_real x[200], y[200];
    size_t zeros = 0;
    cr_assert_eq(fi_initialize(&a, 1, rng, 10, 20, x, NULL), FI_OK);
    cr_assert_eq(fi_initialize(&b, 1, rng, 10, 20, y, NULL), FI_OK);
    for (size_t k = 0; k < 200; k++) {
        cr_expect(y[k] == 0 || x[k] == 2 * y[k], "%zu: %g, %g", k, (double)x[k], (double)y[k]);
        zeros += y[k] == 0;
    }
    cr_expect_eq(zeros, 60);
}

Test(scheme, faults_are_named)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"he_norml", "unknown initializer 'he_norml'; did you mean 'he_normal'? one of: zeros, "},
        {"", "unknown initializer ''; one of: "},
        {"_", "unknown initializer '_'; one of: "},
        {":gain=2", "unknown initializer ''; one of: "},
        {"dirac_", "initializer 'dirac_' is for convolutions; the identity of a dense layer is"},
        {"he_normal:", "he_normal: '': expected KEY=VALUE,..., of gain=1,mode=fan_in,"},
        {"he_normal:gain", "he_normal: 'gain': expected KEY=VALUE,..., of gain=1,"},
        {"he_normal:gain=2,", "he_normal: '': expected KEY=VALUE"},
        {"zeros:", "zeros: '': expected KEY=VALUE,..., of which it has none"},
        {"zeros:gain=2", "zeros takes no parameters, but 'gain' is given"},
        {"he_normal:moed=fan_in",
         "unknown parameter of he_normal 'moed'; did you mean 'mode'? one of: gain, mode, "
         "distribution"},
        {"normal:a=1", "unknown parameter of normal 'a'; one of: mean, std"},
        {"he_normal:mode=fan_ni",
         "unknown mode 'fan_ni'; did you mean 'fan_in'? one of: fan_in, fan_out, fan_avg"},
        {"VarianceScaling:distribution=cauchy", "unknown distribution 'cauchy'; one of: normal, "},
        {"kaiming_normal:nonlinearity=tahn", "unknown nonlinearity 'tahn'; did you mean 'tanh'?"},
        {"he_normal:gain=x", "he_normal: gain 'x': expected a number from 1e-30 to 1e+30 or its"},
        {"he_normal:gain=0", "he_normal: gain '0': expected a number"},
        {"he_normal:gain=", "he_normal: gain '': expected a number"},
        {"he_normal:gain=nan", "he_normal: gain 'nan': expected a number"},
        {"he_normal:gain=1x", "he_normal: gain '1x': expected a number"},
        {"he_normal:gain= 1", "he_normal: gain ' 1': expected a number"},
        {"he_normal:gain=relu:0.2", "he_normal: gain 'relu:0.2': expected a number"},
        {"he_normal:gain=leaky_relu:", "he_normal: gain 'leaky_relu:': expected a number"},
        {"he_normal:gain=1:2", "he_normal: gain '1:2': expected a number"},
        {"normal:std=0", "normal: std '0': expected a number from 1e-30 to 1e+30"},
        {"normal:std=-1", "normal: std '-1': expected a number from 1e-30"},
        {"normal:mean=inf", "normal: mean 'inf': expected a number from -1e+30 to 1e+30"},
        {"sparse:sparsity=1.1", "sparse: sparsity '1.1': expected a number from 0 to 1"},
        {"variance_scaling:scale=-1", "variance_scaling: scale '-1': expected a number from 1e-30"},
        {"uniform:a=1,b=1", "uniform: lower (a) 1 must be less than upper (b) 1"},
        {"uniform:minval=2", "uniform: lower (a) 2 must be less than upper (b) 1"},
        {"trunc_normal:a=3,b=2", "trunc_normal: lower (a) 3 must be less than upper (b) 2"},
        {"trunc_normal:a=4,b=5",
         "trunc_normal: [4, 5] holds less than a thousandth of N(0, 1^2); widen it"},
        {"trunc_normal:mean=1e30,std=1e-30", "trunc_normal: [-2, 2] holds less than a thousandth"},
        {"trunc_normal:std=1e30", "trunc_normal: [-2, 2] holds less than a thousandth"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        fi_initializer scheme = {0};
        cr_expect_eq(fi_scheme_parse(cases[k].text, &scheme, arena), FI_EUSAGE, "'%s' is accepted",
                     cases[k].text);
        cr_expect(strncmp(fi_message(), cases[k].message, strlen(cases[k].message)) == 0,
                  "'%s' gives '%s'", cases[k].text, fi_message());
    }
}

Test(scheme, a_bias_is_a_row_of_numbers)
{
    static const char *const refused[] = {"orthogonal", "eye", "sparse", "lsuv", "dirac", "x"};
    static const char *const accepted[] = {"zeros", "ones", "uniform:a=-1,b=1", "torch_linear",
                                           "HeNormal"};
    fi_initializer bias = {0};
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
        cr_expect_eq(fi_scheme_parse_bias(refused[k], &bias, arena), FI_EUSAGE, "%s", refused[k]);
    cr_expect_eq(fi_scheme_parse_bias("eye", &bias, arena), FI_EUSAGE);
    cr_expect(strstr(fi_message(), "'eye' draws a matrix"), "%s", fi_message());
    for (size_t k = 0; k < sizeof accepted / sizeof *accepted; k++)
        cr_expect_eq(fi_scheme_parse_bias(accepted[k], &bias, arena), FI_OK, "%s", fi_message());
}

Test(scheme, refused_memory_is_reported)
{
    size_t refusals = 0;
    fi_initializer scheme = {0};
    for (fi_status status = FI_ENOMEM; status != FI_OK && refusals < 20; refusals++) {
        fi_arena_reset(arena);
        fi_arena_refuse_after(arena, refusals);
        status = fi_scheme_parse("RandomNormal:mean=1", &scheme, arena);
        cr_expect(status == FI_OK || (status == FI_ENOMEM && strstr(fi_message(), "refused")),
                  "refusal %zu: %d, %s", refusals, (int)status, fi_message());
    }
    cr_expect_eq(refusals, 6, "%zu refusals", refusals);
}

/* Every row and its parameters, every other name; whatever a name means can be parsed. */
Test(scheme, the_list_is_complete)
{
    char *text = NULL;
    size_t size = 0, count = 0, others = 0;
    FILE *stream = open_memstream(&text, &size);
    fi_scheme_list(stream);
    fclose(stream);
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++) {
        cr_expect(strstr(text, rows[k].name), "%s is not listed", rows[k].name);
        cr_expect(strstr(text, rows[k].parameters), "%s is not listed", rows[k].parameters);
    }
    char *rest = strstr(text, "other names");
    cr_assert_not_null(rest);
    for (char *line = strtok(rest, "\n"); (line = strtok(NULL, "\n")) != NULL; others++) {
        char name[64], meaning[64];
        cr_assert_eq(sscanf(line, "%63s %63s", name, meaning), 2, "%s", line);
        const fi_initializer a = parse(name), b = parse(meaning);
        cr_expect(a.law == b.law && a.gain == b.gain && a.mean == b.mean && a.fan == b.fan, "%s",
                  line);
    }
    cr_expect(others > 15, "%zu other names", others);
    free(text);
}
