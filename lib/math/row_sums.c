/* Sums over rows, in plain C. */
#include "row_sums.h"

#include "../core/internal.h"
#include "lanes.h"

#include <tgmath.h>

enum {
    WIDE = FI_ROW_LANES,
    TOGETHER = FI_ROWS_TOGETHER,
    PIECE = FI_ROW_CHAIN * WIDE /* columns */
};

/* The sums of the squares of at most FI_ROW_CHAIN rows of WIDE lanes, after `rest` more values. */
static inline void sum_squares(size_t rows, size_t rest, const fi_real *restrict x,
                               fi_real *restrict lanes)
{
    fi_real last[WIDE];
    for (size_t l = 0; l < WIDE; l++)
        last[l] = l < rest ? x[rows * WIDE + l] : 0;
    for (size_t l = 0; l < WIDE; l++)
        lanes[l] = last[l] * last[l];
    for (size_t r = 0; r < rows; r++)
        for (size_t l = 0; l < WIDE; l++)
            lanes[l] = fma(x[r * WIDE + l], x[r * WIDE + l], lanes[l]);
}

static FI_CLONES void squares(size_t cols, const fi_real *x, double *square)
{
    double total[TOGETHER][FI_FINAL_LANES] = {{0}};
    for (size_t start = 0; start < cols; start += PIECE) {
        const size_t width = cols - start < PIECE ? cols - start : PIECE;
        fi_real lanes[TOGETHER][WIDE];
        for (size_t r = 0; r < TOGETHER; r++)
            sum_squares(width / WIDE, width % WIDE, x + r * cols + start, lanes[r]);
        for (size_t r = 0; r < TOGETHER; r++)
            fi_widen(WIDE, lanes[r], total[r]);
    }
    for (size_t r = 0; r < TOGETHER; r++)
        square[r] = fi_sum_of_eight(total[r]);
}

static FI_CLONES void add(size_t cols, const fi_real *restrict x, const fi_real *restrict inverse,
                          double *restrict direction, double *restrict sum)
{
    for (size_t c = 0; c < cols; c++) {
        fi_real d = inverse[0] * x[c], m = x[c];
        for (size_t r = 1; r < TOGETHER; r++) {
            d = fma(inverse[r], x[r * cols + c], d);
            m += x[r * cols + c];
        }
        direction[c] += (double)d;
        sum[c] += (double)m;
    }
}

const fi_row_kernel fi_rows_portable = {"portable", squares, add};

#if defined(__x86_64__) && !defined(FI_DOUBLE)
const fi_row_kernel fi_rows_avx2 = {"AVX2", fi_row_squares_avx2, add};
#endif

const fi_row_kernel *fi_row_choice(size_t k)
{
    static const fi_row_kernel *const kernels[] = {
        [FI_PORTABLE] = &fi_rows_portable,
#if defined(__x86_64__) && !defined(FI_DOUBLE)
        [FI_WITH_AVX2] = &fi_rows_avx2,
        [FI_WITH_AVX512] = &fi_rows_avx512,
#endif
    };
    const size_t count = sizeof kernels / sizeof *kernels;
    const size_t here = fi_instructions_here(), best = here < count ? here : count - 1;
    return k <= best ? kernels[best - k] : NULL;
}
