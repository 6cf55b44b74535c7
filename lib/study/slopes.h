/* The slopes of an activation function on a batch: how many are small, which units are dead. */
#ifndef FI_STUDY_SLOPES_H
#define FI_STUDY_SLOPES_H

#include "../fanin.h"

/*
 * From pre-activations z or activations a (rows, units), whichever the activation needs (the other
 * may be NULL): *saturated, the share where |phi'| is below a twentieth of its supremum; *dead, the
 * share of units whose phi' is 0 in every row. False if memory is refused.
 */
FI_CHECKED bool fi_count_slopes(const fi_activation *activation, size_t rows, size_t units,
                                const fi_real *z, const fi_real *a, fi_arena *scratch,
                                double *saturated, double *dead);

#endif
