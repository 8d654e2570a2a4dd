/* SPDX-License-Identifier: MIT */
/*
 * The gate before the write lock: one holder at a time among threads and processes, holders that
 * are killed or stopped, and files in any state.
 */
#include "cellstate/lmdb_writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/check_main.h"

#define BOOT "boot-1"
#define FILE_BYTES 4096
#define VERSION_AT 8
#define BOOT_AT 16
#define RECORD_AT 192
#define BELL_AT 320
#define ASLEEP_AT (BELL_AT + 4)
#define HURRIES_AT (BELL_AT + 8)
#define WATCHED_AT (BELL_AT + 16)
#define RANG_AT (BELL_AT + 24)
#define WORKERS 4

static char folder[200];
static char path[300];
static omega_error_t err;
static bool watches; /* lmdb_gate_watch() is called */

/* What parent and children share. */
static struct shared {
    atomic_int step; /* told by a child */
    atomic_int go;   /* told by the parent */
    atomic_int calls;
    atomic_bool died;
    struct lmdb_writer named; /* by the last call of blocked() */
    uint64_t counter;         /* changed under the gate only, and no atomic */
} * shared;

static void setup(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/omega-XXXXXX", parent == NULL ? P_tmpdir : parent);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/writer", folder);
    omega_error_clear(&err);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    ck_assert_int_eq(lmdb_gate_create(path, &err), OMEGA_OK);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
    munmap(shared, sizeof *shared);
}

static struct lmdb_gate *open_gate(const char *boot, const char *module)
{
    struct lmdb_gate *gate;
    int rc = lmdb_gate_open(path, boot, module, &gate, &err);
    ck_assert_msg(rc == OMEGA_OK, "%s", err.text);
    if (watches) {
        lmdb_gate_watch(gate);
    }
    return gate;
}

static bool enter(struct lmdb_gate *gate, uint16_t instance)
{
    bool died;
    int rc = lmdb_gate_enter(gate, instance, NULL, NULL, &died, &err);
    ck_assert_msg(rc == OMEGA_OK, "%s", err.text);
    return died;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void wait_for(atomic_int *value, int wanted)
{
    while (atomic_load(value) < wanted) {
        nap();
    }
}

/* ---- children ---- */

/* Runs `body` in a process of its own, which ends with the test. */
static pid_t start(void (*body)(int number), int number)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(3);
        }
        body(number);
        _exit(0);
    }
    return pid;
}

static void ended_well(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "a child ended with status %d", status);
}

static void killed(pid_t pid)
{
    int status;
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}

static void stopped(pid_t pid)
{
    int status;
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    ck_assert(WIFSTOPPED(status));
}

/* Opens and enters, in a child, where a failure is an exit code. */
static struct lmdb_gate *child_open(const char *module)
{
    struct lmdb_gate *gate;
    if (lmdb_gate_open(path, BOOT, module, &gate, NULL) != OMEGA_OK) {
        _exit(10);
    }
    if (watches) {
        lmdb_gate_watch(gate);
    }
    return gate;
}

static bool child_enter(struct lmdb_gate *gate, uint16_t instance,
                        void (*blocked)(void *context, const struct lmdb_writer *writer))
{
    bool died;
    if (lmdb_gate_enter(gate, instance, blocked, shared, &died, NULL) != OMEGA_OK) {
        _exit(11);
    }
    return died;
}

/* Holds the gate until told to go on, then gives it back. */
static void hold(int number)
{
    struct lmdb_gate *gate = child_open("holder");
    child_enter(gate, (uint16_t)number, NULL);
    atomic_fetch_add(&shared->step, 1);
    wait_for(&shared->go, 1);
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
}

/* ---- one process ---- */

START_TEST(test_record)
{
    setup();
    char cut[48];
    memset(cut, 'x', sizeof cut - 1);
    cut[sizeof cut - 1] = '\0';
    const struct {
        const char *module;
        const char *seen;
        uint16_t instance;
    } cases[] = {
        {"first-fit", "first-fit", 7},
        {NULL, "", OMEGA_INSTANCE_NONE},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", cut, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lmdb_gate *gate = open_gate(BOOT, cases[i].module);
        struct lmdb_writer writer;
        ck_assert(!lmdb_gate_writer(gate, &writer));
        ck_assert(!enter(gate, cases[i].instance));
        ck_assert(lmdb_gate_writer(gate, &writer));
        ck_assert_int_eq(writer.pid, getpid());
        ck_assert_uint_eq(writer.instance, cases[i].instance);
        ck_assert_int_ge(writer.since_us, 0);
        ck_assert_str_eq(writer.module, cases[i].seen);
        lmdb_gate_leave(gate);
        ck_assert(!lmdb_gate_writer(gate, &writer));
        lmdb_gate_close(gate);
    }
    lmdb_gate_close(NULL);
    teardown();
}
END_TEST

