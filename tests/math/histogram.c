/* Histogram against a loop that compares every value with every edge, and mostly at the edges. */
#include "math/histogram.h"
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    RANDOM = 3001,
    MOST_BINS = 2500,
    MOST = RANDOM + 3 * (MOST_BINS + 1) + 8
};

struct range {
    double lower, upper;
    size_t bins;
};

static const struct range ranges[] = {
    {-3, 3, 64},      {0, 1, 10},       {0, 7, 10},         {-1, 1, 1},         {-0.1, 0.3, 1000},
    {0, 1, 1024},     {0.1, 0.7, 1025}, {-1, 1, MOST_BINS}, {-1e-30, 1e-30, 7}, {-1e37, 3e37, 9},
    {1000, 1001, 11}, {-5, -4.5, 3},    {-1e-3, 1e-3, 100}, {0, 1e-41, 3},
};

/* Where places are less exact. */
static const struct range odd_ranges[] = {{-1.7, 3.1, 50},  {0, 2.9, 49},     {-0.9, 1.3, 61},
                                          {-5.6, -4.3, 45}, {0.1, 0.7, 1025}, {7.5, 10.1, 49},
                                          {10, 10.47, 50},  {3.1, 3.16, 41},  {-33, -32.5, 60}};

enum {
    GIVEN = sizeof ranges / sizeof *ranges,
    ALL = GIVEN + sizeof odd_ranges / sizeof *odd_ranges
};

static const struct range *range_of(size_t j)
{
    return j < GIVEN ? &ranges[j] : &odd_ranges[j - GIVEN];
}

static fi_real x[MOST];

static double edge(const struct range *r, size_t k)
{
    return k == r->bins ? r->upper : r->lower + (double)k * (r->upper - r->lower) / (double)r->bins;
}

static fi_real beside(fi_real at, int ulps)
{
    for (; ulps != 0; ulps += ulps < 0 ? 1 : -1)
#ifdef FI_DOUBLE
        at = nextafter(at, ulps < 0 ? -HUGE_VAL : HUGE_VAL);
#else
        at = nextafterf(at, ulps < 0 ? -HUGE_VALF : HUGE_VALF);
#endif
    return at;
}

/* Random values somewhat wider than the range, each edge with its neighbours, and the specials. */
static size_t fill(const struct range *r)
{
    size_t n = 0;
    fi_rng rng = fi_rng_stream(5, FI_FOR_PROBE, r->bins, 0);
    fi_draw(&rng, FI_UNIFORM, 1, RANDOM, x);
    for (; n < RANDOM; n++)
        x[n] = (fi_real)((r->lower + r->upper) / 2 + 0.35 * (double)x[n] * (r->upper - r->lower));
    for (size_t k = 0; k <= r->bins; k++) {
        const fi_real at = (fi_real)edge(r, k);
        x[n++] = at;
        x[n++] = beside(at, 1);
        x[n++] = beside(at, -1);
    }
    const fi_real specials[] = {0, -(fi_real)0, (fi_real)NAN, (fi_real)HUGE_VAL,
                                -(fi_real)HUGE_VAL};
    for (size_t k = 0; k < sizeof specials / sizeof *specials; k++)
        x[n++] = specials[k];
    return n;
}

static void count_by_edges(const struct range *r, size_t n, double *counts)
{
    for (size_t i = 0; i < n; i++) {
        const double value = (double)x[i];
        if (!(value >= r->lower && value <= r->upper))
            continue;
        size_t k = 0;
        while (k + 1 < r->bins && value >= edge(r, k + 1))
            k++;
        counts[k]++;
    }
}

/* The counts of x by fi_histogram, and by a tally, which is made for more values than there are. */
static void check_counts(const struct range *r, size_t n, const char *what, fi_real value)
{
    static double counts[MOST_BINS], expected[MOST_BINS];
    static fi_arena *arena;
    cr_assert(arena || fi_arena_new(&arena) == FI_OK);
    memset(expected, 0, sizeof expected);
    count_by_edges(r, n, expected);
    for (size_t in_tally = 0; in_tally < (r->bins <= FI_TALLY_BINS ? 2 : 1); in_tally++) {
        memset(counts, 0, sizeof counts);
        if (in_tally) {
            fi_arena_reset(arena);
            fi_tally *tally = fi_tally_new(r->lower, r->upper, r->bins, arena);
            cr_assert(tally);
            fi_tally_add(tally, n, x);
            fi_tally_counts(tally, counts);
        } else {
            fi_histogram(n, x, r->lower, r->upper, r->bins, counts);
        }
        cr_assert(memcmp(counts, expected, sizeof counts) == 0,
                  "[%g, %g] in %zu bins, %s: %s %g and on", r->lower, r->upper, r->bins,
                  in_tally ? "tally" : "histogram", what, (double)value);
    }
}

