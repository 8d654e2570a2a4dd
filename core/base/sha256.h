/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4): identifies experiment files and traces in results. Not used for digests of
 * runs (core/base/digest.h).
 */
#ifndef OMEGA_CORE_BASE_SHA256_H
#define OMEGA_CORE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define SHA256_HEX 65 /* 64 hex digits and the NUL */

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;    /* added so far */
    uint8_t block[64]; /* what is not hashed yet: bytes % 64 of it */
};

/* Begins a message. */
void sha256_init(struct sha256 *sha);

/* Adds bytes to the message; in pieces or at once is the same. */
void sha256_add(struct sha256 *sha, const void *bytes, size_t size);

/* Ends the message and writes lower-case hex digits; `sha` must be initialised anew afterwards. */
void sha256_finish(struct sha256 *sha, char out[SHA256_HEX]);

/* Of a whole file. OMEGA_EIO. */
int sha256_file(const char *path, char out[SHA256_HEX], omega_error_t *err);

#endif
