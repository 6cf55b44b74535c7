/*
 * fanin: how the first weights of a deep network decide what its layers carry.
 *
 * The public header, in the order in which a study uses it: status, random streams, memory, blobs,
 * initializers, activations, statistics, nets; then, in headers of their own that this one
 * includes, data (fanin_data.h), training (fanin_train.h), theory (fanin_theory.h), datasets and
 * studies (fanin_study.h).
 *
 * Conventions. Matrices are row-major: a batch is (samples, units), a weight matrix is
 * (fan_in, fan_out), and a dense layer computes z = x W + b. Elements are fi_real, statistics are
 * double. A caller's bug (a null net, a negative count) aborts with file and line; what the world
 * can refuse (memory, files, arguments, data) returns an fi_status, and fi_message() says what was
 * given, what was expected and what to do. No function prints or exits, but for
 * fi_init_study, which is a whole program. Functions may be called from any thread, on objects of
 * its own.
 */
#ifndef FANIN_H
#define FANIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FI_API __attribute__((visibility("default")))
#define FI_CHECKED __attribute__((warn_unused_result))

/* The element type: float; the same sources with -DFI_DOUBLE are the oracle of the float build. */
#ifdef FI_DOUBLE
typedef double fi_real;
#else
typedef float fi_real;
#endif

/* ---- status ---------------------------------------------------------------------------------- */

/* Values are the exit codes of the programs (sysexits.h). */
typedef enum fi_status {
    FI_OK = 0,
    FI_EUSAGE = 64,       /* an argument: unknown, malformed or out of range */
    FI_EDATA = 65,        /* input data: truncated, wrong format, wrong shape */
    FI_ENOMEM = 71,       /* memory: refused by the system, or more than the machine has */
    FI_EIO = 74,          /* files: cannot be opened, read, written or renamed */
    FI_EINTERRUPTED = 130 /* SIGINT or SIGTERM before the work was done */
} fi_status;

/* What went wrong in this thread's last failed call, one line without a newline; never NULL. */
FI_API const char *fi_message(void);

/* The library's version, "MAJOR.MINOR.PATCH". */
FI_API const char *fi_version(void);

/* ---- random streams -------------------------------------------------------------------------- */

/*
 * PCG32, XSH-RR 64/32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically
 * Good Algorithms for Random Number Generation"). A plain value: copy it to fork the stream.
 */
typedef struct fi_rng {
    uint64_t state, inc;
} fi_rng;

/* What a stream is for. Each purpose is a stream of its own, so that no two tensors share draws. */
typedef enum fi_purpose {
    FI_FOR_INPUT,
    FI_FOR_WEIGHT,
    FI_FOR_BIAS,
    FI_FOR_COTANGENT,
    FI_FOR_DROPOUT,
    FI_FOR_SHUFFLE,
    FI_FOR_SPLIT,
    FI_FOR_DATA,
    FI_FOR_PROBE
} fi_purpose;

/* The generator with this initial state and stream selector, as pcg32_srandom_r seeds it. */
FI_API fi_rng fi_rng_seed(uint64_t state, uint64_t stream);

/*
 * The stream of one tensor: state and selector hashed from (seed, purpose, layer, step). The
 * scheme is not in the key: two schemes with one seed see the same draws, so comparisons are
 * paired. `step` counts epochs or updates where a purpose recurs in time, else 0.
 */
FI_API fi_rng fi_rng_stream(uint64_t seed, fi_purpose purpose, uint64_t layer, uint64_t step);

/* The next 32 uniformly distributed bits. */
FI_API uint32_t fi_rng_u32(fi_rng *rng);

/* Skips `delta` draws in O(log delta) (Brown 1994); a delta of 2^64 - k steps back by k. */
FI_API void fi_rng_advance(fi_rng *rng, uint64_t delta);

