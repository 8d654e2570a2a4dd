/* SPDX-License-Identifier: MIT */
/*
 * What a process of a standing cell says and is told. Messages are looked at between attempts and
 * while it waits; what is wrong with one is answered, or published where nobody can be answered,
 * and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/live/standing_private.h"
#include "core/workload/job_json.h"

#define LEAVE_NS                                                                                   \
    20000000          /* for the last answer: nanomsg drops what a socket has when it is closed */
#define SERVED_MAX 64 /* messages in a row: a flood does not keep it from its work */

/* ---- events ---- */

static void publish(struct standing *standing, struct msg_event *event)
{
    struct msg msg = {.kind = MSG_EVENT};
    char *bytes = NULL;
    size_t size = 0;
    if (!endpoint_has_peers(standing->events)) {
        return;
    }
    snprintf(event->from, sizeof event->from, "%s", standing->entry.name);
    msg.event = *event;
    if (msg_write(&msg, &bytes, &size, NULL) == OMEGA_OK) {
        endpoint_send(standing->events, bytes, size, 0);
    }
    free(bytes);
}

void standing_tell_attempt(struct standing *standing, const struct runner *runner,
                           const struct omega_result *result)
{
    struct msg_status *status = &standing->status;
    bool commits = result->accepted + result->conflicts + result->refused > 0;
    status->attempts++;
    status->commits += commits;
    status->accepted += result->accepted;
    status->conflicts += result->conflicts;
    status->refused += result->refused;
    if (!commits) {
        return;
    }
    struct msg_event event = {
        .kind = result->accepted > 0 ? MSG_COMMITTED : MSG_REFUSED,
        .job = runner->job->job->id,
        .attempt = runner->job->attempts,
        .accepted = result->accepted,
        .conflicts = result->conflicts,
        .refused = result->refused,
        .tasks = runner->job->unplaced,
        .version = result->version,
    };
    publish(standing, &event);
}

void standing_tell_abandoned(struct standing *standing, uint64_t job, uint32_t tasks)
{
    struct msg_event event = {.kind = MSG_ABANDONED, .job = job, .tasks = tasks};
    publish(standing, &event);
}

void standing_tell_ended(struct standing *standing, uint64_t version, uint32_t tasks)
{
    struct msg_event event = {.kind = MSG_ENDED, .version = version, .tasks = tasks};
    standing->status.ended += tasks;
    publish(standing, &event);
}

/* Of a message that nobody can be answered. */
static void tell_refusal(struct standing *standing, bool sound, const omega_error_t *cause)
{
    struct msg_event event = {.kind = sound ? MSG_DECLINED : MSG_MALFORMED};
    snprintf(event.error, sizeof event.error, "%s", cause->text);
    publish(standing, &event);
}

/* ---- what is asked ---- */

static void fill_status(const struct standing *standing, struct msg_status *status)
{
    bool schedules = standing->runner != NULL;
    *status = standing->status;
    snprintf(status->name, sizeof status->name, "%s", standing->entry.name);
    snprintf(status->module, sizeof status->module, "%s", standing->entry.module);
    status->instance = schedules ? (int64_t)standing->entry.number - REGISTER_SCHEDULERS : -1;
    status->pid = (uint64_t)standing->entry.pid;
    status->draining = standing_drains(standing);
    status->up_us = (uint64_t)(live_clock_ns() - standing->began_ns) / 1000;
    for (const struct run_job *job = schedules ? standing->runner->first : NULL; job != NULL;
         job = job->queue_next) {
        status->queued++;
    }
    status->waiting = schedules ? events_count(standing->retries) : 0;
}

/* Puts a job into the table, for this scheduler. Returns 1 where others submit jobs just now: they
 * are not waited for, since planning would wait with it. *sound: the message is good in itself. */
static int take_job(struct standing *standing, const struct msg *msg, bool *sound, uint64_t *id,
                    omega_error_t *err)
{
    struct omega_job *job = NULL;
    uint64_t done = 0;
    int rc = job_from_json(msg->submitted, lmdb_catalogue(standing->process.store), &job, err);
    *sound = rc == OMEGA_OK;
    if (rc == OMEGA_OK && standing->runner == NULL) {
        rc = omega_error_set(err, OMEGA_EINVAL, "the executor takes no jobs, expected a scheduler");
    } else if (rc == OMEGA_OK && standing_drains(standing)) {
        rc = omega_error_set(err, OMEGA_EINVAL,
                             "'%s' drains and takes no jobs, expected another scheduler, or "
                             "'undrain' first",
                             standing->entry.name);
    } else if (rc == OMEGA_OK) {
        rc = submitter_send(standing->submitter, &standing->entry, &job, 1, false, &done, err);
    }
    if (rc == OMEGA_OK) {
        *id = job->id;
        struct msg_event event = {.kind = MSG_SUBMITTED, .job = *id};
        publish(standing, &event);
    }
    free(job);
    return rc;
}

static int obey(struct standing *standing, const struct msg *msg, struct msg *reply,
                omega_error_t *err)
{
    bool drains = msg->request == MSG_DRAIN || msg->request == MSG_UNDRAIN;
    if (drains && standing->runner == NULL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the executor cannot be drained, expected a scheduler");
    }
    if (drains) {
        atomic_store(&standing->told->drains, msg->request == MSG_DRAIN);
    } else if (msg->request == MSG_STOP) {
        standing->told_to_stop = true;
        live_ask_to_stop(true);
    }
    reply->has_status = true;
    fill_status(standing, &reply->status);
    return OMEGA_OK;
}

