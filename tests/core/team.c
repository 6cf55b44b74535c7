/* Teams: every member has one call in each work, and none shares inside a share. */
#include "core/team.h"
#include "core/place.h"
#include "core/workers.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    MOST = 4
};

struct roll {
    atomic_int called[MOST];
    atomic_size_t members, inside; /* as the share was told; within it, as fi_team_members says */
};

static void call(void *context, size_t member, size_t members)
{
    struct roll *roll = context;
    roll->called[member]++;
    roll->members = members;
    roll->inside += fi_team_members();
}

Test(team, each_member_is_called_once_in_each_work)
{
    for (size_t members = 2; members <= MOST; members++) {
        fi_team *team = fi_team_begin(members);
        cr_assert_not_null(team);
        struct roll roll = {0};
        for (int work = 1; work <= 2000; work++) {
            if (work % 500 == 0)
                usleep(30000); /* the others fall asleep */
            fi_team_share(SIZE_MAX, call, &roll);
            for (size_t k = 0; k < members; k++)
                cr_assert_eq(roll.called[k], work, "member %zu of %zu: %d of %d", k, members,
                             roll.called[k], work);
        }
        cr_expect_eq(roll.members, members);
        cr_expect_eq(roll.inside, 2000 * members, "a member had a team of its own");
        fi_team_end(team);
    }
}

Test(team, no_more_members_than_wanted)
{
    fi_team *team = fi_team_begin(MOST);
    struct roll roll = {0};
    for (size_t most = MOST; most > 0; most--)
        fi_team_share(most, call, &roll);
    for (size_t k = 0; k < MOST; k++)
        cr_expect_eq(roll.called[k], MOST - (int)k, "member %zu: %d", k, roll.called[k]);
    fi_team_end(team);
}

Test(team, who_leads_none_works_alone)
{
    struct roll roll = {0};
    cr_expect_null(fi_team_begin(1));
    cr_expect_eq(fi_team_members(), 1);
    fi_team_share(SIZE_MAX, call, &roll);
    fi_team_end(fi_team_begin(2)); /* asks no thread to start */
    fi_team_share(SIZE_MAX, call, &roll);
    cr_expect(roll.called[0] == 2 && roll.members == 1);
}

static fi_status note_members(void *context, size_t item, fi_arena *arena)
{
    (void)arena;
    ((size_t *)context)[item] = fi_team_members();
    return FI_OK;
}

/* As many threads as jobs, but no more than processors, are shared out among the items. */
Test(team, jobs_beyond_the_items_join_them)
{
    const size_t processors = fi_processors();
    for (unsigned jobs = 1; jobs <= 7; jobs++) {
        size_t members[3] = {0};
        cr_assert_eq(fi_workers_run(jobs, 1, note_members, members, NULL), FI_OK);
        const size_t threads = jobs < processors ? jobs : processors;
        cr_expect_eq(members[0], threads, "%u jobs: %zu", jobs, members[0]);
    }
}
