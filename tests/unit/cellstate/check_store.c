/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite, first part: opening, jobs, what a commit refuses to look at, its outcomes
 * and placement ids. One test for each sentence of cellstate/store.h, over every store.
 */
#include "tests/unit/cellstate/cell_fixture.h"

START_TEST(opens_as_the_specs_say)
{
    struct cell cell;
    struct store_counters zero = {0};
    struct store_totals totals;
    cell_describe(&cell);
    cell.config.overcommit = (struct omega_overcommit){1500, 1250, 2000};
    cell_start(&cell, _i);
    struct store_counters counters = cell_counters(&cell);
    ck_assert_mem_eq(&counters, &zero, sizeof(zero));
    ck_assert_uint_eq(cell.store->machine_count, CELL_MACHINES);
    ck_assert_ptr_eq(cell.store->catalogue, cell.catalogue);
    ck_assert_str_eq(cell.store->ops->name, store_factory_at(_i)->name);
    struct omega_machine machine = cell_machine(&cell, 2);
    ck_assert_uint_eq(machine.state, OMEGA_MACHINE_UP);
    ck_assert_uint_eq(machine.index, 2);
    ck_assert_int_eq(machine.cpu_limit_milli, 6000);
    ck_assert_int_eq(machine.mem_limit_mib, 5120);
    ck_assert_int_eq(machine.gpu_limit_milli, 2000);
    ck_assert_uint_eq(machine.placed_by[0], OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(machine.placed_by[1], OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(cell_machine(&cell, 3).state, OMEGA_MACHINE_DOWN);
    store_totals(cell.store, &totals); /* capacity, not limit, of three machines */
    ck_assert_int_eq(totals.cpu_capacity_milli, 12000);
    ck_assert_int_eq(totals.mem_capacity_mib, 12288);
    ck_assert_int_eq(totals.gpu_capacity_milli, 6000);
    ck_assert_int_eq(totals.cpu_used_milli + totals.mem_used_mib + totals.gpu_used_milli, 0);
    cell_close(&cell);
    store_close(NULL);
}
END_TEST

START_TEST(unknown_machine)
{
    struct cell cell;
    struct omega_machine machine;
    cell_open(&cell, _i);
    ck_assert_int_eq(store_machine(cell.store, CELL_MACHINES, &machine, &cell.err), OMEGA_EINVAL);
    ck_assert_str_ne(cell.err.text, "");
    cell_close(&cell);
}
END_TEST

START_TEST(submits)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 7, 3, 1000);
    struct store_counters counters = cell_counters(&cell);
    ck_assert_uint_eq(counters.version, 0);
    ck_assert_uint_eq(counters.jobs, 1);
    ck_assert_uint_eq(counters.tasks_submitted, 3);
    ck_assert_uint_eq(counters.tasks_pending, 3);
    /* optional tasks are not pending and not submitted */
    cell_submit_groups(&cell, 8, 2, 2, 5, (struct omega_request){.cpu_milli = 1}, "");
    counters = cell_counters(&cell);
    ck_assert_uint_eq(counters.jobs, 2);
    ck_assert_uint_eq(counters.tasks_submitted, 7);
    ck_assert_uint_eq(counters.tasks_pending, 7);
    cell_close(&cell);
}
END_TEST

START_TEST(submit_refuses)
{
    struct cell cell;
    struct omega_task_group group = {.count = 1};
    struct omega_job job = {.id = 0, .group_count = 1, .tasks = 1, .slots = 1, .groups = &group};
    cell_open(&cell, _i);
    cell_submit(&cell, 7, 3, 1000);
    ck_assert_int_eq(store_submit(cell.store, &job, &cell.err), OMEGA_EINVAL);
    ck_assert_str_ne(cell.err.text, "");
    omega_error_clear(&cell.err);
    job.id = 7;
    ck_assert_int_eq(store_submit(cell.store, &job, &cell.err), OMEGA_EINVAL);
    ck_assert_str_ne(cell.err.text, "");
    ck_assert_uint_eq(cell_counters(&cell).jobs, 1);
    ck_assert_uint_eq(cell_counters(&cell).tasks_submitted, 3);
    cell_close(&cell);
}
END_TEST

