/*
 * Moments in one visit: each tile is read once, if it is like those before, or twice (extremes and
 * sum, then powers of the deviations from the tile's mean), and merged in double. moments_sums.c
 * adds them up; every addition of it rounds by at most u, 2^-24 in the float build.
 */
#include "moments.h"

#include "../core/internal.h"
#include "moments_sums.h"

#include <float.h>
#include <tgmath.h>

#define TILE 9216 /* values */
_Static_assert(TILE % FI_POWERS_BLOCK == 0 && TILE % FI_TWO_POWERS_BLOCK == 0, "whole blocks");

/*
 * Four powers of the deviation from the mean round by 14 u. A tile is added up while it is surveyed
 * where the mean so far is off its own by at most t = `most_off_mean` of the root of the mean
 * square, which makes it 14 u (1 + 2 t), or 0.94e-6, for the second moment. Deviations much smaller
 * than they are scaled for lose bits, but beside those before they do not count.
 */
static const double most_off_mean = 0.0625;

/*
 * Two powers of the deviation from a center that need not be the mean round by 12 u. A tile is
 * added up so where its mean is off the center by at most t = `most_offset` of the root of the mean
 * square: then m2 = (1 - t^2) s2 is known to 12 u (1 + 2 t) s2, or 0.91e-6. The squares neither
 * overflow nor lose bits where their mean is between `least_square` and its inverse.
 */
static const double most_offset = 0.125, least_square = 0x1p-100;

#ifdef FI_DOUBLE
#define MIN_EXPONENT DBL_MIN_EXP
#define MAX_EXPONENT DBL_MAX_EXP
#else
#define MIN_EXPONENT FLT_MIN_EXP
#define MAX_EXPONENT FLT_MAX_EXP
#endif

/* A short rest goes with the tile before it. */
static size_t tile_length(size_t left)
{
    return left < TILE + TILE / 2 ? left : TILE;
}

static inline double smaller(double a, double b)
{
    return b < a ? b : a;
}

static inline double larger(double a, double b)
{
    return b > a ? b : a;
}

/* The moments of a tile that holds a NaN, an infinity or a sum beyond fi_real. */
static void add_nonfinite(fi_moments *tile, size_t n, const fi_real *x)
{
    double sum = 0;
    tile->minimum = HUGE_VAL;
    tile->maximum = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        if (!isfinite(x[i])) {
            tile->nonfinite++;
            continue;
        }
        tile->minimum = smaller(tile->minimum, (double)x[i]);
        tile->maximum = larger(tile->maximum, (double)x[i]);
    }
    tile->mean = sum / (double)n;
    if (tile->nonfinite)
        tile->m2 = tile->m3 = tile->m4 = (double)NAN;
}

/*
 * How deviations from the center are scaled: by a power of two to at most 2, so that no fourth
 * power leaves the range of an fi_real; with the fma, scaling rounds nothing.
 */
static int exponent_of(const fi_moments *range, double center)
{
    const int e = ilogb(larger(range->maximum - center, center - range->minimum));
    return e < MIN_EXPONENT ? MIN_EXPONENT : e > MAX_EXPONENT ? MAX_EXPONENT : e;
}

/* From the sums of the powers of deviations from c, in units of 2^exponent, those about the mean.
 */
static void set_moments(fi_moments *tile, double c, int exponent, double total[4][FI_FINAL_LANES])
{
    const double s1 = fi_sum_of_eight(total[0]), s2 = fi_sum_of_eight(total[1]);
    const double s3 = fi_sum_of_eight(total[2]), s4 = fi_sum_of_eight(total[3]);
    const double offset = s1 / (double)tile->count, unit = scalbn(1.0, exponent);
    tile->mean = c + offset * unit;
    tile->m2 = (s2 - offset * s1) * unit * unit;
    tile->m3 = (s3 - offset * (3 * s2 - 2 * offset * s1)) * unit * unit * unit;
    tile->m4 =
        (s4 - offset * (4 * s3 - offset * (6 * s2 - 3 * offset * s1))) * unit * unit * unit * unit;
}

/* Adds up the deviations from `center`, near the mean. */
static void add_deviations(fi_moments *tile, size_t n, const fi_real *x, fi_real center)
{
    const int exponent = exponent_of(tile, (double)center);
    const fi_real scale = scalbn((fi_real)1, -exponent);
    double total[4][FI_FINAL_LANES] = {{0}};
    fi_add_powers(n, x, center, scale, total, NULL);
    set_moments(tile, (double)center, exponent, total);
}

static void set_extremes(fi_moments *tile, const fi_survey *s)
{
    for (size_t l = 0; l < FI_SURVEY_LANES; l++) {
        tile->minimum = smaller(tile->minimum, (double)s->minimum[l]);
        tile->maximum = larger(tile->maximum, (double)s->maximum[l]);
        tile->zeros += s->zeros[l];
    }
}

/*
 * The tile added up at once, as one that is like what came before: about the mean of that, in units
 * of its extremes. False, and the tile means nothing, if it is not so much like it.
 */
