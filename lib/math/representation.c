/*
 * How a batch of samples lies in the space of a layer's units: the mean cosine of two samples, and
 * how many directions the batch spreads over.
 */
#include "representation.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "gemm.h"
#include "lanes.h"

#include <string.h>
#include <tgmath.h>

enum {
    LANES = 16,
    WIDE = 32,   /* lanes in fi_real */
    CHAIN = 16,  /* squares added up, lane by lane, before they go into doubles */
    EXACT = 32,  /* first rows, added in double: few pairs do not average out their roundings */
    NARROW = 64, /* rows with fewer columns are, too */
    GROUP = 80   /* samples of each of the two groups whose pairs the effective rank comes from */
};

/*
 * Below this share of the mean square, the variance is not what is left of it by subtraction: the
 * sums of lengths and of rows are off by 1e-8 of the mean square, their roundings in fi_real being
 * independent, so that 1e-6 of the variance remains.
 */
static const double least_share = 1e-2;

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

/* The sums of the squares of at most CHAIN rows of WIDE lanes, and of `rest` more values. */
static inline void sum_squares(size_t rows, size_t rest, const fi_real *restrict x,
                               fi_real *restrict lanes)
{
    fi_real last[WIDE];
    for (size_t l = 0; l < WIDE; l++)
        last[l] = l < rest ? x[rows * WIDE + l] : 0;
    for (size_t l = 0; l < WIDE; l++)
        lanes[l] = last[l] * last[l];
    for (size_t r = 0; r < rows; r++)
        for (size_t l = 0; l < WIDE; l++)
            lanes[l] = fma(x[r * WIDE + l], x[r * WIDE + l], lanes[l]);
}

/* The squared lengths of the rows. */
static FI_CLONES void find_squares(size_t cols, const fi_real *x, double *square)
{
    double total[FI_ROWS_TOGETHER][FI_FINAL_LANES] = {{0}};
    for (size_t start = 0; start < cols; start += CHAIN * WIDE) {
        const size_t width = cols - start < CHAIN * WIDE ? cols - start : CHAIN * WIDE;
        fi_real lanes[FI_ROWS_TOGETHER][WIDE];
        for (size_t r = 0; r < FI_ROWS_TOGETHER; r++)
            sum_squares(width / WIDE, width % WIDE, x + r * cols + start, lanes[r]);
        for (size_t r = 0; r < FI_ROWS_TOGETHER; r++)
            fi_widen(WIDE, lanes[r], total[r]);
    }
    for (size_t r = 0; r < FI_ROWS_TOGETHER; r++)
        square[r] = fi_sum_of_eight(total[r]);
}

static FI_CLONES void add_together(size_t cols, const fi_real *restrict x,
                                   const fi_real *restrict inverse, double *restrict direction,
                                   double *restrict sum)
{
    for (size_t c = 0; c < cols; c++) {
        fi_real d = inverse[0] * x[c], m = x[c];
        for (size_t r = 1; r < FI_ROWS_TOGETHER; r++) {
            d = fma(inverse[r], x[r * cols + c], d);
            m += x[r * cols + c];
        }
        direction[c] += (double)d;
        sum[c] += (double)m;
    }
}

/* False where rows are to be added in double: few, narrow, or of lengths beyond fi_real. */
static bool find_inverses(const fi_row_sums *s, const fi_real *x, double *square, fi_real *inverse)
{
    if (s->rows < EXACT || s->cols < NARROW)
        return false;
    find_squares(s->cols, x, square);
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
        add_together(s->cols, x, inverse, s->direction, s->sum);
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

/* out = (x - mean) scale */
static FI_CLONES void centre(size_t n, double scale, const fi_real *restrict x,
                             const double *restrict mean, fi_real *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (fi_real)(((double)x[i] - mean[i]) * scale);
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
                                   fi_real *row)
{
    memset(mean, 0, cols * sizeof *mean);
    for (size_t r = 1; r < rows; r++)
        add_difference(cols, 1 / (double)rows, x + r * cols, x, mean);
    for (size_t c = 0; c < cols; c++)
        mean[c] += (double)x[c];
    double trace = 0;
    for (size_t r = 0; r < rows; r++) {
        centre(cols, 1, x + r * cols, mean, row);
        trace += squared_norm(cols, row);
    }
    return trace / (double)rows;
}

/*
 * The mean squared product of a row of the first `group` rows of x and a later one, of the `group`
 * rows up to `count`: with count >= 2 group, of any two from either; products has group^2 elements.
 */
static double mean_square_of_pairs(size_t group, size_t count, size_t cols, const fi_real *x,
                                   fi_real *products)
{
    const size_t other = count - group;
    double sum = 0, pairs = 0;
    fi_gemm(FI_AS_IS, FI_TRANSPOSED, group, group, cols, x, x + other * cols, 0, products);
    for (size_t i = 0; i < group; i++) {
        const size_t later = i < other ? 0 : i - other + 1;
        sum += squared_norm(group - later, products + i * group + later);
        pairs += (double)(group - later);
    }
    return sum / pairs;
}

/*
 * tr C is the mean squared length of a centred row, and tr C^2 the mean squared product of two.
 * Rows are scaled by the root of tr C, so that nothing under- or overflows.
 */
static double effective_rank(fi_row_sums *s, const fi_real *x, fi_arena *scratch)
{
    const size_t rows = s->rows, cols = s->cols, group = rows < GROUP ? rows : GROUP;
    const size_t count = rows < 2 * group ? rows : 2 * group;
    double *const mean = s->sum;
    fi_real *centred = fi_arena_alloc(scratch, count * cols, sizeof *centred);
    fi_real *products = fi_arena_alloc(scratch, group * group, sizeof *products);
    if (!centred || !products || rows < 2)
        return (double)NAN;
    for (size_t c = 0; c < cols; c++)
        mean[c] /= (double)rows;
    const double square = s->square / (double)rows;
    double trace = square - squares(cols, mean);
    if (!(trace > least_share * square))
        trace = trace_of_differences(rows, cols, x, mean, centred);
    if (!(trace > 0))
        return (double)NAN;
    for (size_t r = 0; r < count; r++)
        centre(cols, 1 / sqrt(trace), x + r * cols, mean, centred + r * cols);
    return 1 / mean_square_of_pairs(group, count, cols, centred, products);
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
