/* The statistics of each layer of one network, into the slots of its cell. */
#ifndef FI_STUDY_MEASURE_H
#define FI_STUDY_MEASURE_H

#include "init.h"
#include "jacobian.h"
#include "slopes.h"

#include "../core/arena.h"
#include "../math/histogram.h"
#include "../math/representation.h"

typedef struct fi_measurer {
    const fi_cell *cell;
    const fi_activation *activation;
    bool batch_norm, out_of_memory;
    fi_jacobian *jacobian; /* NULL where it is not asked for */
    /* Of the rows shown so far: of a layer's activations, of what they are made from, and of their
     * cotangents. */
    fi_moments activations, preactivations, gradients;
    fi_row_sums rows; /* of the activations */
    fi_tally *tally;  /* of the activations, if they have bounds */
    fi_slopes slopes;
    fi_arena_mark before; /* the memory of these three */
} fi_measurer;

/* Rows of a layer's output, in order. */
void fi_measure_rows(fi_measurer *m, const fi_layer *layer, size_t first, size_t rows);

/* After these: the layer's weights, pre-activation or activation, whichever it has. */
void fi_measure_forward(fi_measurer *m, const fi_layer *layer);

/* The net's input, as the activations of a layer 0. */
void fi_measure_input(fi_measurer *m, const fi_blob *x);

/* Rows of a->diff, the cotangent of a layer's activations, in order; and after these. */
void fi_measure_gradient_rows(fi_measurer *m, const fi_blob *a, size_t first, size_t rows);
void fi_measure_gradient(fi_measurer *m, size_t layer);

/* w->diff, the gradient of a layer's weights. */
void fi_measure_weight_gradient(fi_measurer *m, size_t layer, const fi_blob *w);

#endif
