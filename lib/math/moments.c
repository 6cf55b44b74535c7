/*
 * Moments in one visit: each tile, while in the first cache, is read twice (extremes and sum, then
 * powers of the deviations from the tile's mean) and merged in double; mean and variance alone need
 * one reading of nearly all tiles. Lanes are added up in an order of their own, written out here,
 * so that the bits depend neither on the instruction set nor on the alignment.
 */
#include "moments.h"

#include "../core/internal.h"
#include "lanes.h"

#include <float.h>
#include <string.h>
#include <tgmath.h>

/*
 * Sums over a block: PARTS of them, each over rows of lanes, one row after the other; then of lanes
 * in pairs until FI_FINAL_LANES are left, which go into doubles. Every addition rounds by at most
 * u, 2^-24 in the float build.
 */
#define PARTS 4
#define TILE 3840 /* whole blocks of both kinds */

/*
 * For four powers of the deviation from the mean: 9 roundings of a sum of 10, 3 of the sums in
 * pairs and 3 of a square, 15 u, keep the second moment within 1e-6.
 */
#define LANES 16
#define ROWS 10
#define BLOCK ((size_t)PARTS * ROWS * LANES)

/*
 * For two powers of the deviation from a center that need not be the mean: 6 roundings of a sum of
 * 6 fused squares, 4 of the sums in pairs and 2 of the deviation, 12 u. A tile is added up so where
 * its mean is off the center by at most t = `most_offset` of the root of the mean square: then
 * m2 = (1 - t^2) s2 is known to 12 u (1 + 2 t) s2, or 0.91e-6. The squares neither overflow nor
 * lose bits where their mean is between `least_square` and its inverse.
 */
#define WIDE_LANES 32
#define WIDE_ROWS 6
#define WIDE_BLOCK ((size_t)PARTS * WIDE_ROWS * WIDE_LANES)
static const double most_offset = 0.125, least_square = 0x1p-100;

#ifdef FI_DOUBLE
typedef uint64_t lane_count;
#define MIN_EXPONENT DBL_MIN_EXP
#define MAX_EXPONENT DBL_MAX_EXP
#else
typedef uint32_t lane_count;
#define MIN_EXPONENT FLT_MIN_EXP
#define MAX_EXPONENT FLT_MAX_EXP
#endif

struct survey {
    fi_real sum[LANES], minimum[LANES], maximum[LANES];
    lane_count zeros[LANES];
};

static inline void survey_row(struct survey *s, size_t width, const fi_real *x)
{
    for (size_t l = 0; l < width; l++) {
        s->sum[l] += x[l];
        s->minimum[l] = x[l] < s->minimum[l] ? x[l] : s->minimum[l];
        s->maximum[l] = x[l] > s->maximum[l] ? x[l] : s->maximum[l];
        s->zeros[l] += x[l] == 0;
    }
}

/* First pass: sum, extremes and zeros, lane by lane. The extremes skip NaN. */
FI_CLONES static void survey_tile(size_t n, const fi_real *x, struct survey *survey)
{
    struct survey s;
    for (size_t l = 0; l < LANES; l++) {
        s.sum[l] = 0;
        s.minimum[l] = (fi_real)HUGE_VAL;
        s.maximum[l] = -(fi_real)HUGE_VAL;
        s.zeros[l] = 0;
    }
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        survey_row(&s, LANES, x + i);
    *survey = s;
    survey_row(survey, n - i, x + i);
}

/* The sums of d, d^2, d^3 and d^4, d = x scale + shift, over the rows of one part. */
static inline void sum_part(const fi_real *restrict x, fi_real scale, fi_real shift,
                            fi_real *restrict first, fi_real *restrict second,
                            fi_real *restrict third, fi_real *restrict fourth)
{
    for (size_t l = 0; l < LANES; l++) {
        const fi_real d = fma(x[l], scale, shift), square = d * d;
        first[l] = d;
        second[l] = square;
        third[l] = square * d;
        fourth[l] = square * square;
    }
    for (size_t r = 1; r < ROWS; r++)
        for (size_t l = 0; l < LANES; l++) {
            const fi_real d = fma(x[r * LANES + l], scale, shift), square = d * d;
            first[l] += d;
            second[l] += square;
            third[l] = fma(square, d, third[l]);
            fourth[l] = fma(square, square, fourth[l]);
        }
}

/* Second pass: total[k - 1] += the sum of the k-th powers of x scale + shift over whole blocks. */
FI_CLONES static void add_powers(size_t n, const fi_real *x, fi_real scale, fi_real shift,
                                 double total[4][FI_FINAL_LANES])
{
    for (const fi_real *const end = x + n; x < end; x += BLOCK) {
        fi_real sums[4][PARTS * LANES];
        for (size_t p = 0; p < PARTS; p++)
            sum_part(x + p * ROWS * LANES, scale, shift, sums[0] + p * LANES, sums[1] + p * LANES,
                     sums[2] + p * LANES, sums[3] + p * LANES);
        for (size_t k = 0; k < 4; k++)
            fi_widen((size_t)PARTS * LANES, sums[k], total[k]);
    }
}

