/*
 * Quadrature of an activation's rows. The line is cut where the activation is not smooth, and into
 * panels no longer than its scale and the normal law's; each takes a 12-point Gauss-Legendre rule.
 * So kinks cost no accuracy, and q may range from 1e-30 to 1e70.
 */
#include "../core/internal.h"
#include "expectation.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define POINTS 12
#define REACH 10.0   /* the normal law beyond is 1e-23 */
#define LARGEST 1e70 /* of q, so that fourth powers and their variance are finite */
#define SCAN 20.0    /* breaks are looked for in |z| < SCAN */
#define SCAN_STEP 0.05
#define LANES 12 /* FI_ROWS_QUADRATURE, rounded up */

/* Nodes and weights of Gauss-Legendre on [-1, 1] (Abramowitz & Stegun 1964, table 25.4). */
static const double nodes[POINTS] = {
    -0.9815606342467192507, -0.9041172563704748567, -0.7699026741943046870, -0.5873179542866174473,
    -0.3678314989981801938, -0.1252334085114689155, 0.1252334085114689155,  0.3678314989981801938,
    0.5873179542866174473,  0.7699026741943046870,  0.9041172563704748567,  0.9815606342467192507,
};
static const double weights[POINTS] = {
    0.0471753363865118272, 0.1069393259953184310, 0.1600783285433462263, 0.2031674267230659217,
    0.2334925365383548088, 0.2491470458134027850, 0.2491470458134027850, 0.2334925365383548088,
    0.2031674267230659217, 0.1600783285433462263, 0.1069393259953184310, 0.0471753363865118272,
};

static bool is_saturated(const fi_activation *activation, double slope)
{
    return fabs(slope) < 0.05 * activation->max_slope;
}

/* What must not change inside a panel: 1 for phi = 0, 2 for saturation. */
static int flags_of(const fi_activation *activation, double phi, double slope)
{
    return ((fi_real)phi == 0) | (is_saturated(activation, slope) << 1);
}

static int flags_at(const fi_activation *activation, double z)
{
    return flags_of(activation, activation->phi(z), activation->slope(z));
}

/* The place in (a, b) where the flags change, or, if they do not, where phi' jumps or bends. */
static double bisect(const fi_activation *activation, double a, double b, bool by_flags)
{
    const int left = flags_at(activation, a);
    for (int step = 0; step < 60; step++) {
        const double middle = 0.5 * (a + b);
        bool right_half;
        if (by_flags)
            right_half = flags_at(activation, middle) == left;
        else
            right_half = fabs(activation->slope(b) - activation->slope(middle)) >
                         fabs(activation->slope(middle) - activation->slope(a));
        *(right_half ? &a : &b) = middle;
    }
    return 0.5 * (a + b);
}

static void add_break(fi_integrand *integrand, double z)
{
    if (integrand->n_breaks < FI_BREAKS &&
        (!integrand->n_breaks || z > integrand->breaks[integrand->n_breaks - 1] + 1e-9))
        integrand->breaks[integrand->n_breaks++] = z;
}

void fi_integrand_init(fi_integrand *integrand, const fi_activation *activation)
{
    *integrand = (fi_integrand){.activation = activation};
    const double offset = SCAN_STEP * 0.318; /* the scan itself must not land on a kink */
    int changes = 0;
    bool zero_added = false;
    double a = -SCAN - offset, phi = activation->phi(a), left = activation->slope(a);
    for (int k = 1; k <= (int)(2 * SCAN / SCAN_STEP) + 1; k++) {
        const double b = k * SCAN_STEP - SCAN - offset, middle = 0.5 * (a + b);
        const double above = activation->phi(b), right = activation->slope(b);
        const bool flags = flags_of(activation, phi, left) != flags_of(activation, above, right);
        const double bend = fabs(left + right - 2 * activation->slope(middle));
        double found = (double)NAN;
        if (flags || bend > 0.02 * activation->max_slope)
            found = bisect(activation, a, b, flags);
        if (a <= 0 && b > 0 && !zero_added) {
            zero_added = true;
            if (found < -1e-9)
                add_break(integrand, found);
            add_break(integrand, 0);
        }
        if (!isnan(found))
            add_break(integrand, found);
        integrand->underflows |= phi != 0 && (fi_real)phi == 0;
        changes += fabs(a) > SCAN / 2 && left * right < 0;
        a = b, phi = above, left = right;
    }
    integrand->wild = changes > 2 || integrand->n_breaks == FI_BREAKS;
}

