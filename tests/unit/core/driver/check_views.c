/* SPDX-License-Identifier: MIT */
/* What schedulers see: live and private views agree, views of all stores agree, and what exactly an
 * interval's view shows. */
#include <string.h>
#include <unistd.h>

#include "cellstate/compat.h"
#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

/* One busy run; returns how many conflicts there were. */
static uint64_t run_busy(const char *module, enum omega_granularity granularity, bool coarse,
                         bool raises_seq, uint32_t compat, enum run_sync sync,
                         const struct run_store *store, char digest[33])
{
    struct fixture f;
    static struct omega_machine_event events[FIXTURE_BUSY_EVENTS];
    static struct fixture_job jobs[FIXTURE_BUSY_JOBS];
    fixture_busy(&f, module, true, events, jobs);
    f.config.cell.release_raises_seq = raises_seq;
    f.config.cell.compat = compat;
    for (int s = 0; s < 2; s++) {
        f.schedulers[s].detection = coarse ? OMEGA_DETECT_COARSE : OMEGA_DETECT_FINE;
        f.schedulers[s].granularity = granularity;
        f.schedulers[s].at_least = 2;
        f.schedulers[s].sync = sync;
        f.schedulers[s].interval_us = store == NULL ? 0 : 15 * S;
    }
    if (store != NULL) {
        f.config.store = *store;
    }
    fixture_run_ok(&f, jobs, FIXTURE_BUSY_JOBS);
    ck_assert_uint_gt(f.counters.losses, 0);
    ck_assert_uint_eq(f.report.violations, 0);
    ck_assert_msg(strstr(f.log, "behind its key") == NULL, "%s", f.log);
    memcpy(digest, f.cell.digest, sizeof f.cell.digest);
    uint64_t conflicts = f.scope[0].claims_conflicting + f.scope[1].claims_conflicting;
    fixture_close(&f);
    return conflicts;
}

static const char *const modules[] = {"batch",      "service",  "first_fit", "reference",
                                      "random_one", "stateful", "elastic"};

/* An interval of 0 is a refresh at each attempt, and so the same as a live view, too. */
START_TEST(live_and_private_views_agree)
{
    for (int variant = 0; variant < 20; variant++) {
        enum omega_granularity granularity = (enum omega_granularity)(variant / 4);
        bool coarse = variant % 4 >= 2;
        bool raises_seq = variant % 2 == 1;
        char digest[3][33];
        uint64_t conflicts = 0;
        for (int sync = 0; sync < 3; sync++) {
            conflicts += run_busy(modules[_i], granularity, coarse, raises_seq, 0,
                                  (enum run_sync)sync, NULL, digest[sync]);
        }
        ck_assert_uint_gt(conflicts, 0);
        for (int sync = 1; sync < 3; sync++) {
            ck_assert_msg(strcmp(digest[0], digest[sync]) == 0,
                          "module %s, granularity %d, coarse %d, raises_seq %d, sync %d",
                          modules[_i], (int)granularity, coarse, raises_seq, sync);
        }
    }
}
END_TEST

/* Sequences that move without a version reach private views as well, and each rule does something
 * where sequences are looked at. */
START_TEST(views_agree_under_compatibility)
{
    for (uint32_t compat = 0; compat <= COMPAT_ALL; compat++) {
        char plain[33];
        char digest[3][33];
        run_busy("reference", OMEGA_COMMIT_ALL, true, false, 0, RUN_SYNC_ATTEMPT, NULL, plain);
        for (int sync = 0; sync < 3; sync++) {
            run_busy("reference", OMEGA_COMMIT_ALL, true, false, compat, (enum run_sync)sync, NULL,
                     digest[sync]);
            ck_assert_str_eq(digest[0], digest[sync]);
        }
        bool moves = (compat & (COMPAT_SEQ_LEAK | COMPAT_RNG_SHARED)) != 0;
        ck_assert_int_eq(strcmp(plain, digest[0]) != 0, moves);
    }
}
END_TEST

/* ---- stores ---- */

/* One variant on both stores, with views that are newest at each attempt and with those of an
 * interval. A short log makes views too old for it, which are then shown anew. */
