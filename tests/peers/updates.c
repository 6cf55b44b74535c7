/*
 * Trains a small net for 20 updates under every rule and policy and prints, as JSON, all that
 * another implementation needs to do the same, and what came out. updates.py is that other one.
 */
#include "fanin.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUTS = 20,
    WIDTH = 16,
    CLASSES = 5,
    BATCH = 12,
    BATCHES = 5, /* taken in turn */
    UPDATES = 20
};

#ifdef FI_DOUBLE
#define DIGITS DBL_DECIMAL_DIG
#define REAL "double"
#else
#define DIGITS FLT_DECIMAL_DIG
#define REAL "float"
#endif

/* What else a net may have; the second dense layer's rate is halved and its decay doubled. */
static const struct variant {
    const char *name, *activation;
    bool batch_norm, multiplied, frozen; /* frozen: the first dense layer */
    double l2, clip;
} variants[] = {
    {"plain", "tanh", false, false, false, 0, 0},
    {"l2", "relu", false, true, false, 0.02, 0},
    {"clip", "tanh", true, false, false, 0, 0.4},
    {"all", "relu", true, true, false, 0.02, 0.4},
    {"frozen", "tanh", false, false, true, 0.02, 0.4},
};

static const uint64_t steps[] = {3, 11};

/* Adam's first steps are of the size of the rate, whatever the gradient. */
static fi_schedule schedule_of(const fi_policy *policy, const fi_update_rule *rule)
{
    const bool adam = strcmp(rule->name, "adam") == 0;
    const bool inv = strcmp(policy->name, "inv") == 0;
    return (fi_schedule){
        .policy = policy,
        .base = adam ? 0.01 : 0.05,
        .gamma = inv ? 0.2 : 0.7,
        .power = inv ? 0.75 : 2,
        .step = 6,
        .steps = steps,
        .n_steps = sizeof steps / sizeof *steps,
        .last = 15,
    };
}

struct training {
    fi_net *net;
    fi_solver *solver;
    const fi_real *x;
    const int32_t *labels;
};

static void need(fi_status status)
{
    if (status == FI_OK)
        return;
    (void)fprintf(stderr, "updates: %s\n", fi_message());
    exit(status);
}

