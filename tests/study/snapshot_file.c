/* Files of snapshots: the same bytes, whole whatever happens, and told from all other files. */
#define _GNU_SOURCE
#include "snapshot.h"

#include "core/arena.h"
#include "study/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(snapshot_file, .init = begin, .fini = end);

/* The bytes of a file; the caller's to free. */
static char *slurp(const char *name, size_t *size)
{
    struct stat status;
    FILE *file = fopen(name, "rb");
    cr_assert(file != NULL, "%s cannot be opened", name);
    cr_assert_eq(fstat(fileno(file), &status), 0);
    *size = (size_t)status.st_size;
    char *content = malloc(*size + 1);
    cr_assert_eq(fread(content, 1, *size, file), *size);
    fclose(file);
    return content;
}

Test(snapshot_file, the_bytes_depend_on_the_content_alone)
{
    size_t size = 0, other_size = 0;
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "adam");
    train(net, solver, 2);
    write_snapshot(path, net, solver);
    char *content = slurp(path, &size);
    nanosleep(&(struct timespec){1, 100000000}, NULL); /* a time stamp counts seconds */
    void *dirt[64];
    for (size_t k = 0; k < COUNT(dirt); k++) /* memory that is not zero any more */
        cr_assert_not_null(dirt[k] = memset(malloc(256 << k % 8), 0xa5, 256 << k % 8));
    for (size_t k = 0; k < COUNT(dirt); k++)
        free(dirt[k]);
    char name[128];
    snprintf(name, sizeof name, "%s/other.h5", folder);
    write_snapshot(name, net, solver);
    char *other = slurp(name, &other_size);
    cr_expect(size == other_size && memcmp(content, other, size) == 0, "%zu and %zu bytes", size,
              other_size);
    free(content);
    free(other);
}

/* Any tool can read it: plain datasets, in groups that keep the order in which they were made. */
Test(snapshot_file, types_and_shapes_are_plain)
{
    fi_net *net = drawn(1);
    write_snapshot(path, net, solve(net, "momentum"));
    static const struct {
        const char *name;
        int rank;
        hsize_t dims[2];
        bool real;
    } cases[] = {{"net/below/weight", 2, {INPUTS, 5}, true},
                 {"net/norm/running_variance", 1, {5}, true},
                 {"solver/above/bias/history_0", 1, {CLASSES}, true},
                 {"net/trainings", 1, {1}, false}};
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, fi_hdf5_access());
    for (size_t k = 0; k < COUNT(cases); k++) {
        hsize_t dims[2] = {0};
        const hid_t object = H5Dopen2(file, cases[k].name, H5P_DEFAULT);
        const hid_t type = H5Dget_type(object);
        cr_expect_eq(H5Sget_simple_extent_dims(H5Dget_space(object), dims, NULL), cases[k].rank);
        cr_expect(dims[0] == cases[k].dims[0] && dims[1] == cases[k].dims[1], "%s", cases[k].name);
        cr_expect_eq(H5Tget_class(type), cases[k].real ? H5T_FLOAT : H5T_INTEGER);
        cr_expect_eq(H5Tget_order(type), H5T_ORDER_LE);
        cr_expect_eq(H5Tget_size(type), cases[k].real ? sizeof(fi_real) : sizeof(uint64_t));
        cr_expect_eq(H5Pget_layout(H5Dget_create_plist(object)), H5D_CONTIGUOUS);
    }
    char first[32] = "", last[32] = "";
    H5Lget_name_by_idx(file, "net", H5_INDEX_CRT_ORDER, H5_ITER_INC, 2, first, 32, H5P_DEFAULT);
    H5Lget_name_by_idx(file, "net", H5_INDEX_CRT_ORDER, H5_ITER_DEC, 0, last, 32, H5P_DEFAULT);
    cr_expect_str_eq(first, "below");
    cr_expect_str_eq(last, "above");
    cr_expect_geq(H5Fclose(file), 0);
}

static void set_all(fi_blob *blob, void *number)
{
    for (size_t k = 0; k < blob->rows * blob->cols; k++)
        blob->data[k] = (fi_real) * (uint64_t *)number;
}

/* A snapshot in which everything says the same number. */
static fi_status write_number(uint64_t number, fi_net *net, fi_solver *solver)
{
    enum {
        MANY = 20000
    };
    static uint64_t many[MANY];
    char text[32];
    for (size_t k = 0; k < MANY; k++)
        many[k] = number;
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    each_blob(net, solver, set_all, &number);
    fi_net_set_trainings(net, number);
    fi_solver_set_iteration(solver, number);
    return fi_snapshot_write(path, net, solver, 1,
                             &(fi_array){"many", FI_ELEMENT_U64, 1, MANY, many}, 1,
                             &(fi_attribute){"number", text});
}

