/* SPDX-License-Identifier: MIT */
/* Fuzz target: records on disk of changes and scheduler instances. Of what a decoder
 * finds good, every entry is read. */
#include "tests/fuzz/record_input.h"

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
    record_input(data, size, decode);
    return 0;
}
