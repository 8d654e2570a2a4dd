/* SPDX-License-Identifier: MIT */
/* What a live run leaves in the directory of its cell, and how it goes. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/live/live_private.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

static void touch(int fd, const char *name)
{
    int file = openat(fd, name, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(file, 0);
    close(file);
}

START_TEST(endpoints_and_pages_go)
{
    static const char *const ours[] = {"wake-0",   "wake-9",   "wake-10", "wake-99",
                                       "wake-100", "wake-257", "stats-0", "stats-257"};
    char path[SCRATCH_PATH_MAX];
    scratch_path(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        touch(fd, ours[i]);
    }
    touch(fd, "wake-258"); /* there is no such process */
    live_wake_unlink(fd);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        ck_assert_msg(faccessat(fd, ours[i], F_OK, 0) != 0, "%s is there", ours[i]);
    }
    ck_assert_int_eq(faccessat(fd, "wake-258", F_OK, 0), 0);
    ck_assert_int_eq(unlinkat(fd, "wake-258", 0), 0);
    close(fd);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "what goes", endpoints_and_pages_go);
}

CHECK_MAIN("core/live/live_wake", add_cases)
