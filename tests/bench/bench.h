/*
 * What the parts of the benchmark share: measuring a piece of work beside the peak of the machine,
 * and reporting it.
 *
 * The clock of a processor varies while it works, and another process may take part of it. So each
 * round of a measurement has the machine's peak measured right before and after it, and what is
 * reported is a ratio wherever there is one: the time over the floor, which is the time that the
 * matrix products alone would take at that peak. Work of one thread is timed by the processor time
 * it takes, which is that of the clock on an idle machine and less disturbed on another.
 */
#ifndef FI_BENCH_H
#define FI_BENCH_H

#include "fanin.h"

enum {
    BENCH_ROUNDS = 9
};

/* Seconds: of the clock on the wall, or of the processor's time that this thread has taken. */
double bench_now(bool on_wall);

/*
 * The most floating-point operations a second that `workers` threads reach together, in chains of
 * fused multiply-adds, by the wall; 0 workers: this thread, by its processor time (peak.c).
 */
double bench_peak(unsigned workers);

/* ---- measuring ------------------------------------------------------------------------------- */

/* A piece of work that can be done over and over; the first time, unmeasured, warms up. */
typedef struct bench_work {
    const char *section, *name;
    void (*run)(void *context);
    void *context;
    unsigned workers; /* threads or programs that it occupies, timed by the wall; 0: this thread */
    size_t rounds;    /* 0 means BENCH_ROUNDS; work that takes seconds may have fewer */
} bench_work;

typedef struct bench_times {
    const char *section, *name;
    size_t rounds; /* 0: this work was not asked for */
    double seconds[BENCH_ROUNDS];
    double peak[BENCH_ROUNDS]; /* of all its workers, beside each round */
} bench_times;

/*
 * Does and times the work, unless another was asked for by --paced. If it is this one, then each
 * round waits for a line on stdin and prints its seconds, and the program ends with the input.
 */
bench_times bench_measure(const bench_work *work);
void bench_pace(const char *name); /* "SECTION/NAME" */

/* ---- reporting ------------------------------------------------------------------------------- */

/* Each prints a row of the table: median, lowest and highest of the rounds. None if there are none.
 */
void bench_over_floor(const bench_times *times, double flops); /* "x floor", at least 1 */
void bench_share(const bench_times *times, double flops);      /* "of peak", at most 1 */
void bench_seconds(const bench_times *times, double unit, const char *unit_name);
void bench_ratio(const char *name, const bench_times *over, const bench_times *under);
void bench_value(const char *section, const char *name, double value, const char *unit);

/* All rows so far as JSON. Returns 0, or an exit code after a message. */
int bench_write(const char *path);

/* ---- nets ------------------------------------------------------------------------------------ */

/* The shapes of a net's matrix products. */
typedef struct bench_net {
    size_t samples, inputs, width, depth; /* `depth` dense layers of `width` units */
    size_t outputs;                       /* and one more of so many, unless 0 */
    bool backward, input_gradient;        /* the gradient of the lowest layer's input too */
} bench_net;

double bench_flops(const bench_net *net);

/* Does nothing but these products, through the library's GEMM. */
void bench_products(void *net);

/* ---- sections -------------------------------------------------------------------------------- */

/* The first needs a small process, see there. `studies` is the folder of the programs. */
void bench_process(const char *studies, const char *scratch);
void bench_elements(void);
void bench_gemm(void);
void bench_study(void);
void bench_scaling(void);
void bench_training(void);

#endif
