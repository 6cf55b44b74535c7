/*
 * fanin-compare: whether two records agree. For each statistic and layer the difference of the
 * means over the runs is held against its standard error, and the error rate is that of the whole.
 */
#define _GNU_SOURCE
#include "difference.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: fanin-compare [OPTION]... A B\n"
    "\n"
    "Says whether two HDF5 files agree: a study's, or any whose dimensions are named as\n"
    "a study's are (activation, batch_norm, run, layer), or some of them. For each\n"
    "statistic that both have, and each position that both have, it compares the means\n"
    "over the runs by Welch's t test. All tests together report a difference where there\n"
    "is none with a probability of at most --level (Holm's correction). The tests take\n"
    "the runs for independent: give two studies different seeds.\n"
    "\n"
    "  -w, --where WHERE    only these positions: AXIS=LABEL or AXIS=NUMBER, separated\n"
    "                       by commas; needed for an axis that one file lacks\n"
    "  -V, --variable LIST  these statistics only, separated by commas\n"
    "  -l, --level P        family-wise error rate of the t tests (default: 0.01)\n"
    "  -t, --tolerance X    a relative difference up to this is none; where there is no\n"
    "                       spread over runs, it alone decides (default: 1e-5)\n"
    "  -a, --all            print every position, not the worst of each statistic\n"
    "  -h, --help           print this, and exit\n"
    "      --version        print the version, and exit\n"
    "\n"
    "p is corrected for the number of tests: below --level the two differ. Where no test\n"
    "is possible (one run each, or no spread) it says same or apart; of two or three\n"
    "runs, counts can lack spread by chance. A value that is missing in all runs of one\n"
    "file only is a difference.\n"
    "\n"
    "Example: fanin-compare results/init-he.h5 pytorch.h5 --where activation=relu\n"
    "\n"
    "Exit status: 0 they agree, 1 they differ, 64 usage, 65 not comparable or bad data,\n"
    "71 out of memory, 74 input or output.\n";

struct request {
    const char *files[SIDES], *variables;
    char *where;
    double level, tolerance;
    bool all;
};

/* ---- output ---------------------------------------------------------------------------------- */

/* The axes to name a position by: those along which more than one was compared. */
static uint32_t shown_axes(const struct alignment *alignment)
{
    const struct table *const a = &alignment->tables[A];
    uint32_t shown = 0;
    for (size_t v = 0; v < alignment->n_common; v++)
        shown |= alignment->common[v].axes;
    for (size_t k = 0; k < a->n_axes; k++) {
        size_t matched = 0;
        for (size_t i = 0; i < a->axes[k].size; i++)
            matched += alignment->partner[k][i] != SIZE_MAX;
        if (matched < 2)
            shown &= ~(1U << k);
    }
    return shown;
}

/* "relu/off/7", or the names of the axes where `d` is NULL. */
static const char *place(const struct alignment *alignment, const struct difference *d,
                         uint32_t shown, char text[128])
{
    const struct table *const a = &alignment->tables[A];
    size_t used = 0;
    snprintf(text, 128, "%s", d ? "-" : "position");
    for (size_t k = 0; k < a->n_axes && used < 128; k++) {
        char word[64] = "*"; /* the same at all */
        if (!(shown >> k & 1))
            continue;
        if (!d)
            snprintf(word, sizeof word, "%s", a->axes[k].name);
        else if (d->common->axes >> k & 1)
            fi_position_text(&a->axes[k], d->position[k], word, sizeof word);
        used += (size_t)snprintf(text + used, 128 - used, "%s%s", used ? "/" : "", word);
    }
    return text;
}

/* Column widths, and what places are named by. */
struct layout {
    const struct alignment *alignment;
    uint32_t shown;
    int name, place;
};

static struct layout lay_out(const struct alignment *alignment, const struct result *result)
{
    struct layout layout = {alignment, shown_axes(alignment), 8, 8};
    const fi_variable *const variables = alignment->tables[A].variables;
    char text[128];
    for (size_t k = 0; k <= result->count; k++) {
        const struct difference *const d = k > 0 ? &result->differences[k - 1] : NULL;
        const char *const name = d ? variables[d->common->index[A]].name : "";
        const int used = (int)strlen(place(alignment, d, layout.shown, text));
        layout.name = (int)strlen(name) > layout.name ? (int)strlen(name) : layout.name;
        layout.place = used > layout.place ? used : layout.place;
    }
    return layout;
}

