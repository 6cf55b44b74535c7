/* Random streams: PCG32 against its author's package and published output, jumps, independence. */
#include "fanin.h"
#include "pcg_reference.h"

#include <criterion/criterion.h>
#include <math.h>

enum {
    LONG = 100000
};

static uint32_t expected[LONG];

static const struct {
    uint64_t seed, stream;
} seeds[] = {{0, 0}, {42, 54}, {1, 2}, {UINT64_MAX, UINT64_MAX}, {UINT64_C(1) << 63, 12345}};

Test(rng, gives_the_published_output_of_pcg32)
{
    /* Round 1 of the demo program of the PCG library, seed 42, stream 54. */
    const uint32_t published[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                  0x83d2f293, 0xbfa4784b, 0xcbed606e};
    fi_rng rng = fi_rng_seed(42, 54);
    pcg_reference(42, 54, 0, 6, expected);
    for (size_t k = 0; k < 6; k++) {
        const uint32_t drawn = fi_rng_u32(&rng);
        cr_expect_eq(drawn, published[k], "draw %zu: %08x, published %08x", k, drawn, published[k]);
        cr_expect_eq(expected[k], published[k], "the package has %08x", expected[k]);
    }
}

Test(rng, equals_the_package)
{
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        fi_rng rng = fi_rng_seed(seeds[s].seed, seeds[s].stream);
        pcg_reference(seeds[s].seed, seeds[s].stream, 0, LONG, expected);
        for (size_t k = 0; k < LONG; k++)
            cr_assert_eq(fi_rng_u32(&rng), expected[k], "seed %zu, draw %zu", s, k);
    }
}

Test(rng, jumps_as_the_package_does)
{
    const uint64_t skips[] = {
        0, 1, 2, 15, 16, 1000003, UINT64_C(1) << 40, UINT64_C(0) - 1, UINT64_C(0) - 54321};
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++)
        for (size_t j = 0; j < sizeof skips / sizeof *skips; j++) {
            fi_rng rng = fi_rng_seed(seeds[s].seed, seeds[s].stream);
            fi_rng_advance(&rng, skips[j]);
            pcg_reference(seeds[s].seed, seeds[s].stream, skips[j], 3, expected);
            for (size_t k = 0; k < 3; k++)
                cr_expect_eq(fi_rng_u32(&rng), expected[k], "seed %zu, skip %zu, draw %zu", s, j,
                             k);
        }
}

Test(rng, a_jump_is_that_many_steps)
{
    fi_rng stepped = fi_rng_stream(1, FI_FOR_WEIGHT, 2, 3);
    const fi_rng start = stepped;
    for (uint64_t n = 0; n < 1000; n++) {
        fi_rng jumped = start;
        fi_rng_advance(&jumped, n);
        cr_assert_eq(jumped.state, stepped.state, "%lu steps", (unsigned long)n);
        fi_rng_advance(&jumped, UINT64_C(0) - n);
        cr_assert_eq(jumped.state, start.state, "back %lu steps", (unsigned long)n);
        (void)fi_rng_u32(&stepped);
    }
}

/* Correlation of n draws from each, as uniforms in [-1/2, 1/2] of known mean 0, variance 1/12. */
static double correlation(fi_rng a, fi_rng b, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        const double u = ((double)fi_rng_u32(&a) + 0.5) / 4294967296.0 - 0.5;
        const double v = ((double)fi_rng_u32(&b) + 0.5) / 4294967296.0 - 0.5;
        sum += u * v;
    }
    return 12 * sum / (double)n;
}

/*
 * Streams whose keys differ by a power of 2 in one word, from 1 to the highest bit (of the purpose,
 * an int's): the correlation of n independent pairs has standard error 1/sqrt(n). Draws are also
 * compared one and two apart. All 669 are within 5 standard errors with probability 1 - 4e-4.
 */
Test(rng, neighbouring_streams_are_uncorrelated)
{
    const size_t n = 16384;
    const double limit = 5 / sqrt((double)n);
    const fi_rng a = fi_rng_stream(7, FI_FOR_INPUT, 3, 1);
    for (int word = 0; word < 4; word++)
        for (int bit = 0; bit < (word == 1 ? 31 : 64); bit++) {
            uint64_t key[] = {7, FI_FOR_INPUT, 3, 1};
            key[word] += UINT64_C(1) << bit;
            fi_rng b = fi_rng_stream(key[0], (fi_purpose)key[1], key[2], key[3]);
            for (int lag = 0; lag < 3; lag++, (void)fi_rng_u32(&b)) {
                const double r = correlation(a, b, n);
                cr_expect(fabs(r) < limit, "word %d + 2^%d, lag %d: %g, limit %g", word, bit, lag,
                          r, limit);
            }
        }
}

/*
 * The same of single bits: draw k of 4096 consecutive keys. Every output bit is 1 in half of them,
 * +- 5 * 32, and equal to the next key's in half, likewise; 4 * 2 * 32 comparisons.
 */
Test(rng, first_draws_of_consecutive_keys_have_random_bits)
{
    const int keys = 4096;
    const double limit = 5 * 0.5 * sqrt(keys);
    for (int word = 0; word < 4; word++) {
        int ones[32] = {0};
        int changes[32] = {0};
        uint32_t previous = 0;
        for (uint64_t key = 0; key <= (uint64_t)keys; key++) {
            fi_rng rng = fi_rng_stream(word == 0 ? key : 0, (fi_purpose)(word == 1 ? key : 0),
                                       word == 2 ? key : 0, word == 3 ? key : 0);
            const uint32_t draw = fi_rng_u32(&rng);
            for (int bit = 0; key > 0 && bit < 32; bit++) {
                ones[bit] += (int)(draw >> bit & 1);
                changes[bit] += (int)((draw ^ previous) >> bit & 1);
            }
            previous = draw;
        }
        for (int bit = 0; bit < 32; bit++) {
            cr_expect(fabs(ones[bit] - keys / 2.0) < limit, "word %d, bit %d: %d ones", word, bit,
                      ones[bit]);
            cr_expect(fabs(changes[bit] - keys / 2.0) < limit, "word %d, bit %d: %d changes", word,
                      bit, changes[bit]);
        }
    }
}

/* A change of the hash would change every number ever published with a seed. */
Test(rng, keys_keep_their_streams)
{
    fi_rng rng = fi_rng_stream(1, FI_FOR_WEIGHT, 2, 3);
    const uint32_t draw = fi_rng_u32(&rng);
    cr_expect_eq(draw, 0x1e4e032f, "%08x", draw);
}

/* Words of the key are not interchangeable: the same numbers in other places are another stream. */
Test(rng, each_word_of_the_key_has_its_own_place)
{
    const fi_rng streams[] = {fi_rng_stream(1, 0, 0, 0), fi_rng_stream(0, 1, 0, 0),
                              fi_rng_stream(0, 0, 1, 0), fi_rng_stream(0, 0, 0, 1),
                              fi_rng_stream(0, 0, 0, 0)};
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 0; b < a; b++) {
            cr_expect_neq(streams[a].state, streams[b].state, "streams %zu and %zu", a, b);
            cr_expect_neq(streams[a].inc, streams[b].inc, "streams %zu and %zu", a, b);
        }
}
