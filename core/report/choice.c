/* SPDX-License-Identifier: MIT */
/* What differs between configurations, and which of them are shown: see report_private.h. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/report_private.h"

/* A number that is written as JSON writes it, and nothing behind it. */
static bool as_number(const char *text, double *number)
{
    char *end;
    if (*text == '\0' || strspn(text, "0123456789+-.eE") != strlen(text)) {
        return false;
    }
    *number = strtod(text, &end);
    return *end == '\0' && isfinite(*number);
}

/* ---- parameters and their values ---- */

static struct report_parameter *find_parameter(struct report *report, const char *path)
{
    for (uint32_t i = 0; i < report->parameter_count; i++) {
        if (strcmp(report->parameters[i].path, path) == 0) {
            return &report->parameters[i];
        }
    }
    if (report->parameter_count == RESULT_PARAMETERS_MAX) {
        return NULL;
    }
    struct report_parameter *parameter = &report->parameters[report->parameter_count];
    *parameter = (struct report_parameter){.path = path};
    parameter->texts = pool_alloc(&report->pool, REPORT_VALUES_MAX, sizeof *parameter->texts);
    parameter->numbers = pool_alloc(&report->pool, REPORT_VALUES_MAX, sizeof *parameter->numbers);
    if (parameter->texts == NULL || parameter->numbers == NULL) {
        return NULL;
    }
    report->parameter_count++;
    return parameter;
}

static uint32_t find_value(const struct report_parameter *parameter, const char *text)
{
    uint32_t i = 0;
    while (i < parameter->count && strcmp(parameter->texts[i], text) != 0) {
        i++;
    }
    return i < parameter->count ? i : UINT32_MAX;
}

static int collect_values(struct report *report, omega_error_t *err)
{
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        const struct result_configuration *configuration = result_set_configuration(report->set, c);
        for (uint32_t i = 0; i < configuration->parameter_count; i++) {
            const struct result_parameter *from = &configuration->parameter_list[i];
            struct report_parameter *parameter = find_parameter(report, from->path);
            if (parameter == NULL) {
                return report_no_memory(err);
            }
            if (find_value(parameter, from->value) != UINT32_MAX) {
                continue;
            }
            if (parameter->count == REPORT_VALUES_MAX) {
                return omega_error_set(err, OMEGA_EINVAL,
                                       "'%.80s' has more than %u values, expected fewer in one "
                                       "report",
                                       from->path, REPORT_VALUES_MAX);
            }
            parameter->texts[parameter->count++] = from->value;
        }
    }
    return 0;
}

/* Whether values lie more evenly on a logarithmic scale: a decade apart, and their ratios more
 * alike than their differences. They rise. */
static bool is_logarithmic(const double *values, uint32_t count)
{
    double ratio[2] = {INFINITY, 0};
    double step[2] = {INFINITY, 0};
    if (count < 3 || values[0] <= 0 || values[count - 1] < 10 * values[0]) {
        return false;
    }
    for (uint32_t i = 1; i < count; i++) {
        double r = values[i] / values[i - 1] - 1;
        double s = values[i] - values[i - 1];
        ratio[0] = r < ratio[0] ? r : ratio[0];
        ratio[1] = r > ratio[1] ? r : ratio[1];
        step[0] = s < step[0] ? s : step[0];
        step[1] = s > step[1] ? s : step[1];
    }
    return ratio[1] * step[0] < step[1] * ratio[0];
}

static void sort_values(struct report_parameter *parameter)
{
    parameter->numeric = true;
    for (uint32_t i = 0; i < parameter->count; i++) {
        parameter->numeric =
            as_number(parameter->texts[i], &parameter->numbers[i]) && parameter->numeric;
    }
    for (uint32_t i = 0; i < parameter->count; i++) {
        parameter->numbers[i] = parameter->numeric ? parameter->numbers[i] : i;
        for (uint32_t k = i; k > 0 && parameter->numbers[k] < parameter->numbers[k - 1]; k--) {
            double number = parameter->numbers[k];
            const char *text = parameter->texts[k];
            parameter->numbers[k] = parameter->numbers[k - 1];
            parameter->texts[k] = parameter->texts[k - 1];
            parameter->numbers[k - 1] = number;
            parameter->texts[k - 1] = text;
        }
    }
    parameter->log = parameter->numeric && is_logarithmic(parameter->numbers, parameter->count);
}

