/* fanin's theory: what a layer's statistics should be. Included by fanin.h. */
#ifndef FANIN_THEORY_H
#define FANIN_THEORY_H

#include "fanin.h"

/*
 * Mean-field theory of a network's first pass (Neal 1996; Poole et al. 2016, "Exponential
 * expressivity in deep neural networks through transient chaos"; Schoenholz et al. 2017, "Deep
 * information propagation"). A layer is z = W a + b with Var W = sw2 / fan_in and b ~ N(0, sb2); u
 * and v are the pre-activations of one unit for two samples, normal with variance q and
 * correlation c. Everything comes from an activation's row (phi, phi') by quadrature. All numbers
 * are dimensionless; NAN stands for what theory does not give, and for what does not converge.
 */

/* Expectations at (q, c), 0 <= c <= 1, q >= 0. */
typedef struct fi_maps {
    double mean, mean_slope;       /* M = E phi(u), dM/dq */
    double second, slope, curve;   /* F = E phi^2, dF/dq, d^2F/dq^2 */
    double fourth;                 /* E phi^4 */
    double gain;                   /* E phi'^2: chi / sw2 */
    double gain_fourth;            /* E phi'^4 */
    double product, slope_product; /* E phi(u) phi(v), E phi'(u) phi'(v) */
    double square_product;         /* E phi(u)^2 phi(v)^2 */
    double saturated, zero;        /* P(|phi'| < 0.05 sup |phi'|), P(phi = 0) */
} fi_maps;

/* Relative error 1e-9 (two samples: 2e-6 up to c = 0.95 for a phi with a kink; slopes of one,
 * 2e-4). */
FI_API fi_maps fi_maps_at(const fi_activation *activation, double q, double c);

typedef enum fi_regime {
    FI_ORDERED,  /* chi_1 < 1: unrelated inputs become alike, gradients vanish */
    FI_CRITICAL, /* |chi_1 - 1| < 1e-6 */
    FI_CHAOTIC   /* chi_1 > 1: like inputs become unrelated, gradients explode */
} fi_regime;

/* Where (sw2, sb2) leads in the limit of depth (Schoenholz et al. 2017, section 3). */
typedef struct fi_fixed_point {
    double q;            /* q* = sw2 F(q*) + sb2; 0 if it dies, INFINITY if it explodes */
    double c;            /* c*, the stable one; 1 in the ordered regime */
    double chi_1, chi_c; /* sw2 E phi'^2 at q*; sw2 E phi'(u) phi'(v) at (q*, c*) */
    double xi_q, xi_c;   /* layers over which q and c come closer to theirs by a factor e */
    double xi_gradient;  /* layers over which E gradient^2 changes by e: 1 / |ln chi_1| */
    fi_regime regime;
} fi_fixed_point;

/*
 * From q = sw2 + sb2 (unit inputs). Where every q is a fixed point (ReLU at sw2 = 2) q* is that. A
 * depth scale is INFINITY where the approach is slower than any exponential.
 */
FI_API fi_fixed_point fi_fixed_point_of(const fi_activation *activation, double sw2, double sb2);

/*
 * The sw2 at which chi_1(q*) = 1 for this sb2, and that q* (0 where it is reached in the limit, NAN
 * where q* is arbitrary); NAN if there is none. The smallest q* > 0 is taken.
 */
FI_API double fi_critical(const fi_activation *activation, double sb2, double *q);

/* What theory needs to know of a batch of inputs (samples, inputs). */
typedef struct fi_input_moments {
    double mean, second, fourth;    /* over all entries: E x, E x^2, E x^4 */
    double norm_variance;           /* of mean_j x_nj^2 between samples */
    double cosine, cosine_variance; /* of the angle between two samples, over pairs */
    bool drawn; /* anew in each run, with normal entries; else every run sees the same inputs */
} fi_input_moments;

/* Of independent N(0, 1) entries. */
FI_API fi_input_moments fi_input_normal(size_t inputs);

/* Of given inputs; the cosines' variance from about 4 x samples pairs. samples >= 2. */
FI_API fi_input_moments fi_input_measure(size_t samples, size_t inputs, const fi_real *x);

/* A network at initialization: `depth` times dense, batch norm if wanted, activation. */
typedef struct fi_theory_spec {
    const fi_activation *activation;
    size_t depth, samples;
    const size_t *units;           /* (depth + 1): inputs, then every layer's */
    const double *weight_variance; /* (depth): Var W of each layer */
    fi_law law;                    /* of the weights; see fi_theory_predict */
    double kurtosis, noise;        /* as fi_weight_moments has them; both 0: the law's own */
    double bias_variance;          /* sb2 */
    bool batch_norm;               /* training mode, gamma 1, beta 0 */
    double eps;                    /* 0 means 1e-5 */
    fi_input_moments input;
} fi_theory_spec;

/* A statistic of one run: what to expect, and by how much one run deviates. */
typedef struct fi_prediction {
    double value, sd;
} fi_prediction;

/*
 * The statistics of one layer, each over (samples, units), and its weights'. The cotangent of the
 * last activation is N(0, 1), drawn for itself; weight gradients are summed over the samples.
 * `cosine` is the mean over pairs of samples of the cosine between their activations.
 */
typedef struct fi_layer_theory {
    fi_prediction preactivation_mean, preactivation_variance, affine_variance;
    fi_prediction activation_mean, activation_variance, activation_skewness, activation_kurtosis;
    fi_prediction zero_fraction, saturated_fraction, cosine;
    fi_prediction gradient_mean, gradient_variance;
    fi_prediction weight_mean, weight_variance;
    fi_prediction weight_gradient_mean, weight_gradient_variance;
} fi_layer_theory;

/*
 * Fills layers[0 .. depth]; layer 0 is the input, which has activation_*, cosine and gradient_*
 * only. Values hold up to relative terms of order (depth / width)^2, deviations up to depth /
 * width. Orthogonal weights are Haar distributed, orthonormal along the smaller side. An sd of 0 is
 * that of exact arithmetic: allow for rounding.
 *
 * Missing: everything but the weights' where FI_CONSTANT weights are not 0, where the inputs' norms
 * are too unlike (relative variance of norm^2 over 0.25), under batch norm with fewer than 8
 * samples, beyond the range of fi_real, and from the layer on where the width is too small for the
 * depth: the mean square of the activations is shifted by over 25 % or deviates by over 70 %, or,
 * under batch norm, the samples' norm^2 by over 70 %. Gradients are missing below such layers, and
 * under batch norm where the mean square cosine of two samples is over 0.06. Skewness and kurtosis:
 * where finite width moves the kurtosis by over 25 %, and under batch norm where norm^2 deviates by
 * over 28 %. A fraction of which fewer than 10 cases are expected (its sd: under 0.5 %); a fraction
 * of zeros by underflow; the sd of a cosine over 0.99, and of one under orthogonal weights. Of
 * given inputs in fewer than 50 directions (mean square cosine over 0.02): cosine, skewness,
 * kurtosis, the sd of the weight gradients' mean, and under batch norm those of the mean and the
 * fractions.
 *
 * Batch norm: Yang et al. 2019, "A mean field theory of batch normalization". Linear networks: Saxe
 * et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
 * networks". Kernels of ReLU: Cho & Saul 2009. Weights for it: He et al. 2015. Fails with
 * FI_ENOMEM only.
 */
FI_CHECKED FI_API fi_status fi_theory_predict(const fi_theory_spec *spec, fi_layer_theory *layers,
                                              fi_arena *scratch);

#endif
