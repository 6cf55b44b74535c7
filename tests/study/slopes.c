/* The shares of small slopes and dead units against the slope of every value, for every activation.
 */
#include "study/slopes.h"

#include "core/arena.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 700,
    UNITS = 90,
    VALUES = ROWS * UNITS
};

static fi_arena *arena;
static fi_real z[VALUES], a[VALUES];

static void begin(void)
{
    cr_assert(fi_arena_new(&arena) == FI_OK);
}

static void end(void)
{
    fi_arena_free(arena);
}

TestSuite(slopes, .init = begin, .fini = end);

static void count_by_slope(const fi_activation *activation, double *saturated, double *dead)
{
    static fi_real ones[VALUES], slope[VALUES];
    bool alive[UNITS] = {false};
    size_t small = 0;
    size_t zeros = 0;
    for (size_t i = 0; i < VALUES; i++)
        ones[i] = 1;
    activation->backward(VALUES, z, a, ones, slope);
    for (size_t i = 0; i < VALUES; i++) {
        const double size = fabs((double)slope[i]);
        small += size < (double)(fi_real)(0.05 * activation->max_slope);
        alive[i % UNITS] |= size > 0;
    }
    for (size_t c = 0; c < UNITS; c++)
        zeros += !alive[c];
    *saturated = (double)small / VALUES;
    *dead = (double)zeros / UNITS;
}

/* What is said to be 0 is, and nothing else; of ReLU it is said. */
static void compare_nonzero(const fi_slopes *slopes, const char *what)
{
    const fi_real *const nonzero = fi_slopes_nonzero(slopes);
    const char *const name = slopes->activation->name;
    cr_expect(nonzero || strcmp(name, "relu") != 0);
    for (size_t c = 0; nonzero && c < UNITS; c++) {
        bool zero = true;
        for (size_t r = 0; r < ROWS; r++)
            zero &= a[r * UNITS + c] == 0;
        cr_expect(zero == (nonzero[c] == 0), "%s, %s: unit %zu", name, what, c);
    }
}

/* Beside moments, which then are as they are alone. */
static void compare_with_moments(const fi_activation *activation, const double *expected,
                                 const char *what)
{
    fi_moments moments = FI_MOMENTS_EMPTY, alone = FI_MOMENTS_EMPTY;
    fi_slopes slopes;
    double found[2];
    cr_assert(fi_slopes_begin(&slopes, activation, UNITS, arena));
    for (size_t r = 0, count = 0; r < ROWS; r += count) {
        count = 96 < ROWS - r ? 96 : ROWS - r;
        fi_slopes_add_with_moments(&slopes, &moments, count, a + r * UNITS);
        fi_moments_add(&alone, count * UNITS, a + r * UNITS);
    }
    fi_slopes_finish(&slopes, &found[0], &found[1]);
    cr_expect(memcmp(found, expected, sizeof found) == 0, "%s, %s: %.9g and %g, not %.9g and %g",
              activation->name, what, found[0], found[1], expected[0], expected[1]);
    cr_expect(memcmp(&moments, &alone, sizeof moments) == 0, "%s, %s", activation->name, what);
    compare_nonzero(&slopes, what);
}

static void compare(const fi_activation *activation, const char *what)
{
    double expected[2];
    double once[2];
    double parts[2];
    count_by_slope(activation, &expected[0], &expected[1]);
    const fi_real *const in = activation->from_output ? NULL : z;
    const fi_real *const out = activation->from_output ? a : NULL;
    cr_assert(fi_count_slopes(activation, ROWS, UNITS, in, out, arena, &once[0], &once[1]));
    fi_slopes slopes;
    cr_assert(fi_slopes_begin(&slopes, activation, UNITS, arena));
    for (size_t r = 0, count = 0; r < ROWS; r += count) {
        count = r % 50 + 1 < ROWS - r ? r % 50 + 1 : ROWS - r;
        fi_slopes_add(&slopes, count, in ? in + r * UNITS : NULL, out ? out + r * UNITS : NULL);
    }
    fi_slopes_finish(&slopes, &parts[0], &parts[1]);
    cr_expect(memcmp(once, expected, sizeof once) == 0, "%s, %s: %.9g and %g, not %.9g and %g",
              activation->name, what, once[0], once[1], expected[0], expected[1]);
    cr_expect(memcmp(parts, expected, sizeof parts) == 0, "%s, %s: in parts", activation->name,
              what);
    compare_nonzero(&slopes, what);
    if (activation->from_output)
        compare_with_moments(activation, expected, what);
}