/* The last part of a path that is no number: "instances" of "schedulers.0.instances". */
static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL || dot[1] == '\0' || isdigit((unsigned char)dot[1]) ? path : dot + 1;
}

static int name_parameter(struct report *report, uint32_t index, omega_error_t *err)
{
    struct report_parameter *parameter = &report->parameters[index];
    const char *name = last_part(parameter->path);
    for (uint32_t i = 0; i < report->parameter_count; i++) {
        if (i != index && strcmp(name, last_part(report->parameters[i].path)) == 0) {
            name = parameter->path;
        }
    }
    char *copy = pool_text(&report->pool, name);
    if (copy == NULL) {
        return report_no_memory(err);
    }
    for (char *at = copy; *at != '\0'; at++) {
        bool plain = isalnum((unsigned char)*at) || *at == '_' || *at == '-' || *at == '.';
        *at = plain ? *at : '_';
    }
    parameter->name = copy;
    return 0;
}

/* Values as figures show them: numbers to four figures where that tells them apart, texts without
 * their quotes. NULL without memory. */
static const char *shown(struct report *report, const struct report_parameter *parameter,
                         uint32_t index)
{
    const char *text = parameter->texts[index];
    size_t length = strlen(text);
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        return pool_format(&report->pool, "%.*s", (int)length - 2, text + 1);
    }
    if (!parameter->numeric) {
        return text;
    }
    char short_text[32];
    char before[32] = "";
    char behind[32] = "";
    snprintf(short_text, sizeof short_text, "%.4g", parameter->numbers[index]);
    if (index > 0) {
        snprintf(before, sizeof before, "%.4g", parameter->numbers[index - 1]);
    }
    if (index + 1 < parameter->count) {
        snprintf(behind, sizeof behind, "%.4g", parameter->numbers[index + 1]);
    }
    bool apart = strcmp(short_text, before) != 0 && strcmp(short_text, behind) != 0;
    return apart ? pool_text(&report->pool, short_text) : text;
}

static int shorten_values(struct report *report, omega_error_t *err)
{
    for (uint32_t p = 0; p < report->parameter_count; p++) {
        struct report_parameter *parameter = &report->parameters[p];
        for (uint32_t i = 0; i < parameter->count; i++) {
            const char *text = shown(report, parameter, i);
            if (text == NULL) {
                return report_no_memory(err);
            }
            parameter->texts[i] = text;
        }
    }
    return 0;
}

static int index_values(struct report *report, omega_error_t *err)
{
    uint32_t width = report->parameter_count;
    report->values = pool_alloc(&report->pool, (size_t)report->configuration_count * width,
                                sizeof *report->values);
    if (report->values == NULL) {
        return report_no_memory(err);
    }
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        const struct result_configuration *configuration = result_set_configuration(report->set, c);
        uint32_t *row = report->values + (size_t)c * width;
        for (uint32_t p = 0; p < width; p++) {
            row[p] = UINT32_MAX;
            for (uint32_t i = 0; i < configuration->parameter_count; i++) {
                const struct result_parameter *from = &configuration->parameter_list[i];
                if (strcmp(from->path, report->parameters[p].path) == 0) {
                    row[p] = find_value(&report->parameters[p], from->value);
                }
            }
        }
    }
    return 0;
}

static int choose_parameters(struct report *report, omega_error_t *err)
{
    int rc = collect_values(report, err);
    uint32_t kept = 0;
    for (uint32_t i = 0; rc == 0 && i < report->parameter_count; i++) {
        if (report->parameters[i].count > 1) {
            report->parameters[kept++] = report->parameters[i];
        }
    }
    report->parameter_count = kept;
    for (uint32_t i = 0; rc == 0 && i < kept; i++) {
        sort_values(&report->parameters[i]);
        rc = name_parameter(report, i, err);
    }
    rc = rc == 0 ? index_values(report, err) : rc;
    return rc == 0 ? shorten_values(report, err) : rc;
}