static void compare_stores(const char *module, int variant, enum lmdb_mode mode)
{
    static const struct run_store memory = {.kind = RUN_STORE_MEMORY};
    const struct run_store lmdb = {
        .kind = RUN_STORE_LMDB,
        .options = {.mode = mode, .map_bytes = 256u << 20, .log_changes = variant % 3 == 0 ? 3 : 0},
    };
    enum omega_granularity granularity = (enum omega_granularity)(variant / 4);
    for (int i = 0; i < 2; i++) {
        char digest[2][33];
        enum run_sync sync = i == 0 ? RUN_SYNC_ATTEMPT : RUN_SYNC_INTERVAL;
        bool coarse = variant % 4 >= 2;
        bool raises_seq = variant % 2 == 1;
        run_busy(module, granularity, coarse, raises_seq, 0, sync, &memory, digest[0]);
        run_busy(module, granularity, coarse, raises_seq, 0, sync, &lmdb, digest[1]);
        ck_assert_msg(strcmp(digest[0], digest[1]) == 0, "module %s, variant %d, sync %d, mode %d",
                      module, variant, (int)sync, (int)mode);
    }
}

START_TEST(stores_agree)
{
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 1); /* hundreds of cells: none has to reach a disk */
    }
    int step = getenv("OMEGA_SLOW") == NULL ? 1 : 7;
    for (int variant = _i % step; variant < 20; variant += step) {
        compare_stores(modules[_i], variant, variant % 5 == 4 ? LMDB_FAST : LMDB_PWRITE);
    }
}
END_TEST

START_TEST(a_synced_store_agrees)
{
    compare_stores("batch", 2, LMDB_POWER);
}
END_TEST

/* ---- views of an interval: own placements and their ends show, those of rivals do not ---- */

static void open_interval(struct fixture *f, int32_t cpu_milli, int64_t interval_us)
{
    fixture_open(f, 2, cpu_milli, 100, "recorder", 20 * S);
    fixture_second(f, "recorder");
    f->schedulers[0].sync = RUN_SYNC_INTERVAL;
    f->schedulers[0].interval_us = interval_us;
}

START_TEST(own_placements_show)
{
    struct fixture f;
    open_interval(&f, 4000, 10 * S);
    struct fixture_job jobs[] = {
        a_job(0, 1, 1000, 2500 * MS),          a_job(1 * S, 1, 1000, OMEGA_NEVER),
        a_job(2 * S, 1, 1000, OMEGA_NEVER),    a_job(3 * S, 1, 2000, OMEGA_NEVER),
        a_job(4 * S, 1, 1000, OMEGA_NEVER),    a_job(5 * S, 1, 500, OMEGA_NEVER),
        a_job(9800 * MS, 1, 100, OMEGA_NEVER), a_job(10 * S, 1, 100, OMEGA_NEVER),
    };
    jobs[1].workload = 1;
    jobs[5].workload = 1;
    fixture_run_ok(&f, jobs, 8);
    /* job 3 does not see job 2, but the answer to its commit shows it; job 1 ends at 2.605 s, which
     * the answer to job 4's commit shows; job 8 comes when the view is 10 s old */
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 4000 4000\n"
                            "1000 second/0 job 2 #1 left 1 view 1@1000: 3000 4000\n"
                            "2000 first/0 job 3 #1 left 1 view 0@0: 3000 4000\n"
                            "3000 first/0 job 4 #1 left 1 view 0@0: 1000 4000\n"
                            "4000 first/0 job 5 #1 left 1 view 0@0: 2000 2000\n"
                            "5000 second/0 job 6 #1 left 1 view 6@5000: 1000 2000\n"
                            "9800 first/0 job 7 #1 left 1 view 0@0: 1000 2000\n"
                            "10000 first/0 job 8 #1 left 1 view 8@10000: 400 2000\n");
    ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
    ck_assert_uint_eq(f.scope[0].claims_accepted, 6);
    fixture_close(&f);
}
END_TEST

