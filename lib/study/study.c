/* Running a study: each cell of the grid fills its own part of the dataset, on any worker. */
#include "../core/internal.h"
#include "../core/workers.h"
#include "dataset.h"

#include <math.h>
#include <string.h>

/* What all cells see. */
struct run {
    const fi_study *study;
    const fi_dataset *dataset;
    uint32_t grid; /* the axes that span it */
};

/* Where the cell at this position of the grid writes variable v; NULL: another cell does. */
static double *find_slot(const struct run *run, size_t v, const size_t *position)
{
    const uint32_t axes = run->dataset->variables[v].axes;
    for (size_t k = 0; k < run->study->grid; k++)
        if (!(axes >> k & 1) && position[k] != 0)
            return NULL;
    return run->dataset->values[v] +
           fi_axes_index(run->dataset->n_axes, run->dataset->axes, axes, position);
}

static fi_status run_cell(void *context, size_t item, fi_arena *arena)
{
    const struct run *const run = context;
    const fi_dataset *const dataset = run->dataset;
    size_t position[FI_MAX_AXES];
    double **const slots = fi_arena_alloc(arena, dataset->n_variables, sizeof *slots);
    if (!slots)
        return fi_fail_memory(dataset->n_variables * sizeof *slots, "a cell's slots");
    fi_axes_position(dataset->n_axes, dataset->axes, run->grid, item, position);
    for (size_t v = 0; v < dataset->n_variables; v++)
        slots[v] = find_slot(run, v, position);
    const fi_cell cell = {run->study->context, position, arena, slots};
    return run->study->cell(&cell);
}

/* The dataset's arrays, every value missing. */
static fi_status make_dataset(const fi_study *study, fi_dataset *dataset, fi_arena *arena)
{
    fi_axis *const axes = fi_arena_alloc(arena, study->n_axes, sizeof *axes);
    fi_variable *const variables = fi_arena_alloc(arena, study->n_variables, sizeof *variables);
    double **const values = fi_arena_alloc(arena, study->n_variables, sizeof *values);
    if (!axes || !variables || !values)
        return fi_fail_memory(study->n_variables * sizeof *variables, "the list of variables");
    memcpy(axes, study->axes, study->n_axes * sizeof *axes);
    memcpy(variables, study->variables, study->n_variables * sizeof *variables);
    *dataset = (fi_dataset){.n_axes = study->n_axes,
                            .n_variables = study->n_variables,
                            .axes = axes,
                            .variables = variables,
                            .values = values};
    for (size_t v = 0; v < study->n_variables; v++) {
        const size_t size = fi_variable_size(dataset, v);
        values[v] = fi_arena_alloc(arena, size, sizeof *values[v]);
        if (!values[v])
            return fi_fail_memory(size <= SIZE_MAX / sizeof(double) ? size * sizeof(double) : size,
                                  "the results");
        for (size_t k = 0; k < size; k++)
            values[v][k] = NAN;
    }
    return FI_OK;
}

fi_status fi_study_run(const fi_study *study, unsigned jobs,
                       void (*progress)(size_t done, size_t cells), fi_dataset *dataset,
                       fi_arena *arena)
{
    FI_REQUIRE(study && dataset && arena && study->cell);
    FI_REQUIRE(study->n_axes <= FI_MAX_AXES && study->grid <= study->n_axes);
    const uint32_t grid = (uint32_t)(((uint64_t)1 << study->grid) - 1);
    const size_t cells = fi_axes_size(study->n_axes, study->axes, grid);
    FI_TRY(make_dataset(study, dataset, arena));
    struct run run = {study, dataset, grid};
    return fi_workers_run(jobs, cells, run_cell, &run, progress);
}
