/* SPDX-License-Identifier: MIT */
/* Compatibility with the published simulator: what claims say, what a refused one leaves behind. */
#include "cellstate/compat.h"

#include "tests/unit/cellstate/cell_fixture.h"

enum {
    MINE = 1,
    RIVAL = 2,
    CLAIMS = 4,
    OK = OMEGA_ACCEPTED,
    SEQ = OMEGA_CONFLICT_SEQ_CHANGED,
    FIT = OMEGA_CONFLICT_NO_LONGER_FITS,
    CHANGED = OMEGA_REFUSED_MACHINE_CHANGED,
    DOWN = OMEGA_REFUSED_MACHINE_DOWN,
    FELL = OMEGA_ABORTED,
    FINE = OMEGA_DETECT_FINE,
    COARSE = OMEGA_DETECT_COARSE,
    ABA = COMPAT_SEQ_ABA,
    LEAK = COMPAT_SEQ_LEAK,
};

/* ---- what claims say ---- */

/* Claims of 1 core each, planned at sequence 5 and version 4, on two machines of 4 cores whose last
 * placement was the rival's at version 5. */
struct aba_row {
    const char *name;
    uint32_t rules;
    uint8_t detection;
    uint8_t synced;
    uint64_t moved[2];  /* by how much each machine's sequence has moved since */
    int32_t used_milli; /* on machine 0 */
    uint32_t machines[CLAIMS];
    uint8_t outcomes[CLAIMS];
};

static const struct aba_row aba_rows[] = {
    {"nothing moved", ABA, COARSE, 4, {0, 0}, 0, {0, 0, 0, 0}, {OK, OK, OK, OK}},
    {"one fails", ABA, COARSE, 4, {1, 0}, 0, {0, 0, 0, 0}, {SEQ, OK, OK, OK}},
    {"three fail", ABA, COARSE, 4, {3, 0}, 0, {0, 0, 0, 0}, {SEQ, SEQ, SEQ, OK}},
    {"all fail", ABA, COARSE, 4, {4, 0}, 0, {0, 0, 0, 0}, {SEQ, SEQ, SEQ, SEQ}},
    {"each machine apart", ABA, COARSE, 4, {1, 2}, 0, {0, 1, 0, 1}, {SEQ, SEQ, OK, SEQ}},
    {"the other one", ABA, COARSE, 4, {0, 1}, 0, {1, 0, 1, 0}, {SEQ, OK, OK, OK}},
    {"it has to fit", ABA, COARSE, 4, {1, 0}, 3000, {0, 0, 0, 1}, {SEQ, OK, FIT, OK}},
    {"without the rule", LEAK, COARSE, 4, {1, 0}, 0, {0, 0, 0, 0}, {SEQ, SEQ, SEQ, SEQ}},
    {"fine looks at room", ABA, FINE, 4, {1, 0}, 2000, {0, 0, 0, 1}, {OK, OK, FIT, OK}},
    {"no rival since", ABA, COARSE, 5, {1, 0}, 0, {0, 1, 0, 1}, {SEQ, OK, OK, OK}},
    {"nor without the rule", LEAK, COARSE, 5, {1, 0}, 0, {0, 1, 0, 1}, {SEQ, OK, SEQ, OK}},
    {"too full is no conflict",
     ABA,
     FINE,
     5,
     {1, 0},
     4000,
     {0, 1, 0, 1},
     {CHANGED, OK, CHANGED, OK}},
};

static void count_outcomes(const struct aba_row *row, const struct omega_result *result)
{
    uint32_t conflicts = 0;
    uint32_t refused = 0;
    for (int i = 0; i < CLAIMS; i++) {
        conflicts += omega_outcome_is_conflict(row->outcomes[i]);
        refused += omega_outcome_is_refusal(row->outcomes[i]);
    }
    ck_assert_uint_eq(result->conflicts, conflicts);
    ck_assert_uint_eq(result->refused, refused);
    ck_assert_uint_eq(result->accepted, CLAIMS - conflicts - refused);
}

