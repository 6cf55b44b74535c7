/*
 * How signal, contrast and gradient change from layer to layer: by a factor, like a power of depth,
 * or not at all; and after how many layers they are lost.
 */
#include "verdict_trend.h"

#include <float.h>
#include <math.h>

/* Below this a variance is that of values near the least of the type, and not to be trusted. */
#ifdef FI_DOUBLE
#define LEAST_VARIANCE (1e4 * DBL_MIN)
#else
#define LEAST_VARIANCE (1e4 * (double)FLT_MIN * (double)FLT_MIN)
#endif

#define LOST 1000.0      /* the factor in std at which a signal counts as lost */
#define LEAST_RATE 0.01  /* of ln std a layer: at less it is lost after 690 layers, and holds */
#define LEAST_POWER 0.25 /* of depth: less is a transient */

size_t fi_verdict_runs(const fi_verdict_input *in)
{
    return in->dataset->axes[FI_AXIS_RUN].size;
}

size_t fi_verdict_depth(const fi_verdict_input *in)
{
    return in->dataset->axes[FI_AXIS_LAYER].size - 1;
}

double fi_verdict_value(const fi_verdict_input *in, size_t variable, size_t run, size_t layer)
{
    const fi_axis *axes = in->dataset->axes;
    size_t at = in->at_activation * axes[FI_AXIS_BATCH_NORM].size + in->at_batch_norm;
    at = (at * axes[FI_AXIS_RUN].size + run) * axes[FI_AXIS_LAYER].size + layer;
    return in->dataset->values[variable][at];
}

double fi_verdict_second(const fi_verdict_input *in, size_t mean, size_t variance, size_t run,
                         size_t layer)
{
    const double m = fi_verdict_value(in, mean, run, layer);
    return m * m + fi_verdict_value(in, variance, run, layer);
}

double fi_verdict_mean(const fi_verdict_input *in, size_t variable, size_t layer)
{
    double sum = 0, count = 0;
    for (size_t run = 0; run < fi_verdict_runs(in); run++) {
        const double x = fi_verdict_value(in, variable, run, layer);
        sum += isnan(x) ? 0 : x;
        count += !isnan(x);
    }
    return count > 0 ? sum / count : (double)NAN;
}

/* Two samples of one norm differ by 2 E a^2 (1 - cosine) a unit; 1e-13: the cosine's rounding. */
static double variance_of(const fi_verdict_input *in, fi_quantity quantity, size_t run,
                          size_t layer)
{
    if (quantity != FI_CONTRAST)
        return fi_verdict_value(
            in, quantity == FI_SIGNAL ? FI_INIT_ACT_VARIANCE : FI_INIT_GRADIENT_VARIANCE, run,
            layer);
    const double second = fi_verdict_second(in, FI_INIT_ACT_MEAN, FI_INIT_ACT_VARIANCE, run, layer);
    const double apart = 1 - fi_verdict_value(in, FI_INIT_COSINE, run, layer);
    return second == 0 || apart < 1e-13 ? 0 : second * apart;
}

double fi_verdict_std(const fi_verdict_input *in, fi_quantity quantity, size_t layer)
{
    double sum = 0, count = 0;
    for (size_t run = 0; run < fi_verdict_runs(in); run++) {
        const double std = sqrt(variance_of(in, quantity, run, layer));
        sum += isfinite(std) ? std : 0;
        count += isfinite(std);
    }
    return count > 0 ? sum / count : (double)NAN;
}

/* The layer after `step` steps on the quantity's way. */
static size_t layer_after(const fi_verdict_input *in, fi_quantity quantity, size_t step)
{
    return quantity == FI_GRADIENT ? fi_verdict_depth(in) - step : 1 + step;
}

