/*
 * Activations, every row of the table: the vector loops against the functions of one double, these
 * against values computed elsewhere and against central differences, and the row's own claims.
 */
#include "fanin.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef FI_DOUBLE
#define EPSILON DBL_EPSILON
#define LARGEST DBL_MAX
#define DIGITS DBL_MANT_DIG
#else
#define EPSILON ((double)FLT_EPSILON)
#define LARGEST ((double)FLT_MAX)
#define DIGITS FLT_MANT_DIG
#endif

static const double max_ulp[] = {
#define ACTIVATION(name, formula, citation, lower, upper, max_slope, from_output, ulp, phi, slope) \
    ulp,
#include "math/activations.def"
#undef ACTIVATION
};

enum {
    BLOCK = 4096
};

static size_t n_rows;
static const fi_activation *rows;

static void load(void)
{
    rows = fi_activations(&n_rows);
}

TestSuite(activation, .init = load);

/*
 * The unit in the last place of y. Results below 2^-119 are measured against the spacing there:
 * one of their factors may be a denormal number, which has fewer digits.
 */
static double unit(double y)
{
    const double size = fmax(fabs(y), 0x1p-119);
    return scalbn(1.0, ilogb(size) + 1 - DIGITS);
}

/* The largest error of forward on z, in units in the last place; *at is where. */
static double worst_ulp(const fi_activation *row, size_t n, const fi_real *z, double *at)
{
    static fi_real a[BLOCK];
    double worst = 0;
    row->forward(n, z, a);
    for (size_t i = 0; i < n; i++) {
        const double y = row->phi((double)z[i]);
        const bool overflow = fabs(y) > LARGEST;
        const double error = overflow ? (fabs((double)a[i]) >= LARGEST ? 0 : HUGE_VAL)
                                      : fabs((double)a[i] - y) / unit(y);
        if (!(error <= worst)) {
            worst = isnan(error) ? HUGE_VAL : error;
            *at = (double)z[i];
        }
    }
    return worst;
}

/* The next block of floats: every exponent and sign, step by step through the bit patterns. */
static size_t next_floats(uint64_t *bits, uint64_t step, fi_real *z)
{
    size_t n = 0;
    for (; n < BLOCK && *bits <= UINT32_MAX; *bits += step) {
        const uint32_t pattern = (uint32_t)*bits;
        float value = 0;
        memcpy(&value, &pattern, sizeof value);
        if (isfinite(value))
            z[n++] = (fi_real)value;
    }
    return n;
}

Test(activation, forward_is_within_the_rows_ulp_at_every_exponent)
{
    static fi_real z[BLOCK];
    for (size_t r = 0; r < n_rows; r++) {
        double worst = 0;
        double at = 0;
        for (uint64_t bits = r; bits <= UINT32_MAX;) {
            const size_t n = next_floats(&bits, 12289, z);
            double where = 0;
            const double ulp = worst_ulp(&rows[r], n, z, &where);
            if (ulp > worst) {
                worst = ulp;
                at = where;
            }
        }
        cr_expect(worst <= max_ulp[r], "%s: %g ulp at %.9g, %g allowed", rows[r].name, worst, at,
                  max_ulp[r]);
    }
}

Test(activation, forward_is_within_the_rows_ulp_on_a_dense_grid)
{
    static fi_real z[BLOCK];
    for (size_t r = 0; r < n_rows; r++)
        for (size_t block = 0; block < 40; block++) {
            for (size_t i = 0; i < BLOCK; i++) /* -20 .. 20 */
                z[i] = (fi_real)((double)(block * BLOCK + i) / (20 * BLOCK) * 20 - 20 + 1e-7);
            double at = 0;
            const double worst = worst_ulp(&rows[r], BLOCK, z, &at);
            cr_expect(worst <= max_ulp[r], "%s: %g ulp at %.9g, %g allowed", rows[r].name, worst,
                      at, max_ulp[r]);
        }
}

/*
 * phi' is at most 2 ulp of arithmetic away from the exact function of its argument; where that is
 * a = phi(z), the rounding of a adds at most 2 of its ulp (|d phi'/da| <= 2): 6 epsilon in all.
 */
