/*
 * A record as a dataset: what fi_dataset_write wrote, and what xarray, netCDF4 or h5py write with
 * named dimensions. Axes are the dimension scales of the root group, variables its other datasets
 * of numbers; anything else is left out.
 */
#define _GNU_SOURCE
#include "record.h"

#include "../core/internal.h"
#include "dataset.h"

#include <math.h>
#include <string.h>

static herr_t read_whole(hid_t dataset, hid_t type, void *buffer)
{
    return H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
}

/* Extents of a dataset; returns its rank and class. */
static int read_shape(hid_t object, hsize_t dims[FI_MAX_AXES], H5T_class_t *class)
{
    const hid_t space = fi_hdf5(H5Dget_space(object));
    const hid_t type = fi_hdf5(H5Dget_type(object));
    const int rank = (int)fi_hdf5(H5Sget_simple_extent_dims(space, dims, NULL));
    *class = H5Tget_class(type);
    fi_hdf5(H5Tclose(type));
    fi_hdf5(H5Sclose(space));
    return rank;
}

static double *read_values(fi_reader *reader, hid_t object, size_t count)
{
    double *const values = fi_reader_allocate(reader, count, sizeof *values);
    if (values)
        fi_hdf5(read_whole(object, H5T_NATIVE_DOUBLE, values));
    return values;
}