static void count_others(fi_blob *blob, void *context)
{
    uint64_t *number = context; /* and how many others there are */
    for (size_t k = 0; k < blob->rows * blob->cols; k++)
        number[1] += blob->data[k] != (fi_real)number[0];
}

/* The number of a snapshot that is whole. */
static uint64_t expect_whole(fi_net *net, fi_solver *solver)
{
    const fi_snapshot snapshot = read_snapshot(path);
    cr_assert_eq(fi_snapshot_restore(&snapshot, net, solver), FI_OK, "%s", fi_message());
    const fi_array *many = fi_snapshot_array(&snapshot, "many");
    uint64_t number[2] = {fi_net_trainings(net), 0};
    each_blob(net, solver, count_others, number);
    for (size_t k = 0; k < many->cols; k++)
        number[1] += ((const uint64_t *)many->data)[k] != number[0];
    number[1] += fi_solver_iteration(solver) != number[0];
    number[1] += strtoull(fi_snapshot_attribute(&snapshot, "number"), NULL, 10) != number[0];
    cr_assert_eq(number[1], 0, "%llu values are not %llu", (unsigned long long)number[1],
                 (unsigned long long)number[0]);
    return number[0];
}

static size_t files_in_folder(void)
{
    size_t count = 0;
    DIR *stream = opendir(folder);
    cr_assert(stream != NULL);
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

/* Writes snapshots, each with the next number, and after each a byte to the pipe, until killed. */
static pid_t start_writer(uint64_t number, fi_net *net, fi_solver *solver, int *done)
{
    int ends[2] = {-1, -1};
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
        while (write_number(++number, net, solver) == FI_OK)
            (void)!write(ends[1], "", 1);
        _exit(1);
    }
    close(ends[1]);
    *done = ends[0];
    return child;
}

/*
 * Each writer is killed some time after its first snapshot. What it leaves beside that is one file,
 * which the next writer uses up.
 */
Test(snapshot_file, a_killed_writer_leaves_a_whole_snapshot)
{
    enum {
        KILLS = 20
    };
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "adam");
    fi_rng rng = fi_rng_seed(1, 1);
    uint64_t number = 1;
    for (int k = 0; k < KILLS; k++) {
        int done = -1;
        int status = 0;
        char byte = 0;
        const pid_t child = start_writer(number, net, solver, &done);
        cr_assert_eq(read(done, &byte, 1), 1, "the writer failed");
        nanosleep(&(struct timespec){0, (long)(fi_rng_u32(&rng) % 4000000)}, NULL);
        cr_assert_eq(kill(child, SIGKILL), 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status), "the writer failed");
        close(done);
        cr_assert_leq(files_in_folder(), 2);
        const uint64_t next = expect_whole(net, solver);
        cr_assert_gt(next, number);
        number = next;
    }
    cr_assert_eq(write_number(number + 1, net, solver), FI_OK, "%s", fi_message());
    cr_expect_eq(files_in_folder(), 1);
    cr_expect_eq(expect_whole(net, solver), number + 1);
}

/* The limit stops write(2) where a full disk would, wherever in the file that is. */
Test(snapshot_file, a_full_disk_keeps_the_older_snapshot)
{
    struct rlimit limit;
    size_t size = 0;
    fi_net *net = drawn(1);
    fi_solver *solver = solve(net, "momentum");
    cr_assert_eq(write_number(1, net, solver), FI_OK, "%s", fi_message());
    free(slurp(path, &size));
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit unlimited = limit;
    for (size_t room = 0; room < size; room += size / 37 + 1) {
        limit.rlim_cur = room;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        const fi_status status = write_number(2, net, solver);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
        EXPECT_FAILURE(status, FI_EIO, "File too large", path);
        cr_expect_eq(files_in_folder(), 1);
        cr_expect_eq(expect_whole(net, solver), 1);
    }
    cr_assert_eq(write_number(2, net, solver), FI_OK, "%s", fi_message());
    cr_expect_eq(expect_whole(net, solver), 2);
}

static fi_status read_again(void)
{
    fi_snapshot snapshot = {0};
    return fi_snapshot_read(&snapshot, path, arena);
}

