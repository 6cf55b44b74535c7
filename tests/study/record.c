/* Records: what is written comes back, is always the same bytes, and is whole or not there. */
#define _GNU_SOURCE
#include "study/record.h"
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[64], path[96];
static fi_arena *arena;

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(name);
}

static void begin(void)
{
    strcpy(folder, "/tmp/fanin-record-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/record.h5", folder);
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void end(void)
{
    fi_arena_free(arena);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(record, .init = begin, .fini = end);

static const char *const activations[] = {"linear", "tanh", "relu"};
static const char *const switches[] = {"off", "on"};
static const double runs[] = {0, 1, 2, 3};
static const double times[] = {0.5, -1e300, 0.1};
static const double large[] = {9007199254740992.0 * 4, 3};
static const fi_axis axes[] = {
    {"activation", "activation function", NULL, 3, NULL, activations},
    {"batch_norm", NULL, NULL, 2, NULL, switches},
    {"run", "network", "1", 4, runs, NULL},
    {"time", NULL, "", 3, times, NULL},
    {"large", NULL, NULL, 2, large, NULL},
    {"plain", NULL, NULL, 2, NULL, NULL},
};
static const fi_variable variables[] = {
    {"seed", "seed of the run", "1", 4},  {"mean", "mean", "1", 1 | 2 | 4 | 8},
    {"predicted", NULL, NULL, 1 | 2 | 8}, {"rate", "half a coordinate", NULL, 8},
    {"total", "over nothing", NULL, 0},   {"other", "", NULL, 4 | 16 | 32},
};
static const fi_attribute attributes[] = {
    {"title", "A study"}, {"empty", ""}, {"caf\xc3\xa9", "na\xc3\xafve"},
    {"a", "1"},           {"b", "2"},    {"c", "3"},
    {"d", "4"},           {"e", "5"},    {"f", "6"},
    {"g", "7"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static fi_dataset make(void)
{
    fi_dataset dataset = {.n_attributes = COUNT(attributes),
                          .n_axes = COUNT(axes),
                          .n_variables = COUNT(variables),
                          .attributes = attributes,
                          .axes = axes,
                          .variables = variables};
    dataset.values = fi_arena_alloc(arena, COUNT(variables), sizeof *dataset.values);
    for (size_t v = 0; v < COUNT(variables); v++) {
        const size_t size = fi_variable_size(&dataset, v);
        dataset.values[v] = fi_arena_alloc(arena, size, sizeof(double));
        for (size_t k = 0; k < size; k++)
            dataset.values[v][k] =
                v == 0 ? (double)(k + 7) : sin((double)(k + 1)) / (double)(v + 1);
    }
    dataset.values[1][5] = NAN;
    dataset.values[1][6] = -INFINITY;
    dataset.values[1][7] = 5e-324;
    dataset.values[3][0] = NAN;
    return dataset;
}

/* The bytes of a file; the caller's to free. */
static char *slurp(const char *name, size_t *size)
{
    struct stat status;
    FILE *file = fopen(name, "rb");
    cr_assert(file != NULL, "%s cannot be opened", name);
    cr_assert_eq(fstat(fileno(file), &status), 0);
    *size = (size_t)status.st_size;
    char *bytes = malloc(*size + 1);
    cr_assert_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void expect_same_bytes(const char *name_a, const char *name_b)
{
    size_t size_a = 0;
    size_t size_b = 0;
    char *a = slurp(name_a, &size_a);
    char *b = slurp(name_b, &size_b);
    cr_expect(size_a == size_b && memcmp(a, b, size_a) == 0, "%s (%zu bytes) and %s (%zu) differ",
              name_a, size_a, name_b, size_b);
    free(a);
    free(b);
}

static void expect_text(const char *got, const char *expected)
{
    cr_expect((!got && !expected) || (got && expected && strcmp(got, expected) == 0),
              "got '%s', expected '%s'", got ? got : "(null)", expected ? expected : "(null)");
}

/* Writing fails with FI_EIO, a message that has `part`, and leaves no temporary file. */
static void expect_refused(const fi_dataset *dataset, const char *name, const char *part)
{
    char temporary[128];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    const fi_status status = fi_dataset_write(dataset, name);
    cr_expect_eq(status, FI_EIO, "'%s': status %d", name, (int)status);
    cr_expect(strstr(fi_message(), part), "'%s' does not say '%s'", fi_message(), part);
    cr_expect_neq(access(temporary, F_OK), 0, "%s is left", temporary);
}

Test(record, all_comes_back)
{
    const fi_dataset written = make();
    fi_dataset read = {0};
    cr_assert_eq(fi_dataset_write(&written, path), FI_OK, "%s", fi_message());
    cr_assert_eq(fi_dataset_read(&read, path, arena), FI_OK, "%s", fi_message());
    cr_assert_eq(read.n_attributes, written.n_attributes);
    cr_assert_eq(read.n_axes, written.n_axes);
    cr_assert_eq(read.n_variables, written.n_variables);
    for (size_t k = 0; k < read.n_attributes; k++) {
        expect_text(read.attributes[k].name, attributes[k].name);
        expect_text(read.attributes[k].text, attributes[k].text);
    }
    for (size_t k = 0; k < read.n_axes; k++) {
        expect_text(read.axes[k].name, axes[k].name);
        expect_text(read.axes[k].long_name, axes[k].long_name);
        expect_text(read.axes[k].units, axes[k].units);
        cr_assert_eq(read.axes[k].size, axes[k].size);
        cr_expect_eq(read.axes[k].values == NULL, axes[k].labels != NULL);
        for (size_t j = 0; j < axes[k].size; j++)
            if (axes[k].labels)
                expect_text(read.axes[k].labels[j], axes[k].labels[j]);
            else
                cr_expect_eq(read.axes[k].values[j],
                             axes[k].values ? axes[k].values[j] : (double)j);
    }
    for (size_t v = 0; v < read.n_variables; v++) {
        expect_text(read.variables[v].name, variables[v].name);
        expect_text(read.variables[v].long_name, variables[v].long_name);
        expect_text(read.variables[v].units, variables[v].units);
        cr_assert_eq(read.variables[v].axes, variables[v].axes);
        for (size_t k = 0; k < fi_variable_size(&written, v); k++) {
            const double a = read.values[v][k];
            const double b = written.values[v][k];
            cr_expect(a == b || (isnan(a) && isnan(b)), "%s[%zu] is %g, was %g", variables[v].name,
                      k, a, b);
        }
    }
}

Test(record, the_bytes_depend_on_the_dataset_alone)
{
    const fi_dataset dataset = make();
    char other[128];
    snprintf(other, sizeof other, "%s/other.h5", folder);
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    nanosleep(&(struct timespec){1, 100000000}, NULL); /* a time stamp counts seconds */
    cr_assert_eq(fi_dataset_write(&dataset, other), FI_OK, "%s", fi_message());
    expect_same_bytes(path, other);
    fi_dataset read = {0};
    cr_assert_eq(fi_dataset_read(&read, path, arena), FI_OK, "%s", fi_message());
    cr_assert_eq(fi_dataset_write(&read, other), FI_OK, "%s", fi_message());
    expect_same_bytes(path, other);
}

/* What measured readers take: see the choices at the top of record_write.c. */
Test(record, types_are_those_that_readers_take)
{
    static const struct {
        const char *name;
        H5T_class_t class;
        size_t size;
    } cases[] = {{"activation", H5T_INTEGER, 1}, {"run", H5T_INTEGER, 8},
                 {"time", H5T_FLOAT, 8},         {"large", H5T_FLOAT, 8},
                 {"plain", H5T_INTEGER, 8},      {"seed", H5T_INTEGER, 8},
                 {"rate", H5T_FLOAT, 8},         {"mean", H5T_FLOAT, 8}};
    const fi_dataset dataset = make();
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t k = 0; k < COUNT(cases); k++) {
        const hid_t object = H5Dopen2(file, cases[k].name, H5P_DEFAULT);
        const hid_t type = H5Dget_type(object);
        cr_expect_eq(H5Tget_class(type), cases[k].class, "%s", cases[k].name);
        cr_expect_eq(H5Tget_size(type), cases[k].size, "%s", cases[k].name);
        cr_expect_eq(H5Aexists(object, "coordinates") > 0, k == 7, "%s", cases[k].name);
        cr_expect_eq(H5Aexists(object, FI_RECORD_FILL) > 0, k > 5, "%s", cases[k].name);
        cr_expect_eq(H5DSis_scale(object) > 0, k < 5, "%s", cases[k].name);
    }
    const hid_t title = H5Aopen(file, "title", H5P_DEFAULT);
    const hid_t type = H5Aget_type(title);
    cr_expect_eq(H5Tis_variable_str(type), 0);
    cr_expect_eq(H5Tget_cset(type), H5T_CSET_ASCII);
    cr_expect_eq(H5Tget_size(type), strlen("A study"));
    cr_expect_geq(H5Fclose(file), 0);
}

/* What lies along one axis labels nothing where nothing has more axes. */
Test(record, a_variable_without_others_is_no_coordinate)
{
    const fi_variable variable = {"loss", NULL, NULL, 1};
    const fi_dataset dataset = {
        0, 1, 1, NULL, &axes[2], &variable, (double *[]){(double[]){1, 2, 3, 4}}};
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t object = H5Dopen2(file, "loss", H5P_DEFAULT);
    cr_expect_gt(H5Aexists(object, FI_RECORD_FILL), 0);
    cr_expect_geq(H5Fclose(file), 0);
}

Test(record, awkward_text_is_made_readable)
{
    char *lengthy = fi_arena_alloc(arena, 100001, 1);
    memset(lengthy, 'x', 100000);
    lengthy[100000] = '\0';
    const fi_attribute odd[] = {{"latin", "caf\xe9 \xf0\x9f"}, {"long", lengthy}, {"line", "a\nb"}};
    const char *const labels[] = {"leaky relu", "", "\xc3\xa9lu"};
    const fi_axis axis = {"activation", NULL, NULL, 3, NULL, labels};
    const fi_variable variable = {"x", NULL, NULL, 1};
    double numbers[] = {1, 2, 3};
    const fi_dataset dataset = {COUNT(odd), 1, 1, odd, &axis, &variable, (double *[]){numbers}};
    fi_dataset read = {0};
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    cr_assert_eq(fi_dataset_read(&read, path, arena), FI_OK, "%s", fi_message());
    expect_text(read.attributes[0].text, "caf? ??");
    expect_text(read.attributes[1].text, lengthy);
    expect_text(read.attributes[2].text, "a\nb");
    expect_text(read.axes[0].labels[0], "leaky_relu");
    expect_text(read.axes[0].labels[1], "_");
    expect_text(read.axes[0].labels[2], "\xc3\xa9lu");
}

Test(record, more_labels_than_a_byte_counts)
{
    enum {
        SIZE = 300
    };
    char names[SIZE][8];
    const char *labels[SIZE];
    double numbers[SIZE];
    for (size_t k = 0; k < SIZE; k++) {
        snprintf(names[k], sizeof names[k], "n%zu", k);
        labels[k] = names[k];
        numbers[k] = (double)k;
    }
    const fi_axis axis = {"name", NULL, NULL, SIZE, NULL, labels};
    const fi_variable variable = {"x", NULL, NULL, 1};
    const fi_dataset dataset = {0, 1, 1, NULL, &axis, &variable, (double *[]){numbers}};
    fi_dataset read = {0};
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    cr_assert_eq(fi_dataset_read(&read, path, arena), FI_OK, "%s", fi_message());
    for (size_t k = 0; k < SIZE; k++)
        expect_text(read.axes[0].labels[k], names[k]);
}

/* The limit stops write(2) where a full disk would, wherever in the file that is. */
Test(record, a_full_disk_changes_nothing)
{
    fi_dataset dataset = make();
    char reference[128];
    size_t size = 0;
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    snprintf(reference, sizeof reference, "%s/reference.h5", folder);
    cr_assert_eq(fi_dataset_write(&dataset, reference), FI_OK, "%s", fi_message());
    free(slurp(path, &size));
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit unlimited = limit;
    const double kept = dataset.values[1][0];
    dataset.values[1][0] = kept + 1;
    for (size_t room = 0; room < size; room += size / 37 + 1) {
        limit.rlim_cur = room;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        expect_refused(&dataset, path, "File too large");
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
        expect_same_bytes(path, reference);
    }
    dataset.values[1][0] = kept; /* and the next write is whole */
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    expect_same_bytes(path, reference);
}

static void expect_unreadable(const char *name, fi_status expected, const char *part)
{
    fi_dataset read = {0};
    const fi_status status = fi_dataset_read(&read, name, arena);
    cr_expect_eq(status, expected, "'%s': status %d", name, (int)status);
    cr_expect(strstr(fi_message(), part), "'%s' does not say '%s'", fi_message(), part);
}

Test(record, what_is_no_record_is_refused)
{
    const fi_dataset dataset = make();
    size_t size = 0;
    expect_unreadable(path, FI_EIO, "No such file");
    expect_unreadable(folder, FI_EIO, "not a regular file");
    expect_unreadable("/dev/null", FI_EIO, "not a regular file");
    expect_unreadable("/proc/self/maps", FI_EDATA, "not an HDF5 file");
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    free(slurp(path, &size));
    for (size_t length = size - 1; length > 100; length /= 2) {
        cr_assert_eq(truncate(path, (off_t)length), 0);
        expect_unreadable(path, FI_EDATA, "truncated");
    }
    cr_assert_eq(truncate(path, 0), 0);
    expect_unreadable(path, FI_EDATA, "not an HDF5 file");
    const fi_dataset nothing = {0};
    cr_assert_eq(fi_dataset_write(&nothing, path), FI_OK, "%s", fi_message());
    expect_unreadable(path, FI_EDATA, "no variables");
}

Test(record, each_refusal_of_memory_is_reported)
{
    const fi_dataset dataset = make();
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK, "%s", fi_message());
    fi_status status = FI_ENOMEM;
    size_t allowed = 0;
    for (; status == FI_ENOMEM && allowed < 1000; allowed++) {
        fi_dataset read = {0};
        fi_arena_refuse_after(arena, allowed);
        status = fi_dataset_read(&read, path, arena);
        cr_assert(status == FI_OK || strstr(fi_message(), "memory"), "%s", fi_message());
    }
    cr_expect_eq(status, FI_OK, "after %zu allocations: %d", allowed, (int)status);
    cr_expect_gt(allowed, 20);
}

struct job {
    char name[128];
    fi_dataset dataset;
    fi_status expected;
    int others; /* writings that ended otherwise than expected */
};

static void *write_often(void *argument)
{
    struct job *job = argument;
    for (int k = 0; k < 20; k++)
        job->others += fi_dataset_write(&job->dataset, job->name) != job->expected;
    return NULL;
}

/* One thread's dataset names a variable twice, which fails; the others must not see that. */
Test(record, threads_may_write_at_once)
{
    enum {
        THREADS = 4
    };
    fi_variable twice[COUNT(variables)];
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    memcpy(twice, variables, sizeof twice);
    twice[1].name = twice[2].name;
    for (size_t k = 0; k < THREADS; k++) {
        jobs[k] = (struct job){.dataset = make(), .expected = k ? FI_OK : FI_EIO};
        snprintf(jobs[k].name, sizeof jobs[k].name, "%s/%zu.h5", folder, k);
    }
    jobs[0].dataset.variables = twice;
    for (size_t k = 0; k < THREADS; k++)
        cr_assert_eq(pthread_create(&threads[k], NULL, write_often, &jobs[k]), 0);
    for (size_t k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        cr_expect_eq(jobs[k].others, 0, "thread %zu: %d unexpected", k, jobs[k].others);
        if (k > 1)
            expect_same_bytes(jobs[1].name, jobs[k].name);
    }
    cr_expect_neq(access(jobs[0].name, F_OK), 0);
}
