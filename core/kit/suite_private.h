/* SPDX-License-Identifier: MIT */
/*
 * What the files of the suite share: suite.c (running checks, telling results), suite_checks.c (the
 * checks) and suite_work.c (what they let a process do).
 */
#ifndef OMEGA_CORE_KIT_SUITE_PRIVATE_H
#define OMEGA_CORE_KIT_SUITE_PRIVATE_H

#include "core/kit/finding.h"
#include "core/kit/suite.h"
#include "core/kit/trial.h"

#define PRINTED_MAX 200u /* bytes of a line that a process has printed */

struct suite {
    const struct suite_options *options;
    struct finding *finding;     /* of the process that ran last; shared with it */
    int output;                  /* gets what processes print; -1 = nowhere */
    char printed[PRINTED_MAX];   /* the first that one of them printed; "" = nothing */
    bool loads;                  /* the module can be loaded */
    struct suite_result *result; /* of the check that is running */
    omega_error_t *err;
};

/* What a process does with the loaded module. Notes what it finds. */
typedef void suite_work(const struct suite *suite, const struct module *module,
                        const struct trial_plan *plan, struct finding *finding);

struct suite_check {
    const char *name;
    const char *about;
    void (*run)(struct suite *suite);
};

extern const struct suite_check suite_checks[];
extern const uint32_t suite_check_count;

/* Lets a process of its own load the module and do the work; what it found is in suite->finding,
 * and, if that is a fault, in the result. True if it found none. */
bool suite_try(struct suite *suite, suite_work *work, const struct trial_plan *plan);

/* The result of the running check is a failure, unless it is one already. */
void suite_fail(struct suite *suite, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The check is skipped. */
void suite_skip(struct suite *suite, const char *why);

suite_work suite_work_loaded;  /* loading is all, and a look at the options given */
suite_work suite_work_imports; /* looks at what the module takes from elsewhere */
suite_work suite_work_options; /* a trial with each option at its ends */
suite_work suite_work_trial;   /* a trial */
suite_work suite_work_pair;    /* a trial beside others that come and go */
suite_work suite_work_statics; /* the same, and looks at the module's writable memory */
suite_work suite_work_memory;  /* many jobs, and looks at the memory in use */

#endif