enum {
    UNSEALED_SLOTS,
    UNSEALED_TASKS,
    UNSEALED_FIRST,
    NO_SET,
    MAP_BEFORE_0,
    REDUCE_BEFORE_0,
    JOBS
};

/* Refuses a job of two groups that has one fault. */
static void refuse_job(struct cell *cell, int fault)
{
    struct omega_task_group groups[2] = {
        {.count = 2, .request = {.cpu_milli = 1}},
        {.first_task = 2, .count = 1, .optional = 1, .request = {.cpu_milli = 1}},
    };
    struct omega_job job = {
        .id = 8, .precedence = 120, .group_count = 2, .groups = groups, .tasks = 3, .slots = 4};
    struct store_counters before = cell_counters(cell);
    job.slots += fault == UNSEALED_SLOTS;
    job.tasks -= fault == UNSEALED_TASKS;
    groups[1].first_task -= fault == UNSEALED_FIRST;
    groups[1].constraints = fault == NO_SET ? catalogue_constraints_count(cell->catalogue) : 0;
    job.mapreduce.map_mean_us = -(fault == MAP_BEFORE_0);
    job.mapreduce.reduce_mean_us = -(fault == REDUCE_BEFORE_0);
    omega_error_clear(&cell->err);
    int rc = store_submit(cell->store, &job, &cell->err);
    ck_assert_msg(rc == (fault == JOBS ? 0 : OMEGA_EINVAL), "fault %d is %d: %s", fault, rc,
                  cell->err.text);
    ck_assert_int_eq(cell->err.code, rc);
    if (fault < JOBS) {
        ck_assert_msg(strstr(cell->err.text, "job 8 ") != NULL, "fault %d: '%s'", fault,
                      cell->err.text);
        struct store_counters after = cell_counters(cell);
        ck_assert_mem_eq(&before, &after, sizeof before);
    }
}

START_TEST(submit_refuses_what_is_not_sealed)
{
    struct cell cell;
    cell_open(&cell, _i);
    for (int fault = 0; fault <= JOBS; fault++) { /* the last one has none: nothing was kept */
        refuse_job(&cell, fault);
    }
    ck_assert_uint_eq(cell_counters(&cell).jobs, 1);
    ck_assert_uint_eq(cell_counters(&cell).tasks_submitted, 3);
    cell_close(&cell);
}
END_TEST

/* Submits jobs 1 (three tasks of 1000, two of them placed on machine 0) and 2 (elastic). */
static void open_for_nonsense(struct cell *cell, int factory)
{
    cell_open(cell, factory);
    cell_submit_groups(cell, 1, 1, 4, 0, (struct omega_request){1000, 1, 500, 1, 0}, "");
    cell_submit_groups(cell, 2, 1, 1, 1, (struct omega_request){1000, 1, 0, 0, 0}, "");
    cell_submit(cell, 3, 1, 10);
    cell_begin(cell, 1, 0);
    for (uint32_t t = 0; t < 2; t++) {
        struct omega_claim *claim = cell_claim(cell, t, 0, 1000);
        claim->request.gpu_milli = 500;
        claim->request.gpu_devices = 1;
        claim->devices = 1;
    }
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
}

enum nonsense {
    SOUND, /* none: proves that the transaction would be taken */
    UNKNOWN_JOB,
    ABANDONED_JOB,
    UNKNOWN_TASK,
    UNKNOWN_GROUP,
    UNKNOWN_MACHINE,
    OTHER_CPU,
    OTHER_MEMORY,
    OTHER_SHARE,
    OTHER_DEVICES,
    NO_DEVICE,
    TWO_DEVICES,
    TASK_TWICE,
    NO_CLAIM,
    TOO_MANY_CLAIMS,
    SHORT_GANG,
    SHORT_MINIMUM,
    NONSENSE,
};

