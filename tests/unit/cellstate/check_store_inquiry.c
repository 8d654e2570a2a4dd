/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite, what a commit tells besides its results: every store says of a random
 * transaction what rules_decide() says of the records that it meets, with causes and
 * counterfactuals, and changes what follows of it. OMEGA_SEED repeats.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cellstate/rules.h"
#include "core/base/random.h"
#include "tests/unit/cellstate/cell_fixture.h"

enum {
    ROUNDS = 4000,
    CLAIMS = 12,
    PLANNED = 3, /* machines that are planned on: those that are up */
    RUNNING_MAX = 64,
};

struct trial {
    struct cell cell;
    struct omega_random random;
    bool elsewhere; /* other processes commit too, whose answers do not come here */
    uint64_t jobs;
    uint64_t running[RUNNING_MAX]; /* placements */
    uint32_t running_count;
    struct omega_inquiry inquiry;
    struct omega_cause causes[CLAIMS];
    uint32_t others[CLAIMS];
    /* what the rules say of the same */
    struct omega_machine machines[CELL_MACHINES];
    struct omega_claim_result results[CLAIMS];
    struct omega_result result;
    struct omega_inquiry expected;
    struct omega_cause expected_causes[CLAIMS];
};

static uint32_t roll(struct trial *trial, uint32_t below)
{
    return omega_random_below(&trial->random, below);
}

/* Ends so many placements. */
static void end_some(struct trial *trial, uint32_t count)
{
    for (; count > 0 && trial->running_count > 0; count--) {
        uint32_t i = roll(trial, trial->running_count);
        ck_assert(cell_release(&trial->cell, trial->running[i]));
        trial->running[i] = trial->running[--trial->running_count];
    }
}

static void keep_running(struct trial *trial, uint64_t placement)
{
    if (trial->running_count == RUNNING_MAX) {
        end_some(trial, 1);
    }
    trial->running[trial->running_count++] = placement;
}

/* Now and then a machine takes nothing new, for a while. */
static void drain_some(struct trial *trial)
{
    for (uint32_t machine = 0; machine < PLANNED; machine++) {
        bool up = cell_machine(&trial->cell, machine).state == OMEGA_MACHINE_UP;
        if (roll(trial, up ? 14 : 2) == 0) {
            cell_event(&trial->cell, machine, up ? OMEGA_EVENT_DRAIN : OMEGA_EVENT_UNDRAIN,
                       STORE_LOST_RETURN);
        }
    }
}

/* Some time passes: others place something, something ends. The transaction stays as planned. */
static void disturb(struct trial *trial)
{
    struct cell *cell = &trial->cell;
    struct cell_txn planned = cell->t;
    for (uint32_t n = roll(trial, 4); n > 0; n--) {
        uint32_t machine = roll(trial, PLANNED);
        int32_t cpu_milli = 100 * (1 + (int32_t)roll(trial, 9));
        struct omega_machine record = cell_machine(cell, machine);
        if (record.state == OMEGA_MACHINE_UP &&
            record.cpu_used_milli + cpu_milli <= record.cpu_limit_milli) {
            uint16_t instance = (uint16_t)(1 + roll(trial, 3));
            keep_running(trial, cell_put(cell, ++trial->jobs, machine, cpu_milli, instance));
        }
    }
    end_some(trial, roll(trial, 3));
    drain_some(trial);
    cell->t = planned;
    cell->t.txn.claims = cell->t.claims;
    cell->t.txn.group_minimum = cell->t.minimum;
}

static void plan(struct trial *trial)
{
    struct cell *cell = &trial->cell;
    uint32_t count = 1 + roll(trial, CLAIMS);
    int32_t cpu_milli = 100 * (1 + (int32_t)roll(trial, 8));
    cell_submit(cell, ++trial->jobs, count, cpu_milli);
    cell_begin(cell, trial->jobs, 1);
    cell->t.txn.detection = (uint8_t)roll(trial, OMEGA_DETECTIONS);
    cell->t.txn.granularity =
        roll(trial, 2) == 0 ? OMEGA_COMMIT_TASK : (uint8_t)roll(trial, OMEGA_GRANULARITIES);
    cell->t.minimum[0] = roll(trial, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        cell_claim(cell, i, roll(trial, PLANNED), cpu_milli);
    }
}

