/* The statistics of each layer of one network, into the slots of its cell. */
#ifndef FI_STUDY_MEASURE_H
#define FI_STUDY_MEASURE_H

#include "init.h"
#include "jacobian.h"

typedef struct fi_measurer {
    const fi_cell *cell;
    const fi_activation *activation;
    bool batch_norm, out_of_memory;
    fi_jacobian *jacobian; /* NULL where it is not asked for */
} fi_measurer;

/* After a layer's forward: its weights, pre-activation or activation, whichever it has. */
void fi_measure_forward(fi_measurer *m, const fi_layer *layer);

/* a->data, the activations of a layer; layer 0 is the input. */
void fi_measure_activation(fi_measurer *m, size_t layer, const fi_blob *a);

/* a->diff, the cotangent of a layer's activations. */
void fi_measure_gradient(fi_measurer *m, size_t layer, const fi_blob *a);

/* w->diff, the gradient of a layer's weights. */
void fi_measure_weight_gradient(fi_measurer *m, size_t layer, const fi_blob *w);

#endif