static void make_nonsense(struct cell *cell, enum nonsense nonsense)
{
    struct omega_transaction *txn = &cell->t.txn;
    struct omega_claim *claim = &cell->t.claims[1];
    uint32_t abandoned = 0;
    switch (nonsense) {
    case UNKNOWN_JOB:
        txn->job = 99;
        break;
    case ABANDONED_JOB:
        ck_assert_int_eq(store_abandon(cell->store, 1, &abandoned, NULL, &cell->err), 0);
        break;
    case UNKNOWN_TASK:
        claim->task = 4;
        break;
    case UNKNOWN_GROUP:
        claim->group = 1;
        break;
    case UNKNOWN_MACHINE:
        claim->machine = CELL_MACHINES;
        break;
    case OTHER_CPU:
        claim->request.cpu_milli--;
        break;
    case OTHER_MEMORY:
        claim->request.mem_mib++;
        break;
    case OTHER_SHARE:
        claim->request.gpu_milli--;
        break;
    case OTHER_DEVICES:
        claim->request.gpu_devices = 2;
        break;
    case NO_DEVICE:
        claim->devices = 0;
        break;
    case TWO_DEVICES:
        claim->devices = 3;
        break;
    case TASK_TWICE:
        claim->task = 2;
        break;
    case NO_CLAIM:
        txn->claim_count = 0;
        break;
    case TOO_MANY_CLAIMS:
        txn->claim_count = OMEGA_CLAIMS_MAX + 1;
        break;
    case SHORT_GANG:
        txn->granularity = OMEGA_COMMIT_GANG;
        txn->claim_count = 1;
        break;
    case SHORT_MINIMUM:
        txn->granularity = OMEGA_COMMIT_AT_LEAST;
        cell->t.minimum[0] = 3;
        break;
    default:
        break;
    }
}

/* Each kind of nonsense is OMEGA_EINVAL with a text, and changes nothing. */
START_TEST(commit_refuses_nonsense)
{
    for (int nonsense = SOUND; nonsense < NONSENSE; nonsense++) {
        struct cell cell;
        open_for_nonsense(&cell, _i);
        cell_begin(&cell, 1, 0);
        for (uint32_t i = 0; i < 2; i++) {
            struct omega_claim *claim = cell_claim(&cell, 2 + i, 1, 1000);
            claim->request.gpu_milli = 500;
            claim->request.gpu_devices = 1;
            claim->devices = 2;
        }
        make_nonsense(&cell, (enum nonsense)nonsense);
        struct store_counters counters = cell_counters(&cell);
        struct omega_machine machine = cell_machine(&cell, 1);
        int rc = cell_try(&cell);
        if (nonsense == SOUND) {
            ck_assert_int_eq(rc, 0);
            CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
        } else {
            ck_assert_msg(rc == OMEGA_EINVAL, "nonsense %d is %d", nonsense, rc);
            ck_assert_int_eq(cell.err.code, OMEGA_EINVAL);
            ck_assert_str_ne(cell.err.text, "");
            struct store_counters counters_now = cell_counters(&cell);
            struct omega_machine machine_now = cell_machine(&cell, 1);
            ck_assert_mem_eq(&counters_now, &counters, sizeof(counters));
            ck_assert_mem_eq(&machine_now, &machine, sizeof(machine));
        }
        cell_close(&cell);
    }
}
END_TEST

/* A task of another group is no task of this one. */
START_TEST(task_of_another_group)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit_groups(&cell, 1, 2, 2, 0, (struct omega_request){10, 1, 0, 0, 0}, "");
    cell_begin(&cell, 1, 0);
    cell.t.txn.group_count = 2;
    struct omega_claim *claim = cell_claim(&cell, 2, 0, 10);
    ck_assert_int_eq(cell_try(&cell), OMEGA_EINVAL);
    claim->group = 1;
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED);
    cell_close(&cell);
}
END_TEST

