/* What the programs that read records share: one way to fail, and a record that can be cut. */
#ifndef FI_PLOTS_PROGRAM_H
#define FI_PLOTS_PROGRAM_H

#include <fanin.h>

/* A dataset that may be changed; attributes are of no use here. Lives in the arena. */
struct table {
    fi_arena *arena;
    const char *path;
    size_t n_axes, n_variables;
    fi_axis *axes;
    fi_variable *variables;
    double **values;
};

/* A variable seen from one of its axes: values are (outer, size, inner). */
struct view {
    size_t outer, size, inner;
};

/* Prints "PROGRAM: MESSAGE" on stderr and returns `status`. */
fi_status fi_program_fail(fi_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Flushes stdout, and gives the exit code. */
int fi_program_exit(fi_status status);

/* The content of the file, with room for a second variable beside each. */
FI_CHECKED fi_status fi_table_load(struct table *table, const char *path, fi_arena *arena);

/* Memory of the table's arena; ends the program if it is refused. */
void *fi_table_allocate(const struct table *table, size_t count, size_t size);

fi_dataset fi_table_dataset(const struct table *table);
struct view fi_table_view(const struct table *table, size_t variable, size_t axis);

/* The index of an axis by name; FI_EUSAGE lists those that there are. */
FI_CHECKED fi_status fi_table_axis(const struct table *table, const char *name, size_t *axis);

/*
 * Cuts the tables to "AXIS=LABEL,AXIS=NUMBER", which is taken apart: an axis that only some of them
 * have is cut there, one that none has is FI_EUSAGE, and so is a position that is not there.
 */
FI_CHECKED fi_status fi_tables_keep(struct table *tables, size_t count, char *where);

#endif
