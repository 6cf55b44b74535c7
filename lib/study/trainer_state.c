/*
 * The state of a run of training as a snapshot: beside net and solver, where it is in its epoch's
 * order, the losses since the last evaluation, and the curves so far.
 */
#include "trainer.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME = 64,
    COUNTERS = 6,
    TRANSFORM_ARRAYS = 5
};

static const struct {
    const char *name;
    bool by_point, by_layer;
} variables[] = {
#define CELL false, false
#define POINT true, false
#define LAYER true, true
#define RUN false, false
#define INPUT false, false
#define X(id, name, long_name, units, axes) {name, axes},
#include "train.def"
#undef X
#undef INPUT
#undef RUN
#undef LAYER
#undef POINT
#undef CELL
};

static size_t length_of(const fi_trainer *t, size_t variable)
{
    const size_t points = variables[variable].by_point ? t->points + 1 : 1;
    return variables[variable].by_layer ? points * t->layers : points;
}

/* FNV-1a (Fowler, Noll & Vo) of the training samples: a run goes on with the data it began with. */
static uint64_t fingerprint(const fi_samples *samples)
{
    const unsigned char *bytes = (const unsigned char *)samples->x;
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t k = 0; k < samples->rows * samples->cols * sizeof *samples->x; k += 16)
        hash = (hash ^ bytes[k]) * 0x100000001b3U;
    for (size_t k = 0; k < samples->rows; k++)
        hash = (hash ^ (uint64_t)samples->labels[k]) * 0x100000001b3U;
    return hash;
}

static const char *const transform_parts[] = {"transform/mean", "transform/scale",
                                              "transform/variances", "transform/basis"};

/* The parts of the transform that are there; how many. */
static size_t list_transform(const fi_transform *transform, uint64_t shape[2],
                             fi_array arrays[TRANSFORM_ARRAYS])
{
    const double *vectors[] = {transform->mean, transform->scale, transform->variances};
    size_t n = 0;
    shape[0] = transform->inputs;
    shape[1] = transform->outputs;
    arrays[n++] = (fi_array){"transform/shape", FI_ELEMENT_U64, 1, 2, shape};
    for (size_t k = 0; k < 3; k++)
        if (vectors[k])
            arrays[n++] = (fi_array){transform_parts[k], FI_ELEMENT_DOUBLE, 1, transform->inputs,
                                     (void *)vectors[k]};
    if (transform->basis)
        arrays[n++] = (fi_array){transform_parts[3], FI_ELEMENT_REAL, transform->inputs,
                                 transform->outputs, transform->basis};
    return n;
}

fi_status fi_trainer_save(const fi_trainer *t, const char *path, const char *options)
{
    uint64_t counters[COUNTERS] = {t->iteration, t->epoch,   t->cursor,
                                   t->point,     t->updates, fingerprint(&t->data.training)};
    double losses[] = {t->loss_sum, t->loss_squares, t->losses};
    fi_array arrays[3 + FI_TRAIN_VARIABLES + TRANSFORM_ARRAYS] = {
        {"trainer/counters", FI_ELEMENT_U64, 1, COUNTERS, counters},
        {"trainer/order", FI_ELEMENT_U32, 1, t->data.training.rows, t->order},
        {"trainer/losses", FI_ELEMENT_DOUBLE, 1, 3, losses},
    };
    char names[FI_TRAIN_VARIABLES][NAME];
    size_t n = 3;
    for (size_t v = 0; v < FI_TRAIN_VARIABLES; v++) {
        if (!variables[v].by_point || !t->slots || !t->slots[v])
            continue;
        snprintf(names[v], NAME, "curves/%s", variables[v].name);
        arrays[n++] = (fi_array){names[v], FI_ELEMENT_DOUBLE, 1, length_of(t, v), t->slots[v]};
    }
    uint64_t shape[2];
    n += list_transform(&t->transform, shape, arrays + n);
    const fi_attribute attributes[] = {{"options", options},
                                       {"transform", t->transform.kind->name}};
    return fi_snapshot_write(path, t->net, t->solver, n, arrays, 2, attributes);
}

