/* SPDX-License-Identifier: MIT */
/* omega schedulers: lists scheduler modules, shipped or named, with their options. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/command.h"
#include "core/plugin/module.h"

static const char help[] =
    "usage: omega schedulers [OPTIONS] [MODULE...]\n\n"
    "Lists the shipped scheduler modules, or those named, with their options. MODULE is the name\n"
    "of a shipped module, or a path with a '/' to a shared object of your own.\n\n"
    "  --json             one JSON array instead of text\n"
    "  --help             this text\n\n"
    "environment: OMEGA_MODULES  folders of shipped modules, separated by ':', looked into first\n"
    "exit codes: 0 all could be loaded, 1 at least one could not, 2 wrong usage\n";

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {
        [OMEGA_OPTION_INT] = "int",
        [OMEGA_OPTION_REAL] = "real",
        [OMEGA_OPTION_BOOL] = "bool",
        [OMEGA_OPTION_CHOICE] = "choice",
    };
    return names[type];
}

/* ---- text ---- */

/* The values allowed, such as "1..100000" or "low|high". */
static void format_range(const struct omega_option *option, char *out, size_t size)
{
    switch (option->type) {
    case OMEGA_OPTION_INT:
    case OMEGA_OPTION_REAL:
        snprintf(out, size, "%.15g..%.15g", option->min, option->max);
        return;
    case OMEGA_OPTION_BOOL:
        snprintf(out, size, "true|false");
        return;
    default:
        break;
    }
    size_t used = 0;
    for (size_t i = 0; option->choices[i] != NULL && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : "|", option->choices[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void format_default(const struct omega_option *option, char *out, size_t size)
{
    switch (option->type) {
    case OMEGA_OPTION_BOOL:
        snprintf(out, size, "%s", option->value != 0 ? "true" : "false");
        return;
    case OMEGA_OPTION_CHOICE:
        snprintf(out, size, "%s", option->choices[(size_t)option->value]);
        return;
    default:
        snprintf(out, size, "%.15g", option->value);
        return;
    }
}

static void print_module(const struct module *module)
{
    const struct omega_scheduler *scheduler = module_scheduler(module);
    printf("%s: %s\n    %s\n", scheduler->name, scheduler->summary, module_path(module));
    for (size_t i = 0; i < scheduler->option_count; i++) {
        const struct omega_option *option = &scheduler->options[i];
        char range[256] = "";
        char value[80];
        format_range(option, range, sizeof range);
        format_default(option, value, sizeof value);
        printf("    %-16s %-6s default %-8s %-16s %s\n", option->name, type_name(option->type),
               value, range, option->help);
    }
}

/* ---- JSON ---- */

static json_t *number_json(const struct omega_option *option, double value)
{
    return option->type == OMEGA_OPTION_INT ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *choices_json(const struct omega_option *option)
{
    json_t *list = json_array();
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        json_array_append_new(list, json_string(option->choices[i]));
    }
    return list;
}

static json_t *option_json(const struct omega_option *option)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "name", option->name, "type",
                               type_name(option->type), "help", option->help);
    switch (option->type) {
    case OMEGA_OPTION_BOOL:
        json_object_set_new(object, "default", json_boolean(option->value != 0));
        break;
    case OMEGA_OPTION_CHOICE:
        json_object_set_new(object, "default",
                            json_string(option->choices[(size_t)option->value]));
        json_object_set_new(object, "choices", choices_json(option));
        break;
    default:
        json_object_set_new(object, "default", number_json(option, option->value));
        json_object_set_new(object, "min", number_json(option, option->min));
        json_object_set_new(object, "max", number_json(option, option->max));
        break;
    }
    return object;
}

static void add_json(json_t *list, const struct module *module)
{
    const struct omega_scheduler *scheduler = module_scheduler(module);
    json_t *described = json_array();
    for (size_t i = 0; i < scheduler->option_count; i++) {
        json_array_append_new(described, option_json(&scheduler->options[i]));
    }
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", scheduler->name,
                                          "summary", scheduler->summary, "path",
                                          module_path(module), "elastic",
                                          scheduler->started != NULL, "options", described));
}

/* ---- the command ---- */

/* Prints modules, or adds them to `list` if that is not NULL. One that cannot be loaded does not
 * keep the others from being listed. */
static int list_modules(char *const *names, int count, json_t *list)
{
    int code = COMMAND_DONE;
    for (int i = 0; i < count; i++) {
        omega_error_t err = {0};
        struct module *module;
        if (module_open(names[i], NULL, &module, &err) != 0) {
            code = command_failed(&err);
            continue;
        }
        if (list != NULL) {
            add_json(list, module);
        } else {
            print_module(module);
        }
        module_close(module);
    }
    return code;
}

static int list_named(char *const *names, int count, bool json)
{
    if (!json) {
        return list_modules(names, count, NULL);
    }
    json_t *list = json_array();
    int code = list_modules(names, count, list);
    json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(list);
    return code;
}

static int list_shipped(bool json)
{
    omega_error_t err = {0};
    char **names;
    int count = module_list(&names, &err);
    if (count < 0) {
        return command_failed(&err);
    }
    int code = COMMAND_DONE;
    if (count == 0) {
        omega_error_set(&err, OMEGA_EIO,
                        "no scheduler modules found, expected some in $OMEGA_MODULES or beside "
                        "the command");
        code = command_failed(&err);
    } else {
        code = list_named(names, count, json);
    }
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    return code;
}

int cmd_schedulers(int argc, char **argv)
{
    bool json = false;
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return COMMAND_DONE;
        default:
            return command_bad_option("schedulers", argv);
        }
    }
    return optind == argc ? list_shipped(json) : list_named(argv + optind, argc - optind, json);
}
