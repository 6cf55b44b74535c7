/*
 * The slopes of an activation function on a batch. Where the slope is a function of the activation,
 * it is large enough, and it is not 0, in one range of activations each, whose ends are found once,
 * by bisection with the very slope that is compared: no slope of the batch is computed then.
 */
#include "slopes.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <string.h>
#include <tgmath.h>

enum {
    COUNTED = 1 << 30, /* values counted before a lane might overflow */
    TOGETHER = 8       /* rows noted at once */
};

/* As wide as an fi_real; `ordered` compares like the values of the same bits do. */
#ifdef FI_DOUBLE
typedef uint64_t lane_count;
typedef int64_t ordered;
#define MAGNITUDE INT64_MAX
#else
typedef uint32_t lane_count;
typedef int32_t ordered;
#define MAGNITUDE INT32_MAX
#endif

/* ---- where slopes are large enough, or not 0 ------------------------------------------------- */

static fi_real slope_at(const fi_activation *activation, fi_real a)
{
    const fi_real one = 1;
    fi_real slope = 0;
    activation->backward(1, NULL, &a, &one, &slope);
    return slope < 0 ? -slope : slope;
}

/* A slope below which it is small. */
static fi_real least_slope(const fi_activation *activation)
{
    return (fi_real)(0.05 * activation->max_slope);
}

/* Whether the slope is not small; with `any`, whether it is not 0. A NaN is neither. */
static bool has_slope(const fi_activation *activation, bool any, fi_real a)
{
    const fi_real slope = slope_at(activation, a);
    return any ? slope > 0 : !(slope < least_slope(activation));
}

static ordered order_of(fi_real x)
{
    ordered bits;
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? bits ^ MAGNITUDE : bits;
}