static inline void sum_two_part(const fi_real *restrict x, fi_real center, fi_real *restrict first,
                                fi_real *restrict second)
{
    for (size_t l = 0; l < WIDE_LANES; l++) {
        const fi_real d = x[l] - center;
        first[l] = d;
        second[l] = d * d;
    }
    for (size_t r = 1; r < WIDE_ROWS; r++)
        for (size_t l = 0; l < WIDE_LANES; l++) {
            const fi_real d = x[r * WIDE_LANES + l] - center;
            first[l] += d;
            second[l] = fma(d, d, second[l]);
        }
}

/* total[k - 1] += the sum of the k-th powers of x - center over whole wide blocks. */
FI_CLONES static void add_two_powers(size_t n, const fi_real *x, fi_real center,
                                     double total[2][FI_FINAL_LANES])
{
    for (const fi_real *const end = x + n; x < end; x += WIDE_BLOCK) {
        fi_real sums[2][PARTS * WIDE_LANES];
        for (size_t p = 0; p < PARTS; p++)
            sum_two_part(x + p * WIDE_ROWS * WIDE_LANES, center, sums[0] + p * WIDE_LANES,
                         sums[1] + p * WIDE_LANES);
        fi_widen((size_t)PARTS * WIDE_LANES, sums[0], total[0]);
        fi_widen((size_t)PARTS * WIDE_LANES, sums[1], total[1]);
    }
}

/* The last n values, fewer than a block of `width`, and the center in the place of the others. */
static void pad(fi_real *block, size_t width, size_t n, const fi_real *x, fi_real center)
{
    memcpy(block, x, n * sizeof *x);
    for (size_t i = n; i < width; i++)
        block[i] = center;
}

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
 * Powers of the deviations from `center`, near the mean, as sums about the mean. The deviations are
 * scaled by a power of two to at most 2, so that no fourth power leaves the range of an fi_real;
 * with the fma, scaling rounds nothing.
 */
static void add_deviations(fi_moments *tile, size_t n, const fi_real *x, fi_real center)
{
    const double c = (double)center, size = larger(tile->maximum - c, c - tile->minimum);
    const int e = ilogb(size);
    const int exponent = e < MIN_EXPONENT ? MIN_EXPONENT : e > MAX_EXPONENT ? MAX_EXPONENT : e;
    const fi_real scale = scalbn((fi_real)1, -exponent);
    const size_t rest = n % BLOCK;
    double total[4][FI_FINAL_LANES] = {{0}};
    add_powers(n - rest, x, scale, -center * scale, total);
    if (rest) {
        fi_real last[BLOCK];
        pad(last, BLOCK, rest, x + n - rest, center);
        add_powers(BLOCK, last, scale, -center * scale, total);
    }
    const double s1 = fi_sum_of_eight(total[0]), s2 = fi_sum_of_eight(total[1]);
    const double s3 = fi_sum_of_eight(total[2]), s4 = fi_sum_of_eight(total[3]);
    const double offset = s1 / (double)n, unit = scalbn(1.0, exponent);
    tile->mean = c + offset * unit;
    tile->m2 = (s2 - offset * s1) * unit * unit;
    tile->m3 = (s3 - offset * (3 * s2 - 2 * offset * s1)) * unit * unit * unit;
    tile->m4 =
        (s4 - offset * (4 * s3 - offset * (6 * s2 - 3 * offset * s1))) * unit * unit * unit * unit;
}

static fi_moments tile_moments(size_t n, const fi_real *x)
{
    struct survey s;
    survey_tile(n, x, &s);
    fi_moments tile = FI_MOMENTS_EMPTY;
    tile.count = n;
    double sum = 0;
    for (size_t l = 0; l < LANES; l++) {
        sum += (double)s.sum[l];
        tile.minimum = smaller(tile.minimum, (double)s.minimum[l]);
        tile.maximum = larger(tile.maximum, (double)s.maximum[l]);
        tile.zeros += s.zeros[l];
    }
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
        const fi_moments tile = tile_moments(length, x + start);
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
    const size_t rest = n % WIDE_BLOCK;
    double total[2][FI_FINAL_LANES] = {{0}};
    add_two_powers(n - rest, x, center, total);
    if (rest) {
        fi_real last[WIDE_BLOCK];
        pad(last, WIDE_BLOCK, rest, x + n - rest, center);
        add_two_powers(WIDE_BLOCK, last, center, total);
    }
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
