/* Draws of the normal law between two bounds, which FI_TRUNCATED is made of. */
#ifndef FI_MATH_DRAW_H
#define FI_MATH_DRAW_H

#include "../fanin.h"

/* N(0, 1), given that it lies in [lower, upper]. */
typedef struct fi_cut {
    double below, inside, above; /* probabilities of N(0, 1) */
    double mean, sd, kurtosis;   /* of what is left, by its recurrence of moments */
} fi_cut;

/* Finite bounds, lower < upper, with a probability `inside` of at least 1e-3. */
fi_cut fi_cut_normal(double lower, double upper);

/* out[k] = std * (draw k under the cut law, as it is: not centred, not rescaled). */
void fi_draw_cut(fi_rng *rng, const fi_cut *cut, double std, size_t n, fi_real *out);

#endif
