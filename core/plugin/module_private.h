/* SPDX-License-Identifier: MIT */
/*
 * What the files of the module loader share: module.c (finding, loading), module_check.c (is it
 * well-formed) and module_options.c (an experiment's options into the state).
 */
#ifndef OMEGA_CORE_PLUGIN_MODULE_PRIVATE_H
#define OMEGA_CORE_PLUGIN_MODULE_PRIVATE_H

#include <limits.h>

#include "core/plugin/module.h"

#define MODULE_NAME_MAX 63u /* bytes of a module's or an option's name */

struct module {
    void *handle; /* of dlopen */
    const struct omega_scheduler *scheduler;
    char path[PATH_MAX];
};

/* True for 1 to MODULE_NAME_MAX letters, digits and bytes of `extra`. */
bool module_is_word(const char *text, const char *extra);

/* Checks ABI, size, mandatory fields and options, in this order. Returns 0, OMEGA_EVERSION or
 * OMEGA_EMODULE. */
int module_check(const struct module *module, omega_error_t *err);

/* The option of that name among the first `count`, or NULL. */
const struct omega_option *module_find_option(const struct omega_scheduler *scheduler,
                                              const char *name, size_t count);

/* How many choices an option of type CHOICE has. */
uint32_t module_choice_count(const struct omega_option *option);

#endif
