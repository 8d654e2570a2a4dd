/* SPDX-License-Identifier: MIT */
/* Work in a process of its own: exit codes, signals, and memory that is not shared. */
#include "core/driver/isolate.h"

#include <signal.h>
#include <unistd.h>

#include "tests/support/check_main.h"
#include "tests/support/child.h"

START_TEST(test_exit_codes)
{
    for (int code = 0; code < 256; code += 51) {
        struct isolate_end end = {.code = -1, .signal = -1};
        int side = isolate(&end, NULL);
        if (side == 1) {
            _exit(code);
        }
        ck_assert_int_eq(side, 0);
        ck_assert_int_eq(end.code, code);
        ck_assert_int_eq(end.signal, 0);
    }
}
END_TEST

START_TEST(test_signals)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct isolate_end end = {.code = -1, .signal = -1};
        int side = isolate(&end, NULL);
        if (side == 1) {
            signal(signals[i], SIG_DFL);
            raise(signals[i]);
            _exit(0);
        }
        ck_assert_int_eq(side, 0);
        ck_assert_int_eq(end.code, 0);
        ck_assert_int_eq(end.signal, signals[i]);
    }
}
END_TEST

START_TEST(test_memory)
{
    struct isolate_end end;
    int value = 1;
    int side = isolate(&end, NULL);
    if (side == 1) {
        value = 2;
        _exit(value);
    }
    ck_assert_int_eq(end.code, 2);
    ck_assert_int_eq(value, 1);
}
END_TEST

struct shared_work {
    int value;
    void (*end)(void);
};

static void work(void *context)
{
    struct shared_work *shared = context;
    shared->value = 2;
    if (shared->end != NULL) {
        shared->end();
    }
}

static void end_by_code(void)
{
    _exit(7);
}

static void end_by_signal(void)
{
    signal(SIGUSR1, SIG_DFL);
    raise(SIGUSR1);
}

static void end_never(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* as stubborn as can be */
    for (;;) {
        pause();
    }
}

/* Lets a copy work, `limit_s` seconds at most. */
static struct isolate_end work_with(void (*how)(void), uint32_t limit_s)
{
    struct shared_work *shared = shared_memory(sizeof *shared);
    struct isolate_end end = {.code = -1, .signal = -1, .overdue = true, .wall_us = -1};
    shared->end = how;
    ck_assert_int_eq(isolate_work(work, shared, limit_s, &end, NULL), 0);
    ck_assert_int_eq(shared->value, 2);
    ck_assert_int_ge(end.wall_us, 0);
    shared_memory_free(shared, sizeof *shared);
    return end;
}

START_TEST(test_work)
{
    struct isolate_end end = work_with(NULL, 600);
    ck_assert_int_eq(end.code, 0);
    ck_assert_int_eq(end.signal, 0);
    ck_assert(!end.overdue);
    end = work_with(end_by_code, 600);
    ck_assert_int_eq(end.code, 7);
    end = work_with(end_by_signal, 600);
    ck_assert_int_eq(end.signal, SIGUSR1);
    ck_assert(!end.overdue);
}
END_TEST

START_TEST(test_overdue)
{
    struct isolate_end end = work_with(end_never, 1);
    ck_assert(end.overdue);
    ck_assert_int_eq(end.signal, SIGKILL);
    ck_assert_int_ge(end.wall_us, 1000000);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "exit codes", test_exit_codes);
    check_case(suite, "signals", test_signals);
    check_case(suite, "memory", test_memory);
    check_case(suite, "work in a copy", test_work);
    check_case(suite, "work that does not end", test_overdue);
}

CHECK_MAIN("isolate", add_cases)