START_TEST(test_enter_twice)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    enter(gate, 1);
    bool died;
    ck_assert_int_eq(lmdb_gate_enter(gate, 1, NULL, NULL, &died, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text,
                     "the lock of the writers cannot be taken: Resource deadlock avoided, expected "
                     "one that was made in this boot and is not held by this thread");
    ck_assert_str_eq(err.source, path);
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* ---- mutual exclusion ---- */

static int rounds(void)
{
    return getenv("OMEGA_SLOW") != NULL ? 200 : 20000;
}

/* Counts under the gate, once all are there. */
static void count_rounds(struct lmdb_gate *gate, uint16_t instance)
{
    atomic_fetch_add(&shared->step, 1);
    while (atomic_load(&shared->step) < WORKERS) {
    }
    for (int i = 0; i < rounds(); i++) {
        if (child_enter(gate, instance, NULL)) {
            _exit(12);
        }
        uint64_t seen = shared->counter;
        if (i % 50 == 0) {
            sched_yield(); /* also where there is one CPU only */
        }
        shared->counter = seen + 1;
        lmdb_gate_leave(gate);
    }
}

static void count_in_process(int number)
{
    wait_for(&shared->go, 1);
    struct lmdb_gate *gate = child_open("counter"); /* all at once: one of them makes the lock */
    count_rounds(gate, (uint16_t)number);
    lmdb_gate_close(gate);
}

START_TEST(test_processes)
{
    setup();
    pid_t pids[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = start(count_in_process, i);
    }
    atomic_store(&shared->go, 1);
    for (int i = 0; i < WORKERS; i++) {
        ended_well(pids[i]);
    }
    ck_assert_uint_eq(shared->counter, (uint64_t)WORKERS * (uint64_t)rounds());
    teardown();
}
END_TEST

static void *count_in_thread(void *gate)
{
    count_rounds(gate, 1);
    return NULL;
}

START_TEST(test_threads)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, "threads");
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_in_thread, gate), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(shared->counter, (uint64_t)WORKERS * (uint64_t)rounds());
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* ---- the record, seen by others ---- */

/* Enters and leaves until told to stop, by turns as two instances; the module of each is 47 times
 * its digit. */
static void come_and_go(int number)
{
    struct lmdb_gate *gates[2];
    for (int i = 0; i < 2; i++) {
        char module[48] = "";
        memset(module, '0' + i, sizeof module - 1);
        gates[i] = child_open(module);
    }
    for (; atomic_load(&shared->go) == 0; number = !number) {
        child_enter(gates[number], (uint16_t)number, NULL);
        for (volatile int pause = 0; pause < 300; pause++) { /* as long as a commit */
        }
        lmdb_gate_leave(gates[number]);
    }
    lmdb_gate_close(gates[0]);
    lmdb_gate_close(gates[1]);
}

START_TEST(test_no_torn_record)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    pid_t pid = start(come_and_go, 0);
    int wanted = rounds() / 10;
    for (int seen[2] = {0, 0}; seen[0] < wanted || seen[1] < wanted;) {
        struct lmdb_writer writer;
        if (lmdb_gate_writer(gate, &writer)) {
            ck_assert_int_eq(writer.pid, pid);
            ck_assert_uint_le(writer.instance, 1);
            for (size_t i = 0; i < sizeof writer.module - 1; i++) {
                ck_assert_int_eq(writer.module[i], '0' + writer.instance);
            }
            ck_assert_int_eq(writer.module[sizeof writer.module - 1], '\0');
            seen[writer.instance]++;
        }
    }
    atomic_store(&shared->go, 1);
    ended_well(pid);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* Who gives the lock back and takes it again at once lets those in who sleep meanwhile, though it
 * does not wake them each time; and so does each of them. */
START_TEST(test_lets_others_in)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    pid_t pids[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = start(come_and_go, i % 2);
    }
    for (int i = 0; i < rounds() / 200; i++) {
        enter(gate, 2);
        lmdb_gate_leave(gate);
    }
    atomic_store(&shared->go, 1);
    for (int i = 0; i < WORKERS; i++) {
        ended_well(pids[i]);
    }
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

