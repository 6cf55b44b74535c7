/*
 * How deep a net can be trained: the infinite-width theory gives each scheme the depth over which
 * the correlation of two inputs is lost by a factor e, and signals reach about six times as far
 * (Schoenholz et al. 2017, "Deep information propagation").
 */
#include <fanin.h>

#include <math.h>

static const char *const schemes[] = {
    "small_normal",           "xavier_normal:gain=0.8", "xavier_normal", "xavier_normal:gain=1.3",
    "xavier_normal:gain=1.6", "xavier_normal:gain=2.2", "unit_normal"};
static const double depths[] = {2, 5, 10, 20, 40, 80};
enum {
    SCHEMES = sizeof schemes / sizeof *schemes,
    DEPTHS = sizeof depths / sizeof *depths
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->initializer = schemes[position[0]];
    recipe->depth = (uint64_t)depths[position[1]];
}

/* Trained: half of the training samples are predicted right. */
static void conclude(const fi_dataset *dataset, FILE *stream)
{
    for (size_t s = 0; s < SCHEMES; s++) {
        double deepest = 0;
        for (size_t d = 0; d < DEPTHS; d++)
            if (fi_train_final(dataset, "train_accuracy", (size_t[]){s, d}, 0) >= 0.5)
                deepest = depths[d];
        const double scale = fi_train_final(dataset, "depth_scale", (size_t[]){s, 0}, 0);
        fprintf(stream, "%-22s  trains to %2.0f layers; six depth scales of theory: %.1f\n",
                schemes[s], deepest, 6 * scale);
    }
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "depth",
            .about = "trains tanh nets of rising depth from the first weights of many schemes.",
            .n_axes = 2,
            .axes = {{"initializer", "of the weights", NULL, SCHEMES, NULL, schemes},
                     {"depth", "hidden layers", "1", DEPTHS, depths, NULL}},
            .varies = " initializer depth ",
            .samples = 2000,
            .points = 10,
            .defaults = {.activation = "tanh",
                         .bias_std = 0.05,
                         .rule = "sgd",
                         .rate = 0.01,
                         .updates = 500},
            .vary = vary,
            .conclude = conclude,
        });
}
