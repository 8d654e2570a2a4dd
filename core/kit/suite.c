/* SPDX-License-Identifier: MIT */
/* The behaviour suite: running its checks and telling what they found. See suite.h. */
#include <float.h>
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

#define GRACE_S 20u /* beyond what a process allows itself */
#define STEP 32u    /* bytes: with 16 on top of all steps, an odd number of 16 */
#define PIECE_MAX 1024u

/* ---- a process ---- */

struct assignment {
    const struct suite *suite;
    suite_work *work;
    const struct trial_plan *plan;
};

/* How far a process moves what lies in memory: by other numbers than those that the patterns, each
 * the other's complement, have in common. */
static uint32_t steps_of(uint8_t pattern)
{
    return pattern == 0 ? 0 : pattern + 2u;
}

/* Takes memory and keeps it, so that what comes behind lies elsewhere: pages one by one, which fill
 * the gaps that a module could be loaded into, and pieces of each size, since one that has been
 * freed would be given out again. */
static void take_memory(uint32_t steps)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *taken;
    for (uint32_t i = 0; i < steps; i++) {
        taken = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    for (size_t size = 16; size <= PIECE_MAX; size += 16) {
        for (uint32_t i = 0; i < steps; i++) {
            taken = malloc(size);
            __asm__ volatile("" : : "r"(taken) : "memory"); /* it is not in vain */
        }
    }
    taken = malloc((size_t)steps * STEP);
    __asm__ volatile("" : : "r"(taken) : "memory");
}

/* Other contents of fresh memory, other addresses, another environment: nothing that a module may
 * depend on. */
static void make_different(uint8_t pattern)
{
    take_memory(steps_of(pattern));
    mallopt(M_PERTURB, pattern);
    clearenv();
}

/* -ffast-math, for one, lets what links with it change this for the whole process. */
static bool computes_as_usual(void)
{
    volatile double one = 1.0;
    volatile double little = 0x1p-60;
    volatile double small = DBL_MIN;
    volatile double half = small / 2; /* is 0 where such small numbers are */
    return one + little == one && one - little == one && half * 2 == small;
}

/* In a process of its own. */
static void do_work(void *context)
{
    const struct assignment *assignment = context;
    uint8_t pattern = assignment->plan->pattern;
    uint8_t *moved = __builtin_alloca(steps_of(pattern) * STEP + 1u); /* the stack of the module */
    *(volatile uint8_t *)moved = pattern;
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
    if (pattern != 0) {
        make_different(pattern);
    }
    if (module_open(suite->options->module, NULL, &module, &err) != OMEGA_OK) {
        finding_wrong(finding, "%s", err.text);
    } else {
        assignment->work(suite, module, assignment->plan, finding);
        module_close(module);
    }
    if (!computes_as_usual()) {
        finding_wrong(finding, "changes how the whole process rounds or treats small numbers, and "
                               "with it what others compute ('-ffast-math' does so)");
    }
    finding->ended = true;
}

/* The first line that the process has printed; keeps the first of all of them. */
static void read_printed(struct suite *suite, char printed[PRINTED_MAX])
{
    ssize_t length = suite->output < 0 ? 0 : pread(suite->output, printed, PRINTED_MAX - 1, 0);
    printed[length > 0 ? length : 0] = '\0';
    printed[strcspn(printed, "\r\n")] = '\0';
    if (length > 0 && printed[0] == '\0') {
        snprintf(printed, PRINTED_MAX, "an empty line");
    }
    if (suite->printed[0] == '\0') {
        memcpy(suite->printed, printed, PRINTED_MAX);
    }
}

/* What is told of a process that has not come to its end and left no word, but `printed`. */
static void explain_end(const struct isolate_end *end, const char *printed, struct finding *finding)
{
    const char *said = printed[0] == '\0' ? "" : ": ";
    unsigned long long calls = finding->calls;
    if (finding->ended || finding->wrong) {
        return;
    }
    if (end->overdue) {
        finding_wrong(finding, "does not end: killed after %llu calls and %.0f s", calls,
                      (double)end->wall_us / 1e6);
    } else if (end->signal != 0) {
        finding_wrong(finding, "the process was killed by signal %d after %llu calls%s%s",
                      end->signal, calls, said, printed);
    } else {
        finding_wrong(finding, "ended the process, with exit code %d, after %llu calls%s%s",
                      end->code, calls, said, printed);
    }
}

bool suite_try(struct suite *suite, suite_work *work, const struct trial_plan *plan)
{
    struct assignment assignment = {suite, work, plan};
    struct finding *finding = suite->finding;
    struct isolate_end end = {0};
    char printed[PRINTED_MAX];
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
    read_printed(suite, printed);
    explain_end(&end, printed, finding);
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
