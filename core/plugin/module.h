/* SPDX-License-Identifier: MIT */
/*
 * Modules: finding, loading and checking scheduler plug-ins.
 */
#ifndef OMEGA_CORE_PLUGIN_MODULE_H
#define OMEGA_CORE_PLUGIN_MODULE_H

#include <jansson.h>

#include "core/base/error.h"
#include "core/plugin/scheduler.h"

struct module;

/*
 * Loads a module. `name` is a path if it contains a '/', relative to `directory` (NULL = the
 * current directory); otherwise the name of a shipped module, looked for in $OMEGA_MODULES (a ':'
 * list) and beside the command (schedulers/ and ../lib/omega/schedulers/). The same file may be
 * opened often. Errors, each with path and reason: OMEGA_EIO not found or not loadable (dlerror),
 * OMEGA_EMODULE no symbol omega_scheduler_entry, OMEGA_EVERSION another ABI (both numbers) or
 * struct size, OMEGA_EMODULE a mandatory field is missing or an option is ill-formed (its name).
 */
int module_open(const char *name, const char *directory, struct module **module,
                omega_error_t *err);
/* Unloads a module once nobody has it open any more. NULL is allowed. */
void module_close(struct module *module);

const struct omega_scheduler *module_scheduler(const struct module *module);
const char *module_path(const struct module *module); /* where it was found */

/* Names of the shipped modules, sorted; free each and the list. Returns the count or negative. */
int module_list(char ***names, omega_error_t *err);

/* Writes the options into a zeroed state: declared defaults first, then those of a JSON object
 * (NULL = none). OMEGA_EINVAL names the option: unknown (and lists the known ones), wrong type, out
 * of range (and the range), unknown choice (and the choices). With state NULL it only checks. */
int module_options(const struct module *module, const json_t *options, void *state,
                   omega_error_t *err);

#endif
