/* SPDX-License-Identifier: MIT */
/* The main of a unit test program: one suite a file, exit code 1 if a test failed. */
#ifndef OMEGA_TESTS_SUPPORT_CHECK_MAIN_H
#define OMEGA_TESTS_SUPPORT_CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

static inline void check_case(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_test(tcase, test);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

#define CHECK_MAIN(name, add_cases)                                                                \
    int main(void)                                                                                 \
    {                                                                                              \
        Suite *suite = suite_create(name);                                                         \
        add_cases(suite);                                                                          \
        SRunner *runner = srunner_create(suite);                                                   \
        srunner_run_all(runner, CK_ENV);                                                           \
        int failed = srunner_ntests_failed(runner);                                                \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#endif
