/* What benchmarks share: a clock and a median. */
#ifndef FI_BENCH_H
#define FI_BENCH_H

#include <stdlib.h>
#include <time.h>

/* Seconds of a clock that only goes forward. */
static inline double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of an odd number of times; sorts them. */
static inline double bench_median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, bench_compare);
    return times[count / 2];
}

#endif
