/* The words of the verdict: the texts of the rules with the quantities in their places. */
#include "../core/internal.h"
#include "verdict_rules.h"

#include <math.h>
#include <string.h>

#define COLUMNS 80
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

const char *fi_verdict_class_name(fi_verdict_class class)
{
    static const char *const names[FI_VERDICT_CLASSES] = {
        [FI_VERDICT_UNKNOWN] = "unknown",           [FI_VERDICT_OVERFLOWS] = "overflows",
        [FI_VERDICT_SYMMETRIC] = "symmetric",       [FI_VERDICT_SHALLOW] = "shallow",
        [FI_VERDICT_SATURATES] = "saturates",       [FI_VERDICT_EXPLODES] = "explodes",
        [FI_VERDICT_GROWS_SLOWLY] = "grows slowly", [FI_VERDICT_DIES] = "dies",
        [FI_VERDICT_DECAYS] = "decays slowly",      [FI_VERDICT_FORGETS] = "forgets",
        [FI_VERDICT_REPAIRED] = "repaired",         [FI_VERDICT_HOLDS] = "holds",
    };
    FI_REQUIRE(class < FI_VERDICT_CLASSES);
    return names[class];
}

/* ---- quantities as text ---------------------------------------------------------------------- */

/* Three digits, or two and an exponent: 0.0447, 12.1, 4.2e-05. */
static void number_text(char *out, size_t size, double x)
{
    const double rounded = fabs(x) * 1.0005; /* 0.9997 is 1.00 */
    if (x == 0)
        snprintf(out, size, "0");
    else if (rounded < 1e-3 || rounded >= 1e4)
        snprintf(out, size, "%.1e", x);
    else
        snprintf(out, size, "%.*f", (int)fmax(0, 2 - floor(log10(rounded))), x);
}

static void percent_text(char *out, size_t size, double x)
{
    snprintf(out, size, x > 0 && x < 0.1 ? "%.1f" : "%.0f", 100 * x);
}

/* A number of layers: beyond 100 with two digits, since it is extrapolated. */
static void layers_text(char *out, size_t size, double x)
{
    const double unit = x < 100 ? 1 : pow(10, floor(log10(x)) - 1);
    snprintf(out, size, "%.0f", round(x / unit) * unit);
}

/* By how many times a factor changes, up or down. */
static void times_text(char *out, size_t size, double x)
{
    number_text(out, size, fmax(x, 1 / x));
}

static void square_text(char *out, size_t size, double x)
{
    number_text(out, size, x * x);
}

/* The same of a change of ln std, and of a factor of the mean square. */
static void rate_text(char *out, size_t size, double x)
{
    times_text(out, size, exp(x));
}

static void root_text(char *out, size_t size, double x)
{
    times_text(out, size, sqrt(x));
}

static const struct number {
    const char *name;
    size_t offset; /* of a double in fi_verdict */
    void (*text)(char *out, size_t size, double x);
} numbers[] = {
    {"signal.first", offsetof(fi_verdict, signal.first), number_text},
    {"signal.last", offsetof(fi_verdict, signal.last), number_text},
    {"signal.factor", offsetof(fi_verdict, signal.factor), number_text},
    {"signal.times", offsetof(fi_verdict, signal.factor), times_text},
    {"signal.power", offsetof(fi_verdict, signal.exponent), number_text},
    {"signal.lost", offsetof(fi_verdict, signal.lost), layers_text},
    {"contrast.times", offsetof(fi_verdict, contrast.factor), times_text},
    {"contrast.lost", offsetof(fi_verdict, contrast.lost), layers_text},
    {"gradient.first", offsetof(fi_verdict, gradient.first), number_text},
    {"gradient.last", offsetof(fi_verdict, gradient.last), number_text},
    {"gradient.factor", offsetof(fi_verdict, gradient.factor), number_text},
    {"gradient.times", offsetof(fi_verdict, gradient.factor), times_text},
    {"gradient.square", offsetof(fi_verdict, gradient.factor), square_text},
    {"gradient.lost", offsetof(fi_verdict, gradient.lost), layers_text},
    {"input", offsetof(fi_verdict, input), number_text},
    {"mean", offsetof(fi_verdict, mean), number_text},
    {"dw.top", offsetof(fi_verdict, dw_top), number_text},
    {"dw.bottom", offsetof(fi_verdict, dw_bottom), number_text},
    {"dw.least", offsetof(fi_verdict, dw_least), number_text},
    {"dw.most", offsetof(fi_verdict, dw_most), number_text},
    {"saturated", offsetof(fi_verdict, saturated), percent_text},
    {"dead", offsetof(fi_verdict, dead), percent_text},
    {"cosine.first", offsetof(fi_verdict, cosine_first), number_text},
    {"cosine.last", offsetof(fi_verdict, cosine_last), number_text},
    {"wander", offsetof(fi_verdict, wander), percent_text},
    {"chi", offsetof(fi_verdict, theory.chi_1), number_text},
    {"norm.growth", offsetof(fi_verdict, batch_norm_growth), number_text},
    {"theory.times", offsetof(fi_verdict, rate), rate_text},
    {"theory.forgets", offsetof(fi_verdict, theory.chi_1), root_text},
    {"theory.saturated", offsetof(fi_verdict, settled_saturated), percent_text},
    {"settled", offsetof(fi_verdict, settled), number_text},
    {"scale", offsetof(fi_verdict, scale), number_text},
};

