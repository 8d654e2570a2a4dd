/* SPDX-License-Identifier: MIT */
/* Cells on disk with something of everything in them: see cell_content.h. */
#include "tests/support/cell_content.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/random.h"

#define PLACEMENTS_MAX 4096u
#define SLOTS_MAX 8u

struct filler {
    struct store *store;
    struct omega_random random;
    uint64_t jobs; /* submitted so far */
    uint32_t attempt;
    uint32_t incarnation[4];
    uint64_t placements[PLACEMENTS_MAX];
    uint32_t placement_count;
};

/* A job of kind 0 to 5, with what its groups point to. */
struct made_job {
    struct omega_job job;
    struct omega_task_group groups[2];
    int64_t durations[SLOTS_MAX];
};

void cell_content_create(const char *path, const struct lmdb_options *options)
{
    struct omega_machine_spec specs[CELL_CONTENT_MACHINES];
    struct catalogue *catalogue = catalogue_create();
    struct symbols *symbols = catalogue_symbols(catalogue);
    omega_error_t err = {0};
    memset(specs, 0, sizeof specs);
    for (uint32_t i = 0; i < CELL_CONTENT_MACHINES; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%u", i);
        specs[i].name = symbols_intern(symbols, name);
        specs[i].platform = symbols_intern(symbols, i % 2 == 0 ? "x86" : "");
        specs[i].domain = symbols_intern(symbols, i % 4 == 0 ? "rack \xff" : "r\xc3\xa9\"1\"");
        specs[i].cpu_milli = 4000;
        specs[i].mem_mib = 4096;
        specs[i].gpu_devices = i % 3 == 0 ? 4 : 0;
        specs[i].absent = i == CELL_CONTENT_MACHINES - 1;
        ck_assert_int_eq(catalogue_machine_attributes(catalogue, i % 2 == 0 ? "ssd;n=3" : "",
                                                      specs[i].platform, specs[i].domain,
                                                      &specs[i].attributes, NULL),
                         OMEGA_OK);
    }
    struct store_config config = {
        .catalogue = catalogue,
        .machines = specs,
        .machine_count = CELL_CONTENT_MACHINES,
        .overcommit = {1200, 1000, 1000},
        .release_raises_seq = true,
    };
    ck_assert_msg(lmdb_create(path, &config, options, &err) == OMEGA_OK, "%s", err.text);
    catalogue_destroy(catalogue);
}

static uint32_t draw(struct filler *filler, uint32_t below)
{
    return (uint32_t)omega_random_below(&filler->random, below);
}

/* ---- jobs ---- */

static void make_groups(struct filler *filler, uint64_t kind, struct made_job *made)
{
    struct catalogue *catalogue = lmdb_catalogue(filler->store);
    struct omega_task_group *groups = made->groups;
    groups[0].count = 3;
    groups[0].request = (struct omega_request){.cpu_milli = 300, .mem_mib = 200};
    groups[0].duration_us = OMEGA_NEVER;
    if (kind == 1) { /* two groups, one with GPUs */
        groups[1] = groups[0];
        groups[1].request.gpu_milli = OMEGA_GPU_DEVICE_MILLI;
        groups[1].request.gpu_devices = 2;
        made->job.group_count = 2;
    } else if (kind == 2) {
        ck_assert_int_eq(catalogue_constraints(catalogue, "different_machines;ssd?",
                                               &groups[0].constraints, NULL),
                         OMEGA_OK);
    } else if (kind == 3) {
        groups[0].optional = 3;
        made->job.mapreduce = (struct omega_mapreduce){3, 1, 5000000, 7000000, 3};
    } else if (kind == 4) {
        for (uint32_t i = 0; i < 3; i++) {
            made->durations[i] = i == 1 ? OMEGA_NEVER : 1000 * (int64_t)i;
        }
        groups[0].task_duration_us = made->durations;
    } else if (kind == 5) {
        groups[0].request.gpu_milli = 250;
        groups[0].request.gpu_devices = 1;
    }
}

static void make_job(struct filler *filler, uint64_t id, struct made_job *made)
{
    static const int32_t precedences[] = {-3, 100, 117, 200, 400};
    struct symbols *symbols = catalogue_symbols(lmdb_catalogue(filler->store));
    memset(made, 0, sizeof *made);
    made->job.id = id;
    made->job.submit_us = (int64_t)id * 1000;
    made->job.workload = (uint32_t)(id % 2);
    made->job.user = id % 3 == 0 ? 0 : symbols_intern(symbols, id % 3 == 1 ? "alice" : "bob");
    made->job.precedence = precedences[id % 5];
    made->job.group_count = 1;
    made->job.groups = made->groups;
    make_groups(filler, id % 6, made);
    ck_assert_int_eq(omega_job_seal(&made->job, made->groups, NULL), OMEGA_OK);
}

static void submit(struct filler *filler)
{
    struct made_job made;
    omega_error_t err = {0};
    make_job(filler, ++filler->jobs, &made);
    ck_assert_msg(store_submit(filler->store, &made.job, &err) == OMEGA_OK, "%s", err.text);
}

/* ---- commits ---- */

static int copy_job(void *context, const struct lmdb_job *job)
{
    uint8_t *placed = context; /* SLOTS_MAX of them; placed[SLOTS_MAX]: it takes a commit */
    placed[SLOTS_MAX] = !job->given_up && !job->started && !job->over;
    memcpy(placed, job->placed, job->job->slots);
    return 0;
}