START_TEST(test_killed_holder)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, "next");
    struct lmdb_writer writer;
    pid_t pid = start(hold, 7);
    wait_for(&shared->step, 1);
    ck_assert(lmdb_gate_writer(gate, &writer));
    ck_assert_int_eq(writer.pid, pid);
    ck_assert_uint_eq(writer.instance, 7);
    ck_assert_str_eq(writer.module, "holder");
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    ck_assert(!lmdb_gate_writer(gate, &writer)); /* a zombie */
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert(!lmdb_gate_writer(gate, &writer)); /* gone */
    ck_assert(enter(gate, 2));
    ck_assert(lmdb_gate_writer(gate, &writer));
    ck_assert_int_eq(writer.pid, getpid());
    ck_assert_uint_eq(writer.instance, 2);
    ck_assert_str_eq(writer.module, "next");
    lmdb_gate_leave(gate);
    ck_assert(!enter(gate, 2)); /* told once */
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

static void *enter_and_end(void *gate)
{
    enter(gate, 3);
    return NULL;
}

START_TEST(test_holder_thread_ended)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, enter_and_end, gate), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(enter(gate, 4));
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* Overwrites bytes of the file; the other processes' maps show them. */
static void overwrite(off_t at, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

/* A 32-bit number of the file. */
static uint32_t word_at(off_t at)
{
    uint32_t word;
    int fd = open(path, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &word, sizeof word, at), (ssize_t)sizeof word);
    close(fd);
    return word;
}

/* Who gives the lock back, and is not at it, wakes one of those who sleep, but where somebody
 * watches only if that has not been done for long. Whoever sleeps on stays known. */
START_TEST(test_rings)
{
    static const struct {
        int64_t watched_us; /* ahead: just now, however slow this test is */
        int64_t rang_us;
        uint32_t asleep;
        bool rings;
    } moments[] = {
        {0, 0, 1, true},
        {0, INT64_MAX / 2, 1, true},
        {INT64_MAX / 2, INT64_MAX / 2, 1, false},
        {INT64_MAX / 2, 0, 1, true},
        {0, 0, 0, false},
    };
    setup();
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct lmdb_gate *gate = open_gate(BOOT, NULL);
        enter(gate, 1);
        overwrite(WATCHED_AT, &moments[i].watched_us, sizeof moments[i].watched_us);
        overwrite(RANG_AT, &moments[i].rang_us, sizeof moments[i].rang_us);
        overwrite(ASLEEP_AT, &moments[i].asleep, sizeof moments[i].asleep);
        const uint32_t rings = word_at(BELL_AT);
        lmdb_gate_leave(gate);
        ck_assert_uint_eq(word_at(BELL_AT) - rings, moments[i].rings);
        ck_assert_uint_eq(word_at(ASLEEP_AT), moments[i].asleep && !moments[i].rings);
        if (watches && moments[i].rings) { /* for the next one to know */
            ck_assert_uint_ne(word_at(RANG_AT), (uint32_t)moments[i].rang_us);
        }
        lmdb_gate_close(gate);
    }
    teardown();
}
END_TEST

/* When a thread gives way: told by its own number alone, since nobody sees it yield. */
START_TEST(test_gives_way)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    int64_t since_us = 0; /* it begins */
    lmdb_gate_give_way(gate, &since_us);
    ck_assert_int_ne(since_us, 0);
    const int64_t ahead_us = since_us + INT64_C(1000000000);
    int64_t at_us = ahead_us; /* it has gone on for less than nothing, however slow this is */
    lmdb_gate_give_way(gate, &at_us);
    ck_assert_int_eq(at_us, ahead_us);
    const int64_t long_ago_us = since_us - 1000;
    at_us = long_ago_us;
    lmdb_gate_give_way(gate, &at_us);
    ck_assert_int_ge(at_us, since_us);
    const uint32_t hurries = 1;
    overwrite(HURRIES_AT, &hurries, sizeof hurries);
    at_us = long_ago_us;
    lmdb_gate_give_way(gate, &at_us);
    ck_assert_int_eq(at_us, long_ago_us);
    lmdb_gate_close(gate);
    /* what a file of another boot says is worth nothing */
    ck_assert_int_eq(lmdb_gate_look(path, "boot-2", &gate, &err), OMEGA_OK);
    lmdb_gate_give_way(gate, &at_us);
    ck_assert_int_ge(at_us, since_us);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* A process of the same number that was started at another time is not the writer. */