/* The answer to a commit shows the machines of that commit, not those of earlier ones again. */
START_TEST(rivals_do_not_show)
{
    struct fixture f;
    open_interval(&f, 4000, 1000 * S);
    struct fixture_job jobs[] = {a_job(0, 1, 1000, OMEGA_NEVER), a_job(1 * S, 1, 500, OMEGA_NEVER),
                                 a_job(2 * S, 1, 3500, OMEGA_NEVER),
                                 a_job(3 * S, 1, 100, OMEGA_NEVER)};
    jobs[1].workload = 1;
    fixture_run_ok(&f, jobs, 4);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 4000 4000\n"
                            "1000 second/0 job 2 #1 left 1 view 1@1000: 3000 4000\n"
                            "2000 first/0 job 3 #1 left 1 view 0@0: 3000 4000\n"
                            "3000 first/0 job 4 #1 left 1 view 0@0: 3000 500\n");
    fixture_close(&f);
}
END_TEST

/* Job 1 ends at 2.605 s, which the refresh at 5 s shows: the answer at 5.105 s does not look at its
 * machine again, where job 3 was placed at 5.095 s. */
START_TEST(a_refresh_shows_what_was_to_be_told)
{
    struct fixture f;
    open_interval(&f, 4000, 4 * S);
    struct fixture_job jobs[] = {a_job(0, 1, 1000, 2500 * MS), a_job(1 * S, 1, 1000, OMEGA_NEVER),
                                 a_job(4990 * MS, 1, 100, OMEGA_NEVER),
                                 a_job(5 * S, 1, 3500, OMEGA_NEVER),
                                 a_job(6 * S, 1, 100, OMEGA_NEVER)};
    jobs[1].workload = 1;
    jobs[2].workload = 1;
    fixture_run_ok(&f, jobs, 5);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 4000 4000\n"
                            "1000 second/0 job 2 #1 left 1 view 1@1000: 3000 4000\n"
                            "4990 second/0 job 3 #1 left 1 view 3@4990: 3000 4000\n"
                            "5000 first/0 job 4 #1 left 1 view 3@5000: 3000 4000\n"
                            "6000 first/0 job 5 #1 left 1 view 3@5000: 3000 500\n");
    fixture_close(&f);
}
END_TEST

/* Where own tasks were lost shows like where they ended. */
START_TEST(own_losses_show)
{
    struct fixture f;
    open_interval(&f, 4000, 1000 * S);
    f.config.lost = STORE_LOST_FAIL;
    struct omega_machine_event events[] = {
        {.time_us = 1 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 1500 * MS, .machine = 0, .kind = OMEGA_EVENT_ADD},
    };
    f.config.events = events;
    f.config.event_count = 2;
    struct fixture_job jobs[] = {a_job(0, 1, 1000, OMEGA_NEVER), a_job(2 * S, 1, 3500, OMEGA_NEVER),
                                 a_job(3 * S, 1, 100, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 3);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 4000 4000\n"
                            "2000 first/0 job 2 #1 left 1 view 0@0: 3000 4000\n"
                            "3000 first/0 job 3 #1 left 1 view 0@0: 4000 500\n");
    fixture_close(&f);
}
END_TEST

START_TEST(conflicts_refresh)
{
    struct fixture f;
    open_interval(&f, 1000, 1000 * S);
    struct fixture_job jobs[] = {a_job(0, 1, 100, OMEGA_NEVER), a_job(1 * S, 1, 900, OMEGA_NEVER),
                                 a_job(2 * S, 1, 500, OMEGA_NEVER),
                                 a_job(5 * S, 1, 500, OMEGA_NEVER)};
    jobs[1].workload = 1;
    fixture_run_ok(&f, jobs, 4);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000 1000\n"
                            "1000 second/0 job 2 #1 left 1 view 1@1000: 900 1000\n"
                            "2000 first/0 job 3 #1 left 1 view 0@0: 900 1000\n"
                            "3105 first/0 job 3 #2 left 1 view 2@3105: 0 1000; last 0 1 0 0\n"
                            "5000 first/0 job 4 #1 left 1 view 2@3105: 0 500\n");
    ck_assert_uint_eq(f.scope[0].claims_conflicting, 1);
    ck_assert_uint_eq(f.scope[0].claims_accepted, 3);
    fixture_close(&f);
}
END_TEST

