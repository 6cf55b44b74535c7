/*
 * Histogram, exact at the edges: a multiplication tells each value's bin to within half a bin, and
 * a comparison with the one edge in doubt settles it.
 */
#include "../core/internal.h"

#include <tgmath.h>

#define BLOCK 1024 /* values whose bins are computed at a time */
#define SPAN 1024  /* bins counted in one visit of the values; more bins take more visits */
#define TABLES 4   /* neighbours often share a bin, and a counter waits for its last increment */

/* Bins first .. first + bins - 1 of the histogram, numbered from 0. */
struct span {
    size_t bins;
    fi_real least, greatest;          /* the values counted */
    double lower, rate, offset;       /* (x - lower) rate + offset is the bin, less half a bin */
    fi_real edge[SPAN + 1];           /* the least value at or above each inner edge; NaN last */
    uint64_t count[TABLES][SPAN + 1]; /* the last is for the values outside */
};

static fi_real at_or_above(double edge)
{
    const fi_real near = (fi_real)edge;
    return (double)near < edge ? nextafter(near, (fi_real)HUGE_VAL) : near;
}

static void span_begin(struct span *s, size_t first, double lower, double upper, size_t bins)
{
    *s = (struct span){.bins = bins - first < SPAN ? bins - first : SPAN,
                       .lower = lower,
                       .rate = (double)bins / (upper - lower),
                       .offset = -0.5 - (double)first};
    for (size_t k = 0; k <= s->bins; k++)
        s->edge[k] = at_or_above(lower + (double)(first + k) * (upper - lower) / (double)bins);
    s->least = s->edge[0];
    s->greatest = first + s->bins == bins ? -at_or_above(-upper)
                                          : nextafter(s->edge[s->bins], -(fi_real)HUGE_VAL);
    s->edge[s->bins] = (fi_real)NAN;
}

FI_CLONES static void find_bins(const struct span *s, size_t n, const fi_real *x, int32_t *bin)
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

static void span_count(struct span *s, size_t n, const fi_real *x)
{
    int32_t bin[BLOCK];
    for (size_t start = 0; start < n; start += BLOCK, x += BLOCK) {
        const size_t length = n - start < BLOCK ? n - start : BLOCK;
        find_bins(s, length, x, bin);
        size_t i = 0;
        for (; i + TABLES <= length; i += TABLES)
            for (size_t t = 0; t < TABLES; t++)
                s->count[t][bin[i + t]]++;
        for (; i < length; i++)
            s->count[0][bin[i]]++;
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
