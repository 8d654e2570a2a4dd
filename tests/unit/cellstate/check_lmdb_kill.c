/* SPDX-License-Identifier: MIT */
/*
 * Kill test of the lmdb store: processes that load one cell die by SIGKILL at random moments, also
 * between two writes of one LMDB transaction, and the others go on. After each kill the survivors
 * are parked and the cell is compared with everything that was acknowledged. Then writers that are
 * stopped, and named.
 *
 * 20 kills by default, OMEGA_SOAK=1: 1,000; OMEGA_SEED=N: another seed.
 */
#include "tests/support/check_main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/support/disk_hooks.h"
#include "tests/support/kill_check.h"

#define LATENCIES_MAX 1024u
#define KILLS_A_CELL 25u
#define PATIENCE_NS INT64_C(60000000000) /* then something is wrong, not slow */

/* ---- the children ---- */

static struct kill_worker *me;

static void die_hook(const struct disk_event *event)
{
    (void)event;
    if (atomic_load(&me->die_after) > 0 && atomic_fetch_sub(&me->die_after, 1) == 1) {
        atomic_store(&me->died_ns, kill_now_ns());
        kill(getpid(), SIGKILL);
    }
}

static void work(void *given, struct trouble *trouble)
{
    const struct kill_start *start = given;
    me = &start->load->workers[start->slot];
    disk_hook = die_hook;
    kill_work(given, trouble);
}

/* ---- the parent ---- */

enum way {
    AT_ANY_MOMENT,
    WHILE_IT_WRITES, /* the writer record names it */
    BETWEEN_WRITES,  /* it kills itself before or after one of LMDB's writes */
    ALL_OF_THEM,
};

struct siege {
    enum lmdb_mode mode;
    uint64_t seed;
    struct omega_random random;
    struct disk_cell cell;
    struct kill_load *load;
    struct kill_model *model;
    struct kill_start starts[KILL_WORKERS];
    pid_t pids[KILL_WORKERS]; /* 0: dead */
    bool replaced[KILL_WORKERS];
    uint32_t started;
    struct trouble *trouble;
    int64_t latencies[LATENCIES_MAX];
    uint32_t latency_count;
    uint32_t kills;
    uint64_t acts;
    uint64_t changes;
    uint64_t unanswered;
};

static uint64_t environment(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static void pause_ns(int64_t ns)
{
    struct timespec time = {.tv_nsec = (long)ns};
    nanosleep(&time, NULL);
}

static void siege_open(struct siege *siege, enum lmdb_mode mode, uint64_t seed, bool early)
{
    memset(siege, 0, sizeof *siege);
    siege->mode = mode;
    siege->seed = seed;
    omega_random_init(&siege->random, seed, "siege", 0);
    siege->load = shared_memory(sizeof *siege->load);
    siege->trouble = &siege->load->trouble;
    siege->load->early = early;
    siege->load->group = seed % 3 == 0;
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        siege->load->workers[w].next_job = (uint64_t)(w + 1) << 32;
    }
}

static void siege_make_cell(struct siege *siege, uint32_t number)
{
    char name[32];
    struct lmdb_options options = {
        .mode = siege->mode,
        .map_bytes = UINT64_C(1) << 30,
        .log_changes = 65536,
        .keep_jobs = (siege->seed + number) % 2 == 0,
    };
    snprintf(name, sizeof name, "cell%u", number);
    disk_create(&siege->cell, name, KILL_MACHINES, &options);
    siege->load->path = siege->cell.path;
    siege->model = kill_model_create();
    memset(siege->replaced, 0, sizeof siege->replaced);
}

static void siege_start(struct siege *siege, uint32_t slot)
{
    atomic_store(&siege->load->workers[slot].die_after, 0);
    atomic_store(&siege->load->workers[slot].died_ns, 0);
    atomic_store(&siege->load->workers[slot].parked, 0);
    siege->starts[slot] = (struct kill_start){
        .load = siege->load,
        .slot = slot,
        .seed = siege->seed * 1000003 + siege->started++,
    };
    siege->pids[slot] = child_start(work, &siege->starts[slot], siege->trouble);
}

