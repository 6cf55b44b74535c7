/*
 * Overfit a tiny set first: 10 classes x 10 samples, no regularization. The loss must fall, though
 * not without oscillating, and the training accuracy reach 100 %; then regularize.
 */
#include <fanin.h>

static const double strengths[] = {0, 1e-3, 1e-2, 1e-1, 1};
enum {
    STRENGTHS = sizeof strengths / sizeof *strengths
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->l2 = strengths[position[0]];
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    const double accuracy = fi_train_final(dataset, "train_accuracy", &(size_t){0}, 0);
    const double loss = fi_train_final(dataset, "train_loss", &(size_t){0}, 0);
    fprintf(stream,
            "Unregularized, the net gets %.0f %% of the hundred right, at a loss of %.2g: "
            "%s\n",
            100 * accuracy, loss,
            accuracy == 1 ? "net, gradients and solver work."
                          : "mend this before anything else is tried.");
    for (size_t k = 1; k < STRENGTHS; k++)
        fprintf(stream, "L2 of %g: %.0f %%, loss %.2g.\n", strengths[k],
                100 * fi_train_final(dataset, "train_accuracy", &k, 0),
                fi_train_final(dataset, "train_loss", &k, 0));
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "sanity",
            .about = "trains one net on ten samples of each class, from no regularization to much.",
            .n_axes = 1,
            .axes = {{"l2", "strength of the L2 penalty", "1", STRENGTHS, strengths, NULL}},
            .varies = " l2 ",
            .samples = 2000,
            .each = 10,
            .defaults = {.batch = 10, .epochs = 100, .rule = "sgd", .rate = 0.1},
            .vary = vary,
            .conclude = conclude,
        });
}
