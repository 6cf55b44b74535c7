/*
 * Squared lengths of rows by AVX2: two rows side by side, as the sum of one would wait for itself,
 * and what is left of a row by a mask, for which the compiler makes a hundred instructions.
 */
#include "../core/internal.h"
#include "row_sums.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

enum {
    LANES = 8,
    VECTORS = FI_ROW_LANES / LANES, /* of the lanes of a row */
    SIDE = 2,                       /* rows side by side */
    TOGETHER = FI_ROWS_TOGETHER,
    PIECE = FI_ROW_CHAIN * FI_ROW_LANES
};

_Static_assert(VECTORS == 4 && TOGETHER % SIDE == 0, "what is unrolled");

/* The first n of eight. */
FI_AVX2_INLINE __m256i first_of(size_t n)
{
    static const int32_t ends[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ends + LANES - (n < LANES ? n : LANES)));
}

/* fi_widen of the lanes. */
FI_AVX2_INLINE void widen(const __m256 *lanes, __m256d *total)
{
    const __m256 eight =
        _mm256_add_ps(_mm256_add_ps(lanes[0], lanes[2]), _mm256_add_ps(lanes[1], lanes[3]));
    total[0] = _mm256_add_pd(total[0], _mm256_cvtps_pd(_mm256_castps256_ps128(eight)));
    total[1] = _mm256_add_pd(total[1], _mm256_cvtps_pd(_mm256_extractf128_ps(eight, 1)));
}

/* fi_sum_of_eight */
FI_AVX2_INLINE double sum_of_eight(const __m256d *lanes)
{
    const __m256d four = _mm256_add_pd(lanes[0], lanes[1]);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* Of `width` columns, at most PIECE, of SIDE rows that are `cols` apart. */
FI_AVX2_INLINE void add_squares(size_t cols, size_t width, const float *x, __m256d total[SIDE][2])
{
    const size_t rest = width % FI_ROW_LANES;
    const float *const last = x + (width - rest);
    __m256 sum[SIDE][VECTORS];
#pragma GCC unroll 4
    for (size_t k = 0; k < VECTORS; k++) {
        const __m256i mask = first_of(rest < k * LANES ? 0 : rest - k * LANES);
#pragma GCC unroll 2
        for (size_t r = 0; r < SIDE; r++) {
            const __m256 v = _mm256_maskload_ps(last + r * cols + k * LANES, mask);
            sum[r][k] = _mm256_mul_ps(v, v);
        }
    }
    for (; x < last; x += FI_ROW_LANES) {
#pragma GCC unroll 2
        for (size_t r = 0; r < SIDE; r++)
#pragma GCC unroll 4
            for (size_t k = 0; k < VECTORS; k++) {
                const __m256 v = _mm256_loadu_ps(x + r * cols + k * LANES);
                sum[r][k] = _mm256_fmadd_ps(v, v, sum[r][k]);
            }
    }
#pragma GCC unroll 2
    for (size_t r = 0; r < SIDE; r++)
        widen(sum[r], total[r]);
}

FI_AVX2 void fi_row_squares_avx2(size_t cols, const float *x, double *square)
{
    for (size_t first = 0; first < TOGETHER; first += SIDE, x += SIDE * cols) {
        __m256d total[SIDE][2] = {{{0}}};
        for (size_t start = 0; start < cols; start += PIECE)
            add_squares(cols, cols - start < PIECE ? cols - start : PIECE, x + start, total);
#pragma GCC unroll 2
        for (size_t r = 0; r < SIDE; r++)
            square[first + r] = sum_of_eight(total[r]);
    }
}
#endif
