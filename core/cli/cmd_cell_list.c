/* SPDX-License-Identifier: MIT */
/* The lists of omega cell show: machines, placements, jobs, instances and changes, with filters. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_records.h"
#include "core/base/map.h"
#include "core/cli/cell_list_private.h"
#include "core/experiment/messages.h"

#define ALL_DONE 1 /* the limit is reached: stops a walk, and is no error */

/* A list being printed. */
struct lister {
    struct store *store;
    const struct cell_arguments *arguments;
    bool json;
    struct symbols *kept; /* texts of rows */
    uint64_t limit;
    uint64_t skip; /* lines that the filters let through but that come before the newest */
    uint64_t count;
    uint32_t machine;     /* --machine; UINT32_MAX: not given */
    bool by_job;          /* only jobs in `jobs`: by machine or user */
    struct map jobs;      /* job + 1 is not used: job ids are above 0 */
    void (*header)(void); /* still to be printed before the first line, or NULL */
    omega_error_t *err;
};

enum filter {
    BY_MACHINE = 1,
    BY_JOB = 2,
    BY_USER = 4,
    BY_INSTANCE = 8,
    BY_STATE = 16,
    LIMITED = 32, /* every list is */
};

struct list {
    const char *name;
    unsigned filters;
    void (*header)(void);
    int (*walk)(struct lister *lister);
};

/* ---- what all lists share ---- */

void list_row_instance(struct row *row, const char *key, uint16_t instance)
{
    if (instance == OMEGA_INSTANCE_NONE) {
        row_json(row, key, "null");
    } else {
        row_count(row, key, instance);
    }
}

static void begin(struct lister *lister)
{
    if (lister->header != NULL) {
        lister->header();
        lister->header = NULL;
    }
}

/* One that the filters let through: true if it is to be printed. */
static bool counts(struct lister *lister)
{
    lister->count++;
    if (lister->count <= lister->skip) {
        return false;
    }
    begin(lister);
    return true;
}

/* What a walk's function returns after a line. */
static int after_line(const struct lister *lister)
{
    return lister->count >= lister->skip && lister->count - lister->skip >= lister->limit ? ALL_DONE
                                                                                          : 0;
}

static void put_row(const struct row *row)
{
    row_write_json(row, stdout);
    putchar('\n');
}

static const char *kept_text(const struct lister *lister, const char *text)
{
    return cell_json_text(lister->kept, text);
}

static bool is_instance(const struct lister *lister, uint16_t instance)
{
    return lister->arguments->instance < 0 || lister->arguments->instance == instance;
}

static bool is_job(const struct lister *lister, uint64_t job)
{
    return (lister->arguments->job < 0 || (uint64_t)lister->arguments->job == job) &&
           (!lister->by_job || (job != 0 && map_get(&lister->jobs, job) != NULL));
}

/* "-" or a number. */
static const char *instance_text(uint16_t instance, char out[8])
{
    snprintf(out, 8, instance == OMEGA_INSTANCE_NONE ? "-" : "%u", instance);
    return out;
}

static void print_name(const char *name)
{
    message_write(name, stdout);
    putchar('\n');
}

/* ---- machines ---- */

static int32_t gpu_used(const struct omega_machine *machine)
{
    int32_t used = 0;
    for (int band = 0; band < OMEGA_BANDS; band++) {
        for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
            used += machine->band_gpu_milli[band][device];
        }
    }
    return used;
}

static void machines_header(void)
{
    printf("%8s %-9s %14s %15s %12s %13s %14s %5s %12s %10s  %s\n", "index", "state",
           "cpu_used_milli", "cpu_limit_milli", "mem_used_mib", "mem_limit_mib", "gpu_used_milli",
           "gpus", "seq", "releases", "machine");
}