static uint8_t choose_devices(struct filler *filler, const struct omega_request *request)
{
    uint32_t mask = request->gpu_devices == 2 ? 3 : request->gpu_devices;
    return (uint8_t)(mask << draw(filler, 3));
}

/* Claims what is not placed of a job, anywhere, and sees what comes of it. */
static void commit(struct filler *filler)
{
    struct made_job made;
    struct omega_claim claims[SLOTS_MAX] = {{0}};
    struct omega_claim_result results[SLOTS_MAX];
    struct omega_result result;
    uint8_t placed[SLOTS_MAX + 1] = {0};
    uint32_t minimum[2];
    uint32_t count = 0;
    omega_error_t err = {0};
    uint16_t instance = (uint16_t)(1 + draw(filler, 3));
    uint64_t id = 1 + draw(filler, (uint32_t)filler->jobs);
    make_job(filler, id, &made);
    if (lmdb_find_job(filler->store, id, copy_job, placed, NULL) != 0 || !placed[SLOTS_MAX]) {
        return;
    }
    for (uint32_t g = 0; g < made.job.group_count; g++) {
        const struct omega_task_group *group = &made.groups[g];
        minimum[g] = group->count;
        for (uint32_t t = group->first_task; t < group->first_task + group->count + group->optional;
             t++) {
            if (!placed[t]) {
                claims[count++] = (struct omega_claim){
                    .task = t,
                    .machine = draw(filler, CELL_CONTENT_MACHINES),
                    .group = (uint16_t)g,
                    .request = group->request,
                    .devices = choose_devices(filler, &group->request),
                };
            }
        }
    }
    bool elastic = omega_job_is_elastic(&made.job);
    const struct omega_transaction txn = {
        .job = id,
        .attempt = ++filler->attempt,
        .incarnation = filler->incarnation[instance],
        .instance = instance,
        .granularity = elastic ? OMEGA_COMMIT_AT_LEAST : OMEGA_COMMIT_TASK,
        .precedence = made.job.precedence,
        .group_minimum = elastic ? minimum : NULL,
        .group_count = elastic ? made.job.group_count : 0,
        .claim_count = count,
        .claims = claims,
    };
    ck_assert_msg(count == 0 ||
                      store_commit(filler->store, &txn, results, &result, &err) == OMEGA_OK,
                  "%s", err.text);
}

/* ---- the rest ---- */

static int list_placement(void *context, const struct store_placement *placement)
{
    struct filler *filler = context;
    if (filler->placement_count < PLACEMENTS_MAX) {
        filler->placements[filler->placement_count++] = placement->id;
    }
    return 0;
}

static void release(struct filler *filler)
{
    struct store_release_result results[2];
    uint64_t version;
    filler->placement_count = 0;
    ck_assert_int_eq(store_placements(filler->store, list_placement, filler, NULL), OMEGA_OK);
    if (filler->placement_count >= 2) {
        uint32_t first = draw(filler, filler->placement_count - 1);
        ck_assert_int_eq(store_release(filler->store, &filler->placements[first], 2,
                                       draw(filler, 4) == 0 ? STORE_FAILED : STORE_FINISHED,
                                       results, &version, NULL),
                         OMEGA_OK);
    }
}

/* One that makes no sense in the machine's state is refused, which is as well. */
static void change_machine(struct filler *filler)
{
    const struct store_release_result *lost;
    uint32_t lost_count;
    uint64_t version;
    const struct omega_machine_event event = {
        .machine = draw(filler, CELL_CONTENT_MACHINES),
        .kind = (uint8_t)draw(filler, OMEGA_EVENT_CAPACITY + 1),
        .cpu_milli = 2000 + 1000 * (int32_t)draw(filler, 4),
        .mem_mib = 4096,
        .gpu_devices = (uint8_t)draw(filler, 5),
    };
    store_machine_event(filler->store, &event,
                        draw(filler, 2) == 0 ? STORE_LOST_RETURN : STORE_LOST_FAIL, &lost,
                        &lost_count, &version, NULL);
}

static void preload(struct filler *filler)
{
    struct store_placement placement = {
        .task = draw(filler, UINT32_MAX),
        .machine = draw(filler, CELL_CONTENT_MACHINES),
        .request = {.cpu_milli = 700, .mem_mib = 50},
        .band = OMEGA_BAND_MONITORING,
    };
    uint64_t version;
    store_preload(filler->store, &placement, 1, &version, NULL); /* refused where it is not up */
}

static void join(struct filler *filler)
{
    static const char *const modules[] = {"", "batch", "service", "m\xff"};
    for (uint16_t i = 1; i < 4; i++) {
        ck_assert_int_eq(lmdb_join(filler->store, i, modules[i], &filler->incarnation[i], NULL),
                         OMEGA_OK);
    }
}

void cell_content_fill(struct store *store, uint64_t seed, uint32_t steps)
{
    struct filler *filler = calloc(1, sizeof *filler);
    ck_assert_ptr_nonnull(filler);
    filler->store = store;
    omega_random_init(&filler->random, seed, "cell-content", 0);
    join(filler);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t what = draw(filler, 20);
        uint32_t tasks;
        if (what < 5 || filler->jobs == 0) {
            submit(filler);
        } else if (what < 14) {
            commit(filler);
        } else if (what < 17) {
            release(filler);
        } else if (what < 18) {
            change_machine(filler);
        } else if (what < 19) {
            preload(filler);
        } else if (draw(filler, 4) == 0) {
            store_abandon(store, 1 + draw(filler, (uint32_t)filler->jobs), &tasks, NULL, NULL);
        }
    }
    free(filler);
}
