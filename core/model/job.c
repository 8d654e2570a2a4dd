/* SPDX-License-Identifier: MIT */
/* Jobs: checking and copying; see job.h. */
#include "core/model/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int check_request(const struct omega_request *request, uint32_t group, omega_error_t *err)
{
    if (request->cpu_milli < 0 || request->cpu_milli > OMEGA_CPU_MILLI_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "task group %" PRIu32 " asks for %" PRId32
                               " milli-cores a task, expected 0 to %d",
                               group, request->cpu_milli, OMEGA_CPU_MILLI_MAX);
    }
    if (request->mem_mib < 0 || request->mem_mib > OMEGA_MEM_MIB_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "task group %" PRIu32 " asks for %" PRId32
                               " MiB a task, expected 0 to %d",
                               group, request->mem_mib, OMEGA_MEM_MIB_MAX);
    }
    bool none = request->gpu_devices == 0 && request->gpu_milli == 0;
    bool whole = request->gpu_devices >= 1 && request->gpu_devices <= OMEGA_GPU_DEVICES_MAX &&
                 request->gpu_milli == OMEGA_GPU_DEVICE_MILLI;
    bool share = request->gpu_devices == 1 && request->gpu_milli >= 1 &&
                 request->gpu_milli < OMEGA_GPU_DEVICE_MILLI;
    if (!none && !whole && !share) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "task group %" PRIu32 " asks for %d GPU devices of %d milli-GPU, "
                               "expected 0 of 0, 1 of 1 to 999 or 1 to %d of 1000",
                               group, request->gpu_devices, request->gpu_milli,
                               OMEGA_GPU_DEVICES_MAX);
    }
    return OMEGA_OK;
}

static int check_duration(int64_t duration_us, uint32_t group, omega_error_t *err)
{
    if (duration_us != OMEGA_NEVER && (duration_us < 0 || duration_us > OMEGA_DURATION_MAX)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "task group %" PRIu32 " has a duration of %" PRId64
                               " us, expected 0 to %" PRId64 " or never",
                               group, duration_us, OMEGA_DURATION_MAX);
    }
    return OMEGA_OK;
}

static int check_group(const struct omega_task_group *group, uint32_t index, omega_error_t *err)
{
    uint64_t slots = (uint64_t)group->count + group->optional;
    if (slots == 0 || slots > OMEGA_TASKS_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "task group %" PRIu32 " has %" PRIu64
                               " tasks, expected 1 to %u, optional ones included",
                               index, slots, OMEGA_TASKS_MAX);
    }
    int rc = check_request(&group->request, index, err);
    if (rc != OMEGA_OK || group->task_duration_us == NULL) {
        return rc != OMEGA_OK ? rc : check_duration(group->duration_us, index, err);
    }
    for (uint64_t i = 0; rc == OMEGA_OK && i < slots; i++) {
        rc = check_duration(group->task_duration_us[i], index, err);
    }
    return rc;
}

int omega_job_seal(struct omega_job *job, struct omega_task_group *groups, omega_error_t *err)
{
    if (job->group_count == 0 || job->group_count > OMEGA_GROUPS_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job has %" PRIu32 " task groups, expected 1 to %u",
                               job->group_count, OMEGA_GROUPS_MAX);
    }
    uint64_t tasks = 0;
    uint64_t slots = 0;
    for (uint32_t g = 0; g < job->group_count; g++) {
        int rc = check_group(&groups[g], g, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        groups[g].first_task = (uint32_t)slots;
        tasks += groups[g].count;
        slots += (uint64_t)groups[g].count + groups[g].optional;
        if (slots > OMEGA_TASKS_MAX) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "job has more than %u tasks, optional ones included",
                                   OMEGA_TASKS_MAX);
        }
    }
    if (tasks == 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job has optional tasks only, expected at least one required task");
    }
    job->tasks = (uint32_t)tasks;
    job->slots = (uint32_t)slots;
    return OMEGA_OK;
}

static int check_mapreduce(const struct omega_mapreduce *mapreduce, omega_error_t *err)
{
    int64_t least = mapreduce->map_mean_us < mapreduce->reduce_mean_us ? mapreduce->map_mean_us
                                                                       : mapreduce->reduce_mean_us;
    int64_t most = mapreduce->map_mean_us > mapreduce->reduce_mean_us ? mapreduce->map_mean_us
                                                                      : mapreduce->reduce_mean_us;
    if (least < 0 || most > OMEGA_DURATION_MAX) {
        return omega_error_set(
            err, OMEGA_EINVAL,
            "activities of %" PRId64 " and %" PRId64 " us, expected 0 to %" PRId64,
            mapreduce->map_mean_us, mapreduce->reduce_mean_us, OMEGA_DURATION_MAX);
    }
    return OMEGA_OK;
}

int omega_job_check(const struct omega_job *job, omega_error_t *err)
{
    uint64_t tasks = 0;
    uint64_t slots = 0;
    int rc = check_mapreduce(&job->mapreduce, err);
    for (uint32_t g = 0; rc == OMEGA_OK && g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        rc = check_group(group, g, err);
        if (rc == OMEGA_OK && group->first_task != slots) {
            rc = omega_error_set(err, OMEGA_EINVAL,
                                 "task group %" PRIu32 " begins with task %" PRIu32
                                 ", expected %" PRIu64 ": a job is sealed by omega_job_seal()",
                                 g, group->first_task, slots);
        }
        tasks += group->count;
        slots += (uint64_t)group->count + group->optional;
    }
    if (rc == OMEGA_OK && (tasks == 0 || slots > OMEGA_TASKS_MAX || tasks != job->tasks ||
                           slots != job->slots || job->group_count > OMEGA_GROUPS_MAX)) {
        rc = omega_error_set(err, OMEGA_EINVAL,
                             "job of %" PRIu32 " tasks and %" PRIu32 " slots has groups of %" PRIu64
                             " and %" PRIu64 ": a job is sealed by omega_job_seal()",
                             job->tasks, job->slots, tasks, slots);
    }
    return rc;
}

size_t omega_job_copy_bytes(const struct omega_job *job)
{
    size_t durations = 0; /* of all groups that have one per task */
    for (uint32_t g = 0; g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        durations += group->task_duration_us == NULL ? 0 : (size_t)group->count + group->optional;
    }
    return sizeof *job + job->group_count * sizeof *job->groups + durations * sizeof(int64_t);
}

struct omega_job *omega_job_copy_to(const struct omega_job *job, void *memory)
{
    struct omega_job *copy = memory;
    struct omega_task_group *groups = (struct omega_task_group *)(copy + 1);
    int64_t *next = (int64_t *)(groups + job->group_count);
    *copy = *job;
    copy->groups = groups;
    for (uint32_t g = 0; g < job->group_count; g++) {
        groups[g] = job->groups[g];
        if (groups[g].task_duration_us != NULL) {
            size_t count = (size_t)groups[g].count + groups[g].optional;
            memcpy(next, groups[g].task_duration_us, count * sizeof *next);
            groups[g].task_duration_us = next;
            next += count;
        }
    }
    return copy;
}

struct omega_job *omega_job_copy(const struct omega_job *job)
{
    void *memory = malloc(omega_job_copy_bytes(job));
    return memory == NULL ? NULL : omega_job_copy_to(job, memory);
}
