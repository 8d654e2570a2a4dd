/* SPDX-License-Identifier: MIT */
/*
 * What can be seen of a module that is loaded without calling it: the functions that it takes from
 * elsewhere, and the memory that all its instances share.
 */
#ifndef OMEGA_CORE_KIT_LOADED_H
#define OMEGA_CORE_KIT_LOADED_H

#include "core/base/error.h"
#include "core/plugin/module.h"

/* How a function that a module takes from elsewhere is to be judged. */
enum loaded_judgement {
    LOADED_FINE = 0,
    LOADED_DOUBTFUL = 1, /* allowed, but results may differ between hosts */
    LOADED_FORBIDDEN = 2,
};

/* Judges a function by its name; *why says what is wrong with it, and what to use instead. */
enum loaded_judgement loaded_judge(const char *function, const char **why);

/* Calls `each` with the name of every function and variable that the module takes from elsewhere,
 * in the order of its tables; one may come twice. OMEGA_EIO where the loader does not tell. */
int loaded_imports(const struct module *module, void (*each)(void *context, const char *name),
                   void *context, omega_error_t *err);

/* The same with the name of every library that the module links to, but for those of C and C++. */
int loaded_libraries(const struct module *module, void (*each)(void *context, const char *name),
                     void *context, omega_error_t *err);

/* A copy of a module's writable memory, to be compared with what it is later. */
struct loaded_data;

/* NULL for a module without any, without memory, and under a sanitizer, where it may not be
 * looked at: loaded_data_visible() tells. */
struct loaded_data *loaded_data_keep(const struct module *module);
bool loaded_data_visible(void);
void loaded_data_free(struct loaded_data *data); /* NULL is allowed */

/* Where the memory differs first from what was kept: its offset in the module's file image, and how
 * many bytes differ in all. False if it is the same. `data` may be NULL. */
bool loaded_data_changed(const struct loaded_data *data, size_t *offset, size_t *bytes);

/* True if this thread has written to thread-local data of the module. */
bool loaded_thread_data_changed(const struct module *module);

#endif
