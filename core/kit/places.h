/* SPDX-License-Identifier: MIT */
/* Where the parts of this omega are that the authors of modules need: found from the command. */
#ifndef OMEGA_CORE_KIT_PLACES_H
#define OMEGA_CORE_KIT_PLACES_H

#include <limits.h>

#include "core/base/error.h"

struct places {
    char headers[PATH_MAX]; /* the folder for -I: core/plugin/scheduler.h is in it */
    char modules[PATH_MAX]; /* the shipped modules */
    char
        documents[PATH_MAX]; /* schedulers/TUTORIAL.md and others, as in the tree; "" = not there */
};

/* Finds them: beside an installed command in ../include/omega, ../lib/omega/schedulers and
 * ../share/doc/omega, for one in a build folder in the tree above it and beside it. OMEGA_EIO, with
 * what is missing of the first two. */
int places_find(struct places *places, omega_error_t *err);

/* The same for a command at `command`, an absolute path. */
int places_of(const char *command, struct places *places, omega_error_t *err);

#endif
