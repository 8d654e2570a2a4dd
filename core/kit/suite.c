/* SPDX-License-Identifier: MIT */
/* The behaviour suite: running its checks and telling what they found. See suite.h. */
#include <ctype.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/driver/isolate.h"
#include "core/kit/confine.h"
#include "core/kit/suite_private.h"

#define GRACE_S 20u    /* beyond what a process allows itself */
#define PAD_BYTES 100u /* times the pattern: moves what comes behind it */

/* ---- a process ---- */

struct assignment {
    const struct suite *suite;
    suite_work *work;
    const struct trial_plan *plan;
};

/* Other contents of fresh memory, other addresses, another environment: nothing that a module may
 * depend on. */
static void make_different(uint8_t pattern)
{
    if (pattern != 0) {
        void *pad = malloc((size_t)pattern * PAD_BYTES); /* is kept: it moves what comes behind */
        mallopt(M_PERTURB, pattern);
        clearenv();
        *(volatile uint8_t *)(pad == NULL ? &pattern : pad) = pattern; /* it is not in vain */
    }
}

/* In a process of its own. */
static void do_work(void *context)
{
    const struct assignment *assignment = context;
    const struct suite *suite = assignment->suite;
    struct finding *finding = suite->finding;
    struct confine_limits limits = {
        .call_s = suite->options->call_s,
        .total_s = suite->options->total_s,
        .output = suite->output,
    };
    omega_error_t err = {0};
    struct module *module;
    confine(finding, &limits);
    make_different(assignment->plan->pattern);
    if (module_open(suite->options->module, NULL, &module, &err) != OMEGA_OK) {
        finding_wrong(finding, "%s", err.text);
    } else {
        assignment->work(suite, module, assignment->plan, finding);
        module_close(module);
    }
    finding->ended = true;
}

/* Keeps the first of what processes have printed. */
static void keep_printed(struct suite *suite)
{
    char *printed = suite->printed;
    if (suite->output < 0 || printed[0] != '\0') {
        return;
    }
    ssize_t length = pread(suite->output, printed, sizeof suite->printed - 1, 0);
    printed[length > 0 ? length : 0] = '\0';
    printed[strcspn(printed, "\r\n")] = '\0';
    if (length > 0 && printed[0] == '\0') {
        snprintf(printed, sizeof suite->printed, "an empty line");
    }
}

/* What is told of a process that has not come to its end and left no word. */
static void explain_end(const struct isolate_end *end, struct finding *finding)
{
    unsigned long long calls = finding->calls;
    if (finding->ended || finding->wrong) {
        return;
    }
    if (end->overdue) {
        finding_wrong(finding, "does not end: killed after %llu calls and %.0f s", calls,
                      (double)end->wall_us / 1e6);
    } else if (end->signal != 0) {
        finding_wrong(finding, "the process was killed by signal %d after %llu calls", end->signal,
                      calls);
    } else {
        finding_wrong(finding, "ended the process, with exit code %d, after %llu calls", end->code,
                      calls);
    }
}

bool suite_try(struct suite *suite, suite_work *work, const struct trial_plan *plan)
{
    struct assignment assignment = {suite, work, plan};
    struct finding *finding = suite->finding;
    struct isolate_end end = {0};
    memset(finding, 0, sizeof *finding);
    if (suite->output >= 0 &&
        (ftruncate(suite->output, 0) != 0 || lseek(suite->output, 0, SEEK_SET) != 0)) {
        omega_error_set_errno(suite->err, NULL, "cannot keep what a module prints");
        return false;
    }
    fflush(stdout); /* what is buffered would be printed by the process too */
    fflush(stderr);
    if (isolate_work(do_work, &assignment,
                     suite->options->total_s + suite->options->call_s + GRACE_S, &end,
                     suite->err) != OMEGA_OK) {
        return false;
    }
    suite->result->wall_us += end.wall_us;
    explain_end(&end, finding);
    keep_printed(suite);
    if (finding->unable) {
        suite_skip(suite, finding->text);
    } else if (finding->wrong) {
        suite_fail(suite, "%s%s%s", finding->during, finding->during[0] == '\0' ? "" : ": ",
                   finding->text);
    } else if (finding->note[0] != '\0' && suite->result->text[0] == '\0') {
        snprintf(suite->result->text, sizeof suite->result->text, "%s", finding->note);
    }
    return !finding->unable && !finding->wrong;
}

