/* Draws shared by a team. */
#include "core/team.h"
#include "fanin.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* However many share the draws, they are the stream's. */
Test(draw, a_team_draws_the_same)
{
    enum {
        N = 100003
    };
    fi_real *alone = malloc(N * sizeof *alone), *shared = malloc(N * sizeof *shared);
    cr_assert(alone && shared);
    const fi_rng start = fi_rng_stream(3, FI_FOR_PROBE, 1, 2);
    fi_rng rng = start;
    fi_draw(&rng, FI_NORMAL, 0.5, N, alone);
    const uint32_t next = fi_rng_u32(&rng);
    for (size_t members = 2; members <= 5; members++) {
        fi_team *team = fi_team_begin(members);
        rng = start;
        memset(shared, 0, N * sizeof *shared);
        fi_draw(&rng, FI_NORMAL, 0.5, N, shared);
        cr_expect(memcmp(alone, shared, N * sizeof *alone) == 0, "%zu members", members);
        cr_expect_eq(fi_rng_u32(&rng), next);
        fi_team_end(team);
    }
    free(alone);
    free(shared);
}
