/* SPDX-License-Identifier: MIT */
/* Tests of the module loader: one bad module for each way of failing, options, the search. */
#include "core/plugin/module.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/check_main.h"
#include "tests/support/planning.h"

/* ---- refusals ---- */

struct refusal {
    const char *module;
    int code;
    const char *text; /* part of the message */
};

static const struct refusal refusals[] = {
    {"bad_no_symbol", OMEGA_EMODULE, "no symbol 'omega_scheduler_entry', expected a constant"},
    {"bad_abi", OMEGA_EVERSION, "built for scheduler ABI 48, expected 7"},
    {"bad_size", OMEGA_EVERSION, "struct omega_scheduler has "},
    {"bad_no_name", OMEGA_EMODULE, "name is missing or bad"},
    {"bad_no_summary", OMEGA_EMODULE, "summary is missing"},
    {"bad_no_place", OMEGA_EMODULE, "place is missing, expected a function"},
    {"bad_option", OMEGA_EMODULE, "option 'beyond' is ill-formed: its field lies beyond"},
    {"bad_option_name", OMEGA_EMODULE, "option 0 ('two words') has a bad name"},
    {"bad_option_range", OMEGA_EMODULE,
     "option 'number' is ill-formed: the default is out of its own range"},
    {"bad_option_choice", OMEGA_EMODULE,
     "option 'mode' is ill-formed: a choice must list its choices"},
};

START_TEST(bad_modules_are_refused)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        omega_error_t err = {0};
        struct module *module = (struct module *)&err;
        int rc = planning_module(refusal->module, &module, &err);
        ck_assert_msg(rc == refusal->code, "%s: code %d", refusal->module, rc);
        ck_assert_ptr_null(module);
        ck_assert_msg(strstr(err.text, refusal->text) != NULL, "%s", err.text);
        ck_assert_msg(strstr(err.text, refusal->module) != NULL, "%s", err.text);
    }
}
END_TEST

static void assert_open_fails(const char *name, const char *directory, int code, const char *text)
{
    omega_error_t err = {0};
    struct module *module = (struct module *)&err;
    ck_assert_int_eq(module_open(name, directory, &module, &err), code);
    ck_assert_ptr_null(module);
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
}

START_TEST(another_size_gives_both_numbers)
{
    omega_error_t err = {0};
    struct module *module;
    ck_assert_int_eq(planning_module("bad_size", &module, &err), OMEGA_EVERSION);
    char text[100];
    snprintf(text, sizeof(text), "has %zu bytes in it, expected %zu;",
             sizeof(struct omega_scheduler) - 8, sizeof(struct omega_scheduler));
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
}
END_TEST

