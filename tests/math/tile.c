/*
 * The library's own matrix product: against OpenBLAS and the chain of fused multiply-adds that
 * defines its bits, in every kernel, at every position, from several threads.
 */
#include "math/tile.h"
#include "core/internal.h"
#include "core/team.h"
#include "core/workers.h"

#include <cblas.h>
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef FI_DOUBLE
#define EPSILON DBL_EPSILON
#define FMA fma
#define BLAS_GEMM cblas_dgemm
#else
#define EPSILON ((double)FLT_EPSILON)
#define FMA fmaf
#define BLAS_GEMM cblas_sgemm
#endif

struct product {
    fi_transpose a_is, b_is;
    size_t m, n, k;
    fi_real *a, *b, *c, *expected;
};

static fi_real *normals(size_t n, uint64_t key)
{
    fi_real *x = malloc((n + 2) * sizeof *x);
    cr_assert_not_null(x);
    fi_rng rng = fi_rng_stream(1, FI_FOR_PROBE, key, 0);
    fi_draw(&rng, FI_NORMAL, 1, n + 2, x);
    return x;
}

/* All four matrices one element off their alignment. */
static struct product new_product(int pair, size_t m, size_t n, size_t k)
{
    return (struct product){pair & 1 ? FI_TRANSPOSED : FI_AS_IS,
                            pair & 2 ? FI_TRANSPOSED : FI_AS_IS,
                            m,
                            n,
                            k,
                            normals(m * k, 1) + 1,
                            normals(k * n, 2) + 1,
                            normals(m * n, 3) + 1,
                            normals(m * n, 3) + 1};
}

static void free_product(struct product *p)
{
    free(p->a - 1);
    free(p->b - 1);
    free(p->c - 1);
    free(p->expected - 1);
}

static fi_real a_at(const struct product *p, size_t i, size_t l)
{
    return p->a_is == FI_TRANSPOSED ? p->a[l * p->m + i] : p->a[i * p->k + l];
}

static fi_real b_at(const struct product *p, size_t l, size_t j)
{
    return p->b_is == FI_TRANSPOSED ? p->b[j * p->k + l] : p->b[l * p->n + j];
}

static bool multiply(const fi_tile_kernel *kernel, const struct product *p, fi_real beta)
{
    return fi_tile_gemm(kernel, p->a_is, p->b_is, p->m, p->n, p->k, p->a, p->b, beta, p->c, NULL);
}

/* The definition, from what c holds before. */
static void expect_chain(const struct product *p, fi_real beta)
{
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            fi_real sum = beta == 0 ? 0 : beta * p->c[i * p->n + j];
            for (size_t l = 0; l < p->k; l++)
                sum = FMA(a_at(p, i, l), b_at(p, l, j), sum);
            p->expected[i * p->n + j] = sum;
        }
}

static void check_bits(const fi_tile_kernel *kernel, struct product *p, fi_real beta)
{
    const fi_real beyond = p->c[p->m * p->n];
    const fi_real before = p->c[-1];
    expect_chain(p, beta);
    for (size_t e = 0; beta == 0 && e < p->m * p->n; e++)
        p->c[e] = (fi_real)NAN; /* must not be read */
    cr_assert(multiply(kernel, p, beta));
    for (size_t e = 0; e < p->m * p->n; e++)
        cr_assert(memcmp(&p->c[e], &p->expected[e], sizeof *p->c) == 0,
                  "%s (%zu, %zu, %zu) transposed %d %d beta %g: c[%zu, %zu] is %.9g, not %.9g",
                  kernel->name, p->m, p->n, p->k, p->a_is, p->b_is, (double)beta, e / p->n,
                  e % p->n, (double)p->c[e], (double)p->expected[e]);
    cr_assert(p->c[p->m * p->n] == beyond && p->c[-1] == before, "written outside c");
}

/* ---- the order of the tiles, also for kernels that this processor can't run -------------------
 */

static fi_tile_kernel replaced; /* the kernel in whose place multiply_plainly stands */

