/* SPDX-License-Identifier: MIT */
/* One process of a live cell: see live_worker.h. */
#include "bench/support/live_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "core/base/histogram.h"
#include "core/base/random.h"
#include "core/plugin/instance.h"

#define PRECEDENCE 100
#define ATTEMPTS_MAX 20   /* then the job is given up */
#define RELEASES_MAX 64u  /* placements ended at a time */
#define TASK_CPU_STEP 250 /* a task asks for 1 to 7 of these */
#define TASK_CPU_STEPS 7
#define TASK_MEM_STEP 512 /* and 1 to 12 of these */
#define TASK_MEM_STEPS 12
#define TASK_CPU_MEAN (TASK_CPU_STEP * (TASK_CPU_STEPS + 1) / 2)

const char *live_module(const struct live_options *options, uint32_t number)
{
    return options->modules[number % options->module_count];
}

struct worker {
    const struct live_options *options;
    struct live_shared *shared;
    struct live_counts *counts;
    uint32_t number;
    uint32_t incarnation;
    uint16_t instance_id;
    struct store *store;
    struct store_view *view;
    struct module *module;
    struct instance *instance;
    struct omega_random random;
    struct histogram *latencies[LIVE_LATENCIES];
    uint64_t next_job;
    int64_t since_us; /* see lmdb_give_way() */
    /* the job at hand */
    struct omega_job job;
    struct omega_task_group group;
    uint8_t *placed;
    uint32_t *pending;
    uint32_t unplaced;
    struct omega_claim *claims; /* of its last attempt */
    struct omega_claim_result *results;
    uint32_t *machines; /* that it was placed on */
    uint32_t claim_count;
    /* placements that run */
    uint64_t *running;
    uint32_t running_count;
    uint32_t running_room;
};

static void take_time(struct worker *worker, enum live_latency which, int64_t start_ns)
{
    if (histogram_add(worker->latencies[which], bench_now_ns() - start_ns) != OMEGA_OK) {
        bench_fail("memory");
    }
}

static void show_log(void *context, enum omega_log_level level, const char *message)
{
    const struct worker *worker = context;
    fprintf(stderr, "live: process %u, level %d: %s\n", worker->number, (int)level, message);
}

static void show_blocked(void *context, const struct lmdb_writer *writer)
{
    const struct worker *worker = context;
    fprintf(stderr, "live: process %u waits for process %d, which has been writing for %.1f s\n",
            worker->number, (int)writer->pid, (double)writer->since_us / 1e6);
}

static void open_memory(struct worker *worker)
{
    uint32_t slots = 2 * worker->options->tasks;
    worker->placed = bench_memory(calloc(slots, sizeof(*worker->placed)));
    worker->pending = bench_memory(calloc(slots, sizeof(*worker->pending)));
    worker->claims = bench_memory(calloc(slots, sizeof(*worker->claims)));
    worker->results = bench_memory(calloc(slots, sizeof(*worker->results)));
    worker->machines = bench_memory(calloc(slots, sizeof(*worker->machines)));
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        worker->latencies[which] = bench_memory(histogram_create());
    }
}

static void open_worker(struct worker *worker, const char *path)
{
    const struct live_options *options = worker->options;
    const char *name = live_module(options, worker->number);
    omega_error_t err;
    omega_error_clear(&err);
    struct lmdb_use use = {.module = name, .blocked = show_blocked, .context = worker};
    bench_check(lmdb_open(path, &use, &worker->store, &err), &err, "lmdb_open");
    worker->instance_id = (uint16_t)worker->number;
    bench_check(lmdb_join(worker->store, worker->instance_id, name, &worker->incarnation, &err),
                &err, "lmdb_join");
    bench_check(store_view_open(worker->store, STORE_VIEW_PRIVATE, &worker->view, &err), &err,
                "store_view_open");
    bench_check(module_open(name, NULL, &worker->module, &err), &err, "module_open");
    struct instance_config config = {
        .module = worker->module,
        .scheduler = name,
        .catalogue = worker->store->catalogue,
        .seed = options->seed,
        .stream = worker->number,
        .number = worker->number,
        .machine_count = worker->store->machine_count,
        .context = worker,
        .log = show_log,
    };
    bench_check(instance_create(&config, &worker->instance, &err), &err, "instance_create");
    omega_random_init(&worker->random, options->seed, "live-jobs", worker->number);
    worker->next_job = ((uint64_t)worker->number + 1) << 32;
    open_memory(worker);
}

static void close_worker(struct worker *worker)
{
    instance_destroy(worker->instance);
    store_view_close(worker->store, worker->view);
    store_close(worker->store);
    module_close(worker->module);
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        histogram_destroy(worker->latencies[which]);
    }
    free(worker->placed);
    free(worker->pending);
    free(worker->claims);
    free(worker->results);
    free(worker->machines);
    free(worker->running);
}

