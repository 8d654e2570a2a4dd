/* SPDX-License-Identifier: MIT */
/* Tests of the behaviour suite as a function; what it finds: t3500-test-scheduler.sh. */
#include "core/kit/suite.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/planning.h"

struct told {
    uint32_t count;
    struct suite_result last;
};

static void tell(void *context, const struct suite_result *result)
{
    struct told *told = context;
    told->count++;
    told->last = *result;
}

/* The path of a module. */
static const char *path_of(const char *name)
{
    static char path[4096];
    struct module *module;
    omega_error_t err = {0};
    int rc = planning_module(name, &module, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    snprintf(path, sizeof path, "%s", module_path(module));
    module_close(module);
    return path;
}

static struct suite_options options_for(const char *module, const char *only)
{
    return (struct suite_options){.module = path_of(module),
                                  .only = only,
                                  .seed = 1,
                                  .jobs = 1000,
                                  .call_s = 60,
                                  .total_s = 60};
}

START_TEST(checks_have_names)
{
    uint32_t count = 0;
    for (; suite_check_name(count) != NULL; count++) {
        ck_assert_uint_gt(strlen(suite_check_about(count)), 10);
        for (uint32_t i = 0; i < count; i++) {
            ck_assert_str_ne(suite_check_name(i), suite_check_name(count));
        }
    }
    ck_assert_uint_eq(count, 23);
    ck_assert_ptr_null(suite_check_about(count));
}
END_TEST

START_TEST(one_check)
{
    struct told told = {.count = 0};
    struct suite_options options = options_for("first_fit", "claims");
    ck_assert_int_eq(suite_run(&options, tell, &told, NULL), 0);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_str_eq(told.last.check, "claims");
    ck_assert_int_eq(told.last.outcome, SUITE_OK);
    ck_assert_str_eq(told.last.text, "");
}
END_TEST

START_TEST(the_first_that_fails)
{
    struct told told = {.count = 0};
    struct suite_options options = options_for("wrong_room", NULL);
    options.first = true;
    ck_assert_int_eq(suite_run(&options, tell, &told, NULL), 0);
    ck_assert_uint_eq(told.count, 5);
    ck_assert_str_eq(told.last.check, "claims");
    ck_assert_int_eq(told.last.outcome, SUITE_FAILED);
}
END_TEST

START_TEST(later_ones_refer_to_it)
{
    struct told told = {.count = 0};
    struct suite_options options = options_for("wrong_twice", NULL);
    char path[4096];
    snprintf(path, sizeof path, "%s.none", options.module);
    options.module = path;
    ck_assert_int_eq(suite_run(&options, tell, &told, NULL), 0);
    ck_assert_uint_eq(told.count, 23);
    ck_assert_int_eq(told.last.outcome, SUITE_SKIPPED);
    ck_assert_str_eq(told.last.text, "the module cannot be loaded");
    options = options_for("wrong_twice", NULL);
    ck_assert_int_eq(suite_run(&options, tell, &told, NULL), 0);
    ck_assert_int_eq(told.last.outcome, SUITE_FAILED); /* 'places' */
    ck_assert_str_eq(told.last.text, "as 'tasks' does");
}
END_TEST

START_TEST(bad_requests)
{
    struct told told = {.count = 0};
    omega_error_t err = {0};
    struct suite_options options = options_for("first_fit", "clams");
    ck_assert_int_eq(suite_run(&options, tell, &told, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "no check 'clams', expected one of: loads, imports,"));
    options.only = NULL;
    options.options = json_object();
    json_object_set_new((json_t *)(uintptr_t)options.options, "x", json_integer(1));
    omega_error_clear(&err);
    ck_assert_int_eq(suite_run(&options, tell, &told, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "has no option 'x'"));
    ck_assert_uint_eq(told.count, 0);
    json_decref((json_t *)(uintptr_t)options.options);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "names", checks_have_names);
    check_case(suite, "one", one_check);
    check_case(suite, "the first", the_first_that_fails);
    check_case(suite, "later ones", later_ones_refer_to_it);
    check_case(suite, "bad requests", bad_requests);
}

CHECK_MAIN("suite", add_cases)
