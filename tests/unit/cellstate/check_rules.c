/* SPDX-License-Identifier: MIT */
/* The rules about claims: tables of machines, claims and what must come of them. */

#include <string.h>

#include "tests/support/check_main.h"
#include "tests/unit/cellstate/rules_fixture.h"

struct claim_row {
    const char *name;
    struct omega_request request;
    uint8_t devices;
    uint8_t detection;
    uint64_t seq;
    uint64_t synced;
    struct taken taken;
    uint8_t outcome;
};

enum {
    FINE = OMEGA_DETECT_FINE,
    COARSE = OMEGA_DETECT_COARSE,
    OK = OMEGA_ACCEPTED,
    FIT = OMEGA_CONFLICT_NO_LONGER_FITS,
    SEQ = OMEGA_CONFLICT_SEQ_CHANGED,
    CHANGED = OMEGA_REFUSED_MACHINE_CHANGED,
    DOWN = OMEGA_REFUSED_MACHINE_DOWN,
    TWICE = OMEGA_REFUSED_ALREADY_PLACED,
    SAME = OMEGA_REFUSED_CONSTRAINT,
    FELL = OMEGA_ABORTED,
};

static const struct claim_row claim_rows[] = {
    {"exactly what is left", {2000, 2048, 0, 0, 0}, 0, FINE, 9, 5, {0}, OK},
    {"one milli-core too many", {2001, 0, 0, 0, 0}, 0, FINE, 9, 5, {0}, CHANGED},
    {"one MiB too many", {0, 2049, 0, 0, 0}, 0, FINE, 9, 5, {0}, CHANGED},
    {"nothing asked for", {0}, 0, FINE, 9, 5, {0}, OK},
    {"too much, rival after the sync", {2001, 0, 0, 0, 0}, 0, FINE, 8, 4, {0}, FIT},
    {"a moved sequence is nothing to fine", {1, 1, 0, 0, 0}, 0, FINE, 8, 4, {0}, OK},
    {"coarse, unmoved", {1, 1, 0, 0, 0}, 0, COARSE, 9, 5, {0}, OK},
    {"coarse, moved by a rival", {1, 1, 0, 0, 0}, 0, COARSE, 8, 4, {0}, SEQ},
    {"coarse, moved, the rival was seen", {1, 1, 0, 0, 0}, 0, COARSE, 8, 5, {0}, CHANGED},
    {"coarse: the sequence before the room", {4000, 1, 0, 0, 0}, 0, COARSE, 8, 4, {0}, SEQ},
    {"coarse, unmoved, does not fit", {4000, 1, 0, 0, 0}, 0, COARSE, 9, 4, {0}, FIT},
    {"a later sequence has moved too", {0}, 0, COARSE, 10, 5, {0}, CHANGED},
    {"beside the transaction's own claims",
     {1000, 1024, 0, 0, 0},
     0,
     FINE,
     9,
     5,
     {.cpu_milli = 1000, .mem_mib = 1024},
     OK},
    {"own claims took the CPU", {1000, 0, 0, 0, 0}, 0, FINE, 9, 5, {.cpu_milli = 1001}, CHANGED},
    {"own claims took the memory", {0, 1024, 0, 0, 0}, 0, FINE, 9, 5, {.mem_mib = 1025}, CHANGED},
    {"own claims do not move the sequence",
     {1, 1, 0, 0, 0},
     0,
     COARSE,
     9,
     5,
     {.cpu_milli = 10, .mem_mib = 10},
     OK},
    {"the rest of the shared device", {0, 0, 500, 1, 0}, 1, FINE, 9, 5, {0}, OK},
    {"more than the rest of it", {0, 0, 501, 1, 0}, 1, FINE, 9, 5, {0}, CHANGED},
    {"the same on the free device", {0, 0, 501, 1, 0}, 2, FINE, 9, 5, {0}, OK},
    {"a whole device that is free", {0, 0, 1000, 1, 0}, 2, FINE, 9, 5, {0}, OK},
    {"two whole devices, one is shared", {0, 0, 1000, 2, 0}, 3, FINE, 9, 4, {0}, FIT},
    {"own claims took the device",
     {0, 0, 400, 1, 0},
     2,
     FINE,
     9,
     5,
     {.gpu_milli = {0, 601}},
     CHANGED},
    {"own claims left just enough of it",
     {0, 0, 400, 1, 0},
     2,
     FINE,
     9,
     5,
     {.gpu_milli = {1000, 600}},
     OK},
    {"a device that the machine lacks", {0, 0, 1, 1, 0}, 4, FINE, 9, 5, {0}, CHANGED},
    {"the largest request",
     {OMEGA_CPU_MILLI_MAX, OMEGA_MEM_MIB_MAX, 0, 0, 0},
     0,
     FINE,
     9,
     5,
     {.cpu_milli = 2000, .mem_mib = 2048},
     CHANGED},
};

