/*
 * The Jacobian of a layer's activations by the network's input, at one sample: its squared singular
 * values, layer by layer, while the network runs forward.
 */
#ifndef FI_STUDY_JACOBIAN_H
#define FI_STUDY_JACOBIAN_H

#include "../fanin.h"

/*
 * Tangents t J (rows, units): of all inputs, which gives J itself, or of random probes t where
 * there are more inputs than FI_JACOBIAN_EXACT. Without batch norm, which ties the samples
 * together.
 */
typedef struct fi_jacobian {
    size_t rows, inputs, widest;
    bool exact;
    fi_real *tangents, *next; /* (rows, widest) */
    fi_real *z;               /* (widest): the sample's pre-activations */
    fi_real *ones, *slopes;   /* (widest) */
} fi_jacobian;

enum {
    FI_JACOBIAN_EXACT = 1024,
    FI_JACOBIAN_PROBES = 256
};

/* Begins at the input; the probes are those of the seed. Fails with FI_ENOMEM only. */
FI_CHECKED fi_status fi_jacobian_new(fi_jacobian *jacobian, size_t inputs, size_t widest,
                                     uint64_t seed, fi_arena *arena);

/*
 * Through a dense layer that has just run, and through the activation above it. `at` comes first,
 * while the dense layer's first row is there: the activation may run in place.
 */
void fi_jacobian_at(fi_jacobian *jacobian, const fi_layer *layer);
void fi_jacobian_dense(fi_jacobian *jacobian, const fi_layer *layer);
void fi_jacobian_activation(fi_jacobian *jacobian, const fi_layer *layer,
                            const fi_activation *activation);

/*
 * Mean and standard deviation of the min(inputs, units) squared singular values, tr J J' and
 * tr (J J')^2 over their number; from probes (Hutchinson 1990), the second trace is the mean
 * squared product of two different ones. NaN if memory is refused.
 */
void fi_jacobian_moments(const fi_jacobian *jacobian, size_t units, double *mean, double *spread,
                         fi_arena *scratch);

#endif
