/* Fine-tuning: which layers get the file's weights, which keep their own, and what is said of it.
 */
#define _GNU_SOURCE
#include "snapshot.h"

#include "core/arena.h"
#include "net/layer.h"

TestSuite(snapshot_weights, .init = begin, .fini = end);

/* The usual net with other top layers: "norm" is left out, "above" is called "top", "new" is new.
 */
static const struct layer tuned[] = {
    {"below", "dense", 5}, {"tanh", "tanh", 0}, {"new", "batch_norm", 0}, {"top", "dense", 4}};

static fi_snapshot trained(void)
{
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "momentum");
    train(net, solver, 3);
    write_snapshot(path, net, solver);
    return read_snapshot(path);
}

static void expect_equal(const fi_blob *blob, const fi_array *array)
{
    cr_assert(array && array->rows == blob->rows && array->cols == blob->cols);
    cr_expect_eq(memcmp(blob->data, array->data, blob->rows * blob->cols * sizeof(fi_real)), 0,
                 "%s", array->name);
}

Test(snapshot_weights, layers_load_by_name)
{
    const fi_snapshot snapshot = trained();
    fi_net *net = build(tuned, COUNT(tuned), "xavier_normal", 2);
    fi_net *fresh = build(tuned, COUNT(tuned), "xavier_normal", 2);
    fi_loaded_layer *table = NULL;
    size_t rows = 0;
    cr_assert_eq(fi_net_draw(fresh), FI_OK);
    cr_assert_eq(fi_snapshot_load_weights(&snapshot, net, &table, &rows, arena), FI_OK, "%s",
                 fi_message());
    static const fi_loaded_layer expected[] = {
        {"below", FI_LOADED, 6, 5}, {"tanh", FI_NO_PARAMETERS, 0, 0}, {"new", FI_FRESH, 1, 5},
        {"top", FI_FRESH, 5, 4},    {"norm", FI_SKIPPED, 1, 5},       {"above", FI_SKIPPED, 5, 3}};
    cr_assert_eq(rows, COUNT(expected), "%zu rows", rows);
    for (size_t k = 0; k < rows; k++) {
        cr_expect_str_eq(table[k].layer, expected[k].layer);
        cr_expect_eq(table[k].loading, expected[k].loading, "%s", table[k].layer);
        cr_expect(table[k].rows == expected[k].rows && table[k].cols == expected[k].cols, "%s",
                  table[k].layer);
    }
    for (size_t i = 0; i < COUNT(tuned); i++) {
        const fi_layer *layer = fi_net_layer(net, i);
        cr_expect_eq(layer->settled, i == 0);
        for (size_t p = 0; i && fi_layer_parameter(layer, p); p++) {
            const fi_blob *own = fi_layer_parameter(layer, p);
            const fi_blob *other = fi_layer_parameter(fi_net_layer(fresh, i), p);
            cr_expect_eq(memcmp(own->data, other->data, own->rows * own->cols * sizeof(fi_real)), 0,
                         "%s", layer->name);
        }
    }
    expect_equal(fi_layer_parameter(fi_net_layer(net, 0), 0),
                 fi_snapshot_array(&snapshot, "net/below/weight"));
    expect_equal(fi_layer_parameter(fi_net_layer(net, 0), 1),
                 fi_snapshot_array(&snapshot, "net/below/bias"));
    cr_expect_eq(fi_net_trainings(net), 0, "a fine-tuned net begins anew");
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fi_print_loading(stream, table, rows);
    fclose(stream);
    cr_expect_str_eq(text, "below  loaded   (6, 5)\n"
                           "tanh   no parameters\n"
                           "new    fresh    (1, 5)\n"
                           "top    fresh    (5, 4)\n"
                           "norm   skipped  (1, 5)\n"
                           "above  skipped  (5, 3)\n");
    free(text);
}

Test(snapshot_weights, state_loads_with_the_parameters)
{
    const fi_snapshot snapshot = trained();
    static const struct layer layers[] = {{"first", "dense", 5}, {"norm", "batch_norm", 0}};
    fi_net *net = build(layers, COUNT(layers), "xavier_normal", 2);
    fi_loaded_layer *table = NULL;
    size_t rows = 0;
    cr_assert_eq(fi_snapshot_load_weights(&snapshot, net, &table, &rows, arena), FI_OK, "%s",
                 fi_message());
    const fi_layer *norm = fi_net_layer(net, 1);
    expect_equal(fi_layer_parameter(norm, 0), fi_snapshot_array(&snapshot, "net/norm/gamma"));
    expect_equal(fi_layer_parameter(norm, 1), fi_snapshot_array(&snapshot, "net/norm/beta"));
    expect_equal(fi_layer_state(norm, 0), fi_snapshot_array(&snapshot, "net/norm/running_mean"));
    expect_equal(fi_layer_state(norm, 1),
                 fi_snapshot_array(&snapshot, "net/norm/running_variance"));
    cr_expect_neq(fi_layer_state(norm, 0)->data[0], 0, "the snapshot's mean was not trained");
}

