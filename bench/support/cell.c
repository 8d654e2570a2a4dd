/* SPDX-License-Identifier: MIT */
/* A cell to measure, through the public API: see cell.h. */
#include "bench/support/cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct omega_cell {
    struct store *store;
    uint32_t incarnation;
    uint16_t instance;
    struct omega_claim_result *results;
    struct store_release_result *released;
    uint32_t room;
};

static const struct omega_request task_request = {
    .cpu_milli = CELL_TASK_CPU,
    .mem_mib = CELL_TASK_MEM,
};

/* ---- making and opening ---- */

static void name_machines(struct catalogue *catalogue, struct omega_machine_spec *specs,
                          uint32_t machines)
{
    for (uint32_t m = 0; m < machines; m++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", m);
        specs[m] = (struct omega_machine_spec){
            .name = symbols_intern(catalogue_symbols(catalogue), name),
            .cpu_milli = CELL_MACHINE_CPU,
            .mem_mib = CELL_MACHINE_MEM,
        };
    }
}

void cell_create_omega(const char *path, enum lmdb_mode mode, uint32_t machines,
                       uint32_t log_changes)
{
    struct catalogue *catalogue = bench_memory(catalogue_create());
    struct omega_machine_spec *specs = bench_memory(calloc(machines, sizeof(*specs)));
    name_machines(catalogue, specs, machines);
    struct store_config config = {
        .catalogue = catalogue,
        .machines = specs,
        .machine_count = machines,
        .overcommit = {1000, 1000, 1000},
    };
    struct lmdb_options options = {.mode = mode, .log_changes = log_changes};
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(lmdb_create(path, &config, &options, &err), &err, "lmdb_create");
    free(specs);
    catalogue_destroy(catalogue);
}

static void *omega_open(const char *path, enum lmdb_mode mode, uint16_t instance)
{
    (void)mode; /* the cell knows it */
    struct omega_cell *cell = bench_memory(calloc(1, sizeof(*cell)));
    omega_error_t err;
    omega_error_clear(&err);
    struct lmdb_use use = {.module = "bench"};
    bench_check(lmdb_open(path, &use, &cell->store, &err), &err, "lmdb_open");
    bench_check(lmdb_join(cell->store, instance, "bench", &cell->incarnation, &err), &err,
                "lmdb_join");
    cell->instance = instance;
    return cell;
}

static void omega_close(void *context)
{
    struct omega_cell *cell = context;
    store_close(cell->store);
    free(cell->results);
    free(cell->released);
    free(cell);
}

struct store *cell_store(void *cell)
{
    return ((struct omega_cell *)cell)->store;
}

uint32_t cell_incarnation(void *cell)
{
    return ((struct omega_cell *)cell)->incarnation;
}

/* ---- changes ---- */

static void reserve(struct omega_cell *cell, uint32_t count)
{
    if (count > cell->room) {
        cell->room = count * 2;
        cell->results = bench_memory(realloc(cell->results, cell->room * sizeof(*cell->results)));
        cell->released =
            bench_memory(realloc(cell->released, cell->room * sizeof(*cell->released)));
    }
}

void cell_submit(struct store *store, uint64_t id, uint32_t tasks)
{
    omega_error_t err;
    omega_error_clear(&err);
    struct omega_task_group group = {
        .count = tasks,
        .request = task_request,
        .duration_us = 1000000,
    };
    struct omega_job job = {
        .id = id,
        .precedence = CELL_PRECEDENCE,
        .group_count = 1,
        .groups = &group,
    };
    bench_check(omega_job_seal(&job, &group, &err), &err, "omega_job_seal");
    bench_check(store_submit(store, &job, &err), &err, "store_submit");
}

static void omega_submit(void *context, uint64_t job, uint32_t tasks)
{
    const struct omega_cell *cell = context;
    cell_submit(cell->store, job, tasks);
}

struct omega_transaction cell_transaction(uint16_t instance, uint32_t incarnation, uint64_t job,
                                          uint32_t attempt, const struct omega_claim *claims,
                                          uint32_t count)
{
    return (struct omega_transaction){
        .job = job,
        .attempt = attempt,
        .incarnation = incarnation,
        .instance = instance,
        .detection = OMEGA_DETECT_FINE,
        .granularity = OMEGA_COMMIT_TASK,
        .precedence = CELL_PRECEDENCE,
        .group_count = 1,
        .claim_count = count,
        .claims = claims,
    };
}

