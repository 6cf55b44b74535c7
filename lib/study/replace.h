/* A file that is replaced as a whole: under its name there is the old one or the whole new one. */
#ifndef FI_STUDY_REPLACE_H
#define FI_STUDY_REPLACE_H

#include "../fanin.h"

#include <limits.h>

typedef struct fi_replacement {
    char target[PATH_MAX];    /* the file to be replaced, symbolic links followed */
    char temporary[PATH_MAX]; /* TARGET.tmp: what the caller writes */
    char folder[PATH_MAX];
    int file; /* holds the lock on TARGET.tmp */
} fi_replacement;

/*
 * Makes an empty TARGET.tmp, and its folder if only that is missing. Refuses what rename should not
 * replace: folders, devices, files without write permission. Fails with FI_EIO.
 */
FI_CHECKED fi_status fi_replacement_begin(fi_replacement *replacement, const char *path);

/* Fails as writing would, and changes nothing: to be asked before the work, not after it. */
FI_CHECKED fi_status fi_replacement_try(const char *path);

/* Puts what the caller has written and closed under the target's name, for good. */
FI_CHECKED fi_status fi_replacement_commit(fi_replacement *replacement);

/* Removes TARGET.tmp. */
void fi_replacement_discard(fi_replacement *replacement);

#endif
