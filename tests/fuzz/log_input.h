/* SPDX-License-Identifier: MIT */
/* What fuzz targets of the run log share: an input is a log whose checksums need not be right. */
#ifndef OMEGA_TESTS_FUZZ_LOG_INPUT_H
#define OMEGA_TESTS_FUZZ_LOG_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "core/runlog/runlog_format.h"
#include "core/runlog/runlog_read.h"

#define LOG_INPUT_MAX (1u << 20)

/* A reader of the input with its checksums set right; NULL: it is no log. Little-endian machines
 * only. */
static inline struct runlog_reader *log_input(const uint8_t *data, size_t size)
{
    static uint8_t bytes[LOG_INPUT_MAX];
    struct runlog_reader *reader = NULL;
    size = size < sizeof bytes ? size : sizeof bytes;
    memcpy(bytes, data, size);
    for (size_t at = RUNLOG_HEADER_SIZE + 20, length; size > at; at += length + 20) {
        memcpy(&length, bytes + at - 16, 8);
        length = length < size - at ? length : size - at;
        XXH64_hash_t sum = XXH3_64bits_withSeed(bytes + at, length, bytes[at - 20]);
        memcpy(bytes + at - 8, &sum, 8);
    }
    FILE *stream = size == 0 ? NULL : fmemopen(bytes, size, "r");
    if (stream == NULL || runlog_reader_stream(stream, "input", &reader, NULL) != OMEGA_OK) {
        return NULL;
    }
    return reader;
}

/* What a check tells, counted in a size_t. */
static inline void log_input_told(void *context, const char *text)
{
    *(size_t *)context += strlen(text);
}

#endif