static void print_machine(const struct lister *lister, const struct omega_machine *m)
{
    printf("%8" PRIu32 " %-9s %14" PRId32 " %15" PRId32 " %12" PRId32 " %13" PRId32 " %14" PRId32
           " %5d %12" PRIu64 " %10" PRIu32 "  ",
           m->index, omega_machine_state_name(m->state), m->cpu_used_milli, m->cpu_limit_milli,
           m->mem_used_mib, m->mem_limit_mib, gpu_used(m), m->gpu_devices, m->seq, m->releases);
    print_name(cell_machine_name(lister->store, m->index));
}

static void put_machine(const struct lister *lister, const struct omega_machine *m)
{
    const struct catalogue *catalogue = lister->store->catalogue;
    const struct symbols *symbols = catalogue_symbols(catalogue);
    const struct omega_machine_spec *spec = &lmdb_machines(lister->store)[m->index];
    struct row row = {0};
    row_text(&row, "machine", kept_text(lister, symbols_text(symbols, spec->name)));
    row_count(&row, "index", m->index);
    row_text(&row, "state", omega_machine_state_name(m->state));
    row_text(&row, "platform", kept_text(lister, symbols_text(symbols, spec->platform)));
    row_text(&row, "domain", kept_text(lister, symbols_text(symbols, spec->domain)));
    row_text(&row, "attributes",
             kept_text(lister, catalogue_attributes_text(catalogue, spec->attributes)));
    row_whole(&row, "cpu_used_milli", m->cpu_used_milli);
    row_whole(&row, "cpu_capacity_milli", m->cpu_capacity_milli);
    row_whole(&row, "cpu_limit_milli", m->cpu_limit_milli);
    row_whole(&row, "mem_used_mib", m->mem_used_mib);
    row_whole(&row, "mem_capacity_mib", m->mem_capacity_mib);
    row_whole(&row, "mem_limit_mib", m->mem_limit_mib);
    row_whole(&row, "gpu_used_milli", gpu_used(m));
    row_whole(&row, "gpu_devices", m->gpu_devices);
    row_count(&row, "seq", m->seq);
    row_count(&row, "releases", m->releases);
    list_row_instance(&row, "placed_by", m->placed_by[0]);
    row_count(&row, "placed_version", m->placed_version[0]);
    row_bool(&row, "above_limit", m->may_exceed != 0);
    put_row(&row);
}

static int walk_machines(struct lister *lister)
{
    const struct cell_arguments *a = lister->arguments;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < lister->store->machine_count; i++) {
        struct omega_machine machine;
        if (lister->machine != UINT32_MAX && lister->machine != i) {
            continue;
        }
        rc = store_machine(lister->store, i, &machine, lister->err);
        if (rc == OMEGA_OK && (a->state < 0 || a->state == machine.state)) {
            if (counts(lister)) {
                (lister->json ? put_machine : print_machine)(lister, &machine);
            }
            rc = after_line(lister);
        }
    }
    return rc;
}

/* ---- placements ---- */

static void placements_header(void)
{
    printf("%20s %20s %8s %11s %11s %4s %9s %-10s %8s  %s\n", "placement", "job", "task",
           "cpu_milli", "mem_mib", "gpus", "gpu_milli", "band", "instance", "machine");
}

static void print_placement(const struct lister *lister, const struct store_placement *p)
{
    char instance[8];
    printf("%20" PRIu64 " %20" PRIu64 " %8" PRIu32 " %11" PRId32 " %11" PRId32
           " %4d %9d %-10s %8s  ",
           p->id, p->job, p->task, p->request.cpu_milli, p->request.mem_mib, p->request.gpu_devices,
           p->request.gpu_milli, cell_band_name(p->band), instance_text(p->instance, instance));
    print_name(cell_machine_name(lister->store, p->machine));
}

static void put_placement(const struct lister *lister, const struct store_placement *p)
{
    struct row row = {0};
    row_count(&row, "placement", p->id);
    row_count(&row, "version", omega_placement_version(p->id));
    row_count(&row, "job", p->job);
    row_count(&row, "task", p->task);
    row_text(&row, "machine", kept_text(lister, cell_machine_name(lister->store, p->machine)));
    row_count(&row, "index", p->machine);
    row_whole(&row, "cpu_milli", p->request.cpu_milli);
    row_whole(&row, "mem_mib", p->request.mem_mib);
    row_whole(&row, "gpu_devices", p->request.gpu_devices);
    row_whole(&row, "gpu_milli", p->request.gpu_milli);
    row_count(&row, "devices", p->devices);
    row_text(&row, "band", cell_band_name(p->band));
    list_row_instance(&row, "instance", p->instance);
    put_row(&row);
}