/* Asks the rules, on copies of the records, and enters there what they accept. */
static void expect(struct trial *trial, struct rules_scratch *scratch)
{
    struct omega_transaction txn = trial->cell.t.txn;
    struct omega_machine *claimed[CLAIMS];
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        trial->machines[m] = cell_machine(&trial->cell, m);
    }
    for (uint32_t i = 0; i < txn.claim_count; i++) {
        claimed[i] = &trial->machines[txn.claims[i].machine];
    }
    trial->expected = (struct omega_inquiry){
        .causes = trial->expected_causes,
        .counterfactuals = trial->inquiry.counterfactuals,
    };
    txn.inquiry = &trial->expected;
    ck_assert_int_eq(
        rules_decide(&txn, claimed, NULL, scratch, trial->results, &trial->result, NULL), 0);
    for (uint32_t i = 0; i < txn.claim_count; i++) {
        if (trial->results[i].outcome == OMEGA_ACCEPTED) {
            rules_install(claimed[i], &txn.claims[i].request, 0, omega_band_of(txn.precedence),
                          txn.instance, cell_counters(&trial->cell).version + 1);
        }
    }
}

/* Fills in the results that a brief commit may leave out. */
static void fill_in(struct trial *trial, const struct omega_brief *brief)
{
    uint32_t other = 0;
    ck_assert_uint_le(brief->count, trial->cell.t.txn.claim_count);
    for (uint32_t i = 0; i < trial->cell.t.txn.claim_count; i++) {
        if (other < brief->count && brief->others[other] == i) {
            other++;
        } else {
            trial->cell.t.results[i] =
                omega_claim_accepted(trial->cell.t.result.version, i - other);
        }
    }
    ck_assert_uint_eq(other, brief->count);
}

/* Commits in full, or in short where the store takes that; with all results, or briefly. */
static void commit(struct trial *trial)
{
    struct cell *cell = &trial->cell;
    uint32_t tasks[CLAIMS];
    uint32_t machines[CLAIMS];
    uint64_t seqs[CLAIMS];
    for (uint32_t i = 0; i < cell->t.txn.claim_count; i++) {
        tasks[i] = cell->t.claims[i].task;
        machines[i] = cell->t.claims[i].machine;
        seqs[i] = cell->t.claims[i].seq;
    }
    if (store_takes_short(cell->store) && roll(trial, 2) == 0) {
        cell->t.txn.claims = NULL;
        cell->t.txn.tasks = tasks;
        cell->t.txn.machines = machines;
        cell->t.txn.seqs = seqs;
    }
    cell->t.txn.inquiry = &trial->inquiry;
    struct omega_brief brief = {trial->others, UINT32_MAX};
    bool is_brief = roll(trial, 2) == 0;
    cell->t.txn.brief = is_brief ? &brief : NULL;
    for (uint32_t i = 0; i < cell->t.txn.claim_count; i++) {
        cell->t.results[i].outcome = OMEGA_OUTCOMES; /* nobody's */
    }
    cell_commit(cell);
    cell->t.txn.brief = NULL;
    if (is_brief) {
        fill_in(trial, &brief);
    }
}

static void compare_claims(const struct trial *trial)
{
    uint32_t position = 0;
    for (uint32_t i = 0; i < trial->cell.t.txn.claim_count; i++) {
        struct omega_claim_result expected = trial->results[i];
        const struct omega_claim_result *told = &trial->cell.t.results[i];
        if (expected.outcome == OMEGA_ACCEPTED) {
            expected = omega_claim_accepted(trial->cell.t.result.version, position++);
        } else if (expected.outcome != OMEGA_ABORTED && trial->inquiry.answered) {
            ck_assert_mem_eq(&trial->causes[i], &trial->expected_causes[i],
                             sizeof trial->causes[i]);
        }
        ck_assert_mem_eq(told, &expected, sizeof expected);
    }
}

