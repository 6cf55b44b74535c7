/* The differences between two aligned records, position by position, and which of them count. */
#ifndef FI_PLOTS_DIFFERENCE_H
#define FI_PLOTS_DIFFERENCE_H

#include "align.h"

/* One position of one statistic. */
struct difference {
    const struct common *common;
    size_t *position; /* along A's axes */
    struct sample samples[SIDES];
    double relative;      /* |mean - mean| over the larger */
    double t;             /* NaN where no test is possible */
    double p;             /* corrected for the number of tests; 0 or 1 where the rule decides */
    bool tested, differs; /* by a t test, or else by the rule */
};

/* All positions, in the order of the statistics. */
struct result {
    size_t count, tested, differing;
    size_t partial; /* positions that lack the values of some runs */
    size_t empty;   /* further positions, without a value in either file */
    struct difference *differences;
};

/*
 * Each position is tested by Welch's t test, all together at the family-wise error rate `level`.
 * The rule: a relative difference up to `tolerance` is none; a larger one is, where there is no
 * spread to test it against; and so is a position that has no value in any run of one file alone.
 */
struct result fi_compare(const struct alignment *alignment, double level, double tolerance);

/* Whether d differs more than e does. */
bool fi_is_worse(const struct difference *d, const struct difference *e);

#endif