static int each_placement(void *context, const struct store_placement *placement)
{
    struct lister *lister = context;
    if ((lister->machine != UINT32_MAX && lister->machine != placement->machine) ||
        !is_job(lister, placement->job) || !is_instance(lister, placement->instance)) {
        return 0;
    }
    if (placement->machine >= lister->store->machine_count) {
        return omega_error_set(lister->err, OMEGA_ECORRUPT,
                               "placement %" PRIu64 " is on machine %" PRIu32
                               ", expected one of the cell",
                               placement->id, placement->machine);
    }
    if (counts(lister)) {
        (lister->json ? put_placement : print_placement)(lister, placement);
    }
    return after_line(lister);
}

static int walk_placements(struct lister *lister)
{
    return store_placements(lister->store, each_placement, lister, lister->err);
}

/* ---- jobs ---- */

static void jobs_header(void)
{
    printf("%20s %-9s %10s %6s %8s %8s %8s %8s %8s %9s %8s %8s  %s\n", "job", "state", "precedence",
           "groups", "submitted", "pending", "running", "finished", "failed", "abandoned",
           "instance", "attempt", "user");
}

static const char *job_state(const struct lmdb_job *job)
{
    return job->over          ? "over"
           : job->given_up    ? "abandoned"
           : job->pending > 0 ? "pending"
                              : "running";
}

static void print_job(const struct lister *lister, const struct lmdb_job *job)
{
    char instance[8];
    (void)lister;
    printf("%20" PRIu64 " %-9s %10" PRId32 " %6" PRIu32 " %9" PRIu32 " %8" PRIu32 " %8" PRIu32
           " %8" PRIu32 " %8" PRIu32 " %9" PRIu32 " %8s %8" PRIu32 "  ",
           job->job->id, job_state(job), job->job->precedence, job->job->group_count,
           job->submitted, job->pending, job->running, job->finished, job->failed, job->abandoned,
           instance_text(job->instance, instance), job->attempt);
    print_name(job->user);
}

static void put_groups(const struct lister *lister, const struct lmdb_job *job)
{
    fputs(",\"groups\":[", stdout);
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        const struct omega_task_group *group = &job->job->groups[g];
        struct row row = {0};
        row_count(&row, "tasks", group->count);
        row_count(&row, "optional", group->optional);
        row_whole(&row, "cpu_milli", group->request.cpu_milli);
        row_whole(&row, "mem_mib", group->request.mem_mib);
        row_whole(&row, "gpu_devices", group->request.gpu_devices);
        row_whole(&row, "gpu_milli", group->request.gpu_milli);
        row_text(&row, "constraints", kept_text(lister, job->constraints[g]));
        fputs(g == 0 ? "" : ",", stdout);
        row_write_json(&row, stdout);
    }
    putchar(']');
}

static void put_job(const struct lister *lister, const struct lmdb_job *job)
{
    struct row row = {0};
    row_count(&row, "job", job->job->id);
    row_text(&row, "state", job_state(job));
    row_text(&row, "user", kept_text(lister, job->user));
    row_whole(&row, "precedence", job->job->precedence);
    row_whole(&row, "submit_us", job->job->submit_us);
    row_count(&row, "submitted", job->submitted);
    row_count(&row, "pending", job->pending);
    row_count(&row, "running", job->running);
    row_count(&row, "finished", job->finished);
    row_count(&row, "failed", job->failed);
    row_count(&row, "abandoned", job->abandoned);
    list_row_instance(&row, "instance", job->instance);
    row_count(&row, "attempt", job->attempt);
    row_begin_json(&row, stdout);
    put_groups(lister, job);
    fputs("}\n", stdout);
}