static void print_number(double x, int width)
{
    if (isnan(x))
        printf(" %*s", width, ".");
    else
        printf(" %*.*g", width, width > 8 ? 6 : 3, x);
}

static void print_difference(const struct layout *layout, const struct difference *d, bool with_sd)
{
    char text[128];
    printf("%-*s  %-*s", layout->name,
           layout->alignment->tables[A].variables[d->common->index[A]].name, layout->place,
           place(layout->alignment, d, layout->shown, text));
    for (size_t side = 0; side < SIDES; side++) {
        print_number(d->samples[side].mean, 12);
        if (with_sd)
            print_number(d->samples[side].sd, 12);
    }
    print_number(d->t, 8);
    if (d->tested)
        print_number(d->p, 8);
    else
        printf(" %8s", d->differs ? "apart" : "same");
}

static void print_header(const struct layout *layout, bool all)
{
    char text[128];
    printf("%-*s  %-*s", layout->name, "variable", layout->place,
           place(layout->alignment, NULL, layout->shown, text));
    if (all)
        printf(" %12s %12s %12s %12s %8s %8s\n", "mean in A", "sd in A", "mean in B", "sd in B",
               "t", "p");
    else
        printf(" %12s %12s %8s %8s %9s %7s\n", "mean in A", "mean in B", "t", "p", "compared",
               "differ");
}

/* Each position, or of each statistic the one that differs most. */
static void print_table(const struct layout *layout, const struct result *result, bool all)
{
    print_header(layout, all);
    for (size_t k = 0; k < result->count;) {
        const struct difference *const first = &result->differences[k];
        const struct difference *worst = first;
        size_t compared = 0;
        size_t differ = 0;
        for (; k < result->count && result->differences[k].common == first->common; k++) {
            const struct difference *const d = &result->differences[k];
            if (all) {
                print_difference(layout, d, true);
                puts(d->differs ? "  differs" : "");
            }
            worst = fi_is_worse(d, worst) ? d : worst;
            compared++;
            differ += d->differs;
        }
        if (!all) {
            print_difference(layout, worst, false);
            printf(" %9zu %7zu\n", compared, differ);
        }
    }
}

/* "only in A: layer 11, 12" */
static void print_unmatched(const struct alignment *alignment)
{
    for (size_t side = 0; side < SIDES; side++) {
        const struct table *const table = &alignment->tables[side];
        const fi_dataset other = fi_table_dataset(&alignment->tables[side == A ? B : A]);
        for (size_t k = 0; k < table->n_axes; k++) {
            const fi_axis *const axis = &table->axes[k];
            const size_t mate = fi_dataset_axis(&other, axis->name);
            struct list only = {"", 0};
            for (size_t i = 0; i < axis->size && mate < other.n_axes; i++) {
                char text[64];
                fi_position_text(axis, i, text, sizeof text);
                if (fi_partner(axis, i, &other.axes[mate]) == SIZE_MAX)
                    fi_list_append(&only, text);
            }
            if (only.used && fi_is_aligned(axis->name))
                printf("only in %c: %s %s\n", "AB"[side], axis -> name, only.text);
        }
    }
}

static void print_summary(const struct alignment *alignment, const struct result *result,
                          const struct request *request)
{
    putchar('\n');
    print_unmatched(alignment);
    for (size_t side = 0; side < SIDES && !request->variables; side++) {
        const size_t alone = fi_statistics(&alignment->tables[side]) - alignment->n_common;
        if (alone > 0)
            printf("only in %c: statistics: %zu\n", "AB"[side], alone);
    }
    if (result->empty > 0)
        printf("positions without a value in either file: %zu\n", result->empty);
    if (result->partial > 0)
        printf("positions without the values of some runs: %zu\n", result->partial);
    if (result->tested < result->count)
        printf("positions without spread over runs: %zu, by the tolerance %g alone\n",
               result->count - result->tested, request->tolerance);
    if (result->tested > 0)
        printf("t tests: %zu, at a family-wise error rate of %g\n", result->tested, request->level);
    if (result->differing > 0)
        printf("they differ: %zu of %zu positions\n", result->differing, result->count);
    else
        printf("they agree: %zu of %zu positions\n", result->count, result->count);
}

