/* Snapshots: every bit comes back, a resumed run is the unbroken one, and nothing is guessed. */
#define _GNU_SOURCE
#include "snapshot.h"

#include "core/arena.h"
#include "core/internal.h"
#include "net/layer.h"
#include "study/record.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

TestSuite(snapshot, .init = begin, .fini = end);

/* NaN with a payload, -0, infinity, denormals, and what tells the places apart. */
static void fill(fi_blob *blob, void *context)
{
    uint32_t *count = context;
    for (size_t k = 0; k < blob->rows * blob->cols; k++) {
        const fi_real odd[] = {(fi_real)NAN, FI_REAL(-0.0), -(fi_real)INFINITY,
                               sizeof(fi_real) == 4 ? (fi_real)1e-45 : (fi_real)5e-324};
        blob->data[k] = k < 4 ? odd[(k + *count) % 4] : (fi_real)(*count * 1000 + k) / 3;
        if (k < 4 && isnan(blob->data[k]))
            memcpy(&blob->data[k], count, 2); /* the payload's low bits */
    }
    ++*count;
}

Test(snapshot, every_bit_comes_back)
{
    uint32_t count = 1;
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "adam");
    each_blob(net, solver, fill, &count);
    fi_net_set_trainings(net, UINT64_MAX - 1);
    fi_solver_set_iteration(solver, UINT64_MAX);
    write_snapshot(path, net, solver);
    const fi_snapshot snapshot = read_snapshot(path);
    fi_net *other = drawn(2);
    fi_solver *other_solver = solve(other, "adam");
    cr_assert_eq(fi_snapshot_restore(&snapshot, other, other_solver), FI_OK, "%s", fi_message());
    cr_expect(same_bits(bits(net, solver), bits(other, other_solver)));
    cr_expect_eq(fi_net_trainings(other), UINT64_MAX - 1);
    cr_expect_eq(fi_solver_iteration(other_solver), UINT64_MAX);
    fi_net *alone = build(usual, COUNT(usual), "zeros", 3); /* not drawn before */
    cr_assert_eq(fi_snapshot_restore(&snapshot, alone, NULL), FI_OK, "%s", fi_message());
    cr_expect(same_bits(bits(net, NULL), bits(alone, NULL)));
}

Test(snapshot, arrays_and_attributes_of_the_caller_come_back)
{
    fi_real reals[] = {(fi_real)NAN, FI_REAL(-0.0), 3};
    double doubles[] = {1.0 / 3, -5e-324, INFINITY, NAN, 0, 1e300};
    uint32_t small[] = {0, UINT32_MAX, 7, 8};
    uint64_t large[] = {UINT64_MAX, 0, 1};
    const fi_array arrays[] = {
        {"data/z", FI_ELEMENT_REAL, 3, 1, reals},
        {"data/a/b/c", FI_ELEMENT_DOUBLE, 2, 3, doubles},
        {"permutation", FI_ELEMENT_U32, 1, 4, small},
        {"rng/state", FI_ELEMENT_U64, 1, 3, large},
        {"nothing", FI_ELEMENT_REAL, 1, 0, NULL},
        {"none", FI_ELEMENT_U64, 0, 3, NULL},
    };
    static const size_t sizes[] = {sizeof reals, sizeof doubles, sizeof small, sizeof large, 0, 0};
    const fi_attribute attributes[] = {
        {"title", "A run"}, {"empty", ""}, {"format", "mine"}, {"z", "2"}, {"a", "1"}};
    const fi_net *net = drawn(1);
    cr_assert_eq(
        fi_snapshot_write(path, net, NULL, COUNT(arrays), arrays, COUNT(attributes), attributes),
        FI_OK, "%s", fi_message());
    const fi_snapshot snapshot = read_snapshot(path);
    cr_expect_str_eq(snapshot.path, path);
    cr_expect_str_eq(snapshot.attributes[snapshot.n_attributes - 1].name, "a");
    for (size_t k = 0; k < COUNT(arrays); k++) {
        const fi_array *found = fi_snapshot_array(&snapshot, arrays[k].name);
        cr_assert_not_null(found, "%s", arrays[k].name);
        cr_expect_eq(found->element, arrays[k].element, "%s", arrays[k].name);
        cr_expect(found->rows == arrays[k].rows && found->cols == arrays[k].cols,
                  "%s is (%zu, %zu)", arrays[k].name, found->rows, found->cols);
        cr_expect(sizes[k] == 0 || memcmp(found->data, arrays[k].data, sizes[k]) == 0, "%s",
                  arrays[k].name);
    }
    cr_expect_str_eq(fi_snapshot_attribute(&snapshot, "title"), "A run");
    cr_expect_str_eq(fi_snapshot_attribute(&snapshot, "empty"), "");
    cr_expect_str_eq(fi_snapshot_attribute(&snapshot, "format"), "fanin snapshot 1");
    cr_expect_null(fi_snapshot_attribute(&snapshot, "absent"));
    cr_expect_null(fi_snapshot_array(&snapshot, "data"));
    /* What was read may be written again: the library's own attributes do not pile up. */
    cr_assert_eq(
        fi_snapshot_write(path, net, NULL, 0, NULL, snapshot.n_attributes, snapshot.attributes),
        FI_OK, "%s", fi_message());
    cr_expect_eq(read_snapshot(path).n_attributes, snapshot.n_attributes);
}

