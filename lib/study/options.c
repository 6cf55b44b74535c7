/* Command-line options: getopt_long fed from the table of rows, and the messages it does not give.
 */
#define _GNU_SOURCE
#include "options.h"

#include "../core/internal.h"
#include "../core/pairs.h"

#include <ctype.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_OPTIONS 64
#define LONGEST_NAME 48 /* of names that are compared */
#define FIRST_LONG 256  /* what getopt_long returns for row 0, above all letters */
#define HELP_WIDTH 80
#define HELP_COLUMN 26 /* where the help of an option begins */

/* ---- the nearest name ------------------------------------------------------------------------ */

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * Letters to insert, delete, replace or swap with their neighbour to get from a to b, in either
 * case (optimal string alignment; Damerau 1964).
 */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t m = strlen(a);
    const size_t n = strlen(b);
    size_t d[LONGEST_NAME + 1][LONGEST_NAME + 1];
    if (m > LONGEST_NAME || n > LONGEST_NAME)
        return SIZE_MAX;
    for (size_t i = 0; i <= m; i++)
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            d[i][j] = lesser(d[i - 1][j - 1] + !same, lesser(d[i - 1][j], d[i][j - 1]) + 1);
            if (swapped)
                d[i][j] = lesser(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[m][n];
}

/* The name within a third of the given one's letters, or one that it begins; NULL if none is. */
static const char *nearest(const char *given, const char *const *names, size_t count)
{
    const size_t length = strlen(given);
    size_t least = (length + 1) / 3 + 1;
    const char *found = NULL;
    for (size_t k = 0; k < count; k++) {
        size_t distance = edit_distance(given, names[k]);
        if (length > 1 && distance > 1 && strncasecmp(given, names[k], length) == 0)
            distance = 1;
        if (distance < least) {
            least = distance;
            found = names[k];
        }
    }
    return found;
}

