/* SPDX-License-Identifier: MIT */
/* Bytes of binary files: see codec.h. */
#include "core/base/codec.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 10 /* 64 bits, 7 a byte */

void codec_out_release(struct codec_out *out)
{
    free(out->bytes);
    memset(out, 0, sizeof *out);
}

static bool reserve(struct codec_out *out, size_t more)
{
    if (out->failed || more > SIZE_MAX / 4 || out->size > SIZE_MAX / 4) {
        out->failed = true;
        return false;
    }
    if (out->size + more <= out->room) {
        return true;
    }
    size_t room = 2 * (out->size + more) + 64;
    uint8_t *grown = realloc(out->bytes, room);
    if (grown == NULL) {
        out->failed = true;
        return false;
    }
    out->bytes = grown;
    out->room = room;
    return true;
}

void codec_put_bytes(struct codec_out *out, const void *bytes, size_t size)
{
    if (size > 0 && reserve(out, size)) {
        memcpy(out->bytes + out->size, bytes, size);
        out->size += size;
    }
}

static void put_little_endian(struct codec_out *out, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    codec_put_bytes(out, bytes, size);
}

void codec_put_u32(struct codec_out *out, uint32_t value)
{
    put_little_endian(out, value, 4);
}

void codec_put_u64(struct codec_out *out, uint64_t value)
{
    put_little_endian(out, value, 8);
}

void codec_put_number(struct codec_out *out, uint64_t value)
{
    uint8_t bytes[NUMBER_BYTES_MAX];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    codec_put_bytes(out, bytes, size);
}

void codec_put_signed(struct codec_out *out, int64_t value)
{
    uint64_t doubled = (uint64_t)value << 1;
    codec_put_number(out, value < 0 ? ~doubled : doubled);
}

void codec_put_text(struct codec_out *out, const char *text)
{
    size_t length = strlen(text);
    codec_put_number(out, length);
    codec_put_bytes(out, text, length);
}

static uint64_t little_endian(struct codec_in *in, size_t size)
{
    if (in->failed || in->size - in->at < size) {
        in->failed = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)in->bytes[in->at + i] << (8 * i);
    }
    in->at += size;
    return value;
}

uint32_t codec_u32(struct codec_in *in)
{
    return (uint32_t)little_endian(in, 4);
}

uint64_t codec_u64(struct codec_in *in)
{
    return little_endian(in, 8);
}

uint64_t codec_number(struct codec_in *in, uint64_t max)
{
    uint64_t value = 0;
    for (size_t i = 0; !in->failed && i < NUMBER_BYTES_MAX && in->at + i < in->size; i++) {
        uint64_t bits = in->bytes[in->at + i] & 0x7f;
        if (i == NUMBER_BYTES_MAX - 1 && bits > 1) {
            break; /* more than 64 bits */
        }
        value |= bits << (7 * i);
        if ((in->bytes[in->at + i] & 0x80) == 0) {
            if (value > max) {
                break;
            }
            in->at += i + 1;
            return value;
        }
    }
    in->failed = true;
    return 0;
}

int64_t codec_signed(struct codec_in *in, int64_t min, int64_t max)
{
    size_t start = in->at;
    uint64_t coded = codec_number(in, UINT64_MAX);
    int64_t half = (int64_t)(coded >> 1);
    int64_t value = (coded & 1) != 0 ? -half - 1 : half;
    if (!in->failed && (value < min || value > max)) {
        in->at = start;
        in->failed = true;
    }
    return in->failed ? 0 : value;
}

void codec_text(struct codec_in *in, char *out, size_t size)
{
    size_t start = in->at;
    size_t length = (size_t)codec_number(in, size - 1);
    out[0] = '\0';
    if (in->failed) {
        return;
    }
    if (in->size - in->at < length || memchr(in->bytes + in->at, '\0', length) != NULL) {
        in->at = start;
        in->failed = true;
        return;
    }
    memcpy(out, in->bytes + in->at, length);
    out[length] = '\0';
    in->at += length;
}