/* Laws of a draw, each with mean 0 and variance 1 before it is scaled. */
typedef enum fi_law {
    FI_NORMAL,     /* N(0, 1), by inverse CDF */
    FI_UNIFORM,    /* U(-sqrt 3, sqrt 3) */
    FI_TRUNCATED,  /* N(0, 1) cut at +-2 sigma and rescaled to variance 1 */
    FI_CONSTANT,   /* every value 1; takes no draws */
    FI_ORTHOGONAL, /* a matrix with orthonormal rows or columns; not for fi_draw */
    FI_EYE         /* the matrix with 1 on its diagonal and 0 elsewhere; not for fi_draw */
} fi_law;

/*
 * out[k] = std * (draw k of the stream under the law), k < n. Exactly one 32-bit draw a value, so
 * value k does not depend on n or on who computes it. |normal| <= 6.34.
 */
FI_API void fi_draw(fi_rng *rng, fi_law law, double std, size_t n, fi_real *out);

/* ---- memory ---------------------------------------------------------------------------------- */

/* An arena owns everything allocated from it, until it is reset or freed. Not for two threads. */
typedef struct fi_arena fi_arena;

FI_CHECKED FI_API fi_status fi_arena_new(fi_arena **arena);
FI_API void fi_arena_free(fi_arena *arena); /* NULL is allowed */

/* Forgets all allocations; the pages stay, so the next round does not fault them in again. */
FI_API void fi_arena_reset(fi_arena *arena);

/* `count` elements of `size` bytes, uninitialized, aligned to 64 bytes; NULL if refused. */
FI_CHECKED FI_API void *fi_arena_alloc(fi_arena *arena, size_t count, size_t size);

/* A blob holds a matrix and its gradient; either pointer may be NULL where it is not kept. */
typedef struct fi_blob {
    size_t rows, cols;
    fi_real *data; /* (rows, cols) */
    fi_real *diff; /* (rows, cols): the derivative of the loss, or a cotangent */
} fi_blob;

/* ---- initializers ---------------------------------------------------------------------------- */

/* What takes the place of both fan_in and fan_out in an initializer's variance. */
typedef enum fi_fan {
    FI_FAN_OWN, /* nothing */
    FI_FAN_IN,
    FI_FAN_OUT,
    FI_FAN_AVG /* (fan_in + fan_out) / 2 */
} fi_fan;

/*
 * How the weights of a (fan_in, fan_out) matrix are drawn: w = mean + gain sqrt(variance) d, where
 * d has the law. A row of math/initializers.def, or a copy of one that was changed.
 */
typedef struct fi_initializer {
    const char *name;
    fi_law law;
    double (*variance)(double fan_in, double fan_out); /* of one weight, at gain 1 */
    const char *parameters; /* what may be set by name, at its default: "mean=0,std=1" */
    const char *formula, *citation;
    double gain; /* 0 means 1 */
    double mean;
    fi_fan fan;
    double lower, upper; /* FI_TRUNCATED cuts N(0, 1) there; 0 and 0 mean -2 and 2 */
    double sparsity;     /* this share, rounded up, of the weights of each input is 0 */
    /*
     * LSUV (Mishkin & Matas 2016, "All you need is a good init"): in the first pass but FI_TEST, a
     * net's dense layer divides its W so that the variance of its output is the layer's gain^2.
     */
    bool unit_variance;
} fi_initializer;

/* The row of that name, or NULL; and all rows, in the order of the table. */
FI_API const fi_initializer *fi_initializer_find(const char *name);
FI_API const fi_initializer *fi_initializers(size_t *count);

/*
 * Draws w (fan_in, fan_out), scaled by `gain`. Fails with FI_ENOMEM only (orthogonal needs scratch
 * memory from the arena; the other laws accept a NULL arena). Weight k takes draw k of the stream,
 * and where there is sparsity also draw k past the last weight's, which decides whether it is 0.
 */
FI_CHECKED FI_API fi_status fi_initialize(const fi_initializer *initializer, double gain,
                                          fi_rng rng, size_t fan_in, size_t fan_out, fi_real *w,
                                          fi_arena *scratch);

