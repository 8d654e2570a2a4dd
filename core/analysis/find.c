/* SPDX-License-Identifier: MIT */
/* Finding where a condition ceases to hold: see find.h. */
#include "core/analysis/find.h"

#include <stdlib.h>
#include <string.h>

#define NONE __builtin_nan("")

const char *const find_outcome_names[] = {
    [FIND_FOUND] = "found",
    [FIND_NOISE] = "noise",
    [FIND_PROBES_USED] = "probes_used",
    [FIND_HOLDS_AT_BOTH] = "holds_at_both_ends",
    [FIND_FAILS_AT_BOTH] = "fails_at_both_ends",
    [FIND_END_UNDECIDED] = "end_undecided",
};

const char *const find_decision_names[] = {
    [FIND_UNDECIDED] = "undecided",
    [FIND_HOLDS] = "holds",
    [FIND_FAILS] = "fails",
};

struct search {
    const struct find_options *options;
    struct find_result *result;
    void (*told)(void *context, const struct find_probe *probe);
    void *context;
};

/* ---- conditions ---- */

static int bad_condition(const char *text, omega_error_t *err)
{
    return omega_error_set(
        err, OMEGA_EINVAL,
        "condition '%.100s': expected METRIC <= NUMBER, or with <, >= or >, such "
        "as batch.wait_first_p90_s <= 30",
        text);
}

int find_condition_parse(const char *text, struct find_condition *condition, omega_error_t *err)
{
    size_t length = strcspn(text, "<>");
    const char *sign = text + length;
    char *end;
    if (sign[0] == '\0' || length >= METRIC_BYTES) {
        return bad_condition(text, err);
    }
    condition->at_least = sign[0] == '>';
    condition->strict = sign[1] != '=';
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    snprintf(condition->metric, sizeof condition->metric, "%.*s", (int)length, text);
    sign += condition->strict ? 1 : 2;
    condition->limit = strtod(sign, &end);
    bool finite = condition->limit - condition->limit == 0;
    return length == 0 || end == sign || *end != '\0' || !finite ? bad_condition(text, err) : 0;
}

/* What an interval says of a condition. A value that is a lower bound can show that something is
 * large, but not that it is small. */
static enum find_decision decide(const struct find_condition *condition,
                                 const struct interval *mean, uint32_t bounds)
{
    double limit = condition->limit;
    bool limit_is_large = condition->at_least != condition->strict; /* >= and < */
    bool small = limit_is_large ? mean->high < limit : mean->high <= limit;
    bool large = limit_is_large ? mean->low >= limit : mean->low > limit;
    if (small && bounds == 0) {
        return condition->at_least ? FIND_FAILS : FIND_HOLDS;
    }
    return !large ? FIND_UNDECIDED : condition->at_least ? FIND_HOLDS : FIND_FAILS;
}

/* ---- a probe ---- */

static int need_value(const struct find_probe *probe, const struct find_options *options,
                      omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EINVAL,
                           "%.80s=%s: a run has no value of '%.80s', expected one in each",
                           options->parameter, probe->text, options->condition.metric);
}

/* Looks at the runs of a probe so far. */
static int look(const struct find_options *options, double error, struct probe *runs,
                struct find_probe *probe, omega_error_t *err)
{
    struct result_set *set = NULL;
    struct metric metric;
    struct metric_values values = {0};
    int rc = probe_results(runs, &set, err);
    rc = rc == 0 ? metric_find(set, options->condition.metric, &metric, err) : rc;
    rc = rc == 0 ? metric_values_read(set, 0, &metric, options->censored_max, &values, err) : rc;
    if (rc == 0 && values.known < values.count) {
        rc = need_value(probe, options, err);
    }
    if (rc == 0) {
        interval_of_mean(values.values, values.count, 1 - 2 * error, &probe->mean);
        probe->bounds = values.bounds;
        probe->decision = decide(&options->condition, &probe->mean, probe->bounds);
    }
    metric_values_free(&values);
    result_set_close(set);
    return rc;
}

/* Runs seeds until the condition is decided, or there are no more. */
static int run_looks(struct search *search, struct probe *runs, struct find_probe *probe,
                     omega_error_t *err)
{
    const struct find_options *options = search->options;
    uint32_t done = 0;
    int rc = 0;
    for (uint32_t wanted = options->seeds; rc == 0 && wanted <= options->seeds_max; wanted *= 2) {
        rc = probe_run(runs, options->seed + done, wanted - done, err);
        rc = rc == 0 ? look(options, search->result->error, runs, probe, err) : rc;
        search->result->runs += wanted - done;
        done = wanted;
        if (probe->decision != FIND_UNDECIDED) {
            break;
        }
    }
    return rc;
}

/* Tries a value; *out is its probe. */
static int try_value(struct search *search, double value, struct find_probe **out,
                     omega_error_t *err)
{
    struct find_probe *probe = &search->result->probes[search->result->probe_count];
    *probe = (struct find_probe){.value = value};
    snprintf(probe->text, sizeof probe->text, "%.12g", value);
    struct probe *runs =
        probe_create(&search->options->runs, search->options->parameter, probe->text);
    int rc = runs == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                          : run_looks(search, runs, probe, err);
    probe_destroy(runs);
    if (rc == 0) {
        search->result->probe_count++;
        *out = probe;
        if (search->told != NULL) {
            search->told(search->context, probe);
        }
    }
    return rc;
}

/* ---- the search ---- */

static double size_of(double x)
{
    return x < 0 ? -x : x;
}

/* The width that is narrow enough. */
static double enough(const struct search *search)
{
    double a = size_of(search->result->holds);
    double b = size_of(search->result->fails);
    return search->options->whole ? 1 : search->options->precision * (a > b ? a : b);
}

