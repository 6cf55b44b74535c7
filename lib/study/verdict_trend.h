/* What the verdict reads from a study: values by name, and how they change from layer to layer. */
#ifndef FI_STUDY_VERDICT_TREND_H
#define FI_STUDY_VERDICT_TREND_H

#include "verdict.h"

typedef enum fi_quantity {
    FI_SIGNAL,
    FI_CONTRAST,
    FI_GRADIENT
} fi_quantity;

/* What theory expects of a trend; NAN where it does not say. */
typedef struct fi_expectation {
    double rate;   /* ln std a layer in the limit of depth */
    double target; /* the std it settles at */
    double error;  /* sd of a layer's ln std, given the layer before, in one run */
} fi_expectation;

fi_trend fi_trend_of(const fi_verdict_input *in, fi_quantity quantity,
                     const fi_expectation *expected);

size_t fi_verdict_runs(const fi_verdict_input *in);
size_t fi_verdict_depth(const fi_verdict_input *in);

/* A measured variable over (activation, batch_norm, run, layer); its mean over the runs that have
 * a number; and mean^2 + variance of two such. */
double fi_verdict_value(const fi_verdict_input *in, size_t variable, size_t run, size_t layer);
double fi_verdict_mean(const fi_verdict_input *in, size_t variable, size_t layer);
double fi_verdict_second(const fi_verdict_input *in, size_t mean, size_t variance, size_t run,
                         size_t layer);

/* Mean over the runs of the standard deviation, of those where it is finite. */
double fi_verdict_std(const fi_verdict_input *in, fi_quantity quantity, size_t layer);

#endif
