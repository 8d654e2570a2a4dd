/* SPDX-License-Identifier: MIT */
/* Where headers and modules are: see places.h. */
#include "core/kit/places.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "core/plugin/scheduler.h"

/* Writes the folder `up` from `base`, tidied, if it holds `file`. */
static bool take(const char *base, const char *up, const char *file, char out[PATH_MAX])
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s/%s", base, up, file);
    if (n < 0 || n >= PATH_MAX || access(path, F_OK) != 0) {
        return false;
    }
    n = snprintf(path, sizeof path, "%s/%s", base, up);
    return n > 0 && realpath(path, out) != NULL;
}

int places_of(const char *command, struct places *places, omega_error_t *err)
{
    /* a build folder is build/ or build/VARIANT */
    static const char *const headers[] = {"../include/omega", "..", "../.."};
    static const char *const modules[] = {"schedulers", "../lib/omega/schedulers"};
    char folder[PATH_MAX];
    bool found = false;
    snprintf(folder, sizeof folder, "%s", command);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    for (size_t i = 0; !found && i < sizeof headers / sizeof *headers; i++) {
        found = take(folder, headers[i], HEADER, places->headers);
    }
    if (!found) {
        return omega_error_set(err, OMEGA_EIO,
                               "no '" HEADER "' for '%.150s', expected it in ../include/omega "
                               "beside it ('make install') or in the tree that it was built in",
                               command);
    }
    found = false;
    for (size_t i = 0; !found && i < sizeof modules / sizeof *modules; i++) {
        found = take(folder, modules[i], ".", places->modules);
    }
    return found ? OMEGA_OK
                 : omega_error_set(err, OMEGA_EIO,
                                   "no modules for '%.150s', expected them in "
                                   "../lib/omega/schedulers beside it",
                                   command);
}

int places_find(struct places *places, omega_error_t *err)
{
    char command[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", command, sizeof command - 1);
    if (length <= 0) {
        return omega_error_set_errno(err, "/proc/self/exe", "cannot find the command");
    }
    command[length] = '\0';
    return places_of(command, places, err);
}
