/*
 * Preprocessing: subtract the mean per pixel (AlexNet) or per channel (VGG). For images no more is
 * needed: pixels share one scale already, and standardizing or whitening buys little or nothing.
 */
#include <fanin.h>

static const char *const transforms[] = {"none",        "per_pixel", "per_channel",
                                         "standardize", "pca",       "whiten"};
enum {
    TRANSFORMS = sizeof transforms / sizeof *transforms
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->transform = transforms[position[0]];
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    const double pixel = fi_train_final(dataset, "validation_accuracy", &(size_t){1}, 0);
    for (size_t k = 0; k < TRANSFORMS; k++) {
        const double accuracy = fi_train_final(dataset, "validation_accuracy", &k, 0);
        if (k != 1)
            fprintf(stream, "%s: validation accuracy %.1f %%, %+.1f points against per_pixel.\n",
                    transforms[k], 100 * accuracy, 100 * (accuracy - pixel));
    }
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "preprocess",
            .about = "trains one net on differently preprocessed images.",
            .n_axes = 1,
            .axes = {{"transform", "of the images", NULL, TRANSFORMS, NULL, transforms}},
            .varies = " transform ",
            .runs = 3,
            .defaults = {.epochs = 10, .rate = 0.01},
            .vary = vary,
            .conclude = conclude,
        });
}
