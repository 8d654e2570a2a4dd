/* SPDX-License-Identifier: MIT */
/* Tasks done by processes: each once, whatever the number of workers; deaths, stopping. */
#include "core/driver/workers.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check_main.h"

#define TASKS 40u

/* What the callbacks see. */
struct seen {
    int started[TASKS];
    int told[TASKS];  /* answers */
    int ended[TASKS]; /* by themselves */
    int died[TASKS];  /* signal, or 1000 + exit code */
    uint32_t begun;
    uint32_t most; /* at one time */
    uint32_t running;
    uint32_t looks;
    uint32_t prepared; /* in a worker */
    uint32_t bad;      /* the task that does not end well; TASKS: none */
    int signal;        /* how; 0: by exit(3) */
    bool stop;
    uint32_t stop_after; /* tasks that have ended; 0: never */
};

static void prepare(void *context)
{
    struct seen *seen = context;
    seen->prepared++;
}

static void leave(void *context)
{
    (void)context;
    _exit(0);
}

static void work(void *context, uint32_t task, struct worker *worker)
{
    const struct seen *seen = context;
    int answer = (int)(task * task) * (seen->prepared == 1 ? 1 : -1);
    if (task == seen->bad && seen->signal != 0) {
        signal(seen->signal, SIG_DFL);
        raise(seen->signal);
    }
    if (task == seen->bad) {
        _exit(3);
    }
    if (seen->stop_after > 0 && task >= seen->stop_after) {
        while (*worker_stop(worker) == 0) {
            usleep(1000);
        }
        answer = -1;
    }
    worker_tell(worker, &answer, sizeof answer);
}

static void begun(void *context, uint32_t task)
{
    struct seen *seen = context;
    seen->started[task]++;
    seen->begun++;
    seen->running++;
    seen->most = seen->running > seen->most ? seen->running : seen->most;
}

static void told(void *context, uint32_t task, const void *bytes, size_t size)
{
    struct seen *seen = context;
    ck_assert_uint_eq(size, sizeof(int));
    memcpy(&seen->told[task], bytes, size);
}

static void ended(void *context, uint32_t task, const struct isolate_end *end)
{
    struct seen *seen = context;
    seen->running--;
    if (end == NULL) {
        seen->ended[task]++;
        seen->stop |= seen->stop_after > 0 && task + 1 == seen->stop_after;
    } else {
        seen->died[task] = end->signal != 0 ? end->signal : 1000 + end->code;
    }
}

static void look(void *context)
{
    struct seen *seen = context;
    seen->looks++;
}

static bool stops(void *context)
{
    const struct seen *seen = context;
    return seen->stop;
}

static int run(struct seen *seen, uint32_t jobs, omega_error_t *err)
{
    const struct workers workers = {.jobs = jobs,
                                    .count = TASKS,
                                    .context = seen,
                                    .prepare = prepare,
                                    .leave = leave,
                                    .work = work,
                                    .begun = begun,
                                    .told = told,
                                    .ended = ended,
                                    .look = look,
                                    .stops = stops};
    return workers_run(&workers, err);
}

START_TEST(test_every_task_once)
{
    static const uint32_t jobs[] = {1, 2, 3, 100};
    for (size_t j = 0; j < sizeof jobs / sizeof jobs[0]; j++) {
        struct seen seen = {.bad = TASKS};
        ck_assert_int_eq(run(&seen, jobs[j], NULL), 0);
        for (uint32_t i = 0; i < TASKS; i++) {
            ck_assert_int_eq(seen.started[i], 1);
            ck_assert_int_eq(seen.told[i], (int)(i * i));
            ck_assert_int_eq(seen.ended[i], 1);
        }
        ck_assert_uint_le(seen.most, jobs[j]);
        ck_assert_uint_eq(seen.running, 0);
        ck_assert_uint_gt(seen.looks, 0);
        ck_assert_uint_eq(seen.prepared, 0); /* only in the workers */
    }
}
END_TEST

START_TEST(test_a_death)
{
    static const int ways[] = {SIGKILL, SIGTERM, 0};
    for (size_t w = 0; w < 3; w++) {
        struct seen seen = {.bad = 7, .signal = ways[w]};
        ck_assert_int_eq(run(&seen, 2, NULL), 0);
        for (uint32_t i = 0; i < TASKS; i++) {
            ck_assert_int_eq(seen.ended[i], i != 7);
            ck_assert_int_eq(seen.died[i], i != 7 ? 0 : ways[w] != 0 ? ways[w] : 1003);
        }
    }
}
END_TEST

START_TEST(test_stop)
{
    struct seen seen = {.bad = TASKS, .stop_after = 5};
    ck_assert_int_eq(run(&seen, 3, NULL), 0);
    ck_assert_uint_lt(seen.begun, TASKS);
    for (uint32_t i = 0; i < TASKS; i++) {
        ck_assert_int_eq(seen.ended[i], seen.started[i]); /* what had begun came to its end */
        ck_assert_int_eq(seen.told[i], seen.started[i] == 0 ? 0 : i < 5 ? (int)(i * i) : -1);
    }
}
END_TEST

START_TEST(test_none)
{
    struct seen seen = {.bad = TASKS};
    const struct workers workers = {.jobs = 4, .context = &seen, .stops = stops, .look = look};
    ck_assert_int_eq(workers_run(&workers, NULL), 0);
    ck_assert_uint_ge(workers_cpus(), 1);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "every task once", test_every_task_once);
    check_case(suite, "a death", test_a_death);
    check_case(suite, "stop", test_stop);
    check_case(suite, "none", test_none);
}

CHECK_MAIN("workers", add_cases)