Test(activation, backward_is_slope_times_cotangent)
{
    static fi_real z[BLOCK], a[BLOCK], da[BLOCK], dz[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) {
        z[i] = (fi_real)((double)i / BLOCK * 60 - 30);
        da[i] = (fi_real)(i % 2 ? 3 : -0.25) * (fi_real)(1 + i % 7);
    }
    z[BLOCK / 2] = 0;
    for (size_t r = 0; r < n_rows; r++) {
        rows[r].forward(BLOCK, z, a);
        rows[r].backward(BLOCK, rows[r].from_output ? NULL : z, a, da, dz);
        for (size_t i = 0; i < BLOCK; i++) {
            const double expected = rows[r].slope((double)z[i]) * (double)da[i];
            const double bound = 6 * EPSILON * rows[r].max_slope * fabs((double)da[i]);
            cr_assert(fabs((double)dz[i] - expected) <= bound, "%s at %g: %.9g, not %.9g +- %.2g",
                      rows[r].name, (double)z[i], (double)dz[i], expected, bound);
        }
    }
}

/* At every exponent tanh is odd to the bit, within +-1, and +-1 where the exact value rounds to it.
 */
Test(activation, tanh_is_odd_and_bounded)
{
    static fi_real z[BLOCK], a[BLOCK], mirrored[BLOCK];
    const fi_activation *tanh_row = fi_activation_find("tanh");
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        const size_t n = next_floats(&bits, 4099, z);
        tanh_row->forward(n, z, a);
        for (size_t i = 0; i < n; i++)
            mirrored[i] = -z[i];
        tanh_row->forward(n, mirrored, mirrored);
        for (size_t i = 0; i < n; i++) {
            const double size = fabs((double)a[i]);
            const bool large = fabs((double)z[i]) > 20;
            cr_assert(a[i] == -mirrored[i] && size <= 1 && (size == 1 || !large),
                      "tanh(+-%.9g): %.9g, %.9g", (double)z[i], (double)a[i], (double)mirrored[i]);
        }
    }
}

/* Of floats of every exponent, the bits among many are those of each alone. */
Test(activation, tanh_has_the_same_bits_alone_and_among_many)
{
    static fi_real z[BLOCK], a[BLOCK], alone[BLOCK];
    const fi_activation *tanh_row = fi_activation_find("tanh");
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        const size_t n = next_floats(&bits, 997, z);
        z[n / 2] = (fi_real)NAN;
        z[n / 3] = -(fi_real)NAN;
        z[n / 4] = (fi_real)HUGE_VAL;
        z[n / 5] = -(fi_real)HUGE_VAL;
        tanh_row->forward(n, z, a);
        for (size_t i = 0; i < n; i++)
            tanh_row->forward(1, z + i, alone + i);
        cr_assert(memcmp(a, alone, n * sizeof *a) == 0, "among floats up to bits %llx",
                  (unsigned long long)bits);
    }
}

/* Every length and start: in-place results have the bits of the long run, and nothing else moves.
 */
Test(activation, values_do_not_depend_on_position_or_place)
{
    enum {
        LONG = 200
    };
    fi_real z[LONG], a[LONG], da[LONG], dz[LONG], inout[LONG];
    for (size_t i = 0; i < LONG; i++) {
        z[i] = (fi_real)(((double)(i * 37 % LONG) / LONG - 0.5) * 12);
        da[i] = (fi_real)(1 + (double)i / 7);
    }
    for (size_t r = 0; r < n_rows; r++) {
        rows[r].forward(LONG, z, a);
        rows[r].backward(LONG, z, a, da, dz);
        for (size_t start = 0; start < 9; start++)
            for (size_t n = 0; start + n < LONG; n++) {
                memcpy(inout, z, sizeof z);
                rows[r].forward(n, inout + start, inout + start);
                cr_assert(memcmp(inout + start, a + start, n * sizeof *a) == 0 &&
                              memcmp(inout + start + n, z + start + n, sizeof *z) == 0,
                          "%s forward of %zu values at %zu", rows[r].name, n, start);
                memcpy(inout, da, sizeof da);
                rows[r].backward(n, z + start, a + start, inout + start, inout + start);
                cr_assert(memcmp(inout + start, dz + start, n * sizeof *dz) == 0 &&
                              memcmp(inout + start + n, da + start + n, sizeof *da) == 0,
                          "%s backward of %zu values at %zu", rows[r].name, n, start);
            }
    }
}

