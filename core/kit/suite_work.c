/* SPDX-License-Identifier: MIT */
/* What the checks of the suite let a process do with a module: see suite_private.h. */
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kit/confine.h"
#include "core/kit/loaded.h"
#include "core/kit/suite_private.h"

#define LIVES 160u         /* of instances, when looking for what fini() leaves behind */
#define LIFE_JOBS 8u       /* in each of them */
#define NEIGHBOUR_JOBS 10u /* of an instance beside the one that is tried, before that starts */
#define WARM_JOBS 2000u    /* until the cell itself takes no more memory */
#define QUARTERS 4u
#define LEAST_PIECE 16  /* bytes that an allocation takes at least */
#define LEAST_LEAK 4096 /* bytes in a quarter of the jobs: what the cell needs moves, too */

void suite_work_loaded(const struct suite *suite, const struct module *module,
                       const struct trial_plan *plan, struct finding *finding)
{
    omega_error_t err = {0};
    (void)plan;
    if (module_options(module, suite->options->options, NULL, &err) != OMEGA_OK) {
        finding_unable(finding, "%s", err.text); /* not the module's fault */
    }
}

void suite_work_trial(const struct suite *suite, const struct module *module,
                      const struct trial_plan *plan, struct finding *finding)
{
    trial_all(module, suite->options->options, plan, finding);
}

/* ---- imports ---- */

/* Appends a name to a list of names with ", " between them, unless it is there or there is no
 * room. */
static void add_name(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    if (strstr(list, name) == NULL && used + strlen(name) + 3 < size) {
        snprintf(list + used, size - used, "%s%s", used == 0 ? "" : ", ", name);
    }
}

static void note_library(void *context, const char *name)
{
    struct finding *finding = context;
    if (finding->note[0] == '\0') {
        snprintf(finding->note, sizeof finding->note,
                 "links to %.100s, which has to be there, and the same, wherever the module runs",
                 name);
    }
}

static void judge_import(void *context, const char *name)
{
    struct finding *finding = context;
    const char *why;
    enum loaded_judgement judgement = loaded_judge(name, &why);
    if (judgement == LOADED_FORBIDDEN) {
        if (finding->wrong && strstr(finding->text, name) == NULL) {
            add_name(finding->heard, sizeof finding->heard, name);
        }
        finding_wrong(finding, "uses %s, which %s", name, why);
    } else if (judgement == LOADED_DOUBTFUL && finding->note[0] == '\0') {
        snprintf(finding->note, sizeof finding->note, "uses %s %s", name, why);
    }
}

void suite_work_imports(const struct suite *suite, const struct module *module,
                        const struct trial_plan *plan, struct finding *finding)
{
    omega_error_t err = {0};
    (void)suite;
    (void)plan;
    if (loaded_libraries(module, note_library, finding, &err) != OMEGA_OK ||
        loaded_imports(module, judge_import, finding, &err) != OMEGA_OK) {
        finding_unable(finding, "%s", err.text);
    } else if (finding->wrong && finding->heard[0] != '\0') {
        size_t used = strlen(finding->text);
        snprintf(finding->text + used, sizeof finding->text - used, "; also %s", finding->heard);
    }
}

/* ---- options ---- */

/* A trial with one option at one value. */
static int try_option(const struct suite *suite, const struct module *module,
                      const struct trial_plan *plan, struct finding *finding, const char *name,
                      json_t *value)
{
    json_t *options =
        suite->options->options == NULL ? json_object() : json_deep_copy(suite->options->options);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    snprintf(finding->during, sizeof finding->during, "with %.63s at %.64s", name,
             text == NULL ? "?" : text);
    json_object_set_new(options, name, value);
    int rc = trial_all(module, options, plan, finding);
    if (rc == 0) {
        finding->during[0] = '\0';
    }
    json_decref(options);
    free(text);
    return rc;
}

