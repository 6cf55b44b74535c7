/* Learning-rate schedules as text: "step:gamma=0.1,step=1000". */
#define _GNU_SOURCE
#include "../core/arena.h"
#include "../core/internal.h"
#include "../core/pairs.h"
#include "options.h"

#include <string.h>

/* What each policy may be given: "key=default" or "key" with commas between. */
static const struct row {
    const char *name, *parameters;
} rows[] = {
#define FI_POLICY(name, parameters, rate, formula) {#name, parameters},
#include "../net/policies.def"
#undef FI_POLICY
};

typedef enum kind {
    NUMBER, /* from 0 to `most` */
    COUNT,  /* of updates, at least `least` */
    STEPS   /* counts of updates, rising, with '/' between */
} kind;

static const struct key {
    const char *name;
    kind kind;
    size_t offset; /* in the schedule */
    double most;
    uint64_t least;
} keys[] = {
    {"gamma", NUMBER, offsetof(fi_schedule, gamma), 1e6, 0},
    {"power", NUMBER, offsetof(fi_schedule, power), 1e3, 0},
    {"step", COUNT, offsetof(fi_schedule, step), 0, 1},
    {"steps", STEPS, 0, 0, 0},
    {"last", COUNT, offsetof(fi_schedule, last), 0, 0},
};

enum {
    ROWS = sizeof rows / sizeof *rows,
    KEYS = sizeof keys / sizeof *keys
};

/* Whether the row lists the key, and in *preset whether with a default. */
static bool lists(const struct row *row, const struct key *key, bool *preset)
{
    const size_t length = strlen(key->name);
    for (const char *at = row->parameters; *at; at += *at == ',') {
        const size_t word = strcspn(at, ",");
        *preset = memchr(at, '=', word) != NULL;
        if (strcspn(at, "=,") == length && strncmp(at, key->name, length) == 0)
            return true;
        at += word;
    }
    return false;
}

static fi_status find_row(const char *name, const struct row **row)
{
    const char *names[ROWS];
    for (size_t k = 0; k < ROWS; k++) {
        names[k] = rows[k].name;
        if (strcasecmp(name, rows[k].name) == 0) {
            *row = &rows[k];
            return FI_OK;
        }
    }
    return fi_unknown_name("learning-rate policy", name, names, ROWS);
}

static fi_status find_key(const struct row *row, const char *name, const struct key **key)
{
    char what[64];
    const char *names[KEYS];
    size_t count = 0;
    bool preset = false;
    for (size_t k = 0; k < KEYS; k++) {
        if (!lists(row, &keys[k], &preset))
            continue;
        names[count++] = keys[k].name;
        if (strcasecmp(name, keys[k].name) == 0) {
            *key = &keys[k];
            return FI_OK;
        }
    }
    if (count == 0)
        return fi_fail(FI_EUSAGE, "%s takes no parameters, but '%.80s' is given", row->name, name);
    (void)snprintf(what, sizeof what, "parameter of %s", row->name);
    return fi_unknown_name(what, name, names, count);
}

static fi_status set_steps(fi_schedule *schedule, const char *given, fi_arena *arena)
{
    char *rest = fi_arena_string(arena, given);
    uint64_t *steps = fi_arena_alloc(arena, strlen(given) / 2 + 1, sizeof *steps);
    if (!rest || !steps)
        return fi_fail_memory(strlen(given) * sizeof *steps, "a schedule's steps");
    schedule->n_steps = 0;
    schedule->steps = steps;
    for (const char *word; (word = strsep(&rest, "/")) != NULL; schedule->n_steps++) {
        const uint64_t before = schedule->n_steps ? steps[schedule->n_steps - 1] : 0;
        if (!fi_count_of(word, &steps[schedule->n_steps]) || steps[schedule->n_steps] <= before)
            return fi_fail(FI_EUSAGE,
                           "multistep: steps '%.80s': expected numbers of updates, each larger "
                           "than the one before, with '/' between, as 500/800; '%.80s' is not",
                           given, word);
    }
    return FI_OK;
}

static fi_status set(const struct row *row, const struct key *key, const char *text,
                     fi_schedule *schedule, fi_arena *arena)
{
    void *place = (char *)schedule + key->offset;
    if (key->kind == STEPS)
        return set_steps(schedule, text, arena);
    if (key->kind == COUNT) {
        if (!fi_count_of(text, place) || *(uint64_t *)place < key->least)
            return fi_fail(FI_EUSAGE, "%s: %s '%.80s': expected a number of updates, at least %d",
                           row->name, key->name, text, (int)key->least);
        return FI_OK;
    }
    double number = 0;
    if (!fi_number_of(text, &number) || !(number >= 0 && number <= key->most))
        return fi_fail(FI_EUSAGE, "%s: %s '%.80s': expected a number from 0 to %g", row->name,
                       key->name, text, key->most);
    *(double *)place = number;
    return FI_OK;
}

/* Sets what the parameters say and adds to `given` a bit for each key; "key" alone is no default.
 */
static fi_status apply(const struct row *row, const char *parameters, bool defaults,
                       fi_schedule *schedule, unsigned *given, fi_arena *arena)
{
    char *rest = fi_arena_string(arena, parameters);
    if (!rest)
        return fi_fail_memory(strlen(parameters) + 1, "a schedule");
    for (fi_pair pair; fi_pair_next(&rest, &pair);) {
        const struct key *key = NULL;
        if (!pair.value && defaults)
            continue;
        if (*pair.key || !*row->parameters)
            FI_TRY(find_key(row, pair.key, &key));
        if (!pair.value || !key)
            return fi_fail(FI_EUSAGE, "%s: '%.80s': expected KEY=VALUE,..., of %s", row->name,
                           pair.key, row->parameters);
        FI_TRY(set(row, key, pair.value, schedule, arena));
        *given |= 1U << (key - keys);
    }
    return FI_OK;
}

/* What has no default has to be given. */
static fi_status require_all(const struct row *row, unsigned given)
{
    for (size_t k = 0; k < KEYS; k++) {
        bool preset = false;
        if (lists(row, &keys[k], &preset) && !(given & 1U << k))
            return fi_fail(FI_EUSAGE, "%s needs %s: give it as %s:%s=%s", row->name, keys[k].name,
                           row->name, keys[k].name, keys[k].kind == STEPS ? "500/800" : "1000");
    }
    return FI_OK;
}

fi_status fi_schedule_parse(fi_schedule *schedule, const char *text, fi_arena *arena)
{
    FI_REQUIRE(schedule && text && arena);
    const struct row *row = NULL;
    unsigned given = 0;
    fi_schedule parsed = {.base = schedule->base};
    char *rest = fi_arena_string(arena, text);
    if (!rest)
        return fi_fail_memory(strlen(text) + 1, "a schedule");
    FI_TRY(find_row(strsep(&rest, ":"), &row));
    if (*row->parameters)
        FI_TRY(apply(row, row->parameters, true, &parsed, &given, arena));
    if (rest)
        FI_TRY(apply(row, rest, false, &parsed, &given, arena));
    FI_TRY(require_all(row, given));
    parsed.policy = fi_policy_find(row->name);
    *schedule = parsed;
    return FI_OK;
}