/* ---- ending placements ---- */

static void keep_running(struct worker *worker, uint64_t placement)
{
    if (worker->running_count == worker->running_room) {
        worker->running_room = worker->running_room == 0 ? 1024 : worker->running_room * 2;
        worker->running =
            bench_memory(realloc(worker->running, worker->running_room * sizeof(*worker->running)));
    }
    worker->running[worker->running_count++] = placement;
}

/* Ends up to `count` placements of this process, drawn at random, as one change. */
static void release(struct worker *worker, uint32_t count)
{
    uint64_t ids[RELEASES_MAX];
    struct store_release_result results[RELEASES_MAX];
    count = count < RELEASES_MAX ? count : RELEASES_MAX;
    count = count < worker->running_count ? count : worker->running_count;
    if (count == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t drawn = omega_random_below(&worker->random, worker->running_count);
        ids[i] = worker->running[drawn];
        worker->running[drawn] = worker->running[--worker->running_count];
    }
    uint64_t version = 0;
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(store_release(worker->store, ids, count, STORE_FINISHED, results, &version, &err),
                &err, "store_release");
    for (uint32_t i = 0; i < count; i++) {
        worker->counts->releases += results[i].released;
    }
}

/* Ends this process's share of what the cell holds above its target. */
static void release_surplus(struct worker *worker)
{
    struct store_totals totals;
    store_totals(worker->store, &totals);
    int64_t target = totals.cpu_capacity_milli / 100 * worker->options->fill;
    int64_t surplus = totals.cpu_used_milli - target;
    if (surplus > 0) {
        release(worker, (uint32_t)(surplus / TASK_CPU_MEAN / worker->options->processes) + 1);
    }
}

/* ---- a job ---- */

static void draw_job(struct worker *worker)
{
    struct omega_random *random = &worker->random;
    worker->group = (struct omega_task_group){
        .count = 1 + omega_random_below(random, 2 * worker->options->tasks - 1),
        .request =
            {
                .cpu_milli =
                    TASK_CPU_STEP * (1 + (int32_t)omega_random_below(random, TASK_CPU_STEPS)),
                .mem_mib =
                    TASK_MEM_STEP * (1 + (int32_t)omega_random_below(random, TASK_MEM_STEPS)),
            },
        .duration_us = OMEGA_NEVER,
    };
    worker->job = (struct omega_job){
        .id = worker->next_job++,
        .precedence = PRECEDENCE,
        .group_count = 1,
        .groups = &worker->group,
    };
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(omega_job_seal(&worker->job, &worker->group, &err), &err, "omega_job_seal");
    bench_check(store_submit(worker->store, &worker->job, &err), &err, "store_submit");
    memset(worker->placed, 0, worker->job.slots);
    worker->unplaced = worker->job.tasks;
    worker->claim_count = 0;
    worker->counts->jobs++;
}

/* Shows the newest state to the module; the number of its claims. */
static uint32_t plan(struct worker *worker, uint32_t attempt)
{
    omega_error_t err;
    omega_error_clear(&err);
    int64_t start_ns = bench_now_ns();
    bench_check(store_view_refresh(worker->store, worker->view, &err), &err, "store_view_refresh");
    take_time(worker, LIVE_REFRESH, start_ns);
    uint32_t count = 0;
    for (uint32_t t = 0; t < worker->job.slots; t++) {
        worker->pending[count] = t;
        count += worker->placed[t] == 0;
    }
    struct omega_pending_group pending_group = {.required = count, .tasks = worker->pending};
    struct omega_pending pending = {
        .job = &worker->job,
        .groups = &pending_group,
        .attempt = attempt,
        .last_count = worker->claim_count,
        .last_claims = worker->claims,
        .last_results = worker->results,
    };
    struct instance_job given = {.pending = &pending, .placed = worker->placed};
    const struct omega_claim *claims = NULL;
    start_ns = bench_now_ns();
    bench_check(
        instance_place(worker->instance, &given, worker->view, &claims, &worker->claim_count, &err),
        &err, "instance_place");
    take_time(worker, LIVE_PLAN, start_ns);
    if (worker->claim_count > 0) {
        memcpy(worker->claims, claims, worker->claim_count * sizeof(*claims));
    }
    return worker->claim_count;
}

