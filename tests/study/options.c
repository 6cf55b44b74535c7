/* The options table: every kind of value, every way to get one wrong, and --help. */
#define _GNU_SOURCE
#include "study/options.h"
#include "core/internal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    bool quiet, quick;
    uint64_t depth, seed, runs;
    double gain;
    const char *output;
    int called;
};

static fi_status parse_mode(void *options, const char *text)
{
    if (strcmp(text, "three") != 0)
        return fi_fail(FI_EUSAGE, "--mode '%s': expected three", text);
    ((struct values *)options)->called = 3;
    return FI_OK;
}

#define AT(member) offsetof(struct values, member)
static const fi_option rows[] = {
    {'d', "depth", "N", "how many layers the network has", FI_OPTION_COUNT, AT(depth), 1, 100000,
     NULL},
    {'s', "seed", "N", "first\nsecond", FI_OPTION_COUNT, AT(seed), 0, 9007199254740991.0, NULL},
    {0, "runs", "N", "runs", FI_OPTION_COUNT, AT(runs), 1, 1.8446744073709552e19, NULL},
    {'g', "gain", "X", "gain", FI_OPTION_REAL, AT(gain), -2, 1e6, NULL},
    {'o', "output", "FILE", "file", FI_OPTION_TEXT, AT(output), 0, 0, NULL},
    {'q', "quiet", NULL, "say nothing", FI_OPTION_FLAG, AT(quiet), 0, 0, NULL},
    {0, "quick", NULL,
     "be quick, at the price of a description so long that it has to be wrapped "
     "into several lines, none of which may reach column eighty",
     FI_OPTION_FLAG, AT(quick), 0, 0, NULL},
    {0, "mode", "MODE", "mode", FI_OPTION_CALL, 0, 0, 0, parse_mode},
};
#define ROWS (sizeof rows / sizeof *rows)

/* Parses a command line of words with one blank between them; a ~ stands for an empty word. */
static fi_status parse(const char *line, struct values *values)
{
    static char words[512];
    char *argv[32] = {(char *)"program"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    char *rest = words;
    for (char *word; *line && (word = strsep(&rest, " ")) != NULL; argc++)
        argv[argc] = strcmp(word, "~") == 0 ? word + 1 : word;
    return fi_options_parse(argc, argv, rows, ROWS, values);
}

Test(options, values_arrive)
{
    static const char *const lines[] = {
        "--depth 12 --seed=9007199254740991 --runs 18446744073709551615 -g -1.5e-3 -o x --quiet "
        "--mode three --quick",
        "-d12 -s 9007199254740991 --ru 18446744073709551615 --gain=-0.0015 --out x -q --mode=three "
        "--quic",
        "--depth 7 --depth 0012 -qs 9007199254740991 --runs=18446744073709551615 --gain -1500e-6 "
        "-ox --mo three --quick --",
    };
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
        struct values values = {0};
        cr_assert_eq(parse(lines[k], &values), FI_OK, "%s: %s", lines[k], fi_message());
        cr_expect_eq(values.depth, 12);
        cr_expect_eq(values.seed, 9007199254740991);
        cr_expect_eq(values.runs, UINT64_MAX);
        cr_expect_eq(values.gain, -0.0015);
        cr_expect_str_eq(values.output, "x");
        cr_expect(values.quiet && values.quick && values.called == 3);
    }
}

Test(options, defaults_stay)
{
    struct values values = {.depth = 10, .gain = 0.5, .output = "default"};
    cr_assert_eq(parse("", &values), FI_OK, "%s", fi_message());
    cr_expect(values.depth == 10 && values.gain == 0.5 && !values.quiet);
    cr_expect_str_eq(values.output, "default");
}