static void expect_same_files(const char *name_a, const char *name_b)
{
    FILE *a = fopen(name_a, "rb");
    FILE *b = fopen(name_b, "rb");
    cr_assert(a && b);
    long at = 0;
    int byte = 0;
    do {
        byte = fgetc(a);
        cr_assert_eq(byte, fgetc(b), "%s and %s differ at byte %ld", name_a, name_b, at);
        at++;
    } while (byte != EOF);
    fclose(a);
    fclose(b);
}

/* Dropout, running statistics and histories included; even the last files are the same. */
Test(snapshot, a_resumed_run_is_the_unbroken_one)
{
    static const char *const rules[] = {"sgd", "momentum", "nesterov", "adam"};
    for (size_t k = 0; k < COUNT(rules); k++) {
        char last[128], resumed[128];
        snprintf(last, sizeof last, "%s/last.h5", folder);
        snprintf(resumed, sizeof resumed, "%s/resumed.h5", folder);
        fi_net *net = drawn(1);
        fi_solver *solver = solve(net, rules[k]);
        train(net, solver, 3);
        write_snapshot(path, net, solver);
        train(net, solver, 4);
        write_snapshot(last, net, solver);
        fi_net *other = drawn(1);
        fi_solver *other_solver = solve(other, rules[k]);
        const fi_snapshot snapshot = read_snapshot(path);
        cr_assert_eq(fi_snapshot_restore(&snapshot, other, other_solver), FI_OK, "%s",
                     fi_message());
        train(other, other_solver, 4);
        write_snapshot(resumed, other, other_solver);
        cr_expect(same_bits(bits(net, solver), bits(other, other_solver)), "%s", rules[k]);
        expect_same_files(last, resumed);
    }
}

/* LSUV scales in the first training pass: a snapshot from before leaves that to be done. */
Test(snapshot, a_scheme_that_scales_does_so_once)
{
    for (int updates = 0; updates < 2; updates++) {
        fi_net *net = build(usual, COUNT(usual), "lsuv", 1);
        cr_assert_eq(fi_net_draw(net), FI_OK);
        fi_solver *solver = solve(net, "momentum");
        fi_net_layer(net, 4)->settled = true; /* as by fine-tuning: not to be scaled */
        train(net, solver, updates);
        write_snapshot(path, net, solver);
        const fi_snapshot snapshot = read_snapshot(path);
        fi_net *other = build(usual, COUNT(usual), "lsuv", 1);
        fi_solver *other_solver = solve(other, "momentum");
        cr_assert_eq(fi_snapshot_restore(&snapshot, other, other_solver), FI_OK, "%s",
                     fi_message());
        train(net, solver, 1);
        train(other, other_solver, 1);
        cr_expect(same_bits(bits(net, solver), bits(other, other_solver)), "after %d updates",
                  updates);
    }
}

/* Restoring fails with FI_EDATA that says all of the parts, and leaves the net as it was. */
static void refuse(const struct layer *layers, size_t count, const char *rule, size_t n_parts,
                   const char *const *parts)
{
    const fi_snapshot snapshot = read_snapshot(path);
    fi_net *net = build(layers, count, "xavier_normal", 9);
    cr_assert_eq(fi_net_draw(net), FI_OK);
    fi_solver *solver = rule ? solve(net, rule) : NULL;
    const struct bytes *before = bits(net, solver);
    expect_failure(fi_snapshot_restore(&snapshot, net, solver), FI_EDATA, n_parts, parts);
    cr_expect(same_bits(before, bits(net, solver)), "changed before '%s'", fi_message());
    cr_expect_eq(fi_net_trainings(net), 0);
}
#define REFUSE(layers, count, rule, ...)                                                           \
    refuse(layers, count, rule, COUNT(((const char *const[]){__VA_ARGS__})),                       \
           (const char *const[]){__VA_ARGS__})

