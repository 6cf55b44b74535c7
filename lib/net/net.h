/* The net itself, between net.c, which runs it, and memory.c, which places its blobs. */
#ifndef FI_NET_NET_H
#define FI_NET_NET_H

#include "layer.h"

struct fi_net {
    fi_arena *arena;
    fi_net_spec spec;
    size_t n_layers, capacity;
    fi_layer **layers;
    fi_blob input;
    fi_pass pass;        /* the last one begun */
    uint64_t trainings;  /* complete FI_TRAIN forward passes */
    bool allocated;      /* parameters and pools have memory: no layer may be added */
    bool kept;           /* the last forward pass is complete and left what backward reads */
    fi_real *input_diff; /* the input's own */
    /* What layers share. NULL where the policy has no use for it. */
    fi_real *data_pool[2];  /* FI_KEEP_NOTHING: activations, taken in turn */
    fi_real *diff_pool[2];  /* FI_KEEP_DATA: cotangents, taken in turn */
    fi_real *weight_pool;   /* FI_KEEP_NOTHING: one layer's parameters */
    fi_real *gradient_pool; /* FI_KEEP_DATA: one layer's parameters' diff */
};

/* Gives all parameters, state and pools memory, once. */
FI_CHECKED fi_status fi_net_allocate(fi_net *net);

/* Points all data and diff where they belong in a pass over x, and notes the layers' uses. */
FI_CHECKED fi_status fi_net_place(fi_net *net, const fi_real *x, fi_phase phase);

#endif
