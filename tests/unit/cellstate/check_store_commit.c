/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite, second part: conflicts and refusals between instances, and what each
 * granularity installs (invariants A, C and E), over every store.
 */
#include "tests/unit/cellstate/cell_fixture.h"

/* Instance 1 plans as of now; instance 2 is faster; then 1 commits. */
START_TEST(conflict_no_longer_fits)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 1, 3000);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 0, 3000);
    struct cell_txn planned = cell.t;
    cell_put(&cell, 2, 0, 1500, 2);
    uint64_t version = cell_counters(&cell).version;
    cell.t = planned;
    cell.t.txn.claims = cell.t.claims;
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_CONFLICT_NO_LONGER_FITS);
    ck_assert_uint_eq(cell.t.results[0].rival, 2);
    ck_assert_uint_eq(cell.t.results[0].rival_version, version);
    ck_assert_uint_eq(cell.t.results[0].other_refuses, 1);
    ck_assert_uint_eq(cell.t.result.conflicts, 1);
    ck_assert_uint_eq(cell.t.result.version, version); /* the current one: nothing accepted */
    ck_assert_uint_eq(cell_counters(&cell).version, version);
    ck_assert_uint_eq(cell_counters(&cell).tasks_pending, 1);
    cell_close(&cell);
}
END_TEST

/* The same where there is still room: fine accepts, coarse does not. */
START_TEST(conflict_seq_changed)
{
    for (uint8_t detection = 0; detection < 2; detection++) {
        struct cell cell;
        cell_open(&cell, _i);
        cell_submit(&cell, 1, 1, 1000);
        cell_begin(&cell, 1, 1);
        cell_claim(&cell, 0, 0, 1000);
        cell.t.txn.detection = detection;
        struct cell_txn planned = cell.t;
        cell_put(&cell, 2, 0, 1000, 2);
        cell.t = planned;
        cell.t.txn.claims = cell.t.claims;
        cell_commit(&cell);
        if (detection == OMEGA_DETECT_FINE) {
            CELL_OUTCOMES(&cell, OMEGA_ACCEPTED);
        } else {
            CELL_OUTCOMES(&cell, OMEGA_CONFLICT_SEQ_CHANGED);
            ck_assert_uint_eq(cell.t.results[0].other_refuses, 0);
            ck_assert_uint_eq(cell.t.results[0].rival, 2);
        }
        cell_close(&cell);
    }
}
END_TEST

/* Its own placements, and events, are no rivals: machine_changed. */
START_TEST(machine_changed)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 2, 3000);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 0, 3000);
    cell_claim(&cell, 1, 1, 3000);
    struct cell_txn planned = cell.t;
    cell_put(&cell, 2, 0, 1500, 1);
    struct omega_machine_event shrink = {.machine = 1,
                                         .kind = OMEGA_EVENT_CAPACITY,
                                         .cpu_milli = 2999,
                                         .mem_mib = 4096,
                                         .gpu_devices = 2};
    const struct store_release_result *lost = NULL;
    uint32_t count = 9;
    uint64_t version = 0;
    ck_assert_int_eq(store_machine_event(cell.store, &shrink, STORE_LOST_RETURN, &lost, &count,
                                         &version, &cell.err),
                     0);
    ck_assert_uint_eq(count, 0);
    cell.t = planned;
    cell.t.txn.claims = cell.t.claims;
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(cell.t.results[0].rival, OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(cell.t.results[0].rival_version, 0);
    ck_assert_uint_eq(cell.t.result.refused, 2);
    ck_assert_uint_eq(cell.t.result.conflicts, 0);
    cell_close(&cell);
}
END_TEST

/* Initial placements are nobody's: what they take is machine_changed, without a rival. */
START_TEST(preload_is_no_rival)
{
    struct cell cell;
    struct store_placement big = {.machine = 0, .request = {.cpu_milli = 4000}, .band = 1};
    uint64_t version = 0;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 1, 1000);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 0, 1000);
    ck_assert_int_eq(store_preload(cell.store, &big, 1, &version, &cell.err), 0);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(cell.t.results[0].rival, OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(cell.t.results[0].rival_version, 0);
    cell_close(&cell);
}
END_TEST

/* The sync that counts is the claim's, machine by machine, not the transaction's. */
START_TEST(each_claim_has_its_sync)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_put(&cell, 2, 0, 3500, 2); /* version 1 */
    cell_put(&cell, 3, 1, 3500, 2); /* version 2 */
    cell_submit(&cell, 1, 2, 1000);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 0, 1000)->synced = 0;
    cell_claim(&cell, 1, 1, 1000)->synced = 2;
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_CONFLICT_NO_LONGER_FITS, OMEGA_REFUSED_MACHINE_CHANGED);
    cell_close(&cell);
}
END_TEST