START_TEST(claims_carry_sequences)
{
    static const struct omega_overcommit exactly = {1000, 1000, 1000};
    static const struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 1};
    const struct aba_row *row = &aba_rows[_i];
    struct omega_machine machines[2];
    struct omega_machine *named[CLAIMS];
    struct omega_claim claims[CLAIMS];
    for (uint32_t m = 0; m < 2; m++) {
        struct omega_request used = {.cpu_milli = m == 0 ? row->used_milli : 0};
        rules_machine_init(&machines[m], m, &spec, &exactly);
        rules_place(&machines[m], &used, 0, OMEGA_BAND_BATCH, RIVAL, 5);
        machines[m].seq = 5 + row->moved[m];
    }
    for (uint32_t i = 0; i < CLAIMS; i++) {
        named[i] = &machines[row->machines[i]];
        claims[i] = (struct omega_claim){.seq = 5,
                                         .synced = row->synced,
                                         .task = i,
                                         .machine = row->machines[i],
                                         .request = {.cpu_milli = 1000}};
    }
    struct omega_transaction txn = {.job = 1,
                                    .instance = MINE,
                                    .detection = row->detection,
                                    .claims = claims,
                                    .claim_count = CLAIMS,
                                    .group_count = 1};
    struct compat *compat = compat_create(row->rules, 2);
    struct rules_scratch *scratch = rules_scratch_create();
    for (int again = 0; again < 2; again++) { /* nothing is kept from one to the next */
        struct omega_claim_result results[CLAIMS];
        struct omega_result result;
        ck_assert_int_eq(compat_decide(compat, &txn, named, NULL, scratch, results, &result, NULL),
                         0);
        for (int i = 0; i < CLAIMS; i++) {
            ck_assert_msg(results[i].outcome == row->outcomes[i], "%s: claim %d is %s, expected %s",
                          row->name, i, omega_outcome_name(results[i].outcome),
                          omega_outcome_name(row->outcomes[i]));
            ck_assert_uint_eq(claims[i].seq, 5);
        }
        count_outcomes(row, &result);
        rules_give_back(&txn, named, results);
    }
    rules_scratch_destroy(scratch);
    compat_destroy(compat);
}
END_TEST

/* A claim of a machine that does not exist is no claim on machine 0. */
START_TEST(missing_machines)
{
    struct omega_machine machine;
    static const struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 1};
    rules_machine_init(&machine, 0, &spec, &(struct omega_overcommit){1000, 1000, 1000});
    machine.seq = 1;
    struct omega_claim claims[2] = {{.machine = 9}, {.task = 1}};
    struct omega_machine *named[] = {NULL, &machine};
    struct omega_claim_result results[2];
    struct omega_result result;
    struct omega_transaction txn = {
        .detection = COARSE, .claims = claims, .claim_count = 2, .group_count = 1};
    struct compat *compat = compat_create(COMPAT_ALL, 1);
    struct rules_scratch *scratch = rules_scratch_create();
    ck_assert_int_eq(compat_decide(compat, &txn, named, NULL, scratch, results, &result, NULL), 0);
    ck_assert_uint_eq(results[0].outcome, DOWN);
    ck_assert_uint_eq(results[1].outcome, SEQ);
    rules_scratch_destroy(scratch);
    compat_destroy(compat);
    compat_destroy(NULL);
}
END_TEST

/* ---- what is left behind ---- */

struct leak_row {
    uint32_t rules;
    uint8_t granularity;
    uint32_t accepted;
    uint8_t outcomes[CLAIMS];
    uint32_t leaks;
};

static const struct leak_row leak_rows[] = {
    {LEAK, OMEGA_COMMIT_ALL, 0, {FELL, FELL, SEQ, FELL}, 2},
    {LEAK, OMEGA_COMMIT_ALL, 0, {FIT, FELL, FELL, FELL}, 0},
    {LEAK, OMEGA_COMMIT_ALL, 0, {FELL, FELL, FELL, DOWN}, 3},
    {LEAK, OMEGA_COMMIT_ALL, 4, {OK, OK, OK, OK}, 0},
    {LEAK, OMEGA_COMMIT_TASK, 0, {SEQ, SEQ, SEQ, SEQ}, 0},
    {LEAK, OMEGA_COMMIT_MACHINE, 1, {FELL, SEQ, OK, SEQ}, 0},
    {LEAK, OMEGA_COMMIT_GANG, 0, {FELL, FELL, SEQ, FELL}, 0},
    {ABA, OMEGA_COMMIT_ALL, 0, {FELL, FELL, SEQ, FELL}, 0},
};

START_TEST(leaks)
{
    const struct leak_row *row = &leak_rows[_i];
    struct omega_claim_result results[CLAIMS] = {{.placement = 0}};
    struct omega_result result = {.accepted = row->accepted};
    struct omega_transaction txn = {.granularity = row->granularity, .claim_count = CLAIMS};
    struct compat *compat = compat_create(row->rules, 1);
    for (int i = 0; i < CLAIMS; i++) {
        results[i].outcome = row->outcomes[i];
    }
    ck_assert_uint_eq(compat_leaks(compat, &txn, results, &result), row->leaks);
    compat_destroy(compat);
}
END_TEST

