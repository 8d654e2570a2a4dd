/* SPDX-License-Identifier: MIT */
/* Sets the checksums of a record on disk right again, whatever was done to its bytes. */
#ifndef OMEGA_TESTS_SUPPORT_RECORD_REPAIR_H
#define OMEGA_TESTS_SUPPORT_RECORD_REPAIR_H

#include "cellstate/lmdb_records_private.h"

/* A change has two: one of what views read, one of the rest. */
static inline void record_repair(uint8_t *bytes, size_t size, uint64_t key)
{
    struct record_change change;
    if (bytes[5] == RECORD_CHANGE && record_change_layout(bytes, size, &change)) {
        size_t shown = record_change_shown(&change);
        put_u32(bytes + CHANGE_CHECKSUM, record_change_checksum(bytes, shown, size));
        size = shown;
    }
    put_u32(bytes, record_checksum(bytes, size, key));
}

#endif