/* What tile.h promises of the shape of a tile. */
static bool is_promised(size_t rows, size_t vectors, const fi_tile *tile)
{
    const fi_tile_kernel *k = &replaced;
    const bool any = k->wide > k->narrow || vectors == 1 || vectors % 2 == 0;
    const bool whole = any && rows <= k->tall && vectors <= k->wide;
    const bool narrow = any && rows <= k->tallest && vectors <= k->narrow;
    const bool tallest = rows == FI_TILE_TALLEST && vectors == 1;
    const bool few = rows <= FI_TILE_FEW && vectors <= FI_TILE_WIDER;
    const bool one = rows == 1 && vectors <= FI_TILE_WIDEST;
    const bool wider = k->any_columns && rows <= FI_TILE_SHORT && vectors <= FI_TILE_WIDEST;
    const bool copies = k->copies && rows == k->tall && vectors == k->wide && tile->down == 1;
    const size_t least = (vectors - 1) * FI_TILE_LANES, most = vectors * FI_TILE_LANES;
    return (whole || narrow || tallest || few || one || wider) && (!tile->b_copy || copies) &&
           tile->columns > least && tile->columns <= most;
}

static void multiply_plainly(size_t rows, size_t vectors, const fi_tile *tile)
{
    const size_t columns = replaced.any_columns ? tile->columns : vectors * FI_TILE_LANES;
    cr_assert(is_promised(rows, vectors, tile), "%s: a tile of %zu rows, %zu vectors, %zu columns",
              replaced.name, rows, vectors, tile->columns);
    for (size_t i = 0; i < rows * tile->down; i++) {
        const size_t row = i % rows;
        const fi_real *a = tile->a + i / rows * tile->a_tall + row / FI_TILE_SHORT * tile->a_short +
                           row % FI_TILE_SHORT * tile->a_row;
        for (size_t j = 0; j < columns; j++) {
            fi_real *c = &tile->c[i * tile->c_row + j];
            fi_real sum = tile->fresh ? 0 : *c;
            for (size_t l = 0; l < tile->depth; l++)
                sum = FMA(a[l * tile->a_col], tile->b[l * tile->b_row + j], sum);
            *c = sum;
        }
    }
    for (size_t l = 0; tile->b_copy && l < tile->depth; l++)
        memcpy(tile->b_copy + l * vectors * FI_TILE_LANES, tile->b + l * tile->b_row,
               columns * sizeof(fi_real));
}

/* The kernels of this processor, and then those of any, with plain arithmetic. */
static const fi_tile_kernel *kernel_of(size_t which)
{
    static fi_tile_kernel plain;
#ifdef __x86_64__
    const fi_tile_kernel *const any[] = {&fi_tile_avx2, &fi_tile_avx512, &fi_tile_avx512_asking};
#else
    const fi_tile_kernel *const any[] = {&fi_tile_portable};
#endif
    for (size_t k = 0; k <= which; k++)
        if (!fi_tile_choice(k)) {
            if (which - k >= sizeof any / sizeof *any)
                return NULL;
            plain = replaced = *any[which - k];
            plain.multiply = multiply_plainly;
            plain.transpose = fi_tile_portable.transpose;
            return &plain;
        }
    return fi_tile_choice(which);
}

static void check_kernels(size_t m, size_t n, size_t k)
{
    const fi_real betas[] = {0, 1, (fi_real)-0.5};
    for (size_t which = 0; kernel_of(which); which++)
        for (int pair = 0; pair < 4; pair++)
            for (int beta = 0; beta < 3; beta++) {
                if (!fi_tile_choice(which) && beta != (pair + (int)n) % 3)
                    continue; /* of the order of tiles each product is enough once */
                struct product p = new_product(pair, m, n, k);
                check_bits(kernel_of(which), &p, betas[beta]);
                free_product(&p);
            }
}

/* AVX-512 has two of them. */
Test(tile, every_kernel_of_the_processor_is_a_choice)
{
    const size_t expected[] = {[FI_PORTABLE] = 1, [FI_WITH_AVX2] = 2, [FI_WITH_AVX512] = 4};
    size_t count = 0;
    for (; fi_tile_choice(count); count++)
        for (size_t k = 0; k < count; k++)
            cr_expect(fi_tile_choice(k) != fi_tile_choice(count), "%s comes twice",
                      fi_tile_choice(k)->name);
    cr_assert_eq(count, expected[fi_instructions_here()]);
    cr_expect_eq(fi_tile_choice(count - 1), &fi_tile_portable);
}

