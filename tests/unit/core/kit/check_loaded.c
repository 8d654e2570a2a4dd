/* SPDX-License-Identifier: MIT */
/* Tests of what is seen of a loaded module: imports, their judgement, writable memory. */
#include "core/kit/loaded.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/planning.h"

static struct module *open_module(const char *name)
{
    struct module *module;
    omega_error_t err = {0};
    int rc = planning_module(name, &module, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    return module;
}

struct wanted {
    const char *name;
    bool found;
    uint32_t count;
};

static void look(void *context, const char *name)
{
    struct wanted *wanted = context;
    wanted->found = wanted->found || strcmp(name, wanted->name) == 0;
    wanted->count++;
}

static bool imports(const char *module_name, const char *name)
{
    struct module *module = open_module(module_name);
    struct wanted wanted = {.name = name};
    ck_assert_int_eq(loaded_imports(module, look, &wanted, NULL), 0);
    ck_assert_uint_gt(wanted.count, 0); /* at least what the compiler adds */
    module_close(module);
    return wanted.found;
}

START_TEST(imports_are_listed)
{
    ck_assert(imports("wrong_random", "getrandom"));
    ck_assert(imports("wrong_clock", "time"));
    ck_assert(imports("wrong_print", "puts"));
    ck_assert(imports("exit_place", "exit"));
    ck_assert(imports("wrong_leaks", "malloc"));
    ck_assert(!imports("wrong_leaks", "puts"));
    ck_assert(!imports("first_fit", "malloc"));
    ck_assert(!imports("first_fit", "omega_scheduler_entry")); /* its own */
}
END_TEST

START_TEST(names_are_judged_whole)
{
    static const struct {
        const char *name;
        enum loaded_judgement judgement;
        const char *why;
    } cases[] = {
        {"rand", LOADED_FORBIDDEN, "host->random"},
        {"time", LOADED_FORBIDDEN, "now_us"},
        {"nanosleep", LOADED_FORBIDDEN, "block"},
        {"pthread_create", LOADED_FORBIDDEN, "thread"},
        {"syscall", LOADED_FORBIDDEN, "processes"},
        {"strtok", LOADED_FORBIDDEN, "whole"},
        {"quick_exit", LOADED_FORBIDDEN, "host->fail"},
        {"fopen", LOADED_FORBIDDEN, "files"},
        {"getenv", LOADED_FORBIDDEN, "option"},
        {"printf", LOADED_FORBIDDEN, "host->log"},
        {"mallopt", LOADED_FORBIDDEN, "whole"},
        {"exp", LOADED_DOUBTFUL, "libm"},
        {"malloc", LOADED_FINE, ""},
        {"ran", LOADED_FINE, ""},
        {"randx", LOADED_FINE, ""},
        {"memcpy", LOADED_FINE, ""},
        {"__assert_fail", LOADED_FINE, ""},
        {"", LOADED_FINE, ""},
        {"exp2x", LOADED_FINE, ""},
        {"qsort", LOADED_DOUBTFUL, "C libraries"},
        {"bsearch", LOADED_FINE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = NULL;
        ck_assert_msg(loaded_judge(cases[i].name, &why) == cases[i].judgement, "%s", cases[i].name);
        ck_assert_msg(strstr(why, cases[i].why) != NULL, "%s: %s", cases[i].name, why);
        ck_assert_int_eq(why[0] == '\0', cases[i].judgement == LOADED_FINE);
    }
}
END_TEST

/* Plans a job with a module; true if its writable memory has changed by that. */
static bool changes(const char *name)
{
    struct planning p;
    size_t offset = 0;
    size_t bytes = 0;
    planning_open(&p, name, NULL, 3, 4000, 4000, false);
    planning_group(&p, 2, 0, (struct omega_request){.cpu_milli = 10, .mem_mib = 10}, NULL);
    struct loaded_data *data = loaded_data_keep(p.module);
    ck_assert(!loaded_data_changed(data, &offset, &bytes));
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 2);
    bool changed = loaded_data_changed(data, &offset, &bytes);
    ck_assert_int_eq(changed, bytes > 0);
    ck_assert_int_eq(changed, offset > 0);
    loaded_data_free(data);
    planning_close(&p);
    return changed;
}

START_TEST(static_data_is_watched)
{
    ck_assert_int_eq(changes("wrong_static"), loaded_data_visible());
    ck_assert_int_eq(changes("wrong_shared"), loaded_data_visible());
    ck_assert(!changes("first_fit"));
    ck_assert(!changes("batch"));
    loaded_data_free(NULL);
    size_t offset;
    size_t bytes = 7;
    ck_assert(!loaded_data_changed(NULL, &offset, &bytes));
    ck_assert_uint_eq(bytes, 0);
}
END_TEST

/* In an instance of a module: true if thread-local data of it has changed. */
static bool changes_thread_data(const char *name)
{
    struct planning p;
    planning_open(&p, name, NULL, 3, 4000, 4000, false);
    planning_group(&p, 2, 0, (struct omega_request){.cpu_milli = 10, .mem_mib = 10}, NULL);
    ck_assert(!loaded_thread_data_changed(p.module));
    ck_assert_int_eq(planning_place(&p), 0);
    bool changed = loaded_thread_data_changed(p.module);
    planning_close(&p);
    return changed;
}

START_TEST(thread_data_is_watched)
{
    ck_assert(changes_thread_data("wrong_thread_local"));
    ck_assert(!changes_thread_data("wrong_static"));
    ck_assert(!changes_thread_data("batch"));
}
END_TEST

START_TEST(libraries_are_listed)
{
    struct module *module = open_module("batch");
    struct wanted wanted = {.name = "libc.so.6"};
    ck_assert_int_eq(loaded_libraries(module, look, &wanted, NULL), 0);
    ck_assert_uint_eq(wanted.count, 0); /* those of the compiler are not told */
    module_close(module);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "imports", imports_are_listed);
    check_case(suite, "judgement", names_are_judged_whole);
    check_case(suite, "static data", static_data_is_watched);
    check_case(suite, "thread-local data", thread_data_is_watched);
    check_case(suite, "libraries", libraries_are_listed);
}

CHECK_MAIN("loaded", add_cases)