/* Draws the bias b (1, fan_out) of such a layer, by a scheme of independent values only. */
FI_API void fi_initialize_bias(const fi_initializer *initializer, fi_rng rng, size_t fan_in,
                               size_t fan_out, fi_real *b);

/*
 * Whether an initializer can draw a bias: it has neither a matrix's law, nor sparsity, nor
 * unit_variance.
 */
FI_API bool fi_initializer_is_independent(const fi_initializer *initializer);

/* What theory needs to know of the weights that fi_initialize draws. */
typedef struct fi_weight_moments {
    double mean, variance; /* of one weight; NAN where the data decide, under unit_variance */
    double kurtosis; /* E (w - mean)^4 / variance^2; NAN where nothing is drawn, unless all is 0 */
    /* Variance of sum (w - mean)^2 over its mean^2, times the number of weights. */
    double noise; /* kurtosis - 1 where the weights are independent, 0 where the sum is fixed */
} fi_weight_moments;
FI_API fi_weight_moments fi_initializer_moments(const fi_initializer *initializer, double gain,
                                                size_t fan_in, size_t fan_out);

/* ---- activations ----------------------------------------------------------------------------- */

/* One row of math/activations.def: an element-wise function, its derivative and their loops. */
typedef struct fi_activation {
    const char *name, *formula, *citation;
    double lower, upper; /* the range of phi, +-INFINITY where unbounded */
    double max_slope;    /* sup |phi'| */
    bool from_output;    /* phi' is a function of a = phi(z) alone, so z need not be kept */
    /* a = phi(z), element by element; a may be z. */
    void (*forward)(size_t n, const fi_real *z, fi_real *a);
    /* dz = phi'(z) da; dz may be da; z is not read (may be NULL) where from_output holds. */
    void (*backward)(size_t n, const fi_real *z, const fi_real *a, const fi_real *da, fi_real *dz);
    /* The same functions from libm in double, one value at a time: oracle and integrand. */
    double (*phi)(double z);
    double (*slope)(double z);
} fi_activation;

FI_API const fi_activation *fi_activation_find(const char *name);
FI_API const fi_activation *fi_activations(size_t *count);

/* ---- statistics ------------------------------------------------------------------------------ */

/* Running moments, in double. A NaN or infinity is counted and passes into the moments. */
typedef struct fi_moments {
    uint64_t count, zeros, nonfinite; /* values seen; exactly 0; NaN or infinite */
    double mean, m2, m3, m4;          /* sums of powers of (x - mean) */
    double minimum, maximum;          /* of the finite values; +INFINITY, -INFINITY if none */
} fi_moments;

#define FI_MOMENTS_EMPTY                                                                           \
    ((fi_moments){.minimum = (double)__builtin_inff(), .maximum = -(double)__builtin_inff()})

/* Adds n values tile by tile, merged in double in a fixed order (Chan et al. 1979). */
FI_API void fi_moments_add(fi_moments *moments, size_t n, const fi_real *x);
FI_API void fi_moments_merge(fi_moments *into, const fi_moments *from);

/* Population statistics (divided by n); NaN of nothing, and of a constant where undefined. */
FI_API double fi_moments_variance(const fi_moments *moments);
FI_API double fi_moments_skewness(const fi_moments *moments); /* m3 / sd^3 */
FI_API double fi_moments_kurtosis(const fi_moments *moments); /* m4 / sd^4, 3 for a normal law */

/*
 * Adds the count of values in each of `bins` equal bins of [lower, upper] (the last is closed, as
 * numpy.histogram); values outside and NaN are not counted.
 */
FI_API void fi_histogram(size_t n, const fi_real *x, double lower, double upper, size_t bins,
                         double *counts);

/*
 * How many columns of x (rows, cols) differ from each other in at least one row: the number of
 * units that are not copies of another. -0 equals 0 and NaN equals NaN. Returns 0 if memory is
 * refused.
 */
FI_API size_t fi_distinct_columns(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch);

