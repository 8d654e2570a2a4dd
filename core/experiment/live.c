/* SPDX-License-Identifier: MIT */
/* "driver" and "live": whether a point is run by processes in real time, and how quickly. */
#include <stddef.h>

#include "core/experiment/experiment_private.h"

#define LIVE_AT(member) offsetof(struct live_options, member)

static const struct field_spec live_specs[] = {
    {"speedup", FIELD_REAL, LIVE_AT(speedup), false, 1e-3, LIVE_SPEEDUP_MAX, NULL},
    {"emulate_decisions", FIELD_BOOL, LIVE_AT(emulate), false, 0, 0, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* What a live run has no form for. */
static int check(const struct point *point, const struct field *root, omega_error_t *err)
{
    const struct run_config *config = &point->config;
    uint32_t instances = 0;
    for (uint32_t s = 0; s < config->scheduler_count; s++) {
        instances += config->schedulers[s].instances;
    }
    struct field schedulers = field_member(root, "schedulers");
    if (instances > LIVE_INSTANCES_MAX) {
        return field_fail(&schedulers, err,
                          "%u instances, expected at most %u with driver 'live': each is a process",
                          instances, LIVE_INSTANCES_MAX);
    }
    struct field events = field_member(root, "machine_events");
    bool none =
        events.value == NULL || (json_is_array(events.value) && json_array_size(events.value) == 0);
    if (!none || point->parts->event_count > 0) {
        return field_fail(&events, err, "expected none with driver 'live'");
    }
    struct field workloads = field_member(root, "workloads");
    for (uint32_t w = 0; w < point->parts->workload_count; w++) {
        const struct generator_config *generator = &point->parts->sources[w].generator;
        if (generator->optional_factor > 0 || generator->mapreduce.enabled) {
            struct field workload = field_entry(&workloads, w);
            struct field key = field_member(
                &workload, generator->mapreduce.enabled ? "mapreduce" : "optional_factor");
            return field_fail(&key, err, "optional tasks, expected none with driver 'live'");
        }
    }
    struct field preset = field_member(root, "preset");
    if (config->cell.compat != 0) {
        return field_fail(&preset, err, "has rules of its own, expected none with driver 'live'");
    }
    return 0;
}

int live_read(struct point *point, const struct field *root, const struct top *top,
              omega_error_t *err)
{
    struct field field = field_member(root, "live");
    point->lives = top->driver == DRIVER_LIVE;
    point->live = (struct live_options){.speedup = 1, .emulate = true};
    if (field.value != NULL && field_read(&field, live_specs, &point->live, err) != 0) {
        return err->code;
    }
    point->parts->experiment->is_live |= point->lives;
    return point->lives ? check(point, root, err) : 0;
}
