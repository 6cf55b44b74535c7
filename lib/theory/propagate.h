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
    double cross, cross_one; /* covariance of that noise and the gain's; of one sample */
} fi_gains;

/* A layer under batch norm; after centring over the batch, relative to `centred`. */
typedef struct fi_batch_layer {
    double centred;        /* S - K: variance of a unit's activations over the batch */
    double norms, cosines; /* variance of a sample's norm^2, and of two samples' cosine */
    double along;          /* mean of d_n d_m cosine_nm, d the relative deviation of a norm^2 */
    double fourth_share;   /* fourth moment of a unit's activations */
    double noise;          /* variance of `centred`, over runs */
    double mean_noise;     /* absolute: variance over samples of the mean over units */
    double weight, fan_in, n, kept;      /* as in fi_gains */
    double share, inverse, spread;       /* v / (v + eps), E 1 / (v + eps), relative var v */
    double alike;                        /* d cosine / d cosine below, at 0 */
    double gain, mean_slope, slope_pair; /* E phi'^2, E phi', E phi'_n phi'_m */
    double weighted, weighted_pair;      /* the same of y phi' */
    double fourth, cross;                /* as in fi_gains; cross of one sample */
    double log_gain, response;           /* d log gain, d log norm^2 over d log norm^2 below */
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

/* The fraction of `count` values; without deviation where fewer than 10 are or are not counted. */
fi_prediction fi_fraction(double value, double variance, double count);

/* The activation statistics of a layer from averages of (phi - M)^1..4. */
void fi_activation_statistics(fi_layer_theory *layer, double mean, const double averages[FI_SPREAD],
                              double covariance[FI_SPREAD][FI_SPREAD]);

#endif
