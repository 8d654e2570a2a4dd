/* SPDX-License-Identifier: MIT */
/*
 * An experiment's options into a module's state: declared defaults first, then the values of a JSON
 * object, each checked against its declaration. Errors name module and option and say what was
 * expected.
 */
#include "core/plugin/module_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Writes one value, given as a number, into its field; fields are read back by the module. */
static void write_field(const struct omega_option *option, double value, void *state)
{
    if (state == NULL) {
        return;
    }
    unsigned char *field = (unsigned char *)state + option->offset;
    int64_t integer = option->type == OMEGA_OPTION_REAL ? 0 : (int64_t)value;
    bool truth = integer != 0;
    int choice = (int)integer;
    switch (option->type) {
    case OMEGA_OPTION_INT:
        memcpy(field, &integer, sizeof(integer));
        break;
    case OMEGA_OPTION_REAL:
        memcpy(field, &value, sizeof(value));
        break;
    case OMEGA_OPTION_BOOL:
        memcpy(field, &truth, sizeof(truth));
        break;
    default:
        memcpy(field, &choice, sizeof(choice));
        break;
    }
}

static const char *type_words(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a real number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

/* Joins names with ", " into `out`; what does not fit is left out. */
static void join(char *out, size_t size, size_t *used, const char *name)
{
    int n = snprintf(out + *used, size - *used, "%s%s", *used == 0 ? "" : ", ", name);
    if (n > 0 && (size_t)n < size - *used) {
        *used += (size_t)n;
    } else {
        out[*used] = '\0';
    }
}

static int set_int(const struct omega_scheduler *scheduler, const struct omega_option *option,
                   const json_t *value, void *state, omega_error_t *err)
{
    int64_t min = (int64_t)option->min;
    int64_t max = (int64_t)option->max;
    if (!json_is_integer(value)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "option '%s' of module '%s' is %s, expected an integer from %" PRId64
                               " to %" PRId64,
                               option->name, scheduler->name, type_words(value), min, max);
    }
    int64_t number = json_integer_value(value);
    if (number < min || number > max) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "option '%s' of module '%s' is %" PRId64
                               ", expected an integer from %" PRId64 " to %" PRId64,
                               option->name, scheduler->name, number, min, max);
    }
    write_field(option, (double)number, state);
    return 0;
}

static int set_real(const struct omega_scheduler *scheduler, const struct omega_option *option,
                    const json_t *value, void *state, omega_error_t *err)
{
    if (!json_is_number(value)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "option '%s' of module '%s' is %s, expected a number from %.15g to "
                               "%.15g",
                               option->name, scheduler->name, type_words(value), option->min,
                               option->max);
    }
    double number = json_number_value(value);
    if (!(number >= option->min && number <= option->max)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "option '%s' of module '%s' is %.15g, expected a number from %.15g "
                               "to %.15g",
                               option->name, scheduler->name, number, option->min, option->max);
    }
    write_field(option, number, state);
    return 0;
}

static int set_bool(const struct omega_scheduler *scheduler, const struct omega_option *option,
                    const json_t *value, void *state, omega_error_t *err)
{
    if (!json_is_boolean(value)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "option '%s' of module '%s' is %s, expected true or false",
                               option->name, scheduler->name, type_words(value));
    }
    write_field(option, json_is_true(value) ? 1 : 0, state);
    return 0;
}

static int set_choice(const struct omega_scheduler *scheduler, const struct omega_option *option,
                      const json_t *value, void *state, omega_error_t *err)
{
    const char *text = json_string_value(value); /* NULL if it is no string */
    char choices[160] = "";
    size_t used = 0;
    uint32_t count = module_choice_count(option);
    for (uint32_t i = 0; i < count; i++) {
        if (text != NULL && strcmp(option->choices[i], text) == 0) {
            write_field(option, (double)i, state);
            return 0;
        }
        join(choices, sizeof(choices), &used, option->choices[i]);
    }
    return omega_error_set(err, OMEGA_EINVAL,
                           "option '%s' of module '%s' is %s%.64s%s, expected one of: %s",
                           option->name, scheduler->name, text == NULL ? "" : "'",
                           text == NULL ? type_words(value) : text, text == NULL ? "" : "'",
                           choices);
}

static int set_option(const struct omega_scheduler *scheduler, const struct omega_option *option,
                      const json_t *value, void *state, omega_error_t *err)
{
    switch (option->type) {
    case OMEGA_OPTION_INT:
        return set_int(scheduler, option, value, state, err);
    case OMEGA_OPTION_REAL:
        return set_real(scheduler, option, value, state, err);
    case OMEGA_OPTION_BOOL:
        return set_bool(scheduler, option, value, state, err);
    default:
        return set_choice(scheduler, option, value, state, err);
    }
}

static int unknown_option(const struct omega_scheduler *scheduler, const char *name,
                          omega_error_t *err)
{
    char known[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < scheduler->option_count; i++) {
        join(known, sizeof(known), &used, scheduler->options[i].name);
    }
    if (used == 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "module '%s' has no option '%.64s', expected none: it has no "
                               "options",
                               scheduler->name, name);
    }
    return omega_error_set(err, OMEGA_EINVAL,
                           "module '%s' has no option '%.64s', expected one of: %s",
                           scheduler->name, name, known);
}

int module_options(const struct module *module, const json_t *options, void *state,
                   omega_error_t *err)
{
    const struct omega_scheduler *scheduler = module->scheduler;
    for (size_t i = 0; i < scheduler->option_count; i++) {
        write_field(&scheduler->options[i], scheduler->options[i].value, state);
    }
    if (options == NULL) {
        return 0;
    }
    if (!json_is_object(options)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "options of module '%s' are %s, expected an object",
                               scheduler->name, type_words(options));
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)options, name, value)
    {
        const struct omega_option *option =
            module_find_option(scheduler, name, scheduler->option_count);
        int rc = option == NULL ? unknown_option(scheduler, name, err)
                                : set_option(scheduler, option, value, state, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