static void think(struct worker *worker)
{
    if (worker->options->busy) {
        int64_t until_ns = bench_cpu_ns() + INT64_C(1000) * worker->options->think_us;
        while (bench_cpu_ns() < until_ns) {
            /* as planning does: whoever shares the CPU makes it take longer */
        }
    } else if (worker->options->think_us > 0) {
        struct timespec pause = {.tv_sec = worker->options->think_us / 1000000,
                                 .tv_nsec = worker->options->think_us % 1000000 * 1000};
        nanosleep(&pause, NULL);
        worker->since_us = 0;
    }
}

static void count_result(struct live_counts *counts, uint32_t claims,
                         const struct omega_result *result)
{
    counts->claims += claims;
    counts->claims_accepted += result->accepted;
    counts->claims_conflicting += result->conflicts;
    if (result->conflicts > 0) {
        counts->conflicting++;
    } else if (result->accepted > 0) {
        counts->successful++;
    } else {
        counts->refused++;
    }
}

/* Enters what was accepted into the job, the placements that run, and the view. */
static void take_in(struct worker *worker, const struct omega_result *result)
{
    uint32_t machines = 0;
    for (uint32_t i = 0; i < worker->claim_count; i++) {
        if (worker->results[i].outcome == OMEGA_ACCEPTED) {
            worker->placed[worker->claims[i].task] = 1;
            worker->machines[machines++] = worker->claims[i].machine;
            keep_running(worker, worker->results[i].placement);
        }
    }
    worker->unplaced -= result->accepted;
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(store_view_absorb(worker->store, worker->view, worker->machines, machines, &err),
                &err, "store_view_absorb");
}

static void commit(struct worker *worker, uint32_t attempt)
{
    struct omega_transaction txn = {
        .job = worker->job.id,
        .attempt = attempt,
        .incarnation = worker->incarnation,
        .instance = worker->instance_id,
        .detection = worker->options->detection,
        .granularity = OMEGA_COMMIT_TASK,
        .precedence = PRECEDENCE,
        .synced = worker->view->shown.version,
        .group_count = 1,
        .claim_count = worker->claim_count,
        .claims = worker->claims,
    };
    struct omega_result result;
    omega_error_t err;
    omega_error_clear(&err);
    int64_t start_ns = bench_now_ns();
    bench_check(store_commit(worker->store, &txn, worker->results, &result, &err), &err,
                "store_commit");
    take_time(worker, LIVE_COMMIT, start_ns);
    count_result(worker->counts, worker->claim_count, &result);
    take_in(worker, &result);
}

static bool time_is_up(const struct worker *worker)
{
    return bench_now_ns() >= worker->shared->deadline_ns;
}

/* One job, until all of it is placed, it is given up, or the time is up. */
static void run_job(struct worker *worker)
{
    draw_job(worker);
    for (uint32_t attempt = 1; attempt <= ATTEMPTS_MAX && !time_is_up(worker); attempt++) {
        worker->counts->attempts++;
        lmdb_give_way(worker->store, &worker->since_us);
        if (plan(worker, attempt) == 0) {
            worker->counts->no_fit++;
            release(worker, 1 + worker->unplaced / 2); /* or all may wait for each other */
            continue;
        }
        think(worker);
        commit(worker, attempt);
        if (worker->unplaced == 0) {
            worker->counts->jobs_placed++;
            return;
        }
    }
    uint32_t given_up = 0;
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(store_abandon(worker->store, worker->job.id, &given_up, NULL, &err), &err,
                "store_abandon");
    worker->counts->jobs_abandoned++;
}

struct packing {
    struct live_report *report;
    enum live_latency which;
};

static void pack_bucket(void *context, int64_t low, int64_t high, uint64_t count)
{
    const struct packing *packing = context;
    uint32_t *packed = &packing->report->bucket_count[packing->which];
    if (*packed < LIVE_BUCKETS_MAX) {
        packing->report->buckets[packing->which][(*packed)++] =
            (struct live_bucket){.value = low + (high - low) / 2, .count = count};
    }
}

void live_work(const struct live_options *options, struct live_shared *shared, const char *path,
               struct bench_start *start, uint32_t number)
{
    struct live_report *report = &shared->reports[number];
    struct worker worker = {
        .options = options, .shared = shared, .counts = &report->counts, .number = number};
    open_worker(&worker, path);
    prctl(PR_SET_TIMERSLACK, 1UL); /* a decision time is not rounded up */
    bench_map_pages(path);
    bench_start_wait(start);
    int64_t start_ns = bench_now_ns();
    while (!time_is_up(&worker)) {
        release_surplus(&worker);
        run_job(&worker);
    }
    report->spent_ns = bench_now_ns() - start_ns;
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        struct packing packing = {.report = report, .which = (enum live_latency)which};
        histogram_each(worker.latencies[which], pack_bucket, &packing);
    }
    close_worker(&worker);
    exit(EXIT_SUCCESS);
}
