/* How theory goes from layer to layer: what one layer hands to the next, forward and backward. */
#ifndef FI_THEORY_PROPAGATE_H
#define FI_THEORY_PROPAGATE_H

#include "expectation.h"

/*
 * The activations of one layer. S_n = mean_j a_nj^2 of a sample, K_nm = mean_j a_nj a_mj of two;
 * their fluctuations are those of order 1 / width.
 */
typedef struct fi_kernel {
    double n;                            /* units */
    double mean, second, fourth;         /* E a, E a^2, E a^4 */
    double product, square_product;      /* E a_n a_m, E a_n^2 a_m^2 */
    double shift, product_shift;         /* E S_n, E K_nm less their limits */
    double var_s, cov_s, var_k, cov_sk;  /* of S_n; S_n, S_m; K_nm; S_n, K_nm */
    double batch_ss, batch_sk, batch_kk; /* of the averages over samples and pairs */
} fi_kernel;

/* What backward needs to know of a layer; shifts and noises are relative. */
typedef struct fi_gains {
    double weight, fan_in, n; /* Var W, and the shape of W */
    double kept;              /* share of a quadratic form's noise that W adds */
    double gain;              /* E phi'^2 */
    double response, signal;  /* d log gain and dS of this layer, over dS of the one below */
    double shift, reuse;      /* of the gain; of its product with the same W */
    double fourth, pair,
        slope_pair; /* the same over gain^2: E phi'^4, E phi'_n^2 phi'_m^2, (E phi'_n phi'_m)^2 */
    double alike;   /* what is left of a correlation, forward times backward */
    double noise;   /* variance of S averaged, not inherited */
    double cross, cross_one;  /* covariance of that noise and the gain's; of one sample */
    double curved;            /* excess of E phi'^2 z^2 over gain q, relative */
    double along, mean_share; /* what is left of a cotangent's excess along the activations, below
                                 and in the mean over units of dz */
} fi_gains;

#define FI_NORMS 5 /* values of a sample's norm^2 that stand for all; see uneven.c */

/* A layer under batch norm, of samples with centred norm^2 r below it, at FI_NORMS values of r. */
typedef struct fi_norms {
    double r[FI_NORMS];
    double mean[FI_NORMS];     /* E phi */
    double ratio[FI_NORMS];    /* norm^2 here, over its mean over samples */
    double expected[FI_NORMS]; /* of its logarithm */
    double noise[FI_NORMS];    /* variance of its logarithm */
    double skew[FI_NORMS];     /* third moment of that */
    double gain[FI_NORMS];     /* E phi'^2 */
    double fourth[FI_NORMS];   /* E phi'^4 / gain^2 */
    double cross[FI_NORMS];    /* covariance of the averages of phi'^2 and of log norm^2 */
} fi_norms;

/* A layer under batch norm; after centring over the batch, relative to `centred`. */
typedef struct fi_batch_layer {
    double centred;                 /* S - K: variance of a unit's activations over the batch */
    double norms, cosines;          /* variance of a sample's norm^2, and of two samples' cosine */
    double fourth_share;            /* fourth moment of a unit's activations */
    double noise;                   /* variance of `centred`, over runs */
    double mean_noise;              /* absolute: variance over samples of the mean over units */
    double weight, fan_in, n, kept; /* as in fi_gains */
    double share, inverse, spread;  /* v / (v + eps), E 1 / (v + eps), relative var v */
    double alike;                   /* d cosine / d cosine below, at 0 */
    double gain, mean_slope, slope_pair; /* E phi'^2, E phi', E phi'_n phi'_m */
    double weighted, weighted_pair;      /* the same of y phi' */
    double unit_noise;                   /* variance over units of E phi'^2, over gain^2 */
    double log_gain, response;           /* d log gain, d log norm^2 over d log norm^2 below */
    double log_r[FI_NORMS];              /* of this layer's samples */
    double triples; /* tr K^3 / samples^3, K the cosines of the samples but for `common` */
    double pair[FI_NORMS][FI_NORMS]; /* product of two samples, given their norms */
    double common;                   /* mean square of that, a part of `cosines` */
    fi_norms at;
} fi_batch_layer;

