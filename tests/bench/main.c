/*
 * The benchmark: how far the library is from what the machine's arithmetic allows. One table, and
 * the same as JSON. tests/bench/peers.py adds the same work in NumPy and PyTorch.
 */
#include "bench.h"

#include "math/gemm.h"
#include "math/tile.h"
#include "study/options.h"

#include <string.h>

struct options {
    const char *studies, *scratch, *output, *sections, *pace;
    bool help;
};

#define AT(member) offsetof(struct options, member)

static const fi_option rows[] = {
    {0, "studies", "FOLDER", "where the programs are", FI_OPTION_TEXT, AT(studies), 0, 0, NULL},
    {0, "scratch", "FILE", "what the programs may write", FI_OPTION_TEXT, AT(scratch), 0, 0, NULL},
    {'o', "output", "FILE", "the rows as JSON", FI_OPTION_TEXT, AT(output), 0, 0, NULL},
    {0, "sections", "LIST", "process,elements,gemm,study,scaling,training (default: all)",
     FI_OPTION_TEXT, AT(sections), 0, 0, NULL},
    {0, "paced", "SECTION/NAME",
     "only this row: for each line of the input, do the work once and\nprint its seconds",
     FI_OPTION_TEXT, AT(pace), 0, 0, NULL},
    {'h', "help", NULL, "this text", FI_OPTION_FLAG, AT(help), 0, 0, NULL},
};

enum {
    ROWS = sizeof rows / sizeof *rows
};

static bool is_in(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* Fails with FI_EUSAGE if the list names a section that there is not. */
static fi_status check_sections(const char *list)
{
    static const char *const names[] = {"process", "elements", "gemm",
                                        "study",   "scaling",  "training"};
    const size_t count = sizeof names / sizeof *names;
    for (size_t length; *list; list += length + (list[length] == ',')) {
        char given[32];
        size_t k = 0;
        length = strcspn(list, ",");
        snprintf(given, sizeof given, "%.*s", (int)length, list);
        while (k < count && strcmp(given, names[k]) != 0)
            k++;
        if (k == count)
            return fi_unknown_name("section", given, names, count);
    }
    return FI_OK;
}

/* Of the library's own products, which have one name for all kernels, the one in use. */
static const char *kernel(void)
{
    const bool own = strcmp(fi_blas_name(), "fanin") == 0;
    return own ? fi_tile_best()->name : fi_blas_kernel();
}

static void measure_peak(void)
{
    double values[BENCH_ROUNDS];
    double best = 0;
    for (size_t k = 0; k < BENCH_ROUNDS; k++) {
        values[k] = bench_peak(0);
        best = values[k] > best ? values[k] : best;
    }
    bench_value("machine", "multiply-adds, one thread, best", best / 1e9, "GFLOP/s");
}

static void run(const struct options *options)
{
    if (is_in(options->sections, "process"))
        bench_process(options->studies, options->scratch);
    measure_peak();
    if (is_in(options->sections, "elements"))
        bench_elements();
    if (is_in(options->sections, "gemm"))
        bench_gemm();
    if (is_in(options->sections, "study"))
        bench_study();
    if (is_in(options->sections, "scaling"))
        bench_scaling();
    if (is_in(options->sections, "training"))
        bench_training();
}

int main(int argc, char **argv)
{
    struct options options = {.studies = "build/studies",
                              .scratch = "bench.h5",
                              .sections = "process,elements,gemm,study,scaling,training"};
    fi_status status = fi_options_parse(argc, argv, rows, ROWS, &options);
    if (status == FI_OK)
        status = check_sections(options.sections);
    if (status != FI_OK) {
        fprintf(stderr, "bench: %s\n", fi_message());
        return (int)status;
    }
    if (options.help) {
        fi_options_help(stdout, rows, ROWS);
        return 0;
    }
    if (options.pace)
        bench_pace(options.pace);
    else
        printf("products: %s, %s\n", fi_blas_name(), kernel());
    run(&options);
    return options.output ? bench_write(options.output) : 0;
}