fi_status fi_unknown_name(const char *kind, const char *given, const char *const *names,
                          size_t count)
{
    char list[640] = "";
    size_t used = 0;
    for (size_t k = 0; k < count && used < sizeof list; k++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", names[k]);
    const char *const near = nearest(given, names, count);
    return fi_fail(FI_EUSAGE, "unknown %s '%.80s';%s%s%s one of: %s", kind, given,
                   near ? " did you mean '" : "", near ? near : "", near ? "'?" : "", list);
}

/* ---- parsing --------------------------------------------------------------------------------- */

static void *place(void *options, const fi_option *row)
{
    return (char *)options + row->offset;
}

static fi_status set_count(void *options, const fi_option *row, const char *text)
{
    uint64_t value = 0;
    if (!fi_count_of(text, &value) || (double)value < row->minimum || (double)value > row->maximum)
        return fi_fail(FI_EUSAGE, "--%s '%.80s': expected a whole number from %.0f to %.0f",
                       row->name, text, row->minimum, row->maximum);
    *(uint64_t *)place(options, row) = value;
    return FI_OK;
}

static fi_status set_real(void *options, const fi_option *row, const char *text)
{
    double value = 0;
    if (!fi_number_of(text, &value) || value < row->minimum || value > row->maximum)
        return fi_fail(FI_EUSAGE, "--%s '%.80s': expected a number from %g to %g", row->name, text,
                       row->minimum, row->maximum);
    *(double *)place(options, row) = value;
    return FI_OK;
}

static fi_status set(void *options, const fi_option *row, const char *text)
{
    switch (row->kind) {
    case FI_OPTION_FLAG:
        *(bool *)place(options, row) = true;
        return FI_OK;
    case FI_OPTION_COUNT:
        return set_count(options, row, text);
    case FI_OPTION_REAL:
        return set_real(options, row, text);
    case FI_OPTION_TEXT:
        *(const char **)place(options, row) = text;
        return FI_OK;
    case FI_OPTION_CALL:
        return row->parse(options, text);
    }
    FI_REQUIRE(!"a kind of option");
}

/* The row of what getopt_long returned. */
static const fi_option *find_row(const fi_option *rows, size_t count, int code)
{
    if (code >= FIRST_LONG && (size_t)(code - FIRST_LONG) < count)
        return &rows[code - FIRST_LONG];
    for (size_t k = 0; k < count; k++)
        if (rows[k].letter && rows[k].letter == code)
            return &rows[k];
    return NULL;
}

/* A long option that getopt_long did not take: `word` is "--NAME" or "--NAME=VALUE". */
static fi_status refuse_long(const fi_option *rows, size_t count, const char *word)
{
    const char *names[MOST_OPTIONS];
    char given[LONGEST_NAME + 1];
    char candidates[512] = "";
    size_t used = 0;
    size_t begun = 0; /* options that the given name begins */
    const size_t length = strcspn(word + 2, "=");
    snprintf(given, sizeof given, "%.*s", (int)(length < 80 ? length : 80), word + 2);
    for (size_t k = 0; k < count; k++) {
        names[k] = rows[k].name;
        if (strncmp(rows[k].name, word + 2, length) != 0)
            continue;
        if (used < sizeof candidates)
            used += (size_t)snprintf(candidates + used, sizeof candidates - used, "%s--%s",
                                     begun ? " or " : "", rows[k].name);
        begun++;
    }
    if (begun > 1)
        return fi_fail(FI_EUSAGE, "option '--%s' is ambiguous: %s; --help lists all", given,
                       candidates);
    const char *const near = nearest(given, names, count);
    return fi_fail(FI_EUSAGE, "unknown option '--%s';%s%s%s --help lists all", given,
                   near ? " did you mean '--" : "", near ? near : "", near ? "'?" : "");
}

/* What getopt_long answered with '?' or ':'. */
static fi_status refuse(const fi_option *rows, size_t count, int code, const char *word)
{
    const fi_option *const row = find_row(rows, count, optopt);
    if (code == ':')
        return fi_fail(FI_EUSAGE, "option '--%s' needs a value: --%s %s", row->name, row->name,
                       row->argument);
    if (row)
        return fi_fail(FI_EUSAGE, "option '--%s' takes no value, but '%.80s' gives one", row->name,
                       word);
    if (optopt == 0)
        return refuse_long(rows, count, word);
    if (isgraph(optopt))
        return fi_fail(FI_EUSAGE, "unknown option '-%c'; --help lists all", optopt);
    return fi_fail(FI_EUSAGE, "unknown option '-\\x%02x'; --help lists all", optopt & 0xff);
}

fi_status fi_options_parse(int argc, char **argv, const fi_option *rows, size_t count,
                           void *options)
{
    FI_REQUIRE(count <= MOST_OPTIONS);
    struct option longs[MOST_OPTIONS + 1] = {{NULL, 0, NULL, 0}};
    char letters[2 * MOST_OPTIONS + 2] = ":"; /* a missing value is ':' */
    char *letter = letters + 1;
    for (size_t k = 0; k < count; k++) {
        const bool valued = rows[k].argument != NULL;
        longs[k] = (struct option){rows[k].name, valued ? required_argument : no_argument, NULL,
                                   FIRST_LONG + (int)k};
        if (rows[k].letter)
            *letter++ = rows[k].letter;
        if (rows[k].letter && valued)
            *letter++ = ':';
    }
    *letter = '\0';
    opterr = 0;
    optind = 0; /* glibc: begin anew, whatever was parsed before */
    for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        const fi_option *const row = find_row(rows, count, code);
        if (!row)
            return refuse(rows, count, code, argv[optind - 1]);
        FI_TRY(set(options, row, optarg));
    }
    if (optind < argc)
        return fi_fail(FI_EUSAGE,
                       "unexpected argument '%.80s'; options are given as --name VALUE; --help "
                       "lists all",
                       argv[optind]);
    return FI_OK;
}

/* ---- help ------------------------------------------------------------------------------------ */

/* Words from the help column on, in lines that end before column 80; a newline stays one. */
static void print_wrapped(FILE *stream, const char *text)
{
    size_t column = HELP_COLUMN;
    while (*text) {
        const size_t word = strcspn(text, " \n");
        const bool first = column == HELP_COLUMN;
        if (!first && column + 1 + word >= HELP_WIDTH) {
            fprintf(stream, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (!first) {
            fputc(' ', stream);
            column++;
        }
        fprintf(stream, "%.*s", (int)word, text);
        column += word;
        text += word;
        if (*text == '\n') {
            fprintf(stream, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        text += *text != '\0';
    }
    fputc('\n', stream);
}

void fi_options_help(FILE *stream, const fi_option *rows, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const fi_option *const row = &rows[k];
        int column =
            row->letter ? fprintf(stream, "  -%c, ", row->letter) : fprintf(stream, "      ");
        column += fprintf(stream, "--%s%s%s", row->name, row->argument ? " " : "",
                          row->argument ? row->argument : "");
        if (column + 2 > HELP_COLUMN) {
            fputc('\n', stream);
            column = 0;
        }
        fprintf(stream, "%*s", HELP_COLUMN - column, "");
        print_wrapped(stream, row->help);
    }
}