/* The accumulators of one table, row by row. */
struct sums {
    double mass, mean, second;
    double product[LANES][LANES];
    double coefficient[FI_ORDER + 1][LANES];
};

/* One panel's nodes: g, weight and the rows there. */
struct panel {
    double g[POINTS], w[POINTS], h[POINTS][LANES];
};

/* p_{k+1} = (y p_k - down[k] p_{k-1}) up[k]: the orthonormal polynomials of the law of g. */
struct recurrence {
    double down[FI_ORDER + 1], up[FI_ORDER + 1];
};

/* The sums over n are unrolled, so that the loops around them are those made vectors. */
FI_CLONES static void add_panel(struct sums *restrict sums, const struct panel *restrict panel,
                                const struct recurrence *recurrence, int order)
{
    double p[POINTS], before[POINTS] = {0}, weighted[POINTS][LANES];
    for (int n = 0; n < POINTS; n++)
        p[n] = panel->w[n];
    for (int k = 0; k <= order; k++) {
        for (int i = 0; i < LANES; i++) {
            double sum = 0;
#pragma GCC unroll 12
            for (int n = 0; n < POINTS; n++)
                sum = fma(p[n], panel->h[n][i], sum);
            sums->coefficient[k][i] += sum;
        }
        const double down = recurrence->down[k], up = recurrence->up[k];
        for (int n = 0; n < POINTS; n++) {
            const double next = (panel->g[n] * p[n] - down * before[n]) * up;
            before[n] = p[n];
            p[n] = next;
        }
    }
    for (int n = 0; n < POINTS; n++)
        for (int i = 0; i < LANES; i++)
            weighted[n][i] = panel->w[n] * panel->h[n][i];
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < LANES; j++) {
            double sum = sums->product[i][j];
#pragma GCC unroll 12
            for (int n = 0; n < POINTS; n++)
                sum = fma(weighted[n][i], panel->h[n][j], sum);
            sums->product[i][j] = sum;
        }
}

static void recurrence_init(struct recurrence *recurrence, size_t batch)
{
    const double d = (double)batch - 1;
    recurrence->down[0] = 0;
    for (int k = 1; k <= FI_ORDER + 1; k++) {
        const double b = !batch || k == 1
                             ? sqrt(k)
                             : sqrt(d * k * (k + d - 3) / ((2 * k + d - 2) * (2 * k + d - 4)));
        recurrence->up[k - 1] = 1 / b;
        if (k <= FI_ORDER)
            recurrence->down[k] = b;
    }
}

static double density(double g, size_t batch)
{
    const double d = (double)batch - 1;
    return batch ? pow(fmax(1 - g * g / d, 0), (d - 3) / 2) : exp(-0.5 * g * g);
}

static void rows_at(const fi_activation *activation, double g, double z, double phi, double mean,
                    double *h)
{
    const double slope = activation->slope(z), c = phi - mean;
    h[FI_ROW_Z] = z;
    h[FI_ROW_Z2] = z * z;
    h[FI_ROW_C1] = c;
    h[FI_ROW_C2] = c * c;
    h[FI_ROW_C3] = c * c * c;
    h[FI_ROW_C4] = c * c * c * c;
    h[FI_ROW_SLOPE] = slope;
    h[FI_ROW_GAIN] = slope * slope;
    h[FI_ROW_Y_SLOPE] = g * slope;
    h[FI_ROW_ZERO] = (fi_real)phi == 0;
    h[FI_ROW_SATURATED] = is_saturated(activation, slope);
    for (int i = FI_ROWS_QUADRATURE; i < LANES; i++)
        h[i] = 0;
}

