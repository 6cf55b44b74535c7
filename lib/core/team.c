/*
 * Teams. Pieces of work follow each other within microseconds, so members look out for the next one
 * for a while before they sleep.
 */
#define _GNU_SOURCE
#include "team.h"
#include "internal.h"
#include "place.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    SHORT = 4000, /* steps of waiting that do not give way: some 50 us */
    AWAKE = 20000 /* after so many a member sleeps */
};

struct fi_team {
    size_t members, started;
    bool asked; /* for threads */
    pthread_t *threads;
    fi_share share;
    void *context;
    size_t sharing;      /* members of the current work */
    atomic_size_t work;  /* its number, from 1 */
    atomic_size_t ready; /* members that have finished it */
    atomic_bool over;
    pthread_mutex_t lock;
    pthread_cond_t news;
};

struct member {
    fi_team *team;
    size_t number;
    int leader; /* the processor that it was on */
};

static _Thread_local fi_team *led;

void fi_team_pause(unsigned *waited)
{
    if (++*waited % 64 == 0 && *waited > SHORT)
        sched_yield();
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

/* The number of the next work after `seen`, or `seen` when the team is over. */
static size_t await_work(fi_team *team, size_t seen)
{
    unsigned waited = 0;
    while (waited < AWAKE) {
        if (atomic_load_explicit(&team->over, memory_order_acquire))
            return seen;
        const size_t work = atomic_load_explicit(&team->work, memory_order_acquire);
        if (work != seen)
            return work;
        fi_team_pause(&waited);
    }
    pthread_mutex_lock(&team->lock);
    while (atomic_load(&team->work) == seen && !atomic_load(&team->over))
        pthread_cond_wait(&team->news, &team->lock);
    const size_t work = atomic_load(&team->over) ? seen : atomic_load(&team->work);
    pthread_mutex_unlock(&team->lock);
    return work;
}

static void *serve(void *argument)
{
    struct member *const member = argument;
    fi_team *const team = member->team;
    const size_t number = member->number;
    fi_place_off(member->leader, number);
    free(member);
    for (size_t seen = 0, work; (work = await_work(team, seen)) != seen; seen = work) {
        if (number < team->sharing)
            team->share(team->context, number, team->sharing);
        atomic_fetch_add_explicit(&team->ready, 1, memory_order_release);
    }
    return NULL;
}

static bool start(fi_team *team, size_t number)
{
    struct member *const member = malloc(sizeof *member);
    if (!member)
        return false;
    *member = (struct member){team, number, fi_processor_here()};
    if (pthread_create(&team->threads[number - 1], NULL, serve, member) == 0)
        return true;
    free(member);
    return false;
}

fi_team *fi_team_begin(size_t members)
{
    FI_REQUIRE(!led);
    if (members < 2)
        return NULL;
    fi_team *team = calloc(1, sizeof *team);
    pthread_t *threads = calloc(members - 1, sizeof *threads);
    if (!team || !threads) {
        free(team);
        free(threads);
        return NULL;
    }
    team->members = members;
    team->threads = threads;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->news, NULL);
    return led = team;
}

void fi_team_end(fi_team *team)
{
    if (!team)
        return;
    FI_REQUIRE(led == team);
    led = NULL;
    pthread_mutex_lock(&team->lock);
    atomic_store(&team->over, true);
    pthread_cond_broadcast(&team->news);
    pthread_mutex_unlock(&team->lock);
    for (size_t k = 0; k < team->started; k++)
        pthread_join(team->threads[k], NULL);
    pthread_cond_destroy(&team->news);
    pthread_mutex_destroy(&team->lock);
    free(team->threads);
    free(team);
}

size_t fi_team_members(void)
{
    return led ? led->members : 1;
}

static void start_all(fi_team *team)
{
    while (!team->asked && team->started + 1 < team->members && start(team, team->started + 1))
        team->started++;
    team->asked = true;
    team->members = team->started + 1;
}

static void announce(fi_team *team)
{
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add_explicit(&team->work, 1, memory_order_release);
    pthread_cond_broadcast(&team->news);
    pthread_mutex_unlock(&team->lock);
}

void fi_team_share(size_t most, fi_share share, void *context)
{
    fi_team *const team = led;
    if (team && most > 1)
        start_all(team);
    if (!team || most < 2 || team->members < 2) {
        share(context, 0, 1);
        return;
    }
    team->share = share;
    team->context = context;
    team->sharing = most < team->members ? most : team->members;
    atomic_store_explicit(&team->ready, 0, memory_order_relaxed);
    announce(team);
    led = NULL;
    share(context, 0, team->sharing);
    led = team;
    for (unsigned waited = 0;
         atomic_load_explicit(&team->ready, memory_order_acquire) < team->started;)
        fi_team_pause(&waited);
}
