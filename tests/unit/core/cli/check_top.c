/* SPDX-License-Identifier: MIT */
/* omega top as text: which schedulers are shown where not all have room, and names that are cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/top_private.h"
#include "tests/support/check_main.h"

#define SCHEDULERS 12u
#define NAME "a-scheduler-with-a-long-name"

static struct status_process processes[SCHEDULERS];

/* A cell of which only the pages of a scheduler's instances are known. */
static struct watch instances(void)
{
    for (uint16_t i = 0; i < SCHEDULERS; i++) {
        processes[i] = (struct status_process){
            .page = {.number = 2u + i, .scheduler = NAME, .instance = i, .place = i}};
    }
    return (struct watch){.now = {.processes = processes, .process_count = SCHEDULERS}};
}

/* The text, which the caller frees; *first is the one that is shown first. */
static char *text(const struct watch *watch, uint32_t columns, uint32_t rows, uint32_t *first)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);
    *first = top_text(watch, columns, rows, *first, out);
    ck_assert_int_eq(fclose(out), 0);
    return bytes;
}

/* Whoever scrolls beyond the last one has not scrolled further than to it. */
START_TEST(test_first)
{
    const struct watch watch = instances();
    uint32_t first = 3;
    char *shown = text(&watch, 80, 16, &first);
    ck_assert_uint_eq(first, 3);
    ck_assert_ptr_nonnull(strstr(shown, "\n4 to "));
    free(shown);
    first = 1000;
    shown = text(&watch, 80, 16, &first);
    ck_assert_uint_gt(first, 3);
    ck_assert_uint_lt(first, SCHEDULERS);
    ck_assert_ptr_nonnull(strstr(shown, " to 12 of 12\n"));
    free(shown);
    shown = text(&watch, 80, TOP_ALL, &first);
    ck_assert_uint_eq(first, 0);
    free(shown);
}
END_TEST

/* A name that is too long keeps the instance's number, and is whole where there are columns. */
START_TEST(test_names)
{
    const struct watch watch = instances();
    uint32_t first = 0;
    char *shown = text(&watch, 80, TOP_ALL, &first);
    ck_assert_ptr_nonnull(strstr(shown, "\na-schedule/0 "));
    ck_assert_ptr_nonnull(strstr(shown, "\na-schedul/11 "));
    free(shown);
    shown = text(&watch, 90, TOP_ALL, &first);
    ck_assert_ptr_nonnull(strstr(shown, "\na-scheduler-with-a-l/0 "));
    free(shown);
    shown = text(&watch, 500, TOP_ALL, &first);
    ck_assert_ptr_nonnull(strstr(shown, "\n" NAME "/0   "));
    ck_assert_ptr_nonnull(strstr(shown, "\n" NAME "/11  "));
    free(shown);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "first", test_first);
    check_case(suite, "names", test_names);
}

CHECK_MAIN("top", add_cases)
