/* SPDX-License-Identifier: MIT */
/*
 * Durable commits of 1 and 10 claims: in batches of 256 by one call, against one at a time; the
 * same by bare LMDB loops, which tells how much this disk gains from batches; and by 64 threads of
 * one process that commit one at a time, whom the store brings together. How often a batch waits
 * for the disk is counted, since the disk's speed changes by a factor of 30.
 *
 * usage: store_power [--rounds N] [--machines N] [--seed N]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/support/cell.h"
#include "bench/support/syncs.h"

#define CLAIMS_MAX 10 /* and those of the threads */
#define BATCH LMDB_BATCH_MAX
#define BATCHES 4 /* a round */
#define SINGLES 8 /* after each batch */
#define JOBS 16   /* take turns within a batch */
#define THREADS 64
#define THREAD_COMMITS 50 /* a round */

/* Transactions of several jobs, and where their results go. */
struct batch {
    const struct cell_ops *ops;
    uint32_t incarnation;
    uint32_t claim_count; /* of each */
    struct omega_transaction txns[BATCH];
    struct lmdb_commit commits[BATCH];
    struct omega_claim claims[BATCH][CLAIMS_MAX];
    struct omega_claim_result results[BATCH][CLAIMS_MAX];
};

static void must_hold(const struct omega_result *result, uint32_t claims)
{
    if (result->accepted != claims) {
        omega_error_t err;
        omega_error_clear(&err);
        omega_error_set(&err, OMEGA_EINVAL, "%u of %u claims held, expected all", result->accepted,
                        claims);
        bench_check(err.code, &err, "commit");
    }
}

/* Submits jobs and draws `count` transactions of them, by turns. */
static void fill(struct batch *batch, void *cell, struct omega_random *random, uint32_t machines,
                 uint64_t *next_job, uint32_t count)
{
    uint32_t claims = batch->claim_count;
    uint32_t jobs = count < JOBS ? count : JOBS;
    for (uint32_t j = 0; j < jobs; j++) {
        batch->ops->submit(cell, *next_job + j, count / jobs * claims);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t turn = i / jobs;
        cell_draw(random, machines, turn * claims, claims, batch->claims[i]);
        batch->txns[i] = cell_transaction(1, batch->incarnation, *next_job + i % jobs, turn + 1,
                                          batch->claims[i], claims);
        batch->commits[i] = (struct lmdb_commit){
            .txn = &batch->txns[i],
            .results = batch->results[i],
        };
    }
    *next_job += jobs;
}

/* Syncs so far, of both kinds. */
static uint64_t syncs(void)
{
    struct bench_syncs all = bench_syncs();
    return all.data + all.meta;
}

static void commit_bare(struct batch *batch, void *cell, uint32_t i)
{
    uint64_t placements[CLAIMS_MAX];
    const struct omega_transaction *txn = &batch->txns[i];
    cell_bare.commit(cell, txn->job, txn->attempt, txn->claims, txn->claim_count, placements);
}

static void commit_batch(struct batch *batch, void *cell)
{
    if (batch->ops == &cell_bare) {
        cell_bare_batch_begin(cell);
        for (uint32_t i = 0; i < BATCH; i++) {
            commit_bare(batch, cell, i);
        }
        cell_bare_batch_end(cell);
        return;
    }
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(lmdb_commit_all(cell_store(cell), batch->commits, BATCH, &err), &err,
                "lmdb_commit_all");
    for (uint32_t i = 0; i < BATCH; i++) {
        must_hold(&batch->commits[i].result, batch->claim_count);
    }
}

static void commit_singles(struct batch *batch, void *cell)
{
    for (uint32_t i = 0; i < SINGLES && batch->ops == &cell_bare; i++) {
        commit_bare(batch, cell, i);
    }
    for (uint32_t i = 0; i < SINGLES && batch->ops != &cell_bare; i++) {
        omega_error_t err;
        omega_error_clear(&err);
        struct omega_result result;
        bench_check(
            store_commit(cell_store(cell), &batch->txns[i], batch->results[i], &result, &err), &err,
            "store_commit");
        must_hold(&result, batch->claim_count);
    }
}

