/* SPDX-License-Identifier: MIT */
/* Submitting jobs to a scheduler of a standing cell: the table of jobs is its queue. */
#include "core/driver/submit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/driver/control.h"
#include "core/driver/endpoint.h"
#include "core/driver/live_private.h"

#define WAKE_MS 100 /* for the scheduler's socket to take a hint */

struct submitter {
    struct store *store;
    int directory_fd;
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

/* "one, two": the names of the cell's schedulers; returns how many there are. */
static int list_schedulers(const struct submitter *submitter, char *out, size_t size,
                           struct register_entry *last, omega_error_t *err)
{
    int count = 0;
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t n = REGISTER_SCHEDULERS; n < REGISTER_NUMBERS; n++) {
        struct register_entry entry;
        int rc = register_read(submitter->directory_fd, n, &entry, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == OMEGA_OK && used < size) {
            int n_out =
                snprintf(out + used, size - used, "%s%s", count == 0 ? "" : ", ", entry.name);
            used += n_out < 0 ? 0 : (size_t)n_out;
        }
        if (rc == OMEGA_OK) {
            *last = entry;
            count++;
        }
    }
    return count;
}

static int find_now(struct submitter *submitter, const char *name, struct register_entry *to,
                    omega_error_t *err)
{
    char known[160];
    int rc = name == NULL ? 1 : register_find(submitter->directory_fd, name, to, err);
    if (rc != 1 && (rc < 0 || to->number >= REGISTER_SCHEDULERS)) {
        return rc;
    }
    int count = list_schedulers(submitter, known, sizeof known, to, err);
    if (count < 0 || (name == NULL && count == 1)) {
        return count < 0 ? count : OMEGA_OK;
    }
    if (count == 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the cell has had no scheduler yet, expected 'omega scheduler' to "
                               "be started first");
    }
    return name == NULL
               ? omega_error_set(err, OMEGA_EINVAL,
                                 "the cell has several schedulers, expected the name of "
                                 "one of them: %s",
                                 known)
               : omega_error_set(err, OMEGA_EINVAL,
                                 "there is no scheduler '%.64s', expected one of: %s", name, known);
}

int submitter_find(struct submitter *submitter, const char *name, int64_t wait_ns,
                   struct register_entry *to, omega_error_t *err)
{
    int64_t until_ns = live_clock_ns() + wait_ns;
    omega_error_t cause = {0};
    int rc = find_now(submitter, name, to, &cause);
    while (rc == OMEGA_EINVAL && live_clock_ns() < until_ns) {
        live_pause(LIVE_POLL_NS);
        cause = (omega_error_t){.code = 0};
        rc = find_now(submitter, name, to, &cause);
    }
    return rc == OMEGA_OK ? OMEGA_OK
                          : omega_error_set_at(err, rc, cause.source, cause.line, "%s", cause.text);
}

/* ---- jobs ---- */

static int check_jobs(struct omega_job *const *jobs, uint64_t count, omega_error_t *err)
{
    for (uint64_t i = 0; i < count; i++) {
        if (omega_job_is_elastic(jobs[i])) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "job %" PRIu64 " of these has optional tasks, expected none on "
                                   "a standing cell",
                                   i + 1);
        }
    }
    return OMEGA_OK;
}

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

int submitter_send(struct submitter *submitter, const struct register_entry *to,
                   struct omega_job *const *jobs, uint64_t count, uint64_t *first, uint64_t *done,
                   omega_error_t *err)
{
    int lock = -1;
    *done = 0;
    int rc = check_jobs(jobs, count, err);
    if (rc == OMEGA_OK) {
        rc = register_job_ids(submitter->directory_fd, submitter->store, count, first, &lock, err);
    }
    while (rc == OMEGA_OK && *done < count) {
        struct omega_job *job = jobs[*done];
        job->id = *first + *done;
        job->submit_us = standing_now_us();
        rc = lmdb_submit_to(submitter->store, job, (uint16_t)(to->number - REGISTER_SCHEDULERS),
                            err);
        *done += rc == OMEGA_OK;
    }
    if (lock >= 0) {
        close(lock);
    }
    if (*done > 0) {
        wake(submitter, to);
    }
    return rc;
}

static int add_state(void *context, const struct lmdb_job *job)
{
    struct submitter_state *state = context;
    state->pending += job->pending > 0;
    state->abandoned += job->abandoned > 0;
    state->tasks += job->pending;
    return 0;
}

int submitter_look(struct submitter *submitter, uint64_t first, uint64_t count,
                   struct submitter_state *state, omega_error_t *err)
{
    int rc = OMEGA_OK;
    *state = (struct submitter_state){.pending = 0};
    for (uint64_t i = 0; rc >= 0 && i < count; i++) {
        rc = lmdb_find_job(submitter->store, first + i, add_state, state, err);
    }
    return rc < 0 ? rc : OMEGA_OK;
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