static int each_job(void *context, const struct lmdb_job *job)
{
    struct lister *lister = context;
    if (!is_job(lister, job->job->id) || !is_instance(lister, job->instance)) {
        return 0;
    }
    if (counts(lister)) {
        (lister->json ? put_job : print_job)(lister, job);
    }
    return after_line(lister);
}

static int walk_jobs(struct lister *lister)
{
    if (lister->arguments->job < 0) {
        return lmdb_jobs(lister->store, each_job, lister, lister->err);
    }
    int rc = lmdb_find_job(lister->store, (uint64_t)lister->arguments->job, each_job, lister,
                           lister->err);
    return rc > 0 ? OMEGA_OK : rc; /* 1: not in the table, an empty list */
}

/* ---- instances ---- */

static void instances_header(void)
{
    printf("%8s %11s %20s %8s %12s %9s %9s %8s %8s  %s\n", "instance", "incarnation", "last job",
           "attempt", "version", "accepted", "conflicts", "refused", "aborted", "module");
}

static void print_instance(const struct lister *lister, const struct lmdb_instance *i)
{
    (void)lister;
    printf("%8u %11" PRIu32 " ", i->instance, i->incarnation);
    if (i->job == 0) {
        printf("%20s %8s %12s %9s %9s %8s %8s  ", "-", "-", "-", "-", "-", "-", "-");
    } else {
        printf("%20" PRIu64 " %8" PRIu32 " %12" PRIu64 " %9" PRIu32 " %9" PRIu32 " %8" PRIu32
               " %8" PRIu32 "  ",
               i->job, i->attempt, i->result.version, i->result.accepted, i->result.conflicts,
               i->result.refused, i->result.aborted);
    }
    print_name(i->module);
}

static void put_instance(const struct lister *lister, const struct lmdb_instance *i)
{
    struct row row = {0};
    row_count(&row, "instance", i->instance);
    row_text(&row, "module", kept_text(lister, i->module));
    row_count(&row, "incarnation", i->incarnation);
    if (i->job != 0) {
        row_count(&row, "last_job", i->job);
        row_count(&row, "attempt", i->attempt);
        row_count(&row, "version", i->result.version);
        row_count(&row, "accepted", i->result.accepted);
        row_count(&row, "conflicts", i->result.conflicts);
        row_count(&row, "refused", i->result.refused);
        row_count(&row, "aborted", i->result.aborted);
    } else {
        row_json(&row, "last_job", "null");
    }
    row_write_json(&row, stdout);
}

static int each_instance(void *context, const struct lmdb_instance *instance)
{
    struct lister *lister = context;
    if (!is_instance(lister, instance->instance)) {
        return 0;
    }
    counts(lister);
    if (lister->json) {
        put_instance(lister, instance);
        putchar('\n');
    } else {
        print_instance(lister, instance);
    }
    return after_line(lister);
}

static int walk_instances(struct lister *lister)
{
    return lmdb_instances(lister->store, each_instance, lister, lister->err);
}

static int print_any_instance(void *context, const struct lmdb_instance *instance)
{
    if (!*(bool *)context) {
        instances_header();
        *(bool *)context = true;
    }
    print_instance(NULL, instance);
    return 0;
}

int list_instances_text(struct store *store, omega_error_t *err)
{
    bool any = false;
    int rc = lmdb_instances(store, print_any_instance, &any, err);
    if (rc == OMEGA_OK && !any) {
        puts("no scheduler instance has joined");
    }
    return rc;
}

static int put_array_instance(void *context, const struct lmdb_instance *instance)
{
    struct lister *lister = context;
    fputs(lister->count++ == 0 ? "" : ",", stdout);
    put_instance(lister, instance);
    return 0;
}

int list_instances_json(struct store *store, struct symbols *kept, omega_error_t *err)
{
    struct lister lister = {.store = store, .kept = kept};
    putchar('[');
    int rc = lmdb_instances(store, put_array_instance, &lister, err);
    putchar(']');
    return rc;
}

/* ---- changes ---- */

