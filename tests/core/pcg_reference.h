/* The pcg32 of libpcg-cpp-dev, written by PCG's author: the reference for core/rng.c. */
#ifndef FI_TESTS_PCG_REFERENCE_H
#define FI_TESTS_PCG_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n outputs of the generator with this seed and stream, from `skipped` (modulo 2^64) on. */
void pcg_reference(uint64_t seed, uint64_t stream, uint64_t skipped, size_t n, uint32_t *out);

#ifdef __cplusplus
}
#endif

#endif
