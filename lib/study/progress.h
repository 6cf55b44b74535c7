/* One line on a terminal's stderr that says how far a study is; nothing anywhere else. */
#ifndef FI_STUDY_PROGRESS_H
#define FI_STUDY_PROGRESS_H

#include <stddef.h>

/* From here on fi_progress shows a line with this study's name, if stderr is a terminal. */
void fi_progress_start(const char *study);

/* For fi_study_run: cells done, of how many, time taken and left; at most 10 times a second. */
void fi_progress(size_t done, size_t cells);

/*
 * For work that is not counted in cells: the share that is done, and what to say of it, such as
 * "loss 0.31". From any thread.
 */
void fi_progress_share(double share, const char *note);

/* Erases the line; allowed without a start. */
void fi_progress_end(void);

#endif
