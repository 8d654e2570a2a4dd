/* SPDX-License-Identifier: MIT */
/* The executor's journal: what is forgotten, damaged or of another boot counts from later. */
#include "core/live/journal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check_main.h"

static struct journal *journal;
static uint64_t boot;

static void begin(void)
{
    journal = calloc(1, JOURNAL_BYTES);
    ck_assert_ptr_nonnull(journal);
    boot = journal_boot("this one");
}

static void end(void)
{
    free(journal);
}

static int64_t seen(uint64_t version)
{
    struct journal_range range;
    journal_read(journal, boot, &range);
    return journal_seen_us(&range, version);
}

START_TEST(a_version_was_seen_at_the_first_entry_that_reaches_it)
{
    ck_assert_int_eq(seen(0), -1);
    journal_note(journal, boot, 5, 100);
    journal_note(journal, boot, 5, 150);
    journal_note(journal, boot, 9, 200);
    ck_assert_int_eq(seen(1), 100);
    ck_assert_int_eq(seen(5), 100);
    ck_assert_int_eq(seen(6), 200);
    ck_assert_int_eq(seen(9), 200);
    ck_assert_int_eq(seen(10), -1);
}
END_TEST

START_TEST(the_oldest_are_forgotten)
{
    uint32_t entries = journal_entries();
    for (uint32_t i = 1; i <= entries + 10; i++) {
        journal_note(journal, boot, i, i);
    }
    ck_assert_int_eq(seen(entries + 10), entries + 10);
    ck_assert_int_eq(seen(11), 11);
    ck_assert_int_eq(seen(1), 11); /* late, never early */
}
END_TEST

START_TEST(another_boot_had_another_clock)
{
    journal_note(journal, journal_boot("the one before"), 5, 100);
    ck_assert_int_eq(seen(5), -1);
    journal_note(journal, boot, 7, 50);
    ck_assert_int_eq(seen(5), 50);
}
END_TEST

/* Whatever byte is damaged, no version was seen earlier than it was; only the count is not covered,
 * by which entries are somebody else's. */
START_TEST(damage_never_makes_it_earlier)
{
    uint8_t *bytes = (uint8_t *)journal;
    for (uint32_t i = 0; i < 6; i++) {
        journal_note(journal, boot, 10 * (i + 1), 100 * (i + 1));
    }
    for (size_t at = 0; at < sizeof(uint64_t) + (6 * 24); at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1u << bit);
            for (uint32_t i = 0; i < 6; i++) {
                int64_t at_us = seen(10 * (i + 1));
                ck_assert_msg(at_us == -1 || at_us >= 100 * (i + 1), "byte %zu bit %d", at, bit);
                bool gone = at >= sizeof(uint64_t) && i <= (at - sizeof(uint64_t)) / 24;
                ck_assert_msg(!gone || at_us != 100 * (i + 1), "byte %zu bit %d", at, bit);
            }
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    ck_assert_int_eq(seen(10), 100);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *all = tcase_create("journal");
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, a_version_was_seen_at_the_first_entry_that_reaches_it);
    tcase_add_test(all, the_oldest_are_forgotten);
    tcase_add_test(all, another_boot_had_another_clock);
    tcase_add_test(all, damage_never_makes_it_earlier);
    suite_add_tcase(suite, all);
}

CHECK_MAIN("journal", add_cases)
