/* Workers: every item once, the lowest failure wins, an interruption stops. */
#include "core/workers.h"
#include "core/internal.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    ITEMS = 200
};

struct tally {
    int done[ITEMS];
    size_t fail_from;      /* items from here on fail */
    size_t interrupt_from; /* the item that asks all to stop */
};

static fi_status count_item(void *context, size_t item, fi_arena *arena)
{
    struct tally *tally = context;
    memset(fi_arena_alloc(arena, 100, 1), 0, 100);
    __atomic_add_fetch(&tally->done[item], 1, __ATOMIC_RELAXED);
    if (item == tally->interrupt_from)
        fi_workers_interrupt();
    return item >= tally->fail_from ? fi_fail(FI_EDATA, "item %zu is bad", item) : FI_OK;
}

Test(workers, do_every_item_once)
{
    const unsigned jobs[] = {1, 2, 3, 8, 300};
    for (size_t j = 0; j < 5; j++) {
        struct tally tally = {.fail_from = ITEMS, .interrupt_from = ITEMS};
        cr_assert_eq(fi_workers_run(jobs[j], ITEMS, count_item, &tally, NULL), FI_OK);
        for (size_t k = 0; k < ITEMS; k++)
            cr_assert_eq(tally.done[k], 1, "%u jobs did item %zu %d times", jobs[j], k,
                         tally.done[k]);
    }
}

Test(workers, the_lowest_failure_is_reported)
{
    for (unsigned jobs = 1; jobs <= 8; jobs *= 2) {
        struct tally tally = {.fail_from = 50, .interrupt_from = ITEMS};
        cr_assert_eq(fi_workers_run(jobs, ITEMS, count_item, &tally, NULL), FI_EDATA);
        cr_expect_str_eq(fi_message(), "item 50 is bad");
    }
}

Test(workers, an_interruption_begins_nothing_new)
{
    struct tally tally = {.fail_from = ITEMS, .interrupt_from = 20};
    cr_assert_eq(fi_workers_run(1, ITEMS, count_item, &tally, NULL), FI_EINTERRUPTED);
    cr_expect(tally.done[20] == 1 && tally.done[21] == 0);
    cr_expect(strstr(fi_message(), "of 200 cells") != NULL, "%s", fi_message());
}

Test(workers, none_is_needed_for_no_items)
{
    cr_expect_eq(fi_workers_run(4, 0, count_item, NULL, NULL), FI_OK);
}
