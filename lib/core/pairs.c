/* KEY=VALUE,... and its numbers. */
#define _GNU_SOURCE
#include "pairs.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool fi_pair_next(char **rest, fi_pair *pair)
{
    pair->value = strsep(rest, ",");
    pair->key = strsep(&pair->value, "=");
    return pair->key != NULL;
}

bool fi_number_of(const char *text, double *number)
{
    char *end = NULL;
    *number = strtod(text, &end);
    return end != text && !*end && !isspace((unsigned char)*text) && isfinite(*number);
}

bool fi_count_of(const char *text, uint64_t *count)
{
    *count = 0;
    for (const char *c = text; *c; c++)
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(*count, 10, count) ||
            __builtin_add_overflow(*count, (uint64_t)(*c - '0'), count))
            return false;
    return *text != '\0';
}
