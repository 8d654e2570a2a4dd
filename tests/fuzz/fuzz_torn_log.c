/* SPDX-License-Identifier: MIT */
/* Fuzz target: one segment of a torn log, its checksums set right, with what is missing before its
 * records, is read and checked. */
#include "core/runlog/runlog_check.h"
#include "tests/fuzz/log_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void play(struct runlog_merge *merge, size_t told)
{
    const struct runlog_record *record = NULL;
    const struct runlog_effect *effect = NULL;
    struct runlog_check *check = NULL;
    runlog_check_create(runlog_merge_opening(merge), log_input_told, &told, &check, NULL);
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
    struct runlog_reader *reader = log_input(data, size);
    struct runlog_merge *merge = NULL;
    if (reader != NULL && runlog_merge_open(&reader, 1, &merge, NULL) == OMEGA_OK) {
        play(merge, 0);
    }
    return 0;
}
