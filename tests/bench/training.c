/*
 * Training: updates of a 784-500x10-10 perceptron at batch 128, batches gathered from 60,000
 * shuffled samples, over the floor of their matrix products; the gradient of the input is not among
 * them.
 */
#include "bench.h"

#include "core/internal.h"
#include "math/gemm.h"
#include "study/trainer.h"

enum {
    SAMPLES = 60000,
    BATCH = 128,
    UPDATES = 10, /* in a round */
    EPOCH = (SAMPLES + BATCH - 1) / BATCH
};

/* Ends a round after so many updates; the next one goes on from there. */
static fi_status stops(void *end, fi_trainer *trainer)
{
    return trainer->iteration < *(const uint64_t *)end ? FI_OK : FI_EINTERRUPTED;
}

static void train(void *context)
{
    fi_trainer *trainer = context;
    uint64_t end = trainer->iteration + UPDATES;
    const fi_train_listener listener = {.context = &end, .stops = stops};
    FI_REQUIRE(fi_trainer_run(trainer, &listener) == FI_EINTERRUPTED);
}

static void multiply(void *net)
{
    for (size_t k = 0; k < UPDATES; k++)
        bench_products(net);
}

static fi_recipe recipe_of(const char *rule, bool batch_norm)
{
    return (fi_recipe){.depth = 10,
                       .width = 500,
                       .activation = "tanh",
                       .initializer = "xavier_normal",
                       .batch_norm = batch_norm,
                       .keep = 1,
                       .transform = "none",
                       .rule = rule,
                       .policy = "fixed",
                       .rate = 1e-4,
                       .momentum = 0.9,
                       .batch = BATCH,
                       .epochs = 100,
                       .lower_rate = 1,
                       .seed = 1};
}

static bench_times measure(const char *name, const fi_recipe *recipe, const fi_train_data *data)
{
    fi_arena *arena = NULL;
    fi_trainer *trainer = NULL;
    FI_REQUIRE(fi_arena_new(&arena) == FI_OK);
    const fi_trainer_spec spec = {.recipe = recipe, .data = data, .in_place = true};
    FI_REQUIRE(fi_trainer_new(&trainer, &spec, arena) == FI_OK);
    const bench_times times = bench_measure(&(bench_work){"training", name, train, trainer, 0, 0});
    fi_arena_free(arena);
    return times;
}

void bench_training(void)
{
    static const struct {
        const char *name, *rule;
        bool batch_norm;
    } rows[] = {{"sgd", "sgd", false},
                {"momentum", "momentum", false},
                {"adam", "adam", false},
                {"momentum, batch norm", "momentum", true}};
    bench_net net = {BATCH, 784, 500, 10, 10, true, false};
    const double flops = UPDATES * bench_flops(&net);
    const fi_synthetic_spec images = {
        .rows = SAMPLES, .classes = 10, .rank = 3, .shape = {28, 28, 1}, .seed = 1};
    fi_train_data data = {0};
    fi_arena *arena = NULL;
    FI_REQUIRE(fi_arena_new(&arena) == FI_OK);
    FI_REQUIRE(fi_synthesize(&data.training, &images, arena) == FI_OK);
    const bench_times products =
        bench_measure(&(bench_work){"training", "the products alone", multiply, &net, 0, 0});
    bench_over_floor(&products, flops);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const fi_recipe recipe = recipe_of(rows[k].rule, rows[k].batch_norm);
        const bench_times times = measure(rows[k].name, &recipe, &data);
        bench_over_floor(&times, flops);
        if (k != 1)
            continue;
        bench_seconds(&times, (double)UPDATES / EPOCH, "s an epoch");
        bench_ratio("products over momentum", &products, &times);
    }
    fi_arena_free(arena);
}
