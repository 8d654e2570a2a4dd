/* SPDX-License-Identifier: MIT */
/* "fragmentation": whether it is measured, with which task and how often. */
#include <stddef.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

#define DEFAULT_SAMPLES 200 /* so many steps, each a whole number of seconds */

struct fragmentation_fields {
    int32_t cpu_milli;
    int32_t mem_mib;
    uint32_t gpu_devices;
    uint32_t gpu_milli;
    int64_t step_us; /* 0: not given */
};

#define FRAGMENTATION_AT(member) offsetof(struct fragmentation_fields, member)

static const struct field_spec fragmentation_specs[] = {
    {"cpu_milli", FIELD_INT32, FRAGMENTATION_AT(cpu_milli), true, 0, OMEGA_CPU_MILLI_MAX, NULL},
    {"mem_mib", FIELD_INT32, FRAGMENTATION_AT(mem_mib), true, 0, OMEGA_MEM_MIB_MAX, NULL},
    {"gpu_devices", FIELD_UINT32, FRAGMENTATION_AT(gpu_devices), false, 0, OMEGA_GPU_DEVICES_MAX,
     NULL},
    {"gpu_milli", FIELD_UINT32, FRAGMENTATION_AT(gpu_milli), false, 0, OMEGA_GPU_DEVICE_MILLI,
     NULL},
    {"step_s", FIELD_TIME, FRAGMENTATION_AT(step_us), false, 1e-3, SECONDS_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

int64_t default_step(int64_t horizon_us)
{
    int64_t step = (horizon_us / DEFAULT_SAMPLES + 999999) / 1000000 * 1000000;
    return step > 0 ? step : 1000000;
}

int fragmentation_read(const struct field *field, int64_t horizon_us,
                       struct metrics_fragmentation *out, omega_error_t *err)
{
    struct fragmentation_fields given = {0};
    *out = (struct metrics_fragmentation){0};
    if (field->value == NULL) {
        return 0;
    }
    if (field_read(field, fragmentation_specs, &given, err) != 0) {
        return err->code;
    }
    bool shares = given.gpu_milli > 0 && given.gpu_milli < OMEGA_GPU_DEVICE_MILLI;
    if (shares && given.gpu_devices > 1) {
        return field_fail(field, err,
                          "a share of %u devices, expected 'gpu_milli' below 1000 with "
                          "'gpu_devices' 1 or without it",
                          given.gpu_devices);
    }
    bool none = given.gpu_devices == 0 && given.gpu_milli == 0;
    if (none && given.cpu_milli == 0 && given.mem_mib == 0) {
        return field_fail(field, err,
                          "a task that asks for nothing fits everywhere, expected 'cpu_milli', "
                          "'mem_mib' or GPU above 0");
    }
    bool whole = !none && given.gpu_milli == 0;
    out->task = (struct omega_request){
        .cpu_milli = given.cpu_milli,
        .mem_mib = given.mem_mib,
        .gpu_devices = (uint8_t)(none || given.gpu_devices > 0 ? given.gpu_devices : 1),
        .gpu_milli = (int16_t)(whole ? OMEGA_GPU_DEVICE_MILLI : given.gpu_milli),
    };
    out->step_us = given.step_us > 0 ? given.step_us : default_step(horizon_us);
    return 0;
}

static int read_assigned(const struct experiment *experiment, const struct variant *variant,
                         uint32_t assignment, int64_t horizon_us, struct metrics_fragmentation *out,
                         omega_error_t *err)
{
    struct field_source source;
    struct field_swept swept[PARAMETERS_MAX];
    if (assignment >= experiment->sweep.assignments) {
        return omega_error_set(err, OMEGA_EINVAL, "the experiment's sweep has no such assignment");
    }
    json_t *doc = variant_assigned(experiment, variant, assignment, &source, swept, err);
    if (doc == NULL) {
        return err->code;
    }
    struct field root = {.source = &source, .value = doc};
    struct field field = field_member(&root, "fragmentation");
    int rc = fragmentation_read(&field, horizon_us, out, err);
    json_decref(doc);
    return rc;
}

int fragmentation_of_variant(const struct experiment *experiment, const char *name,
                             uint32_t assignment, int64_t horizon_us,
                             struct metrics_fragmentation *out, omega_error_t *err)
{
    for (uint32_t i = 0; i < experiment->variant_count; i++) {
        const struct variant *variant = &experiment->variants[i];
        if (strcmp(variant->name, name) == 0) {
            return read_assigned(experiment, variant, assignment == 0 ? 0 : assignment - 1,
                                 horizon_us, out, err);
        }
    }
    return omega_error_set(err, OMEGA_EINVAL, "the experiment has no variant '%.64s'", name);
}
