/*
 * Mini-batch gradient descent: of m samples take the next b, go forward for the activations and the
 * loss, backward for the gradients, update. b = 1 is stochastic, b = m is batch gradient descent.
 */
#include <fanin.h>

#include <math.h>

static const double batches[] = {1, 32, 3200};
static const double rates[] = {0.003, 0.1, 0.3};

static void vary(const size_t *position, fi_recipe *recipe)
{
    recipe->batch = (size_t)batches[position[0]];
    recipe->rate = rates[position[0]];
}

static void conclude(const fi_dataset *dataset, FILE *stream)
{
    for (size_t k = 0; k < 3; k++)
        fprintf(stream,
                "b = %.0f at rate %g: %.0f updates in %.0f epochs, training loss %.3g; the loss of "
                "a batch\nstrays from their mean by %.2g.\n",
                batches[k], rates[k], fi_train_final(dataset, "iteration", &k, 0),
                fi_train_final(dataset, "epoch", &k, 0),
                fi_train_final(dataset, "train_loss", &k, 0),
                fi_train_final(dataset, "batch_loss_spread", &k, 0));
}

int main(int argc, char **argv)
{
    return fi_train_study(
        argc, argv,
        &(fi_train_scheme){
            .name = "minibatch",
            .about = "trains one net by stochastic, mini-batch and batch gradient descent.",
            .n_axes = 1,
            .axes = {{"batch", "samples of a mini-batch", "1", 3, batches, NULL}},
            .varies = " batch rate ",
            .samples = 3200,
            .defaults = {.rule = "sgd", .epochs = 20},
            .vary = vary,
            .conclude = conclude,
        });
}
