/* SPDX-License-Identifier: MIT */
/* "driver" and "live": whether a point is run by processes in real time, and how quickly. */
#include <stddef.h>

#include "core/experiment/experiment_private.h"

#define REAL_S_MAX 86400.0 /* of real time */

struct live_fields {
    struct live_options options;
    json_t *restart;
};

#define LIVE_AT(member) offsetof(struct live_fields, member)
#define RESTART_AT(member) offsetof(struct live_restart, member)

static const struct field_spec live_specs[] = {
    {"speedup", FIELD_REAL, LIVE_AT(options.speedup), false, 1e-3, LIVE_SPEEDUP_MAX, NULL},
    {"emulate_decisions", FIELD_BOOL, LIVE_AT(options.emulate), false, 0, 0, NULL},
    {"threads", FIELD_BOOL, LIVE_AT(options.threads), false, 0, 0, NULL},
    {"restart", FIELD_VALUE, LIVE_AT(restart), false, 0, 0, NULL},
    {"deadline_s", FIELD_REAL, LIVE_AT(options.deadline_s), false, 0.1, REAL_S_MAX, NULL},
    {"flood_per_s", FIELD_UINT32, LIVE_AT(options.flood_per_s), false, 0, UINT32_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static const struct field_spec restart_specs[] = {
    {"delay_s", FIELD_REAL, RESTART_AT(delay_s), false, 0, REAL_S_MAX, NULL},
    {"backoff", FIELD_REAL, RESTART_AT(backoff), false, 1, 1e6, NULL},
    {"delay_max_s", FIELD_REAL, RESTART_AT(delay_max_s), false, 0, REAL_S_MAX, NULL},
    {"limit", FIELD_UINT32, RESTART_AT(limit), false, 0, UINT32_MAX, NULL},
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
    struct field preset = field_member(root, "preset");
    if (config->cell.compat != 0) {
        return field_fail(&preset, err, "has rules of its own, expected none with driver 'live'");
    }
    return 0;
}

static const struct live_options live_defaults = {
    .speedup = 1,
    .emulate = true,
    .restart = {.delay_s = 0.1, .backoff = 2, .delay_max_s = 5, .limit = 5},
    .deadline_s = 10,
    .flood_per_s = 10000,
};

int live_read(struct point *point, const struct field *root, const struct top *top,
              omega_error_t *err)
{
    struct field field = field_member(root, "live");
    point->lives = top->driver == DRIVER_LIVE;
    struct live_fields given = {.options = live_defaults};
    if (field.value != NULL && field_read(&field, live_specs, &given, err) != 0) {
        return err->code;
    }
    struct field restart = field_member(&field, "restart");
    if (restart.value != NULL &&
        field_read(&restart, restart_specs, &given.options.restart, err) != 0) {
        return err->code;
    }
    point->live = given.options;
    point->parts->experiment->is_live |= point->lives;
    return point->lives ? check(point, root, err) : 0;
}
