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

/*
 * Drops from the rows from `first` on, of data or diff alike: element k of all rows is kept iff
 * draw k < keep 2^32.
 */
static void drop(const fi_layer *layer, const fi_pass *pass, size_t first_row, size_t rows,
                 const fi_real *from, fi_real *to)
{
    enum {
        TILE = 64 * FI_LANES
    };
    const double keep = ((const struct dropout *)layer)->keep;
    const uint32_t last = (uint32_t)(ceil(keep * 0x1p32) - 1);
    const fi_real scale = (fi_real)(1 / keep);
    const size_t begin = first_row * layer->out.cols;
    const size_t n = begin + rows * layer->out.cols;
    fi_rng rng = fi_rng_stream(pass->seed, FI_FOR_DROPOUT, layer->depth, pass->step);
    fi_rng_advance(&rng, begin);
    fi_lanes lanes = fi_lanes_from(rng);
    for (size_t first = begin; first < n; first += TILE) {
        const size_t count = n - first < TILE ? n - first : TILE;
        uint32_t draws[TILE];
        fi_lanes_run(&lanes, (count + FI_LANES - 1) / FI_LANES, draws);
        select_kept(count, draws, last, scale, from + first, to + first);
    }
}

static void forward_rows(fi_layer *layer, const fi_pass *pass, size_t first, size_t rows)
{
    drop(layer, pass, first, rows, layer->in->data, layer->out.data);
}

static void backward_rows(fi_layer *layer, const fi_pass *pass, size_t first, size_t rows)
{
    drop(layer, pass, first, rows, layer->out.diff, layer->in->diff);
}

static const fi_kind dropout_kind = {
    .name = "dropout",
    .uses = uses,
    .forward_rows = forward_rows,
    .backward_rows = backward_rows,
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
