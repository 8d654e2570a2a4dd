/* SPDX-License-Identifier: MIT */
/*
 * A standing cell: its register, and its executor and a scheduler as processes that are thrown
 * garbage on every endpoint, answer it, and go on with their work.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/random.h"
#include "core/live/abandoned.h"
#include "core/live/control.h"
#include "core/live/endpoint.h"
#include "core/live/standing.h"
#include "core/live/submit.h"
#include "tests/support/check_main.h"
#include "tests/support/fixture.h"
#include "tests/support/scratch.h"

#define ANSWER_MS 20000 /* a message that does not come within this was not sent */
#define GARBAGE 12      /* messages thrown at each endpoint */

static char path[SCRATCH_PATH_MAX];
static int directory_fd;
static struct fixture fixture;

static void make_cell(void)
{
    struct lmdb_options options = {.map_bytes = 64u << 20};
    omega_error_t err = {0};
    scratch_path(path);
    fixture_open(&fixture, 10, 4000, 1000, "batch", S);
    ck_assert_msg(lmdb_create(path, &fixture.config.cell, &options, &err) == OMEGA_OK, "%s",
                  err.text);
    directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory_fd, 0);
}

static void close_cell(void)
{
    close(directory_fd);
    fixture_close(&fixture);
    scratch_remove(path);
}

/* ---- the register ---- */

static int enter(struct store *store, const char *name, int64_t number, int *lock,
                 struct register_entry *entry, omega_error_t *err)
{
    *err = (omega_error_t){.code = 0};
    *entry = (struct register_entry){.number = (uint32_t)(number < 0 ? 0 : number)};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    return register_enter(directory_fd, store, entry, number >= 0, lock, err);
}

START_TEST(names_keep_their_numbers)
{
    struct store *store;
    struct register_entry entry;
    omega_error_t err;
    int one;
    int two;
    int more;
    make_cell();
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(register_find(directory_fd, "one", &entry), 1);
    ck_assert_int_eq(enter(store, "one", -1, &one, &entry, &err), OMEGA_OK);
    ck_assert_uint_eq(entry.number, REGISTER_SCHEDULERS);
    ck_assert_int_eq(enter(store, "two", -1, &two, &entry, &err), OMEGA_OK);
    ck_assert_uint_eq(entry.number, REGISTER_SCHEDULERS + 1);
    ck_assert_int_eq(enter(store, "one", -1, &more, &entry, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "'one' works on this cell already"));
    ck_assert_int_eq(enter(store, "other", REGISTER_SCHEDULERS, &more, &entry, &err), OMEGA_EINVAL);
    ck_assert_int_eq(enter(store, "two", 9, &more, &entry, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "'two' is instance 1"));
    ck_assert_int_eq(register_find(directory_fd, "two", &entry), OMEGA_OK);
    ck_assert(entry.lives);
    ck_assert_int_eq(entry.pid, getpid());
    close(two);
    ck_assert_int_eq(register_find(directory_fd, "two", &entry), OMEGA_OK);
    ck_assert(!entry.lives);
    ck_assert_int_eq(enter(store, "three", -1, &more, &entry, &err), OMEGA_OK);
    ck_assert_uint_eq(entry.number, REGISTER_SCHEDULERS + 2); /* 1 is two's, dead or alive */
    ck_assert_int_eq(enter(store, "two", -1, &two, &entry, &err), OMEGA_OK);
    ck_assert_uint_eq(entry.number, REGISTER_SCHEDULERS + 1);
    close(one);
    close(two);
    close(more);
    store_close(store);
    close_cell();
}
END_TEST

START_TEST(a_spoilt_register_is_told)
{
    static const char *const texts[] = {"x", "name a\n", "name a\nmodule b\npid 0\n",
                                        "name a/b\nmodule b\npid 1\n",
                                        "name a\nmodule b\npid 1\nmore\n"};
    struct store *store;
    struct register_entry entry;
    uint64_t first;
    int lock;
    make_cell();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int fd = openat(directory_fd, "process-2", O_RDWR | O_CREAT | O_TRUNC, 0600);
        ck_assert_int_eq(write(fd, texts[i], strlen(texts[i])), (ssize_t)strlen(texts[i]));
        close(fd);
        ck_assert_int_eq(register_read(directory_fd, 2, &entry, NULL), OMEGA_ECORRUPT);
    }
    int fd = openat(directory_fd, "jobs", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "seven", 5), 5);
    close(fd);
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(register_job_ids(directory_fd, store, 1, true, &first, &lock, NULL),
                     OMEGA_ECORRUPT);
    store_close(store);
    close_cell();
}
END_TEST

