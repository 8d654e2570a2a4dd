/* SPDX-License-Identifier: MIT */
/*
 * Transactions with an identity (instance, incarnation, job, attempt), and several transactions
 * committed together.
 */
#include "core/base/random.h"
#include "tests/unit/cellstate/disk_fixture.h"

#define SIZES 3
#define LARGE 9000u /* claims whose results take several pages */

static uint32_t join(struct disk *disk, uint16_t instance)
{
    uint32_t incarnation = 0;
    int rc = lmdb_join(disk->cell.store, instance, "mod", &incarnation, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
    return incarnation;
}

START_TEST(joining_counts)
{
    struct disk disk;
    disk_open(&disk);
    ck_assert_uint_eq(join(&disk, 3), 1);
    ck_assert_uint_eq(join(&disk, 3), 2);
    ck_assert_uint_eq(join(&disk, 0), 1);
    disk_reopen(&disk);
    ck_assert_uint_eq(join(&disk, 3), 3);
    ck_assert_uint_eq(join(&disk, 0), 2);
    ck_assert_uint_eq(cell_counters(&disk.cell).version, 0);
    disk_close(&disk);
}
END_TEST

/* Everything that a transaction changes. */
struct state {
    struct store_counters counters;
    struct store_totals totals;
    struct omega_machine machines[CELL_MACHINES];
};

static struct state state_of(struct disk *disk)
{
    struct state state;
    state.counters = cell_counters(&disk->cell);
    store_totals(disk->cell.store, &state.totals);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        state.machines[m] = cell_machine(&disk->cell, m);
    }
    return state;
}

static void expect_state(struct disk *disk, const struct state *want)
{
    struct state now = state_of(disk);
    ck_assert_mem_eq(&now, want, sizeof(now));
}

static void expect_results(const struct cell_txn *want, const struct cell_txn *got)
{
    ck_assert_mem_eq(&got->result, &want->result, sizeof(got->result));
    for (uint32_t i = 0; i < want->txn.claim_count; i++) {
        const struct omega_claim_result *a = &want->results[i];
        const struct omega_claim_result *b = &got->results[i];
        ck_assert_uint_eq(b->outcome, a->outcome);
        if (a->outcome == OMEGA_ACCEPTED) {
            ck_assert_uint_eq(b->placement, a->placement);
        } else if (a->outcome != OMEGA_ABORTED) {
            ck_assert_uint_eq(b->rival, a->rival);
            ck_assert_uint_eq(b->rival_version, a->rival_version);
            ck_assert_uint_eq(b->other_refuses, a->other_refuses);
        }
    }
}

/* Sends the transaction of `first` again. */
static void expect_repeat(struct disk *disk, const struct cell_txn *first)
{
    struct cell *cell = &disk->cell;
    struct state state = state_of(disk);
    cell->t = *first;
    cell->t.txn.claims = cell->t.claims;
    cell->t.txn.group_minimum = cell->t.minimum;
    memset(cell->t.results, 0xa5, sizeof(cell->t.results));
    memset(&cell->t.result, 0xa5, sizeof(cell->t.result));
    cell_commit(cell);
    expect_results(first, &cell->t);
    expect_state(disk, &state);
}

/* A transaction of job 1 with three accepted claims, a refusal without a rival and, on one machine,
 * a conflict with a rival and a claim that fell with it. */
static struct cell_txn make_mixed(struct disk *disk)
{
    struct cell *cell = &disk->cell;
    cell_submit(cell, 1, 7, 1000);
    cell_put(cell, 50, 2, 2500, 9); /* the rival */
    uint64_t rival_version = cell_counters(cell).version;
    cell_begin(cell, 1, 4);
    cell->t.txn.synced = rival_version - 1;
    cell_claim(cell, 0, 0, 1000);
    cell_claim(cell, 1, 2, 1000);
    cell_claim(cell, 2, 3, 1000);
    for (uint32_t t = 3; t < 6; t++) {
        cell_claim(cell, t, 1, 1000);
    }
    cell->t.claims[5].machine = 2;
    cell->t.txn.granularity = OMEGA_COMMIT_MACHINE;
    for (uint32_t i = 0; i < cell->t.txn.claim_count; i++) {
        cell->t.claims[i].synced = rival_version - 1;
    }
    disk_identify(disk, 1, 5);
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED, OMEGA_ABORTED, OMEGA_REFUSED_MACHINE_DOWN, OMEGA_ACCEPTED,
                  OMEGA_ACCEPTED, OMEGA_CONFLICT_NO_LONGER_FITS);
    ck_assert_uint_eq(cell->t.results[5].rival, 9);
    ck_assert_uint_eq(cell->t.results[5].rival_version, rival_version);
    return cell->t;
}

