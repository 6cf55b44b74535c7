/*
 * The solver: turns the gradients that backward left into new weights. Each parameter is updated in
 * one pass, by the loop of its row of rules.def; its diff stays the gradient of the loss.
 */
#include "net.h"

#include "../core/arena.h"
#include "../core/internal.h"

#include <string.h>
#include <tgmath.h>

enum {
    MOST_HISTORIES = 2,
    TILE = 1024 /* elements taken together: weights, gradients and histories fit the first cache */
};

struct fi_solver {
    fi_net *net;
    fi_solver_spec spec; /* with no 0 for a default */
    size_t rule;         /* its row */
    uint64_t iteration;
    double norm;
    fi_blob *histories; /* (layer, parameter, history); one without columns is absent */
};

/* ---- the rules ------------------------------------------------------------------------------- */

/* What the rows of rules.def use; g = scale gradient + decay w. */
struct coefficients {
    double scale, decay, rate, momentum;
    double beta1, beta2, eps, corrected_rate, correction;
};

/* n weights and what belongs to them; a history that the rule does not have is NULL. */
struct stretch {
    size_t n;
    const fi_real *gradient;
    fi_real *weight, *history[MOST_HISTORIES];
};

#define FI_UPDATE_RULE(name, histories, update, formula, citation)                                 \
    FI_CLONES static void name##_update(const struct stretch *stretch,                             \
                                        const struct coefficients *c)                              \
    {                                                                                              \
        const fi_real *restrict const gradients = stretch->gradient;                               \
        fi_real *restrict const weights = stretch->weight;                                         \
        fi_real *restrict const firsts = stretch->history[0];                                      \
        fi_real *restrict const seconds = stretch->history[1];                                     \
        const fi_real scale = (fi_real)c->scale, decay = (fi_real)c->decay;                        \
        const fi_real rate = (fi_real)c->rate, momentum = (fi_real)c->momentum;                    \
        const fi_real beta1 = (fi_real)c->beta1, rest1 = (fi_real)(1 - c->beta1);                  \
        const fi_real beta2 = (fi_real)c->beta2, rest2 = (fi_real)(1 - c->beta2);                  \
        const fi_real corrected_rate = (fi_real)c->corrected_rate;                                 \
        const fi_real correction = (fi_real)c->correction, eps = (fi_real)c->eps;                  \
        for (size_t k = 0; k < stretch->n; k++) {                                                  \
            fi_real w = weights[k];                                                                \
            fi_real first = (histories) > 0 ? firsts[k] : 0;                                       \
            fi_real second = (histories) > 1 ? seconds[k] : 0;                                     \
            const fi_real g = scale * gradients[k] + decay * w;                                    \
            update;                                                                                \
            weights[k] = w;                                                                        \
            if ((histories) > 0)                                                                   \
                firsts[k] = first;                                                                 \
            if ((histories) > 1)                                                                   \
                seconds[k] = second;                                                               \
        }                                                                                          \
        (void)rate, (void)momentum, (void)beta1, (void)rest1, (void)beta2, (void)rest2;            \
        (void)corrected_rate, (void)correction, (void)eps;                                         \
    }
#include "rules.def"
#undef FI_UPDATE_RULE

