/* SPDX-License-Identifier: MIT */
/* The life of a trial, and the course of its jobs: see trial.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kit/confine.h"
#include "core/kit/trial_private.h"

#define SCHEDULER "tried" /* how messages call the scheduler that the instance belongs to */
#define PIECE_MAX 1024u   /* larger pieces of memory are not painted */
#define PIECES 16u        /* of each size: more than the allocator has at hand */
#define LENT_BYTES ((size_t)8 << 20)

static void keep_log(void *context, enum omega_log_level level, const char *message)
{
    struct finding *finding = ((struct trial *)context)->finding;
    bool counter = strstr(finding->heard, "is ignored:") != NULL; /* a check looks for this one */
    if (level <= OMEGA_LOG_WARNING && !counter) {
        size_t length = strnlen(message, sizeof finding->heard - 1);
        memcpy(finding->heard, message, length);
        finding->heard[length] = '\0';
    }
}

/* Remembers a name; false if there are too many. */
static bool keep_count(void *context, const char *name, int64_t delta)
{
    struct trial *trial = context;
    (void)delta;
    for (uint32_t i = 0; i < trial->counter_count; i++) {
        if (strcmp(trial->counters[i], name) == 0) {
            return true;
        }
    }
    if (trial->counter_count == TRIAL_COUNTERS) {
        return false;
    }
    snprintf(trial->counters[trial->counter_count++], TRIAL_COUNTER_BYTES, "%s", name);
    return true;
}

/* The text of an error without what is said elsewhere: "module 'x' (scheduler 'y')". */
static const char *short_text(const omega_error_t *err)
{
    const char *rest = strstr(err->text, "(scheduler '" SCHEDULER "')");
    return rest == NULL ? err->text : rest + strlen("(scheduler '" SCHEDULER "'), ");
}

/* Leaves a pattern in small pieces of memory that are free, for the next ones to get. */
static void paint_heap(uint8_t pattern)
{
    void *pieces[PIECES];
    for (size_t size = 16; size <= PIECE_MAX; size += 16) {
        for (uint32_t i = 0; i < PIECES; i++) {
            pieces[i] = malloc(size);
            if (pieces[i] != NULL) {
                memset(pieces[i], pattern, size);
                __asm__ volatile("" : : "r"(pieces[i]) : "memory"); /* it is not in vain */
            }
        }
        for (uint32_t i = 0; i < PIECES; i++) {
            free(pieces[i]);
        }
    }
}

static int instance_start(struct trial *trial)
{
    const struct trial_plan *plan = &trial->plan;
    omega_error_t err = {0};
    struct instance_config config = {
        .module = trial->module,
        .scheduler = SCHEDULER,
        .options = trial->options,
        .catalogue = trial->catalogue,
        .seed = plan->seed,
        .stream = plan->number,
        .number = plan->number,
        .machine_count = plan->known == 0 ? plan->machines : plan->known,
        .context = trial,
        .log = keep_log,
        .count = keep_count,
    };
    if (plan->pattern != 0) {
        paint_heap(plan->pattern);
    }
    trial->finding->heard[0] = '\0';
    trial->finding->calls++;
    if (instance_create(&config, &trial->instance, &err) == OMEGA_OK) {
        trial->host = *instance_host(trial->instance);
        return 0;
    }
    const char *heard = trial->finding->heard;
    return finding_wrong(trial->finding, "%s%s%s", short_text(&err), heard[0] == '\0' ? "" : ": ",
                         heard);
}

int trial_create(const struct module *module, const json_t *options, const struct trial_plan *plan,
                 struct finding *finding, struct trial **trial)
{
    omega_error_t err = {0};
    struct trial *made = calloc(1, sizeof *made);
    *trial = made;
    if (made == NULL) {
        return finding_unable(finding, "no memory for a trial");
    }
    made->plan = *plan;
    made->finding = finding;
    made->module = module;
    made->options = options;
    omega_random_init(&made->random, plan->seed, "trial", plan->number);
    if (trial_cell_create(made) != 0) {
        return -1;
    }
    if (plan->memory != TRIAL_LIVE &&
        lender_open(LENT_BYTES, plan->memory == TRIAL_RETIRED, &made->lender, &err) != OMEGA_OK) {
        return finding_unable(finding, "%s", err.text);
    }
    return instance_start(made);
}

void trial_destroy(struct trial *trial)
{
    if (trial == NULL) {
        return;
    }
    trial->finding->calls++;
    instance_destroy(trial->instance);
    lender_close(trial->lender);
    trial_cell_destroy(trial);
    free(trial->tasks);
    free(trial->placed);
    free(trial->machine_of);
    free(trial->last_claims);
    free(trial->last_results);
    free(trial->results);
    free(trial->sent);
    free(trial);
}

int trial_renew(struct trial *trial)
{
    trial->finding->calls++;
    instance_destroy(trial->instance);
    trial->instance = NULL;
    return instance_start(trial);
}

/* What is left of a job that is not planned any further is given up. */
static int settle(struct trial *trial)
{
    struct trial_job *job = &trial->job;
    omega_error_t err = {0};
    uint32_t given_up;
    if (job->unplaced > 0 &&
        store_abandon(trial->store, job->job.id, &given_up, NULL, &err) != OMEGA_OK) {
        return finding_unable(trial->finding, "%s", err.text);
    }
    trial->finding->jobs++;
    return trial_cell_release(trial, job->unplaced > 0);
}

/* Leaves no room anywhere. */
static int stuff(struct trial *trial)
{
    int rc = 0;
    for (uint32_t m = 0; rc == 0 && m < trial->plan.machines; m++) {
        rc = trial_cell_rival(trial, m);
    }
    return rc;
}

int trial_step(struct trial *trial)
{
    const struct trial_plan *plan = &trial->plan;
    if (trial->planned == plan->jobs) {
        return 0;
    }
    trial->planned++;
    trial->now_us += 1000000;
    if (plan->events && omega_random_below(&trial->random, 4) == 0 &&
        trial_cell_event(trial) != 0) {
        return -1;
    }
    if ((plan->stuffed && trial->planned % 2 == 0 && stuff(trial) != 0) ||
        trial_job_draw(trial) != 0) {
        return -1;
    }
    do {
        if (trial_attempt(trial) != 0) {
            return -1;
        }
    } while (trial->job.unplaced > 0 && trial->job.attempt < plan->attempts);
    return settle(trial) != 0 ? -1 : 1;
}

int trial_run(struct trial *trial)
{
    int rc = 1;
    while (rc == 1 && !confine_enough()) {
        rc = trial_step(trial);
    }
    return rc < 0 ? -1 : 0;
}

int trial_drain(struct trial *trial)
{
    return trial_cell_clear(trial);
}

int trial_all(const struct module *module, const json_t *options, const struct trial_plan *plan,
              struct finding *finding)
{
    struct trial *trial;
    int rc = trial_create(module, options, plan, finding, &trial);
    if (rc == 0) {
        rc = trial_run(trial);
    }
    trial_destroy(trial);
    return rc;
}
