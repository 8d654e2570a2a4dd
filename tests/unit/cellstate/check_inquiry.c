/* SPDX-License-Identifier: MIT */
/*
 * What a commit tells besides its results: causes worked out by hand, and counterfactuals that must
 * equal what rules_decide() says of the same claims in each other mode. OMEGA_SEED repeats.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"
#include "tests/unit/cellstate/rules_fixture.h"

enum {
    THIRD = 3,
    CLAIMS = 12,
    MACHINES = 5,
    GROUPS = 2,
    FINE = OMEGA_DETECT_FINE,
    COARSE = OMEGA_DETECT_COARSE,
};

/* Half full by its first and only placement. */
static struct omega_machine half_full_once(void)
{
    struct omega_machine machine = half_full();
    machine.seq = 1;
    return machine;
}

/* ---- causes ---- */

struct cause_row {
    const char *name;
    struct omega_request request;
    uint8_t devices;
    uint64_t synced;
    struct taken taken;
    struct omega_cause cause;
};

static const struct cause_row cause_rows[] = {
    {"CPU", {2001, 1, 0, 0, 0}, 0, 4, {0}, {1, 1, 0, 0, 0, 1, 0}},
    {"memory", {1, 2100, 0, 0, 0}, 0, 4, {0}, {1, 0, 52, 0, 0, 1, 0}},
    {"both, after own claims",
     {2000, 2048, 0, 0, 0},
     0,
     4,
     {.cpu_milli = 300, .mem_mib = 7},
     {1, 300, 7, 0, 0, 1, 0}},
    {"one device of two", {1, 1, 1000, 2, 0}, 3, 4, {0}, {1, 0, 0, 500, 0, 1, 0}},
    {"a device that is not there", {1, 1, 700, 1, 0}, 4, 4, {0}, {1, 0, 0, 700, 0, 1, 0}},
    {"only the sequence moved", {1, 1, 0, 0, 0}, 0, 4, {0}, {1, 0, 0, 0, 0, 1, 0}},
    {"the rival was seen", {2001, 1, 0, 0, 0}, 0, 5, {0}, {1, 1, 0, 0, 0, 0, 0}},
};

START_TEST(tells_causes)
{
    const struct cause_row *row = &cause_rows[_i];
    struct omega_machine machine = half_full_once();
    struct omega_claim claim = {
        .request = row->request, .devices = row->devices, .synced = row->synced};
    struct omega_cause cause;
    lend(&machine, &row->taken);
    memset(&cause, 0xff, sizeof cause);
    rules_explain(&machine, &claim, MINE, &cause);
    ck_assert_msg(cause.seq_found == row->cause.seq_found &&
                      cause.missing_cpu_milli == row->cause.missing_cpu_milli &&
                      cause.missing_mem_mib == row->cause.missing_mem_mib &&
                      cause.missing_gpu_milli == row->cause.missing_gpu_milli &&
                      cause.above_limit == row->cause.above_limit &&
                      cause.sole_rival == row->cause.sole_rival,
                  "%s: sequence %" PRIu64 ", missing %" PRId64 " milli-cores, %" PRId64
                  " MiB, %" PRId32 " milli-GPU, above limit %u, sole rival %u",
                  row->name, cause.seq_found, cause.missing_cpu_milli, cause.missing_mem_mib,
                  cause.missing_gpu_milli, cause.above_limit, cause.sole_rival);
}
END_TEST

START_TEST(knows_sole_rivals)
{
    static const struct omega_request one = {.cpu_milli = 1000, .mem_mib = 1};
    struct omega_machine machine = half_full_once();
    struct omega_claim claim = {.request = {.cpu_milli = 4000}, .synced = 4};
    struct omega_cause cause;
    rules_place(&machine, &one, 0, OMEGA_BAND_BATCH, RIVAL, 6); /* again: still alone */
    rules_explain(&machine, &claim, MINE, &cause);
    ck_assert_uint_eq(cause.sole_rival, 1);
    rules_place(&machine, &one, 0, OMEGA_BAND_BATCH, THIRD, 7);
    rules_explain(&machine, &claim, MINE, &cause);
    ck_assert_uint_eq(cause.sole_rival, 0);
    claim.synced = 6; /* the view has seen the first of them */
    rules_explain(&machine, &claim, MINE, &cause);
    ck_assert_uint_eq(cause.sole_rival, 1);
    ck_assert_int_eq(cause.missing_cpu_milli, 4000);
    machine.may_exceed = 1;
    rules_explain(&machine, &claim, MINE, &cause);
    ck_assert_uint_eq(cause.above_limit, 1);
    rules_explain(NULL, &claim, MINE, &cause);
    ck_assert_uint_eq(cause.seq_found, 0);
    ck_assert_int_eq(cause.missing_cpu_milli, 0);
    ck_assert_uint_eq(cause.above_limit, 0);
}
END_TEST