static int try_values(const struct suite *suite, const struct module *module,
                      const struct trial_plan *plan, struct finding *finding,
                      const struct omega_option *option)
{
    int rc = 0;
    switch (option->type) {
    case OMEGA_OPTION_INT:
        rc = try_option(suite, module, plan, finding, option->name,
                        json_integer((json_int_t)option->min));
        return rc != 0 ? rc
                       : try_option(suite, module, plan, finding, option->name,
                                    json_integer((json_int_t)option->max));
    case OMEGA_OPTION_REAL:
        rc = try_option(suite, module, plan, finding, option->name, json_real(option->min));
        return rc != 0
                   ? rc
                   : try_option(suite, module, plan, finding, option->name, json_real(option->max));
    case OMEGA_OPTION_BOOL:
        rc = try_option(suite, module, plan, finding, option->name, json_false());
        return rc != 0 ? rc : try_option(suite, module, plan, finding, option->name, json_true());
    default:
        for (size_t i = 0; rc == 0 && option->choices[i] != NULL; i++) {
            rc = try_option(suite, module, plan, finding, option->name,
                            json_string(option->choices[i]));
        }
        return rc;
    }
}

void suite_work_options(const struct suite *suite, const struct module *module,
                        const struct trial_plan *plan, struct finding *finding)
{
    const struct omega_scheduler *scheduler = module_scheduler(module);
    int rc = trial_all(module, suite->options->options, plan, finding);
    for (size_t i = 0; rc == 0 && i < scheduler->option_count; i++) {
        rc = try_values(suite, module, plan, finding, &scheduler->options[i]);
    }
    if (rc == 0 && finding->heard[0] != '\0') {
        snprintf(finding->note, sizeof finding->note, "it says: %.200s", finding->heard);
    }
}

/* ---- several instances ---- */

/* Takes over what went wrong in a neighbour. */
static int blame(struct finding *finding, const struct finding *neighbour)
{
    return neighbour->unable
               ? finding_unable(finding, "%s", neighbour->text)
               : finding_wrong(finding, "beside another instance: %.400s", neighbour->text);
}

static int start_neighbour(const struct suite *suite, const struct module *module,
                           const struct trial_plan *plan, uint32_t number, struct finding *finding,
                           struct trial **trial)
{
    struct trial_plan other = *plan;
    other.seed += number;
    other.number = number;
    int rc = trial_create(module, suite->options->options, &other, finding, trial);
    for (uint32_t i = 0; rc >= 0 && i < NEIGHBOUR_JOBS; i++) {
        rc = trial_step(*trial);
    }
    return rc < 0 ? -1 : 0;
}

/* Plans both trials in turn; halfway the neighbour ends and another one comes. */
static int run_beside(const struct suite *suite, const struct module *module,
                      const struct trial_plan *plan, struct trial *trial, struct finding *finding,
                      struct trial **neighbour, struct finding *other)
{
    int rc = 1;
    for (uint32_t job = 0; rc == 1 && !confine_enough(); job++) {
        if (job == plan->jobs / 2) {
            trial_destroy(*neighbour);
            *neighbour = NULL;
            if (start_neighbour(suite, module, plan, 2, other, neighbour) != 0) {
                return blame(finding, other);
            }
        }
        if (trial_step(*neighbour) < 0) {
            return blame(finding, other);
        }
        rc = trial_step(trial);
    }
    return rc;
}

void suite_work_pair(const struct suite *suite, const struct module *module,
                     const struct trial_plan *plan, struct finding *finding)
{
    struct finding *other = calloc(1, sizeof *other);
    struct trial *neighbour = NULL;
    struct trial *trial = NULL;
    if (other == NULL) {
        finding_unable(finding, "no memory for a second trial");
    } else if (start_neighbour(suite, module, plan, 1, other, &neighbour) != 0) {
        blame(finding, other);
    } else if (trial_create(module, suite->options->options, plan, finding, &trial) == 0) {
        run_beside(suite, module, plan, trial, finding, &neighbour, other);
    }
    trial_destroy(trial);
    trial_destroy(neighbour);
    free(other);
}