START_TEST(refusals_refresh)
{
    struct fixture f;
    open_interval(&f, 1000, 1000 * S);
    struct omega_machine_event drain = {.time_us = 1 * S, .kind = OMEGA_EVENT_DRAIN};
    f.config.events = &drain;
    f.config.event_count = 1;
    struct fixture_job jobs[] = {a_job(0, 1, 100, OMEGA_NEVER), a_job(2 * S, 1, 500, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 2);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000 1000\n"
                            "2000 first/0 job 2 #1 left 1 view 0@0: 900 1000\n"
                            "3105 first/0 job 2 #2 left 1 view 2@3105: -1 1000; last 0 0 1 0\n");
    ck_assert_uint_eq(f.scope[0].claims_refused, 1);
    fixture_close(&f);
}
END_TEST

/* Every attempt on an old view: more conflicts than on new ones. */
START_TEST(old_views_conflict_more)
{
    uint64_t conflicts[2];
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        static struct omega_machine_event events[FIXTURE_BUSY_EVENTS];
        static struct fixture_job jobs[FIXTURE_BUSY_JOBS];
        fixture_busy(&f, "batch", false, events, jobs);
        for (int s = 0; s < 2; s++) {
            f.schedulers[s].sync = RUN_SYNC_INTERVAL;
            f.schedulers[s].interval_us = i == 0 ? 0 : 60 * S;
        }
        fixture_run_ok(&f, jobs, FIXTURE_BUSY_JOBS);
        conflicts[i] = f.scope[0].claims_conflicting + f.scope[1].claims_conflicting;
        fixture_close(&f);
    }
    ck_assert_uint_gt(conflicts[1], conflicts[0]);
}
END_TEST

/* More own ends during a decision than there are machines: the view is to be copied anew, and the
 * commit in between must not forget that, or it would not show its own placement. */
START_TEST(many_own_ends_refresh)
{
    struct fixture f;
    fixture_open(&f, 2, 1000, 100, "batch", 20 * S);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_int_eq(catalogue_attributes(f.catalogue, i == 0 ? "k=0" : "k=1",
                                              &f.machines[i].attributes, NULL),
                         OMEGA_OK);
    }
    f.schedulers[0].sync = RUN_SYNC_INTERVAL;
    f.schedulers[0].interval_us = 1000 * S;
    f.schedulers[0].retry.attempts_max = 1;
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    static const int64_t durations[] = {4 * S, 4 * S + 200000, 4 * S + 500000};
    struct fixture_job jobs[] = {
        {.tasks = 3, .cpu_milli = 300, .mem_mib = 1, .constraints = "k=0"},
        {.submit_us = 4 * S + 800000,
         .tasks = 1,
         .cpu_milli = 1000,
         .mem_mib = 1,
         .duration_us = OMEGA_NEVER,
         .constraints = "k=1"},
        {.submit_us = 7 * S,
         .tasks = 1,
         .cpu_milli = 1000,
         .mem_mib = 1,
         .duration_us = OMEGA_NEVER,
         .constraints = "k=1"},
    };
    jobs[0].task_duration_us = durations;
    fixture_run_ok(&f, jobs, 3);
    ck_assert_uint_eq(f.scope[0].claims_accepted, 4);
    ck_assert_uint_eq(f.scope[0].claims_refused, 0);
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 1);
    fixture_close(&f);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "many own ends", many_own_ends_refresh);
    check_case(suite, "compatibility rules", views_agree_under_compatibility);
    TCase *agree = tcase_create("live and private views agree");
    tcase_set_timeout(agree, 300);
    tcase_add_loop_test(agree, live_and_private_views_agree, 0, sizeof modules / sizeof modules[0]);
    suite_add_tcase(suite, agree);
    TCase *stores = tcase_create("stores agree");
    tcase_set_timeout(stores, 300);
    tcase_add_loop_test(stores, stores_agree, 0, sizeof modules / sizeof modules[0]);
    suite_add_tcase(suite, stores);
    check_case(suite, "a synced store agrees", a_synced_store_agrees);
    check_case(suite, "own placements show", own_placements_show);
    check_case(suite, "rivals do not show", rivals_do_not_show);
    check_case(suite, "what a refresh shows", a_refresh_shows_what_was_to_be_told);
    check_case(suite, "own losses show", own_losses_show);
    check_case(suite, "conflicts refresh", conflicts_refresh);
    check_case(suite, "refusals refresh", refusals_refresh);
    check_case(suite, "old views conflict more", old_views_conflict_more);
}

CHECK_MAIN("core/driver/views", add_cases)