/* Three claims of 1 core on the half full machine: the third has no room. */
START_TEST(explains_refused_claims_only)
{
    struct omega_machine machine = half_full_once();
    struct omega_machine *machines[] = {&machine, &machine, &machine};
    struct omega_claim claims[3];
    struct omega_cause causes[3];
    struct omega_claim_result results[3];
    struct omega_result result;
    struct omega_inquiry inquiry = {.causes = causes};
    for (uint32_t i = 0; i < 3; i++) {
        claims[i] = (struct omega_claim){.task = i, .synced = 4, .request = {.cpu_milli = 1000}};
    }
    memset(causes, 0x7e, sizeof causes);
    struct omega_transaction txn = {.instance = MINE,
                                    .granularity = OMEGA_COMMIT_ALL,
                                    .claims = claims,
                                    .claim_count = 3,
                                    .inquiry = &inquiry};
    struct rules_scratch *scratch = rules_scratch_create();
    ck_assert_int_eq(rules_decide(&txn, machines, NULL, scratch, results, &result, NULL), 0);
    ck_assert(inquiry.answered);
    ck_assert_uint_eq(results[2].outcome, OMEGA_CONFLICT_NO_LONGER_FITS);
    ck_assert_int_eq(causes[2].missing_cpu_milli, 1000);
    ck_assert_uint_eq(causes[2].seq_found, 1);
    ck_assert_uint_eq(causes[0].above_limit, 0x7e); /* aborted: nothing is told */
    ck_assert_uint_eq(causes[1].above_limit, 0x7e);
    rules_scratch_destroy(scratch);
}
END_TEST

/* ---- counterfactuals ---- */

/* Two claims on a machine that a rival filled by half, two on one that nobody touched. */
START_TEST(concludes_by_hand)
{
    struct omega_machine half = half_full_once();
    struct omega_machine empty;
    struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 4096};
    rules_machine_init(&empty, 1, &spec, &exactly);
    struct omega_machine *machines[] = {&half, &half, &empty, &empty};
    struct omega_claim claims[4];
    struct omega_claim_result results[4];
    struct omega_result result;
    struct omega_inquiry inquiry = {.counterfactuals = true};
    for (uint32_t i = 0; i < 4; i++) {
        claims[i] = (struct omega_claim){
            .task = i, .machine = i / 2, .synced = 4, .request = {.cpu_milli = 1500}};
    }
    struct omega_transaction txn = {
        .instance = MINE, .claims = claims, .claim_count = 4, .inquiry = &inquiry};
    struct rules_scratch *scratch = rules_scratch_create();
    for (uint8_t detection = FINE; detection <= COARSE; detection++) {
        const struct omega_judgement *fine = &inquiry.judged[FINE];
        const struct omega_judgement *coarse = &inquiry.judged[COARSE];
        memset(inquiry.judged, 0xff, sizeof inquiry.judged);
        txn.detection = detection;
        ck_assert_int_eq(rules_decide(&txn, machines, NULL, scratch, results, &result, NULL), 0);
        rules_give_back(&txn, machines, results);
        ck_assert_uint_eq(result.conflicts, detection == FINE ? 1 : 2);
        ck_assert_uint_eq(fine->conflicts, 1); /* the second finds 500 milli-cores */
        ck_assert_uint_eq(fine->refused, 0);
        ck_assert_uint_eq(fine->accepted[OMEGA_COMMIT_TASK], 3);
        ck_assert_uint_eq(fine->accepted[OMEGA_COMMIT_MACHINE], 2);
        ck_assert_uint_eq(fine->accepted[OMEGA_COMMIT_ALL], 0);
        ck_assert_uint_eq(fine->accepted[OMEGA_COMMIT_GANG], 0);
        ck_assert_uint_eq(coarse->conflicts, 2);
        ck_assert_uint_eq(coarse->accepted[OMEGA_COMMIT_TASK], 2);
        ck_assert_uint_eq(coarse->accepted[OMEGA_COMMIT_MACHINE], 2);
        ck_assert_uint_eq(coarse->accepted[OMEGA_COMMIT_ALL], 0);
    }
    rules_scratch_destroy(scratch);
}
END_TEST

