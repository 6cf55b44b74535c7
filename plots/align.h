/* Two records side by side: which variables both have, and which positions along which axes. */
#ifndef FI_PLOTS_ALIGN_H
#define FI_PLOTS_ALIGN_H

#include "program.h"
#include "welch.h"

enum {
    A,
    B,
    SIDES
};

/* A variable of both, by its index in each. */
struct common {
    size_t index[SIDES];
    uint32_t axes; /* those of A's axes that its positions lie along, without `run` */
};

/* Axes are matched by name, positions by label or number; the order is A's. */
struct alignment {
    struct table tables[SIDES];
    size_t *mate;     /* mate[k]: B's axis with the name of A's axis k, or B's n_axes */
    size_t **partner; /* partner[k][i]: position i of A's axis k on B's, or SIZE_MAX */
    size_t n_common;
    struct common *common;
};

/*
 * Aligns the tables over the variables named in the list, or over all that both have; `seed` and
 * what lies over the bins of a histogram is left out. Fails with FI_EDATA, and says what is missing
 * where, if there is nothing in common, or if an axis that only one of them has is not cut to one
 * position; FI_EUSAGE for a name that neither has.
 */
FI_CHECKED fi_status fi_align(struct alignment *alignment, const char *names);

/* How many positions the variable has in A. */
size_t fi_aligned_size(const struct alignment *alignment, const struct common *common);

/*
 * Position `index` of the variable along A's axes to position[]; false if B lacks it. Else what the
 * runs there say, in A and in B, to the samples.
 */
bool fi_aligned(const struct alignment *alignment, const struct common *common, size_t index,
                size_t *position, struct sample samples[SIDES]);

/* Whether positions along the axis are compared: not those of runs and of a histogram's bins. */
bool fi_is_aligned(const char *axis);

/* How many of its variables can be compared. */
size_t fi_statistics(const struct table *table);

/* Where position i of the axis is on the other: by label if both have labels, else by number. */
size_t fi_partner(const fi_axis *axis, size_t i, const fi_axis *other); /* SIZE_MAX: nowhere */

/* Position k of an axis as --where names it. */
void fi_position_text(const fi_axis *axis, size_t k, char *text, size_t size);

/* "a, b, c": as much as has room. */
struct list {
    char text[400];
    size_t used;
};
void fi_list_append(struct list *list, const char *word);

#endif