/* True once every worker that lives has done something since it was let go. */
static bool all_busy(const struct siege *siege)
{
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        if (siege->pids[w] != 0 && atomic_load(&siege->load->workers[w].act_count) < 4) {
            return false;
        }
    }
    return true;
}

static bool all_parked(const struct siege *siege)
{
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        if (siege->pids[w] != 0 && atomic_load(&siege->load->workers[w].parked) == 0) {
            return false;
        }
    }
    return true;
}

/* Waits for a condition of all workers; adds to the trouble when it never comes. */
static void await(struct siege *siege, bool (*condition)(const struct siege *), const char *what)
{
    int64_t until = kill_now_ns() + PATIENCE_NS;
    while (!condition(siege) && siege->trouble->count == 0) {
        if (kill_now_ns() > until) {
            trouble_add(siege->trouble, "%s: not within a minute", what);
        }
        pause_ns(50000);
    }
}

/* ---- killing ---- */

static void wait_until_it_writes(struct siege *siege, pid_t pid)
{
    struct lmdb_use use = {.read_only = true};
    struct lmdb_writer writer;
    struct store *store = disk_open(siege->cell.path, &use);
    for (int i = 0; i < 200000; i++) {
        if (lmdb_writer_now(store, &writer) && writer.pid == pid) {
            kill(pid, SIGKILL);
            break;
        }
    }
    store_close(store);
}

/* Reaps a killed worker. */
static void bury(struct siege *siege, uint32_t slot)
{
    int how = child_wait(siege->pids[slot]);
    TROUBLE_EXPECT(siege->trouble, how == SIGKILL, "worker %u ended by itself (%d)", slot, how);
    siege->pids[slot] = 0;
}

/* Nobody goes on: says who has the lock, and what everybody was doing. */
static void diagnose(struct siege *siege)
{
    struct lmdb_use use = {.read_only = true};
    struct lmdb_writer writer = {.pid = 0};
    char text[400];
    struct store *store = disk_open(siege->cell.path, &use);
    lmdb_writer_now(store, &writer);
    store_close(store);
    int length =
        snprintf(text, sizeof text, "writer %d for %ld us;", writer.pid, (long)writer.since_us);
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        const struct kill_worker *worker = &siege->load->workers[w];
        uint32_t acts = atomic_load(&worker->act_count);
        const struct kill_act *last = &worker->acts[acts == 0 ? 0 : acts - 1];
        length += snprintf(text + length, sizeof text - (size_t)length,
                           " %d: %u acts, last %u %s, parked %u;", siege->pids[w], acts, last->kind,
                           atomic_load(&last->answered) ? "answered" : "open",
                           atomic_load(&worker->parked));
    }
    trouble_add(siege->trouble, "nobody went on within a minute after a kill: %s", text);
}

/* How long it takes until somebody else has committed. Nothing is learnt where all of them have
 * parked, having filled their room for acts. */
static void measure(struct siege *siege, int64_t killed_ns)
{
    int64_t dead_ns = kill_now_ns();
    int64_t until = dead_ns + PATIENCE_NS;
    for (;;) {
        for (uint32_t w = 0; w < KILL_WORKERS; w++) {
            int64_t then = atomic_load(&siege->load->workers[w].committed_ns);
            if (siege->pids[w] != 0 && then > dead_ns) {
                siege->latencies[siege->latency_count++ % LATENCIES_MAX] = then - killed_ns;
                return;
            }
        }
        if (kill_now_ns() > until) {
            diagnose(siege);
        }
        if (siege->trouble->count != 0 || all_parked(siege)) {
            return;
        }
        pause_ns(20000);
    }
}

static void kill_one(struct siege *siege, enum way way, uint32_t slot)
{
    struct kill_worker *worker = &siege->load->workers[slot];
    pid_t pid = siege->pids[slot];
    int64_t killed_ns = 0;
    if (way == BETWEEN_WRITES) {
        atomic_store(&worker->die_after, 1 + omega_random_below(&siege->random, 30));
        int64_t until = kill_now_ns() + PATIENCE_NS;
        while (atomic_load(&worker->died_ns) == 0 && kill_now_ns() < until &&
               siege->trouble->count == 0) {
            pause_ns(20000);
        }
        killed_ns = atomic_load(&worker->died_ns);
    } else if (way == WHILE_IT_WRITES) {
        wait_until_it_writes(siege, pid);
    }
    if (killed_ns == 0) {
        killed_ns = kill_now_ns();
        kill(pid, SIGKILL);
    }
    bury(siege, slot);
    siege->kills++;
    measure(siege, killed_ns);
}

