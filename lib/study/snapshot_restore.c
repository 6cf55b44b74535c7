/* Looking up what a snapshot holds, and putting all of it back into a net and its solver. */
#include "snapshot.h"

#include "../core/internal.h"
#include "../net/layer.h"

#define AS_WRITTEN "build the net and its solver as they were when it was written"

const fi_array *fi_snapshot_array(const fi_snapshot *snapshot, const char *name)
{
    FI_REQUIRE(snapshot && name);
    for (size_t k = 0; k < snapshot->n_arrays; k++)
        if (strcmp(snapshot->arrays[k].name, name) == 0)
            return &snapshot->arrays[k];
    return NULL;
}

const char *fi_snapshot_attribute(const fi_snapshot *snapshot, const char *name)
{
    FI_REQUIRE(snapshot && name);
    for (size_t k = 0; k < snapshot->n_attributes; k++)
        if (strcmp(snapshot->attributes[k].name, name) == 0)
            return snapshot->attributes[k].text;
    return NULL;
}

/* Fails for an array of the net; the name holds the layer's: net/LAYER/weight. */
static fi_status fail_to_match(const fi_snapshot *snapshot, const fi_array *own,
                               const fi_array *found, const char *remedy)
{
    char there[64] = "missing";
    const char *const layer = strchr(own->name, '/') + 1;
    const size_t length = strcspn(layer, "/");
    const bool of_layer = layer[length] == '/';
    if (found && found->element != own->element)
        (void)snprintf(there, sizeof there, "of other elements");
    else if (found)
        (void)snprintf(there, sizeof there, "(%zu, %zu)", found->rows, found->cols);
    return fi_fail(FI_EDATA, "%s%.*s%s'%s' is %s in '%s' and (%zu, %zu) here; %s",
                   of_layer ? "layer '" : "", of_layer ? (int)length : 0, layer,
                   of_layer ? "': " : "", own->name, there, snapshot->path, own->rows, own->cols,
                   remedy);
}

fi_status fi_snapshot_match(const fi_snapshot *snapshot, const fi_array_list *list,
                            const char *remedy)
{
    for (size_t k = 0; k < list->count; k++) {
        const fi_array *const own = &list->arrays[k];
        const fi_array *const found = fi_snapshot_array(snapshot, own->name);
        if (!found || found->element != own->element || found->rows != own->rows ||
            found->cols != own->cols)
            return fail_to_match(snapshot, own, found, remedy);
    }
    return FI_OK;
}

static size_t bytes_of(const fi_array *array)
{
    static const size_t sizes[] = {
        [FI_ELEMENT_REAL] = sizeof(fi_real),
        [FI_ELEMENT_DOUBLE] = sizeof(double),
        [FI_ELEMENT_U32] = sizeof(uint32_t),
        [FI_ELEMENT_U64] = sizeof(uint64_t),
    };
    return array->rows * array->cols * sizes[array->element];
}

void fi_snapshot_copy(const fi_snapshot *snapshot, const fi_array_list *list)
{
    for (size_t k = 0; k < list->count; k++) {
        const fi_array *const own = &list->arrays[k];
        memcpy(own->data, fi_snapshot_array(snapshot, own->name)->data, bytes_of(own));
    }
}

/* FI_EDATA unless the file's layers and the net's have the same names and kinds in one order. */
static fi_status match_layers(const fi_snapshot *snapshot, const fi_net *net)
{
    static const char nothing[] = "nothing";
    const size_t layers = fi_net_layers(net);
    size_t a = 0;
    for (size_t i = 0;; i++, a++) {
        while (a < snapshot->n_attributes &&
               !fi_begins(snapshot->attributes[a].name, FI_SNAPSHOT_NET))
            a++;
        const bool in_file = a < snapshot->n_attributes;
        const bool in_net = i < layers;
        if (!in_file && !in_net)
            return FI_OK;
        const char *const name =
            in_file ? snapshot->attributes[a].name + strlen(FI_SNAPSHOT_NET) : nothing;
        const char *const kind = in_file ? snapshot->attributes[a].text : nothing;
        const char *const own_name = in_net ? fi_net_layer(net, i)->name : nothing;
        const char *const own_kind = in_net ? fi_net_layer(net, i)->kind->name : nothing;
        if (in_file != in_net || strcmp(name, own_name) != 0 || strcmp(kind, own_kind) != 0)
            return fi_fail(FI_EDATA,
                           "layer %zu is '%s' (%s) in '%s' and '%s' (%s) here; " AS_WRITTEN
                           ", or load its weights by the names of layers",
                           i + 1, name, kind, snapshot->path, own_name, own_kind);
    }
}

/* FI_EDATA if the file has an array of a net or of this solver that is not in the list. */
static fi_status find_no_more(const fi_snapshot *snapshot, const fi_array_list *list,
                              bool with_solver)
{
    for (size_t k = 0; k < snapshot->n_arrays; k++) {
        const fi_array *const array = &snapshot->arrays[k];
        bool expected = !fi_begins(array->name, FI_SNAPSHOT_NET) &&
                        !(with_solver && fi_begins(array->name, FI_SNAPSHOT_SOLVER));
        for (size_t j = 0; j < list->count && !expected; j++)
            expected = strcmp(list->arrays[j].name, array->name) == 0;
        if (!expected)
            return fi_fail(FI_EDATA, "'%s' (%zu, %zu) in '%s' has no counterpart here; " AS_WRITTEN,
                           array->name, array->rows, array->cols, snapshot->path);
    }
    return FI_OK;
}

static fi_status restore_from(fi_arena *arena, const fi_snapshot *snapshot, fi_net *net,
                              fi_solver *solver)
{
    fi_array_list list = {.arena = arena};
    fi_progress progress;
    FI_TRY(fi_snapshot_list(&list, net, solver, &progress));
    FI_TRY(fi_snapshot_match(snapshot, &list, AS_WRITTEN));
    FI_TRY(find_no_more(snapshot, &list, solver != NULL));
    fi_snapshot_copy(snapshot, &list);
    fi_net_set_trainings(net, progress.trainings);
    if (solver)
        fi_solver_set_iteration(solver, progress.iteration);
    for (size_t i = 0; i < fi_net_layers(net); i++)
        fi_net_layer(net, i)->settled = progress.settled[i] != 0;
    return FI_OK;
}

fi_status fi_snapshot_restore(const fi_snapshot *snapshot, fi_net *net, fi_solver *solver)
{
    FI_REQUIRE(snapshot && net);
    FI_TRY(match_layers(snapshot, net));
    FI_TRY(fi_net_draw(net));
    fi_arena *arena = NULL;
    FI_TRY(fi_arena_new(&arena));
    const fi_status status = restore_from(arena, snapshot, net, solver);
    fi_arena_free(arena);
    return status;
}
