/*
 * What a net and its solver consist of, as a list of named arrays, and the snapshot that is written
 * of it.
 */
#include "snapshot.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../net/layer.h"
#include "record_arrays.h"

#include <string.h>

#define TRAININGS "trainings"
#define SETTLED "settled"
#define ITERATION "iteration"

/* What the parameters and states of a kind of layer are called. */
static const struct kind {
    const char *name, *parameters[FI_MAX_PARAMETERS], *states[FI_MAX_STATES];
} kinds[] = {
    {"dense", {"weight", "bias"}, {NULL}},
    {"batch_norm", {"gamma", "beta"}, {"running_mean", "running_variance"}},
};

static const struct kind *kind_of(const fi_layer *layer)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strcmp(kinds[k].name, layer->kind->name) == 0)
            return &kinds[k];
    FI_REQUIRE(!fi_layer_parameter(layer, 0) && !fi_layer_state(layer, 0));
    return NULL;
}

/* ---- the list of arrays ---------------------------------------------------------------------- */

static fi_status grow(fi_array_list *list)
{
    if (list->count < list->capacity)
        return FI_OK;
    const size_t capacity = list->capacity ? 2 * list->capacity : 64;
    fi_array *const arrays = fi_arena_zeros(list->arena, capacity, sizeof *arrays);
    if (!arrays)
        return FI_ENOMEM;
    if (list->count)
        memcpy(arrays, list->arrays, list->count * sizeof *arrays);
    list->arrays = arrays;
    list->capacity = capacity;
    return FI_OK;
}

static fi_status add(fi_array_list *list, fi_array array)
{
    FI_TRY(grow(list));
    list->arrays[list->count++] = array;
    return FI_OK;
}

static fi_array number(const char *name, uint64_t *value)
{
    return (fi_array){name, FI_ELEMENT_U64, 1, 1, value};
}

/* Adds the blob as ROOT LAYER/ITEM. */
static fi_status add_blob(fi_array_list *list, const fi_blob *blob, const char *root,
                          const fi_layer *layer, const char *item)
{
    const size_t size = strlen(root) + strlen(layer->name) + 1 + strlen(item) + 1;
    char *const name = fi_arena_zeros(list->arena, size, 1);
    if (!name)
        return FI_ENOMEM;
    (void)snprintf(name, size, "%s%s/%s", root, layer->name, item);
    return add(list, (fi_array){name, FI_ELEMENT_REAL, blob->rows, blob->cols, blob->data});
}

fi_status fi_snapshot_list_layer(fi_array_list *list, const fi_layer *layer)
{
    const struct kind *const kind = kind_of(layer);
    const fi_blob *blob = NULL;
    for (size_t p = 0; (blob = fi_layer_parameter(layer, p)) != NULL; p++)
        FI_TRY(add_blob(list, blob, FI_SNAPSHOT_NET, layer, kind->parameters[p]));
    for (size_t s = 0; (blob = fi_layer_state(layer, s)) != NULL; s++)
        FI_TRY(add_blob(list, blob, FI_SNAPSHOT_NET, layer, kind->states[s]));
    return FI_OK;
}

/* Adds solver/LAYER/PARAMETER/history_0 and so on of layer number `index`. */
static fi_status list_histories(fi_array_list *list, const fi_net *net, const fi_solver *solver,
                                size_t index)
{
    const fi_layer *const layer = fi_net_layer(net, index);
    const fi_blob *blob = NULL;
    for (size_t p = 0; fi_layer_parameter(layer, p); p++)
        for (size_t h = 0; (blob = fi_solver_history(solver, index, p, h)) != NULL; h++) {
            char item[64];
            (void)snprintf(item, sizeof item, "%s/history_%zu", kind_of(layer)->parameters[p], h);
            FI_TRY(add_blob(list, blob, FI_SNAPSHOT_SOLVER, layer, item));
        }
    return FI_OK;
}

fi_status fi_snapshot_list(fi_array_list *list, const fi_net *net, const fi_solver *solver,
                           fi_progress *progress)
{
    const size_t layers = fi_net_layers(net);
    progress->trainings = fi_net_trainings(net);
    progress->iteration = solver ? fi_solver_iteration(solver) : 0;
    progress->settled = fi_arena_zeros(list->arena, layers, sizeof *progress->settled);
    if (!progress->settled)
        return FI_ENOMEM;
    for (size_t i = 0; i < layers; i++)
        progress->settled[i] = progress->trainings > 0 || fi_net_layer(net, i)->settled;
    const fi_array settled = {FI_SNAPSHOT_NET SETTLED, FI_ELEMENT_U32, 1, layers,
                              progress->settled};
    FI_TRY(add(list, number(FI_SNAPSHOT_NET TRAININGS, &progress->trainings)));
    FI_TRY(add(list, settled));
    for (size_t i = 0; i < layers; i++)
        FI_TRY(fi_snapshot_list_layer(list, fi_net_layer(net, i)));
    if (!solver)
        return FI_OK;
    FI_TRY(add(list, number(FI_SNAPSHOT_SOLVER ITERATION, &progress->iteration)));
    for (size_t i = 0; i < layers; i++)
        FI_TRY(list_histories(list, net, solver, i));
    return FI_OK;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

fi_status fi_snapshot_check_names(const fi_net *net)
{
    static const char *const taken[] = {"", ".", TRAININGS, SETTLED, ITERATION};
    for (size_t i = 0; i < fi_net_layers(net); i++) {
        const char *const name = fi_net_layer(net, i)->name;
        bool usable = !strchr(name, '/');
        for (size_t k = 0; k < sizeof taken / sizeof *taken; k++)
            usable = usable && strcmp(name, taken[k]) != 0;
        if (!usable)
            return fi_fail(FI_EDATA,
                           "layer %zu is called '%s', which names no group of a snapshot (no '/', "
                           "not empty, '.', '" TRAININGS "', '" SETTLED "' or '" ITERATION
                           "'); rename the layer",
                           i + 1, name);
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, fi_net_layer(net, k)->name) == 0)
                return fi_fail(FI_EDATA,
                               "layers %zu and %zu are both called '%s', and a snapshot tells "
                               "layers by name; rename one",
                               k + 1, i + 1, name);
    }
    return FI_OK;
}