/* (phi(z + h) - phi(z - h)) / 2h errs by h^2 |phi'''| / 6 and by 2^-53 |phi| / h: here < 1e-9. */
Test(activation, slope_is_the_derivative)
{
    const double h = 1e-5;
    for (size_t r = 0; r < n_rows; r++)
        for (int k = -1200; k < 1200; k++) {
            const double z = 0.01 * k + 0.005; /* no kink but at 0 */
            const double measured = (rows[r].phi(z + h) - rows[r].phi(z - h)) / (2 * h);
            cr_assert(fabs(measured - rows[r].slope(z)) < 1e-9, "%s'(%g): %.12g, not %.12g",
                      rows[r].name, z, rows[r].slope(z), measured);
        }
}

/* At a spacing of 5e-4 a smooth extremum is missed by at most (2.5e-4)^2 |phi''| / 2 < 1e-7. */
Test(activation, range_and_largest_slope_are_the_rows)
{
    for (size_t r = 0; r < n_rows; r++) {
        double lower = HUGE_VAL;
        double upper = -HUGE_VAL;
        double slope = 0;
        for (int k = -100000; k <= 100000; k++) {
            const double z = k * 5e-4;
            lower = fmin(lower, rows[r].phi(z));
            upper = fmax(upper, rows[r].phi(z));
            slope = fmax(slope, fabs(rows[r].slope(z)));
        }
        const char *name = rows[r].name;
        if (isfinite(rows[r].lower))
            cr_expect(lower >= rows[r].lower - 1e-15 && lower < rows[r].lower + 1e-7,
                      "%s: lowest %.17g, not %.17g", name, lower, rows[r].lower);
        else
            cr_expect(rows[r].phi(-1e300) <= -1e297, "%s is bounded below", name);
        if (isfinite(rows[r].upper))
            cr_expect(upper <= rows[r].upper + 1e-15 && upper > rows[r].upper - 1e-7,
                      "%s: highest %.17g, not %.17g", name, upper, rows[r].upper);
        else
            cr_expect(rows[r].phi(1e300) >= 1e299, "%s is bounded above", name);
        cr_expect(slope <= rows[r].max_slope + 1e-15 && slope > rows[r].max_slope - 1e-7,
                  "%s: steepest %.17g, not %.17g", name, slope, rows[r].max_slope);
    }
}

/* phi(-2) and phi(1/2) by 40-digit arithmetic from the papers' formulas. */
Test(activation, known_values)
{
    static const struct {
        const char *name;
        double below, above;
    } known[] = {
        {"linear", -2, 0.5},
        {"tanh", -0.96402758007581688, 0.46211715726000976},
        {"sigmoid", 0.11920292202211756, 0.62245933120185456},
        {"relu", 0, 0.5},
        {"leaky_relu", -0.02, 0.5},
        {"elu", -0.86466471676338731, 0.5},
        {"selu", -1.520166468595695, 0.52535049367774025},
        {"gelu", -0.045500263896358414, 0.34573123063700655},
        {"silu", -0.23840584404423511, 0.31122966560092728},
        {"softplus", 0.1269280110429725, 0.97407698418010668},
        {"erf", -0.99532226501895273, 0.52049987781304654},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const fi_activation *row = fi_activation_find(known[k].name);
        cr_assert(row, "%s is missing", known[k].name);
        cr_expect(fabs(row->phi(-2) - known[k].below) <= 4 * DBL_EPSILON,
                  "%s(-2) = %.17g, not %.17g", row->name, row->phi(-2), known[k].below);
        cr_expect(fabs(row->phi(0.5) - known[k].above) <= 4 * DBL_EPSILON,
                  "%s(.5) = %.17g, not %.17g", row->name, row->phi(0.5), known[k].above);
    }
}

