/*
 * How a batch of samples lies in the space of a layer's units: the mean cosine of two samples, and
 * how many directions the batch spreads over.
 */
#include "representation.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "gemm.h"
#include "row_sums.h"

#include <string.h>
#include <tgmath.h>

enum {
    LANES = 16,
    EXACT = 32,  /* first rows, added in double: few pairs do not average out their roundings */
    NARROW = 64, /* rows with fewer columns are, too */
    GROUP = 32,  /* samples that are paired with as many others, in PARTS of the batch */
    PARTS = 4,
    ROWS_AHEAD = 4,  /* for which memory is asked while one is centred */
    LARGE_GROUP = 80 /* the same in a batch with fewer samples than that takes */
};

/*
 * Below this share of the mean square, the variance is not what is left of it by subtraction: the
 * sums of lengths and of rows are off by 1e-8 of the mean square, their roundings in fi_real being
 * independent, so that 1e-6 of the variance remains.
 */
static const double least_share = 1e-2;

/* Of rows of subnormal numbers, so that it is in the range of fi_real. */
static const double greatest_scale = 0x1p120;

/* Squared lengths between which no square or inverse leaves the range of fi_real. */
static const double least_square = 0x1p-60, greatest_square = 0x1p60;

/* The sum of squares of n values, in lanes of double: the same bits on every instruction set. */
static FI_CLONES double squared_norm(size_t n, const fi_real *x)
{
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lanes[k] = fma((double)x[i + k], (double)x[i + k], lanes[k]);
    for (size_t k = 0; i < n; i++, k++)
        lanes[k] = fma((double)x[i], (double)x[i], lanes[k]);
    double sum = 0;
    for (size_t k = 0; k < LANES; k++)
        sum += lanes[k];
    return sum;
}

/* Sum of squares of doubles, in order. */
static double squares(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = fma(x[i], x[i], sum);
    return sum;
}

/* ---- rows one by one, in double -------------------------------------------------------------- */

static FI_CLONES void add_scaled(size_t n, double inverse, const fi_real *restrict x,
                                 double *restrict direction, double *restrict sum)
{
    for (size_t i = 0; i < n; i++) {
        direction[i] = fma(inverse, (double)x[i], direction[i]);
        sum[i] += (double)x[i];
    }
}

static void add_row(fi_row_sums *s, const fi_real *x)
{
    const double square = squared_norm(s->cols, x), norm = sqrt(square);
    s->directed += norm != 0;
    s->unit += norm != 0;
    s->square += square;
    add_scaled(s->cols, norm == 0 ? 0 : 1 / norm, x, s->direction, s->sum);
}

/* ---- FI_ROWS_TOGETHER at once, in fi_real ---------------------------------------------------- */

/* False where rows are to be added in double: few, narrow, or of lengths beyond fi_real. */
static bool find_inverses(const fi_row_sums *s, const fi_real *x, double *square, fi_real *inverse)
{
    if (s->rows < EXACT || s->cols < NARROW)
        return false;
    fi_row_choice(0)->squares(s->cols, x, square);
    bool within = true;
    for (size_t r = 0; r < FI_ROWS_TOGETHER; r++) {
        within &= square[r] >= least_square && square[r] <= greatest_square;
        inverse[r] = (fi_real)(1 / sqrt(square[r]));
    }
    return within;
}

static void add_rows(fi_row_sums *s, const fi_real *x)
{
    double square[FI_ROWS_TOGETHER];
    fi_real inverse[FI_ROWS_TOGETHER];
    if (find_inverses(s, x, square, inverse)) {
        for (size_t r = 0; r < FI_ROWS_TOGETHER; r++) {
            s->square += square[r];
            s->unit += square[r] * (double)inverse[r] * (double)inverse[r];
        }
        s->directed += FI_ROWS_TOGETHER;
        fi_row_choice(0)->add(s->cols, x, inverse, s->direction, s->sum);
    } else {
        for (size_t r = 0; r < FI_ROWS_TOGETHER; r++)
            add_row(s, x + r * s->cols);
    }
}

