/* The slopes of an activation function on a batch: how many are small, which units are dead. */
#ifndef FI_STUDY_SLOPES_H
#define FI_STUDY_SLOPES_H

#include "../fanin.h"

/* Activations a from least to greatest. */
typedef struct fi_slope_range {
    fi_real least, greatest;
} fi_slope_range;

/* Counts of the rows so far; the arena owns the arrays. */
typedef struct fi_slopes {
    const fi_activation *activation;
    size_t units, rows, small;
    bool ranged;                 /* the slope is judged by the activation, by these ranges: */
    fi_slope_range large, alive; /* |phi'| not below a twentieth of its supremum; not 0 */
    bool nan_alive, all_alive;   /* a NaN has a slope that is not 0; all units had one */
    fi_real *lively;             /* (units): not 0 for those with a slope so far */
    fi_real *ones, *slopes;      /* (units): where slopes are computed */
} fi_slopes;

/*
 * From pre-activations z or activations a (rows, units), whichever the activation needs (the other
 * may be NULL), as the rows come: *saturated, the share where |phi'| is below a twentieth of its
 * supremum; *dead, the share of units whose phi' is 0 in every row. Begin is false if memory is
 * refused. How the rows are cut into calls is of no consequence.
 */
FI_CHECKED bool fi_slopes_begin(fi_slopes *slopes, const fi_activation *activation, size_t units,
                                fi_arena *scratch);
void fi_slopes_add(fi_slopes *slopes, size_t rows, const fi_real *z, const fi_real *a);

/* fi_slopes_add and fi_moments_add of activations alone, in one visit where that tells both. */
void fi_slopes_add_with_moments(fi_slopes *slopes, fi_moments *moments, size_t rows,
                                const fi_real *a);

void fi_slopes_finish(const fi_slopes *slopes, double *saturated, double *dead);

/* 0 for units whose activations are known to be all 0, as a dead unit's are with ReLU; NULL where
 * a slope of 0 does not say so. */
const fi_real *fi_slopes_nonzero(const fi_slopes *slopes);

/* All rows at once; false if memory is refused. */
FI_CHECKED bool fi_count_slopes(const fi_activation *activation, size_t rows, size_t units,
                                const fi_real *z, const fi_real *a, fi_arena *scratch,
                                double *saturated, double *dead);

#endif