static bool add_up_at_once(fi_moments *tile, size_t n, const fi_real *x, const fi_moments *before)
{
    const fi_real center = (fi_real)before->mean;
    if (!(before->minimum < before->maximum) || !isfinite(center))
        return false;
    const int exponent = exponent_of(before, (double)center);
    const fi_real scale = scalbn((fi_real)1, -exponent);
    fi_survey s;
    double total[4][FI_FINAL_LANES] = {{0}};
    fi_add_powers(n, x, center, scale, total, &s);
    *tile = FI_MOMENTS_EMPTY;
    tile->count = n;
    set_extremes(tile, &s);
    const int own = exponent_of(tile, (double)center);
    const double offset = fi_sum_of_eight(total[0]), square = fi_sum_of_eight(total[1]);
    set_moments(tile, (double)center, exponent, total);
    return own <= exponent && offset * offset <= most_off_mean * most_off_mean * square * (double)n;
}

static fi_moments tile_moments(size_t n, const fi_real *x)
{
    fi_survey s;
    fi_survey_values(n, x, &s);
    fi_moments tile = FI_MOMENTS_EMPTY;
    tile.count = n;
    set_extremes(&tile, &s);
    double sum = 0;
    for (size_t l = 0; l < FI_SURVEY_LANES; l++)
        sum += (double)s.sum[l];
    tile.mean = sum / (double)n;
    if (!isfinite(sum))
        add_nonfinite(&tile, n, x);
    if (tile.nonfinite)
        return tile;
    /* Rounding may have put the mean outside; a constant is its own mean, with no deviations. */
    tile.mean = tile.mean > tile.minimum ? smaller(tile.mean, tile.maximum) : tile.minimum;
    if (tile.minimum < tile.maximum)
        add_deviations(&tile, n, x, (fi_real)tile.mean);
    return tile;
}

void fi_moments_add(fi_moments *moments, size_t n, const fi_real *x)
{
    FI_REQUIRE(moments && (x || n == 0));
    for (size_t start = 0, length; start < n; start += length) {
        length = tile_length(n - start);
        fi_moments tile;
        if (!add_up_at_once(&tile, length, x + start, moments))
            tile = tile_moments(length, x + start);
        fi_moments_merge(moments, &tile);
    }
}

/* count, mean and m2 of both together: Pebay 2008, eqs. 1.1 and 2.1 for order 2. */
static void merge_spread(fi_moments *into, const fi_moments *from)
{
    if (into->count == 0) {
        into->count = from->count;
        into->mean = from->mean;
        into->m2 = from->m2;
        return;
    }
    const double n = (double)(into->count + from->count);
    const double p = (double)into->count / n, q = (double)from->count / n; /* shares of the whole */
    const double d = from->mean - into->mean;
    into->count += from->count;
    into->mean = isfinite(d) ? into->mean + d * q : into->mean + from->mean;
    into->m2 += from->m2 + d * d * p * q * n;
}

/* Pebay 2008, "Formulas for robust, one-pass parallel computation", eqs. 1.1, 2.1 and 2.2. */
void fi_moments_merge(fi_moments *into, const fi_moments *from)
{
    FI_REQUIRE(into && from);
    if (from->count == 0)
        return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    const fi_moments a = *into, b = *from;
    const double n = (double)(a.count + b.count);
    const double p = (double)a.count / n, q = (double)b.count / n;
    const double d = b.mean - a.mean, d2 = d * d;
    merge_spread(into, from);
    into->zeros += b.zeros;
    into->nonfinite += b.nonfinite;
    into->minimum = smaller(a.minimum, b.minimum);
    into->maximum = larger(a.maximum, b.maximum);
    into->m3 = a.m3 + b.m3 + d * d2 * p * q * (p - q) * n + 3 * d * (p * b.m2 - q * a.m2);
    into->m4 = a.m4 + b.m4 + d2 * d2 * p * q * (p * p - p * q + q * q) * n +
               6 * d2 * (p * p * b.m2 + q * q * a.m2) + 4 * d * (p * b.m3 - q * a.m3);
}

/* ---- mean and variance alone ----------------------------------------------------------------- */

/* count, mean and m2 of the tile, added up once; false if they would not be accurate. */
static bool add_up_once(fi_moments *tile, size_t n, const fi_real *x, fi_real center)
{
    double total[2][FI_FINAL_LANES] = {{0}};
    fi_add_two_powers(n, x, center, total);
    const double s1 = fi_sum_of_eight(total[0]), s2 = fi_sum_of_eight(total[1]),
                 offset = s1 / (double)n;
    const double square = s2 / (double)n;
    tile->count = n;
    tile->mean = (double)center + offset;
    tile->m2 = s2 - offset * s1;
    return square >= least_square && square <= 1 / least_square &&
           offset * offset <= most_offset * most_offset * square;
}

/* The center is the mean so far, which costs nothing where the tiles are alike. */
void fi_spread_add(fi_moments *moments, size_t n, const fi_real *x)
{
    FI_REQUIRE(moments && (x || n == 0));
    for (size_t start = 0, length; start < n; start += length) {
        length = tile_length(n - start);
        const fi_real center = isfinite(moments->mean) ? (fi_real)moments->mean : 0;
        fi_moments tile;
        if (!add_up_once(&tile, length, x + start, center))
            tile = tile_moments(length, x + start);
        merge_spread(moments, &tile);
    }
}

double fi_moments_variance(const fi_moments *moments)
{
    return moments->m2 / (double)moments->count;
}

double fi_moments_skewness(const fi_moments *moments)
{
    return sqrt((double)moments->count) * moments->m3 / (moments->m2 * sqrt(moments->m2));
}

double fi_moments_kurtosis(const fi_moments *moments)
{
    return (double)moments->count * (moments->m4 / moments->m2) / moments->m2;
}
