/*
 * Activations: each row of activations.def becomes a forward and a backward loop over arrays of
 * fi_real, the same function and derivative of one double, and a row of the public table.
 */
#include "../core/internal.h"
#include "elementary.h"

#include <string.h>
#include <tgmath.h>

/* What the rows use beside elementary.h. A NaN is not clamped. */
#define CLAMP(z, below, above)                                                                     \
    ((z) < -(T)(below) ? -(T)(below) : (z) > (T)(above) ? (T)(above) : (z))

/* Before a loop whose arrays may be one and the same, so that each element depends on itself. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* A slope's expression names either z or a, so that one value serves for both. */
#define ACTIVATION(name, formula, citation, lower, upper, max_slope, from_output, max_ulp, phi,    \
                   slope)                                                                          \
    FI_CLONES static void name##_forward(size_t n, const fi_real *zs, fi_real *as)                 \
    {                                                                                              \
        typedef fi_real T;                                                                         \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                 \
        {                                                                                          \
            const T z = zs[i];                                                                     \
            as[i] = (phi);                                                                         \
        }                                                                                          \
    }                                                                                              \
    FI_CLONES static void name##_backward(size_t n, const fi_real *zs, const fi_real *as,          \
                                          const fi_real *da, fi_real *dz)                          \
    {                                                                                              \
        typedef fi_real T;                                                                         \
        const T *const given = (from_output) ? as : zs;                                            \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                 \
        {                                                                                          \
            const T z = given[i], a = z;                                                           \
            dz[i] = (slope)*da[i];                                                                 \
            (void)a;                                                                               \
        }                                                                                          \
    }                                                                                              \
    static double name##_phi(double z)                                                             \
    {                                                                                              \
        typedef double T;                                                                          \
        return (T)(phi);                                                                           \
    }                                                                                              \
    static double name##_slope(double z)                                                           \
    {                                                                                              \
        typedef double T;                                                                          \
        const T a = (from_output) ? name##_phi(z) : z;                                             \
        (void)a;                                                                                   \
        return (T)(slope);                                                                         \
    }
#include "activations.def"
#undef ACTIVATION

/* tanh by the fastest instructions that the processor has. */
static void tanh_forward_here(size_t n, const fi_real *z, fi_real *a)
{
    size_t done = 0;
#if defined(__x86_64__) && !defined(FI_DOUBLE)
    const fi_instructions best = fi_instructions_here();
    if (best == FI_WITH_AVX512)
        done = fi_tanh_strips_avx512(n, z, a);
    else if (best == FI_WITH_AVX2)
        done = fi_tanh_strips_avx2(n, z, a);
#endif
    tanh_forward(n - done, z + done, a + done);
}
#define tanh_forward tanh_forward_here /* of the row below */

static const fi_activation rows[] = {
#define ACTIVATION(name, formula, citation, lower, upper, max_slope, from_output, max_ulp, phi,    \
                   slope)                                                                          \
    {#name,       formula,        citation,        lower,      upper,       max_slope,             \
     from_output, name##_forward, name##_backward, name##_phi, name##_slope},
#include "activations.def"
#undef ACTIVATION
};

const fi_activation *fi_activations(size_t *count)
{
    *count = sizeof rows / sizeof *rows;
    return rows;
}

const fi_activation *fi_activation_find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
