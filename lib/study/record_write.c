/*
 * A dataset as a record: HDF5 1.8 that is also netCDF-4 and follows CF 1.8. Each axis is a
 * dimension scale; each variable is contiguous and uncompressed, so that its bytes depend on its
 * values alone. What other readers cannot take is in the choices here: string attributes have a
 * fixed length, labels are int8 flags, creation order is tracked, nothing carries a time.
 */
#define _GNU_SOURCE
#include "record.h"

#include "../core/internal.h"
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT 9007199254740992.0 /* 2^53: below it doubles and R tell whole numbers apart */

/* Puts ? for each byte that is not UTF-8, which some readers die of; returns if all is ASCII. */
static bool clean(char *text)
{
    bool ascii = true;
    for (size_t length; *text; text += length) {
        length = fi_utf8_length(text);
        if (length == 0) {
            *text = '?';
            length = 1;
        }
        ascii = ascii && length == 1;
    }
    return ascii;
}

/* An attribute of `count` values (0: a scalar), of type `stored` in the file. */
static void write_attribute(hid_t object, const char *name, hid_t stored, hid_t type, hsize_t count,
                            const void *values)
{
    const hid_t space = fi_hdf5(count ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR));
    const hid_t attribute =
        fi_hdf5(H5Acreate2(object, name, stored, space, H5P_DEFAULT, H5P_DEFAULT));
    fi_hdf5(H5Awrite(attribute, type, values));
    fi_hdf5(H5Aclose(attribute));
    fi_hdf5(H5Sclose(space));
}

void fi_hdf5_write_text(hid_t object, const char *name, const char *text)
{
    if (!text)
        return;
    char *const cleaned = strdup(text);
    if (!cleaned) {
        fi_hdf5_fail(strerror(ENOMEM));
        return;
    }
    const bool ascii = clean(cleaned);
    const hid_t type = fi_hdf5(H5Tcopy(H5T_C_S1));
    fi_hdf5(H5Tset_size(type, *text ? strlen(text) : 1));
    fi_hdf5(H5Tset_strpad(type, H5T_STR_NULLPAD));
    fi_hdf5(H5Tset_cset(type, ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8));
    write_attribute(object, name, type, type, 0, cleaned);
    fi_hdf5(H5Tclose(type));
    free(cleaned);
}

