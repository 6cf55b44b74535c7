/* How a run of training ends early, or does not begin. */
#include "train_run.h"

#include <stddef.h>

TestSuite(trainer_ends, .init = begin, .fini = end);

Test(trainer_ends, a_loss_that_is_not_finite_ends_the_run)
{
    const fi_train_data data = small_data();
    fi_recipe recipe = small_recipe();
    recipe.rate = 1e300; /* infinite as a float; the weights' products overflow a double */
    recipe.activation = "relu";
    const fi_trainer *t = trained(&recipe, &data, 3);
    const double bad = *t->slots[FI_TRAIN_BAD_ITERATION];
    cr_expect(bad >= 1 && bad < 4, "bad_iteration %g", bad);
    cr_expect_eq((double)t->iteration, bad, "the bad update was made");
    cr_expect(*t->slots[FI_TRAIN_BAD_LAYER] >= 1 && *t->slots[FI_TRAIN_BAD_LAYER] <= 3,
              "bad_layer %g", *t->slots[FI_TRAIN_BAD_LAYER]);
    cr_expect(isnan(*t->slots[FI_TRAIN_TEST_ACCURACY]), "a ruined net was tested");
    const fi_recipe sound = small_recipe();
    cr_expect(isnan(*trained(&sound, &data, 3)->slots[FI_TRAIN_BAD_ITERATION]));
}

Test(trainer_ends, a_wrong_name_is_told_with_the_nearest)
{
    static const struct {
        size_t offset;
        const char *name, *message;
    } cases[] = {
        {offsetof(fi_recipe, activation), "tahn", "unknown activation 'tahn'; did you mean 'tanh'"},
        {offsetof(fi_recipe, rule), "adma", "unknown update rule 'adma'; did you mean 'adam'"},
        {offsetof(fi_recipe, policy), "setp", "did you mean 'step'"},
        {offsetof(fi_recipe, transform), "whitne",
         "unknown transform 'whitne'; did you mean 'whiten'"},
        {offsetof(fi_recipe, initializer), "lsvu", "did you mean 'lsuv'"},
    };
    const fi_train_data data = small_data();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        fi_recipe recipe = small_recipe();
        fi_trainer *t = NULL;
        memcpy((char *)&recipe + cases[k].offset, &cases[k].name, sizeof cases[k].name);
        cr_expect_eq(
            fi_trainer_new(&t, &(fi_trainer_spec){.recipe = &recipe, .data = &data}, arena),
            FI_EUSAGE);
        cr_expect(strstr(fi_message(), cases[k].message), "'%s' does not say '%s'", fi_message(),
                  cases[k].message);
    }
    fi_recipe recipe = small_recipe();
    fi_trainer *t = NULL;
    recipe.training = ROWS + 1;
    cr_expect_eq(fi_trainer_new(&t, &(fi_trainer_spec){.recipe = &recipe, .data = &data}, arena),
                 FI_EDATA);
}
