/* The maps of one layer, and where repeating them leads: fixed points and criticality. */
#include "../core/internal.h"
#include "expectation.h"

#include <math.h>

/* Of z = 0: nothing varies. */
static fi_maps maps_at_zero(const fi_integrand *integrand)
{
    const fi_activation *activation = integrand->activation;
    const double phi = activation->phi(0), h = 1e-4;
    const double left = activation->slope(-h), right = activation->slope(h);
    const double slope = 0.5 * (left + right), bend = (right - left) / (2 * h);
    const double gain = 0.5 * (left * left + right * right);
    const bool kink = fabs(right - left) > 1e-2 * activation->max_slope;
    return (fi_maps){
        .mean = phi,
        .mean_slope = kink ? HUGE_VAL : 0.5 * bend,
        .second = phi * phi,
        .slope = gain + (phi == 0 ? 0
                         : kink   ? HUGE_VAL
                                  : phi * bend),
        .curve = (double)NAN,
        .fourth = pow(phi, 4),
        .gain = gain,
        .gain_fourth = 0.5 * (pow(left, 4) + pow(right, 4)),
        .product = phi * phi,
        .slope_product = slope * slope,
        .square_product = pow(phi, 4),
        .saturated = fabs(activation->slope(0)) < 0.05 * activation->max_slope,
        .zero = phi == 0,
    };
}

static fi_maps maps_of(const fi_integrand *integrand, double q, double c)
{
    if (q == 0)
        return maps_at_zero(integrand);
    fi_table table;
    fi_powers powers;
    fi_table_init(&table, integrand, q, 0);
    fi_powers_normal(&powers, c, 0);
    const double second = table.second, slope = table.value[FI_ROW_SLOPE];
    return (fi_maps){
        .mean = table.mean,
        .mean_slope = fi_table_slope(&table, FI_ROW_C1),
        .second = second,
        .slope = fi_table_slope(&table, FI_ROW_SQUARE),
        .curve = fi_table_curvature(&table, FI_ROW_SQUARE),
        .fourth = table.covariance[FI_ROW_SQUARE][FI_ROW_SQUARE] + second * second,
        .gain = table.value[FI_ROW_GAIN],
        .gain_fourth = table.covariance[FI_ROW_GAIN][FI_ROW_GAIN] +
                       table.value[FI_ROW_GAIN] * table.value[FI_ROW_GAIN],
        .product = fi_table_pair(&table, FI_ROW_C1, FI_ROW_C1, &powers) + table.mean * table.mean,
        .slope_product = fi_table_pair(&table, FI_ROW_SLOPE, FI_ROW_SLOPE, &powers) + slope * slope,
        .square_product =
            fi_table_pair(&table, FI_ROW_SQUARE, FI_ROW_SQUARE, &powers) + second * second,
        .saturated = table.value[FI_ROW_SATURATED],
        .zero = table.value[FI_ROW_ZERO],
    };
}

fi_maps fi_maps_at(const fi_activation *activation, double q, double c)
{
    FI_REQUIRE(q >= 0 && c >= 0 && c <= 1);
    fi_integrand integrand;
    fi_integrand_init(&integrand, activation);
    return maps_of(&integrand, q, c);
}
