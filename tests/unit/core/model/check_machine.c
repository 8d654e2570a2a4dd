/* SPDX-License-Identifier: MIT */
/* Machine states and events: the whole table of what may follow what, and the names. */
#include "core/model/machine.h"
#include "tests/support/check_main.h"

START_TEST(states_follow_events)
{
    static const int expected[3][5] = {
        /*                          add  remove drain undrain capacity */
        [OMEGA_MACHINE_DOWN] = {OMEGA_MACHINE_UP, -1, -1, -1, -1},
        [OMEGA_MACHINE_UP] = {-1, OMEGA_MACHINE_DOWN, OMEGA_MACHINE_DRAINING, -1, OMEGA_MACHINE_UP},
        [OMEGA_MACHINE_DRAINING] = {-1, OMEGA_MACHINE_DOWN, -1, OMEGA_MACHINE_UP,
                                    OMEGA_MACHINE_DRAINING},
    };
    for (uint8_t state = 0; state < 3; state++) {
        for (uint8_t kind = 0; kind < 5; kind++) {
            ck_assert_int_eq(omega_machine_state_after(state, kind), expected[state][kind]);
        }
        ck_assert_int_eq(omega_machine_state_after(state, 5), -1);
    }
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(omega_machine_state_name(OMEGA_MACHINE_DRAINING), "draining");
    ck_assert_str_eq(omega_machine_event_name(OMEGA_EVENT_UNDRAIN), "undrain");
    ck_assert_str_eq(omega_machine_event_name(OMEGA_EVENT_CAPACITY), "capacity");
    ck_assert_ptr_null(omega_machine_state_name(3));
    ck_assert_ptr_null(omega_machine_event_name(5));
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "states follow events", states_follow_events);
    check_case(suite, "names", names);
}

CHECK_MAIN("core/model/machine", add_cases)
