/* Measuring beside the peak, and the table and JSON of what was measured. */
#include "bench.h"

#include "core/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(bool on_wall)
{
    struct timespec now;
    clock_gettime(on_wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static const char *paced;

void bench_pace(const char *name)
{
    paced = name;
}

static bool is_paced(const bench_work *work)
{
    const size_t length = strlen(work->section);
    return strncmp(paced, work->section, length) == 0 && paced[length] == '/' &&
           strcmp(paced + length + 1, work->name) == 0;
}

static double time_once(const bench_work *work)
{
    const bool on_wall = paced || work->workers > 0; /* a peer may use other threads */
    const double start = bench_now(on_wall);
    work->run(work->context);
    return bench_now(on_wall) - start;
}

static _Noreturn void serve(const bench_work *work)
{
    for (int c; (c = getchar()) != EOF;)
        if (c == '\n') {
            printf("%.9g\n", time_once(work));
            (void)fflush(stdout);
        }
    exit(EXIT_SUCCESS);
}

bench_times bench_measure(const bench_work *work)
{
    bench_times times = {.section = work->section, .name = work->name};
    if (paced && !is_paced(work))
        return times;
    (void)time_once(work);
    if (paced)
        serve(work);
    times.rounds = work->rounds ? work->rounds : BENCH_ROUNDS;
    double before = bench_peak(work->workers);
    for (size_t r = 0; r < times.rounds; r++) {
        times.seconds[r] = time_once(work);
        const double after = bench_peak(work->workers);
        times.peak[r] = fmax(before, after);
        before = after;
    }
    return times;
}

/* ---- reporting ------------------------------------------------------------------------------- */

struct row {
    const char *section, *unit;
    char name[64];
    double value, low, high;
};

static struct row *rows;
static size_t n_rows;

/* Three or four digits that count, unless the number is large. */
static void print_number(double value)
{
    printf(" %9.*f", fabs(value) < 10 ? 3 : fabs(value) < 100 ? 2 : 1, value);
}

static void add(const struct row *row)
{
    if (n_rows == 0 || strcmp(rows[n_rows - 1].section, row->section) != 0)
        printf("\n%-46s %9s %9s %9s\n", row->section, "median", "lowest", "highest");
    printf("  %-44s", row->name);
    print_number(row->value);
    print_number(row->low);
    print_number(row->high);
    printf("  %s\n", row->unit);
    (void)fflush(stdout);
    rows = realloc(rows, (n_rows + 1) * sizeof *rows);
    FI_REQUIRE(rows != NULL);
    rows[n_rows++] = *row;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static void report(const char *section, const char *name, const char *unit, size_t count,
                   double *values)
{
    if (count == 0)
        return;
    qsort(values, count, sizeof *values, compare);
    struct row row = {.section = section,
                      .unit = unit,
                      .value = (values[count / 2] + values[(count - 1) / 2]) / 2,
                      .low = values[0],
                      .high = values[count - 1]};
    snprintf(row.name, sizeof row.name, "%s", name);
    add(&row);
}

void bench_over_floor(const bench_times *t, double flops)
{
    double values[BENCH_ROUNDS];
    for (size_t r = 0; r < t->rounds; r++)
        values[r] = t->seconds[r] * t->peak[r] / flops;
    report(t->section, t->name, "x floor", t->rounds, values);
}

void bench_share(const bench_times *t, double flops)
{
    double values[BENCH_ROUNDS];
    for (size_t r = 0; r < t->rounds; r++)
        values[r] = flops / (t->seconds[r] * t->peak[r]);
    report(t->section, t->name, "of peak", t->rounds, values);
}

void bench_seconds(const bench_times *t, double unit, const char *unit_name)
{
    double values[BENCH_ROUNDS];
    for (size_t r = 0; r < t->rounds; r++)
        values[r] = t->seconds[r] / unit;
    report(t->section, t->name, unit_name, t->rounds, values);
}

void bench_ratio(const char *name, const bench_times *over, const bench_times *under)
{
    double values[BENCH_ROUNDS];
    const size_t rounds = over->rounds < under->rounds ? over->rounds : under->rounds;
    for (size_t r = 0; r < rounds; r++)
        values[r] = over->seconds[r] * over->peak[r] / (under->seconds[r] * under->peak[r]);
    report(over->section, name, "times", rounds, values);
}

void bench_value(const char *section, const char *name, double value, const char *unit)
{
    if (!paced)
        report(section, name, unit, 1, &value);
}

int bench_write(const char *path)
{
    FILE *file = fopen(path, "w");
    bool good = file != NULL;
    if (file) {
        fprintf(file, "[\n");
        for (size_t k = 0; k < n_rows; k++)
            fprintf(file,
                    "  {\"section\": \"%s\", \"name\": \"%s\", \"unit\": \"%s\", \"median\": %.6g, "
                    "\"lowest\": %.6g, \"highest\": %.6g}%s\n",
                    rows[k].section, rows[k].name, rows[k].unit, rows[k].value, rows[k].low,
                    rows[k].high, k + 1 < n_rows ? "," : "");
        good = fprintf(file, "]\n") > 0;
        good &= fclose(file) == 0;
    }
    if (!good)
        fprintf(stderr, "bench: cannot write '%s'\n", path);
    return good ? 0 : FI_EIO;
}
