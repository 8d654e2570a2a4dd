/* SPDX-License-Identifier: MIT */
/* Fuzz target: records on disk of changes and scheduler instances. The input is as for
 * fuzz_record.c; of what a decoder finds good, every entry is read. */
#include <stdlib.h>

#include "cellstate/lmdb_records_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_change(const struct record_change *change)
{
    struct record_change_machine machine;
    struct record_change_item item;
    for (uint32_t i = 0; i < change->machine_count; i++) {
        record_change_machine(change, i, &machine);
    }
    for (uint32_t i = 0; i < change->item_count; i++) {
        record_change_item(change, i, &item);
    }
}

static void decode(const uint8_t *bytes, size_t size, uint64_t key)
{
    static struct omega_claim_result results[OMEGA_CLAIMS_MAX];
    struct record_change change;
    struct record_instance instance;
    if (record_decode_change(bytes, size, key, &change) == OMEGA_OK) {
        read_change(&change);
    } else if (record_decode_instance(bytes, size, key, &instance) == OMEGA_OK) {
        record_instance_results(&instance, results);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = size < 8 + RECORD_HEAD_BYTES ? NULL : malloc(size - 8);
    if (copy != NULL) {
        memcpy(copy, data + 8, size -= 8);
        decode(copy, size, load_u64(data));
        put_u32(copy, record_checksum(copy, size, load_u64(data)));
        decode(copy, size, load_u64(data));
    }
    free(copy);
    return 0;
}
