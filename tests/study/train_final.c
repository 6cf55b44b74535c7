/* fi_train_final: the last evaluation of each run, on average, wherever each run ended. */
#include "train_run.h"

enum {
    POSITIONS = 2,
    RUNS = 2,
    POINTS = 4,
    LAYERS = 3
};

TestSuite(train_final, .init = begin, .fini = end);

/* Axes as the training studies have them; run 1 of position 0 ended after its second evaluation. */
static fi_dataset dataset_of_runs(void)
{
    static const fi_axis axes[] = {
        {.name = "rate", .size = POSITIONS}, {.name = "run", .size = RUNS},
        {.name = "point", .size = POINTS},   {.name = "layer", .size = LAYERS},
        {.name = "input", .size = 2},
    };
    static const fi_variable variables[] = {
#define RUN 2
#define CELL 3
#define POINT 7
#define LAYER 15
#define INPUT 19
#define X(id, name, long_name, units, axes) {name, long_name, units, axes},
#include "study/train.def"
#undef X
#undef INPUT
#undef LAYER
#undef POINT
#undef CELL
#undef RUN
    };
    fi_dataset d = {.n_axes = 5,
                    .axes = axes,
                    .n_variables = FI_TRAIN_VARIABLES,
                    .variables = variables,
                    .values = fi_arena_zeros(arena, FI_TRAIN_VARIABLES, sizeof *d.values)};
    for (size_t v = 0; v < FI_TRAIN_VARIABLES; v++) {
        const size_t size = fi_variable_size(&d, v);
        d.values[v] = fi_arena_alloc(arena, size, sizeof **d.values);
        for (size_t k = 0; k < size; k++)
            d.values[v][k] = (double)k;
    }
    d.values[FI_TRAIN_ITERATION][POINTS + 2] = NAN;
    d.values[FI_TRAIN_ITERATION][POINTS + 3] = NAN;
    return d;
}

Test(train_final, it_is_the_mean_over_runs_of_their_last_evaluations)
{
    const fi_dataset d = dataset_of_runs();
    /* Values are their own indices: ((position RUNS + run) POINTS + point) LAYERS + layer. */
    cr_expect_eq(fi_train_final(&d, "train_loss", &(size_t){0}, 0), (3 + 5) / 2.0);
    cr_expect_eq(fi_train_final(&d, "train_loss", &(size_t){1}, 0), (11 + 15) / 2.0);
    cr_expect_eq(fi_train_final(&d, "update_ratio", &(size_t){0}, 2),
                 (3 * 3 + 2 + 5 * 3 + 2) / 2.0);
    cr_expect_eq(fi_train_final(&d, "update_ratio", &(size_t){1}, 1),
                 (11 * 3 + 1 + 15 * 3 + 1) / 2.0);
    cr_expect_eq(fi_train_final(&d, "test_accuracy", &(size_t){1}, 0), (2 + 3) / 2.0);
    d.values[FI_TRAIN_TRAIN_LOSS][5] = NAN;
    cr_expect(isnan(fi_train_final(&d, "train_loss", &(size_t){0}, 0)));
}
