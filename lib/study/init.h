/* What the files of the initialization study share: its options, context, axes and variables. */
#ifndef FI_STUDY_INIT_H
#define FI_STUDY_INIT_H

#include "../fanin.h"
#include "program.h"

enum fi_init_axis {
    FI_AXIS_ACTIVATION,
    FI_AXIS_BATCH_NORM,
    FI_AXIS_RUN,
    FI_AXIS_LAYER,
    FI_AXIS_BIN,
    FI_AXIS_EDGE,
    FI_INIT_AXES
};

enum fi_init_variable {
#define X(id, name, long_name, units, axes) FI_INIT_##id,
#define P(id, name, field, size) FI_PREDICTED_##id, FI_PREDICTED_##id##_SD,
#include "init.def"
#undef P
#undef X
    FI_INIT_VARIABLES
};
extern const fi_variable fi_init_variables[FI_INIT_VARIABLES];

enum {
    FI_INIT_BINS = 50
};

/* Variables over each layer of each run: a row of --csv. */
#define FI_INIT_PER_LAYER                                                                          \
    (1U << FI_AXIS_ACTIVATION | 1U << FI_AXIS_BATCH_NORM | 1U << FI_AXIS_RUN | 1U << FI_AXIS_LAYER)

typedef struct fi_init_options {
    struct fi_program_options common;
    const char *initializer, *bias; /* as fi_scheme_parse takes them; bias may be NULL */
    const char *activation;         /* a list, comma-separated */
    const char *batch_norm;         /* off, on or both */
    const char *distribution;       /* NULL: the initializer's own law */
    const char *input;              /* NULL: N(0, 1) */
    uint64_t depth, width, samples, runs, seed;
    double gain, bias_std;
    bool forward_only, jacobian;
} fi_init_options;

/* What the cells share; owned by fi_init_study. */
typedef struct fi_init_context {
    const fi_init_options *options;
    fi_initializer initializer; /* with the law asked for */
    fi_initializer bias;        /* no name: bias_std */
    const fi_activation **activations;
    const bool *batch_norms;
    const double *seeds; /* of each run */
    size_t samples, inputs;
    const fi_real *input; /* (samples, inputs), or NULL: drawn by each run */
    fi_input_moments input_moments;
} fi_init_context;

/* Builds, runs and measures one network: one activation, batch norm off or on, one seed. */
fi_status fi_init_cell(const fi_cell *cell);

/* Theory's values for one activation and batch norm, into the slots of the cell. */
FI_CHECKED fi_status fi_init_predict(const fi_cell *cell, const fi_activation *activation,
                                     bool batch_norm);

/* Bytes that one cell takes; a double, because the sizes asked for may be absurd. */
double fi_init_cell_bytes(const fi_init_context *context);

/*
 * The verdict on each activation and batch norm, in the dataset's order, in memory of the arena; or
 * NULL if memory is refused. What they find over the layers goes into the dataset: factors a layer,
 * forward and backward.
 */
struct fi_verdict;
FI_CHECKED struct fi_verdict *fi_init_judge(fi_dataset *dataset, const fi_init_context *context,
                                            fi_arena *arena);

/* One table and verdict for each activation and batch norm, means over the runs. */
void fi_init_print(const fi_dataset *dataset, const struct fi_verdict *verdicts,
                   const fi_init_scheme *scheme, FILE *stream);

/* Provenance, as the dataset's attributes. Fails with FI_ENOMEM only. */
FI_CHECKED fi_status fi_init_describe(fi_dataset *dataset, const fi_init_scheme *scheme,
                                      const fi_init_context *context, fi_arena *arena);

/* What the table says of a scheme that was asked for, "NAME: FORMULA"; NULL if memory is refused.
 */
const char *fi_init_about(const fi_initializer *initializer, fi_arena *arena);

#endif