static void print_file(const struct table *table, char name)
{
    const fi_dataset dataset = fi_table_dataset(table);
    const size_t run = fi_dataset_axis(&dataset, "run");
    const size_t runs = run < dataset.n_axes ? dataset.axes[run].size : 1;
    printf("%c: %s, %zu run%s\n", name, table->path, runs, runs == 1 ? "" : "s");
}

static fi_status run(const struct request *request, fi_arena *arena, bool *differ)
{
    struct alignment alignment = {.n_common = 0};
    fi_status status = FI_OK;
    for (size_t side = 0; side < SIDES && status == FI_OK; side++)
        status = fi_table_load(&alignment.tables[side], request->files[side], arena);
    if (status == FI_OK && request->where)
        status = fi_tables_keep(alignment.tables, SIDES, request->where);
    if (status == FI_OK)
        status = fi_align(&alignment, request->variables);
    if (status != FI_OK)
        return status;
    const struct result result = fi_compare(&alignment, request->level, request->tolerance);
    const struct layout layout = lay_out(&alignment, &result);
    if (result.count == 0)
        return fi_program_fail(FI_EDATA, "the statistics of '%s' and '%s' have no values there",
                               request->files[A], request->files[B]);
    print_file(&alignment.tables[A], 'A');
    print_file(&alignment.tables[B], 'B');
    putchar('\n');
    print_table(&layout, &result, request->all);
    print_summary(&alignment, &result, request);
    *differ = result.differing > 0;
    return FI_OK;
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* A number in [0, greatest). */
static fi_status parse_real(const char *option, const char *text, double greatest, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= 0 && *value < greatest))
        return fi_program_fail(FI_EUSAGE, "--%s '%s': expected a number from 0 to below %g", option,
                               text, greatest);
    return FI_OK;
}

/* Fills the request; *done: nothing is left to do. */
static fi_status parse(int argc, char **argv, struct request *request, bool *done)
{
    static const struct option options[] = {
        {"where", required_argument, NULL, 'w'}, {"variable", required_argument, NULL, 'V'},
        {"level", required_argument, NULL, 'l'}, {"tolerance", required_argument, NULL, 't'},
        {"all", no_argument, NULL, 'a'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},     {NULL, 0, NULL, 0}};
    fi_status status = FI_OK;
    for (int code;
         status == FI_OK && (code = getopt_long(argc, argv, "w:V:l:t:ah", options, NULL)) != -1;)
        switch (code) {
        case 'w':
            request->where = optarg;
            break;
        case 'V':
            request->variables = optarg;
            break;
        case 'l':
            status = parse_real("level", optarg, 1, &request->level);
            break;
        case 't':
            status = parse_real("tolerance", optarg, 1, &request->tolerance);
            break;
        case 'a':
            request->all = true;
            break;
        case 'h':
            fputs(usage, stdout);
            *done = true;
            return FI_OK;
        case 'v':
            printf("fanin-compare (fanin) %s\n", fi_version());
            *done = true;
            return FI_OK;
        default: /* getopt_long has said what is wrong */
            return fi_program_fail(FI_EUSAGE, "--help lists all options");
        }
    if (status == FI_OK && argc - optind != SIDES)
        return fi_program_fail(FI_EUSAGE, "expected two files, got %d; see --help", argc - optind);
    for (size_t side = 0; side < SIDES && status == FI_OK; side++)
        request->files[side] = argv[optind + (int)side];
    return status;
}

int main(int argc, char **argv)
{
    struct request request = {.level = 0.01, .tolerance = 1e-5};
    fi_arena *arena = NULL;
    bool done = false;
    bool differ = false;
    fi_status status = parse(argc, argv, &request, &done);
    if (status != FI_OK)
        return (int)status;
    if (!done) {
        status = fi_arena_new(&arena);
        status = status == FI_OK ? run(&request, arena, &differ)
                                 : fi_program_fail(status, "%s", fi_message());
        fi_arena_free(arena);
    }
    const int code = fi_program_exit(status);
    return code == 0 && differ ? 1 : code;
}
