/* Transforms: from the bytes of a file to the numbers a net is fed. */
#include "../core/internal.h"

/* Columns summed together: their sums stay in the first-level cache. */
#define BLOCK ((size_t)512)

/* sums[j] += the sum over the rows of column j; n <= BLOCK columns, `stride` bytes a row. */
FI_CLONES static void add_columns(size_t rows, size_t n, size_t stride, const uint8_t *bytes,
                                  uint64_t *restrict sums)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            sums[j] += bytes[i * stride + j];
}

/*
 * x = (rows byte - sum) / (255 rows), the byte over 255 less the column's mean. The numerator is a
 * whole number, exact in double, so that a constant column gives exactly 0.
 */
FI_CLONES static void subtract_means(size_t rows, size_t n, size_t stride, const uint8_t *bytes,
                                     const double *sums, fi_real *restrict x)
{
    const double scale = 1 / (255.0 * (double)rows);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            x[i * stride + j] = (fi_real)(((double)rows * bytes[i * stride + j] - sums[j]) * scale);
}

/* Sums of bytes are exact: the result does not depend on the order of the rows. */
void fi_center_pixels(size_t rows, size_t cols, const uint8_t *bytes, fi_real *x, fi_real *mean)
{
    FI_REQUIRE(rows > 0 && bytes && x);
    for (size_t first = 0; first < cols; first += BLOCK) {
        const size_t n = cols - first < BLOCK ? cols - first : BLOCK;
        uint64_t sums[BLOCK] = {0};
        double exact[BLOCK];
        add_columns(rows, n, cols, bytes + first, sums);
        for (size_t j = 0; j < n; j++) {
            exact[j] = (double)sums[j];
            if (mean)
                mean[first + j] = (fi_real)(exact[j] / (255.0 * (double)rows));
        }
        subtract_means(rows, n, cols, bytes + first, exact, x + first);
    }
}
