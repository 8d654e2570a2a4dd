/* SPDX-License-Identifier: MIT */
/* What fuzz targets of records share: an input is a key (8 bytes) and a record. */
#ifndef OMEGA_TESTS_FUZZ_RECORD_INPUT_H
#define OMEGA_TESTS_FUZZ_RECORD_INPUT_H

#include <stdlib.h>

#include "tests/support/record_repair.h"

/* Decodes a record twice: as it is, and with its checksums set right. */
static inline void record_input(const uint8_t *data, size_t size,
                                void (*decode)(const uint8_t *bytes, size_t size, uint64_t key))
{
    uint8_t *copy = size < 8 + RECORD_HEAD_BYTES ? NULL : malloc(size - 8);
    if (copy != NULL) {
        memcpy(copy, data + 8, size -= 8);
        decode(copy, size, load_u64(data));
        record_repair(copy, size, load_u64(data));
        decode(copy, size, load_u64(data));
    }
    free(copy);
}

#endif
