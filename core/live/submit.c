/* SPDX-License-Identifier: MIT */
/* Submitting jobs to a scheduler of a standing cell: the table of jobs is its queue. */
#include "core/live/submit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/live/abandoned.h"
#include "core/live/control.h"
#include "core/live/endpoint.h"
#include "core/live/live_private.h"

#define WAKE_MS 100     /* for the scheduler's socket to take a hint */
#define BATCH_JOBS 256u /* that get their ids at once: others need not wait for long */

struct submitter {
    struct store *store;
    int directory_fd;
    uint64_t abandoned;        /* by the scheduler, before anything was submitted to it */
    struct endpoint *wake;     /* of the scheduler that was woken last; NULL: of none */
    struct listener *listener; /* NULL until somebody waits */
};

int submitter_open(struct store *store, const char *directory, struct submitter **out,
                   omega_error_t *err)
{
    struct submitter *submitter = calloc(1, sizeof *submitter);
    *out = NULL;
    if (submitter == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to submit jobs");
    }
    submitter->store = store;
    submitter->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (submitter->directory_fd < 0) {
        free(submitter);
        return omega_error_set_errno(err, directory, "cannot open the cell");
    }
    *out = submitter;
    return OMEGA_OK;
}

void submitter_close(struct submitter *submitter)
{
    if (submitter != NULL) {
        listener_close(submitter->listener);
        endpoint_close(submitter->wake);
        close(submitter->directory_fd);
        free(submitter);
    }
}

/* ---- to whom ---- */

/* What there is to submit to. */
struct schedulers {
    int count;
    struct register_entry last;
    char names[160];   /* "one, two" */
    omega_error_t bad; /* the first file that is none of a scheduler */
};

static void list_schedulers(const struct submitter *submitter, struct schedulers *list)
{
    size_t used = 0;
    *list = (struct schedulers){.count = 0};
    for (uint32_t n = REGISTER_SCHEDULERS; n < REGISTER_NUMBERS; n++) {
        struct register_entry entry;
        if (register_read(submitter->directory_fd, n, &entry, &list->bad) != OMEGA_OK) {
            continue;
        }
        if (used < sizeof list->names) {
            int length = snprintf(list->names + used, sizeof list->names - used, "%s%s",
                                  list->count == 0 ? "" : ", ", entry.name);
            used += length < 0 ? 0 : (size_t)length;
        }
        list->last = entry;
        list->count++;
    }
}

/* *may_come: it is not there, and may be soon. */
static int find_now(struct submitter *submitter, const char *name, struct register_entry *to,
                    bool *may_come, omega_error_t *err)
{
    struct schedulers list;
    *may_come = false;
    if (name != NULL && register_find(submitter->directory_fd, name, to) == OMEGA_OK &&
        to->number >= REGISTER_SCHEDULERS) {
        return OMEGA_OK;
    }
    list_schedulers(submitter, &list);
    if (name == NULL && list.count == 1) {
        *to = list.last;
        return OMEGA_OK;
    }
    if (name == NULL && list.count > 1) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the cell has several schedulers, expected the name of one of "
                               "them: %s",
                               list.names);
    }
    *may_come = true;
    if (list.bad.code != OMEGA_OK) {
        return omega_error_set_at(err, list.bad.code, list.bad.source, list.bad.line, "%s",
                                  list.bad.text);
    }
    return list.count == 0
               ? omega_error_set(err, OMEGA_EINVAL,
                                 "the cell has had no scheduler yet, expected 'omega scheduler' "
                                 "to be started first")
               : omega_error_set(err, OMEGA_EINVAL,
                                 "there is no scheduler '%.64s', expected one of: %s", name,
                                 list.names);
}

int submitter_find(struct submitter *submitter, const char *name, int64_t wait_ns,
                   struct register_entry *to, omega_error_t *err)
{
    int64_t until_ns = live_clock_ns() + wait_ns;
    omega_error_t cause = {0};
    bool may_come = false;
    int rc = find_now(submitter, name, to, &may_come, &cause);
    while (may_come && live_clock_ns() < until_ns) {
        live_pause(LIVE_POLL_NS);
        cause = (omega_error_t){.code = 0};
        rc = find_now(submitter, name, to, &may_come, &cause);
    }
    return rc == OMEGA_OK ? OMEGA_OK
                          : omega_error_set_at(err, rc, cause.source, cause.line, "%s", cause.text);
}

