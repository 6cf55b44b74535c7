/*
 * Schemes as text: the keys that parameters of initializers are set by, the names that PyTorch and
 * Keras have for initializers, and how parameters together make an fi_initializer.
 */
#define _GNU_SOURCE
#include "scheme.h"

#include "../core/arena.h"
#include "../core/internal.h"
#include "../core/pairs.h"
#include "../math/draw.h"
#include "options.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_INSIDE 1e-3 /* of a normal law, for 32 bits to draw what is left of it well */

/* ---- other names ----------------------------------------------------------------------------- */

/* `meaning` NULL: refused, for the reason in `why`. */
static const struct alias {
    const char *name, *meaning, *why;
} aliases[] = {
    {"ones", "constant:value=1", NULL},
    {"identity", "eye", NULL},
    {"xavier_normal_", "glorot_normal", NULL},
    {"xavier_uniform_", "glorot_uniform", NULL},
    {"RandomNormal", "normal:std=0.05", NULL},
    {"random_normal", "normal:std=0.05", NULL},
    {"RandomUniform", "uniform:lower=-0.05,upper=0.05", NULL},
    {"random_uniform", "uniform:lower=-0.05,upper=0.05", NULL},
    {"TruncatedNormal", "truncated_normal", NULL},
    {"GlorotNormal", "glorot_normal:distribution=truncated", NULL},
    {"GlorotUniform", "glorot_uniform", NULL},
    {"HeNormal", "he_normal:distribution=truncated", NULL},
    {"HeUniform", "he_uniform", NULL},
    {"LecunNormal", "lecun_normal:distribution=truncated", NULL},
    {"LecunUniform", "lecun_uniform", NULL},
    {"VarianceScaling", "variance_scaling", NULL},
    {"OrthogonalInitializer", "orthogonal", NULL},
    {"dirac", NULL, "is for convolutions; the identity of a dense layer is 'eye'"},
};

enum {
    ALIASES = sizeof aliases / sizeof *aliases
};

/* The row of the first `length` letters of the name, in either case; NULL if there is none. */
static const fi_initializer *row_of(const char *name, size_t length)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    for (size_t k = 0; k < count; k++)
        if (strlen(rows[k].name) == length && strncasecmp(rows[k].name, name, length) == 0)
            return &rows[k];
    return NULL;
}

static const struct alias *alias_of(const char *name, size_t length)
{
    for (size_t k = 0; k < ALIASES; k++)
        if (strlen(aliases[k].name) == length && strncasecmp(aliases[k].name, name, length) == 0)
            return &aliases[k];
    return NULL;
}

static fi_status refuse_name(const char *name, fi_arena *arena)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    const char **names = fi_arena_zeros(arena, count, sizeof *names);
    if (!names)
        return FI_ENOMEM;
    for (size_t k = 0; k < count; k++)
        names[k] = rows[k].name;
    return fi_unknown_name("initializer", name, names, count);
}

/* The row, and the parameters that the name stands for, or NULL. PyTorch ends its names in _. */
static fi_status find(const char *name, const fi_initializer **row, const char **preset,
                      fi_arena *arena)
{
    const size_t whole = strlen(name);
    const size_t stem = whole && name[whole - 1] == '_' ? whole - 1 : whole;
    const struct alias *alias = NULL;
    *preset = NULL;
    if ((*row = row_of(name, whole)) != NULL)
        return FI_OK;
    if (!(alias = alias_of(name, whole)) && (*row = row_of(name, stem)) != NULL)
        return FI_OK;
    if (!alias && !(alias = alias_of(name, stem)))
        return refuse_name(name, arena);
    if (!alias->meaning)
        return fi_fail(FI_EUSAGE, "initializer '%s' %s", name, alias->why);
    const size_t length = strcspn(alias->meaning, ":");
    *row = row_of(alias->meaning, length);
    *preset = alias->meaning[length] ? alias->meaning + length + 1 : NULL;
    return FI_OK;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Every key's value; what a row does not list stays at what changes nothing. */
struct settings {
    double gain, scale, mean, std, value, lower, upper, sparsity, slope;
    size_t nonlinearity, mode, distribution; /* indices of the names below */
};

static const char *const nonlinearities[] = {"linear", "identity",   "sigmoid", "tanh",
                                             "relu",   "leaky_relu", "selu"};
static const char *const modes[] = {"fan_in", "fan_out", "fan_avg"};
static const fi_fan fans[] = {FI_FAN_IN, FI_FAN_OUT, FI_FAN_AVG};
static const char *const distributions[] = {"normal", "uniform", "truncated", "untruncated_normal",
                                            "truncated_normal"};
static const fi_law laws[] = {FI_NORMAL, FI_UNIFORM, FI_TRUNCATED, FI_NORMAL, FI_TRUNCATED};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct key {
    const char *name, *spellings[2]; /* ours, and those of PyTorch and Keras */
    size_t offset;                   /* in the settings */
    double minimum, maximum;         /* of a number; a gain's are of its size */
    const char *const *names;        /* that it chooses from, else NULL */
    size_t count;
} keys[] = {
#define AT(member) offsetof(struct settings, member)
    {"gain", {NULL, NULL}, AT(gain), 1e-30, 1e30, NULL, 0},
    {"scale", {NULL, NULL}, AT(scale), 1e-30, 1e30, NULL, 0},
    {"mean", {NULL, NULL}, AT(mean), -1e30, 1e30, NULL, 0},
    {"std", {"stddev", NULL}, AT(std), 1e-30, 1e30, NULL, 0},
    {"value", {"val", NULL}, AT(value), -1e30, 1e30, NULL, 0},
    {"lower", {"a", "minval"}, AT(lower), -1e30, 1e30, NULL, 0},
    {"upper", {"b", "maxval"}, AT(upper), -1e30, 1e30, NULL, 0},
    {"sparsity", {NULL, NULL}, AT(sparsity), 0, 1, NULL, 0},
    {"slope", {"a", "negative_slope"}, AT(slope), -1e15, 1e15, NULL, 0},
    {"nonlinearity", {NULL, NULL}, AT(nonlinearity), 0, 0, nonlinearities, COUNT(nonlinearities)},
    {"mode", {NULL, NULL}, AT(mode), 0, 0, modes, COUNT(modes)},
    {"distribution", {NULL, NULL}, AT(distribution), 0, 0, distributions, COUNT(distributions)},
#undef AT
};

/* Whether the row's parameters have the key; they are "key=default" with commas between. */
static bool lists(const fi_initializer *row, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = row->parameters; *at; at += *at == ',') {
        if (strncmp(at, key, length) == 0 && at[length] == '=')
            return true;
        at += strcspn(at, ",");
    }
    return false;
}