/* The same of columns that differ by more than `tolerance` somewhere: rounding parts copies too. */
FI_API size_t fi_unlike_columns(size_t rows, size_t cols, const fi_real *x, double tolerance,
                                fi_arena *scratch);

/*
 * Of the rows of x (rows, cols), samples in the space of a layer's units: the mean cosine between
 * two of them, rows of zeros left out; and the effective rank (tr C)^2 / tr C^2 of their covariance
 * C, the participation ratio of its spectrum, with tr C^2 estimated without bias from pairs among
 * the first 256 rows. NaN where undefined (no two directions, no variance) or memory is refused.
 */
FI_API double fi_mean_cosine(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch);
FI_API double fi_effective_rank(size_t rows, size_t cols, const fi_real *x, fi_arena *scratch);

/* ---- nets ------------------------------------------------------------------------------------ */

typedef struct fi_layer fi_layer; /* turns an input blob into an output blob, and back */
typedef struct fi_net fi_net;     /* layers in order; lives in the arena it was built in */

/* What a net keeps. Weights exist for all layers except under FI_KEEP_NOTHING. */
typedef enum fi_keep {
    FI_KEEP_NOTHING, /* forward only: two activation buffers and one weight buffer at any depth */
    FI_KEEP_DATA, /* backward once: all activations, two cotangent buffers, one gradient buffer */
    FI_KEEP_ALL   /* training: every blob's data and gradient */
} fi_keep;

typedef enum fi_phase {
    FI_TRAIN,
    FI_TEST,
    FI_PROBE /* statistics of the batch as in FI_TRAIN, but nothing is dropped or updated */
} fi_phase;

typedef struct fi_net_spec {
    size_t samples, inputs; /* the shape of the input batch, the largest there will be */
    uint64_t seed;
    fi_keep keep;
    bool no_input_gradient; /* backward leaves out what no parameter's gradient needs */
} fi_net_spec;

FI_CHECKED FI_API fi_status fi_net_new(fi_net **net, fi_arena *arena, const fi_net_spec *spec);

/* Each of these puts one layer on top; `name` may be NULL for the kind's name and a number. */

/* Fully connected: z = x W + b. W is drawn when the net is first run, from the depth's stream. */
typedef struct fi_dense_spec {
    const char *name;
    size_t units;                      /* fan_out */
    const fi_initializer *initializer; /* must outlive the net, as the bias's must */
    double gain;                       /* multiplies the weights; 0 means 1 */
    double bias_std;                   /* b ~ N(0, bias_std^2), unless there is a scheme for it */
    const fi_initializer *bias;        /* NULL, or an independent one */
    bool fixed_bias;                   /* no gradient of b is computed: it is 0 */
} fi_dense_spec;
FI_CHECKED FI_API fi_status fi_net_dense(fi_net *net, const fi_dense_spec *spec);

/*
 * Batch norm (Ioffe & Szegedy 2015): y = gamma (x - mean) / sqrt(variance + eps) + beta, per unit.
 * FI_TRAIN uses the batch's mean and population variance and updates the running statistics
 * (running = (1 - momentum) running + momentum batch, with the variance unbiased, as PyTorch);
 * FI_TEST uses the running statistics. gamma starts at 1, beta at 0.
 */
typedef struct fi_batch_norm_spec {
    const char *name;
    double eps;      /* 0 means 1e-5 */
    double momentum; /* 0 means 0.1 */
} fi_batch_norm_spec;
FI_CHECKED FI_API fi_status fi_net_batch_norm(fi_net *net, const fi_batch_norm_spec *spec);

FI_CHECKED FI_API fi_status fi_net_activation(fi_net *net, const char *name,
                                              const fi_activation *activation);

/*
 * Inverted dropout (Srivastava et al. 2014): in FI_TRAIN each activation is kept with probability
 * `keep`, and then divided by it, else 0; FI_TEST passes through.
 */