START_TEST(repeated_gets_the_recorded_result)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    join(&disk, 4);
    struct cell_txn first = make_mixed(&disk);
    expect_repeat(&disk, &first);
    /* whatever has become of machines, placements and job since, and who asks */
    cell_put(cell, 60, 0, 500, 9);
    ck_assert(cell_release(cell, first.results[0].placement));
    expect_repeat(&disk, &first);
    cell_event(cell, 1, OMEGA_EVENT_REMOVE, STORE_LOST_FAIL);
    expect_repeat(&disk, &first);
    disk_reopen(&disk);
    expect_repeat(&disk, &first);
    disk_close(&disk);
}
END_TEST

/* A job that is over has left the table; its last result has not. */
START_TEST(repeated_after_the_job_is_over)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    cell_submit(cell, 1, 1, 1000);
    cell_begin(cell, 1, 4);
    cell_claim(cell, 0, 0, 1000);
    disk_identify(&disk, join(&disk, 4), 1);
    cell_commit(cell);
    struct cell_txn first = cell->t;
    ck_assert(cell_release(cell, first.results[0].placement));
    ck_assert_uint_eq(cell_counters(cell).jobs, 0);
    expect_repeat(&disk, &first);
    disk_close(&disk);
}
END_TEST

static struct cell_txn sent; /* what the other process sends again */

static void other_repeats(struct disk *disk)
{
    expect_repeat(disk, &sent);
}

static void (*const others[])(struct disk *) = {other_repeats};

/* The other process is forked late: it opens the cell when it starts, after the first commit. */
START_TEST(repeated_by_another_process)
{
    struct disk disk;
    struct disk_other other;
    disk_describe(&disk);
    disk_create(&disk);
    disk_start(&disk);
    join(&disk, 4);
    sent = make_mixed(&disk);
    store_close(disk.cell.store);
    disk_other_start(&other, &disk, others);
    disk_start(&disk);
    disk_other_does(&other, 0);
    cell_put(&disk.cell, 70, 0, 10, 1);
    disk_other_does(&other, 0);
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

/* A transaction of one task of `job` on machine 0. */
static int try_one(struct disk *disk, uint64_t job, uint32_t task, uint32_t incarnation,
                   uint32_t attempt)
{
    cell_begin(&disk->cell, job, 4);
    cell_claim(&disk->cell, task, 0, 100);
    disk_identify(disk, incarnation, attempt);
    return cell_try(&disk->cell);
}

START_TEST(superseded)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    cell_submit(cell, 1, 9, 100);
    cell_submit(cell, 2, 9, 100);
    ck_assert_uint_eq(join(&disk, 4), 1);
    ck_assert_int_eq(try_one(&disk, 1, 0, 1, 5), 0);
    struct state state = state_of(&disk);
    ck_assert_int_eq(try_one(&disk, 1, 1, 1, 4), OMEGA_ESUPERSEDED); /* an earlier attempt */
    ck_assert_int_eq(cell->err.code, OMEGA_ESUPERSEDED);
    ck_assert_str_ne(cell->err.text, "");
    expect_state(&disk, &state);
    ck_assert_int_eq(try_one(&disk, 1, 1, 1, 6), 0);
    ck_assert_uint_eq(cell->t.result.accepted, 1);
    ck_assert_int_eq(try_one(&disk, 2, 0, 1, 1), 0); /* attempts count within a job */
    ck_assert_uint_eq(cell->t.result.accepted, 1);
    ck_assert_uint_eq(join(&disk, 4), 2);
    state = state_of(&disk);
    ck_assert_int_eq(try_one(&disk, 2, 1, 1, 9), OMEGA_ESUPERSEDED); /* an earlier incarnation */
    ck_assert_int_eq(try_one(&disk, 2, 0, 1, 1), OMEGA_ESUPERSEDED); /* even its last one */
    expect_state(&disk, &state);
    ck_assert_int_eq(try_one(&disk, 2, 1, 2, 9), 0);
    ck_assert_uint_eq(cell->t.result.accepted, 1);
    disk_reopen(&disk);
    ck_assert_int_eq(try_one(&disk, 2, 2, 1, 10), OMEGA_ESUPERSEDED);
    ck_assert_int_eq(try_one(&disk, 2, 2, 2, 8), OMEGA_ESUPERSEDED);
    /* another instance is not concerned */
    cell_begin(cell, 2, 5);
    cell_claim(cell, 2, 0, 100);
    disk_identify(&disk, 1, 1);
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED);
    disk_close(&disk);
}
END_TEST