static const char *change_name(const struct lmdb_change *change)
{
    switch (change->kind) {
    case RECORD_CHANGE_COMMIT:
        return "commit";
    case RECORD_CHANGE_RELEASE:
        return change->detail == STORE_FINISHED ? "finished" : "failed";
    case RECORD_CHANGE_EVENT:
        return omega_machine_event_name(change->detail);
    default:
        return "preload";
    }
}

static void changes_header(void)
{
    printf("%16s %-9s %20s %8s %11s %8s %9s %9s\n", "version", "change", "job", "instance",
           "incarnation", "attempt", "machines", "items");
}

static void print_change(const struct lmdb_change *change)
{
    char instance[8];
    printf("%16" PRIu64 " %-9s %20" PRIu64 " %8s %11" PRIu32 " %8" PRIu32 " %9" PRIu32 " %9" PRIu32
           "\n",
           change->version, change_name(change), change->job,
           instance_text(change->instance, instance), change->incarnation, change->attempt,
           change->machines, change->items);
}

static void put_change(const struct lmdb_change *change)
{
    struct row row = {0};
    row_count(&row, "version", change->version);
    row_text(&row, "change", change_name(change));
    row_count(&row, "job", change->job);
    list_row_instance(&row, "instance", change->instance);
    row_count(&row, "incarnation", change->incarnation);
    row_count(&row, "attempt", change->attempt);
    row_count(&row, "machines", change->machines);
    row_count(&row, "items", change->items);
    put_row(&row);
}

static int each_change(void *context, const struct lmdb_change *change)
{
    struct lister *lister = context;
    if (!is_job(lister, change->job) || !is_instance(lister, change->instance)) {
        return 0;
    }
    if (counts(lister)) {
        (lister->json ? put_change : print_change)(change);
    }
    return 0;
}

static int count_change(void *context, const struct lmdb_change *change)
{
    struct lister *lister = context;
    lister->count += is_job(lister, change->job) && is_instance(lister, change->instance);
    return 0;
}

/* The newest are at the end: a first walk counts them. */
static int walk_changes(struct lister *lister)
{
    int rc = lmdb_changes(lister->store, 0, count_change, lister, lister->err);
    lister->skip = lister->count > lister->limit ? lister->count - lister->limit : 0;
    lister->count = 0;
    return rc == OMEGA_OK ? lmdb_changes(lister->store, 0, each_change, lister, lister->err) : rc;
}

/* ---- lists and filters ---- */

static const struct list lists[] = {
    {"machines", BY_MACHINE | BY_STATE, machines_header, walk_machines},
    {"placements", BY_MACHINE | BY_JOB | BY_USER | BY_INSTANCE, placements_header, walk_placements},
    {"jobs", BY_MACHINE | BY_JOB | BY_USER | BY_INSTANCE, jobs_header, walk_jobs},
    {"instances", BY_INSTANCE, instances_header, walk_instances},
    {"changes", BY_JOB | BY_INSTANCE, changes_header, walk_changes},
};

#define LISTS (sizeof lists / sizeof *lists)

const struct list *list_find(const char *name)
{
    for (size_t i = 0; i < LISTS; i++) {
        if (strcmp(lists[i].name, name) == 0) {
            return &lists[i];
        }
    }
    return NULL;
}

const char *list_wrong_filter(const struct list *list, const struct cell_arguments *a,
                              unsigned *filter)
{
    const struct {
        const char *name;
        bool given;
        unsigned filter;
    } options[] = {
        {"--machine", a->machine != NULL, BY_MACHINE},
        {"--job", a->job >= 0, BY_JOB},
        {"--user", a->user != NULL, BY_USER},
        {"--instance", a->instance >= 0, BY_INSTANCE},
        {"--state", a->state >= 0, BY_STATE},
        {"--limit", a->limit >= 0, LIMITED},
    };
    unsigned taken = list == NULL ? 0 : list->filters | LIMITED;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].given && (taken & options[i].filter) == 0) {
            *filter = options[i].filter;
            return options[i].name;
        }
    }
    return NULL;
}

