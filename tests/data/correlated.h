/*
 * Samples of correlated columns, and transforms fitted to them. UNIT is half an ulp of 1: a result
 * is rounded to fi_real once, the doubles before it err by far less than the factor 1.01 on it.
 */
#ifndef TEST_DATA_CORRELATED_H
#define TEST_DATA_CORRELATED_H

#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#ifdef FI_DOUBLE
#define UNIT 0x1p-53
#define OWN_ERROR(rows) ((double)(rows)*0x1p-52) /* of sums over the rows, in double too */
#else
#define UNIT 0x1p-24
#define OWN_ERROR(rows) 0x1p-40
#endif

#define ROWS ((size_t)600) /* two blocks of rows, and a rest */
#define OTHERS ((size_t)30)
#define COLS ((size_t)24)
#define CONSTANT ((size_t)5) /* this column of the training samples */

static fi_arena *arena;
static fi_real x[(ROWS + OTHERS) * COLS];
static int32_t labels[ROWS + OTHERS];

/* Correlated columns of unlike means and scales, one constant; of validation it varies. */
static inline void begin(void)
{
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    static fi_real raw[(ROWS + OTHERS) * COLS];
    fi_rng rng = fi_rng_seed(1, 1);
    fi_draw(&rng, FI_NORMAL, 1, (ROWS + OTHERS) * COLS, raw);
    for (size_t k = 0; k < (ROWS + OTHERS) * COLS; k++) {
        const size_t j = k % COLS;
        x[k] = (fi_real)(0.3 * (double)j + (double)raw[k] / (1 + (double)j) +
                         (double)raw[k - k % 4] * 0.5);
        if (j == CONSTANT && k < ROWS * COLS)
            x[k] = (fi_real)0.1;
    }
}

static inline void end(void)
{
    fi_arena_free(arena);
}

/* Rows first .. first + n, copied, of shape {2, 4, 3} or, of rank 1 and 2, without channels. */
static inline fi_samples some(size_t first, size_t n, size_t rank)
{
    fi_samples samples = {.rows = n, .cols = COLS, .rank = rank, .classes = 1, .labels = labels};
    static const size_t shapes[3][3] = {{24}, {4, 6}, {2, 4, 3}};
    memcpy(samples.shape, shapes[rank - 1], sizeof shapes[0]);
    samples.x = fi_arena_alloc(arena, n * COLS, sizeof *samples.x);
    cr_assert(samples.x);
    memcpy(samples.x, x + first * COLS, n * COLS * sizeof *x);
    return samples;
}

static inline fi_transform fit(const char *kind, const fi_samples *training, size_t components)
{
    fi_transform transform;
    cr_assert(fi_transform_kind_find(kind), "%s", kind);
    cr_assert_eq(
        fi_transform_fit(&transform, fi_transform_kind_find(kind), training, components, arena),
        FI_OK, "%s: %s", kind, fi_message());
    return transform;
}

static inline void apply(const fi_transform *transform, fi_samples *samples)
{
    cr_assert_eq(fi_transform_apply(transform, samples, arena), FI_OK, "%s", fi_message());
}

/* The mean of column j of the training samples. */
static inline long double exact_mean(size_t j)
{
    long double sum = 0;
    for (size_t i = 0; i < ROWS; i++)
        sum += (long double)x[i * COLS + j];
    return sum / ROWS;
}

#endif
