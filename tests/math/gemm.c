/* Matrix products against the triple loop, and the orthonormal factor against its definition. */
#include "core/arena.h"
#include "math/blas.h"
#include "math/tile.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef FI_DOUBLE
#define EPSILON ((long double)DBL_EPSILON)
#define ORTHONORMAL 1e-12
#else
#define EPSILON ((long double)FLT_EPSILON)
#define ORTHONORMAL 1e-6
#endif

extern int openblas_get_num_threads(void) __attribute__((weak));

static fi_real *normals(size_t n, uint64_t key)
{
    fi_real *x = malloc((n + 1) * sizeof *x);
    cr_assert_not_null(x);
    fi_rng rng = fi_rng_stream(1, FI_FOR_PROBE, key, 0);
    fi_draw(&rng, FI_NORMAL, 1, n, x);
    return x;
}

static long double element(const fi_real *x, fi_transpose is, size_t rows, size_t cols, size_t i,
                           size_t j)
{
    return (long double)(is == FI_TRANSPOSED ? x[j * rows + i] : x[i * cols + j]);
}

/* beta 0 starts from NaN, which must not be read. */
static void check_product(fi_transpose a_is, fi_transpose b_is, const size_t *size, fi_real beta)
{
    const size_t m = size[0], n = size[1], k = size[2];
    fi_real *a = normals(m * k, 1);
    fi_real *b = normals(k * n, 2);
    fi_real *before = normals(m * n, 3);
    fi_real *c = normals(m * n, 3);
    for (size_t i = 0; beta == 0 && i < m * n; i++)
        c[i] = (fi_real)NAN;
    c[m * n] = 42;
    fi_gemm(a_is, b_is, m, n, k, a, b, beta, c);
    cr_expect(c[m * n] == 42, "written past the end");
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            long double sum = (long double)(beta * before[i * n + j]);
            long double magnitude = fabsl(sum);
            for (size_t l = 0; l < k; l++) {
                const long double product =
                    element(a, a_is, m, k, i, l) * element(b, b_is, k, n, l, j);
                sum += product;
                magnitude += fabsl(product);
            }
            /* Higham 2002, section 3.1: k products, k sums, in any order, half an epsilon each. */
            const long double bound = (long double)(k + 1) * EPSILON / 2 * magnitude;
            const long double error = fabsl((long double)c[i * n + j] - sum);
            cr_assert(error <= bound * 1.01L,
                      "(%zu, %zu, %zu) transposed %d %d beta %g: c[%zu, %zu] off by %Lg, bound %Lg",
                      m, n, k, a_is, b_is, (double)beta, i, j, error, bound);
        }
    free(a);
    free(b);
    free(before);
    free(c);
}

Test(gemm, equals_the_triple_loop)
{
    const size_t sizes[][3] = {{1, 1, 1},    {1, 7, 3},     {5, 1, 9},   {17, 13, 31},
                               {64, 33, 65}, {101, 67, 83}, {4, 6, 0},   {3, 2, 257},
                               {0, 3, 4},    {3, 0, 4},     {16, 16, 16}};
    const fi_real betas[] = {0, 1};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int pair = 0; pair < 4; pair++)
            for (int beta = 0; beta < 2; beta++)
                check_product(pair & 1 ? FI_TRANSPOSED : FI_AS_IS,
                              pair & 2 ? FI_TRANSPOSED : FI_AS_IS, sizes[s], betas[beta]);
}

/* Takes each block of rows away, as a copy, and spoils it in c. */
struct sink {
    fi_real *c, *copy;
    size_t n, next;
};

static void take_rows(void *context, size_t first, size_t rows)
{
    struct sink *sink = context;
    cr_assert_eq(first, sink->next, "row %zu came in place of %zu", first, sink->next);
    cr_assert_gt(rows, 0);
    sink->next += rows;
    for (size_t e = first * sink->n; e < sink->next * sink->n; e++) {
        sink->copy[e] = sink->c[e];
        sink->c[e] = (fi_real)NAN;
    }
}

static void check_rows(fi_transpose a_is, fi_transpose b_is, const size_t *size, fi_real beta)
{
    const size_t m = size[0], n = size[1], k = size[2];
    fi_real *a = normals(m * k, 1);
    fi_real *b = normals(k * n, 2);
    fi_real *c = normals(m * n, 3);
    fi_real *expected = normals(m * n, 3);
    struct sink sink = {c, normals(m * n, 4), n, 0};
    fi_gemm(a_is, b_is, m, n, k, a, b, beta, expected);
    fi_gemm_by_rows(a_is, b_is, m, n, k, a, b, beta, c, &(fi_gemm_rows){take_rows, &sink});
    cr_expect_eq(sink.next, m, "(%zu, %zu, %zu): %zu rows came", m, n, k, sink.next);
    cr_expect(memcmp(sink.copy, expected, m * n * sizeof *c) == 0,
              "(%zu, %zu, %zu) transposed %d %d beta %g: rows came before they were complete", m, n,
              k, a_is, b_is, (double)beta);
    free(a);
    free(b);
    free(c);
    free(expected);
    free(sink.copy);
}