START_TEST(test_reused_pid)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    struct lmdb_writer writer;
    pid_t pid = start(hold, 7);
    wait_for(&shared->step, 1);
    ck_assert(lmdb_gate_writer(gate, &writer));
    uint64_t other_start = 1;
    overwrite(RECORD_AT + 16, &other_start, sizeof other_start);
    ck_assert(!lmdb_gate_writer(gate, &writer));
    killed(pid);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* ---- blocked ---- */

static void blocked(void *context, const struct lmdb_writer *writer)
{
    struct shared *to = context;
    to->named = *writer;
    atomic_fetch_add(&to->calls, 1);
}

/* Waits for the gate, says who was named, and whether the holder had died. */
static void wait_in_line(int number)
{
    struct lmdb_gate *gate = child_open("waiter");
    bool died = child_enter(gate, (uint16_t)number, blocked);
    atomic_store(&shared->died, died);
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    atomic_fetch_add(&shared->step, 1);
}

/* Was in the gate once, and waits outside. */
static void idle(int number)
{
    struct lmdb_gate *gate = child_open("idle");
    child_enter(gate, (uint16_t)number, NULL);
    lmdb_gate_leave(gate);
    atomic_fetch_add(&shared->step, 1);
    wait_for(&shared->go, 1);
    lmdb_gate_close(gate);
}

static void names(pid_t pid, int calls)
{
    wait_for(&shared->calls, calls);
    ck_assert_int_eq(shared->named.pid, pid);
    ck_assert_uint_eq(shared->named.instance, 7);
    ck_assert_str_eq(shared->named.module, "holder");
    ck_assert_int_ge(shared->named.since_us, calls * LMDB_WRITER_WAIT_US);
}

/* A holder is stopped, named each second, and killed (_i = 0) or goes on (1). A process that is
 * stopped outside is in nobody's way. */
START_TEST(test_stopped_holder)
{
    setup();
    pid_t outside = start(idle, 5);
    wait_for(&shared->step, 1);
    stopped(outside);
    pid_t holder = start(hold, 7);
    wait_for(&shared->step, 2);
    stopped(holder);
    pid_t waiter = start(wait_in_line, 9);
    names(holder, 1);
    if (_i == 0) {
        names(holder, 2);
        killed(holder);
    } else {
        atomic_store(&shared->go, 1);
        ck_assert_int_eq(kill(holder, SIGCONT), 0);
        ended_well(holder);
    }
    wait_for(&shared->step, 3);
    ck_assert(atomic_load(&shared->died) == (_i == 0));
    ended_well(waiter);
    killed(outside);
    teardown();
}
END_TEST

/* Nobody holds it: a stopped process does not make others wait. */
START_TEST(test_stopped_outside)
{
    setup();
    pid_t outside = start(idle, 5);
    wait_for(&shared->step, 1);
    stopped(outside);
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    struct lmdb_writer writer;
    ck_assert(!lmdb_gate_writer(gate, &writer));
    bool died;
    ck_assert_int_eq(lmdb_gate_enter(gate, 1, blocked, shared, &died, &err), OMEGA_OK);
    ck_assert_int_eq(atomic_load(&shared->calls), 0);
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    killed(outside);
    teardown();
}
END_TEST

