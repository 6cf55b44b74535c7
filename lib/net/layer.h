/*
 * What a layer is made of. A kind of layer is a struct that embeds fi_layer first, a const fi_kind
 * and a function that puts one on top of a net: one file.
 */
#ifndef FI_NET_LAYER_H
#define FI_NET_LAYER_H

#include "../math/gemm.h"

/* How a layer treats its blobs; net/memory.c decides from this where each blob lives. */
typedef enum fi_uses {
    FI_READS_INPUT = 1,  /* backward reads in->data */
    FI_READS_OUTPUT = 2, /* backward reads out->data */
    FI_ELEMENTWISE = 4,  /* runs in place: forward if in->data is free, backward always */
    FI_IDENTITY = 8      /* does nothing in this phase: its blobs are one, it is not called */
} fi_uses;

/* The run a layer takes part in. */
typedef struct fi_pass {
    uint64_t seed;
    uint64_t step; /* FI_TRAIN forward passes of the net before this one */
    fi_phase phase;
} fi_pass;

typedef struct fi_kind {
    const char *name;
    bool redrawn; /* `draw` gives equal values each time: FI_KEEP_NOTHING need not keep them */
    unsigned (*uses)(const fi_layer *layer, fi_phase phase); /* a set of fi_uses */
    /* First values of parameters and state; NULL if there are none. */
    fi_status (*draw)(fi_layer *layer, uint64_t seed);
    /* out->data from in->data: `rows` is told of each block of rows that is complete, in order. */
    void (*forward)(fi_layer *layer, const fi_pass *pass, const fi_gemm_rows *rows);
    /* In its place, where no row depends on another: out->data of the rows [first, first + rows).
     */
    void (*forward_rows)(fi_layer *layer, const fi_pass *pass, size_t first, size_t rows);
    /* in->diff and the parameters' diff from out->diff and what forward left; `rows`, if not NULL,
     * is told of each block of rows of in->diff. */
    void (*backward)(fi_layer *layer, const fi_pass *pass, const fi_gemm_rows *rows);
    /* In its place, where there is forward_rows: in->diff of the rows [first, first + rows). */
    void (*backward_rows)(fi_layer *layer, const fi_pass *pass, size_t first, size_t rows);
} fi_kind;

enum {
    FI_MAX_PARAMETERS = 2,
    FI_MAX_STATES = 2
};

struct fi_layer {
    const fi_kind *kind;
    const char *name;
    size_t number; /* among the layers of its kind, from 1 */
    size_t depth;  /* dense layers up to and with it */
    fi_blob *in;   /* the output of the layer below, or the net's input */
    fi_blob out;
    /* The kind gives the shapes, the net the memory; a blob of no columns is absent. */
    fi_blob parameters[FI_MAX_PARAMETERS], states[FI_MAX_STATES];
    unsigned uses;                /* in this pass */
    bool drawn;                   /* parameters and state have their values */
    bool settled;                 /* and these are not to be scaled: loaded, or scaled already */
    double rate, decay;           /* the solver's multipliers */
    fi_real *own_data, *own_diff; /* out's own memory, if any; out may share another blob's */
};

/*
 * A zeroed layer of `size` bytes on top of the net's layers, with `units` outputs, not yet part of
 * the net; NULL, with a message, if memory is refused.
 */
fi_layer *fi_layer_new(const fi_net *net, const fi_kind *kind, size_t size, const char *name,
                       size_t units);

/* Tells of all rows of a blob, block by block, each small enough for the second cache. */
void fi_net_tell_rows(const fi_blob *blob, const fi_gemm_rows *rows);

/* Makes the layer, now complete, the net's top. */
fi_status fi_net_push(fi_net *net, fi_layer *layer);

/* Units of the net's top layer: what the next layer is fed. */
size_t fi_net_top(const fi_net *net);

/* `count` doubles from the net's arena for a layer's own use; NULL, with a message, if refused. */
double *fi_net_doubles(const fi_net *net, size_t count);

#endif
