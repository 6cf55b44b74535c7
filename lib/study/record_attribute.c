/* Reading a record's memory, strings and attributes. */
#include "record.h"

#include "../core/internal.h"
#include "dataset.h"

#include <string.h>

#define MOST_NUMBERS 16 /* of an attribute that is kept as text */

void *fi_reader_allocate(fi_reader *reader, size_t count, size_t size)
{
    void *const memory = fi_arena_alloc(reader->arena, count, size);
    if (!memory)
        reader->status = fi_fail_memory(count * size, "the content of a file");
    return memory;
}

char *fi_reader_copy(fi_reader *reader, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *const memory = fi_reader_allocate(reader, size, 1);
    return memory ? memcpy(memory, text, size) : NULL;
}

const char **fi_reader_strings(fi_reader *reader, hid_t object, hid_t type, size_t count,
                               herr_t (*read)(hid_t object, hid_t type, void *buffer))
{
    const bool variable = fi_hdf5(H5Tis_variable_str(type)) > 0;
    const size_t size = variable ? sizeof(char *) : H5Tget_size(type);
    const char **const texts = fi_reader_allocate(reader, count, sizeof *texts);
    char *const buffer = fi_reader_allocate(reader, count, size);
    if (!texts || !buffer || fi_hdf5(read(object, type, buffer)) < 0)
        return NULL;
    for (size_t k = 0; k < count; k++) {
        char *const start = variable ? ((char **)buffer)[k] : buffer + k * size;
        const size_t length = variable ? (start ? strlen(start) : 0) : strnlen(start, size);
        char *const text = fi_reader_allocate(reader, length + 1, 1);
        if (!text)
            return NULL;
        if (length)
            memcpy(text, start, length);
        text[length] = '\0';
        texts[k] = text;
        if (variable)
            (void)H5free_memory(start);
    }
    return texts;
}

const char *fi_reader_text(fi_reader *reader, hid_t object, const char *name)
{
    if (fi_hdf5(H5Aexists(object, name)) <= 0)
        return NULL;
    const hid_t attribute = fi_hdf5(H5Aopen(object, name, H5P_DEFAULT));
    const hid_t type = fi_hdf5(H5Aget_type(attribute));
    const hid_t space = fi_hdf5(H5Aget_space(attribute));
    const char **texts = NULL;
    if (H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1)
        texts = fi_reader_strings(reader, attribute, type, 1, H5Aread);
    fi_hdf5(H5Sclose(space));
    fi_hdf5(H5Tclose(type));
    fi_hdf5(H5Aclose(attribute));
    return texts ? texts[0] : NULL;
}

size_t fi_reader_numbers(fi_reader *reader, hid_t object, const char *name, double **numbers)
{
    if (fi_hdf5(H5Aexists(object, name)) <= 0)
        return 0;
    const hid_t attribute = fi_hdf5(H5Aopen(object, name, H5P_DEFAULT));
    const hid_t type = fi_hdf5(H5Aget_type(attribute));
    const hid_t space = fi_hdf5(H5Aget_space(attribute));
    const hssize_t points = fi_hdf5(H5Sget_simple_extent_npoints(space));
    const H5T_class_t class = H5Tget_class(type);
    size_t count = 0;
    if ((class == H5T_INTEGER || class == H5T_FLOAT) && points > 0) {
        *numbers = fi_reader_allocate(reader, (size_t)points, sizeof **numbers);
        if (*numbers && fi_hdf5(H5Aread(attribute, H5T_NATIVE_DOUBLE, *numbers)) >= 0)
            count = (size_t)points;
    }
    fi_hdf5(H5Sclose(space));
    fi_hdf5(H5Tclose(type));
    fi_hdf5(H5Aclose(attribute));
    return count;
}

/* The numbers of an attribute with blanks between them; NULL if there are none, or too many. */
static const char *read_numbers_as_text(fi_reader *reader, hid_t object, const char *name)
{
    double *numbers = NULL;
    const size_t count = fi_reader_numbers(reader, object, name, &numbers);
    if (count == 0 || count > MOST_NUMBERS)
        return NULL;
    char text[MOST_NUMBERS * FI_NUMBER_TEXT];
    char *end = text;
    for (size_t k = 0; k < count; k++) {
        if (k)
            *end++ = ' ';
        fi_number_text(numbers[k], end);
        end += strlen(end);
    }
    return fi_reader_copy(reader, text);
}

static herr_t count_attribute(hid_t object, const char *name, const H5A_info_t *info, void *count)
{
    (void)object, (void)name, (void)info;
    ++*(size_t *)count;
    return 0;
}

/* Names that begin with _ are the netCDF library's own. */
static herr_t keep_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    (void)info;
    fi_reader *const reader = context;
    if (name[0] == '_' || strcmp(name, FI_RECORD_CONVENTIONS) == 0)
        return 0;
    const char *text = fi_reader_text(reader, object, name);
    if (!text)
        text = read_numbers_as_text(reader, object, name);
    if (!text)
        return 0;
    const char *const own_name = fi_reader_copy(reader, name);
    reader->attributes[reader->n_attributes++] = (fi_attribute){own_name, text};
    return 0;
}

void fi_reader_attributes(fi_reader *reader, hid_t file, H5_index_t order)
{
    size_t count = 0;
    fi_hdf5(H5Aiterate2(file, order, H5_ITER_INC, NULL, count_attribute, &count));
    reader->attributes = fi_reader_allocate(reader, count, sizeof *reader->attributes);
    if (reader->attributes)
        fi_hdf5(H5Aiterate2(file, order, H5_ITER_INC, NULL, keep_attribute, reader));
}
