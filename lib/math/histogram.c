/*
 * Histogram, exact at the edges. A value's place in bins, computed in fi_real, says which bin holds
 * it unless it lies within the rounding error of an edge. A block with such a value is done again:
 * a multiplication tells each value's bin to within half a bin, and a comparison with the one edge
 * in doubt settles it. Where bins are few, a block is counted at once (histogram_avx512.c), or two
 * values are counted at a time, by the pair of bins.
 * The values of a dying layer lie all beside one edge, at 0: so many are at or above it.
 */
#include "histogram.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <float.h>
#include <string.h>
#include <tgmath.h>

#define BLOCK FI_HISTOGRAM_BLOCK /* values whose bins are computed at a time */
#define SPAN FI_TALLY_BINS       /* in one visit of the values; more bins take more visits */
#define MANY 16384               /* values that are worth counters of pairs */
#define PAIRED 64                /* most bins whose pairs are counted */
#define TABLES 2 /* neighbours often share a bin, and a counter waits for its last increment */
#define FULL (UINT32_MAX / BLOCK) /* blocks that a counter is sure to hold */

#ifdef FI_DOUBLE
typedef uint64_t bits;
#define EPSILON DBL_EPSILON
#define LEAST_NORMAL DBL_MIN
#define GREATEST DBL_MAX
#else
typedef uint32_t bits;
#define EPSILON FLT_EPSILON
#define LEAST_NORMAL FLT_MIN
#define GREATEST FLT_MAX
#endif

/* Bins first .. first + bins - 1 of the histogram, numbered from 0. */
struct fi_tally {
    fi_places places;
    fi_block_counter *at_once;   /* counts a block into the totals; or NULL */
    bool paired;                 /* counted are pairs, by bin + (bins + 1) bin, not single values */
    fi_pair_finder *pair_finder; /* finds those of a block at once; or NULL */
    fi_real edge[SPAN + 1];      /* of the places */
    fi_retreat places_tried;     /* blocks to come may go straight to the comparison */
    uint32_t blocks;             /* counted since the counters were empty */
    uint64_t total[SPAN + 1];    /* when they last were; the one after the bins is for the others */
    uint32_t counter[TABLES][(PAIRED + 1) * (PAIRED + 1)];
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

/*
 * The same in fixed point, in 2^-16. Beside slope and shift, the shift plus 192.5 rounds by u of
 * `reach` + 193 and the result, below 256, by a half: with u 2^-8 of a 2^-16 that is less than 3/2
 * of the error of a place and 1.3. Where no value is certain, it is more than any fraction or
 * exponent that it is compared with.
 */
static uint32_t margin_of(fi_real certain)
{
    const double error = 0.5 - (double)certain;
    return certain > 0 ? (uint32_t)(1.5 * error * 0x1p16 + 1.3) + 1 : INT16_MAX;
}

static size_t counters(const fi_tally *s)
{
    return (s->places.bins + 1) * (s->paired ? s->places.bins + 1 : 1);
}

static void begin(fi_tally *s, size_t n, size_t first, double lower, double upper, size_t bins)
{
    const size_t here = bins - first < SPAN ? bins - first : SPAN;
    const double rate = (double)bins / (upper - lower), offset = -0.5 - (double)first;
    for (size_t k = 0; k <= here; k++)
        s->edge[k] = at_or_above(lower + (double)(first + k) * (upper - lower) / (double)bins);
    s->places = (fi_places){
        .bins = here,
        .least = s->edge[0],
        .greatest = first + here == bins ? -at_or_above(-upper)
                                         : nextafter(s->edge[here], -(fi_real)HUGE_VAL),
        .slope = (fi_real)rate,
        .shift = (fi_real)(-lower * rate + offset),
        .last = (fi_real)(here - 1),
        .certain = certain_within(fmax(fabs(lower), fabs(upper)) * rate, (double)bins, rate),
        .lower = lower,
        .rate = rate,
        .offset = offset,
        .edge = s->edge,
    };
    s->places.margin = margin_of(s->places.certain);
    s->edge[here] = (fi_real)NAN;
    s->at_once = here <= FI_COUNTED_BINS ? fi_best_block_counter() : NULL;
    s->paired = !s->at_once && here <= PAIRED && n >= MANY;
    s->pair_finder = s->paired && here <= FI_COUNTED_BINS ? fi_best_pair_finder() : NULL;
    s->places_tried = (fi_retreat){0};
    s->blocks = 0;
    memset(s->total, 0, sizeof s->total);
    for (size_t t = 0; t < TABLES; t++)
        memset(s->counter[t], 0, counters(s) * sizeof **s->counter);
}

/*
 * FI_COUNTER + the bin of each value by its place; false if one was too near an inner edge. A value
 * outside has a bin of its own, and one beyond the middle of the first or last bin needs no edge.
 */
static inline bool find_bins_by_place(const fi_tally *s, const fi_real *restrict x,
                                      fi_real *restrict bin)
{
    const fi_places p = s->places;
    const fi_real outside = FI_COUNTER + (fi_real)p.bins;
    bits doubt = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        fi_real place = fma(x[i], p.slope, p.shift);
        place = place > 0 ? place : 0;
        place = place < p.last ? place : p.last;
        const fi_real found = place + FI_COUNTER; /* rounds to the nearest */
        doubt |= fabs(place - (found - FI_COUNTER)) > p.certain ? ~(bits)0 : 0;
        const fi_real above = x[i] >= p.least ? found : outside;
        bin[i] = x[i] <= p.greatest ? above : outside;
    }
    return doubt == 0;
}

