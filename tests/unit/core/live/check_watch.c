/* SPDX-License-Identifier: MIT */
/* Rates between two looks: of a page that was there, of a new one, and of one that may not have
 * been readable. */
#include "core/live/watch.h"
#include "tests/support/check_main.h"

static struct status_process now[2];
static struct status_process before[1];

/* Two seconds in which process 2 made 10 successful transactions; process 3 has a page only now. */
static struct watch two_looks(void)
{
    now[0].page.number = before[0].page.number = 2;
    before[0].page.counts[PAGE_SUCCESSFUL] = 100;
    now[0].page.counts[PAGE_SUCCESSFUL] = 110;
    before[0].page.outcomes[OMEGA_ACCEPTED] = 1000;
    now[0].page.outcomes[OMEGA_ACCEPTED] = 1030;
    now[1].page.number = 3;
    now[1].page.counts[PAGE_SUCCESSFUL] = 50;
    now[1].page.outcomes[OMEGA_ACCEPTED] = 70;
    return (struct watch){.now = {.processes = now, .process_count = 2},
                          .before = {.processes = before, .process_count = 1},
                          .between_s = 2};
}

START_TEST(test_new_page)
{
    const struct watch watch = two_looks();
    ck_assert_ptr_eq(watch_before(&watch, &now[0].page), &before[0].page);
    ck_assert_ptr_null(watch_before(&watch, &now[1].page));
    ck_assert_double_eq(watch_rate(&watch, PAGE_SUCCESSFUL), 30);
    ck_assert_double_eq(watch_placements(&watch), 50);
}
END_TEST

/* What a page counted before it could be read was not counted since the last look. */
START_TEST(test_damaged_page)
{
    struct watch watch = two_looks();
    watch.before.damaged = 1;
    ck_assert_double_eq(watch_page_rate(&watch, &now[1].page, PAGE_SUCCESSFUL), 0);
    ck_assert_double_eq(watch_rate(&watch, PAGE_SUCCESSFUL), 5);
    ck_assert_double_eq(watch_placements(&watch), 15);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "new page", test_new_page);
    check_case(suite, "damaged page", test_damaged_page);
}

CHECK_MAIN("watch", add_cases)
