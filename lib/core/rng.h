/* PCG32's two functions of one 64-bit state, shared by the scalar stream and its SIMD lanes. */
#ifndef FI_CORE_RNG_H
#define FI_CORE_RNG_H

#include "../fanin.h"

/* The multiplier of the underlying generator, state' = FI_PCG_MULTIPLIER state + inc. */
#define FI_PCG_MULTIPLIER UINT64_C(6364136223846793005)

/* XSH-RR 64/32: xorshift the high bits down, then rotate by the topmost five. */
static inline uint32_t fi_pcg_output(uint64_t state)
{
    const uint32_t bits = (uint32_t)(((state >> 18) ^ state) >> 27);
    const uint32_t rotation = (uint32_t)(state >> 59);
    return bits >> rotation | bits << (-rotation & 31);
}

#endif