void fi_trainer_transform(const fi_snapshot *snapshot, fi_transform *transform)
{
    const char *kind = fi_snapshot_attribute(snapshot, "transform");
    const fi_array *shape = fi_snapshot_array(snapshot, "transform/shape");
    *transform = (fi_transform){0};
    if (!kind || !shape || shape->element != FI_ELEMENT_U64 || shape->cols != 2)
        return;
    const uint64_t *sizes = shape->data;
    static const fi_element elements[] = {FI_ELEMENT_DOUBLE, FI_ELEMENT_DOUBLE, FI_ELEMENT_DOUBLE,
                                          FI_ELEMENT_REAL};
    void **const places[] = {(void **)&transform->mean, (void **)&transform->scale,
                             (void **)&transform->variances, (void **)&transform->basis};
    transform->kind = fi_transform_kind_find(kind);
    transform->inputs = sizes[0];
    transform->outputs = sizes[1];
    for (size_t k = 0; k < TRANSFORM_ARRAYS - 1; k++) {
        const fi_array *array = fi_snapshot_array(snapshot, transform_parts[k]);
        const size_t rows = k == 3 ? transform->inputs : 1;
        const size_t cols = k == 3 ? transform->outputs : transform->inputs;
        if (array && array->element == elements[k] && array->rows == rows && array->cols == cols)
            *places[k] = array->data;
    }
    const fi_transform_kind *k = transform->kind;
    if (k && ((k->centers && !transform->mean) || (k->rotates && !transform->basis) ||
              ((k->scales || k->standardizes) && !transform->scale)))
        transform->kind = NULL;
}

/* The array of that name, of that many elements; NULL, with a message, if it is not so. */
static const void *find(const fi_snapshot *snapshot, const char *name, fi_element element,
                        size_t count)
{
    const fi_array *array = fi_snapshot_array(snapshot, name);
    if (!array || array->element != element || array->rows * array->cols != count) {
        (void)fi_fail(
            FI_EDATA,
            "'%s' has no '%s' of %zu numbers: it is of another run; go on with the options "
            "and data that it was begun with",
            snapshot->path, name, count);
        return NULL;
    }
    return array->data;
}

fi_status fi_trainer_restore(fi_trainer *t, const fi_snapshot *snapshot)
{
    if (!fi_snapshot_array(snapshot, "trainer/counters"))
        return fi_fail(FI_EDATA,
                       "'%s' holds weights only, no run to go on with; begin anew from them",
                       snapshot->path);
    const size_t rows = t->data.training.rows;
    const uint64_t *counters = find(snapshot, "trainer/counters", FI_ELEMENT_U64, COUNTERS);
    const uint32_t *order = counters ? find(snapshot, "trainer/order", FI_ELEMENT_U32, rows) : NULL;
    const double *losses = order ? find(snapshot, "trainer/losses", FI_ELEMENT_DOUBLE, 3) : NULL;
    if (!losses)
        return FI_EDATA;
    if (counters[5] != fingerprint(&t->data.training))
        return fi_fail(FI_EDATA,
                       "'%s' was made with other training samples; go on with the same data",
                       snapshot->path);
    bool in_range = true;
    for (size_t k = 0; k < rows; k++)
        in_range &= order[k] < rows;
    if (!in_range || counters[2] > rows || counters[3] > t->points + 1 || counters[0] > t->updates)
        return fi_fail(FI_EDATA, "'%s' is damaged: its counters are out of range", snapshot->path);
    for (size_t v = 0; v < FI_TRAIN_VARIABLES; v++) {
        char name[NAME];
        if (!variables[v].by_point || !t->slots || !t->slots[v])
            continue;
        snprintf(name, sizeof name, "curves/%s", variables[v].name);
        const double *values = find(snapshot, name, FI_ELEMENT_DOUBLE, length_of(t, v));
        if (!values)
            return FI_EDATA;
        memcpy(t->slots[v], values, length_of(t, v) * sizeof *values);
    }
    FI_TRY(fi_snapshot_restore(snapshot, t->net, t->solver));
    t->iteration = counters[0];
    t->epoch = counters[1];
    t->cursor = counters[2];
    t->point = counters[3];
    memcpy(t->order, order, rows * sizeof *order);
    t->loss_sum = losses[0];
    t->loss_squares = losses[1];
    t->losses = losses[2];
    return FI_OK;
}
