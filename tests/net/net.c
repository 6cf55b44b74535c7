/*
 * The net: policies give the same bits and the memory they promise, the watcher hears what it
 * should, refused memory is reported, and a caller's bugs abort.
 */
#include "net/net.h"
#include "core/arena.h"
#include "fixture.h"

#include <signal.h>

enum {
    SAMPLES = 13,
    INPUTS = 9
};

static const size_t widths[] = {7, 12, 5};

/* Three blocks; what lies between dense layers depends on the bits of `shape`. */
enum {
    BATCH_NORM = 1,
    GELU = 2, /* else tanh */
    DROPOUT = 4,
    FIRST_LAYERS = 8, /* an activation and a dropout before the first dense layer */
    SHAPES = 16
};

static void add_layers(fi_net *net, int shape)
{
    const char *activation = shape & GELU ? "gelu" : "tanh";
    if (shape & FIRST_LAYERS) {
        cr_assert_eq(fi_net_dropout(net, NULL, 0.9), FI_OK);
        add_activation(net, activation);
    }
    for (size_t l = 0; l < 3; l++) {
        add_dense(net, widths[l], "he_normal", 0.1);
        if (shape & BATCH_NORM)
            add_batch_norm(net);
        add_activation(net, activation);
        if (shape & DROPOUT)
            cr_assert_eq(fi_net_dropout(net, NULL, 0.8), FI_OK);
        if (shape & DROPOUT)
            add_activation(net, "linear");
    }
}

/* All the watcher is shown, in order. */
struct log {
    size_t count;
    fi_real values[20000];
};

static void note(struct log *log, const fi_blob *blob, const fi_real *values)
{
    const size_t count = blob->rows * blob->cols;
    cr_assert(log->count + count <= sizeof log->values / sizeof *log->values);
    memcpy(log->values + log->count, values, count * sizeof *values);
    log->count += count;
}

static void see_all(void *context, fi_event event, const fi_layer *layer)
{
    struct log *log = context;
    if (event == FI_AFTER_FORWARD)
        note(log, fi_layer_output(layer), fi_layer_output(layer)->data);
    else if (event == FI_BEFORE_BACKWARD)
        note(log, fi_layer_output(layer), fi_layer_output(layer)->diff);
    else
        note(log, fi_layer_input(layer), fi_layer_input(layer)->diff);
    for (size_t k = 0; fi_layer_parameter(layer, k); k++) {
        const fi_blob *blob = fi_layer_parameter(layer, k);
        note(log, blob, event == FI_AFTER_BACKWARD ? blob->diff : blob->data);
    }
}

static void run(struct log *log, fi_net *net, const fi_real *x, fi_phase phase,
                const fi_real *cotangent)
{
    const fi_watcher watcher = {.see = see_all, .context = log};
    cr_assert_eq(fi_net_forward(net, x, phase, &watcher), FI_OK);
    if (cotangent)
        fi_net_backward(net, cotangent, &watcher);
}

/* Two passes in training and one in test. */
static struct log *policy_log(fi_arena *arena, int shape, fi_keep keep, bool backward,
                              const fi_real *x, const fi_real *cotangent)
{
    struct log *log = fi_arena_zeros(arena, 1, sizeof *log);
    cr_assert_not_null(log);
    fi_net *net = new_net(arena, SAMPLES, INPUTS, keep);
    add_layers(net, shape);
    const fi_phase phases[] = {FI_TRAIN, FI_TEST, FI_TRAIN};
    for (size_t k = 0; k < 3; k++)
        run(log, net, x, phases[k], backward ? cotangent : NULL);
    return log;
}

Test(net, policies_give_the_same_bits)
{
    for (int shape = 0; shape < SHAPES; shape++) {
        fi_arena *arena = new_arena();
        const fi_real *x = normals(arena, 1, (size_t)SAMPLES * INPUTS, 1);
        const fi_real *cotangent = normals(arena, 2, SAMPLES * widths[2], 1);
        const fi_real *x_copy = copy(arena, x, (size_t)SAMPLES * INPUTS);
        const fi_real *cotangent_copy = copy(arena, cotangent, SAMPLES * widths[2]);
        const struct log *nothing = policy_log(arena, shape, FI_KEEP_NOTHING, false, x, NULL);
        const struct log *forward_only = policy_log(arena, shape, FI_KEEP_DATA, false, x, NULL);
        const struct log *data = policy_log(arena, shape, FI_KEEP_DATA, true, x, cotangent);
        const struct log *all = policy_log(arena, shape, FI_KEEP_ALL, true, x, cotangent);
        cr_expect(nothing->count == forward_only->count && data->count == all->count);
        cr_expect_arr_eq(nothing->values, forward_only->values, sizeof nothing->values,
                         "shape %d: forward differs", shape);
        cr_expect_arr_eq(data->values, all->values, sizeof data->values,
                         "shape %d: FI_KEEP_DATA and FI_KEEP_ALL differ", shape);
        cr_expect_arr_eq(x, x_copy, SAMPLES * INPUTS * sizeof *x, "shape %d: x written", shape);
        cr_expect_arr_eq(cotangent, cotangent_copy, SAMPLES * widths[2] * sizeof *x,
                         "shape %d: the cotangent was written", shape);
        fi_arena_free(arena);
    }
}

