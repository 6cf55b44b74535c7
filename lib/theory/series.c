/*
 * Expectations over two pre-activations from the coefficients of one (Mehler 1866 for the normal
 * law, the addition theorem of Gegenbauer's polynomials for a batch): E h(u) k(v) = sum h_k k_k
 * times E p_k(v | u) / p_k(u).
 */
#include "../core/internal.h"
#include "expectation.h"

#include <math.h>

double fi_table_slope(const fi_table *table, int row)
{
    return M_SQRT2 * table->coefficient[2][row] / (2 * table->q);
}

double fi_table_curvature(const fi_table *table, int row)
{
    return sqrt(24) * table->coefficient[4][row] / (4 * table->q * table->q);
}

void fi_powers_normal(fi_powers *powers, double c, double variance)
{
    double power[FI_ORDER + 1] = {1};
    for (int k = 0; k <= FI_ORDER; k++) {
        if (k)
            power[k] = c * power[k - 1];
        powers->at[k] = power[k] + (k < 2 ? 0 : 0.5 * k * (k - 1) * power[k - 2] * variance);
    }
    /* Coefficients past the order fall as k^(-3/2) where a row jumps, and sum to what is missing.
     */
    const double x = c > 0 ? -(FI_ORDER + 0.5) * log(c) : HUGE_VAL;
    powers->tail = x < 50 ? exp(-x) - sqrt(M_PI * x) * erfc(sqrt(x)) : 0;
}

void fi_powers_batch(fi_powers *powers, size_t batch)
{
    const double d = (double)batch - 1, t = -1 / d;
    powers->at[0] = 1;
    powers->at[1] = t;
    for (int k = 1; k < FI_ORDER; k++)
        powers->at[k + 1] =
            ((2 * k + d - 2) * t * powers->at[k] - k * powers->at[k - 1]) / (k + d - 2);
    powers->tail = 0;
}

double fi_table_pair(const fi_table *table, int i, int j, const fi_powers *powers)
{
    double sum = 0, seen = 0;
    for (int k = 1; k <= FI_ORDER; k++) {
        const double product = table->coefficient[k][i] * table->coefficient[k][j];
        sum += product * powers->at[k];
        seen += product;
    }
    return sum + (table->covariance[i][j] - seen) * powers->tail;
}

double fi_table_product_slope(const fi_table *table, const fi_powers *powers)
{
    double sum = 0;
    for (int k = 0; k + 2 <= FI_ORDER; k++) {
        const double lower = k ? table->coefficient[k][FI_ROW_C1] : table->mean;
        sum += sqrt((k + 1.0) * (k + 2.0)) * table->coefficient[k + 2][FI_ROW_C1] * lower *
               powers->at[k];
    }
    return sum / (2 * table->q);
}

double fi_table_product_shift(const fi_table *table, const fi_powers *powers, double nnnn,
                              double nnnm, double nnmm)
{
    const double(*a)[FI_ROWS] = table->coefficient;
    double first = 0, second = 0, third = 0;
    for (int k = 0; k + 4 <= FI_ORDER; k++) {
        const double k1 = k + 1, k2 = k + 2, own = k ? a[k][FI_ROW_C1] : table->mean;
        first += sqrt(k1 * k2 * (k + 3.0) * (k + 4.0)) * a[k + 4][FI_ROW_C1] * own * powers->at[k];
        second +=
            k1 * sqrt(k2 * (k + 3.0)) * a[k + 3][FI_ROW_C1] * a[k + 1][FI_ROW_C1] * powers->at[k];
        third += k1 * k2 * a[k + 2][FI_ROW_C1] * a[k + 2][FI_ROW_C1] * powers->at[k];
    }
    return (2 * nnnn * first + 8 * nnnm * second + 6 * nnmm * third) / (24 * table->q * table->q);
}

#define REACH 8.0
#define STEP (1 / 16.0)
#define NODES 257 /* 2 REACH / STEP + 1 */

/* At each h: m = E[phi | h] and s = E[phi^2 | h], by the polynomials of z's shared part, root h. */
FI_CLONES static void sum_series(const fi_table *table, double root, const double h[NODES],
                                 double m[NODES], double s[NODES])
{
    double p[NODES], before[NODES] = {0};
    for (int node = 0; node < NODES; node++) {
        p[node] = 1;
        m[node] = s[node] = 0;
    }
    for (int k = 0; k <= FI_ORDER; k++) {
        const double of_m = k ? table->coefficient[k][FI_ROW_C1] : table->mean;
        const double of_s = table->coefficient[k][FI_ROW_SQUARE];
        const double up = root / sqrt(k + 1.0), down = root * root * sqrt(k / (k + 1.0));
        for (int node = 0; node < NODES; node++) {
            m[node] += p[node] * of_m;
            s[node] += p[node] * of_s;
            const double next = up * h[node] * p[node] - down * before[node];
            before[node] = p[node];
            p[node] = next;
        }
    }
}

void fi_table_shared(const fi_table *table, double c, double *variance, double *covariance)
{
    double h[NODES], m[NODES], s[NODES];
    double mass = 0, second = 0, fourth = 0, mixed = 0, square = 0;
    for (int node = 0; node < NODES; node++)
        h[node] = node * STEP - REACH;
    sum_series(table, sqrt(fmax(c, 0)), h, m, s);
    for (int node = 0; node < NODES; node++) {
        const double w = exp(-0.5 * h[node] * h[node]), m2 = m[node] * m[node];
        mass += w;
        second += w * m2;
        fourth += w * m2 * m2;
        mixed += w * m2 * s[node];
        square += w * s[node];
    }
    second /= mass;
    *variance = fourth / mass - second * second;
    *covariance = mixed / mass - second * square / mass;
}
