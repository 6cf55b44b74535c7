/*
 * What the writers and the readers of records share. How they call HDF5: the lock, silence, and the
 * deepest message of its stack of errors. And a record as a file: opened, checked and closed, or
 * written beside the old one, which it replaces.
 */
#define _GNU_SOURCE
#include "record.h"

#include "../core/internal.h"
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACKED (H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)

/* ---- calls of HDF5 --------------------------------------------------------------------------- */

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

hid_t fi_hdf5_creation(hid_t class)
{
    const hid_t properties = fi_hdf5(H5Pcreate(class));
    fi_hdf5(H5Pset_attr_creation_order(properties, TRACKED));
    fi_hdf5(H5Pset_obj_track_times(properties, false));
    if (class != H5P_DATASET_CREATE)
        fi_hdf5(H5Pset_link_creation_order(properties, TRACKED));
    return properties;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The whole file, down to the system; what failed is in fi_hdf5_failure(). */
static void write_file(const char *path, void (*write)(hid_t file, const void *content),
                       const void *content)
{
    const hid_t access = fi_hdf5_access();
    fi_hdf5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));
    const hid_t properties = fi_hdf5_creation(H5P_FILE_CREATE);
    const hid_t file = fi_hdf5(H5Fcreate(path, H5F_ACC_TRUNC, properties, access));
    if (file >= 0) {
        write(file, content);
        fi_hdf5(H5Fflush(file, H5F_SCOPE_LOCAL));
        fi_hdf5(H5Fclose(file));
    }
    fi_hdf5(H5Pclose(properties));
    fi_hdf5(H5Pclose(access));
}

fi_status fi_record_write(const char *path, void (*write)(hid_t file, const void *content),
                          const void *content)
{
    fi_replacement replacement;
    FI_TRY(fi_replacement_begin(&replacement, path));
    char reason[256] = "";
    fi_hdf5_enter();
    write_file(replacement.temporary, write, content);
    if (fi_hdf5_failure())
        snprintf(reason, sizeof reason, "%s", fi_hdf5_failure());
    fi_hdf5_leave();
    if (reason[0] == '\0')
        return fi_replacement_commit(&replacement);
    fi_replacement_discard(&replacement);
    return fi_fail(FI_EIO,
                   "cannot write '%s': %s; nothing was changed: free some space or give another "
                   "file name",
                   path, reason);
}

/* FI_EIO unless the path is a file that can be read. */
static fi_status check_file(const fi_reader *reader)
{
    struct stat found;
    const int file = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fi_fail(FI_EIO, "cannot open '%s': %s; give %s", reader->path, strerror(errno),
                       reader->wanted);
    const bool regular = fstat(file, &found) == 0 && S_ISREG(found.st_mode);
    close(file);
    return regular ? FI_OK
                   : fi_fail(FI_EIO, "cannot read '%s': it is not a regular file; give %s",
                             reader->path, reader->wanted);
}

fi_status fi_record_read(fi_reader *reader, void (*read)(fi_reader *reader, hid_t file))
{
    reader->status = check_file(reader);
    if (reader->status != FI_OK)
        return reader->status;
    fi_hdf5_enter();
    const bool is_hdf5 = H5Fis_hdf5(reader->path) > 0;
    const hid_t access = fi_hdf5_access();
    const hid_t file = is_hdf5 ? fi_hdf5(H5Fopen(reader->path, H5F_ACC_RDONLY, access)) : -1;
    if (file >= 0) {
        read(reader, file);
        fi_hdf5(H5Fclose(file));
    }
    fi_hdf5(H5Pclose(access));
    if (reader->status == FI_OK && !is_hdf5)
        reader->status =
            fi_fail(FI_EDATA, "'%s' is not an HDF5 file; give %s", reader->path, reader->wanted);
    else if (reader->status == FI_OK && fi_hdf5_failure())
        reader->status =
            fi_fail(FI_EDATA, "cannot read '%s': %s; it may be damaged: write it again",
                    reader->path, fi_hdf5_failure());
    fi_hdf5_leave();
    return reader->status;
}
