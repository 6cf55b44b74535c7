/* Finds CBLAS and LAPACK: inside the program, or in libfanin-blas, which lies beside libfanin. */
#define _GNU_SOURCE
#include "../core/internal.h"
#include "blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libfanin-blas.so.0"

static const fi_blas *found;
static char reason[256];

/* The library beside the one that this is in or, if there is none, where the loader looks. */
static void *open_library(void)
{
    Dl_info here;
    char path[4096];
    const char *const name = dladdr(reason, &here) ? here.dli_fname : NULL;
    const char *const slash = name ? strrchr(name, '/') : NULL;
    if (!slash || slash - name + sizeof "/" LIBRARY > sizeof path)
        return dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    snprintf(path, sizeof path, "%.*s/" LIBRARY, (int)(slash - name), name);
    return dlopen(access(path, F_OK) == 0 ? path : LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

static void find(void)
{
    if (&fi_blas_functions) {
        found = &fi_blas_functions;
    } else {
        void *const library = open_library();
        found = library ? dlsym(library, "fi_blas_functions") : NULL;
        const char *const error = found ? NULL : dlerror();
        snprintf(reason, sizeof reason, "%s", error ? error : "not a library of fanin's");
    }
    if (found)
        found->single_thread();
}

fi_status fi_blas_find(const fi_blas **blas)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find);
    *blas = found;
    if (found)
        return FI_OK;
    return fi_fail(FI_EIO,
                   "CBLAS and LAPACK cannot be loaded (%s); " LIBRARY
                   " belongs beside libfanin, and what it is linked to where the loader "
                   "looks",
                   reason);
}
