/* SPDX-License-Identifier: MIT */
/*
 * SHA256SUMS of an output directory: what tells that result files are whole. `omega run` writes it
 * with them, in the form of sha256sum, so that a file that was cut (also at the end of a line),
 * changed, or is of another run is noticed.
 */
#ifndef OMEGA_CORE_ANALYSIS_SUMS_H
#define OMEGA_CORE_ANALYSIS_SUMS_H

#include <stdint.h>
#include <stdio.h>

#include "core/base/sha256.h"

#define SUMS_FILES_MAX 64u
#define SUMS_NAME_BYTES 64u
#define SUMS_LINE_BYTES_MAX (SHA256_HEX + 1u + SUMS_NAME_BYTES)

struct sums {
    char *directory;
    char *file; /* DIRECTORY/SHA256SUMS */
    uint32_t count;
    struct sums_entry {
        char name[SUMS_NAME_BYTES];
        char sha256[SHA256_HEX];
    } entries[SUMS_FILES_MAX];
};

/* Reads DIRECTORY/SHA256SUMS; *sums is NULL where there is none. OMEGA_EINVAL, as `file:line: what,
 * expected what`, for what is no such file, names one twice or more than SUMS_FILES_MAX;
 * OMEGA_EIO, OMEGA_ENOMEM. */
int sums_open(const char *directory, struct sums **sums, omega_error_t *err);

/* The same from a stream, which stays the caller's. */
int sums_parse(FILE *stream, const char *directory, struct sums **sums, omega_error_t *err);

void sums_close(struct sums *sums); /* NULL is allowed */

/* Whether DIRECTORY/NAME is what it was when it was written: it is there, and has that SHA-256, if
 * it is listed, and is not there if it is not. OMEGA_EINVAL, with its last line where it differs;
 * OMEGA_EIO, OMEGA_ENOMEM. */
int sums_check(const struct sums *sums, const char *name, omega_error_t *err);

#endif
