/* SPDX-License-Identifier: MIT */
/*
 * Watching the processes of a live run. One that ends before its time, by itself or killed from
 * here (live_condemn.c), is named at once and started again after a delay, which grows while
 * nothing gets done. What is its own lies in the cell, in its segment of the log and in its intent,
 * so that nothing is lost with it but how often it has tried which job.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/live/live_private.h"

#define OPENING_NS INT64_C(60000000000) /* to open the cell and the module, before the deadline */

static const char *name_of(const struct live *live, uint32_t number)
{
    return live->restarts[number].process;
}

/* "the feeder", "instance 1 of scheduler 'batch'" */
void live_name(struct live *live, uint32_t number)
{
    char *out = live->restarts[number].process;
    if (number < LIVE_SCHEDULERS) {
        snprintf(out, LIVE_NAME_BYTES, "the %s", number == LIVE_FEEDER ? "feeder" : "executor");
        return;
    }
    uint32_t instance = number - LIVE_SCHEDULERS;
    uint32_t s = 0;
    while (instance >= live->config->schedulers[s].instances) {
        instance -= live->config->schedulers[s++].instances;
    }
    snprintf(out, LIVE_NAME_BYTES, "instance %" PRIu32 " of scheduler '%s'", instance,
             live->config->schedulers[s].name);
}

void live_tell(const struct live *live, const char *text)
{
    if (live->config->log != NULL) {
        live->config->log(live->config->context, "live", OMEGA_LOG_WARNING, text);
    }
}

/* ---- starting ---- */

void live_process_init(struct live *live, uint32_t number, struct live_process *process)
{
    *process = (struct live_process){
        .config = live->config,
        .options = live->options,
        .shared = live->shared,
        .slot = &live->shared->slots[number],
        .room = live->rooms + number * LIVE_ROOM_BYTES,
        .number = number,
        .directory = live->directory,
        .directory_fd = live->directory_fd,
        .log = live->segments[number].log,
        .metrics = live->metrics,
    };
}

live_work *live_work_of(uint32_t number)
{
    return number == LIVE_FEEDER     ? live_feed
           : number == LIVE_EXECUTOR ? live_execute
                                     : live_schedule;
}

static int start_one(struct live *live, uint32_t number, omega_error_t *err)
{
    struct live_slot *slot = &live->shared->slots[number];
    struct live_child *child = &live->children[number];
    struct live_process process;
    live_process_init(live, number, &process);
    omega_error_clear(&slot->err);
    atomic_store(&slot->ready, false);
    slot->starts++;
    atomic_store(&slot->due_ns, live_clock_ns() + OPENING_NS);
    *child = (struct live_child){
        .pid = live_fork(&process, live_work_of(number), &live->prefilled),
        .delay_s = child->delay_s,
        .in_row = child->in_row,
        .done = atomic_load(&slot->done),
    };
    if (child->pid < 0) {
        child->pid = 0;
        return omega_error_set_errno(err, NULL, "cannot start a process");
    }
    return OMEGA_OK;
}

int live_start_all(struct live *live, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < live->count; i++) {
        live_name(live, i);
        live->children[i].delay_s = live->options->restart.delay_s;
        rc = start_one(live, i, err);
    }
    return rc;
}

/* ---- ends ---- */

