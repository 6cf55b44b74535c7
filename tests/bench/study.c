/*
 * Whole networks of a study with all that is recorded of them, over the floor of their matrix
 * products: the parts of the default study, an ensemble, and how the ratio changes with the shape.
 *
 * The floor counts the gradient of the input too, which the study records.
 */
#include "../study/kind.h"
#include "bench.h"

#include "core/arena.h"
#include "core/internal.h"
#include "core/place.h"
#include "math/gemm.h"

#include <string.h>

static double flops_of(const fi_test_kind *kind)
{
    return bench_flops(&(bench_net){.samples = kind->samples,
                                    .inputs = kind->width,
                                    .width = kind->width,
                                    .depth = kind->depth,
                                    .backward = !kind->forward_only,
                                    .input_gradient = true});
}

/* ---- one network ----------------------------------------------------------------------------- */

/* What the cell below measures: it is called by the study, which knows nothing of it. */
static struct {
    const char *section, *name;
    size_t rounds;
    bench_times times;
} wanted;

struct again {
    const fi_cell *cell;
    fi_arena_mark start;
    fi_status (*work)(const fi_cell *cell);
};

static void again(void *context)
{
    const struct again *a = context;
    FI_REQUIRE(a->work(a->cell) == FI_OK);
    fi_arena_release(a->cell->arena, a->start);
}

static void measure(const fi_cell *cell, fi_status (*work)(const fi_cell *cell))
{
    struct again a = {cell, fi_arena_now(cell->arena), work};
    wanted.times =
        bench_measure(&(bench_work){wanted.section, wanted.name, again, &a, 0, wanted.rounds});
}

/* The second run's network, over and over in the memory of the first: the steady state. */
static fi_status network(const fi_cell *cell)
{
    if (cell->position[FI_AXIS_RUN] == 1)
        measure(cell, fi_init_cell);
    return FI_OK;
}

static fi_status predict(const fi_cell *cell)
{
    const fi_init_context *study = cell->context;
    return fi_init_predict(cell, study->activations[0], study->batch_norms[0]);
}

/* What the first run does besides: theory's predictions. */
static fi_status theory(const fi_cell *cell)
{
    if (cell->position[FI_AXIS_RUN] == 0)
        measure(cell, predict);
    return FI_OK;
}

static bench_times measure_in_study(const char *section, const char *name, size_t rounds,
                                    const fi_test_kind *kind, fi_status (*cell)(const fi_cell *))
{
    fi_arena *arena = NULL;
    FI_REQUIRE(fi_arena_new(&arena) == FI_OK);
    wanted.section = section;
    wanted.name = name;
    wanted.rounds = rounds;
    (void)fi_test_run_with(arena, 1, kind, cell);
    fi_arena_free(arena);
    return wanted.times;
}

static void measure_network(const char *section, const char *name, size_t rounds,
                            const fi_test_kind *kind)
{
    const bench_times times = measure_in_study(section, name, rounds, kind, network);
    bench_over_floor(&times, flops_of(kind));
}

static fi_test_kind classic(const char *activation)
{
    return (fi_test_kind){.initializer = "he_normal",
                          .activation = activation,
                          .gain = 1,
                          .runs = 2,
                          .depth = 10,
                          .width = 500,
                          .samples = 1000};
}

static void measure_products(const char *name, const fi_test_kind *kind)
{
    bench_net net = {kind->samples,       kind->width, kind->width, kind->depth, 0,
                     !kind->forward_only, true};
    const bench_times times =
        bench_measure(&(bench_work){"study", name, bench_products, &net, 0, 0});
    bench_over_floor(&times, bench_flops(&net));
}

/* ---- ensembles ------------------------------------------------------------------------------- */

struct ensemble {
    unsigned workers;
    size_t rounds;
    size_t n_schemes;
    const char *const *schemes;
    fi_test_kind kind;
};

/* One scheme after the other, as `make studies` does. */
static void run_ensemble(void *context)
{
    const struct ensemble *e = context;
    fi_arena *arena = NULL;
    FI_REQUIRE(fi_arena_new(&arena) == FI_OK);
    for (size_t s = 0; s < e->n_schemes; s++) {
        fi_test_kind kind = e->kind;
        kind.initializer = e->schemes[s];
        (void)fi_test_run(arena, e->workers, &kind);
        fi_arena_reset(arena);
    }
    fi_arena_free(arena);
}

static void measure_ensemble(const char *section, const char *name, const struct ensemble *e)
{
    struct ensemble copy = *e;
    const bench_times times =
        bench_measure(&(bench_work){section, name, run_ensemble, &copy, e->workers, e->rounds});
    bench_over_floor(&times, flops_of(&e->kind) * (double)e->kind.runs * (double)e->n_schemes);
}

/* ---- sections -------------------------------------------------------------------------------- */

void bench_study(void)
{
    static const char *const activations[] = {"tanh", "relu"};
    static const char *const schemes[] = {"zeros", "small_normal", "unit_normal", "xavier_normal",
                                          "he_normal"};
    char name[64];
    for (size_t backward = 0; backward < 2; backward++) {
        fi_test_kind kind = classic("tanh");
        kind.forward_only = !backward;
        const char *pass = backward ? "forward and backward" : "forward";
        snprintf(name, sizeof name, "%s: the products alone", pass);
        measure_products(name, &kind);
        for (size_t k = 0; k < 4; k++) {
            kind.activation = activations[k / 2];
            kind.batch_norm = k % 2;
            snprintf(name, sizeof name, "%s: %s%s", pass, kind.activation,
                     kind.batch_norm ? ", batch norm" : "");
            measure_network("study", name, 0, &kind);
        }
    }
    const fi_test_kind kind = classic("tanh");
    const bench_times times =
        measure_in_study("study", "theory of one configuration", 0, &kind, theory);
    bench_seconds(&times, 1e-3, "ms");
    struct ensemble ensemble = {fi_processors(), 0, 5, schemes, classic("tanh")};
    ensemble.kind.runs = 20;
    measure_ensemble("study", "ensemble: 5 schemes, 20 runs, all workers", &ensemble);
}

void bench_scaling(void)
{
    static const struct {
        size_t width, depth, samples, rounds;
    } shapes[] = {{128, 10, 1000, 0}, {256, 10, 1000, 0}, {512, 10, 1000, 0}, {1024, 5, 1000, 5},
                  {2048, 2, 1000, 3}, {4096, 1, 1000, 3}, {256, 50, 500, 0},  {256, 200, 500, 3},
                  {500, 10, 125, 0},  {500, 5, 1000, 0},  {500, 5, 4000, 3}};
    static const char *const he[] = {"he_normal"};
    char name[64];
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        fi_test_kind kind = classic("relu");
        kind.width = shapes[k].width;
        kind.depth = shapes[k].depth;
        kind.samples = shapes[k].samples;
        snprintf(name, sizeof name, "width %zu, depth %zu, samples %zu", kind.width, kind.depth,
                 kind.samples);
        measure_network("scaling", name, shapes[k].rounds, &kind);
    }
    for (unsigned workers = 1; workers <= fi_processors(); workers *= 2) {
        struct ensemble ensemble = {workers, 3, 1, he, classic("relu")};
        ensemble.kind.runs = 4 * workers;
        snprintf(name, sizeof name, "workers %u, runs %zu", workers, ensemble.kind.runs);
        measure_ensemble("scaling", name, &ensemble);
    }
}
