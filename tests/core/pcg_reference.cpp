/* A bridge from C to the C++ package of PCG. */
#include "pcg_reference.h"

#include <pcg_random.hpp>

void pcg_reference(uint64_t seed, uint64_t stream, uint64_t skipped, size_t n, uint32_t *out)
{
    pcg32 generator(seed, stream);
    generator.advance(skipped);
    for (size_t k = 0; k < n; k++)
        out[k] = generator();
}