Test(tile, small_sizes_equal_the_chain)
{
    const size_t depths[] = {0, 1, 2, 3, 5, 8, 13};
    for (size_t m = 0; m <= 40; m += m < 20 ? 1 : 3)
        for (size_t n = 0; n <= 40; n += n < 20 ? 1 : 3)
            check_kernels(m, n, depths[(m + 3 * n) % 7]);
    for (size_t k = 0; k <= 40; k++)
        check_kernels(7, 11, k);
    for (size_t n = 41; n <= 160; n += 7)
        check_kernels(1, n, 9); /* the widest tiles */
}

/* Beyond one block of rows, of columns and of terms, and with rows of a or b that share cache sets.
 */
Test(tile, blocks_continue_the_chain)
{
    const size_t sizes[][3] = {
        {97, 19, 521}, {209, 35, 17}, {3, 1037, 5},  {30, 40, 512},  {14, 2057, 3}, {13, 41, 1031},
        {20, 841, 3},  {25, 1668, 4}, {129, 33, 20}, {20, 1040, 30}, {1030, 3, 7},  {20, 40, 1024},
        {20, 40, 900}, {20, 5, 1024}, {131, 9, 3},   {30, 1052, 30}, {600, 12, 40}, {600, 20, 40}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        check_kernels(sizes[s][0], sizes[s][1], sizes[s][2]);
    for (size_t n = 49; n <= 113; n += 8) /* every rest of whole panels, packed */
        check_kernels(31, n, 275);
}

Test(tile, agrees_with_openblas)
{
    const size_t sizes[][3] = {{128, 100, 784}, {500, 10, 128}, {67, 131, 257}, {1, 100, 784}};
    for (size_t s = 0; s < 4; s++)
        for (int pair = 0; pair < 4; pair++) {
            struct product p = new_product(pair, sizes[s][0], sizes[s][1], sizes[s][2]);
            cr_assert(multiply(fi_tile_choice(0), &p, 0));
            BLAS_GEMM(CblasRowMajor, pair & 1 ? CblasTrans : CblasNoTrans,
                      pair & 2 ? CblasTrans : CblasNoTrans, (int)p.m, (int)p.n, (int)p.k, 1, p.a,
                      (int)(pair & 1 ? p.m : p.k), p.b, (int)(pair & 2 ? p.k : p.n), 0, p.expected,
                      (int)p.n);
            for (size_t e = 0; e < p.m * p.n; e++) {
                double magnitude = 0;
                for (size_t l = 0; l < p.k; l++)
                    magnitude += fabs((double)a_at(&p, e / p.n, l) * (double)b_at(&p, l, e % p.n));
                /* Higham 2002, section 3.1: k half epsilons for each of the two. */
                const double bound = 1.01 * (double)p.k * EPSILON * magnitude;
                const double error = fabs((double)p.c[e] - (double)p.expected[e]);
                cr_assert(error <= bound, "(%zu, %zu, %zu) %d: %zu off by %g, bound %g", p.m, p.n,
                          p.k, pair, e, error, bound);
            }
            free_product(&p);
        }
}

/* Equal rows of a and columns of b give equal elements, wherever tiles and blocks end. */
Test(tile, position_does_not_matter)
{
    const size_t m = 140, n = 860, k = 521;
    for (int run = 0; fi_tile_choice(run / 4); run++) {
        const int pair = run % 4;
        struct product p = new_product(pair, m, n, k);
        fi_real *terms = normals(2 * k, 9);
        for (size_t e = 0; e < m * k; e++)
            p.a[e] = terms[p.a_is == FI_TRANSPOSED ? e / m : e % k];
        for (size_t e = 0; e < n * k; e++)
            p.b[e] = terms[k + (p.b_is == FI_TRANSPOSED ? e % k : e / n)];
        cr_assert(multiply(fi_tile_choice(run / 4), &p, 0));
        for (size_t e = 1; e < m * n; e++)
            cr_assert(p.c[e] == p.c[0], "transposed %d: c[%zu, %zu] is %.9g, c[0, 0] %.9g", pair,
                      e / n, e % n, (double)p.c[e], (double)p.c[0]);
        free(terms);
        free_product(&p);
    }
}

/* A NaN and an infinity reach their row or column, all of it, and nothing else. */
Test(tile, what_is_not_finite_stays_in_its_line)
{
    for (size_t which = 0; fi_tile_choice(which); which++)
        for (int pair = 0; pair < 4; pair++) {
            struct product p = new_product(pair, 29, 37, 20);
            p.a[p.a_is == FI_TRANSPOSED ? 4 * p.m + 28 : 28 * p.k + 4] = (fi_real)NAN;
            p.b[p.b_is == FI_TRANSPOSED ? 36 * p.k + 7 : 7 * p.n + 36] = (fi_real)INFINITY;
            cr_assert(multiply(fi_tile_choice(which), &p, 0));
            for (size_t e = 0; e < p.m * p.n; e++) {
                const bool nan = e / p.n == 28;
                const bool infinite = !nan && e % p.n == 36;
                cr_assert(!!isnan(p.c[e]) == nan && !!isinf(p.c[e]) == infinite,
                          "transposed %d: c[%zu, %zu] is %g", pair, e / p.n, e % p.n,
                          (double)p.c[e]);
            }
            free_product(&p);
        }
}

static fi_status multiply_item(void *products, size_t item, fi_arena *arena)
{
    (void)arena;
    return multiply(fi_tile_choice(0), (struct product *)products + item, 0) ? FI_OK : FI_ENOMEM;
}

Test(tile, threads_have_panels_of_their_own)
{
    enum {
        ITEMS = 32
    };
    struct product products[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        products[i] = new_product(i % 4, 90 + (size_t)i, 70, 400);
        expect_chain(&products[i], 0);
    }
    cr_assert_eq(fi_workers_run(4, ITEMS, multiply_item, products, NULL), FI_OK);
    for (int i = 0; i < ITEMS; i++) {
        cr_expect(memcmp(products[i].c, products[i].expected,
                         products[i].m * products[i].n * sizeof(fi_real)) == 0,
                  "product %d differs", i);
        free_product(&products[i]);
    }
}

/* Rows of c that a sink has heard of, and whether each block came after the one before, whole. */
struct hearing {
    const struct product *product;
    size_t rows;
    bool in_order, complete;
};

static void hear(void *context, size_t first, size_t rows)
{
    struct hearing *h = context;
    const size_t at = first * h->product->n, count = rows * h->product->n;
    h->in_order &= first == h->rows;
    h->complete &=
        memcmp(h->product->c + at, h->product->expected + at, count * sizeof(fi_real)) == 0;
    memset(h->product->c + at, 0, count * sizeof(fi_real)); /* a sink may write */
    h->rows += rows;
}

static void check_team(const fi_tile_kernel *kernel, struct product *p)
{
    for (size_t members = 1; members <= 4; members++) {
        fi_team *team = fi_team_begin(members);
        struct hearing h = {p, 0, true, true};
        cr_assert(fi_tile_gemm(kernel, p->a_is, p->b_is, p->m, p->n, p->k, p->a, p->b, 0, p->c,
                               &(fi_gemm_rows){hear, &h}));
        cr_expect(h.rows == p->m && h.in_order && h.complete,
                  "%zu members, (%zu, %zu, %zu) transposed %d %d: %zu rows, %s, %s", members, p->m,
                  p->n, p->k, p->a_is, p->b_is, h.rows, h.in_order ? "in order" : "out of order",
                  h.complete ? "the same" : "different");
        fi_team_end(team);
    }
}

/* However many share a product, the bits are the same, and rows are told of in order. */
Test(tile, a_team_computes_the_same)
{
    const size_t sizes[][3] = {{1000, 100, 20}, {130, 200, 90}, {128, 300, 70}, {97, 1700, 9},
                               {20, 850, 520},  {600, 2, 1200}, {4, 1700, 520}, {0, 30, 40}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int pair = 0; pair < 4; pair++) {
            struct product p = new_product(pair, sizes[s][0], sizes[s][1], sizes[s][2]);
            expect_chain(&p, 0);
            for (size_t which = 0; fi_tile_choice(which); which++)
                check_team(fi_tile_choice(which), &p);
            free_product(&p);
        }
}
