/* SPDX-License-Identifier: MIT */
/* Tests of where headers and modules are found, for commands in several places. */
#include "core/kit/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

static char top[PATH_MAX]; /* without links, as places are given */

/* Makes a folder below a new top. */
static void folder(const char *path)
{
    char full[PATH_MAX + 80];
    snprintf(full, sizeof full, "%s/%s", top, path);
    ck_assert_int_eq(file_make_directory(full, NULL), 0);
}

static void empty_file(const char *path, const char *name)
{
    char full[PATH_MAX + 160];
    folder(path);
    snprintf(full, sizeof full, "%s/%s/%s", top, path, name);
    FILE *file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}

static void header(const char *path)
{
    empty_file(path, "scheduler.h");
}

static void document(const char *path)
{
    empty_file(path, "TUTORIAL.md");
}

static void begin(void)
{
    char path[SCRATCH_PATH_MAX];
    scratch_path(path);
    ck_assert_int_eq(file_make_directory(path, NULL), 0);
    ck_assert_ptr_nonnull(realpath(path, top));
}

/* `documents` NULL: there are none. */
static void expect(const char *command, const char *headers, const char *modules,
                   const char *documents)
{
    char full[PATH_MAX + 80];
    struct places places;
    omega_error_t err = {0};
    snprintf(full, sizeof full, "%s/%s", top, command);
    int rc = places_of(full, &places, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    snprintf(full, sizeof full, "%s%s", top, headers);
    ck_assert_str_eq(places.headers, full);
    snprintf(full, sizeof full, "%s%s", top, modules);
    ck_assert_str_eq(places.modules, full);
    snprintf(full, sizeof full, "%s%s", top, documents == NULL ? "" : documents);
    ck_assert_str_eq(places.documents, documents == NULL ? "" : full);
}

START_TEST(installed)
{
    begin();
    folder("bin");
    folder("lib/omega/schedulers");
    header("include/omega/core/plugin");
    expect("bin/omega", "/include/omega", "/lib/omega/schedulers", NULL);
    document("share/doc/omega/schedulers");
    expect("bin/omega", "/include/omega", "/lib/omega/schedulers", "/share/doc/omega");
}
END_TEST

START_TEST(in_a_tree)
{
    begin();
    header("core/plugin");
    folder("build/schedulers");
    folder("build/clang/schedulers");
    document("schedulers");
    expect("build/omega", "", "/build/schedulers", "");
    expect("build/clang/omega", "", "/build/clang/schedulers", "");
}
END_TEST

START_TEST(nowhere)
{
    char command[PATH_MAX + 80];
    struct places places;
    omega_error_t err = {0};
    begin();
    folder("bin");
    snprintf(command, sizeof command, "%s/bin/omega", top);
    ck_assert_int_eq(places_of(command, &places, &err), OMEGA_EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "no 'core/plugin/scheduler.h' for '"));
    header("include/omega/core/plugin");
    omega_error_clear(&err);
    ck_assert_int_eq(places_of(command, &places, &err), OMEGA_EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "no modules for '"));
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "installed", installed);
    check_case(suite, "in a tree", in_a_tree);
    check_case(suite, "nowhere", nowhere);
}

CHECK_MAIN("places", add_cases)
