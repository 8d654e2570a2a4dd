/* SPDX-License-Identifier: MIT */
/* The second model: jobs, releases, machine events and sums. Commits are in model_commit.c. */
#include "tests/model/model.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more after `count` things of `size` bytes; the list may move. */
static void *grow(void *list, size_t count, size_t size)
{
    if (count % 64 != 0) {
        return list;
    }
    void *grown = realloc(list, (count + 64) * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

static void *copy_of(const void *from, size_t size)
{
    void *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, from, size);
    }
    return copy;
}

static void set_capacity(struct model_machine *machine, int32_t cpu, int32_t mem, uint32_t devices)
{
    machine->cpu_milli = cpu;
    machine->mem_mib = mem;
    machine->gpu_devices = devices;
}

struct model *model_create(const struct store_config *config)
{
    struct model *model = calloc(1, sizeof(*model));
    if (model == NULL) {
        abort();
    }
    model->catalogue = config->catalogue;
    model->overcommit = config->overcommit;
    model->release_raises_seq = config->release_raises_seq;
    for (uint32_t m = 0; m < config->machine_count; m++) {
        const struct omega_machine_spec *spec = &config->machines[m];
        model->machines = grow(model->machines, m, sizeof(*model->machines));
        model->machines[m] = (struct model_machine){.spec = *spec};
        model->machines[m].state = spec->absent ? OMEGA_MACHINE_DOWN : OMEGA_MACHINE_UP;
        set_capacity(&model->machines[m], spec->cpu_milli, spec->mem_mib, spec->gpu_devices);
        model->machine_count++;
    }
    return model;
}

void model_destroy(struct model *model)
{
    if (model == NULL) {
        return;
    }
    for (size_t j = 0; j < model->job_count; j++) {
        free(model->jobs[j].groups);
        free(model->jobs[j].tasks);
    }
    free(model->jobs);
    free(model->machines);
    free(model->running);
    free(model->placed);
    free(model->lost);
    free(model);
}

static uint32_t tasks_in(const struct model_job *job, enum model_task state)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < job->slots; t++) {
        count += job->tasks[t] == state;
    }
    return count;
}

static bool in_table(const struct model_job *job)
{
    return tasks_in(job, MODEL_PENDING) + tasks_in(job, MODEL_RUNNING) > 0;
}

struct model_job *model_job(const struct model *model, uint64_t id)
{
    for (size_t j = 0; j < model->job_count; j++) {
        if (model->jobs[j].id == id) {
            return in_table(&model->jobs[j]) ? &model->jobs[j] : NULL;
        }
    }
    return NULL;
}

int model_submit(struct model *model, const struct omega_job *job)
{
    if (job->id == 0 || model_job(model, job->id) != NULL) {
        return OMEGA_EINVAL;
    }
    model->jobs = grow(model->jobs, model->job_count, sizeof(*model->jobs));
    struct model_job *mine = &model->jobs[model->job_count++];
    *mine = (struct model_job){.id = job->id, .group_count = job->group_count};
    mine->slots = job->slots;
    mine->elastic = job->slots > job->tasks;
    mine->groups = copy_of(job->groups, job->group_count * sizeof(*job->groups));
    mine->tasks = calloc(job->slots, 1);
    if (mine->tasks == NULL) {
        abort();
    }
    for (uint32_t g = 0; g < job->group_count; g++) {
        memset(mine->tasks + job->groups[g].first_task, MODEL_PENDING, job->groups[g].count);
    }
    return 0;
}

void model_place(struct model *model, const struct store_placement *placement)
{
    model->running = grow(model->running, model->running_count, sizeof(*model->running));
    model->running[model->running_count++] = *placement;
    if (placement->instance != OMEGA_INSTANCE_NONE) {
        model->placed = grow(model->placed, model->placed_count, sizeof(*model->placed));
        model->placed[model->placed_count++] = (struct model_placed){
            .version = omega_placement_version(placement->id),
            .machine = placement->machine,
            .instance = placement->instance,
        };
    }
    model->machines[placement->machine].seq++;
}

/* Takes placement `at` off the list and its machine, and says so in *result. */
static void take_off(struct model *model, size_t at, struct store_release_result *result)
{
    const struct store_placement *gone = &model->running[at];
    struct model_machine *machine = &model->machines[gone->machine];
    *result = (struct store_release_result){
        .placement = gone->id,
        .job = gone->job,
        .task = gone->task,
        .machine = gone->machine,
        .devices = gone->devices,
        .released = 1,
        .instance = gone->instance,
    };
    machine->releases++;
    machine->seq += model->release_raises_seq ? 1 : 0;
    model->running_count--;
    memmove(&model->running[at], &model->running[at + 1],
            (model->running_count - at) * sizeof(*model->running));
}

