/* Fixed points and criticality against published and closed-form values. */
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>

/* A printed value: half a unit of its last digit. */
static void printed(const char *what, double got, double value, double digit)
{
    cr_expect(fabs(got - value) <= 0.51 * digit, "%s: %.9g, not %.9g", what, got, value);
}

Test(fixed_point, of_tanh_meets_known_values)
{
    const fi_activation *tanh_row = fi_activation_find("tanh");
    const double rows[3][4] = {{1.3, 0.607047, 0.939807, 1},
                               {2.5, 4.079124, 1.585225, 0.122104},
                               {4, 12.604149, 2.367261, 0.029696}};
    for (size_t i = 0; i < 3; i++) {
        const fi_fixed_point p = fi_fixed_point_of(tanh_row, rows[i][0] * rows[i][0], 0.09);
        printed("q*", p.q, rows[i][1], 1e-6);
        printed("chi_1", p.chi_1, rows[i][2], 1e-6);
        printed("c*", p.c, rows[i][3], 1e-6);
        cr_expect_eq(p.regime, i ? FI_CHAOTIC : FI_ORDERED);
        cr_expect(p.chi_c < 1, "c* is stable: chi_c = %g", p.chi_c);
        cr_expect(fabs(p.xi_c + 1 / log(p.chi_c)) < 1e-12 * p.xi_c);
        cr_expect(fabs(p.xi_gradient - 1 / fabs(log(p.chi_1))) < 1e-12 * p.xi_gradient);
        const fi_maps maps = fi_maps_at(tanh_row, p.q, p.c);
        const double sw2 = rows[i][0] * rows[i][0];
        cr_expect(fabs(sw2 * maps.second + 0.09 - p.q) < 1e-10 * p.q, "q* is not fixed");
        cr_expect(fabs((sw2 * maps.product + 0.09) / p.q - p.c) < 1e-10, "c* is not fixed");
        cr_expect(fabs(p.xi_q + 1 / log(sw2 * maps.slope)) < 1e-9 * p.xi_q, "xi_q %g", p.xi_q);
    }
}

Test(fixed_point, of_dying_holding_and_exploding_signals)
{
    const fi_activation *relu = fi_activation_find("relu");
    const fi_fixed_point dies = fi_fixed_point_of(relu, 1, 0);
    cr_expect(dies.q == 0 && dies.regime == FI_ORDERED && fabs(dies.chi_1 - 0.5) < 1e-9);
    const fi_fixed_point holds = fi_fixed_point_of(relu, 2, 0);
    cr_expect(holds.q == 2 && holds.regime == FI_CRITICAL, "q* = %g", holds.q);
    cr_expect(isinf(holds.xi_gradient) && isinf(holds.xi_q));
    const fi_fixed_point explodes = fi_fixed_point_of(relu, 3, 0);
    cr_expect(isinf(explodes.q) && explodes.regime == FI_CHAOTIC);
    const fi_fixed_point small = fi_fixed_point_of(fi_activation_find("tanh"), 0.05, 0);
    cr_expect(small.q == 0 && fabs(small.chi_1 - 0.05) < 1e-9);
    const fi_fixed_point unit = fi_fixed_point_of(fi_activation_find("tanh"), 500, 0);
    cr_expect(fabs(unit.chi_1 - 12.1122) < 1e-4 && unit.c < 1e-9, "chi_1 = %g", unit.chi_1);
    /* SELU keeps mean 0 and variance 1 (Klambauer et al. 2017). */
    const fi_fixed_point selu = fi_fixed_point_of(fi_activation_find("selu"), 1, 0);
    cr_expect(fabs(selu.q - 1) < 1e-7, "q* = %.9g", selu.q);
    const fi_fixed_point zero = fi_fixed_point_of(relu, 0, 0.3);
    cr_expect(zero.q == 0.3 && zero.chi_1 == 0);
}

Test(fixed_point, is_critical_where_it_should_be)
{
    double q = 0;
    const fi_activation *tanh_row = fi_activation_find("tanh");
    printed("tanh", fi_critical(tanh_row, 0.05, &q), 1.760955, 1e-6);
    printed("tanh q*", q, 0.570048, 1e-6);
    printed("tanh", fi_critical(tanh_row, 2.01e-5, &q), 1.049996, 1e-6);
    printed("tanh q*", q, 0.025919, 1e-6);
    printed("tanh", fi_critical(tanh_row, 0, &q), 1, 1e-6);
    cr_expect_eq(q, 0);
    printed("ReLU", fi_critical(fi_activation_find("relu"), 0, &q), 2, 1e-6);
    cr_expect(isnan(q), "every q* is critical");
    cr_expect(isnan(fi_critical(fi_activation_find("relu"), 0.1, &q)));
    printed("erf", fi_critical(fi_activation_find("erf"), 0.05, &q), 1.375839, 1e-6);
    /* sw2 at criticality leads back to a chi_1 of 1. */
    const double sw2 = fi_critical(fi_activation_find("gelu"), 0.05, &q);
    const fi_maps maps = fi_maps_at(fi_activation_find("gelu"), q, 0);
    cr_expect(fabs(sw2 * maps.gain - 1) < 1e-9 && fabs(sw2 * maps.second + 0.05 - q) < 1e-9 * q);
}
