/*
 * Workers: threads that take numbered items in order. Which thread does an item changes nothing.
 * Where there are more jobs than items, those left over join the workers' teams.
 */
#define _GNU_SOURCE
#include "workers.h"
#include "internal.h"
#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t interrupted;

struct crew {
    pthread_mutex_t lock;
    size_t next, finished, count, failed_item;
    size_t threads; /* of the workers that have not begun, each with its team */
    size_t workers; /* so many */
    fi_status status;
    char message[1024];
    fi_work work;
    void *context;
    void (*done)(size_t finished, size_t count);
};

/* The next item, or `count` when there is nothing left to begin. */
static size_t take_item(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    const size_t item = crew->status == FI_OK && !interrupted && crew->next < crew->count
                            ? crew->next++
                            : crew->count;
    pthread_mutex_unlock(&crew->lock);
    return item;
}

/* An equal part of the threads that are left. */
static size_t take_threads(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    const size_t members = crew->threads / crew->workers;
    crew->threads -= members;
    crew->workers--;
    pthread_mutex_unlock(&crew->lock);
    return members;
}

static void report(struct crew *crew, size_t item, fi_status status)
{
    pthread_mutex_lock(&crew->lock);
    if (status == FI_OK) {
        crew->finished++;
        if (crew->done)
            crew->done(crew->finished, crew->count);
    } else if (crew->status == FI_OK || item < crew->failed_item) {
        crew->status = status;
        crew->failed_item = item;
        strncpy(crew->message, fi_message(), sizeof crew->message - 1);
    }
    pthread_mutex_unlock(&crew->lock);
}

static void *serve(void *argument)
{
    struct crew *crew = argument;
    fi_arena *arena = NULL;
    const fi_status status = fi_arena_new(&arena);
    if (status != FI_OK) {
        report(crew, 0, status);
        return NULL;
    }
    fi_team *const team = fi_team_begin(take_threads(crew));
    for (size_t item; (item = take_item(crew)) < crew->count;) {
        report(crew, item, crew->work(crew->context, item, arena));
        fi_arena_reset(arena);
    }
    fi_team_end(team);
    fi_arena_free(arena);
    return NULL;
}

fi_status fi_workers_run(unsigned jobs, size_t count, fi_work work, void *context,
                         void (*done)(size_t finished, size_t count))
{
    FI_REQUIRE(jobs > 0);
    const unsigned processors = fi_workers_available();
    const size_t workers = count == 0 ? 1 : jobs < count ? jobs : count;
    const size_t helpers = workers - 1;
    struct crew crew = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .count = count,
        .threads = jobs < processors ? jobs : processors,
        .workers = workers,
        .work = work,
        .context = context,
        .done = done,
    };
    pthread_t *threads = calloc(helpers + 1, sizeof *threads);
    if (!threads)
        return fi_fail_memory((helpers + 1) * sizeof *threads, "the list of workers");
    size_t started = 0; /* a refused thread is no failure: the others do its share */
    while (started < helpers && pthread_create(&threads[started], NULL, serve, &crew) == 0)
        started++;
    serve(&crew);
    for (size_t k = 0; k < started; k++)
        pthread_join(threads[k], NULL);
    free(threads);
    if (crew.status != FI_OK)
        return fi_fail(crew.status, "%s", crew.message);
    if (crew.finished < count)
        return fi_fail(FI_EINTERRUPTED, "interrupted after %zu of %zu cells; nothing was written",
                       crew.finished, count);
    return FI_OK;
}

void fi_workers_interrupt(void)
{
    interrupted = 1;
}

bool fi_workers_interrupted(void)
{
    return interrupted != 0;
}

unsigned fi_workers_available(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}
