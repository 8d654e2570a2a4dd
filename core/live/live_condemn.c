/* SPDX-License-Identifier: MIT */
/*
 * Those of the processes of a live run that do not go on: one that hangs, floods, or is stopped
 * while it holds the lock of the writers is killed, and says by its end why (live_supervise.c).
 */
#include <signal.h>
#include <stdio.h>

#include "cellstate/lmdb_writer.h"
#include "core/live/live_private.h"

#define WRITER_NS INT64_C(500000000) /* a stopped writer is named and killed then */
#define FLOOD_WINDOW_NS INT64_C(1000000000)
#define NOBODY UINT32_MAX

/* Kills a process, whose end is then told with this cause. */
static void condemn(struct live *live, uint32_t number, enum live_cause cause, const char *text)
{
    struct live_child *child = &live->children[number];
    snprintf(live->restarts[number].last, sizeof live->restarts[number].last, "%s", text);
    child->cause = (uint8_t)cause;
    child->condemned = true;
    kill(child->pid, SIGKILL);
}

static struct live_child *child_of(const struct live *live, int32_t pid, uint32_t *number)
{
    for (*number = 0; *number < live->count; ++*number) {
        if (live->children[*number].pid == pid) {
            return &live->children[*number];
        }
    }
    return NULL;
}

/* Names a writer that is none of this run's, once. */
static void tell_stranger(struct live *live, const struct lmdb_writer *writer)
{
    char text[160];
    if (live->stranger != writer->pid) {
        live->stranger = writer->pid;
        snprintf(text, sizeof text,
                 "process %d (%s), which is none of this run, has held the lock of the writers for "
                 "%.1f s",
                 (int)writer->pid, writer->module, (double)writer->since_us / 1e6);
        live_tell(live, text);
    }
}

/* Whoever is stopped and holds the lock of the writers stops all others, too. Returns the number of
 * a process that has held it for so long that all others may be waiting; NOBODY; or live->count for
 * one that is none of this run's. */
static uint32_t look_at_writer(struct live *live)
{
    struct lmdb_writer writer;
    uint32_t number = 0;
    char text[160];
    if (!lmdb_gate_writer(live->gate, &writer) || writer.since_us * 1000 < WRITER_NS) {
        return NOBODY;
    }
    const struct live_child *child = child_of(live, writer.pid, &number);
    if (child == NULL) {
        tell_stranger(live, &writer);
    } else if (child->stopped_ns != 0 && !child->condemned) {
        snprintf(text, sizeof text,
                 "was stopped while it held the lock of the writers for %.1f s, and was killed",
                 (double)writer.since_us / 1e6);
        condemn(live, number, LIVE_BLOCKED, text);
    }
    return number;
}

/* Has it shown nothing until its deadline? */
static bool hangs(const struct live *live, uint32_t number, int64_t now_ns)
{
    const struct live_child *child = &live->children[number];
    int64_t deadline_ns = (int64_t)(live->options->deadline_s * 1e9);
    int64_t due_ns = atomic_load(&live->shared->slots[number].due_ns);
    return child->pid != 0 && !child->condemned &&
           ((child->stopped_ns != 0 && now_ns - child->stopped_ns > deadline_ns) ||
            now_ns - due_ns > deadline_ns);
}

/* Kills those who hang. Where `writer` keeps the lock, or one is stopped that may hold it, the
 * others may be waiting for it, and get another deadline. */
static void look_for_hanging(struct live *live, int64_t now_ns, uint32_t writer)
{
    char text[160];
    bool blocked = writer != NOBODY;
    for (uint32_t i = 0; i < live->count; i++) {
        if (live->children[i].stopped_ns != 0 && hangs(live, i, now_ns)) {
            snprintf(text, sizeof text, "was stopped for %.1f s, and was killed",
                     (double)(now_ns - live->children[i].stopped_ns) / 1e9);
            condemn(live, i, LIVE_HUNG, text);
            blocked = true;
        }
    }
    for (uint32_t i = 0; i < live->count; i++) {
        if (!hangs(live, i, now_ns)) {
            continue;
        }
        if (blocked && i != writer) {
            atomic_store(&live->shared->slots[i].due_ns, now_ns);
            continue;
        }
        snprintf(text, sizeof text, "showed no progress for %.1f s, and was killed",
                 (double)(now_ns - atomic_load(&live->shared->slots[i].due_ns)) / 1e9);
        condemn(live, i, LIVE_HUNG, text);
    }
}

/* Instances that try and try in vain. */
static void look_for_floods(struct live *live, int64_t now_ns)
{
    char text[160];
    for (uint32_t i = LIVE_SCHEDULERS; live->options->flood_per_s > 0 && i < live->count; i++) {
        struct live_child *child = &live->children[i];
        const struct live_slot *slot = &live->shared->slots[i];
        int64_t passed_ns = now_ns - child->window_ns;
        if (child->pid == 0 || child->condemned || passed_ns < FLOOD_WINDOW_NS) {
            continue;
        }
        uint64_t done = atomic_load(&slot->done);
        uint64_t placed = atomic_load(&slot->placed);
        double rate = (double)(done - child->window_done) * 1e9 / (double)passed_ns;
        if (child->window_ns != 0 && placed == child->window_placed &&
            rate >= live->options->flood_per_s) {
            snprintf(text, sizeof text,
                     "made %.0f attempts a second and placed nothing, and was killed", rate);
            condemn(live, i, LIVE_FLOODED, text);
        }
        child->window_ns = now_ns;
        child->window_done = done;
        child->window_placed = placed;
    }
}

void live_condemn(struct live *live, int64_t now_ns)
{
    look_for_hanging(live, now_ns, look_at_writer(live));
    look_for_floods(live, now_ns);
}
