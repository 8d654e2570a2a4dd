/* SPDX-License-Identifier: MIT */
/* Fuzz target: one segment of a torn log, its checksums set right, with what is missing before its
 * records, is read and checked. */
#include <string.h>
#include <xxhash.h>

#include "core/runlog/runlog_check.h"
#include "core/runlog/runlog_format.h"
#include "core/runlog/runlog_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, const char *text)
{
    *(size_t *)context += strlen(text);
}

static void play(struct runlog_merge *merge, size_t told)
{
    const struct runlog_record *record = NULL;
    const struct runlog_effect *effect = NULL;
    struct runlog_check *check = NULL;
    runlog_check_create(runlog_merge_opening(merge), ignore, &told, &check, NULL);
    runlog_check_torn(check);
    int more = 1;
    while (more == 1 && runlog_merge_next(merge, &record, NULL) == 1) {
        uint64_t behind = runlog_check_version(check) + record->changes;
        if (behind < record->version && record->version - behind < 1000) {
            runlog_check_missing(check, record->version - behind, NULL);
        }
        more = runlog_check_record(check, record, &effect, NULL);
    }
    runlog_check_end(check);
    runlog_check_destroy(check);
    runlog_merge_close(merge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[1u << 16];
    struct runlog_reader *reader = NULL;
    struct runlog_merge *merge = NULL;
    size = size < sizeof bytes ? size : sizeof bytes;
    memcpy(bytes, data, size);
    for (size_t at = RUNLOG_HEADER_SIZE + 20, length; size > at; at += length + 20) {
        memcpy(&length, bytes + at - 16, 8); /* little-endian machines only */
        length = length < size - at ? length : size - at;
        memcpy(bytes + at - 8,
               &(XXH64_hash_t){XXH3_64bits_withSeed(bytes + at, length, bytes[at - 20])}, 8);
    }
    FILE *stream = size == 0 ? NULL : fmemopen(bytes, size, "r");
    if (stream != NULL && runlog_reader_stream(stream, "input", &reader, NULL) == OMEGA_OK &&
        runlog_merge_open(&reader, 1, &merge, NULL) == OMEGA_OK) {
        play(merge, 0);
    }
    return 0;
}
