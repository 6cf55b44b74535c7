/* Sizes, look-up, positions, and numbers as text. */
#include "study/dataset.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const fi_axis axes[] = {
    {.name = "a", .size = 3}, {.name = "b", .size = 4}, {"c", NULL, NULL, 5, NULL, NULL}};
static const fi_variable variables[] = {
    {.name = "all", .axes = 7}, {.name = "ac", .axes = 5}, {.name = "one", .axes = 0}};
static const fi_dataset dataset = {
    .n_axes = 3, .n_variables = 3, .axes = axes, .variables = variables};

Test(dataset, sizes_are_products_of_the_axes)
{
    const size_t expected[] = {60, 15, 1};
    for (size_t v = 0; v < 3; v++)
        cr_expect_eq(fi_variable_size(&dataset, v), expected[v], "variable %zu has %zu values", v,
                     fi_variable_size(&dataset, v));
}

Test(dataset, a_size_that_does_not_fit_is_the_largest)
{
    const fi_axis huge[] = {{.name = "a", .size = SIZE_MAX / 2}, {.name = "b", .size = 3}};
    cr_expect_eq(fi_axes_size(2, huge, 3), SIZE_MAX);
    cr_expect_eq(fi_axes_size(2, huge, 1), SIZE_MAX / 2);
}

Test(dataset, names_are_found)
{
    cr_expect_eq(fi_dataset_find(&dataset, "ac"), 1);
    cr_expect_eq(fi_dataset_find(&dataset, "a"), 3);
    cr_expect_eq(fi_dataset_axis(&dataset, "c"), 2);
    cr_expect_eq(fi_dataset_axis(&dataset, "all"), 3);
}

Test(dataset, positions_and_indices_undo_each_other)
{
    for (uint32_t mask = 0; mask < 8; mask++)
        for (size_t k = 0; k < fi_axes_size(3, axes, mask); k++) {
            size_t position[3];
            fi_axes_position(3, axes, mask, k, position);
            cr_assert_eq(fi_axes_index(3, axes, mask, position), k, "mask %u index %zu", mask, k);
            for (size_t a = 0; a < 3; a++)
                cr_assert(mask >> a & 1 ? position[a] < axes[a].size : position[a] == 0);
        }
    const size_t position[] = {2, 1, 3};
    cr_expect_eq(fi_axes_index(3, axes, 7, position), 2 * 20 + 1 * 5 + 3);
    cr_expect_eq(fi_axes_index(3, axes, 5, position), 2 * 5 + 3);
}

Test(dataset, numbers_read_back_and_are_short)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1.0 / 3, "0.3333333333333333"},
                 {-2, "-2"},
                 {1e300, "1e+300"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {5e-324, NULL},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"},
                 {-NAN, "nan"},
                 {9007199254740993.0, "9007199254740992"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[FI_NUMBER_TEXT];
        fi_number_text(cases[k].number, text);
        const double back = strtod(text, NULL);
        cr_expect(back == cases[k].number || (isnan(back) && isnan(cases[k].number)),
                  "%.17g became %s", cases[k].number, text);
        if (cases[k].text)
            cr_expect_str_eq(text, cases[k].text);
    }
}

Test(dataset, utf8_is_told_from_other_bytes)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"a", 1},
                 {"\xc3\xa9", 2},
                 {"\xe2\x82\xac", 3},
                 {"\xf0\x9f\x98\x80", 4},
                 {"\xe9t\xe9", 0},
                 {"\x80", 0},
                 {"\xc0\x80", 0},
                 {"\xed\xa0\x80", 0},
                 {"\xf4\x90\x80\x80", 0},
                 {"\xc3", 0},
                 {"\xff", 0},
                 {"\xe0\x80\xaf", 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        cr_expect_eq(fi_utf8_length(cases[k].text), cases[k].length, "case %zu: %zu", k,
                     fi_utf8_length(cases[k].text));
}