static void see_batch_norm(void *context, fi_event event, const fi_layer *layer)
{
    const fi_blob *out = fi_layer_output(layer);
    fi_real **seen = context;
    if (event == FI_BEFORE_BACKWARD && strcmp(fi_layer_kind(layer), "batch_norm") == 0)
        memcpy(seen[fi_layer_depth(layer)], out->diff, out->rows * out->cols * sizeof(fi_real));
}

/* Under FI_KEEP_ALL the cotangent of batch norm's output outlives its own backward. */
Test(net, keep_all_leaves_every_gradient)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, INPUTS, FI_KEEP_ALL);
    add_layers(net, BATCH_NORM);
    fi_real *seen[4] = {NULL};
    for (size_t l = 1; l <= 3; l++)
        seen[l] = normals(arena, l, SAMPLES * widths[l - 1], 1);
    const fi_watcher watcher = {.see = see_batch_norm, .context = seen};
    forward(net, normals(arena, 1, (size_t)SAMPLES * INPUTS, 1), FI_TRAIN);
    fi_net_backward(net, normals(arena, 2, SAMPLES * widths[2], 1), &watcher);
    for (size_t l = 1; l <= 3; l++) {
        const fi_blob *y = fi_layer_output(fi_net_layer(net, 3 * (l - 1) + 1));
        cr_expect_arr_eq(y->diff, seen[l], y->rows * y->cols * sizeof *y->diff, "depth %zu", l);
    }
    fi_arena_free(arena);
}

/* ---- the watcher and the readers ------------------------------------------------------------- */

struct visits {
    const fi_net *net;
    size_t count;
    struct {
        fi_event event;
        size_t layer;
    } at[64];
};

static void see_visit(void *context, fi_event event, const fi_layer *layer)
{
    struct visits *visits = context;
    size_t index = 0;
    while (fi_net_layer(visits->net, index) != layer)
        index++;
    visits->at[visits->count].event = event;
    visits->at[visits->count++].layer = index;
}

Test(net, the_watcher_hears_layer_by_layer)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, INPUTS, FI_KEEP_DATA);
    add_layers(net, BATCH_NORM | DROPOUT);
    const size_t layers = fi_net_layers(net);
    struct visits visits = {.net = net};
    const fi_watcher watcher = {.see = see_visit, .context = &visits};
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * INPUTS, 1);
    cr_assert_eq(fi_net_forward(net, x, FI_TEST, &watcher), FI_OK); /* dropout is told of too */
    fi_net_backward(net, normals(arena, 2, SAMPLES * widths[2], 1), &watcher);
    cr_assert_eq(visits.count, 3 * layers, "%zu visits", visits.count);
    for (size_t l = 0; l < layers; l++) {
        const size_t down = layers + 2 * (layers - 1 - l);
        cr_expect(visits.at[l].event == FI_AFTER_FORWARD && visits.at[l].layer == l);
        cr_expect(visits.at[down].event == FI_BEFORE_BACKWARD && visits.at[down].layer == l);
        cr_expect(visits.at[down + 1].event == FI_AFTER_BACKWARD && visits.at[down + 1].layer == l);
    }
    fi_arena_free(arena);
}

Test(net, readers)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, INPUTS, FI_KEEP_ALL);
    char name[] = "my tanh";
    add_dense(net, 4, "he_normal", 0);
    add_batch_norm(net);
    cr_assert_eq(fi_net_activation(net, name, fi_activation_find("tanh")), FI_OK);
    name[0] = '?'; /* the net has its own copy */
    cr_assert_eq(fi_net_dropout(net, NULL, 0.5), FI_OK);
    add_dense(net, 3, "he_normal", 0);
    const char *const names[] = {"dense_1", "batch_norm_1", "my tanh", "dropout_1", "dense_2"};
    const char *const kinds[] = {"dense", "batch_norm", "activation", "dropout", "dense"};
    const size_t depths[] = {1, 1, 1, 1, 2};
    const size_t parameters[] = {2, 2, 0, 0, 2};
    const size_t states[] = {0, 2, 0, 0, 0};
    cr_assert_eq(fi_net_layers(net), 5);
    for (size_t l = 0; l < 5; l++) {
        const fi_layer *layer = fi_net_layer(net, l);
        cr_expect_str_eq(fi_layer_name(layer), names[l]);
        cr_expect_str_eq(fi_layer_kind(layer), kinds[l]);
        cr_expect_eq(fi_layer_depth(layer), depths[l], "layer %zu", l);
        for (size_t k = 0; k < 4; k++) {
            cr_expect_eq(fi_layer_parameter(layer, k) != NULL, k < parameters[l], "layer %zu", l);
            cr_expect_eq(fi_layer_state(layer, k) != NULL, k < states[l], "layer %zu", l);
        }
        cr_expect_eq(fi_layer_input(layer),
                     l ? fi_layer_output(fi_net_layer(net, l - 1)) : fi_net_input(net));
    }
    const fi_blob *w = fi_layer_parameter(fi_net_layer(net, 4), 0);
    const fi_blob *gamma = fi_layer_parameter(fi_net_layer(net, 1), 0);
    cr_expect(w->rows == 4 && w->cols == 3 && gamma->rows == 1 && gamma->cols == 4);
    cr_expect(fi_net_output(net)->rows == SAMPLES && fi_net_output(net)->cols == 3);
    cr_expect(fi_net_input(net)->rows == SAMPLES && fi_net_input(net)->cols == INPUTS);
    fi_arena_free(arena);
}

