/* Status and messages: each thread keeps the message of its last failure. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local char message[1024];

fi_status fi_fail(fi_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *c = message; *c;
         c++) /* a name from outside may hold anything; a message is one line */
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return status;
}

fi_status fi_fail_memory(size_t bytes, const char *what)
{
    return fi_fail(FI_ENOMEM,
                   "the system refused %.1f MiB of memory for %s; use fewer --jobs, or a smaller "
                   "--samples, --width or --depth",
                   (double)bytes / 1048576.0, what);
}

const char *fi_message(void)
{
    return message;
}

const char *fi_version(void)
{
    return FI_VERSION;
}

_Noreturn void fi_abort(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: a caller's bug: not (%s)\n", file, line, condition);
    abort();
}