START_TEST(elastic_job_commits_once)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit_groups(&cell, 1, 1, 2, 3, (struct omega_request){1500, 1, 0, 0, 0}, "");
    for (uint8_t granularity = 0; granularity <= OMEGA_COMMIT_GANG; granularity++) {
        cell_begin(&cell, 1, 0);
        cell_claim(&cell, 0, 0, 1500);
        cell_claim(&cell, 1, 1, 1500);
        cell.t.txn.granularity = granularity;
        cell.t.minimum[0] = 1; /* not its required tasks */
        ck_assert_int_eq(cell_try(&cell), OMEGA_EINVAL);
    }
    /* two of four hold: task 0 is refused on a full machine, optional 2 and 4 take part */
    cell_put(&cell, 9, 2, 3000, 1);
    cell_begin(&cell, 1, 0);
    cell_claim(&cell, 0, 2, 1500);
    cell_claim(&cell, 1, 3, 1500);
    cell_claim(&cell, 2, 0, 1500);
    cell_claim(&cell, 4, 1, 1500);
    cell_claim(&cell, 3, 0, 1500);
    cell.t.txn.granularity = OMEGA_COMMIT_AT_LEAST;
    cell.t.minimum[0] = 2;
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_REFUSED_MACHINE_DOWN, OMEGA_ACCEPTED,
                  OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    struct store_counters counters = cell_counters(&cell);
    ck_assert_uint_eq(counters.tasks_submitted, 1 + 3); /* the larger of required and accepted */
    ck_assert_uint_eq(counters.tasks_pending, 0);
    ck_assert_uint_eq(counters.tasks_running, 1 + 3);
    /* started: nothing more is taken */
    ck_assert_int_eq(cell_try(&cell), OMEGA_EINVAL);
    /* a lost task of it has failed, whatever the policy */
    ck_assert_uint_eq(cell_event(&cell, 1, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN), 1);
    counters = cell_counters(&cell);
    ck_assert_uint_eq(counters.tasks_failed, 1);
    ck_assert_uint_eq(counters.tasks_pending, 0);
    ck_assert_uint_eq(counters.losses, 1);
    cell_close(&cell);
}
END_TEST

START_TEST(already_placed)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 3, 1000);
    cell_begin(&cell, 1, 0);
    cell_claim(&cell, 0, 0, 1000);
    cell_claim(&cell, 1, 0, 1000);
    cell_commit(&cell);
    uint64_t first = cell.t.results[0].placement;
    ck_assert(cell_release(&cell, first));
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 1, 1000); /* has run and finished */
    cell_claim(&cell, 1, 1, 1000); /* runs */
    cell_claim(&cell, 2, 1, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_ALREADY_PLACED, OMEGA_REFUSED_ALREADY_PLACED,
                  OMEGA_ACCEPTED);
    ck_assert_uint_eq(cell.t.result.refused, 2);
    cell_close(&cell);
}
END_TEST

START_TEST(different_machines)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit_groups(&cell, 1, 2, 4, 0, (struct omega_request){1000, 1, 0, 0, 0},
                       "different_machines");
    cell_begin(&cell, 1, 0);
    cell.t.txn.group_count = 2;
    cell_claim(&cell, 0, 0, 1000);
    cell_claim(&cell, 1, 0, 1000);
    cell_claim(&cell, 4, 0, 1000)->group = 1; /* another group may share the machine */
    cell_claim(&cell, 2, 1, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_REFUSED_CONSTRAINT, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    uint64_t first = cell.t.results[0].placement;
    cell_begin(&cell, 1, 0);
    cell.t.txn.group_count = 2;
    cell_claim(&cell, 1, 0, 1000); /* task 0 runs there */
    cell_claim(&cell, 3, 2, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_CONSTRAINT, OMEGA_ACCEPTED);
    ck_assert(cell_release(&cell, first));
    cell_begin(&cell, 1, 0);
    cell.t.txn.group_count = 2;
    cell_claim(&cell, 1, 0, 1000); /* it does not any more */
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED);
    cell_close(&cell);
}
END_TEST

/* An earlier claim of the transaction counts, whatever becomes of it. */
START_TEST(different_machines_after_a_refused_claim)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_submit_groups(&cell, 1, 1, 2, 0, (struct omega_request){1000, 1, 0, 0, 0},
                       "different_machines");
    cell_begin(&cell, 1, 0);
    cell_claim(&cell, 0, 0, 1000)->seq = 77;
    cell_claim(&cell, 1, 0, 1000);
    cell.t.txn.detection = OMEGA_DETECT_COARSE;
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_CHANGED, OMEGA_REFUSED_CONSTRAINT);
    cell_close(&cell);
}
END_TEST