void suite_work_statics(const struct suite *suite, const struct module *module,
                        const struct trial_plan *plan, struct finding *finding)
{
    struct loaded_data *data = loaded_data_keep(module);
    size_t offset = 0;
    size_t bytes = 0;
    suite_work_pair(suite, module, plan, finding);
    if (!finding->wrong && !finding->unable && loaded_data_changed(data, &offset, &bytes)) {
        finding_wrong(finding,
                      "writes to static data, at %#zx of the file's image ('nm -n' names the "
                      "variable): all memory belongs into the state",
                      offset);
    }
    if (loaded_thread_data_changed(module)) {
        finding_wrong(finding, "writes to thread-local data, which all instances share: all memory "
                               "belongs into the state");
    }
    if (!loaded_data_visible()) {
        finding_unable(finding, "a sanitizer is at work, which guards static data");
    }
    loaded_data_free(data);
}

/* ---- memory ---- */

/* Bytes allocated and not freed. */
static int64_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

/* True if what is in use rises steadily: not by less than `least` in any quarter behind the first,
 * and in none by much less than on the average, as where the allocator's caches fill up. */
static bool rises(const int64_t bytes[QUARTERS], int64_t least)
{
    int64_t average = (bytes[QUARTERS - 1] - bytes[0]) / (QUARTERS - 1);
    for (uint32_t i = 1; i < QUARTERS; i++) {
        int64_t more = bytes[i] - bytes[i - 1];
        if (more < least || more < average / 2) {
            return false;
        }
    }
    return true;
}

/* Plans so many jobs, as far as time allows, and ends all of them; returns 1, or -1. */
static int plan_jobs(struct trial *trial, uint64_t jobs)
{
    int rc = 1;
    for (; rc == 1 && jobs > 0 && !confine_enough(); jobs--) {
        rc = trial_step(trial);
    }
    return rc == 1 && trial_drain(trial) == 0 ? 1 : -1;
}

/* Instances that come and go: the first lives fill the allocator's caches. */
static int look_at_lives(struct trial *trial, struct finding *finding)
{
    int64_t bytes[QUARTERS] = {0};
    int rc = 1;
    for (uint32_t life = 1; rc == 1 && life <= LIVES; life++) {
        rc = plan_jobs(trial, LIFE_JOBS);
        rc = rc == 1 && trial_renew(trial) == 0 ? 1 : -1;
        if (life % (LIVES / QUARTERS) == 0) {
            bytes[life / (LIVES / QUARTERS) - 1] = in_use();
        }
    }
    if (rc == 1 && rises(bytes, LEAST_PIECE * LIVES / QUARTERS)) {
        return finding_wrong(finding,
                             "leaks: fini() leaves about %lld bytes of each instance behind",
                             (long long)((bytes[3] - bytes[1]) / (LIVES / 2)));
    }
    return rc;
}

static int look_at_jobs(struct trial *trial, uint64_t jobs, struct finding *finding)
{
    int64_t bytes[QUARTERS] = {0};
    uint64_t before = finding->jobs;
    int rc = 1;
    for (uint32_t quarter = 0; rc == 1 && quarter < QUARTERS; quarter++) {
        rc = plan_jobs(trial, jobs / QUARTERS);
        bytes[quarter] = in_use();
    }
    if (rc == 1 && rises(bytes, LEAST_LEAK)) {
        return finding_wrong(finding, "leaks: about %.3g bytes a job, over %llu jobs",
                             (double)(bytes[3] - bytes[0]) / (double)(jobs / QUARTERS * 3),
                             (unsigned long long)(finding->jobs - before));
    }
    if (rc == 1 && confine_enough()) {
        snprintf(finding->note, sizeof finding->note, "%llu of %llu jobs, then time was up",
                 (unsigned long long)(finding->jobs - before), (unsigned long long)jobs);
    }
    return rc;
}

void suite_work_memory(const struct suite *suite, const struct module *module,
                       const struct trial_plan *plan, struct finding *finding)
{
    struct trial_plan many = *plan;
    struct trial *trial;
    if (confine_sanitized()) {
        finding_unable(finding, "a sanitizer is at work, which does not tell how much is in use");
        return;
    }
    many.jobs = UINT32_MAX;
    /* jobs first: what each of them leaves behind, each life does, too */
    if (trial_create(module, suite->options->options, &many, finding, &trial) == 0 &&
        plan_jobs(trial, WARM_JOBS) == 1 &&
        look_at_jobs(trial, suite->options->jobs, finding) == 1) {
        look_at_lives(trial, finding);
    }
    trial_destroy(trial);
}
