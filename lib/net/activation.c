/* Activation: a = phi(z), element by element, by the loops of its row of activations.def. */
#include "layer.h"

#include "../core/internal.h"

struct activation {
    fi_layer layer;
    const fi_activation *phi;
};

static const fi_activation *phi_of(const fi_layer *layer)
{
    return ((const struct activation *)layer)->phi;
}

static unsigned uses(const fi_layer *layer, fi_phase phase)
{
    (void)phase;
    return FI_ELEMENTWISE | FI_READS_OUTPUT | (phi_of(layer)->from_output ? 0 : FI_READS_INPUT);
}

static void forward_rows(fi_layer *layer, const fi_pass *pass, size_t first, size_t rows)
{
    (void)pass;
    const fi_blob *a = &layer->out;
    phi_of(layer)->forward(rows * a->cols, layer->in->data + first * a->cols,
                           a->data + first * a->cols);
}

static void backward_rows(fi_layer *layer, const fi_pass *pass, size_t first, size_t rows)
{
    (void)pass;
    const fi_activation *phi = phi_of(layer);
    const fi_blob *a = &layer->out;
    const size_t begin = first * a->cols;
    phi->backward(rows * a->cols, phi->from_output ? NULL : layer->in->data + begin,
                  a->data + begin, a->diff + begin, layer->in->diff + begin);
}

static const fi_kind activation_kind = {
    .name = "activation",
    .uses = uses,
    .forward_rows = forward_rows,
    .backward_rows = backward_rows,
};

fi_status fi_net_activation(fi_net *net, const char *name, const fi_activation *activation)
{
    FI_REQUIRE(net && activation);
    struct activation *layer = (struct activation *)fi_layer_new(
        net, &activation_kind, sizeof *layer, name, fi_net_top(net));
    if (!layer)
        return FI_ENOMEM;
    layer->phi = activation;
    return fi_net_push(net, &layer->layer);
}