START_TEST(ids_are_above_all_that_were)
{
    struct store *store;
    uint64_t first;
    int lock;
    struct omega_task_group group = {.count = 1};
    struct omega_job job = {.id = 7, .group_count = 1, .groups = &group};
    make_cell();
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(register_job_ids(directory_fd, store, 3, true, &first, &lock, NULL), OMEGA_OK);
    ck_assert_uint_eq(first, 1);
    close(lock);
    ck_assert_int_eq(omega_job_seal(&job, &group, NULL), OMEGA_OK);
    ck_assert_int_eq(store_submit(store, &job, NULL), OMEGA_OK); /* by somebody else */
    ck_assert_int_eq(register_job_ids(directory_fd, store, 2, true, &first, &lock, NULL), OMEGA_OK);
    ck_assert_uint_eq(first, 8);
    close(lock);
    ck_assert_int_eq(register_job_ids(directory_fd, store, 1, true, &first, &lock, NULL), OMEGA_OK);
    ck_assert_uint_eq(first, 10); /* though none of the two was submitted */
    close(lock);
    ck_assert_int_eq(register_job_ids(directory_fd, store, UINT64_MAX, true, &first, &lock, NULL),
                     OMEGA_EINVAL);
    store_close(store);
    close_cell();
}
END_TEST

/* A file that is none of a process is named, and in nobody's way. */
START_TEST(a_spoilt_file_is_nobodys)
{
    struct store *store;
    struct register_entry entry;
    struct listener *listener;
    struct msg_event event;
    const char *bytes;
    size_t size;
    omega_error_t err = {0};
    int one;
    make_cell();
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(mkfifoat(directory_fd, "process-2", 0600), 0); /* which nobody writes to */
    int fd = openat(directory_fd, "process-9", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
    ck_assert_int_eq(symlinkat("process-9", directory_fd, "process-1"), 0);
    ck_assert_int_eq(register_read(directory_fd, 1, &entry, NULL), OMEGA_ECORRUPT);
    ck_assert_int_eq(register_read(directory_fd, 2, &entry, NULL), OMEGA_ECORRUPT);
    ck_assert_int_eq(register_read(directory_fd, 9, &entry, &err), OMEGA_ECORRUPT);
    ck_assert_msg(strncmp(err.source, path, strlen(path)) == 0 &&
                      strcmp(err.source + strlen(path), "/process-9") == 0,
                  "%s", err.source);
    ck_assert_ptr_nonnull(strstr(err.text, "remove it"));
    ck_assert_int_eq(enter(store, "one", -1, &one, &entry, &err), OMEGA_OK);
    ck_assert_uint_eq(entry.number, REGISTER_SCHEDULERS + 1);
    ck_assert_int_eq(register_find(directory_fd, "one", &entry), OMEGA_OK);
    ck_assert_int_eq(listener_open(directory_fd, 0, &listener, NULL), OMEGA_OK);
    ck_assert_int_eq(listener_next(listener, 1, &event, &bytes, &size, NULL), 0);
    listener_close(listener);
    close(one);
    store_close(store);
    close_cell();
}
END_TEST

/* Between the lock and the first byte a process is not there yet; a later life replaces what the
 * one before it wrote by as many bytes, so that nobody reads half of it. */
START_TEST(an_entry_is_there_as_a_whole)
{
    struct store *store;
    struct register_entry entry;
    struct stat before;
    struct stat after;
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    omega_error_t err = {0};
    int lock;
    make_cell();
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    int fd = openat(directory_fd, "process-2", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &held), 0);
    ck_assert_int_eq(register_read(directory_fd, 2, &entry, NULL), 1);
    close(fd);
    ck_assert_int_eq(enter(store, "a-name-that-is-long", 2, &lock, &entry, &err), OMEGA_OK);
    ck_assert_int_eq(fstatat(directory_fd, "process-2", &before, 0), 0);
    close(lock);
    ck_assert_int_eq(enter(store, "one", 2, &lock, &entry, &err), OMEGA_OK);
    ck_assert_int_eq(fstatat(directory_fd, "process-2", &after, 0), 0);
    ck_assert_int_eq(before.st_size, after.st_size);
    ck_assert_int_eq(register_find(directory_fd, "one", &entry), OMEGA_OK);
    close(lock);
    store_close(store);
    close_cell();
}
END_TEST

