/* The differences between two aligned records, position by position, and which of them count. */
#include "difference.h"

#include <math.h>

static void judge(struct difference *d, double tolerance)
{
    const struct sample *const a = &d->samples[A];
    const struct sample *const b = &d->samples[B];
    const double larger = fmax(fabs(a->mean), fabs(b->mean));
    double freedom = 0;
    d->t = (double)NAN;
    if (a->n == 0 || b->n == 0) {
        d->relative = (double)INFINITY;
    } else {
        d->relative = larger > 0 ? fabs(a->mean / larger - b->mean / larger) : 0;
        d->t = fi_welch(a, b, &freedom);
    }
    d->tested = !isnan(d->t);
    d->p = d->relative <= tolerance ? 1 : d->tested ? fi_student_tails(d->t, freedom) : 0;
}

/* Corrects p over all tests, and decides. */
static void decide(struct result *result, const struct table *memory, double level)
{
    double *const p = fi_table_allocate(memory, result->count, sizeof *p);
    size_t *const order = fi_table_allocate(memory, result->count, sizeof *order);
    for (size_t k = 0; k < result->count; k++)
        if (result->differences[k].tested)
            p[result->tested++] = result->differences[k].p;
    fi_holm(result->tested, p, order);
    size_t test = 0;
    for (size_t k = 0; k < result->count; k++) {
        struct difference *const d = &result->differences[k];
        if (d->tested)
            d->p = p[test++];
        d->differs = d->tested ? d->p < level : d->p == 0;
        result->differing += d->differs;
        result->partial += (d->samples[A].n > 0 && d->samples[A].lost > 0) ||
                           (d->samples[B].n > 0 && d->samples[B].lost > 0);
    }
}

struct result fi_compare(const struct alignment *alignment, double level, double tolerance)
{
    const struct table *const memory = &alignment->tables[A];
    struct result result = {.count = 0};
    size_t room = 0;
    for (size_t v = 0; v < alignment->n_common; v++)
        room += fi_aligned_size(alignment, &alignment->common[v]);
    result.differences = fi_table_allocate(memory, room, sizeof *result.differences);
    size_t *position = fi_table_allocate(memory, room * memory->n_axes, sizeof *position);
    for (size_t v = 0; v < alignment->n_common; v++) {
        const struct common *const common = &alignment->common[v];
        const size_t size = fi_aligned_size(alignment, common);
        for (size_t k = 0; k < size; k++) {
            struct difference *const d = &result.differences[result.count];
            *d = (struct difference){.common = common, .position = position};
            if (!fi_aligned(alignment, common, k, position, d->samples))
                continue;
            if (d->samples[A].n == 0 && d->samples[B].n == 0) {
                result.empty++;
                continue;
            }
            judge(d, tolerance);
            position += memory->n_axes;
            result.count++;
        }
    }
    decide(&result, memory, level);
    return result;
}

bool fi_is_worse(const struct difference *d, const struct difference *e)
{
    if (d->p != e->p)
        return d->p < e->p;
    if (d->tested != e->tested)
        return d->differs ? !d->tested : d->tested;
    return d->tested ? fabs(d->t) > fabs(e->t) : d->relative > e->relative;
}
