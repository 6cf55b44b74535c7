/*
 * The rules of the verdict, in one table: for each topic, in order, the first that holds speaks.
 * No scheme is known by name; all follows from the numbers.
 */
#include "verdict_rules.h"

#include <math.h>

/* ---- conditions ------------------------------------------------------------------------------ */

#define WHEN(name, condition)                                                                      \
    static bool name(const fi_verdict *v)                                                          \
    {                                                                                              \
        return condition;                                                                          \
    }

/* Within the relative difference; a NAN is near nothing. */
static bool near(double x, double y, double relative)
{
    return fabs(log(x / y)) < relative;
}

WHEN(always, v != NULL)
WHEN(normed, v->batch_norm)
WHEN(one_layer, v->depth == 1)
WHEN(one_layer_normed, v->depth == 1 && v->batch_norm)
WHEN(unmeasured, isnan(v->signal.first))
WHEN(overflows, v->nonfinite_layer > 0)
WHEN(equal_units, v->distinct == 1 && v->width > 1 && v->equal_weights)
WHEN(equal_deep, equal_units(v) && v->depth > 1)
WHEN(equal_deep_normed, equal_deep(v) && v->batch_norm)
WHEN(saturates, v->bounded && v->saturated > 0.5)

WHEN(signal_grows, v->signal.change == FI_CHANGE_GROWS)
WHEN(signal_creeps_up, signal_grows(v) && v->signal.factor < 1.1)
WHEN(signal_grows_slowly, v->signal.change == FI_CHANGE_GROWS_SLOWLY)
WHEN(signal_overflows, overflows(v) && signal_grows(v))
WHEN(signal_stops, v->signal.zero > 0)
WHEN(signal_stops_at_once, v->signal.zero == 1)
WHEN(signal_stopped_by_norm, signal_stops_at_once(v) && v->batch_norm)
WHEN(signal_falls, v->signal.change == FI_CHANGE_FALLS)
WHEN(signal_falls_normed, signal_falls(v) && v->batch_norm)
WHEN(signal_creeps_down, signal_falls(v) && v->signal.factor > 0.9)
WHEN(signal_falls_slowly, v->signal.change == FI_CHANGE_FALLS_SLOWLY)
WHEN(signal_rose_to_loss, v->signal.lost_seen && v->signal.factor > 1)
WHEN(signal_fell_to_loss, v->signal.lost_seen)
WHEN(signal_settles,
     !v->batch_norm && !isnan(v->settled) && !near(v->signal.last, v->signal.first, 0.1))
WHEN(signal_outlasts, v->signal.lost > 1e6)
WHEN(contrast_stops_at_once, v->contrast.zero == 1)
WHEN(contrast_falls,
     v->contrast.change == FI_CHANGE_FALLS && v->contrast.last < 0.5 * v->contrast.first)
WHEN(contrast_lost, v->contrast.lost_seen)
WHEN(forgets, v->class == FI_VERDICT_FORGETS)

/* What a rate of theory's makes over this depth has to show. */
WHEN(well_scaled, near(v->scale, v->sw2, 0.02))
WHEN(decays_well_scaled, signal_falls_slowly(v) && well_scaled(v))
WHEN(critical, fabs(v->theory.chi_1 - 1) * (double)v->depth < 0.05)
WHEN(dies_of_width, signal_falls(v) && critical(v) && well_scaled(v) && !v->batch_norm)
WHEN(theory_dies, v->theory.q == 0 && v->rate * (double)v->depth < -0.05)
WHEN(theory_decays, v->theory.q == 0 && v->rate == 0)
WHEN(theory_explodes, isinf(v->theory.q) && v->rate * (double)v->depth > 0.05)
WHEN(theory_grows, isinf(v->theory.q) && v->rate == 0)
WHEN(theory_saturates, v->bounded && v->settled_saturated > 0.5)
WHEN(theory_forgets, v->theory.q > 0 && !isinf(v->theory.q) && v->theory.chi_1 < 0.8)
WHEN(repaired, v->batch_norm && (theory_dies(v) || theory_decays(v) || theory_explodes(v) ||
                                 theory_grows(v) || theory_saturates(v) || theory_forgets(v)))