Test(options, faults_are_named)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"--depth -3", "--depth '-3': expected a whole number from 1 to 100000"},
        {"-d -3", "--depth '-3': expected a whole number from 1 to 100000"},
        {"--depth 0", "--depth '0': expected a whole number from 1 to 100000"},
        {"--depth 100001", "--depth '100001': expected a whole number from 1 to 100000"},
        {"--depth 1e3", "--depth '1e3': expected a whole number from 1 to 100000"},
        {"--depth 1.0", "--depth '1.0': expected a whole number from 1 to 100000"},
        {"--depth +3", "--depth '+3': expected a whole number from 1 to 100000"},
        {"--depth 3k", "--depth '3k': expected a whole number from 1 to 100000"},
        {"--depth ~", "--depth '': expected a whole number from 1 to 100000"},
        {"--depth=", "--depth '': expected a whole number from 1 to 100000"},
        {"--depth 18446744073709551617",
         "--depth '18446744073709551617': expected a whole number from 1 to 100000"},
        {"--depth 36893488147419103240", /* 2^65 + 8 */
         "--depth '36893488147419103240': expected a whole number from 1 to 100000"},
        {"--runs 18446744073709551616", "--runs '18446744073709551616': expected a whole number "
                                        "from 1 to 18446744073709551616"},
        {"--gain nan", "--gain 'nan': expected a number from -2 to 1e+06"},
        {"--gain inf", "--gain 'inf': expected a number from -2 to 1e+06"},
        {"--gain 1e400", "--gain '1e400': expected a number from -2 to 1e+06"},
        {"--gain 1x", "--gain '1x': expected a number from -2 to 1e+06"},
        {"--gain ~", "--gain '': expected a number from -2 to 1e+06"},
        {"--gain -2.1", "--gain '-2.1': expected a number from -2 to 1e+06"},
        {"--depths 3", "unknown option '--depths'; did you mean '--depth'? --help lists all"},
        {"--detph 3", "unknown option '--detph'; did you mean '--depth'? --help lists all"},
        {"--depht=3", "unknown option '--depht'; did you mean '--depth'? --help lists all"},
        {"--zebra", "unknown option '--zebra'; --help lists all"},
        {"--qui", "option '--qui' is ambiguous: --quiet or --quick; --help lists all"},
        {"-x", "unknown option '-x'; --help lists all"},
        {"-qx", "unknown option '-x'; --help lists all"},
        {"-\xc3", "unknown option '-\\xc3'; --help lists all"},
        {"--depth", "option '--depth' needs a value: --depth N"},
        {"-o", "option '--output' needs a value: --output FILE"},
        {"--quiet=1", "option '--quiet' takes no value, but '--quiet=1' gives one"},
        {"12", "unexpected argument '12'; options are given as --name VALUE; --help lists all"},
        {"--quiet -- --depth",
         "unexpected argument '--depth'; options are given as --name VALUE; --help lists all"},
        {"--mode two", "--mode 'two': expected three"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct values values = {0};
        cr_expect_eq(parse(cases[k].line, &values), FI_EUSAGE, "'%s' is accepted", cases[k].line);
        cr_expect_str_eq(fi_message(), cases[k].message);
    }
}

Test(options, unknown_names_have_a_neighbour)
{
    static const char *const names[] = {"linear", "tanh", "relu", "leaky_relu", "he_normal"};
    static const struct {
        const char *given, *near;
    } cases[] = {{"rleu", "relu"},    {"ReLU", "relu"},
                 {"tahn", "tanh"},    {"tan", "tanh"},
                 {"he", "he_normal"}, {"leaky", "leaky_relu"},
                 {"foo", NULL},       {"leaky-relu", "leaky_relu"},
                 {"", NULL},          {"x", NULL},
                 {"liner", "linear"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char expected[256];
        snprintf(expected, sizeof expected,
                 "unknown activation '%s';%s%s%s one of: linear, tanh, relu, leaky_relu, he_normal",
                 cases[k].given, cases[k].near ? " did you mean '" : "",
                 cases[k].near ? cases[k].near : "", cases[k].near ? "'?" : "");
        cr_expect_eq(fi_unknown_name("activation", cases[k].given, names, 5), FI_EUSAGE);
        cr_expect_str_eq(fi_message(), expected);
    }
}

Test(options, long_input_keeps_the_message_whole)
{
    char word[5000];
    memset(word, 'q', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    static const char *const names[] = {"linear", "tanh"};
    cr_expect_eq(fi_unknown_name("activation", word, names, 2), FI_EUSAGE);
    cr_expect(strstr(fi_message(), "one of: linear, tanh"), "%s", fi_message());
    memcpy(word, "--", 2);
    char *argv[] = {(char *)"program", word, NULL};
    struct values values = {0};
    cr_expect_eq(fi_options_parse(2, argv, rows, ROWS, &values), FI_EUSAGE);
    cr_expect(strstr(fi_message(), "--help lists all"), "%s", fi_message());
}

Test(options, help_is_two_columns_within_eighty)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fi_options_help(stream, rows, ROWS);
    fclose(stream);
    cr_expect(strstr(text, "  -d, --depth N           how many layers the network has\n"), "%s",
              text);
    cr_expect(strstr(text, "  -s, --seed N            first\n                          second\n"),
              "%s", text);
    cr_expect(strstr(text, "      --mode MODE         mode\n"), "%s", text);
    size_t lines = 0;
    for (char *line = text, *end; *line; line = end + 1, lines++) {
        end = strchr(line, '\n');
        cr_assert_not_null(end);
        cr_expect_lt(end - line, 80, "%.*s", (int)(end - line), line);
        cr_expect(end > line && end[-1] != ' ', "blank at the end of '%.*s'", (int)(end - line),
                  line);
    }
    cr_expect_eq(lines, ROWS + 3, "%zu lines:\n%s", lines, text);
    free(text);
}