/* The cosines of all pairs sum to (|sum of unit rows|^2 - sum of |unit row|^2) / 2. */
static double mean_cosine(const fi_row_sums *s)
{
    return s->directed < 2
               ? (double)NAN
               : (squares(s->cols, s->direction) - s->unit) / (s->directed * (s->directed - 1));
}

/* ---- the effective rank ---------------------------------------------------------------------- */

/* mean = high + low, high being the nearest fi_real */
static FI_CLONES void split(size_t n, const double *restrict mean, fi_real *restrict high,
                            fi_real *restrict low)
{
    for (size_t i = 0; i < n; i++) {
        high[i] = (fi_real)mean[i];
        low[i] = (fi_real)(mean[i] - (double)high[i]);
    }
}

/* out = (x - (high + low)) scale, the mean being high + low: near it, x - high is exact. */
static FI_CLONES void centre(size_t n, fi_real scale, const fi_real *restrict x,
                             const fi_real *restrict high, const fi_real *restrict low,
                             fi_real *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ((x[i] - high[i]) - low[i]) * scale;
}

/* sum += (x - from) scale */
static FI_CLONES void add_difference(size_t n, double scale, const fi_real *restrict x,
                                     const fi_real *restrict from, double *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = fma((double)x[i] - (double)from[i], scale, sum[i]);
}

/*
 * tr C of rows that are nearly one: the mean again, as the first row and the mean of the
 * differences from it, and the mean squared length of a centred row. Equal rows have exactly 0.
 */
static double trace_of_differences(size_t rows, size_t cols, const fi_real *x, double *mean,
                                   fi_real *high, fi_real *low, fi_real *row)
{
    memset(mean, 0, cols * sizeof *mean);
    for (size_t r = 1; r < rows; r++)
        add_difference(cols, 1 / (double)rows, x + r * cols, x, mean);
    for (size_t c = 0; c < cols; c++)
        mean[c] += (double)x[c];
    split(cols, mean, high, low);
    double trace = 0;
    for (size_t r = 0; r < rows; r++) {
        centre(cols, 1, x + r * cols, high, low, row);
        trace += squared_norm(cols, row);
    }
    return trace / (double)rows;
}

/*
 * The samples whose pairs the effective rank comes from: `parts` of `count` rows each, in which the
 * first `group` rows are paired with later ones, the last `group`. Where samples are many, the same
 * accuracy takes fewer pairs if they are of more samples.
 */
struct pairing {
    size_t parts, count, group;
};

static struct pairing pairing_of(size_t rows)
{
    if (rows >= 2 * GROUP * PARTS)
        return (struct pairing){PARTS, 2 * GROUP, GROUP};
    const size_t group = rows < LARGE_GROUP ? rows : LARGE_GROUP;
    return (struct pairing){1, rows < 2 * group ? rows : 2 * group, group};
}

/* Adds up the squared products of the pairs among the rows of x (count, cols), and counts them. */
static void add_pairs(const struct pairing *p, size_t cols, const fi_real *x, fi_real *products,
                      double *sum, double *pairs)
{
    const size_t group = p->group, other = p->count - group;
    fi_gemm(FI_AS_IS, FI_TRANSPOSED, group, group, cols, x, x + other * cols, 0, products);
    for (size_t i = 0; i < group; i++) {
        const size_t later = i < other ? 0 : i - other + 1;
        *sum += squared_norm(group - later, products + i * group + later);
        *pairs += (double)(group - later);
    }
}

/* 1 / sqrt(trace), or what of it the least values of fi_real bear. */
static fi_real scale_for(double trace)
{
    const double scale = 1 / sqrt(trace);
    return (fi_real)(scale < greatest_scale ? scale : greatest_scale);
}

/*
 * tr C is the mean squared length of a centred row, and tr C^2 the mean squared product of two.
 * Rows are scaled by the root of tr C, so that nothing under- or overflows.
 */
