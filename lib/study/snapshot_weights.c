/*
 * Fine-tuning: the weights of those layers of a net whose names a snapshot has too; and the table
 * that says what became of each layer.
 */
#include "snapshot.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../net/layer.h"

/* The name of the layer whose kind the attribute says; NULL if it says something else. */
static const char *layer_of(const fi_attribute *attribute)
{
    return fi_begins(attribute->name, FI_SNAPSHOT_NET) ? attribute->name + strlen(FI_SNAPSHOT_NET)
                                                       : NULL;
}

/* The kind of the layer of that name in the file; NULL if it is not there. */
static const char *kind_in_file(const fi_snapshot *snapshot, const char *layer)
{
    for (size_t k = 0; k < snapshot->n_attributes; k++) {
        const char *const name = layer_of(&snapshot->attributes[k]);
        if (name && strcmp(name, layer) == 0)
            return snapshot->attributes[k].text;
    }
    return NULL;
}

/* The first array of the layer of that name in the file; NULL if it has none. */
static const fi_array *first_in_file(const fi_snapshot *snapshot, const char *layer)
{
    const size_t length = strlen(layer);
    for (size_t k = 0; k < snapshot->n_arrays; k++) {
        const char *const name = snapshot->arrays[k].name;
        if (fi_begins(name, FI_SNAPSHOT_NET) && fi_begins(name + strlen(FI_SNAPSHOT_NET), layer) &&
            name[strlen(FI_SNAPSHOT_NET) + length] == '/')
            return &snapshot->arrays[k];
    }
    return NULL;
}

static bool in_net(const fi_net *net, const char *layer)
{
    for (size_t i = 0; i < fi_net_layers(net); i++)
        if (strcmp(fi_net_layer(net, i)->name, layer) == 0)
            return true;
    return false;
}

/* The row of a layer of the net; FI_EDATA if the file's layer of its name has another kind. */
static fi_status describe(const fi_snapshot *snapshot, const fi_layer *layer, fi_loaded_layer *row)
{
    const fi_blob *const first = fi_layer_parameter(layer, 0);
    const char *const kind = kind_in_file(snapshot, layer->name);
    if (kind && strcmp(kind, layer->kind->name) != 0)
        return fi_fail(FI_EDATA,
                       "layer '%s' is of kind %s in '%s' and %s in the net; rename the layer in "
                       "the net, so that it is drawn afresh",
                       layer->name, kind, snapshot->path, layer->kind->name);
    *row = (fi_loaded_layer){.layer = layer->name, .loading = FI_NO_PARAMETERS};
    if (!first)
        return FI_OK;
    row->loading = kind ? FI_LOADED : FI_FRESH;
    row->rows = first->rows;
    row->cols = first->cols;
    return FI_OK;
}

/* Adds the rows of the layers that only the file has. */
static size_t describe_skipped(const fi_snapshot *snapshot, const fi_net *net,
                               fi_loaded_layer *rows)
{
    size_t count = 0;
    for (size_t k = 0; k < snapshot->n_attributes; k++) {
        const char *const name = layer_of(&snapshot->attributes[k]);
        const fi_array *const first = name ? first_in_file(snapshot, name) : NULL;
        if (first && !in_net(net, name))
            rows[count++] = (fi_loaded_layer){name, FI_SKIPPED, first->rows, first->cols};
    }
    return count;
}

/* Copies the layers that the table says are loaded, all or none. */
static fi_status load(fi_arena *arena, const fi_snapshot *snapshot, const fi_net *net,
                      const fi_loaded_layer *table)
{
    fi_array_list list = {.arena = arena};
    for (size_t i = 0; i < fi_net_layers(net); i++)
        if (table[i].loading == FI_LOADED)
            FI_TRY(fi_snapshot_list_layer(&list, fi_net_layer(net, i)));
    FI_TRY(fi_snapshot_match(snapshot, &list,
                             "rename the layer in the net, so that it is drawn afresh"));
    fi_snapshot_copy(snapshot, &list);
    for (size_t i = 0; i < fi_net_layers(net); i++)
        if (table[i].loading == FI_LOADED)
            fi_net_layer(net, i)->settled = true;
    return FI_OK;
}

fi_status fi_snapshot_load_weights(const fi_snapshot *snapshot, fi_net *net,
                                   fi_loaded_layer **table, size_t *n_rows, fi_arena *arena)
{
    FI_REQUIRE(snapshot && net && table && n_rows && arena);
    FI_TRY(fi_snapshot_check_names(net));
    const size_t layers = fi_net_layers(net);
    fi_loaded_layer *const rows =
        fi_arena_zeros(arena, layers + snapshot->n_attributes, sizeof *rows);
    if (!rows)
        return FI_ENOMEM;
    for (size_t i = 0; i < layers; i++)
        FI_TRY(describe(snapshot, fi_net_layer(net, i), &rows[i]));
    FI_TRY(fi_net_draw(net));
    fi_arena *scratch = NULL;
    FI_TRY(fi_arena_new(&scratch));
    const fi_status status = load(scratch, snapshot, net, rows);
    fi_arena_free(scratch);
    *table = rows;
    *n_rows = layers + (status == FI_OK ? describe_skipped(snapshot, net, rows + layers) : 0);
    return status;
}

void fi_print_loading(FILE *stream, const fi_loaded_layer *table, size_t n_rows)
{
    static const char *const words[] = {
        [FI_LOADED] = "loaded",
        [FI_FRESH] = "fresh",
        [FI_SKIPPED] = "skipped",
        [FI_NO_PARAMETERS] = "no parameters",
    };
    int width = 0;
    for (size_t k = 0; k < n_rows; k++)
        if ((int)strlen(table[k].layer) > width)
            width = (int)strlen(table[k].layer);
    for (size_t k = 0; k < n_rows; k++) {
        const fi_loaded_layer *const row = &table[k];
        if (row->loading == FI_NO_PARAMETERS)
            (void)fprintf(stream, "%-*s  %s\n", width, row->layer, words[row->loading]);
        else
            (void)fprintf(stream, "%-*s  %-7s  (%zu, %zu)\n", width, row->layer,
                          words[row->loading], row->rows, row->cols);
    }
}