/* ---- results ---- */

void suite_fail(struct suite *suite, const char *format, ...)
{
    struct suite_result *result = suite->result;
    if (result->outcome != SUITE_FAILED) {
        va_list args;
        va_start(args, format);
        vsnprintf(result->text, sizeof result->text, format, args);
        va_end(args);
        result->outcome = SUITE_FAILED;
    }
}

void suite_skip(struct suite *suite, const char *why)
{
    if (suite->result->outcome == SUITE_OK) {
        snprintf(suite->result->text, sizeof suite->result->text, "%s", why);
        suite->result->outcome = SUITE_SKIPPED;
    }
}

/* True if two texts differ in their numbers only. */
static bool is_alike(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, "0123456789");
        b += strspn(b, "0123456789");
        if (*a != *b) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        a++;
        b++;
    }
}

/* Tells a result. A failure that is that of an earlier check is told as such, not repeated. */
static void tell(const struct suite_result *results, uint32_t index,
                 void (*report)(void *context, const struct suite_result *result), void *context)
{
    struct suite_result told = results[index];
    for (uint32_t i = 0; told.outcome == SUITE_FAILED && i < index; i++) {
        if (results[i].outcome == SUITE_FAILED && is_alike(results[i].text, told.text)) {
            snprintf(told.text, sizeof told.text, "as '%s' does", results[i].check);
            break;
        }
    }
    report(context, &told);
}

/* ---- the suite ---- */

const char *suite_check_name(uint32_t index)
{
    return index < suite_check_count ? suite_checks[index].name : NULL;
}

const char *suite_check_about(uint32_t index)
{
    return index < suite_check_count ? suite_checks[index].about : NULL;
}

static int find_check(const char *name, omega_error_t *err)
{
    char names[260] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < suite_check_count; i++) {
        if (strcmp(suite_checks[i].name, name) == 0) {
            return OMEGA_OK;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ",
                                 suite_checks[i].name);
    }
    return omega_error_set(err, OMEGA_EINVAL, "no check '%.40s', expected one of: %s", name, names);
}

static int open_suite(struct suite *suite, omega_error_t *err)
{
    void *memory = mmap(NULL, sizeof *suite->finding, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return omega_error_set_errno(err, NULL, "cannot share memory with a process");
    }
    suite->finding = memory;
    suite->output = memfd_create("omega-output", MFD_CLOEXEC);
    return OMEGA_OK;
}

int suite_run(const struct suite_options *options,
              void (*report)(void *context, const struct suite_result *result), void *context,
              omega_error_t *err)
{
    omega_error_t own = {0};
    struct suite suite = {.options = options, .output = -1, .loads = true, .err = &own};
    struct suite_result *results = calloc(suite_check_count, sizeof *results);
    bool stop = false;
    if (results == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for results");
    }
    int rc = options->only == NULL ? OMEGA_OK : find_check(options->only, &own);
    rc = rc == OMEGA_OK ? open_suite(&suite, &own) : rc;
    for (uint32_t i = 0; rc == OMEGA_OK && !stop && i < suite_check_count; i++) {
        suite.result = &results[i];
        suite.result->check = suite_checks[i].name;
        if (options->only != NULL && strcmp(options->only, suite_checks[i].name) != 0) {
            continue;
        }
        if (suite.loads) {
            suite_checks[i].run(&suite);
        } else {
            suite_skip(&suite, "the module cannot be loaded");
        }
        rc = own.code;
        if (rc == OMEGA_OK) {
            tell(results, i, report, context);
            stop = options->first && results[i].outcome == SUITE_FAILED;
        }
    }
    if (suite.finding != NULL) {
        munmap(suite.finding, sizeof *suite.finding);
    }
    if (suite.output >= 0) {
        close(suite.output);
    }
    free(results);
    return rc == OMEGA_OK ? rc : omega_error_set(err, rc, "%s", own.text);
}