/* The labels of an axis of flags: for each value the word at the place of the same flag. */
static void read_meanings(fi_reader *reader, hid_t scale, fi_axis *axis)
{
    double *flags = NULL;
    const char *const meanings = fi_reader_text(reader, scale, FI_RECORD_MEANINGS);
    const size_t count = fi_reader_numbers(reader, scale, FI_RECORD_FLAGS, &flags);
    const char **const labels = fi_reader_allocate(reader, axis->size, sizeof *labels);
    const char **const words = fi_reader_allocate(reader, count, sizeof *words);
    char *rest = meanings ? fi_reader_copy(reader, meanings) : NULL;
    if (!labels || !words || !rest)
        return;
    size_t n_words = 0;
    for (char *word; n_words < count && (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            words[n_words++] = word;
    for (size_t k = 0; k < axis->size; k++) {
        size_t flag = 0;
        while (flag < n_words && flags[flag] != axis->values[k])
            flag++;
        if (flag == n_words) {
            reader->status =
                fi_fail(FI_EDATA,
                        "'%s': position %zu of axis '%s' has no name in " FI_RECORD_MEANINGS
                        "; give one name to each of its " FI_RECORD_FLAGS,
                        reader->path, k, axis->name);
            return;
        }
        labels[k] = words[flag];
    }
    axis->labels = labels;
    axis->values = NULL;
}

/* Values or labels of an axis, from a dataset of numbers or strings. */
static void read_positions(fi_reader *reader, hid_t scale, H5T_class_t class, fi_axis *axis)
{
    if (class == H5T_STRING) {
        const hid_t type = fi_hdf5(H5Dget_type(scale));
        axis->labels = fi_reader_strings(reader, scale, type, axis->size, read_whole);
        fi_hdf5(H5Tclose(type));
    } else if (class == H5T_INTEGER || class == H5T_FLOAT) {
        axis->values = read_values(reader, scale, axis->size);
        if (axis->values && fi_hdf5(H5Aexists(scale, FI_RECORD_MEANINGS)) > 0)
            read_meanings(reader, scale, axis);
    }
}

/* Adds the axis where netCDF's number of it says, which for its files is not creation order. */
static void insert_axis(fi_reader *reader, hid_t scale, const fi_axis *axis)
{
    double *number = NULL;
    const bool numbered = fi_reader_numbers(reader, scale, "_Netcdf4Dimid", &number) == 1;
    const double place = numbered ? *number : (double)reader->n_axes;
    size_t k = reader->n_axes++;
    for (; k > 0 && reader->places[k - 1] > place; k--) {
        reader->axes[k] = reader->axes[k - 1];
        reader->places[k] = reader->places[k - 1];
    }
    reader->axes[k] = *axis;
    reader->places[k] = place;
}

/* A netCDF dimension without positions has a dataset too, of length 0 where it is unlimited. */
static bool is_bare(hid_t scale)
{
    static const char mark[] = "This is a netCDF dimension but not a netCDF variable";
    char role[sizeof mark] = "";
    fi_hdf5(H5DSget_scale_name(scale, role, sizeof role));
    return strcmp(role, mark) == 0;
}

static void read_axis(fi_reader *reader, hid_t object, const char *name)
{
    if (fi_hdf5(H5DSis_scale(object)) <= 0)
        return;
    H5T_class_t class = H5T_NO_CLASS;
    hsize_t dims[FI_MAX_AXES] = {0};
    const int rank = read_shape(object, dims, &class);
    const bool bare = is_bare(object);
    const bool too_many = reader->n_axes == FI_MAX_AXES;
    if (rank != 1 || (dims[0] == 0 && !bare) || too_many) {
        reader->status = fi_fail(FI_EDATA, "'%s': axis '%s' %s", reader->path, name,
                                 too_many    ? "is one too many; 32 axes can be read"
                                 : rank == 1 ? "is empty; write at least one position"
                                             : "has not one dimension; write names as strings");
        return;
    }
    fi_axis axis = {.name = fi_reader_copy(reader, name), .size = dims[0]};
    axis.long_name = fi_reader_text(reader, object, "long_name");
    axis.units = fi_reader_text(reader, object, "units");
    if (!bare)
        read_positions(reader, object, class, &axis);
    insert_axis(reader, object, &axis);
}

/* Looks the scale up among the axes. */
struct search {
    const fi_reader *reader;
    size_t found;
};

static herr_t match_scale(hid_t object, unsigned dimension, hid_t scale, void *context)
{
    (void)object, (void)dimension;
    struct search *const search = context;
    char path[512] = "";
    fi_hdf5(H5Iget_name(scale, path, sizeof path));
    for (size_t k = 0; k < search->reader->n_axes; k++)
        if (path[0] == '/' && strcmp(search->reader->axes[k].name, path + 1) == 0) {
            search->found = k;
            return 1;
        }
    return 0;
}

/* order[d]: the axis of dimension d. */
static void find_axes(fi_reader *reader, hid_t object, int rank, const hsize_t *dims,
                      fi_variable *variable, size_t *order)
{
    for (int d = 0; d < rank; d++) {
        struct search search = {reader, reader->n_axes};
        if (fi_hdf5(H5DSget_num_scales(object, (unsigned)d)) > 0)
            fi_hdf5(H5DSiterate_scales(object, (unsigned)d, NULL, match_scale, &search));
        const size_t k = search.found;
        if (k < reader->n_axes && reader->axes[k].size == 0) /* unlimited: as long as this */
            reader->axes[k].size = dims[d];
        if (k == reader->n_axes || dims[d] == 0 || reader->axes[k].size != dims[d] ||
            variable->axes >> k & 1) {
            reader->status = fi_fail(
                FI_EDATA, "'%s': dimension %d of '%s' %s; write the file with xarray or netCDF4",
                reader->path, d, variable->name,
                k == reader->n_axes               ? "has no name (no dimension scale)"
                : dims[d] == 0                    ? "is empty"
                : reader->axes[k].size != dims[d] ? "is not as long as its dimension scale"
                                                  : "is the same axis as another");
            return;
        }
        order[d] = k;
        variable->axes |= 1U << k;
    }
}

/* Values in the order of the variable's own dimensions, put in the order of the axes. */
static double *arrange(fi_reader *reader, const fi_variable *variable, double *values, size_t count,
                       int rank, const size_t *order)
{
    bool ordered = true;
    for (int d = 1; d < rank; d++)
        ordered = ordered && order[d - 1] < order[d];
    double *const arranged = ordered ? values : fi_reader_allocate(reader, count, sizeof *arranged);
    if (ordered || !arranged)
        return arranged;
    size_t position[FI_MAX_AXES] = {0};
    for (size_t k = 0; k < count; k++) {
        size_t index = k;
        for (int d = rank; d-- > 0; index /= reader->axes[order[d]].size)
            position[order[d]] = index % reader->axes[order[d]].size;
        arranged[fi_axes_index(reader->n_axes, reader->axes, variable->axes, position)] = values[k];
    }
    return arranged;
}

/* Turns fill values into NaN and undoes packing (CF 1.8, sections 2.5.1 and 8.1). */
static void decode(fi_reader *reader, hid_t object, double *values, size_t count)
{
    double *fill = NULL;
    double *missing = NULL;
    double *factor = NULL;
    double *offset = NULL;
    const bool has_fill = fi_reader_numbers(reader, object, FI_RECORD_FILL, &fill) == 1;
    const bool has_missing = fi_reader_numbers(reader, object, "missing_value", &missing) == 1;
    const bool scaled = fi_reader_numbers(reader, object, "scale_factor", &factor) == 1;
    const bool shifted = fi_reader_numbers(reader, object, "add_offset", &offset) == 1;
    for (size_t k = 0; k < count; k++) {
        if ((has_fill && values[k] == *fill) || (has_missing && values[k] == *missing))
            values[k] = NAN;
        if (scaled)
            values[k] *= *factor;
        if (shifted)
            values[k] += *offset;
    }
}

static void read_variable(fi_reader *reader, hid_t object, const char *name)
{
    if (fi_hdf5(H5DSis_scale(object)) != 0)
        return;
    H5T_class_t class = H5T_NO_CLASS;
    hsize_t dims[FI_MAX_AXES] = {0};
    size_t order[FI_MAX_AXES] = {0};
    const int rank = read_shape(object, dims, &class);
    if (rank < 0 || (class != H5T_INTEGER && class != H5T_FLOAT))
        return;
    fi_variable *const variable = &reader->variables[reader->n_variables];
    *variable = (fi_variable){.name = fi_reader_copy(reader, name)};
    variable->long_name = fi_reader_text(reader, object, "long_name");
    variable->units = fi_reader_text(reader, object, "units");
    find_axes(reader, object, rank, dims, variable, order);
    if (reader->status != FI_OK || fi_hdf5_failure())
        return;
    const size_t count = fi_axes_size(reader->n_axes, reader->axes, variable->axes);
    double *const values = read_values(reader, object, count);
    if (!values || fi_hdf5_failure())
        return;
    decode(reader, object, values, count);
    reader->values[reader->n_variables++] = arrange(reader, variable, values, count, rank, order);
}

/* Calls `read` for each dataset of the root group. */
static void each_dataset(fi_reader *reader, hid_t file, H5_index_t order, hsize_t links,
                         void (*read)(fi_reader *, hid_t, const char *))
{
    for (hsize_t k = 0; k < links && reader->status == FI_OK && !fi_hdf5_failure(); k++) {
        char name[256] = "";
        fi_hdf5(
            H5Lget_name_by_idx(file, ".", order, H5_ITER_INC, k, name, sizeof name, H5P_DEFAULT));
        const hid_t object = fi_hdf5(H5Oopen(file, name, H5P_DEFAULT));
        if (H5Iget_type(object) == H5I_DATASET)
            read(reader, object, name);
        fi_hdf5(H5Oclose(object));
    }
}

static void read_file(fi_reader *reader, hid_t file)
{
    unsigned links = 0;
    unsigned attributes = 0;
    H5G_info_t group = {.nlinks = 0};
    const hid_t root = fi_hdf5(H5Gopen2(file, "/", H5P_DEFAULT));
    const hid_t properties = fi_hdf5(H5Gget_create_plist(root));
    fi_hdf5(H5Pget_link_creation_order(properties, &links));
    fi_hdf5(H5Pget_attr_creation_order(properties, &attributes));
    fi_hdf5(H5Gget_info(root, &group));
    const H5_index_t link_order =
        links & H5P_CRT_ORDER_INDEXED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    const H5_index_t attribute_order =
        attributes & H5P_CRT_ORDER_INDEXED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    reader->axes = fi_reader_allocate(reader, FI_MAX_AXES, sizeof *reader->axes);
    reader->places = fi_reader_allocate(reader, FI_MAX_AXES, sizeof *reader->places);
    reader->variables = fi_reader_allocate(reader, group.nlinks, sizeof *reader->variables);
    reader->values = fi_reader_allocate(reader, group.nlinks, sizeof *reader->values);
    if (reader->status == FI_OK) {
        fi_reader_attributes(reader, root, attribute_order);
        each_dataset(reader, root, link_order, group.nlinks, read_axis);
        each_dataset(reader, root, link_order, group.nlinks, read_variable);
    }
    fi_hdf5(H5Pclose(properties));
    fi_hdf5(H5Gclose(root));
    if (reader->status == FI_OK && !fi_hdf5_failure() && reader->n_variables == 0)
        reader->status =
            fi_fail(FI_EDATA, "'%s' holds no variables; give %s", reader->path, reader->wanted);
}

fi_status fi_dataset_read(fi_dataset *dataset, const char *path, fi_arena *arena)
{
    FI_REQUIRE(dataset && path && arena);
    fi_reader reader = {
        .path = path, .wanted = "a file that a study, xarray or netCDF4 wrote", .arena = arena};
    const fi_status status = fi_record_read(&reader, read_file);
    *dataset =
        (fi_dataset){reader.n_attributes, reader.n_axes,    reader.n_variables, reader.attributes,
                     reader.axes,         reader.variables, reader.values};
    return status;
}
