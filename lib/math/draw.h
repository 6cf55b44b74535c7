/*
 * What fi_draw is made of and others use too: the raw draws of a stream, many at a time, and the
 * normal law between two bounds.
 */
#ifndef FI_MATH_DRAW_H
#define FI_MATH_DRAW_H

#include "../fanin.h"

enum {
    FI_LANES = 16
};

/* Copies of one stream, each a draw ahead of the one before; all jump by FI_LANES. */
typedef struct fi_lanes {
    uint64_t state[FI_LANES];
    uint64_t multiplier, increment; /* of FI_LANES steps at once */
} fi_lanes;
fi_lanes fi_lanes_from(fi_rng rng);

/* The next FI_LANES * rounds draws of the stream, in order, as fi_rng_u32 gives them. */
void fi_lanes_run(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x);

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
