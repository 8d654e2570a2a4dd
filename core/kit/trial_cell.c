/* SPDX-License-Identifier: MIT */
/* The cell of a trial: its machines, what ends, what changes, and who else places there. */
#include <stdio.h>
#include <stdlib.h>

#include "core/kit/trial_private.h"

#define MACHINE_CPU_MILLI 8000
#define MACHINE_MEM_MIB 16384
#define ROOMY (1 << 30) /* of CPU and memory */
#define RIVAL 2u        /* the instance that others place as; the module's is 1 */
#define RELEASED 64u    /* placements that end at a time */

static const char *const constraint_texts[TRIAL_CONSTRAINTS] = {
    "", "zone=a", "different_machines", "zone!=a;different_machines", "rank<2", "zone=nowhere",
};

static int unable(struct trial *trial, const omega_error_t *err)
{
    return finding_unable(trial->finding, "%s", err->text);
}

/* ---- machines ---- */

static uint32_t intern(struct trial *trial, const char *prefix, uint32_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%s%u", prefix, number);
    return symbols_intern(catalogue_symbols(trial->catalogue), text);
}

static int describe_machine(struct trial *trial, uint32_t index, omega_error_t *err)
{
    static const char *const zones[] = {"a", "b", "c"};
    const struct trial_plan *plan = &trial->plan;
    struct omega_machine_spec *spec = &trial->specs[index];
    char text[64];
    bool with_gpus = plan->gpus && index % 3 != 0;
    uint32_t size = 1u << omega_random_below(&trial->random, 3); /* 1, 2 or 4 times the smallest */
    *spec = (struct omega_machine_spec){
        .name = intern(trial, "m-", index),
        .platform = intern(trial, "p", index % 2),
        .domain = intern(trial, "d", index % 5),
        .cpu_milli = plan->roomy ? ROOMY : (int32_t)size * MACHINE_CPU_MILLI,
        .mem_mib = plan->roomy ? ROOMY : (int32_t)size * MACHINE_MEM_MIB,
        .gpu_devices = (uint8_t)(with_gpus ? OMEGA_GPU_DEVICES_MAX >> index % 2 : 0),
        .absent = plan->absent,
    };
    snprintf(text, sizeof text, "zone=%s;rank=%u", zones[index % 3], index % 4);
    return catalogue_machine_attributes(trial->catalogue, text, spec->platform, spec->domain,
                                        &spec->attributes, err);
}

/* ---- who may use what ---- */

static bool may_use(const struct trial *trial, uint32_t set, uint32_t subset, uint32_t machine)
{
    /* a fixed third, half and sixth of the machines: groups of jobs see different ones */
    static const uint32_t every[TRIAL_SUBSETS + 1] = {1, 3, 2, 6};
    return machine % every[subset] == 0 &&
           catalogue_meets(trial->catalogue, trial->constraints[set],
                           trial->specs[machine].attributes);
}

static int draw_bitmaps(struct trial *trial, omega_error_t *err)
{
    size_t words = trial->plan.machines / 64u + 1;
    for (uint32_t set = 0; set < TRIAL_CONSTRAINTS; set++) {
        int rc = catalogue_constraints(trial->catalogue, constraint_texts[set],
                                       &trial->constraints[set], err);
        for (uint32_t subset = 0; rc == OMEGA_OK && subset <= TRIAL_SUBSETS; subset++) {
            uint64_t *bits = calloc(words, sizeof *bits);
            trial->eligible[set][subset] = bits;
            for (uint32_t m = 0; bits != NULL && m < trial->plan.machines; m++) {
                bits[m / 64] |= (uint64_t)may_use(trial, set, subset, m) << (m % 64);
            }
            rc = bits == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory for a cell") : rc;
        }
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return OMEGA_OK;
}

int trial_cell_create(struct trial *trial)
{
    const struct trial_plan *plan = &trial->plan;
    omega_error_t err = {0};
    trial->catalogue = catalogue_create();
    trial->specs = calloc(plan->machines + 1u, sizeof *trial->specs);
    if (trial->catalogue == NULL || trial->specs == NULL) {
        return finding_unable(trial->finding, "no memory for a cell");
    }
    int rc = OMEGA_OK;
    for (uint32_t m = 0; rc == OMEGA_OK && m < plan->machines; m++) {
        rc = describe_machine(trial, m, &err);
    }
    struct store_config config = {
        .catalogue = trial->catalogue,
        .machines = trial->specs,
        .machine_count = plan->machines,
        .overcommit = {1000, 1000, 1000},
    };
    rc = rc == OMEGA_OK ? draw_bitmaps(trial, &err) : rc;
    rc = rc == OMEGA_OK ? store_open_memory(&config, &trial->store, &err) : rc;
    rc = rc == OMEGA_OK ? store_view_open(trial->store, STORE_VIEW_LIVE, &trial->view, &err) : rc;
    return rc == OMEGA_OK ? 0 : unable(trial, &err);
}

void trial_cell_destroy(struct trial *trial)
{
    if (trial->store != NULL) {
        store_view_close(trial->store, trial->view);
        store_close(trial->store);
    }
    for (uint32_t set = 0; set < TRIAL_CONSTRAINTS; set++) {
        for (uint32_t subset = 0; subset <= TRIAL_SUBSETS; subset++) {
            free(trial->eligible[set][subset]);
        }
    }
    catalogue_destroy(trial->catalogue);
    free(trial->specs);
}

/* ---- what ends ---- */

static int release_oldest(struct trial *trial, uint32_t count)
{
    uint64_t ids[RELEASED];
    struct store_release_result results[RELEASED];
    uint64_t version;
    omega_error_t err = {0};
    count = count < RELEASED ? count : RELEASED;
    count = count < trial->running_count ? count : trial->running_count;
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = trial->running[(trial->running_first + i) % TRIAL_RUNNING];
    }
    trial->running_first = (trial->running_first + count) % TRIAL_RUNNING;
    trial->running_count -= count;
    if (count > 0 && store_release(trial->store, ids, count, STORE_FINISHED, results, &version,
                                   &err) != OMEGA_OK) {
        return unable(trial, &err);
    }
    return 0;
}

