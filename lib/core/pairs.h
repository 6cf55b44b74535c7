/* KEY=VALUE,... as command lines have it, and the numbers in it. */
#ifndef FI_CORE_PAIRS_H
#define FI_CORE_PAIRS_H

#include "../fanin.h"

/* One of a list; `value` is NULL where there is no '='. */
typedef struct fi_pair {
    char *key, *value;
} fi_pair;

/* Cuts the next pair off *rest, which is written to; false, and *rest NULL, after the last. */
bool fi_pair_next(char **rest, fi_pair *pair);

/* Whether the whole text is one finite number. */
bool fi_number_of(const char *text, double *number);

/* Whether the whole text is one number of decimal digits alone, below 2^64. */
bool fi_count_of(const char *text, uint64_t *count);

#endif
