/*
 * The sums that moments are made of: lanes of fi_real, added up in an order of their own, so that
 * the bits depend neither on the instruction set nor on the alignment.
 */
#ifndef FI_MATH_MOMENTS_SUMS_H
#define FI_MATH_MOMENTS_SUMS_H

#include "lanes.h"

enum {
    FI_SURVEY_LANES = 16,
    FI_POWERS_ROWS = 9,
    FI_POWERS_BLOCK = 576,    /* values: multiples of so many are added up fastest, */
    FI_TWO_POWERS_BLOCK = 768 /* and of two powers alone */
};

#ifdef FI_DOUBLE
typedef uint64_t fi_lane_count;
#else
typedef uint32_t fi_lane_count;
#endif

/* Lane by lane; the extremes skip NaN. */
typedef struct fi_survey {
    fi_real sum[FI_SURVEY_LANES], minimum[FI_SURVEY_LANES], maximum[FI_SURVEY_LANES];
    fi_lane_count zeros[FI_SURVEY_LANES];
} fi_survey;

void fi_survey_values(size_t n, const fi_real *x, fi_survey *survey);

/*
 * total[k - 1] += the sum of the k-th powers of (x - center) scale, scale a power of two. If `seen`
 * is not NULL, x is surveyed meanwhile, but for its sum.
 */
void fi_add_powers(size_t n, const fi_real *x, fi_real center, fi_real scale,
                   double total[4][FI_FINAL_LANES], fi_survey *seen);

/* total[k - 1] += the sum of the k-th powers of x - center. */
void fi_add_two_powers(size_t n, const fi_real *x, fi_real center, double total[2][FI_FINAL_LANES]);

/* ---- for moments_sums.c -----------------------------------------------------------------------
 */

#if defined(__x86_64__) && !defined(FI_DOUBLE)
/* As fi_add_powers with a survey, of n values in whole blocks, in powers of x scale + shift. Where
 * the processor has AVX2. */
void fi_survey_and_add_powers_avx2(size_t n, const float *x, float scale, float shift,
                                   double total[4][FI_FINAL_LANES], fi_survey *survey);
#endif

#endif