static const struct count {
    const char *name;
    size_t offset; /* of a size_t in fi_verdict */
} counts[] = {
    {"depth", offsetof(fi_verdict, depth)},
    {"width", offsetof(fi_verdict, width)},
    {"runs", offsetof(fi_verdict, runs)},
    {"signal.zero", offsetof(fi_verdict, signal.zero)},
    {"gradient.zero", offsetof(fi_verdict, gradient.zero)},
    {"gradient.broken", offsetof(fi_verdict, gradient.broken)},
    {"nonfinite.layer", offsetof(fi_verdict, nonfinite_layer)},
};

static const struct part {
    const char *name;
    fi_topic topic;
} parts[] = {
    {"VALUE", FI_SAY_VALUE},
    {"SIGNAL_LOST", FI_SAY_SIGNAL_LOST},
    {"CONTRAST_LOST", FI_SAY_CONTRAST_LOST},
    {"GRADIENT_LOST", FI_SAY_GRADIENT_LOST},
    {"DW", FI_SAY_DW},
    {"THEORY", FI_SAY_THEORY},
    {"STD", FI_SAY_STD},
    {"SCALE", FI_SAY_SCALE},
    {"DEEPER", FI_SAY_DEEPER},
};

/* ---- a paragraph ----------------------------------------------------------------------------- */

typedef struct paragraph {
    FILE *stream;
    const fi_verdict *verdict;
    size_t column, length; /* of what is written of the line, and of the word that is not yet */
    char word[COLUMNS];
} paragraph;

static void end_word(paragraph *p)
{
    if (p->length == 0)
        return;
    const size_t column = p->column ? p->column + 1 + p->length : p->length;
    if (p->column > 0)
        (void)fputc(column > COLUMNS ? '\n' : ' ', p->stream);
    p->column = column > COLUMNS ? p->length : column;
    (void)fwrite(p->word, 1, p->length, p->stream);
    p->length = 0;
}

static void put(paragraph *p, const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++) {
        if (text[k] == ' ' || p->length == sizeof p->word)
            end_word(p);
        if (text[k] != ' ')
            p->word[p->length++] = text[k];
    }
}

static bool is(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* What the rules put in the place of {NAME}; NULL: it is no topic. */
static const char *part_text(const fi_verdict *verdict, const char *name, size_t length)
{
    for (size_t k = 0; k < COUNT_OF(parts); k++)
        if (is(parts[k].name, name, length))
            return fi_rule_of(parts[k].topic, verdict)->text;
    return NULL;
}

static void put_quantity(paragraph *p, const char *name, size_t length)
{
    const char *const base = (const char *)p->verdict;
    char text[32] = "";
    for (size_t k = 0; k < COUNT_OF(numbers); k++)
        if (is(numbers[k].name, name, length))
            numbers[k].text(text, sizeof text, *(const double *)(base + numbers[k].offset));
    for (size_t k = 0; k < COUNT_OF(counts); k++)
        if (is(counts[k].name, name, length))
            snprintf(text, sizeof text, "%zu", *(const size_t *)(base + counts[k].offset));
    if (is("name", name, length))
        snprintf(text, sizeof text, "%s", p->verdict->activation->name);
    FI_REQUIRE(text[0]);
    put(p, text, strlen(text));
}

/* A text whose parts may have parts: rest[level] is what is left of each. */
static void say(paragraph *p, const char *text)
{
    const char *rest[4] = {text};
    for (size_t level = 0;;) {
        const char *open = rest[level] + strcspn(rest[level], "{");
        put(p, rest[level], (size_t)(open - rest[level]));
        if (*open == '\0') {
            if (level-- == 0)
                return;
            continue;
        }
        const char *name = open + 1;
        const size_t length = strcspn(name, "}");
        const char *part = part_text(p->verdict, name, length);
        rest[level] = name + length + 1;
        if (!part) {
            put_quantity(p, name, length);
            continue;
        }
        level++;
        FI_REQUIRE(level < COUNT_OF(rest));
        rest[level] = part;
    }
}

void fi_verdict_print(const fi_verdict *verdict, FILE *stream)
{
    paragraph p = {.stream = stream, .verdict = verdict};
    const char *remedy = NULL;
    say(&p, verdict->batch_norm ? "{name}, batch norm on: " : "{name}, batch norm off: ");
    for (int topic = 0; topic < FI_SENTENCES; topic++) {
        const fi_verdict_rule *rule = fi_rule_of((fi_topic)topic, verdict);
        if (!rule)
            continue;
        say(&p, rule->text);
        say(&p, " ");
        remedy = remedy ? remedy : rule->remedy;
    }
    if (remedy) {
        say(&p, "What to do: ");
        say(&p, remedy);
    }
    end_word(&p);
    (void)fputc('\n', stream);
}
