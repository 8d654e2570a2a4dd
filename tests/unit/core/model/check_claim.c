/* SPDX-License-Identifier: MIT */
/* What notes have to be. */
#include "core/model/claim.h"
#include "tests/support/check_main.h"

enum {
    FIRST = 10,
    END = 20,
    MACHINES = 3,
};

struct row {
    const char *name;
    bool sound;
    uint32_t count;
    struct omega_txn_note notes[3];
};

static const struct row rows[] = {
    {"none", true, 0, {{0, 0}}},
    {"one", true, 1, {{10, 0}}},
    {"rising", true, 3, {{10, 2}, {11, 0}, {19, 2}}},
    {"two on one machine", true, 2, {{12, 1}, {14, 1}}},
    {"before the group", false, 2, {{9, 0}, {10, 0}}},
    {"behind the group", false, 2, {{10, 0}, {20, 0}}},
    {"far behind the group", false, 1, {{UINT32_MAX, 0}}},
    {"one behind the largest there is", false, 2, {{UINT32_MAX, 0}, {10, 0}}},
    {"twice", false, 3, {{10, 0}, {11, 0}, {11, 1}}},
    {"falling", false, 3, {{10, 0}, {12, 0}, {11, 0}}},
    {"no such machine", false, 3, {{10, 0}, {11, 3}, {12, 0}}},
    {"no such machine at the end", false, 2, {{10, 0}, {11, UINT32_MAX}}},
};

START_TEST(notes_are_sound)
{
    const struct row *row = &rows[_i];
    ck_assert_msg(omega_notes_are_sound(row->notes, row->count, FIRST, END, MACHINES) == row->sound,
                  "%s", row->name);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *notes = tcase_create("notes");
    tcase_add_loop_test(notes, notes_are_sound, 0, (int)(sizeof rows / sizeof rows[0]));
    suite_add_tcase(suite, notes);
}

CHECK_MAIN("model/claim", add_cases)
