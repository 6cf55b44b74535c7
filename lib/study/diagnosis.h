/* What the rules of the diagnosis speak of: facts of a run, computed once from its curves. */
#ifndef FI_STUDY_DIAGNOSIS_H
#define FI_STUDY_DIAGNOSIS_H

#include "../fanin.h"

/* One curve, over its n finite values. NAN where there are too few. */
typedef struct fi_course {
    double first, last; /* last: the mean of the last tenth of the values */
    double least, most;
    double least_at;    /* iteration */
    double before_late; /* mean of the third quarter of the values */
    double late_fall;   /* that less the mean of the fourth; n >= 8 */
    double noise;       /* sd about the trend in the second half, from second differences; n >= 8 */
    double falling;     /* share of the steps that go down; n >= 5 */
} fi_course;

/*
 * NAN: not known, so that a condition on it does not hold. A net that ignores its input does best
 * by the classes' shares: its loss is their entropy and its accuracy the largest share. That is
 * called guessing; without class counts the shares are equal.
 */
typedef struct fi_facts {
    /* Of the training samples (of the batches, where the loss of those was not recorded). */
    fi_course loss, accuracy;
    fi_course train, batch; /* the loss of the samples in FI_TEST; of the batches */
    fi_course validation_loss, validation_accuracy;
    double guess_loss, guess_accuracy, log_classes;
    double skill, validation_skill; /* accuracy, on a scale of guessing = 0 and perfect = 1 */
    double gap;                     /* accuracy less the validation's */
    double scale;                   /* of losses: guessing's, or else the first */
    double first_loss;              /* before the first update */
    /* Evaluations after updates, and the iteration of the last, before the loss leaves the scale by
     * 10 %; NAN if it leaves upwards. */
    double plateau, plateau_end;

    bool recorded, trained; /* any loss or accuracy; after at least one update */
    bool bad;               /* a loss was not finite */
    bool grows;             /* the loss is above the first, and above guessing's */
    bool learns;            /* trained, and neither bad nor stuck nor growing */
    bool stuck;             /* no better than guessing, after training */
    bool poor, low;         /* stuck, or a skill on training samples under 0.5; under 0.8 */
    bool majority;          /* stuck at the accuracy of a class that is too large */
    bool tiny;              /* no more than 20 samples a class: meant to be learned by heart */
    bool overfits;          /* accuracy is above the validation's by more than 0.05 */
    bool validation_rises;  /* its loss, from its least, by 2 % and more than noise */
    bool improving;         /* loss still falls at the end, and validation's does not rise */
    double updates;         /* iteration of the last evaluation */
    double bad_iteration;
    size_t bad_layer;

    /* Of the layers, in the first evaluation that has finite values of all, and in the last. */
    size_t layers, width;
    double distinct; /* the most distinct units that any layer ever had */
    bool symmetric;
    double signal_bottom, signal_top; /* std of the activations, first evaluation */
    double signal_growth;             /* the top's variance over layer 1's, there */
    double signal_left;               /* the top's variance at the end over that at the start */
    double signal_end;                /* std of the top's activations at the end */
    double gradient_bottom, gradient_top, gradient_growth; /* downwards: layer 1 over the top */
    double dead_first, dead_last;      /* share of units, of the layer with the most at the end */
    double dead_mean_first, dead_mean; /* over the layers */
    size_t dead_layer;
    double saturated_first, saturated_last; /* mean over the layers */
    double update_ratio; /* of the layer that moves most: geometric mean over the evaluations */

    double samples, largest, smallest; /* of the training set; shares of classes */
    size_t classes, largest_class, smallest_class;
    double l2, keep, penalty;
    double decay; /* the share of a weight that L2 takes from it at an update: rate times l2 */

    /* "Loss 2.3 (guessing: 2.3), training accuracy 10.2 % (guessing: 10.0 %)": what is known. */
    char state[160];
    char rate[32];           /* " of 0.1", or nothing */
    char regularization[64]; /* " (now L2 0.001, dropout keeping 0.5)", or nothing */
} fi_facts;

fi_facts fi_facts_of(const fi_curves *curves);

/* The parts of fi_facts_of that read the layers' statistics, and those that write its texts. */
void fi_facts_of_layers(const fi_curves *curves, fi_facts *facts);
void fi_facts_in_words(const fi_curves *curves, fi_facts *facts);

#endif
