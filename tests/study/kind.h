/* A study of one kind of network, without a program around it: for tests and benchmarks. */
#ifndef FI_TEST_KIND_H
#define FI_TEST_KIND_H

#include "study/init.h"

typedef struct fi_test_kind {
    const char *initializer, *activation;
    bool batch_norm, forward_only;
    double gain;
    size_t runs, depth, width, samples; /* at most 64 runs, seeds 1, 2, ... */
} fi_test_kind;

/* Runs it on `jobs` workers; the dataset lives in the arena. Aborts on failure. */
fi_dataset fi_test_run(fi_arena *arena, unsigned jobs, const fi_test_kind *kind);

/* The same with another cell function, whose context is an fi_init_context. */
fi_dataset fi_test_run_with(fi_arena *arena, unsigned jobs, const fi_test_kind *kind,
                            fi_status (*cell)(const fi_cell *cell));

#endif
