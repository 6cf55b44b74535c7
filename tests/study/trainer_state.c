/* A run broken after each of its updates, saved, restored into a new trainer, and run to its end.
 */
#define _GNU_SOURCE
#include "train_run.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[64], path[96];

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(name);
}

static void begin_with_folder(void)
{
    begin();
    strcpy(folder, "/tmp/fanin-trainer-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/snapshot.h5", folder);
}

static void end_with_folder(void)
{
    end();
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(trainer_state, .init = begin_with_folder, .fini = end_with_folder);

static fi_status stop_at(void *context, fi_trainer *t)
{
    return t->iteration == *(const uint64_t *)context ? FI_EINTERRUPTED : FI_OK;
}

/* The first `updates` of the run, saved under the path. */
static void save_after(uint64_t updates, const fi_recipe *recipe, const fi_train_data *data)
{
    fi_trainer *t = new_trainer(recipe, data, 4);
    cr_assert_eq(fi_trainer_run(t, &(fi_train_listener){.context = &updates, .stops = stop_at}),
                 FI_EINTERRUPTED);
    cr_assert_eq(fi_trainer_save(t, path, "--some=options\n"), FI_OK, "%s", fi_message());
}

/* Bits of the curves and of all that is recorded of the layers that differ. */
static size_t curves_that_differ(const fi_trainer *a, const fi_trainer *b)
{
    size_t count = 0;
    for (size_t v = 0; v < FI_TRAIN_VARIABLES; v++)
        count += memcmp(a->slots[v], b->slots[v],
                        (MOST_POINTS + 1) * MOST_LAYERS * sizeof **a->slots) != 0;
    return count;
}

static void break_everywhere(const fi_recipe *recipe)
{
    const fi_train_data data = small_data();
    const fi_trainer *whole = trained(recipe, &data, 4);
    for (uint64_t k = 0; k < whole->updates; k++) {
        fi_snapshot snapshot;
        save_after(k, recipe, &data);
        fi_trainer *t = new_trainer(recipe, &data, 4);
        cr_assert_eq(fi_snapshot_read(&snapshot, path, arena), FI_OK, "%s", fi_message());
        cr_assert_eq(fi_trainer_restore(t, &snapshot), FI_OK, "%s", fi_message());
        cr_expect_eq(t->iteration, k);
        cr_assert_eq(fi_trainer_run(t, NULL), FI_OK);
        cr_expect_eq(differences(whole, t, false), 0, "broken after %zu: %zu numbers differ",
                     (size_t)k, differences(whole, t, false));
        cr_expect_eq(curves_that_differ(whole, t), 0, "broken after %zu: %zu curves differ",
                     (size_t)k, curves_that_differ(whole, t));
    }
}

Test(trainer_state, a_run_goes_on_from_every_update_as_if_never_broken)
{
    const fi_recipe recipe = rich_recipe();
    break_everywhere(&recipe);
}

Test(trainer_state, so_it_does_with_momentum_lsuv_clipping_and_whitening)
{
    fi_recipe recipe = rich_recipe();
    recipe.rule = "momentum";
    recipe.initializer = "lsuv";
    recipe.clip = 0.2;
    recipe.transform = "whiten";
    recipe.batch_norm = false;
    break_everywhere(&recipe);
}

static void expect_refused(const fi_recipe *recipe, const fi_train_data *data, const char *message)
{
    fi_snapshot snapshot;
    fi_trainer *t = new_trainer(recipe, data, 4);
    cr_assert_eq(fi_snapshot_read(&snapshot, path, arena), FI_OK, "%s", fi_message());
    cr_expect_eq(fi_trainer_restore(t, &snapshot), FI_EDATA, "%s is not refused", message);
    cr_expect(strstr(fi_message(), message), "'%s' does not say '%s'", fi_message(), message);
    cr_expect(strstr(fi_message(), path), "'%s' does not name the file", fi_message());
}

Test(trainer_state, other_samples_or_another_run_are_refused)
{
    const fi_recipe recipe = rich_recipe();
    fi_recipe other = recipe;
    fi_train_data data = small_data();
    save_after(7, &recipe, &data);
    other.updates = 3;
    expect_refused(&other, &data, "out of range");
    other = recipe;
    other.width = 8;
    expect_refused(&other, &data, "(6, 8)");
    other = recipe;
    other.training = ROWS - 1;
    expect_refused(&other, &data, "of another run");
    data.training.labels[ROWS - 1] = (data.training.labels[ROWS - 1] + 1) % CLASSES;
    expect_refused(&recipe, &data, "other training samples");
    data = small_data();
    data.training.x[0] += 1;
    expect_refused(&recipe, &data, "other training samples");
}

Test(trainer_state, a_snapshot_of_weights_alone_is_refused)
{
    const fi_recipe recipe = rich_recipe();
    const fi_train_data data = small_data();
    const fi_trainer *t = trained(&recipe, &data, 4);
    cr_assert_eq(fi_snapshot_write(path, t->net, t->solver, 0, NULL, 0, NULL), FI_OK);
    expect_refused(&recipe, &data, "weights only, no run");
}

/* Validation samples go through the transform that was saved, to the same values. */
Test(trainer_state, the_transform_comes_back)
{
    size_t count = 0;
    const fi_transform_kind *kinds = fi_transform_kinds(&count);
    const fi_train_data data = small_data();
    for (size_t k = 0; k < count; k++) {
        fi_recipe recipe = rich_recipe();
        recipe.transform = kinds[k].name;
        fi_snapshot snapshot;
        fi_transform transform;
        fi_samples samples = data.validation;
        const fi_trainer *t = trained(&recipe, &data, 4);
        cr_assert_eq(fi_trainer_save(t, path, ""), FI_OK, "%s", fi_message());
        cr_assert_eq(fi_snapshot_read(&snapshot, path, arena), FI_OK, "%s", fi_message());
        fi_trainer_transform(&snapshot, &transform);
        cr_assert(transform.kind == &kinds[k], "%s", kinds[k].name);
        samples.x = fi_arena_alloc(arena, VALIDATION * COLS, sizeof *samples.x);
        memcpy(samples.x, data.validation.x, VALIDATION * COLS * sizeof *samples.x);
        cr_assert_eq(fi_transform_apply(&transform, &samples, arena), FI_OK);
        cr_expect_arr_eq(samples.x, t->data.validation.x,
                         VALIDATION * samples.cols * sizeof *samples.x, "%s", kinds[k].name);
    }
}
