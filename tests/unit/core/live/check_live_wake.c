/* SPDX-License-Identifier: MIT */
/* Who is woken, and what a live run leaves in the directory of its cell, and how it goes. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
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

#define SOON_MS 5000 /* at most; what is sent is there at once */
#define NEVER_MS 50

/* Has a hint come? Takes it. */
static bool is_woken(const struct live_process *process, int wait_ms)
{
    struct pollfd file = {.fd = live_wake_fd(process->wake), .events = POLLIN};
    bool woken = poll(&file, 1, wait_ms) == 1;
    live_wake_take(process->wake);
    return woken;
}

/* One that is at work looks for more by itself; one that waits is woken once. */
START_TEST(who_waits_is_woken)
{
    char path[SCRATCH_PATH_MAX];
    scratch_path(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    struct live_shared *shared = calloc(1, sizeof *shared + 2 * sizeof shared->slots[0]);
    struct live_process sleeper = {.shared = shared, .slot = &shared->slots[0]};
    struct live_process waker = {.shared = shared, .slot = &shared->slots[1], .number = 1};
    ck_assert_int_eq(live_wake_open(fd, 1, &waker.wake, NULL), 0);
    live_listen(&sleeper);
    live_wake_up(&waker, 0);
    ck_assert(shared->slots[0].listens); /* it could not be told */
    ck_assert_int_eq(live_wake_open(fd, 0, &sleeper.wake, NULL), 0);
    ck_assert_int_eq(live_wake_peer(waker.wake, 0, NULL), 0);
    for (int tries = 0; !is_woken(&sleeper, NEVER_MS); tries++) { /* until it is connected */
        ck_assert_int_lt(tries, SOON_MS / NEVER_MS);
        live_wake_up(&waker, 0);
    }
    is_woken(&sleeper, NEVER_MS); /* on a slow machine a second one may be under way */
    ck_assert(!shared->slots[0].listens);
    live_wake_up(&waker, 0);
    ck_assert(!is_woken(&sleeper, NEVER_MS));
    live_listen(&sleeper);
    live_wake_up(&waker, 0);
    ck_assert(is_woken(&sleeper, SOON_MS));
    live_wake_up(&waker, 0);
    ck_assert(!is_woken(&sleeper, NEVER_MS));
    waker.shared = NULL; /* as on a standing cell */
    live_wake_up(&waker, 0);
    ck_assert(is_woken(&sleeper, SOON_MS));
    live_wake_close(waker.wake);
    live_wake_close(sleeper.wake);
    live_wake_unlink(fd);
    close(fd);
    ck_assert_int_eq(rmdir(path), 0);
    free(shared);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "who is woken", who_waits_is_woken);
    check_case(suite, "what goes", endpoints_and_pages_go);
}

CHECK_MAIN("core/live/live_wake", add_cases)