/* A holder that was stopped before it wrote its record (_i = 0), or while it did (1). */
START_TEST(test_stopped_without_record)
{
    setup();
    pid_t holder = start(hold, 7);
    wait_for(&shared->step, 1);
    stopped(holder);
    uint64_t record[10] = {_i == 0 ? 4 : 5};
    overwrite(RECORD_AT, record, _i == 0 ? sizeof record : sizeof record[0]);
    pid_t waiter = start(wait_in_line, 9);
    wait_for(&shared->calls, 1);
    ck_assert_int_eq(shared->named.pid, 0);
    ck_assert_uint_eq(shared->named.instance, OMEGA_INSTANCE_NONE);
    ck_assert_str_eq(shared->named.module, "");
    killed(holder);
    ended_well(waiter);
    ck_assert(atomic_load(&shared->died));
    struct lmdb_gate *gate = open_gate(BOOT, "after"); /* and the record is whole again */
    struct lmdb_writer writer;
    enter(gate, 3);
    ck_assert(lmdb_gate_writer(gate, &writer));
    ck_assert_str_eq(writer.module, "after");
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* ---- files ---- */

START_TEST(test_another_boot)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, NULL);
    enter(gate, 1); /* as the power goes */
    lmdb_gate_close(gate);
    unsigned char garbage[FILE_BYTES - BOOT_AT];
    memset(garbage, _i == 0 ? 0xff : 0x5a, sizeof garbage);
    overwrite(BOOT_AT, garbage, sizeof garbage);
    if (_i == 2) {
        overwrite(BOOT_AT, BOOT, sizeof BOOT); /* only lock and record are worthless */
    }
    gate = open_gate("boot-2", "new");
    struct lmdb_writer writer;
    ck_assert(!lmdb_gate_writer(gate, &writer));
    ck_assert(!enter(gate, 3));
    struct lmdb_gate *second = open_gate("boot-2", NULL); /* the same boot: nothing is made anew */
    ck_assert(lmdb_gate_writer(second, &writer));
    ck_assert_str_eq(writer.module, "new");
    lmdb_gate_close(second);
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* A boot id that begins like another one. */
START_TEST(test_boot_prefix)
{
    setup();
    lmdb_gate_close(open_gate("boot-10", NULL));
    unsigned char garbage[FILE_BYTES - RECORD_AT + 64];
    memset(garbage, 0xff, sizeof garbage);
    overwrite(RECORD_AT - 64, garbage, sizeof garbage);
    struct lmdb_gate *gate = open_gate("boot-1", NULL);
    ck_assert(!enter(gate, 3));
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

/* ---- copies, and looking ---- */

static char other_path[320];

/* Copies the file as it is, and gives the bytes. */
static void copy_file(unsigned char bytes[FILE_BYTES])
{
    snprintf(other_path, sizeof other_path, "%s.copy", path);
    int from = open(path, O_RDONLY);
    int to = open(other_path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    ck_assert_int_eq(read(from, bytes, FILE_BYTES), FILE_BYTES);
    ck_assert_int_eq(write(to, bytes, FILE_BYTES), FILE_BYTES);
    close(from);
    close(to);
}

static void expect_bytes(const char *name, const unsigned char bytes[FILE_BYTES])
{
    unsigned char now[FILE_BYTES];
    int fd = open(name, O_RDONLY);
    ck_assert_int_eq(read(fd, now, sizeof now), FILE_BYTES);
    close(fd);
    ck_assert_mem_eq(now, bytes, FILE_BYTES);
}

static struct lmdb_gate *look(const char *name, const char *boot)
{
    struct lmdb_gate *gate;
    int rc = lmdb_gate_look(name, boot, &gate, &err);
    ck_assert_msg(rc == OMEGA_OK, "%s", err.text);
    return gate;
}

/* A copy of a lock that was held then is nobody's, and the lock of the original is left alone. */
START_TEST(test_copied_while_held)
{
    setup();
    unsigned char bytes[FILE_BYTES];
    struct lmdb_writer writer;
    bool died = true;
    struct lmdb_gate *gate = open_gate(BOOT, "original");
    enter(gate, 1);
    copy_file(bytes);
    struct lmdb_gate *copy;
    ck_assert_int_eq(lmdb_gate_open(other_path, BOOT, "copy", &copy, &err), OMEGA_OK);
    ck_assert(!lmdb_gate_writer(copy, &writer));
    ck_assert_int_eq(lmdb_gate_enter(copy, 2, NULL, NULL, &died, &err), OMEGA_OK);
    ck_assert(!died);
    ck_assert(lmdb_gate_writer(gate, &writer));
    ck_assert_str_eq(writer.module, "original");
    struct lmdb_gate *second; /* of the copy: it is made anew once */
    ck_assert_int_eq(lmdb_gate_open(other_path, BOOT, NULL, &second, &err), OMEGA_OK);
    ck_assert(lmdb_gate_writer(second, &writer));
    ck_assert_str_eq(writer.module, "copy");
    lmdb_gate_close(second);
    lmdb_gate_leave(copy);
    lmdb_gate_leave(gate);
    lmdb_gate_close(copy);
    lmdb_gate_close(gate);
    unlink(other_path);
    teardown();
}
END_TEST

/* Another boot, a copy, a file that was never opened: nobody writes, and no byte changes. */
START_TEST(test_look_at_outdated)
{
    setup();
    unsigned char bytes[FILE_BYTES];
    struct lmdb_writer writer;
    struct lmdb_gate *seen = look(path, BOOT);
    ck_assert(!lmdb_gate_writer(seen, &writer));
    lmdb_gate_close(seen);
    struct lmdb_gate *gate = open_gate(BOOT, "writes");
    enter(gate, 4);
    copy_file(bytes);
    seen = look(path, BOOT);
    ck_assert(lmdb_gate_writer(seen, &writer));
    ck_assert_str_eq(writer.module, "writes");
    lmdb_gate_close(seen);
    seen = look(path, "boot-2");
    ck_assert(!lmdb_gate_writer(seen, &writer));
    lmdb_gate_close(seen);
    seen = look(other_path, BOOT);
    ck_assert(!lmdb_gate_writer(seen, &writer));
    lmdb_gate_close(seen);
    expect_bytes(path, bytes);
    expect_bytes(other_path, bytes);
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    unlink(other_path);
    teardown();
}
END_TEST

static void look_without_rights(int number)
{
    (void)number;
    struct lmdb_gate *gate = NULL;
    struct lmdb_writer writer;
    if (geteuid() == 0 &&
        (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)) {
        _exit(20);
    }
    if (lmdb_gate_open(path, BOOT, NULL, &gate, NULL) != OMEGA_EIO || gate != NULL) {
        _exit(21);
    }
    if (lmdb_gate_look(path, BOOT, &gate, NULL) != OMEGA_OK) {
        _exit(22);
    }
    bool good = lmdb_gate_writer(gate, &writer) && writer.instance == 4 &&
                strcmp(writer.module, "writes") == 0;
    lmdb_gate_close(gate);
    _exit(good ? 0 : 23);
}

/* Somebody who may only read the file sees who writes. */
START_TEST(test_look_without_rights)
{
    setup();
    struct lmdb_gate *gate = open_gate(BOOT, "writes");
    enter(gate, 4);
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ended_well(start(look_without_rights, 0));
    lmdb_gate_leave(gate);
    lmdb_gate_close(gate);
    teardown();
}
END_TEST

static void look_refused(int code, const char *text)
{
    struct lmdb_gate *gate = (struct lmdb_gate *)(void *)shared;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_gate_look(path, BOOT, &gate, &err), code);
    ck_assert_ptr_null(gate);
    ck_assert_str_eq(err.text, text);
    ck_assert_str_eq(err.source, path);
}

START_TEST(test_look_at_foreign)
{
    setup();
    uint32_t version = 2;
    overwrite(VERSION_AT, &version, sizeof version);
    look_refused(OMEGA_EVERSION, "has version 2, expected at most 1: made by a newer omega");
    ck_assert_int_eq(truncate(path, 0), 0);
    look_refused(OMEGA_EINVAL, "is no file of writers, expected one made by 'omega cell init'");
    ck_assert_int_eq(unlink(path), 0);
    look_refused(OMEGA_EIO, "cannot open: No such file or directory");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    look_refused(OMEGA_EINVAL, "is no file of writers, expected one made by 'omega cell init'");
    teardown();
}
END_TEST

static void open_and_close(int number)
{
    (void)number;
    atomic_store(&shared->step, 1);
    lmdb_gate_close(child_open(NULL));
    atomic_store(&shared->step, 2);
}

/* While one process opens the file, which may be making the lock, no other one gets past. */
START_TEST(test_open_waits)
{
    setup();
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    pid_t pid = start(open_and_close, 0);
    wait_for(&shared->step, 1);
    for (int i = 0; i < 30; i++) {
        nap();
    }
    ck_assert_int_eq(atomic_load(&shared->step), 1);
    ck_assert_int_eq(flock(fd, LOCK_UN), 0);
    ended_well(pid);
    ck_assert_int_eq(atomic_load(&shared->step), 2);
    close(fd);
    lmdb_gate_close(open_gate(BOOT, NULL));
    teardown();
}
END_TEST

static void refused(int code, const char *text)
{
    struct lmdb_gate *gate = (struct lmdb_gate *)(void *)shared;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_gate_open(path, BOOT, NULL, &gate, &err), code);
    ck_assert_ptr_null(gate);
    ck_assert_str_eq(err.text, text);
    ck_assert_str_eq(err.source, path);
    ck_assert_int_eq(lmdb_gate_open(path, BOOT, NULL, &gate, NULL), code);
}

