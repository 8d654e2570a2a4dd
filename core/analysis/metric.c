/* SPDX-License-Identifier: MIT */
/* Metrics over seeds: see metric.h. */
#include "core/analysis/metric.h"

#include <stdlib.h>
#include <string.h>

#include "core/analysis/result_set_private.h"

/* Where a metric without a scope is looked for, in this order. */
static const enum result_scope search_order[] = {RESULT_WORKLOAD, RESULT_SCHEDULER, RESULT_CELL};

static bool has_key(const struct result_set *set, enum result_scope scope, const char *key)
{
    uint32_t symbol = symbols_find(set->keys[scope], key, strlen(key));
    return symbol != SYMBOL_NONE && symbol != 0;
}

static bool has_name(const struct result_set *set, enum result_scope scope, const char *name,
                     size_t length)
{
    uint32_t symbol = symbols_find(set->names[scope], name, length);
    return symbol != SYMBOL_NONE && symbol != 0;
}

/* NAME.KEY in a scope: names and keys may hold dots, so the longest name that is one. */
static bool find_in(const struct result_set *set, enum result_scope scope, const char *text,
                    struct metric *metric, bool *named)
{
    for (const char *dot = text + strlen(text); dot-- > text;) {
        if (*dot != '.' || !has_name(set, scope, text, (size_t)(dot - text))) {
            continue;
        }
        *named = true;
        if (has_key(set, scope, dot + 1)) {
            metric->scope = scope;
            snprintf(metric->name, sizeof metric->name, "%.*s", (int)(dot - text), text);
            snprintf(metric->key, sizeof metric->key, "%s", dot + 1);
            return true;
        }
    }
    return false;
}

/* "batch, service" */
static void list_names(const struct result_set *set, char *out, size_t size)
{
    size_t length = 0;
    const char *name;
    out[0] = '\0';
    for (int s = 0; s < RESULT_SCOPES; s++) {
        for (uint32_t i = 0; (name = result_set_name(set, (enum result_scope)s, i)) != NULL; i++) {
            if (length + strlen(name) + 16 < size) {
                length += (size_t)snprintf(out + length, size - length, "%s%s:%s",
                                           length == 0 ? "" : ", ", result_scope_names[s], name);
            }
        }
    }
}

static int not_found(const struct result_set *set, const char *text, bool named, omega_error_t *err)
{
    char names[160];
    if (named) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "metric '%.100s': no such key, expected a column of results with a "
                               "number, such as wait_first_mean_s or busyness",
                               text);
    }
    list_names(set, names, sizeof names);
    return omega_error_set(err, OMEGA_EINVAL,
                           "metric '%.60s': expected [SCOPE:]NAME.KEY with a NAME of %s", text,
                           names);
}

int metric_find(const struct result_set *set, const char *text, struct metric *metric,
                omega_error_t *err)
{
    bool named = false;
    if (strlen(text) >= METRIC_BYTES) {
        return omega_error_set(err, OMEGA_EINVAL, "metric '%.60s...': too long", text);
    }
    for (size_t i = 0; i < sizeof search_order / sizeof search_order[0]; i++) {
        enum result_scope scope = search_order[i];
        size_t length = strlen(result_scope_names[scope]);
        bool scoped = strncmp(text, result_scope_names[scope], length) == 0 && text[length] == ':';
        if ((scoped && find_in(set, scope, text + length + 1, metric, &named)) ||
            find_in(set, scope, text, metric, &named)) {
            return 0;
        }
    }
    return not_found(set, text, named, err);
}

void metric_text(const struct metric *metric, char *out, size_t size)
{
    if (metric->scope == RESULT_CELL) {
        snprintf(out, size, "cell.%s", metric->key);
    } else {
        snprintf(out, size, "%s:%s.%s", result_scope_names[metric->scope], metric->name,
                 metric->key);
    }
}

static bool is_listed(const struct metric *metrics, uint32_t count, const struct metric *metric)
{
    for (uint32_t i = 0; i < count; i++) {
        if (metrics[i].scope == metric->scope && strcmp(metrics[i].name, metric->name) == 0 &&
            strcmp(metrics[i].key, metric->key) == 0) {
            return true;
        }
    }
    return false;
}