Test(histogram, counts_as_the_edges_say)
{
    static double counts[MOST_BINS], expected[MOST_BINS];
    for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
        const struct range *r = &ranges[k];
        const size_t n = fill(r);
        for (size_t b = 0; b < r->bins; b++)
            counts[b] = expected[b] = 0.5; /* added to, not overwritten */
        count_by_edges(r, n, expected);
        fi_histogram(n, x, r->lower, r->upper, r->bins, counts);
        for (size_t b = 0; b < r->bins; b++)
            cr_assert(counts[b] == expected[b], "[%g, %g], bin %zu of %zu: %g, not %g", r->lower,
                      r->upper, b, r->bins, counts[b], expected[b]);
    }
}

/* Each alone, so that no neighbour's doubt has it compared with its edge. */
Test(histogram, of_one_value_near_an_edge)
{
    for (size_t j = 0; j < ALL; j++) {
        const struct range *r = range_of(j);
        for (size_t k = 0; k <= r->bins; k += 1 + r->bins / 64)
            for (int ulps = -4; ulps <= 4; ulps++) {
                x[0] = beside((fi_real)edge(r, k), ulps);
                check_counts(r, 1, "of one", x[0]);
            }
    }
}

/* All values of a range so far from 0 that places are nearly too uncertain to be used. */
Test(histogram, of_all_values_of_a_range)
{
    static const struct range narrow[] = {
        {1.0001, 1.0171, 63}, {-3.0011, -2.9881, 13}, {2.0003, 2.0207, 33}, {0.9991, 1.0091, 38}};
    for (size_t k = 0; k < sizeof narrow / sizeof *narrow; k++) {
        const struct range *r = &narrow[k];
        fi_real value = (fi_real)r->lower;
        for (size_t blocks = 0; blocks < 1000 && (double)value < r->upper; blocks++) {
            for (size_t i = 0; i < 256; i++, value = beside(value, 1))
                x[i] = value;
            check_counts(r, 256, "of 256 from", x[0]);
        }
    }
}

