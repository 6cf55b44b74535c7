/*
 * Where the maps lead when they are repeated: fixed points, depth scales, criticality (Poole et al.
 * 2016, section 3; Schoenholz et al. 2017, sections 3 and 4).
 */
#include "../core/internal.h"
#include "expectation.h"

#include <math.h>

#define LARGEST 1e12 /* of q: beyond it is called an explosion */
#define LEAST 1e-24

static double variance_map(const fi_integrand *integrand, double q, double sw2, double sb2)
{
    return sw2 * fi_second_moment(integrand, q) + sb2;
}

/*
 * The root of map(q) - q between a and b, where it has unlike signs, by secants that never leave
 * them: the value at an end that stays twice is halved (Dowell & Jarratt 1971, Illinois method).
 */
static double root_of_q(const fi_integrand *integrand, double sw2, double sb2, double a, double b)
{
    double at_a = variance_map(integrand, a, sw2, sb2) - a;
    double at_b = variance_map(integrand, b, sw2, sb2) - b;
    double q = a, before = b;
    int stayed = 0; /* 1: a, 2: b */
    for (int step = 0; step < 100 && fabs(q - before) > 1e-15 * q; step++) {
        before = q;
        q = fmin(fmax((a * at_b - b * at_a) / (at_b - at_a), a), b);
        const double at_q = variance_map(integrand, q, sw2, sb2) - q;
        if (at_q == 0)
            break;
        if ((at_q > 0) == (at_a > 0)) {
            a = q, at_a = at_q;
            at_b *= stayed == 2 ? 0.5 : 1;
            stayed = 2;
        } else {
            b = q, at_b = at_q;
            at_a *= stayed == 1 ? 0.5 : 1;
            stayed = 1;
        }
    }
    return q;
}

/* q*: the map rises in q for the activations here, so repeating it goes to the next fixed point. */
static double fixed_q(const fi_integrand *integrand, double sw2, double sb2)
{
    double q = sw2 + sb2;
    double image = variance_map(integrand, q, sw2, sb2);
    if (fabs(image - q) < 1e-12 * q)
        return q;
    const bool up = image > q;
    for (;;) {
        const double before = q;
        q = up ? fmax(q * 2, image) : fmin(q / 2, image);
        if (q > LARGEST)
            return HUGE_VAL;
        if (q < LEAST)
            return 0;
        image = variance_map(integrand, q, sw2, sb2);
        if ((image > q) != up)
            return root_of_q(integrand, sw2, sb2, fmin(before, q), fmax(before, q));
    }
}

/* The map of correlations at q: f(c) = (sw2 E phi phi + sb2) / q, with its slope in *chi. */
static double map_of_c(const fi_table *table, double sw2, double sb2, double c, double *chi)
{
    fi_powers powers;
    fi_powers_normal(&powers, c, 0);
    const double slope = table->value[FI_ROW_SLOPE];
    const double product =
        fi_table_pair(table, FI_ROW_C1, FI_ROW_C1, &powers) + table->mean * table->mean;
    *chi = sw2 * (fi_table_pair(table, FI_ROW_SLOPE, FI_ROW_SLOPE, &powers) + slope * slope);
    return (sw2 * product + sb2) / table->q;
}

/* The least c with f(c) = c; f is convex (a power series with terms >= 0) and f(1) = 1. */
static double fixed_c(const fi_table *table, double sw2, double sb2, double *chi)
{
    double low = 0, high = 1;
    for (int step = 0; step < 60; step++) {
        const double middle = 0.5 * (low + high);
        *(map_of_c(table, sw2, sb2, middle, chi) > middle ? &low : &high) = middle;
    }
    const double c = map_of_c(table, sw2, sb2, 0, chi) <= 0 ? 0 : 0.5 * (low + high);
    (void)map_of_c(table, sw2, sb2, c, chi);
    return c;
}

/* Layers in which a deviation falls, or grows, by e. */
static double depth_scale(double rate)
{
    const double log_rate = fabs(log(rate));
    return log_rate < 1e-9 ? HUGE_VAL : 1 / log_rate;
}

fi_fixed_point fi_fixed_point_of(const fi_activation *activation, double sw2, double sb2)
{
    FI_REQUIRE(sw2 >= 0 && sb2 >= 0);
    fi_integrand integrand;
    fi_integrand_init(&integrand, activation);
    const double none = (double)NAN;
    fi_fixed_point point = {
        .q = sb2, .c = 1, .chi_1 = none, .chi_c = none, .xi_q = 0, .xi_c = 0, .xi_gradient = 0};
    if (sw2 > 0)
        point.q = fixed_q(&integrand, sw2, sb2);
    /* The limits of a dying and of an exploding signal are those of small and of large q. */
    const double q = fmin(fmax(point.q, LEAST), LARGEST);
    fi_table table;
    fi_table_init(&table, &integrand, q, 0);
    point.chi_1 = sw2 * table.value[FI_ROW_GAIN];
    point.chi_c = point.chi_1;
    point.regime = fabs(point.chi_1 - 1) < 1e-6 ? FI_CRITICAL
                   : point.chi_1 > 1            ? FI_CHAOTIC
                                                : FI_ORDERED;
    point.xi_q = depth_scale(sw2 * fi_table_slope(&table, FI_ROW_SQUARE));
    point.xi_gradient = depth_scale(point.chi_1);
    if (point.q > 0 && point.q <= LARGEST && point.regime == FI_CHAOTIC)
        point.c = fixed_c(&table, sw2, sb2, &point.chi_c);
    point.xi_c = depth_scale(point.chi_c);
    return point;
}

/* chi_1 - 1 of the sw2 that makes q a fixed point. */
static double excess_of(const fi_integrand *integrand, double q, double sb2)
{
    fi_table table;
    fi_table_init(&table, integrand, q, 0);
    return (q - sb2) / table.second * table.value[FI_ROW_GAIN] - 1;
}

double fi_critical(const fi_activation *activation, double sb2, double *q)
{
    FI_REQUIRE(sb2 >= 0);
    fi_integrand integrand;
    fi_integrand_init(&integrand, activation);
    *q = (double)NAN;
    if (sb2 == 0) { /* q* -> 0, where chi_1 = F'(0) sw2 = 1; or any, for a homogeneous phi */
        fi_table table;
        fi_table_init(&table, &integrand, 1e-20, 0);
        if (fabs(table.second / (table.q * table.value[FI_ROW_GAIN]) - 1) > 1e-6)
            return (double)NAN;
        *q = fabs(excess_of(&integrand, 1, 0)) < 1e-9 ? (double)NAN : 0;
        return 1 / table.value[FI_ROW_GAIN];
    }
    double low = sb2, high = sb2 * (1 + 1e-9);
    while (excess_of(&integrand, high, sb2) < 0) {
        if (high > 1e6)
            return (double)NAN;
        low = high;
        high = sb2 + 1.5 * (high - sb2);
    }
    for (int step = 0; step < 60; step++) {
        const double middle = 0.5 * (low + high);
        *(excess_of(&integrand, middle, sb2) < 0 ? &low : &high) = middle;
    }
    *q = 0.5 * (low + high);
    fi_table table;
    fi_table_init(&table, &integrand, *q, 0);
    return (*q - sb2) / table.second;
}