START_TEST(down_and_draining)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_event(&cell, 1, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
    cell_submit(&cell, 1, 2, 1000);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 1, 1000);
    cell_claim(&cell, 1, 3, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_DOWN, OMEGA_REFUSED_MACHINE_DOWN);
    cell_close(&cell);
}
END_TEST

struct granularity_row {
    uint8_t granularity;
    uint32_t minimum;
    uint8_t outcome[4];
    uint32_t accepted;
};

/* Claims of 1500 for three tasks on machine 0, which holds two, and one on machine 1. */
static const struct granularity_row granularity_rows[] = {
    {OMEGA_COMMIT_TASK,
     0,
     {OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ACCEPTED},
     3},
    {OMEGA_COMMIT_MACHINE,
     0,
     {OMEGA_ABORTED, OMEGA_ABORTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ACCEPTED},
     1},
    {OMEGA_COMMIT_AT_LEAST,
     3,
     {OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ACCEPTED},
     3},
    {OMEGA_COMMIT_AT_LEAST,
     4,
     {OMEGA_ABORTED, OMEGA_ABORTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ABORTED},
     0},
    {OMEGA_COMMIT_ALL,
     0,
     {OMEGA_ABORTED, OMEGA_ABORTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ABORTED},
     0},
    {OMEGA_COMMIT_GANG,
     0,
     {OMEGA_ABORTED, OMEGA_ABORTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ABORTED},
     0},
};

START_TEST(granularities)
{
    for (size_t r = 0; r < sizeof(granularity_rows) / sizeof(granularity_rows[0]); r++) {
        const struct granularity_row *row = &granularity_rows[r];
        struct cell cell;
        cell_open(&cell, _i);
        cell_submit(&cell, 1, 4, 1500);
        cell_begin(&cell, 1, 1);
        cell.t.txn.granularity = row->granularity;
        cell.t.minimum[0] = row->minimum;
        for (uint32_t t = 0; t < 4; t++) {
            cell_claim(&cell, t, t == 3, 1500);
        }
        cell_commit(&cell);
        cell_outcomes(&cell, 4, row->outcome);
        struct store_counters counters = cell_counters(&cell);
        ck_assert_uint_eq(cell.t.result.accepted, row->accepted);
        ck_assert_uint_eq(cell.t.result.refused, 1);
        ck_assert_uint_eq(cell.t.result.aborted, 3 - row->accepted);
        ck_assert_uint_eq(counters.tasks_running, row->accepted);
        ck_assert_uint_eq(counters.tasks_pending, 4 - row->accepted);
        ck_assert_uint_eq(counters.version, row->accepted > 0 ? 1 : 0);
        uint32_t there = row->accepted == 3 ? 2 : 0;
        struct omega_machine machine = cell_machine(&cell, 0);
        ck_assert_int_eq(machine.cpu_used_milli, (int32_t)there * 1500);
        ck_assert_uint_eq(machine.seq, there);
        cell_close(&cell);
    }
}
END_TEST

/* A gang is what is not placed: after a loss, the lost task alone. */
START_TEST(gang_after_a_loss)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 2, 1000);
    cell_begin(&cell, 1, 1);
    cell.t.txn.granularity = OMEGA_COMMIT_GANG;
    cell_claim(&cell, 0, 0, 1000);
    cell_claim(&cell, 1, 1, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    ck_assert_uint_eq(cell_event(&cell, 1, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN), 1);
    cell_begin(&cell, 1, 1);
    cell.t.txn.granularity = OMEGA_COMMIT_GANG;
    cell_claim(&cell, 1, 2, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED);
    ck_assert_uint_eq(cell_counters(&cell).tasks_running, 2);
    cell_close(&cell);
}
END_TEST

/* Coarse: the machine's sequence before this transaction; its own claims do not move it. */
START_TEST(coarse_own_claims)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 3, 1500);
    cell_begin(&cell, 1, 1);
    cell.t.txn.detection = OMEGA_DETECT_COARSE;
    for (uint32_t t = 0; t < 3; t++) {
        cell_claim(&cell, t, 0, 1500);
    }
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(cell_machine(&cell, 0).seq, 2);
    cell_close(&cell);
}
END_TEST

