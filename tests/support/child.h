/* SPDX-License-Identifier: MIT */
/*
 * Child processes of a test, and what they find. A child cannot assert: it notes trouble in
 * memory that it shares with its parent, which looks at it after the child has ended, however it
 * ended.
 */
#ifndef OMEGA_TESTS_SUPPORT_CHILD_H
#define OMEGA_TESTS_SUPPORT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What is wrong: how often, and the first text. All 0: nothing. */
struct trouble {
    uint32_t count;
    char first[600];
};

/* Adds to what is wrong; the first text stays. */
void trouble_add(struct trouble *trouble, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds unless `true_or_not`; returns it. */
#define TROUBLE_EXPECT(trouble, true_or_not, ...)                                                  \
    ((true_or_not) ? true : (trouble_add((trouble), __VA_ARGS__), false))

/* Memory that children map too, all 0. Fails the test where there is none. */
void *shared_memory(size_t size);
void shared_memory_free(void *memory, size_t size);

typedef void child_body(void *context, struct trouble *trouble);

/* Starts a child that runs body(context, trouble) and ends with exit code 0. It dies with its
 * parent. `trouble` is in shared memory. */
pid_t child_start(child_body *body, void *context, struct trouble *trouble);

/* Waits for a child; returns 0, or the signal that it died by, or -1 for another exit code. */
int child_wait(pid_t pid);

/* Kills a child, stopped or not, and waits for it. */
void child_kill(pid_t pid);

/* Starts a child, waits for it, and adds a signal or an exit code to the trouble. */
void child_run(child_body *body, void *context, struct trouble *trouble);

#endif