WHEN(dead, v->dead > 0.01)
WHEN(alike, v->cosine_last - v->cosine_first > 0.1)
WHEN(dead_and_alike, dead(v) && alike(v))
WHEN(hardly_apart, dead_and_alike(v) && v->cosine_last > 0.95 && !v->batch_norm)
WHEN(signal_fell_to_nothing, signal_falls(v) && signal_stops(v))
WHEN(stays_linear, v->linear_part &&signal_falls(v))

WHEN(no_gradient, isnan(v->gradient.first))
WHEN(nothing_moves, v->gradient.zero == v->depth - 1 && v->dw_most == 0)
WHEN(only_top_moves, v->gradient.zero == v->depth - 1 && v->dw_bottom == 0 && v->dw_top > 0)
WHEN(gradient_breaks, v->gradient.broken > 0)
WHEN(gradient_grows, v->gradient.change == FI_CHANGE_GROWS)
WHEN(gradient_overflows, gradient_breaks(v) && gradient_grows(v))
WHEN(gradient_grows_normed,
     v->batch_norm &&gradient_grows(v) &&
         near(v->gradient.factor * v->gradient.factor, v->batch_norm_growth, 0.1))
WHEN(gradient_lost_normed, gradient_grows_normed(v) && v->gradient.lost_seen)
WHEN(gradient_grows_saturated, saturates(v) && gradient_grows(v))
WHEN(gradient_creeps_up, gradient_grows(v) && v->gradient.factor < 1.1)
WHEN(gradient_grows_slowly, v->gradient.change == FI_CHANGE_GROWS_SLOWLY)
WHEN(gradient_stops, v->gradient.zero > 0)
WHEN(gradient_falls, v->gradient.change == FI_CHANGE_FALLS)
WHEN(gradient_falls_alike,
     gradient_falls(v) && signal_falls(v) && near(v->gradient.factor, v->signal.factor, 0.05))
WHEN(gradient_creeps_down, gradient_falls(v) && v->gradient.factor > 0.9)
WHEN(gradient_falls_slowly, v->gradient.change == FI_CHANGE_FALLS_SLOWLY)
WHEN(gradient_falls_slowly_too, gradient_falls_slowly(v) && signal_falls_slowly(v))
WHEN(gradient_holds, v->gradient.change == FI_CHANGE_NONE)
WHEN(gradient_passes, v->gradient.lost_seen)
WHEN(gradient_outlasts, v->gradient.lost > 1e6)
WHEN(no_dw, !isfinite(v->dw_top) || !isfinite(v->dw_bottom))
WHEN(same_dw, v->dw_most < 1.02 * v->dw_least)
WHEN(even_dw, v->dw_most < 1.5 * v->dw_least)

WHEN(no_regime, unmeasured(v) || equal_units(v) || (v->batch_norm && signal_stops_at_once(v)) ||
                    signal_falls_normed(v) || isnan(v->theory.chi_1))
WHEN(normed_chaotic, v->batch_norm && v->batch_norm_growth > 1.001)
WHEN(ordered, v->theory.chi_1 < 1)
WHEN(mildly_chaotic, v->theory.chi_1 < 1.5)
WHEN(wanders, v->wander > 0.05 && v->runs > 2)
WHEN(no_scale, isnan(v->scale))
WHEN(no_scale_normed, isnan(v->scale) && v->batch_norm)
WHEN(he, near(v->scale, 2, 0.001))
WHEN(xavier, near(v->scale, 1, 0.001))

/* ---- the table ------------------------------------------------------------------------------- */

#define IS(class, when, text, remedy)                                                              \
    {                                                                                              \
        FI_SAY_SIGNAL, FI_VERDICT_##class, when, text, remedy                                      \
    }
#define SAY(topic, when, text)                                                                     \
    {                                                                                              \
        FI_SAY_##topic, FI_VERDICT_UNKNOWN, when, text, NULL                                       \
    }
#define ADVISE(topic, when, text, remedy)                                                          \
    {                                                                                              \
        FI_SAY_##topic, FI_VERDICT_UNKNOWN, when, text, remedy                                     \
    }
