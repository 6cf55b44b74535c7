/* Activation layers: each row's loops, applied to the right blobs, in place where that is safe. */
#include "fixture.h"

enum {
    SAMPLES = 5,
    UNITS = 37,
    COUNT = SAMPLES * UNITS
};

/* z as dense leaves it, before an activation in place overwrites it. */
static void see_affine(void *context, fi_event event, const fi_layer *layer)
{
    if (event == FI_AFTER_FORWARD && strcmp(fi_layer_kind(layer), "dense") == 0)
        memcpy(context, fi_layer_output(layer)->data, COUNT * sizeof(fi_real));
}

static void check_row(const fi_activation *row, fi_keep keep)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, 8, keep);
    add_dense(net, UNITS, "he_normal", 0.5);
    cr_assert_eq(fi_net_activation(net, NULL, row), FI_OK);
    fi_real z[COUNT];
    fi_real a[COUNT];
    fi_real dz[COUNT];
    const fi_watcher watcher = {.see = see_affine, .context = z};
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * 8, 1);
    const fi_real *da = normals(arena, 2, COUNT, 1);
    cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, &watcher), FI_OK);
    row->forward(COUNT, z, a);
    row->backward(COUNT, z, a, da, dz);

    const fi_layer *layer = fi_net_layer(net, 1);
    const fi_blob *in = fi_layer_input(layer);
    const fi_blob *out = fi_layer_output(layer);
    cr_expect_arr_eq(out->data, a, sizeof a, "%s forward", row->name);
    cr_expect_eq(in->data == out->data, row->from_output || keep == FI_KEEP_NOTHING,
                 "%s in place: %d", row->name, in->data == out->data);
    if (keep != FI_KEEP_NOTHING) {
        fi_net_backward(net, da, NULL);
        cr_expect_arr_eq(in->diff, dz, sizeof dz, "%s backward", row->name);
    }
    fi_arena_free(arena);
}

Test(activation, layers_run_the_rows_loops)
{
    size_t count = 0;
    const fi_activation *rows = fi_activations(&count);
    cr_assert(count > 0);
    for (size_t k = 0; k < count; k++) {
        check_row(&rows[k], FI_KEEP_NOTHING);
        check_row(&rows[k], FI_KEEP_DATA);
        check_row(&rows[k], FI_KEEP_ALL);
    }
}

/* The lower tanh's slope is read from its output, which the upper one must leave alone. */
Test(activation, one_on_another_keeps_what_the_lower_needs)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, UNITS, FI_KEEP_DATA);
    add_activation(net, "tanh");
    add_activation(net, "tanh");
    const fi_activation *tanh_row = fi_activation_find("tanh");
    const fi_real *x = normals(arena, 1, COUNT, 1);
    const fi_real *cotangent = normals(arena, 2, COUNT, 1);
    fi_real a1[COUNT];
    fi_real a2[COUNT];
    fi_real d[COUNT];
    tanh_row->forward(COUNT, x, a1);
    tanh_row->forward(COUNT, a1, a2);
    tanh_row->backward(COUNT, NULL, a2, cotangent, d);
    tanh_row->backward(COUNT, NULL, a1, d, d);
    forward(net, x, FI_TRAIN);
    fi_net_backward(net, cotangent, NULL);
    cr_expect_arr_eq(fi_net_output(net)->data, a2, sizeof a2);
    cr_expect_arr_eq(fi_net_input(net)->diff, d, sizeof d);
    fi_arena_free(arena);
}
