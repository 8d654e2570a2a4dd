/* SPDX-License-Identifier: MIT */
/*
 * Conflicts explained, in cases worked out by hand: schedulers "batch" (instances 0 and 1 of the
 * cell) and "service" (2), a warm-up of 100 us, a horizon of 1,100 us, ten machines.
 */
#include "core/metrics/conflicts.h"

#include <string.h>

#include "tests/support/check_main.h"

enum {
    BATCH = 0,
    SERVICE = 1,
    CLAIMS = 6,
    OK = OMEGA_ACCEPTED,
    FIT = OMEGA_CONFLICT_NO_LONGER_FITS,
    SEQ = OMEGA_CONFLICT_SEQ_CHANGED,
    DOWN = OMEGA_REFUSED_MACHINE_DOWN,
    FELL = OMEGA_ABORTED,
};

/* A transaction of up to six claims, claim i on machine i unless said otherwise. */
struct told {
    struct omega_claim claims[CLAIMS];
    struct omega_claim_result results[CLAIMS];
    struct omega_cause causes[CLAIMS];
    struct omega_inquiry inquiry;
    struct omega_transaction txn;
    struct metrics_attempt attempt;
    struct metrics_commit commit;
};

/* Refused claims that were told of. */
struct refusals {
    struct metrics_refused claims[4];
    uint32_t count;
};

static void keep_refusal(void *context, const struct metrics *metrics,
                         const struct metrics_refused *claim)
{
    struct refusals *refusals = context;
    ck_assert_ptr_nonnull(metrics);
    ck_assert_uint_lt(refusals->count, 4);
    refusals->claims[refusals->count++] = *claim;
}

