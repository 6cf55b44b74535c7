/* Dimension scales as fi_dataset_write attaches them, against H5DSattach_scale. */
#include "core/arena.h"
#include "fanin.h"
#include "study/record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const fi_axis axes[] = {
    {.name = "kind", .size = 2}, {.name = "run", .size = 3},    {.name = "layer", .size = 4},
    {.name = "bin", .size = 2},  {.name = "unused", .size = 2},
};
static const fi_variable variables[] = {
    {.name = "seed", .axes = 2},      {.name = "mean", .axes = 1 | 2 | 4},
    {.name = "shape", .axes = 1 | 8}, {.name = "total", .axes = 0},
    {.name = "top", .axes = 1 | 4},
};

static char path[64], naive_path[64];

static void begin(void)
{
    snprintf(path, sizeof path, "/tmp/fanin-scales-%d.h5", (int)getpid());
    snprintf(naive_path, sizeof naive_path, "/tmp/fanin-scales-%d-naive.h5", (int)getpid());
    double numbers[24] = {0};
    double *values[COUNT(variables)];
    for (size_t v = 0; v < COUNT(variables); v++)
        values[v] = numbers;
    const fi_dataset dataset = {0, COUNT(axes), COUNT(variables), NULL, axes, variables, values};
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
}

static void end(void)
{
    (void)remove(path);
    (void)remove(naive_path);
}

TestSuite(scales, .init = begin, .fini = end);

/* A dataset of the file that `write_naively` is making, left open. */
static hid_t make(hid_t file, const char *name, int rank, const hsize_t *dims)
{
    const hid_t space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    const hid_t object =
        H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert_geq(object, 0);
    H5Sclose(space);
    return object;
}

/* The same axes and variables, attached by the HDF5 library. */
static hid_t write_naively(void)
{
    const hid_t file = H5Fcreate(naive_path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t scales[COUNT(axes)];
    for (size_t k = 0; k < COUNT(axes); k++) {
        scales[k] = make(file, axes[k].name, 1, &(hsize_t){axes[k].size});
        cr_assert_geq(H5DSset_scale(scales[k], axes[k].name), 0);
    }
    for (size_t v = 0; v < COUNT(variables); v++) {
        hsize_t dims[COUNT(axes)];
        int rank = 0;
        for (size_t k = 0; k < COUNT(axes); k++)
            if (variables[v].axes >> k & 1)
                dims[rank++] = axes[k].size;
        const hid_t object = make(file, variables[v].name, rank, dims);
        for (size_t k = 0, d = 0; k < COUNT(axes); k++)
            if (variables[v].axes >> k & 1)
                cr_assert_geq(H5DSattach_scale(object, scales[k], (unsigned)d++), 0);
        H5Dclose(object);
    }
    for (size_t k = 0; k < COUNT(axes); k++)
        H5Dclose(scales[k]);
    return file;
}

Test(scales, each_dimension_has_its_own)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t v = 0; v < COUNT(variables); v++) {
        const hid_t object = H5Dopen2(file, variables[v].name, H5P_DEFAULT);
        const unsigned rank = (unsigned)__builtin_popcount(variables[v].axes);
        for (unsigned d = 0; d < rank; d++)
            cr_expect_eq(H5DSget_num_scales(object, d), 1, "%s %u", variables[v].name, d);
        for (size_t k = 0; k < COUNT(axes); k++) {
            const hid_t scale = H5Dopen2(file, axes[k].name, H5P_DEFAULT);
            const bool has = variables[v].axes >> k & 1;
            const unsigned own = (unsigned)__builtin_popcount(variables[v].axes & ((1U << k) - 1));
            for (unsigned d = 0; d < rank; d++)
                cr_expect_eq(H5DSis_attached(object, scale, d) > 0, has && d == own, "%s %u %s",
                             variables[v].name, d, axes[k].name);
            H5Dclose(scale);
        }
        H5Dclose(object);
    }
    H5Fclose(file);
}

/* The entries of REFERENCE_LIST as text, "mean 1, shape 0, " for one. */
static void describe_uses(hid_t object, hid_t attribute, size_t count, char *text, size_t size)
{
    struct {
        hobj_ref_t variable;
        int dimension, padding;
    } uses[COUNT(variables)];
    const hid_t type = H5Aget_type(attribute);
    cr_assert_leq(count, COUNT(uses));
    cr_assert_eq(H5Tget_size(type), sizeof *uses);
    cr_assert_geq(H5Aread(attribute, type, uses), 0);
    for (size_t k = 0; k < count; k++) {
        char name[32] = "";
        H5Rget_name(object, H5R_OBJECT, &uses[k].variable, name, sizeof name);
        const size_t length = strlen(text);
        snprintf(text + length, size - length, "%s %d, ", name + 1, uses[k].dimension);
    }
    H5Tclose(type);
}

static void expect_same(hid_t ours, hid_t naive, const char *attribute)
{
    const hid_t objects[] = {ours, naive};
    hid_t types[2] = {0};
    hssize_t counts[2] = {0};
    char uses[2][256] = {"", ""};
    for (int k = 0; k < 2; k++) {
        if (H5Aexists(objects[k], attribute) <= 0)
            continue;
        const hid_t opened = H5Aopen(objects[k], attribute, H5P_DEFAULT);
        const hid_t space = H5Aget_space(opened);
        types[k] = H5Aget_type(opened);
        counts[k] = H5Sget_simple_extent_npoints(space);
        if (strcmp(attribute, "REFERENCE_LIST") == 0)
            describe_uses(objects[k], opened, (size_t)counts[k], uses[k], sizeof uses[k]);
        H5Sclose(space);
        H5Aclose(opened);
    }
    cr_assert_eq(counts[0], counts[1], "%s", attribute);
    cr_expect(counts[0] == 0 || H5Tequal(types[0], types[1]) > 0, "%s", attribute);
    cr_expect_str_eq(uses[0], uses[1]);
}

Test(scales, are_attached_as_the_library_would)
{
    const hid_t ours = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t naive = write_naively();
    for (size_t k = 0; k < COUNT(axes) + COUNT(variables); k++) {
        const char *const name = k < COUNT(axes) ? axes[k].name : variables[k - COUNT(axes)].name;
        const hid_t a = H5Dopen2(ours, name, H5P_DEFAULT);
        const hid_t b = H5Dopen2(naive, name, H5P_DEFAULT);
        expect_same(a, b, "CLASS");
        expect_same(a, b, "NAME");
        expect_same(a, b, "DIMENSION_LIST");
        expect_same(a, b, "REFERENCE_LIST");
        H5Dclose(a);
        H5Dclose(b);
    }
    H5Fclose(ours);
    H5Fclose(naive);
}