static struct omega_claim claim_of(const struct claim_row *row)
{
    return (struct omega_claim){
        .seq = row->seq, .synced = row->synced, .request = row->request, .devices = row->devices};
}

START_TEST(claim_holds)
{
    const struct claim_row *row = &claim_rows[_i];
    struct omega_machine machine = half_full();
    lend(&machine, &row->taken);
    struct omega_machine before = machine;
    struct omega_claim claim = claim_of(row);
    uint8_t outcome = rules_claim(&machine, &claim, row->detection, MINE);
    ck_assert_msg(outcome == row->outcome, "%s: %s, expected %s", row->name,
                  omega_outcome_name(outcome), omega_outcome_name(row->outcome));
    ck_assert_mem_eq(&machine, &before, sizeof(machine));
    /* The rival itself never conflicts with its own placement. */
    outcome = rules_claim(&machine, &claim, row->detection, RIVAL);
    ck_assert(!omega_outcome_is_conflict(outcome));
}
END_TEST

START_TEST(states)
{
    static const uint8_t down[] = {OMEGA_MACHINE_DOWN, OMEGA_MACHINE_DRAINING};
    struct omega_claim claim = {.seq = 9, .synced = 5};
    for (size_t i = 0; i < sizeof(down); i++) {
        struct omega_machine machine = half_full();
        machine.state = down[i];
        for (uint8_t detection = 0; detection < 2; detection++) {
            ck_assert_uint_eq(rules_claim(&machine, &claim, detection, MINE),
                              OMEGA_REFUSED_MACHINE_DOWN);
        }
    }
}
END_TEST