static fi_real value_of(ordered order)
{
    const ordered bits = order < 0 ? order ^ MAGNITUDE : order;
    fi_real x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The last value on the way from `inside`, where the slope is so, to `end` where it still is. */
static fi_real find_end(const fi_activation *activation, bool any, fi_real inside, fi_real end)
{
    if (has_slope(activation, any, end))
        return end;
    ordered is = order_of(inside), is_not = order_of(end);
    for (;;) {
        const ordered middle = (is & is_not) + ((is ^ is_not) >> 1); /* does not overflow */
        if (middle == is || middle == is_not)
            return value_of(is);
        if (has_slope(activation, any, value_of(middle)))
            is = middle;
        else
            is_not = middle;
    }
}

static fi_slope_range find_range(const fi_activation *activation, bool any, fi_real inside)
{
    return (fi_slope_range){
        .least = find_end(activation, any, inside, (fi_real)activation->lower),
        .greatest = find_end(activation, any, inside, (fi_real)activation->upper),
    };
}

/* ---- counting -------------------------------------------------------------------------------- */

static FI_CLONES size_t count_below(fi_real least, size_t n, const fi_real *a)
{
    lane_count below = 0;
    for (size_t i = 0; i < n; i++)
        below += a[i] < least;
    return below;
}

static FI_CLONES size_t count_beyond(fi_real greatest, size_t n, const fi_real *a)
{
    lane_count beyond = 0;
    for (size_t i = 0; i < n; i++)
        beyond += fabs(a[i]) > greatest;
    return beyond;
}

static FI_CLONES size_t count_on_either_side(fi_slope_range range, size_t n, const fi_real *a)
{
    lane_count outside = 0;
    for (size_t i = 0; i < n; i++)
        outside += (lane_count)(a[i] < range.least) | (lane_count)(a[i] > range.greatest);
    return outside;
}

/* How many of n values are outside the range; a NaN is not. One comparison does where the range is
 * symmetric or has no upper end. */
static size_t count_outside(fi_slope_range range, size_t n, const fi_real *a)
{
    if (range.greatest == (fi_real)HUGE_VAL)
        return count_below(range.least, n, a);
    if (range.least == -range.greatest)
        return count_beyond(range.greatest, n, a);
    return count_on_either_side(range, n, a);
}

/* Notes the units within the range; whether all have been by now. */
static FI_CLONES bool note_alive(fi_slope_range range, bool nan_alive, size_t units,
                                 const fi_real *restrict a, fi_real *restrict lively)
{
    lane_count dead = 0;
    for (size_t c = 0; c < units; c++) {
        const bool alive = nan_alive ? !(a[c] < range.least) && !(a[c] > range.greatest)
                                     : a[c] >= range.least && a[c] <= range.greatest;
        lively[c] = alive ? 1 : lively[c];
        dead += lively[c] == 0;
    }
    return dead == 0;
}

/* The same of TOGETHER rows, where any value that is not below `least` is alive, as NaN is. */
static FI_CLONES bool note_not_below(fi_real least, size_t units, const fi_real *restrict a,
                                     fi_real *restrict lively)
{
    lane_count dead = 0;
    for (size_t c = 0; c < units; c++) {
        lane_count below = 0;
        for (size_t r = 0; r < TOGETHER; r++)
            below += a[r * units + c] < least;
        lively[c] = below < TOGETHER ? 1 : lively[c];
        dead += lively[c] == 0;
    }
    return dead == 0;
}

/* How many of n slopes are below `least` in size; notes in `lively` those that are not 0. */
static FI_CLONES size_t count_small(size_t n, const fi_real *restrict slopes, fi_real least,
                                    fi_real *restrict lively)
{
    lane_count small = 0;
    for (size_t i = 0; i < n; i++) {
        const fi_real size = slopes[i] < 0 ? -slopes[i] : slopes[i];
        small += size < least;
        lively[i] = size > 0 ? 1 : lively[i];
    }
    return small;
}

bool fi_slopes_begin(fi_slopes *slopes, const fi_activation *activation, size_t units,
                     fi_arena *scratch)
{
    FI_REQUIRE(slopes && activation && scratch);
    *slopes = (fi_slopes){.activation = activation,
                          .units = units,
                          .lively = fi_arena_zeros(scratch, units, sizeof(fi_real)),
                          .ones = fi_arena_alloc(scratch, units, sizeof(fi_real)),
                          .slopes = fi_arena_alloc(scratch, units, sizeof(fi_real))};
    if (!slopes->lively || !slopes->ones || !slopes->slopes)
        return false;
    for (size_t c = 0; c < units; c++)
        slopes->ones[c] = 1;
    const fi_real inside = (fi_real)activation->phi(1);
    slopes->ranged = activation->from_output;
    if (slopes->ranged) {
        slopes->large = find_range(activation, false, inside);
        slopes->alive = find_range(activation, true, inside);
        slopes->nan_alive = has_slope(activation, true, (fi_real)NAN);
    }
    return true;
}

/* The units that have a slope by now. */
static void note_units(fi_slopes *s, size_t rows, const fi_real *a)
{
    const bool all_above = s->nan_alive && s->alive.greatest == (fi_real)HUGE_VAL;
    size_t r = 0;
    for (; all_above && r + TOGETHER <= rows && !s->all_alive; r += TOGETHER)
        s->all_alive = note_not_below(s->alive.least, s->units, a + r * s->units, s->lively);
    for (; r < rows && !s->all_alive; r++)
        s->all_alive = note_alive(s->alive, s->nan_alive, s->units, a + r * s->units, s->lively);
}

static void add_by_range(fi_slopes *s, size_t rows, const fi_real *a)
{
    note_units(s, rows, a);
    for (size_t n = rows * s->units, count; n > 0; n -= count, a += count) {
        count = n < COUNTED ? n : COUNTED;
        s->small += count_outside(s->large, count, a);
    }
}

static void add_by_slope(fi_slopes *s, size_t rows, const fi_real *z)
{
    const fi_real least = least_slope(s->activation);
    for (size_t r = 0; r < rows; r++) {
        s->activation->backward(s->units, z + r * s->units, NULL, s->ones, s->slopes);
        s->small += count_small(s->units, s->slopes, least, s->lively);
    }
}

void fi_slopes_add(fi_slopes *slopes, size_t rows, const fi_real *z, const fi_real *a)
{
    FI_REQUIRE(slopes && (rows == 0 || (slopes->ranged ? a : z)));
    if (slopes->ranged)
        add_by_range(slopes, rows, a);
    else
        add_by_slope(slopes, rows, z);
    slopes->rows += rows;
}

/* From the least positive value on: no activation being negative, the others are 0. */
static bool all_positive(const fi_activation *activation, fi_slope_range range)
{
    return activation->lower == 0 && range.greatest == (fi_real)HUGE_VAL &&
           order_of(range.least) == order_of(0) + 1;
}

void fi_slopes_add_with_moments(fi_slopes *slopes, fi_moments *moments, size_t rows,
                                const fi_real *a)
{
    FI_REQUIRE(slopes && moments && slopes->ranged && (a || rows == 0));
    const uint64_t zeros = moments->zeros;
    fi_moments_add(moments, rows * slopes->units, a);
    if (!all_positive(slopes->activation, slopes->large)) {
        fi_slopes_add(slopes, rows, NULL, a);
        return;
    }
    note_units(slopes, rows, a);
    slopes->small += moments->zeros - zeros;
    slopes->rows += rows;
}

void fi_slopes_finish(const fi_slopes *slopes, double *saturated, double *dead)
{
    size_t zeros = 0;
    for (size_t c = 0; c < slopes->units; c++)
        zeros += slopes->lively[c] == 0;
    *saturated = (double)slopes->small / ((double)slopes->rows * (double)slopes->units);
    *dead = (double)zeros / (double)slopes->units;
}

const fi_real *fi_slopes_nonzero(const fi_slopes *slopes)
{
    const bool positive =
        slopes->ranged && slopes->nan_alive && all_positive(slopes->activation, slopes->alive);
    return positive ? slopes->lively : NULL;
}

bool fi_count_slopes(const fi_activation *activation, size_t rows, size_t units, const fi_real *z,
                     const fi_real *a, fi_arena *scratch, double *saturated, double *dead)
{
    fi_slopes slopes;
    if (!fi_slopes_begin(&slopes, activation, units, scratch))
        return false;
    fi_slopes_add(&slopes, rows, z, a);
    fi_slopes_finish(&slopes, saturated, dead);
    return true;
}
