/* SPDX-License-Identifier: MIT */
/* Selections of a configuration: see selection.h. */
#include "core/analysis/selection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* A value as it was typed, against one in JSON. */
static bool same_value(const char *typed, const char *json)
{
    size_t length = strlen(json);
    return strcmp(typed, json) == 0 ||
           (length >= 2 && json[0] == '"' && strlen(typed) == length - 2 &&
            strncmp(typed, json + 1, length - 2) == 0);
}

static bool has_parameter(const struct result_configuration *configuration, const char *setting)
{
    const char *equals = strchr(setting, '=');
    size_t length = (size_t)(equals - setting);
    for (uint32_t i = 0; i < configuration->parameter_count; i++) {
        const struct result_parameter *parameter = &configuration->parameter_list[i];
        if (strlen(parameter->path) == length && strncmp(parameter->path, setting, length) == 0) {
            return same_value(equals + 1, parameter->value);
        }
    }
    return false;
}

/* Does a configuration fit "VARIANT,PATH=VALUE,..."? */
static bool fits(const struct result_configuration *configuration, const char *wanted)
{
    char *copy = wanted == NULL ? NULL : strdup(wanted);
    char *rest = copy;
    bool good = wanted == NULL || copy != NULL;
    for (char *part = strsep(&rest, ","); part != NULL && good; part = strsep(&rest, ",")) {
        good = part[0] == '\0' ||
               (strchr(part, '=') != NULL ? has_parameter(configuration, part)
                                          : strcmp(configuration->variant, part) == 0);
    }
    free(copy);
    return good;
}

static int refuse(const char *text, const struct result_set *set, const char *wanted,
                  uint32_t fitting, omega_error_t *err)
{
    char list[200];
    size_t length = 0;
    const struct result_configuration *configuration;
    list[0] = '\0';
    for (uint32_t i = 0; (configuration = result_set_configuration(set, i)) != NULL; i++) {
        char name[100];
        if (fitting > 0 && !fits(configuration, wanted)) {
            continue;
        }
        result_configuration_name(configuration, name, sizeof name);
        if (length + strlen(name) + 8 < sizeof list) {
            length += (size_t)snprintf(list + length, sizeof list - length, "%s'%s'",
                                       length == 0 ? "" : ", ", name);
        }
    }
    return omega_error_set(err, OMEGA_EINVAL,
                           fitting > 0 ? "'%.80s' fits several configurations, expected "
                                         "DIR:VARIANT[,PATH=VALUE] of one of them: %s"
                                       : "'%.80s' fits no configuration, expected one of %s",
                           text, list);
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
