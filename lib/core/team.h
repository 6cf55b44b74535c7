/* A team: threads that share the work of the one that leads it. */
#ifndef FI_CORE_TEAM_H
#define FI_CORE_TEAM_H

#include "../fanin.h"

typedef struct fi_team fi_team;

/* What one of `members` does of a piece of work; members are numbered from 0, the leader. */
typedef void (*fi_share)(void *context, size_t member, size_t members);

/*
 * The calling thread leads `members` threads, itself among them, until it ends the team. The others
 * start with the first work there is to share, and are fewer where the system refuses them. NULL
 * if there is nothing to lead or no memory: then it works alone.
 */
fi_team *fi_team_begin(size_t members);
void fi_team_end(fi_team *team);

/* How many may share what the calling thread does next; 1 inside a share. */
size_t fi_team_members(void);

/*
 * Calls `share` once for each of at most `most` members, all at the same time, and returns when
 * all have returned; what they wrote is then seen by the caller. Without a team it is one call. As
 * all have begun, a member may wait for what another does.
 */
void fi_team_share(size_t most, fi_share share, void *context);

/* One step of waiting for another thread: the first ones are short, later ones give way. */
void fi_team_pause(unsigned *waited);

#endif
