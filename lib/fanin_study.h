/* fanin's datasets, their files, and the studies that fill them. Included by fanin.h. */
#ifndef FANIN_STUDY_H
#define FANIN_STUDY_H

#include "fanin.h"

/* ---- datasets -------------------------------------------------------------------------------- */

/* A labelled dimension: numbers (values), names (labels), or neither, then 0 .. size - 1. */
typedef struct fi_axis {
    const char *name, *long_name, *units;
    size_t size;
    const double *values;
    const char *const *labels;
} fi_axis;

/* A variable over the axes whose bits are set, row-major in the order of the dataset's axes. */
typedef struct fi_variable {
    const char *name, *long_name, *units;
    uint32_t axes;
} fi_variable;

typedef struct fi_attribute {
    const char *name, *text;
} fi_attribute;

/* What a study measures and a file holds. A missing value is NaN. Lives in the caller's arena. */
typedef struct fi_dataset {
    size_t n_attributes, n_axes, n_variables;
    const fi_attribute *attributes;
    const fi_axis *axes;
    const fi_variable *variables;
    double **values; /* values[v]: fi_variable_size(dataset, v) numbers */
} fi_dataset;

FI_API size_t fi_variable_size(const fi_dataset *dataset, size_t variable);
/* The index of the variable (or axis) of that name; n_variables (n_axes) if there is none. */
FI_API size_t fi_dataset_find(const fi_dataset *dataset, const char *variable);
FI_API size_t fi_dataset_axis(const fi_dataset *dataset, const char *axis);

/*
 * HDF5 that is also netCDF-4 and CF. Written to PATH.tmp, synced and renamed: under PATH there is
 * the old file or the whole new one. Fails with FI_EIO (either) or FI_EDATA (read).
 */
FI_CHECKED FI_API fi_status fi_dataset_write(const fi_dataset *dataset, const char *path);
FI_CHECKED FI_API fi_status fi_dataset_read(fi_dataset *dataset, const char *path, fi_arena *arena);

/*
 * Writes the variables that lie on exactly the axes of the mask (bit k: axis k), and repeats beside
 * them those on a subset of these: CSV and TSV with one row a position (missing: empty, NA), JSON
 * as one object (missing: null). Numbers read back to the same bits. Fails with FI_EIO.
 */
typedef enum fi_format {
    FI_CSV,
    FI_TSV,
    FI_JSON
} fi_format;
FI_CHECKED FI_API fi_status fi_dataset_export(const fi_dataset *dataset, uint32_t axes,
                                              fi_format format, FILE *stream);

/* ---- studies --------------------------------------------------------------------------------- */

/*
 * A study is axes x variables x a cell function. The first `grid` axes span the grid of cells; a
 * cell fills, for each variable, the values over the remaining axes.
 */
typedef struct fi_cell {
    const void *context;    /* the study's own */
    const size_t *position; /* along the grid axes */
    fi_arena *arena;        /* the worker's, reset after the cell */
    double **slots;         /* slots[v]: the cell's values of variable v, preset to NaN. One that
                               lacks a grid axis has one slot along it, written from position 0
                               only, and is NULL elsewhere */
} fi_cell;

typedef struct fi_study {
    const char *name;
    size_t grid, n_axes, n_variables;
    const fi_axis *axes;
    const fi_variable *variables;
    fi_status (*cell)(const fi_cell *cell);
    const void *context;
} fi_study;

/*
 * Runs every cell on `jobs` workers and gathers the dataset (without attributes) in the arena. The
 * result does not depend on `jobs`. `progress`, if not NULL, is called from one thread at a time.
 * Fails as the first failing cell in grid order does, or with FI_ENOMEM or FI_EINTERRUPTED.
 */
FI_CHECKED FI_API fi_status fi_study_run(const fi_study *study, unsigned jobs,
                                         void (*progress)(size_t done, size_t cells),
                                         fi_dataset *dataset, fi_arena *arena);

/*
 * The study of one initialization scheme: {activations} x {batch norm off, on} x runs, each layer's
 * statistics to results/NAME.h5 and a table on stdout. An `initializer` of NULL is asked for, as
 * --initializer NAME[:key=value,...], and so may be --bias. `symmetry` adds the number of distinct
 * units to the table. Returns the program's exit code.
 */
typedef struct fi_init_scheme {
    const char *name, *initializer, *about;
    bool symmetry;
} fi_init_scheme;
FI_API int fi_init_study(int argc, char **argv, const fi_init_scheme *scheme);

/* ---- training studies ------------------------------------------------------------------------ */

/* All that decides one run of training: a net, its data, its solver. Options set it, axes vary it.
 */
typedef struct fi_recipe {
    /* The net: `depth` times dense, batch norm, activation, dropout; then dense, the logits. */
    uint64_t depth, width;
    const char *activation;  /* a row of activations.def */
    const char *initializer; /* NAME[:key=value,...]; the logits' too */
    double bias_std;         /* biases ~ N(0, bias_std^2) */
    bool batch_norm;
    double keep; /* dropout's; 1: none */
    /* The data: rows for training (0: all), classes first <= c < end (0, 0: all), transform. */
    uint64_t training, first_class, end_class;
    const char *transform; /* a row of transforms.def */
    uint64_t components;   /* of pca and whiten; 0: all */
    /* The solver. */
    const char *rule;   /* a row of rules.def */
    const char *policy; /* NAME[:key=value,...] */
    double rate, momentum, l2, clip;
    uint64_t batch, epochs;
    uint64_t updates; /* in place of epochs, unless 0 */
    /* Fine-tuning: all but the logits learn at this multiple of the rate; 0 freezes them. */
    double lower_rate;
    uint64_t pretraining; /* epochs on the classes below first_class before it; 0: none */
    uint64_t subnetworks; /* dropout: masks whose mean is held against FI_TEST; 0: none */
    uint64_t seed;
} fi_recipe;

/*
 * A training study: the recipe varied along axes, each with several seeds. Its curves and the
 * layers' statistics along the way go to results/NAME.h5, a table and a diagnosis of each position
 * to stdout. Without axes it is one run, which may be stopped and resumed. Returns the program's
 * exit code.
 */
enum {
    FI_MOST_TRAIN_AXES = 3
};
typedef struct fi_train_scheme {
    const char *name, *about; /* about: what the study does, a clause that begins "trains ..." */
    size_t n_axes;
    fi_axis axes[FI_MOST_TRAIN_AXES];
    const char *varies;  /* the options that the axes decide, between spaces: " batch rate " */
    fi_recipe defaults;  /* 0 or NULL: the program's */
    uint64_t samples;    /* for training, to read; 0: the program's */
    uint64_t each;       /* and of these so many of each class; 0: all */
    uint64_t validation; /* 0: the program's */
    uint64_t runs;       /* seeds; 0 means 1 */
    uint64_t points;     /* evaluations along a run; 0: the program's */
    /* Changes the recipe to that of the position along the axes; NULL: there are no axes. */
    void (*vary)(const size_t *position, fi_recipe *recipe);
    /* Says in words what the study as a whole shows, from its numbers; or NULL. */
    void (*conclude)(const fi_dataset *dataset, FILE *stream);
} fi_train_scheme;

/*
 * For `conclude`: the variable's value at a position along the scheme's axes, at the last
 * evaluation of each run, on average over the runs; of this layer, where it has layers. NaN where a
 * run has no such value.
 */
FI_API double fi_train_final(const fi_dataset *dataset, const char *variable,
                             const size_t *position, size_t layer);

FI_API int fi_train_study(int argc, char **argv, const fi_train_scheme *scheme);

#endif
