/* Labelled samples from files: IDX pairs and CIFAR-10's records, made in a temporary folder. */
#define _GNU_SOURCE
#include "core/arena.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGITS TEST_DATA "/digits100-images.idx3-ubyte"
#define LABELS TEST_DATA "/digits100-labels.idx1-ubyte"
#define RECORD ((size_t)3073)

static char folder[64], first[80], second[80];
static fi_arena *arena;

static void begin(void)
{
    strcpy(folder, "/tmp/fanin-readers-XXXXXX");
    cr_assert(mkdtemp(folder), "no temporary folder in /tmp");
    snprintf(first, sizeof first, "%s/first", folder);
    snprintf(second, sizeof second, "%s/second", folder);
    cr_assert_eq(fi_arena_new(&arena), FI_OK);
}

static void end(void)
{
    unlink(first);
    unlink(second);
    rmdir(folder);
    fi_arena_free(arena);
}

TestSuite(readers, .init = begin, .fini = end);

static void put(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

/* The last call failed with this status and said all of these parts. */
static void expect_said(const char *what, fi_status got, fi_status status, size_t n, ...)
{
    cr_expect_eq(got, status, "%s: status %d, not %d", what, got, status);
    va_list parts;
    va_start(parts, n);
    for (size_t k = 0; k < n; k++) {
        const char *part = va_arg(parts, const char *);
        cr_expect(strstr(fi_message(), part), "%s: '%s' does not say '%s'", what, fi_message(),
                  part);
    }
    va_end(parts);
}

/* ---- a pair of IDX files --------------------------------------------------------------------- */

Test(readers, the_100_digits_are_their_bytes_over_255)
{
    fi_idx images, labels;
    cr_assert_eq(fi_idx_read(&images, DIGITS, 0, arena), FI_OK);
    cr_assert_eq(fi_idx_read(&labels, LABELS, 0, arena), FI_OK);
    for (size_t rows = 0; rows <= 100; rows += 50) {
        fi_samples digits;
        cr_assert_eq(fi_read_idx_pair(&digits, DIGITS, LABELS, 10, rows, arena), FI_OK, "%s",
                     fi_message());
        cr_expect(digits.rows == (rows ? rows : 100) && digits.cols == 784 && digits.classes == 10);
        cr_expect(digits.rank == 2 && digits.shape[0] == 28 && digits.shape[1] == 28);
        for (size_t i = 0; i < digits.rows; i++)
            cr_expect_eq(digits.labels[i], labels.bytes[i]);
        for (size_t k = 0; k < digits.rows * 784; k++)
            cr_assert_eq(digits.x[k], (fi_real)(images.bytes[k] / 255.0), "value %zu", k);
    }
}

#define H "\0\0\x08"
static const char two_labels[] = H "\1\0\0\0\2\1\0";

Test(readers, samples_have_the_shape_of_an_image)
{
    static const char rank2[] = H "\2\0\0\0\2\0\0\0\3abcdef";
    static const char rank4[] = H "\4\0\0\0\2\0\0\0\1\0\0\0\3\0\0\0\2abcdefABCDEF";
    fi_samples samples;
    put(second, two_labels, sizeof two_labels - 1);
    put(first, rank2, sizeof rank2 - 1);
    cr_assert_eq(fi_read_idx_pair(&samples, first, second, 2, 0, arena), FI_OK, "%s", fi_message());
    cr_expect(samples.rank == 1 && samples.shape[0] == 3 && samples.cols == 3);
    put(first, rank4, sizeof rank4 - 1);
    cr_assert_eq(fi_read_idx_pair(&samples, first, second, 2, 0, arena), FI_OK, "%s", fi_message());
    cr_expect(samples.rank == 3 && samples.cols == 6);
    cr_expect(samples.shape[0] == 1 && samples.shape[1] == 3 && samples.shape[2] == 2);
    cr_expect(samples.labels[0] == 1 && samples.labels[1] == 0);
}

static fi_status pair(size_t classes, size_t rows)
{
    fi_samples samples;
    return fi_read_idx_pair(&samples, first, second, classes, rows, arena);
}

Test(readers, a_pair_must_fit_together)
{
    static const char images[] = H "\2\0\0\0\3\0\0\0\2aabbcc";
    static const char three_labels[] = H "\1\0\0\0\3\0\1\2";
    put(first, images, sizeof images - 1);
    put(second, two_labels, sizeof two_labels - 1);
    expect_said("two labels", pair(10, 0), FI_EDATA, 4, second, "has 2 labels", first,
                "has 3 images; give two files of one set");
    expect_said("also of two", pair(10, 2), FI_EDATA, 1, "has 2 labels");
    put(second, three_labels, sizeof three_labels - 1);
    expect_said("a label too large", pair(2, 0), FI_EDATA, 2, second,
                "(the first is 0) has the label 2, expected 0 to 1; check");
    expect_said("its record", pair(2, 0), FI_EDATA, 1, "record 2 of");
    cr_expect_eq(pair(2, 2), FI_OK, "the record is not among those asked for");
    cr_expect_eq(pair(3, 0), FI_OK, "%s", fi_message());
    expect_said("rows", pair(3, 4), FI_EDATA, 2, first, "3 records, 4 were asked for; ask for 3");
    put(second, images, sizeof images - 1);
    expect_said("labels of rank 2", pair(3, 0), FI_EDATA, 2, second,
                "records of 2 bytes; expected labels, one byte a record: give the file of the");
    put(first, three_labels, sizeof three_labels - 1);
    expect_said("in the wrong order", pair(3, 0), FI_EDATA, 2, first,
                "one byte a record, as labels have; expected images: give the file of the images "
                "first");
    put(second, "\0\0\x08\1\0\0", 6);
    put(first, images, sizeof images - 1);
    expect_said("truncated labels", pair(3, 0), FI_EDATA, 2, second, "truncated");
    cr_assert(unlink(second) == 0);
    expect_said("no labels", pair(3, 0), FI_EIO, 2, second, "No such file");
}

Test(readers, reports_refused_memory_of_a_pair)
{
    fi_samples digits;
    for (size_t allowed = 0; allowed < 2; allowed++) { /* x, labels */
        fi_arena_refuse_after(arena, allowed);
        expect_said("refused", fi_read_idx_pair(&digits, DIGITS, LABELS, 10, 0, arena), FI_ENOMEM,
                    1, "the samples");
    }
    fi_arena_refuse_after(arena, 2);
    cr_expect_eq(fi_read_idx_pair(&digits, DIGITS, LABELS, 10, 0, arena), FI_OK);
}

/* ---- CIFAR-10 -------------------------------------------------------------------------------- */

static uint8_t records[200 * 3073];

/* Any bytes, and labels that count 0 to 9. */
static void fill_records(void)
{
    fi_rng rng = fi_rng_seed(1, 1);
    for (size_t k = 0; k < sizeof records; k++)
        records[k] = (uint8_t)(k % RECORD == 0 ? k / RECORD % 10 : (size_t)fi_rng_u32(&rng) >> 24);
}

static fi_status cifar(fi_samples *samples, size_t n_paths, size_t rows)
{
    return fi_read_cifar(samples, (const char *const[]){first, second}, n_paths, rows, arena);
}

/* Of the 200 records the first file has 130: more than are read together, and a rest. */
static void put_200(void)
{
    fill_records();
    put(first, records, 130 * RECORD);
    put(second, records + 130 * RECORD, 70 * RECORD);
}

Test(readers, cifar_files_follow_each_other_and_put_channels_last)
{
    static const size_t counts[] = {0, 1, 64, 65, 130, 131, 200};
    put_200();
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        fi_samples samples;
        cr_assert_eq(cifar(&samples, 2, counts[c]), FI_OK, "%s", fi_message());
        cr_expect(samples.rows == (counts[c] ? counts[c] : 200) && samples.cols == 3072);
        cr_expect(samples.rank == 3 && samples.shape[0] == 32 && samples.shape[1] == 32);
        cr_expect(samples.shape[2] == 3 && samples.classes == 10);
        for (size_t i = 0; i < samples.rows; i++) {
            cr_assert_eq(samples.labels[i], i % 10, "label %zu is %d", i, samples.labels[i]);
            for (size_t j = 0; j < 3072; j++) {
                const size_t row = j / 96, column = j / 3 % 32, channel = j % 3;
                const uint8_t byte = records[i * RECORD + 1 + channel * 1024 + row * 32 + column];
                cr_assert_eq(samples.x[i * 3072 + j], (fi_real)(byte / 255.0),
                             "record %zu, row %zu, column %zu, channel %zu", i, row, column,
                             channel);
            }
        }
    }
}

