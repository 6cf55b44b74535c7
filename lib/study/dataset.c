/* Datasets in memory: sizes, look-up by name, positions along axes, their numbers as text. */
#include "dataset.h"
#include "../core/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t fi_axes_size(size_t n_axes, const fi_axis *axes, uint32_t mask)
{
    FI_REQUIRE(n_axes <= FI_MAX_AXES && (uint64_t)mask >> n_axes == 0);
    size_t size = 1;
    for (size_t k = 0; k < n_axes; k++)
        if (mask >> k & 1 && __builtin_mul_overflow(size, axes[k].size, &size))
            return SIZE_MAX;
    return size;
}

void fi_axes_position(size_t n_axes, const fi_axis *axes, uint32_t mask, size_t index,
                      size_t *position)
{
    for (size_t k = n_axes; k-- > 0;) {
        const bool along = mask >> k & 1;
        position[k] = along ? index % axes[k].size : 0;
        index = along ? index / axes[k].size : index;
    }
}

size_t fi_axes_index(size_t n_axes, const fi_axis *axes, uint32_t mask, const size_t *position)
{
    size_t index = 0;
    for (size_t k = 0; k < n_axes; k++)
        if (mask >> k & 1)
            index = index * axes[k].size + position[k];
    return index;
}

double fi_axis_number(const fi_axis *axis, size_t k)
{
    return axis->values ? axis->values[k] : (double)k;
}

fi_status fi_axis_count(double first, size_t count, double **values, fi_arena *arena)
{
    *values = fi_arena_alloc(arena, count, sizeof **values);
    if (!*values)
        return fi_fail_memory(count * sizeof **values, "an axis");
    for (size_t k = 0; k < count; k++)
        (*values)[k] = first + (double)k;
    return FI_OK;
}

void fi_number_text(double number, char text[FI_NUMBER_TEXT])
{
    if (isnan(number)) { /* of either sign */
        strcpy(text, "nan");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, FI_NUMBER_TEXT, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return;
    }
}

size_t fi_utf8_length(const char *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char lead = (unsigned char)*c;
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xc0 ? 0
                          : lead < 0xe0 ? 2
                          : lead < 0xf0 ? 3
                          : lead < 0xf8 ? 4
                                        : 0;
    uint32_t point = length > 1 ? lead & (0x7fU >> length) : lead;
    for (size_t k = 1; k < length; k++) {
        if (((unsigned char)c[k] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | ((unsigned char)c[k] & 0x3f);
    }
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    return point < least[length] || point > 0x10ffff || surrogate ? 0 : length;
}

size_t fi_variable_size(const fi_dataset *dataset, size_t variable)
{
    FI_REQUIRE(variable < dataset->n_variables);
    return fi_axes_size(dataset->n_axes, dataset->axes, dataset->variables[variable].axes);
}

size_t fi_dataset_find(const fi_dataset *dataset, const char *variable)
{
    size_t v = 0;
    while (v < dataset->n_variables && strcmp(dataset->variables[v].name, variable) != 0)
        v++;
    return v;
}

size_t fi_dataset_axis(const fi_dataset *dataset, const char *axis)
{
    size_t k = 0;
    while (k < dataset->n_axes && strcmp(dataset->axes[k].name, axis) != 0)
        k++;
    return k;
}