static void kill_all(struct siege *siege)
{
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        kill(siege->pids[w], SIGKILL);
    }
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        bury(siege, w);
        siege->kills++;
    }
}

/* ---- a round ---- */

static void look(struct siege *siege)
{
    struct store *store = disk_open(siege->cell.path, NULL);
    kill_model_fold(siege->model, siege->load, store, siege->trouble);
    for (uint32_t w = 0; w < KILL_WORKERS && siege->trouble->count == 0; w++) {
        if (siege->replaced[w]) {
            kill_model_resend_old(siege->model, w, store, siege->trouble);
        }
        siege->replaced[w] = siege->pids[w] == 0;
        if (siege->pids[w] == 0) {
            kill_model_resend(siege->model, w, store, siege->trouble);
        }
    }
    disk_check(store, siege->trouble);
    store_close(store);
}

static void round_once(struct siege *siege)
{
    enum way way = (enum way)omega_random_below(&siege->random, ALL_OF_THEM);
    if (omega_random_below(&siege->random, 12) == 0) {
        way = ALL_OF_THEM;
    }
    uint32_t slot = omega_random_below(&siege->random, KILL_WORKERS);
    if (way == BETWEEN_WRITES && siege->mode == LMDB_FAST) {
        way = WHILE_IT_WRITES; /* its writes are not calls */
    }
    atomic_store(&siege->load->pause, false);
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        if (siege->pids[w] == 0) {
            siege_start(siege, w);
        }
    }
    if (omega_random_below(&siege->random, 8) != 0) {
        await(siege, all_busy, "workers that work");
    }
    pause_ns(omega_random_below(&siege->random, 8000000));
    if (way == ALL_OF_THEM) {
        kill_all(siege);
    } else {
        kill_one(siege, way, slot);
    }
    atomic_store(&siege->load->pause, true);
    await(siege, all_parked, "workers that park");
    if (siege->trouble->count == 0) {
        look(siege);
    }
}

static void siege_end_cell(struct siege *siege)
{
    bool well = siege->trouble->count == 0;
    atomic_store(&siege->load->stop, true);
    atomic_store(&siege->load->pause, false);
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        if (siege->pids[w] == 0) {
            continue;
        }
        if (!well) {
            kill(siege->pids[w], SIGKILL);
        }
        int how = child_wait(siege->pids[w]);
        TROUBLE_EXPECT(siege->trouble, how == 0, "a worker ended with %d", how);
        siege->pids[w] = 0;
    }
    if (well) {
        look(siege);
    }
    atomic_store(&siege->load->stop, false);
    kill_model_count(siege->model, &siege->acts, &siege->changes, &siege->unanswered);
    kill_model_destroy(siege->model);
    disk_forget(&siege->cell);
    disk_remove(siege->cell.path);
}

