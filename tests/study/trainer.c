/* A run of training: the order of its samples, its updates, what it records, how it ends. */
#include "train_run.h"

#ifdef FI_DOUBLE
#define EPSILON 2.3e-16
#else
#define EPSILON 1.2e-7
#endif

TestSuite(trainer, .init = begin, .fini = end);

/* ---- the order of samples -------------------------------------------------------------------- */

enum {
    EPOCHS = 3
};
struct order {
    size_t taken, seen[ROWS];
    uint32_t orders[EPOCHS][ROWS];
};

static void note_order(void *context, const fi_trainer *t)
{
    struct order *order = context;
    const size_t first = order->taken % ROWS;
    for (size_t k = first; k < t->cursor; k++) {
        const uint32_t row = t->order[k];
        cr_expect_arr_eq(t->x + (k - first) * COLS, t->data.training.x + row * COLS,
                         COLS * sizeof *t->x, "sample %zu of the batch is not row %u", k - first,
                         row);
        cr_expect_eq(t->labels[k - first], t->data.training.labels[row]);
        order->seen[row]++;
        order->orders[t->epoch - 1][k] = row;
    }
    order->taken += t->cursor - first;
    for (size_t row = 0; t->cursor == ROWS && row < ROWS; row++)
        cr_expect_eq(order->seen[row], t->epoch, "row %zu was seen %zu times in %zu epochs", row,
                     order->seen[row], (size_t)t->epoch);
}

Test(trainer, every_sample_comes_once_an_epoch_in_another_order_each_time)
{
    const size_t batches[] = {1, 5, ROWS, 100};
    const fi_train_data data = small_data();
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        fi_recipe recipe = small_recipe();
        recipe.batch = batches[b];
        struct order order = {0};
        fi_trainer *t = new_trainer(&recipe, &data, 2);
        cr_assert_eq(
            fi_trainer_run(t, &(fi_train_listener){.context = &order, .updated = note_order}),
            FI_OK);
        cr_expect_eq(order.taken, EPOCHS * ROWS, "batch %zu: %zu samples", batches[b], order.taken);
        for (size_t e = 1; e < EPOCHS; e++)
            cr_expect_neq(memcmp(order.orders[e - 1], order.orders[e], sizeof *order.orders), 0,
                          "epoch %zu has the order of the one before", e + 1);
    }
}

/* ---- gradient descent by hand ---------------------------------------------------------------- */

/* Softmax regression: logits = x W + b. */
struct by_hand {
    double w[COLS][CLASSES], b[CLASSES], rate;
};

static void copy_weights(struct by_hand *hand, const fi_trainer *t)
{
    const fi_blob *w = fi_layer_parameter(fi_net_layer(t->net, 0), 0);
    const fi_blob *b = fi_layer_parameter(fi_net_layer(t->net, 0), 1);
    for (size_t c = 0; c < CLASSES; c++) {
        for (size_t i = 0; i < COLS; i++)
            hand->w[i][c] = (double)w->data[i * CLASSES + c];
        hand->b[c] = (double)b->data[c];
    }
}

/* One update on the mean loss of the rows: dW = x' (p - y) / count. */
static void descend(struct by_hand *hand, const fi_samples *samples, size_t count,
                    const uint32_t *rows)
{
    struct by_hand change = {0};
    for (size_t k = 0; k < count; k++) {
        const fi_real *x = samples->x + rows[k] * COLS;
        double p[CLASSES];
        double sum = 0;
        for (size_t c = 0; c < CLASSES; c++) {
            p[c] = hand->b[c];
            for (size_t i = 0; i < COLS; i++)
                p[c] += (double)x[i] * hand->w[i][c];
            p[c] = exp(p[c]);
            sum += p[c];
        }
        for (size_t c = 0; c < CLASSES; c++) {
            const double d = p[c] / sum - (samples->labels[rows[k]] == (int32_t)c);
            change.b[c] += d / (double)count;
            for (size_t i = 0; i < COLS; i++)
                change.w[i][c] += (double)x[i] * d / (double)count;
        }
    }
    for (size_t c = 0; c < CLASSES; c++) {
        hand->b[c] -= hand->rate * change.b[c];
        for (size_t i = 0; i < COLS; i++)
            hand->w[i][c] -= hand->rate * change.w[i][c];
    }
}

