/* The principal axes of samples. */
#ifndef FI_DATA_PRINCIPAL_H
#define FI_DATA_PRINCIPAL_H

#include "../fanin.h"

/* LAPACK needs 2 cols^2 numbers of workspace, and counts them in an int. */
#define FI_MOST_AXES ((size_t)32000)

/*
 * cols <= FI_MOST_AXES. Of the covariance, divided by `rows`, of x (rows, cols) about `mean`:
 * variances (cols), falling, and axes (cols, cols), row k the unit vector of variance k. An axis
 * has its largest entry positive. Fails with FI_ENOMEM, FI_EDATA if there is no answer, or FI_EIO
 * without a LAPACK.
 */
FI_CHECKED fi_status fi_principal_axes(size_t rows, size_t cols, const fi_real *x,
                                       const double *mean, double *variances, double *axes,
                                       fi_arena *scratch);

#endif