static uint64_t seq_shown(struct cell *cell, enum store_view_mode mode, struct store_view **view)
{
    if (*view == NULL) {
        ck_assert_int_eq(store_view_open(cell->store, mode, view, &cell->err), 0);
    }
    ck_assert_int_eq(store_view_refresh(cell->store, *view, &cell->err), 0);
    return omega_seq((*view)->entry[0].stamp);
}

/* Instance 1 claims machines 0, 0 and 1 with `all`, and 2 was faster on 1: nothing is installed,
 * but with the rule machine 0 has moved by two, in all views, and others conflict with it. */
START_TEST(a_refused_transaction_leaks)
{
    for (int with = 0; with < 2; with++) {
        struct cell cell;
        struct store_view *views[2] = {NULL, NULL};
        cell_describe(&cell);
        cell.config.compat = with ? COMPAT_SEQ_LEAK : COMPAT_SEQ_ABA;
        ck_assert_int_eq(store_open_memory(&cell.config, &cell.store, &cell.err), 0);
        ck_assert_uint_eq(seq_shown(&cell, STORE_VIEW_PRIVATE, &views[0]), 0);
        cell_submit(&cell, 1, 3, 1000);
        cell_submit(&cell, 3, 1, 1000);
        cell_begin(&cell, 3, 3);
        cell.t.txn.detection = COARSE;
        cell_claim(&cell, 0, 0, 1000);
        struct cell_txn third = cell.t;
        cell_put(&cell, 2, 1, 1000, RIVAL);
        uint64_t version = cell_counters(&cell).version;
        cell_begin(&cell, 1, MINE);
        cell.t.txn.detection = COARSE;
        cell.t.txn.granularity = OMEGA_COMMIT_ALL;
        cell_claim(&cell, 0, 0, 1000);
        cell_claim(&cell, 1, 0, 1000);
        *cell_claim(&cell, 2, 1, 1000) = (struct omega_claim){
            .task = 2, .machine = 1, .request = {.cpu_milli = 1000, .mem_mib = 1}};
        cell_commit(&cell);
        CELL_OUTCOMES(&cell, FELL, FELL, SEQ);
        ck_assert_uint_eq(cell.t.result.version, version);
        ck_assert_uint_eq(cell_counters(&cell).version, version);
        uint64_t moved = with ? 2 : 0;
        ck_assert_uint_eq(cell_machine(&cell, 0).seq, moved);
        ck_assert_uint_eq(cell_machine(&cell, 1).seq, 1);
        ck_assert_int_eq(cell_machine(&cell, 0).cpu_used_milli, 0);
        ck_assert_uint_eq(seq_shown(&cell, STORE_VIEW_PRIVATE, &views[0]), moved);
        ck_assert_uint_eq(seq_shown(&cell, STORE_VIEW_LIVE, &views[1]), moved);
        cell.t = third;
        cell.t.txn.claims = cell.t.claims;
        cell_commit(&cell);
        CELL_OUTCOMES(&cell, with ? SEQ : OK);
        store_view_close(cell.store, views[0]);
        store_view_close(cell.store, views[1]);
        cell_close(&cell);
    }
}
END_TEST

START_TEST(a_cell_on_disk_has_no_rules)
{
    struct cell cell;
    cell_describe(&cell);
    cell.config.compat = COMPAT_SEQ_LEAK;
    ck_assert_int_eq(store_factory_find("lmdb")->open(&cell.config, &cell.store, &cell.err),
                     OMEGA_EINVAL);
    ck_assert_str_eq(cell.err.text, "compatibility rules 0x2, expected none but in memory");
    catalogue_destroy(cell.catalogue);
}
END_TEST

/* ---- random numbers ---- */

START_TEST(streams_and_seeds)
{
    ck_assert_uint_eq(compat_stream(0, 3), 3);
    ck_assert_uint_eq(compat_seed(0, 7, 99), 99);
    ck_assert_uint_eq(compat_stream(ABA | LEAK, 3), 3);
    ck_assert_uint_eq(compat_seed(ABA | LEAK, 7, 99), 99);
    ck_assert_uint_eq(compat_stream(COMPAT_RNG_SHARED, 3), 0);
    ck_assert_uint_eq(compat_seed(COMPAT_RNG_SHARED, 7, 99), 7);
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
    loop_case(suite, "sequences", claims_carry_sequences, ROWS(aba_rows));
    check_case(suite, "missing machines", missing_machines);
    loop_case(suite, "leaks", leaks, ROWS(leak_rows));
    check_case(suite, "a refused transaction", a_refused_transaction_leaks);
    check_case(suite, "on disk", a_cell_on_disk_has_no_rules);
    check_case(suite, "streams and seeds", streams_and_seeds);
}

CHECK_MAIN("cellstate/compat", add_cases)
