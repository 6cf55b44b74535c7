/* CSV, TSV and JSON: the exact text, and numbers that read back. */
#define _GNU_SOURCE
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const labels[] = {"a,b", "say \"x\"\t"};
static const double times[] = {0.5, 1e-7};
static const fi_axis axes[] = {
    {"kind", "the \"kind\"", NULL, 2, NULL, labels},
    {"time", NULL, "s", 2, times, NULL},
    {"step", NULL, NULL, 3, NULL, NULL},
};
static const fi_variable variables[] = {
    {"mean", "mean", "1", 3}, {"seed", NULL, NULL, 1}, {"all", NULL, NULL, 7},
    {"total", NULL, NULL, 0}, {"rate", NULL, NULL, 2},
};
static const fi_attribute attributes[] = {{"title", "line\nbreak \\ \xc3\xa9 \xe9"}, {"x", ""}};
static double means[] = {0.1, NAN, -INFINITY, 1.0 / 3}, seeds[] = {7, 8}, total[] = {-0.0},
              rates[] = {1e300, 5e-324};
static double all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static double *values[] = {means, seeds, all, total, rates};
static const fi_dataset dataset = {2, 3, 5, attributes, axes, variables, values};

/* The exported text; the caller's to free. */
static char *export(uint32_t mask, fi_format format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(fi_dataset_export(&dataset, mask, format, stream), FI_OK, "%s", fi_message());
    fclose(stream);
    return text;
}

static void expect(uint32_t mask, fi_format format, const char *expected)
{
    char *text = export(mask, format);
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(export, csv_has_a_row_for_each_position)
{
    expect(3, FI_CSV,
           "kind,time,mean,seed,total,rate\n"
           "\"a,b\",0.5,0.1,7,-0,1e+300\n"
           "\"a,b\",1e-07,,7,-0,4.94065645841247e-324\n"
           "\"say \"\"x\"\"\t\",0.5,-inf,8,-0,1e+300\n"
           "\"say \"\"x\"\"\t\",1e-07,0.3333333333333333,8,-0,4.94065645841247e-324\n");
    expect(0, FI_CSV, "total\n-0\n");
}

Test(export, tsv_has_no_stray_tab)
{
    expect(3, FI_TSV,
           "kind\ttime\tmean\tseed\ttotal\trate\n"
           "a,b\t0.5\t0.1\t7\t-0\t1e+300\n"
           "a,b\t1e-07\tNA\t7\t-0\t4.94065645841247e-324\n"
           "say \"x\" \t0.5\t-inf\t8\t-0\t1e+300\n"
           "say \"x\" \t1e-07\t0.3333333333333333\t8\t-0\t4.94065645841247e-324\n");
    expect(4, FI_TSV, "step\ttotal\n0\t-0\n1\t-0\n2\t-0\n");
}

Test(export, json_is_nested_like_the_axes)
{
    expect(3, FI_JSON,
           "{\n"
           "  \"attributes\": {\n"
           "    \"title\": \"line\\u000abreak \\\\ \xc3\xa9 \\ufffd\",\n"
           "    \"x\": \"\"\n"
           "  },\n"
           "  \"axes\": {\n"
           "    \"kind\": {\"long_name\": \"the \\\"kind\\\"\", \"units\": null, \"values\": "
           "[\"a,b\", \"say \\\"x\\\"\\u0009\"]},\n"
           "    \"time\": {\"long_name\": null, \"units\": \"s\", \"values\": [0.5, 1e-07]}\n"
           "  },\n"
           "  \"variables\": {\n"
           "    \"mean\": {\"axes\": [\"kind\", \"time\"], \"long_name\": \"mean\", \"units\": "
           "\"1\", \"values\": [[0.1, null], [null, 0.3333333333333333]]},\n"
           "    \"seed\": {\"axes\": [\"kind\"], \"long_name\": null, \"units\": null, \"values\": "
           "[7, 8]},\n"
           "    \"total\": {\"axes\": [], \"long_name\": null, \"units\": null, \"values\": -0},\n"
           "    \"rate\": {\"axes\": [\"time\"], \"long_name\": null, \"units\": null, \"values\": "
           "[1e+300, 4.94065645841247e-324]}\n"
           "  }\n"
           "}\n");
    char *text = export(7, FI_JSON);
    cr_expect(strstr(text, "\"values\": [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]}"), "%s",
              text);
    free(text);
}

Test(export, numbers_read_back_to_the_same_bits)
{
    enum {
        COUNT = 2000
    };
    static double numbers[COUNT];
    uint64_t bits = 1;
    for (size_t k = 0; k < COUNT; k++) {
        bits = bits * 6364136223846793005U + 1442695040888963407U; /* any scatter of patterns */
        memcpy(&numbers[k], &bits, sizeof bits);
        if (!isfinite(numbers[k]))
            numbers[k] = (double)k;
    }
    const fi_axis axis = {.name = "k", .size = COUNT};
    const fi_variable variable = {.name = "x", .axes = 1};
    const fi_dataset scattered = {.n_axes = 1,
                                  .n_variables = 1,
                                  .axes = &axis,
                                  .variables = &variable,
                                  .values = (double *[]){numbers}};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(fi_dataset_export(&scattered, 1, FI_TSV, stream), FI_OK, "%s", fi_message());
    fclose(stream);
    const char *line = strchr(text, '\n') + 1;
    for (size_t k = 0; k < COUNT; k++, line = strchr(line, '\n') + 1) {
        const double back = strtod(strchr(line, '\t'), NULL);
        cr_assert_eq(memcmp(&back, &numbers[k], sizeof back), 0, "%.17g became %.17g", numbers[k],
                     back);
    }
    free(text);
}

Test(export, a_full_device_is_reported)
{
    const fi_format formats[] = {FI_CSV, FI_TSV, FI_JSON};
    for (size_t k = 0; k < 3; k++) {
        FILE *stream = fopen("/dev/full", "w");
        cr_assert_not_null(stream);
        cr_expect_eq(fi_dataset_export(&dataset, 7, formats[k], stream), FI_EIO);
        cr_expect(strstr(fi_message(), "No space left"), "%s", fi_message());
        fclose(stream);
    }
}
