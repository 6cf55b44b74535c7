/* Running a study: the grid, the slots, the independence of jobs, the failure that is reported. */
#include "core/arena.h"
#include "core/workers.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum axis {
    SCHEME,
    SWITCH,
    RUN,
    LAYER,
    BIN,
    AXES
};
enum {
    GRID = RUN + 1,
    CELLS = 3 * 2 * 5
};

static const fi_axis axes[AXES] = {
    {.name = "scheme", .size = 3}, {.name = "switch", .size = 2}, {.name = "run", .size = 5},
    {.name = "layer", .size = 4},  {.name = "bin", .size = 6},
};
static const fi_variable variables[] = {
    {.name = "all", .axes = 31},       {.name = "layers", .axes = 15},
    {.name = "cell", .axes = 7},       {.name = "per_scheme", .axes = 1 | 8},
    {.name = "seed", .axes = 4},       {.name = "constant", .axes = 0},
    {.name = "inner", .axes = 8 | 16},
};
#define VARIABLES (sizeof variables / sizeof *variables)

static double key(size_t variable, const size_t *position, size_t k)
{
    double value = (double)variable;
    for (size_t a = 0; a < GRID; a++)
        if (variables[variable].axes >> a & 1)
            value = value * 10 + (double)position[a];
    return value * 100 + (double)k;
}

static size_t inner_size(size_t variable)
{
    const uint32_t mask = variables[variable].axes;
    return (mask >> LAYER & 1 ? axes[LAYER].size : 1) * (mask >> BIN & 1 ? axes[BIN].size : 1);
}

/* Writes each slot, but for the last value of "all"; expects NULL where another cell writes. */
static fi_status fill(const fi_cell *cell)
{
    for (size_t v = 0; v < VARIABLES; v++) {
        bool mine = true;
        for (size_t a = 0; a < GRID; a++)
            mine = mine && (variables[v].axes >> a & 1 || cell->position[a] == 0);
        if (mine != (cell->slots[v] != NULL))
            return FI_EDATA;
        for (size_t k = 0; mine && k < inner_size(v); k++) {
            if (!isnan(cell->slots[v][k]))
                return FI_EDATA; /* not preset, or another's */
            if (v != 0 || k + 1 < inner_size(v))
                cell->slots[v][k] = key(v, cell->position, k);
        }
    }
    return FI_OK;
}

static fi_study make(fi_status (*cell)(const fi_cell *cell), const void *context)
{
    return (fi_study){"test", GRID, AXES, VARIABLES, axes, variables, cell, context};
}

/* Each value is what the cell at its place wrote. */
static void expect_filled(const fi_dataset *dataset)
{
    for (size_t v = 0; v < VARIABLES; v++)
        for (size_t k = 0; k < fi_variable_size(dataset, v); k++) {
            size_t position[GRID] = {0};
            const size_t inner = inner_size(v);
            size_t rest = k / inner;
            for (size_t a = GRID; a-- > 0;)
                if (variables[v].axes >> a & 1) {
                    position[a] = rest % axes[a].size;
                    rest /= axes[a].size;
                }
            const double got = dataset->values[v][k];
            if (v == 0 && k % inner + 1 == inner)
                cr_expect(isnan(got), "%s[%zu] is %g, was not written", variables[v].name, k, got);
            else
                cr_expect_eq(got, key(v, position, k % inner), "%s[%zu] is %g", variables[v].name,
                             k, got);
        }
}

Test(study, every_value_has_its_place_for_any_jobs)
{
    const unsigned jobs[] = {1, 2, 8, 100};
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) {
        fi_arena *arena = NULL;
        cr_assert_eq(fi_arena_new(&arena), FI_OK);
        const fi_study study = make(fill, NULL);
        fi_dataset dataset = {0};
        cr_assert_eq(fi_study_run(&study, jobs[j], NULL, &dataset, arena), FI_OK, "%u jobs: %s",
                     jobs[j], fi_message());
        cr_expect_eq(dataset.n_axes, AXES);
        cr_expect_eq(dataset.n_variables, VARIABLES);
        cr_expect_eq(dataset.n_attributes, 0);
        expect_filled(&dataset);
        fi_arena_free(arena);
    }
}

static atomic_size_t calls, last;

static void count_call(size_t done, size_t cells)
{
    calls += cells == CELLS && done == last + 1;
    last = done;
}

Test(study, progress_counts_every_cell_once)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    const fi_study study = make(fill, NULL);
    fi_dataset dataset = {0};
    cr_assert_eq(fi_study_run(&study, 4, count_call, &dataset, arena), FI_OK, "%s", fi_message());
    cr_expect_eq(calls, CELLS, "%zu calls in order for %d cells", (size_t)calls, CELLS);
    fi_arena_free(arena);
}

/* Fails in the cells from number *context on, with the number in the message. */
static fi_status fail_late(const fi_cell *cell)
{
    const size_t number = (cell->position[0] * 2 + cell->position[1]) * 5 + cell->position[2];
    if (number < *(const size_t *)cell->context)
        return FI_OK;
    char name[64];
    snprintf(name, sizeof name, "/nonexistent/cell-%zu", number);
    fi_dataset unread;
    return fi_dataset_read(&unread, name, cell->arena);
}

Test(study, the_first_failing_cell_in_grid_order_is_reported)
{
    const size_t firsts[] = {0, 7, 29};
    for (size_t f = 0; f < 3; f++)
        for (unsigned jobs = 1; jobs <= 8; jobs *= 2) {
            fi_arena *arena = NULL;
            cr_assert_eq(fi_arena_new(&arena), FI_OK);
            const fi_study study = make(fail_late, &firsts[f]);
            fi_dataset dataset = {0};
            char name[64];
            snprintf(name, sizeof name, "cell-%zu'", firsts[f]);
            cr_expect_eq(fi_study_run(&study, jobs, NULL, &dataset, arena), FI_EIO);
            cr_expect(strstr(fi_message(), name), "%u jobs: '%s', expected %s", jobs, fi_message(),
                      name);
            fi_arena_free(arena);
        }
}

Test(study, refused_memory_is_reported)
{
    fi_status status = FI_ENOMEM;
    size_t allowed = 0;
    for (; status == FI_ENOMEM && allowed < 100; allowed++) {
        fi_arena *arena = NULL;
        cr_assert_eq(fi_arena_new(&arena), FI_OK);
        const fi_study study = make(fill, NULL);
        fi_dataset dataset = {0};
        fi_arena_refuse_after(arena, allowed);
        status = fi_study_run(&study, 2, NULL, &dataset, arena);
        fi_arena_free(arena);
    }
    cr_expect_eq(status, FI_OK);
    cr_expect_geq(allowed, VARIABLES);
}

Test(study, sizes_beyond_all_memory_are_refused)
{
    const fi_axis huge[] = {{.name = "run", .size = 3},
                            {.name = "layer", .size = SIZE_MAX / 4},
                            {.name = "bin", .size = 1000000}};
    const fi_variable variable[] = {{.name = "x", .axes = 7}};
    const fi_study study = {"test", 1, 3, 1, huge, variable, fill, NULL};
    fi_arena *arena = NULL;
    fi_dataset dataset = {0};
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    cr_expect_eq(fi_study_run(&study, 2, NULL, &dataset, arena), FI_ENOMEM);
    fi_arena_free(arena);
}

Test(study, an_interrupt_is_reported)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    const fi_study study = make(fill, NULL);
    fi_dataset dataset = {0};
    fi_workers_interrupt();
    cr_expect_eq(fi_study_run(&study, 2, NULL, &dataset, arena), FI_EINTERRUPTED);
    fi_arena_free(arena);
}
