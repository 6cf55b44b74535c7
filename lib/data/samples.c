/*
 * Samples in memory: making room for them, choosing some, and putting them in order. Every choice
 * copies rows; what it is made from stays as it is.
 */
#include "samples.h"
#include "../core/arena.h"
#include "../core/internal.h"

#include <string.h>

fi_status fi_samples_new(fi_samples *samples, size_t rows, size_t rank, const size_t *shape,
                         size_t classes, fi_arena *arena)
{
    FI_REQUIRE(rank >= 1 && rank <= 4);
    fi_samples made = {.rows = rows, .cols = 1, .rank = rank, .classes = classes};
    bool overflow = false;
    for (size_t k = 0; k < rank; k++) {
        made.shape[k] = shape[k];
        overflow |= __builtin_mul_overflow(made.cols, shape[k], &made.cols);
    }
    size_t elements = 0;
    overflow |= __builtin_mul_overflow(rows, made.cols, &elements);
    made.x = overflow ? NULL : fi_arena_alloc(arena, elements, sizeof *made.x);
    made.labels = fi_arena_alloc(arena, rows, sizeof *made.labels);
    if (!made.x || !made.labels) {
        (void)fi_fail_memory(overflow ? SIZE_MAX : elements * sizeof *made.x, "the samples");
        return FI_ENOMEM;
    }
    *samples = made;
    return FI_OK;
}

fi_status fi_fail_label(const char *path, size_t record, unsigned label, size_t classes)
{
    return fi_fail(FI_EDATA,
                   "record %zu of '%s' (the first is 0) has the label %u, expected 0 to %zu; check "
                   "that it is the right file, and undamaged",
                   record, path, label, classes - 1);
}

/* ---- order ----------------------------------------------------------------------------------- */

/*
 * Uniform on 0 .. bound - 1: the high word of draw x bound. Of the low words, the first 2^32 mod
 * bound are refused, so that each result has equally many draws (Lemire 2019, "Fast random integer
 * generation in an interval").
 */
static uint32_t draw_below(fi_rng *rng, uint32_t bound)
{
    uint64_t product = (uint64_t)fi_rng_u32(rng) * bound;
    if ((uint32_t)product < bound) {
        const uint32_t refused = -bound % bound;
        while ((uint32_t)product < refused)
            product = (uint64_t)fi_rng_u32(rng) * bound;
    }
    return (uint32_t)(product >> 32);
}

void fi_permute(fi_rng *rng, size_t n, uint32_t *order)
{
    FI_REQUIRE(n <= UINT32_MAX);
    for (size_t k = 0; k < n; k++)
        order[k] = (uint32_t)k;
    for (size_t k = n; k > 1; k--) {
        const uint32_t other = draw_below(rng, (uint32_t)k);
        const uint32_t last = order[k - 1];
        order[k - 1] = order[other];
        order[other] = last;
    }
}

/* The permutation of n rows that splits and balances are made by. */
static uint32_t *split_order(size_t n, uint64_t seed, fi_arena *arena)
{
    uint32_t *order = fi_arena_alloc(arena, n, sizeof *order);
    if (!order) {
        (void)fi_fail_memory(n * sizeof *order, "an order of the samples");
        return NULL;
    }
    fi_rng rng = fi_rng_stream(seed, FI_FOR_SPLIT, 0, 0);
    fi_permute(&rng, n, order);
    return order;
}

/* ---- choice ---------------------------------------------------------------------------------- */

void fi_samples_gather(const fi_samples *from, size_t n, const uint32_t *rows, fi_real *x,
                       int32_t *labels)
{
    const size_t cols = from->cols;
    for (size_t i = 0; i < n; i++) {
        FI_REQUIRE(rows[i] < from->rows);
        memcpy(x + i * cols, from->x + rows[i] * cols, cols * sizeof *x);
        labels[i] = from->labels[rows[i]];
    }
}

fi_status fi_samples_take(fi_samples *samples, const fi_samples *from, size_t n,
                          const uint32_t *rows, fi_arena *arena)
{
    FI_REQUIRE(samples && from && (rows || n == 0) && arena);
    fi_samples made;
    FI_TRY(fi_samples_new(&made, n, from->rank, from->shape, from->classes, arena));
    fi_samples_gather(from, n, rows, made.x, made.labels);
    *samples = made;
    return FI_OK;
}

