/*
 * A snapshot as a record: HDF5 1.8 with the attributes of the root group and, in the groups that
 * their names spell, the arrays. Each is contiguous and little-endian, of its own element type,
 * which the attribute "element" names too: in a library of doubles the type alone would not tell a
 * real from a double. An array of one row has one dimension. As in all records, creation order is
 * tracked and nothing carries a time.
 */
#include "record_arrays.h"

#include "../core/internal.h"
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "fanin snapshot 1"
#define ELEMENT "element"

/* How the elements of an array are called, and their types in the file and in memory. */
struct element {
    const char *name;
    hid_t stored, native;
};

static struct element describe(fi_element element)
{
    switch (element) {
    case FI_ELEMENT_U32:
        return (struct element){"u32", H5T_STD_U32LE, H5T_NATIVE_UINT32};
    case FI_ELEMENT_U64:
        return (struct element){"u64", H5T_STD_U64LE, H5T_NATIVE_UINT64};
    case FI_ELEMENT_DOUBLE:
        return (struct element){"double", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE};
    case FI_ELEMENT_REAL:
    default:
        return sizeof(fi_real) == sizeof(double)
                   ? (struct element){"real", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE}
                   : (struct element){"real", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT};
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Makes those groups of the array's name that are not there. */
static void make_groups(hid_t file, const char *name)
{
    char *const path = strdup(name);
    if (!path) {
        fi_hdf5_fail(strerror(ENOMEM));
        return;
    }
    const hid_t properties = fi_hdf5_creation(H5P_GROUP_CREATE);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (fi_hdf5(H5Lexists(file, path, H5P_DEFAULT)) == 0)
            fi_hdf5(
                H5Gclose(fi_hdf5(H5Gcreate2(file, path, H5P_DEFAULT, properties, H5P_DEFAULT))));
        *slash = '/';
    }
    fi_hdf5(H5Pclose(properties));
    free(path);
}

static void write_array(hid_t file, const fi_array *array)
{
    const struct element element = describe(array->element);
    const hsize_t dims[] = {array->rows, array->cols};
    const int skipped = array->rows == 1;
    make_groups(file, array->name);
    const hid_t properties = fi_hdf5_creation(H5P_DATASET_CREATE);
    const hid_t space = fi_hdf5(H5Screate_simple(2 - skipped, dims + skipped, NULL));
    const hid_t dataset = fi_hdf5(
        H5Dcreate2(file, array->name, element.stored, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    fi_hdf5(H5Dwrite(dataset, element.native, H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data));
    fi_hdf5_write_text(dataset, ELEMENT, element.name);
    fi_hdf5(H5Dclose(dataset));
    fi_hdf5(H5Sclose(space));
    fi_hdf5(H5Pclose(properties));
}

static void write_all(hid_t file, const void *content)
{
    const fi_snapshot *const snapshot = content;
    fi_hdf5_write_text(file, FI_SNAPSHOT_FORMAT, FORMAT);
    for (size_t k = 0; k < snapshot->n_attributes; k++)
        if (strcmp(snapshot->attributes[k].name, FI_SNAPSHOT_FORMAT) != 0)
            fi_hdf5_write_text(file, snapshot->attributes[k].name, snapshot->attributes[k].text);
    for (size_t k = 0; k < snapshot->n_arrays && !fi_hdf5_failure(); k++)
        write_array(file, &snapshot->arrays[k]);
}

fi_status fi_snapshot_save(const fi_snapshot *snapshot)
{
    return fi_record_write(snapshot->path, write_all, snapshot);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What is read beside the attributes, which are the reader's. */
struct content {
    fi_reader reader;
    size_t n_arrays, capacity;
    fi_array *arrays;
};

/* Fills in the element type; FI_EDATA if it is none of this library's. */
static void read_element(fi_reader *reader, hid_t dataset, fi_array *array)
{
    const char *const name = fi_reader_text(reader, dataset, ELEMENT);
    const hid_t type = fi_hdf5(H5Dget_type(dataset));
    bool known = false;
    for (fi_element e = FI_ELEMENT_REAL; name && e <= FI_ELEMENT_U64 && !known; e++) {
        known = strcmp(name, describe(e).name) == 0 && H5Tequal(type, describe(e).stored) > 0;
        if (known)
            array->element = e;
    }
    if (!known && reader->status == FI_OK && !fi_hdf5_failure())
        reader->status =
            H5Tget_class(type) == H5T_FLOAT && name && strcmp(name, "real") == 0
                ? fi_fail(FI_EDATA,
                          "'%s': '%s' has reals of %zu bits, and this library computes in %zu; "
                          "read it with the library that wrote it",
                          reader->path, array->name, 8 * H5Tget_size(type), 8 * sizeof(fi_real))
                : fi_fail(FI_EDATA,
                          "'%s': '%s' has no element type of a snapshot (real, double, u32 or "
                          "u64); give %s",
                          reader->path, array->name, reader->wanted);
    fi_hdf5(H5Tclose(type));
}

/* Fills in rows and columns; FI_EDATA if there are more dimensions, or less data in the file. */
static void read_shape(fi_reader *reader, hid_t dataset, fi_array *array)
{
    hsize_t dims[H5S_MAX_RANK] = {0};
    const hid_t space = fi_hdf5(H5Dget_space(dataset));
    const int rank = (int)fi_hdf5(H5Sget_simple_extent_dims(space, dims, NULL));
    fi_hdf5(H5Sclose(space));
    if (fi_hdf5_failure() || reader->status != FI_OK)
        return;
    array->rows = rank == 2 ? dims[0] : 1;
    array->cols = rank == 2 ? dims[1] : dims[0];
    size_t bytes = H5Tget_size(describe(array->element).stored);
    const bool too_large = __builtin_mul_overflow(bytes, array->rows, &bytes) ||
                           __builtin_mul_overflow(bytes, array->cols, &bytes);
    if (rank != 1 && rank != 2)
        reader->status = fi_fail(FI_EDATA, "'%s': '%s' has %d dimensions, not one or two; give %s",
                                 reader->path, array->name, rank, reader->wanted);
    else if (too_large || H5Dget_storage_size(dataset) != bytes)
        reader->status = fi_fail(FI_EDATA,
                                 "'%s': '%s' is not as large as its shape; it may be damaged: "
                                 "write it again",
                                 reader->path, array->name);
}

/* A place for one more array; NULL if refused. */
static fi_array *next_array(struct content *content)
{
    if (content->n_arrays == content->capacity) {
        const size_t capacity = content->capacity ? 2 * content->capacity : 64;
        fi_array *const arrays = fi_reader_allocate(&content->reader, capacity, sizeof *arrays);
        if (!arrays)
            return NULL;
        if (content->n_arrays)
            memcpy(arrays, content->arrays, content->n_arrays * sizeof *arrays);
        content->arrays = arrays;
        content->capacity = capacity;
    }
    return &content->arrays[content->n_arrays];
}

static void read_array(struct content *content, hid_t dataset, const char *name)
{
    fi_reader *const reader = &content->reader;
    fi_array *const array = next_array(content);
    if (!array)
        return;
    *array = (fi_array){.name = fi_reader_copy(reader, name)};
    if (!array->name)
        return;
    read_element(reader, dataset, array);
    read_shape(reader, dataset, array);
    if (reader->status != FI_OK || fi_hdf5_failure())
        return;
    const struct element element = describe(array->element);
    array->data =
        fi_reader_allocate(reader, array->rows * array->cols, H5Tget_size(element.native));
    if (!array->data)
        return;
    fi_hdf5(H5Dread(dataset, element.native, H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data));
    content->n_arrays++;
}

/* Links to other places, which no snapshot has, are left out. Stops where something fails. */
static herr_t visit(hid_t root, const char *name, const H5L_info_t *info, void *context)
{
    struct content *const content = context;
    if (info->type != H5L_TYPE_HARD)
        return 0;
    const hid_t object = fi_hdf5(H5Oopen(root, name, H5P_DEFAULT));
    if (H5Iget_type(object) == H5I_DATASET)
        read_array(content, object, name);
    fi_hdf5(H5Oclose(object));
    return content->reader.status != FI_OK || fi_hdf5_failure();
}

static fi_status not_a_snapshot(fi_reader *reader, hid_t file)
{
    const char *const format = fi_reader_text(reader, file, FI_SNAPSHOT_FORMAT);
    const char *const title = fi_reader_text(reader, file, "title");
    if (reader->status != FI_OK || (format && strcmp(format, FORMAT) == 0))
        return reader->status;
    if (format)
        return fi_fail(FI_EDATA, "'%s' has the format '%s', not '" FORMAT "'; give %s",
                       reader->path, format, reader->wanted);
    if (title)
        return fi_fail(FI_EDATA, "'%s' is a dataset, '%s', not a snapshot; give %s", reader->path,
                       title, reader->wanted);
    return fi_fail(FI_EDATA, "'%s' is an HDF5 file, but not a snapshot; give %s", reader->path,
                   reader->wanted);
}

static void read_all(fi_reader *reader, hid_t file)
{
    reader->status = not_a_snapshot(reader, file);
    if (reader->status != FI_OK || fi_hdf5_failure())
        return;
    fi_reader_attributes(reader, file, H5_INDEX_CRT_ORDER);
    if (reader->status == FI_OK && !fi_hdf5_failure())
        fi_hdf5(H5Lvisit(file, H5_INDEX_CRT_ORDER, H5_ITER_INC, visit, reader));
}

fi_status fi_snapshot_read(fi_snapshot *snapshot, const char *path, fi_arena *arena)
{
    FI_REQUIRE(snapshot && path && arena);
    struct content content = {
        .reader = {.path = path, .wanted = "a snapshot that training wrote", .arena = arena}};
    const fi_status status = fi_record_read(&content.reader, read_all);
    const char *const own_path = status == FI_OK ? fi_reader_copy(&content.reader, path) : NULL;
    *snapshot = (fi_snapshot){own_path, content.reader.n_attributes, content.n_arrays,
                              content.reader.attributes, content.arrays};
    return content.reader.status;
}
