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

/*
 * The draws that leave a cut law: of the draw of u the draw of below + inside u, in fixed point,
 * off by at most 2.4e-10; in the quantile at 2 sigma that is 5e-9. `span`, inside in 2^-31, is odd,
 * so that in a symmetric cut fi_narrow(~x) = ~fi_narrow(x).
 */
typedef struct fi_window {
    int64_t span, shift;
} fi_window;

static inline uint32_t fi_narrow(uint32_t x, fi_window window)
{
    const int64_t from_median = (int32_t)(x ^ UINT32_C(0x80000000));
    const int64_t product = from_median * window.span + (window.span - 1) / 2;
    const uint32_t moved = (uint32_t)((uint64_t)product >> 31) + (uint32_t)window.shift;
    return moved ^ UINT32_C(0x80000000);
}

/*
 * What an instruction set makes of lanes: `run` is fi_lanes_run; `normal` takes the next FI_LANES *
 * rounds draws, narrowed where there is a window, to out[k] = scale * fi_quantile(draw k).
 */
typedef struct fi_draw_kernel {
    const char *name;
    void (*run)(fi_lanes *restrict lanes, size_t rounds, uint32_t *restrict x);
    void (*normal)(fi_lanes lanes, size_t rounds, const fi_window *window, float scale, float *out);
} fi_draw_kernel;

extern const fi_draw_kernel fi_draw_portable;
#ifdef __x86_64__
extern const fi_draw_kernel fi_draw_avx2, fi_draw_avx512;
#endif

/* Those that this processor can run, the fastest first, the portable one last, then NULL. */
const fi_draw_kernel *fi_draw_choice(size_t k);

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