FI_CHECKED FI_API fi_status fi_net_dropout(fi_net *net, const char *name, double keep);

/* What the net tells its watcher, layer by layer. */
typedef enum fi_event {
    FI_AFTER_FORWARD,   /* out->data has just been computed */
    FI_BEFORE_BACKWARD, /* out->diff has just arrived from above */
    FI_AFTER_BACKWARD   /* in->diff and the parameters' diff have just been computed */
} fi_event;
/*
 * `see_rows`, if not NULL, is shown rows [first, first + rows) of out->data during a forward pass,
 * each once, in order, still in the cache. Then `see` comes when all layers that could go on with
 * the rows are complete: what runs in place has overwritten the output below it. `see_diff_rows` is
 * shown those of out->diff during a backward pass, before the layer goes on with them; then too
 * `see` comes when all are complete, and what runs in place has overwritten the diff above it.
 */
typedef struct fi_watcher {
    void (*see)(void *context, fi_event event, const fi_layer *layer);
    void *context;
    void (*see_rows)(void *context, const fi_layer *layer, size_t first, size_t rows);
    void (*see_diff_rows)(void *context, const fi_layer *layer, size_t first, size_t rows);
} fi_watcher;

/* From now on a batch has this many samples, at most those of the spec. */
FI_API void fi_net_set_samples(fi_net *net, size_t samples);

/* Runs the net on x (samples, inputs); `watcher` may be NULL. Fails with FI_ENOMEM only. */
FI_CHECKED FI_API fi_status fi_net_forward(fi_net *net, const fi_real *x, fi_phase phase,
                                           const fi_watcher *watcher);

/* Back from the cotangent of the top, (samples, units of the top); needs a kept forward pass. */
FI_API void fi_net_backward(fi_net *net, const fi_real *cotangent, const fi_watcher *watcher);

/* Draws all parameters now, as the first forward pass would; needs a net that keeps them. */
FI_CHECKED FI_API fi_status fi_net_draw(fi_net *net);

/* FI_TRAIN passes so far: dropout's masks depend on them, and a resumed net goes on from there. */
FI_API uint64_t fi_net_trainings(const fi_net *net);
FI_API void fi_net_set_trainings(fi_net *net, uint64_t trainings);

FI_API const fi_blob *fi_net_output(const fi_net *net);
FI_API const fi_blob *fi_net_input(const fi_net *net);
FI_API size_t fi_net_layers(const fi_net *net);
FI_API fi_layer *fi_net_layer(const fi_net *net, size_t index); /* 0 is the first */

FI_API const char *fi_layer_name(const fi_layer *layer);
FI_API const char *fi_layer_kind(const fi_layer *layer); /* "dense", "batch_norm", ... */
FI_API size_t fi_layer_depth(const fi_layer *layer); /* dense layers up to and with it, from 1 */
FI_API const fi_blob *fi_layer_input(const fi_layer *layer);
FI_API const fi_blob *fi_layer_output(const fi_layer *layer);
/* Parameters: dense has W (fan_in, fan_out) and b (1, fan_out); batch norm gamma, beta (1, units).
 */
FI_API fi_blob *fi_layer_parameter(const fi_layer *layer, size_t index); /* NULL past the last */
/*
 * What the solver multiplies its learning rate and its L2 by for this layer's parameters; 1 at
 * first. A rate of 0 freezes the layer: it computes no gradients of parameters, batch norm keeps
 * and uses its running statistics, and backward ends where everything below is frozen.
 */
FI_API void fi_layer_multiply(fi_layer *layer, double rate, double decay);
FI_API double fi_layer_rate(const fi_layer *layer);
FI_API double fi_layer_decay(const fi_layer *layer);

/* State that is not trained: batch norm has the running mean and variance, (1, units). */
FI_API fi_blob *fi_layer_state(const fi_layer *layer, size_t index); /* NULL past the last */

#include "fanin_data.h"

#include "fanin_train.h"

#include "fanin_theory.h"

#include "fanin_study.h"

#endif
