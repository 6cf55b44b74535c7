/* The diagnosis: the rules of diagnosis.def asked in order, and what they say in words. */
#include "diagnosis.h"

#include "../core/internal.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- what is known, in words ----------------------------------------------------------------- */

/* A text that grows at its end; what does not fit is cut off. */
typedef struct text {
    char *out;
    size_t size, length;
} text;

__attribute__((format(printf, 2, 3))) static void add(text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(t->out + t->length, t->size - t->length, format, arguments);
    va_end(arguments);
    FI_REQUIRE(n >= 0);
    const size_t left = t->size - t->length - 1;
    t->length += (size_t)n < left ? (size_t)n : left;
}

/* Nothing of a NAN. An accuracy is a percentage. */
static void add_value(text *t, const char *name, bool percent, double value, double guess)
{
    const double times = percent ? 100 : 1;
    const char *unit = percent ? " %" : "";
    if (isnan(value))
        return;
    add(t, "%s%s %.4g%s", t->length ? ", " : "", name, times * value, unit);
    if (!isnan(guess))
        add(t, " (guessing: %.4g%s)", times * guess, unit);
}

void fi_facts_in_words(const fi_curves *c, fi_facts *f)
{
    text state = {f->state, sizeof f->state, 0};
    add_value(&state, isnan(f->train.last) ? "batch loss" : "training loss", false, f->loss.last,
              f->guess_loss);
    add_value(&state, "training accuracy", true, f->accuracy.last, f->guess_accuracy);
    if (state.length == 0) {
        add_value(&state, "validation loss", false, f->validation_loss.last, f->guess_loss);
        add_value(&state, "validation accuracy", true, f->validation_accuracy.last,
                  f->guess_accuracy);
    }
    f->state[0] = (char)toupper(f->state[0]);

    text rate = {f->rate, sizeof f->rate, 0};
    if (c->rate > 0)
        add(&rate, " of %.3g", c->rate);
    text now = {f->regularization, sizeof f->regularization, 0};
    const bool drops = c->keep > 0 && c->keep < 1;
    if (c->l2 > 0 && drops)
        add(&now, " (now L2 %.3g, dropout keeping %.3g)", c->l2, c->keep);
    else if (c->l2 > 0)
        add(&now, " (now L2 %.3g)", c->l2);
    else if (drops)
        add(&now, " (now dropout keeping %.3g)", c->keep);
}

/* ---- the rules ------------------------------------------------------------------------------- */

/* What there is to speak of; on each topic the first rule that holds does. */
typedef enum topic {
    CAUSE,   /* why training does not get far */
    FIT,     /* how training and validation compare */
    CLASSES, /* the shares of the classes */
    RATE,
    UNITS,
    START, /* what the first weights cost */
    LENGTH,
    NOISE,
    REST
} topic;

typedef struct report {
    fi_finding *findings;
    size_t count, most;
    unsigned spoken; /* a bit a topic */
    bool fails;      /* a cause was FI_BAD */
} report;

__attribute__((format(printf, 5, 6))) static void say(report *r, topic about, fi_outlook outlook,
                                                      const char *rule, const char *format, ...)
{
    fi_finding *finding = &r->findings[r->count++];
    finding->rule = rule;
    finding->outlook = outlook;
    r->spoken |= 1U << about;
    r->fails |= about == CAUSE && outlook == FI_BAD;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

static bool may_say(const report *r, topic about)
{
    const bool silenced = r->fails && about != CLASSES;
    return r->count < r->most && !silenced && !(r->spoken & 1U << about);
}

#define FI_DIAGNOSIS(rule, about, outlook, when, ...)                                              \
    if (may_say(r, about) && (when))                                                               \
        say(r, about, outlook, #rule, __VA_ARGS__);

static void ask(const fi_facts *f, report *r){
#include "diagnosis.def"
}

size_t fi_diagnose(const fi_curves *curves, size_t most, fi_finding *findings)
{
    FI_REQUIRE(curves && findings && most > 0);
    const fi_facts facts = fi_facts_of(curves);
    report r = {.findings = findings, .most = most};
    ask(&facts, &r);
    return r.count;
}
