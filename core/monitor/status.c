/* SPDX-License-Identifier: MIT */
/* One look at a cell: see status.h. */
#include "core/monitor/status.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "core/base/process.h"

struct status_source {
    struct store *store;
    int directory_fd;
    char boot[LMDB_BOOT_BYTES];
};

/* A walk over the jobs table. */
struct walk {
    struct status *status;
    uint32_t room; /* of status->queues */
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to look at a cell");
}

/* ---- source ---- */

int status_open(const char *path, struct status_source **out, omega_error_t *err)
{
    const struct lmdb_use use = {.module = "omega top", .read_only = true};
    struct status_source *source = calloc(1, sizeof *source);
    *out = NULL;
    if (source == NULL) {
        return no_memory(err);
    }
    source->directory_fd = -1;
    int rc = lmdb_boot_id(source->boot, err);
    rc = rc == OMEGA_OK ? lmdb_open(path, &use, &source->store, err) : rc;
    if (rc == OMEGA_OK) {
        source->directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = source->directory_fd < 0 ? omega_error_set_errno(err, path, "cannot open the cell")
                                      : OMEGA_OK;
    }
    if (rc != OMEGA_OK) {
        status_close(source);
        return rc;
    }
    *out = source;
    return OMEGA_OK;
}

void status_close(struct status_source *source)
{
    if (source != NULL) {
        store_close(source->store);
        if (source->directory_fd >= 0) {
            close(source->directory_fd);
        }
        free(source);
    }
}

const char *status_machine(const struct status_source *source, uint32_t index)
{
    const struct store *store = source->store;
    return index >= store->machine_count ? "?"
                                         : symbols_text(catalogue_symbols(store->catalogue),
                                                        lmdb_machines(store)[index].name);
}

/* ---- the jobs table ---- */