/* The value of these bits above the exponent and the sign: one of the many NaN. */
static fi_real nan_of(unsigned payload, bool negative)
{
#ifdef FI_DOUBLE
    const uint64_t bits = (uint64_t)0x7ff8 << 48 | payload | (uint64_t)negative << 63;
#else
    const uint32_t bits = 0x7fc00000 | payload | (uint32_t)negative << 31;
#endif
    fi_real value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Counts a block that is well within the bins, but for one value. */
static void count_one_odd_value(const struct range *r, fi_real odd, size_t at)
{
    enum {
        COUNT = 256
    };
    const double width = (r->upper - r->lower) / (double)r->bins;
    for (size_t i = 0; i < COUNT; i++)
        x[i] = (fi_real)(r->lower + ((double)(i % r->bins) + 0.4) * width);
    x[at % COUNT] = odd;
    check_counts(r, COUNT, "of one that is", odd);
}

Test(histogram, of_one_odd_value_in_a_block)
{
    for (size_t j = 0; j < ALL; j++) {
        const struct range *r = range_of(j);
        const double width = (r->upper - r->lower) / (double)r->bins;
        const fi_real odd[] = {(fi_real)HUGE_VAL,
                               -(fi_real)HUGE_VAL,
                               nan_of(0x8000, false),
                               nan_of(0x8000, true),
                               nan_of(0x3f7fff, false),
                               (fi_real)(r->lower - 0.3 * width),
                               (fi_real)(r->lower - 7.4 * width),
                               (fi_real)(r->upper + 0.3 * width),
                               (fi_real)(r->upper + 7.4 * width),
                               (fi_real)(2 * r->lower - r->upper),
                               (fi_real)(2 * r->upper - r->lower)};
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
            count_one_odd_value(r, odd[k], k);
        for (size_t k = 0; k <= r->bins; k += 1 + r->bins / 64)
            for (int ulps = -4; ulps <= 4; ulps++)
                count_one_odd_value(r, beside((fi_real)edge(r, k), ulps), 7 * k);
    }
}

/* Blocks within two bins, and the same with one value that is not. */
Test(histogram, of_values_beside_one_edge)
{
    enum {
        COUNT = 3 * 256
    };
    static double counts[MOST_BINS], expected[MOST_BINS];
    for (size_t j = 0; j < sizeof ranges / sizeof *ranges; j++) {
        const struct range *r = &ranges[j];
        const fi_real strays[] = {(fi_real)edge(r, 0), (fi_real)edge(r, r->bins), (fi_real)NAN,
                                  (fi_real)-HUGE_VAL, (fi_real)HUGE_VAL};
        for (size_t k = 0; k <= r->bins; k += r->bins > 20 && k == 3 ? r->bins - 7 : 1)
            for (size_t s = 0; s < 8; s++) {
                for (size_t i = 0; i < COUNT; i++)
                    x[i] = beside((fi_real)edge(r, k), (int)(i * 7 % 5) - 2);
                if (s < 5)
                    x[101 * (s + 1)] = strays[s];
                else if (k + s <= r->bins + 6 && k + s >= 6)
                    x[101 * s] = (fi_real)edge(r, k + s - 6);
                memset(expected, 0, sizeof expected);
                memset(counts, 0, sizeof counts);
                count_by_edges(r, COUNT, expected);
                fi_histogram(COUNT, x, r->lower, r->upper, r->bins, counts);
                cr_expect(memcmp(counts, expected, sizeof counts) == 0,
                          "[%g, %g] in %zu bins: edge %zu, stray %zu", r->lower, r->upper, r->bins,
                          k, s);
            }
    }
}

Test(histogram, closes_the_last_bin_only)
{
    const fi_real values[] = {0, 1, 2, 3, 4, 4, 5, -1};
    double counts[4] = {0};
    fi_histogram(sizeof values / sizeof *values, values, 0, 4, 4, counts);
    cr_expect(counts[0] == 1 && counts[1] == 1 && counts[2] == 1 && counts[3] == 3, "%g %g %g %g",
              counts[0], counts[1], counts[2], counts[3]);
}

Test(histogram, of_nothing_and_of_one_value)
{
    double counts[8] = {0};
    fi_histogram(0, NULL, -1, 1, 8, counts);
    for (size_t b = 0; b < 8; b++)
        cr_expect(counts[b] == 0);
    for (size_t i = 0; i < RANDOM; i++)
        x[i] = 0;
    fi_histogram(RANDOM, x, -1, 1, 8, counts);
    cr_expect(counts[4] == RANDOM, "%g", counts[4]);
}

Test(histogram, refuses_an_empty_range, .signal = SIGABRT)
{
    double counts[8] = {0};
    fi_histogram(1, x, 1, 1, 8, counts);
}

/* ---- values by the thousand, counted in pairs, and in parts ---------------------------------- */

enum {
    MANY = 32 * 1280 + 256 + 1
};
static fi_real many[MANY];

/* Random, edges and what is not finite, with runs of one value and some that only begin and end so.
 */
static void fill_many(const struct range *r)
{
    const size_t n = fill(r);
    for (size_t i = 0; i < MANY; i++)
        many[i] = i / 700 % 7 == 3 || i % 1280 == 255 ? x[i / 4900] : x[i * 7919 % n];
    for (size_t i = 0; i < MANY; i += 1280)
        many[i] = many[i + 255];
}

Test(histogram, in_parts_is_as_at_once)
{
    static const struct range few[] = {{-1, 1, 50}, {-3, 3, 64}, {-3, 3, 65},
                                       {0, 7, 10},  {-1, 1, 1},  {0.1, 0.7, 1024}};
    static double counts[1024], expected[1024];
    fi_arena *arena = NULL;
    cr_assert(fi_arena_new(&arena) == FI_OK);
    for (size_t j = 0; j < sizeof few / sizeof *few; j++) {
        fill_many(&few[j]);
        memset(expected, 0, sizeof expected);
        for (size_t start = 0, n; start < MANY; start += n) {
            n = MANY - start < MOST ? MANY - start : MOST;
            memcpy(x, many + start, n * sizeof *x);
            count_by_edges(&few[j], n, expected);
        }
        memset(counts, 0, sizeof counts);
        fi_histogram(MANY, many, few[j].lower, few[j].upper, few[j].bins, counts);
        cr_expect(memcmp(counts, expected, sizeof counts) == 0, "%zu bins at once", few[j].bins);
        memset(counts, 0, sizeof counts);
        fi_tally *tally = fi_tally_new(few[j].lower, few[j].upper, few[j].bins, arena);
        cr_assert(tally);
        fi_tally_add(tally, 0, NULL);
        for (size_t start = 0, n, part = 1; start < MANY; start += n, part++) {
            n = part * part < MANY - start ? part * part : MANY - start;
            fi_tally_add(tally, n, many + start);
            if (part % 9 == 0)
                fi_tally_counts(tally, counts);
        }
        fi_tally_counts(tally, counts);
        cr_expect(memcmp(counts, expected, sizeof counts) == 0, "%zu bins in parts", few[j].bins);
    }
    fi_arena_refuse_after(arena, 0);
    cr_expect(!fi_tally_new(-1, 1, 50, arena));
    fi_arena_free(arena);
}