/* ---- processes ---- */

static pid_t start_in(uint32_t delay_us, bool scheduler)
{
    struct standing_options options = {.directory = path, .seed = 1};
    omega_error_t err = {0};
    pid_t pid = fork();
    if (pid == 0) {
        usleep(delay_us);
        int rc = scheduler ? standing_schedule(&options, &fixture.schedulers[0], -1, &err)
                           : standing_execute(&options, &err);
        fprintf(stderr, "%s", rc == OMEGA_OK ? "" : err.text);
        _exit(rc == OMEGA_OK ? 0 : 1);
    }
    return pid;
}

static pid_t start(bool scheduler)
{
    return start_in(0, scheduler);
}

/* Asks until it is there. */
static struct msg_status ask(uint32_t number, enum msg_request what)
{
    struct msg request = {.kind = MSG_REQUEST, .request = what};
    struct msg reply = {.kind = MSG_REPLY};
    omega_error_t err = {0};
    for (int i = 0; i < 3000; i++) {
        struct register_entry entry;
        err = (omega_error_t){.code = 0};
        if (register_read(directory_fd, number, &entry, NULL) == OMEGA_OK &&
            control_ask(directory_fd, &entry, NULL, &request, &reply, &err) == OMEGA_OK) {
            return reply.status;
        }
        usleep(10000);
    }
    ck_abort_msg("process %" PRIu32 " does not answer: %s", number, err.text);
}

/* Begins, answers, and is killed: what was known of it before. */
static struct register_entry kill_one(void)
{
    struct register_entry entry;
    pid_t pid = start(true);
    ask(REGISTER_SCHEDULERS, MSG_STATUS);
    ck_assert_int_eq(register_read(directory_fd, REGISTER_SCHEDULERS, &entry, NULL), OMEGA_OK);
    ck_assert(entry.lives && register_lives(directory_fd, REGISTER_SCHEDULERS));
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return entry;
}

/* One that ends while it is asked is not waited for: it does not work, rather than not answer. */
START_TEST(who_ends_while_it_is_asked_is_gone)
{
    struct msg request = {.kind = MSG_REQUEST, .request = MSG_STATUS};
    struct msg reply;
    omega_error_t err = {0};
    make_cell();
    struct register_entry entry = kill_one();
    ck_assert_int_eq(control_ask(directory_fd, &entry, NULL, &request, &reply, &err), CONTROL_GONE);
    ck_assert_msg(strstr(err.text, "does not work now") != NULL, "%s", err.text);
    ck_assert(!register_lives(directory_fd, REGISTER_SCHEDULERS));
    close_cell();
}
END_TEST

/* One that is started again, as its guard does it, is told in its new life. */
START_TEST(who_is_started_again_while_it_is_asked_answers)
{
    struct msg request = {.kind = MSG_REQUEST, .request = MSG_DRAIN};
    struct msg reply = {.kind = MSG_REPLY};
    omega_error_t err = {0};
    make_cell();
    struct register_entry entry = kill_one();
    pid_t pid = start_in(500000, true);
    ck_assert_msg(control_ask(directory_fd, &entry, NULL, &request, &reply, &err) == OMEGA_OK, "%s",
                  err.text);
    ck_assert(reply.has_status && reply.status.draining);
    ck_assert_uint_ne(reply.status.pid, (uint64_t)entry.pid);
    ask(REGISTER_SCHEDULERS, MSG_STOP);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    close_cell();
}
END_TEST

/* Bytes that are no message: noise, and what looks like nanomsg's own framing. */
static size_t make_noise(struct omega_random *random, uint8_t *bytes, size_t room)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    static const uint8_t frame[] = {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    size_t size = omega_random_below(random, (uint32_t)room);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)omega_random_below(random, 256);
    }
    uint32_t shape = omega_random_below(random, 4);
    if (shape > 0 && size > sizeof hello + sizeof frame) {
        memcpy(bytes, hello, sizeof hello);
        bytes[5] = (uint8_t)(0x10 * (1 + omega_random_below(random, 6)) + shape - 1);
    }
    if (shape > 1 && size > sizeof hello + sizeof frame) {
        memcpy(bytes + sizeof hello, frame, sizeof frame);
        memset(bytes + sizeof hello + 1, 0, shape == 2 ? 6 : 0);
    }
    return size;
}