/* Another process joins as instance 4, or goes on in its incarnation. */
static void other_joins(struct disk *disk)
{
    (void)join(disk, 4);
}
static void other_attempts(struct disk *disk)
{
    ck_assert_int_eq(try_one(disk, 1, 3, 2, 9), 0);
    ck_assert_uint_eq(disk->cell.t.result.accepted, 1);
}

/* What a process remembers of its instance is not what it is superseded by elsewhere. */
START_TEST(superseded_by_another_process)
{
    static void (*const does[])(struct disk *) = {other_joins, other_attempts};
    struct disk disk;
    struct disk_other other;
    disk_describe(&disk);
    disk_create(&disk);
    disk_other_start(&other, &disk, does);
    disk_start(&disk);
    cell_submit(&disk.cell, 1, 9, 100);
    ck_assert_uint_eq(join(&disk, 4), 1);
    ck_assert_int_eq(try_one(&disk, 1, 0, 1, 5), 0);
    ck_assert_int_eq(try_one(&disk, 1, 1, 1, 6), 0);
    disk_other_does(&other, 0);
    ck_assert_int_eq(try_one(&disk, 1, 2, 1, 7), OMEGA_ESUPERSEDED);
    ck_assert_int_eq(try_one(&disk, 1, 2, 2, 8), 0);
    disk_other_does(&other, 1);
    struct state state = state_of(&disk);
    ck_assert_int_eq(try_one(&disk, 1, 3, 2, 9), 0); /* a repeat: the other's result */
    ck_assert_uint_eq(disk.cell.t.result.accepted, 1);
    expect_state(&disk, &state);
    ck_assert_int_eq(try_one(&disk, 1, 4, 2, 8), OMEGA_ESUPERSEDED);
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

/* One result after another in one batch, each of another size: small, over several pages, small. */
START_TEST(sizes_change_in_a_batch)
{
    static struct omega_claim claims[SIZES][LARGE];
    static struct omega_claim_result results[SIZES][LARGE];
    static const uint32_t counts[SIZES] = {1, LARGE, 1};
    static const uint32_t none[1];
    struct omega_transaction txns[SIZES];
    struct lmdb_commit commits[SIZES];
    struct disk disk;
    disk_open(&disk);
    uint32_t task = 0;
    cell_submit(&disk.cell, 1, LARGE + 2, 0);
    uint32_t incarnation = join(&disk, 4);
    for (uint32_t i = 0; i < SIZES; i++) {
        for (uint32_t c = 0; c < counts[i]; c++) {
            claims[i][c] =
                (struct omega_claim){.task = task++, .machine = c % 3, .request = {.mem_mib = 1}};
        }
        txns[i] = (struct omega_transaction){
            .job = 1,
            .attempt = i + 1,
            .incarnation = incarnation,
            .instance = 4,
            .precedence = 120,
            .group_count = 1,
            .group_minimum = none,
            .claims = claims[i],
            .claim_count = counts[i],
        };
        commits[i] = (struct lmdb_commit){.txn = &txns[i], .results = results[i]};
    }
    ck_assert_int_eq(lmdb_commit_all(disk.cell.store, commits, SIZES, &disk.cell.err), 0);
    for (uint32_t i = 0; i < SIZES; i++) {
        ck_assert_int_eq(commits[i].code, 0);
        ck_assert_uint_eq(commits[i].result.accepted, counts[i]);
    }
    struct state state = state_of(&disk);
    commits[2] = (struct lmdb_commit){.txn = &txns[2], .results = results[1]}; /* a repeat */
    ck_assert_int_eq(lmdb_commit_all(disk.cell.store, &commits[2], 1, &disk.cell.err), 0);
    ck_assert_uint_eq(results[1][0].placement, results[2][0].placement);
    expect_state(&disk, &state);
    disk_close(&disk);
}
END_TEST

START_TEST(nothing_installed_leaves_no_trace)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    uint32_t incarnation = join(&disk, 4);
    cell_submit(cell, 1, 2, 100);
    ck_assert_int_eq(try_one(&disk, 1, 0, incarnation, 1), 0);
    struct cell_txn first = cell->t;
    uint64_t full = cell_put(cell, 2, 0, 3900, 9);
    cell_submit(cell, 3, 1, 100);
    struct state state = state_of(&disk);
    ck_assert_int_eq(try_one(&disk, 3, 0, incarnation, 2), 0);
    ck_assert_uint_eq(cell->t.result.accepted, 0);
    ck_assert_uint_eq(cell->t.result.version, state.counters.version);
    expect_state(&disk, &state);
    expect_repeat(&disk, &first); /* is still the last that installed something */
    ck_assert(cell_release(cell, full));
    ck_assert_int_eq(try_one(&disk, 3, 0, incarnation, 2), 0); /* decided anew */
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED);
    disk_close(&disk);
}
END_TEST

