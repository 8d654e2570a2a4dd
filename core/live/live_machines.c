/* SPDX-License-Identifier: MIT */
/*
 * Machine events of a live run, played by the executor at their times: those of the experiment, and
 * random failures and repairs, drawn from the same streams as in the simulator. Which comes when
 * depends on nothing that happens, so a successor draws them again and leaves out those that were
 * played.
 */
#include <stdlib.h>

#include "core/live/live_executor_private.h"

static int plan_failure(struct live_executor *executor, uint32_t machine, int64_t now_us)
{
    const struct run_failures *failures = &executor->process->config->failures;
    bool fails = !executor->down[machine];
    int64_t delay_us =
        run_failure_delay_us(fails ? failures->up_s : failures->down_s, &executor->random[machine]);
    int64_t time_us = delay_us > INT64_MAX - now_us ? INT64_MAX : now_us + delay_us;
    return events_push(&executor->failures, time_us, EVENT_MACHINE, (void *)(uintptr_t)machine);
}

/* Takes the next event, up to a time: the experiment's first, as in the simulator. */
static bool take_event(struct live_executor *executor, int64_t until_us,
                       struct omega_machine_event *out, int *status)
{
    const struct run_config *config = executor->process->config;
    struct event event;
    enum event_kind kind;
    if (live_next_event_us(executor) > until_us) {
        return false;
    }
    if (executor->event < config->event_count &&
        config->events[executor->event].time_us == live_next_event_us(executor)) {
        *out = config->events[executor->event++];
        return true;
    }
    events_pop(&executor->failures, &event, &kind);
    uint32_t machine = (uint32_t)(uintptr_t)event.what;
    *out = (struct omega_machine_event){
        .time_us = event.time_us,
        .machine = machine,
        .kind = executor->down[machine] ? OMEGA_EVENT_ADD : OMEGA_EVENT_REMOVE,
    };
    executor->down[machine] = !executor->down[machine];
    *status = plan_failure(executor, machine, event.time_us);
    return true;
}

int64_t live_next_event_us(struct live_executor *executor)
{
    const struct run_config *config = executor->process->config;
    int64_t next_us =
        executor->event < config->event_count ? config->events[executor->event].time_us : INT64_MAX;
    int64_t failure_us = events_next_us(&executor->failures);
    return failure_us < next_us ? failure_us : next_us;
}

/* Lets the instances know whose tasks were lost, before anything is told of it. */
static void tell_losers(struct live_executor *executor, const struct store_release_result *lost,
                        uint32_t count)
{
    struct live_process *process = executor->process;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = LIVE_SCHEDULERS + lost[i].instance;
        if (lost[i].instance != OMEGA_INSTANCE_NONE && lost[i].job != 0) {
            atomic_fetch_add(&process->shared->slots[number].losses, 1);
            live_wake_up(process, number);
        }
    }
}

static int play(struct live_executor *executor, const struct omega_machine_event *event,
                int64_t now_us, omega_error_t *err)
{
    struct live_process *process = executor->process;
    const struct store_release_result *lost = NULL;
    uint32_t count = 0;
    uint64_t version = 0;
    process->slot->intent.job = executor->played + 1;
    live_intend_change(process, LIVE_INTENDS_EVENT, event, now_us);
    int rc = store_machine_event(process->store, event, process->config->lost, &lost, &count,
                                 &version, err);
    if (rc == OMEGA_OK) {
        struct log_place place = {.log = process->log, .version = version, .time_us = now_us};
        tell_losers(executor, lost, count);
        run_log_machine(&place, event, lost, count);
        live_sync(process);
        atomic_store(&process->slot->jobs, ++executor->played);
        live_intended(process);
    }
    return rc;
}

int live_play_events(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    struct omega_machine_event event;
    int64_t now_us = live_now_us(process);
    int status = OMEGA_OK;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && status == OMEGA_OK && now_us < process->config->horizon_us &&
           take_event(executor, now_us, &event, &status)) {
        rc = play(executor, &event, now_us, err);
    }
    return rc == OMEGA_OK && status != OMEGA_OK ? live_executor_no_memory(err) : rc;
}

/* Leaves out the events that were played before. */
static int leave_out(struct live_executor *executor, omega_error_t *err)
{
    uint64_t played = atomic_load(&executor->process->slot->jobs);
    struct omega_machine_event event;
    int status = OMEGA_OK;
    while (executor->played < played && status == OMEGA_OK &&
           take_event(executor, INT64_MAX, &event, &status)) {
        executor->played++;
    }
    return status == OMEGA_OK ? OMEGA_OK : live_executor_no_memory(err);
}

int live_open_machines(struct live_executor *executor, omega_error_t *err)
{
    const struct run_config *config = executor->process->config;
    uint32_t n = config->cell.machine_count;
    if (config->failures.up_s == NULL) {
        return leave_out(executor, err);
    }
    executor->random = calloc(n, sizeof *executor->random);
    executor->down = calloc(n, sizeof *executor->down);
    int status = executor->random == NULL || executor->down == NULL ? OMEGA_ENOMEM : OMEGA_OK;
    for (uint32_t m = 0; status == OMEGA_OK && m < n; m++) {
        omega_random_init(&executor->random[m], config->seed, RUN_FAILURES_STREAM, m);
        status = config->cell.machines[m].absent ? OMEGA_OK : plan_failure(executor, m, 0);
    }
    return status == OMEGA_OK ? leave_out(executor, err) : live_executor_no_memory(err);
}

void live_close_machines(struct live_executor *executor)
{
    events_release(&executor->failures);
    free(executor->random);
    free(executor->down);
}
