/* SPDX-License-Identifier: MIT */
/* The checks of the behaviour suite, in the order in which they run: see suite.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kit/suite_private.h"

#define OPTION_JOBS 30u   /* for each value of an option that is tried */
#define PATTERN_ONE 0xa5u /* contents of fresh memory and of the stack */
#define PATTERN_TWO 0x5au

/* A small cell that tasks of plain jobs fill to 60 per cent. */
static struct trial_plan plain(const struct suite *suite)
{
    return (struct trial_plan){
        .seed = suite->options->seed,
        .machines = 40,
        .jobs = 300,
        .groups = 1,
        .tasks = 8,
        .attempts = 1,
        .fill = 60,
    };
}

/* Everything at once, but for changes of machines. */
static struct trial_plan rich(const struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.groups = 3;
    plan.attempts = 3;
    plan.fill = 80;
    plan.gpus = true;
    plan.constraints = true;
    plan.optional = true;
    plan.rivals = true;
    return plan;
}

static void check_loads(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    suite->loads = suite_try(suite, suite_work_loaded, &plan);
    if (suite->finding->unable) {
        omega_error_set(suite->err, OMEGA_EINVAL, "%s", suite->finding->text);
    }
}

static void check_imports(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    suite_try(suite, suite_work_imports, &plan);
}

static void check_starts(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.jobs = 0;
    suite_try(suite, suite_work_options, &plan);
}

