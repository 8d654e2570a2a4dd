/* SPDX-License-Identifier: MIT */
/* A folder that appears complete or not at all, and replaces only what an earlier one has left. */
#ifndef OMEGA_CORE_REPORT_FOLDER_H
#define OMEGA_CORE_REPORT_FOLDER_H

#include "core/base/error.h"

/* A file of this name says that a folder is ours. */
#define FOLDER_MARK ".omega-report"

/*
 * Makes an empty folder beside `path`, and those above where they are missing; *temporary, for
 * free(), is its name. OMEGA_EINVAL if there is something at `path` that is neither a folder of
 * ours nor an empty one; OMEGA_EIO; OMEGA_ENOMEM.
 */
int folder_begin(const char *path, char **temporary, omega_error_t *err);

/* Puts the mark into the temporary folder and gives it the name `path`; what was there is removed.
 * Without success the temporary is left for folder_abort(). */
int folder_commit(const char *temporary, const char *path, omega_error_t *err);

/* Removes the temporary folder; NULL is allowed. */
void folder_abort(const char *temporary);

/* The same of the one that is being made, if there is one, for a process that is about to end: two
 * levels of it, which is all that a report has. Async-signal-safe. */
void folder_remove_making(void);

#endif
