/* SPDX-License-Identifier: MIT */
/* Fuzz target: records on disk of one size, and texts. The input is a key (8 bytes) and a record,
 * whose checksum is set right. What a decoder finds good must be written as the same bytes. */
#include <stdlib.h>

#include "cellstate/lmdb_records_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *bytes, size_t size, uint64_t key, uint8_t *again)
{
    struct record_meta meta;
    struct record_head head;
    struct omega_machine machine;
    struct omega_machine_spec spec;
    struct store_placement placement;
    const char *text;
    size_t length;
    if (record_decode_meta(bytes, size, &meta) == OMEGA_OK) {
        record_encode_meta(&meta, again);
    } else if (record_decode_head(bytes, size, &head) == OMEGA_OK) {
        record_encode_head(&head, again);
    } else if (record_decode_machine(bytes, size, key, &machine) == OMEGA_OK) {
        record_encode_machine(&machine, again);
    } else if (record_decode_spec(bytes, size, key, &spec) == OMEGA_OK) {
        record_encode_spec(&spec, key, again);
    } else if (record_decode_text(bytes, size, key, &text, &length) == OMEGA_OK) {
        record_encode_text(text, length, key, again);
    } else if (record_decode_placement(bytes, size, key, &placement) == OMEGA_OK) {
        record_encode_placement(&placement, again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = size < 8 + RECORD_HEAD_BYTES ? NULL : malloc(size - 8);
    uint8_t *again = copy == NULL ? NULL : calloc(1, size + RECORD_MACHINE_BYTES_MAX);
    if (again != NULL) {
        memcpy(copy, data + 8, size -= 8);
        put_u32(copy, record_checksum(copy, size, load_u64(data)));
        decode(copy, size, load_u64(data), again);
        if (again[4] != 0 && memcmp(copy, again, size) != 0) {
            abort();
        }
    }
    free(again);
    free(copy);
    return 0;
}
