/*
 * Why weights are drawn: units that begin alike get the same gradient and stay alike, so that zero
 * or constant weights train a layer of many units as if it had one.
 */
#include <fanin.h>

static const char *const schemes[] = {"zeros", "constant:value=0.01", "he_normal"};
static const char *const activations[] = {"tanh", "relu"};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->activation = activations[position[0]];
    recipe->initializer = schemes[position[1]];
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    for (size_t a = 0; a < 2; a++)
        for (size_t s = 0; s < 3; s++) {
            const size_t at[] = {a, s};
            fprintf(stream,
                    "%s, %s: %.0f and %.0f distinct units in the hidden layers, %.1f %% "
                    "of training right.\n",
                    activations[a], schemes[s], fi_train_final(dataset, "distinct_units", at, 1),
                    fi_train_final(dataset, "distinct_units", at, 2),
                    100 * fi_train_final(dataset, "train_accuracy", at, 0));
        }
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "symmetry",
            .about = "trains one net from weights that are all alike, and from drawn ones.",
            .n_axes = 2,
            .axes = {{"activation", "of the hidden layers", NULL, 2, NULL, activations},
                     {"initializer", "of the weights", NULL, 3, NULL, schemes}},
            .varies = " activation initializer ",
            .defaults = {.width = 128, .epochs = 10, .rate = 0.02},
            .vary = vary,
            .conclude = conclude,
        });
}