/* Throws noise at the socket of a name, past nanomsg. */
static void throw_noise(const char *name, struct omega_random *random)
{
    for (int i = 0; i < GARBAGE; i++) {
        uint8_t bytes[4096];
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_lt(snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", path, name),
                         (int)sizeof address.sun_path);
        for (int tries = 0; connect(fd, (struct sockaddr *)&address, sizeof address) != 0;
             tries++) {
            ck_assert_int_lt(tries, 3000);
            usleep(10000); /* noise of before has ended who listened, who is started again */
        }
        size_t size = make_noise(random, bytes, sizeof bytes);
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        (void)sent; /* it may have been cut off before */
        close(fd);
    }
}

/* Throws at all sockets in the cell's directory; how many there are. */
static int throw_everywhere(struct omega_random *random)
{
    int sockets = 0;
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat about;
        if (fstatat(directory_fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISSOCK(about.st_mode)) {
            ck_assert_uint_eq(about.st_mode & 0777, 0600);
            throw_noise(entry->d_name, random);
            sockets++;
        }
    }
    closedir(directory);
    return sockets;
}

/* Bytes that end who listens at a pipeline: it is started again. */
static void end_by_noise(uint32_t number)
{
    static const uint8_t bytes[] = {0, 'S', 'P', 0, 0, 0x50, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint64_t before = ask(number, MSG_STATUS).pid;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_lt(
        snprintf(address.sun_path, sizeof address.sun_path, "%s/wake-%" PRIu32, path, number),
        (int)sizeof address.sun_path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
    for (int tries = 0; ask(number, MSG_STATUS).pid == before; tries++) {
        ck_assert_int_lt(tries, 3000);
        usleep(10000);
    }
    close(fd);
}

/* Sends bytes to a control endpoint; the answer's error. */
static void expect_refusal(struct endpoint *endpoint, const char *bytes, size_t size,
                           const char *says)
{
    struct msg reply;
    char *answer;
    size_t answer_size;
    ck_assert(endpoint_send(endpoint, bytes, size, 5000));
    ck_assert_int_eq(endpoint_receive(endpoint, 20000, &answer, &answer_size, NULL), 1);
    ck_assert_int_eq(msg_read(answer, answer_size, 1u << MSG_REPLY, &reply, NULL), OMEGA_OK);
    ck_assert(!reply.ok);
    ck_assert_msg(strstr(reply.error, says) != NULL, "'%s', expected '%s'", reply.error, says);
    endpoint_free(answer);
}

static void refuse_malformed(uint32_t number)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "is no JSON"},
        {"{\"version\":1,\"request\":\"explode\"}", "'request'"},
        {"{\"version\":3,\"request\":\"stop\"}", "of version 3"},
        {"{\"version\":1,\"request\":\"stop\",\"now\":1}", "unknown key 'now'"},
        {"{\"version\":1,\"submit\":[]}", "'submit'"},
    };
    struct endpoint *endpoint;
    char *large = malloc(100000);
    memset(large, '[', 100000);
    ck_assert_int_eq(endpoint_open(ENDPOINT_CONTROL, &endpoint, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_connect(endpoint, directory_fd, number, NULL), OMEGA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_refusal(endpoint, cases[i].text, strlen(cases[i].text), cases[i].says);
    }
    expect_refusal(endpoint, large, 100000, "100000 bytes, expected at most 65536");
    expect_refusal(endpoint, large, 60000, "nested too deeply");
    free(large);
    endpoint_close(endpoint);
}

