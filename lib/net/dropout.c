/*
 * Inverted dropout (Srivastava et al. 2014). The mask is not stored: backward draws it again from
 * the stream that forward drew it from, one draw an element, in order.
 */
#include "layer.h"

#include "../core/internal.h"
#include "../math/draw.h"

#include <math.h>

struct dropout {
    fi_layer layer;
    double keep;
};

static unsigned uses(const fi_layer *layer, fi_phase phase)
{
    const bool all = ((const struct dropout *)layer)->keep == 1;
    return FI_ELEMENTWISE | (all || phase != FI_TRAIN ? FI_IDENTITY : 0);
}

/* to = scale from where the draw is at most `last`, else 0; to may be from. */
static FI_CLONES void select_kept(size_t n, const uint32_t *restrict draws, uint32_t last,
                                  fi_real scale, const fi_real *from, fi_real *to)
{
#pragma GCC ivdep
    for (size_t k = 0; k < n; k++) {
        const fi_real scaled = scale * from[k];
        to[k] = draws[k] <= last ? scaled : 0;
    }
}

/* Drops from data or diff alike: element k is kept iff draw k < keep 2^32. */
static void drop(const fi_layer *layer, const fi_pass *pass, const fi_real *from, fi_real *to)
{
    enum {
        TILE = 64 * FI_LANES
    };
    const double keep = ((const struct dropout *)layer)->keep;
    const uint32_t last = (uint32_t)(ceil(keep * 0x1p32) - 1);
    const fi_real scale = (fi_real)(1 / keep);
    const size_t n = layer->out.rows * layer->out.cols;
    fi_lanes lanes =
        fi_lanes_from(fi_rng_stream(pass->seed, FI_FOR_DROPOUT, layer->depth, pass->step));
    for (size_t first = 0; first < n; first += TILE) {
        const size_t count = n - first < TILE ? n - first : TILE;
        uint32_t draws[TILE];
        fi_lanes_run(&lanes, (count + FI_LANES - 1) / FI_LANES, draws);
        select_kept(count, draws, last, scale, from + first, to + first);
    }
}

static void forward(fi_layer *layer, const fi_pass *pass)
{
    drop(layer, pass, layer->in->data, layer->out.data);
}

static void backward(fi_layer *layer, const fi_pass *pass)
{
    drop(layer, pass, layer->out.diff, layer->in->diff);
}

static const fi_kind dropout_kind = {
    .name = "dropout",
    .uses = uses,
    .forward = forward,
    .backward = backward,
};

fi_status fi_net_dropout(fi_net *net, const char *name, double keep)
{
    FI_REQUIRE(net);
    FI_REQUIRE(keep > 0 && keep <= 1);
    struct dropout *dropout =
        (struct dropout *)fi_layer_new(net, &dropout_kind, sizeof *dropout, name, fi_net_top(net));
    if (!dropout)
        return FI_ENOMEM;
    dropout->keep = keep;
    return fi_net_push(net, &dropout->layer);
}