/* The change of ln std in this step, mean over the runs; NAN where no run has one. */
static double change_in(const fi_verdict_input *in, fi_quantity quantity, size_t step)
{
    double sum = 0, count = 0;
    for (size_t run = 0; run < fi_verdict_runs(in); run++) {
        const double from = variance_of(in, quantity, run, layer_after(in, quantity, step - 1));
        const double to = variance_of(in, quantity, run, layer_after(in, quantity, step));
        if (from >= LEAST_VARIANCE && to >= LEAST_VARIANCE && isfinite(from) && isfinite(to)) {
            sum += 0.5 * log(to / from);
            count++;
        }
    }
    return count > 0 ? sum / count : (double)NAN;
}

/* The sums of a straight line through points (x, y). */
typedef struct line {
    double n, x, y, xx, xy, yy;
} line;

static void line_add(line *l, double x, double y)
{
    l->n++;
    l->x += x;
    l->y += y;
    l->xx += x * x;
    l->xy += x * y;
    l->yy += y * y;
}

/* What the best line leaves of the sum of (y - mean)^2. */
static double line_residual(const line *l)
{
    const double xx = l->xx - l->x * l->x / l->n;
    const double xy = l->xy - l->x * l->y / l->n;
    return l->yy - l->y * l->y / l->n - xy * xy / xx;
}

/* ln std on its way, from 0 at the start. */
typedef struct course {
    size_t steps;            /* that all have a change */
    double total;            /* change of ln std */
    double lost;             /* steps after which it first reaches ln LOST in size; NAN: not seen */
    line exponential, power; /* ln std against the layer, and against its logarithm */
    double late_steps;       /* those in the upper half of the layers, where what the input's */
    double late, error;      /* scale set off has passed: their mean change, its standard error, */
    double exponent;         /* and d ln std / d ln layer */
} course;

static void follow_late(course *c, const fi_verdict_input *in, fi_quantity quantity)
{
    const size_t half = (c->steps + 1) / 2;
    const size_t skipped = quantity == FI_GRADIENT ? 0 : c->steps - half;
    line late = {0};
    for (size_t step = skipped + 1; step <= skipped + half; step++)
        line_add(&late, 0, change_in(in, quantity, step));
    const double from = (double)layer_after(in, quantity, skipped);
    const double to = (double)layer_after(in, quantity, skipped + half);
    c->late_steps = late.n;
    c->late = late.y / late.n;
    c->error = late.n < 3 ? 0 : sqrt(fmax(0, late.yy / late.n - c->late * c->late) / (late.n - 1));
    c->exponent = late.y / log(to / from);
}

static course course_of(const fi_verdict_input *in, fi_quantity quantity)
{
    course c = {.lost = (double)NAN};
    for (size_t step = 0;; step++) {
        const double layer = (double)layer_after(in, quantity, step);
        line_add(&c.exponential, layer, c.total);
        line_add(&c.power, log(layer), c.total);
        c.steps = step;
        if (step + 1 == fi_verdict_depth(in))
            break;
        const double change = change_in(in, quantity, step + 1);
        if (isnan(change))
            break;
        c.total += change;
        if (isnan(c.lost) && fabs(c.total) >= log(LOST))
            c.lost = (double)(step + 1);
    }
    if (c.steps > 0)
        follow_late(&c, in, quantity);
    return c;
}

/* Like a power of the layer? Over few layers a power and a factor look alike: theory decides. */
static bool is_slow(const course *c, const fi_expectation *expected)
{
    if (fabs(expected->rate) < 0.002)
        return fabs(c->late) < 0.3;
    if (fabs(expected->rate) > 0.05)
        return false;
    return c->steps >= 3 && line_residual(&c->power) < line_residual(&c->exponential);
}

/* Nearer to theory's target than at the start, or there; never without a target. */
static bool settles(const fi_trend *trend, const fi_expectation *expected)
{
    const double before = fabs(log(trend->first / expected->target));
    const double after = fabs(log(trend->last / expected->target));
    return after < before || after < 0.1;
}

/*
 * A change is one that stands out of the noise (3 standard errors, from the scatter of the layers
 * or from theory) and is not a transient. What is within the noise is what theory says it is.
 */
