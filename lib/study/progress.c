/* The progress line: plain text, rewritten in place and erased at the end. */
#define _GNU_SOURCE
#include "progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL 0.1 /* seconds from one rewriting to the next */
#define TEXT 32      /* bytes that hold a duration */

static const char *name; /* NULL: nothing is shown */
static double started, shown;
static double begun, begun_share; /* when a share was first told, and which */
static bool on_screen;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* "7 s", "2 min 05 s", "1 h 03 min" */
static const char *duration(double seconds, char text[TEXT])
{
    const long long whole = seconds < 1e15 ? (long long)(seconds + 0.5) : 0;
    if (whole < 60)
        snprintf(text, TEXT, "%lld s", whole);
    else if (whole < 3600)
        snprintf(text, TEXT, "%lld min %02lld s", whole / 60, whole % 60);
    else
        snprintf(text, TEXT, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
    return text;
}

void fi_progress_start(const char *study)
{
    const char *const terminal = getenv("TERM");
    const bool shows = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    name = shows ? study : NULL;
    started = now();
    shown = started;
    begun_share = -1;
    on_screen = false;
}

void fi_progress(size_t done, size_t cells)
{
    const double time = now();
    if (!name || time - shown < INTERVAL)
        return;
    char taken[TEXT];
    char left[TEXT];
    const double elapsed = time - started;
    shown = time;
    on_screen = true;
    fprintf(stderr, "\r%.24s: %zu of %zu cells, %s, %s left\033[K", name, done, cells,
            duration(elapsed, taken),
            duration(elapsed * (double)(cells - done) / (double)done, left));
    (void)fflush(stderr); /* a lost line of progress is no loss */
}

void fi_progress_share(double share, const char *note)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const double time = now();
    pthread_mutex_lock(&lock);
    if (name && begun_share < 0) { /* a resumed run begins with what it had done before */
        begun = time;
        begun_share = share;
    }
    if (name && time - shown >= INTERVAL && share > begun_share) {
        char taken[TEXT];
        char left[TEXT];
        shown = time;
        on_screen = true;
        fprintf(stderr, "\r%.24s: %.0f %%, %s, %s, %s left\033[K", name, 100 * share, note,
                duration(time - started, taken),
                duration((time - begun) * (1 - share) / (share - begun_share), left));
        (void)fflush(stderr);
    }
    pthread_mutex_unlock(&lock);
}

void fi_progress_end(void)
{
    if (name && on_screen) {
        fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
    name = NULL;
}