static int compare_latency(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print(struct siege *siege)
{
    uint32_t count = siege->latency_count < LATENCIES_MAX ? siege->latency_count : LATENCIES_MAX;
    qsort(siege->latencies, count, sizeof siege->latencies[0], compare_latency);
    printf("%s: %u kills, seed %lu; %lu acts, %lu changes, %lu in flight and found",
           lmdb_mode_name(siege->mode), siege->kills, (unsigned long)siege->seed,
           (unsigned long)siege->acts, (unsigned long)siege->changes,
           (unsigned long)siege->unanswered);
    if (count > 0) {
        printf("; next commit after %ld us (median), %ld us (p99)",
               (long)(siege->latencies[(count - 1) / 2] / 1000),
               (long)(siege->latencies[(count * 99 + 99) / 100 - 1] / 1000));
    }
    printf("\n");
}

/* Kills until there were `kills`, a fresh cell after every KILLS_A_CELL; stops at the first
 * trouble, which is the caller's to judge. */
static void besiege(struct siege *siege, uint32_t kills)
{
    uint32_t number = 0;
    while (siege->kills < kills && siege->trouble->count == 0) {
        uint32_t enough = siege->kills + KILLS_A_CELL;
        siege_make_cell(siege, number++);
        while (siege->kills < kills && siege->kills < enough && siege->trouble->count == 0) {
            round_once(siege);
        }
        siege_end_cell(siege);
    }
    print(siege);
}

static const struct {
    enum lmdb_mode mode;
    uint32_t kills;
    uint32_t soak;
    uint32_t slow;
} plans[] = {
    {LMDB_PWRITE, 9, 500, 2},
    {LMDB_FAST, 8, 450, 2},
    {LMDB_POWER, 3, 50, 1},
};

START_TEST(killed)
{
    static struct siege siege;
    uint64_t seed = environment("OMEGA_SEED");
    uint32_t kills = plans[_i].kills;
    if (environment("OMEGA_SOAK") != 0) {
        kills = plans[_i].soak;
    } else if (environment("OMEGA_SLOW") != 0) {
        kills = plans[_i].slow;
    }
    siege_open(&siege, plans[_i].mode, seed == 0 ? 1 + (uint64_t)_i : seed, false);
    besiege(&siege, kills);
    ck_assert_msg(siege.trouble->count == 0, "%s, OMEGA_SEED=%lu: %s (and %u more)",
                  lmdb_mode_name(siege.mode), (unsigned long)siege.seed, siege.trouble->first,
                  siege.trouble->count - 1);
    shared_memory_free(siege.load, sizeof *siege.load);
}
END_TEST

/* The harness can fail: workers that write acknowledgements down before the call are caught. */
START_TEST(too_early_is_caught)
{
    static struct siege siege;
    siege_open(&siege, LMDB_PWRITE, 7, true);
    besiege(&siege, 200);
    ck_assert_uint_gt(siege.trouble->count, 0);
    /* an acknowledged change that is gone, or one that was acknowledged as another */
    ck_assert_msg(strncmp(siege.trouble->first, "G: ", 3) == 0 ||
                      strncmp(siege.trouble->first, "E: ", 3) == 0,
                  "%s", siege.trouble->first);
    printf("caught after %u kills: %s\n", siege.kills, siege.trouble->first);
    shared_memory_free(siege.load, sizeof *siege.load);
}
END_TEST

/* ---- a writer that is stopped ---- */

struct stopped {
    const char *path;
    _Atomic bool stop;
};

static void write_on(void *context, struct trouble *trouble)
{
    struct stopped *stopped = context;
    struct lmdb_use use = {.module = "sleepy"};
    struct store *store = NULL;
    omega_error_t err = {.code = 0};
    int rc = lmdb_open(stopped->path, &use, &store, &err);
    uint64_t job = 1;
    while (rc == 0 && !atomic_load(&stopped->stop)) {
        struct disk_txn t;
        rc = disk_submit(store, job, 1, &err);
        disk_begin(&t, store, job++, 77);
        disk_claim(&t, 0, 0);
        if (rc == 0) {
            rc = disk_commit(&t, store, &err);
        }
        if (rc == 0 && t.result.accepted > 0) {
            rc = disk_end(store, t.results[0].placement, &err);
        }
    }
    TROUBLE_EXPECT(trouble, rc == 0, "%s", disk_message(&err));
    store_close(store);
}

struct named {
    pid_t pid;
    uint32_t calls;
    uint32_t enough; /* it goes on when it has been named so often */
    struct lmdb_writer writer;
};

static void name_writer(void *context, const struct lmdb_writer *writer)
{
    struct named *named = context;
    named->writer = *writer;
    if (++named->calls == named->enough) {
        kill(named->pid, SIGCONT);
    }
}

static struct named *watched;

/* Should nobody name the writer: let it go on, so that the test ends and says so. */
static void let_go_on(int signal)
{
    (void)signal;
    kill(watched->pid, SIGCONT);
}

/* Stops a process until it is stopped while it writes on behalf of instance 77. */
static bool stop_while_it_writes(struct store *store, pid_t pid)
{
    struct lmdb_writer writer;
    int64_t until = kill_now_ns() + PATIENCE_NS;
    while (kill_now_ns() < until) {
        if (!lmdb_writer_now(store, &writer) || writer.pid != pid) {
            continue;
        }
        int status = 0;
        kill(pid, SIGSTOP);
        if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) {
            return false;
        }
        if (lmdb_writer_now(store, &writer) && writer.pid == pid && writer.instance == 77) {
            return true;
        }
        kill(pid, SIGCONT);
    }
    return false;
}