#define COPIES                                                                                     \
    "All weights of a layer are equal, so that its {width} units are copies of one: they have "    \
    "the "                                                                                         \
    "same activations{VALUE} and, below the top, the same gradients, and training cannot tell "    \
    "them apart"
#define POWER "like a power of depth, about depth^"
#define FROM_TOP "from {gradient.first} at the top to {gradient.last} in layer 1{DW}"
#define LEFT "of {gradient.first} at the top {gradient.last} is left in layer 1{DW}"
#define BREAKS "some are infinite or not numbers"
#define REGIME_OF "by theory gradients, and small differences between inputs, "

static const fi_verdict_rule rules[] = {
    IS(OVERFLOWS, signal_overflows,
       "the signal explodes and overflows. Its standard deviation grows {signal.times}x a layer, "
       "and from layer {nonfinite.layer} on " BREAKS ".",
       "{SCALE}."),
    IS(OVERFLOWS, overflows,
       "the signal overflows. Of the activations, from layer {nonfinite.layer} on " BREAKS ".",
       "{SCALE}."),
    IS(UNKNOWN, unmeasured, "nothing was measured.", NULL),
    IS(SYMMETRIC, equal_deep_normed,
       "the network is symmetric. " COPIES ". Batch norm treats all alike and does not help.",
       "draw the weights at random, {STD}."),
    IS(SYMMETRIC, equal_deep, "the network is symmetric. " COPIES ".",
       "draw the weights at random, {STD}."),
    IS(SYMMETRIC, equal_units,
       "the layer is symmetric. All weights are equal, so that its {width} units are copies of "
       "one, "
       "with the same activations{VALUE}. But each has a gradient of its own, and training does "
       "tell the units of a single layer apart.",
       "nothing with a single layer; with more, draw the weights at random, {STD}."),
    IS(SATURATES, saturates,
       "the units saturate. {saturated} % of them lie where the slope of {name} is under a "
       "twentieth of its greatest; the activations' standard deviation is {signal.last} in layer "
       "{depth}.",
       "{SCALE}."),
    IS(DIES, signal_stopped_by_norm,
       "the signal dies at once. No unit of layer 1 varies over the samples, so that batch norm, "
       "which subtracts each unit's mean, leaves nothing.",
       "give batch norm a batch of samples that differ."),
    IS(DIES, signal_stops_at_once,
       "the signal dies at once. The activations of layer 1 are all the same{VALUE}.", "{SCALE}."),
    IS(SHALLOW, one_layer_normed,
       "one layer is too few to tell a factor a layer. The activations' standard deviation is "
       "{signal.first}, the input's {input}.",
       NULL),
    IS(SHALLOW, one_layer,
       "one layer is too few to tell a factor a layer. The activations' standard deviation is "
       "{signal.first}, the input's {input}; in many such layers, says theory, the signal would "
       "{THEORY}.",
       NULL),
    IS(EXPLODES, signal_creeps_up,
       "the signal grows. Its standard deviation changes by a factor {signal.factor} a "
       "layer{SIGNAL_LOST}.",
       "{SCALE}."),
    IS(EXPLODES, signal_grows,
       "the signal explodes. Its standard deviation grows {signal.times}x a layer{SIGNAL_LOST}.",
       "{SCALE}."),
    IS(DIES, signal_falls_normed,
       "the signal dies in spite of batch norm, whose eps outweighs the variance it is added to. "
       "The standard deviation shrinks {signal.times}x a layer{SIGNAL_LOST}.",
       "{SCALE}."),
    IS(DIES, dies_of_width,
       "the signal dies in most runs. Its standard deviation changes by a factor {signal.factor} a "
       "layer{SIGNAL_LOST}. The scale of the weights keeps mean squares on average, but {width} "
       "units are few for {depth} layers, and single networks stray far.",
       "widen the layers, or use batch norm."),
    IS(DIES, signal_creeps_down,
       "the signal dies slowly. Its standard deviation changes by a factor {signal.factor} a "
       "layer{SIGNAL_LOST}.",
       "{SCALE}."),
    IS(DIES, signal_falls,
       "the signal dies. Its standard deviation shrinks {signal.times}x a layer (factor "
       "{signal.factor}){SIGNAL_LOST}.",
       "{SCALE}."),
    IS(DIES, signal_stops,
       "the signal dies. From layer {signal.zero} on the activations are all the same{VALUE}.",
       "{SCALE}."),
    IS(DECAYS, decays_well_scaled,
       "the signal decays slowly. Its standard deviation falls from {signal.first} in layer 1 to "
       "{signal.last} in layer {depth}: " POWER "-{signal.power}, and not by a factor a layer.",
       "nothing at {depth} layers, this scale of the weights is the critical one; for many more, "
       "batch norm or skip connections."),
    IS(DECAYS, signal_falls_slowly,
       "the signal decays slowly. Its standard deviation falls from {signal.first} in layer 1 to "
       "{signal.last} in layer {depth}: " POWER "-{signal.power}, and not by a factor a layer.",
       "{SCALE}."),
    IS(FORGETS, contrast_stops_at_once,
       "the input is lost at once. The activations' standard deviation is {signal.last} in layer "
       "{depth}, but already in layer 1 they are the same for every sample.",
       "{SCALE}."),
    IS(FORGETS, contrast_falls,
       "the input is forgotten. The activations' standard deviation is {signal.last} in layer "
       "{depth}, but the difference between two samples shrinks {contrast.times}x a "
       "layer{CONTRAST_LOST} (mean cosine {cosine.first} in layer 1, {cosine.last} in layer "
       "{depth}).",
       "{SCALE}."),
    IS(GROWS_SLOWLY, signal_grows_slowly,
       "the signal grows slowly. Its standard deviation rises from {signal.first} in layer 1 to "
       "{signal.last} in layer {depth}: " POWER "{signal.power}, and not by a factor a layer.",
       "{SCALE}."),
    IS(REPAIRED, repaired,
       "batch norm repairs the forward pass. The activations' standard deviation is {signal.last} "
       "in layer {depth}; without batch norm the signal would {THEORY}.",
       NULL),
    IS(HOLDS, signal_settles,
       "the signal holds. Its standard deviation goes from {signal.first} in layer 1 to "
       "{signal.last} in layer {depth}, and by theory settles at {settled}.",
       NULL),
    IS(HOLDS, always,
       "the signal holds. Its standard deviation is {signal.first} in layer 1 and {signal.last} in "
       "layer {depth}.",
       NULL),

    SAY(UNITS, equal_units, ""),
    SAY(UNITS, forgets, ""),
    SAY(UNITS, signal_fell_to_nothing,
        "From layer {signal.zero} on the activations are all the same{VALUE}."),
    ADVISE(UNITS, hardly_apart,
           "Samples become nearly the same (mean cosine {cosine.first} in layer 1, {cosine.last} "
           "in layer {depth}), and {dead} % of the units in layer {depth} are dead: slope 0 on "
           "every sample.",
           "use batch norm, which keeps samples apart, or fewer layers."),
    SAY(UNITS, dead_and_alike,
        "Samples grow alike (mean cosine {cosine.first} in layer 1, {cosine.last} in layer "
        "{depth}), and {dead} % of the units in layer {depth} are dead: slope 0 on every sample."),
    SAY(UNITS, dead, "{dead} % of the units in layer {depth} are dead: slope 0 on every sample."),
    SAY(UNITS, alike,
        "Samples grow alike: mean cosine {cosine.first} in layer 1, {cosine.last} in layer "
        "{depth}."),
    SAY(UNITS, stays_linear,
        "The units stay in the linear part of {name}, so that many layers do little more than "
        "one."),

    SAY(GRADIENT, unmeasured, ""),
    SAY(GRADIENT, no_gradient, "Gradients were not measured."),
    SAY(GRADIENT, one_layer,
        "The gradient of the weights, dW, has a standard deviation of {dw.top}."),
    SAY(GRADIENT, nothing_moves,
        "Gradients below the top are exactly 0, and so is dW in every layer: no weight moves."),
    SAY(GRADIENT, only_top_moves,
        "Gradients below the top are exactly 0, and so is dW in every layer but the top, where its "
        "standard deviation is {dw.top}."),
    SAY(GRADIENT, gradient_overflows,
        "Gradients explode and overflow: they grow {gradient.times}x a layer on the way down, and "
        "from layer {gradient.broken} down " BREAKS "."),
    SAY(GRADIENT, gradient_breaks,
        "Of the gradients, from layer {gradient.broken} down " BREAKS "."),
    ADVISE(GRADIENT, gradient_lost_normed,
           "Gradients explode: they grow {gradient.times}x a layer on the way down "
           "({gradient.square}x in mean square), " FROM_TOP "{GRADIENT_LOST}. This is batch norm's "
           "own doing.",
           "stay well below {gradient.lost} layers, or add skip connections."),
    ADVISE(GRADIENT, gradient_grows_normed,
           "Gradients grow {gradient.times}x a layer on the way down ({gradient.square}x in mean "
           "square), " FROM_TOP "{GRADIENT_LOST}. This is batch norm's own doing.",
           "nothing at {depth} layers; towards {gradient.lost}, skip connections."),
    SAY(GRADIENT, gradient_grows_saturated,
        "Yet gradients do not vanish, as saturation is often said to make them. They explode, "
        "{gradient.times}x a layer on the way down ({gradient.square}x in mean square), " FROM_TOP
        ": the units that do not saturate pass them on, through weights that are large."),
    ADVISE(GRADIENT, gradient_creeps_up,
           "Gradients grow by a factor {gradient.factor} a layer on the way down, " FROM_TOP
           "{GRADIENT_LOST}.",
           "nothing at {depth} layers; towards {gradient.lost}, {DEEPER}."),
    ADVISE(GRADIENT, gradient_grows,
           "Gradients explode: they grow {gradient.times}x a layer on the way down "
           "({gradient.square}x in mean square), " FROM_TOP "{GRADIENT_LOST}.",
           "{SCALE}."),
    SAY(GRADIENT, gradient_grows_slowly,
        "Gradients grow slowly on the way down, like a power of depth, " FROM_TOP "."),
    ADVISE(GRADIENT, gradient_stops,
           "Gradients vanish: from layer {gradient.zero} down they are exactly 0.", "{SCALE}."),
    ADVISE(GRADIENT, gradient_falls_alike,
           "Gradients shrink alike, {gradient.times}x a layer on the way down: " LEFT ".",
           "{SCALE}."),
    ADVISE(GRADIENT, gradient_creeps_down,
           "Gradients shrink by a factor {gradient.factor} a layer on the way down: " LEFT
           "{GRADIENT_LOST}.",
           "nothing at {depth} layers; towards {gradient.lost}, {DEEPER}."),
    ADVISE(GRADIENT, gradient_falls,
           "Gradients vanish: they shrink {gradient.times}x a layer on the way down, and " LEFT
           "{GRADIENT_LOST}.",
           "{SCALE}."),
    SAY(GRADIENT, gradient_falls_slowly_too, "So do gradients: " LEFT "."),
    SAY(GRADIENT, gradient_falls_slowly, "Gradients fall slowly, like a power of depth: " LEFT "."),
    ADVISE(GRADIENT, gradient_holds,
           "Gradients hold: {gradient.first} at the top, {gradient.last} in layer 1{DW}.",
           "nothing at {depth} layers."),

    SAY(REGIME, no_regime, ""),
    SAY(REGIME, normed_chaotic,
        "Regime: chaotic whatever the weights' scale: by theory batch norm makes gradients grow by "
        "E phi'^2 / Var phi = {norm.growth} a layer in mean square."),
    SAY(REGIME, normed,
        "Regime: critical whatever the weights' scale: by theory batch norm makes gradients grow "
        "by E phi'^2 / Var phi = 1 a layer in mean square."),
    SAY(REGIME, theory_grows,
        "Regime: ordered, but critical in the limit of depth, where the signal has no bound."),
    SAY(REGIME, critical,
        "Regime: critical: " REGIME_OF
        "neither grow nor shrink by a factor a layer (chi = {chi})."),
    SAY(REGIME, theory_explodes,
        "Regime: chaotic and without bound: by theory signal and gradients grow by chi = {chi} a "
        "layer in mean square, in the end."),
    SAY(REGIME, ordered,
        "Regime: ordered: " REGIME_OF "shrink by chi = {chi} a layer in mean square."),
    SAY(REGIME, mildly_chaotic,
        "Regime: chaotic, but mildly: " REGIME_OF "grow by chi = {chi} a layer in mean square."),
    SAY(REGIME, always,
        "Regime: chaotic: " REGIME_OF "grow by chi = {chi} a layer in mean square."),

    SAY(RUNS, wanders,
        "Single networks wander: over {runs} runs the mean square in layer {depth} deviates by "
        "{wander} %."),

    SAY(VALUE, signal_stops, " (exactly {mean})"),
    SAY(VALUE, always, ""),
    SAY(SIGNAL_LOST, signal_rose_to_loss,
        "; from layer {signal.lost} on it is over 1000 times layer 1's"),
    SAY(SIGNAL_LOST, signal_fell_to_loss,
        "; from layer {signal.lost} on less than a thousandth of layer 1's is left"),
    SAY(SIGNAL_LOST, signal_outlasts, ""),
    SAY(SIGNAL_LOST, signal_grows,
        "; at about layer {signal.lost} it would be 1000 times layer 1's"),
    SAY(SIGNAL_LOST, always,
        "; at about layer {signal.lost} a thousandth of layer 1's would be left"),
    SAY(CONTRAST_LOST, contrast_lost,
        ", and from layer {contrast.lost} on is less than a thousandth of that in layer 1"),
    SAY(CONTRAST_LOST, always,
        ", and at about layer {contrast.lost} would be a thousandth of that in layer 1"),
    SAY(GRADIENT_LOST, gradient_passes, "; over {gradient.lost} layers this makes a factor 1000"),
    SAY(GRADIENT_LOST, gradient_outlasts, ""),
    SAY(GRADIENT_LOST, always, "; over about {gradient.lost} layers this makes a factor 1000"),
    SAY(DW, no_dw, ""),
    SAY(DW, same_dw, " (dW: {dw.bottom} in all layers)"),
    SAY(DW, even_dw, " (dW: {dw.least} to {dw.most} in all layers)"),
    SAY(DW, always, " (dW: {dw.top} in layer {depth}, {dw.bottom} in layer 1)"),
    SAY(THEORY, theory_dies, "shrink {theory.times}x a layer"),
    SAY(THEORY, theory_decays, "decay like a power of depth"),
    SAY(THEORY, theory_explodes, "grow {theory.times}x a layer"),
    SAY(THEORY, theory_grows, "grow like a power of depth"),
    SAY(THEORY, theory_saturates, "saturate {theory.saturated} % of the units"),
    SAY(THEORY, theory_forgets,
        "lose the input, the difference between two samples shrinking {theory.forgets}x a layer"),
    SAY(THEORY, always, "hold"),
    SAY(STD, no_scale, "and put batch norm before {name}, for which no scale of theirs is right"),
    SAY(STD, he, "with std sqrt(2 / fan_in) (He)"),
    SAY(STD, xavier, "with std 1 / sqrt(fan_in) (Xavier)"),
    SAY(STD, always, "with std sqrt({scale} / fan_in)"),
    SAY(SCALE, no_scale_normed, "take an activation whose outputs average 0"),
    SAY(SCALE, no_scale,
        "use batch norm, or an activation whose outputs average 0: no scale of the weights is "
        "right for {name}"),
    SAY(SCALE, normed, "draw the weights {STD}"),
    SAY(SCALE, always, "draw the weights {STD}, or use batch norm"),
    SAY(DEEPER, well_scaled, "add skip connections"),
    SAY(DEEPER, always, "{SCALE}"),
};

const fi_verdict_rule *fi_rule_of(fi_topic topic, const fi_verdict *verdict)
{
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
        if (rules[k].topic == topic && rules[k].when(verdict))
            return &rules[k];
    return NULL;
}
