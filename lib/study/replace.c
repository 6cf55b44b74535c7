/* Replacing a file as a whole: TARGET.tmp, fsync, rename, fsync of the folder. */
#define _GNU_SOURCE
#include "replace.h"
#include "../core/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fills `target`, and `mode` with the permissions of the file there (0: none yet). */
static fi_status resolve(fi_replacement *replacement, const char *path, mode_t *mode)
{
    struct stat found;
    const size_t length = strlen(path);
    *mode = 0;
    if (length == 0 || path[length - 1] == '/')
        return fi_fail(FI_EIO, "cannot write '%s': this names no file; add a file name", path);
    if (length + sizeof ".tmp" > sizeof replacement->target)
        return fi_fail(FI_EIO, "cannot write '%.60s...': %s; give a shorter path", path,
                       strerror(ENAMETOOLONG));
    if (stat(path, &found) == 0) {
        if (!S_ISREG(found.st_mode))
            return fi_fail(
                FI_EIO, "cannot write '%s': it is %s, not a regular file; give another file name",
                path, S_ISDIR(found.st_mode) ? "a folder" : "a device or pipe");
        if (access(path, W_OK) != 0)
            return fi_fail(FI_EIO, "cannot write '%s': %s; chmod u+w it or give another file name",
                           path, strerror(errno));
        *mode = found.st_mode & 07777;
        if (!realpath(path, replacement->target))
            return fi_fail(FI_EIO, "cannot resolve '%s': %s; give another file name", path,
                           strerror(errno));
        return FI_OK;
    }
    if (lstat(path, &found) == 0)
        return fi_fail(FI_EIO,
                       "cannot write '%s': it is a symbolic link to nothing; remove it or give "
                       "another file name",
                       path);
    memcpy(replacement->target, path, length + 1);
    return FI_OK;
}

/* Fills `folder`, and makes it if its own folder exists. */
static fi_status make_folder(fi_replacement *replacement)
{
    const char *const slash = strrchr(replacement->target, '/');
    const size_t length = slash ? (size_t)(slash - replacement->target) : 0;
    if (!slash)
        strcpy(replacement->folder, ".");
    else if (length == 0)
        strcpy(replacement->folder, "/");
    else {
        memcpy(replacement->folder, replacement->target, length);
        replacement->folder[length] = '\0';
    }
    if (access(replacement->folder, F_OK) == 0 || errno != ENOENT ||
        mkdir(replacement->folder, 0777) == 0 || errno == EEXIST)
        return FI_OK;
    return fi_fail(FI_EIO, "cannot make the folder '%s': %s; make it or give another file name",
                   replacement->folder, strerror(errno));
}

/* Is the file under the temporary name still the one that is open and locked here? */
static bool locked_alone(const fi_replacement *replacement)
{
    struct stat named, opened;
    if (flock(replacement->file, LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK; /* a file system without locks */
    return stat(replacement->temporary, &named) == 0 && fstat(replacement->file, &opened) == 0 &&
           named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

fi_status fi_replacement_begin(fi_replacement *replacement, const char *path)
{
    mode_t mode = 0;
    struct stat opened;
    FI_TRY(resolve(replacement, path, &mode));
    FI_TRY(make_folder(replacement));
    if (snprintf(replacement->temporary, sizeof replacement->temporary, "%s.tmp",
                 replacement->target) >= (int)sizeof replacement->temporary)
        return fi_fail(FI_EIO, "cannot write '%.60s...': %s; give a shorter path", path,
                       strerror(ENAMETOOLONG));
    replacement->file =
        open(replacement->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (replacement->file < 0)
        return fi_fail(FI_EIO,
                       "cannot create '%s': %s; make the folder writable or give another file name",
                       replacement->temporary, strerror(errno));
    const bool regular = fstat(replacement->file, &opened) == 0 && S_ISREG(opened.st_mode);
    if (!regular || !locked_alone(replacement)) {
        close(replacement->file);
        return fi_fail(FI_EIO, "cannot write '%s': '%s' is %s; give another file name", path,
                       replacement->temporary,
                       regular ? "being written by another process" : "not a regular file");
    }
    if (mode && fchmod(replacement->file, mode) != 0 && errno != EPERM) {
        const int error = errno;
        fi_replacement_discard(replacement);
        return fi_fail(FI_EIO, "cannot set the permissions of '%s': %s; give another file name",
                       replacement->temporary, strerror(error));
    }
    return FI_OK;
}

fi_status fi_replacement_commit(fi_replacement *replacement)
{
    if (fsync(replacement->file) != 0 || rename(replacement->temporary, replacement->target) != 0) {
        const int error = errno;
        fi_replacement_discard(replacement);
        return fi_fail(FI_EIO,
                       "cannot write '%s': %s; nothing was changed: free some space or give "
                       "another file name",
                       replacement->target, strerror(error));
    }
    close(replacement->file);
    const int folder = open(replacement->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) /* a folder that may be written but not read */
        return FI_OK;
    const bool synced = fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP;
    const int error = errno;
    close(folder);
    return synced ? FI_OK
                  : fi_fail(FI_EIO,
                            "'%s' is written, but a power failure may still undo it: cannot sync "
                            "its folder: %s; run again",
                            replacement->target, strerror(error));
}

void fi_replacement_discard(fi_replacement *replacement)
{
    unlink(replacement->temporary);
    close(replacement->file);
}

fi_status fi_replacement_try(const char *path)
{
    fi_replacement trial;
    FI_TRY(fi_replacement_begin(&trial, path));
    fi_replacement_discard(&trial);
    return FI_OK;
}
