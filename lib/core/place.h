/* Where threads run. */
#ifndef FI_CORE_PLACE_H
#define FI_CORE_PLACE_H

#include "../fanin.h"

/* Processors this process may run on, at least 1. */
unsigned fi_processors(void);

/* The processor that the calling thread is on, -1 if that cannot be known. */
int fi_processor_here(void);

/*
 * If the calling thread is on processor `from`, moves it to the one that is `distance` after that,
 * going round those that it may run on, and leaves it free to be moved on. For threads just begun:
 * the system may leave one for tens of milliseconds beside the thread that began it, and another
 * processor idle.
 */
void fi_place_off(int from, size_t distance);

#endif