static void check_tasks(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.roomy = true;
    plan.picks = true;
    plan.groups = 3;
    plan.attempts = 3;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_claims(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.fill = 95;
    plan.attempts = 2;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_constraints(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.groups = 3;
    plan.attempts = 3;
    plan.rivals = true;
    plan.constraints = true;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_devices(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.gpus = true;
    plan.fill = 80;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_optional(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.optional = true;
    plan.groups = 2;
    plan.rivals = true;
    plan.attempts = 3;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_lent(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.memory = TRIAL_LENT;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_kept(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.memory = TRIAL_RETIRED;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_one(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.machines = 1;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_empty(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.jobs = 50;
    plan.machines = 0;
    if (suite_try(suite, suite_work_trial, &plan)) {
        plan.machines = 20;
        plan.absent = true;
        suite_try(suite, suite_work_trial, &plan);
    }
}

static void check_full(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.fill = 100;
    plan.stuffed = true;
    plan.machines = 20;
    plan.attempts = 4;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_huge(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.all_tasks = true;
    plan.tasks = OMEGA_TASKS_MAX;
    plan.jobs = 1;
    if (suite_try(suite, suite_work_trial, &plan)) {
        plan.roomy = true;
        plan.machines = 64;
        suite_try(suite, suite_work_trial, &plan);
    }
}

static void check_changes(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.events = true;
    plan.rivals = true;
    plan.attempts = 3;
    plan.machines = 12;
    plan.jobs = 1000;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_grows(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    plan.machines = 5000;
    plan.known = 1;
    plan.jobs = 50;
    suite_try(suite, suite_work_trial, &plan);
}

static void check_options(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.jobs = OPTION_JOBS;
    suite_try(suite, suite_work_options, &plan);
}

/* Compares two processes that should have planned alike. */
static void compare(struct suite *suite, const struct finding *first, const char *how)
{
    const struct finding *second = suite->finding;
    uint32_t marks = first->marks < second->marks ? first->marks : second->marks;
    for (uint32_t i = 0; i < marks; i++) {
        if (first->mark[i] != second->mark[i]) {
            suite_fail(suite, "the first job placed otherwise %s is number %u", how, i + 1);
            return;
        }
    }
}

/* Runs a second work and compares it with what the first, `finding` of the suite, found. */
static void try_again(struct suite *suite, const struct trial_plan *first, suite_work *work,
                      const struct trial_plan *second, const char *how)
{
    struct finding *found = malloc(sizeof *found);
    if (found == NULL) {
        suite_skip(suite, "no memory for what was found");
    } else if (suite_try(suite, suite_work_trial, first)) {
        *found = *suite->finding;
        if (suite_try(suite, work, second)) {
            compare(suite, found, how);
        }
    }
    free(found);
}

static void check_repeats(struct suite *suite)
{
    struct trial_plan first = rich(suite);
    first.events = true;
    struct trial_plan second = first;
    second.memory = TRIAL_RETIRED;
    second.pattern = PATTERN_ONE;
    try_again(suite, &first, suite_work_trial, &second,
              "in a second process, with other addresses and other contents of fresh memory,");
    second.pattern = PATTERN_TWO;
    if (suite->result->outcome == SUITE_OK) {
        try_again(suite, &first, suite_work_trial, &second,
                  "in a third process, with other addresses and other contents of fresh memory,");
    }
}

static void check_instances(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    plan.events = true;
    try_again(suite, &plan, suite_work_pair, &plan, "beside another instance than alone");
}

static void check_statics(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    suite_try(suite, suite_work_statics, &plan);
}

static void check_memory(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    struct suite_result *result = suite->result;
    plan.groups = 2;
    plan.tasks = 4;
    plan.attempts = 2;
    plan.rivals = true;
    plan.gpus = true;
    plan.optional = true;
    if (suite_try(suite, suite_work_memory, &plan) && result->text[0] == '\0') {
        const struct finding *finding = suite->finding;
        snprintf(result->text, sizeof result->text,
                 "%llu jobs, %llu tasks, %.2f us a job, the cell's share included",
                 (unsigned long long)finding->jobs, (unsigned long long)finding->placed,
                 (double)result->wall_us / (double)(finding->jobs > 0 ? finding->jobs : 1));
    }
}

static void check_quiet(struct suite *suite)
{
    struct trial_plan plan = rich(suite);
    suite_try(suite, suite_work_trial, &plan);
    const char *heard = suite->finding->heard;
    if (strstr(heard, "is ignored: expected") != NULL) {
        suite_fail(suite, "%s", heard);
    }
    if (suite->printed[0] != '\0' && suite->result->outcome == SUITE_OK) {
        suite_fail(suite, "prints '%s': use host->log()", suite->printed);
    }
}

static void check_places(struct suite *suite)
{
    struct trial_plan plan = plain(suite);
    const struct finding *finding = suite->finding;
    plan.roomy = true;
    plan.groups = 3;
    if (suite_try(suite, suite_work_trial, &plan) && finding->placed < finding->asked) {
        snprintf(suite->result->text, sizeof suite->result->text,
                 "note: places %llu of %llu tasks at the first attempt in a cell with room for all",
                 (unsigned long long)finding->placed, (unsigned long long)finding->asked);
    }
}

const struct suite_check suite_checks[] = {
    {"loads", "is a module of this omega, and what it declares is well-formed", check_loads},
    {"imports", "calls nothing that differs from run to run or reaches outside", check_imports},
    {"starts", "starts with its defaults, and with each option at both ends", check_starts},
    {"tasks", "claims tasks that are left, each once, on machines that exist", check_tasks},
    {"claims", "claims only room that the view shows", check_claims},
    {"constraints", "claims eligible machines only, and different ones if asked",
     check_constraints},
    {"devices", "claims GPUs only where the view shows room on them", check_devices},
    {"optional", "treats optional tasks by the rules; started() returns a time", check_optional},
    {"lent", "writes to nothing that it is lent: view, job, results", check_lent},
    {"kept", "keeps no pointer beyond the call", check_kept},
    {"full", "survives a cell where hardly anything fits, or nothing", check_full},
    {"changes", "survives machines that drain, fail, return and change", check_changes},
    {"one", "survives a cell of one machine", check_one},
    {"empty", "survives a cell without machines, and one where all are down", check_empty},
    {"huge", "survives a job of 2^20 tasks, without room for them and with", check_huge},
    {"grows", "survives a view of more machines than there were at init()", check_grows},
    {"options", "does all that with each option at both ends", check_options},
    {"repeats", "does the same again, whatever fresh memory holds", check_repeats},
    {"instances", "does the same beside other instances as alone", check_instances},
    {"statics", "writes to no static data", check_statics},
    {"memory", "leaks nothing over many jobs and many instances", check_memory},
    {"quiet", "prints nothing, and counts under names that can be reported", check_quiet},
    {"places", "places all tasks where there is room (a note, no fault)", check_places},
};

const uint32_t suite_check_count = sizeof suite_checks / sizeof *suite_checks;
