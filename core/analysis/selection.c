/* SPDX-License-Identifier: MIT */
/* Selections of a configuration: see selection.h. */
#include "core/analysis/selection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_BYTES 200 /* of configurations, in messages */

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Cuts "DIR:REST" at the first colon behind a directory; paths and names may hold colons, too.
 * Returns the rest, or NULL if all of it is the directory. */
static char *cut(char *text)
{
    if (is_directory(text)) {
        return NULL;
    }
    for (char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        *colon = '\0';
        if (is_directory(text)) {
            return colon + 1;
        }
        *colon = ':';
    }
    return NULL;
}

/* What of `text` is left behind `part` and a comma or the end; NULL: it does not begin so. */
static const char *behind(const char *text, const char *part, size_t length)
{
    if (strncmp(text, part, length) != 0) {
        return NULL;
    }
    return text[length] == ',' ? text + length + 1 : text[length] == '\0' ? text + length : NULL;
}

/* The same behind a number that is written in another way than in results, such as 2.0 for 2. */
static const char *behind_number(const char *text, const char *json)
{
    char *end;
    double number = strtod(json, &end);
    if (end == json || *end != '\0' || strtod(text, &end) != number || end == text) {
        return NULL;
    }
    return behind(text, text, (size_t)(end - text));
}

/* The same behind a value: as in JSON, which may hold commas, or a text without its quotes. */
static const char *behind_value(const char *text, const char *json)
{
    size_t length = strlen(json);
    const char *rest = behind(text, json, length);
    if (rest == NULL && length >= 2 && json[0] == '"') {
        rest = behind(text, json + 1, length - 2);
    }
    return rest != NULL ? rest : behind_number(text, json);
}

/* The same behind the variant, or a parameter and its value, of a configuration. */
static const char *behind_part(const struct result_configuration *configuration, const char *text)
{
    for (uint32_t i = 0; i < configuration->parameter_count; i++) {
        const struct result_parameter *parameter = &configuration->parameter_list[i];
        size_t length = strlen(parameter->path);
        if (strncmp(text, parameter->path, length) == 0 && text[length] == '=') {
            return behind_value(text + length + 1, parameter->value);
        }
    }
    return behind(text, configuration->variant, strlen(configuration->variant));
}

/* Does a configuration fit "VARIANT,PATH=VALUE,..."? */
static bool fits(const struct result_configuration *configuration, const char *wanted)
{
    while (wanted != NULL && *wanted != '\0') {
        wanted = *wanted == ',' ? wanted + 1 : behind_part(configuration, wanted);
        if (wanted == NULL) {
            return false;
        }
    }
    return true;
}

/* A configuration as one writes it behind "DIR:". */
static void put_name(const struct result_configuration *configuration, char *out, size_t size)
{
    size_t length = (size_t)snprintf(out, size, "%s", configuration->variant);
    for (uint32_t i = 0; i < configuration->parameter_count && length < size; i++) {
        const struct result_parameter *parameter = &configuration->parameter_list[i];
        length += (size_t)snprintf(out + length, size - length, ",%s=%s", parameter->path,
                                   parameter->value);
    }
}

/* The configurations that fit, or all of them if `wanted` is NULL, as far as there is room. */
static void list(const struct result_set *set, const char *wanted, char out[LIST_BYTES])
{
    size_t length = 0;
    const struct result_configuration *configuration;
    out[0] = '\0';
    for (uint32_t i = 0; (configuration = result_set_configuration(set, i)) != NULL; i++) {
        char name[100];
        if (!fits(configuration, wanted)) {
            continue;
        }
        put_name(configuration, name, sizeof name);
        if (length + strlen(name) + 8 < LIST_BYTES) {
            length += (size_t)snprintf(out + length, LIST_BYTES - length, "%s'%s'",
                                       length == 0 ? "" : ", ", name);
        }
    }
}

static int refuse(const char *text, const struct result_set *set, const char *wanted,
                  uint32_t fitting, omega_error_t *err)
{
    char names[LIST_BYTES];
    list(set, fitting > 0 ? wanted : NULL, names);
    return omega_error_set(err, OMEGA_EINVAL,
                           fitting > 0 ? "'%.80s' fits several configurations, expected "
                                         "DIR:VARIANT[,PATH=VALUE] with one of %s"
                                       : "'%.80s' fits no configuration, expected "
                                         "DIR:VARIANT[,PATH=VALUE] with one of %s",
                           text, names);
}

static int choose(const char *text, const char *wanted, struct selection *selection,
                  omega_error_t *err)
{
    uint32_t fitting = 0;
    const struct result_configuration *configuration;
    for (uint32_t i = 0; (configuration = result_set_configuration(selection->set, i)) != NULL;
         i++) {
        if (fits(configuration, wanted)) {
            selection->configuration = i;
            fitting++;
        }
    }
    if (fitting != 1) {
        return refuse(text, selection->set, wanted, fitting, err);
    }
    result_configuration_name(result_set_configuration(selection->set, selection->configuration),
                              selection->label, sizeof selection->label);
    return 0;
}

int selection_open(const char *text, struct selection *selection, omega_error_t *err)
{
    char *copy = strdup(text);
    *selection = (struct selection){0};
    if (copy == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    char *wanted = cut(copy);
    const char *directory = copy;
    int rc = result_set_open(&directory, 1, &selection->set, err);
    rc = rc == 0 ? choose(text, wanted, selection, err) : rc;
    free(copy);
    if (rc != 0) {
        selection_close(selection);
    }
    return rc;
}

void selection_close(struct selection *selection)
{
    result_set_close(selection->set);
    *selection = (struct selection){0};
}

/* Notes those that fit a text. */
static int mark(const struct result_set *set, const char *text, bool *keep, omega_error_t *err)
{
    char names[LIST_BYTES];
    uint32_t fitting = 0;
    const struct result_configuration *configuration;
    for (uint32_t i = 0; (configuration = result_set_configuration(set, i)) != NULL; i++) {
        bool fit = fits(configuration, text);
        keep[i] |= fit;
        fitting += fit;
    }
    if (fitting == 0) {
        list(set, NULL, names);
        return omega_error_set(err, OMEGA_EINVAL,
                               "'%.80s' fits no configuration, expected VARIANT[,PATH=VALUE] of "
                               "one of %s",
                               text, names);
    }
    return 0;
}

int selection_keep(struct result_set *set, const char *const *texts, uint32_t count,
                   omega_error_t *err)
{
    int rc = 0;
    if (count == 0) {
        return 0;
    }
    bool *keep = calloc(result_set_configuration_count(set) + 1, sizeof *keep);
    if (keep == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = mark(set, texts[i], keep, err);
    }
    if (rc == 0) {
        result_set_keep(set, keep);
    }
    free(keep);
    return rc;
}