Test(snapshot, another_net_or_solver_is_refused)
{
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "momentum");
    train(net, solver, 2);
    write_snapshot(path, net, solver);
    struct layer layers[COUNT(usual) + 1];
    memcpy(layers, usual, sizeof usual);
    layers[4].units++;
    REFUSE(layers, 5, "momentum", "layer 'above'", "(5, 3)", "(5, 4)", "net/above/weight", path,
           "build the net");
    layers[0].units--; /* the first that does not fit is told */
    REFUSE(layers, 5, "momentum", "layer 'below'", "(6, 5)", "(6, 4)");
    memcpy(layers, usual, sizeof usual);
    layers[5] = (struct layer){"more", "dense", CLASSES};
    REFUSE(layers, 6, "momentum", "layer 6", "'more' (dense) here", "nothing");
    REFUSE(usual, 4, "momentum", "layer 5", "'above' (dense) in", "nothing");
    layers[2].name = "other";
    REFUSE(layers, 5, "momentum", "layer 3", "'tanh' (activation)", "'other' (activation)");
    layers[2] = (struct layer){"tanh", "batch_norm", 0};
    REFUSE(layers, 5, "momentum", "layer 3", "'tanh' (activation)", "'tanh' (batch_norm)");
    REFUSE(usual, 5, "adam", "layer 'below'", "solver/below/weight/history_1", "missing", "(6, 5)");
    REFUSE(usual, 5, "sgd", "solver/below/weight/history_0", "no counterpart", "solver");
    write_snapshot(path, net, NULL);
    REFUSE(usual, 5, "sgd", "solver/iteration", "missing", "solver");
}

/* What a hand with other tools may do to a file. */
Test(snapshot, arrays_that_are_missing_or_too_many_are_named)
{
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "adam");
    static const char *const names[] = {
        "net/below/bias", "net/norm/running_variance",   "net/trainings",
        "net/settled",    "solver/above/bias/history_1", "solver/iteration"};
    for (size_t k = 0; k < COUNT(names); k++) {
        write_snapshot(path, net, solver);
        const hid_t file = H5Fopen(path, H5F_ACC_RDWR, fi_hdf5_access());
        cr_assert_geq(H5Ldelete(file, names[k], H5P_DEFAULT), 0);
        cr_assert_geq(H5Fclose(file), 0);
        REFUSE(usual, 5, "adam", names[k], "missing");
        write_snapshot(path, net, solver);
        const hid_t again = H5Fopen(path, H5F_ACC_RDWR, fi_hdf5_access());
        char twice[64];
        snprintf(twice, sizeof twice, "%s_2", names[k]);
        cr_assert_geq(H5Lcreate_hard(again, names[k], again, twice, H5P_DEFAULT, H5P_DEFAULT), 0);
        cr_assert_geq(H5Fclose(again), 0);
        REFUSE(usual, 5, "adam", twice, "no counterpart");
    }
}

Test(snapshot, names_that_are_no_groups_are_refused)
{
    static const char *const names[] = {"a/b", "/", "", ".", "trainings", "settled", "iteration"};
    for (size_t k = 0; k < COUNT(names); k++) {
        const struct layer layer = {names[k], "dense", CLASSES};
        fi_net *net = build(&layer, 1, "zeros", 1);
        cr_assert_eq(fi_net_draw(net), FI_OK);
        char called[32];
        snprintf(called, sizeof called, "'%s'", names[k]);
        EXPECT_FAILURE(fi_snapshot_write(path, net, NULL, 0, NULL, 0, NULL), FI_EDATA, called,
                       "rename");
    }
    const struct layer twins[] = {{"a", "dense", 2}, {"b", "dense", 2}, {"a", "dense", CLASSES}};
    fi_net *net = build(twins, COUNT(twins), "zeros", 1);
    cr_assert_eq(fi_net_draw(net), FI_OK);
    EXPECT_FAILURE(fi_snapshot_write(path, net, NULL, 0, NULL, 0, NULL), FI_EDATA, "layers 1 and 3",
                   "'a'", "rename");
    cr_expect_neq(access(path, F_OK), 0);
    const struct layer odd[] = {
        {"..", "dense", 2}, {"caf\xe9 \n'", "dense", 2}, {"a b", "dense", 2}};
    net = build(odd, COUNT(odd), "he_normal", 1);
    cr_assert_eq(fi_net_draw(net), FI_OK);
    write_snapshot(path, net, NULL);
    const fi_snapshot snapshot = read_snapshot(path);
    fi_net *other = build(odd, COUNT(odd), "he_normal", 2);
    cr_assert_eq(fi_snapshot_restore(&snapshot, other, NULL), FI_OK, "%s", fi_message());
    cr_expect(same_bits(bits(net, NULL), bits(other, NULL)));
}

/* What aborts does not clean up, and so has no folder. */
Test(snapshot_bug, a_net_without_values_is_a_bug, .signal = SIGABRT)
{
    (void)!freopen("/dev/null", "w", stderr);
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    (void)!fi_snapshot_write(path, build(usual, COUNT(usual), "zeros", 1), NULL, 0, NULL, 0, NULL);
}

Test(snapshot_bug, an_array_among_the_net_s_is_a_bug, .signal = SIGABRT)
{
    uint32_t one = 1;
    const fi_array array = {"net/mine", FI_ELEMENT_U32, 1, 1, &one};
    (void)!freopen("/dev/null", "w", stderr);
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    (void)!fi_snapshot_write(path, drawn(1), NULL, 1, &array, 0, NULL);
}
