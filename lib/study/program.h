/* What every study program does around its work: common options, signals, output, one error line.
 */
#ifndef FI_STUDY_PROGRAM_H
#define FI_STUDY_PROGRAM_H

#include "../fanin.h"
#include "options.h"

struct fi_program_options {
    uint64_t jobs; /* 0: one for each processor */
    const char *output;
    bool json, csv, quiet, list, help, version;
};

/* Rows of the options table; `type` is the options struct, whose first member is `common`. */
#define FI_PROGRAM_OPTIONS(type)                                                                   \
    {'j',                                                                                          \
     "jobs",                                                                                       \
     "N",                                                                                          \
     "workers; results do not depend on it (default: processors)",                                 \
     FI_OPTION_COUNT,                                                                              \
     offsetof(type, common.jobs),                                                                  \
     1,                                                                                            \
     4096,                                                                                         \
     NULL},                                                                                        \
        {'o',                                                                                      \
         "output",                                                                                 \
         "FILE",                                                                                   \
         "write here (default: results/NAME.h5)",                                                  \
         FI_OPTION_TEXT,                                                                           \
         offsetof(type, common.output),                                                            \
         0,                                                                                        \
         0,                                                                                        \
         NULL},                                                                                    \
        {0,                                                                                        \
         "json",                                                                                   \
         NULL,                                                                                     \
         "print all runs as JSON instead of the table",                                            \
         FI_OPTION_FLAG,                                                                           \
         offsetof(type, common.json),                                                              \
         0,                                                                                        \
         0,                                                                                        \
         NULL},                                                                                    \
        {0,                                                                                        \
         "csv",                                                                                    \
         NULL,                                                                                     \
         "print all runs as CSV instead of the table",                                             \
         FI_OPTION_FLAG,                                                                           \
         offsetof(type, common.csv),                                                               \
         0,                                                                                        \
         0,                                                                                        \
         NULL},                                                                                    \
        {'q',                                                                                      \
         "quiet",                                                                                  \
         NULL,                                                                                     \
         "print nothing but errors",                                                               \
         FI_OPTION_FLAG,                                                                           \
         offsetof(type, common.quiet),                                                             \
         0,                                                                                        \
         0,                                                                                        \
         NULL},                                                                                    \
        {'l',                                                                                      \
         "list",                                                                                   \
         NULL,                                                                                     \
         "list activations and initializers, and exit",                                            \
         FI_OPTION_FLAG,                                                                           \
         offsetof(type, common.list),                                                              \
         0,                                                                                        \
         0,                                                                                        \
         NULL},                                                                                    \
        {'h', "help", NULL, "print this, and exit", FI_OPTION_FLAG, offsetof(type, common.help),   \
         0,   0,      NULL},                                                                       \
    {                                                                                              \
        0, "version", NULL, "print the version, and exit", FI_OPTION_FLAG,                         \
            offsetof(type, common.version), 0, 0, NULL                                             \
    }

/* SIGINT and SIGTERM stop the workers; a file that grows past its limit is an error, not a death.
 */
void fi_program_start(void);

/* Workers to use: as asked for, or one for each processor. */
unsigned fi_program_jobs(const struct fi_program_options *options);

/*
 * Fails with FI_ENOMEM, naming need and supply, if `bytes` is more than the machine has or the
 * system would refuse them now, with what the matrix products of `jobs` threads take for
 * themselves.
 */
FI_CHECKED fi_status fi_program_check_memory(double bytes, double jobs);

/* Prints activations and initializers with formulas and citations. */
void fi_program_list(FILE *stream);

/* The last lines of --help, which all programs share. */
void fi_program_help_end(void);

/* For --version: "NAME (fanin) VERSION". */
void fi_program_version(const char *name);

/* The study on the workers asked for, its progress on the terminal unless it is to be quiet. */
FI_CHECKED fi_status fi_program_run(const fi_study *study, const struct fi_program_options *options,
                                    void (*progress)(size_t done, size_t cells),
                                    fi_dataset *dataset, fi_arena *arena);

/* The attributes of the rows, into the arena. Fails with FI_ENOMEM, also for a row without text. */
FI_CHECKED fi_status fi_program_describe(fi_dataset *dataset, const fi_attribute *rows,
                                         size_t count, fi_arena *arena);

/*
 * Prints the variables on these axes where --csv or --json asks for it; true if it did, or if
 * nothing is to be said.
 */
bool fi_program_exports(const fi_dataset *dataset, const struct fi_program_options *options,
                        uint32_t axes, fi_status *status);

/* Flushes stdout, prints the failure if there was one (the one place), and gives the exit code. */
int fi_program_end(const char *name, fi_status status);

#endif
