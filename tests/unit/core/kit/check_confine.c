/* SPDX-License-Identifier: MIT */
/* Tests of what a process that tries a module out tells of its end. */
#include "core/kit/confine.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/driver/isolate.h"
#include "core/plugin/running.h"
#include "tests/support/check_main.h"

struct trouble {
    struct finding finding;
    struct confine_limits limits;
    void (*make)(struct trouble *trouble);
    uint32_t seconds;
};

static void confined(void *context)
{
    struct trouble *trouble = context;
    confine(&trouble->finding, &trouble->limits);
    trouble->make(trouble);
    trouble->finding.ended = true;
}

/* Lets a process get into trouble, and tells what it found: valid until the next call. */
static const struct finding *get_into(void (*make)(struct trouble *trouble), uint32_t call_s,
                                      uint32_t total_s, int output)
{
    static struct finding found;
    struct isolate_end end;
    struct trouble *trouble =
        mmap(NULL, sizeof *trouble, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(trouble, MAP_FAILED);
    trouble->limits =
        (struct confine_limits){.call_s = call_s, .total_s = total_s, .output = output};
    trouble->make = make;
    ck_assert_int_eq(isolate_work(confined, trouble, 600, &end, NULL), 0);
    ck_assert(!end.overdue);
    found = trouble->finding;
    munmap(trouble, sizeof *trouble);
    return &found;
}

static void none(struct trouble *trouble)
{
    (void)trouble;
}

static void crash(struct trouble *trouble)
{
    (void)trouble;
    running_enter("place()", "bad", "tried", 7);
    raise(SIGFPE);
}

static void crash_outside(struct trouble *trouble)
{
    (void)trouble;
    raise(SIGABRT);
}

static void call_exit(struct trouble *trouble)
{
    (void)trouble;
    running_enter("init()", "bad", "tried", 0);
    exit(0);
}

static void exit_outside(struct trouble *trouble)
{
    (void)trouble;
    exit(0);
}

static void hang(struct trouble *trouble)
{
    (void)trouble;
    running_enter("place()", "bad", "tried", 8);
    for (;;) {
        pause();
    }
}

static void call_often(struct trouble *trouble)
{
    while (!confine_enough()) { /* longer than a call may take, but in many calls */
        running_enter("place()", "bad", "tried", 8);
        trouble->finding.calls++;
        usleep(1000);
        running_leave();
    }
}

static void print(struct trouble *trouble)
{
    (void)trouble;
    ck_assert_int_eq(write(STDOUT_FILENO, "out", 3), 3);
    ck_assert_int_eq(write(STDERR_FILENO, "err", 3), 3);
}

START_TEST(ends_are_told)
{
    const struct finding *found = get_into(none, 60, 60, -1);
    ck_assert(found->ended && !found->wrong);
    found = get_into(crash, 60, 60, -1);
    ck_assert(!found->ended && found->wrong);
    ck_assert_str_eq(found->text,
                     "crash, signal 8, in place() of module 'bad' (scheduler 'tried'), job 7");
    found = get_into(crash_outside, 60, 60, -1);
    ck_assert(found->wrong);
    ck_assert_str_eq(found->text, "crash, signal 6, between two calls: the module has damaged "
                                  "memory that is not its own");
    found = get_into(call_exit, 60, 60, -1);
    ck_assert(!found->ended && found->wrong);
    ck_assert_str_eq(found->text, "called exit() in init() of module 'bad' (scheduler 'tried')");
    found = get_into(exit_outside, 60, 60, -1);
    ck_assert(!found->ended && !found->wrong);
}
END_TEST

START_TEST(time_is_limited)
{
    const struct finding *found = get_into(hang, 1, 60, -1);
    ck_assert(!found->ended && found->wrong);
    ck_assert_str_eq(found->text, "has not returned for 2 s, in place() of module 'bad' "
                                  "(scheduler 'tried'), job 8");
    found = get_into(call_often, 1, 3, -1);
    ck_assert_msg(found->ended && !found->wrong, "%s", found->text);
}
END_TEST

START_TEST(output_is_kept)
{
    char text[10] = "";
    int output = memfd_create("check-confine", MFD_CLOEXEC);
    ck_assert_int_ge(output, 0);
    ck_assert(get_into(print, 60, 60, output)->ended);
    ck_assert_int_eq(pread(output, text, sizeof text - 1, 0), 6);
    ck_assert_str_eq(text, "outerr");
    close(output);
}
END_TEST

#ifndef OMEGA_DEBUG /* a sanitizer needs more addresses than there are allowed */
static void take_memory(struct trouble *trouble)
{
    size_t taken = 0;
    void *volatile piece = NULL; /* a compiler may leave an allocation out that nobody looks at */
    do {
        piece = malloc((size_t)1 << 30);
        taken += piece != NULL;
    } while (taken < 64 && piece != NULL);
    trouble->finding.jobs = taken;
}

START_TEST(memory_is_limited)
{
    ck_assert_uint_lt(get_into(take_memory, 60, 60, -1)->jobs, 4);
}
END_TEST
#endif

static void add_cases(Suite *suite)
{
    check_case(suite, "ends", ends_are_told);
    check_case(suite, "time", time_is_limited);
    check_case(suite, "output", output_is_kept);
#ifndef OMEGA_DEBUG
    check_case(suite, "memory", memory_is_limited);
#endif
}

CHECK_MAIN("confine", add_cases)
