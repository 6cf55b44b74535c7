/*
 * fanin's training: the loss, learning-rate schedules, update rules, the solver that turns
 * gradients into new weights, snapshots, and the diagnosis of a run from its curves. Included by
 * fanin.h.
 */
#ifndef FANIN_TRAIN_H
#define FANIN_TRAIN_H

#include "fanin.h"

/* ---- the loss -----------------------------------------------------------------------------------
 */

/*
 * Softmax cross-entropy, averaged over the samples: the loss of logits (samples, classes) under
 * `labels` (samples), 0 <= label < classes. Writes the derivative to dlogits, the number of correct
 * predictions to *correct; either may be NULL.
 */
FI_API double fi_softmax_loss(size_t samples, size_t classes, const fi_real *logits,
                              const int32_t *labels, fi_real *dlogits, size_t *correct);

/* ---- learning-rate policies ------------------------------------------------------------------ */

/*
 * rate(t) of update t = 0, 1, ... from the base rate, with the names and formulas of Caffe (Jia et
 * al. 2014): a row of net/policies.def.
 */
typedef struct fi_schedule fi_schedule;
typedef struct fi_policy {
    const char *name, *formula;
    double (*rate)(const fi_schedule *schedule, uint64_t iteration);
} fi_policy;

struct fi_schedule {
    const fi_policy *policy; /* NULL: fixed */
    double base;             /* the rate of update 0 */
    double gamma, power;
    uint64_t step;         /* step: updates between changes */
    const uint64_t *steps; /* multistep: the updates at which it changes, rising */
    size_t n_steps;
    uint64_t last; /* poly: the update at which it reaches 0 */
};

FI_API const fi_policy *fi_policy_find(const char *name);
FI_API const fi_policy *fi_policies(size_t *count);
FI_API double fi_schedule_rate(const fi_schedule *schedule, uint64_t iteration);

/*
 * Reads NAME[:key=value,...], as "step:gamma=0.1,step=1000", "multistep:gamma=0.1,steps=500/800",
 * "poly:power=1,last=2000". FI_EUSAGE says what may be given. Fills all but `base`.
 */
FI_CHECKED FI_API fi_status fi_schedule_parse(fi_schedule *schedule, const char *text,
                                              fi_arena *arena);

/* ---- update rules ---------------------------------------------------------------------------- */

/*
 * A row of net/rules.def. In the table's formulas g is the gradient of the loss plus l2 w, and all
 * rules are PyTorch's: momentum v = m v + g, w -= rate v (first v = g).
 */
typedef struct fi_update_rule {
    const char *name, *formula, *citation;
    size_t histories; /* running values kept a weight */
} fi_update_rule;

FI_API const fi_update_rule *
fi_update_rule_find(const char *name); /* sgd, momentum, nesterov, adam */
FI_API const fi_update_rule *fi_update_rules(size_t *count);

typedef struct fi_solver_spec {
    const fi_update_rule *rule; /* NULL: sgd */
    fi_schedule schedule;
    double momentum;     /* 0 means 0.9 */
    double beta1, beta2; /* Adam's; 0 means 0.9 and 0.999 */
    double eps;          /* Adam's; 0 means 1e-8 */
    double l2;   /* adds l2/2 sum w^2 to the loss: dense weights only, no bias, gamma, beta */
    double clip; /* 0: no clipping; else gradients of a larger global norm are scaled to it */
} fi_solver_spec;

typedef struct fi_solver fi_solver; /* lives in the arena it was made in, as its net does */

/* A solver of a net that keeps all (FI_KEEP_ALL). Fails with FI_ENOMEM. */
FI_CHECKED FI_API fi_status fi_solver_new(fi_solver **solver, fi_net *net,
                                          const fi_solver_spec *spec, fi_arena *arena);

/* One update of all parameters from their gradients. */
FI_API void fi_solver_update(fi_solver *solver);

FI_API uint64_t fi_solver_iteration(const fi_solver *solver);   /* updates made */
FI_API double fi_solver_rate(const fi_solver *solver);          /* of the next update */
FI_API double fi_solver_gradient_norm(const fi_solver *solver); /* before clipping, of the last */
/* l2/2 sum w^2 over the weights that decay, with their layers' multipliers. */
FI_API double fi_solver_penalty(const fi_solver *solver);

/* A running value (history < rule->histories) of layer's parameter; NULL past the last. */
FI_API fi_blob *fi_solver_history(const fi_solver *solver, size_t layer, size_t parameter,
                                  size_t history);
/* Goes on as if so many updates had been made; histories are restored by writing to them. */
FI_API void fi_solver_set_iteration(fi_solver *solver, uint64_t iteration);

/* ---- snapshots ------------------------------------------------------------------------------- */

/* A named array of a snapshot's file. The name is its path there: "solver/dense_1/weight". */
typedef enum fi_element {
    FI_ELEMENT_REAL, /* fi_real */
    FI_ELEMENT_DOUBLE,
    FI_ELEMENT_U32,
    FI_ELEMENT_U64
} fi_element;
typedef struct fi_array {
    const char *name;
    fi_element element;
    size_t rows, cols;
    void *data;
} fi_array;