/* Every change has one version (E), what changes nothing has none; seq moves as machine.h says. */
START_TEST(versions_and_sequences)
{
    for (int raises = 0; raises < 2; raises++) {
        struct cell cell;
        uint32_t tasks = 0;
        cell_describe(&cell);
        cell.config.release_raises_seq = raises != 0;
        cell_start(&cell, _i);
        uint64_t a = cell_put(&cell, 1, 0, 1000, 1);
        ck_assert_uint_eq(cell_counters(&cell).version, 1);
        ck_assert_uint_eq(cell_machine(&cell, 0).seq, 1);
        ck_assert_uint_eq(cell_machine(&cell, 1).seq, 0);
        ck_assert(cell_release(&cell, a));
        ck_assert_uint_eq(cell_counters(&cell).version, 2);
        ck_assert_uint_eq(cell_machine(&cell, 0).seq, raises ? 2 : 1);
        ck_assert_uint_eq(cell_machine(&cell, 0).releases, 1);
        ck_assert(!cell_release(&cell, a));
        ck_assert_uint_eq(cell_counters(&cell).version, 2);
        cell_event(&cell, 0, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
        ck_assert_uint_eq(cell_counters(&cell).version, 3);
        ck_assert_uint_eq(cell_machine(&cell, 0).seq, raises ? 3 : 2);
        cell_submit(&cell, 2, 1, 10);
        ck_assert_int_eq(store_abandon(cell.store, 2, &tasks, NULL, &cell.err), 0);
        ck_assert_uint_eq(cell_counters(&cell).version, 3);
        cell_close(&cell);
    }
}
END_TEST

/* A: whole devices and shares are checked on exactly the devices that the claim names. */
START_TEST(devices)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit_groups(&cell, 1, 1, 3, 0, (struct omega_request){10, 1, 600, 1, 0}, "");
    cell_submit_groups(&cell, 2, 1, 3, 0, (struct omega_request){10, 1, 1000, 1, 0}, "");
    cell_begin(&cell, 1, 1);
    for (uint32_t t = 0; t < 2; t++) {
        struct omega_claim *claim = cell_claim(&cell, t, 0, 10);
        claim->request = (struct omega_request){10, 1, 600, 1, 0};
        claim->devices = 1; /* both on device 0 */
    }
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_CHANGED);
    cell_begin(&cell, 2, 1);
    for (uint32_t t = 0; t < 3; t++) {
        struct omega_claim *claim = cell_claim(&cell, t, 0, 10);
        claim->request = (struct omega_request){10, 1, 1000, 1, 0};
        claim->devices = (uint8_t)(1u << t); /* shared, free, and one that is not there */
    }
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ACCEPTED,
                  OMEGA_REFUSED_MACHINE_CHANGED);
    struct store_totals totals;
    store_totals(cell.store, &totals);
    ck_assert_int_eq(totals.gpu_used_milli, 1600);
    struct omega_machine machine = cell_machine(&cell, 0);
    ck_assert_int_eq(machine.band_gpu_milli[OMEGA_BAND_PRODUCTION][0], 600);
    ck_assert_int_eq(machine.band_gpu_milli[OMEGA_BAND_PRODUCTION][1], 1000);
    cell_close(&cell);
}
END_TEST

/* Sends what has been claimed in short. */
static int try_in_short(struct cell *cell)
{
    uint32_t tasks[CELL_CLAIMS_MAX];
    uint32_t machines[CELL_CLAIMS_MAX];
    uint64_t seqs[CELL_CLAIMS_MAX];
    struct omega_transaction txn = cell->t.txn;
    for (uint32_t i = 0; i < txn.claim_count; i++) {
        tasks[i] = cell->t.claims[i].task;
        machines[i] = cell->t.claims[i].machine;
        seqs[i] = cell->t.claims[i].seq;
    }
    txn.claims = NULL;
    txn.tasks = tasks;
    txn.machines = machines;
    txn.seqs = seqs;
    omega_error_clear(&cell->err);
    return store_commit(cell->store, &txn, cell->t.results, &cell->t.result, &cell->err);
}

/* Claims in short get what claims in full do, those that do not hold included; tasks that rise are
 * not asked for. */
