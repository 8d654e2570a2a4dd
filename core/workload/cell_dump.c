/* SPDX-License-Identifier: MIT */
/* Reading a cell dump: the order of its lines, machines, placements, instances and the end; jobs
 * are read in cell_dump_jobs.c. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_records.h"
#include "cellstate/rules.h"
#include "core/workload/cell_dump_jobs_private.h"

#define GROW_FIRST 64
#define TASKS_MAX (UINT64_C(1) << 60) /* of a counter: sums of a few stay within 64 bits */

int dump_grow(const struct dump_reader *reader, void **items, size_t count, size_t *room,
              size_t size)
{
    if (count < *room) {
        return OMEGA_OK;
    }
    size_t wanted = *room == 0 ? GROW_FIRST : 2 * *room;
    void *grown = wanted > SIZE_MAX / size ? NULL : realloc(*items, wanted * size);
    if (grown == NULL) {
        return dump_no_memory(reader);
    }
    *items = grown;
    *room = wanted;
    return OMEGA_OK;
}

/* ---- the first line ---- */

struct head {
    uint32_t format;
    uint64_t log_changes;
    bool keep_jobs;
    bool release_raises_seq;
    struct omega_overcommit overcommit;
    struct store_counters counters;
};

#define HEAD(key, type, member, max)                                                               \
    {                                                                                              \
        key, type, offsetof(struct head, member), 0, max                                           \
    }

static const struct dump_field head_fields[] = {
    HEAD("omega_cell_dump", DUMP_U32, format, UINT32_MAX),
    HEAD("version", DUMP_U64, counters.version, OMEGA_VERSION_MAX),
    HEAD("log_changes", DUMP_U64, log_changes, UINT32_MAX),
    HEAD("keep_jobs", DUMP_BOOL, keep_jobs, 0),
    HEAD("release_raises_seq", DUMP_BOOL, release_raises_seq, 0),
    HEAD("overcommit_cpu_permille", DUMP_I32, overcommit.cpu_permille, INT32_MAX),
    HEAD("overcommit_mem_permille", DUMP_I32, overcommit.mem_permille, INT32_MAX),
    HEAD("overcommit_gpu_permille", DUMP_I32, overcommit.gpu_permille, INT16_MAX),
    HEAD("tasks_submitted", DUMP_U64, counters.tasks_submitted, TASKS_MAX),
    HEAD("tasks_pending", DUMP_U64, counters.tasks_pending, TASKS_MAX),
    HEAD("tasks_running", DUMP_U64, counters.tasks_running, TASKS_MAX),
    HEAD("tasks_finished", DUMP_U64, counters.tasks_finished, TASKS_MAX),
    HEAD("tasks_abandoned", DUMP_U64, counters.tasks_abandoned, TASKS_MAX),
    HEAD("tasks_failed", DUMP_U64, counters.tasks_failed, TASKS_MAX),
    HEAD("losses", DUMP_U64, counters.losses, UINT64_MAX),
    HEAD("jobs", DUMP_U64, counters.jobs, TASKS_MAX),
    {0},
};

static int read_head(struct dump_reader *reader)
{
    struct head head = {0};
    struct cell_dump *dump = reader->dump;
    int rc = dump_next(reader);
    if (rc == 0) {
        return dump_fail(reader, OMEGA_EINVAL, "the file is empty, expected a cell dump");
    }
    if (rc < 0) {
        return rc;
    }
    const json_t *format = json_object_get(reader->object, "omega_cell_dump");
    if (!json_is_integer(format)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "is not the first line of a cell dump, expected one that "
                         "'omega cell export' wrote");
    }
    if (json_integer_value(format) != CELL_DUMP_VERSION) {
        return dump_fail(reader, OMEGA_EVERSION,
                         "is a cell dump of version %" JSON_INTEGER_FORMAT ", expected version %u",
                         json_integer_value(format), CELL_DUMP_VERSION);
    }
    rc = dump_object(reader, reader->object, "cell", head_fields, &head);
    dump->log_changes = (uint32_t)head.log_changes;
    dump->keep_jobs = head.keep_jobs;
    dump->release_raises_seq = head.release_raises_seq;
    dump->overcommit = head.overcommit;
    dump->counters = head.counters;
    dump_count_line(reader);
    return rc;
}

/* ---- machines ---- */

struct machine_line {
    const char *name;
    const char *platform;
    const char *domain;
    const char *attributes;
    const char *state;
    struct omega_machine_spec spec;
    bool absent;
    struct omega_machine now; /* capacity, sequence, who placed last */
};