#define FOREIGN "is no file of writers, expected one made by 'omega cell init'"

START_TEST(test_foreign_files)
{
    setup();
    uint32_t version = 2;
    overwrite(VERSION_AT, &version, sizeof version);
    refused(OMEGA_EVERSION, "has version 2, expected at most 1: made by a newer omega");
    ck_assert_int_eq(truncate(path, 100), 0); /* of whatever size */
    refused(OMEGA_EVERSION, "has version 2, expected at most 1: made by a newer omega");
    version = 0;
    overwrite(VERSION_AT, &version, sizeof version);
    refused(OMEGA_EINVAL, FOREIGN);
    version = 1;
    overwrite(VERSION_AT, &version, sizeof version);
    refused(OMEGA_EINVAL, "holds 100 bytes, expected 4096");
    ck_assert_int_eq(truncate(path, 5000), 0);
    refused(OMEGA_EINVAL, "holds 5000 bytes, expected 4096");
    ck_assert_int_eq(truncate(path, 4096), 0);
    lmdb_gate_close(open_gate(BOOT, NULL));
    overwrite(0, "OMEGA", 5);
    refused(OMEGA_EINVAL, FOREIGN);
    ck_assert_int_eq(truncate(path, 3), 0);
    refused(OMEGA_EINVAL, FOREIGN);
    ck_assert_int_eq(truncate(path, 0), 0);
    refused(OMEGA_EINVAL, FOREIGN);
    ck_assert_int_eq(truncate(path, 4096), 0); /* all zeros, as after a loss of power */
    refused(OMEGA_EINVAL, FOREIGN);
    teardown();
}
END_TEST