/* Time and waits for the disk of one of the two. */
static int64_t timed(void (*commit)(struct batch *batch, void *cell), struct batch *batch,
                     void *cell, uint64_t *waits)
{
    uint64_t before = syncs();
    int64_t start_ns = bench_now_ns();
    commit(batch, cell);
    int64_t spent_ns = bench_now_ns() - start_ns;
    *waits += syncs() - before;
    return spent_ns;
}

struct figures {
    struct bench_row speed;
    struct bench_row waits;
};

/* One round: batches and single commits by turns, since the disk changes its pace. */
static void measure(struct batch *batch, void *cell, struct omega_random *random, uint32_t machines,
                    uint64_t *next_job, struct figures *figures)
{
    int64_t batch_ns = 0;
    int64_t single_ns = 0;
    uint64_t batch_waits = 0;
    uint64_t single_waits = 0;
    for (uint32_t i = 0; i < BATCHES; i++) {
        fill(batch, cell, random, machines, next_job, BATCH);
        batch_ns += timed(commit_batch, batch, cell, &batch_waits);
        fill(batch, cell, random, machines, next_job, SINGLES);
        single_ns += timed(commit_singles, batch, cell, &single_waits);
    }
    double batch_each = (double)batch_ns / (BATCHES * BATCH);
    double single_each = (double)single_ns / (BATCHES * SINGLES);
    bench_add(&figures->speed.omega, 1e9 / batch_each);
    bench_add(&figures->speed.beside, 1e9 / single_each);
    bench_add(&figures->speed.ratio, single_each / batch_each);
    bench_add(&figures->waits.omega, (double)batch_waits / BATCHES);
    bench_add(&figures->waits.beside, (double)single_waits / (BATCHES * SINGLES));
    bench_add(&figures->waits.ratio, (double)batch_waits / BATCHES);
}

/* A cell of its own, by the store or bare. */
static void *open_cell(const struct cell_ops *ops, const char *directory, uint32_t machines,
                       uint32_t claims)
{
    char path[BENCH_PATH];
    bool bare = ops == &cell_bare;
    snprintf(path, sizeof(path), "%.400s/%s-%u", directory, bare ? "bare" : "omega", claims);
    if (bare) {
        cell_create_bare(path, LMDB_POWER, machines);
    } else {
        cell_create_omega(path, LMDB_POWER, machines, 0);
    }
    return ops->open(path, LMDB_POWER, 1);
}

static void run_batches(const struct bench_options *options, const char *directory,
                        const struct cell_ops *ops, uint32_t machines, uint32_t claims)
{
    bool bare = ops == &cell_bare;
    void *cell = open_cell(ops, directory, machines, claims);
    struct batch *batch = bench_memory(calloc(1, sizeof(*batch)));
    batch->ops = ops;
    batch->incarnation = bare ? 1 : cell_incarnation(cell);
    batch->claim_count = claims;
    struct omega_random random;
    omega_random_init(&random, options->seed, "bench-batch", claims);
    struct figures figures = {
        .speed = {.mode = "power",
                  .machines = machines,
                  .direction = bare ? BENCH_NO_GOAL : BENCH_AT_LEAST,
                  .goal = 20},
        .waits = {.title = "waits for the disk: a batch | a commit",
                  .mode = "power",
                  .machines = machines,
                  .direction = bare ? BENCH_NO_GOAL : BENCH_AT_MOST,
                  .goal = 2},
    };
    snprintf(figures.speed.title, sizeof(figures.speed.title), "%sdurable commits of %u a second",
             bare ? "bare: " : "", claims);
    struct figures discarded = figures;
    uint64_t next_job = 1;
    for (uint32_t round = 0; round <= options->rounds; round++) { /* the first warms caches */
        measure(batch, cell, &random, machines, &next_job, round == 0 ? &discarded : &figures);
    }
    free(batch);
    ops->close(cell);
    bench_print_row(&figures.speed);
    bench_print_row(&figures.waits);
}

/* ---- threads ---- */

struct thread {
    pthread_t id;
    pthread_barrier_t *start;
    struct store *store;
    uint64_t job;
    uint32_t machines;
    uint32_t incarnation;
    uint16_t instance;
    struct omega_random random;
};

