/* SPDX-License-Identifier: MIT */
/* The cell of an experiment: machines (described, or those of a trace), over-commit, pre-fill. */
#include <stddef.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

#define OVERCOMMIT_MIN 0.001
#define OVERCOMMIT_MAX 30.0 /* 8 devices of 1,000 milli-GPU each stay within 16 bits */
#define MACHINE_ENTRIES_MAX 10000u
#define DOMAINS_MAX 1000000.0

/* ---- machines ---- */

struct machine_fields {
    uint32_t count;
    int32_t cpu_milli;
    int32_t mem_mib;
    uint32_t gpu_devices;
    uint32_t domains;
    const char *platform;
    const char *attributes;
    const char *name_prefix;
};

#define MACHINE_AT(member) offsetof(struct machine_fields, member)

static const struct field_spec machine_specs[] = {
    {"count", FIELD_UINT32, MACHINE_AT(count), true, 1, OMEGA_MACHINES_MAX, NULL},
    {"cpu_milli", FIELD_INT32, MACHINE_AT(cpu_milli), true, 1, OMEGA_CPU_MILLI_MAX, NULL},
    {"mem_mib", FIELD_INT32, MACHINE_AT(mem_mib), true, 1, OMEGA_MEM_MIB_MAX, NULL},
    {"gpu_devices", FIELD_UINT32, MACHINE_AT(gpu_devices), false, 0, OMEGA_GPU_DEVICES_MAX, NULL},
    {"platform", FIELD_TEXT, MACHINE_AT(platform), false, 0, 0, NULL},
    {"domains", FIELD_UINT32, MACHINE_AT(domains), false, 0, DOMAINS_MAX, NULL},
    {"attributes", FIELD_TEXT, MACHINE_AT(attributes), false, 0, 0, NULL},
    {"name_prefix", FIELD_NAME, MACHINE_AT(name_prefix), false, 0, 0, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static const struct machine_fields machine_defaults = {
    .platform = "", .attributes = "", .name_prefix = "m"};

static int intern(struct catalogue *catalogue, const char *text, uint32_t *symbol,
                  omega_error_t *err)
{
    *symbol = symbols_intern(catalogue_symbols(catalogue), text);
    return *symbol == SYMBOL_NONE ? out_of_memory(err) : 0;
}

/* The symbols of one kind of machine in one failure domain. */
static int describe(struct point_parts *parts, const struct field *field,
                    const struct machine_fields *given, uint32_t domain,
                    struct omega_machine_spec *spec, omega_error_t *err)
{
    char name[32] = "";
    omega_error_t cause = {0};
    if (given->domains > 0) {
        snprintf(name, sizeof name, "d%u", domain);
    }
    if (intern(parts->catalogue, name, &spec->domain, err) != 0 ||
        intern(parts->catalogue, given->platform, &spec->platform, err) != 0) {
        return err->code;
    }
    if (catalogue_machine_attributes(parts->catalogue, given->attributes, spec->platform,
                                     spec->domain, &spec->attributes, &cause) != 0) {
        return field_fail_with(field, &cause, err);
    }
    return 0;
}

static int make_machines(struct point_parts *parts, const struct field *field,
                         const struct machine_fields *given, omega_error_t *err)
{
    uint32_t kinds = given->domains > 1 ? given->domains : 1;
    struct omega_machine_spec *kind = pool_alloc(&parts->pool, kinds, sizeof *kind);
    if (kind == NULL) {
        return out_of_memory(err);
    }
    for (uint32_t d = 0; d < kinds && d < given->count; d++) {
        kind[d].cpu_milli = given->cpu_milli;
        kind[d].mem_mib = given->mem_mib;
        kind[d].gpu_devices = (uint8_t)given->gpu_devices;
        if (describe(parts, field, given, d, &kind[d], err) != 0) {
            return err->code;
        }
    }
    for (uint32_t i = 0; i < given->count; i++) {
        char name[FIELD_NAME_MAX + 16];
        struct omega_machine_spec *machine = &parts->machines[parts->machine_count];
        *machine = kind[i % kinds];
        snprintf(name, sizeof name, "%s-%u", given->name_prefix, parts->machine_count);
        if (intern(parts->catalogue, name, &machine->name, err) != 0) {
            return err->code;
        }
        parts->machine_count++;
    }
    return 0;
}

static int read_machines(struct point_parts *parts, const struct field *list, omega_error_t *err)
{
    size_t entries;
    uint64_t total = 0;
    if (field_array(list, 1, MACHINE_ENTRIES_MAX, &entries, err) != 0) {
        return err->code;
    }
    struct machine_fields *given = pool_alloc(&parts->pool, entries, sizeof *given);
    if (given == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < entries; i++) {
        struct field entry = field_entry(list, i);
        given[i] = machine_defaults;
        if (field_read(&entry, machine_specs, &given[i], err) != 0) {
            return err->code;
        }
        total += given[i].count;
    }
    if (total > OMEGA_MACHINES_MAX) {
        return field_fail(list, err, "%llu machines, expected at most %u",
                          (unsigned long long)total, OMEGA_MACHINES_MAX);
    }
    if (!parts->files) {
        return 0;
    }
    parts->machines = pool_alloc(&parts->pool, (size_t)total, sizeof *parts->machines);
    if (parts->machines == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < entries; i++) {
        struct field entry = field_entry(list, i);
        if (make_machines(parts, &entry, &given[i], err) != 0) {
            return err->code;
        }
    }
    return 0;
}

static int use_trace(struct point_parts *parts, const struct field *field, double time_scale,
                     omega_error_t *err)
{
    struct trace *trace;
    if (files_trace(parts, field, &trace, err) != 0 || trace == NULL) {
        return err->code;
    }
    if (trace->machine_count == 0) {
        return field_fail(field, err, "the trace has no machines, expected a trace of a cell");
    }
    parts->machines = trace->machines;
    parts->machine_count = trace->machine_count;
    if (events_append(parts, trace->events, trace->event_count, err) != 0) {
        return err->code;
    }
    for (uint32_t i = 0; i < parts->event_count; i++) {
        double scaled = (double)parts->events[i].time_us * time_scale;
        parts->events[i].time_us =
            time_scale == 1 ? parts->events[i].time_us : (int64_t)(scaled + 0.5);
    }
    return 0;
}

/* ---- over-commit ---- */

struct overcommit_fields {
    double cpu;
    double mem;
    double gpu;
};

#define FACTOR(member)                                                                             \
    {                                                                                              \
#member, FIELD_REAL, offsetof(struct overcommit_fields, member), false, OVERCOMMIT_MIN,    \
            OVERCOMMIT_MAX, NULL                                                                   \
    }

static const struct field_spec overcommit_specs[] = {
    FACTOR(cpu), FACTOR(mem), FACTOR(gpu), {NULL, FIELD_VALUE, 0, false, 0, 0, NULL}};

static int32_t permille(double factor)
{
    return (int32_t)(factor * 1000 + 0.5);
}

/* Limits are 32 bit: no machine may exceed them. */
static int check_limits(const struct point_parts *parts, const struct omega_overcommit *overcommit,
                        const struct field *field, omega_error_t *err)
{
    for (uint32_t i = 0; i < parts->machine_count; i++) {
        const struct omega_machine_spec *machine = &parts->machines[i];
        if ((int64_t)machine->cpu_milli * overcommit->cpu_permille / 1000 > INT32_MAX ||
            (int64_t)machine->mem_mib * overcommit->mem_permille / 1000 > INT32_MAX) {
            return field_fail(field, err,
                              "a machine's limit becomes more than %d, expected a "
                              "smaller factor",
                              INT32_MAX);
        }
    }
    return 0;
}

static int read_overcommit(struct point *point, const struct field *field, omega_error_t *err)
{
    struct overcommit_fields given = {1, 1, 1};
    if (field->value != NULL && field_read(field, overcommit_specs, &given, err) != 0) {
        return err->code;
    }
    struct omega_overcommit *overcommit = &point->config.cell.overcommit;
    overcommit->cpu_permille = permille(given.cpu);
    overcommit->mem_permille = permille(given.mem);
    overcommit->gpu_permille = permille(given.gpu);
    return check_limits(point->parts, overcommit, field, err);
}

/* ---- pre-fill ---- */

struct prefill_fields {
    double cpu_utilisation;
    double mem_utilisation;
    json_t *cpu_milli;
    json_t *mem_mib;
    json_t *duration_s;
    int32_t precedence;
    const char *module;
};

#define PREFILL_AT(member) offsetof(struct prefill_fields, member)

static const struct field_spec prefill_specs[] = {
    {"cpu_utilisation", FIELD_REAL, PREFILL_AT(cpu_utilisation), true, 0, 1, NULL},
    {"mem_utilisation", FIELD_REAL, PREFILL_AT(mem_utilisation), false, 0, 1, NULL},
    {"cpu_milli", FIELD_VALUE, PREFILL_AT(cpu_milli), true, 0, 0, NULL},
    {"mem_mib", FIELD_VALUE, PREFILL_AT(mem_mib), true, 0, 0, NULL},
    {"duration_s", FIELD_VALUE, PREFILL_AT(duration_s), false, 0, 0, NULL},
    {"precedence", FIELD_INT32, PREFILL_AT(precedence), false, INT32_MIN, INT32_MAX, NULL},
    {"module", FIELD_TEXT, PREFILL_AT(module), false, 0, 0, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* The module that places it, with the options that it declares. */
static int read_prefill_module(struct point *point, const struct field *prefill, const char *name,
                               omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    struct field module = field_member(prefill, "module");
    const struct field *field = module.value == NULL ? prefill : &module;
    if (name != NULL && open_module(parts, field, name, &parts->prefill_module, err) != 0) {
        return err->code;
    }
    point->config.prefill.module = parts->prefill_module;
    return 0;
}

static int read_prefill(struct point *point, const struct field *field, omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    struct prefill_fields given = {.precedence = 200, .module = parts->preset->prefill_module};
    struct run_prefill *prefill = &point->config.prefill;
    if (field->value == NULL) {
        return 0;
    }
    if (field_read(field, prefill_specs, &given, err) != 0) {
        return err->code;
    }
    prefill->cpu_utilisation = given.cpu_utilisation;
    prefill->mem_utilisation = given.mem_utilisation;
    prefill->precedence = given.precedence;
    struct field cpu = field_member(field, "cpu_milli");
    struct field mem = field_member(field, "mem_mib");
    struct field duration = field_member(field, "duration_s");
    if (distribution_read(parts, &cpu, &prefill->cpu_milli, err) != 0 ||
        distribution_read(parts, &mem, &prefill->mem_mib, err) != 0 ||
        distribution_read(parts, &duration, &prefill->duration_s, err) != 0) {
        return err->code;
    }
    return read_prefill_module(point, field, given.module, err);
}

/* ---- the section ---- */

struct cell_fields {
    json_t *machines;
    json_t *trace;
    json_t *overcommit;
    json_t *prefill;
    double time_scale;
    bool release_raises_seq;
};

#define CELL_AT(member) offsetof(struct cell_fields, member)

static const struct field_spec cell_specs[] = {
    {"machines", FIELD_VALUE, CELL_AT(machines), false, 0, 0, NULL},
    {"trace", FIELD_VALUE, CELL_AT(trace), false, 0, 0, NULL},
    {"time_scale", FIELD_REAL, CELL_AT(time_scale), false, 1e-6, 1e6, NULL},
    {"overcommit", FIELD_VALUE, CELL_AT(overcommit), false, 0, 0, NULL},
    {"prefill", FIELD_VALUE, CELL_AT(prefill), false, 0, 0, NULL},
    {"release_raises_seq", FIELD_BOOL, CELL_AT(release_raises_seq), false, 0, 0, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

int cell_read(struct point *point, const struct field *field, omega_error_t *err)
{
    struct cell_fields given = {.time_scale = 1};
    struct point_parts *parts = point->parts;
    if (field_read(field, cell_specs, &given, err) != 0) {
        return err->code;
    }
    if ((given.machines == NULL) == (given.trace == NULL)) {
        return field_fail(field, err, "expected one of 'machines' and 'trace'");
    }
    struct field source = field_member(field, given.trace != NULL ? "trace" : "machines");
    struct field overcommit = field_member(field, "overcommit");
    struct field prefill = field_member(field, "prefill");
    int rc = given.trace != NULL ? use_trace(parts, &source, given.time_scale, err)
                                 : read_machines(parts, &source, err);
    if (rc != 0) {
        return rc;
    }
    if (read_overcommit(point, &overcommit, err) != 0 || read_prefill(point, &prefill, err) != 0) {
        return err->code;
    }
    point->config.cell.catalogue = parts->catalogue;
    point->config.cell.machines = parts->machines;
    point->config.cell.machine_count = parts->machine_count;
    point->config.cell.release_raises_seq = given.release_raises_seq;
    point->config.cell.compat = parts->preset->compat;
    return 0;
}
