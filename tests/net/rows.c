/*
 * Passes by blocks of rows: each block is shown once, in order, as it is when complete, and what
 * comes out is, bit for bit, what a pass layer by layer gives.
 */
#include "core/arena.h"
#include "fixture.h"

enum {
    INPUTS = 40,
    MOST_SAMPLES = 400,
    WIDTH = 130, /* so that a layer has several blocks */
    OUTPUTS = 5,
    MOST_LAYERS = 16
};

/* What lies between dense layers depends on the bits of `shape`. */
enum {
    BATCH_NORM = 1,
    GELU = 2, /* else tanh */
    DROPOUT = 4,
    FIRST_LAYERS = 8, /* an activation and a dropout before the first dense layer */
    LSUV = 16,
    SHAPES = 32,
    FROZEN = 32, /* the first dense layer: backward ends above it */
    BACKWARD_SHAPES = 64
};

static fi_net *shaped_net(fi_arena *arena, size_t samples, int shape, fi_keep keep)
{
    const char *activation = shape & GELU ? "gelu" : "tanh";
    const size_t units[] = {WIDTH, WIDTH, OUTPUTS};
    fi_net *net = NULL;
    const fi_net_spec spec = {.samples = samples,
                              .inputs = INPUTS,
                              .seed = 1,
                              .keep = keep,
                              .no_input_gradient = (shape & FROZEN) != 0};
    cr_assert_eq(fi_net_new(&net, arena, &spec), FI_OK);
    if (shape & FIRST_LAYERS) {
        add_activation(net, activation);
        cr_assert_eq(fi_net_dropout(net, NULL, 0.9), FI_OK);
    }
    for (size_t l = 0; l < 3; l++) {
        add_dense(net, units[l], shape & LSUV ? "lsuv" : "he_normal", l == 1 ? 0.1 : 0);
        if (l == 0 && shape & FROZEN)
            fi_layer_multiply(fi_net_layer(net, fi_net_layers(net) - 1), 0, 1);
        if (shape & BATCH_NORM)
            add_batch_norm(net);
        add_activation(net, activation);
        if (shape & DROPOUT)
            cr_assert_eq(fi_net_dropout(net, NULL, 0.8), FI_OK);
    }
    return net;
}

/* The outputs of all layers, or their cotangents, as they were shown. */
struct shown {
    fi_arena *arena;
    size_t layers, blocks;
    const fi_layer *layer[MOST_LAYERS];
    fi_real *data[MOST_LAYERS];
    size_t rows[MOST_LAYERS]; /* shown so far */
    size_t seen[MOST_LAYERS]; /* those when the layer was complete */
};

static size_t index_of(struct shown *shown, const fi_layer *layer)
{
    const fi_blob *out = fi_layer_output(layer);
    size_t k = 0;
    while (k < shown->layers && shown->layer[k] != layer)
        k++;
    if (k < shown->layers)
        return k;
    cr_assert(k < MOST_LAYERS);
    shown->layers++;
    shown->layer[k] = layer;
    shown->data[k] = fi_arena_zeros(shown->arena, out->rows * out->cols, sizeof(fi_real));
    cr_assert_not_null(shown->data[k]);
    return k;
}

static void note(struct shown *shown, const fi_layer *layer, const fi_real *x, size_t first,
                 size_t rows)
{
    const size_t k = index_of(shown, layer);
    const fi_blob *out = fi_layer_output(layer);
    cr_assert(first == shown->rows[k] && rows > 0 && first + rows <= out->rows,
              "%s: rows %zu to %zu of %zu after row %zu", fi_layer_name(layer), first, first + rows,
              out->rows, shown->rows[k]);
    memcpy(shown->data[k] + first * out->cols, x + first * out->cols, rows * out->cols * sizeof *x);
    shown->rows[k] += rows;
    shown->blocks++;
}

static void see_rows(void *context, const fi_layer *layer, size_t first, size_t rows)
{
    note(context, layer, fi_layer_output(layer)->data, first, rows);
}

static void see_diff_rows(void *context, const fi_layer *layer, size_t first, size_t rows)
{
    note(context, layer, fi_layer_output(layer)->diff, first, rows);
}

static void see_end(void *context, fi_event event, const fi_layer *layer)
{
    struct shown *shown = context;
    if (event != FI_AFTER_BACKWARD) {
        const size_t k = index_of(shown, layer);
        shown->seen[k] = shown->rows[k];
    }
}

static void see_whole(void *context, fi_event event, const fi_layer *layer)
{
    if (event == FI_AFTER_FORWARD)
        see_rows(context, layer, 0, fi_layer_output(layer)->rows);
    else if (event == FI_BEFORE_BACKWARD)
        see_diff_rows(context, layer, 0, fi_layer_output(layer)->rows);
}

/* The second pass, with dropout's second mask; of LSUV the first, which scales the weights. */
static struct shown *pass(fi_arena *arena, int shape, size_t samples, fi_keep keep,
                          const fi_real *x, fi_phase phase, bool by_rows)
{
    fi_net *net = shaped_net(arena, samples, shape, keep);
    struct shown *shown = fi_arena_zeros(arena, 1, sizeof *shown);
    cr_assert_not_null(shown);
    shown->arena = arena;
    if (!(shape & LSUV))
        forward(net, x, FI_TRAIN);
    const fi_watcher rows = {.see = see_end, .context = shown, .see_rows = see_rows};
    const fi_watcher whole = {.see = see_whole, .context = shown};
    cr_assert_eq(fi_net_forward(net, x, phase, by_rows ? &rows : &whole), FI_OK);
    return shown;
}