static const fi_update_rule rules[] = {
#define FI_UPDATE_RULE(name, histories, update, formula, citation)                                 \
    {#name, formula, citation, histories},
#include "rules.def"
#undef FI_UPDATE_RULE
};

static void (*const updates[])(const struct stretch *stretch, const struct coefficients *c) = {
#define FI_UPDATE_RULE(name, histories, update, formula, citation) name##_update,
#include "rules.def"
#undef FI_UPDATE_RULE
};

const fi_update_rule *fi_update_rules(size_t *count)
{
    *count = sizeof rules / sizeof *rules;
    return rules;
}

const fi_update_rule *fi_update_rule_find(const char *name)
{
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
        if (strcmp(rules[k].name, name) == 0)
            return &rules[k];
    return NULL;
}

/* ---- making ---------------------------------------------------------------------------------- */

static fi_blob *history_at(const fi_solver *solver, size_t layer, size_t parameter, size_t history)
{
    return &solver->histories[(layer * FI_MAX_PARAMETERS + parameter) * MOST_HISTORIES + history];
}

static fi_status add_histories(fi_solver *solver, size_t layer, size_t parameter, fi_arena *arena)
{
    const fi_blob *blob = fi_layer_parameter(fi_net_layer(solver->net, layer), parameter);
    for (size_t h = 0; blob && h < rules[solver->rule].histories; h++) {
        fi_blob *history = history_at(solver, layer, parameter, h);
        *history = (fi_blob){.rows = blob->rows, .cols = blob->cols};
        history->data = fi_arena_zeros(arena, blob->rows * blob->cols, sizeof *history->data);
        if (!history->data)
            return FI_ENOMEM;
    }
    return FI_OK;
}

static fi_solver_spec with_defaults(fi_solver_spec spec)
{
    spec.rule = spec.rule ? spec.rule : rules;
    spec.momentum = spec.momentum > 0 ? spec.momentum : 0.9;
    spec.beta1 = spec.beta1 > 0 ? spec.beta1 : 0.9;
    spec.beta2 = spec.beta2 > 0 ? spec.beta2 : 0.999;
    spec.eps = spec.eps > 0 ? spec.eps : 1e-8;
    return spec;
}

/* The net gets its memory, so that from here on it has all of its layers. */
fi_status fi_solver_new(fi_solver **solver, fi_net *net, const fi_solver_spec *spec,
                        fi_arena *arena)
{
    FI_REQUIRE(solver && net && spec && arena);
    FI_REQUIRE(net->spec.keep == FI_KEEP_ALL);
    FI_REQUIRE(fi_schedule_rate(&spec->schedule, 0) >= 0);
    FI_REQUIRE(spec->momentum >= 0 && spec->momentum < 1);
    FI_REQUIRE(spec->beta1 >= 0 && spec->beta1 < 1 && spec->beta2 >= 0 && spec->beta2 < 1);
    FI_REQUIRE(spec->eps >= 0 && spec->l2 >= 0 && spec->clip >= 0);
    FI_TRY(fi_net_allocate(net));
    *solver = fi_arena_zeros(arena, 1, sizeof **solver);
    const size_t blobs = fi_net_layers(net) * FI_MAX_PARAMETERS * MOST_HISTORIES;
    fi_blob *histories = fi_arena_zeros(arena, blobs, sizeof *histories);
    if (!*solver || !histories)
        return FI_ENOMEM;
    **solver = (fi_solver){.net = net, .spec = with_defaults(*spec), .histories = histories};
    (*solver)->norm = (double)NAN;
    const fi_update_rule *rule = fi_update_rule_find((*solver)->spec.rule->name);
    FI_REQUIRE(rule);
    (*solver)->rule = (size_t)(rule - rules);
    for (size_t l = 0; l < fi_net_layers(net); l++)
        for (size_t p = 0; p < FI_MAX_PARAMETERS; p++)
            FI_TRY(add_histories(*solver, l, p, arena));
    return FI_OK;
}

/* ---- updating -------------------------------------------------------------------------------- */

/* Sum of x^2: sixteen sums that vectors of any length share the same way, added up in order. */
FI_CLONES static double sum_of_squares(size_t n, const fi_real *x)
{
    enum {
        LANES = 16
    };
    double sums[LANES] = {0};
    double sum = 0;
    size_t k = 0;
    for (; k + LANES <= n; k += LANES)
        for (size_t lane = 0; lane < LANES; lane++) {
            const double value = (double)x[k + lane];
            sums[lane] += value * value;
        }
    for (; k < n; k++)
        sum += (double)x[k] * (double)x[k];
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* What L2 is multiplied by for this parameter: weights of dense layers decay, nothing else. */
static double decay_of(const fi_layer *layer, size_t parameter)
{
    const bool weight = parameter == 0 && strcmp(fi_layer_kind(layer), "dense") == 0;
    return weight ? fi_layer_decay(layer) : 0;
}

/* The global norm, over all parameters that learn. */
static double norm_of_gradients(const fi_net *net)
{
    double sum = 0;
    for (size_t l = 0; l < fi_net_layers(net); l++) {
        const fi_layer *layer = fi_net_layer(net, l);
        const fi_blob *blob = NULL;
        for (size_t p = 0; fi_layer_rate(layer) > 0 && (blob = fi_layer_parameter(layer, p)); p++)
            sum += sum_of_squares(blob->rows * blob->cols, blob->diff);
    }
    return sqrt(sum);
}

/* Returns the sum of the squares of the gradient, which is in the cache. */
static double update_parameter(const fi_solver *solver, size_t layer, size_t parameter,
                               const struct coefficients *coefficients)
{
    const fi_blob *blob = fi_layer_parameter(fi_net_layer(solver->net, layer), parameter);
    const fi_blob *histories = history_at(solver, layer, parameter, 0);
    const size_t n = blob->rows * blob->cols;
    double sum = 0;
    for (size_t k = 0; k < n; k += TILE) {
        struct stretch stretch = {
            .n = n - k < TILE ? n - k : TILE, .gradient = blob->diff + k, .weight = blob->data + k};
        for (size_t h = 0; h < rules[solver->rule].histories; h++)
            stretch.history[h] = histories[h].data + k;
        updates[solver->rule](&stretch, coefficients);
        sum += sum_of_squares(stretch.n, stretch.gradient);
    }
    return sum;
}

/* Adam's bias is that of a history from update 0 on, for layers too that were frozen then. */
static struct coefficients coefficients_of(const fi_solver *solver)
{
    const fi_solver_spec *spec = &solver->spec;
    const double updates_made = (double)(solver->iteration + 1);
    return (struct coefficients){
        .scale = spec->clip > 0 && solver->norm > spec->clip ? spec->clip / solver->norm : 1,
        .momentum = spec->momentum,
        .beta1 = spec->beta1,
        .beta2 = spec->beta2,
        .eps = spec->eps,
        .corrected_rate = 1 / (1 - pow(spec->beta1, updates_made)),
        .correction = 1 / sqrt(1 - pow(spec->beta2, updates_made)),
    };
}

void fi_solver_update(fi_solver *solver)
{
    FI_REQUIRE(solver);
    const double rate = fi_solver_rate(solver);
    double sum = 0;
    if (solver->spec.clip > 0)
        solver->norm = norm_of_gradients(solver->net);
    const struct coefficients of_all = coefficients_of(solver);
    for (size_t l = 0; l < fi_net_layers(solver->net); l++) {
        const fi_layer *layer = fi_net_layer(solver->net, l);
        struct coefficients own = of_all;
        own.rate = rate * fi_layer_rate(layer);
        own.corrected_rate = own.rate * of_all.corrected_rate;
        for (size_t p = 0; fi_layer_rate(layer) > 0 && fi_layer_parameter(layer, p); p++) {
            own.decay = solver->spec.l2 * decay_of(layer, p);
            sum += update_parameter(solver, l, p, &own);
        }
    }
    solver->norm = sqrt(sum);
    solver->iteration++;
}

/* ---- reading --------------------------------------------------------------------------------- */

uint64_t fi_solver_iteration(const fi_solver *solver)
{
    return solver->iteration;
}

void fi_solver_set_iteration(fi_solver *solver, uint64_t iteration)
{
    solver->iteration = iteration;
}

double fi_solver_rate(const fi_solver *solver)
{
    return fi_schedule_rate(&solver->spec.schedule, solver->iteration);
}

double fi_solver_gradient_norm(const fi_solver *solver)
{
    return solver->norm;
}

/* A frozen weight does not decay. */
double fi_solver_penalty(const fi_solver *solver)
{
    double sum = 0;
    for (size_t l = 0; l < fi_net_layers(solver->net); l++) {
        const fi_layer *layer = fi_net_layer(solver->net, l);
        const double decay = fi_layer_rate(layer) > 0 ? decay_of(layer, 0) : 0;
        const fi_blob *w = fi_layer_parameter(layer, 0);
        if (decay > 0)
            sum += decay * sum_of_squares(w->rows * w->cols, w->data);
    }
    return solver->spec.l2 / 2 * sum;
}

fi_blob *fi_solver_history(const fi_solver *solver, size_t layer, size_t parameter, size_t history)
{
    if (layer >= fi_net_layers(solver->net) || parameter >= FI_MAX_PARAMETERS ||
        history >= MOST_HISTORIES)
        return NULL;
    fi_blob *blob = history_at(solver, layer, parameter, history);
    return blob->cols ? blob : NULL;
}