/* What the first pass leaves to the second of as many panels as fit: w and phi. */
#define KEPT 64
struct kept {
    double w[KEPT][POINTS], phi[KEPT][POINTS];
};

struct rule {
    const fi_integrand *integrand;
    double scale, reach; /* sqrt(q), the end of g */
    size_t batch;
    int order;            /* of the last coefficient */
    const double *centre; /* in place of E phi, unless it is NULL */
    struct recurrence recurrence;
};

/* The end of the panel that begins at g = `at`; `next` is the first break past it. */
static double panel_end(const struct rule *rule, double at, size_t *next)
{
    const fi_integrand *integrand = rule->integrand;
    double end = rule->reach;
    while (*next < integrand->n_breaks && integrand->breaks[*next] / rule->scale <= at)
        ++*next;
    if (*next < integrand->n_breaks)
        end = fmin(end, integrand->breaks[*next] / rule->scale);
    const double z = (at < 0 ? -at / 1.5 : at) * rule->scale;
    const double length = fmax(0.5, integrand->wild ? fmin(0.5 * z, 4) : 0.5 * z);
    const double step = fmin(0.75, length / rule->scale);
    return end - at > 1.0001 * step ? at + step : end;
}

/* The law's weights and phi at the panel's nodes z = scale g. */
static void evaluate(const struct rule *rule, const double g[POINTS], double half, double w[POINTS],
                     double phi[POINTS])
{
    for (int n = 0; n < POINTS; n++) {
        w[n] = half * weights[n] * density(g[n], rule->batch);
        phi[n] = rule->integrand->activation->phi(rule->scale * g[n]);
    }
}

/*
 * One pass over all nodes: the mass, the mean of phi and of its square (first), then the rest about
 * that mean.
 */
static void sweep(const struct rule *rule, struct sums *sums, struct kept *kept, bool first)
{
    size_t next = 0;
    double at = -rule->reach, end;
    for (int k = 0; at < rule->reach; k++, at = end) {
        end = panel_end(rule, at, &next);
        const double middle = 0.5 * (at + end), half = 0.5 * (end - at);
        double own_w[POINTS], own_phi[POINTS];
        double *const w = k < KEPT ? kept->w[k] : own_w;
        double *const phi = k < KEPT ? kept->phi[k] : own_phi;
        struct panel panel;
        for (int n = 0; n < POINTS; n++)
            panel.g[n] = middle + half * nodes[n];
        if (first || k >= KEPT)
            evaluate(rule, panel.g, half, w, phi);
        if (first) {
            for (int n = 0; n < POINTS; n++) {
                sums->mass += w[n];
                sums->mean += w[n] * phi[n];
                sums->second += w[n] * phi[n] * phi[n];
            }
            continue;
        }
        for (int n = 0; n < POINTS; n++) {
            panel.w[n] = w[n] / sums->mass;
            rows_at(rule->integrand->activation, panel.g[n], rule->scale * panel.g[n], phi[n],
                    sums->mean, panel.h[n]);
        }
        add_panel(sums, &panel, &rule->recurrence, rule->order);
    }
    if (first) {
        sums->mean /= sums->mass;
        sums->second /= sums->mass;
        if (rule->centre)
            sums->mean = *rule->centre;
    }
}

