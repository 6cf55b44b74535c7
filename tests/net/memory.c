/* Memory: each policy's blobs share as they should, and every refusal is reported. */
#include "core/arena.h"
#include "core/internal.h"
#include "fixture.h"

#include <sys/resource.h>

enum {
    SAMPLES = 13,
    INPUTS = 9
};

/* How many different places were seen. */
struct places {
    size_t count;
    const fi_real *at[200];
};

static void see_place(struct places *places, const fi_real *place)
{
    for (size_t k = 0; k < places->count; k++)
        if (places->at[k] == place)
            return;
    places->at[places->count++] = place;
}

struct census {
    struct places data, diff, weight, gradient;
};

static void see_places(void *context, fi_event event, const fi_layer *layer)
{
    struct census *census = context;
    const fi_blob *w = fi_layer_parameter(layer, 0);
    if (event == FI_AFTER_FORWARD)
        see_place(&census->data, fi_layer_output(layer)->data);
    else
        see_place(&census->diff, fi_layer_input(layer)->diff);
    if (w && strcmp(fi_layer_kind(layer), "dense") == 0)
        see_place(event == FI_AFTER_BACKWARD ? &census->gradient : &census->weight,
                  event == FI_AFTER_BACKWARD ? w->diff : w->data);
}

static struct census take_census(fi_keep keep, const char *activation, bool batch_norm)
{
    enum {
        DEPTH = 20
    };
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, INPUTS, keep);
    for (size_t l = 0; l < DEPTH; l++) {
        add_dense(net, INPUTS, "he_normal", 0);
        if (batch_norm)
            add_batch_norm(net);
        add_activation(net, activation);
    }
    struct census census = {0};
    const fi_watcher watcher = {.see = see_places, .context = &census};
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * INPUTS, 1);
    cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, &watcher), FI_OK);
    if (keep != FI_KEEP_NOTHING)
        fi_net_backward(net, normals(arena, 2, (size_t)SAMPLES * INPUTS, 1), &watcher);
    fi_arena_free(arena);
    return census;
}

static void expect_places(fi_keep keep, const char *activation, bool batch_norm, size_t data,
                          size_t diff, size_t weight, size_t gradient)
{
    const struct census c = take_census(keep, activation, batch_norm);
    cr_expect(c.data.count == data && c.diff.count == diff && c.weight.count == weight &&
                  c.gradient.count == gradient,
              "policy %d, %s, batch norm %d: %zu data, %zu diff, %zu weights, %zu gradients",
              (int)keep, activation, batch_norm, c.data.count, c.diff.count, c.weight.count,
              c.gradient.count);
}

/* At depth 20: 2 matrices and one W if nothing is kept; 1 a layer, or 2, and 2 cotangents. */
Test(memory, policies_use_what_they_promise)
{
    expect_places(FI_KEEP_NOTHING, "tanh", false, 2, 0, 1, 0);
    expect_places(FI_KEEP_NOTHING, "gelu", true, 2, 0, 1, 0);
    expect_places(FI_KEEP_DATA, "tanh", false, 20, 2, 20, 1);
    expect_places(FI_KEEP_DATA, "tanh", true, 40, 2, 20, 1);
    expect_places(FI_KEEP_DATA, "gelu", false, 40, 2, 20, 1);
    expect_places(FI_KEEP_ALL, "tanh", false, 20, 21, 20, 20);
    expect_places(FI_KEEP_ALL, "tanh", true, 40, 41, 20, 20);
}

static fi_status build(fi_net **net, fi_arena *arena, fi_keep keep)
{
    const fi_dense_spec dense = {.units = 6, .initializer = fi_initializer_find("he_normal")};
    const fi_activation *tanh_row = fi_activation_find("tanh");
    fi_status status = fi_net_new(net, arena, &(fi_net_spec){SAMPLES, INPUTS, 7, keep, false});
    for (int l = 0; l < 12 && status == FI_OK; l++) { /* 48 layers, past the first array of them */
        status = fi_net_dense(*net, &dense);
        if (status == FI_OK)
            status = fi_net_batch_norm(*net, &(fi_batch_norm_spec){0});
        if (status == FI_OK)
            status = fi_net_activation(*net, "named", tanh_row);
        if (status == FI_OK)
            status = fi_net_dropout(*net, NULL, 0.5);
    }
    return status;
}