static fi_net *new_net(const struct variant *variant, fi_arena *arena)
{
    const size_t units[] = {WIDTH, WIDTH, CLASSES};
    const fi_net_spec spec = {.samples = BATCH,
                              .inputs = INPUTS,
                              .seed = 3,
                              .keep = FI_KEEP_ALL,
                              .no_input_gradient = true};
    fi_net *net = NULL;
    need(fi_net_new(&net, arena, &spec));
    for (size_t k = 0; k < 3; k++) {
        const fi_dense_spec dense = {
            .units = units[k], .initializer = fi_initializer_find("he_normal"), .bias_std = 0.1};
        need(fi_net_dense(net, &dense));
        fi_layer *layer = fi_net_layer(net, fi_net_layers(net) - 1);
        if (k == 0 && variant->frozen)
            fi_layer_multiply(layer, 0, 1);
        if (k == 1 && variant->multiplied)
            fi_layer_multiply(layer, 0.5, 2);
        if (k == 2)
            break;
        if (variant->batch_norm)
            need(fi_net_batch_norm(net, &(fi_batch_norm_spec){0}));
        need(fi_net_activation(net, NULL, fi_activation_find(variant->activation)));
        need(fi_net_dropout(net, NULL, 1));
    }
    need(fi_net_draw(net));
    return net;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_reals(const char *name, size_t count, const fi_real *x)
{
    printf("%s%s%s[", *name ? "\"" : "", name, *name ? "\": " : "");
    for (size_t k = 0; k < count; k++)
        printf("%s%.*g", k ? ", " : "", DIGITS, (double)x[k]);
    printf("]");
}

static void print_doubles(const char *name, size_t count, const double *x)
{
    printf("\"%s\": [", name);
    for (size_t k = 0; k < count; k++)
        printf("%s%.17g", k ? ", " : "", x[k]);
    printf("],\n");
}

/* "NAME": one list a blob, from below: parameters' data or diff, or what is not trained. */
static void print_blobs(const char *name, const fi_net *net,
                        fi_blob *blob_of(const fi_layer *layer, size_t index), bool diff)
{
    const char *between = "";
    printf("\"%s\": [", name);
    for (size_t l = 0; l < fi_net_layers(net); l++) {
        const fi_layer *layer = fi_net_layer(net, l);
        const fi_blob *blob = NULL;
        for (size_t p = 0; (blob = blob_of(layer, p)); p++) {
            const size_t count = diff && fi_layer_rate(layer) == 0 ? 0 : blob->rows * blob->cols;
            printf("%s", between);
            print_reals("", count, diff ? blob->diff : blob->data);
            between = ",\n";
        }
    }
    printf("],\n");
}

static void print_settings(const struct variant *variant, const fi_solver_spec *spec)
{
    const fi_schedule *s = &spec->schedule;
    printf("{\"name\": \"%s-%s-%s\",\n", spec->rule->name, s->policy->name, variant->name);
    printf("\"rule\": \"%s\", \"policy\": \"%s\", \"rate\": %.17g,\n", spec->rule->name,
           s->policy->name, s->base);
    printf("\"gamma\": %.17g, \"power\": %.17g, \"step\": %d, \"steps\": [%d, %d], \"last\": %d,\n",
           s->gamma, s->power, (int)s->step, (int)steps[0], (int)steps[1], (int)s->last);
    printf("\"l2\": %.17g, \"clip\": %.17g, \"activation\": \"%s\",\n", spec->l2, spec->clip,
           variant->activation);
    printf("\"batch_norm\": %s, \"multipliers\": [[%d, 1], [%g, %d], [1, 1]],\n",
           variant->batch_norm ? "true" : "false", variant->frozen ? 0 : 1,
           variant->multiplied ? 0.5 : 1, variant->multiplied ? 2 : 1);
}

/* ---- training -------------------------------------------------------------------------------- */

/* Forward and backward on the batch whose turn it is; returns the loss. */
static double compute_gradients(const struct training *training, size_t update)
{
    const size_t first = update % BATCHES * BATCH;
    need(fi_net_forward(training->net, training->x + first * INPUTS, FI_TRAIN, NULL));
    const fi_blob *logits = fi_net_output(training->net);
    const double loss =
        fi_softmax_loss(BATCH, CLASSES, logits->data, training->labels + first, logits->diff, NULL);
    fi_net_backward(training->net, logits->diff, NULL);
    return loss;
}

static void print_case(const struct variant *variant, const fi_solver_spec *spec,
                       struct training training)
{
    fi_arena *arena = NULL;
    double losses[UPDATES + 1], norms[UPDATES];
    need(fi_arena_new(&arena));
    training.net = new_net(variant, arena);
    need(fi_solver_new(&training.solver, training.net, spec, arena));
    print_settings(variant, spec);
    print_blobs("first", training.net, fi_layer_parameter, false);
    for (size_t u = 0; u < UPDATES; u++) {
        losses[u] = compute_gradients(&training, u);
        if (u == 0)
            print_blobs("gradients", training.net, fi_layer_parameter, true);
        fi_solver_update(training.solver);
        norms[u] = fi_solver_gradient_norm(training.solver);
    }
    losses[UPDATES] = compute_gradients(&training, UPDATES);
    print_blobs("trained", training.net, fi_layer_parameter, false);
    print_blobs("states", training.net, fi_layer_state, false);
    print_doubles("losses", UPDATES + 1, losses);
    print_doubles("norms", UPDATES, norms);
    printf("\"penalty\": %.17g}", fi_solver_penalty(training.solver));
    fi_arena_free(arena);
}

static void print_cases(struct training training)
{
    size_t n_rules = 0, n_policies = 0;
    const fi_update_rule *rules = fi_update_rules(&n_rules);
    const fi_policy *policies = fi_policies(&n_policies);
    const char *between = "";
    for (size_t r = 0; r < n_rules; r++)
        for (size_t p = 0; p < n_policies; p++)
            for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
                const fi_solver_spec spec = {.rule = &rules[r],
                                             .schedule = schedule_of(&policies[p], &rules[r]),
                                             .l2 = variants[v].l2,
                                             .clip = variants[v].clip};
                printf("%s", between);
                print_case(&variants[v], &spec, training);
                between = ",\n";
            }
}

int main(void)
{
    fi_real x[BATCHES * BATCH * INPUTS];
    int32_t labels[BATCHES * BATCH];
    fi_rng values = fi_rng_stream(1, FI_FOR_DATA, 0, 0);
    fi_rng classes = fi_rng_stream(1, FI_FOR_DATA, 1, 0);
    fi_draw(&values, FI_NORMAL, 1, sizeof x / sizeof *x, x);
    printf("{\"real\": \"" REAL "\", \"batch\": %d, \"inputs\": %d, \"labels\": [", BATCH, INPUTS);
    for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
        labels[k] = (int32_t)(fi_rng_u32(&classes) % CLASSES);
        printf("%s%d", k ? ", " : "", (int)labels[k]);
    }
    printf("],\n");
    print_reals("data", sizeof x / sizeof *x, x);
    printf(",\n\"cases\": [\n");
    print_cases((struct training){.x = x, .labels = labels});
    printf("]}\n");
    return fflush(stdout) == 0 ? 0 : FI_EIO;
}
