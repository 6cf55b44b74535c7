/*
 * Fine-tuning: a net trained on the digits 0 to 4 goes on with 5 to 9 from its own weights. Its
 * last layer has a new name, so that it is drawn afresh, and the layers below learn at the same
 * rate, at a tenth of it, or not at all; against a net from scratch.
 */
#include <fanin.h>

static const char *const starts[] = {"scratch", "pretrained", "fine_tuned", "frozen"};
static const double samples[] = {20, 50, 200, 1000};
enum {
    STARTS = sizeof starts / sizeof *starts,
    SAMPLES = sizeof samples / sizeof *samples
};

static void vary(const size_t *position, fi_recipe *recipe)
{
    static const double lower_rates[] = {1, 1, 0.1, 0};
    recipe->pretraining = position[0] ? 10 : 0;
    recipe->lower_rate = lower_rates[position[0]];
    recipe->training = (uint64_t)samples[position[1]];
    recipe->updates = 300;
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    for (size_t n = 0; n < SAMPLES; n++) {
        fprintf(stream, "%4.0f samples:", samples[n]);
        for (size_t start = 0; start < STARTS; start++)
            fprintf(stream, "%s %s %.1f %%", start ? "," : "", starts[start],
                    100 * fi_train_final(dataset, "validation_accuracy", (size_t[]){start, n}, 0));
        fputs(" of validation right.\n", stream);
    }
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "finetune",
            .about = "trains on the classes 5 to 9 from the weights of a net trained on 0 to 4, "
                     "and from scratch.",
            .n_axes = 2,
            .axes = {{"start", "first weights of the layers below the last", NULL, STARTS, NULL,
                      starts},
                     {"samples", "of the new classes to train on", "1", SAMPLES, samples, NULL}},
            .varies = " lower-rate updates epochs ",
            .samples = 10000,
            .validation = 2000,
            .runs = 3,
            .defaults =
                {.first_class = 5, .end_class = 10, .width = 256, .batch = 20, .rate = 0.01},
            .vary = vary,
            .conclude = conclude,
        });
}