Test(readers, cifar_files_are_checked)
{
    fi_samples samples;
    put_200();
    expect_said("rows", cifar(&samples, 2, 201), FI_EDATA, 2, first,
                "have 200 records, 201 were asked for; ask for 200 or fewer");
    expect_said("rows of one", cifar(&samples, 1, 131), FI_EDATA, 1, "have 130 records, 131");
    records[(130 + 69) * RECORD] = 10;
    put(second, records + 130 * RECORD, 70 * RECORD);
    expect_said("label", cifar(&samples, 2, 0), FI_EDATA, 3, "record 69 of", second,
                "has the label 10, expected 0 to 9; check");
    cr_expect_eq(cifar(&samples, 2, 199), FI_OK, "%s", fi_message());
    static const size_t lengths[] = {0, 1, 3072, 3074, 10 * 3073 - 1};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        char found[40];
        snprintf(found, sizeof found, "has %zu bytes, expected", lengths[k]);
        put(second, records, lengths[k]);
        expect_said("length", cifar(&samples, 2, 1), FI_EDATA, 4, second, found,
                    "a multiple of 3073", "give the .bin files");
    }
    cr_assert(unlink(second) == 0);
    expect_said("missing", cifar(&samples, 2, 0), FI_EIO, 2, second, "No such file");
    expect_said("folder", fi_read_cifar(&samples, (const char *const[]){folder}, 1, 0, arena),
                FI_EIO, 2, folder, "is a directory; give the path of one CIFAR-10 file");
}

Test(readers, cifar_reports_refused_memory_and_closes_its_files)
{
    const int lowest = dup(0);
    close(lowest);
    fi_samples samples;
    put_200();
    for (size_t allowed = 0; allowed < 3; allowed++) { /* x, labels, the buffer */
        fi_arena_refuse_after(arena, allowed);
        expect_said("refused", cifar(&samples, 2, 0), FI_ENOMEM, 1, "the system refused");
    }
    fi_arena_refuse_after(arena, SIZE_MAX);
    cr_expect_eq(cifar(&samples, 2, 0), FI_OK);
    put(second, records, 1);
    cr_expect_eq(cifar(&samples, 2, 0), FI_EDATA);
    records[0] = 11;
    put(second, records, RECORD);
    cr_expect_eq(cifar(&samples, 2, 0), FI_EDATA);
    const int now = dup(0);
    close(now);
    cr_expect_eq(now, lowest, "a descriptor stayed open: %d, then %d", lowest, now);
}