/* Without a file: another net's weights, as they are when they are loaded. */
Test(snapshot_weights, a_net_in_memory_is_a_snapshot_too)
{
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "momentum");
    fi_snapshot snapshot = {0};
    cr_assert_eq(fi_snapshot_of(&snapshot, net, solver, arena), FI_OK, "%s", fi_message());
    train(net, solver, 2);
    fi_net *other = build(tuned, COUNT(tuned), "xavier_normal", 2);
    fi_loaded_layer *table = NULL;
    size_t rows = 0;
    cr_assert_eq(fi_snapshot_load_weights(&snapshot, other, &table, &rows, arena), FI_OK, "%s",
                 fi_message());
    cr_expect_eq(rows, 6, "%zu rows", rows);
    expect_equal(fi_layer_parameter(fi_net_layer(other, 0), 0),
                 fi_snapshot_array(&snapshot, "net/below/weight"));
    cr_assert_eq(fi_snapshot_of(&snapshot, net, solver, arena), FI_OK, "%s", fi_message());
    other = drawn(2);
    fi_solver *other_solver = solve(other, "momentum");
    cr_assert_eq(fi_snapshot_restore(&snapshot, other, other_solver), FI_OK, "%s", fi_message());
    cr_expect(same_bits(bits(net, solver), bits(other, other_solver)));
    cr_expect(fi_net_trainings(other) == 2 && fi_solver_iteration(other_solver) == 2);
}

/* "below" fits and comes first, but nothing is copied when another layer does not fit. */
Test(snapshot_weights, one_layer_that_does_not_fit_stops_all)
{
    const fi_snapshot snapshot = trained();
    static const struct {
        struct layer layer;
        const char *parts[4];
    } cases[] = {
        {{"above", "dense", 4}, {"layer 'above'", "(5, 3)", "(5, 4)", "rename the layer"}},
        {{"norm", "dense", 5}, {"layer 'norm'", "batch_norm", "dense", "rename the layer"}},
        {{"drop", "dense", 5}, {"layer 'drop'", "dropout", "dense", "rename the layer"}},
        {{"below", "dense", 4}, {"layers 1 and 2", "'below'", "rename"}},
    };
    for (size_t k = 0; k < COUNT(cases); k++) {
        const struct layer layers[] = {usual[0], cases[k].layer};
        fi_net *net = build(layers, 2, "xavier_normal", 2);
        fi_loaded_layer *table = NULL;
        size_t rows = 0;
        cr_assert_eq(fi_net_draw(net), FI_OK);
        const struct bytes *before = bits(net, NULL);
        expect_failure(fi_snapshot_load_weights(&snapshot, net, &table, &rows, arena), FI_EDATA,
                       k < 3 ? 4 : 3, cases[k].parts);
        cr_expect(same_bits(before, bits(net, NULL)), "changed before '%s'", fi_message());
        cr_expect_not(fi_net_layer(net, 0)->settled);
    }
}

/* LSUV scales the layers that are drawn, and leaves those that come from a file. */
Test(snapshot_weights, loaded_layers_are_not_scaled)
{
    const fi_snapshot snapshot = trained();
    fi_net *net = build(tuned, COUNT(tuned), "lsuv", 2);
    fi_loaded_layer *table = NULL;
    size_t rows = 0;
    fi_real x[SAMPLES * INPUTS];
    fi_rng rng = fi_rng_seed(1, 1);
    fi_draw(&rng, FI_NORMAL, 3, SAMPLES * INPUTS, x);
    cr_assert_eq(fi_snapshot_load_weights(&snapshot, net, &table, &rows, arena), FI_OK, "%s",
                 fi_message());
    const fi_real drawn_weight = fi_layer_parameter(fi_net_layer(net, 3), 0)->data[0];
    cr_assert_eq(fi_net_forward(net, x, FI_TRAIN, NULL), FI_OK);
    expect_equal(fi_layer_parameter(fi_net_layer(net, 0), 0),
                 fi_snapshot_array(&snapshot, "net/below/weight"));
    cr_expect_neq(fi_layer_parameter(fi_net_layer(net, 3), 0)->data[0], drawn_weight);
}

Test(snapshot_weights, refused_memory_is_reported)
{
    const fi_snapshot snapshot = trained();
    fi_net *net = build(tuned, COUNT(tuned), "xavier_normal", 2);
    fi_loaded_layer *table = NULL;
    size_t rows = 0;
    fi_arena_refuse_after(arena, 0);
    EXPECT_FAILURE(fi_snapshot_load_weights(&snapshot, net, &table, &rows, arena), FI_ENOMEM,
                   "memory");
    fi_net *other = (fi_arena_refuse_after(arena, SIZE_MAX), drawn(1));
    fi_snapshot in_memory = {0};
    fi_status status = FI_ENOMEM;
    size_t allowed = 0;
    for (; status == FI_ENOMEM && allowed < 100; allowed++) {
        fi_arena_refuse_after(arena, allowed);
        status = fi_snapshot_of(&in_memory, other, NULL, arena);
        cr_assert(status == FI_OK || strstr(fi_message(), "memory"), "%s", fi_message());
    }
    cr_expect(status == FI_OK && allowed > 10, "after %zu allocations: %d", allowed, (int)status);
}