/* The key of that spelling that the row lists, or NULL. */
static const struct key *key_of(const fi_initializer *row, const char *name)
{
    for (size_t k = 0; k < COUNT(keys); k++) {
        const struct key *key = &keys[k];
        const bool meant = strcasecmp(name, key->name) == 0 ||
                           (key->spellings[0] && strcasecmp(name, key->spellings[0]) == 0) ||
                           (key->spellings[1] && strcasecmp(name, key->spellings[1]) == 0);
        if (meant && lists(row, key->name))
            return key;
    }
    return NULL;
}

static fi_status refuse_key(const fi_initializer *row, const char *name)
{
    char kind[64];
    const char *names[COUNT(keys)];
    size_t count = 0;
    for (size_t k = 0; k < COUNT(keys); k++)
        if (lists(row, keys[k].name))
            names[count++] = keys[k].name;
    if (count == 0)
        return fi_fail(FI_EUSAGE, "%s takes no parameters, but '%.80s' is given", row->name, name);
    snprintf(kind, sizeof kind, "parameter of %s", row->name);
    return fi_unknown_name(kind, name, names, count);
}

/* torch.nn.init.calculate_gain. */
static double nonlinearity_gain(const char *name, double slope)
{
    if (strcmp(name, "tanh") == 0)
        return 5.0 / 3;
    if (strcmp(name, "relu") == 0)
        return sqrt(2);
    if (strcmp(name, "leaky_relu") == 0)
        return sqrt(2 / (1 + slope * slope));
    return strcmp(name, "selu") == 0 ? 0.75 : 1;
}

static bool index_of(const char *text, const char *const *names, size_t count, size_t *index)
{
    for (*index = 0; *index < count; ++*index)
        if (strcasecmp(text, names[*index]) == 0)
            return true;
    return false;
}

/* A gain is a number, a nonlinearity, or leaky_relu:SLOPE. */
static bool gain_of(char *text, double *gain)
{
    char *name = strsep(&text, ":");
    double slope = 0.01;
    size_t index = 0;
    if (!text && fi_number_of(name, gain))
        return true;
    if (!index_of(name, nonlinearities, COUNT(nonlinearities), &index) ||
        (text && (strcasecmp(name, "leaky_relu") != 0 || !fi_number_of(text, &slope))))
        return false;
    *gain = nonlinearity_gain(nonlinearities[index], slope);
    return true;
}

static fi_status set(const fi_initializer *row, const struct key *key, char *text,
                     struct settings *settings)
{
    void *place = (char *)settings + key->offset;
    if (key->names)
        return index_of(text, key->names, key->count, place)
                   ? FI_OK
                   : fi_unknown_name(key->name, text, key->names, key->count);
    const bool is_gain = strcmp(key->name, "gain") == 0;
    char given[81];
    double number = 0;
    snprintf(given, sizeof given, "%s", text);
    const bool good = is_gain ? gain_of(text, &number) : fi_number_of(text, &number);
    const double compared = is_gain ? fabs(number) : number;
    if (!good || compared < key->minimum || compared > key->maximum)
        return fi_fail(FI_EUSAGE, "%s: %s '%s': expected a number from %g to %g%s", row->name,
                       key->name, given, key->minimum, key->maximum,
                       is_gain ? " or its negative, or a nonlinearity: linear, tanh, relu, selu, "
                                 "leaky_relu:SLOPE"
                               : "");
    *(double *)place = number;
    return FI_OK;
}