int model_release(struct model *model, const uint64_t *placements, uint32_t count,
                  enum store_release_reason reason, struct store_release_result *results,
                  uint64_t *version)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < model->running_count && model->running[at].id != placements[i]) {
            at++;
        }
        results[i] = (struct store_release_result){.placement = placements[i]};
        if (at == model->running_count) {
            continue;
        }
        uint64_t id = model->running[at].job;
        if (id != 0) {
            struct model_job *job = model_job(model, id);
            job->tasks[model->running[at].task] =
                reason == STORE_FINISHED ? MODEL_FINISHED : MODEL_FAILED;
        }
        take_off(model, at, &results[i]);
        any = true;
    }
    model->version += any ? 1 : 0;
    *version = model->version;
    return 0;
}

/* What becomes of a task whose machine was removed. */
static enum model_task lost_task(const struct model_job *job, enum store_loss_policy policy)
{
    if (job->abandoned) {
        return MODEL_ABANDONED;
    }
    if (job->elastic || policy == STORE_LOST_FAIL) {
        return MODEL_FAILED;
    }
    return MODEL_PENDING;
}

static void lose_all(struct model *model, uint32_t machine, enum store_loss_policy policy)
{
    for (size_t at = 0; at < model->running_count;) {
        if (model->running[at].machine != machine) {
            at++;
            continue;
        }
        if (model->running[at].job != 0) {
            struct model_job *job = model_job(model, model->running[at].job);
            job->tasks[model->running[at].task] = (uint8_t)lost_task(job, policy);
        }
        model->losses++;
        model->lost = grow(model->lost, model->lost_count, sizeof(*model->lost));
        take_off(model, at, &model->lost[model->lost_count++]);
    }
}

static bool event_makes_sense(enum omega_machine_state state, uint8_t kind)
{
    switch (kind) {
    case OMEGA_EVENT_ADD:
        return state == OMEGA_MACHINE_DOWN;
    case OMEGA_EVENT_DRAIN:
        return state == OMEGA_MACHINE_UP;
    case OMEGA_EVENT_UNDRAIN:
        return state == OMEGA_MACHINE_DRAINING;
    case OMEGA_EVENT_REMOVE:
    case OMEGA_EVENT_CAPACITY:
        return state != OMEGA_MACHINE_DOWN;
    default:
        return false;
    }
}

int model_machine_event(struct model *model, const struct omega_machine_event *event,
                        enum store_loss_policy policy, uint64_t *version)
{
    model->lost_count = 0;
    if (event->machine >= model->machine_count ||
        !event_makes_sense(model->machines[event->machine].state, event->kind)) {
        return OMEGA_EINVAL;
    }
    struct model_machine *machine = &model->machines[event->machine];
    const struct omega_machine_spec *spec = &machine->spec;
    switch (event->kind) {
    case OMEGA_EVENT_ADD:
        machine->state = OMEGA_MACHINE_UP;
        set_capacity(machine, event->cpu_milli != 0 ? event->cpu_milli : spec->cpu_milli,
                     event->mem_mib != 0 ? event->mem_mib : spec->mem_mib, spec->gpu_devices);
        break;
    case OMEGA_EVENT_REMOVE:
        lose_all(model, event->machine, policy);
        machine->state = OMEGA_MACHINE_DOWN;
        break;
    case OMEGA_EVENT_DRAIN:
        machine->state = OMEGA_MACHINE_DRAINING;
        break;
    case OMEGA_EVENT_UNDRAIN:
        machine->state = OMEGA_MACHINE_UP;
        break;
    default:
        set_capacity(machine, event->cpu_milli, event->mem_mib, event->gpu_devices);
        break;
    }
    machine->seq++;
    *version = ++model->version;
    return 0;
}

int model_abandon(struct model *model, uint64_t id, uint32_t *tasks)
{
    struct model_job *job = model_job(model, id);
    if (job == NULL || job->abandoned) {
        return OMEGA_EINVAL;
    }
    *tasks = tasks_in(job, MODEL_PENDING);
    job->abandoned = true;
    for (uint32_t t = 0; t < job->slots; t++) {
        if (job->tasks[t] == MODEL_PENDING) {
            job->tasks[t] = MODEL_ABANDONED;
        }
    }
    return 0;
}

static bool may_preload(const struct model *model, const struct store_placement *placement)
{
    uint32_t devices = 0;
    for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
        devices += placement->devices >> d & 1;
    }
    return placement->machine < model->machine_count && placement->job == 0 &&
           model->machines[placement->machine].state == OMEGA_MACHINE_UP &&
           devices == placement->request.gpu_devices;
}

