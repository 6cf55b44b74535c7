/* What the programs that read records share: one way to fail, and a record that can be cut. */
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

fi_status fi_program_fail(fi_status status, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *c = message; *c; c++) /* a name from outside may hold anything */
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, message);
    return status;
}

int fi_program_exit(fi_status status)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == FI_OK)
        status = fi_program_fail(FI_EIO, "cannot write to standard output: %s; free some space",
                                 strerror(errno));
    return (int)status;
}

void *fi_table_allocate(const struct table *table, size_t count, size_t size)
{
    void *const memory = fi_arena_alloc(table->arena, count, size);
    if (!memory)
        exit((int)fi_program_fail(FI_ENOMEM, "the system refused memory; use a smaller file"));
    return memory;
}

fi_dataset fi_table_dataset(const struct table *table)
{
    return (fi_dataset){.n_axes = table->n_axes,
                        .n_variables = table->n_variables,
                        .axes = table->axes,
                        .variables = table->variables,
                        .values = table->values};
}

fi_status fi_table_load(struct table *table, const char *path, fi_arena *arena)
{
    fi_dataset dataset;
    const fi_status status = fi_dataset_read(&dataset, path, arena);
    if (status != FI_OK)
        return fi_program_fail(status, "%s", fi_message());
    *table = (struct table){
        .arena = arena, .path = path, .n_axes = dataset.n_axes, .n_variables = dataset.n_variables};
    table->axes = fi_table_allocate(table, dataset.n_axes, sizeof *table->axes);
    table->variables = fi_table_allocate(table, 2 * dataset.n_variables, sizeof *table->variables);
    table->values = fi_table_allocate(table, 2 * dataset.n_variables, sizeof *table->values);
    memcpy(table->axes, dataset.axes, dataset.n_axes * sizeof *table->axes);
    memcpy(table->variables, dataset.variables, dataset.n_variables * sizeof *table->variables);
    memcpy(table->values, dataset.values, dataset.n_variables * sizeof *table->values);
    return FI_OK;
}

struct view fi_table_view(const struct table *table, size_t variable, size_t axis)
{
    struct view view = {1, table->axes[axis].size, 1};
    for (size_t k = 0; k < table->n_axes; k++)
        if (table->variables[variable].axes >> k & 1 && k != axis)
            *(k < axis ? &view.outer : &view.inner) *= table->axes[k].size;
    return view;
}

fi_status fi_table_axis(const struct table *table, const char *name, size_t *axis)
{
    const fi_dataset dataset = fi_table_dataset(table);
    *axis = fi_dataset_axis(&dataset, name);
    if (*axis < table->n_axes)
        return FI_OK;
    char names[512] = "";
    size_t used = 0;
    for (size_t k = 0; k < table->n_axes && used < sizeof names; k++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", k ? ", " : "",
                                 table->axes[k].name);
    return fi_program_fail(FI_EUSAGE, "there is no axis '%s'; the file has: %s", name, names);
}

/* The position along an axis that a label or a number names. */
static fi_status find_position(const struct table *table, const fi_axis *axis, const char *text,
                               size_t *position)
{
    char *end = NULL;
    const double number = strtod(text, &end);
    const bool is_number = end != text && *end == '\0';
    for (size_t k = 0; k < axis->size; k++) {
        const double here = axis->values ? axis->values[k] : (double)k;
        *position = k;
        if (axis->labels ? strcmp(axis->labels[k], text) == 0 : is_number && here == number)
            return FI_OK;
    }
    if (axis->labels)
        return fi_program_fail(FI_EUSAGE, "'%s': axis '%s' has no label '%s'; it begins with '%s'",
                               table->path, axis->name, text, axis->labels[0]);
    return fi_program_fail(FI_EUSAGE, "'%s': axis '%s' has no position '%s'; it goes from %g to %g",
                           table->path, axis->name, text, axis->values ? axis->values[0] : 0,
                           axis->values ? axis->values[axis->size - 1] : (double)(axis->size - 1));
}

/* Keeps one position of an axis, in all variables that have it. */
static void keep_position(struct table *table, size_t axis, size_t position)
{
    for (size_t v = 0; v < table->n_variables; v++) {
        if (!(table->variables[v].axes >> axis & 1))
            continue;
        const struct view view = fi_table_view(table, v, axis);
        double *const kept = fi_table_allocate(table, view.outer * view.inner, sizeof *kept);
        for (size_t o = 0; o < view.outer; o++)
            memcpy(kept + o * view.inner,
                   table->values[v] + (o * view.size + position) * view.inner,
                   view.inner * sizeof *kept);
        table->values[v] = kept;
    }
    fi_axis *const cut = &table->axes[axis];
    double *const value = fi_table_allocate(table, 1, sizeof *value);
    *value = cut->values ? cut->values[position] : (double)position;
    cut->values = value;
    cut->labels = cut->labels ? cut->labels + position : NULL;
    cut->size = 1;
}

/* Cuts the table to a position of the axis, if it has that. */
static fi_status keep(struct table *table, const char *axis, const char *text)
{
    const fi_dataset dataset = fi_table_dataset(table);
    const size_t k = fi_dataset_axis(&dataset, axis);
    if (k == table->n_axes)
        return FI_OK;
    size_t position = 0;
    const fi_status status = find_position(table, &table->axes[k], text, &position);
    if (status == FI_OK)
        keep_position(table, k, position);
    return status;
}

/* FI_EUSAGE if none of the tables has the axis. */
static fi_status find_in_one(const struct table *tables, size_t count, const char *axis)
{
    size_t found = 0;
    for (size_t t = 1; t < count; t++) {
        const fi_dataset dataset = fi_table_dataset(&tables[t]);
        if (fi_dataset_axis(&dataset, axis) < dataset.n_axes)
            return FI_OK;
    }
    return fi_table_axis(&tables[0], axis, &found);
}

fi_status fi_tables_keep(struct table *tables, size_t count, char *where)
{
    for (char *item; (item = strsep(&where, ",")) != NULL;) {
        char *const equals = strchr(item, '=');
        if (!equals)
            return fi_program_fail(FI_EUSAGE, "--where '%s': expected AXIS=LABEL or AXIS=NUMBER",
                                   item);
        *equals = '\0';
        fi_status status = find_in_one(tables, count, item);
        for (size_t t = 0; t < count && status == FI_OK; t++)
            status = keep(&tables[t], item, equals + 1);
        if (status != FI_OK)
            return status;
    }
    return FI_OK;
}