static void omega_commit(void *context, uint64_t job, uint32_t attempt,
                         const struct omega_claim *claims, uint32_t count, uint64_t *placements)
{
    struct omega_cell *cell = context;
    reserve(cell, count);
    struct omega_transaction txn =
        cell_transaction(cell->instance, cell->incarnation, job, attempt, claims, count);
    struct omega_result result;
    omega_error_t err;
    omega_error_clear(&err);
    int rc = store_commit(cell->store, &txn, cell->results, &result, &err);
    bench_check(rc, &err, "store_commit");
    if (result.accepted != count) {
        omega_error_clear(&err);
        omega_error_set(&err, OMEGA_EINVAL, "%u of %u claims held, expected all", result.accepted,
                        count);
        bench_check(err.code, &err, "store_commit");
    }
    for (uint32_t i = 0; i < count; i++) {
        placements[i] = cell->results[i].placement;
    }
}

static void omega_release(void *context, const uint64_t *placements, uint32_t count)
{
    struct omega_cell *cell = context;
    reserve(cell, count);
    uint64_t version = 0;
    omega_error_t err;
    omega_error_clear(&err);
    int rc = store_release(cell->store, placements, count, STORE_FINISHED, cell->released, &version,
                           &err);
    bench_check(rc, &err, "store_release");
    for (uint32_t i = 0; i < count; i++) {
        if (cell->released[i].released == 0) {
            omega_error_set(&err, OMEGA_EINVAL, "placement %llu does not run, expected it to",
                            (unsigned long long)placements[i]);
            bench_check(err.code, &err, "store_release");
        }
    }
}

const struct cell_ops cell_omega = {
    .open = omega_open,
    .submit = omega_submit,
    .commit = omega_commit,
    .release = omega_release,
    .close = omega_close,
};

/* ---- claims ---- */

static bool drawn(const struct omega_claim *claims, uint32_t count, uint32_t machine)
{
    for (uint32_t i = 0; i < count; i++) {
        if (claims[i].machine == machine) {
            return true;
        }
    }
    return false;
}

void cell_draw(struct omega_random *random, uint32_t machines, uint32_t first_task, uint32_t count,
               struct omega_claim *claims)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t machine = omega_random_below(random, machines);
        while (drawn(claims, i, machine)) {
            machine = omega_random_below(random, machines);
        }
        claims[i] = (struct omega_claim){
            .task = first_task + i,
            .machine = machine,
            .request = task_request,
        };
    }
}

void cell_load_init(struct cell_load *load, struct omega_random *random, uint32_t machines,
                    uint64_t first_job, uint32_t commits, uint32_t claims)
{
    size_t all = (size_t)commits * claims;
    *load = (struct cell_load){
        .first_job = first_job,
        .commits = commits,
        .claims = claims,
        .claim = bench_memory(calloc(all, sizeof(*load->claim))),
        .placement = bench_memory(calloc(all, sizeof(*load->placement))),
    };
    for (uint32_t i = 0; i < commits; i++) {
        cell_draw(random, machines, 0, claims, load->claim + (size_t)i * claims);
    }
}

void cell_load_fini(struct cell_load *load)
{
    free(load->claim);
    free(load->placement);
}

void cell_load_submit(const struct cell_load *load, const struct cell_ops *ops, void *cell)
{
    for (uint32_t i = 0; i < load->commits; i++) {
        ops->submit(cell, load->first_job + i, load->claims);
    }
}

void cell_load_commit(const struct cell_load *load, const struct cell_ops *ops, void *cell,
                      uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        size_t first = (size_t)i * load->claims;
        ops->commit(cell, load->first_job + i, 1, load->claim + first, load->claims,
                    load->placement + first);
    }
}

void cell_load_release(const struct cell_load *load, const struct cell_ops *ops, void *cell,
                       uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        ops->release(cell, load->placement + (size_t)i * load->claims, load->claims);
    }
}
