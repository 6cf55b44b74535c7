/* fanin's data: reading, generating, splitting and preprocessing samples. Included by fanin.h. */
#ifndef FANIN_DATA_H
#define FANIN_DATA_H

#include "fanin.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* An IDX file of unsigned bytes (LeCun's MNIST format): `rows` records of `cols` bytes. */
typedef struct fi_idx {
    size_t rows, cols, rank;
    size_t shape[4]; /* as the file gives it; cols is the product of all but the first */
    uint8_t *bytes;
} fi_idx;

/*
 * Reads the first `rows` records (0: all; more than there are is FI_EDATA). The file is checked
 * against its header. Fails with FI_EIO, FI_EDATA or FI_ENOMEM.
 */
FI_CHECKED FI_API fi_status fi_idx_read(fi_idx *idx, const char *path, size_t rows,
                                        fi_arena *arena);

/* x = bytes / 255 less the per-pixel mean of the given rows (the AlexNet practice). */
FI_API void fi_center_pixels(size_t rows, size_t cols, const uint8_t *bytes, fi_real *x,
                             fi_real *mean /* (cols), or NULL */);

/* ---- labelled samples ------------------------------------------------------------------------ */

/* One sample a row; it lives in the arena it was made in. */
typedef struct fi_samples {
    size_t rows, cols;
    size_t rank, shape[4]; /* of one sample, {28, 28} or {32, 32, 3}: channels last */
    size_t classes;
    fi_real *x;      /* (rows, cols) */
    int32_t *labels; /* (rows), 0 <= label < classes */
} fi_samples;

/*
 * Readers of the first `rows` samples (0: all), pixels as byte / 255. Labels are checked against
 * `classes`, and the count of labels against that of images: FI_EDATA names file, record, what was
 * found and what was expected. Otherwise as fi_idx_read.
 */

/* A pair of IDX files, images and labels (MNIST and its relatives). */
FI_CHECKED FI_API fi_status fi_read_idx_pair(fi_samples *samples, const char *images,
                                             const char *labels, size_t classes, size_t rows,
                                             fi_arena *arena);

/*
 * CIFAR-10's binary files, one after the other: records of one label byte and 3 x 32 x 32 bytes,
 * channel by channel; they become samples of shape {32, 32, 3} (Krizhevsky 2009).
 */
FI_CHECKED FI_API fi_status fi_read_cifar(fi_samples *samples, const char *const *paths,
                                          size_t n_paths, size_t rows, fi_arena *arena);

/*
 * A set of classes drawn from a seed: each class is `modes` prototypes, a sample is one of its
 * class's prototypes plus noise of standard deviation 1 in every direction. The prototypes lie at
 * random, about `separation` such deviations away from the mean image they all share, and sqrt 2
 * times that from each other: at 8 one mode a class is learnt to near 100 % from a hundred samples
 * of each, at 4 classes overlap, and more modes take more samples. From rank 2 on, images of shape
 * (height, width, ...) are then smoothed so that neighbouring pixels correlate by about 0.4; the
 * map can be undone, so that the separation, in the metric of the noise, stays. Pixels get mean 0.5
 * and standard deviation 0.2, over all of them, about half of its square from the mean image; they
 * are not cut to [0, 1].
 *
 * Row i has class i mod classes, and is the same however many rows there are. The labels of a share
 * `noise` of the rows are drawn anew, uniformly from all classes.
 */
typedef struct fi_synthetic_spec {
    size_t rows, classes, modes; /* modes: 0 means 1 */
    size_t rank, shape[4];
    double separation; /* 0 means 8 */
    double noise;
    uint64_t seed; /* prototypes and samples, from streams of FI_FOR_DATA */
} fi_synthetic_spec;
FI_CHECKED FI_API fi_status fi_synthesize(fi_samples *samples, const fi_synthetic_spec *spec,
                                          fi_arena *arena);

/* ---- order and choice ------------------------------------------------------------------------ */