START_TEST(what_is_no_module)
{
    char folder[] = "/tmp/omega-check-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/text.so", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("this is no shared object\n", file);
    fclose(file);
    assert_open_fails("./text.so", folder, OMEGA_EIO, "cannot be loaded: ");
    assert_open_fails("./none.so", folder, OMEGA_EIO, "none.so': No such file or directory");
    assert_open_fails("./none.so", ".", OMEGA_EIO, "module './none.so': No such file");
    assert_open_fails("././/none.so", NULL, OMEGA_EIO, "module './none.so': No such file");
    assert_open_fails("./none.so", "./a", OMEGA_EIO, "module 'a/none.so': No such file");
    assert_open_fails("./b/none.so", ".", OMEGA_EIO, "module 'b/none.so': No such file");
    assert_open_fails("../none.so", ".", OMEGA_EIO, "module '../none.so': No such file");
    assert_open_fails("/nowhere/none.so", "a", OMEGA_EIO, "module '/nowhere/none.so': No such");
    assert_open_fails("./", folder, OMEGA_EIO, "no regular file, expected a shared object");
    assert_open_fails("none", folder, OMEGA_EIO, "no module 'none', expected ");
    assert_open_fails("", folder, OMEGA_EIO, "no module ''");
    assert_open_fails("a b", folder, OMEGA_EIO, "no module 'a b'");
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(closing_nothing)
{
    module_close(NULL);
}
END_TEST

/* ---- finding ---- */

/* The folder of the shipped modules, from the path of one of them. */
static void shipped_folder(char out[PATH_MAX])
{
    struct module *module;
    ck_assert_int_eq(planning_module("batch", &module, NULL), 0);
    snprintf(out, PATH_MAX, "%s", module_path(module));
    *strrchr(out, '/') = '\0';
    module_close(module);
}

START_TEST(shipped_modules_are_found_by_name)
{
    char folder[PATH_MAX];
    shipped_folder(folder);
    char list[2 * PATH_MAX];
    snprintf(list, sizeof(list), ":/nonexistent::%s:", folder);
    setenv("OMEGA_MODULES", list, 1);
    struct module *module;
    omega_error_t err = {0};
    ck_assert_msg(module_open("service", NULL, &module, &err) == 0, "%s", err.text);
    ck_assert_str_eq(module_scheduler(module)->name, "service");
    char expected[PATH_MAX + 16];
    snprintf(expected, sizeof(expected), "%s/service.so", folder);
    ck_assert_str_eq(module_path(module), expected);
    module_close(module);
    assert_open_fails("serve", NULL, OMEGA_EIO, "expected batch, first_fit");
    unsetenv("OMEGA_MODULES");
}
END_TEST

START_TEST(the_list_is_sorted_and_has_no_doubles)
{
    char folder[PATH_MAX];
    shipped_folder(folder);
    char list[2 * PATH_MAX];
    snprintf(list, sizeof(list), "%s:%s", folder, folder);
    setenv("OMEGA_MODULES", list, 1);
    char **names;
    int count = module_list(&names, NULL);
    ck_assert_int_ge(count, 3);
    ck_assert_str_eq(names[0], "batch");
    for (int i = 1; i < count; i++) {
        ck_assert_str_lt(names[i - 1], names[i]);
    }
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    unsetenv("OMEGA_MODULES");
    ck_assert_int_eq(module_list(&names, NULL), 0);
    free(names);
}
END_TEST

START_TEST(a_relative_path_starts_at_the_directory)
{
    char folder[PATH_MAX];
    shipped_folder(folder);
    struct module *first;
    struct module *second;
    ck_assert_int_eq(module_open("./batch.so", folder, &first, NULL), 0);
    ck_assert_int_eq(module_open("../schedulers/batch.so", folder, &second, NULL), 0);
    ck_assert_ptr_eq(module_scheduler(first), module_scheduler(second));
    module_close(first);
    ck_assert_str_eq(module_scheduler(second)->name, "batch");
    module_close(second);
}
END_TEST

/* ---- options ---- */

/* The state that tests/modules/options.c declares. */
struct options_state {
    double real;
    int64_t number;
    int mode;
    bool flag;
};

static int give(const char *json, struct options_state *state, omega_error_t *err)
{
    struct module *module;
    ck_assert_int_eq(planning_module("options", &module, NULL), 0);
    json_t *options = json == NULL ? NULL : json_loads(json, JSON_DECODE_ANY, NULL);
    ck_assert(json == NULL || options != NULL);
    ck_assert_uint_eq(module_scheduler(module)->state_size, sizeof(*state));
    int rc = module_options(module, options, state, err);
    json_decref(options);
    module_close(module);
    return rc;
}

START_TEST(options_have_defaults)
{
    struct options_state state = {0};
    ck_assert_int_eq(give(NULL, &state, NULL), 0);
    ck_assert_int_eq(state.number, 32);
    ck_assert_double_eq(state.real, 0.5);
    ck_assert_int_eq(state.mode, 1);
    ck_assert(state.flag);
}
END_TEST

START_TEST(options_are_written)
{
    struct options_state state = {0};
    const char *json = "{\"number\": -5, \"real\": 1, \"mode\": \"slow\", \"flag\": false}";
    ck_assert_int_eq(give(json, &state, NULL), 0);
    ck_assert_int_eq(state.number, -5);
    ck_assert_double_eq(state.real, 1.0);
    ck_assert_int_eq(state.mode, 2);
    ck_assert(!state.flag);
    ck_assert_int_eq(give(json, NULL, NULL), 0);
}
END_TEST

static const struct {
    const char *json;
    const char *text;
} bad_options[] = {
    {"[]", "options of module 'options' are an array, expected an object"},
    {"{\"nmber\": 1}",
     "module 'options' has no option 'nmber', expected one of: number, real, mode, flag"},
    {"{\"number\": 1.0}", "option 'number' of module 'options' is a real number, expected an "
                          "integer from -10 to 100000"},
    {"{\"number\": 100001}",
     "option 'number' of module 'options' is 100001, expected an integer from -10 to 100000"},
    {"{\"number\": -11}",
     "option 'number' of module 'options' is -11, expected an integer from -10 to 100000"},
    {"{\"real\": \"x\"}",
     "option 'real' of module 'options' is a string, expected a number from 0 to 1"},
    {"{\"real\": 1.5}", "option 'real' of module 'options' is 1.5, expected a number from 0 to 1"},
    {"{\"flag\": 1}", "option 'flag' of module 'options' is an integer, expected true or false"},
    {"{\"mode\": \"medium\"}",
     "option 'mode' of module 'options' is 'medium', expected one of: fast, fair, slow"},
    {"{\"mode\": null}",
     "option 'mode' of module 'options' is null, expected one of: fast, fair, slow"},
};

START_TEST(bad_options_are_named)
{
    for (size_t i = 0; i < sizeof(bad_options) / sizeof(bad_options[0]); i++) {
        struct options_state state = {0};
        omega_error_t err = {0};
        ck_assert_int_eq(give(bad_options[i].json, &state, &err), OMEGA_EINVAL);
        ck_assert_str_eq(err.text, bad_options[i].text);
        ck_assert_int_eq(give(bad_options[i].json, NULL, NULL), OMEGA_EINVAL);
    }
}
END_TEST

START_TEST(a_module_without_options)
{
    struct module *module;
    ck_assert_int_eq(planning_module("first_fit", &module, NULL), 0);
    json_t *options = json_loads("{\"x\": 1}", 0, NULL);
    omega_error_t err = {0};
    ck_assert_int_eq(module_options(module, options, NULL, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text,
                     "module 'first_fit' has no option 'x', expected none: it has no options");
    json_decref(options);
    module_close(module);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "bad modules are refused", bad_modules_are_refused);
    check_case(suite, "another size gives both numbers", another_size_gives_both_numbers);
    check_case(suite, "what is no module", what_is_no_module);
    check_case(suite, "closing nothing", closing_nothing);
    check_case(suite, "shipped modules are found by name", shipped_modules_are_found_by_name);
    check_case(suite, "the list is sorted", the_list_is_sorted_and_has_no_doubles);
    check_case(suite, "a relative path", a_relative_path_starts_at_the_directory);
    check_case(suite, "options have defaults", options_have_defaults);
    check_case(suite, "options are written", options_are_written);
    check_case(suite, "bad options are named", bad_options_are_named);
    check_case(suite, "a module without options", a_module_without_options);
}

CHECK_MAIN("module", add_cases)