#define MACHINE(key, type, member, max)                                                            \
    {                                                                                              \
        key, type, offsetof(struct machine_line, member), 0, max                                   \
    }

static const struct dump_field machine_fields[] = {
    {"type", DUMP_KIND, 0, 0, 0},
    {"name", DUMP_TEXT, offsetof(struct machine_line, name), 0, DUMP_TEXT_MAX},
    MACHINE("platform", DUMP_TEXT, platform, DUMP_TEXT_MAX),
    MACHINE("domain", DUMP_TEXT, domain, DUMP_TEXT_MAX),
    MACHINE("attributes", DUMP_TEXT, attributes, DUMP_TEXT_MAX),
    MACHINE("spec_cpu_milli", DUMP_I32, spec.cpu_milli, OMEGA_CPU_MILLI_MAX),
    MACHINE("spec_mem_mib", DUMP_I32, spec.mem_mib, OMEGA_MEM_MIB_MAX),
    MACHINE("spec_gpu_devices", DUMP_U8, spec.gpu_devices, OMEGA_GPU_DEVICES_MAX),
    MACHINE("absent", DUMP_BOOL, absent, 0),
    MACHINE("state", DUMP_TEXT, state, DUMP_TEXT_MAX),
    MACHINE("cpu_milli", DUMP_I32, now.cpu_capacity_milli, INT32_MAX),
    MACHINE("mem_mib", DUMP_I32, now.mem_capacity_mib, INT32_MAX),
    MACHINE("gpu_devices", DUMP_U8, now.gpu_devices, OMEGA_GPU_DEVICES_MAX),
    MACHINE("seq", DUMP_U64, now.seq, OMEGA_SEQ_MAX),
    MACHINE("releases", DUMP_U32, now.releases, UINT32_MAX),
    MACHINE("placed_by", DUMP_INSTANCE, now.placed_by[0], OMEGA_INSTANCE_NONE - 1),
    MACHINE("placed_version", DUMP_U64, now.placed_version[0], OMEGA_VERSION_MAX),
    MACHINE("placed_before_by", DUMP_INSTANCE, now.placed_by[1], OMEGA_INSTANCE_NONE - 1),
    MACHINE("placed_before_version", DUMP_U64, now.placed_version[1], OMEGA_VERSION_MAX),
    {0},
};

static int read_state(const struct dump_reader *reader, const char *name, uint8_t *state)
{
    for (uint8_t s = 0; omega_machine_state_name(s) != NULL; s++) {
        if (strcmp(omega_machine_state_name(s), name) == 0) {
            *state = s;
            return OMEGA_OK;
        }
    }
    return dump_fail(reader, OMEGA_EINVAL,
                     "machine: 'state' is '%.40s', expected up, down or draining", name);
}

static int read_names(const struct dump_reader *reader, struct machine_line *line)
{
    struct symbols *symbols = catalogue_symbols(reader->dump->catalogue);
    omega_error_t cause = {0};
    line->spec.name = symbols_intern(symbols, line->name);
    line->spec.platform = symbols_intern(symbols, line->platform);
    line->spec.domain = symbols_intern(symbols, line->domain);
    if (line->spec.name == SYMBOL_NONE || line->spec.platform == SYMBOL_NONE ||
        line->spec.domain == SYMBOL_NONE) {
        return dump_no_memory(reader);
    }
    int rc = catalogue_attributes(reader->dump->catalogue, line->attributes, &line->spec.attributes,
                                  &cause);
    return rc == OMEGA_OK ? rc : dump_fail_with(reader, &cause);
}

/* The machine of a line, with nothing on it. */
static int make_machine(const struct dump_reader *reader, const struct machine_line *line,
                        struct omega_machine *machine)
{
    const struct omega_machine *now = &line->now;
    struct omega_machine_spec capacity = {.cpu_milli = now->cpu_capacity_milli,
                                          .mem_mib = now->mem_capacity_mib,
                                          .gpu_devices = now->gpu_devices};
    rules_machine_init(machine, (uint32_t)reader->dump->machine_count, &capacity,
                       &reader->dump->overcommit);
    machine->seq = now->seq;
    machine->releases = now->releases;
    for (int i = 0; i < 2; i++) {
        machine->placed_by[i] = now->placed_by[i];
        machine->placed_version[i] = now->placed_version[i];
        if (now->placed_version[i] > reader->dump->counters.version) {
            return dump_fail(reader, OMEGA_EINVAL,
                             "machine: a placement of version %" PRIu64
                             ", expected at most the cell's version %" PRIu64,
                             now->placed_version[i], reader->dump->counters.version);
        }
    }
    return read_state(reader, line->state, &machine->state);
}