/* ---- jobs ---- */

int64_t standing_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Tells a scheduler that works that there are jobs for it; it looks for them soon, anyway. The
 * socket stays open until the submitter is closed: what it has not passed on yet goes with it. */
static void wake(struct submitter *submitter, const struct register_entry *to)
{
    endpoint_close(submitter->wake);
    submitter->wake = NULL;
    if (to->lives && endpoint_open(ENDPOINT_WAKE, &submitter->wake, NULL) == OMEGA_OK &&
        endpoint_connect(submitter->wake, submitter->directory_fd, to->number, NULL) == OMEGA_OK) {
        endpoint_wake(submitter->wake, 0, WAKE_MS);
    }
}

/* Submits jobs that get ids in a row. */
static int send_batch(struct submitter *submitter, const struct register_entry *to,
                      struct omega_job *const *jobs, uint64_t count, bool waits, uint64_t *done,
                      omega_error_t *err)
{
    int lock = -1;
    uint64_t first = 0;
    uint64_t i = 0;
    int rc = register_job_ids(submitter->directory_fd, submitter->store, count, waits, &first,
                              &lock, err);
    for (; rc == OMEGA_OK && i < count; i += rc == OMEGA_OK) {
        jobs[i]->id = first + i;
        jobs[i]->submit_us = standing_now_us();
        rc = lmdb_submit_to(submitter->store, jobs[i], (uint16_t)(to->number - REGISTER_SCHEDULERS),
                            err);
    }
    if (lock >= 0) {
        close(lock);
    }
    *done += i;
    return rc;
}

int submitter_send(struct submitter *submitter, const struct register_entry *to,
                   struct omega_job *const *jobs, uint64_t count, bool waits, uint64_t *done,
                   omega_error_t *err)
{
    struct abandoned abandoned;
    *done = 0;
    int rc = abandoned_read(submitter->directory_fd, to->number, &abandoned, err);
    submitter->abandoned = abandoned.count;
    while (rc == OMEGA_OK && *done < count) {
        uint64_t left = count - *done;
        rc = send_batch(submitter, to, jobs + *done, left < BATCH_JOBS ? left : BATCH_JOBS, waits,
                        done, err);
    }
    if (*done > 0) {
        wake(submitter, to);
    }
    return rc;
}

static int look_at_job(void *context, const struct lmdb_job *job)
{
    *(struct lmdb_job *)context = *job;
    return 0;
}

/* Looks at one job; *waits: for its tasks to be placed. */
static int look(struct submitter *submitter, const struct register_entry *to, uint64_t job,
                bool *waits, struct submitter_state *state, omega_error_t *err)
{
    struct lmdb_job found = {.pending = 0};
    struct abandoned abandoned;
    int rc = lmdb_find_job(submitter->store, job, look_at_job, &found, err);
    *waits = rc == OMEGA_OK && found.pending > 0;
    if (rc <= 0) {
        state->abandoned += found.given_up;
        return rc;
    }
    rc = abandoned_read(submitter->directory_fd, to->number, &abandoned, err);
    if (rc == OMEGA_OK) {
        enum abandoned_fate fate = abandoned_fate(&abandoned, submitter->abandoned, job);
        state->abandoned += fate == ABANDONED_YES;
        state->unknown += fate == ABANDONED_UNKNOWN;
    }
    return rc;
}

int submitter_look(struct submitter *submitter, const struct register_entry *to,
                   struct omega_job *const *jobs, uint64_t count, struct submitter_state *state,
                   omega_error_t *err)
{
    bool waits = false;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && state->settled < count) {
        rc = look(submitter, to, jobs[state->settled]->id, &waits, state, err);
        if (waits) {
            break;
        }
        state->settled += rc == OMEGA_OK;
    }
    return rc;
}

int submitter_pause(struct submitter *submitter, const struct register_entry *to,
                    omega_error_t *err)
{
    struct msg_event event;
    const char *bytes;
    size_t size;
    int rc = submitter->listener == NULL
                 ? listener_open(submitter->directory_fd, to->number, &submitter->listener, err)
                 : OMEGA_OK;
    if (rc == OMEGA_OK) {
        rc = listener_next(submitter->listener, LIVE_POLL_NS / 1000000, &event, &bytes, &size, err);
    }
    return rc < 0 ? rc : OMEGA_OK;
}
