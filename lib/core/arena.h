/* What only the library and its tests know of arenas. */
#ifndef FI_CORE_ARENA_H
#define FI_CORE_ARENA_H

#include "../fanin.h"

/* Makes the allocation after the next `allowed` ones fail, as if the system had refused it. */
void fi_arena_refuse_after(fi_arena *arena, size_t allowed);

/* A moment to go back to: releasing it forgets what was allocated since. */
typedef struct fi_arena_mark {
    void *chunk;
    size_t used;
} fi_arena_mark;
fi_arena_mark fi_arena_now(const fi_arena *arena);
void fi_arena_release(fi_arena *arena, fi_arena_mark mark);

/* Zeroed memory, and fi_fail_memory's message if it is refused. */
FI_CHECKED void *fi_arena_zeros(fi_arena *arena, size_t count, size_t size);

/* The copy of a string. */
FI_CHECKED char *fi_arena_string(fi_arena *arena, const char *text);

#endif