int model_preload(struct model *model, struct store_placement *placements, uint32_t count,
                  uint64_t *version)
{
    if (count == 0) {
        return OMEGA_EINVAL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!may_preload(model, &placements[i]) || placements[i].band != placements[0].band) {
            return OMEGA_EINVAL;
        }
    }
    model->version++;
    for (uint32_t i = 0; i < count; i++) {
        placements[i].id = model->version << 20 | i;
        placements[i].instance = OMEGA_INSTANCE_NONE;
        model_place(model, &placements[i]);
    }
    *version = model->version;
    return 0;
}

static void add_use(struct model_figures *out, const struct store_placement *placement)
{
    const struct omega_request *request = &placement->request;
    out->cpu_used += request->cpu_milli;
    out->mem_used += request->mem_mib;
    out->band_cpu[placement->band] += request->cpu_milli;
    out->band_mem[placement->band] += request->mem_mib;
    for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
        if ((placement->devices & 1u << d) != 0) {
            out->gpu_used[d] += request->gpu_milli;
            out->band_gpu[placement->band][d] += request->gpu_milli;
        }
    }
}

uint64_t model_rival(const struct model *model, uint32_t machine, uint16_t instance,
                     uint16_t *rival)
{
    for (size_t i = model->placed_count; i-- > 0;) {
        const struct model_placed *placed = &model->placed[i];
        if (placed->machine == machine && placed->instance != instance) {
            *rival = placed->instance;
            return placed->version;
        }
    }
    *rival = OMEGA_INSTANCE_NONE;
    return 0;
}

void model_figures(const struct model *model, uint32_t index, struct model_figures *out)
{
    const struct model_machine *machine = &model->machines[index];
    *out = (struct model_figures){.state = machine->state, .seq = machine->seq};
    out->releases = machine->releases;
    out->gpu_devices = machine->gpu_devices;
    out->cpu_limit = (int64_t)machine->cpu_milli * model->overcommit.cpu_permille / 1000;
    out->mem_limit = (int64_t)machine->mem_mib * model->overcommit.mem_permille / 1000;
    out->gpu_limit = model->overcommit.gpu_permille;
    for (size_t i = 0; i < model->running_count; i++) {
        if (model->running[i].machine == index) {
            add_use(out, &model->running[i]);
        }
    }
    out->above_limit = out->cpu_used > out->cpu_limit || out->mem_used > out->mem_limit;
    for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
        out->above_limit |= out->gpu_used[d] > (d < out->gpu_devices ? out->gpu_limit : 0);
    }
    out->placed_version[0] = model_rival(model, index, OMEGA_INSTANCE_NONE, &out->placed_by[0]);
    out->placed_by[1] = OMEGA_INSTANCE_NONE;
    if (out->placed_version[0] != 0) {
        out->placed_version[1] = model_rival(model, index, out->placed_by[0], &out->placed_by[1]);
    }
}

void model_counters(const struct model *model, struct store_counters *out)
{
    uint64_t tasks[MODEL_TASK_STATES] = {0};
    *out = (struct store_counters){.version = model->version, .losses = model->losses};
    for (size_t j = 0; j < model->job_count; j++) {
        const struct model_job *job = &model->jobs[j];
        out->jobs += in_table(job) ? 1 : 0;
        for (uint32_t t = 0; t < job->slots; t++) {
            tasks[job->tasks[t]]++;
            out->tasks_submitted += job->tasks[t] != MODEL_OPTIONAL;
        }
    }
    out->tasks_pending = tasks[MODEL_PENDING];
    out->tasks_running = tasks[MODEL_RUNNING];
    out->tasks_finished = tasks[MODEL_FINISHED];
    out->tasks_abandoned = tasks[MODEL_ABANDONED];
    out->tasks_failed = tasks[MODEL_FAILED];
}

void model_totals(const struct model *model, struct store_totals *out)
{
    *out = (struct store_totals){0};
    for (uint32_t m = 0; m < model->machine_count; m++) {
        const struct model_machine *machine = &model->machines[m];
        struct model_figures figures;
        model_figures(model, m, &figures);
        if (machine->state == OMEGA_MACHINE_DOWN) {
            continue;
        }
        out->cpu_used_milli += figures.cpu_used;
        out->mem_used_mib += figures.mem_used;
        out->cpu_capacity_milli += machine->cpu_milli;
        out->mem_capacity_mib += machine->mem_mib;
        out->gpu_capacity_milli += (int64_t)machine->gpu_devices * OMEGA_GPU_DEVICE_MILLI;
        for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
            out->gpu_used_milli += figures.gpu_used[d];
        }
    }
}