static void follow(void *context, const fi_trainer *t)
{
    struct by_hand *hand = context;
    const size_t batch = t->recipe->batch;
    const size_t count = t->cursor % batch ? t->cursor % batch : batch;
    descend(hand, &t->data.training, count, t->order + t->cursor - count);
}

/*
 * Without hidden layers the net is softmax regression. Each of n updates adds a few rounding errors
 * of weights of about 1, and gradient descent on a convex loss does not amplify them: n x 8
 * epsilon.
 */
Test(trainer, updates_are_those_of_gradient_descent_by_hand)
{
    const size_t batches[] = {1, 5, ROWS};
    const fi_train_data data = small_data();
    for (size_t k = 0; k < sizeof batches / sizeof *batches; k++) {
        fi_recipe recipe = small_recipe();
        recipe.depth = 0;
        recipe.batch = batches[k];
        struct by_hand hand = {.rate = recipe.rate};
        struct by_hand now;
        fi_trainer *t = new_trainer(&recipe, &data, 2);
        copy_weights(&hand, t);
        cr_assert_eq(fi_trainer_run(t, &(fi_train_listener){.context = &hand, .updated = follow}),
                     FI_OK);
        copy_weights(&now, t);
        const double tolerance = (double)t->updates * 8 * EPSILON;
        for (size_t c = 0; c < CLASSES; c++) {
            for (size_t i = 0; i < COLS; i++)
                cr_expect_float_eq(now.w[i][c], hand.w[i][c], tolerance,
                                   "batch %zu, weight %zu, %zu: %.9g, by hand %.9g", batches[k], i,
                                   c, now.w[i][c], hand.w[i][c]);
            cr_expect_float_eq(now.b[c], hand.b[c], tolerance, "batch %zu, bias %zu", batches[k],
                               c);
        }
    }
}

/* ---- what is recorded ------------------------------------------------------------------------ */

Test(trainer, evaluations_are_where_they_are_planned)
{
    static const struct {
        uint64_t updates;
        size_t points;
        double iterations[6];
    } cases[] = {{23, 5, {0, 5, 9, 14, 18, 23}}, {3, 5, {0, 1, 2, 3, NAN, NAN}}, {1, 1, {0, 1}}};
    const fi_train_data data = small_data();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        fi_recipe recipe = small_recipe();
        recipe.updates = cases[k].updates;
        const fi_trainer *t = trained(&recipe, &data, cases[k].points);
        for (size_t p = 0; p <= cases[k].points; p++) {
            const double found = t->slots[FI_TRAIN_ITERATION][p];
            const double expected = cases[k].iterations[p];
            cr_expect(isnan(expected) ? isnan(found) : found == expected,
                      "%zu updates, point %zu: iteration %g, expected %g", (size_t)cases[k].updates,
                      p, found, expected);
            cr_expect(isnan(found) ||
                          fabs(t->slots[FI_TRAIN_EPOCH][p] -
                               (floor(found / 5) + fmin(fmod(found, 5) * 5, ROWS) / ROWS)) < 1e-12,
                      "iteration %g is epoch %g", found, t->slots[FI_TRAIN_EPOCH][p]);
        }
    }
}

