/* Workers: threads that take numbered items in order and each own an arena. */
#ifndef FI_CORE_WORKERS_H
#define FI_CORE_WORKERS_H

#include "../fanin.h"

/* Does item `item` with the worker's arena, which is reset after it. */
typedef fi_status (*fi_work)(void *context, size_t item, fi_arena *arena);

/*
 * Does items 0 .. count - 1 on `jobs` threads; if they are more than the items, an item is done by
 * a team (team.h), and threads are no more than processors. After a failure or an interruption no
 * new item is begun; the status and message returned are those of the lowest failed item. `done`,
 * if not NULL, is called after each item, by one thread at a time.
 */
FI_CHECKED fi_status fi_workers_run(unsigned jobs, size_t count, fi_work work, void *context,
                                    void (*done)(size_t finished, size_t count));

/* Asks all running workers to stop after their current items; safe in a signal handler. */
void fi_workers_interrupt(void);

/* Whether that has been asked: an item that takes long may look, and fail with FI_EINTERRUPTED. */
bool fi_workers_interrupted(void);

#endif
