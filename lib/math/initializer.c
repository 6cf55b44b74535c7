/* Initializers: the rows of initializers.def, and the one function that draws weights from them. */
#include "../core/internal.h"
#include "gemm.h"

#include <math.h>
#include <string.h>

#define FI_INITIALIZER(name, law, variance, formula, citation)                                     \
    static double name##_variance(double fan_in, double fan_out)                                   \
    {                                                                                              \
        (void)fan_in;                                                                              \
        (void)fan_out;                                                                             \
        return variance;                                                                           \
    }
#include "initializers.def"
#undef FI_INITIALIZER

static const fi_initializer initializers[] = {
#define FI_INITIALIZER(name, law, variance, formula, citation)                                     \
    {#name, law, name##_variance, formula, citation},
#include "initializers.def"
#undef FI_INITIALIZER
};

const fi_initializer *fi_initializers(size_t *count)
{
    *count = sizeof initializers / sizeof *initializers;
    return initializers;
}

const fi_initializer *fi_initializer_find(const char *name)
{
    for (size_t k = 0; k < sizeof initializers / sizeof *initializers; k++)
        if (strcmp(initializers[k].name, name) == 0)
            return &initializers[k];
    return NULL;
}

fi_status fi_initialize(const fi_initializer *initializer, double gain, fi_rng rng, size_t fan_in,
                        size_t fan_out, fi_real *w, fi_arena *scratch)
{
    size_t count = 0;
    FI_REQUIRE(initializer && !__builtin_mul_overflow(fan_in, fan_out, &count));
    if (initializer->law == FI_ORTHOGONAL) {
        fi_draw(&rng, FI_NORMAL, 1, count, w);
        FI_TRY(fi_orthonormalize(fan_in, fan_out, w, scratch));
        for (size_t k = 0; k < count; k++)
            w[k] *= (fi_real)gain;
        return FI_OK;
    }
    const double variance = initializer->variance((double)fan_in, (double)fan_out);
    fi_draw(&rng, initializer->law, gain * sqrt(variance), count, w);
    return FI_OK;
}
