/* A histogram of values that come in parts. */
#ifndef FI_MATH_HISTOGRAM_H
#define FI_MATH_HISTOGRAM_H

#include "../fanin.h"

#include <math.h>

enum {
    FI_TALLY_BINS = 1024, /* most bins of a tally */
    FI_COUNTED_BINS = 63  /* most bins of a fi_block_counter, which has 64 counts */
};

/* Counts of values in the bins of fi_histogram; made once, in the arena, for any number of adds. */
typedef struct fi_tally fi_tally;

/* Of at most FI_TALLY_BINS bins; NULL if memory is refused. */
fi_tally *fi_tally_new(double lower, double upper, size_t bins, fi_arena *arena);

/* Fastest where n is a multiple of 256. */
void fi_tally_add(fi_tally *tally, size_t n, const fi_real *x);

/* Adds what was counted since the last such call to counts (bins). */
void fi_tally_counts(fi_tally *tally, double *counts);

/* ---- blocks of values, for histogram.c ------------------------------------------------------- */

enum {
    FI_HISTOGRAM_BLOCK = 256
};

/* FI_COUNTER + k, k a bin, is an fi_real whose lowest bits are the integer k. */
#ifdef FI_DOUBLE
#define FI_COUNTER 0x1.8p52
#else
#define FI_COUNTER 0x1.8p23F
#endif

/*
 * Blocks that go without an attempt after some on which it failed: twice as many each time. All
 * zeros attempts the next one.
 */
typedef struct fi_retreat {
    unsigned wait, next_wait;
} fi_retreat;

/* Whether to attempt the next block. */
static inline bool fi_attempts(fi_retreat *r)
{
    if (r->wait == 0)
        return true;
    r->wait--;
    return false;
}

/* What came of an attempt. */
static inline void fi_attempted(fi_retreat *r, bool success)
{
    enum {
        MOST = 31
    };
    r->wait = success ? 0 : r->next_wait;
    r->next_wait = success ? 0 : r->next_wait < MOST ? 2 * r->next_wait + 1 : MOST;
}

/* How the place of a value, computed in fi_real, says which of `bins` bins holds it. */
typedef struct fi_places {
    size_t bins;
    fi_real least, greatest;    /* the values that are in one */
    fi_real slope, shift;       /* slope x + shift is the place of x, nearly: k mid in bin k */
    fi_real last;               /* the place in the middle of the last bin; of the first it is 0 */
    fi_real certain;            /* no farther from the middle of a bin, a place is in it */
    uint32_t margin;            /* no closer to its edges, in 2^-16, is a place in fixed point */
    double lower, rate, offset; /* (x - lower) rate + offset is the bin, less half a bin */
    const fi_real *edge;        /* the least value at or above each inner edge; NaN last */
    fi_retreat within;          /* from taking it that no value is at a bound or outside */
} fi_places;

/* The bin of a value, settled by an edge; a value in none has one of its own, `bins`. */
static inline int32_t fi_bin_by_edge(const fi_places *p, fi_real x)
{
    fi_real inside = x >= p->least ? x : p->least;
    inside = inside <= p->greatest ? inside : p->greatest;
    const int32_t guess = (int32_t)fma((double)inside - p->lower, p->rate, p->offset);
    const int32_t found = guess + (inside >= p->edge[guess + 1]);
    return inside == x ? found : (int32_t)p->bins;
}

/*
 * counts[k] += how many values of the block are in bin k, for k < bins; false, and nothing is
 * added, if many are too near an edge. What the counts beyond the bins take is not specified.
 */
typedef bool fi_block_counter(fi_places *places, const fi_real *x, uint64_t *counts);

/* One that is faster than counters in memory; NULL if this processor has none. */
fi_block_counter *fi_best_block_counter(void);

/*
 * Places in fixed point: FI_FIXED + place, as a float, holds bin + 192 in 2^-16, which is how far
 * apart floats are from 192 to 256; and from its bits to INT32_MIN + bin 2^16.
 */
#define FI_FIXED 192.5F
#define FI_FROM_FIXED (0x80000000 - 0x43400000)

/*
 * The lowest 16 bits of pair[i] = bin + (bins + 1) bin, the bins of x[i] and x[i + BLOCK / 2];
 * false if a value is too near an edge or outside. Of at most FI_COUNTED_BINS bins.
 */
typedef bool fi_pair_finder(fi_places *places, const fi_real *x, fi_real *pair);

/* NULL if this processor has none. */
fi_pair_finder *fi_best_pair_finder(void);

#endif
