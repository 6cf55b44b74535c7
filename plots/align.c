/* Two records side by side: which variables both have, and which positions along which axes. */
#define _GNU_SOURCE
#include "align.h"

#include <string.h>

static size_t find_axis(const struct table *table, const char *name)
{
    const fi_dataset dataset = fi_table_dataset(table);
    return fi_dataset_axis(&dataset, name);
}

static size_t find_variable(const struct table *table, const char *name)
{
    const fi_dataset dataset = fi_table_dataset(table);
    return fi_dataset_find(&dataset, name);
}

static bool is_along(const struct table *table, size_t variable, const char *axis)
{
    const size_t k = find_axis(table, axis);
    return k < table->n_axes && table->variables[variable].axes >> k & 1;
}

bool fi_is_aligned(const char *axis)
{
    return strcmp(axis, "run") != 0 && strcmp(axis, "bin") != 0 && strcmp(axis, "edge") != 0;
}

/*
 * A seed is no statistic, a prediction is no measurement, a verdict's factor is a summary without a
 * deviation, and a bin's count means nothing beside one of other edges.
 */
static bool is_statistic(const struct table *table, size_t variable)
{
    static const char *const others[] = {"seed", "forward_factor", "backward_factor"};
    const char *const name = table->variables[variable].name;
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        if (strcmp(name, others[k]) == 0)
            return false;
    return strncmp(name, "predicted_", strlen("predicted_")) != 0 &&
           !is_along(table, variable, "bin") && !is_along(table, variable, "edge");
}

size_t fi_statistics(const struct table *table)
{
    size_t count = 0;
    for (size_t v = 0; v < table->n_variables; v++)
        count += is_statistic(table, v);
    return count;
}

void fi_position_text(const fi_axis *axis, size_t k, char *text, size_t size)
{
    if (axis->labels)
        snprintf(text, size, "%s", axis->labels[k]);
    else
        snprintf(text, size, "%.15g", axis->values ? axis->values[k] : (double)k);
}

void fi_list_append(struct list *list, const char *word)
{
    if (list->used < sizeof list->text)
        list->used += (size_t)snprintf(list->text + list->used, sizeof list->text - list->used,
                                       "%s%s", list->used ? ", " : "", word);
}

static struct list positions_of(const fi_axis *axis)
{
    struct list list = {"", 0};
    for (size_t k = 0; k < axis->size; k++) {
        char text[64];
        fi_position_text(axis, k, text, sizeof text);
        fi_list_append(&list, text);
    }
    return list;
}

static struct list statistics_of(const struct table *table)
{
    struct list list = {"", 0};
    for (size_t v = 0; v < table->n_variables; v++)
        if (is_statistic(table, v))
            fi_list_append(&list, table->variables[v].name);
    return list;
}

size_t fi_partner(const fi_axis *axis, size_t i, const fi_axis *other)
{
    for (size_t j = 0; j < other->size; j++) {
        const double here = axis->values ? axis->values[i] : (double)i;
        const double there = other->values ? other->values[j] : (double)j;
        if (axis->labels || other->labels
                ? axis->labels && other->labels && strcmp(axis->labels[i], other->labels[j]) == 0
                : here == there)
            return j;
    }
    return SIZE_MAX;
}

static void match_axes(struct alignment *alignment)
{
    const struct table *const a = &alignment->tables[A];
    const struct table *const b = &alignment->tables[B];
    alignment->mate = fi_table_allocate(a, a->n_axes, sizeof *alignment->mate);
    alignment->partner = fi_table_allocate(a, a->n_axes, sizeof *alignment->partner);
    for (size_t k = 0; k < a->n_axes; k++) {
        const size_t mate = find_axis(b, a->axes[k].name);
        size_t *const partner = fi_table_allocate(a, a->axes[k].size, sizeof *partner);
        for (size_t i = 0; i < a->axes[k].size; i++)
            partner[i] = mate < b->n_axes ? fi_partner(&a->axes[k], i, &b->axes[mate]) : 0;
        alignment->mate[k] = mate;
        alignment->partner[k] = partner;
    }
}

/* Adds a variable, unless one of the files lacks it; where it is asked for, that is a failure. */
static fi_status add_variable(struct alignment *alignment, const char *name, bool asked)
{
    const struct table *const tables = alignment->tables;
    struct common common = {.axes = 0};
    bool missing[SIDES];
    for (size_t side = 0; side < SIDES; side++) {
        const size_t v = common.index[side] = find_variable(&tables[side], name);
        missing[side] = v == tables[side].n_variables || !is_statistic(&tables[side], v);
    }
    if (asked && missing[A] && missing[B])
        return fi_program_fail(FI_EUSAGE, "neither file has a statistic '%s'; '%s' has %s", name,
                               tables[A].path, statistics_of(&tables[A]).text);
    if (asked && (missing[A] || missing[B])) {
        const struct table *const lacks = &tables[missing[A] ? A : B];
        return fi_program_fail(FI_EDATA, "'%s' lacks the statistic '%s'; it has %s", lacks->path,
                               name, statistics_of(lacks).text);
    }
    if (missing[A] || missing[B])
        return FI_OK;
    for (size_t k = 0; k < tables[A].n_axes; k++) {
        const size_t mate = alignment->mate[k];
        const bool in_b =
            mate < tables[B].n_axes && tables[B].variables[common.index[B]].axes >> mate & 1;
        if (fi_is_aligned(tables[A].axes[k].name) &&
            (in_b || tables[A].variables[common.index[A]].axes >> k & 1))
            common.axes |= 1U << k;
    }
    alignment->common[alignment->n_common++] = common;
    return FI_OK;
}