/* The content of a snapshot's file; lives in the arena it was read into. */
typedef struct fi_snapshot {
    const char *path;
    size_t n_attributes, n_arrays;
    const struct fi_attribute *attributes; /* of fanin_study.h */
    const fi_array *arrays;
} fi_snapshot;

/*
 * Writes the net's parameters and state (net/LAYER/weight, bias, gamma, beta, running_mean,
 * running_variance), the solver's histories, iteration and FI_TRAIN passes (solver may be NULL),
 * and the caller's own arrays and attributes to HDF5, atomically as fi_dataset_write does. Fails
 * with FI_EIO.
 */
FI_CHECKED FI_API fi_status fi_snapshot_write(const char *path, const fi_net *net,
                                              const fi_solver *solver, size_t n_arrays,
                                              const fi_array *arrays, size_t n_attributes,
                                              const struct fi_attribute *attributes);

/* The same of the net and solver, in memory: the arrays point to theirs. Fails with FI_ENOMEM. */
FI_CHECKED FI_API fi_status fi_snapshot_of(fi_snapshot *snapshot, const fi_net *net,
                                           const fi_solver *solver, fi_arena *arena);

/* Reads a whole snapshot. Fails with FI_EIO, FI_EDATA (no snapshot of fanin's) or FI_ENOMEM. */
FI_CHECKED FI_API fi_status fi_snapshot_read(fi_snapshot *snapshot, const char *path,
                                             fi_arena *arena);
FI_API const fi_array *fi_snapshot_array(const fi_snapshot *snapshot, const char *name);
FI_API const char *fi_snapshot_attribute(const fi_snapshot *snapshot, const char *name);

/*
 * Puts everything back, to go on bit for bit: every parameter, state and history of net and solver
 * must be there in its shape, and no layer more. FI_EDATA names the layer, both shapes, the remedy.
 */
FI_CHECKED FI_API fi_status fi_snapshot_restore(const fi_snapshot *snapshot, fi_net *net,
                                                fi_solver *solver);

/*
 * Fine-tuning: copies parameters and state of the layers whose names are in both. A layer of one
 * name and another shape is FI_EDATA; rename it in the net to have it drawn afresh. `table` gets a
 * row a layer: those of the net in order, then those of the file alone.
 */
typedef enum fi_loading {
    FI_LOADED,  /* in both */
    FI_FRESH,   /* in the net alone: keeps its drawn values */
    FI_SKIPPED, /* in the file alone */
    FI_NO_PARAMETERS
} fi_loading;
typedef struct fi_loaded_layer {
    const char *layer;
    fi_loading loading;
    size_t rows, cols; /* of its first parameter */
} fi_loaded_layer;
FI_CHECKED FI_API fi_status fi_snapshot_load_weights(const fi_snapshot *snapshot, fi_net *net,
                                                     fi_loaded_layer **table, size_t *n_rows,
                                                     fi_arena *arena);
/* The table in words: "dense_1  loaded  (784, 500)". */
FI_API void fi_print_loading(FILE *stream, const fi_loaded_layer *table, size_t n_rows);

/* ---- the diagnosis --------------------------------------------------------------------------- */

/* What a run of training has recorded. Arrays hold `points` evaluations; NaN: not recorded. */
typedef struct fi_curves {
    size_t points, layers, width;
    const double *iteration;  /* updates made before the evaluation */
    const double *batch_loss; /* mean over the mini-batches since the evaluation before */
    const double *train_loss, *train_accuracy; /* of training samples, in FI_TEST */
    const double *validation_loss, *validation_accuracy;
    /* (points, layers), layers of activations from below; NULL: not recorded. */
    const double *activation_variance, *saturated_fraction, *dead_fraction, *distinct_units;
    const double *gradient_variance; /* of the cotangent of the activation */
    const double *update_ratio;      /* of dense layers: rms of an update over rms of the weights */
    size_t classes;
    const size_t *class_counts; /* of the training samples; NULL: unknown */
    double rate, l2, penalty;   /* first rate; strength; l2/2 sum w^2 at the end */
    double keep;                /* dropout's; 1: none */
    double bad_iteration;       /* the update at which the loss was no longer finite; NaN: never */
    size_t bad_layer;           /* the lowest layer with a value that is not; 0: the loss alone */
} fi_curves;

typedef enum fi_outlook {
    FI_GOOD,  /* use it */
    FI_MIXED, /* learns, and can be improved */
    FI_BAD    /* does not learn */
} fi_outlook;

/* One rule of study/diagnosis.def that holds, and what it says, with the run's figures. */
typedef struct fi_finding {
    const char *rule; /* "rate_too_high" */
    fi_outlook outlook;
    char text[400]; /* one or two sentences: what is seen, why, what to do */
} fi_finding;

/* The findings that hold, the most telling first; at least one. Returns how many (<= most). */
FI_API size_t fi_diagnose(const fi_curves *curves, size_t most, fi_finding *findings);

#endif