/* The queue of an instance, made if there is none yet; by rising instance. NULL without memory. */
static struct status_queue *queue_of(struct walk *walk, uint16_t instance)
{
    struct status *status = walk->status;
    uint32_t at = 0;
    while (at < status->queue_count && status->queues[at].instance < instance) {
        at++;
    }
    if (at < status->queue_count && status->queues[at].instance == instance) {
        return &status->queues[at];
    }
    if (status->queue_count == walk->room) {
        uint32_t room = walk->room == 0 ? 16 : 2 * walk->room;
        struct status_queue *grown = reallocarray(status->queues, room, sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        status->queues = grown;
        walk->room = room;
    }
    memmove(&status->queues[at + 1], &status->queues[at],
            (status->queue_count - at) * sizeof *status->queues);
    status->queue_count++;
    status->queues[at] = (struct status_queue){.instance = instance};
    return &status->queues[at];
}

static int see_job(void *context, const struct lmdb_job *job)
{
    if (job->pending == 0) {
        return OMEGA_OK;
    }
    struct status_queue *queue = queue_of(context, job->instance);
    if (queue == NULL) {
        return OMEGA_ENOMEM;
    }
    queue->jobs++;
    queue->tasks += job->pending;
    return OMEGA_OK;
}

/* What the cell says: counters, totals and jobs as of one version, map and readers as of now. */
static int take_cell(struct status_source *source, struct status *status, omega_error_t *err)
{
    struct store *store = source->store;
    struct walk walk = {.status = status};
    int rc = lmdb_hold(store, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    store_counters(store, &status->counters);
    store_totals(store, &status->totals);
    rc = lmdb_jobs(store, see_job, &walk, err);
    lmdb_let_go(store);
    rc = rc == OMEGA_OK ? lmdb_info(store, &status->info, err) : rc;
    status->writing = lmdb_writer_now(store, &status->writer);
    status->blocked = status->writing && status->writer.since_us >= STATUS_BLOCKED_US;
    return rc == OMEGA_ENOMEM ? no_memory(err) : rc;
}

/* ---- pages ---- */

/* The number of "stats-7"; false for any other name. */
static bool number_of(const char *name, uint32_t *number)
{
    static const char prefix[] = PAGE_FILE_PREFIX;
    char again[PAGE_FILE_BYTES];
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    const char *digits = name + sizeof prefix - 1;
    unsigned long value = 0;
    for (; *digits >= '0' && *digits <= '9' && value <= PAGE_NUMBER_MAX; digits++) {
        value = 10 * value + (unsigned long)(*digits - '0');
    }
    if (*digits != '\0' || value > PAGE_NUMBER_MAX) {
        return false;
    }
    *number = (uint32_t)value;
    page_file_name(*number, again);
    return strcmp(again, name) == 0; /* no leading zeros */
}

static bool is_there(const struct status_source *source, const struct page_copy *page)
{
    uint64_t start = 0;
    if (strcmp(page->boot, source->boot) != 0) {
        return false;
    }
    enum process_state state = process_look(page->pid, &start);
    return state == PROCESS_HIDDEN || (state == PROCESS_THERE && start == page->start);
}

static int add_page(struct status_source *source, struct status *status, uint32_t *room,
                    uint32_t number, omega_error_t *err)
{
    if (status->process_count == *room) {
        uint32_t more = *room == 0 ? 16 : 2 * *room;
        struct status_process *grown = reallocarray(status->processes, more, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        status->processes = grown;
        *room = more;
    }
    struct status_process *process = &status->processes[status->process_count];
    omega_error_t own = {0};
    int rc = page_read(source->directory_fd, number, &process->page, &own);
    if (rc < 0) {
        status->first = status->damaged++ == 0 ? own : status->first;
    } else if (rc == OMEGA_OK) {
        process->runs = is_there(source, &process->page);
        status->process_count++;
    }
    return OMEGA_OK;
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = ((const struct status_process *)a)->page.number;
    uint32_t right = ((const struct status_process *)b)->page.number;
    return (left > right) - (left < right);
}

static int take_pages(struct status_source *source, struct status *status, omega_error_t *err)
{
    uint32_t room = 0;
    uint32_t number = 0;
    int fd = openat(source->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        int rc = omega_error_set_errno(err, NULL, "cannot read the cell's directory");
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    int rc = OMEGA_OK;
    const struct dirent *entry = NULL;
    while (rc == OMEGA_OK && (entry = readdir(directory)) != NULL) {
        if (number_of(entry->d_name, &number)) {
            rc = add_page(source, status, &room, number, err);
        }
    }
    closedir(directory);
    if (status->process_count > 0) {
        qsort(status->processes, status->process_count, sizeof *status->processes, by_number);
    }
    return rc;
}

int status_take(struct status_source *source, struct status *status, omega_error_t *err)
{
    status_fini(status);
    if (faccessat(source->directory_fd, "cell", F_OK, 0) != 0) {
        return omega_error_set(err, OMEGA_EIO, "the cell is gone: it was removed meanwhile");
    }
    int rc = take_pages(source, status, err);
    return rc == OMEGA_OK ? take_cell(source, status, err) : rc;
}

void status_fini(struct status *status)
{
    free(status->queues);
    free(status->processes);
    *status = (struct status){.queues = NULL};
}

/* ---- what it says ---- */

const struct status_process *status_instance(const struct status *status, uint16_t instance)
{
    for (uint32_t i = 0; i < status->process_count; i++) {
        const struct page_copy *page = &status->processes[i].page;
        if (page->role == PAGE_SCHEDULER && page->instance == instance) {
            return &status->processes[i];
        }
    }
    return NULL;
}

const char *status_name(const struct status *status, uint16_t instance, char out[STATUS_NAME_BYTES])
{
    const struct status_process *process = status_instance(status, instance);
    if (instance == OMEGA_INSTANCE_NONE) {
        snprintf(out, STATUS_NAME_BYTES, "none");
    } else if (process == NULL || process->page.scheduler[0] == '\0') {
        snprintf(out, STATUS_NAME_BYTES, "instance %u", instance);
    } else {
        snprintf(out, STATUS_NAME_BYTES, "%s/%u", process->page.scheduler, process->page.place);
    }
    return out;
}

struct status_queue status_queue(const struct status *status, uint16_t instance)
{
    for (uint32_t i = 0; i < status->queue_count; i++) {
        if (status->queues[i].instance == instance) {
            return status->queues[i];
        }
    }
    return (struct status_queue){.instance = instance};
}

uint64_t status_count(const struct status *status, enum page_count which)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < status->process_count; i++) {
        sum += status->processes[i].page.counts[which];
    }
    return sum;
}

/* True if a comes before b in the list of newest conflicts. */
static bool is_newer(const struct status_conflict *a, const struct status_conflict *b)
{
    if (a->conflict->version != b->conflict->version) {
        return a->conflict->version > b->conflict->version;
    }
    if (a->loser->page.number != b->loser->page.number) {
        return a->loser->page.number < b->loser->page.number;
    }
    return a->conflict->order > b->conflict->order;
}

uint32_t status_conflicts(const struct status *status, struct status_conflict *out, uint32_t room)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < status->process_count; i++) {
        const struct status_process *process = &status->processes[i];
        for (uint32_t c = 0; c < process->page.conflict_count; c++) {
            struct status_conflict one = {process, &process->page.conflicts[c]};
            uint32_t at = count;
            while (at > 0 && is_newer(&one, &out[at - 1])) {
                at--;
            }
            if (at < room) {
                count += count < room;
                memmove(&out[at + 1], &out[at], (count - 1 - at) * sizeof *out);
                out[at] = one;
            }
        }
    }
    return count;
}

uint64_t status_rise(const struct page_copy *page, const struct page_copy *before,
                     enum page_count which)
{
    uint64_t base = before == NULL ? 0 : before->counts[which];
    return page->counts[which] > base ? page->counts[which] - base : 0;
}

uint64_t status_view_age(const struct status *status, const struct page_copy *page)
{
    uint64_t shown = page->gauges[PAGE_VIEW_VERSION];
    uint64_t version = status->counters.version;
    return shown > 0 && version > shown ? version - shown : 0;
}

double status_conflict_fraction(const struct page_copy *page, const struct page_copy *before)
{
    uint64_t successful = status_rise(page, before, PAGE_SUCCESSFUL);
    uint64_t conflicting = status_rise(page, before, PAGE_CONFLICTING);
    return successful == 0 ? 0 : (double)conflicting / (double)successful;
}
