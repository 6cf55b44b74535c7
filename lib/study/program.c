/* What every study program does around its work. */
#define _GNU_SOURCE
#include "program.h"
#include "progress.h"
#include "scheme.h"

#include "../core/internal.h"
#include "../core/place.h"
#include "../core/workers.h"
#include "../math/gemm.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/*
 * The first signal lets the workers end their cells, one that comes a second later ends the program
 * at once. In between a repetition is the same wish: timeout(1) sends each signal twice.
 */
static void on_signal(int number)
{
    static volatile sig_atomic_t asked;
    static struct timespec first;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!asked) {
        asked = 1;
        first = now;
        fi_workers_interrupt();
    } else if (now.tv_sec - first.tv_sec > 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

void fi_program_start(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

unsigned fi_program_jobs(const struct fi_program_options *options)
{
    return options->jobs ? (unsigned)options->jobs : fi_processors();
}

/* "1.5 GiB" */
static const char *human(double bytes, char text[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024;
    snprintf(text, 32, "%.*f %s", bytes < 10 ? 1 : 0, bytes, units[unit]);
    return text;
}

/*
 * Whether the system would give so much at once. OpenBLAS retries for ever when its buffers, 128
 * MiB a thread, are refused; so a refusal must be met before its first product.
 */
static bool would_get(double bytes)
{
    void *const trial =
        mmap(NULL, (size_t)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return trial != MAP_FAILED && munmap(trial, (size_t)bytes) == 0;
}

fi_status fi_program_check_memory(double bytes, double jobs)
{
    bytes += jobs * (double)(200 << 20);
    double supply = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        supply = fmin(supply, (double)limit.rlim_cur);
    char need[32];
    char have[32];
    if (bytes > supply || !would_get(bytes))
        return fi_fail(FI_ENOMEM,
                       "this needs %s of memory and may use %s; use fewer --jobs or --runs, or a "
                       "smaller --depth, --width or --samples",
                       human(bytes, need), human(supply, have));
    return FI_OK;
}

void fi_program_list(FILE *stream)
{
    size_t count = 0;
    fprintf(stream, "activations\n");
    const fi_activation *activations = fi_activations(&count);
    for (size_t k = 0; k < count; k++)
        fprintf(stream, "  %-16s  %-34s  %s\n", activations[k].name, activations[k].formula,
                activations[k].citation);
    fputc('\n', stream);
    fi_scheme_list(stream);
}

void fi_program_help_end(void)
{
    printf("\nExit status: 0 done, 64 usage, 65 bad data, 71 out of memory, 74 input or\n"
           "output, 130 interrupted.\n");
}

void fi_program_version(const char *name)
{
    printf("%s (fanin) %s\n", name, fi_version());
}

fi_status fi_program_run(const fi_study *study, const struct fi_program_options *options,
                         void (*progress)(size_t done, size_t cells), fi_dataset *dataset,
                         fi_arena *arena)
{
    FI_TRY(fi_gemm_ready());
    if (!options->quiet)
        fi_progress_start(study->name);
    const fi_status status = fi_study_run(study, fi_program_jobs(options),
                                          options->quiet ? NULL : progress, dataset, arena);
    fi_progress_end();
    return status;
}

fi_status fi_program_describe(fi_dataset *dataset, const fi_attribute *rows, size_t count,
                              fi_arena *arena)
{
    fi_attribute *attributes = fi_arena_alloc(arena, count, sizeof *rows);
    bool whole = attributes != NULL;
    for (size_t k = 0; k < count; k++)
        whole &= rows[k].text != NULL;
    if (!whole)
        return fi_fail_memory(count * sizeof *rows, "the attributes");
    dataset->attributes = memcpy(attributes, rows, count * sizeof *rows);
    dataset->n_attributes = count;
    return FI_OK;
}

bool fi_program_exports(const fi_dataset *dataset, const struct fi_program_options *options,
                        uint32_t axes, fi_status *status)
{
    *status = FI_OK;
    if (options->csv || options->json)
        *status = fi_dataset_export(dataset, axes, options->csv ? FI_CSV : FI_JSON, stdout);
    return options->csv || options->json || options->quiet;
}

int fi_program_end(const char *name, fi_status status)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == FI_OK)
        status = fi_fail(FI_EIO, "cannot write to standard output: %s", strerror(errno));
    if (status != FI_OK)
        fprintf(stderr, "%s: %s\n", name, fi_message());
    return (int)status;
}
