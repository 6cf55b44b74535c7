/*
 * The forward pass by blocks of rows: each block is shown once, in order, as it will be in the end,
 * and what comes out is, bit for bit, what a pass layer by layer gives.
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
    SHAPES = 32
};

static fi_net *shaped_net(fi_arena *arena, size_t samples, int shape, fi_keep keep)
{
    const char *activation = shape & GELU ? "gelu" : "tanh";
    const size_t units[] = {WIDTH, WIDTH, OUTPUTS};
    fi_net *net = new_net(arena, samples, INPUTS, keep);
    if (shape & FIRST_LAYERS) {
        add_activation(net, activation);
        cr_assert_eq(fi_net_dropout(net, NULL, 0.9), FI_OK);
    }
    for (size_t l = 0; l < 3; l++) {
        add_dense(net, units[l], shape & LSUV ? "lsuv" : "he_normal", l == 1 ? 0.1 : 0);
        if (shape & BATCH_NORM)
            add_batch_norm(net);
        add_activation(net, activation);
        if (shape & DROPOUT)
            cr_assert_eq(fi_net_dropout(net, NULL, 0.8), FI_OK);
    }
    return net;
}

/* The outputs of all layers as they were shown. */
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

static void see_rows(void *context, const fi_layer *layer, size_t first, size_t rows)
{
    struct shown *shown = context;
    const size_t k = index_of(shown, layer);
    const fi_blob *out = fi_layer_output(layer);
    cr_assert(first == shown->rows[k] && rows > 0 && first + rows <= out->rows,
              "%s: rows %zu to %zu of %zu after row %zu", fi_layer_name(layer), first, first + rows,
              out->rows, shown->rows[k]);
    memcpy(shown->data[k] + first * out->cols, out->data + first * out->cols,
           rows * out->cols * sizeof *out->data);
    shown->rows[k] += rows;
    shown->blocks++;
}

static void see_end(void *context, fi_event event, const fi_layer *layer)
{
    struct shown *shown = context;
    if (event == FI_AFTER_FORWARD) {
        const size_t k = index_of(shown, layer);
        shown->seen[k] = shown->rows[k];
    }
}

static void see_whole(void *context, fi_event event, const fi_layer *layer)
{
    if (event == FI_AFTER_FORWARD)
        see_rows(context, layer, 0, fi_layer_output(layer)->rows);
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