/* More than one block of rows, of columns and of terms; and none. */
Test(gemm, rows_come_complete_and_in_order)
{
    const size_t sizes[][3] = {{1, 1, 1},      {300, 500, 40}, {200, 33, 1100}, {130, 2100, 520},
                               {128, 10, 784}, {100, 7, 0},    {5, 0, 3},       {0, 3, 4}};
    const fi_real betas[] = {0, 1, (fi_real)-0.5};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int pair = 0; pair < 4; pair++)
            check_rows(pair & 1 ? FI_TRANSPOSED : FI_AS_IS, pair & 2 ? FI_TRANSPOSED : FI_AS_IS,
                       sizes[s], betas[(s + (size_t)pair) % 3]);
}

/*
 * q (rows, cols) from w: of the vectors along the longer side, the products with each other are I,
 * and those of w's with q's are triangular with a positive diagonal, R. Rounding q to fi_real puts
 * |column of w| epsilon / 2 into R; 500 normals have length 22.
 */
static void check_factor(size_t rows, size_t cols, const fi_real *w, const fi_real *q)
{
    const bool tall = rows >= cols;
    const size_t longer = tall ? rows : cols;
    const size_t shorter = tall ? cols : rows;
    const size_t along = tall ? cols : 1;
    const size_t across = tall ? 1 : cols;
    double worst = 0, below = 0, diagonal = INFINITY;
    for (size_t i = 0; i < shorter; i++)
        for (size_t j = 0; j <= i; j++) {
            double identity = i == j ? -1 : 0;
            double r = 0; /* r[i, j] for j <= i: 0 below the diagonal */
            for (size_t l = 0; l < longer; l++) {
                const double qi = (double)q[l * along + i * across];
                identity += qi * (double)q[l * along + j * across];
                r += qi * (double)w[l * along + j * across];
            }
            worst = fmax(worst, fabs(identity));
            below = i == j ? below : fmax(below, fabs(r));
            diagonal = i == j ? fmin(diagonal, r) : diagonal;
        }
    cr_expect(worst < ORTHONORMAL, "(%zu, %zu): |Q'Q - I| is %g", rows, cols, worst);
    cr_expect(below < 40 * ORTHONORMAL, "(%zu, %zu): %g below R's diagonal", rows, cols, below);
    cr_expect(diagonal > 0, "(%zu, %zu): %g on R's diagonal", rows, cols, diagonal);
}

Test(gemm, orthonormal_factors)
{
    const size_t sizes[][2] = {{500, 500}, {300, 200}, {200, 300}, {7, 5}, {5, 7},
                               {9, 1},     {1, 9},     {1, 1},     {0, 3}};
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t rows = sizes[s][0], cols = sizes[s][1];
        fi_real *w = normals(rows * cols, s);
        fi_real *q = normals(rows * cols, s);
        cr_assert_eq(fi_orthonormalize(rows, cols, q, arena), FI_OK, "%s", fi_message());
        check_factor(rows, cols, w, q);
        free(w);
        free(q);
        fi_arena_reset(arena);
    }
    fi_arena_free(arena);
}

Test(gemm, refused_memory_leaves_the_matrix)
{
    fi_arena *arena = NULL;
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
    fi_arena_refuse_after(arena, 0);
    fi_real *w = normals(35, 0);
    fi_real *q = normals(35, 0);
    cr_expect_eq(fi_orthonormalize(7, 5, q, arena), FI_ENOMEM);
    cr_expect(strstr(fi_message(), "orthogonal") != NULL, "%s", fi_message());
    cr_expect(memcmp(w, q, 35 * sizeof *w) == 0);
    free(w);
    free(q);
    fi_arena_free(arena);
}

Test(gemm, names_its_library)
{
    const char *name = fi_blas_name();
    if (strcmp(name, "fanin") == 0) {
        cr_expect_str_eq(fi_blas_kernel(), "fma");
        return;
    }
    if (!openblas_get_num_threads) {
        cr_expect_str_eq(name, "CBLAS");
        cr_expect_str_eq(fi_blas_kernel(), "unknown");
        return;
    }
    int major = 0, minor = 0, patch = 0;
    char rest = '\0';
    cr_expect_eq(sscanf(name, "OpenBLAS %d.%d.%d%c", &major, &minor, &patch, &rest), 3, "'%s'",
                 name);
    cr_expect(strlen(fi_blas_kernel()) > 0);
    const fi_blas *blas = NULL;
    cr_assert_eq(fi_blas_find(&blas), FI_OK);
    cr_expect_eq(openblas_get_num_threads(), 1);
}