static inline fi_real bin_by_edge(const fi_tally *s, fi_real x)
{
    return FI_COUNTER + (fi_real)fi_bin_by_edge(&s->places, x);
}

FI_CLONES static void find_bins_by_edge(const fi_tally *s, const fi_real *restrict x,
                                        fi_real *restrict bin)
{
    for (size_t i = 0; i < BLOCK; i++)
        bin[i] = bin_by_edge(s, x[i]);
}

/* Values that are all the same, as zeros often are. */
static bool all_same(const fi_real *x)
{
    return x[0] == x[BLOCK - 1] && memcmp(x, x + 1, (BLOCK - 1) * sizeof *x) == 0;
}

/* Counts a block that is all in the two bins beside the inner edge nearest to its first value. */
static inline bool count_beside_edge(fi_tally *s, const fi_real *x)
{
    if (!(*x >= s->places.least && *x <= s->places.greatest))
        return false;
    const size_t nearest =
        (size_t)(((double)*x - s->places.lower) * s->places.rate + s->places.offset + 1);
    if (nearest < 1 || nearest >= s->places.bins)
        return false;
    const fi_real *const edge = s->edge + nearest;
    const fi_real below = edge[-1], at = edge[0], above = edge[1];
    bits inside = 0, upper = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        inside += (bits)(x[i] >= below) & (bits)(x[i] < above);
        upper += (bits)(x[i] >= at);
    }
    if (inside < BLOCK)
        return false;
    s->total[nearest - 1] += BLOCK - upper;
    s->total[nearest] += upper;
    return true;
}

static inline size_t index_of(fi_real bin)
{
    bits b;
    memcpy(&b, &bin, sizeof b);
    return (uint16_t)b;
}

/* bin[i] += (bin[i + BLOCK / 2] - FI_COUNTER) stride: the pair's index. */
static inline void pair_bins(fi_real stride, fi_real *bin)
{
    for (size_t i = 0; i < BLOCK / 2; i++)
        bin[i] = fma(bin[i + BLOCK / 2] - FI_COUNTER, stride, bin[i]);
}

/* n is a multiple of 8. */
static inline void increment(fi_tally *s, size_t n, const fi_real *bin)
{
    for (size_t i = 0; i < n; i += 8)
        for (size_t k = 0; k < 8; k++)
            s->counter[k % TABLES][index_of(bin[i + k])]++;
}

/* Adds up the counters into the totals: of a pair, each bin has one. */
static void empty_counters(fi_tally *s)
{
    const size_t bins = s->places.bins, stride = bins + 1, rows = s->paired ? stride : 1;
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t row = 0; row < rows; row++) {
            const uint32_t *const counter = s->counter[t] + row * stride;
            for (size_t k = 0; k < bins; k++)
                s->total[k] += counter[k];
            for (size_t k = 0; s->paired && row < bins && k < stride; k++)
                s->total[row] += counter[k];
        }
        memset(s->counter[t], 0, counters(s) * sizeof **s->counter);
    }
    s->blocks = 0;
}