struct random_cell {
    struct omega_machine machines[MACHINES];
    struct omega_machine *claimed[CLAIMS];
    struct omega_claim claims[CLAIMS];
    uint8_t refused[CLAIMS];
    uint32_t minimum[GROUPS];
    struct omega_transaction txn;
};

static void draw_machine(struct omega_random *random, struct omega_machine *machine)
{
    struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 4000, .gpu_devices = 2};
    rules_machine_init(machine, machine->index, &spec, &exactly);
    uint64_t version = 1;
    for (uint32_t n = omega_random_below(random, 4); n > 0; n--) {
        struct omega_request request = {
            .cpu_milli = (int32_t)omega_random_below(random, 2000),
            .mem_mib = (int32_t)omega_random_below(random, 1000),
            .gpu_milli = 300,
            .gpu_devices = 1,
        };
        version += omega_random_below(random, 4);
        rules_place(machine, &request, 1u << omega_random_below(random, 2), OMEGA_BAND_BATCH,
                    (uint16_t)(MINE + omega_random_below(random, 3)), version);
    }
    machine->state = omega_random_below(random, 12) == 0 ? OMEGA_MACHINE_DOWN : OMEGA_MACHINE_UP;
    machine->may_exceed = omega_random_below(random, 12) == 0;
}

/* Claims of one view: those on one machine have seen the same of it. */
static void draw(struct omega_random *random, struct random_cell *cell)
{
    memset(cell, 0, sizeof *cell);
    uint64_t synced[MACHINES];
    uint64_t seq[MACHINES];
    for (uint32_t m = 0; m < MACHINES; m++) {
        struct omega_machine *machine = &cell->machines[m];
        machine->index = m;
        draw_machine(random, machine);
        bool seen = omega_random_below(random, 2) == 0; /* all that was placed there */
        synced[m] = seen ? 20 : omega_random_below(random, 3);
        seq[m] = seen ? machine->seq : machine->seq - (machine->seq > 0);
    }
    uint32_t count = 1 + omega_random_below(random, CLAIMS);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t m = omega_random_below(random, MACHINES);
        cell->claimed[i] = omega_random_below(random, 20) == 0 ? NULL : &cell->machines[m];
        cell->claims[i] = (struct omega_claim){
            .seq = seq[m],
            .synced = synced[m],
            .task = i,
            .machine = m,
            .group = (uint16_t)omega_random_below(random, GROUPS),
            .devices = (uint8_t)(omega_random_below(random, 4) == 0 ? 1 : 0),
            .request = {.cpu_milli = (int32_t)omega_random_below(random, 1500),
                        .mem_mib = (int32_t)omega_random_below(random, 1500),
                        .gpu_milli = 300},
        };
        cell->refused[i] = omega_random_below(random, 15) == 0 ? OMEGA_REFUSED_ALREADY_PLACED : 0;
    }
    cell->minimum[0] = omega_random_below(random, 4);
    cell->minimum[1] = omega_random_below(random, 4);
    cell->txn = (struct omega_transaction){.instance = MINE,
                                           .group_minimum = cell->minimum,
                                           .group_count = GROUPS,
                                           .claims = cell->claims,
                                           .claim_count = count};
}

/* What is accepted has its room taken: entering it leaves what placing it does, and giving it back
 * leaves nothing. Gives it back. */