static int read_machine(struct dump_reader *reader)
{
    struct cell_dump *dump = reader->dump;
    struct machine_line line = {0};
    size_t specs_room = dump->machine_room;
    void *specs = dump->specs;
    void *machines = dump->machines;
    if (dump->machine_count == OMEGA_MACHINES_MAX) {
        return dump_fail(reader, OMEGA_EINVAL, "more than %u machines, expected fewer",
                         OMEGA_MACHINES_MAX);
    }
    int rc = dump_grow(reader, &specs, dump->machine_count, &specs_room, sizeof *dump->specs);
    dump->specs = specs;
    rc = rc != OMEGA_OK ? rc
                        : dump_grow(reader, &machines, dump->machine_count, &dump->machine_room,
                                    sizeof *dump->machines);
    dump->machines = machines;
    if (rc == OMEGA_OK) {
        rc = dump_object(reader, reader->object, "machine", machine_fields, &line);
    }
    if (rc == OMEGA_OK) {
        rc = read_names(reader, &line);
    }
    if (rc == OMEGA_OK) {
        rc = make_machine(reader, &line, &dump->machines[dump->machine_count]);
    }
    if (rc == OMEGA_OK) {
        line.spec.absent = line.absent;
        dump->specs[dump->machine_count++] = line.spec;
    }
    return rc;
}

/* ---- placements ---- */

#define PLACEMENT(key, type, member, max)                                                          \
    {                                                                                              \
        key, type, offsetof(struct store_placement, member), 0, max                                \
    }

static const struct dump_field placement_fields[] = {
    {"type", DUMP_KIND, 0, 0, 0},
    PLACEMENT("id", DUMP_U64, id, UINT64_MAX),
    PLACEMENT("job", DUMP_U64, job, UINT64_MAX),
    PLACEMENT("task", DUMP_U32, task, UINT32_MAX),
    PLACEMENT("machine", DUMP_U32, machine, OMEGA_MACHINES_MAX),
    PLACEMENT("cpu_milli", DUMP_I32, request.cpu_milli, OMEGA_CPU_MILLI_MAX),
    PLACEMENT("mem_mib", DUMP_I32, request.mem_mib, OMEGA_MEM_MIB_MAX),
    PLACEMENT("gpu_devices", DUMP_U8, request.gpu_devices, OMEGA_GPU_DEVICES_MAX),
    PLACEMENT("gpu_milli", DUMP_I16, request.gpu_milli, OMEGA_GPU_DEVICE_MILLI),
    PLACEMENT("devices", DUMP_U8, devices, UINT8_MAX),
    PLACEMENT("band", DUMP_U8, band, OMEGA_BANDS - 1),
    PLACEMENT("instance", DUMP_INSTANCE, instance, OMEGA_INSTANCE_NONE - 1),
    {0},
};

static int check_placement(const struct dump_reader *reader, const struct store_placement *p)
{
    const struct cell_dump *dump = reader->dump;
    uint64_t last = dump->placement_count == 0 ? 0 : dump->placements[dump->placement_count - 1].id;
    uint64_t version = omega_placement_version(p->id);
    bool shares = p->request.gpu_milli > 0 && p->request.gpu_milli < OMEGA_GPU_DEVICE_MILLI;
    if (p->id <= last || version == 0 || version > dump->counters.version) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "placement: id %" PRIu64 " of version %" PRIu64
                         ", expected one above %" PRIu64 " of version 1 to %" PRIu64,
                         p->id, version, last, dump->counters.version);
    }
    if (p->machine >= dump->machine_count ||
        dump->machines[p->machine].state == OMEGA_MACHINE_DOWN) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "placement %" PRIu64 " is on machine %" PRIu32
                         ", expected one of the %zu machines that is not down",
                         p->id, p->machine, dump->machine_count);
    }
    if (__builtin_popcount(p->devices) != p->request.gpu_devices ||
        (p->request.gpu_devices == 0) != (p->request.gpu_milli == 0) ||
        (shares && p->request.gpu_devices != 1)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "placement %" PRIu64 " holds GPU devices %d of %d that ask for %d "
                         "milli-GPU each, expected as many as it asks for, whole or one share",
                         p->id, p->devices, p->request.gpu_devices, p->request.gpu_milli);
    }
    if ((p->job == 0) != (p->instance == OMEGA_INSTANCE_NONE)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "placement %" PRIu64 " is of job %" PRIu64 " and %s instance, expected "
                         "job 0 and no instance, or a job and its instance",
                         p->id, p->job, p->instance == OMEGA_INSTANCE_NONE ? "no" : "an");
    }
    return OMEGA_OK;
}

