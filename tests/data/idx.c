/* IDX files: every way to be malformed, made in a temporary file; and the 100 digits. */
#define _GNU_SOURCE
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS TEST_DATA "/digits100-images.idx3-ubyte"
#define LABELS TEST_DATA "/digits100-labels.idx1-ubyte"

static char path[64];
static fi_arena *arena;

static void begin(void)
{
    strcpy(path, "/tmp/fanin-idx-XXXXXX");
    const int file = mkstemp(path);
    cr_assert(file >= 0, "no temporary file in /tmp");
    close(file);
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void end(void)
{
    unlink(path);
    fi_arena_free(arena);
}

TestSuite(idx, .init = begin, .fini = end);

static void put(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

static void expect_failure(const char *what, const char *name, size_t rows, fi_status status,
                           const char *part)
{
    fi_idx idx;
    const fi_status got = fi_idx_read(&idx, name, rows, arena);
    cr_expect_eq(got, status, "%s: status %d, not %d", what, got, status);
    const char *said = fi_message();
    cr_expect(strstr(said, part), "%s: '%s' does not say '%s'", what, said, part);
    cr_expect(strstr(said, name), "%s: '%s' does not name the file", what, said);
    cr_expect(!strchr(said, '\n'), "%s: more than one line", what);
}

#define H "\0\0\x08"
static const struct {
    const char *what, *bytes;
    size_t n;
    const char *part;
} malformed[] = {
    {"empty", "", 0, "is empty"},
    {"one byte", "\0", 1, "at least 8 bytes, found 1"},
    {"three bytes", H, 3, "at least 8 bytes, found 3"},
    {"gzip", "\x1F\x8B\x08\0\0\0\0\0", 8, "gunzip it first"},
    {"gzip of two bytes", "\x1F\x8B", 2, "gunzip it first"},
    {"text", "P5 28 28 255\n", 13, "not an IDX file: it begins with 50 35 20 32"},
    {"first byte", "\1\0\x08\1\0\0\0\1x", 9, "begins with 01 00 08 01"},
    {"second byte", "\0\1\x08\1\0\0\0\1x", 9, "begins with 00 01 08 01"},
    {"type 0A", "\0\0\x0A\1\0\0\0\1x", 9, "begins with 00 00 0a 01"},
    {"signed", "\0\0\x09\1\0\0\0\1x", 9, "signed bytes (IDX type 09)"},
    {"short", "\0\0\x0B\1\0\0\0\1xx", 10, "16-bit integers (IDX type 0b)"},
    {"int", "\0\0\x0C\1\0\0\0\1xxxx", 12, "32-bit integers (IDX type 0c)"},
    {"float", "\0\0\x0D\1\0\0\0\1xxxx", 12, "32-bit floats (IDX type 0d)"},
    {"double", "\0\0\x0E\1\0\0\0\1xxxxxxxx", 16, "64-bit floats (IDX type 0e)"},
    {"rank 0", H "\0", 4, "0 dimensions; expected 1 to 4"},
    {"rank 5", H "\5\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1x", 25, "5 dimensions"},
    {"no sizes", H "\1", 4, "header of rank 1 has 8 bytes, found 4"},
    {"half a size", H "\3\0\0\0\1\0\0\0\1\0\0\0", 15, "header of rank 3 has 16 bytes, found 15"},
    {"size 0 first", H "\2\0\0\0\0\0\0\0\1", 12, "dimension 1 of 2 has size 0"},
    {"size 0 last", H "\2\0\0\0\1\0\0\0\0", 12, "dimension 2 of 2 has size 0"},
    {"no data", H "\1\0\0\0\1", 8, "truncated: its header asks for 9 bytes, found 8"},
    {"a byte short", H "\2\0\0\0\2\0\0\0\3abcde", 17, "asks for 18 bytes, found 17"},
    {"a byte long", H "\2\0\0\0\2\0\0\0\3abcdefg", 19, "too long: its header asks for 18 bytes"},
    {"big-endian", H "\1\0\1\0\0x", 9, "asks for 65544 bytes, found 9"},
    {"2^32 - 1", H "\1\xFF\xFF\xFF\xFFx", 9, "asks for 4294967303 bytes"},
    {"product over 2^64", H "\4\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx",
     21, "more than 2^64 bytes, found 21"},
    /* 2^64 - 1 = 6700417 * 42009217 * 65535, to which the header is added. */
    {"sum over 2^64", H "\3\x00\x66\x3D\x81\x02\x81\x02\x81\x00\x00\xFF\xFFx", 17,
     "more than 2^64 bytes, found 17"},
};

Test(idx, refuses_each_malformed_file)
{
    for (size_t k = 0; k < sizeof malformed / sizeof *malformed; k++) {
        put(malformed[k].bytes, malformed[k].n);
        expect_failure(malformed[k].what, path, 0, FI_EDATA, malformed[k].part);
    }
}

Test(idx, refuses_what_is_not_a_regular_file, .timeout = 10)
{
    expect_failure("a directory", "/tmp", 0, FI_EIO, "is a directory");
    expect_failure("a device", "/dev/null", 0, FI_EIO, "pipe or device");
    expect_failure("missing", "/tmp/fanin-no-such-file", 0, FI_EIO, "No such file");
    char below[80];
    snprintf(below, sizeof below, "%s/images", path);
    expect_failure("a file as folder", below, 0, FI_EIO, "Not a directory");
    cr_assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
    expect_failure("a pipe that nobody writes", path, 0, FI_EIO, "pipe or device");
}

Test(idx, reads_every_rank)
{
    static const char rank4[] = H "\4\0\0\0\2\0\0\0\1\0\0\0\3\0\0\0\2abcdefABCDEF";
    fi_idx idx;
    put(rank4, sizeof rank4 - 1);
    cr_assert_eq(fi_idx_read(&idx, path, 0, arena), FI_OK, "%s", fi_message());
    cr_expect(idx.rank == 4 && idx.rows == 2 && idx.cols == 6);
    cr_expect(idx.shape[0] == 2 && idx.shape[1] == 1 && idx.shape[2] == 3 && idx.shape[3] == 2);
    cr_expect_arr_eq(idx.bytes, "abcdefABCDEF", 12);
    put(H "\1\0\0\0\3xyz", 11);
    cr_assert_eq(fi_idx_read(&idx, path, 0, arena), FI_OK, "%s", fi_message());
    cr_expect(idx.rank == 1 && idx.rows == 3 && idx.cols == 1 && idx.shape[0] == 3);
    cr_expect_arr_eq(idx.bytes, "xyz", 3);
}

Test(idx, counts_the_rows_asked_for)
{
    fi_idx idx;
    put(H "\2\0\0\0\3\0\0\0\2aabbcc", 18);
    for (size_t rows = 1; rows <= 3; rows++) {
        cr_assert_eq(fi_idx_read(&idx, path, rows, arena), FI_OK, "%s", fi_message());
        cr_expect(idx.rows == rows && idx.cols == 2 && idx.shape[0] == 3);
        cr_expect_arr_eq(idx.bytes, "aabbcc", 2 * rows);
    }
    expect_failure("a row too many", path, 4, FI_EDATA, "has 3 records, 4 were asked for");
}

/* 64 GiB, most of it a hole: reading more than the two rows asked for would be noticed. */
Test(idx, reads_no_more_than_it_needs, .timeout = 10)
{
    put(H "\2\0\1\0\0\0\x10\0\0first", 17);
    const off_t length = 12 + ((off_t)1 << 36);
    if (truncate(path, length) != 0)
        cr_skip_test("this file system holds no file of 64 GiB");
    fi_idx idx;
    cr_assert_eq(fi_idx_read(&idx, path, 2, arena), FI_OK, "%s", fi_message());
    cr_expect(idx.rows == 2 && idx.cols == (size_t)1 << 20 && idx.shape[0] == 65536);
    cr_expect_arr_eq(idx.bytes, "first", 5);
    cr_assert(truncate(path, length - 1) == 0);
    expect_failure("a byte short", path, 2, FI_EDATA, "68719476748 bytes, found 68719476747");
}

Test(idx, reports_refused_memory_and_closes_its_file)
{
    const int lowest = dup(0);
    close(lowest);
    fi_idx idx;
    put(H "\1\0\0\0\3xyz", 11);
    fi_arena_refuse_after(arena, 0);
    cr_expect_eq(fi_idx_read(&idx, path, 0, arena), FI_ENOMEM);
    fi_arena_refuse_after(arena, SIZE_MAX);
    cr_expect_eq(fi_idx_read(&idx, path, 0, arena), FI_OK);
    cr_expect_eq(fi_idx_read(&idx, path, 4, arena), FI_EDATA);
    cr_expect_eq(fi_idx_read(&idx, "/tmp", 0, arena), FI_EIO);
    const int now = dup(0);
    close(now);
    cr_expect_eq(now, lowest, "a descriptor stayed open: %d, then %d", lowest, now);
}

Test(idx, the_100_digits_are_10_of_each_class)
{
    fi_idx images, labels;
    cr_assert_eq(fi_idx_read(&images, DIGITS, 0, arena), FI_OK, "%s", fi_message());
    cr_assert_eq(fi_idx_read(&labels, LABELS, 0, arena), FI_OK, "%s", fi_message());
    cr_expect(images.rank == 3 && images.rows == 100 && images.cols == 784);
    cr_expect(images.shape[1] == 28 && images.shape[2] == 28);
    cr_expect(labels.rank == 1 && labels.rows == 100 && labels.cols == 1);
    size_t of_class[10] = {0};
    for (size_t k = 0; k < labels.rows; k++) {
        cr_assert(labels.bytes[k] < 10);
        of_class[labels.bytes[k]]++;
    }
    for (size_t digit = 0; digit < 10; digit++)
        cr_expect_eq(of_class[digit], 10, "class %zu: %zu images", digit, of_class[digit]);
    cr_expect_eq(labels.bytes[0], 5, "MNIST begins with a 5");
}
