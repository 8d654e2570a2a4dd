/* SPDX-License-Identifier: MIT */
/*
 * Fragmentation: how much of what is free is of no use to one more task like a given one, because
 * the machine where it lies has too little of something else, or too little of it in one place.
 * Sampled, since following it would cost something at each claim; only where it is asked for.
 */
#include "core/metrics/metrics_private.h"

#include "cellstate/rules.h"

#include <assert.h>

static int64_t free_shares(const struct omega_machine *machine,
                           int16_t shares[OMEGA_GPU_DEVICES_MAX])
{
    int64_t sum = 0;
    for (uint32_t device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        shares[device] = 0;
        if (device < machine->gpu_devices && rules_free_gpu(machine, device) > 0) {
            shares[device] = rules_free_gpu(machine, device);
        }
        sum += shares[device];
    }
    return sum;
}

/* Free on devices that have too little for the task. */
static int64_t stranded_shares(const int16_t shares[OMEGA_GPU_DEVICES_MAX],
                               const struct omega_request *task)
{
    int64_t sum = 0;
    for (uint32_t device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        sum += shares[device] < task->gpu_milli ? shares[device] : 0;
    }
    return sum;
}

void metrics_room_add(struct metrics_room *room, const struct omega_machine *machine,
                      const struct omega_request *task)
{
    if (!rules_takes(machine)) {
        return; /* has no room, however little it runs */
    }
    int16_t shares[OMEGA_GPU_DEVICES_MAX];
    int64_t cpu = rules_free_cpu(machine);
    int64_t mem = rules_free_mem(machine);
    int64_t gpu = free_shares(machine, shares);
    bool fits = cpu >= task->cpu_milli && mem >= task->mem_mib &&
                (task->gpu_devices == 0 || rules_choose_devices(shares, task) != 0);
    room->cpu_free_milli += cpu;
    room->mem_free_mib += mem;
    room->gpu_free_milli += gpu;
    room->cpu_stranded_milli += fits ? 0 : cpu;
    room->mem_stranded_mib += fits ? 0 : mem;
    room->gpu_stranded_milli += fits ? stranded_shares(shares, task) : gpu;
}

int64_t metrics_room_due(const struct metrics *metrics)
{
    return metrics->room_due_us;
}

const struct omega_request *metrics_room_task(const struct metrics *metrics)
{
    return &metrics->fragmentation.task;
}

/* Stranded as a part of free. */
static void add_room(struct metrics_use *use, const struct metrics_room *room)
{
    use->used[METRICS_CPU] += room->cpu_stranded_milli;
    use->used[METRICS_MEM] += room->mem_stranded_mib;
    use->used[METRICS_GPU] += room->gpu_stranded_milli;
    use->capacity[METRICS_CPU] += room->cpu_free_milli;
    use->capacity[METRICS_MEM] += room->mem_free_mib;
    use->capacity[METRICS_GPU] += room->gpu_free_milli;
}

void metrics_room(struct metrics *metrics, const struct metrics_room *room)
{
    int64_t now = metrics->room_due_us;
    int64_t step = metrics->fragmentation.step_us;
    assert(now <= metrics->horizon_us);
    add_room(&metrics->room, room);
    metrics->room_last = (struct metrics_use){0};
    add_room(&metrics->room_last, room);
    series_room(&metrics->series, now, &metrics->room_last);
    if (now == metrics->horizon_us) {
        metrics->room_due_us = INT64_MAX;
    } else {
        metrics->room_due_us = step < metrics->horizon_us - now ? now + step : metrics->horizon_us;
    }
}

double metrics_room_ratio(const struct metrics_use *room, enum metrics_resource resource)
{
    return room->capacity[resource] == 0
               ? __builtin_nan("")
               : (double)room->used[resource] / (double)room->capacity[resource];
}