const char *list_names(unsigned filter, char *out, size_t size)
{
    size_t used = 0;
    size_t left = 0; /* how many names are still to come */
    for (size_t i = 0; i < LISTS; i++) {
        left += ((lists[i].filters | LIMITED) & filter) != 0;
    }
    out[0] = '\0';
    for (size_t i = 0; i < LISTS && used < size; i++) {
        if (((lists[i].filters | LIMITED) & filter) != 0) {
            left--;
            used += (size_t)snprintf(out + used, size - used, "%s%s", lists[i].name,
                                     left > 1    ? ", "
                                     : left == 1 ? " and "
                                                 : "");
        }
    }
    return out;
}

static int keep_job(struct lister *lister, uint64_t job)
{
    if (job == 0 || map_get(&lister->jobs, job) != NULL) {
        return OMEGA_OK;
    }
    return map_put(&lister->jobs, job, lister) == OMEGA_OK
               ? OMEGA_OK
               : omega_error_set(lister->err, OMEGA_ENOMEM, "no memory to list the cell");
}

static int keep_job_of_user(void *context, const struct lmdb_job *job)
{
    struct lister *lister = context;
    return strcmp(job->user, lister->arguments->user) == 0 ? keep_job(lister, job->job->id)
                                                           : OMEGA_OK;
}

static int keep_job_on_machine(void *context, const struct store_placement *placement)
{
    struct lister *lister = context;
    return placement->machine == lister->machine ? keep_job(lister, placement->job) : OMEGA_OK;
}

/* Jobs that run on a machine and are of a user: those of the user that are among the others. */
static int keep_both(struct lister *lister)
{
    struct map of_user = lister->jobs;
    lister->jobs = (struct map){0};
    int rc = store_placements(lister->store, keep_job_on_machine, lister, lister->err);
    for (size_t i = 0; rc == OMEGA_OK && lister->jobs.slots != NULL && i <= lister->jobs.mask;
         i++) {
        uint64_t job = lister->jobs.slots[i].key;
        if (job != 0 && map_get(&of_user, job) == NULL) {
            lister->jobs.slots[i].value = NULL; /* not wanted: map_get() gives NULL */
        }
    }
    map_clear(&of_user);
    return rc;
}

/* Finds what the filters name: a machine, and the jobs of a user or on that machine. */
static int find_wanted(struct lister *lister, const struct list *list)
{
    const struct cell_arguments *a = lister->arguments;
    bool on_machine = a->machine != NULL && list->walk == walk_jobs;
    int rc = OMEGA_OK;
    if (a->machine != NULL) {
        rc = cell_find_machine(lister->store, a->words[0], a->machine, &lister->machine,
                               lister->err);
    }
    lister->by_job = a->user != NULL || on_machine;
    if (rc == OMEGA_OK && a->user != NULL) {
        rc = lmdb_jobs(lister->store, keep_job_of_user, lister, lister->err);
        return rc == OMEGA_OK && on_machine ? keep_both(lister) : rc;
    }
    if (rc == OMEGA_OK && on_machine) {
        rc = store_placements(lister->store, keep_job_on_machine, lister, lister->err);
    }
    return rc;
}

int list_print(struct store *store, const struct list *list, const struct cell_arguments *a,
               omega_error_t *err)
{
    struct lister lister = {
        .store = store,
        .arguments = a,
        .json = a->json,
        .kept = symbols_create(),
        .limit = a->limit < 0 ? UINT64_MAX : (uint64_t)a->limit,
        .machine = UINT32_MAX,
        .err = err,
    };
    int rc = lister.kept == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory to list the cell")
                                 : find_wanted(&lister, list);
    lister.header = a->json ? NULL : list->header;
    if (rc == OMEGA_OK && lister.limit > 0) {
        rc = list->walk(&lister);
    }
    rc = rc == ALL_DONE ? OMEGA_OK : rc;
    if (rc == OMEGA_OK) {
        begin(&lister);
    }
    map_clear(&lister.jobs);
    symbols_destroy(lister.kept);
    return rc;
}
