/* The rules of the verdict: what is said of which numbers. */
#ifndef FI_STUDY_VERDICT_RULES_H
#define FI_STUDY_VERDICT_RULES_H

#include "verdict.h"

/* What there is to speak of: the sentences of a paragraph in their order, then parts of them. */
typedef enum fi_topic {
    FI_SAY_SIGNAL,
    FI_SAY_UNITS,
    FI_SAY_GRADIENT,
    FI_SAY_REGIME,
    FI_SAY_RUNS,
    FI_SENTENCES,
    FI_SAY_VALUE = FI_SENTENCES, /* {VALUE}, and so on */
    FI_SAY_SIGNAL_LOST,
    FI_SAY_CONTRAST_LOST,
    FI_SAY_GRADIENT_LOST,
    FI_SAY_DW,
    FI_SAY_THEORY,
    FI_SAY_STD,
    FI_SAY_SCALE,
    FI_SAY_DEEPER,
    FI_TOPICS
} fi_topic;

/*
 * A text names quantities, as {signal.times}, and topics, as {SCALE}, in whose place their rule
 * speaks. The paragraph ends with the remedy of its first rule that has one.
 */
typedef struct fi_verdict_rule {
    fi_topic topic;
    fi_verdict_class class; /* of the rules on the signal */
    bool (*when)(const fi_verdict *verdict);
    const char *text, *remedy;
} fi_verdict_rule;

/* The first rule on the topic that holds; NULL: there is nothing to say. */
const fi_verdict_rule *fi_rule_of(fi_topic topic, const fi_verdict *verdict);

#endif