fi_status fi_samples_split(const fi_samples *all, uint64_t seed, size_t parts, const size_t *counts,
                           fi_samples *out, fi_arena *arena)
{
    FI_REQUIRE(all && counts && out && arena);
    size_t left = all->rows;
    for (size_t k = 0; k < parts; k++) {
        if (counts[k] > left)
            return fi_fail(FI_EDATA,
                           "part %zu of %zu is to have %zu samples, but of the %zu only %zu are "
                           "left; make the parts smaller or give more samples",
                           k + 1, parts, counts[k], all->rows, left);
        left -= counts[k];
    }
    for (size_t k = 0; k < parts; k++)
        FI_TRY(fi_samples_new(&out[k], counts[k], all->rank, all->shape, all->classes, arena));
    const fi_arena_mark mark = fi_arena_now(arena);
    const uint32_t *order = split_order(all->rows, seed, arena);
    if (!order)
        return FI_ENOMEM;
    for (size_t k = 0, done = 0; k < parts; done += counts[k], k++)
        fi_samples_gather(all, counts[k], order + done, out[k].x, out[k].labels);
    fi_arena_release(arena, mark);
    return FI_OK;
}

/* Fills made->x and labels with the first `each` rows of every class, in the given order. */
static fi_status take_each(const fi_samples *from, const uint32_t *order, size_t each,
                           fi_samples *made, fi_arena *scratch)
{
    size_t *taken = fi_arena_zeros(scratch, from->classes, sizeof *taken);
    if (!taken)
        return FI_ENOMEM;
    size_t filled = 0;
    for (size_t i = 0; i < from->rows; i++) {
        const size_t class = (size_t)from->labels[order[i]];
        if (taken[class]++ >= each)
            continue;
        fi_samples_gather(from, 1, order + i, made->x + filled * made->cols, made->labels + filled);
        filled++;
    }
    for (size_t class = 0; class < from->classes; class ++)
        if (taken[class] < each)
            return fi_fail(FI_EDATA,
                           "class %zu has %zu samples, %zu of each were asked for; ask for fewer, "
                           "or give more samples",
                           class, taken[class], each);
    return FI_OK;
}

fi_status fi_samples_balance(fi_samples *samples, const fi_samples *from, uint64_t seed,
                             size_t each, fi_arena *arena)
{
    FI_REQUIRE(samples && from && arena);
    size_t rows = 0;
    if (__builtin_mul_overflow(each, from->classes, &rows) || rows > from->rows)
        return fi_fail(FI_EDATA,
                       "%zu samples are too few for %zu of each of %zu classes; ask for fewer, or "
                       "give more samples",
                       from->rows, each, from->classes);
    fi_samples made;
    FI_TRY(fi_samples_new(&made, rows, from->rank, from->shape, from->classes, arena));
    const fi_arena_mark mark = fi_arena_now(arena);
    const uint32_t *order = split_order(from->rows, seed, arena);
    if (!order)
        return FI_ENOMEM;
    FI_TRY(take_each(from, order, each, &made, arena));
    fi_arena_release(arena, mark);
    *samples = made;
    return FI_OK;
}

fi_status fi_samples_of_classes(fi_samples *samples, const fi_samples *from, size_t first,
                                size_t last, fi_arena *arena)
{
    FI_REQUIRE(samples && from && first < last && last <= from->classes && arena);
    uint32_t *rows = fi_arena_alloc(arena, from->rows, sizeof *rows);
    if (!rows)
        return fi_fail_memory(from->rows * sizeof *rows, "a choice of samples");
    size_t n = 0;
    for (size_t i = 0; i < from->rows; i++)
        if (from->labels[i] >= (int32_t)first && from->labels[i] < (int32_t)last)
            rows[n++] = (uint32_t)i;
    if (n == 0)
        return fi_fail(FI_EDATA,
                       "of the %zu samples none is of the classes %zu to %zu; give more samples or "
                       "other classes",
                       from->rows, first, last - 1);
    FI_TRY(fi_samples_take(samples, from, n, rows, arena));
    samples->classes = last - first;
    for (size_t i = 0; i < n; i++)
        samples->labels[i] -= (int32_t)first;
    return FI_OK;
}

void fi_samples_count(const fi_samples *samples, size_t *counts)
{
    memset(counts, 0, samples->classes * sizeof *counts);
    for (size_t i = 0; i < samples->rows; i++)
        counts[samples->labels[i]]++;
}
