/*
 * h5tsv: what a record holds, as tab-separated text with one row a position, for gnuplot, R or a
 * spreadsheet. It can keep one position of an axis and average over another.
 */
#define _GNU_SOURCE
#include "program.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

static const char usage[] =
    "usage: h5tsv [OPTION]... FILE\n"
    "\n"
    "Prints variables of an HDF5 file as tab-separated text: a header, then one row for\n"
    "each position along the axes; what is missing is NA.\n"
    "\n"
    "  -o, --over AXES      variables over exactly these axes, separated by commas, and\n"
    "                       beside them those over some of them (default: the axes\n"
    "                       that most variables share)\n"
    "  -w, --where WHERE    only these positions: AXIS=LABEL or AXIS=NUMBER, separated\n"
    "                       by commas\n"
    "  -m, --mean AXIS      the mean over this axis as NAME and the standard deviation\n"
    "                       (n - 1) as NAME_sd; needs no place in --over\n"
    "  -h, --help           print this, and exit\n"
    "      --version        print the version, and exit\n"
    "\n"
    "Example: h5tsv results/init-he.h5 --over activation,batch_norm,layer --mean run\n"
    "\n"
    "Exit status: 0 done, 64 usage, 65 bad data, 71 out of memory, 74 input or output.\n";

struct request {
    const char *file, *over, *mean;
    char *where;
};

/* Mean and standard deviation of n values, `stride` apart; missing if one of them is. */
static void summarize(size_t n, const double *values, size_t stride, double *mean, double *sd)
{
    double sum = 0;
    double squares = 0;
    for (size_t k = 0; k < n; k++)
        sum += values[k * stride];
    *mean = sum / (double)n;
    for (size_t k = 0; k < n; k++)
        squares += (values[k * stride] - *mean) * (values[k * stride] - *mean);
    *sd = n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
}

/* Puts the means of variable v over the axis at `into` and its deviations after them. */
static void average_variable(struct table *table, const fi_variable *variable, const double *values,
                             struct view view, size_t axis, size_t into)
{
    double *const means = fi_table_allocate(table, view.outer * view.inner, sizeof *means);
    double *const sds = fi_table_allocate(table, view.outer * view.inner, sizeof *sds);
    for (size_t o = 0; o < view.outer; o++)
        for (size_t i = 0; i < view.inner; i++)
            summarize(view.size, values + o * view.size * view.inner + i, view.inner,
                      means + o * view.inner + i, sds + o * view.inner + i);
    char *const name = fi_table_allocate(table, strlen(variable->name) + sizeof "_sd", 1);
    stpcpy(stpcpy(name, variable->name), "_sd");
    table->variables[into] = *variable;
    table->variables[into].axes &= ~(1U << axis);
    table->values[into] = means;
    table->variables[into + 1] = table->variables[into];
    table->variables[into + 1].name = name;
    table->values[into + 1] = sds;
}

/* Averages over the axis; what lies along it alone, such as the seed of a run, goes. */
static void average(struct table *table, size_t axis)
{
    const size_t count = table->n_variables;
    fi_variable *const variables = fi_table_allocate(table, count, sizeof *variables);
    double **const values = fi_table_allocate(table, count, sizeof *values);
    struct view *const views = fi_table_allocate(table, count, sizeof *views);
    memcpy(variables, table->variables, count * sizeof *variables);
    memcpy(values, table->values, count * sizeof *values);
    for (size_t v = 0; v < count; v++)
        views[v] = fi_table_view(table, v, axis);
    table->n_variables = 0;
    for (size_t v = 0; v < count; v++) {
        const size_t into = table->n_variables;
        if (variables[v].axes == 1U << axis)
            continue;
        if (variables[v].axes >> axis & 1) {
            average_variable(table, &variables[v], values[v], views[v], axis, into);
            table->n_variables += 2;
        } else {
            table->variables[into] = variables[v];
            table->values[into] = values[v];
            table->n_variables++;
        }
    }
}

