/*
 * Sums over rows by AVX-512: the sums of some rows side by side, as one would wait for itself, and
 * each value loaded once, where the compiler has every use of it load it.
 */
#include "../core/internal.h"
#include "row_sums.h"

#if defined(__x86_64__) && !defined(FI_DOUBLE)
#include <immintrin.h>

enum {
    LANES = 16,
    SIDE = 4, /* rows side by side */
    TOGETHER = FI_ROWS_TOGETHER,
    PIECE = FI_ROW_CHAIN * FI_ROW_LANES
};

_Static_assert(FI_ROW_LANES == 2 * LANES && TOGETHER % SIDE == 0, "two vectors of lanes");

/* The first n of 16. */
FI_AVX512_INLINE __mmask16 first_of(size_t n)
{
    return (__mmask16)(n < LANES ? (1U << n) - 1 : 0xffff);
}

/* fi_widen of the lanes a and b. */
FI_AVX512_INLINE __m512d widen(__m512 a, __m512 b, __m512d total)
{
    const __m512 sum = _mm512_add_ps(a, b);
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    return _mm512_add_pd(total, _mm512_cvtps_pd(eight));
}

/* fi_sum_of_eight */
FI_AVX512_INLINE double sum_of_eight(__m512d lanes)
{
    const __m256d four =
        _mm256_add_pd(_mm512_castpd512_pd256(lanes), _mm512_extractf64x4_pd(lanes, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* Of `width` columns, at most PIECE, of SIDE rows that are `cols` apart. */
FI_AVX512_INLINE void add_squares(size_t cols, size_t width, const float *x, __m512d *total)
{
    const size_t rest = width % FI_ROW_LANES;
    const __mmask16 lower = first_of(rest), upper = first_of(rest < LANES ? 0 : rest - LANES);
    const float *const last = x + (width - rest);
    __m512 a[SIDE], b[SIDE];
#pragma GCC unroll 4
    for (size_t r = 0; r < SIDE; r++) {
        a[r] = _mm512_maskz_loadu_ps(lower, last + r * cols);
        b[r] = _mm512_maskz_loadu_ps(upper, last + r * cols + LANES);
        a[r] = _mm512_mul_ps(a[r], a[r]);
        b[r] = _mm512_mul_ps(b[r], b[r]);
    }
    for (; x < last; x += FI_ROW_LANES) {
#pragma GCC unroll 4
        for (size_t r = 0; r < SIDE; r++) {
            const __m512 v = _mm512_loadu_ps(x + r * cols);
            const __m512 w = _mm512_loadu_ps(x + r * cols + LANES);
            a[r] = _mm512_fmadd_ps(v, v, a[r]);
            b[r] = _mm512_fmadd_ps(w, w, b[r]);
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < SIDE; r++)
        total[r] = widen(a[r], b[r], total[r]);
}

static FI_AVX512 void squares(size_t cols, const float *x, double *square)
{
    for (size_t first = 0; first < TOGETHER; first += SIDE, x += SIDE * cols) {
        __m512d total[SIDE] = {{0}};
        for (size_t start = 0; start < cols; start += PIECE)
            add_squares(cols, cols - start < PIECE ? cols - start : PIECE, x + start, total);
#pragma GCC unroll 4
        for (size_t r = 0; r < SIDE; r++)
            square[first + r] = sum_of_eight(total[r]);
    }
}

/* to (n) += eight doubles at a time, of which n are there. */
FI_AVX512_INLINE void add_to(double *to, size_t n, __m512 from)
{
    const __m512d lower = _mm512_cvtps_pd(_mm512_castps512_ps256(from));
    const __m512d upper = _mm512_cvtps_pd(_mm512_extractf32x8_ps(from, 1));
    const __mmask8 low = (__mmask8)first_of(n), high = (__mmask8)(first_of(n) >> 8);
    _mm512_mask_storeu_pd(to, low, _mm512_add_pd(_mm512_maskz_loadu_pd(low, to), lower));
    _mm512_mask_storeu_pd(to + 8, high, _mm512_add_pd(_mm512_maskz_loadu_pd(high, to + 8), upper));
}

/* n columns, at most 16. */
FI_AVX512_INLINE void add_columns(size_t cols, size_t n, const float *x, const __m512 *inverse,
                                  double *direction, double *sum)
{
    __m512 d = _mm512_setzero_ps(), m = d;
#pragma GCC unroll 8
    for (size_t r = 0; r < TOGETHER; r++) {
        __m512 v = _mm512_maskz_loadu_ps(first_of(n), x + r * cols);
        FI_IN_REGISTER(v);
        d = r == 0 ? _mm512_mul_ps(inverse[r], v) : _mm512_fmadd_ps(inverse[r], v, d);
        m = r == 0 ? v : _mm512_add_ps(m, v);
    }
    add_to(direction, n, d);
    add_to(sum, n, m);
}

static FI_AVX512 void add(size_t cols, const float *restrict x, const float *restrict inverse,
                          double *restrict direction, double *restrict sum)
{
    __m512 spread[TOGETHER];
#pragma GCC unroll 8
    for (size_t r = 0; r < TOGETHER; r++) {
        spread[r] = _mm512_set1_ps(inverse[r]);
        FI_IN_REGISTER(spread[r]);
    }
    size_t c = 0;
    for (; c + LANES <= cols; c += LANES)
        add_columns(cols, LANES, x + c, spread, direction + c, sum + c);
    if (c < cols)
        add_columns(cols, cols - c, x + c, spread, direction + c, sum + c);
}

const fi_row_kernel fi_rows_avx512 = {"AVX-512", squares, add};
#endif
