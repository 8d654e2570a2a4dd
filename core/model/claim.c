/* SPDX-License-Identifier: MIT */
/* Claims: names of detections, granularities and outcomes, and what claims in short have to be;
 * which claims were not accepted. */
#include "core/model/claim.h"

#include <string.h>

const char *const omega_detection_names[OMEGA_DETECTIONS + 1] = {
    [OMEGA_DETECT_FINE] = "fine",
    [OMEGA_DETECT_COARSE] = "coarse",
};

const char *const omega_granularity_names[OMEGA_GRANULARITIES + 1] = {
    [OMEGA_COMMIT_TASK] = "task",         [OMEGA_COMMIT_MACHINE] = "machine",
    [OMEGA_COMMIT_AT_LEAST] = "at_least", [OMEGA_COMMIT_ALL] = "all",
    [OMEGA_COMMIT_GANG] = "gang",
};

const char *omega_outcome_name(uint8_t outcome)
{
    static const char *const names[OMEGA_OUTCOMES] = {
        [OMEGA_ACCEPTED] = "accepted",
        [OMEGA_CONFLICT_NO_LONGER_FITS] = "no_longer_fits",
        [OMEGA_CONFLICT_SEQ_CHANGED] = "seq_changed",
        [OMEGA_REFUSED_MACHINE_CHANGED] = "machine_changed",
        [OMEGA_REFUSED_MACHINE_DOWN] = "machine_down",
        [OMEGA_REFUSED_NOT_ALLOWED] = "not_allowed",
        [OMEGA_REFUSED_OVER_LIMIT] = "over_limit",
        [OMEGA_REFUSED_CONSTRAINT] = "constraint",
        [OMEGA_REFUSED_ALREADY_PLACED] = "already_placed",
        [OMEGA_REFUSED_VICTIM_GONE] = "victim_gone",
        [OMEGA_ABORTED] = "aborted",
    };
    return outcome < OMEGA_OUTCOMES ? names[outcome] : "unknown";
}

void omega_brief_list(const struct omega_transaction *txn, const struct omega_claim_result *results)
{
    if (txn->brief == NULL) {
        return;
    }
    txn->brief->count = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome != OMEGA_ACCEPTED) {
            txn->brief->others[txn->brief->count++] = i;
        }
    }
}

bool omega_tasks_rise(const uint32_t *tasks, uint32_t count, uint32_t end)
{
    for (uint32_t i = 1; i < count; i++) {
        if (tasks[i - 1] >= tasks[i]) {
            return false;
        }
    }
    return count == 0 || tasks[count - 1] < end; /* the largest of them */
}

void omega_tasks_mark(const uint32_t *tasks, uint32_t count, uint8_t *marks)
{
    if (count > 0 && tasks[count - 1] - tasks[0] == count - 1) {
        memset(&marks[tasks[0]], 1, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        marks[tasks[i]] = 1;
    }
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "marks are looked at eight at a time");

/* Which of up to 64 marks from one on are 0, as bits. A multiplication gathers what eight of them
 * say in the highest byte. */
static inline uint64_t unmarked_bits(const uint8_t *marks, uint32_t count)
{
    uint64_t bits = 0;
    uint64_t eight;
    _Static_assert(OMEGA_MARKS_BEHIND == sizeof eight - 1, "the last one may begin a word");
    for (uint32_t i = 0; i < count; i += (uint32_t)sizeof eight) {
        memcpy(&eight, &marks[i], sizeof eight);
        eight = ~eight & UINT64_C(0x0101010101010101);
        bits |= eight * UINT64_C(0x0102040810204080) >> 56 << i;
    }
    return count < 64 ? bits & ((UINT64_C(1) << count) - 1) : bits;
}

uint32_t *omega_tasks_unmarked(const uint8_t *marks, uint32_t from, uint32_t to, uint32_t *tasks)
{
    for (uint32_t t = from; t < to; t += 64) {
        uint64_t bits = unmarked_bits(&marks[t], to - t < 64 ? to - t : 64);
        for (; bits != 0; bits &= bits - 1) {
            *tasks++ = t + (uint32_t)__builtin_ctzll(bits);
        }
    }
    return tasks;
}

uint32_t omega_machines_exist(const uint32_t *machines, uint32_t count, uint32_t machine_count)
{
    uint32_t i = 0;
    while (i < count && machines[i] < machine_count) {
        i++;
    }
    return i;
}
