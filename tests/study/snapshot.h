/* Nets to write, restore and load, a folder for their files, and what may be said of them. */
#ifndef FI_TEST_SNAPSHOT_H
#define FI_TEST_SNAPSHOT_H

#include "fanin.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    SAMPLES = 8,
    INPUTS = 6,
    CLASSES = 3
};

static char folder[64], path[96];
static fi_arena *arena;

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(name);
}

static inline void begin(void)
{
    strcpy(folder, "/tmp/fanin-snapshot-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/snapshot.h5", folder);
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static inline void end(void)
{
    fi_arena_free(arena);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A layer of a net to build: "dense", "batch_norm", "dropout" or an activation. */
struct layer {
    const char *name, *kind;
    size_t units;
};

/* What most tests build. */
static const struct layer usual[] = {
    {"below", "dense", 5},  {"norm", "batch_norm", 0},   {"tanh", "tanh", 0},
    {"drop", "dropout", 0}, {"above", "dense", CLASSES},
};

static inline fi_net *build(const struct layer *layers, size_t count, const char *initializer,
                            uint64_t seed)
{
    fi_net *net = NULL;
    const fi_net_spec spec = {
        .samples = SAMPLES, .inputs = INPUTS, .seed = seed, .keep = FI_KEEP_ALL};
    cr_assert_eq(fi_net_new(&net, arena, &spec), FI_OK);
    for (size_t k = 0; k < count; k++) {
        const struct layer *l = &layers[k];
        const fi_dense_spec dense = {.name = l->name,
                                     .units = l->units,
                                     .initializer = fi_initializer_find(initializer),
                                     .bias_std = 0.1};
        const fi_status status =
            strcmp(l->kind, "dense") == 0 ? fi_net_dense(net, &dense)
            : strcmp(l->kind, "batch_norm") == 0
                ? fi_net_batch_norm(net, &(fi_batch_norm_spec){.name = l->name})
            : strcmp(l->kind, "dropout") == 0
                ? fi_net_dropout(net, l->name, 0.75)
                : fi_net_activation(net, l->name, fi_activation_find(l->kind));
        cr_assert_eq(status, FI_OK, "%s", fi_message());
    }
    return net;
}

/* The usual net with its values. */
static inline fi_net *drawn(uint64_t seed)
{
    fi_net *net = build(usual, COUNT(usual), "xavier_normal", seed);
    cr_assert_eq(fi_net_draw(net), FI_OK);
    return net;
}

static inline fi_solver *solve(fi_net *net, const char *rule)
{
    fi_solver *solver = NULL;
    const fi_solver_spec spec = {.rule = fi_update_rule_find(rule), .schedule = {.base = 0.1}};
    cr_assert_not_null(spec.rule);
    cr_assert_eq(fi_solver_new(&solver, net, &spec, arena), FI_OK);
    return solver;
}

/* `updates` more updates, each by samples of its own. */
static inline void train(fi_net *net, fi_solver *solver, int updates)
{
    for (int k = 0; k < updates; k++) {
        fi_real x[SAMPLES * INPUTS];
        int32_t labels[SAMPLES];
        fi_rng rng = fi_rng_stream(5, FI_FOR_DATA, 0, fi_solver_iteration(solver));
        fi_draw(&rng, FI_NORMAL, 1, SAMPLES * INPUTS, x);
        for (int s = 0; s < SAMPLES; s++)
            labels[s] = s % CLASSES;
        cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, NULL), FI_OK);
        const fi_blob *out = fi_net_output(net);
        (void)fi_softmax_loss(SAMPLES, CLASSES, out->data, labels, out->diff, NULL);
        fi_net_backward(net, out->diff, NULL);
        fi_solver_update(solver);
    }
}

/* Calls `see` with all reals that a net and a solver (or NULL) consist of. */
static inline void each_blob(const fi_net *net, const fi_solver *solver,
                             void (*see)(fi_blob *blob, void *context), void *context)
{
    for (size_t i = 0; i < fi_net_layers(net); i++) {
        const fi_layer *layer = fi_net_layer(net, i);
        fi_blob *blob = NULL;
        for (size_t p = 0; (blob = fi_layer_parameter(layer, p)) != NULL; p++) {
            see(blob, context);
            for (size_t h = 0; solver && (blob = fi_solver_history(solver, i, p, h)); h++)
                see(blob, context);
        }
        for (size_t s = 0; (blob = fi_layer_state(layer, s)) != NULL; s++)
            see(blob, context);
    }
}

struct bytes {
    size_t size;
    unsigned char bytes[1 << 16];
};

static inline void append(fi_blob *blob, void *context)
{
    struct bytes *to = context;
    const size_t size = blob->rows * blob->cols * sizeof *blob->data;
    cr_assert_leq(to->size + size, sizeof to->bytes);
    memcpy(to->bytes + to->size, blob->data, size);
    to->size += size;
}

/* The bits of all that is in a net and its solver. */
static inline struct bytes *bits(const fi_net *net, const fi_solver *solver)
{
    struct bytes *all = fi_arena_alloc(arena, 1, sizeof *all);
    cr_assert_not_null(all);
    all->size = 0;
    each_blob(net, solver, append, all);
    return all;
}

static inline bool same_bits(const struct bytes *a, const struct bytes *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static inline void write_snapshot(const char *name, const fi_net *net, const fi_solver *solver)
{
    cr_assert_eq(fi_snapshot_write(name, net, solver, 0, NULL, 0, NULL), FI_OK, "%s", fi_message());
}

static inline fi_snapshot read_snapshot(const char *name)
{
    fi_snapshot snapshot = {0};
    cr_assert_eq(fi_snapshot_read(&snapshot, name, arena), FI_OK, "%s", fi_message());
    return snapshot;
}

/* The last failure was this one, and its message has all of the parts. */
static inline void expect_failure(fi_status status, fi_status expected, size_t count,
                                  const char *const *parts)
{
    cr_expect_eq(status, expected, "status %d, not %d", (int)status, (int)expected);
    for (size_t k = 0; k < count; k++)
        cr_expect(strstr(fi_message(), parts[k]), "'%s' does not say '%s'", fi_message(), parts[k]);
}
#define EXPECT_FAILURE(status, expected, ...)                                                      \
    expect_failure(status, expected, COUNT(((const char *const[]){__VA_ARGS__})),                  \
                   (const char *const[]){__VA_ARGS__})

#endif