/* Counts a block, by `n` of its counters. */
static inline void count_indices(fi_tally *s, size_t n, const fi_real *bin)
{
    increment(s, n, bin);
    if (++s->blocks == FULL)
        empty_counters(s);
}

/* Counts a block whose bins are known. */
static inline void count_bins(fi_tally *s, fi_real *bin)
{
    if (s->paired)
        pair_bins((fi_real)(s->places.bins + 1), bin);
    count_indices(s, s->paired ? BLOCK / 2 : BLOCK, bin);
}

static inline bool count_by_place(fi_tally *s, const fi_real *x)
{
    fi_real bin[BLOCK];
    if (s->at_once)
        return s->at_once(&s->places, x, s->total);
    if (s->pair_finder && s->pair_finder(&s->places, x, bin)) {
        count_indices(s, BLOCK / 2, bin);
        return true;
    }
    if (!find_bins_by_place(s, x, bin))
        return false;
    count_bins(s, bin);
    return true;
}

/* By their places, unless one is in doubt or has been in the blocks before. */
static inline bool try_to_count_by_place(fi_tally *s, const fi_real *x)
{
    if (!fi_attempts(&s->places_tried))
        return false;
    const bool counted = count_by_place(s, x);
    fi_attempted(&s->places_tried, counted);
    return counted;
}

FI_CLONES static void count_blocks(fi_tally *s, size_t blocks, const fi_real *x)
{
    for (; blocks > 0; blocks--, x += BLOCK) {
        if (all_same(x)) {
            s->total[index_of(bin_by_edge(s, *x))] += BLOCK;
        } else if (!try_to_count_by_place(s, x) && !count_beside_edge(s, x)) {
            fi_real bin[BLOCK];
            find_bins_by_edge(s, x, bin);
            count_bins(s, bin);
        }
    }
}

/* The last block is filled up with NaN, which is outside. */
void fi_tally_add(fi_tally *tally, size_t n, const fi_real *x)
{
    FI_REQUIRE(tally && (x || n == 0));
    const size_t rest = n % BLOCK;
    count_blocks(tally, n / BLOCK, x);
    if (rest > 0) {
        fi_real block[BLOCK];
        memcpy(block, x + n - rest, rest * sizeof *x);
        for (size_t i = rest; i < BLOCK; i++)
            block[i] = (fi_real)NAN;
        count_blocks(tally, 1, block);
    }
}

void fi_tally_counts(fi_tally *tally, double *counts)
{
    FI_REQUIRE(tally && counts);
    empty_counters(tally);
    for (size_t k = 0; k < tally->places.bins; k++)
        counts[k] += (double)tally->total[k];
    memset(tally->total, 0, tally->places.bins * sizeof *tally->total);
}

static void check_edges(double lower, double upper, size_t bins)
{
    FI_REQUIRE(lower < upper && isfinite(upper - lower));
    /* Else the edges are too close for a double to tell them apart. */
    FI_REQUIRE(bins > 0 &&
               (upper - lower) / (double)bins > 0x1p-48 * fmax(fabs(lower), fabs(upper)));
}

fi_tally *fi_tally_new(double lower, double upper, size_t bins, fi_arena *arena)
{
    check_edges(lower, upper, bins);
    FI_REQUIRE(bins <= SPAN && arena);
    fi_tally *tally = fi_arena_alloc(arena, 1, sizeof *tally);
    if (tally)
        begin(tally, SIZE_MAX, 0, lower, upper, bins);
    return tally;
}

void fi_histogram(size_t n, const fi_real *x, double lower, double upper, size_t bins,
                  double *counts)
{
    FI_REQUIRE((x || n == 0) && counts);
    check_edges(lower, upper, bins);
    fi_tally tally;
    for (size_t first = 0; first < bins; first += SPAN) {
        begin(&tally, n, first, lower, upper, bins);
        fi_tally_add(&tally, n, x);
        fi_tally_counts(&tally, counts + first);
    }
}