/* Submits a job by message, with a wrong one before it. */
static void submit_by_message(void)
{
    static const char wrong[] = "{\"version\":1,\"submit\":{\"tasks\":2,\"cpu_mili\":1}}";
    static const char good[] =
        "{\"version\":1,\"submit\":{\"tasks\":2,\"cpu_milli\":1000,\"duration_us\":1000}}";
    struct endpoint *control;
    struct endpoint *submit;
    char *answer;
    size_t size;
    struct msg reply;
    ck_assert_int_eq(endpoint_open(ENDPOINT_CONTROL, &control, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_open(ENDPOINT_SUBMIT, &submit, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_connect(control, directory_fd, REGISTER_SCHEDULERS, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_connect(submit, directory_fd, REGISTER_SCHEDULERS, NULL), OMEGA_OK);
    expect_refusal(control, wrong, sizeof wrong - 1, "'cpu_mili' is no key");
    ck_assert(endpoint_send(control, good, sizeof good - 1, 5000));
    ck_assert_int_eq(endpoint_receive(control, 20000, &answer, &size, NULL), 1);
    ck_assert_int_eq(msg_read(answer, size, 1u << MSG_REPLY, &reply, NULL), OMEGA_OK);
    ck_assert_msg(reply.ok, "%s", reply.error);
    ck_assert_uint_eq(reply.job, 1);
    endpoint_free(answer);
    ck_assert(endpoint_send(submit, "x", 1, 5000));
    ck_assert(endpoint_send(submit, good, sizeof good - 1, 5000));
    for (int i = 0; i < 3000 && ask(REGISTER_EXECUTOR, MSG_STATUS).ended < 4; i++) {
        usleep(10000);
    }
    endpoint_close(submit);
    endpoint_close(control);
}

static void check_cell(void)
{
    struct store *store;
    struct store_report report;
    struct store_counters counters;
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(store_check(store, &report, NULL), OMEGA_OK);
    ck_assert_uint_eq(report.violations, 0);
    store_counters(store, &counters);
    ck_assert_uint_eq(counters.tasks_submitted, 4);
    ck_assert_uint_eq(counters.tasks_finished, 4);
    store_close(store);
}

START_TEST(garbage_is_answered_and_changes_nothing)
{
    struct omega_random random;
    int code[2] = {-1, -1};
    make_cell();
    /* nanomsg bears no fork() once it is used: first the processes */
    pid_t scheduler = start(true);
    pid_t executor = start(false);
    ask(REGISTER_SCHEDULERS, MSG_STATUS);
    ask(REGISTER_EXECUTOR, MSG_STATUS);
    omega_random_init(&random, 1, "garbage", 0);
    ck_assert_int_eq(throw_everywhere(&random), 7);
    end_by_noise(REGISTER_SCHEDULERS);
    end_by_noise(REGISTER_EXECUTOR);
    refuse_malformed(REGISTER_SCHEDULERS);
    refuse_malformed(REGISTER_EXECUTOR);
    submit_by_message();
    ck_assert_uint_ge(ask(REGISTER_SCHEDULERS, MSG_STATUS).malformed, 8);
    ck_assert_uint_eq(ask(REGISTER_SCHEDULERS, MSG_STATUS).accepted, 4);
    ck_assert(ask(REGISTER_SCHEDULERS, MSG_DRAIN).draining);
    ck_assert(!ask(REGISTER_SCHEDULERS, MSG_UNDRAIN).draining);
    ask(REGISTER_SCHEDULERS, MSG_STOP);
    ask(REGISTER_EXECUTOR, MSG_STOP);
    ck_assert_int_eq(waitpid(scheduler, &code[0], 0), scheduler);
    ck_assert_int_eq(waitpid(executor, &code[1], 0), executor);
    ck_assert_int_eq(code[0], 0);
    ck_assert_int_eq(code[1], 0);
    check_cell();
    close_cell();
}
END_TEST

/* Waits until the scheduler has counted so many messages as wrong; its status. */
static struct msg_status await_malformed(uint64_t count)
{
    struct msg_status status = ask(REGISTER_SCHEDULERS, MSG_STATUS);
    for (int i = 0; i < 3000 && status.malformed < count; i++) {
        usleep(10000);
        status = ask(REGISTER_SCHEDULERS, MSG_STATUS);
    }
    return status;
}

static const char small[] =
    "{\"version\":1,\"submit\":{\"tasks\":1,\"cpu_milli\":1,\"duration_us\":1000}}";
static const char none[] = "{\"version\":1,\"submit\":{\"tasks\":-1}}";

/* What is good and not taken is no message that is wrong, at either endpoint. */
static void decline(struct endpoint *control, struct endpoint *submit)
{
    ck_assert(ask(REGISTER_SCHEDULERS, MSG_DRAIN).draining);
    expect_refusal(control, small, sizeof small - 1, "drains");
    expect_refusal(control, none, sizeof none - 1, "'tasks'");
    ck_assert(endpoint_send(submit, small, sizeof small - 1, ANSWER_MS));
    ck_assert(endpoint_send(submit, none, sizeof none - 1, ANSWER_MS));
    ck_assert_uint_eq(await_malformed(2).malformed, 2);
}

/* While somebody else gives out ids a scheduler goes on: it says that it is busy where it can, and
 * keeps the job where it cannot. */
static void stand_by(struct endpoint *control, struct endpoint *submit)
{
    struct store *store;
    uint64_t first = 0;
    int lock = -1;
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(register_job_ids(directory_fd, store, 1, true, &first, &lock, NULL), OMEGA_OK);
    expect_refusal(control, small, sizeof small - 1, "busy");
    ck_assert(endpoint_send(submit, small, sizeof small - 1, ANSWER_MS));
    ck_assert_uint_eq(ask(REGISTER_SCHEDULERS, MSG_STATUS).attempts, 0);
    close(lock);
    for (int i = 0; i < 3000 && ask(REGISTER_SCHEDULERS, MSG_STATUS).accepted < 1; i++) {
        usleep(10000);
    }
    ck_assert_uint_eq(ask(REGISTER_SCHEDULERS, MSG_STATUS).accepted, 1);
    store_close(store);
}

START_TEST(submissions_that_cannot_be_taken)
{
    struct endpoint *control;
    struct endpoint *submit;
    int code = -1;
    make_cell();
    pid_t scheduler = start(true);
    uint64_t worker = ask(REGISTER_SCHEDULERS, MSG_STATUS).pid;
    ck_assert_int_eq(endpoint_open(ENDPOINT_CONTROL, &control, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_open(ENDPOINT_SUBMIT, &submit, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_connect(control, directory_fd, REGISTER_SCHEDULERS, NULL), OMEGA_OK);
    ck_assert_int_eq(endpoint_connect(submit, directory_fd, REGISTER_SCHEDULERS, NULL), OMEGA_OK);
    stand_by(control, submit);
    decline(control, submit);
    ck_assert_int_eq(kill((pid_t)worker, SIGKILL), 0);
    struct msg_status status = ask(REGISTER_SCHEDULERS, MSG_STATUS);
    for (int i = 0; i < 3000 && status.pid == worker; i++) {
        usleep(10000);
        status = ask(REGISTER_SCHEDULERS, MSG_STATUS);
    }
    ck_assert_uint_ne(status.pid, worker);
    ck_assert(status.draining); /* as the one before it was told */
    endpoint_close(submit);
    endpoint_close(control);
    ask(REGISTER_SCHEDULERS, MSG_STOP);
    ck_assert_int_eq(waitpid(scheduler, &code, 0), scheduler);
    ck_assert_int_eq(code, 0);
    close_cell();
}
END_TEST

/* ---- submitting ---- */

#define BULK 300u /* jobs: more than get their ids at once */

/* Jobs of one task for a scheduler that does not work. */
struct bulk {
    struct omega_task_group groups[BULK];
    struct omega_job all[BULK];
    struct omega_job *jobs[BULK];
    struct store *store;
    struct register_entry to;
    struct submitter *submitter;
};

static struct bulk *open_bulk(void)
{
    struct bulk *bulk = calloc(1, sizeof *bulk);
    omega_error_t err;
    int lock;
    make_cell();
    ck_assert_ptr_nonnull(bulk);
    ck_assert_int_eq(lmdb_open(path, NULL, &bulk->store, NULL), OMEGA_OK);
    ck_assert_int_eq(enter(bulk->store, "one", -1, &lock, &bulk->to, &err), OMEGA_OK);
    close(lock);
    bulk->to.lives = false;
    for (uint32_t i = 0; i < BULK; i++) {
        bulk->groups[i] = (struct omega_task_group){.count = 1, .request = {.cpu_milli = 1}};
        bulk->all[i] = (struct omega_job){.group_count = 1, .groups = &bulk->groups[i]};
        ck_assert_int_eq(omega_job_seal(&bulk->all[i], &bulk->groups[i], NULL), OMEGA_OK);
        bulk->jobs[i] = &bulk->all[i];
    }
    ck_assert_int_eq(submitter_open(bulk->store, path, &bulk->submitter, NULL), OMEGA_OK);
    return bulk;
}

static void close_bulk(struct bulk *bulk)
{
    submitter_close(bulk->submitter);
    store_close(bulk->store);
    free(bulk);
    close_cell();
}

/* Nobody holds up others for long: ids are given out some at a time, and who must not wait does
 * not. */
START_TEST(ids_are_given_out_some_at_a_time)
{
    struct bulk *bulk = open_bulk();
    uint64_t first = 0;
    uint64_t done = 0;
    int lock = -1;
    ck_assert_int_eq(register_job_ids(directory_fd, bulk->store, 1, true, &first, &lock, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(submitter_send(bulk->submitter, &bulk->to, bulk->jobs, 1, false, &done, NULL),
                     1);
    ck_assert_uint_eq(done, 0);
    close(lock);
    bulk->groups[10].constraints = 99; /* refused by the store: those before it are submitted */
    ck_assert_int_eq(
        submitter_send(bulk->submitter, &bulk->to, bulk->jobs, BULK, true, &done, NULL),
        OMEGA_EINVAL);
    ck_assert_uint_eq(done, 10);
    bulk->groups[10].constraints = 0;
    ck_assert_int_eq(
        submitter_send(bulk->submitter, &bulk->to, bulk->jobs, BULK, true, &done, NULL), OMEGA_OK);
    ck_assert_uint_eq(done, BULK);
    ck_assert_uint_lt(bulk->all[0].id, 1 + BULK); /* and no id for each was lost with the error */
    ck_assert_uint_eq(bulk->all[BULK - 1].id, bulk->all[0].id + BULK - 1);
    close_bulk(bulk);
}
END_TEST

/* A look begins at the first job that waited at the one before. What has left the table has ended,
 * unless its scheduler has noted that it gave it up. */
START_TEST(what_became_of_jobs)
{
    struct bulk *bulk = open_bulk();
    struct submitter_state state = {0};
    struct abandoned abandoned;
    uint64_t done = 0;
    int fd = -1;
    ck_assert_int_eq(abandoned_open(directory_fd, bulk->to.number, bulk->store, &fd, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(abandoned_announce(fd, 77, NULL), OMEGA_OK); /* before: nobody's here */
    ck_assert_int_eq(submitter_send(bulk->submitter, &bulk->to, bulk->jobs, 3, true, &done, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(abandoned_announce(fd, bulk->all[0].id, NULL), OMEGA_OK);
    ck_assert_int_eq(store_abandon(bulk->store, bulk->all[0].id, &(uint32_t){0}, NULL, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(submitter_look(bulk->submitter, &bulk->to, bulk->jobs, 3, &state, NULL),
                     OMEGA_OK);
    ck_assert_uint_eq(state.settled, 1);
    ck_assert_uint_eq(state.abandoned, 1);
    ck_assert_int_eq(abandoned_announce(fd, bulk->all[1].id, NULL), OMEGA_OK); /* and dies */
    close(fd);
    ck_assert_int_eq(abandoned_open(directory_fd, bulk->to.number, bulk->store, &fd, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(abandoned_read(directory_fd, bulk->to.number, &abandoned, NULL), OMEGA_OK);
    ck_assert_int_eq(abandoned_fate(&abandoned, 1, bulk->all[0].id), ABANDONED_YES);
    ck_assert_int_eq(abandoned_fate(&abandoned, 1, bulk->all[1].id), ABANDONED_NOT);
    ck_assert_int_eq(abandoned_fate(&abandoned, 1, 77), ABANDONED_NOT);
    ck_assert_int_eq(store_abandon(bulk->store, bulk->all[1].id, &(uint32_t){0}, NULL, NULL),
                     OMEGA_OK); /* by somebody who noted nothing: as if it had ended */
    for (uint64_t i = 0; i < ABANDONED_KEPT; i++) {
        ck_assert_int_eq(submitter_look(bulk->submitter, &bulk->to, bulk->jobs, 3, &state, NULL),
                         OMEGA_OK);
        ck_assert_int_eq(abandoned_announce(fd, 1000 + i, NULL), OMEGA_OK);
    }
    ck_assert_uint_eq(state.settled, 2);
    ck_assert_uint_eq(state.abandoned, 1);
    ck_assert_uint_eq(state.unknown, 0);
    ck_assert_int_eq(store_abandon(bulk->store, bulk->all[2].id, &(uint32_t){0}, NULL, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(submitter_look(bulk->submitter, &bulk->to, bulk->jobs, 3, &state, NULL),
                     OMEGA_OK);
    ck_assert_uint_eq(state.settled, 3);
    ck_assert_uint_eq(state.unknown, 1); /* so many were given up since that it is not known */
    close(fd);
    close_bulk(bulk);
}
END_TEST

/* A scheduler that works gets a hint for jobs that were submitted to it. */
START_TEST(submitting_wakes_the_scheduler)
{
    struct omega_task_group group = {.count = 1, .request = {.cpu_milli = 1}, .duration_us = 1};
    struct omega_job job = {.group_count = 1, .groups = &group};
    struct omega_job *jobs[] = {&job};
    struct register_entry entry;
    struct endpoint *wakes = NULL;
    struct submitter *submitter = NULL;
    struct store *store;
    uint64_t done = 0;
    char *bytes = NULL;
    size_t size = 0;
    int lock = -1;
    omega_error_t err = {0};
    make_cell();
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), OMEGA_OK);
    ck_assert_int_eq(omega_job_seal(&job, &group, NULL), OMEGA_OK);
    ck_assert_int_eq(enter(store, "one", -1, &lock, &entry, &err), OMEGA_OK);
    ck_assert_int_eq(endpoint_serve(directory_fd, ENDPOINT_WAKE, entry.number, &wakes, &err),
                     OMEGA_OK);
    ck_assert_int_eq(submitter_open(store, path, &submitter, &err), OMEGA_OK);
    ck_assert_int_eq(submitter_find(submitter, "one", 0, &entry, &err), OMEGA_OK);
    ck_assert_msg(submitter_send(submitter, &entry, jobs, 1, true, &done, &err) == OMEGA_OK, "%s",
                  err.text);
    ck_assert_uint_eq(done, 1);
    ck_assert_int_eq(endpoint_receive(wakes, ANSWER_MS, &bytes, &size, &err), 1);
    endpoint_free(bytes);
    submitter_close(submitter);
    endpoint_close(wakes);
    close(lock);
    store_close(store);
    close_cell();
}
END_TEST

/* ---- threads ---- */

#define THREADS 8
#define ROUNDS 50

static void *serve_often(void *number)
{
    uint32_t first = (uint32_t)(uintptr_t)number * ROUNDS;
    for (uint32_t i = first; i < first + ROUNDS; i++) {
        struct endpoint *endpoint;
        char name[32];
        struct stat status;
        snprintf(name, sizeof name, "events-%u", i);
        if (endpoint_serve(directory_fd, ENDPOINT_EVENTS, i, &endpoint, NULL) != OMEGA_OK ||
            fstatat(directory_fd, name, &status, 0) != 0 || (status.st_mode & 0777) != 0600) {
            return number;
        }
        endpoint_close(endpoint);
        endpoint_unlink(directory_fd, ENDPOINT_EVENTS, i);
    }
    return NULL;
}

/* The umask is one for all threads: theirs must not get the better of each other. */
START_TEST(threads_serve_at_once)
{
    pthread_t threads[THREADS];
    mode_t before = umask(022);
    make_cell();
    for (uintptr_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve_often, (void *)(i + 1)), 0);
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(umask(before), 022);
    close_cell();
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "threads serve at once", threads_serve_at_once);
    check_case(suite, "names keep their numbers", names_keep_their_numbers);
    check_case(suite, "a spoilt register is told", a_spoilt_register_is_told);
    check_case(suite, "a spoilt file is nobody's", a_spoilt_file_is_nobodys);
    check_case(suite, "an entry is there as a whole", an_entry_is_there_as_a_whole);
    check_case(suite, "ids are above all that were", ids_are_above_all_that_were);
    check_case(suite, "submitting wakes", submitting_wakes_the_scheduler);
    check_case(suite, "ids some at a time", ids_are_given_out_some_at_a_time);
    check_case(suite, "what became of jobs", what_became_of_jobs);
    check_case(suite, "not taken", submissions_that_cannot_be_taken);
    check_case(suite, "ends while asked", who_ends_while_it_is_asked_is_gone);
    check_case(suite, "starts again while asked", who_is_started_again_while_it_is_asked_answers);
    check_case(suite, "garbage is answered", garbage_is_answered_and_changes_nothing);
}

CHECK_MAIN("standing", add_cases)
