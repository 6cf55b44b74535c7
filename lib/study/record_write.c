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

#define CONVERTED ((size_t)4096) /* bytes at once: HDF5 clears 1 MiB for each dataset otherwise */
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

/* A file being written, with the properties of all its datasets. */
struct target {
    hid_t file, creation, transfer;
};

/* Values (doubles, in the order of the dimensions) as a dataset of type `stored`, left open. */
static hid_t write_values(const struct target *target, const char *name, hid_t stored, int rank,
                          const hsize_t *dims, const double *values)
{
    const hid_t space = fi_hdf5(rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR));
    const hid_t dataset = fi_hdf5(
        H5Dcreate2(target->file, name, stored, space, H5P_DEFAULT, target->creation, H5P_DEFAULT));
    fi_hdf5(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, target->transfer, values));
    fi_hdf5(H5Sclose(space));
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
static hid_t write_axis(const struct target *target, const fi_axis *axis)
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
    const hid_t scale =
        write_values(target, axis->name, stored, 1, &(hsize_t){axis->size}, numbers);
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
    if (__builtin_popcount(axes) == 1)
        for (size_t v = 0; v < dataset->n_variables; v++)
            labels = labels || ((dataset->variables[v].axes & axes) == axes &&
                                dataset->variables[v].axes != axes);
    return labels;
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

/* ---- dimension scales ------------------------------------------------------------------------ */

/*
 * Scales are attached as the HDF5 Dimension Scale Specification lays down: a variable's
 * DIMENSION_LIST refers, for each dimension, to its scales; a scale's REFERENCE_LIST, to the
 * variables and dimensions that it belongs to. H5DSattach_scale would read and write the latter
 * anew for each variable.
 */
struct use {
    hobj_ref_t variable;
    int dimension;
    int padding; /* of the entries in the file, whose bytes are all to be known */
};

struct scale {
    hid_t dataset;
    hobj_ref_t reference;
    size_t n_uses;
    struct use *uses; /* one a variable at most */
};

static hobj_ref_t refer(hid_t object)
{
    hobj_ref_t reference = 0;
    fi_hdf5(H5Rcreate(&reference, object, ".", H5R_OBJECT, -1));
    return reference;
}

/* DIMENSION_LIST of a variable, and its place in the lists of its scales. */
static void attach_scales(hid_t object, uint32_t axes, struct scale *scales)
{
    const hobj_ref_t variable = refer(object);
    hvl_t lists[FI_MAX_AXES];
    int rank = 0;
    for (size_t k = 0; axes >> k; k++)
        if (axes >> k & 1) {
            lists[rank] = (hvl_t){1, &scales[k].reference};
            scales[k].uses[scales[k].n_uses++] = (struct use){variable, rank++, 0};
        }
    if (rank == 0)
        return;
    const hid_t type = fi_hdf5(H5Tvlen_create(H5T_STD_REF_OBJ));
    write_attribute(object, "DIMENSION_LIST", type, type, (hsize_t)rank, lists);
    fi_hdf5(H5Tclose(type));
}

/* REFERENCE_LIST of a scale whose variables are all attached. */
static void list_uses(const struct scale *scale)
{
    if (scale->n_uses == 0)
        return;
    const hid_t type = fi_hdf5(H5Tcreate(H5T_COMPOUND, sizeof *scale->uses));
    fi_hdf5(H5Tinsert(type, "dataset", offsetof(struct use, variable), H5T_STD_REF_OBJ));
    fi_hdf5(H5Tinsert(type, "dimension", offsetof(struct use, dimension), H5T_NATIVE_INT));
    write_attribute(scale->dataset, "REFERENCE_LIST", type, type, scale->n_uses, scale->uses);
    fi_hdf5(H5Tclose(type));
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void write_variable(const struct target *target, const fi_dataset *dataset, size_t v,
                           struct scale *scales)
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
    const hid_t object = write_values(target, variable->name,
                                      whole ? H5T_STD_I64LE : H5T_IEEE_F64LE, rank, dims, values);
    fi_hdf5_write_text(object, "long_name", variable->long_name);
    fi_hdf5_write_text(object, "units", variable->units);
    if (!whole)
        write_attribute(object, FI_RECORD_FILL, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1,
                        &(double){(double)NAN});
    if (!coordinate)
        write_coordinates(object, dataset, v);
    attach_scales(object, variable->axes, scales);
    fi_hdf5(H5Dclose(object));
}

static void write_data(const struct target *target, const fi_dataset *dataset)
{
    struct scale scales[FI_MAX_AXES];
    struct use *const uses = calloc(dataset->n_axes * dataset->n_variables + 1, sizeof *uses);
    if (!uses) {
        fi_hdf5_fail(strerror(ENOMEM));
        return;
    }
    for (size_t k = 0; k < dataset->n_axes; k++) {
        const hid_t object = write_axis(target, &dataset->axes[k]);
        scales[k] = (struct scale){object, refer(object), 0, uses + k * dataset->n_variables};
    }
    for (size_t v = 0; v < dataset->n_variables; v++)
        write_variable(target, dataset, v, scales);
    for (size_t k = 0; k < dataset->n_axes; k++) {
        list_uses(&scales[k]);
        fi_hdf5(H5Dclose(scales[k].dataset));
    }
    free(uses);
}

static void write_all(hid_t file, const void *content)
{
    const fi_dataset *const dataset = content;
    const struct target target = {file, fi_hdf5_creation(H5P_DATASET_CREATE),
                                  fi_hdf5(H5Pcreate(H5P_DATASET_XFER))};
    fi_hdf5(H5Pset_buffer(target.transfer, CONVERTED, NULL, NULL));
    fi_hdf5_write_text(file, FI_RECORD_CONVENTIONS, "CF-1.8");
    for (size_t k = 0; k < dataset->n_attributes; k++)
        if (strcmp(dataset->attributes[k].name, FI_RECORD_CONVENTIONS) != 0)
            fi_hdf5_write_text(file, dataset->attributes[k].name, dataset->attributes[k].text);
    write_data(&target, dataset);
    fi_hdf5(H5Pclose(target.transfer));
    fi_hdf5(H5Pclose(target.creation));
}

fi_status fi_dataset_write(const fi_dataset *dataset, const char *path)
{
    FI_REQUIRE(dataset && path && dataset->n_axes <= FI_MAX_AXES);
    return fi_record_write(path, write_all, dataset);
}