/* True if the record of a machine can hold one more placement. */
static bool holds(const struct omega_machine *machine, const struct store_placement *placement)
{
    bool sound = (int64_t)machine->cpu_used_milli + placement->request.cpu_milli <= INT32_MAX &&
                 (int64_t)machine->mem_used_mib + placement->request.mem_mib <= INT32_MAX;
    for (uint32_t mask = placement->devices; sound && mask != 0; mask &= mask - 1) {
        uint32_t device = (uint32_t)__builtin_ctz(mask);
        int32_t used = placement->request.gpu_milli;
        for (int band = 0; band < OMEGA_BANDS; band++) {
            used += machine->band_gpu_milli[band][device];
        }
        sound = used <= INT16_MAX;
    }
    return sound;
}

/* Adds a placement to what its machine uses: as one of the initial state, which may leave it above
 * its limit and is nobody's rival; the machine's sequence is the dump's. */
static int use(const struct dump_reader *reader, const struct store_placement *placement)
{
    struct omega_machine *machine = &reader->dump->machines[placement->machine];
    uint64_t seq = machine->seq;
    if (!holds(machine, placement)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "placement %" PRIu64 " is too much for machine %" PRIu32
                         ", expected placements whose sum a record can hold",
                         placement->id, placement->machine);
    }
    rules_place(machine, &placement->request, placement->devices, (enum omega_band)placement->band,
                OMEGA_INSTANCE_NONE, 0);
    machine->seq = seq;
    return OMEGA_OK;
}

static int read_placement(struct dump_reader *reader)
{
    struct cell_dump *dump = reader->dump;
    struct store_placement placement = {0};
    void *placements = dump->placements;
    int rc = dump_grow(reader, &placements, dump->placement_count, &dump->placement_room,
                       sizeof *dump->placements);
    dump->placements = placements;
    if (rc == OMEGA_OK) {
        rc = dump_object(reader, reader->object, "placement", placement_fields, &placement);
    }
    if (rc == OMEGA_OK) {
        rc = check_placement(reader, &placement);
    }
    if (rc == OMEGA_OK) {
        rc = use(reader, &placement);
    }
    if (rc == OMEGA_OK) {
        dump->placements[dump->placement_count++] = placement;
    }
    return rc;
}

/* ---- scheduler instances ---- */

static const struct dump_field instance_fields[] = {
    {"type", DUMP_KIND, 0, 0, 0},
    {"instance", DUMP_U16, offsetof(struct cell_dump_instance, instance), 0,
     OMEGA_INSTANCE_NONE - 1},
    {"incarnation", DUMP_U32, offsetof(struct cell_dump_instance, incarnation), 1, UINT32_MAX},
    {"module", DUMP_TEXT, offsetof(struct cell_dump_instance, module), 0, RECORD_MODULE_MAX},
    {0},
};

static int read_instance(struct dump_reader *reader)
{
    struct cell_dump *dump = reader->dump;
    struct cell_dump_instance instance = {0};
    void *instances = dump->instances;
    int rc = dump_grow(reader, &instances, dump->instance_count, &dump->instance_room,
                       sizeof *dump->instances);
    dump->instances = instances;
    if (rc == OMEGA_OK) {
        rc = dump_object(reader, reader->object, "instance", instance_fields, &instance);
    }
    if (rc == OMEGA_OK && dump->instance_count > 0 &&
        instance.instance <= dump->instances[dump->instance_count - 1].instance) {
        rc = dump_fail(reader, OMEGA_EINVAL, "instance %d, expected one above %d",
                       instance.instance, dump->instances[dump->instance_count - 1].instance);
    }
    if (rc == OMEGA_OK) {
        dump->instances[dump->instance_count++] = instance;
    }
    return rc;
}

/* ---- the end ---- */

struct end_line {
    uint64_t lines;
    const char *sha256;
};

static const struct dump_field end_fields[] = {
    {"type", DUMP_KIND, 0, 0, 0},
    {"lines", DUMP_U64, offsetof(struct end_line, lines), 0, UINT64_MAX},
    {"sha256", DUMP_TEXT, offsetof(struct end_line, sha256), SHA256_HEX - 1, SHA256_HEX - 1},
    {0},
};