static void compare(struct trial *trial)
{
    const struct omega_result *told = &trial->cell.t.result;
    ck_assert_uint_eq(told->accepted, trial->result.accepted);
    ck_assert_uint_eq(told->conflicts, trial->result.conflicts);
    ck_assert_uint_eq(told->refused, trial->result.refused);
    ck_assert_uint_eq(told->aborted, trial->result.aborted);
    ck_assert(trial->inquiry.answered || trial->elsewhere);
    if (trial->inquiry.counterfactuals && trial->inquiry.answered) {
        ck_assert_mem_eq(trial->inquiry.judged, trial->expected.judged,
                         sizeof trial->expected.judged);
    }
    compare_claims(trial);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine machine = cell_machine(&trial->cell, m);
        ck_assert_int_eq(machine.cpu_used_milli, trial->machines[m].cpu_used_milli);
        ck_assert_int_eq(machine.mem_used_mib, trial->machines[m].mem_used_mib);
        ck_assert_uint_eq(machine.seq, trial->machines[m].seq);
        ck_assert_mem_eq(machine.placed_by, trial->machines[m].placed_by, sizeof machine.placed_by);
    }
}

/* How many of each kind there were: a test of too few would say nothing. */
struct seen {
    uint32_t partly;
    uint32_t down;  /* a machine took nothing new */
    uint32_t moved; /* all claims hold, and the other detection refuses some */
    uint32_t lost;  /* the other detection accepts more */
};

static void see(struct seen *seen, const struct trial *trial)
{
    const struct omega_result *result = &trial->cell.t.result;
    uint8_t detection = trial->cell.t.txn.detection;
    uint32_t mine = trial->inquiry.judged[detection].accepted[OMEGA_COMMIT_TASK];
    uint32_t other = trial->inquiry.judged[!detection].accepted[OMEGA_COMMIT_TASK];
    bool whole = result->accepted == trial->cell.t.txn.claim_count;
    for (uint32_t i = 0; i < trial->cell.t.txn.claim_count; i++) {
        seen->down += trial->results[i].outcome == OMEGA_REFUSED_MACHINE_DOWN;
    }
    seen->partly += result->accepted > 0 && !whole;
    seen->moved += trial->inquiry.counterfactuals && whole && other < mine;
    seen->lost += trial->inquiry.counterfactuals && other > mine;
}

START_TEST(says_what_the_rules_say)
{
    const char *given = getenv("OMEGA_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    struct trial *trial = calloc(1, sizeof *trial);
    struct rules_scratch *scratch = rules_scratch_create();
    struct seen seen = {0};
    uint32_t rounds = cell_loops(_i, ROUNDS);
    ck_assert_ptr_nonnull(trial);
    printf("store_inquiry: OMEGA_SEED=%" PRIu64 "\n", seed);
    omega_random_init(&trial->random, seed, "inquiry", (uint64_t)_i);
    trial->elsewhere = strcmp(store_factory_at(_i)->name, "lmdb-processes") == 0;
    cell_open(&trial->cell, _i);
    for (uint32_t n = 0; n < rounds; n++) {
        trial->inquiry = (struct omega_inquiry){
            .causes = trial->causes,
            .counterfactuals = roll(trial, 4) != 0,
        };
        plan(trial);
        disturb(trial);
        expect(trial, scratch);
        commit(trial);
        compare(trial);
        see(&seen, trial);
        for (uint32_t i = 0; i < trial->cell.t.txn.claim_count; i++) {
            if (trial->cell.t.results[i].outcome == OMEGA_ACCEPTED) {
                keep_running(trial, trial->cell.t.results[i].placement);
            }
        }
        end_some(trial, roll(trial, CLAIMS));
    }
    ck_assert_uint_gt(seen.partly, rounds / 50);
    ck_assert_uint_gt(seen.down, rounds / 50);
    ck_assert(trial->elsewhere || seen.moved > rounds / 50);
    ck_assert(trial->elsewhere || seen.lost > rounds / 50);
    cell_close(&trial->cell);
    rules_scratch_destroy(scratch);
    free(trial);
}
END_TEST

static void add_cases(Suite *suite)
{
    cell_case(suite, "says what the rules say", says_what_the_rules_say);
}

CHECK_MAIN("cellstate/store_inquiry", add_cases)
