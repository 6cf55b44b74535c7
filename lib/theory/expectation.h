/*
 * Expectations of functions of one and two pre-activations, as rows of one table: what every other
 * file of theory/ works from.
 */
#ifndef FI_THEORY_EXPECTATION_H
#define FI_THEORY_EXPECTATION_H

#include "../fanin.h"

/* The functions of z whose expectations a table holds; phi is centred in FI_ROW_C*. */
enum {
    FI_ROW_Z,         /* z */
    FI_ROW_Z2,        /* z^2 */
    FI_ROW_C1,        /* phi - M, M = E phi */
    FI_ROW_C2,        /* (phi - M)^2 */
    FI_ROW_C3,        /* (phi - M)^3 */
    FI_ROW_C4,        /* (phi - M)^4 */
    FI_ROW_SLOPE,     /* phi' */
    FI_ROW_GAIN,      /* phi'^2 */
    FI_ROW_Y_SLOPE,   /* g phi', z = sqrt(q) g */
    FI_ROW_ZERO,      /* [phi = 0] */
    FI_ROW_SATURATED, /* [|phi'| < 0.05 sup |phi'|] */
    FI_ROW_CUBE,      /* phi^3, from the centred rows */
    FI_ROWS_QUADRATURE = FI_ROW_CUBE,
    FI_ROW_SQUARE, /* phi^2, from the centred rows */
    FI_ROWS
};

#define FI_ORDER 64   /* of the expansion in orthogonal polynomials */
#define FI_BREAKS 128 /* where an activation is not smooth, at most */

/* An activation and the places z where phi or a row is not smooth, in ascending order. */
typedef struct fi_integrand {
    const fi_activation *activation;
    size_t n_breaks;
    double breaks[FI_BREAKS];
    bool underflows; /* phi rounds to 0 where it is not 0 */
    bool wild;       /* does not settle for large |z|: no quadrature for huge q */
} fi_integrand;

void fi_integrand_init(fi_integrand *integrand, const fi_activation *activation);

/*
 * Expectations under z = sqrt(q) g, of rows h_i. Under the normal law coefficient k is
 * E h He_k(g) / sqrt(k!); in a batch of `batch` samples g is a coordinate of a uniformly
 * distributed point on the sphere sum g = 0, sum g^2 = batch, and the polynomials are Gegenbauer's.
 */
typedef struct fi_table {
    double q, mean, second; /* E phi, E phi^2 */
    double value[FI_ROWS];  /* E h_i */
    double covariance[FI_ROWS][FI_ROWS];
    double coefficient[FI_ORDER + 1][FI_ROWS];
} fi_table;

/* E phi^2 alone under the normal law, at a twentieth of a table's cost. q > 0. */
double fi_second_moment(const fi_integrand *integrand, double q);

/* batch 0: the normal law; else at least 5. q > 0. */
void fi_table_init(fi_table *table, const fi_integrand *integrand, double q, size_t batch);

/* The same with `centre` in place of M in the rows, and coefficients 0 to 4 only. */
void fi_table_init_about(fi_table *table, const fi_integrand *integrand, double q, size_t batch,
                         double centre);

/* dE h_i / dq and its second derivative, by Stein's lemma from coefficients 2 and 4. */
double fi_table_slope(const fi_table *table, int row);
double fi_table_curvature(const fi_table *table, int row);

/* E of polynomial k of v given u, over that of u: c^k for two normal pre-activations. */
typedef struct fi_powers {
    double at[FI_ORDER + 1], tail;
} fi_powers;

/* For a correlation of mean c and small variance. */
void fi_powers_normal(fi_powers *powers, double c, double variance);

/* For two samples of one batch under batch norm, whose correlation is -1 / (batch - 1). */
void fi_powers_batch(fi_powers *powers, size_t batch);

/* Cov(h_i(u), h_j(v)). */
double fi_table_pair(const fi_table *table, int i, int j, const fi_powers *powers);

/* dE phi(u) phi(v) / dE u^2. */
double fi_table_product_slope(const fi_table *table, const fi_powers *powers);

/* The shift of E phi(u) phi(v) for small fourth cumulants of (u, u, u, u), (u, u, u, v) and
 * (u, u, v, v). */
double fi_table_product_shift(const fi_table *table, const fi_powers *powers, double nnnn,
                              double nnnm, double nnmm);

/*
 * Over the part h of z shared by all samples (every two correlate by c >= 0): the variance of
 * m(h)^2 and its covariance with E[phi^2 | h], where m(h) = E[phi | h].
 */
void fi_table_shared(const fi_table *table, double c, double *variance, double *covariance);

#endif
