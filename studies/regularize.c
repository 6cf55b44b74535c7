/* L2 regularization, from none up: it closes the gap between training and validation. */
#include <fanin.h>

static const double strengths[] = {0, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 1};
enum {
    STRENGTHS = sizeof strengths / sizeof *strengths
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->l2 = strengths[position[0]];
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    size_t best = 0;
    for (size_t k = 0; k < STRENGTHS; k++) {
        const double training = fi_train_final(dataset, "train_accuracy", &k, 0);
        const double validation = fi_train_final(dataset, "validation_accuracy", &k, 0);
        if (validation > fi_train_final(dataset, "validation_accuracy", &best, 0))
            best = k;
        fprintf(stream, "L2 of %g: training above validation by %.1f points.\n", strengths[k],
                100 * (training - validation));
    }
    fprintf(stream, "Validation accuracy is best at %g.\n", strengths[best]);
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "regularize",
            .about = "trains one net under L2 penalties of rising strength.",
            .n_axes = 1,
            .axes = {{"l2", "strength of the L2 penalty", "1", STRENGTHS, strengths, NULL}},
            .varies = " l2 ",
            .samples = 1000,
            .runs = 3,
            .defaults = {.width = 200, .epochs = 40, .rate = 0.02},
            .vary = vary,
            .conclude = conclude,
        });
}