/* ---- variants and labels ---- */

static int find_variants(struct report *report, omega_error_t *err)
{
    uint32_t count = report->configuration_count;
    report->variant_of = pool_alloc(&report->pool, count, sizeof *report->variant_of);
    report->variants = pool_alloc(&report->pool, count, sizeof *report->variants);
    if (report->variant_of == NULL || report->variants == NULL) {
        return report_no_memory(err);
    }
    for (uint32_t c = 0; c < count; c++) {
        const char *variant = result_set_configuration(report->set, c)->variant;
        uint32_t v = 0;
        while (v < report->variant_count && strcmp(report->variants[v], variant) != 0) {
            v++;
        }
        report->variants[v] = variant;
        report->variant_count += v == report->variant_count;
        report->variant_of[c] = v;
    }
    return 0;
}

/* "shared instances=4": the variant and what the sweep gives it. */
static int label(struct report *report, uint32_t configuration, omega_error_t *err)
{
    const char *text = report->variants[report->variant_of[configuration]];
    const uint32_t *values = report->values + (size_t)configuration * report->parameter_count;
    for (uint32_t p = 0; p < report->parameter_count && text != NULL; p++) {
        if (values[p] != UINT32_MAX) {
            const struct report_parameter *parameter = &report->parameters[p];
            text = pool_format(&report->pool, "%s%s%s=%s", text, *text == '\0' ? "" : " ",
                               parameter->name, parameter->texts[values[p]]);
        }
    }
    report->labels[configuration] = text;
    return text == NULL ? report_no_memory(err) : 0;
}

/* ---- which are shown ---- */

/* All if there are few; else of each variant the first, the one in the middle and the last, and of
 * these as many as there is room for. */
static void choose_shown(struct report *report)
{
    bool all = report->configuration_count <= REPORT_SHOWN_MAX;
    for (uint32_t v = 0; v < report->variant_count; v++) {
        uint32_t of_variant = 0;
        uint32_t seen = 0;
        for (uint32_t c = 0; c < report->configuration_count; c++) {
            of_variant += report->variant_of[c] == v;
        }
        for (uint32_t c = 0; c < report->configuration_count; c++) {
            if (report->variant_of[c] != v) {
                continue;
            }
            bool picked = all || seen == 0 || seen == of_variant / 2 || seen == of_variant - 1;
            seen++;
            if (picked && report->shown_count < REPORT_SHOWN_MAX) {
                report->shown[report->shown_count++] = c;
            }
        }
    }
}

uint32_t report_shown(const struct report *report, uint32_t configuration)
{
    for (uint32_t i = 0; i < report->shown_count; i++) {
        if (report->shown[i] == configuration) {
            return i;
        }
    }
    return UINT32_MAX;
}

const char *report_shown_note(struct report *report)
{
    if (report->shown_count == report->configuration_count) {
        return "";
    }
    const char *note = pool_format(
        &report->pool,
        " Shown are %u of %u configurations: of each variant the first, the middle and the last "
        "(--only draws others).",
        report->shown_count, report->configuration_count);
    return note == NULL ? "" : note;
}

int report_choose(struct report *report, omega_error_t *err)
{
    report->configuration_count = result_set_configuration_count(report->set);
    report->labels = pool_alloc(&report->pool, report->configuration_count, sizeof *report->labels);
    int rc = report->labels == NULL ? report_no_memory(err) : choose_parameters(report, err);
    rc = rc == 0 ? find_variants(report, err) : rc;
    for (uint32_t c = 0; rc == 0 && c < report->configuration_count; c++) {
        rc = label(report, c, err);
    }
    if (rc == 0) {
        choose_shown(report);
    }
    return rc;
}