static fi_status choose_variables(struct alignment *alignment, const char *names)
{
    const struct table *const tables = alignment->tables;
    size_t room = tables[A].n_variables;
    for (const char *c = names; c && *c; c++)
        room += *c == ',';
    alignment->common = fi_table_allocate(&tables[A], room + 1, sizeof *alignment->common);
    fi_status status = FI_OK;
    for (size_t v = 0; !names && v < tables[A].n_variables; v++)
        status = add_variable(alignment, tables[A].variables[v].name, false);
    const size_t length = names ? strlen(names) + 1 : 0;
    char *rest = names ? memcpy(fi_table_allocate(&tables[A], length, 1), names, length) : NULL;
    for (char *name; status == FI_OK && (name = strsep(&rest, ",")) != NULL;)
        status = add_variable(alignment, name, true);
    if (status == FI_OK && alignment->n_common == 0)
        status = fi_program_fail(
            FI_EDATA, "no statistic is in both files: '%s' has %s; '%s' has %s", tables[A].path,
            statistics_of(&tables[A]).text, tables[B].path, statistics_of(&tables[B]).text);
    return status;
}

/* Fails if the variable lies along an axis that the other file lacks, at several positions. */
static fi_status check_alone(const struct alignment *alignment, size_t variable, size_t side)
{
    const struct table *const table = &alignment->tables[side];
    const struct table *const other = &alignment->tables[side == A ? B : A];
    const fi_variable *const v = &table->variables[alignment->common[variable].index[side]];
    for (size_t k = 0; k < table->n_axes; k++) {
        const fi_axis *const axis = &table->axes[k];
        if (v->axes >> k & 1 && axis->size > 1 && fi_is_aligned(axis->name) &&
            find_axis(other, axis->name) == other->n_axes)
            return fi_program_fail(FI_EDATA,
                                   "'%s' has no axis '%s', along which '%s' has %s; choose one "
                                   "position with --where %s=...",
                                   other->path, axis->name, table->path, positions_of(axis).text,
                                   axis->name);
    }
    return FI_OK;
}

/* Fails if the two files have an axis of the variable, but no position along it. */
static fi_status check_disjoint(const struct alignment *alignment, const struct common *common)
{
    const struct table *const a = &alignment->tables[A];
    const struct table *const b = &alignment->tables[B];
    for (size_t k = 0; k < a->n_axes; k++) {
        size_t matched = 0;
        for (size_t i = 0; i < a->axes[k].size; i++)
            matched += alignment->partner[k][i] != SIZE_MAX;
        if (common->axes >> k & 1 && matched == 0)
            return fi_program_fail(
                FI_EDATA, "no position along axis '%s' is in both files: '%s' has %s; '%s' has %s",
                a->axes[k].name, a->path, positions_of(&a->axes[k]).text, b->path,
                positions_of(&b->axes[alignment->mate[k]]).text);
    }
    return FI_OK;
}

fi_status fi_align(struct alignment *alignment, const char *names)
{
    match_axes(alignment);
    fi_status status = choose_variables(alignment, names);
    for (size_t v = 0; status == FI_OK && v < alignment->n_common; v++) {
        status = check_alone(alignment, v, A);
        if (status == FI_OK)
            status = check_alone(alignment, v, B);
        if (status == FI_OK)
            status = check_disjoint(alignment, &alignment->common[v]);
    }
    return status;
}

size_t fi_aligned_size(const struct alignment *alignment, const struct common *common)
{
    size_t size = 1;
    for (size_t k = 0; k < alignment->tables[A].n_axes; k++)
        if (common->axes >> k & 1)
            size *= alignment->tables[A].axes[k].size;
    return size;
}

/* The sample over the runs at a position along the table's axes. */
static struct sample sample_at(const struct table *table, size_t variable, const size_t *position)
{
    size_t index = 0;
    size_t stride = 1;
    size_t runs = 1;
    for (size_t k = 0; k < table->n_axes; k++) {
        const size_t size = table->axes[k].size;
        if (!(table->variables[variable].axes >> k & 1))
            continue;
        const bool is_run = strcmp(table->axes[k].name, "run") == 0;
        index = index * size + (is_run ? 0 : position[k]);
        stride = is_run ? 1 : stride * size;
        runs = is_run ? size : runs;
    }
    return fi_sample(runs, table->values[variable] + index, stride);
}

bool fi_aligned(const struct alignment *alignment, const struct common *common, size_t index,
                size_t *position, struct sample samples[SIDES])
{
    const struct table *const a = &alignment->tables[A];
    const struct table *const b = &alignment->tables[B];
    size_t there[32] = {0}; /* along B's axes; a mask has room for 32 */
    bool in_both = true;
    for (size_t k = a->n_axes; k-- > 0;) {
        const bool along = common->axes >> k & 1;
        position[k] = along ? index % a->axes[k].size : 0;
        index = along ? index / a->axes[k].size : index;
        if (!along)
            continue;
        const size_t partner = alignment->partner[k][position[k]];
        in_both = in_both && partner != SIZE_MAX;
        if (alignment->mate[k] < b->n_axes)
            there[alignment->mate[k]] = partner;
    }
    if (!in_both)
        return false;
    samples[A] = sample_at(a, common->index[A], position);
    samples[B] = sample_at(b, common->index[B], there);
    return true;
}