static void refuse_each(fi_keep keep)
{
    fi_arena *inputs = new_arena();
    const fi_real *x = normals(inputs, 1, (size_t)SAMPLES * INPUTS, 1);
    fi_arena *arena = new_arena();
    fi_status status = FI_ENOMEM;
    size_t refusals = 0;
    while (status != FI_OK && refusals < 2000) {
        fi_net *net = NULL;
        fi_arena_reset(arena);
        fi_arena_refuse_after(arena, refusals);
        (void)fi_fail(FI_OK, "nothing yet");
        status = build(&net, arena, keep);
        if (status == FI_OK)
            status = fi_net_forward(net, x, FI_TRAIN, NULL);
        if (status == FI_OK)
            break;
        cr_expect_eq(status, FI_ENOMEM, "refusal %zu: status %d", refusals, (int)status);
        cr_expect(strstr(fi_message(), "refused"), "refusal %zu: %s", refusals, fi_message());
        refusals++;
    }
    cr_expect(status == FI_OK && refusals > 100, "policy %d: %zu refusals", (int)keep, refusals);
    fi_arena_free(arena);
    fi_arena_free(inputs);
}

Test(memory, each_refusal_is_reported)
{
    for (int keep = FI_KEEP_NOTHING; keep <= FI_KEEP_ALL; keep++)
        refuse_each((fi_keep)keep);
}

/* A pass that was refused memory leaves a net that can be run again, from the same step. */
Test(memory, a_net_can_be_run_after_a_refusal)
{
    fi_arena *arena = new_arena();
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * INPUTS, 1);
    fi_net *fresh = NULL;
    fi_net *refused = NULL;
    cr_assert_eq(build(&fresh, arena, FI_KEEP_ALL), FI_OK);
    cr_assert_eq(build(&refused, arena, FI_KEEP_ALL), FI_OK);
    forward(fresh, x, FI_TRAIN);
    size_t refusals = 0;
    fi_arena_refuse_after(arena, 1);
    while (fi_net_forward(refused, x, FI_TRAIN, NULL) != FI_OK && refusals++ < 1000)
        fi_arena_refuse_after(arena, 1);
    cr_expect(refusals > 50 && refusals < 1000, "%zu refusals", refusals);
    const fi_blob *out = fi_net_output(refused);
    cr_expect_arr_eq(out->data, fi_net_output(fresh)->data,
                     out->rows * out->cols * sizeof *out->data);
    fi_arena_free(arena);
}

/* AddressSanitizer itself does not survive the limit. */
#ifndef __SANITIZE_ADDRESS__
static void refuse_from_now_on(void *context, fi_event event, const fi_layer *layer)
{
    struct rlimit limit = *(const struct rlimit *)context;
    (void)event;
    (void)layer;
    limit.rlim_cur = 1;
    (void)setrlimit(RLIMIT_AS, &limit);
}

/* Drawing an orthogonal matrix takes memory outside the net's arena. */
Test(memory, an_initializers_refusal_is_reported)
{
    fi_arena *arena = new_arena();
    fi_net *net = new_net(arena, SAMPLES, 600, FI_KEEP_NOTHING);
    add_dense(net, 600, "zeros", 0);
    add_dense(net, 600, "orthogonal", 0);
    const fi_real *x = normals(arena, 1, (size_t)SAMPLES * 600, 1);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_AS, &limit), 0);
    const fi_watcher watcher = {.see = refuse_from_now_on, .context = &limit};
    const fi_status status = fi_net_forward(net, x, FI_TRAIN, &watcher);
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_expect_eq(status, FI_ENOMEM, "status %d", (int)status);
    cr_expect(strstr(fi_message(), "refused"), "%s", fi_message());
    fi_arena_free(arena);
}
#endif

/* More than any machine has: a status, not a wrapped size. */
Test(memory, sizes_past_all_memory_are_refused)
{
    const size_t sizes[] = {(size_t)1 << 60, (size_t)1 << 62, SIZE_MAX / 2};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (int keep = FI_KEEP_NOTHING; keep <= FI_KEEP_ALL; keep++) {
            fi_arena *arena = new_arena();
            fi_net *net = new_net(arena, 1 << 20, 3, (fi_keep)keep);
            add_dense(net, sizes[k], "he_normal", 0);
            const fi_real x[3] = {0}; /* is never read */
            cr_expect_eq(fi_net_forward(net, x, FI_TRAIN, NULL), FI_ENOMEM);
            cr_expect(strstr(fi_message(), "refused"), "%s", fi_message());
            fi_arena_free(arena);
        }
    }
}