START_TEST(in_short)
{
    struct cell cell;
    cell_open(&cell, _i);
    if (!store_takes_short(cell.store)) {
        cell_close(&cell);
        return;
    }
    cell_submit(&cell, 1, 6, 2000);
    cell_begin(&cell, 1, 1);
    cell.t.txn.detection = OMEGA_DETECT_COARSE;
    cell_claim(&cell, 3, 1, 2000);
    cell_claim(&cell, 1, 0, 2000)->seq = 5;
    cell_claim(&cell, 0, 1, 2000);
    cell_claim(&cell, 5, 1, 2000);
    ck_assert_int_eq(try_in_short(&cell), 0);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_ACCEPTED,
                  OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert_uint_eq(omega_placement_position(cell.t.results[2].placement), 1);
    cell_begin(&cell, 1, 2);
    cell_claim(&cell, 3, 2, 2000); /* placed already */
    cell_claim(&cell, 4, 2, 2000);
    ck_assert_int_eq(try_in_short(&cell), 0);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_ALREADY_PLACED, OMEGA_ACCEPTED);
    cell_begin(&cell, 1, 2);
    cell_claim(&cell, 1, 0, 2000);
    cell_claim(&cell, 2, 0, 2000);
    ck_assert_int_eq(try_in_short(&cell), 0);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    ck_assert_uint_eq(cell_counters(&cell).tasks_running, 5);
    cell_close(&cell);
}
END_TEST

/* A job placed at once loses one task: that one comes again, the others are placed already. */
START_TEST(placed_at_once)
{
    for (int in_short_too = 0; in_short_too < 2; in_short_too++) {
        struct cell cell;
        cell_open(&cell, _i);
        bool shortened = in_short_too == 1 && store_takes_short(cell.store);
        cell_submit(&cell, 1, 3, 500);
        cell_begin(&cell, 1, 1);
        for (uint32_t task = 0; task < 3; task++) {
            cell_claim(&cell, task, task == 1 ? 0 : 1, 500);
        }
        ck_assert_int_eq(shortened ? try_in_short(&cell) : cell_try(&cell), 0);
        CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
        ck_assert_uint_eq(cell_event(&cell, 0, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN), 1);
        cell_begin(&cell, 1, 2);
        for (uint32_t task = 0; task < 3; task++) {
            cell_claim(&cell, task, 2, 500);
        }
        ck_assert_int_eq(shortened ? try_in_short(&cell) : cell_try(&cell), 0);
        CELL_OUTCOMES(&cell, OMEGA_REFUSED_ALREADY_PLACED, OMEGA_ACCEPTED,
                      OMEGA_REFUSED_ALREADY_PLACED);
        ck_assert_uint_eq(cell_counters(&cell).tasks_running, 3);
        cell_close(&cell);
    }
}
END_TEST

/* What no scheduler may send changes nothing in short either. */
START_TEST(unsound_in_short)
{
    static const struct {
        uint32_t task;
        uint32_t machine;
    } wrong[][2] = {
        {{0, 0}, {0, 1}},          /* a task twice */
        {{UINT32_MAX, 0}, {0, 1}}, /* whose successor is 0 */
        {{0, 0}, {2, 1}},          /* a task that there is not */
        {{0, 0}, {1, CELL_MACHINES}},
        {{0, UINT32_MAX}, {1, 0}},
    };
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 2, 1000);
    struct store_counters before = cell_counters(&cell);
    for (size_t w = 0; store_takes_short(cell.store) && w < sizeof wrong / sizeof *wrong; w++) {
        cell_begin(&cell, 1, 1);
        for (int i = 0; i < 2; i++) {
            struct omega_claim *claim = cell_claim(&cell, wrong[w][i].task, 0, 1000);
            claim->machine = wrong[w][i].machine;
        }
        ck_assert_int_eq(try_in_short(&cell), OMEGA_EINVAL);
        struct store_counters after = cell_counters(&cell);
        ck_assert_mem_eq(&before, &after, sizeof before);
    }
    cell_close(&cell);
}
END_TEST

static void add_cases(Suite *suite)
{
    cell_case(suite, "no longer fits", conflict_no_longer_fits);
    cell_case(suite, "seq changed", conflict_seq_changed);
    cell_case(suite, "machine changed", machine_changed);
    cell_case(suite, "preload is no rival", preload_is_no_rival);
    cell_case(suite, "sync by claim", each_claim_has_its_sync);
    cell_case(suite, "down and draining", down_and_draining);
    cell_case(suite, "granularities", granularities);
    cell_case(suite, "gang after a loss", gang_after_a_loss);
    cell_case(suite, "coarse", coarse_own_claims);
    cell_case(suite, "versions", versions_and_sequences);
    cell_case(suite, "devices", devices);
    cell_case(suite, "in short", in_short);
    cell_case(suite, "placed at once", placed_at_once);
    cell_case(suite, "unsound in short", unsound_in_short);
}

CHECK_MAIN("cellstate/store_commit", add_cases)
