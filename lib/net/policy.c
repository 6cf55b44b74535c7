/* Learning-rate policies: the rows of policies.def. */
#include "../core/internal.h"

#include <math.h>
#include <string.h>

static double steps_up_to(const fi_schedule *schedule, double t)
{
    size_t count = 0;
    while (count < schedule->n_steps && (double)schedule->steps[count] <= t)
        count++;
    return (double)count;
}

#define FI_POLICY(name, parameters, rate, formula)                                                 \
    static double name##_rate(const fi_schedule *s, uint64_t iteration)                            \
    {                                                                                              \
        const double t = (double)iteration;                                                        \
        (void)t;                                                                                   \
        return rate;                                                                               \
    }
#include "policies.def"
#undef FI_POLICY

static const fi_policy policies[] = {
#define FI_POLICY(name, parameters, rate, formula) {#name, formula, name##_rate},
#include "policies.def"
#undef FI_POLICY
};

const fi_policy *fi_policies(size_t *count)
{
    *count = sizeof policies / sizeof *policies;
    return policies;
}

const fi_policy *fi_policy_find(const char *name)
{
    for (size_t k = 0; k < sizeof policies / sizeof *policies; k++)
        if (strcmp(policies[k].name, name) == 0)
            return &policies[k];
    return NULL;
}

double fi_schedule_rate(const fi_schedule *schedule, uint64_t iteration)
{
    FI_REQUIRE(schedule);
    return schedule->policy ? schedule->policy->rate(schedule, iteration) : schedule->base;
}
