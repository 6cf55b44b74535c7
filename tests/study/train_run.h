/* Runs of training to try: a small recipe, data, and room for what is recorded. */
#ifndef FI_TEST_TRAIN_RUN_H
#define FI_TEST_TRAIN_RUN_H

#include "core/arena.h"
#include "study/trainer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 23,
    VALIDATION = 9,
    COLS = 6,
    CLASSES = 3,
    MOST_POINTS = 64,
    MOST_LAYERS = 5
};

static fi_arena *arena;

static inline void begin(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static inline void end(void)
{
    fi_arena_free(arena);
}

static inline fi_recipe small_recipe(void)
{
    return (fi_recipe){.depth = 2,
                       .width = 7,
                       .activation = "tanh",
                       .initializer = "xavier_normal",
                       .bias_std = 0.1,
                       .keep = 1,
                       .transform = "none",
                       .rule = "sgd",
                       .policy = "fixed",
                       .rate = 0.1,
                       .momentum = 0.9,
                       .batch = 5,
                       .epochs = 3,
                       .lower_rate = 1,
                       .seed = 4};
}

/* All that a run may forget: statistics, masks, two histories, a rate that changes. */
static inline fi_recipe rich_recipe(void)
{
    fi_recipe recipe = small_recipe();
    recipe.batch_norm = true;
    recipe.keep = 0.7;
    recipe.rule = "adam";
    recipe.rate = 0.02;
    recipe.policy = "multistep:gamma=0.5,steps=4/9";
    recipe.l2 = 0.01;
    recipe.transform = "standardize";
    return recipe;
}

/* Rows of one set: the first for training, the next for validation, as many for the test. */
static inline fi_train_data small_data(void)
{
    fi_samples all;
    cr_assert_eq(fi_synthesize(&all,
                               &(fi_synthetic_spec){.rows = ROWS + 2 * VALIDATION,
                                                    .classes = CLASSES,
                                                    .rank = 1,
                                                    .shape = {COLS},
                                                    .separation = 3,
                                                    .seed = 1},
                               arena),
                 FI_OK, "%s", fi_message());
    fi_train_data data = {all, all, all};
    fi_samples *parts[] = {&data.validation, &data.test};
    data.training.rows = ROWS;
    for (size_t k = 0; k < 2; k++) {
        parts[k]->rows = VALIDATION;
        parts[k]->x += (ROWS + k * VALIDATION) * COLS;
        parts[k]->labels += ROWS + k * VALIDATION;
    }
    return data;
}

/* A trainer that records so many points; 0: nothing. Recipe and data must outlive it. */
static inline fi_trainer *new_trainer(const fi_recipe *recipe, const fi_train_data *data,
                                      size_t points)
{
    const size_t room = (MOST_POINTS + 1) * MOST_LAYERS;
    double **slots = fi_arena_zeros(arena, FI_TRAIN_VARIABLES, sizeof *slots);
    fi_trainer *trainer = NULL;
    cr_assert(slots && points <= MOST_POINTS);
    for (size_t v = 0; v < FI_TRAIN_VARIABLES; v++) {
        slots[v] = fi_arena_alloc(arena, room, sizeof **slots);
        for (size_t k = 0; k < room; k++)
            slots[v][k] = NAN;
    }
    cr_assert_eq(fi_trainer_new(&trainer,
                                &(fi_trainer_spec){.recipe = recipe,
                                                   .data = data,
                                                   .points = points,
                                                   .layers = recipe->depth + 2,
                                                   .slots = points ? slots : NULL},
                                arena),
                 FI_OK, "%s", fi_message());
    return trainer;
}

static inline fi_trainer *trained(const fi_recipe *recipe, const fi_train_data *data, size_t points)
{
    fi_trainer *trainer = new_trainer(recipe, data, points);
    cr_assert_eq(fi_trainer_run(trainer, NULL), FI_OK, "%s", fi_message());
    return trainer;
}

/* How many numbers of parameters and state of two nets of one shape differ in their bits. */
static inline size_t differences(const fi_trainer *a, const fi_trainer *b, bool of_lower_only)
{
    size_t count = 0;
    const size_t layers = fi_net_layers(a->net) - of_lower_only;
    cr_assert_eq(fi_net_layers(a->net), fi_net_layers(b->net));
    for (size_t k = 0; k < layers; k++)
        for (size_t p = 0; p < 4; p++) {
            const fi_layer *ones = fi_net_layer(a->net, k);
            const fi_layer *others = fi_net_layer(b->net, k);
            const fi_blob *x = p < 2 ? fi_layer_parameter(ones, p) : fi_layer_state(ones, p - 2);
            const fi_blob *y =
                p < 2 ? fi_layer_parameter(others, p) : fi_layer_state(others, p - 2);
            for (size_t i = 0; x && i < x->rows * x->cols; i++)
                count += memcmp(&x->data[i], &y->data[i], sizeof *x->data) != 0;
        }
    return count;
}

#endif