/* Pre-activations of that size; a third of the units much below 0, one infinite, one NaN. */
static void fill(const fi_activation *activation, double scale)
{
    fi_rng rng = fi_rng_stream(9, FI_FOR_PROBE, 0, 0);
    fi_draw(&rng, FI_NORMAL, (fi_real)scale, VALUES, z);
    for (size_t i = 0; i < VALUES; i++)
        z[i] += (fi_real)(i % UNITS % 3 == 0 ? -30 * scale : 0);
    for (size_t r = 0; r < ROWS; r++) {
        z[r * UNITS + 7] = (fi_real)NAN;
        z[r * UNITS + 8] = (fi_real)(r % 2 ? HUGE_VAL : -HUGE_VAL);
        z[r * UNITS + 9] = (fi_real)(r % 2 ? 0.0 : -0.0);
    }
    activation->forward(VALUES, z, a);
}

Test(slopes, of_drawn_values)
{
    size_t count = 0;
    const fi_activation *all = fi_activations(&count);
    for (size_t k = 0; k < count; k++)
        for (double scale = 1e-3; scale < 100; scale *= 3) {
            fill(&all[k], scale);
            compare(&all[k], "drawn");
        }
}

/* Where the slope becomes small, by halving an interval of doubles that holds the place. */
static double threshold(const fi_activation *activation, double large, double small)
{
    for (int k = 0; k < 100; k++) {
        const double middle = (large + small) / 2;
        const bool is_large = fabs(activation->slope(middle)) >= 0.05 * activation->max_slope;
        large = is_large ? middle : large;
        small = is_large ? small : middle;
    }
    return activation->phi(large);
}

/* Activations within some hundred units in the last place of where the slope becomes small. */
Test(slopes, of_values_at_the_thresholds)
{
    size_t count = 0;
    const fi_activation *all = fi_activations(&count);
    for (size_t k = 0; k < count; k++)
        for (int side = -1; side <= 1 && all[k].from_output; side += 2) {
            const double at = threshold(&all[k], 1, side * 30);
            const double step = fmax(fabs(at) * (sizeof(fi_real) == 4 ? 0x1p-24 : 0x1p-53), 1e-44);
            for (size_t i = 0; i < VALUES; i++)
                a[i] = (fi_real)fmin(fmax(at + step * ((double)(i % 1009) - 504), all[k].lower),
                                     all[k].upper);
            compare(&all[k], side < 0 ? "at the lower end" : "at the upper end");
        }
}

/* Columns that are the ends of the range themselves, where a slope may be 0, and next to them. */
Test(slopes, of_values_at_the_bounds)
{
    size_t count = 0;
    const fi_activation *all = fi_activations(&count);
    for (size_t k = 0; k < count; k++) {
        if (!all[k].from_output)
            continue;
        const double lower = fmax(all[k].lower, -3e38);
        const double upper = fmin(all[k].upper, 3e38);
        for (size_t i = 0; i < VALUES; i++) {
            const double in = (double)(i % UNITS / 2) * 0x1p-24;
            a[i] = (fi_real)(i % 2 ? lower + in * fmax(fabs(lower), 1e-40)
                                   : upper - in * fmax(fabs(upper), 1e-40));
        }
        compare(&all[k], "at the bounds");
    }
}

Test(slopes, say_when_memory_is_refused)
{
    double shares[2];
    for (size_t allowed = 0; allowed < 3; allowed++) {
        fi_arena_refuse_after(arena, allowed);
        cr_expect(!fi_count_slopes(fi_activation_find("tanh"), ROWS, UNITS, NULL, a, arena,
                                   &shares[0], &shares[1]));
    }
}
