/* SPDX-License-Identifier: MIT */
/* Another program, run to its end without a shell. */
#ifndef OMEGA_CORE_DRIVER_PROGRAM_H
#define OMEGA_CORE_DRIVER_PROGRAM_H

#include <stddef.h>

#include "core/base/error.h"

struct program {
    const char *const *argv; /* argv[0] is looked for in PATH; NULL at the end */
    const char *package;   /* Debian package that brings it, for the message where it is missing */
    const char *directory; /* where it runs */
    const char *const *environment; /* "NAME=VALUE" beside ours and before it; NULL at the end */
};

/*
 * Runs a program without input and waits for it. What it prints, to either stream, goes to
 * `messages`, cut to `size` bytes with the NUL. Returns 0 whatever its exit code, which is put into
 * *code (128 + N if signal N ended it); OMEGA_EIO if it cannot be started or waited for;
 * OMEGA_ENOMEM.
 */
int program_run(const struct program *program, char *messages, size_t size, int *code,
                omega_error_t *err);

#endif