/* Row `to` = sum of factors x rows, in value, covariance and coefficients; rows before it only. */
static void combine(fi_table *table, int to, const double factor[3])
{
    static const int rows[3] = {FI_ROW_C1, FI_ROW_C2, FI_ROW_C3};
    for (int k = 0; k <= FI_ORDER; k++)
        for (int r = 0; r < 3; r++)
            table->coefficient[k][to] += factor[r] * table->coefficient[k][rows[r]];
    for (int i = 0; i < to; i++) {
        for (int r = 0; r < 3; r++)
            table->covariance[to][i] += factor[r] * table->covariance[rows[r]][i];
        table->covariance[i][to] = table->covariance[to][i];
    }
    for (int r = 0; r < 3; r++)
        table->covariance[to][to] += factor[r] * table->covariance[rows[r]][to];
}

static void forget(fi_table *table)
{
    double *numbers = (double *)table;
    for (size_t i = 0; i < sizeof *table / sizeof *numbers; i++)
        numbers[i] = (double)NAN;
}

double fi_second_moment(const fi_integrand *integrand, double q)
{
    struct sums sums;
    memset(&sums, 0, sizeof sums);
    struct rule rule = {.integrand = integrand, .scale = sqrt(q), .reach = REACH};
    FI_REQUIRE(!(q <= 0));
    if (!(q < LARGEST) || (integrand->wild && q > 6400))
        return (double)NAN;
    struct kept kept;
    sweep(&rule, &sums, &kept, true);
    return sums.second;
}

static void fill(fi_table *table, const fi_integrand *integrand, const struct sums *sums, double q)
{
    memset(table, 0, sizeof *table);
    table->q = q;
    const double mean = integrand->wild && q > 6400 ? (double)NAN : sums->mean;
    for (int i = 0; i < FI_ROWS_QUADRATURE; i++) {
        table->value[i] = sums->coefficient[0][i];
        for (int j = 0; j < FI_ROWS_QUADRATURE; j++)
            table->covariance[i][j] =
                sums->product[i][j] - sums->coefficient[0][i] * sums->coefficient[0][j];
        for (int k = 0; k <= FI_ORDER; k++)
            table->coefficient[k][i] = sums->coefficient[k][i];
    }
    const double *value = table->value;
    const double c1 = value[FI_ROW_C1], c2 = value[FI_ROW_C2], c3 = value[FI_ROW_C3];
    table->mean = mean + c1;
    table->second = c2 + 2 * mean * c1 + mean * mean;
    combine(table, FI_ROW_CUBE, (double[]){3 * mean * mean, 3 * mean, 1});
    combine(table, FI_ROW_SQUARE, (double[]){2 * mean, 1, 0});
    table->coefficient[0][FI_ROW_SQUARE] = table->value[FI_ROW_SQUARE] = table->second;
    table->coefficient[0][FI_ROW_CUBE] = table->value[FI_ROW_CUBE] =
        c3 + 3 * mean * c2 + 3 * mean * mean * c1 + mean * mean * mean;
}

static void make(fi_table *table, const fi_integrand *integrand, double q, size_t batch, int order,
                 const double *centre)
{
    struct sums sums;
    memset(&sums, 0, sizeof sums);
    struct rule rule = {.integrand = integrand,
                        .scale = sqrt(q),
                        .reach = REACH,
                        .batch = batch,
                        .order = order,
                        .centre = centre};
    FI_REQUIRE(!(q <= 0) && (!batch || batch >= 5));
    if (!(q < LARGEST)) {
        forget(table);
        return;
    }
    if (batch)
        rule.reach = fmin(REACH, sqrt((double)batch - 1));
    struct kept kept;
    recurrence_init(&rule.recurrence, batch);
    sweep(&rule, &sums, &kept, true);
    sweep(&rule, &sums, &kept, false);
    fill(table, integrand, &sums, q);
}

void fi_table_init(fi_table *table, const fi_integrand *integrand, double q, size_t batch)
{
    make(table, integrand, q, batch, FI_ORDER, NULL);
}

void fi_table_init_about(fi_table *table, const fi_integrand *integrand, double q, size_t batch,
                         double centre)
{
    make(table, integrand, q, batch, 4, &centre);
}