START_TEST(without_identity_nothing_is_kept)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    cell_submit(cell, 1, 2, 100);
    ck_assert_int_eq(try_one(&disk, 1, 0, 0, 7), 0);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED);
    ck_assert_int_eq(try_one(&disk, 1, 0, 0, 7), 0);
    CELL_OUTCOMES(cell, OMEGA_REFUSED_ALREADY_PLACED);
    ck_assert_int_eq(try_one(&disk, 1, 1, 0, 3), 0);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED);
    disk_close(&disk);
}
END_TEST

/* ---- several together ---- */

#define MANY 700u /* more than two batches */

static void fill_commit(struct lmdb_commit *commit, struct cell_txn *t)
{
    t->txn.claims = t->claims;
    t->txn.group_minimum = t->minimum;
    *commit = (struct lmdb_commit){.txn = &t->txn, .results = t->results};
}

START_TEST(together_in_order)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    struct cell_txn t[4];
    struct lmdb_commit commits[4];
    cell_submit(cell, 1, 4, 3000);
    for (uint32_t i = 0; i < 4; i++) { /* all want machine 0, the last one machine 1 */
        cell_begin(cell, 1, (uint16_t)(10 + i));
        cell_claim(cell, i, i == 3 ? 1 : 0, 3000);
        t[i] = cell->t;
        fill_commit(&commits[i], &t[i]);
    }
    t[1].claims[0].machine = 99;
    ck_assert_int_eq(lmdb_commit_all(cell->store, commits, 4, &cell->err), OMEGA_EINVAL);
    ck_assert_str_ne(cell->err.text, "");
    ck_assert_int_eq(commits[0].code, 0);
    ck_assert_uint_eq(commits[0].result.accepted, 1);
    ck_assert_uint_eq(commits[0].result.version, 1);
    ck_assert_int_eq(commits[1].code, OMEGA_EINVAL);
    ck_assert_int_eq(commits[1].err.code, OMEGA_EINVAL);
    ck_assert_str_eq(commits[1].err.text, cell->err.text);
    ck_assert_int_eq(commits[2].code, 0);
    ck_assert_uint_eq(commits[2].result.conflicts, 1);
    ck_assert_uint_eq(commits[2].result.version, 1);
    ck_assert_uint_eq(t[2].results[0].outcome, OMEGA_CONFLICT_NO_LONGER_FITS);
    ck_assert_uint_eq(t[2].results[0].rival, 10);
    ck_assert_uint_eq(t[2].results[0].rival_version, 1);
    ck_assert_int_eq(commits[3].code, 0);
    ck_assert_uint_eq(t[3].results[0].placement, omega_placement_id(2, 0));
    ck_assert_uint_eq(cell_counters(cell).version, 2);
    ck_assert_uint_eq(cell_counters(cell).tasks_running, 2);
    ck_assert_int_eq(lmdb_commit_all(cell->store, NULL, 0, &cell->err), 0);
    disk_close(&disk);
}
END_TEST

/* The same transaction twice in one batch, and one that an earlier one of the batch supersedes. */
START_TEST(together_with_identities)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    struct cell_txn t[4];
    struct lmdb_commit commits[4];
    static const uint32_t attempts[] = {5, 5, 4, 6};
    uint32_t incarnation = join(&disk, 4);
    cell_submit(cell, 1, 4, 100);
    for (uint32_t i = 0; i < 4; i++) {
        cell_begin(cell, 1, 4);
        cell_claim(cell, i == 1 ? 0 : i, 0, 100);
        disk_identify(&disk, incarnation, attempts[i]);
        t[i] = cell->t;
        fill_commit(&commits[i], &t[i]);
    }
    ck_assert_int_eq(lmdb_commit_all(cell->store, commits, 4, &cell->err), OMEGA_ESUPERSEDED);
    ck_assert_int_eq(commits[0].code, 0);
    ck_assert_int_eq(commits[1].code, 0);
    ck_assert_mem_eq(&commits[1].result, &commits[0].result, sizeof(commits[0].result));
    ck_assert_uint_eq(t[1].results[0].outcome, OMEGA_ACCEPTED);
    ck_assert_uint_eq(t[1].results[0].placement, t[0].results[0].placement);
    ck_assert_int_eq(commits[2].code, OMEGA_ESUPERSEDED);
    ck_assert_int_eq(commits[3].code, 0);
    ck_assert_uint_eq(commits[3].result.version, 2);
    ck_assert_uint_eq(cell_counters(cell).tasks_running, 2);
    disk_close(&disk);
}
END_TEST

