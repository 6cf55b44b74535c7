/*
 * Random streams: PCG32, XSH-RR 64/32 (O'Neill 2014), one stream for each tensor. A stream's state
 * and selector are hashed from its key, because streams of neighbouring selectors, and states a
 * small distance apart, correlate.
 */
#include "rng.h"

fi_rng fi_rng_seed(uint64_t state, uint64_t stream)
{
    fi_rng rng = {.state = 0, .inc = stream << 1 | 1};
    fi_rng_advance(&rng, 1);
    rng.state += state;
    fi_rng_advance(&rng, 1);
    return rng;
}

/* A bijection in which every output bit depends on every input bit (Steele et al. 2014, mix64
 * with the constants of Stafford's variant 13). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Mixes the words in one after the other: keys that differ in one word never collide. */
static uint64_t hash(uint64_t start, const uint64_t *words, size_t count)
{
    const uint64_t golden_ratio = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = start;
    for (size_t k = 0; k < count; k++)
        h = mix((h ^ words[k]) + golden_ratio);
    return h;
}

fi_rng fi_rng_stream(uint64_t seed, fi_purpose purpose, uint64_t layer, uint64_t step)
{
    const uint64_t key[] = {seed, (uint64_t)purpose, layer, step};
    const size_t words = sizeof key / sizeof *key;
    /* The digits of pi give two starts that have nothing in common. */
    return fi_rng_seed(hash(UINT64_C(0x243f6a8885a308d3), key, words),
                       hash(UINT64_C(0x13198a2e03707344), key, words));
}

uint32_t fi_rng_u32(fi_rng *rng)
{
    const uint32_t output = fi_pcg_output(rng->state);
    rng->state = rng->state * FI_PCG_MULTIPLIER + rng->inc;
    return output;
}

/* One step is an affine map; 2^k steps are its k-th squaring. */
void fi_rng_advance(fi_rng *rng, uint64_t delta)
{
    uint64_t multiplier = FI_PCG_MULTIPLIER;
    uint64_t increment = rng->inc;
    for (; delta; delta >>= 1) {
        if (delta & 1)
            rng->state = rng->state * multiplier + increment;
        increment *= multiplier + 1;
        multiplier *= multiplier;
    }
}
