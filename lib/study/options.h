/* Command-line options from one table, which also prints --help. */
#ifndef FI_STUDY_OPTIONS_H
#define FI_STUDY_OPTIONS_H

#include "../fanin.h"

#include <stdio.h>

typedef enum fi_option_kind {
    FI_OPTION_FLAG,  /* bool, set true */
    FI_OPTION_COUNT, /* uint64_t within [minimum, maximum] */
    FI_OPTION_REAL,  /* double within [minimum, maximum] */
    FI_OPTION_TEXT,  /* const char *, into argv */
    FI_OPTION_CALL   /* parsed by the row's own function */
} fi_option_kind;

typedef struct fi_option {
    char letter; /* 0: no short form */
    const char *name;
    const char *argument; /* as --help shows it, NULL for a flag */
    const char *help;     /* may hold newlines; --help indents them */
    fi_option_kind kind;
    size_t offset; /* of the value in the options struct */
    double minimum, maximum;
    fi_status (*parse)(void *options, const char *text);
} fi_option;

/*
 * Parses argv into *options, which holds the defaults. Anything unknown, malformed, out of range,
 * missing or left over is FI_EUSAGE, with a message that names it, says what is allowed and, for a
 * misspelt option, prints the nearest one. Counts take no sign, fraction or suffix.
 */
FI_CHECKED fi_status fi_options_parse(int argc, char **argv, const fi_option *rows, size_t count,
                                      void *options);

/* The table of options, indented, wrapped at 80 columns. */
void fi_options_help(FILE *stream, const fi_option *rows, size_t count);

/*
 * Fails with FI_EUSAGE: "unknown KIND 'GIVEN'; did you mean 'NEAREST'? one of: A, B, C". The
 * nearest is by edit distance, left out where nothing is near.
 */
fi_status fi_unknown_name(const char *kind, const char *given, const char *const *names,
                          size_t count);

#endif