static void check_room(struct random_cell *cell, const struct random_cell *before,
                       const struct omega_claim_result *results)
{
    struct random_cell placed = *before;
    struct random_cell installed = *cell;
    for (uint32_t i = 0; i < cell->txn.claim_count; i++) {
        const struct omega_claim *claim = &cell->claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED) {
            rules_place(&placed.machines[claim->machine], &claim->request, claim->devices,
                        OMEGA_BAND_MID, MINE, 8);
            rules_install(&installed.machines[claim->machine], &claim->request, claim->devices,
                          OMEGA_BAND_MID, MINE, 8);
        }
    }
    ck_assert_mem_eq(installed.machines, placed.machines, sizeof placed.machines);
    rules_give_back(&cell->txn, cell->claimed, results);
    ck_assert_mem_eq(cell->machines, before->machines, sizeof before->machines);
}

static struct omega_result decide(struct random_cell *cell, struct rules_scratch *scratch,
                                  uint8_t detection, uint8_t granularity,
                                  struct omega_inquiry *inquiry)
{
    const struct random_cell before = *cell;
    struct omega_claim_result results[CLAIMS];
    struct omega_result result;
    cell->txn.detection = detection;
    cell->txn.granularity = granularity;
    cell->txn.inquiry = inquiry;
    ck_assert_int_eq(
        rules_decide(&cell->txn, cell->claimed, cell->refused, scratch, results, &result, NULL), 0);
    check_room(cell, &before, results);
    return result;
}

/* Asked for under each mode, the answer for each mode is what deciding in it says. */
START_TEST(equals_deciding_otherwise)
{
    const char *given = getenv("OMEGA_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    struct omega_random random;
    struct random_cell cell;
    struct rules_scratch *scratch = rules_scratch_create();
    uint64_t spurious = 0;
    omega_random_init(&random, seed, "inquiry", 0);
    printf("inquiry: OMEGA_SEED=%" PRIu64 "\n", seed);
    for (int n = 0; n < 2000; n++) {
        draw(&random, &cell);
        struct omega_result real[OMEGA_DETECTIONS][OMEGA_GRANULARITIES];
        for (uint8_t mode = 0; mode < OMEGA_DETECTIONS * OMEGA_GRANULARITIES; mode++) {
            real[mode % 2][mode / 2] = decide(&cell, scratch, mode % 2, mode / 2, NULL);
        }
        for (uint8_t mode = 0; mode < OMEGA_DETECTIONS * OMEGA_GRANULARITIES; mode++) {
            struct omega_inquiry inquiry = {.counterfactuals = true};
            struct omega_result result = decide(&cell, scratch, mode % 2, mode / 2, &inquiry);
            ck_assert(memcmp(&result, &real[mode % 2][mode / 2], sizeof result) == 0);
            for (uint8_t d = 0; d < OMEGA_DETECTIONS; d++) {
                for (uint8_t g = 0; g < OMEGA_GRANULARITIES; g++) {
                    const struct omega_judgement *judged = &inquiry.judged[d];
                    ck_assert_uint_eq(judged->conflicts, real[d][g].conflicts);
                    ck_assert_uint_eq(judged->refused, real[d][g].refused);
                    if (g != OMEGA_COMMIT_AT_LEAST || mode / 2 == OMEGA_COMMIT_AT_LEAST) {
                        ck_assert_uint_eq(judged->accepted[g], real[d][g].accepted);
                    }
                }
            }
            /* in one step the finer detection never finds more conflicts */
            ck_assert_uint_le(inquiry.judged[FINE].conflicts, inquiry.judged[COARSE].conflicts);
            spurious += inquiry.judged[COARSE].conflicts - inquiry.judged[FINE].conflicts;
        }
    }
    ck_assert_uint_gt(spurious, 1000);
    rules_scratch_destroy(scratch);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *causes = tcase_create("causes");
    tcase_add_loop_test(causes, tells_causes, 0, (int)(sizeof cause_rows / sizeof cause_rows[0]));
    suite_add_tcase(suite, causes);
    check_case(suite, "sole rivals", knows_sole_rivals);
    check_case(suite, "refused claims only", explains_refused_claims_only);
    check_case(suite, "by hand", concludes_by_hand);
    check_case(suite, "equals deciding otherwise", equals_deciding_otherwise);
}

CHECK_MAIN("cellstate/inquiry", add_cases)