/* Answers one message of the control endpoint. */
static void answer(struct standing *standing, const char *bytes, size_t size)
{
    struct msg msg;
    struct msg reply = {.kind = MSG_REPLY};
    omega_error_t err = {0};
    bool sound = false;
    char *out = NULL;
    size_t out_size = 0;
    int rc = msg_read(bytes, size, 1u << MSG_REQUEST | 1u << MSG_SUBMIT, &msg, &err);
    if (rc == OMEGA_OK) {
        sound = msg.kind != MSG_SUBMIT;
        rc = sound ? obey(standing, &msg, &reply, &err)
                   : take_job(standing, &msg, &sound, &reply.job, &err);
        msg_release(&msg);
    }
    if (rc == 1) {
        omega_error_set(&err, OMEGA_EINVAL, "busy: others submit jobs, expected to be asked again");
    }
    standing->status.malformed += !sound;
    reply.ok = rc == OMEGA_OK;
    snprintf(reply.error, sizeof reply.error, "%s", err.text);
    if (msg_write(&reply, &out, &out_size, NULL) == OMEGA_OK) {
        endpoint_send(standing->control, out, out_size, 0);
    }
    free(out);
}

/* Takes one message of the submit endpoint, which has no answers; false if it has to wait. */
static bool take(struct standing *standing, const char *bytes, size_t size)
{
    struct msg msg;
    omega_error_t err = {0};
    bool sound = false;
    uint64_t id = 0;
    int rc = msg_read(bytes, size, 1u << MSG_SUBMIT, &msg, &err);
    if (rc == OMEGA_OK) {
        rc = take_job(standing, &msg, &sound, &id, &err);
        msg_release(&msg);
    }
    standing->status.malformed += !sound;
    if (rc < 0) {
        tell_refusal(standing, sound, &err);
    }
    return rc != 1;
}

static void serve_control(struct standing *standing)
{
    char *bytes = NULL;
    size_t size = 0;
    for (int i = 0;
         i < SERVED_MAX && endpoint_receive(standing->control, 0, &bytes, &size, NULL) == 1; i++) {
        answer(standing, bytes, size);
        endpoint_free(bytes);
    }
}

/* A submission that has to wait is kept, and none is looked at behind it. */
static void serve_submit(struct standing *standing)
{
    for (int i = 0; i < SERVED_MAX; i++) {
        if (standing->kept == NULL && endpoint_receive(standing->submit, 0, &standing->kept,
                                                       &standing->kept_size, NULL) != 1) {
            return;
        }
        if (!take(standing, standing->kept, standing->kept_size)) {
            return;
        }
        endpoint_free(standing->kept);
        standing->kept = NULL;
    }
}

void standing_serve(struct standing *standing)
{
    serve_control(standing);
    if (standing->submit != NULL) {
        serve_submit(standing);
    }
}

bool standing_drains(const struct standing *standing)
{
    return atomic_load(&standing->told->drains);
}

void standing_watch(struct standing *standing, const struct runner *runner,
                    const struct events *retries)
{
    standing->runner = runner;
    standing->retries = retries;
}

nfds_t standing_files(const struct standing *standing, struct pollfd files[STANDING_FILES])
{
    nfds_t count = 0;
    files[count++] = (struct pollfd){.fd = endpoint_fd(standing->control), .events = POLLIN};
    if (standing->submit != NULL && standing->kept == NULL) {
        files[count++] = (struct pollfd){.fd = endpoint_fd(standing->submit), .events = POLLIN};
    }
    return count;
}

/* ---- opening and closing ---- */

int standing_open_messages(struct standing *standing, omega_error_t *err)
{
    int fd = standing->process.directory_fd;
    uint32_t number = standing->entry.number;
    const char *address = standing->options->listen;
    int rc = endpoint_serve(fd, ENDPOINT_CONTROL, number, &standing->control, err);
    if (rc == OMEGA_OK) {
        rc = endpoint_serve(fd, ENDPOINT_EVENTS, number, &standing->events, err);
    }
    if (rc == OMEGA_OK && number >= REGISTER_SCHEDULERS) {
        rc = endpoint_serve(fd, ENDPOINT_SUBMIT, number, &standing->submit, err);
    }
    if (rc == OMEGA_OK && address != NULL) {
        rc = endpoint_listen(standing->control, address, err);
    }
    return rc == OMEGA_OK ? submitter_open(standing->process.store, standing->options->directory,
                                           &standing->submitter, err)
                          : rc;
}

static void close_one(const struct standing *standing, struct endpoint *endpoint,
                      enum endpoint_kind kind)
{
    if (endpoint != NULL) {
        endpoint_close(endpoint);
        endpoint_unlink(standing->process.directory_fd, kind, standing->entry.number);
    }
}

void standing_close_messages(struct standing *standing)
{
    if (standing->told_to_stop) {
        live_pause(LEAVE_NS);
    }
    submitter_close(standing->submitter);
    endpoint_free(standing->kept);
    close_one(standing, standing->submit, ENDPOINT_SUBMIT);
    close_one(standing, standing->events, ENDPOINT_EVENTS);
    close_one(standing, standing->control, ENDPOINT_CONTROL);
}
