/* SPDX-License-Identifier: MIT */
/* Rewriting a run log: see rewrite_log.h. */
#include "tests/support/rewrite_log.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A copy of `count` things, with room for one more. */
static void *copy_of(const void *things, size_t count, size_t size)
{
    void *copy = calloc(count + 1, size);
    ck_assert_ptr_nonnull(copy);
    if (count > 0 && things != NULL) {
        memcpy(copy, things, count * size);
    }
    return copy;
}

static void rewrite_record(struct runlog *log, const struct runlog_record *record, uint64_t number,
                           void (*alter)(void *context, struct rewritten *rewritten), void *context)
{
    struct rewritten rewritten = {.number = number, .record = *record, .copies = 1};
    const struct omega_transaction *txn = &record->txn;
    rewritten.claims = copy_of(txn->claims, txn->claim_count, sizeof *rewritten.claims);
    rewritten.results = copy_of(record->results, txn->claim_count, sizeof *rewritten.results);
    rewritten.released =
        copy_of(record->released, record->released_count, sizeof *rewritten.released);
    rewritten.record.txn.claims = rewritten.claims;
    rewritten.record.results = rewritten.results;
    rewritten.record.released = rewritten.released;
    if (alter != NULL) {
        alter(context, &rewritten);
    }
    for (uint32_t i = 0; i < rewritten.copies; i++) {
        runlog_put(log, &rewritten.record);
    }
    free(rewritten.claims);
    free(rewritten.results);
    free(rewritten.released);
}

void rewrite_log(const char *from, const char *to, uint32_t segment, uint32_t segments,
                 void (*alter)(void *context, struct rewritten *rewritten), void *context)
{
    omega_error_t err = {0};
    struct runlog_reader *reader = NULL;
    struct runlog *log = NULL;
    const struct runlog_record *record = NULL;
    int more = runlog_reader_open(from, &reader, &err);
    ck_assert_msg(more == OMEGA_OK, "%s", err.text);
    struct runlog_opening opening = *runlog_reader_opening(reader);
    opening.segment = segment;
    opening.segments = segments;
    FILE *out = fopen(to, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_msg(runlog_create(&opening, out, &log, &err) == OMEGA_OK, "%s", err.text);
    while ((more = runlog_reader_next(reader, &record, &err)) == 1) {
        rewrite_record(log, record, runlog_reader_number(reader), alter, context);
    }
    ck_assert_msg(more == 0 && runlog_finish(log, &err) == OMEGA_OK, "%s", err.text);
    runlog_destroy(log);
    runlog_reader_close(reader);
    ck_assert_int_eq(fclose(out), 0);
}