/* A permutation of 0 .. n - 1, n < 2^32, all equally likely (Fisher & Yates; Lemire 2019). */
FI_API void fi_permute(fi_rng *rng, size_t n, uint32_t *order);

/* Copies the chosen rows of `from`, in the order given. Fails with FI_ENOMEM. */
FI_CHECKED FI_API fi_status fi_samples_take(fi_samples *samples, const fi_samples *from, size_t n,
                                            const uint32_t *rows, fi_arena *arena);

/* x (n, cols) and labels (n) of the chosen rows: what a mini-batch is made of. */
FI_API void fi_samples_gather(const fi_samples *from, size_t n, const uint32_t *rows, fi_real *x,
                              int32_t *labels);

/*
 * Disjoint parts (training, validation, test) of counts[k] rows each, by one permutation of the
 * seed's FI_FOR_SPLIT stream: the same parts whatever else is done. FI_EDATA if there are too few.
 */
FI_CHECKED FI_API fi_status fi_samples_split(const fi_samples *all, uint64_t seed, size_t parts,
                                             const size_t *counts, fi_samples *out,
                                             fi_arena *arena);

/* The first `each` rows of every class, in the order of the seed's split; FI_EDATA if too few. */
FI_CHECKED FI_API fi_status fi_samples_balance(fi_samples *samples, const fi_samples *from,
                                               uint64_t seed, size_t each, fi_arena *arena);

/* The rows with first <= label < last, their labels counted from 0. FI_EDATA if there are none. */
FI_CHECKED FI_API fi_status fi_samples_of_classes(fi_samples *samples, const fi_samples *from,
                                                  size_t first, size_t last, fi_arena *arena);

/* counts[c]: the rows of class c. */
FI_API void fi_samples_count(const fi_samples *samples, size_t *counts);

/* ---- transforms ------------------------------------------------------------------------------ */

/* One row of data/transforms.def. */
typedef struct fi_transform_kind {
    const char *name, *formula, *citation;
    bool centers, per_channel; /* less the mean of each pixel, or of each channel */
    bool scales, standardizes; /* over the largest |x| of all, or the sd of each pixel */
    bool rotates, whitens;
} fi_transform_kind;

/* none, scale, per_pixel, per_channel, standardize, pca, whiten; NULL if there is none. */
FI_API const fi_transform_kind *fi_transform_kind_find(const char *name);
FI_API const fi_transform_kind *fi_transform_kinds(size_t *count);

/*
 * A transform fitted to training samples, to be applied to all: y = ((x - mean) * scale) basis.
 * What is absent is NULL. It lives in the arena it was fitted in.
 */
typedef struct fi_transform {
    const fi_transform_kind *kind;
    size_t inputs, outputs;
    double *mean, *scale; /* (inputs) */
    fi_real *basis;       /* (inputs, outputs): principal axes, largest variance first */
    double *variances;    /* (inputs): of all principal components, before whitening */
} fi_transform;

/*
 * Fits on the rows of `training` only. `components` is how many principal axes PCA and whitening
 * keep (0: all). Whitening divides each component by sqrt(its variance + eps), eps being 1e-5 of
 * the mean variance (Krizhevsky 2009, appendix A); standardizing leaves a constant pixel at 0. The
 * channels are the last axis of a shape of three, else there is one. Variances divide by the rows.
 * Fails with FI_ENOMEM, or FI_EDATA: data not finite (the sample is named), more components than
 * values, or samples too long for principal axes.
 */
FI_CHECKED FI_API fi_status fi_transform_fit(fi_transform *transform, const fi_transform_kind *kind,
                                             const fi_samples *training, size_t components,
                                             fi_arena *arena);

/*
 * Replaces the values in place; where there is a basis, samples->x is new, and the samples' shape
 * becomes {outputs}. FI_EDATA if the samples have not `inputs` values; or FI_ENOMEM.
 */
FI_CHECKED FI_API fi_status fi_transform_apply(const fi_transform *transform, fi_samples *samples,
                                               fi_arena *arena);

#endif