/* Values (doubles, in the order of the dimensions) as a dataset of type `stored`. */
static hid_t write_values(hid_t file, const char *name, hid_t stored, int rank, const hsize_t *dims,
                          const double *values)
{
    const hid_t properties = fi_hdf5_creation(H5P_DATASET_CREATE);
    const hid_t space = fi_hdf5(rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR));
    const hid_t dataset =
        fi_hdf5(H5Dcreate2(file, name, stored, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    fi_hdf5(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    fi_hdf5(H5Sclose(space));
    fi_hdf5(H5Pclose(properties));
    return dataset;
}

static bool whole_numbers(const double *values, size_t count)
{
    bool whole = true;
    for (size_t k = 0; k < count; k++)
        whole = whole && fabs(values[k]) < EXACT && values[k] == trunc(values[k]);
    return whole;
}

/* flag_values and flag_meanings: 0 .. size - 1 and the labels, with no blank inside one. */
static void write_labels(hid_t object, const fi_axis *axis, hid_t stored, const double *numbers)
{
    size_t length = 0;
    for (size_t k = 0; k < axis->size; k++)
        length += strlen(axis->labels[k]) + 2;
    char *const meanings = malloc(length);
    if (!meanings) {
        fi_hdf5_fail(strerror(ENOMEM));
        return;
    }
    char *end = meanings;
    for (size_t k = 0; k < axis->size; k++) {
        const char *const label = axis->labels[k][0] ? axis->labels[k] : "_";
        for (const char *c = label; *c; c++)
            *end++ = (char)(strchr(" \t\r\n", *c) ? '_' : *c);
        *end++ = (char)(k + 1 < axis->size ? ' ' : '\0');
    }
    write_attribute(object, FI_RECORD_FLAGS, stored, H5T_NATIVE_DOUBLE, axis->size, numbers);
    fi_hdf5_write_text(object, FI_RECORD_MEANINGS, meanings);
    free(meanings);
}

/* The axis as a dimension scale, left open. */
static hid_t write_axis(hid_t file, const fi_axis *axis)
{
    double *const numbers = calloc(axis->size, sizeof *numbers);
    if (!numbers) {
        fi_hdf5_fail(strerror(ENOMEM));
        return H5I_INVALID_HID;
    }
    for (size_t k = 0; k < axis->size; k++)
        numbers[k] = axis->labels ? (double)k : fi_axis_number(axis, k);
    const hid_t labelled = axis->size <= 128 ? H5T_STD_I8LE : H5T_STD_I32LE;
    const hid_t number = whole_numbers(numbers, axis->size) ? H5T_STD_I64LE : H5T_IEEE_F64LE;
    const hid_t stored = axis->labels ? labelled : number;
    const hid_t scale = write_values(file, axis->name, stored, 1, &(hsize_t){axis->size}, numbers);
    fi_hdf5(H5DSset_scale(scale, axis->name));
    fi_hdf5_write_text(scale, "long_name", axis->long_name);
    fi_hdf5_write_text(scale, "units", axis->units);
    if (axis->labels)
        write_labels(scale, axis, stored, numbers);
    free(numbers);
    return scale;
}

/*
 * Is it an auxiliary coordinate: over one axis, along which others vary too? Such a variable, the
 * seed of a run for one, labels the others.
 */
static bool is_coordinate(const fi_dataset *dataset, size_t variable)
{
    const uint32_t axes = dataset->variables[variable].axes;
    bool labels = false;
    for (size_t v = 0; v < dataset->n_variables; v++)
        labels = labels || ((dataset->variables[v].axes & axes) == axes &&
                            dataset->variables[v].axes != axes);
    return labels && __builtin_popcount(axes) == 1;
}

/* Names the auxiliary coordinates along the variable's axes. */
static void write_coordinates(hid_t object, const fi_dataset *dataset, size_t variable)
{
    size_t length = 0;
    for (size_t v = 0; v < dataset->n_variables; v++)
        length += strlen(dataset->variables[v].name) + 1;
    char *const names = malloc(length);
    if (!names) {
        fi_hdf5_fail(strerror(ENOMEM));
        return;
    }
    char *end = names;
    for (size_t v = 0; v < dataset->n_variables; v++)
        if (is_coordinate(dataset, v) &&
            dataset->variables[v].axes & dataset->variables[variable].axes) {
            if (end > names)
                *end++ = ' ';
            end = stpcpy(end, dataset->variables[v].name);
        }
    if (end > names)
        fi_hdf5_write_text(object, "coordinates", names);
    free(names);
}

static void write_variable(hid_t file, const fi_dataset *dataset, size_t v, const hid_t *scales)
{
    const fi_variable *const variable = &dataset->variables[v];
    const double *const values = dataset->values[v];
    hsize_t dims[FI_MAX_AXES];
    int rank = 0;
    for (size_t k = 0; k < dataset->n_axes; k++)
        if (variable->axes >> k & 1)
            dims[rank++] = dataset->axes[k].size;
    const bool coordinate = is_coordinate(dataset, v);
    const bool whole = coordinate && whole_numbers(values, fi_variable_size(dataset, v));
    const hid_t object = write_values(file, variable->name, whole ? H5T_STD_I64LE : H5T_IEEE_F64LE,
                                      rank, dims, values);
    fi_hdf5_write_text(object, "long_name", variable->long_name);
    fi_hdf5_write_text(object, "units", variable->units);
    if (!whole)
        write_attribute(object, FI_RECORD_FILL, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1,
                        &(double){NAN});
    if (!coordinate)
        write_coordinates(object, dataset, v);
    unsigned dimension = 0;
    for (size_t k = 0; k < dataset->n_axes; k++)
        if (variable->axes >> k & 1)
            fi_hdf5(H5DSattach_scale(object, scales[k], dimension++));
    fi_hdf5(H5Dclose(object));
}

static void write_all(hid_t file, const void *content)
{
    const fi_dataset *const dataset = content;
    hid_t scales[FI_MAX_AXES];
    fi_hdf5_write_text(file, FI_RECORD_CONVENTIONS, "CF-1.8");
    for (size_t k = 0; k < dataset->n_attributes; k++)
        if (strcmp(dataset->attributes[k].name, FI_RECORD_CONVENTIONS) != 0)
            fi_hdf5_write_text(file, dataset->attributes[k].name, dataset->attributes[k].text);
    for (size_t k = 0; k < dataset->n_axes; k++)
        scales[k] = write_axis(file, &dataset->axes[k]);
    for (size_t v = 0; v < dataset->n_variables; v++)
        write_variable(file, dataset, v, scales);
    for (size_t k = 0; k < dataset->n_axes; k++)
        fi_hdf5(H5Dclose(scales[k]));
}

fi_status fi_dataset_write(const fi_dataset *dataset, const char *path)
{
    FI_REQUIRE(dataset && path && dataset->n_axes <= FI_MAX_AXES);
    return fi_record_write(path, write_all, dataset);
}
