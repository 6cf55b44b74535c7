/*
 * Batch norm, after the dense layer and before the activation: it tolerates higher learning rates
 * and any first weights.
 */
#include <fanin.h>

#include <math.h>

static const double rates[] = {0.001, 0.01, 0.1, 1, 10};
static const char *const schemes[] = {"small_normal", "xavier_normal", "he_normal", "unit_normal"};
static const char *const off_on[] = {"off", "on"};
enum {
    RATES = sizeof rates / sizeof *rates,
    SCHEMES = sizeof schemes / sizeof *schemes
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->batch_norm = position[0] == 1;
    recipe->initializer = schemes[position[1]];
    recipe->rate = rates[position[2]];
}

/* It gets three of four validation samples right at the end, and has stayed finite. */
static bool has_learned(const fi_dataset *dataset, const size_t *position)
{
    return isnan(fi_train_final(dataset, "bad_iteration", position, 0)) &&
           fi_train_final(dataset, "validation_accuracy", position, 0) >= 0.75;
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    for (size_t norm = 0; norm < 2; norm++) {
        fprintf(stream, "batch norm %s:", off_on[norm]);
        for (size_t scheme = 0; scheme < SCHEMES; scheme++) {
            size_t learned = 0;
            for (size_t rate = 0; rate < RATES; rate++)
                learned += has_learned(dataset, (size_t[]){norm, scheme, rate});
            fprintf(stream, "%s %s learns at %zu of %d rates", scheme ? "," : "", schemes[scheme],
                    learned, RATES);
        }
        fputs(".\n", stream);
    }
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "batchnorm",
            .about = "trains one net at many learning rates from many first weights, without and "
                     "with batch norm.",
            .n_axes = 3,
            .axes = {{"batch_norm", "before the activation", NULL, 2, NULL, off_on},
                     {"initializer", "of the weights", NULL, SCHEMES, NULL, schemes},
                     {"rate", "learning rate", "1", RATES, rates, NULL}},
            .varies = " batch-norm initializer rate ",
            .points = 20,
            .defaults = {.depth = 5, .rule = "sgd", .policy = "poly", .epochs = 6},
            .vary = vary,
            .conclude = conclude,
        });
}