/* A network, with what is common to its layers. */
typedef struct fi_propagation {
    const fi_theory_spec *spec;
    fi_integrand integrand;
    double samples, excess, eps; /* the weights' excess kurtosis */
    fi_kernel *kernels;          /* (depth + 1) */
    fi_gains *gains;             /* (depth + 1), of the layer; 0 unused */
    fi_batch_layer *batch;       /* (depth + 1), under batch norm */
    fi_layer_theory *layers;
} fi_propagation;

/* Share of the noise in W's quadratic forms that is left: 1; less for orthogonal weights. */
double fi_kept_noise(const fi_theory_spec *spec, size_t layer, bool backward);

/* Fills layers, kernels and gains of one layer from the kernel below. */
void fi_forward(fi_propagation *net, size_t layer);
/* Fills the gradients of all layers. */
void fi_backward(fi_propagation *net);

/* The same under batch norm. */
void fi_batch_forward(fi_propagation *net, size_t layer);
void fi_batch_backward(fi_propagation *net);

/* Over r: E a, E a b, Cov(a, b); over r and r' of two samples: E a(r) pair(r, r') b(r'). */
double fi_norms_mean(const double *values);
double fi_norms_product(const double *a, const double *b);
double fi_norms_covariance(const double *a, const double *b);
double fi_norms_form(const double *a, const double pair[FI_NORMS][FI_NORMS], const double *b);
/* The values of log r, of this variance and third moment, where r is 1 on average. */
void fi_norms_init(double *log_r, double variance, double third);
/*
 * The same for what becomes of each value in a layer, which adds to it this variance (noise) and
 * third moment (skew).
 */
void fi_norms_pass(const double *log_ratio, const double *noise, const double *skew, double *log_r);
/* The polynomial in log r through the values: itself and its first two derivatives. */
void fi_norms_interpolate(const double *log_r, const double *values, double at, double out[3]);

/* Fills cosines, common, pair and triples; slope is E phi' at each norm. */
void fi_batch_cosines(fi_batch_layer *batch, const fi_batch_layer *below, double samples,
                      double kept, const double *slope);

/* E K_nm / sqrt(S_n S_m) less E K_nm / E S_n: from the fluctuations of both. */
double fi_uneven_cosine(const fi_kernel *kernel);

/* Without the deviation where it is lost in what the expansion leaves out: samples all alike. */
fi_prediction fi_resolved(fi_prediction cosine);

/* The moments of one layer's statistics over runs: means and covariances of a few averages. */
#define FI_SPREAD 4
typedef double fi_statistic(const double *averages, const double *constants);

/*
 * Mean and deviation of a statistic of up to FI_SPREAD averages, exact to second order: the
 * averages are displaced along each column of a root of their covariance.
 */
fi_prediction fi_spread(fi_statistic *statistic, size_t n, const double *mean,
                        double covariance[FI_SPREAD][FI_SPREAD], const double *constants);

/* variance, skewness, kurtosis, from averages of the first powers about a constant. */
double fi_statistic_variance(const double *averages, const double *constants);
double fi_statistic_skewness(const double *averages, const double *constants);
double fi_statistic_kurtosis(const double *averages, const double *constants);
double fi_statistic_ratio(const double *averages, const double *constants);

/*
 * The fraction of `count` values; missing where fewer than 10 are or are not counted, unless none
 * is, and without deviation where few are.
 */
fi_prediction fi_fraction(double value, double variance, double count);

/* The activation statistics of a layer from averages of (phi - M)^1..4. */
void fi_activation_statistics(fi_layer_theory *layer, double mean, const double averages[FI_SPREAD],
                              double covariance[FI_SPREAD][FI_SPREAD]);

#endif
