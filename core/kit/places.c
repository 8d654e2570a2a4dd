/* SPDX-License-Identifier: MIT */
/* Where headers and modules are: see places.h. */
#include "core/kit/places.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "core/plugin/scheduler.h"
#define DOCUMENT "schedulers/TUTORIAL.md"

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

/* The same with the first of several folders. */
static bool take_first(const char *base, const char *const *ups, size_t count, const char *file,
                       char out[PATH_MAX])
{
    bool found = false;
    for (size_t i = 0; !found && i < count; i++) {
        found = take(base, ups[i], file, out);
    }
    return found;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

int places_of(const char *command, struct places *places, omega_error_t *err)
{
    /* a build folder is build/ or build/VARIANT */
    static const char *const headers[] = {"../include/omega", "..", "../.."};
    static const char *const modules[] = {"schedulers", "../lib/omega/schedulers"};
    static const char *const documents[] = {"../share/doc/omega", "..", "../.."};
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", command);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (!take_first(folder, documents, COUNT(documents), DOCUMENT, places->documents)) {
        places->documents[0] = '\0';
    }
    if (!take_first(folder, headers, COUNT(headers), HEADER, places->headers)) {
        return omega_error_set(err, OMEGA_EIO,
                               "no '" HEADER "' for '%.150s', expected it in ../include/omega "
                               "beside it ('make install') or in the tree that it was built in",
                               command);
    }
    return take_first(folder, modules, COUNT(modules), ".", places->modules)
               ? OMEGA_OK
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