/* What defines selu's constants: g ~ N(0, 1) keeps mean 0 and variance 1 (trapezoid, error 1e-7:
 * h^2 / 12 times the jump of the integrand's derivative at 0). */
Test(activation, selu_keeps_a_standard_normal)
{
    const fi_activation *selu = fi_activation_find("selu");
    const double h = 1e-3;
    double mean = 0;
    double square = 0;
    for (int k = -14000; k <= 14000; k++) {
        const double g = k * h;
        const double weight = h * 0.39894228040143268 * exp(-g * g / 2);
        mean += weight * selu->phi(g);
        square += weight * selu->phi(g) * selu->phi(g);
    }
    cr_expect(fabs(mean) < 1e-7, "mean %g", mean);
    cr_expect(fabs(square - 1) < 1e-7, "second moment %.9g", square);
}

static fi_real forward_of(const fi_activation *row, fi_real z)
{
    fi_real a = 0;
    row->forward(1, &z, &a);
    return a;
}

static fi_real backward_of(const fi_activation *row, fi_real z)
{
    const fi_real a = forward_of(row, z);
    const fi_real da = 1;
    fi_real dz = 0;
    row->backward(1, &z, &a, &da, &dz);
    return dz;
}

Test(activation, limits_at_infinity)
{
    for (size_t r = 0; r < n_rows; r++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const double far = sign * 1e3; /* every row has reached its limit there */
            const double limit = rows[r].phi(sign * HUGE_VAL);
            const double slope = rows[r].slope(far);
            const char *name = rows[r].name;
            cr_expect(isfinite(rows[r].phi(far)) && isfinite(slope), "%s at %g", name, far);
            cr_expect(limit == rows[r].phi(far) || fabs(limit) >= LARGEST, "%s(%d inf) = %g", name,
                      sign, limit);
            cr_expect(rows[r].slope(sign * HUGE_VAL) == slope, "%s'(%d inf)", name, sign);
            const double infinite = (double)forward_of(&rows[r], (fi_real)(sign * HUGE_VAL));
            cr_expect(infinite == (double)(fi_real)limit, "%s(%d inf) = %g in a vector", name, sign,
                      infinite);
            const double steep = (double)backward_of(&rows[r], (fi_real)(sign * HUGE_VAL));
            cr_expect(fabs(steep - slope) <= EPSILON, "%s'(%d inf) = %g in a vector", name, sign,
                      steep);
        }
}

Test(activation, special_values)
{
    for (size_t r = 0; r < n_rows; r++) {
        cr_expect(isnan(forward_of(&rows[r], (fi_real)NAN)), "%s(nan)", rows[r].name);
        cr_expect(isnan(rows[r].phi((double)NAN)), "%s(nan)", rows[r].name);
        cr_expect(forward_of(&rows[r], 0) == (fi_real)rows[r].phi(0), "%s(0)", rows[r].name);
        cr_expect(forward_of(&rows[r], -(fi_real)0) == (fi_real)rows[r].phi(0), "%s(-0)",
                  rows[r].name);
    }
    static const double tiny[] = {1e-10, 1e-20, 0x1p-126, 0x1p-149, -1e-20};
    for (size_t k = 0; k < sizeof tiny / sizeof *tiny; k++) {
        const fi_real z = (fi_real)tiny[k];
        cr_expect(forward_of(fi_activation_find("tanh"), z) == z, "tanh(%g)", tiny[k]);
        cr_expect(forward_of(fi_activation_find("elu"), z) == z, "elu(%g)", tiny[k]);
    }
    cr_expect(fi_activation_find("relu")->slope(0) == 0);
    cr_expect(fi_activation_find("leaky_relu")->slope(0) == 0.01);
    cr_expect(signbit(forward_of(fi_activation_find("tanh"), -(fi_real)0)));
}

Test(activation, found_by_name)
{
    cr_expect(n_rows == sizeof max_ulp / sizeof *max_ulp);
    for (size_t r = 0; r < n_rows; r++)
        cr_expect(fi_activation_find(rows[r].name) == &rows[r], "%s", rows[r].name);
    cr_expect(fi_activation_find("tan") == NULL);
    cr_expect(fi_activation_find("") == NULL);
}
