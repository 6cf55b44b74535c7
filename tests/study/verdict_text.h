/* A verdict with its paragraph, checked for form: for the tests. */
#ifndef FI_TEST_VERDICT_TEXT_H
#define FI_TEST_VERDICT_TEXT_H

#include "study/verdict.h"

#include <criterion/criterion.h>
#include <string.h>

/* The verdict, and the paragraph with its line breaks as spaces; both checked for form. */
static inline fi_verdict verdict_of(const fi_verdict_input *input, char **text)
{
    size_t size = 0, column = 0;
    FILE *stream = open_memstream(text, &size);
    cr_assert(stream);
    const fi_verdict verdict = fi_verdict_compute(input);
    fi_verdict_print(&verdict, stream);
    cr_assert_eq(fclose(stream), 0);
    for (char *c = *text; *c; c++) {
        column = *c == '\n' ? 0 : column + 1;
        cr_expect(column <= 80, "a line of %zu columns: %s", column, *text);
        *c = *c == '\n' ? ' ' : *c;
    }
    static const char *const wrong[] = {"{", "}", "nan", "inf ", "inf)", "inf,", "inf.", "  "};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        cr_expect_not(strstr(*text, wrong[k]), "'%s' in: %s", wrong[k], *text);
    return verdict;
}

static inline void expect_class(const fi_verdict *v, fi_verdict_class class, const char *text)
{
    cr_expect_eq(v->class, class, "'%s', expected '%s': %s", fi_verdict_class_name(v->class),
                 fi_verdict_class_name(class), text);
}

#endif