/* The value in the middle, as it will be written; NaN: there is none between. */
static double middle(const struct search *search, double a, double b)
{
    char text[FIND_VALUE_BYTES];
    double value = a + (b - a) / 2;
    if (search->options->whole) {
        int64_t floor = (int64_t)value;
        value = (double)(floor - ((double)floor > value));
    }
    snprintf(text, sizeof text, "%.12g", value);
    value = strtod(text, NULL);
    return value == a || value == b ? NONE : value;
}

/* Where to look next: in the middle, or in the wider gap beside what could not be decided, until
 * both gaps and that are narrow enough together, or both gaps are narrow and that is too wide by
 * itself. NaN: nowhere. */
static double next_value(const struct search *search)
{
    const struct find_result *result = search->result;
    double narrow = enough(search);
    if (!result->grey) {
        return size_of(result->fails - result->holds) <= narrow
                   ? NONE
                   : middle(search, result->holds, result->fails);
    }
    bool rising = result->holds < result->fails;
    double near_holds = rising ? result->grey_low : result->grey_high;
    double near_fails = rising ? result->grey_high : result->grey_low;
    double below = size_of(near_holds - result->holds);
    double above = size_of(result->fails - near_fails);
    double rest = (narrow - (result->grey_high - result->grey_low)) / 2;
    double wanted = rest > narrow / 4 ? rest : narrow / 4;
    if (below <= wanted && above <= wanted) {
        return NONE;
    }
    return below > above ? middle(search, result->holds, near_holds)
                         : middle(search, near_fails, result->fails);
}

static void take(struct find_result *result, const struct find_probe *probe)
{
    double value = probe->value;
    if (probe->decision == FIND_UNDECIDED) {
        result->grey_low = result->grey && result->grey_low < value ? result->grey_low : value;
        result->grey_high = result->grey && result->grey_high > value ? result->grey_high : value;
        result->grey = true;
        return;
    }
    *(probe->decision == FIND_HOLDS ? &result->holds : &result->fails) = value;
    double low = result->holds < result->fails ? result->holds : result->fails;
    double high = result->holds < result->fails ? result->fails : result->holds;
    if (result->grey && (result->grey_low <= low || result->grey_high >= high)) {
        result->grey = false; /* decided beyond it: nothing of it is left between */
    }
}

/* Tries both ends of the range; true: the condition holds at one of them only. */
static int try_ends(struct search *search, bool *between, omega_error_t *err)
{
    struct find_result *result = search->result;
    struct find_probe *from = NULL;
    struct find_probe *to = NULL;
    *between = false;
    int rc = try_value(search, search->options->from, &from, err);
    rc = rc == 0 ? try_value(search, search->options->to, &to, err) : rc;
    if (rc != 0) {
        return rc;
    }
    if (from->decision == FIND_UNDECIDED || to->decision == FIND_UNDECIDED) {
        result->outcome = FIND_END_UNDECIDED;
    } else if (from->decision == to->decision) {
        result->outcome = from->decision == FIND_HOLDS ? FIND_HOLDS_AT_BOTH : FIND_FAILS_AT_BOTH;
    } else {
        result->holds = from->decision == FIND_HOLDS ? from->value : to->value;
        result->fails = from->decision == FIND_HOLDS ? to->value : from->value;
        *between = true;
    }
    return 0;
}

/* ---- where the means cross the limit ---- */

static int by_value(const void *left, const void *right)
{
    const struct find_probe *a = left;
    const struct find_probe *b = right;
    return a->value < b->value ? -1 : a->value > b->value;
}

/* Linear between the two neighbours whose means lie on both sides of the limit. */
static double interpolate(const struct find_result *result, double limit)
{
    for (uint32_t i = 0; i + 1 < result->probe_count; i++) {
        const struct find_probe *a = &result->probes[i];
        const struct find_probe *b = &result->probes[i + 1];
        double from = a->mean.estimate - limit;
        double to = b->mean.estimate - limit;
        if (a->bounds + b->bounds == 0 && from != to && ((from <= 0) != (to <= 0))) {
            return a->value + (b->value - a->value) * (from / (from - to));
        }
    }
    return NONE;
}

static int search_between(struct search *search, omega_error_t *err)
{
    struct find_result *result = search->result;
    double value = next_value(search);
    int rc = 0;
    while (rc == 0 && value == value && result->probe_count < search->options->probes) {
        struct find_probe *probe = NULL;
        rc = try_value(search, value, &probe, err);
        if (rc == 0) {
            take(result, probe);
            value = next_value(search);
        }
    }
    bool narrow = size_of(result->fails - result->holds) <= enough(search);
    result->outcome = narrow ? FIND_FOUND : value == value ? FIND_PROBES_USED : FIND_NOISE;
    return rc;
}

int find_run(const struct find_options *options,
             void (*told)(void *context, const struct find_probe *probe), void *context,
             struct find_result *result, omega_error_t *err)
{
    struct search search = {.options = options, .result = result, .told = told, .context = context};
    bool between;
    *result = (struct find_result){.holds = NONE, .fails = NONE, .estimate = NONE};
    for (uint32_t seeds = options->seeds; seeds <= options->seeds_max; seeds *= 2) {
        result->looks++;
    }
    result->error = (1 - options->confidence) / ((double)options->probes * result->looks);
    int rc = try_ends(&search, &between, err);
    if (rc == 0 && between) {
        rc = search_between(&search, err);
    }
    if (rc == 0) {
        qsort(result->probes, result->probe_count, sizeof *result->probes, by_value);
        result->estimate = between ? interpolate(result, options->condition.limit) : NONE;
    }
    return rc;
}