static double effective_rank(fi_row_sums *s, const fi_real *x, fi_arena *scratch)
{
    const size_t rows = s->rows, cols = s->cols;
    const struct pairing pairing = pairing_of(rows);
    double *const mean = s->sum;
    fi_real *high = fi_arena_alloc(scratch, 2 * cols, sizeof *high), *low = high + cols;
    fi_real *centred = fi_arena_alloc(scratch, pairing.count * cols, sizeof *centred);
    fi_real *products = fi_arena_alloc(scratch, pairing.group * pairing.group, sizeof *products);
    if (!high || !centred || !products || rows < 2)
        return (double)NAN;
    for (size_t c = 0; c < cols; c++)
        mean[c] /= (double)rows;
    const double square = s->square / (double)rows;
    double trace = square - squares(cols, mean);
    split(cols, mean, high, low);
    if (!(trace > least_share * square))
        trace = trace_of_differences(rows, cols, x, mean, high, low, centred);
    if (!(trace > 0))
        return (double)NAN;
    const fi_real scale = scale_for(trace);
    double sum = 0, pairs = 0;
    for (size_t p = 0; p < pairing.parts; p++, x += pairing.count * cols) {
        for (size_t r = 0; r < pairing.count; r++) {
            fi_ask_for(x + (r + ROWS_AHEAD) * cols, cols * sizeof *x);
            centre(cols, scale, x + r * cols, high, low, centred + r * cols);
        }
        add_pairs(&pairing, cols, centred, products, &sum, &pairs);
    }
    const double scaled = trace * (double)scale * (double)scale;
    return scaled * scaled * pairs / sum;
}

/* ---- in parts and at once -------------------------------------------------------------------- */

bool fi_represent_begin(fi_row_sums *sums, size_t cols, fi_arena *scratch)
{
    FI_REQUIRE(sums && scratch);
    *sums = (fi_row_sums){
        .cols = cols,
        .direction = fi_arena_zeros(scratch, cols, sizeof *sums->direction),
        .sum = fi_arena_zeros(scratch, cols, sizeof *sums->sum),
        .waiting = fi_arena_alloc(scratch, FI_ROWS_TOGETHER * cols, sizeof *sums->waiting),
    };
    return sums->direction && sums->sum && sums->waiting;
}

/* Rows that do not fill a group wait; those that do are added where they are. */
void fi_represent_add(fi_row_sums *sums, size_t rows, const fi_real *x)
{
    FI_REQUIRE(sums && (x || rows == 0));
    const size_t cols = sums->cols;
    for (const fi_real *const end = x + rows * cols; x < end;) {
        const size_t waiting = sums->rows % FI_ROWS_TOGETHER;
        if (waiting == 0 && (size_t)(end - x) >= FI_ROWS_TOGETHER * cols) {
            add_rows(sums, x);
            sums->rows += FI_ROWS_TOGETHER;
            x += FI_ROWS_TOGETHER * cols;
            continue;
        }
        memcpy(sums->waiting + waiting * cols, x, cols * sizeof *x);
        if (waiting == FI_ROWS_TOGETHER - 1)
            add_rows(sums, sums->waiting);
        sums->rows++;
        x += cols;
    }
}

fi_representation fi_represent_finish(fi_row_sums *sums, const fi_real *x, fi_arena *scratch)
{
    FI_REQUIRE(sums && (x || sums->rows == 0) && scratch);
    for (size_t r = 0; r < sums->rows % FI_ROWS_TOGETHER; r++)
        add_row(sums, sums->waiting + r * sums->cols);
    return (fi_representation){.cosine = mean_cosine(sums),
                               .rank = effective_rank(sums, x, scratch)};
}

fi_representation fi_represent(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    fi_row_sums sums;
    if (!fi_represent_begin(&sums, cols, scratch))
        return (fi_representation){(double)NAN, (double)NAN};
    fi_represent_add(&sums, rows, x);
    return fi_represent_finish(&sums, x, scratch);
}

double fi_mean_cosine(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    return fi_represent(rows, cols, x, scratch).cosine;
}

double fi_effective_rank(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch)
{
    return fi_represent(rows, cols, x, scratch).rank;
}
