/* SPDX-License-Identifier: MIT */
/*
 * Finds the line of a value in JSON text, which jansson does not keep: scans the text again along
 * the value's path. Also bounds the nesting of a text before it is parsed.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LOCATE_H
#define OMEGA_CORE_EXPERIMENT_LOCATE_H

#include <stddef.h>

#define LOCATE_DEPTH_MAX 64 /* objects and arrays within each other, in an experiment file */

/* One step down: into an object where `key` is not NULL, else into an array. */
struct locate_step {
    const char *key;
    size_t index;
};

/* The 1-based line on which the value at `steps` begins, in text that is valid JSON. A path that
 * leads nowhere gives the line of the last value on the way that exists; *found, if not NULL, says
 * how many steps exist. Keys that are written with escapes are not recognised. */
long locate_line(const char *text, size_t size, const struct locate_step *steps, size_t count,
                 size_t *found);

/* The line on which the nesting exceeds LOCATE_DEPTH_MAX, 0 if nowhere. Any text is allowed. */
long locate_too_deep(const char *text, size_t size);

#endif
