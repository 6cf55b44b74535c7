/* The log: one line of JSON for each evaluation, written as it is made. */
#define _GNU_SOURCE
#include "train.h"

#include "../core/internal.h"
#include "dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static int failure; /* errno of the first line that could not be written; 0: none */

fi_status fi_train_log_open(fi_train_context *context)
{
    const char *path = context->options->log;
    if (!path)
        return FI_OK;
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    failure = 0;
    context->log = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    return context->log
               ? FI_OK
               : fi_fail(FI_EIO, "cannot open '%s' for the log: %s", path, strerror(errno));
}

fi_status fi_train_log_close(fi_train_context *context)
{
    FILE *log = context->log;
    if (!log)
        return FI_OK;
    context->log = NULL;
    const int closing = fclose(log) == 0 ? 0 : errno;
    if (failure || closing)
        return fi_fail(FI_EIO, "cannot write the log '%s': %s", context->options->log,
                       strerror(failure ? failure : closing));
    return FI_OK;
}

/* "name":value; a value that JSON has no number for is null. */
static void put_number(FILE *log, const char *name, double value)
{
    char text[FI_NUMBER_TEXT];
    fi_number_text(value, text);
    fprintf(log, ",\"%s\":%s", name, isfinite(value) ? text : "null");
}

static void put_axis(FILE *log, const fi_axis *axis, size_t position)
{
    if (axis->labels)
        fprintf(log, ",\"%s\":\"%s\"", axis->name, axis->labels[position]);
    else
        put_number(log, axis->name, fi_axis_number(axis, position));
}

/* Lines of runs that go on at once do not mix. */
void fi_train_log(const fi_train_context *context, const size_t *position, const fi_trainer *t,
                  size_t point)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const fi_dataset *dataset = context->dataset;
    FILE *log = context->log;
    const size_t axes = context->scheme->n_axes;
    if (!log)
        return;
    pthread_mutex_lock(&lock);
    if (ftello(log) == 0)
        (void)!ftruncate(fileno(log), 0); /* a device or pipe has nothing to cut */
    fprintf(log, "{\"study\":\"%s\"", context->scheme->name);
    for (size_t k = 0; k < axes; k++)
        put_axis(log, &dataset->axes[k], position[k]);
    put_number(log, "seed", (double)t->recipe->seed);
    for (size_t v = FI_TRAIN_SECONDS; v <= FI_TRAIN_GRADIENT_NORM; v++)
        if (v != FI_TRAIN_SECONDS || context->options->clock)
            put_number(log, dataset->variables[v].name, t->slots[v][point]);
    fputs("}\n", log);
    if (fflush(log) != 0 && !failure)
        failure = errno; /* told when the log is closed */
    pthread_mutex_unlock(&lock);
}