static void expect_equal(const struct shown *rows, const struct shown *whole, int shape)
{
    cr_assert_eq(rows->layers, whole->layers);
    for (size_t k = 0; k < rows->layers; k++) {
        const fi_blob *out = fi_layer_output(rows->layer[k]);
        cr_expect(rows->rows[k] == out->rows && rows->seen[k] == out->rows,
                  "shape %d, %s: %zu rows shown, %zu before its end, of %zu", shape,
                  fi_layer_name(rows->layer[k]), rows->rows[k], rows->seen[k], out->rows);
        cr_expect_arr_eq(rows->data[k], whole->data[k],
                         out->rows * out->cols * sizeof *rows->data[k], "shape %d, %s differs",
                         shape, fi_layer_name(rows->layer[k]));
    }
}

Test(rows, blocks_make_the_whole)
{
    const size_t samples[] = {1, 97, MOST_SAMPLES};
    const fi_phase phases[] = {FI_TRAIN, FI_TEST};
    for (int k = 0; k < SHAPES * 3 * 2; k++) {
        fi_arena *arena = new_arena();
        const int shape = k % SHAPES;
        const size_t count = samples[k / SHAPES % 3];
        const fi_phase phase = phases[k / SHAPES / 3];
        const fi_keep keep = (fi_keep)(k % 3);
        const fi_real *x = normals(arena, 1, count * INPUTS, 1);
        const struct shown *rows = pass(arena, shape, count, keep, x, phase, true);
        const struct shown *whole = pass(arena, shape, count, keep, x, phase, false);
        expect_equal(rows, whole, shape);
        cr_expect(count < MOST_SAMPLES || rows->blocks > rows->layers,
                  "only %zu blocks of %zu layers", rows->blocks, rows->layers);
        fi_arena_free(arena);
    }
}

/* ---- backward -------------------------------------------------------------------------------- */

enum {
    BY_ROWS,
    WHOLE,
    UNSEEN
};

static struct shown *pass_back(fi_arena *arena, fi_net *net, const fi_real *cotangent, int how)
{
    struct shown *shown = fi_arena_zeros(arena, 1, sizeof *shown);
    cr_assert_not_null(shown);
    shown->arena = arena;
    const fi_watcher rows = {.see = see_end, .context = shown, .see_diff_rows = see_diff_rows};
    const fi_watcher whole = {.see = see_whole, .context = shown};
    fi_net_backward(net, cotangent, how == BY_ROWS ? &rows : how == WHOLE ? &whole : NULL);
    return shown;
}

static void expect_equal_blobs(const fi_blob *a, const fi_blob *b, const char *what)
{
    if (a->diff)
        cr_expect_arr_eq(a->diff, b->diff, a->rows * a->cols * sizeof *a->diff, "%s", what);
    else
        cr_expect(!b->diff);
}

/* Gradients of the parameters of all layers that have them, and of the input. */
static void expect_equal_gradients(const fi_net *a, const fi_net *b)
{
    for (size_t l = 0; l < fi_net_layers(a); l++) {
        const fi_layer *x = fi_net_layer(a, l), *y = fi_net_layer(b, l);
        for (size_t k = 0; fi_layer_rate(x) > 0 && fi_layer_parameter(x, k); k++)
            expect_equal_blobs(fi_layer_parameter(x, k), fi_layer_parameter(y, k),
                               fi_layer_name(x));
    }
    expect_equal_blobs(fi_net_input(a), fi_net_input(b), "the input");
}

Test(rows, blocks_of_cotangents_make_the_whole)
{
    const size_t samples[] = {1, 97, MOST_SAMPLES};
    for (int k = 0; k < BACKWARD_SHAPES * 3; k++) {
        fi_arena *arena = new_arena();
        const int shape = k % BACKWARD_SHAPES;
        const size_t count = samples[k / BACKWARD_SHAPES];
        const fi_keep keep = k % 2 ? FI_KEEP_DATA : FI_KEEP_ALL;
        const fi_real *x = normals(arena, 1, count * INPUTS, 1);
        const fi_real *cotangent = normals(arena, 2, count * OUTPUTS, 1);
        struct shown *shown[3];
        fi_net *net[3];
        for (int how = BY_ROWS; how <= UNSEEN; how++) {
            net[how] = shaped_net(arena, count, shape, keep);
            forward(net[how], x, FI_TRAIN);
            shown[how] = pass_back(arena, net[how], cotangent, how);
        }
        expect_equal(shown[BY_ROWS], shown[WHOLE], shape);
        expect_equal_gradients(net[BY_ROWS], net[WHOLE]);
        expect_equal_gradients(net[UNSEEN], net[WHOLE]);
        cr_expect(count < MOST_SAMPLES || shown[BY_ROWS]->blocks > shown[BY_ROWS]->layers);
        fi_arena_free(arena);
    }
}
