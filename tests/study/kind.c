/* A study of one kind of network, without a program around it: for tests and benchmarks. */
#include "kind.h"

#include "core/internal.h"

fi_dataset fi_test_run_with(fi_arena *arena, unsigned jobs, const fi_test_kind *kind,
                            fi_status (*cell)(const fi_cell *cell))
{
    const fi_init_options options = {
        .depth = kind->depth,
        .width = kind->width,
        .runs = kind->runs,
        .gain = kind->gain,
        .forward_only = kind->forward_only,
    };
    const fi_activation *activation = fi_activation_find(kind->activation);
    double seeds[64];
    FI_REQUIRE(kind->runs <= sizeof seeds / sizeof *seeds);
    for (size_t r = 0; r < kind->runs; r++)
        seeds[r] = 1.0 + (double)r;
    const fi_init_context context = {
        .options = &options,
        .initializer = *fi_initializer_find(kind->initializer),
        .activations = &activation,
        .batch_norms = &kind->batch_norm,
        .seeds = seeds,
        .samples = kind->samples,
        .inputs = kind->width,
        .input_moments = fi_input_normal(kind->width),
    };
    const fi_axis axes[FI_INIT_AXES] = {
        {.name = "activation", .size = 1},     {.name = "batch_norm", .size = 1},
        {.name = "run", .size = kind->runs},   {.name = "layer", .size = kind->depth + 1},
        {.name = "bin", .size = FI_INIT_BINS}, {.name = "edge", .size = FI_INIT_BINS + 1},
    };
    const fi_study study = {
        .name = "test",
        .grid = FI_AXIS_RUN + 1,
        .n_axes = FI_INIT_AXES,
        .n_variables = FI_INIT_VARIABLES,
        .axes = axes,
        .variables = fi_init_variables,
        .cell = cell,
        .context = &context,
    };
    fi_dataset dataset;
    FI_REQUIRE(fi_study_run(&study, jobs, NULL, &dataset, arena) == FI_OK);
    return dataset;
}

fi_dataset fi_test_run(fi_arena *arena, unsigned jobs, const fi_test_kind *kind)
{
    return fi_test_run_with(arena, jobs, kind, fi_init_cell);
}
