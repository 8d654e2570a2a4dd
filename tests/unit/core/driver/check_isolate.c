/* SPDX-License-Identifier: MIT */
/* Work in a process of its own: exit codes, signals, and memory that is not shared. */
#include "core/driver/isolate.h"

#include <signal.h>
#include <unistd.h>

#include "tests/support/check_main.h"

START_TEST(test_exit_codes)
{
    for (int code = 0; code < 256; code += 51) {
        struct isolate_end end = {-1, -1};
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
        struct isolate_end end = {-1, -1};
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

static void add_cases(Suite *suite)
{
    check_case(suite, "exit codes", test_exit_codes);
    check_case(suite, "signals", test_signals);
    check_case(suite, "memory", test_memory);
}

CHECK_MAIN("isolate", add_cases)