START_TEST(placement_ids)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_put(&cell, 9, 1, 10, 0);
    cell_submit(&cell, 1, 4, 1000);
    cell_begin(&cell, 1, 5);
    cell_claim(&cell, 3, 0, 1000);
    cell_claim(&cell, 2, 3, 1000); /* down: has no position */
    cell_claim(&cell, 0, 1, 1000);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_DOWN, OMEGA_ACCEPTED);
    ck_assert_uint_eq(cell.t.result.version, 2);
    ck_assert_uint_eq(cell.t.result.accepted, 2);
    ck_assert_uint_eq(cell.t.results[0].placement, UINT64_C(2) << 20);
    ck_assert_uint_eq(cell.t.results[2].placement, (UINT64_C(2) << 20) + 1);
    ck_assert_uint_eq(omega_placement_version(cell.t.results[2].placement), 2);
    ck_assert_uint_eq(omega_placement_position(cell.t.results[2].placement), 1);
    cell_close(&cell);
}
END_TEST

struct seen {
    struct store_placement placements[8];
    uint32_t count;
    uint32_t stop_after;
};

static int see(void *context, const struct store_placement *placement)
{
    struct seen *seen = context;
    seen->placements[seen->count++] = *placement;
    return seen->count == seen->stop_after ? 42 : 0;
}

START_TEST(lists_placements)
{
    struct cell cell;
    struct seen seen = {.stop_after = 0};
    struct store_placement first = {.machine = 2, .request = {.cpu_milli = 5}, .band = 1};
    uint64_t version = 0;
    cell_open(&cell, _i);
    ck_assert_int_eq(store_preload(cell.store, &first, 1, &version, &cell.err), 0);
    uint64_t a = cell_put(&cell, 1, 0, 1000, 3);
    uint64_t b = cell_put(&cell, 2, 1, 1500, 4);
    uint64_t c = cell_put(&cell, 3, 0, 10, 4);
    ck_assert(cell_release(&cell, b));
    ck_assert_int_eq(store_placements(cell.store, see, &seen, &cell.err), 0);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_uint_eq(seen.placements[0].id, first.id);
    ck_assert_uint_eq(seen.placements[0].instance, OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(seen.placements[1].id, a);
    ck_assert_uint_eq(seen.placements[1].job, 1);
    ck_assert_uint_eq(seen.placements[1].instance, 3);
    ck_assert_uint_eq(seen.placements[1].band, OMEGA_BAND_PRODUCTION);
    ck_assert_int_eq(seen.placements[1].request.cpu_milli, 1000);
    ck_assert_uint_eq(seen.placements[2].id, c);
    seen = (struct seen){.stop_after = 2};
    ck_assert_int_eq(store_placements(cell.store, see, &seen, &cell.err), 42);
    ck_assert_uint_eq(seen.count, 2);
    cell_close(&cell);
}
END_TEST

static void add_cases(Suite *suite)
{
    cell_case(suite, "open", opens_as_the_specs_say);
    cell_case(suite, "unknown machine", unknown_machine);
    cell_case(suite, "submit", submits);
    cell_case(suite, "submit refuses", submit_refuses);
    cell_case(suite, "submit refuses, not sealed", submit_refuses_what_is_not_sealed);
    cell_case(suite, "nonsense", commit_refuses_nonsense);
    cell_case(suite, "task of another group", task_of_another_group);
    cell_case(suite, "elastic", elastic_job_commits_once);
    cell_case(suite, "already placed", already_placed);
    cell_case(suite, "different machines", different_machines);
    cell_case(suite, "different machines, refused", different_machines_after_a_refused_claim);
    cell_case(suite, "placement ids", placement_ids);
    cell_case(suite, "placements", lists_placements);
}

CHECK_MAIN("cellstate/store", add_cases)
