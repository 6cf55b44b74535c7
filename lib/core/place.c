/* Where threads run: as Linux has it. */
#define _GNU_SOURCE
#include "place.h"

#include <sched.h>

unsigned fi_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

int fi_processor_here(void)
{
    return sched_getcpu();
}

void fi_place_off(int from, size_t distance)
{
    cpu_set_t allowed, only;
    if (from < 0 || from >= CPU_SETSIZE || sched_getcpu() != from ||
        sched_getaffinity(0, sizeof allowed, &allowed) != 0 || !CPU_ISSET(from, &allowed))
        return;
    int target = from;
    for (size_t left = distance % (size_t)CPU_COUNT(&allowed); left > 0; left--)
        do
            target = (target + 1) % CPU_SETSIZE;
        while (!CPU_ISSET(target, &allowed));
    CPU_ZERO(&only);
    CPU_SET(target, &only);
    if (target != from && sched_setaffinity(0, sizeof only, &only) == 0)
        (void)sched_setaffinity(0, sizeof allowed, &allowed);
}
