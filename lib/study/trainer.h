/*
 * One run of training in progress: a net, its solver, the order of its samples, and where its
 * curves go. The study runs many (train_cell.c); snapshots hold one (trainer_state.c).
 */
#ifndef FI_STUDY_TRAINER_H
#define FI_STUDY_TRAINER_H

#include "../fanin.h"

enum fi_train_variable {
#define X(id, name, long_name, units, axes) FI_TRAIN_##id,
#include "train.def"
#undef X
    FI_TRAIN_VARIABLES
};

/* What is shared by all runs of a study, and not changed by them. */
typedef struct fi_train_data {
    fi_samples training, validation, test;
} fi_train_data;

typedef struct fi_trainer fi_trainer;

/* What a run tells while it goes on. */
typedef struct fi_train_listener {
    void *context;
    void (*evaluated)(void *context, const fi_trainer *trainer, size_t point); /* or NULL */
    void (*updated)(void *context, const fi_trainer *trainer);                 /* or NULL */
    /* Whether to stop before the next update, as after a signal; NULL: never. */
    fi_status (*stops)(void *context, fi_trainer *trainer);
} fi_train_listener;

struct fi_trainer {
    const fi_recipe *recipe;
    fi_arena *arena;
    fi_net *net;
    fi_solver *solver;
    const fi_activation *activation;
    fi_initializer initializer;
    fi_train_data data; /* this run's own: rows chosen, transformed */
    fi_transform transform;
    size_t capacity; /* rows of the net's largest batch */
    uint64_t updates, iteration;
    /* The order of the samples of one epoch, and how many of them have been taken. */
    uint32_t *order;
    uint64_t epoch, cursor;
    fi_real *x; /* (capacity, inputs): the batch */
    int32_t *labels;
    /* Losses of the mini-batches since the last evaluation. */
    double loss_sum, loss_squares, losses;
    /* slots[v]: (points + 1), or (points + 1, layers) numbers, or NULL: not wanted. */
    size_t points, layers, point;
    double **slots;
    fi_real *weights_before; /* of all dense layers, at the update after an evaluation */
};

/* Rows of the curves of a run of so many updates: evaluations but the first. */
uint64_t fi_trainer_point(const fi_trainer *trainer, size_t point);

typedef struct fi_trainer_spec {
    const fi_recipe *recipe;
    const fi_train_data *data;
    bool in_place;                 /* transform the data themselves, not a copy */
    const fi_transform *transform; /* in place of one fitted to the training samples, or NULL */
    const char *last_layer;        /* the name of the logits; NULL: "logits" */
    size_t points, layers;
    double **slots; /* NULL: nothing is recorded */
} fi_trainer_spec;

/*
 * A run ready to begin. What the spec points to must outlive it. Fails with FI_EUSAGE (a name in
 * the recipe), FI_EDATA (no such rows) or FI_ENOMEM.
 */
FI_CHECKED fi_status fi_trainer_new(fi_trainer **trainer, const fi_trainer_spec *spec,
                                    fi_arena *arena);

/* Trains to the end, or until the listener stops it, or the loss is no longer finite. */
FI_CHECKED fi_status fi_trainer_run(fi_trainer *trainer, const fi_train_listener *listener);

/* Loss and accuracy on samples, in FI_TEST. */
FI_CHECKED fi_status fi_trainer_evaluate(fi_trainer *trainer, const fi_samples *samples,
                                         size_t rows, double *loss, double *accuracy);

/* Statistics of the layers on the probe, into the slots of the point. */
FI_CHECKED fi_status fi_trainer_probe(fi_trainer *trainer, size_t point);

/* The next update's size, layer by layer: before it and after it. */
void fi_trainer_before_update(fi_trainer *trainer);
void fi_trainer_after_update(fi_trainer *trainer, size_t point);

/* The lowest layer with a value that is not finite in the last forward pass; 0: none. */
size_t fi_trainer_bad_layer(const fi_trainer *trainer);

/* Snapshots: all that the run goes on from, under the path; and back, into a new trainer. */
FI_CHECKED fi_status fi_trainer_save(const fi_trainer *trainer, const char *path,
                                     const char *options);
FI_CHECKED fi_status fi_trainer_restore(fi_trainer *trainer, const fi_snapshot *snapshot);

/* The transform that the run of a snapshot fitted; its kind is NULL if there is none. */
void fi_trainer_transform(const fi_snapshot *snapshot, fi_transform *transform);

#endif
