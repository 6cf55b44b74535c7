/*
 * Arena: bump allocation in chunks of whole 2 MiB pages. Huge pages are asked for because the first
 * touch of 4 KiB pages costs as much as a matrix product; a reset keeps the pages. An arena that
 * begins with little does so in a chunk of small pages: the system clears a huge one in 0.3 ms.
 */
#define _GNU_SOURCE
#include "arena.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define RED_ZONE 64
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define RED_ZONE 0
#endif

#define PAGE ((size_t)2 << 20)
#define CHUNK (2 * PAGE)
#define FIRST ((size_t)256 << 10)
#define ALIGNMENT ((size_t)64)

struct chunk {
    struct chunk *next;
    char *base;
    size_t size, used;
};

struct fi_arena {
    struct chunk *first, *current;
    size_t allowed; /* allocations left before a refusal; SIZE_MAX: no limit */
};

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* `size` bytes of memory, all 0, on a multiple of `alignment`, a power of 2; NULL if refused. */
static char *map_aligned(size_t size, size_t alignment)
{
    char *map = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    char *base = map + (round_up((size_t)map, alignment) - (size_t)map);
    if (base > map)
        munmap(map, (size_t)(base - map));
    munmap(base + size, (size_t)(map + alignment - base));
    return base;
}

/* A chunk of at least `size` bytes: of huge pages, or small ones if it is an arena's first and will
 * do; NULL if refused. */
static struct chunk *chunk_new(size_t size, bool first)
{
    const bool small = first && size <= FIRST;
    struct chunk *chunk = malloc(sizeof *chunk);
    if (!chunk)
        return NULL;
    size = small ? FIRST : round_up(size < CHUNK ? CHUNK : size, PAGE);
    char *base = map_aligned(size, small ? FIRST : PAGE);
    if (!base) {
        free(chunk);
        return NULL;
    }
    if (!small)
        (void)madvise(base, size, MADV_HUGEPAGE); /* a wish; small pages work too */
    ASAN_POISON_MEMORY_REGION(base, size);
    *chunk = (struct chunk){.base = base, .size = size};
    return chunk;
}

fi_status fi_arena_new(fi_arena **arena)
{
    *arena = malloc(sizeof **arena);
    if (!*arena)
        return fi_fail_memory(sizeof **arena, "an arena");
    **arena = (fi_arena){.allowed = SIZE_MAX};
    return FI_OK;
}

void fi_arena_free(fi_arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        ASAN_UNPOISON_MEMORY_REGION(chunk->base, chunk->size);
        munmap(chunk->base, chunk->size);
        free(chunk);
    }
    free(arena);
}

/* Forgets what lies in the chunk beyond `used` bytes, and all of the chunks after it. */
static void forget(struct chunk *chunk, size_t used)
{
    for (; chunk; chunk = chunk->next, used = 0) {
        ASAN_POISON_MEMORY_REGION(chunk->base + used, chunk->size - used);
        chunk->used = used;
    }
}

void fi_arena_reset(fi_arena *arena)
{
    forget(arena->first, 0);
    arena->current = arena->first;
}

fi_arena_mark fi_arena_now(const fi_arena *arena)
{
    return (fi_arena_mark){arena->current, arena->current ? arena->current->used : 0};
}

void fi_arena_release(fi_arena *arena, fi_arena_mark mark)
{
    if (!mark.chunk) {
        fi_arena_reset(arena);
        return;
    }
    const struct chunk *chunk = mark.chunk;
    FI_REQUIRE(mark.used <= chunk->used); /* else it was released before, by an earlier mark */
    arena->current = mark.chunk;
    forget(arena->current, mark.used);
}

void fi_arena_refuse_after(fi_arena *arena, size_t allowed)
{
    arena->allowed = allowed;
}

void *fi_arena_alloc(fi_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4)
        return NULL;
    if (arena->allowed != SIZE_MAX && arena->allowed-- == 0) {
        arena->allowed = 0;
        return NULL;
    }
    bytes = round_up((bytes ? bytes : 1) + RED_ZONE, ALIGNMENT);
    struct chunk **link = arena->current ? &arena->current : &arena->first;
    while (*link && (*link)->size - (*link)->used < bytes)
        link = &(*link)->next;
    if (!*link) {
        struct chunk *fresh = chunk_new(bytes, !arena->first);
        if (!fresh)
            return NULL;
        for (link = &arena->first; *link; link = &(*link)->next) {
        }
        *link = fresh;
    }
    arena->current = *link;
    char *memory = arena->current->base + arena->current->used;
    arena->current->used += bytes;
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes - RED_ZONE);
    return memory;
}

void *fi_arena_zeros(fi_arena *arena, size_t count, size_t size)
{
    void *memory = fi_arena_alloc(arena, count, size);
    if (memory)
        memset(memory, 0, count * size);
    else
        (void)fi_fail_memory(count * size, "an array");
    return memory;
}

char *fi_arena_string(fi_arena *arena, const char *text)
{
    const size_t length = strlen(text) + 1;
    char *copy = fi_arena_alloc(arena, length, 1);
    return copy ? memcpy(copy, text, length) : NULL;
}