/* The last line: says how many lines are before it, and their checksum. */
static int read_end(struct dump_reader *reader)
{
    struct end_line end = {0};
    char sha256[SHA256_HEX];
    int rc = dump_object(reader, reader->object, "end", end_fields, &end);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (end.lines != (uint64_t)reader->line - 1) {
        return dump_fail(reader, OMEGA_ECORRUPT,
                         "the dump had %" PRIu64 " lines before this one, expected to find them "
                         "all: it is damaged",
                         end.lines);
    }
    sha256_finish(&reader->sha, sha256);
    if (strcmp(sha256, end.sha256) != 0) {
        return dump_fail(reader, OMEGA_ECORRUPT,
                         "the lines before this one have another checksum, expected %.16s...: the "
                         "dump is damaged",
                         end.sha256);
    }
    rc = dump_check_jobs(reader);
    if (rc == OMEGA_OK && getc_unlocked(reader->stream) != EOF) {
        reader->line++;
        rc = dump_fail(reader, OMEGA_EINVAL, "text behind the last line, expected the end");
    }
    return rc;
}

/* ---- the whole ---- */

/* Kinds of lines, in the order in which they come. */
static const struct section {
    const char *type;
    int (*read)(struct dump_reader *reader);
} sections[] = {
    {"machine", read_machine}, {"placement", read_placement},
    {"job", dump_read_job},    {"instance", read_instance},
    {"end", read_end},
};

#define SECTIONS (sizeof sections / sizeof *sections)

/* Which section the line read last belongs to: not one before `from`. SECTIONS after an error. */
static size_t section_of(const struct dump_reader *reader, size_t from)
{
    const char *type = json_string_value(json_object_get(reader->object, "type"));
    size_t i = 0;
    while (i < SECTIONS && (type == NULL || strcmp(sections[i].type, type) != 0)) {
        i++;
    }
    if (i < SECTIONS && i >= from) {
        return i;
    }
    dump_fail(reader, OMEGA_EINVAL,
              "'type' is %s%.40s%s, expected %s lines: machine, placement, job, instance, end, in "
              "this order",
              type == NULL ? "no text" : "'", type == NULL ? "" : type, type == NULL ? "" : "'",
              from == 0 ? "first" : "further");
    return SECTIONS;
}

static int read_sections(struct dump_reader *reader)
{
    size_t section = 0;
    int rc = read_head(reader);
    while (rc == OMEGA_OK && section != SECTIONS - 1) {
        rc = dump_next(reader);
        if (rc != 1) {
            return rc < 0 ? rc
                          : dump_fail(reader, OMEGA_ECORRUPT,
                                      "the file ends here, expected further lines: it is cut off");
        }
        section = section_of(reader, section);
        if (section == SECTIONS) {
            return OMEGA_EINVAL;
        }
        rc = sections[section].read(reader);
        dump_count_line(reader);
    }
    return rc;
}

void cell_dump_destroy(struct cell_dump *dump)
{
    if (dump == NULL) {
        return;
    }
    for (size_t i = 0; i < dump->job_count; i++) {
        dump_free_job(&dump->jobs[i]);
    }
    free(dump->specs);
    free(dump->machines);
    free(dump->placements);
    free(dump->jobs);
    free(dump->instances);
    symbols_destroy(dump->texts);
    catalogue_destroy(dump->catalogue);
    free(dump);
}

static struct cell_dump *create(void)
{
    struct cell_dump *dump = calloc(1, sizeof *dump);
    if (dump == NULL) {
        return NULL;
    }
    dump->catalogue = catalogue_create();
    dump->texts = symbols_create();
    if (dump->catalogue == NULL || dump->texts == NULL) {
        cell_dump_destroy(dump);
        return NULL;
    }
    return dump;
}

int cell_dump_read(FILE *stream, const char *name, struct cell_dump **dump, omega_error_t *err)
{
    omega_error_t own = {0};
    struct dump_reader reader = {.stream = stream, .name = name, .err = &own};
    sha256_init(&reader.sha);
    reader.dump = create();
    int rc = reader.dump == NULL ? dump_no_memory(&reader) : read_sections(&reader);
    json_decref(reader.object);
    free(reader.buffer);
    free(reader.of_jobs);
    if (rc != OMEGA_OK) {
        cell_dump_destroy(reader.dump);
        *dump = NULL;
        return omega_error_set_at(err, own.code, own.source, own.line, "%s", own.text);
    }
    *dump = reader.dump;
    return OMEGA_OK;
}

int cell_dump_read_file(const char *path, struct cell_dump **dump, omega_error_t *err)
{
    FILE *stream = fopen(path, "re");
    *dump = NULL;
    if (stream == NULL) {
        return omega_error_set_errno(err, path, "cannot open");
    }
    int rc = cell_dump_read(stream, path, dump, err);
    fclose(stream);
    return rc;
}
