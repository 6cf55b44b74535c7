/*
 * How the writer and the reader of records call HDF5: the lock, silence, and the deepest message of
 * its stack of errors.
 */
#include "record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char failure[256];
static H5E_auto2_t printer; /* the caller's, put back at the end */
static void *printer_data;

void fi_hdf5_enter(void)
{
    static bool started;
    pthread_mutex_lock(&lock);
    if (!started) /* the first call of all, or after a full disk HDF5 crashes in exit() */
        (void)H5dont_atexit();
    started = true;
    failure[0] = '\0';
    (void)H5Eget_auto2(H5E_DEFAULT, &printer, &printer_data);
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void fi_hdf5_leave(void)
{
    (void)H5Eset_auto2(H5E_DEFAULT, printer, printer_data);
    pthread_mutex_unlock(&lock);
}

/* Keeps the first error it is shown, which is the deepest. */
static herr_t keep(unsigned depth, const H5E_error2_t *error, void *unused)
{
    (void)unused;
    if (depth > 0)
        return 0;
    const char *const description = error->desc ? error->desc : "";
    const char *const number = strstr(description, "errno = ");
    if (number)
        snprintf(failure, sizeof failure, "%s",
                 strerror((int)strtol(number + strlen("errno = "), NULL, 10)));
    else
        snprintf(failure, sizeof failure, "HDF5: %s", description);
    return 0;
}

hid_t fi_hdf5(hid_t result)
{
    if (result >= 0 || failure[0] != '\0')
        return result;
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep, NULL);
    fi_hdf5_fail("HDF5 gave no reason");
    return result;
}

void fi_hdf5_fail(const char *reason)
{
    if (failure[0] == '\0')
        snprintf(failure, sizeof failure, "%s", reason);
}

const char *fi_hdf5_failure(void)
{
    return failure[0] != '\0' ? failure : NULL;
}

hid_t fi_hdf5_access(void)
{
    const hid_t access = fi_hdf5(H5Pcreate(H5P_FILE_ACCESS));
    fi_hdf5(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG));
    fi_hdf5(H5Pset_file_locking(access, false, true));
    return access;
}