/* The latest placement by another instance counts, whoever placed last. */
START_TEST(rivals)
{
    struct omega_request one = {.cpu_milli = 1};
    struct omega_claim claim = {.synced = 6, .request = {.cpu_milli = 4000}};
    struct omega_machine machine = half_full();
    rules_place(&machine, &one, 0, OMEGA_BAND_MID, MINE, 7);
    rules_place(&machine, &one, 0, OMEGA_BAND_MID, MINE, 8);
    ck_assert_uint_eq(rules_claim(&machine, &claim, OMEGA_DETECT_FINE, MINE),
                      OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(rules_claim(&machine, &claim, OMEGA_DETECT_FINE, RIVAL),
                      OMEGA_CONFLICT_NO_LONGER_FITS);
    ck_assert_uint_eq(machine.placed_by[0], MINE);
    ck_assert_uint_eq(machine.placed_version[0], 8);
    ck_assert_uint_eq(machine.placed_by[1], RIVAL);
    ck_assert_uint_eq(machine.placed_version[1], 5);
    rules_place(&machine, &one, 0, OMEGA_BAND_MID, 3, 9);
    ck_assert_uint_eq(machine.placed_by[0], 3);
    ck_assert_uint_eq(machine.placed_by[1], MINE);
    ck_assert_uint_eq(machine.placed_version[1], 8);
}
END_TEST

START_TEST(initial_state_is_no_rival)
{
    struct omega_request most = {.cpu_milli = 1999};
    struct omega_claim claim = {.synced = 5, .request = {.cpu_milli = 4000}};
    struct omega_machine machine = half_full();
    rules_place(&machine, &most, 0, OMEGA_BAND_FREE, OMEGA_INSTANCE_NONE, 7);
    ck_assert_uint_eq(machine.seq, 10);
    ck_assert_uint_eq(rules_claim(&machine, &claim, OMEGA_DETECT_FINE, MINE),
                      OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(rules_claim(&machine, &claim, OMEGA_DETECT_COARSE, MINE),
                      OMEGA_REFUSED_MACHINE_CHANGED);
    claim.synced = 4; /* before the rival's placement at 5: that one still counts */
    ck_assert_uint_eq(rules_claim(&machine, &claim, OMEGA_DETECT_FINE, MINE),
                      OMEGA_CONFLICT_NO_LONGER_FITS);
}
END_TEST

/* rules_decide: four claims of one core each on one machine with two cores left and one with four;
 * a row names the machine of each, and what comes of them. */
#define DECIDE_CLAIMS 4

struct decide_row {
    const char *name;
    uint8_t granularity;
    uint8_t machine[DECIDE_CLAIMS]; /* 0: two cores left; 1: all four; 2: does not exist */
    uint8_t group[DECIDE_CLAIMS];
    uint32_t minimum[2];
    uint8_t refused[DECIDE_CLAIMS];
    uint8_t outcome[DECIDE_CLAIMS];
};

static const struct decide_row decide_rows[] = {
    {"per task: the third finds no room",
     OMEGA_COMMIT_TASK,
     {0, 0, 0, 1},
     {0},
     {0},
     {0},
     {OK, OK, FIT, OK}},
    {"per machine: its claims fall together",
     OMEGA_COMMIT_MACHINE,
     {0, 0, 0, 1},
     {0},
     {0},
     {0},
     {FELL, FELL, FIT, OK}},
    {"per machine: between the others",
     OMEGA_COMMIT_MACHINE,
     {0, 1, 0, 0},
     {0},
     {0},
     {0},
     {FELL, OK, FELL, FIT}},
    {"per machine: all hold", OMEGA_COMMIT_MACHINE, {0, 1, 0, 1}, {0}, {0}, {0}, {OK, OK, OK, OK}},
    {"all: one is enough", OMEGA_COMMIT_ALL, {0, 0, 0, 1}, {0}, {0}, {0}, {FELL, FELL, FIT, FELL}},
    {"gang: one is enough",
     OMEGA_COMMIT_GANG,
     {1, 0, 0, 0},
     {0},
     {0},
     {0},
     {FELL, FELL, FELL, FIT}},
    {"all: all hold", OMEGA_COMMIT_ALL, {0, 0, 1, 1}, {0}, {0}, {0}, {OK, OK, OK, OK}},
    {"all: every failing claim has its reason",
     OMEGA_COMMIT_ALL,
     {2, 0, 0, 0},
     {0},
     {0},
     {0},
     {DOWN, FELL, FELL, FIT}},
    {"at least 3 of 4", OMEGA_COMMIT_AT_LEAST, {0, 0, 0, 1}, {0}, {3, 0}, {0}, {OK, OK, FIT, OK}},
    {"at least 4 of 4",
     OMEGA_COMMIT_AT_LEAST,
     {0, 0, 0, 1},
     {0},
     {4, 0},
     {0},
     {FELL, FELL, FIT, FELL}},
    {"at least, by group: both hold",
     OMEGA_COMMIT_AT_LEAST,
     {0, 0, 0, 1},
     {0, 0, 1, 1},
     {2, 1},
     {0},
     {OK, OK, FIT, OK}},
    {"at least, by group: the second fails",
     OMEGA_COMMIT_AT_LEAST,
     {0, 0, 0, 1},
     {0, 0, 1, 1},
     {2, 2},
     {0},
     {FELL, FELL, FIT, FELL}},
    {"at least none",
     OMEGA_COMMIT_AT_LEAST,
     {2, 2, 2, 2},
     {0},
     {0, 0},
     {0},
     {DOWN, DOWN, DOWN, DOWN}},
    {"a caller's reason takes no room",
     OMEGA_COMMIT_TASK,
     {0, 0, 0, 0},
     {0},
     {0},
     {TWICE, 0, 0, 0},
     {TWICE, OK, OK, FIT}},
    {"a caller's reason fells the rest",
     OMEGA_COMMIT_ALL,
     {1, 1, 1, 1},
     {0},
     {0},
     {0, SAME, 0, 0},
     {FELL, SAME, FELL, FELL}},
    {"a caller's reason fells its machine",
     OMEGA_COMMIT_MACHINE,
     {0, 1, 1, 0},
     {0},
     {0},
     {0, SAME, 0, 0},
     {OK, SAME, FELL, OK}},
    {"machine_down before a caller's reason",
     OMEGA_COMMIT_TASK,
     {2, 2, 1, 1},
     {0},
     {0},
     {TWICE, 0, TWICE, 0},
     {DOWN, DOWN, TWICE, OK}},
};

START_TEST(decides_all)
{
    const struct decide_row *row = &decide_rows[_i];
    struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 4096};
    struct omega_machine half = half_full();
    struct omega_machine empty;
    rules_machine_init(&empty, 1, &spec, &exactly);
    struct omega_machine *const by_number[] = {&half, &empty, NULL};
    struct omega_machine *machines[DECIDE_CLAIMS];
    struct omega_claim claims[DECIDE_CLAIMS];
    struct omega_claim_result results[DECIDE_CLAIMS];
    struct omega_result result = {0};
    omega_error_t err = {0};
    uint32_t counts[OMEGA_OUTCOMES] = {0};
    for (uint32_t i = 0; i < DECIDE_CLAIMS; i++) {
        machines[i] = by_number[row->machine[i]];
        claims[i] = (struct omega_claim){
            .task = i, .group = row->group[i], .machine = row->machine[i], .synced = 4};
        claims[i].request.cpu_milli = 1000;
        counts[row->outcome[i]]++;
    }
    struct omega_transaction txn = {.job = 1,
                                    .instance = MINE,
                                    .granularity = row->granularity,
                                    .group_minimum = row->minimum,
                                    .group_count = 2,
                                    .claims = claims,
                                    .claim_count = DECIDE_CLAIMS};
    struct rules_scratch *scratch = rules_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    for (int again = 0; again < 2; again++) { /* nothing is left behind in the scratch */
        memset(&result, 0, sizeof(result));
        int rc = rules_decide(&txn, machines, row->refused, scratch, results, &result, &err);
        ck_assert_int_eq(rc, 0);
        for (uint32_t i = 0; i < DECIDE_CLAIMS; i++) {
            ck_assert_msg(results[i].outcome == row->outcome[i], "%s: claim %u is %s, not %s",
                          row->name, i, omega_outcome_name(results[i].outcome),
                          omega_outcome_name(row->outcome[i]));
        }
        ck_assert_uint_eq(result.accepted, counts[OK]);
        ck_assert_uint_eq(result.conflicts, counts[FIT]);
        ck_assert_uint_eq(result.refused, counts[DOWN] + counts[TWICE] + counts[SAME]);
        ck_assert_uint_eq(result.aborted, counts[FELL]);
        rules_give_back(&txn, machines, results);
    }
    rules_scratch_destroy(scratch);
    rules_scratch_destroy(NULL);
}
END_TEST

/* What comes with a refused claim: the rival, its version, and the other detection's answer. */
START_TEST(explains)
{
    struct omega_machine half = half_full();
    struct omega_machine *machines[] = {&half, &half, &half};
    struct omega_claim claims[] = {
        {.task = 0, .seq = 9, .synced = 4, .request = {.cpu_milli = 2001}},
        {.task = 1, .seq = 8, .synced = 4, .request = {.cpu_milli = 1}},
        {.task = 2, .seq = 8, .synced = 5, .request = {.cpu_milli = 2001}},
    };
    struct omega_claim_result results[3];
    struct omega_result result = {0};
    struct omega_transaction txn = {.job = 1,
                                    .instance = MINE,
                                    .detection = OMEGA_DETECT_COARSE,
                                    .claims = claims,
                                    .claim_count = 3,
                                    .group_count = 1};
    struct rules_scratch *scratch = rules_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    ck_assert_int_eq(rules_decide(&txn, machines, NULL, scratch, results, &result, NULL), 0);
    ck_assert_uint_eq(results[0].outcome, OMEGA_CONFLICT_NO_LONGER_FITS);
    ck_assert_uint_eq(results[0].other_refuses, 1);
    ck_assert_uint_eq(results[1].outcome, OMEGA_CONFLICT_SEQ_CHANGED);
    ck_assert_uint_eq(results[1].other_refuses, 0);
    ck_assert_uint_eq(results[2].outcome, OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(results[2].other_refuses, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(results[i].rival, RIVAL);
        ck_assert_uint_eq(results[i].rival_version, 5);
    }
    txn.instance = RIVAL; /* nobody else was here */
    ck_assert_int_eq(rules_decide(&txn, machines, NULL, scratch, results, &result, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(results[i].outcome, OMEGA_REFUSED_MACHINE_CHANGED);
        ck_assert_uint_eq(results[i].rival, OMEGA_INSTANCE_NONE);
        ck_assert_uint_eq(results[i].rival_version, 0);
    }
    rules_scratch_destroy(scratch);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void loop_case(Suite *suite, const char *name, const TTest *test, int rows)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, rows);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    loop_case(suite, "claims", claim_holds, ROWS(claim_rows));
    loop_case(suite, "decides", decides_all, ROWS(decide_rows));
    check_case(suite, "states", states);
    check_case(suite, "rivals", rivals);
    check_case(suite, "initial state", initial_state_is_no_rival);
    check_case(suite, "explains", explains);
}

CHECK_MAIN("cellstate/rules", add_cases)
