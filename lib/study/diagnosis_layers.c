/* The facts of a run: what the statistics of its layers show. */
#include "diagnosis.h"

#include <math.h>

#define UNKNOWN ((double)NAN)

typedef enum end {
    FIRST,
    LAST
} end;

/* The first or last row of values (points, layers) that is all finite; NULL: there is none. */
static const double *row_of(const fi_curves *c, const double *values, end which)
{
    for (size_t k = 0; values && c->layers > 0 && k < c->points; k++) {
        const double *row = values + (which == FIRST ? k : c->points - 1 - k) * c->layers;
        size_t known = 0;
        while (known < c->layers && isfinite(row[known]))
            known++;
        if (known == c->layers)
            return row;
    }
    return NULL;
}

static double mean_of(const fi_curves *c, const double *row)
{
    double sum = 0;
    for (size_t l = 0; row && l < c->layers; l++)
        sum += row[l];
    return row ? sum / (double)c->layers : UNKNOWN;
}

/* Copies, but for what differs in the rounding of the edges of a matrix product. */
static void find_copies(const fi_curves *c, fi_facts *f)
{
    f->distinct = UNKNOWN;
    for (size_t k = 0; c->distinct_units && k < c->points * c->layers; k++)
        if (isfinite(c->distinct_units[k]))
            f->distinct = fmax(f->distinct, c->distinct_units[k]);
    f->symmetric = c->width > 1 && f->distinct <= fmax(1, 0.05 * (double)c->width);
}

static void find_signal(const fi_curves *c, fi_facts *f)
{
    const double *first = row_of(c, c->activation_variance, FIRST);
    const double *last = row_of(c, c->activation_variance, LAST);
    f->signal_bottom = f->signal_top = f->signal_growth = UNKNOWN;
    f->signal_left = f->signal_end = UNKNOWN;
    if (!first)
        return;
    const size_t top = c->layers - 1;
    f->signal_bottom = sqrt(first[0]);
    f->signal_top = sqrt(first[top]);
    f->signal_growth = top > 0 ? first[top] / first[0] : UNKNOWN;
    if (last > first) {
        f->signal_end = sqrt(last[top]);
        f->signal_left = last[top] / first[top];
    }
}

static void find_gradient(const fi_curves *c, fi_facts *f)
{
    const double *first = row_of(c, c->gradient_variance, FIRST);
    f->gradient_bottom = f->gradient_top = f->gradient_growth = UNKNOWN;
    if (!first)
        return;
    const size_t top = c->layers - 1;
    f->gradient_bottom = sqrt(first[0]);
    f->gradient_top = sqrt(first[top]);
    f->gradient_growth = top > 0 ? first[0] / first[top] : UNKNOWN;
}

static void find_flat_units(const fi_curves *c, fi_facts *f)
{
    const double *first = row_of(c, c->dead_fraction, FIRST);
    const double *last = row_of(c, c->dead_fraction, LAST);
    f->dead_first = f->dead_last = UNKNOWN;
    for (size_t l = 0; last && l < c->layers; l++)
        if (!(last[l] <= f->dead_last)) {
            f->dead_last = last[l];
            f->dead_first = first[l];
            f->dead_layer = l + 1;
        }
    f->dead_mean_first = mean_of(c, first);
    f->dead_mean = mean_of(c, last);
    f->saturated_first = mean_of(c, row_of(c, c->saturated_fraction, FIRST));
    f->saturated_last = mean_of(c, row_of(c, c->saturated_fraction, LAST));
}

/* 0 where a layer has never moved; a ratio to weights of 0 is left out. */
static double ratio_of(const fi_curves *c, size_t layer)
{
    double sum = 0, moved = 0, resting = 0;
    for (size_t p = 0; p < c->points; p++) {
        const double ratio = c->update_ratio[p * c->layers + layer];
        if (ratio > 0 && isfinite(ratio)) {
            sum += log(ratio);
            moved++;
        }
        resting += ratio == 0;
    }
    if (moved > 0)
        return exp(sum / moved);
    return resting > 0 ? 0 : UNKNOWN;
}

void fi_facts_of_layers(const fi_curves *c, fi_facts *f)
{
    f->layers = c->layers;
    f->width = c->width;
    find_copies(c, f);
    find_signal(c, f);
    find_gradient(c, f);
    find_flat_units(c, f);
    f->update_ratio = UNKNOWN;
    for (size_t l = 0; c->update_ratio && l < c->layers; l++)
        f->update_ratio = fmax(f->update_ratio, ratio_of(c, l));
}
