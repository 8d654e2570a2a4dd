/* SPDX-License-Identifier: MIT */
/* Tests of lent memory: what can be read, what the host can write, what faults are said to be. */
#include "core/kit/lend.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check_main.h"
#include "tests/support/child.h"

#define SIZE 10000u

struct touch {
    const char *address;
    bool write;
    bool lent; /* the fault lies in what was lent */
    char said[100];
};

static struct touch *touched; /* for the handler */

static void on_fault(int number, siginfo_t *info, void *context)
{
    const char *what;
    const char *name;
    (void)number;
    (void)context;
    touched->lent = lend_explain(info->si_addr, &what, &name);
    if (touched->lent) {
        snprintf(touched->said, sizeof touched->said, "%s%s", what, name);
    }
    _exit(0);
}

/* In a process of its own. */
static void touch(void *context, struct trouble *trouble)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    touched = context;
    sigaction(SIGSEGV, &action, NULL);
    if (touched->write) {
        *(volatile char *)(uintptr_t)touched->address = 1;
    } else {
        (void)*(const volatile char *)touched->address;
    }
    trouble_add(trouble, "no fault");
}

/* What a fault at an address is said to be; "" where there is none, "?" for another one. */
static const char *fault_at(const char *address, bool write)
{
    static char said[100];
    struct touch *how = shared_memory(sizeof *how);
    struct trouble *trouble = shared_memory(sizeof *trouble);
    how->address = address;
    how->write = write;
    child_run(touch, how, trouble);
    snprintf(said, sizeof said, "%s", trouble->count > 0 ? "" : how->lent ? how->said : "?");
    shared_memory_free(how, sizeof *how);
    shared_memory_free(trouble, sizeof *trouble);
    return said;
}

static struct lender *open_lender(bool retire)
{
    struct lender *lender;
    omega_error_t err = {0};
    ck_assert_int_eq(lender_open(SIZE, retire, &lender, &err), 0);
    return lender;
}

START_TEST(what_is_lent_can_be_read_and_not_written)
{
    struct lender *lender = open_lender(false);
    ck_assert_int_eq(lender_begin(lender, NULL), 0);
    const char *first = lender_put(lender, "one", 4, "first");
    const char *second = lender_put(lender, "two", 4, "second");
    ck_assert_str_eq(first, "one");
    ck_assert_str_eq(second, "two");
    ck_assert_str_eq(fault_at(first, false), "");
    ck_assert_str_eq(fault_at(first, true), "wrote to first");
    ck_assert_str_eq(fault_at(second + 3, true), "wrote to second");
    ck_assert_str_eq(fault_at((const char *)64, true), "?");
    memcpy(lender_writable(lender, second), "six", 4);
    ck_assert_str_eq(second, "six");
    lender_end(lender);
    lender_close(lender);
}
END_TEST

START_TEST(what_was_lent_is_gone)
{
    struct lender *lender = open_lender(true);
    ck_assert_int_eq(lender_begin(lender, NULL), 0);
    const char *old = lender_put(lender, "one", 4, "first");
    const char *written = lender_writable(lender, old);
    lender_end(lender);
    ck_assert_int_eq(lender_begin(lender, NULL), 0);
    const char *next = lender_put(lender, "two", 4, "another");
    ck_assert_ptr_ne(old, next);
    ck_assert_str_eq(next, "two");
    ck_assert_str_eq(fault_at(next, false), "");
    ck_assert_str_eq(fault_at(old, false), "used after the call that lent it: first");
    ck_assert_str_eq(fault_at(written, true), "used after the call that lent it: first");
    lender_end(lender);
    lender_close(lender);
    ck_assert_str_eq(fault_at(old, false), "?");
}
END_TEST

START_TEST(without_retiring_it_is_the_same_memory)
{
    struct lender *lender = open_lender(false);
    const char *first = NULL;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(lender_begin(lender, NULL), 0);
        const char *lent = lender_put(lender, &i, sizeof i, "number");
        first = i == 0 ? lent : first;
        ck_assert_ptr_eq(lent, first);
        ck_assert_int_eq(memcmp(lent, &i, sizeof i), 0);
        lender_end(lender);
    }
    lender_close(lender);
}
END_TEST

START_TEST(there_is_so_much_and_no_more)
{
    struct lender *lender = open_lender(true);
    char *much = calloc(4 * SIZE, 1);
    for (int i = 0; i < 100; i++) { /* more loans than are kept */
        ck_assert_int_eq(lender_begin(lender, NULL), 0);
        ck_assert_ptr_nonnull(lender_put(lender, much, SIZE, "much"));
        ck_assert_ptr_null(lender_put(lender, much, SIZE, "more"));
        ck_assert_ptr_nonnull(lender_put(lender, much, 0, "nothing"));
        lender_end(lender);
    }
    ck_assert_int_eq(lender_begin(lender, NULL), 0);
    uint32_t parts = 0;
    while (lender_put(lender, much, 1, "part") != NULL) {
        parts++;
    }
    ck_assert_uint_eq(parts, 32);
    lender_close(lender);
    lender_close(NULL);
    free(much);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "read, not write", what_is_lent_can_be_read_and_not_written);
    check_case(suite, "gone", what_was_lent_is_gone);
    check_case(suite, "the same", without_retiring_it_is_the_same_memory);
    check_case(suite, "so much", there_is_so_much_and_no_more);
}

CHECK_MAIN("lend", add_cases)