/* The kinds of the layers, in order. */
static fi_status list_kinds(fi_attribute **kinds_of_layers, const fi_net *net, fi_arena *arena)
{
    const size_t layers = fi_net_layers(net);
    fi_attribute *const all = fi_arena_zeros(arena, layers, sizeof *all);
    if (!all)
        return FI_ENOMEM;
    for (size_t i = 0; i < layers; i++) {
        const fi_layer *const layer = fi_net_layer(net, i);
        const size_t size = sizeof FI_SNAPSHOT_NET + strlen(layer->name);
        char *const name = fi_arena_zeros(arena, size, 1);
        if (!name)
            return FI_ENOMEM;
        (void)snprintf(name, size, FI_SNAPSHOT_NET "%s", layer->name);
        all[i] = (fi_attribute){name, layer->kind->name};
    }
    *kinds_of_layers = all;
    return FI_OK;
}

fi_status fi_snapshot_of(fi_snapshot *snapshot, const fi_net *net, const fi_solver *solver,
                         fi_arena *arena)
{
    FI_REQUIRE(snapshot && net && arena && fi_net_layers(net) > 0);
    for (size_t i = 0; i < fi_net_layers(net); i++)
        FI_REQUIRE(fi_net_layer(net, i)->drawn || !fi_net_layer(net, i)->kind->draw);
    FI_TRY(fi_snapshot_check_names(net));
    fi_array_list list = {.arena = arena};
    fi_attribute *attributes = NULL;
    fi_progress *const progress = fi_arena_zeros(arena, 1, sizeof *progress);
    if (!progress)
        return FI_ENOMEM;
    FI_TRY(fi_snapshot_list(&list, net, solver, progress));
    FI_TRY(list_kinds(&attributes, net, arena));
    *snapshot =
        (fi_snapshot){"a net in memory", fi_net_layers(net), list.count, attributes, list.arrays};
    return FI_OK;
}

/*
 * Adds the caller's arrays and attributes. Attributes that were layers' kinds, in a snapshot that
 * the caller has read, are left out.
 */
static fi_status extend(fi_snapshot *snapshot, const fi_snapshot *callers, fi_arena *arena)
{
    fi_array *const arrays =
        fi_arena_zeros(arena, snapshot->n_arrays + callers->n_arrays, sizeof *arrays);
    fi_attribute *const attributes =
        fi_arena_zeros(arena, snapshot->n_attributes + callers->n_attributes, sizeof *attributes);
    if (!arrays || !attributes)
        return FI_ENOMEM;
    memcpy(arrays, snapshot->arrays, snapshot->n_arrays * sizeof *arrays);
    memcpy(attributes, snapshot->attributes, snapshot->n_attributes * sizeof *attributes);
    for (size_t k = 0; k < callers->n_arrays; k++) {
        FI_REQUIRE(!fi_begins(callers->arrays[k].name, FI_SNAPSHOT_NET));
        FI_REQUIRE(!fi_begins(callers->arrays[k].name, FI_SNAPSHOT_SOLVER));
        arrays[snapshot->n_arrays++] = callers->arrays[k];
    }
    for (size_t k = 0; k < callers->n_attributes; k++)
        if (!fi_begins(callers->attributes[k].name, FI_SNAPSHOT_NET))
            attributes[snapshot->n_attributes++] = callers->attributes[k];
    snapshot->arrays = arrays;
    snapshot->attributes = attributes;
    return FI_OK;
}

/* Writes with the scratch memory of an arena. */
static fi_status write_from(fi_arena *arena, const fi_net *net, const fi_solver *solver,
                            const fi_snapshot *callers)
{
    fi_snapshot snapshot;
    FI_TRY(fi_snapshot_of(&snapshot, net, solver, arena));
    FI_TRY(extend(&snapshot, callers, arena));
    snapshot.path = callers->path;
    return fi_snapshot_save(&snapshot);
}

fi_status fi_snapshot_write(const char *path, const fi_net *net, const fi_solver *solver,
                            size_t n_arrays, const fi_array *arrays, size_t n_attributes,
                            const fi_attribute *attributes)
{
    FI_REQUIRE(path && (arrays || !n_arrays) && (attributes || !n_attributes));
    const fi_snapshot callers = {path, n_attributes, n_arrays, attributes, arrays};
    fi_arena *arena = NULL;
    FI_TRY(fi_arena_new(&arena));
    const fi_status status = write_from(arena, net, solver, &callers);
    fi_arena_free(arena);
    return status;
}