static fi_change change_of(const course *c, const fi_expectation *expected, const fi_trend *trend,
                           double runs)
{
    if (c->steps == 0)
        return FI_CHANGE_UNKNOWN;
    if (settles(trend, expected))
        return FI_CHANGE_NONE;
    const double noise = 3 * fmax(c->error, expected->error / sqrt(runs * c->late_steps));
    const double all = noise * sqrt(c->late_steps * (double)c->steps); /* of the total */
    const bool slow = is_slow(c, expected);
    const bool far = fabs(c->total) > fmax(log(2), all);
    const fi_change slowly = c->total < 0 ? FI_CHANGE_FALLS_SLOWLY : FI_CHANGE_GROWS_SLOWLY;
    const fi_change steadily = c->late < 0 ? FI_CHANGE_FALLS : FI_CHANGE_GROWS;
    if (slow)
        return fabs(c->exponent) > LEAST_POWER && (far || fabs(c->late) > fmax(noise, LEAST_RATE))
                   ? slowly
                   : FI_CHANGE_NONE;
    if (c->late * expected->rate < 0 && !far)
        return FI_CHANGE_NONE;
    const double least = fmin(fabs(c->late), fabs(c->total) / (double)c->steps);
    const bool expected_too = fabs(expected->rate) > LEAST_RATE &&
                              fabs(c->late - expected->rate) <= noise && c->late * c->total > 0;
    return least > LEAST_RATE && (fabs(c->late) > noise || far || expected_too) ? steadily
                                                                                : FI_CHANGE_NONE;
}

/* The layers in which the change reaches LOST; INFINITY if never. */
static double layers_until_lost(const course *c, fi_change change, const fi_expectation *expected)
{
    if (!isnan(c->lost))
        return c->lost + 1;
    const double rest = fmax(0, log(LOST) - fabs(c->total));
    const double layers = (double)c->steps + 1;
    /* A rate on its way to theory's limit is between the two. */
    const double later = expected->rate * c->late > 0 ? expected->rate : c->late;
    switch (change) {
    case FI_CHANGE_FALLS:
    case FI_CHANGE_GROWS:
        return layers + rest / fabs(0.5 * (c->late + later));
    case FI_CHANGE_FALLS_SLOWLY:
    case FI_CHANGE_GROWS_SLOWLY:
        return layers * exp(rest / fabs(c->exponent));
    default:
        return HUGE_VAL;
    }
}

static void find_ends(const fi_verdict_input *in, fi_quantity quantity, fi_trend *trend)
{
    for (size_t step = 0; step < fi_verdict_depth(in); step++) {
        const size_t layer = layer_after(in, quantity, step);
        bool zero = true, broken = false;
        for (size_t run = 0; run < fi_verdict_runs(in); run++) {
            const double variance = variance_of(in, quantity, run, layer);
            zero &= variance == 0;
            broken |= !isfinite(variance);
        }
        if (zero && !trend->zero)
            trend->zero = layer;
        if (broken && !trend->broken)
            trend->broken = layer;
    }
}

fi_trend fi_trend_of(const fi_verdict_input *in, fi_quantity quantity,
                     const fi_expectation *expected)
{
    const course c = course_of(in, quantity);
    fi_trend trend = {
        .first = fi_verdict_std(in, quantity, layer_after(in, quantity, 0)),
        .last = fi_verdict_std(in, quantity, layer_after(in, quantity, c.steps)),
        .factor = (double)NAN,
        .exponent = (double)NAN,
        .lost = (double)NAN,
    };
    find_ends(in, quantity, &trend);
    trend.change = change_of(&c, expected, &trend, (double)fi_verdict_runs(in));
    if (c.steps > 0) {
        trend.factor = exp(c.total / (double)c.steps);
        trend.exponent = fabs(c.exponent);
        trend.lost = layers_until_lost(&c, trend.change, expected);
        trend.lost_seen = !isnan(c.lost);
    }
    return trend;
}
