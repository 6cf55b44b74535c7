/* Regular files of known length, read at an offset, and what is said where that cannot be. */
#define _GNU_SOURCE
#include "file.h"
#include "../core/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static fi_status fail_io(const char *path, const char *verb)
{
    return fi_fail(FI_EIO, "cannot %s '%s': %s", verb, path, strerror(errno));
}

/* A pipe has no length to check: it is refused. */
static fi_status examine(fi_file *file, const char *kind)
{
    struct stat about;
    if (fstat(file->descriptor, &about) != 0)
        return fail_io(file->path, "examine");
    if (S_ISDIR(about.st_mode))
        return fi_fail(FI_EIO, "'%s' is a directory; give the path of one %s", file->path, kind);
    if (!S_ISREG(about.st_mode))
        return fi_fail(FI_EIO, "'%s' is a pipe or device; save the data to a file and give that",
                       file->path);
    file->length = (uint64_t)about.st_size;
    return FI_OK;
}

fi_status fi_file_open(fi_file *file, const char *path, const char *kind)
{
    /* a pipe without a writer: do not wait */
    *file = (fi_file){.path = path, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->descriptor < 0)
        return fail_io(path, "open");
    const fi_status status = examine(file, kind);
    if (status != FI_OK)
        fi_file_close(file);
    return status;
}

fi_status fi_file_read(const fi_file *file, uint64_t offset, uint64_t n, uint8_t *bytes)
{
    for (uint64_t done = 0; done < n;) {
        const ssize_t got = pread(file->descriptor, bytes + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_io(file->path, "read");
        if (got == 0)
            return fi_fail(FI_EIO, "'%s' became shorter while it was read; try again", file->path);
        done += (uint64_t)got;
    }
    return FI_OK;
}

void fi_file_close(const fi_file *file)
{
    close(file->descriptor);
}