Test(snapshot_file, other_files_are_told_apart)
{
    size_t size = 0;
    EXPECT_FAILURE(read_again(), FI_EIO, path, "No such file", "snapshot");
    FILE *text = fopen(path, "w");
    cr_assert(text && fputs("text", text) >= 0 && fclose(text) == 0);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "not an HDF5 file", "snapshot");
    const fi_axis axis = {"run", NULL, NULL, 2, NULL, NULL};
    const fi_variable variable = {"x", NULL, NULL, 1};
    const fi_attribute title = {"title", "A study"};
    double values[] = {1, 2};
    fi_dataset dataset = {1, 1, 1, &title, &axis, &variable, (double *[]){values}};
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "dataset, 'A study'", "not a snapshot");
    dataset.n_attributes = 0;
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "HDF5 file, but not a snapshot");
    dataset.n_attributes = 1;
    dataset.attributes = &(fi_attribute){"format", "fanin snapshot 2"};
    cr_assert_eq(fi_dataset_write(&dataset, path), FI_OK);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "'fanin snapshot 2'", "'fanin snapshot 1'");
    write_snapshot(path, drawn(1), NULL);
    free(slurp(path, &size));
    for (size_t length = size - 1; length > 100; length /= 2) {
        cr_assert_eq(truncate(path, (off_t)length), 0);
        EXPECT_FAILURE(read_again(), FI_EDATA, path, "truncated");
    }
}

/* Puts another array in the place of a layer's weight, and beside it a link to nothing. */
static void replace_weight(const char *element, hid_t type, int rank, const hsize_t *dims)
{
    write_snapshot(path, drawn(1), NULL);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, fi_hdf5_access());
    cr_assert_geq(H5Ldelete(file, "net/below/weight", H5P_DEFAULT), 0);
    const hid_t object =
        H5Dcreate2(file, "net/below/weight", type, H5Screate_simple(rank, dims, NULL), H5P_DEFAULT,
                   H5P_DEFAULT, H5P_DEFAULT);
    double values[100] = {0};
    if (dims[0] < 10)
        cr_assert_geq(H5Dwrite(object, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values),
                      0);
    if (element)
        cr_assert_geq(H5LTset_attribute_string(file, "net/below/weight", "element", element), 0);
    cr_assert_geq(H5Lcreate_soft("/nowhere", file, "net/link", H5P_DEFAULT, H5P_DEFAULT), 0);
    cr_assert_geq(H5Fclose(file), 0);
}

Test(snapshot_file, arrays_of_other_kinds_are_refused)
{
    const hid_t own = sizeof(fi_real) == 4 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
    const hid_t other = sizeof(fi_real) == 4 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
    const hsize_t dims[] = {INPUTS, 5, 1};
    const hsize_t huge[] = {1ULL << 40, 1ULL << 20};
    replace_weight("real", own, 2, dims);
    cr_expect_eq(read_again(), FI_OK, "%s", fi_message());
    replace_weight("real", other, 2, dims);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "net/below/weight",
                   sizeof(fi_real) == 4 ? "64 bits" : "32 bits", "library");
    replace_weight("u32", own, 2, dims);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "net/below/weight", "element type");
    replace_weight(NULL, own, 2, dims);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "net/below/weight", "element type");
    replace_weight("real", own, 3, dims);
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "net/below/weight", "3 dimensions");
    replace_weight("real", own, 2, huge); /* in the file there is none of it */
    EXPECT_FAILURE(read_again(), FI_EDATA, path, "net/below/weight", "not as large");
    const hsize_t taller[] = {INPUTS + 1, 5};
    replace_weight("real", own, 2, taller);
    fi_snapshot snapshot = read_snapshot(path);
    EXPECT_FAILURE(fi_snapshot_restore(&snapshot, drawn(1), NULL), FI_EDATA, "layer 'below'",
                   "(7, 5)", "(6, 5)");
    replace_weight("double", H5T_IEEE_F64LE, 2, dims);
    snapshot = read_snapshot(path);
    EXPECT_FAILURE(fi_snapshot_restore(&snapshot, drawn(1), NULL), FI_EDATA, "layer 'below'",
                   "other elements");
}

Test(snapshot_file, each_refusal_of_memory_is_reported)
{
    fi_net *net = drawn(1);
    write_snapshot(path, net, solve(net, "adam"));
    fi_status status = FI_ENOMEM;
    size_t allowed = 0;
    for (; status == FI_ENOMEM && allowed < 1000; allowed++) {
        fi_arena_refuse_after(arena, allowed);
        status = read_again();
        cr_assert(status == FI_OK || strstr(fi_message(), "memory"), "%s", fi_message());
    }
    cr_expect_eq(status, FI_OK, "after %zu allocations: %d", allowed, (int)status);
    cr_expect_gt(allowed, 20);
}
