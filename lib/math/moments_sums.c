/*
 * Sums over a block: PARTS of them, each over rows of lanes, one row after the other; then of lanes
 * in pairs until FI_FINAL_LANES are left, which go into doubles. Every addition rounds by at most
 * u, 2^-24 in the float build; moments.c says what comes of that.
 */
#include "moments_sums.h"

#include "../core/internal.h"

#include <string.h>
#include <tgmath.h>

#define PARTS 4

/* Of four powers: 8 roundings of a sum of 9, 3 of the sums in pairs and 3 of a square. */
#define LANES FI_SURVEY_LANES
#define ROWS FI_POWERS_ROWS
#define BLOCK ((size_t)PARTS * ROWS * LANES)

/* Of two: 6 roundings of a sum of 6 fused squares, 4 of the sums in pairs and 2 of the deviation.
 */
#define WIDE_LANES 32
#define WIDE_ROWS 6
#define WIDE_BLOCK ((size_t)PARTS * WIDE_ROWS * WIDE_LANES)

_Static_assert(BLOCK == FI_POWERS_BLOCK && WIDE_BLOCK == FI_TWO_POWERS_BLOCK, "what is stated");

static inline void survey_value(fi_survey *s, size_t lane, fi_real x)
{
    s->minimum[lane] = x < s->minimum[lane] ? x : s->minimum[lane];
    s->maximum[lane] = x > s->maximum[lane] ? x : s->maximum[lane];
    s->zeros[lane] += x == 0;
}

static inline __attribute__((always_inline)) void survey_row(fi_survey *restrict s, size_t width,
                                                             const fi_real *restrict x)
{
    for (size_t l = 0; l < width; l++) {
        s->sum[l] += x[l];
        survey_value(s, l, x[l]);
    }
}

/* Through a pointer: a survey of its own the compiler would take apart into scalars. */
FI_CLONES static void survey_values(size_t n, const fi_real *restrict x, fi_survey *restrict survey)
{
    for (size_t l = 0; l < LANES; l++) {
        survey->sum[l] = 0;
        survey->minimum[l] = (fi_real)HUGE_VAL;
        survey->maximum[l] = -(fi_real)HUGE_VAL;
        survey->zeros[l] = 0;
    }
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        survey_row(survey, LANES, x + i);
    survey_row(survey, n - i, x + i);
}

/* The sums of d, d^2, d^3 and d^4, d = x scale + shift, over the rows of one part; if `seen` is not
 * NULL, which is known where this is inlined, x is surveyed but for its sum. */
static inline __attribute__((always_inline)) void
sum_part(const fi_real *restrict x, fi_real scale, fi_real shift, fi_real *restrict first,
         fi_real *restrict second, fi_real *restrict third, fi_real *restrict fourth,
         fi_survey *restrict seen)
{
    for (size_t l = 0; l < LANES; l++) {
        const fi_real d = fma(x[l], scale, shift), square = d * d;
        first[l] = d;
        second[l] = square;
        third[l] = square * d;
        fourth[l] = square * square;
        if (seen)
            survey_value(seen, l, x[l]);
    }
    for (size_t r = 1; r < ROWS; r++)
        for (size_t l = 0; l < LANES; l++) {
            const fi_real d = fma(x[r * LANES + l], scale, shift), square = d * d;
            first[l] += d;
            second[l] += square;
            third[l] = fma(square, d, third[l]);
            fourth[l] = fma(square, square, fourth[l]);
            if (seen)
                survey_value(seen, l, x[r * LANES + l]);
        }
}

static inline __attribute__((always_inline)) void sum_blocks(size_t n, const fi_real *x,
                                                             fi_real scale, fi_real shift,
                                                             double total[4][FI_FINAL_LANES],
                                                             fi_survey *seen)
{
    for (const fi_real *const end = x + n; x < end; x += BLOCK) {
        fi_real sums[4][PARTS * LANES];
        for (size_t p = 0; p < PARTS; p++)
            sum_part(x + p * ROWS * LANES, scale, shift, sums[0] + p * LANES, sums[1] + p * LANES,
                     sums[2] + p * LANES, sums[3] + p * LANES, seen);
        for (size_t k = 0; k < 4; k++)
            fi_widen((size_t)PARTS * LANES, sums[k], total[k]);
    }
}