/* ---- singular weights ------------------------------------------------------------------------ */

/* Cotangents, and the gradients of batch norm, stay finite; those of dense layers are 0. */
static void see_zeros(void *context, fi_event event, const fi_layer *layer)
{
    const double bound = strcmp(fi_layer_kind(layer), "dense") == 0 ? 0 : DBL_MAX;
    const fi_blob *in = fi_layer_input(layer);
    const fi_blob *first = fi_layer_parameter(layer, 0);
    if (event != FI_AFTER_BACKWARD)
        return;
    for (size_t k = 0; k < in->rows * in->cols; k++)
        compare(context, (double)in->diff[k], 0, bound);
    for (size_t k = 0; first && k < first->rows * first->cols; k++)
        compare(context, (double)first->diff[k], 0, bound);
}

/* With W = 0 and phi(0) = 0 all activations are 0, and so are every dW and dx. */
Test(net, zero_weights_give_zero_gradients)
{
    const char *const names[] = {"tanh", "relu", "linear", "gelu"};
    for (size_t k = 0; k < 8; k++) {
        fi_arena *arena = new_arena();
        fi_net *net = new_net(arena, SAMPLES, INPUTS, FI_KEEP_DATA);
        for (size_t l = 0; l < 3; l++) {
            add_dense(net, widths[l], "zeros", 0);
            if (k & 1)
                add_batch_norm(net);
            add_activation(net, names[k / 2]);
        }
        forward(net, normals(arena, 1, (size_t)SAMPLES * INPUTS, 1), FI_TRAIN);
        const fi_blob *out = fi_net_output(net);
        struct worst worst = {0};
        for (size_t i = 0; i < out->rows * out->cols; i++)
            compare(&worst, (double)out->data[i], 0, 0);
        const fi_watcher watcher = {.see = see_zeros, .context = &worst};
        fi_net_backward(net, normals(arena, 2, SAMPLES * widths[2], 1), &watcher);
        EXPECT_CLOSE(worst, "%s, batch norm %zu", names[k / 2], k & 1);
        fi_arena_free(arena);
    }
}

/* ---- a caller's bugs ------------------------------------------------------------------------- */

Test(net, backward_before_forward_is_a_bug, .signal = SIGABRT)
{
    fi_net *net = new_net(new_arena(), 1, 1, FI_KEEP_DATA);
    add_dense(net, 1, "zeros", 0);
    fi_net_backward(net, (fi_real[]){1}, NULL);
}

Test(net, backward_with_nothing_kept_is_a_bug, .signal = SIGABRT)
{
    fi_net *net = new_net(new_arena(), 1, 1, FI_KEEP_NOTHING);
    add_dense(net, 1, "zeros", 0);
    forward(net, (fi_real[]){1}, FI_TRAIN);
    fi_net_backward(net, (fi_real[]){1}, NULL);
}

/* In FI_TEST dropout leaves tanh's output in place, so the layer above needs memory of its own. */
Test(net, backward_after_a_refused_forward_is_a_bug, .signal = SIGABRT)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, 1, 1, FI_KEEP_DATA);
    add_activation(net, "tanh");
    cr_assert_eq(fi_net_dropout(net, NULL, 0.5), FI_OK);
    add_activation(net, "linear");
    forward(net, (fi_real[]){1}, FI_TRAIN);
    fi_arena_refuse_after(arena, 0);
    if (fi_net_forward(net, (fi_real[]){1}, FI_TEST, NULL) == FI_ENOMEM)
        fi_net_backward(net, (fi_real[]){1}, NULL);
}

Test(net, running_no_layers_is_a_bug, .signal = SIGABRT)
{
    forward(new_net(new_arena(), 1, 1, FI_KEEP_DATA), (fi_real[]){1}, FI_TRAIN);
}

Test(net, no_samples_is_a_bug, .signal = SIGABRT)
{
    (void)new_net(new_arena(), 0, 1, FI_KEEP_DATA);
}

Test(net, adding_to_a_net_that_has_run_is_a_bug, .signal = SIGABRT)
{
    fi_net *net = new_net(new_arena(), 1, 1, FI_KEEP_DATA);
    add_dense(net, 1, "zeros", 0);
    forward(net, (fi_real[]){1}, FI_TRAIN);
    add_dense(net, 1, "zeros", 0);
}
