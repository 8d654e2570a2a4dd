/* SPDX-License-Identifier: MIT */
/*
 * Bytes of binary files: little-endian integers, variable-length integers (7 bits a byte, lowest
 * first) and texts, written into a growing buffer and read with a bounds check each.
 *
 * Both sides keep going after a failure and remember it, so that callers check once per record.
 */
#ifndef OMEGA_CORE_BASE_CODEC_H
#define OMEGA_CORE_BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct codec_out {
    uint8_t *bytes; /* owned; codec_out_release() */
    size_t size;
    size_t room;
    bool failed; /* no memory: nothing more is added */
};

struct codec_in {
    const uint8_t *bytes;
    size_t size;
    size_t at;   /* where the next value starts */
    bool failed; /* a value ran over the end or out of its range; all later ones are 0 */
};

void codec_out_release(struct codec_out *out);

void codec_put_bytes(struct codec_out *out, const void *bytes, size_t size);
void codec_put_u32(struct codec_out *out, uint32_t value);    /* four bytes */
void codec_put_u64(struct codec_out *out, uint64_t value);    /* eight bytes */
void codec_put_number(struct codec_out *out, uint64_t value); /* one to ten bytes */
void codec_put_signed(struct codec_out *out, int64_t value);  /* zigzag: small either side of 0 */
void codec_put_text(struct codec_out *out, const char *text); /* length and bytes */

uint32_t codec_u32(struct codec_in *in);
uint64_t codec_u64(struct codec_in *in);

/* A number of 0 to `max`; a larger one is a failure. */
uint64_t codec_number(struct codec_in *in, uint64_t max);

/* A signed number of `min` to `max`. */
int64_t codec_signed(struct codec_in *in, int64_t min, int64_t max);

/* A text of at most size - 1 bytes without NUL, copied into `out` with a NUL. */
void codec_text(struct codec_in *in, char *out, size_t size);

#endif