static void *commit_all(void *context)
{
    struct thread *thread = context;
    pthread_barrier_wait(thread->start);
    for (uint32_t i = 0; i < THREAD_COMMITS; i++) {
        struct omega_claim claims[CLAIMS_MAX];
        struct omega_claim_result results[CLAIMS_MAX];
        struct omega_result result;
        omega_error_t err;
        omega_error_clear(&err);
        cell_draw(&thread->random, thread->machines, i * CLAIMS_MAX, CLAIMS_MAX, claims);
        struct omega_transaction txn = cell_transaction(thread->instance, thread->incarnation,
                                                        thread->job, i + 1, claims, CLAIMS_MAX);
        bench_check(store_commit(thread->store, &txn, results, &result, &err), &err,
                    "store_commit");
        must_hold(&result, CLAIMS_MAX);
    }
    return NULL;
}

/* Lets all threads commit: commits a second, and how many waits for the disk that took. */
static double run_round(struct thread *threads, uint64_t *waits)
{
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS + 1);
    for (uint32_t t = 0; t < THREADS; t++) {
        threads[t].start = &start;
        threads[t].job += THREADS;
        cell_submit(threads[t].store, threads[t].job, THREAD_COMMITS * CLAIMS_MAX);
        if (pthread_create(&threads[t].id, NULL, commit_all, &threads[t]) != 0) {
            bench_fail("pthread_create");
        }
    }
    *waits = syncs();
    int64_t start_ns = bench_now_ns();
    pthread_barrier_wait(&start);
    for (uint32_t t = 0; t < THREADS; t++) {
        pthread_join(threads[t].id, NULL);
    }
    int64_t spent_ns = bench_now_ns() - start_ns;
    *waits = syncs() - *waits;
    pthread_barrier_destroy(&start);
    return 1e9 * THREADS * THREAD_COMMITS / (double)spent_ns;
}

static struct thread *open_threads(const struct bench_options *options, const char *path,
                                   uint32_t machines, struct store **store)
{
    omega_error_t err;
    omega_error_clear(&err);
    struct lmdb_use use = {.module = "bench", .group = true};
    bench_check(lmdb_open(path, &use, store, &err), &err, "lmdb_open");
    struct thread *threads = bench_memory(calloc(THREADS, sizeof(*threads)));
    for (uint32_t t = 0; t < THREADS; t++) {
        threads[t].store = *store;
        threads[t].machines = machines;
        threads[t].job = 1 + t;
        threads[t].instance = (uint16_t)(t + 1);
        omega_random_init(&threads[t].random, options->seed, "bench-thread", t);
        bench_check(lmdb_join(*store, threads[t].instance, "bench", &threads[t].incarnation, &err),
                    &err, "lmdb_join");
    }
    return threads;
}

static void run_threads(const struct bench_options *options, const char *directory,
                        uint32_t machines)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof(path), "%.400s/threads", directory);
    cell_create_omega(path, LMDB_POWER, machines, 0);
    struct store *store = NULL;
    struct thread *threads = open_threads(options, path, machines, &store);
    struct bench_row speed = {
        .title = "64 threads: commits of 10 a second", .mode = "power", .machines = machines};
    struct bench_row size = {
        .title = "64 threads: commits a batch", .mode = "power", .machines = machines};
    for (uint32_t round = 0; round < options->rounds; round++) {
        uint64_t waits = 0;
        bench_add(&speed.omega, run_round(threads, &waits));
        /* a batch waits twice: for its pages, then for the page that makes them count */
        bench_add(&size.omega, 2.0 * THREADS * THREAD_COMMITS / (double)waits);
    }
    free(threads);
    store_close(store);
    bench_print_row(&speed);
    bench_print_row(&size);
}

static void run(const struct bench_options *options, const char *directory)
{
    uint32_t machines = options->machines == 0 ? 10000 : options->machines;
    bench_print_head("batches of 256", "one at a time");
    for (uint32_t claims = 1; claims <= CLAIMS_MAX; claims += CLAIMS_MAX - 1) {
        run_batches(options, directory, &cell_omega, machines, claims);
        run_batches(options, directory, &cell_bare, machines, claims);
    }
    run_threads(options, directory, machines);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, run);
}
