/*
 * Whole programs: how long they take to begin and end, and the most memory they hold. This section
 * comes first: the system counts the memory of the process that starts a program as the program's,
 * so that must still be small.
 */
#define _GNU_SOURCE
#include "bench.h"

#include "core/internal.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
    MOST_ARGUMENTS = 24
};

struct program {
    char path[512], output[512];
    char *arguments[MOST_ARGUMENTS];
    double mebibytes; /* the most it held when it last ran */
};

extern char **environ;

static void run(void *context)
{
    struct program *program = context;
    pid_t child = 0;
    int status = 0;
    struct rusage usage;
    posix_spawn_file_actions_t silently;
    FI_REQUIRE(posix_spawn_file_actions_init(&silently) == 0);
    FI_REQUIRE(posix_spawn_file_actions_addopen(&silently, 1, "/dev/null", O_WRONLY, 0) == 0);
    FI_REQUIRE(posix_spawnp(&child, program->path, &silently, NULL, program->arguments, environ) ==
               0);
    posix_spawn_file_actions_destroy(&silently);
    FI_REQUIRE(wait4(child, &status, 0, &usage) == child && status == 0);
    program->mebibytes = (double)usage.ru_maxrss / 1024;
}

static void set_program(struct program *program, const char *path, const char *const *arguments)
{
    size_t count = 0;
    snprintf(program->path, sizeof program->path, "%s", path);
    program->arguments[count++] = program->path;
    for (; *arguments; arguments++) {
        FI_REQUIRE(count + 1 < MOST_ARGUMENTS);
        program->arguments[count++] = (char *)*arguments;
    }
    program->arguments[count] = NULL;
}

/* init-he with these arguments, for one network, and silent. */
static void set_study(struct program *program, const char *studies, const char *scratch,
                      const char *jobs, const char *depth, const char *width, const char *samples,
                      bool backward)
{
    char path[512];
    snprintf(path, sizeof path, "%s/init-he", studies);
    snprintf(program->output, sizeof program->output, "%s", scratch);
    const char *arguments[] = {
        "-a", "tanh",  "-b", "off",           "-r", "1", "-q", "-j", jobs, "-d", depth, "-w", width,
        "-n", samples, "-o", program->output, NULL, NULL};
    if (!backward)
        arguments[17] = "--no-backward";
    set_program(program, path, arguments);
}

static void measure_start(const char *name, struct program *program)
{
    const bench_times times = bench_measure(&(bench_work){"process", name, run, program, 1, 0});
    bench_seconds(&times, 1e-3, "ms");
}

/* Peak memory beyond that of the smallest study, in units of what the network has to hold. */
static void measure_memory(const char *name, const char *studies, const char *scratch,
                           double smallest, size_t depth, bool backward)
{
    enum {
        WIDTH = 500,
        SAMPLES = 1000
    };
    struct program program;
    char text[32];
    char label[64];
    snprintf(text, sizeof text, "%zu", depth);
    set_study(&program, studies, scratch, "1", text, "500", "1000", backward);
    run(&program);
    const double layers = (double)depth;
    const double weights = layers * WIDTH * WIDTH;
    const double activations = (layers + 1) * SAMPLES * WIDTH;
    const double held = (weights + activations) * sizeof(fi_real) / (1 << 20);
    snprintf(label, sizeof label, "memory, depth %zu, %s", depth, name);
    bench_value("process", label, program.mebibytes - smallest, "MiB more than the smallest");
    if (backward) {
        snprintf(label, sizeof label, "memory, depth %zu, over its blobs", depth);
        bench_value("process", label, (program.mebibytes - smallest) / held,
                    "x weights and activations");
    }
}

void bench_process(const char *studies, const char *scratch)
{
    struct program smallest;
    struct program program;
    set_program(&program, "true", (const char *const[]){NULL});
    measure_start("true, a program that does nothing", &program);
    set_study(&smallest, studies, scratch, "1", "10", "8", "8", true);
    set_program(&program, smallest.path, (const char *const[]){"--version", NULL});
    measure_start("init-he --version", &program);
    measure_start("init-he, width 8, samples 8", &smallest);
    set_study(&program, studies, scratch, "1", "10", "500", "1000", false);
    measure_start("init-he, forward, default size", &program);
    set_study(&program, studies, scratch, "1", "10", "500", "1000", true);
    measure_start("init-he, forward and backward, default size", &program);
    set_study(&program, studies, scratch, "2", "10", "500", "1000", false);
    measure_start("the same forward, on two workers", &program);
    set_study(&program, studies, scratch, "2", "10", "500", "1000", true);
    measure_start("the same forward and backward, on two workers", &program);
    run(&smallest);
    bench_value("process", "memory, width 8, samples 8", smallest.mebibytes, "MiB");
    measure_memory("forward", studies, scratch, smallest.mebibytes, 10, false);
    measure_memory("forward", studies, scratch, smallest.mebibytes, 100, false);
    measure_memory("with backward", studies, scratch, smallest.mebibytes, 10, true);
    measure_memory("with backward", studies, scratch, smallest.mebibytes, 50, true);
    (void)remove(scratch);
}