static bool is_above(const struct trial *trial)
{
    struct store_totals totals;
    int64_t fill = trial->plan.fill;
    store_totals(trial->store, &totals);
    return totals.cpu_used_milli * 100 > totals.cpu_capacity_milli * fill ||
           totals.mem_used_mib * 100 > totals.mem_capacity_mib * fill ||
           totals.gpu_used_milli * 100 > totals.gpu_capacity_milli * fill;
}

int trial_cell_release(struct trial *trial, bool stuck)
{
    int rc = stuck ? release_oldest(trial, 1 + trial->plan.tasks / 2) : 0;
    while (rc == 0 && trial->running_count > 0 && is_above(trial)) {
        rc = release_oldest(trial, 8);
    }
    return rc;
}

int trial_cell_clear(struct trial *trial)
{
    int rc = 0;
    while (rc == 0 && trial->running_count > 0) {
        rc = release_oldest(trial, RELEASED);
    }
    return rc;
}

int trial_cell_placed(struct trial *trial, uint64_t placement)
{
    int rc = trial->running_count == TRIAL_RUNNING ? release_oldest(trial, RELEASED) : 0;
    trial->running[(trial->running_first + trial->running_count++) % TRIAL_RUNNING] = placement;
    return rc;
}

/* ---- what changes ---- */

int trial_cell_event(struct trial *trial)
{
    static const uint8_t kinds[] = {OMEGA_EVENT_ADD, OMEGA_EVENT_REMOVE, OMEGA_EVENT_DRAIN,
                                    OMEGA_EVENT_UNDRAIN, OMEGA_EVENT_CAPACITY};
    const struct store_release_result *lost;
    uint32_t lost_count;
    uint64_t version;
    omega_error_t err = {0};
    struct omega_machine record;
    uint32_t machine = omega_random_below(&trial->random, trial->plan.machines);
    uint32_t first = omega_random_below(&trial->random, sizeof kinds);
    int rc = store_machine(trial->store, machine, &record, &err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < sizeof kinds; i++) {
        struct omega_machine_event event = {
            .time_us = trial->now_us,
            .machine = machine,
            .kind = kinds[(first + i) % sizeof kinds],
            .gpu_devices = trial->specs[machine].gpu_devices,
            .cpu_milli = MACHINE_CPU_MILLI << omega_random_below(&trial->random, 3),
            .mem_mib = MACHINE_MEM_MIB,
        };
        if (omega_machine_state_after(record.state, event.kind) >= 0) {
            rc = store_machine_event(trial->store, &event, STORE_LOST_FAIL, &lost, &lost_count,
                                     &version, &err);
            break;
        }
    }
    return rc == OMEGA_OK ? 0 : unable(trial, &err);
}

/* ---- rivals ---- */

/* A job of one task. */
static int rival_job(struct trial *trial, const struct omega_request *request, uint64_t *id,
                     omega_error_t *err)
{
    struct omega_task_group group = {.count = 1, .request = *request, .duration_us = 1000000};
    struct omega_job job = {
        .id = ++trial->last_job, .precedence = 100, .group_count = 1, .groups = &group};
    *id = job.id;
    int rc = omega_job_seal(&job, &group, err);
    return rc != OMEGA_OK ? rc : store_submit(trial->store, &job, err);
}

int trial_cell_rival(struct trial *trial, uint32_t machine)
{
    struct store_view *view = trial->view;
    omega_error_t err = {0};
    struct omega_request request = {.cpu_milli = view->entry[machine].room.cpu_milli,
                                    .mem_mib = view->entry[machine].room.mem_mib};
    if (request.cpu_milli < 0 || request.mem_mib < 0 ||
        (request.cpu_milli == 0 && request.mem_mib == 0)) {
        return 0;
    }
    struct omega_claim claim = {.seq = omega_seq(view->entry[machine].stamp),
                                .synced = view->shown.version,
                                .machine = machine,
                                .request = request};
    struct omega_transaction txn = {.attempt = 1,
                                    .incarnation = 1,
                                    .instance = RIVAL,
                                    .precedence = 100,
                                    .synced = view->shown.version,
                                    .group_count = 1,
                                    .claim_count = 1,
                                    .claims = &claim};
    struct omega_claim_result outcome;
    struct omega_result result;
    int rc = rival_job(trial, &request, &txn.job, &err);
    rc = rc == OMEGA_OK ? store_commit(trial->store, &txn, &outcome, &result, &err) : rc;
    if (rc != OMEGA_OK) {
        return unable(trial, &err);
    }
    return outcome.outcome == OMEGA_ACCEPTED ? trial_cell_placed(trial, outcome.placement) : 0;
}
