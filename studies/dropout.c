/*
 * Inverted dropout: each activation (not weight) is kept with probability p, and the kept ones
 * divided by it, so that n (1 - p) units are closed at training and prediction needs nothing. The
 * prediction pass stands for the average of all sub-networks; the study measures how well.
 */
#include <fanin.h>

static const double kept[] = {1, 0.9, 0.8, 0.65, 0.5, 0.3};
enum {
    KEPT = sizeof kept / sizeof *kept
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->keep = kept[position[0]];
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    for (size_t k = 0; k < KEPT; k++) {
        const double training = fi_train_final(dataset, "train_accuracy", &k, 0);
        const double validation = fi_train_final(dataset, "validation_accuracy", &k, 0);
        fprintf(stream, "p = %g: training above validation by %.1f points", kept[k],
                100 * (training - validation));
        if (kept[k] < 1)
            fprintf(stream,
                    "; prediction against the mean of 1000 sub-networks: %.1f %% of the logits "
                    "(sampling alone: %.1f %%)",
                    100 * fi_train_final(dataset, "subnetwork_error", &k, 0),
                    100 * fi_train_final(dataset, "subnetwork_noise", &k, 0));
        fputs(".\n", stream);
    }
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "dropout",
            .about = "trains one net with dropout, and holds its predictions against the mean of "
                     "sampled sub-networks.",
            .n_axes = 1,
            .axes = {{"keep", "probability that an activation is kept", "1", KEPT, kept, NULL}},
            .varies = " keep ",
            .samples = 1000,
            .runs = 3,
            .defaults = {.width = 200, .epochs = 60, .rate = 0.02, .subnetworks = 1000},
            .vary = vary,
            .conclude = conclude,
        });
}