/* With so many instances of "batch". */
static struct metrics *create_many(uint32_t batch, bool machines, struct refusals *refused,
                                   bool counterfactuals)
{
    static const char *const schedulers[] = {"batch", "service"};
    const uint32_t instances[] = {batch, 1};
    static const char *const workloads[] = {"short", "long"};
    struct metrics_config config = {
        .schedulers = schedulers,
        .instances = instances,
        .scheduler_count = 2,
        .workloads = workloads,
        .workload_count = 2,
        .warmup_us = 100,
        .horizon_us = 1100,
        .histograms = true,
        .conflicts = true,
        .machines = machines,
        .refused = refused == NULL ? NULL : keep_refusal,
        .refused_context = refused,
        .counterfactuals = counterfactuals,
        .machine_count = 10,
    };
    struct metrics *metrics = metrics_create(&config);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

static struct metrics *create(bool machines, struct refusals *refused, bool counterfactuals)
{
    return create_many(2, machines, refused, counterfactuals);
}

/* An attempt of `instance` from start to end whose claims got these outcomes from these rivals. */
static void make(struct told *told, uint16_t instance, int64_t start_us, int64_t end_us,
                 uint32_t count, const uint8_t *outcomes, const uint16_t *rivals)
{
    memset(told, 0, sizeof *told);
    told->txn = (struct omega_transaction){.job = 7,
                                           .attempt = 2,
                                           .instance = instance,
                                           .claims = told->claims,
                                           .claim_count = count,
                                           .inquiry = &told->inquiry};
    told->inquiry = (struct omega_inquiry){.causes = told->causes, .answered = true};
    told->attempt = (struct metrics_attempt){.scheduler = instance == 2 ? SERVICE : BATCH,
                                             .instance = instance == 2 ? 0 : instance,
                                             .workload = instance == 2 ? 1 : 0,
                                             .attempt = 1,
                                             .start_us = start_us,
                                             .end_us = end_us,
                                             .claims = count,
                                             .view_age_us = end_us - start_us,
                                             .view_age_versions = 4};
    told->commit = (struct metrics_commit){.txn = &told->txn, .results = told->results};
    struct omega_result *result = &told->attempt.result;
    result->version = 50;
    for (uint32_t i = 0; i < count; i++) {
        told->claims[i].machine = i;
        told->claims[i].task = 10 + i;
        told->claims[i].synced = 46;
        told->results[i].outcome = outcomes[i];
        told->results[i].other_refuses = outcomes[i] != OK && outcomes[i] != FELL;
        told->results[i].rival = outcomes[i] == OK ? OMEGA_INSTANCE_NONE : rivals[i];
        told->results[i].rival_version = outcomes[i] == OK ? 0 : 47;
        told->causes[i].sole_rival = 1;
        result->accepted += outcomes[i] == OK;
        result->conflicts += omega_outcome_is_conflict(outcomes[i]);
        result->refused += omega_outcome_is_refusal(outcomes[i]);
        result->aborted += outcomes[i] == FELL;
    }
}

static void tell(struct metrics *metrics, struct told *told)
{
    metrics_attempt(metrics, &told->attempt, 0);
    metrics_commit(metrics, &told->attempt, &told->commit);
}

static int64_t conflicting_us(const struct metrics *metrics, uint32_t scheduler)
{
    struct metrics_scope scope;
    metrics_read_scheduler(metrics, scheduler, &scope);
    return scope.busy_conflicting_us;
}

/* A sequence that moved without a placement, as compat-seq-leak lets it, is nobody's doing: whoever
 * placed there last did so before the view was synced. */
START_TEST(nobody)
{
    struct metrics *metrics = create(false, NULL, false);
    struct told told;
    make(&told, 0, 200, 300, 2, (uint8_t[]){SEQ, SEQ}, (uint16_t[]){1, 1});
    told.results[1].rival_version = 46;
    tell(metrics, &told);
    metrics_finish(metrics, 1100);
    const struct metrics_block *by_one = metrics_read_block(metrics, 0);
    const struct metrics_block *by_nobody = metrics_read_block(metrics, 1);
    ck_assert_uint_eq(by_one->rival, 1);
    ck_assert_uint_eq(by_one->claims, 1);
    ck_assert_uint_eq(by_nobody->rival, OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(by_nobody->claims, 1);
    metrics_destroy(metrics);
}
END_TEST

/* Three claims in conflict in 100 us: 33 us for the rival of one, 67 us for that of two. */
START_TEST(matrix)
{
    struct metrics *metrics = create(false, NULL, false);
    struct told told;
    make(&told, 0, 200, 300, 5, (uint8_t[]){FIT, OK, SEQ, FIT, DOWN}, (uint16_t[]){2, 0, 2, 1, 1});
    told.results[2].other_refuses = 0; /* spurious */
    told.causes[2].sole_rival = 0;
    told.causes[0].missing_cpu_milli = 5;
    told.causes[0].missing_mem_mib = 1;
    told.causes[3].missing_gpu_milli = 9;
    tell(metrics, &told);
    make(&told, 2, 300, 340, 2, (uint8_t[]){SEQ, FELL}, (uint16_t[]){1, 1});
    told.results[0].other_refuses = 0;
    tell(metrics, &told);
    make(&told, 1, 300, 400, 2, (uint8_t[]){OK, DOWN}, (uint16_t[]){0, 0}); /* no conflict */
    tell(metrics, &told);
    metrics_finish(metrics, 1100);
    ck_assert_int_eq(metrics_status(metrics), 0);

    const struct metrics_block *block = metrics_read_block(metrics, 0);
    ck_assert_uint_eq(block->instance, 0);
    ck_assert_uint_eq(block->rival, 1);
    ck_assert_uint_eq(block->claims, 1);
    ck_assert_uint_eq(block->claims_short_gpu, 1);
    ck_assert_uint_eq(block->transactions, 1);
    ck_assert_int_eq(block->lost_us, 33);
    block = metrics_read_block(metrics, 1);
    ck_assert_uint_eq(block->rival, 2);
    ck_assert_uint_eq(block->claims, 2);
    ck_assert_uint_eq(block->claims_no_longer_fits, 1);
    ck_assert_uint_eq(block->claims_seq_changed, 1);
    ck_assert_uint_eq(block->claims_spurious, 1);
    ck_assert_uint_eq(block->claims_sole_rival, 1);
    ck_assert_uint_eq(block->claims_short_cpu, 1);
    ck_assert_uint_eq(block->claims_short_mem, 1);
    ck_assert_uint_eq(block->claims_short_gpu, 0);
    ck_assert_uint_eq(block->transactions, 1);
    ck_assert_int_eq(block->lost_us, 67);
    block = metrics_read_block(metrics, 2);
    ck_assert_uint_eq(block->instance, 2);
    ck_assert_uint_eq(block->rival, 1);
    ck_assert_int_eq(block->lost_us, 40);
    ck_assert_ptr_null(metrics_read_block(metrics, 3));
    ck_assert_int_eq(conflicting_us(metrics, BATCH), 100);
    ck_assert_int_eq(conflicting_us(metrics, SERVICE), 40);

    struct metrics_conflicts figures;
    metrics_read_scheduler_conflicts(metrics, BATCH, &figures);
    ck_assert_uint_eq(figures.claims_no_longer_fits, 2);
    ck_assert_uint_eq(figures.claims_seq_changed, 1);
    ck_assert_uint_eq(figures.claims_spurious, 1);
    ck_assert_uint_eq(figures.claims_sole_rival, 2);
    ck_assert_uint_eq(figures.transactions_spurious, 0);
    ck_assert_uint_eq(histogram_count(figures.view_age), 1);
    ck_assert_int_eq(histogram_max(figures.view_age), 100);
    metrics_read_workload_conflicts(metrics, 1, &figures);
    ck_assert_uint_eq(figures.claims_spurious, 1);
    ck_assert_uint_eq(figures.transactions_spurious, 1);
    uint32_t scheduler;
    uint32_t number;
    metrics_instance(metrics, 1, &scheduler, &number);
    ck_assert(scheduler == BATCH && number == 1);
    metrics_instance(metrics, 2, &scheduler, &number);
    ck_assert(scheduler == SERVICE && number == 0);
    metrics_destroy(metrics);
}
END_TEST

/* Cut at the end of the warm-up and at the horizon; what began in the warm-up costs time only. */
START_TEST(time_adds_up)
{
    struct metrics *metrics = create(false, NULL, false);
    struct told told;
    int64_t lost_us = 0;
    make(&told, 0, 50, 101, 3, (uint8_t[]){FIT, FIT, FIT}, (uint16_t[]){1, 2, 2});
    tell(metrics, &told); /* 1 us: 0 for instance 1, 1 for instance 2 */
    for (int64_t n = 1; n < 60; n++) {
        make(&told, 0, 100 + n, 100 + 3 * n, 6, (uint8_t[]){FIT, SEQ, FIT, FIT, OK, FIT},
             (uint16_t[]){1, 2, (uint16_t)(n % 3 == 0 ? 2 : 1), 2, 0, 1});
        tell(metrics, &told);
    }
    metrics_finish(metrics, 1100);
    const struct metrics_block *block;
    for (uint32_t i = 0; (block = metrics_read_block(metrics, i)) != NULL; i++) {
        lost_us += block->lost_us;
    }
    ck_assert_int_eq(lost_us, 1 + 59 * 60);
    ck_assert_int_eq(lost_us, conflicting_us(metrics, BATCH));
    ck_assert_uint_eq(metrics_read_block(metrics, 0)->transactions, 59); /* the first is no more */
    metrics_destroy(metrics);
}
END_TEST

START_TEST(machines)
{
    for (int recorded = 0; recorded < 2; recorded++) {
        struct metrics *metrics = create(recorded == 1, NULL, false);
        struct metrics_machine machine;
        uint32_t hottest[3];
        struct told told;
        make(&told, 0, 200, 300, 4, (uint8_t[]){FIT, SEQ, SEQ, OK}, (uint16_t[]){1, 1, 1, 1});
        told.results[1].other_refuses = 0;
        tell(metrics, &told);
        make(&told, 0, 300, 400, 4, (uint8_t[]){DOWN, OK, FIT, FELL}, (uint16_t[]){1, 1, 1, 1});
        tell(metrics, &told);
        make(&told, 0, 99, 400, 1, (uint8_t[]){FIT}, (uint16_t[]){1}); /* in the warm-up */
        tell(metrics, &told);
        metrics_finish(metrics, 1100);
        ck_assert_uint_eq(metrics_hottest(metrics, hottest, 3), 3);
        ck_assert(hottest[0] == 2 && hottest[1] == 0 && hottest[2] == 1);
        ck_assert_uint_eq(metrics_hottest(metrics, hottest, 1), 1);
        ck_assert_uint_eq(hottest[0], 2);
        metrics_read_machine(metrics, 2, &machine);
        ck_assert_uint_eq(machine.conflicting, 2);
        ck_assert_uint_eq(machine.spurious, 0); /* of another detection, too */
        metrics_read_machine(metrics, 0, &machine);
        ck_assert_uint_eq(machine.conflicting, 1);
        ck_assert_uint_eq(machine.refused, recorded == 1 ? 1 : 0);
        metrics_read_machine(metrics, 1, &machine);
        ck_assert_uint_eq(machine.accepted, recorded == 1 ? 1 : 0);
        ck_assert_uint_eq(machine.spurious, recorded == 1 ? 1 : 0);
        metrics_read_machine(metrics, 3, &machine);
        ck_assert_uint_eq(machine.aborted, recorded == 1 ? 1 : 0);
        metrics_destroy(metrics);
    }
}
END_TEST

START_TEST(refused)
{
    struct refusals refusals = {.count = 0};
    struct metrics *metrics = create(false, &refusals, false);
    struct told told;
    make(&told, 2, 200, 300, 4, (uint8_t[]){OK, DOWN, FIT, FELL}, (uint16_t[]){1, 1, 1, 1});
    told.claims[2].synced = 45;
    told.claims[2].seq = 6;
    told.causes[2].seq_found = 8;
    told.causes[2].missing_cpu_milli = 250;
    told.results[2].rival_version = 48;
    tell(metrics, &told);
    ck_assert_uint_eq(refusals.count, 2); /* at once, neither kept nor told again at the end */
    metrics_finish(metrics, 1100);
    ck_assert_uint_eq(refusals.count, 2);
    ck_assert_uint_eq(refusals.claims[0].outcome, DOWN);
    const struct metrics_refused *one = &refusals.claims[1];
    ck_assert_int_eq(one->time_us, 300);
    ck_assert_uint_eq(one->version, 49); /* before its own */
    ck_assert_uint_eq(one->job, 7);
    ck_assert_uint_eq(one->attempt, 2);
    ck_assert_uint_eq(one->task, 12);
    ck_assert_uint_eq(one->machine, 2);
    ck_assert_uint_eq(one->synced, 45);
    ck_assert_uint_eq(one->seq_seen, 6);
    ck_assert_uint_eq(one->cause.seq_found, 8);
    ck_assert_int_eq(one->cause.missing_cpu_milli, 250);
    ck_assert_uint_eq(one->rival_version, 48);
    ck_assert_int_eq(one->view_age_us, 100);
    metrics_destroy(metrics);
}
END_TEST

static struct metrics_would would(const struct metrics *metrics, uint8_t detection,
                                  uint8_t granularity)
{
    struct metrics_would out;
    metrics_read_scheduler_would(metrics, BATCH, detection, granularity, &out);
    return out;
}

/* Three claims: coarse detection finds two conflicts, fine none; not all of the job's tasks. */
START_TEST(counterfactuals)
{
    struct metrics *metrics = create(false, NULL, true);
    struct told told;
    ck_assert(metrics_wants_counterfactuals(metrics));
    make(&told, 0, 200, 300, 3, (uint8_t[]){OK, OK, OK}, (uint16_t[]){0, 0, 0});
    told.inquiry.judged[0] = (struct omega_judgement){0, 0, {3, 3, 0, 3, 3}};
    told.inquiry.judged[1] = (struct omega_judgement){2, 0, {1, 1, 0, 0, 0}};
    tell(metrics, &told);
    told.commit.whole = true;
    tell(metrics, &told);
    metrics_finish(metrics, 1100);
    struct metrics_would one = would(metrics, OMEGA_DETECT_COARSE, OMEGA_COMMIT_TASK);
    ck_assert_uint_eq(one.transactions, 2);
    ck_assert_uint_eq(one.conflicting, 2);
    ck_assert_uint_eq(one.claims, 6);
    ck_assert_uint_eq(one.claims_conflicting, 4);
    ck_assert_uint_eq(one.claims_accepted, 2);
    ck_assert_uint_eq(one.unknown, 0);
    one = would(metrics, OMEGA_DETECT_COARSE, OMEGA_COMMIT_ALL);
    ck_assert_uint_eq(one.conflicting, 2);
    ck_assert_uint_eq(one.claims_accepted, 0);
    one = would(metrics, OMEGA_DETECT_COARSE, OMEGA_COMMIT_GANG); /* only the whole one is sent */
    ck_assert_uint_eq(one.transactions, 1);
    ck_assert_uint_eq(one.conflicting, 1);
    one = would(metrics, OMEGA_DETECT_FINE, OMEGA_COMMIT_GANG);
    ck_assert_uint_eq(one.conflicting, 0);
    ck_assert_uint_eq(one.claims_accepted, 3);
    one = would(metrics, OMEGA_DETECT_FINE, OMEGA_COMMIT_AT_LEAST);
    ck_assert_uint_eq(one.transactions, 0);
    ck_assert_uint_eq(one.unknown, 2);
    metrics_destroy(metrics);
}
END_TEST

/* A job with optional tasks commits at least its required ones in every mode. */
START_TEST(elastic_jobs)
{
    struct metrics *metrics = create(false, NULL, true);
    struct told told;
    make(&told, 0, 200, 300, 3, (uint8_t[]){OK, OK, SEQ}, (uint16_t[]){0, 0, 1});
    told.commit.elastic = true;
    told.txn.granularity = OMEGA_COMMIT_AT_LEAST;
    told.inquiry.judged[1] = (struct omega_judgement){1, 0, {2, 2, 2, 0, 0}};
    tell(metrics, &told);
    metrics_finish(metrics, 1100);
    for (uint8_t g = 0; g < OMEGA_GRANULARITIES; g++) {
        struct metrics_would one = would(metrics, OMEGA_DETECT_COARSE, g);
        ck_assert_uint_eq(one.transactions, 1);
        ck_assert_uint_eq(one.claims_accepted, 2);
        ck_assert_uint_eq(one.unknown, 0);
    }
    metrics_destroy(metrics);
}
END_TEST

/* What it lacks beyond its required tasks is who blocked whom, but neither a conflict nor lost
 * time, here and in every other mode. */
START_TEST(elastic_jobs_with_enough)
{
    for (int enough = 0; enough <= 1; enough++) {
        struct metrics *metrics = create(false, false, true);
        struct metrics_conflicts conflicts;
        struct told told;
        make(&told, 0, 200, 300, 3, (uint8_t[]){OK, OK, SEQ}, (uint16_t[]){0, 0, 1});
        told.commit.elastic = true;
        told.results[2].other_refuses = 0; /* spurious */
        told.attempt.enough = enough == 1;
        told.txn.granularity = OMEGA_COMMIT_AT_LEAST;
        uint32_t accepted = enough == 1 ? 2 : 0;
        told.inquiry.judged[1] = (struct omega_judgement){1, 0, {2, 2, accepted, 0, 0}};
        tell(metrics, &told);
        metrics_finish(metrics, 1100);
        metrics_read_scheduler_conflicts(metrics, BATCH, &conflicts);
        ck_assert_uint_eq(conflicts.claims_seq_changed, 1);
        ck_assert_uint_eq(conflicts.claims_spurious, 1);
        ck_assert_uint_eq(conflicts.transactions_spurious, enough == 0);
        ck_assert_uint_eq(histogram_count(conflicts.view_age), enough == 0);
        const struct metrics_block *block = metrics_read_block(metrics, 0);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq(block->claims, 1);
        ck_assert_uint_eq(block->transactions, enough == 0);
        ck_assert_int_eq(block->lost_us, enough == 1 ? 0 : 100);
        ck_assert_int_eq(conflicting_us(metrics, BATCH), block->lost_us);
        struct metrics_would coarse = would(metrics, OMEGA_DETECT_COARSE, OMEGA_COMMIT_TASK);
        ck_assert_uint_eq(coarse.conflicting, enough == 0);
        ck_assert_uint_eq(coarse.claims_conflicting, 1);
        metrics_destroy(metrics);
    }
}
END_TEST

START_TEST(off)
{
    static const char *const names[] = {"one"};
    static const uint32_t instances[] = {1};
    struct metrics_config config = {.schedulers = names,
                                    .instances = instances,
                                    .scheduler_count = 1,
                                    .workloads = names,
                                    .workload_count = 1,
                                    .horizon_us = 1100};
    struct metrics *metrics = metrics_create(&config);
    struct metrics_conflicts figures;
    struct told told;
    uint32_t hottest[2];
    ck_assert(!metrics_wants_causes(metrics) && !metrics_wants_counterfactuals(metrics));
    make(&told, 0, 200, 300, 1, (uint8_t[]){FIT}, (uint16_t[]){1});
    tell(metrics, &told);
    metrics_finish(metrics, 1100);
    metrics_read_scheduler_conflicts(metrics, 0, &figures);
    ck_assert_uint_eq(figures.claims_no_longer_fits, 0);
    ck_assert_ptr_null(metrics_read_block(metrics, 0));
    ck_assert_uint_eq(metrics_hottest(metrics, hottest, 2), 0);
    metrics_destroy(metrics);
}
END_TEST

/* However many instances there are, and of a cell where there are others, too: who blocked whom is
 * told by instance, then rival, and so often. */
START_TEST(many_instances)
{
    static const uint32_t batch[] = {1, 2, 254, 255, 256, 300, 1000};
    static const uint16_t pairs[][2] = {
        {0, 1},     {0, 255},   {0, 65535}, {1, 0},      {1, 256},       {1, 999},   {1, 65535},
        {2, 0},     {2, 60000}, {255, 0},   {255, 1},    {255, 256},     {256, 255}, {257, 0},
        {998, 999}, {999, 0},   {999, 998}, {60000, 60}, {65534, 65533},
    };
    const uint32_t count = sizeof pairs / sizeof *pairs;
    struct metrics *metrics = create_many(batch[_i], false, NULL, false);
    struct told told;
    for (uint32_t k = 0; k < 2 * count; k++) {
        const uint16_t *pair = pairs[k * 7 % count];
        make(&told, pair[0], 200, 300, 1, (uint8_t[]){FIT}, &pair[1]);
        told.attempt.scheduler = BATCH;
        told.attempt.instance = 0; /* among those of this process */
        tell(metrics, &told);
    }
    metrics_finish(metrics, 1100);
    ck_assert_int_eq(metrics_status(metrics), 0);
    for (uint32_t k = 0; k < count; k++) {
        const struct metrics_block *block = metrics_read_block(metrics, k);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq(block->instance, pairs[k][0]);
        ck_assert_uint_eq(block->rival, pairs[k][1]);
        ck_assert_uint_eq(block->claims, 2);
        ck_assert_int_eq(block->lost_us, 200);
    }
    ck_assert_ptr_null(metrics_read_block(metrics, count));
    metrics_destroy(metrics);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "matrix", matrix);
    check_case(suite, "nobody", nobody);
    TCase *many = tcase_create("many instances");
    tcase_add_loop_test(many, many_instances, 0, 7);
    suite_add_tcase(suite, many);
    check_case(suite, "time adds up", time_adds_up);
    check_case(suite, "machines", machines);
    check_case(suite, "refused", refused);
    check_case(suite, "counterfactuals", counterfactuals);
    check_case(suite, "elastic jobs", elastic_jobs);
    check_case(suite, "elastic jobs with enough", elastic_jobs_with_enough);
    check_case(suite, "off", off);
}

CHECK_MAIN("core/metrics/conflicts", add_cases)
