/*
 * The peak of the machine: independent chains of fused multiply-adds in registers, of vectors of
 * each width that a processor may prefer. This file needs -ffp-contract=fast, for the fusing; where
 * there is no such instruction (SSE2), a multiplication and an addition count the same.
 */
#include "bench.h"

#include "core/internal.h"
#include "core/workers.h"

enum {
    CHAINS = 12, /* two units of latency 5 need 10 */
    STEPS = 200000,
    BURSTS = 3
};

#define X_KERNEL(bytes)                                                                            \
    typedef float vector_##bytes __attribute__((vector_size(bytes)));                              \
    static FI_CLONES float chains_##bytes(float seed)                                              \
    {                                                                                              \
        const vector_##bytes factor = (vector_##bytes){0} + 0.5F * seed;                           \
        const vector_##bytes term = (vector_##bytes){0} + seed;                                    \
        vector_##bytes x[CHAINS];                                                                  \
        for (size_t k = 0; k < CHAINS; k++)                                                        \
            x[k] = term * (float)k;                                                                \
        for (size_t step = 0; step < STEPS; step++)                                                \
            for (size_t k = 0; k < CHAINS; k++)                                                    \
                x[k] = x[k] * factor + term;                                                       \
        for (size_t k = 1; k < CHAINS; k++)                                                        \
            x[0] += x[k];                                                                          \
        return x[0][0];                                                                            \
    }
X_KERNEL(16)
X_KERNEL(32)
X_KERNEL(64)

struct kernel {
    float (*run)(float seed);
    size_t lanes;
};
static const struct kernel kernels[] = {{chains_16, 4}, {chains_32, 8}, {chains_64, 16}};

/* Of one kernel, the best of some bursts, each well under a millisecond. */
static double rate(const struct kernel *kernel, bool on_wall)
{
    volatile float value = 1; /* so that nothing is computed at compile time, or in vain */
    double best = 0;
    for (int burst = 0; burst < BURSTS; burst++) {
        const double start = bench_now(on_wall);
        value = kernel->run(value > 0 ? 1 : 0);
        const double seconds = bench_now(on_wall) - start;
        const double flops = 2.0 * CHAINS * STEPS * (double)kernel->lanes;
        best = flops / seconds > best ? flops / seconds : best;
    }
    return best;
}

/* The fastest kernel, found once. */
static const struct kernel *fastest(void)
{
    static const struct kernel *found;
    double best = 0;
    for (size_t k = 0; !found && k < sizeof kernels / sizeof *kernels; k++)
        (void)rate(&kernels[k], false); /* the clock comes up */
    const struct kernel *kernel = found;
    for (size_t k = 0; !found && k < sizeof kernels / sizeof *kernels; k++) {
        const double value = rate(&kernels[k], false);
        if (value > best) {
            best = value;
            kernel = &kernels[k];
        }
    }
    return found = kernel;
}

static fi_status burst(void *rates, size_t item, fi_arena *arena)
{
    (void)arena;
    ((double *)rates)[item] = rate(fastest(), true);
    return FI_OK;
}

double bench_peak(unsigned workers)
{
    double rates[256] = {0};
    double sum = 0;
    if (workers == 0)
        return rate(fastest(), false);
    (void)fastest();
    FI_REQUIRE(workers <= sizeof rates / sizeof *rates);
    FI_REQUIRE(fi_workers_run(workers, workers, burst, rates, NULL) == FI_OK);
    for (unsigned k = 0; k < workers; k++)
        sum += rates[k];
    return sum;
}
