/* Where threads run: one is moved off a processor, and only off that, and stays free to move. */
#define _GNU_SOURCE
#include "core/place.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>

static cpu_set_t allowed(void)
{
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

/* How often of 100 times a thread on `here` is then on `expected`: the system may move it too. */
static int arrivals(int here, int from, size_t distance, int expected)
{
    const cpu_set_t before = allowed();
    int arrived = 0;
    for (int k = 0; k < 100; k++) {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(here, &only);
        cr_assert_eq(sched_setaffinity(0, sizeof only, &only), 0);
        cr_assert_eq(fi_processor_here(), here);
        cr_assert_eq(sched_setaffinity(0, sizeof before, &before), 0);
        fi_place_off(from, distance);
        arrived += fi_processor_here() == expected;
        const cpu_set_t after = allowed();
        cr_assert(CPU_EQUAL(&before, &after), "it is no longer free to move");
    }
    return arrived;
}

Test(place, moves_a_thread_off_a_processor)
{
    const cpu_set_t set = allowed();
    const size_t count = fi_processors();
    cr_assert_eq(count, CPU_COUNT(&set));
    int list[CPU_SETSIZE];
    size_t n = 0;
    for (int k = 0; k < CPU_SETSIZE; k++)
        if (CPU_ISSET(k, &set))
            list[n++] = k;
    if (n < 2) {
        printf("skipped: moving a thread, as there is one processor\n");
        return;
    }
    const int first = list[0], second = list[1], last = list[n - 1];
    cr_expect(arrivals(first, first, 1, second) > 60);
    cr_expect(arrivals(last, last, 1, first) > 60, "round the end");
    cr_expect(arrivals(first, first, n + 1, second) > 60, "more than once round");
    cr_expect(arrivals(second, second, n, second) > 60, "once round");
    cr_expect(arrivals(first, second, 1, first) > 60, "it was not on that one");
}

Test(place, leaves_a_thread_elsewhere_alone)
{
    const cpu_set_t before = allowed();
    cpu_set_t only;
    const int here = fi_processor_here();
    CPU_ZERO(&only);
    CPU_SET(here, &only);
    cr_assert_eq(sched_setaffinity(0, sizeof only, &only), 0);
    fi_place_off(here + 1, 1);
    fi_place_off(-1, 1);
    fi_place_off(CPU_SETSIZE, 1);
    fi_place_off(here, 1); /* there is no other */
    cr_expect_eq(fi_processor_here(), here);
    const cpu_set_t after = allowed();
    cr_expect(CPU_EQUAL(&only, &after));
    cr_assert_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