Test(trainer, recorded_losses_are_those_of_an_evaluation)
{
    const fi_train_data data = small_data();
    const fi_recipe recipe = rich_recipe();
    fi_trainer *t = trained(&recipe, &data, 3);
    const struct {
        const fi_samples *samples;
        double loss, accuracy;
    } parts[] = {
        {&t->data.training, t->slots[FI_TRAIN_TRAIN_LOSS][3], t->slots[FI_TRAIN_TRAIN_ACCURACY][3]},
        {&t->data.validation, t->slots[FI_TRAIN_VALIDATION_LOSS][3],
         t->slots[FI_TRAIN_VALIDATION_ACCURACY][3]},
        {&t->data.test, *t->slots[FI_TRAIN_TEST_LOSS], *t->slots[FI_TRAIN_TEST_ACCURACY]},
    };
    for (size_t k = 0; k < 3; k++) {
        double loss = 0;
        double accuracy = 0;
        const size_t rows = parts[k].samples->rows;
        cr_assert_eq(fi_trainer_evaluate(t, parts[k].samples, rows, &loss, &accuracy), FI_OK);
        cr_expect_eq(loss, parts[k].loss, "part %zu: %.17g recorded, %.17g", k, parts[k].loss,
                     loss);
        cr_expect_eq(accuracy, parts[k].accuracy);
        cr_expect_eq(accuracy * (double)rows, round(accuracy * (double)rows));
    }
    double loss = 0;
    double accuracy = 0;
    cr_assert_eq(fi_trainer_evaluate(t, &t->data.test, 0, &loss, &accuracy), FI_OK);
    cr_expect(isnan(loss) && isnan(accuracy), "no samples have no loss");
}

/* More rows than fit a batch, against one at a time: sums of as many terms, in another order. */
Test(trainer, an_evaluation_is_the_mean_over_all_samples)
{
    fi_train_data data = small_data();
    const fi_recipe recipe = small_recipe();
    const size_t rows = ROWS + 2 * VALIDATION;
    data.test = data.training;
    data.test.rows = rows;
    fi_trainer *t = trained(&recipe, &data, 3);
    const fi_blob *logits = fi_net_output(t->net);
    double sum = 0;
    size_t right = 0;
    cr_assert_lt(t->capacity, rows);
    fi_net_set_samples(t->net, 1);
    for (size_t k = 0; k < rows; k++) {
        size_t correct = 0;
        cr_assert_eq(fi_net_forward(t->net, t->data.test.x + k * COLS, FI_TEST, NULL), FI_OK);
        sum += fi_softmax_loss(1, CLASSES, logits->data, t->data.test.labels + k, NULL, &correct);
        right += correct;
    }
    const double loss = *t->slots[FI_TRAIN_TEST_LOSS];
    cr_expect_float_eq(loss, sum / (double)rows, (double)rows * EPSILON,
                       "loss %.9g, one by one %.9g", loss, sum / (double)rows);
    cr_expect_float_eq(*t->slots[FI_TRAIN_TEST_ACCURACY], (double)right / (double)rows, 1e-12);
}

struct ratio {
    double weights[MOST_LAYERS]; /* sums of squares, before the update */
    size_t checked;
};

static void note_weights(void *context, const fi_trainer *t, size_t point)
{
    struct ratio *ratio = context;
    (void)point;
    for (size_t k = 0; k < fi_net_layers(t->net); k++) {
        const fi_layer *layer = fi_net_layer(t->net, k);
        const fi_blob *w = fi_layer_parameter(layer, 0);
        double sum = 0;
        for (size_t i = 0; w && i < w->rows * w->cols; i++)
            sum += (double)w->data[i] * (double)w->data[i];
        if (w)
            ratio->weights[fi_layer_depth(layer)] = sum;
    }
}

/* Each weight is rounded once, by up to half an epsilon of it: that over the ratio, relatively. */
static void check_ratio(void *context, const fi_trainer *t)
{
    struct ratio *ratio = context;
    if (t->iteration != fi_trainer_point(t, t->point - 1) + 1)
        return;
    for (size_t k = 0; k < fi_net_layers(t->net); k++) {
        const fi_layer *layer = fi_net_layer(t->net, k);
        const fi_blob *w = fi_layer_parameter(layer, 0);
        const size_t depth = fi_layer_depth(layer);
        double sum = 0;
        for (size_t i = 0; w && i < w->rows * w->cols; i++)
            sum += (double)w->diff[i] * (double)w->diff[i];
        if (!w)
            continue;
        const double expected = t->recipe->rate * sqrt(sum / ratio->weights[depth]);
        const double found = t->slots[FI_TRAIN_UPDATE_RATIO][(t->point - 1) * t->layers + depth];
        cr_expect(fabs(found - expected) <= 2 * EPSILON, "layer %zu: ratio %.9g, expected %.9g",
                  depth, found, expected);
        ratio->checked++;
    }
}

