/*
 * The verdict: what the numbers of one configuration (an activation, batch norm off or on) say, as
 * quantities and in words.
 */
#ifndef FI_STUDY_VERDICT_H
#define FI_STUDY_VERDICT_H

#include "init.h"

#include <stdio.h>

/* What happens to the signal. */
typedef enum fi_verdict_class {
    FI_VERDICT_UNKNOWN,      /* nothing was measured */
    FI_VERDICT_OVERFLOWS,    /* activations are infinite or NaN */
    FI_VERDICT_SYMMETRIC,    /* all units of a layer are copies of one */
    FI_VERDICT_SHALLOW,      /* one layer: no change from layer to layer */
    FI_VERDICT_SATURATES,    /* most units of a bounded activation lie where it is flat */
    FI_VERDICT_EXPLODES,     /* std grows by a factor a layer */
    FI_VERDICT_GROWS_SLOWLY, /* like a power of depth */
    FI_VERDICT_DIES,         /* std falls by a factor a layer, or is 0 */
    FI_VERDICT_DECAYS,       /* std falls like a power of depth */
    FI_VERDICT_FORGETS,      /* std does not fall, the difference between two samples does */
    FI_VERDICT_REPAIRED,     /* batch norm holds what would not hold without it */
    FI_VERDICT_HOLDS,
    FI_VERDICT_CLASSES
} fi_verdict_class;

/* "dies", "decays slowly" ... */
const char *fi_verdict_class_name(fi_verdict_class class);

typedef struct fi_verdict_input {
    const fi_dataset *dataset;           /* of an initialization study */
    size_t at_activation, at_batch_norm; /* the configuration's place along these axes */
    const fi_activation *activation;
    bool batch_norm;
    size_t width;
    double sw2; /* width x variance of a hidden layer's weights; NAN: as measured */
    double sb2; /* variance of a bias */
} fi_verdict_input;

typedef enum fi_change {
    FI_CHANGE_UNKNOWN,      /* fewer than two layers have a value */
    FI_CHANGE_NONE,         /* holds, or settles */
    FI_CHANGE_FALLS,        /* by a factor a layer */
    FI_CHANGE_FALLS_SLOWLY, /* like a power of depth */
    FI_CHANGE_GROWS,
    FI_CHANGE_GROWS_SLOWLY
} fi_change;

/*
 * How a standard deviation changes from layer to layer, the way it travels: up from layer 1, or
 * (gradients) down from the top to layer 1. The input, whose width and scale are not the layers',
 * is left out. NAN where there is nothing to tell.
 */
typedef struct fi_trend {
    fi_change change;
    double first, last; /* where it starts, and the last there is; means over the runs */
    double factor;      /* a layer: geometric mean over layers and runs */
    double exponent;    /* size of d ln std / d ln layer in the upper half of the layers */
    double lost;        /* layers in which it becomes 1000 times less, or more; INFINITY: never */
    bool lost_seen;     /* within the layers there are; else extrapolated */
    size_t zero;        /* the first layer on its way where it is exactly 0 in every run; 0: none */
    size_t broken;      /* the first layer where it is infinite or NaN in any run; 0: none */
} fi_trend;

typedef struct fi_verdict {
    fi_verdict_class class;
    const fi_activation *activation;
    bool batch_norm, bounded; /* bounded: phi is, on both sides */
    size_t depth, width, runs;
    double sw2, sb2;

    fi_trend signal;   /* of the activations over samples and units */
    fi_trend contrast; /* root mean square difference between two samples, over sqrt 2 */
    fi_trend gradient; /* of the cotangent of the activations */
    double input;      /* std of layer 0 */
    double mean;       /* of the top layer's activations */
    double dw_top, dw_bottom, dw_least, dw_most; /* std of dW: layers depth and 1, and extremes */

    double saturated;                 /* share of units, mean over layers and runs */
    double dead;                      /* share of the top layer's units */
    double cosine_first, cosine_last; /* of two samples, in layer 1 and the top layer */
    double distinct;                  /* units of layer 1 that are not copies */
    size_t nonfinite_layer;           /* the first with an infinite or NaN activation; 0: none */
    double wander;      /* sd over mean of E a^2 in the top layer, from run to run; NAN: one run */
    bool equal_weights; /* all weights of a layer are the same */
    bool linear_part;   /* phi is curved, but hardly over the top layer's pre-activations */

    /* From theory, without batch norm: where (sw2, sb2) leads. NAN where it does not say. */
    fi_fixed_point theory;
    double rate;              /* ln std a layer in the limit: < 0 dies, > 0 explodes */
    double settled;           /* the std it settles at; NAN where it does not */
    double settled_saturated; /* share of saturated units there */
    double batch_norm_growth; /* of E gradient^2 a layer under batch norm, large batches */
    double scale;             /* C in std sqrt(C / fan_in) that serves the activation; NAN: none */
} fi_verdict;

/* The numbers, and the class that the rules give them. */
fi_verdict fi_verdict_compute(const fi_verdict_input *input);

/* The words: one paragraph, wrapped at 80 columns. */
void fi_verdict_print(const fi_verdict *verdict, FILE *stream);

#endif
