/* SPDX-License-Identifier: MIT */
/* What a comparison says, in words: see compare.h. */
#include <stdarg.h>
#include <stdio.h>

#include "core/analysis/compare.h"

struct words {
    char *out;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int more =
        vsnprintf(words->out + words->length, COMPARE_SENTENCE_BYTES - words->length, format, list);
    va_end(list);
    words->length += more > 0 ? (size_t)more : 0;
    if (words->length >= COMPARE_SENTENCE_BYTES) {
        words->length = COMPARE_SENTENCE_BYTES - 1;
    }
}

static double size_of(double x)
{
    return x < 0 ? -x : x;
}

/* "12.3 % (8.1 to 16.5 %)", or the same in the metric's unit where A's mean may be 0. The interval
 * is named from its end next to 0 on: a share of what there is less, or more. */
static void say_size(struct words *words, const struct comparison *comparison)
{
    bool share = comparison->relative_low == comparison->relative_low;
    double factor = share ? 100 : 1;
    const char *unit = share ? " %" : "";
    double estimate = share ? comparison->relative : comparison->difference.estimate;
    double low = share ? comparison->relative_low : comparison->difference.low;
    double high = share ? comparison->relative_high : comparison->difference.high;
    bool less = estimate < 0;
    say(words, "%.3g%s (%.3g to %.3g%s) %s", size_of(estimate) * factor, unit,
        (less ? -high : low) * factor, (less ? -low : high) * factor, unit, less ? "less" : "more");
}

static void say_bounds(struct words *words, const struct comparison *comparison,
                       const struct compare_side *a, const struct compare_side *b)
{
    if (comparison->bounds_a > 0 && comparison->bounds_b > 0) {
        say(words, "of '%s' and of '%s'", a->label, b->label);
    } else {
        say(words, "of '%s'", comparison->bounds_a > 0 ? a->label : b->label);
    }
}

static void say_verdict(struct words *words, const struct comparison *comparison,
                        const struct compare_side *a, const struct compare_side *b)
{
    double difference = comparison->difference.estimate;
    switch (comparison->verdict) {
    case COMPARE_NO_VALUE:
        say(words, "has no value to compare");
        break;
    case COMPARE_ONE_SEED:
        say(words, "is %.3g %s under '%s', in one seed: nothing says how sure that is",
            size_of(difference), difference < 0 ? "less" : "more", b->label);
        break;
    case COMPARE_BOUNDS:
        say(words, "is not decided: values ");
        say_bounds(words, comparison, a, b);
        say(words, " are lower bounds (jobs had not begun by the horizon)");
        break;
    case COMPARE_EQUAL:
        say(words, "is equal in every seed");
        break;
    case COMPARE_CONSTANT:
        say(words, "is exactly %.6g %s under '%s' in every seed", size_of(difference),
            difference < 0 ? "less" : "more", b->label);
        break;
    case COMPARE_NOT_DIFFERENT:
        say(words, "does not differ beyond noise");
        break;
    case COMPARE_DIFFERENT:
        say(words, "is ");
        say_size(words, comparison);
        say(words, " under '%s'", b->label);
        break;
    case COMPARE_AT_LEAST:
        say(words, "is at least ");
        say_size(words, comparison);
        say(words, " under '%s'; at least, for values ", b->label);
        say_bounds(words, comparison, a, b);
        say(words, " are lower bounds");
        break;
    }
}

void compare_sentence(const struct comparison *comparison, const struct compare_side *a,
                      const struct compare_side *b, char out[COMPARE_SENTENCE_BYTES])
{
    struct words words = {.out = out};
    char text[METRIC_BYTES];
    metric_text(&comparison->metric, text, sizeof text);
    say(&words, "%.200s ", text);
    say_verdict(&words, comparison, a, b);
    if (comparison->tolerated && comparison->verdict > COMPARE_BOUNDS) {
        say(&words, " (the few jobs that had not begun count with what they had waited)");
    }
}