/* A random transaction of one of the jobs, sound or not; the same for the same stream. */
static void random_txn(struct omega_random *random, struct cell_txn *t)
{
    memset(t, 0, sizeof(*t));
    t->txn = (struct omega_transaction){
        .job = 1 + omega_random_below(random, 41), /* one of them unknown */
        .attempt = 1 + omega_random_below(random, 50),
        .incarnation = omega_random_below(random, 2),
        .instance = (uint16_t)omega_random_below(random, 3),
        .detection = (uint8_t)omega_random_below(random, 2),
        .granularity = (uint8_t)omega_random_below(random, 4),
        .precedence = 120,
        .group_count = 1,
        .claim_count = 1 + omega_random_below(random, 4),
    };
    uint32_t task = omega_random_below(random, 36);
    for (uint32_t i = 0; i < t->txn.claim_count; i++) {
        t->claims[i] = (struct omega_claim){
            .task = task + i,
            .machine = omega_random_below(random, CELL_MACHINES),
            .seq = omega_random_below(random, 20),
            .request = {.cpu_milli = 20, .mem_mib = 1},
        };
    }
}

static void open_for_many(struct disk *disk)
{
    disk_open(disk);
    join(disk, 0);
    join(disk, 1);
    for (uint64_t job = 1; job <= 40; job++) {
        cell_submit(&disk->cell, job, 40, 20);
    }
}

/* In any groups, the answers and the cell are those of single commits. */
START_TEST(together_equals_one_by_one)
{
    uint64_t seed = (uint64_t)_i + 1;
    struct disk single;
    struct disk many;
    struct omega_random random;
    struct omega_random groups;
    static struct cell_txn one[MANY];
    static struct cell_txn all[MANY];
    static struct lmdb_commit commits[MANY];
    static int codes[MANY];
    open_for_many(&single);
    open_for_many(&many);
    omega_random_init(&random, seed, "transactions", 0);
    omega_random_init(&groups, seed, "groups", 0);
    int failed = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        random_txn(&random, &one[i]);
        all[i] = one[i];
        one[i].txn.claims = one[i].claims;
        one[i].txn.group_minimum = one[i].minimum;
        fill_commit(&commits[i], &all[i]);
        codes[i] =
            store_commit(single.cell.store, &one[i].txn, one[i].results, &one[i].result, NULL);
        failed += codes[i] != 0;
    }
    ck_assert_int_gt(failed, 0);
    ck_assert_uint_gt(cell_counters(&single.cell).version, 50);
    for (uint32_t at = 0; at < MANY;) {
        static const uint32_t sizes[] = {1, 7, 300};
        uint32_t count = sizes[omega_random_below(&groups, 3)];
        count = count > MANY - at ? MANY - at : count;
        int rc = lmdb_commit_all(many.cell.store, commits + at, count, NULL);
        int first = 0;
        for (uint32_t i = at; first == 0 && i < at + count; i++) {
            first = codes[i];
        }
        ck_assert_int_eq(rc, first);
        at += count;
    }
    for (uint32_t i = 0; i < MANY; i++) {
        ck_assert_msg(commits[i].code == codes[i], "seed %ju, transaction %u: %d '%s', alone %d",
                      (uintmax_t)seed, i, commits[i].code, commits[i].err.text, codes[i]);
        if (codes[i] == 0) {
            all[i].result = commits[i].result;
            expect_results(&one[i], &all[i]);
        }
    }
    struct state state = state_of(&single);
    expect_state(&many, &state);
    disk_close(&single);
    disk_close(&many);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "joining", joining_counts);
    check_case(suite, "repeated", repeated_gets_the_recorded_result);
    check_case(suite, "repeated, job over", repeated_after_the_job_is_over);
    check_case(suite, "repeated elsewhere", repeated_by_another_process);
    check_case(suite, "superseded", superseded);
    check_case(suite, "superseded elsewhere", superseded_by_another_process);
    check_case(suite, "sizes", sizes_change_in_a_batch);
    check_case(suite, "no trace", nothing_installed_leaves_no_trace);
    check_case(suite, "no identity", without_identity_nothing_is_kept);
    check_case(suite, "together", together_in_order);
    check_case(suite, "together, identities", together_with_identities);
    TCase *tcase = tcase_create("together or alone");
    tcase_add_loop_test(tcase, together_equals_one_by_one, 0, 6);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/lmdb_identity", add_cases)