static size_t variables_over(const struct table *table, uint32_t axes)
{
    size_t count = 0;
    for (size_t v = 0; v < table->n_variables; v++)
        count += table->variables[v].axes == axes;
    return count;
}

/* The axes of --over as a mask; without it those that most variables share. */
static fi_status find_axes(const struct table *table, const char *over, uint32_t *axes)
{
    *axes = 0;
    if (!over) {
        for (size_t v = 0; v < table->n_variables; v++)
            if (variables_over(table, table->variables[v].axes) > variables_over(table, *axes))
                *axes = table->variables[v].axes;
        return FI_OK;
    }
    const size_t length = strlen(over) + 1;
    char *rest = memcpy(fi_table_allocate(table, length, 1), over, length);
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        size_t axis = 0;
        const fi_status status = fi_table_axis(table, name, &axis);
        if (status != FI_OK)
            return status;
        *axes |= 1U << axis;
    }
    if (variables_over(table, *axes) == 0)
        return fi_program_fail(
            FI_EUSAGE,
            "no variable lies over exactly '%s'; ncdump -h shows what there is, and an axis "
            "of --mean is no longer there",
            over);
    return FI_OK;
}

static fi_status print(const struct request *request, fi_arena *arena)
{
    struct table table;
    uint32_t axes = 0;
    size_t mean = 0;
    fi_status status = fi_table_load(&table, request->file, arena);
    if (status == FI_OK && request->where)
        status = fi_tables_keep(&table, 1, request->where);
    if (status == FI_OK && request->mean)
        status = fi_table_axis(&table, request->mean, &mean);
    if (status == FI_OK && request->mean)
        average(&table, mean);
    if (status == FI_OK && table.n_variables == 0)
        status = fi_program_fail(
            FI_EUSAGE, "--mean %s leaves no variable; average over another axis", request->mean);
    if (status == FI_OK)
        status = find_axes(&table, request->over, &axes);
    if (status != FI_OK)
        return status;
    const fi_dataset dataset = fi_table_dataset(&table);
    status = fi_dataset_export(&dataset, axes, FI_TSV, stdout);
    return status == FI_OK ? FI_OK : fi_program_fail(status, "%s", fi_message());
}

/* Fills the request; *done: nothing is left to do. */
static fi_status parse(int argc, char **argv, struct request *request, bool *done)
{
    static const struct option options[] = {
        {"over", required_argument, NULL, 'o'}, {"where", required_argument, NULL, 'w'},
        {"mean", required_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},    {NULL, 0, NULL, 0}};
    for (int code; (code = getopt_long(argc, argv, "o:w:m:h", options, NULL)) != -1;)
        switch (code) {
        case 'o':
            request->over = optarg;
            break;
        case 'w':
            request->where = optarg;
            break;
        case 'm':
            request->mean = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            *done = true;
            return FI_OK;
        case 'v':
            printf("h5tsv (fanin) %s\n", fi_version());
            *done = true;
            return FI_OK;
        default: /* getopt_long has said what is wrong */
            return fi_program_fail(FI_EUSAGE, "--help lists all options");
        }
    if (argc - optind != 1)
        return fi_program_fail(FI_EUSAGE, "expected one FILE, got %d; see --help", argc - optind);
    request->file = argv[optind];
    return FI_OK;
}

int main(int argc, char **argv)
{
    struct request request = {NULL, NULL, NULL, NULL};
    fi_arena *arena = NULL;
    bool done = false;
    fi_status status = parse(argc, argv, &request, &done);
    if (status != FI_OK)
        return (int)status;
    if (!done) {
        status = fi_arena_new(&arena);
        status =
            status == FI_OK ? print(&request, arena) : fi_program_fail(status, "%s", fi_message());
        fi_arena_free(arena);
    }
    return fi_program_exit(status);
}
