/*
 * Histogram, exact at the edges. A value's place in bins, computed in fi_real, says which bin holds
 * it unless it lies within the rounding error of an edge. A block with such a value is done again:
 * a multiplication tells each value's bin to within half a bin, and a comparison with the one edge
 * in doubt settles it.
 */
#include "../core/internal.h"

#include <float.h>
#include <string.h>
#include <tgmath.h>

#define BLOCK 256  /* values whose bins are computed at a time */
#define SPAN 1024  /* bins counted in one visit of the values; more bins take more visits */
#define TABLES 8   /* neighbours often share a bin, and a counter waits for its last increment */
#define RETREAT 31 /* most blocks that go straight to the comparison after some in doubt */

#ifdef FI_DOUBLE
#define EPSILON DBL_EPSILON
#define LEAST_NORMAL DBL_MIN
#define GREATEST DBL_MAX
#else
#define EPSILON FLT_EPSILON
#define LEAST_NORMAL FLT_MIN
#define GREATEST FLT_MAX
#endif

/* Bins first .. first + bins - 1 of the histogram, numbered from 0. */
struct span {
    size_t bins;
    fi_real least, greatest;          /* the values counted */
    fi_real slope, shift;             /* slope x + shift is the place of x, nearly */
    fi_real certain;                  /* no farther from the middle of a bin, a place is in it */
    double lower, rate, offset;       /* (x - lower) rate + offset is the bin, less half a bin */
    fi_real edge[SPAN + 1];           /* the least value at or above each inner edge; NaN last */
    uint64_t count[TABLES][SPAN + 1]; /* the last is for the values outside */
};

static fi_real at_or_above(double edge)
{
    const fi_real near = (fi_real)edge;
    return (double)near < edge ? nextafter(near, (fi_real)HUGE_VAL) : near;
}

/*
 * Where a bin ends, half its width from its middle, less a bound on the error of a place. With u
 * half an epsilon: slope, shift and the sum round by u of `reach`, u of `reach` + bins and u of
 * bins; in double, what they are made of and the edges round by less than 8 u of both; 1 is for the
 * result. Negative, so that no value is certain, where that is much or fi_real has no such slope.
 */
static fi_real certain_within(double reach, double bins, double rate)
{
    const double error = (reach + bins + 1) * ((double)EPSILON + 4 * DBL_EPSILON);
    const bool usable = rate >= (double)LEAST_NORMAL && rate <= (double)GREATEST && error < 0x1p-11;
    return usable ? (fi_real)(0.5 - error) : -1;
}

static void span_begin(struct span *s, size_t first, double lower, double upper, size_t bins)
{
    s->bins = bins - first < SPAN ? bins - first : SPAN;
    s->lower = lower;
    s->rate = (double)bins / (upper - lower);
    s->offset = -0.5 - (double)first;
    s->slope = (fi_real)s->rate;
    s->shift = (fi_real)(-lower * s->rate - (double)first);
    s->certain = certain_within(fmax(fabs(lower), fabs(upper)) * s->rate, (double)bins, s->rate);
    for (size_t k = 0; k <= s->bins; k++)
        s->edge[k] = at_or_above(lower + (double)(first + k) * (upper - lower) / (double)bins);
    s->least = s->edge[0];
    s->greatest = first + s->bins == bins ? -at_or_above(-upper)
                                          : nextafter(s->edge[s->bins], -(fi_real)HUGE_VAL);
    s->edge[s->bins] = (fi_real)NAN;
    for (size_t t = 0; t < TABLES; t++)
        memset(s->count[t], 0, (s->bins + 1) * sizeof **s->count);
}

/*
 * The bin of each value by its place; false if one was too near an inner edge. A value outside has
 * a bin of its own, and one beyond the middle of the first or last bin needs no edge.
 */
FI_CLONES static bool find_bins_by_place(const struct span *s, size_t n, const fi_real *x,
                                         int32_t *bin)
{
    const fi_real least = s->least, greatest = s->greatest, half = FI_REAL(0.5);
    const fi_real slope = s->slope, shift = s->shift, certain = s->certain;
    const int32_t outside = (int32_t)s->bins;
    const fi_real last = (fi_real)outside - half;
    int32_t doubt = 0;
    for (size_t i = 0; i < n; i++) {
        fi_real place = fma(x[i], slope, shift);
        place = place > half ? place : half;
        place = place < last ? place : last;
        const int32_t found = (int32_t)place;
        doubt |= fabs(place - ((fi_real)found + half)) > certain ? -1 : 0;
        const int32_t above = x[i] >= least ? found : outside;
        bin[i] = x[i] <= greatest ? above : outside;
    }
    return doubt == 0;
}

FI_CLONES static void find_bins_by_edge(const struct span *s, size_t n, const fi_real *x,
                                        int32_t *bin)
{
    const fi_real least = s->least, greatest = s->greatest;
    const double lower = s->lower, rate = s->rate, offset = s->offset;
    const int32_t outside = (int32_t)s->bins;
    for (size_t i = 0; i < n; i++) {
        fi_real inside = x[i] >= least ? x[i] : least;
        inside = inside <= greatest ? inside : greatest;
        const int32_t guess = (int32_t)fma((double)inside - lower, rate, offset);
        const int32_t found = guess + (inside >= s->edge[guess + 1]);
        bin[i] = inside == x[i] ? found : outside;
    }
}

static void add_counts(struct span *s, size_t n, const int32_t *bin)
{
    size_t i = 0;
    for (; i + TABLES <= n; i += TABLES)
        for (size_t t = 0; t < TABLES; t++)
            s->count[t][bin[i + t]]++;
    for (; i < n; i++)
        s->count[0][bin[i]]++;
}

/* A block in doubt makes the next ones wait, twice as many each time, before a place is tried. */
static void span_count(struct span *s, size_t n, const fi_real *x)
{
    int32_t bin[BLOCK];
    size_t wait = 0, next_wait = 0;
    for (size_t start = 0; start < n; start += BLOCK, x += BLOCK) {
        const size_t length = n - start < BLOCK ? n - start : BLOCK;
        if (wait > 0) {
            wait--;
            find_bins_by_edge(s, length, x, bin);
        } else if (find_bins_by_place(s, length, x, bin)) {
            next_wait = 0;
        } else {
            wait = next_wait;
            next_wait = next_wait < RETREAT ? 2 * next_wait + 1 : RETREAT;
            find_bins_by_edge(s, length, x, bin);
        }
        add_counts(s, length, bin);
    }
}

void fi_histogram(size_t n, const fi_real *x, double lower, double upper, size_t bins,
                  double *counts)
{
    FI_REQUIRE((x || n == 0) && counts);
    FI_REQUIRE(lower < upper && isfinite(upper - lower));
    /* Else the edges are too close for a double to tell them apart. */
    FI_REQUIRE(bins > 0 &&
               (upper - lower) / (double)bins > 0x1p-48 * fmax(fabs(lower), fabs(upper)));
    struct span s;
    for (size_t first = 0; first < bins; first += SPAN) {
        span_begin(&s, first, lower, upper, bins);
        span_count(&s, n, x);
        for (size_t k = 0; k < s.bins; k++)
            for (size_t t = 0; t < TABLES; t++)
                counts[first + k] += (double)s.count[t][k];
    }
}
