/* SPDX-License-Identifier: MIT */
/* Modules that end a run: by writing to their view, found out at its end at the latest, or by
 * saying that they cannot go on. */
#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

#define S INT64_C(1000000)

START_TEST(a_module_that_writes_to_its_view)
{
    static const char *const arrays[] = {"cpu", "gpu"};
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open(&f, 2, 1000, 100, "cheat", 100 * S);
        f.machines[0].gpu_devices = 1;
        json_t *options = json_pack("{s:s}", "array", arrays[i]);
        f.schedulers[0].options = options;
        struct fixture_job jobs[] = {
            {.tasks = 1, .cpu_milli = 500, .mem_mib = 1, .duration_us = S},
        };
        int rc = fixture_run(&f, jobs, 1);
        ck_assert(rc == OMEGA_ECORRUPT || rc == OMEGA_EMODULE); /* debug builds see it at once */
        ck_assert_msg(strstr(f.err.text, rc == OMEGA_ECORRUPT ? "a module has written to its view"
                                                              : "the view was written to") != NULL,
                      "%s: %s", arrays[i], f.err.text);
        fixture_close(&f);
        json_decref(options);
    }
}
END_TEST

START_TEST(a_module_that_gives_up)
{
    struct fixture f;
    fixture_open(&f, 2, 1000, 100, "gives_up", 100 * S);
    struct fixture_job jobs[] = {
        {.tasks = 1, .cpu_milli = 500, .mem_mib = 1, .duration_us = S},
    };
    ck_assert_int_eq(fixture_run(&f, jobs, 1), OMEGA_EMODULE);
    ck_assert_str_eq(f.err.text,
                     "module 'gives_up' (scheduler 'first'), job 1: gave up: out of ideas");
    fixture_close(&f);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "a module that gives up", a_module_that_gives_up);
    check_case(suite, "a module that writes to its view", a_module_that_writes_to_its_view);
}

CHECK_MAIN("core/driver/modules", add_cases)
