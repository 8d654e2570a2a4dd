/* SPDX-License-Identifier: MIT */
/*
 * Is what a module declares well-formed? Every refusal names the module's path and the field.
 */
#include "core/plugin/module_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MODULE_TEXT_MAX 400u /* bytes of a summary or help line */
#define MODULE_OPTIONS_MAX 256u
#define MODULE_CHOICES_MAX 64u
#define MODULE_STATE_MAX ((size_t)1 << 30)
#define MODULE_INT_MAX 9007199254740992.0 /* 2^53: every whole number below is a double */

bool module_is_word(const char *text, const char *extra)
{
    size_t length = strnlen(text, MODULE_NAME_MAX + 1);
    if (length == 0 || length > MODULE_NAME_MAX) {
        return false;
    }
    for (const char *p = text; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        if (!letter && !(*p >= '0' && *p <= '9') && strchr(extra, *p) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_line(const char *text)
{
    size_t length = strnlen(text, MODULE_TEXT_MAX + 1);
    return length > 0 && length <= MODULE_TEXT_MAX && strchr(text, '\n') == NULL;
}

/* ---- checking options ---- */

static size_t option_bytes(uint8_t type)
{
    switch (type) {
    case OMEGA_OPTION_INT:
        return sizeof(int64_t);
    case OMEGA_OPTION_REAL:
        return sizeof(double);
    case OMEGA_OPTION_BOOL:
        return sizeof(bool);
    case OMEGA_OPTION_CHOICE:
        return sizeof(int);
    default:
        return 0;
    }
}

uint32_t module_choice_count(const struct omega_option *option)
{
    uint32_t count = 0;
    while (count <= MODULE_CHOICES_MAX && option->choices[count] != NULL) {
        count++;
    }
    return count;
}

/* A double that holds a whole number which an int64_t and a double both show exactly. */
static bool is_whole(double value)
{
    return value >= -MODULE_INT_MAX && value <= MODULE_INT_MAX && value == (double)(int64_t)value;
}

static const char *range_fault(const struct omega_option *option)
{
    if (!isfinite(option->value) || !isfinite(option->min) || !isfinite(option->max)) {
        return "default, min and max must be finite";
    }
    if (option->type == OMEGA_OPTION_INT &&
        (!is_whole(option->value) || !is_whole(option->min) || !is_whole(option->max))) {
        return "default, min and max of an int must be whole numbers within 2^53";
    }
    if (option->min > option->max) {
        return "min is above max";
    }
    if (option->value < option->min || option->value > option->max) {
        return "the default is out of its own range";
    }
    return NULL;
}

static const char *choices_fault(const struct omega_option *option)
{
    if (option->choices == NULL) {
        return "a choice must list its choices";
    }
    uint32_t count = module_choice_count(option);
    if (count == 0 || count > MODULE_CHOICES_MAX) {
        return "a choice must have 1 to 64 choices and a NULL behind them";
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!module_is_word(option->choices[i], "_-")) {
            return "choices must be letters, digits, '_' and '-'";
        }
    }
    if (!is_whole(option->value) || option->value < 0 || option->value >= (double)count) {
        return "the default must be the index of a choice";
    }
    return NULL;
}

static const char *field_fault(const struct omega_option *option, size_t state_size)
{
    size_t bytes = option_bytes(option->type);
    if (bytes == 0) {
        return "the type is none of enum omega_option_type";
    }
    if (option->offset > state_size || state_size - option->offset < bytes) {
        return "its field lies beyond state_size";
    }
    if (option->offset % bytes != 0) {
        return "its field is not aligned to its type";
    }
    return NULL;
}

/* What is wrong with one declared option, or NULL. */
static const char *option_fault(const struct omega_option *option, size_t state_size)
{
    if (option->help == NULL || !is_line(option->help)) {
        return "help must be one line of up to 400 bytes";
    }
    const char *fault = field_fault(option, state_size);
    if (fault != NULL) {
        return fault;
    }
    switch (option->type) {
    case OMEGA_OPTION_INT:
    case OMEGA_OPTION_REAL:
        return range_fault(option);
    case OMEGA_OPTION_CHOICE:
        return choices_fault(option);
    default:
        return option->value == 0 || option->value == 1 ? NULL
                                                        : "the default of a bool must be 0 or 1";
    }
}

const struct omega_option *module_find_option(const struct omega_scheduler *scheduler,
                                              const char *name, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (strcmp(scheduler->options[i].name, name) == 0) {
            return &scheduler->options[i];
        }
    }
    return NULL;
}

static int check_options(const char *path, const struct omega_scheduler *scheduler,
                         omega_error_t *err)
{
    if (scheduler->option_count > MODULE_OPTIONS_MAX ||
        (scheduler->option_count > 0 && scheduler->options == NULL)) {
        return omega_error_set(err, OMEGA_EMODULE,
                               "module '%s': option_count is %zu, expected at most %u and options "
                               "that are not NULL",
                               path, scheduler->option_count, MODULE_OPTIONS_MAX);
    }
    for (size_t i = 0; i < scheduler->option_count; i++) {
        const struct omega_option *option = &scheduler->options[i];
        if (option->name == NULL || !module_is_word(option->name, "_")) {
            return omega_error_set(err, OMEGA_EMODULE,
                                   "module '%s': option %zu ('%.64s') has a bad name, expected up "
                                   "to %u letters, digits and '_'",
                                   path, i, option->name == NULL ? "" : option->name,
                                   MODULE_NAME_MAX);
        }
        const char *fault = option_fault(option, scheduler->state_size);
        if (fault == NULL && module_find_option(scheduler, option->name, i) != NULL) {
            fault = "it is declared twice";
        }
        if (fault != NULL) {
            return omega_error_set(err, OMEGA_EMODULE, "module '%s': option '%s' is ill-formed: %s",
                                   path, option->name, fault);
        }
    }
    return 0;
}

/* ---- checking a module ---- */

/* The two numbers that say whether the rest of the struct may be read at all. */
static int check_version(const char *path, const struct omega_scheduler *scheduler,
                         omega_error_t *err)
{
    if (scheduler->abi != OMEGA_SCHEDULER_ABI) {
        return omega_error_set(err, OMEGA_EVERSION,
                               "module '%s': built for scheduler ABI %" PRIu32 ", expected %u; "
                               "build it again with this omega's headers",
                               path, scheduler->abi, OMEGA_SCHEDULER_ABI);
    }
    if (scheduler->size != sizeof(struct omega_scheduler)) {
        return omega_error_set(err, OMEGA_EVERSION,
                               "module '%s': struct omega_scheduler has %" PRIu32 " bytes in it, "
                               "expected %zu; build it again with this omega's headers and "
                               ".size = sizeof(struct omega_scheduler)",
                               path, scheduler->size, sizeof(struct omega_scheduler));
    }
    return 0;
}

static int check_fields(const char *path, const struct omega_scheduler *scheduler,
                        omega_error_t *err)
{
    if (scheduler->name == NULL || !module_is_word(scheduler->name, "_-")) {
        return omega_error_set(err, OMEGA_EMODULE,
                               "module '%s': name is missing or bad, expected up to %u letters, "
                               "digits, '_' and '-'",
                               path, MODULE_NAME_MAX);
    }
    if (scheduler->summary == NULL || !is_line(scheduler->summary)) {
        return omega_error_set(err, OMEGA_EMODULE,
                               "module '%s': summary is missing, expected one line of up to %u "
                               "bytes",
                               path, MODULE_TEXT_MAX);
    }
    if (scheduler->place == NULL) {
        return omega_error_set(err, OMEGA_EMODULE,
                               "module '%s': place is missing, expected a function", path);
    }
    if (scheduler->state_size > MODULE_STATE_MAX) {
        return omega_error_set(err, OMEGA_EMODULE,
                               "module '%s': state_size is %zu, expected at most %zu", path,
                               scheduler->state_size, MODULE_STATE_MAX);
    }
    return 0;
}

int module_check(const struct module *module, omega_error_t *err)
{
    int rc = check_version(module->path, module->scheduler, err);
    if (rc == 0) {
        rc = check_fields(module->path, module->scheduler, err);
    }
    return rc != 0 ? rc : check_options(module->path, module->scheduler, err);
}