/* Sets what "key=value,..." says. */
static fi_status apply(const fi_initializer *row, const char *parameters, struct settings *settings,
                       fi_arena *arena)
{
    char *rest = fi_arena_string(arena, parameters);
    if (!rest)
        return fi_fail_memory(strlen(parameters) + 1, "a scheme");
    for (fi_pair pair; fi_pair_next(&rest, &pair);) {
        const char *name = pair.key;
        char *value = pair.value;
        if (!value)
            return fi_fail(FI_EUSAGE, "%s: '%.80s': expected KEY=VALUE,..., of %s", row->name, name,
                           *row->parameters ? row->parameters : "which it has none");
        const struct key *key = key_of(row, name);
        if (!key)
            return refuse_key(row, name);
        FI_TRY(set(row, key, value, settings));
    }
    return FI_OK;
}

/* ---- the scheme ------------------------------------------------------------------------------ */

/*
 * N(mean, std^2) within the bounds, which a row that lists none has at 2 std. Beside a large mean
 * they may round to one.
 */
static fi_status cut(const fi_initializer *row, const struct settings *settings,
                     fi_initializer *scheme)
{
    double lower = -2;
    double upper = 2;
    if (lists(row, "lower")) {
        scheme->lower = lower = (settings->lower - settings->mean) / settings->std;
        scheme->upper = upper = (settings->upper - settings->mean) / settings->std;
    }
    const fi_cut cut = lower < upper ? fi_cut_normal(lower, upper) : (fi_cut){.inside = 0};
    if (cut.inside < LEAST_INSIDE)
        return fi_fail(FI_EUSAGE,
                       "%s: [%g, %g] holds less than a thousandth of N(%g, %g^2); widen it",
                       row->name, settings->lower, settings->upper, settings->mean, settings->std);
    scheme->mean += settings->std * cut.mean;
    scheme->gain *= cut.sd;
    return FI_OK;
}

static fi_status resolve(const fi_initializer *row, const struct settings *settings,
                         fi_initializer *scheme)
{
    const bool bounded = lists(row, "lower");
    if (bounded && !(settings->lower < settings->upper))
        return fi_fail(FI_EUSAGE, "%s: lower (a) %g must be less than upper (b) %g", row->name,
                       settings->lower, settings->upper);
    *scheme = *row;
    scheme->gain = settings->gain * sqrt(settings->scale) * settings->std *
                   nonlinearity_gain(nonlinearities[settings->nonlinearity], settings->slope);
    scheme->mean = settings->mean + settings->value;
    scheme->sparsity = settings->sparsity;
    if (lists(row, "mode"))
        scheme->fan = fans[settings->mode];
    if (lists(row, "distribution"))
        scheme->law = laws[settings->distribution];
    if (lists(row, "std") && row->law == FI_TRUNCATED)
        return cut(row, settings, scheme);
    if (bounded) {
        scheme->gain *= settings->upper - settings->lower;
        scheme->mean += (settings->lower + settings->upper) / 2;
    }
    return FI_OK;
}

fi_status fi_scheme_parse(const char *text, fi_initializer *scheme, fi_arena *arena)
{
    const fi_initializer *row = NULL;
    const char *preset = NULL;
    struct settings settings = {.gain = 1, .scale = 1, .std = 1};
    char *rest = fi_arena_string(arena, text);
    char *kept = fi_arena_string(arena, text);
    if (!rest || !kept)
        return fi_fail_memory(strlen(text) + 1, "a scheme");
    FI_TRY(find(strsep(&rest, ":"), &row, &preset, arena));
    if (*row->parameters)
        FI_TRY(apply(row, row->parameters, &settings, arena));
    if (preset)
        FI_TRY(apply(row, preset, &settings, arena));
    if (rest)
        FI_TRY(apply(row, rest, &settings, arena));
    FI_TRY(resolve(row, &settings, scheme));
    scheme->name = kept;
    return FI_OK;
}

fi_status fi_scheme_parse_bias(const char *text, fi_initializer *scheme, fi_arena *arena)
{
    FI_TRY(fi_scheme_parse(text, scheme, arena));
    if (!fi_initializer_is_independent(scheme))
        return fi_fail(FI_EUSAGE,
                       "'%.80s' draws a matrix, and a bias is a row of numbers; use one such as "
                       "zeros, constant, normal, uniform or torch_linear",
                       text);
    return FI_OK;
}

void fi_scheme_list(FILE *stream)
{
    size_t count = 0;
    const fi_initializer *rows = fi_initializers(&count);
    fprintf(stream,
            "initializers, and what --initializer NAME:key=value,... of init-custom sets\n");
    for (size_t k = 0; k < count; k++) {
        fprintf(stream, "  %-16s  %-34s  %s\n", rows[k].name, rows[k].formula, rows[k].citation);
        if (*rows[k].parameters)
            fprintf(stream, "  %-16s  :%s\n", "", rows[k].parameters);
    }
    fprintf(stream, "\nother names (PyTorch's, with or without a final _, and Keras')\n");
    for (size_t k = 0; k < ALIASES; k++)
        if (aliases[k].meaning)
            fprintf(stream, "  %-22s  %s\n", aliases[k].name, aliases[k].meaning);
}