/* Over whole blocks, in powers of x scale + shift. */
FI_CLONES static void add_powers(size_t n, const fi_real *x, fi_real scale, fi_real shift,
                                 double total[4][FI_FINAL_LANES])
{
    sum_blocks(n, x, scale, shift, total, NULL);
}

FI_CLONES static void survey_and_add_powers(size_t n, const fi_real *x, fi_real scale,
                                            fi_real shift, double total[4][FI_FINAL_LANES],
                                            fi_survey *survey)
{
    fi_survey seen = *survey;
    sum_blocks(n, x, scale, shift, total, &seen);
    *survey = seen;
}

/* The same by the instructions that take it fastest. */
static void survey_and_add_powers_here(size_t n, const fi_real *x, fi_real scale, fi_real shift,
                                       double total[4][FI_FINAL_LANES], fi_survey *survey)
{
#if defined(__x86_64__) && !defined(FI_DOUBLE)
    if (fi_instructions_here() == FI_WITH_AVX2) {
        fi_survey_and_add_powers_avx2(n, x, scale, shift, total, survey);
        return;
    }
#endif
    survey_and_add_powers(n, x, scale, shift, total, survey);
}

static inline void sum_two_part(const fi_real *restrict x, fi_real center, fi_real *restrict first,
                                fi_real *restrict second)
{
    for (size_t l = 0; l < WIDE_LANES; l++) {
        const fi_real d = x[l] - center;
        first[l] = d;
        second[l] = d * d;
    }
    for (size_t r = 1; r < WIDE_ROWS; r++)
        for (size_t l = 0; l < WIDE_LANES; l++) {
            const fi_real d = x[r * WIDE_LANES + l] - center;
            first[l] += d;
            second[l] = fma(d, d, second[l]);
        }
}

FI_CLONES static void add_two_powers(size_t n, const fi_real *x, fi_real center,
                                     double total[2][FI_FINAL_LANES])
{
    for (const fi_real *const end = x + n; x < end; x += WIDE_BLOCK) {
        fi_real sums[2][PARTS * WIDE_LANES];
        for (size_t p = 0; p < PARTS; p++)
            sum_two_part(x + p * WIDE_ROWS * WIDE_LANES, center, sums[0] + p * WIDE_LANES,
                         sums[1] + p * WIDE_LANES);
        fi_widen((size_t)PARTS * WIDE_LANES, sums[0], total[0]);
        fi_widen((size_t)PARTS * WIDE_LANES, sums[1], total[1]);
    }
}

/* The last n values, fewer than a block of `width`, and the center in the place of the others. */
static void pad(fi_real *block, size_t width, size_t n, const fi_real *x, fi_real center)
{
    memcpy(block, x, n * sizeof *x);
    for (size_t i = n; i < width; i++)
        block[i] = center;
}

void fi_survey_values(size_t n, const fi_real *x, fi_survey *survey)
{
    survey_values(n, x, survey);
}

void fi_add_powers(size_t n, const fi_real *x, fi_real center, fi_real scale,
                   double total[4][FI_FINAL_LANES], fi_survey *seen)
{
    const size_t rest = n % BLOCK;
    const fi_real shift = -center * scale, *const end = x + n - rest;
    if (seen) {
        survey_values(rest, end, seen);
        survey_and_add_powers_here(n - rest, x, scale, shift, total, seen);
    } else {
        add_powers(n - rest, x, scale, shift, total);
    }
    if (rest) {
        fi_real last[BLOCK];
        pad(last, BLOCK, rest, end, center);
        add_powers(BLOCK, last, scale, shift, total);
    }
}

void fi_add_two_powers(size_t n, const fi_real *x, fi_real center, double total[2][FI_FINAL_LANES])
{
    const size_t rest = n % WIDE_BLOCK;
    add_two_powers(n - rest, x, center, total);
    if (rest) {
        fi_real last[WIDE_BLOCK];
        pad(last, WIDE_BLOCK, rest, x + n - rest, center);
        add_two_powers(WIDE_BLOCK, last, center, total);
    }
}