/* Says in restarts->last how a process has ended; false if it was in order. */
static bool judge_end(struct live *live, uint32_t number, int status, enum live_cause *cause)
{
    const struct live_child *child = &live->children[number];
    const omega_error_t *why = &live->shared->slots[number].err;
    struct live_restarts *restarts = &live->restarts[number];
    char *text = restarts->last;
    size_t size = sizeof restarts->last;
    if (child->condemned) {
        *cause = (enum live_cause)child->cause; /* its text is there */
    } else if (WIFSIGNALED(status)) {
        *cause = LIVE_KILLED;
        snprintf(text, size, "was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) == EXIT_SUCCESS) {
        return false;
    } else if (why->code == OMEGA_OK) {
        *cause = LIVE_FAILED;
        snprintf(text, size, "ended with exit code %d", WEXITSTATUS(status));
    } else {
        *cause = LIVE_FAILED;
        snprintf(text, size, "%s", why->text);
    }
    return true;
}

/* The error of a process that is not started again. */
static int give_up(const struct live *live, uint32_t number, omega_error_t *err)
{
    const omega_error_t *why = &live->shared->slots[number].err;
    const struct live_child *child = &live->children[number];
    bool own = why->code != OMEGA_OK && !child->condemned;
    char times[64] = "";
    if (child->in_row > 0) {
        snprintf(times, sizeof times, " (after %" PRIu32 " restarts with nothing done)",
                 child->in_row);
    }
    return omega_error_set(err, own ? why->code : OMEGA_EIO, own ? "%s: %s%s" : "%s %s%s",
                           name_of(live, number), live->restarts[number].last, times);
}

/* Did it end of something that another one would meet, too? */
static bool is_final(const struct live_child *child, const struct live_slot *slot)
{
    return !child->condemned && (slot->err.code == OMEGA_EFULL || slot->err.code == OMEGA_ECORRUPT);
}

/* When a process that has ended is started again, or the error that ends the run. */
static int plan_restart(struct live *live, uint32_t number, enum live_cause cause,
                        omega_error_t *err)
{
    const struct live_restart *how = &live->options->restart;
    struct live_child *child = &live->children[number];
    struct live_slot *slot = &live->shared->slots[number];
    char text[800];
    if (cause != LIVE_FLOODED && atomic_load(&slot->done) != child->done) {
        child->in_row = 0;
        child->delay_s = how->delay_s;
    }
    bool vain = cause != LIVE_FLOODED; /* who floods is slowed down, however often */
    if (how->limit == 0 || (vain && child->in_row >= how->limit) || is_final(child, slot)) {
        return give_up(live, number, err);
    }
    child->in_row += vain;
    live->restarts[number].by_cause[cause]++;
    child->start_ns = live_clock_ns() + (int64_t)(child->delay_s * 1e9);
    snprintf(text, sizeof text, "%s (start %" PRIu32 ") %s%s; it starts again in %.3f s",
             name_of(live, number), slot->starts,
             slot->err.code == OMEGA_OK || child->condemned ? "" : "failed: ",
             live->restarts[number].last, child->delay_s);
    live_tell(live, text);
    child->delay_s = child->delay_s * how->backoff;
    child->delay_s = child->delay_s > how->delay_max_s ? how->delay_max_s : child->delay_s;
    return runlog_mend(&slot->mark, live->segments[number].stream, err);
}

/* Takes notice of what has become of a process; true: it runs no more. Where SIGCHLD is ignored the
 * system keeps no ends, and it has failed. */
static bool notice(struct live_child *child, int *status)
{
    pid_t got = 0;
    while ((got = waitpid(child->pid, status, WNOHANG | WUNTRACED | WCONTINUED)) == child->pid) {
        if (WIFSTOPPED(*status)) {
            child->stopped_ns = live_clock_ns();
        } else if (WIFCONTINUED(*status)) {
            child->stopped_ns = 0;
        } else {
            return true;
        }
    }
    if (got < 0 && errno == ECHILD) {
        *status = W_EXITCODE(EXIT_FAILURE, 0);
        return true;
    }
    return false;
}

static int look_at(struct live *live, uint32_t number, bool again, omega_error_t *err)
{
    struct live_child *child = &live->children[number];
    enum live_cause cause = LIVE_KILLED;
    int status = 0;
    if (child->pid == 0 || !notice(child, &status)) {
        return OMEGA_OK;
    }
    child->pid = 0;
    child->over = !judge_end(live, number, status, &cause);
    if (child->over) {
        return OMEGA_OK;
    }
    return again ? plan_restart(live, number, cause, err) : give_up(live, number, err);
}

/* ---- all of them ---- */

static int restart_due(struct live *live, int64_t now_ns, omega_error_t *err)
{
    int64_t epoch_ns = atomic_load(&live->shared->epoch_ns);
    double horizon_ns = (double)live->config->horizon_us * 1e3 / live->options->speedup;
    bool late = epoch_ns != 0 && (double)(now_ns - epoch_ns) >= horizon_ns;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < live->count; i++) {
        const struct live_child *child = &live->children[i];
        if (child->pid == 0 && !child->over && (late || now_ns >= child->start_ns)) {
            rc = start_one(live, i, err); /* behind the horizon only to end its segment */
        }
    }
    return rc;
}

int live_look(struct live *live, bool again, uint32_t *left, omega_error_t *err)
{
    int rc = OMEGA_OK;
    *left = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        int ended = look_at(live, i, again, err);
        rc = rc == OMEGA_OK ? ended : rc;
        *left += again ? !live->children[i].over : live->children[i].pid != 0;
    }
    int64_t now_ns = live_clock_ns();
    if (rc == OMEGA_OK && again) {
        live_condemn(live, now_ns);
        rc = restart_due(live, now_ns, err);
    }
    return rc;
}

static void signal_all(const struct live *live, int number)
{
    for (uint32_t i = 0; i < live->count; i++) {
        if (live->children[i].pid != 0) {
            kill(live->children[i].pid, number);
        }
    }
}

int live_end_all(struct live *live, omega_error_t *err)
{
    uint32_t left = 0;
    int64_t until_ns = live_clock_ns() + LIVE_GRACE_NS;
    signal_all(live, SIGTERM);
    signal_all(live, SIGCONT);
    int rc = live_look(live, false, &left, err);
    while (left > 0 && live_clock_ns() < until_ns) {
        live_pause(LIVE_LOOK_NS);
        int ended = live_look(live, false, &left, err);
        rc = rc == OMEGA_OK ? ended : rc;
    }
    for (uint32_t i = 0; left > 0 && i < live->count; i++) {
        struct live_child *child = &live->children[i];
        if (child->pid != 0) {
            rc = omega_error_set(err, OMEGA_EIO, "%s did not end when asked to, and was killed",
                                 name_of(live, i));
            kill(child->pid, SIGKILL);
            waitpid(child->pid, NULL, 0);
            child->pid = 0;
        }
    }
    return rc;
}