Test(trainer, the_update_ratio_of_gradient_descent_is_the_rate_times_gradient_over_weight)
{
    const fi_train_data data = small_data();
    const fi_recipe recipe = small_recipe();
    struct ratio ratio = {0};
    fi_trainer *t = new_trainer(&recipe, &data, 4);
    cr_assert_eq(fi_trainer_run(t, &(fi_train_listener){.context = &ratio,
                                                        .evaluated = note_weights,
                                                        .updated = check_ratio}),
                 FI_OK);
    cr_expect_eq(ratio.checked, 12, "%zu ratios", ratio.checked);
}

/* ---- what must not matter -------------------------------------------------------------------- */

Test(trainer, looking_changes_nothing)
{
    const char *const initializers[] = {"xavier_normal", "lsuv"};
    const fi_train_data data = small_data();
    for (size_t k = 0; k < 2; k++) {
        fi_recipe recipe = rich_recipe();
        recipe.initializer = initializers[k];
        const fi_trainer *few = trained(&recipe, &data, 2);
        const fi_trainer *many = trained(&recipe, &data, 15);
        const fi_trainer *untrained = new_trainer(&recipe, &data, 2);
        cr_expect_eq(differences(few, many, false), 0, "%s: %zu numbers differ", initializers[k],
                     differences(few, many, false));
        cr_expect_gt(differences(few, untrained, false), 100, "nothing was trained");
    }
    const fi_recipe recipe = rich_recipe();
    const fi_trainer *seen = trained(&recipe, &data, 5);
    const fi_trainer *unseen = trained(&recipe, &data, 0);
    cr_expect_eq(differences(seen, unseen, false), 0);
}

Test(trainer, validation_and_test_samples_are_not_learnt_from)
{
    const char *const transforms[] = {"standardize", "whiten"};
    for (size_t k = 0; k < 2; k++) {
        fi_recipe recipe = rich_recipe();
        recipe.transform = transforms[k];
        fi_train_data data = small_data();
        const fi_trainer *before = trained(&recipe, &data, 4);
        for (size_t i = 0; i < VALIDATION; i++) {
            data.validation.labels[i] = (data.validation.labels[i] + 1) % CLASSES;
            data.test.labels[i] = 0;
            data.validation.x[i * COLS] += 3;
            data.test.x[i * COLS + 1] *= 5;
        }
        const fi_trainer *after = trained(&recipe, &data, 4);
        cr_expect_eq(differences(before, after, false), 0, "%s: %zu numbers differ", transforms[k],
                     differences(before, after, false));
        cr_expect_neq(before->slots[FI_TRAIN_VALIDATION_LOSS][4],
                      after->slots[FI_TRAIN_VALIDATION_LOSS][4]);
        cr_expect_eq(before->slots[FI_TRAIN_TRAIN_LOSS][4], after->slots[FI_TRAIN_TRAIN_LOSS][4]);
    }
}

Test(trainer, frozen_layers_stay_as_they_are)
{
    const fi_train_data data = small_data();
    fi_recipe recipe = rich_recipe();
    recipe.lower_rate = 0;
    const fi_trainer *drawn = new_trainer(&recipe, &data, 3);
    const fi_trainer *run = trained(&recipe, &data, 3);
    cr_expect_eq(differences(drawn, run, true), 0, "%zu numbers of frozen layers changed",
                 differences(drawn, run, true));
    cr_expect_eq(differences(drawn, run, false), (7 + 1) * CLASSES, "the logits learn");
}

Test(trainer, no_momentum_is_plain_gradient_descent)
{
    const char *const rules[] = {"momentum", "nesterov"};
    const fi_train_data data = small_data();
    const fi_recipe plain = small_recipe();
    const fi_trainer *expected = trained(&plain, &data, 2);
    for (size_t k = 0; k < 2; k++) {
        fi_recipe recipe = small_recipe();
        recipe.rule = rules[k];
        recipe.momentum = 0;
        cr_expect_eq(differences(expected, trained(&recipe, &data, 2), false), 0, "%s", rules[k]);
    }
}
