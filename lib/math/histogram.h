/* A histogram of values that come in parts. */
#ifndef FI_MATH_HISTOGRAM_H
#define FI_MATH_HISTOGRAM_H

#include "../fanin.h"

enum {
    FI_TALLY_BINS = 1024 /* most bins of a tally */
};

/* Counts of values in the bins of fi_histogram; made once, in the arena, for any number of adds. */
typedef struct fi_tally fi_tally;

/* Of at most FI_TALLY_BINS bins; NULL if memory is refused. */
fi_tally *fi_tally_new(double lower, double upper, size_t bins, fi_arena *arena);

/* Fastest where n is a multiple of 256. */
void fi_tally_add(fi_tally *tally, size_t n, const fi_real *x);

/* Adds what was counted since the last such call to counts (bins). */
void fi_tally_counts(fi_tally *tally, double *counts);

#endif