START_TEST(test_no_file)
{
    setup();
    ck_assert_int_eq(lmdb_gate_create(path, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "is there, expected a new name");
    ck_assert_int_eq(unlink(path), 0);
    refused(OMEGA_EIO, "cannot open: No such file or directory");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(OMEGA_EINVAL, FOREIGN);
    ck_assert_int_eq(unlink(path), 0);
    struct lmdb_gate *gate;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_gate_open(path, "", NULL, &gate, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "boot '', expected 1 to 63 bytes");
    teardown();
}
END_TEST

/* The processes of a test watch a lock that is held, as in a cell whose commits take long, or do
 * not. */
static void let_watch(void)
{
    watches = true;
}

static void let_sleep(void)
{
    watches = false;
}

static const struct {
    const char *name;
    const TTest *const *test;
    int times;
} cases[] = {
    {"record", &test_record, 1},
    {"enter twice", &test_enter_twice, 1},
    {"processes", &test_processes, 1},
    {"threads", &test_threads, 1},
    {"no torn record", &test_no_torn_record, 1},
    {"lets others in", &test_lets_others_in, 1},
    {"rings", &test_rings, 1},
    {"gives way", &test_gives_way, 1},
    {"killed holder", &test_killed_holder, 1},
    {"holder thread ended", &test_holder_thread_ended, 1},
    {"reused pid", &test_reused_pid, 1},
    {"stopped holder", &test_stopped_holder, 2},
    {"stopped outside", &test_stopped_outside, 1},
    {"stopped without record", &test_stopped_without_record, 2},
    {"another boot", &test_another_boot, 3},
    {"copied while held", &test_copied_while_held, 1},
    {"look at outdated", &test_look_at_outdated, 1},
    {"look without rights", &test_look_without_rights, 1},
    {"look at foreign", &test_look_at_foreign, 1},
    {"open waits", &test_open_waits, 1},
    {"boot prefix", &test_boot_prefix, 1},
    {"foreign files", &test_foreign_files, 1},
    {"no file", &test_no_file, 1},
};

static void add_cases(Suite *suite)
{
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        static char names[2 * sizeof cases / sizeof *cases][64]; /* Check keeps pointers */
        snprintf(names[i], sizeof names[i], "%s%s", cases[i / 2].name,
                 i % 2 == 1 ? ", watched" : "");
        TCase *tcase = tcase_create(names[i]);
        tcase_add_loop_test(tcase, *cases[i / 2].test, 0, cases[i / 2].times);
        tcase_add_checked_fixture(tcase, i % 2 == 1 ? let_watch : let_sleep, NULL);
        tcase_set_timeout(tcase, 300);
        suite_add_tcase(suite, tcase);
    }
}

CHECK_MAIN("lmdb_writer", add_cases)
