/* What the library's own files share on datasets: positions along axes, and numbers as text. */
#ifndef FI_STUDY_DATASET_H
#define FI_STUDY_DATASET_H

#include "../fanin.h"

#define FI_MAX_AXES 32    /* bits of fi_variable.axes */
#define FI_NUMBER_TEXT 32 /* bytes that hold any number as text */

/* The number of positions along the axes of the mask; SIZE_MAX if it does not fit a size_t. */
size_t fi_axes_size(size_t n_axes, const fi_axis *axes, uint32_t mask);

/* position[n_axes] of row-major index `index` over the axes of the mask, 0 along the others. */
void fi_axes_position(size_t n_axes, const fi_axis *axes, uint32_t mask, size_t index,
                      size_t *position);

/* The row-major index over the axes of the mask of a position along all axes. */
size_t fi_axes_index(size_t n_axes, const fi_axis *axes, uint32_t mask, const size_t *position);

/* The number as position k of an axis without labels. */
double fi_axis_number(const fi_axis *axis, size_t k);

/* An axis's values first, first + 1, ..., in the arena. Fails with FI_ENOMEM. */
FI_CHECKED fi_status fi_axis_count(double first, size_t count, double **values, fi_arena *arena);

/* The shortest of %.15g, %.16g and %.17g that reads back to the same bits. */
void fi_number_text(double number, char text[FI_NUMBER_TEXT]);

/* Bytes of the UTF-8 character at `c` (RFC 3629); 0 if there is none. */
size_t fi_utf8_length(const char *c);

#endif