struct stop_test {
    struct disk_cell cell;
    struct stopped *stopped;
    struct trouble *trouble;
    struct named named;
    struct store *store;
};

static void stop_open(struct stop_test *test, enum lmdb_mode mode)
{
    struct lmdb_options options = {.mode = mode, .map_bytes = UINT64_C(1) << 30};
    memset(test, 0, sizeof *test);
    disk_create(&test->cell, "cell", 50, &options);
    test->stopped = shared_memory(sizeof *test->stopped);
    test->trouble = shared_memory(sizeof *test->trouble);
    test->stopped->path = test->cell.path;
    test->named.pid = child_start(write_on, test->stopped, test->trouble);
    struct lmdb_use use = {.module = "awake", .blocked = name_writer, .context = &test->named};
    test->store = disk_open(test->cell.path, &use);
}

static void stop_close(struct stop_test *test)
{
    disk_check(test->store, test->trouble);
    ck_assert_msg(test->trouble->count == 0, "%s", test->trouble->first);
    store_close(test->store);
    disk_forget(&test->cell);
    shared_memory_free(test->stopped, sizeof *test->stopped);
    shared_memory_free(test->trouble, sizeof *test->trouble);
}

static const enum lmdb_mode stop_modes[] = {LMDB_PWRITE, LMDB_FAST, LMDB_POWER};

START_TEST(stopped_writer_is_named)
{
    static struct stop_test test;
    omega_error_t err = {.code = 0};
    uint64_t placement = 0;
    struct omega_machine machine;
    watched = &test.named;
    signal(SIGALRM, let_go_on);
    stop_open(&test, stop_modes[_i]);
    test.named.enough = _i == 0 ? 2 : 1; /* a second each */
    ck_assert(stop_while_it_writes(test.store, test.named.pid));
    /* who reads does not wait */
    ck_assert_int_eq(store_machine(test.store, 1, &machine, &err), 0);
    disk_check(test.store, test.trouble);
    ck_assert_uint_eq(test.named.calls, 0);
    alarm(30);
    int rc = disk_put(test.store, UINT64_C(1) << 40, 1, &placement, &err);
    alarm(0);
    ck_assert_msg(rc == 0, "%d: %s", rc, err.text);
    ck_assert_uint_ge(test.named.calls, test.named.enough);
    ck_assert_int_eq(test.named.writer.pid, test.named.pid);
    ck_assert_uint_eq(test.named.writer.instance, 77);
    ck_assert_str_eq(test.named.writer.module, "sleepy");
    ck_assert_int_ge(test.named.writer.since_us, 1000000);
    atomic_store(&test.stopped->stop, true);
    ck_assert_int_eq(child_wait(test.named.pid), 0);
    stop_close(&test);
}
END_TEST

START_TEST(stopped_writer_is_killed)
{
    static struct stop_test test;
    omega_error_t err = {.code = 0};
    uint64_t placement = 0;
    struct lmdb_writer writer;
    stop_open(&test, stop_modes[_i]);
    ck_assert(stop_while_it_writes(test.store, test.named.pid));
    child_kill(test.named.pid);
    ck_assert(!lmdb_writer_now(test.store, &writer));
    int rc = disk_put(test.store, UINT64_C(1) << 40, 1, &placement, &err);
    ck_assert_msg(rc == 0, "%d: %s", rc, err.text);
    ck_assert_uint_eq(test.named.calls, 0);
    stop_close(&test);
}
END_TEST

static void add_cases(Suite *suite)
{
    disk_loop_case(suite, "killed", killed, (int)(sizeof plans / sizeof plans[0]));
    disk_case(suite, "too early is caught", too_early_is_caught);
    disk_loop_case(suite, "a stopped writer is named", stopped_writer_is_named, 3);
    disk_loop_case(suite, "a stopped writer is killed", stopped_writer_is_killed, 3);
}

CHECK_MAIN("lmdb kill", add_cases)
