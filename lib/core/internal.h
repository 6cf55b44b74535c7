/*
 * What every room of the library uses and no caller sees: failing with a message, the check for a
 * caller's bug, and the marks for functions compiled once per instruction set.
 */
#ifndef FI_CORE_INTERNAL_H
#define FI_CORE_INTERNAL_H

#include "../fanin.h"

/* Keeps the message for fi_message() and returns `status`. Say: given, expected, what to do. */
fi_status fi_fail(fi_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "the system refused N MiB for WHAT": every refusal of memory reads alike. */
fi_status fi_fail_memory(size_t bytes, const char *what);

_Noreturn void fi_abort(const char *file, int line, const char *condition);

/* Holds unless the caller has a bug; aborts with file and line. */
#define FI_REQUIRE(condition) ((condition) ? (void)0 : fi_abort(__FILE__, __LINE__, #condition))

/* Passes a failure on to the caller. */
#define FI_TRY(call)                                                                               \
    do {                                                                                           \
        const fi_status fi_try_status = (call);                                                    \
        if (fi_try_status != FI_OK)                                                                \
            return fi_try_status;                                                                  \
    } while (0)

/*
 * A function with this mark is compiled for AVX-512, AVX2 and the baseline, and the loader picks.
 * The clones give the same bits: no reassociation is allowed (no -ffast-math), contraction is off
 * and every fused multiply-add is written fma. Sanitizers do not survive the loader's resolvers.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&      \
    !defined(__clang__)
#define FI_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FI_CLONES
#endif

/*
 * For functions in intrinsics, which are called only where the processor has the instructions. Of
 * AVX-512 it is what every one with 512-bit vectors has but Xeon Phi: x86-64-v4.
 */
typedef enum fi_instructions {
    FI_PORTABLE,
    FI_WITH_AVX2,
    FI_WITH_AVX512
} fi_instructions;

/* The most of them; each has those before it. */
static inline fi_instructions fi_instructions_here(void)
{
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return FI_PORTABLE;
    const bool all = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vl");
    return all ? FI_WITH_AVX512 : FI_WITH_AVX2;
#else
    return FI_PORTABLE;
#endif
}

#ifdef __x86_64__
/* UBSan's checks of unrolled loops take minutes to compile; the addresses are still checked. */
#define FI_UNROLLED no_sanitize("undefined")
#define FI_AVX2_TARGET target("avx2,fma")
#define FI_AVX2 __attribute__((FI_AVX2_TARGET, FI_UNROLLED))
#define FI_AVX2_INLINE static inline __attribute__((FI_AVX2_TARGET, FI_UNROLLED, always_inline))
#define FI_AVX512_TARGET target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma")
#define FI_AVX512 __attribute__((FI_AVX512_TARGET, FI_UNROLLED))
#define FI_AVX512_INLINE static inline __attribute__((FI_AVX512_TARGET, FI_UNROLLED, always_inline))
/* Keeps a vector in a register, where the compiler would load it anew for every use. */
#define FI_IN_REGISTER(v) __asm__("" : "+v"(v))
#endif

/* Asks for memory that is read soon, into the first cache; there may be none. */
static inline void fi_ask_for(const void *memory, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        __builtin_prefetch((const char *)memory + line);
}

/* sqrt, exp ... of an fi_real, and its literals. */
#ifdef FI_DOUBLE
#define FI_REAL(literal) literal
#else
#define FI_REAL(literal) literal##f
#endif

#endif