int metric_find_all(const struct result_set *set, const char *const *texts, uint32_t text_count,
                    struct metric *metrics, uint32_t room, uint32_t *count, omega_error_t *err)
{
    *count = 0;
    for (uint32_t i = 0; i < text_count; i++) {
        struct metric metric;
        if (metric_find(set, texts[i], &metric, err) != 0) {
            return OMEGA_EINVAL;
        }
        if (is_listed(metrics, *count, &metric)) {
            continue;
        }
        if (*count == room) {
            return omega_error_set(err, OMEGA_EINVAL, "more than %u metrics, expected fewer", room);
        }
        metrics[(*count)++] = metric;
    }
    return 0;
}

/* ---- values ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* The number of the key that stands beside a metric's: its last `cut` bytes replaced. */
static double beside(const struct result_set *set, const struct result_row *row, const char *key,
                     size_t cut, const char *end)
{
    char other[METRIC_BYTES + 16];
    snprintf(other, sizeof other, "%.*s%s", (int)(strlen(key) - cut), key, end);
    return result_row_number(set, row, other);
}

/* Is a value a lower bound? Of a mean it depends on how many jobs had not begun. */
static bool is_bound(const struct result_set *set, const struct result_row *row, const char *key,
                     double censored_max, bool *tolerated)
{
    if (!ends_with(key, "_s") || beside(set, row, key, 2, "_censored") != 1) {
        return false;
    }
    if (!ends_with(key, "_mean_s")) {
        return true;
    }
    double share =
        beside(set, row, key, 7, "_never") / result_row_number(set, row, "jobs_submitted");
    *tolerated = share <= censored_max;
    return !*tolerated;
}

int metric_values_read(const struct result_set *set, uint32_t configuration,
                       const struct metric *metric, double censored_max,
                       struct metric_values *values, omega_error_t *err)
{
    uint32_t count = result_set_configuration(set, configuration)->seed_count;
    *values = (struct metric_values){.count = count};
    values->values = calloc(count + 1, sizeof *values->values);
    values->censored = calloc(count + 1, sizeof *values->censored);
    if (values->values == NULL || values->censored == NULL) {
        metric_values_free(values);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < count; i++) {
        bool tolerated = false;
        const struct result_row *row =
            result_set_row(set, configuration, i, metric->scope, metric->name);
        values->values[i] =
            row == NULL ? __builtin_nan("") : result_row_number(set, row, metric->key);
        if (values->values[i] == values->values[i]) {
            values->censored[i] = is_bound(set, row, metric->key, censored_max, &tolerated);
            values->known++;
            values->bounds += values->censored[i];
            values->tolerated += tolerated;
        }
    }
    return 0;
}

void metric_values_free(struct metric_values *values)
{
    free(values->values);
    free(values->censored);
    *values = (struct metric_values){0};
}

/* ---- lists of metrics ---- */

static bool set_metric(const struct result_set *set, enum result_scope scope, const char *name,
                       const char *key, struct metric *metric)
{
    metric->scope = scope;
    snprintf(metric->name, sizeof metric->name, "%s", name);
    snprintf(metric->key, sizeof metric->key, "%s", key);
    return has_key(set, scope, key);
}

uint32_t metric_defaults(const struct result_set *set, struct metric *metrics, uint32_t room)
{
    static const struct {
        enum result_scope scope;
        const char *key;
    } shown[] = {
        {RESULT_WORKLOAD, "wait_first_mean_s"},  {RESULT_WORKLOAD, "wait_first_p90_s"},
        {RESULT_WORKLOAD, "jobs_scheduled"},     {RESULT_SCHEDULER, "busyness"},
        {RESULT_SCHEDULER, "conflict_fraction"}, {RESULT_CELL, "cpu_utilisation"},
    };
    uint32_t count = 0;
    const char *name;
    for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++) {
        for (uint32_t i = 0; (name = result_set_name(set, shown[k].scope, i)) != NULL; i++) {
            if (count < room &&
                set_metric(set, shown[k].scope, name, shown[k].key, &metrics[count])) {
                count++;
            }
        }
    }
    return count;
}

uint32_t metric_all(const struct result_set *set, struct metric *metrics, uint32_t room)
{
    uint32_t count = 0;
    const char *name;
    const char *key;
    for (size_t s = 0; s < sizeof search_order / sizeof search_order[0]; s++) {
        enum result_scope scope = search_order[s];
        for (uint32_t i = 0; (name = result_set_name(set, scope, i)) != NULL; i++) {
            for (uint32_t k = 0; (key = result_set_key(set, scope, k)) != NULL; k++) {
                if (count < room && set_metric(set, scope, name, key, &metrics[count])) {
                    count++;
                }
            }
        }
    }
    return count;
}
