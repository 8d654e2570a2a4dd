/* SPDX-License-Identifier: MIT */
/* What `omega top` shows: as lines of text, on a terminal or not, and as JSON. */
#ifndef OMEGA_CORE_CLI_TOP_PRIVATE_H
#define OMEGA_CORE_CLI_TOP_PRIVATE_H

#include <signal.h>
#include <stdio.h>

#include "core/live/watch.h"

#define TOP_CONFLICTS 64 /* conflicts that are listed at most */
#define TOP_ALL 0        /* rows: as many as there are */

/* Writes what a look shows: in `rows` lines at most (TOP_ALL: all), schedulers from number `first`
 * on where not all have room. No line is longer than `columns` bytes, all of it printable ASCII.
 * Returns the first scheduler shown: less than `first` where the last ones have room. */
uint32_t top_text(const struct watch *watch, uint32_t columns, uint32_t rows, uint32_t first,
                  FILE *out);

/* Writes the same as one JSON object in one line. OMEGA_ENOMEM. */
int top_json(const struct watch *watch, FILE *out, omega_error_t *err);

/* Shows a cell on the terminal, anew each `interval_s`, until 'q', *stop, or
 * the terminal is gone. Errors as of watch_look(); 1: a kind of terminal that is not known. */
int top_screen(struct watch *watch, double interval_s, const volatile sig_atomic_t *stop,
               omega_error_t *err);

#endif
