/*
 * Moments in one visit: each tile, while in the first cache, is read twice (extremes and sum, then
 * powers of the deviations from the tile's mean) and merged in double. Lanes are added up in an
 * order of their own, written out here, so that the bits depend neither on the instruction set nor
 * on the alignment.
 */
#include "../core/internal.h"

#include <float.h>
#include <tgmath.h>

#define TILE 4096
#define LANES 16
/* Values added up before they go into doubles: 13 roundings of a sum and 3 of a square, each of
 * at most 2^-24 in the float build, keep the second moment within 1e-6. */
#define BLOCK ((size_t)14 * LANES)

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
    survey_row(&s, n - i, x + i);
    *survey = s;
}

struct powers {
    fi_real first[LANES], second[LANES], third[LANES], fourth[LANES];
};

static inline void power_row(struct powers *p, size_t width, const fi_real *x, fi_real scale,
                             fi_real shift)
{
    for (size_t l = 0; l < width; l++) {
        const fi_real d = fma(x[l], scale, shift), square = d * d;
        p->first[l] += d;
        p->second[l] += square;
        p->third[l] = fma(square, d, p->third[l]);
        p->fourth[l] = fma(square, square, p->fourth[l]);
    }
}

/* Second pass: total[k - 1] = the sum of the k-th powers of x scale + shift, lane by lane. */
FI_CLONES static void add_powers(size_t n, const fi_real *x, fi_real scale, fi_real shift,
                                 double total[4][LANES])
{
    for (size_t start = 0; start < n; start += BLOCK) {
        const size_t end = n - start < BLOCK ? n : start + BLOCK;
        struct powers p;
        for (size_t l = 0; l < LANES; l++)
            p.first[l] = p.second[l] = p.third[l] = p.fourth[l] = 0;
        size_t i = start;
        for (; i + LANES <= end; i += LANES)
            power_row(&p, LANES, x + i, scale, shift);
        power_row(&p, end - i, x + i, scale, shift);
        for (size_t l = 0; l < LANES; l++) {
            total[0][l] += (double)p.first[l];
            total[1][l] += (double)p.second[l];
            total[2][l] += (double)p.third[l];
            total[3][l] += (double)p.fourth[l];
        }
    }
}

static inline double smaller(double a, double b)
{
    return b < a ? b : a;
}

static inline double larger(double a, double b)
{
    return b > a ? b : a;
}

/* Sums the lanes of each power in pairs, and these in pairs, into lane 0. */
FI_CLONES static void add_lanes(double total[4][LANES])
{
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t k = 0; k < 4; k++)
            for (size_t l = 0; l < half; l++)
                total[k][l] += total[k][l + half];
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
    double total[4][LANES] = {{0}};
    add_powers(n, x, scale, -center * scale, total);
    add_lanes(total);
    const double s1 = total[0][0], s2 = total[1][0], s3 = total[2][0], s4 = total[3][0];
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
    for (size_t start = 0; start < n; start += TILE) {
        const fi_moments tile = tile_moments(n - start < TILE ? n - start : TILE, x + start);
        fi_moments_merge(moments, &tile);
    }
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
    const double p = (double)a.count / n, q = (double)b.count / n; /* shares of the whole */
    const double d = b.mean - a.mean, d2 = d * d;
    into->count += b.count;
    into->zeros += b.zeros;
    into->nonfinite += b.nonfinite;
    into->minimum = smaller(a.minimum, b.minimum);
    into->maximum = larger(a.maximum, b.maximum);
    into->mean = isfinite(d) ? a.mean + d * q : a.mean + b.mean;
    into->m2 = a.m2 + b.m2 + d2 * p * q * n;
    into->m3 = a.m3 + b.m3 + d * d2 * p * q * (p - q) * n + 3 * d * (p * b.m2 - q * a.m2);
    into->m4 = a.m4 + b.m4 + d2 * d2 * p * q * (p * p - p * q + q * q) * n +
               6 * d2 * (p * p * b.m2 + q * q * a.m2) + 4 * d * (p * b.m3 - q * a.m3);
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
