/* Centred pixels against their definition in long double, and on the 100 digits. */
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Relative error of one result: the scale and the product round once each in double (2^-53), a
 * float result once more (2^-24). Second-order terms and the oracle's 2^-64 fit in the 1 %.
 */
#ifdef FI_DOUBLE
#define ROUNDING (1.01L * 0x1p-52L)
#else
#define ROUNDING (0x1p-24L + 1.01L * 0x1p-52L)
#endif

#define ROWS ((size_t)37)
#define COLS ((size_t)1200) /* more than two blocks of columns, and a rest */

static uint8_t bytes[ROWS * COLS];
static fi_real x[ROWS * COLS], mean[COLS];

static void fill(void)
{
    fi_rng rng = fi_rng_seed(1, 1);
    for (size_t k = 0; k < ROWS * COLS; k++)
        bytes[k] = (uint8_t)(fi_rng_u32(&rng) >> 24);
}

TestSuite(transform, .init = fill);

static long double exact_mean(size_t rows, size_t cols, const uint8_t *of, size_t column)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < rows; i++)
        sum += of[i * cols + column];
    return (long double)sum / (255.0L * (long double)rows);
}

Test(transform, meets_its_definition)
{
    fi_center_pixels(ROWS, COLS, bytes, x, mean);
    for (size_t j = 0; j < COLS; j++) {
        const long double m = exact_mean(ROWS, COLS, bytes, j);
        cr_expect(fabsl((long double)mean[j] - m) <= ROUNDING * m, "mean %zu: %.17g, not %.17Lg", j,
                  (double)mean[j], m);
        for (size_t i = 0; i < ROWS; i++) {
            const long double e = (long double)bytes[i * COLS + j] / 255 - m;
            /* the oracle subtracts two numbers up to 1, each within 2^-65 */
            cr_expect(fabsl((long double)x[i * COLS + j] - e) <= ROUNDING * fabsl(e) + 2 * 0x1p-64L,
                      "x(%zu, %zu) is %.17g, not %.17Lg", i, j, (double)x[i * COLS + j], e);
        }
    }
}

Test(transform, a_constant_column_becomes_zero)
{
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++)
            bytes[i * COLS + j] = (uint8_t)(j % 256);
    fi_center_pixels(ROWS, COLS, bytes, x, NULL);
    for (size_t k = 0; k < ROWS * COLS; k++)
        cr_assert(x[k] == 0, "value %zu of byte %zu is %g", k, k % COLS % 256, (double)x[k]);
}

/* 20,000,000 bytes of 255 add up to more than 2^32. */
Test(transform, long_columns_do_not_overflow)
{
    const size_t rows = 20000000;
    uint8_t *column = malloc(rows);
    fi_real *centred = malloc(rows * sizeof *centred), m;
    cr_assert(column && centred);
    memset(column, 255, rows);
    fi_center_pixels(rows, 1, column, centred, &m);
    cr_expect(m == 1 && centred[0] == 0 && centred[rows - 1] == 0, "mean %.9g, x %.9g", (double)m,
              (double)centred[0]);
    free(column);
    free(centred);
}

Test(transform, the_order_of_the_rows_changes_no_bit)
{
    static uint8_t upside_down[ROWS * COLS];
    static fi_real y[ROWS * COLS];
    for (size_t i = 0; i < ROWS; i++)
        memcpy(upside_down + i * COLS, bytes + (ROWS - 1 - i) * COLS, COLS);
    fi_center_pixels(ROWS, COLS, bytes, x, mean);
    fi_center_pixels(ROWS, COLS, upside_down, y, NULL);
    for (size_t i = 0; i < ROWS; i++)
        cr_expect(memcmp(x + i * COLS, y + (ROWS - 1 - i) * COLS, COLS * sizeof *x) == 0,
                  "row %zu differs", i);
}

/* The exact values add up to 0 in each column, so what is left are the roundings. */
Test(transform, the_columns_of_the_digits_have_mean_zero)
{
    fi_arena *arena = NULL;
    fi_idx idx;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    cr_assert_eq(fi_idx_read(&idx, TEST_DATA "/digits100-images.idx3-ubyte", 0, arena), FI_OK, "%s",
                 fi_message());
    fi_real *centred = fi_arena_alloc(arena, idx.rows * idx.cols, sizeof *centred);
    cr_assert(centred);
    fi_center_pixels(idx.rows, idx.cols, idx.bytes, centred, NULL);
    size_t constant = 0;
    for (size_t j = 0; j < idx.cols; j++) {
        long double sum = 0, size = 0;
        for (size_t i = 0; i < idx.rows; i++) {
            sum += (long double)centred[i * idx.cols + j];
            size += fabsl((long double)centred[i * idx.cols + j]);
        }
        constant += size == 0;
        cr_expect(fabsl(sum) <= 1.001L * ROUNDING * size, "column %zu: sum %Lg of size %Lg", j, sum,
                  size);
    }
    cr_expect(constant > 0 && constant < idx.cols, "%zu pixels are the same in all digits",
              constant);
    fi_arena_free(arena);
}
