/*
 * Workers: threads that take numbered items in order. Which thread does an item changes nothing.
 * Where there are more jobs than items, those left over join the workers' teams.
 */
#include "workers.h"
#include "internal.h"
#include "place.h"
#include "team.h"

#include <pthread.h>
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

static void serve(struct crew *crew)
{
    fi_arena *arena = NULL;
    const fi_status status = fi_arena_new(&arena);
    if (status != FI_OK) {
        report(crew, 0, status);
        return;
    }
    fi_team *const team = fi_team_begin(take_threads(crew));
    for (size_t item; (item = take_item(crew)) < crew->count;) {
        report(crew, item, crew->work(crew->context, item, arena));
        fi_arena_reset(arena);
    }
    fi_team_end(team);
    fi_arena_free(arena);
}

/* A worker other than the caller. */
struct helper {
    struct crew *crew;
    pthread_t thread;
    int caller;      /* the processor that it was on */
    size_t distance; /* how far from there this one's team begins */
};

static void *help(void *argument)
{
    const struct helper *const helper = argument;
    fi_place_off(helper->caller, helper->distance);
    serve(helper->crew);
    return NULL;
}

fi_status fi_workers_run(unsigned jobs, size_t count, fi_work work, void *context,
                         void (*done)(size_t finished, size_t count))
{
    FI_REQUIRE(jobs > 0);
    const unsigned processors = fi_processors();
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
    struct helper *helper = calloc(helpers + 1, sizeof *helper);
    if (!helper)
        return fi_fail_memory((helpers + 1) * sizeof *helper, "the list of workers");
    const size_t apart = crew.threads > workers ? crew.threads / workers : 1;
    const int here = fi_processor_here();
    size_t started = 0; /* a refused thread is no failure: the others do its share */
    for (; started < helpers; started++) {
        helper[started] =
            (struct helper){.crew = &crew, .caller = here, .distance = (started + 1) * apart};
        if (pthread_create(&helper[started].thread, NULL, help, &helper[started]) != 0)
            break;
    }
    serve(&crew);
    for (size_t k = 0; k < started; k++)
        pthread_join(helper[k].thread, NULL);
    free(helper);
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
