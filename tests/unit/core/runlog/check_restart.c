/* SPDX-License-Identifier: MIT */
/* Segments whose writer died, and what the proof makes of an instance that begins anew. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/runlog/runlog_check.h"
#include "core/runlog/runlog_read.h"
#include "tests/support/check_main.h"

static const struct runlog_scheduler schedulers[] = {
    {"one", 2, OMEGA_DETECT_FINE, OMEGA_COMMIT_TASK, false, 0},
};
static const struct runlog_workload workloads[] = {{"jobs", 0}};
static struct omega_machine_spec machine = {.cpu_milli = 4000, .mem_mib = 100};

static struct runlog_opening make_opening(struct catalogue *catalogue)
{
    machine.name = symbols_intern(catalogue_symbols(catalogue), "m");
    return (struct runlog_opening){
        .experiment = "small",
        .text = "{}",
        .sha256 = "none",
        .variant = "",
        .segments = 1,
        .horizon_us = 1000,
        .overcommit = {1000, 1000, 1000},
        .live = true,
        .schedulers = schedulers,
        .scheduler_count = 1,
        .workloads = workloads,
        .workload_count = 1,
        .catalogue = catalogue,
        .machines = &machine,
        .machine_count = 1,
    };
}

/* ---- what a writer leaves ---- */

struct segment {
    FILE *stream;
    struct runlog *log;
    struct runlog_mark *mark; /* in shared memory */
    struct catalogue *catalogue;
};

static void open_segment(struct segment *segment)
{
    segment->catalogue = catalogue_create();
    struct runlog_opening opening = make_opening(segment->catalogue);
    segment->stream = tmpfile();
    ck_assert_ptr_nonnull(segment->stream);
    segment->mark = mmap(NULL, sizeof *segment->mark, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(segment->mark != MAP_FAILED);
    ck_assert_int_eq(runlog_create(&opening, segment->stream, &segment->log, NULL), OMEGA_OK);
    ck_assert_int_eq(runlog_mark_init(segment->mark, segment->stream, NULL), OMEGA_OK);
}

static void put_retry(struct runlog *log, uint64_t job)
{
    struct runlog_record record = {.kind = RUNLOG_RETRY, .job_id = job, .time_us = 1};
    runlog_put(log, &record);
}

/* A process that tells of jobs 1 and 2 and writes them out, tells of 3, and dies. */
static void write_and_die(const struct segment *segment)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        runlog_follow(segment->log, segment->mark);
        put_retry(segment->log, 1);
        runlog_sync(segment->log);
        put_retry(segment->log, 2);
        runlog_sync(segment->log);
        put_retry(segment->log, 3);
        _exit(runlog_records(segment->log) == 3 ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

/* Goes on with job 4, and reads which jobs there are. */
static void finish_and_read(struct segment *segment, const uint64_t *jobs, size_t count)
{
    struct runlog_reader *reader = NULL;
    const struct runlog_record *record = NULL;
    omega_error_t err = {0};
    ck_assert_int_eq(runlog_mend(segment->mark, segment->stream, NULL), OMEGA_OK);
    runlog_follow(segment->log, segment->mark);
    put_retry(segment->log, 4);
    ck_assert_int_eq(runlog_finish(segment->log, NULL), OMEGA_OK);
    rewind(segment->stream);
    ck_assert_int_eq(runlog_reader_stream(segment->stream, "segment", &reader, &err), OMEGA_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(runlog_reader_next(reader, &record, &err), 1);
        ck_assert_uint_eq(record->job_id, jobs[i]);
    }
    ck_assert_int_eq(runlog_reader_next(reader, &record, &err), 0);
    ck_assert_str_eq(err.text, "");
    runlog_reader_close(reader);
    runlog_destroy(segment->log);
    munmap(segment->mark, sizeof *segment->mark);
    catalogue_destroy(segment->catalogue);
}

/* All that was written out is there, and half a block behind it is not. */
START_TEST(a_segment_goes_on_behind_its_last_whole_block)
{
    static const uint64_t jobs[] = {1, 2, 4};
    struct segment segment;
    open_segment(&segment);
    write_and_die(&segment);
    ck_assert_uint_eq(runlog_mark_records(segment.mark), 2);
    if (_i == 1) {
        ck_assert_int_gt(write(fileno(segment.stream), "\3\0\0\0\377half a block", 17), 0);
    }
    finish_and_read(&segment, jobs, 3);
}
END_TEST

/* The writer died when its last block was whole, before it moved the mark. */
START_TEST(a_whole_block_behind_the_mark_counts)
{
    static const uint64_t jobs[] = {1, 2, 4};
    struct segment segment;
    open_segment(&segment);
    write_and_die(&segment);
    segment.mark->turn--;
    ck_assert_uint_eq(runlog_mark_records(segment.mark), 1);
    finish_and_read(&segment, jobs, 3);
}
END_TEST

/* ---- what is proved ---- */

static char violation[256];

static void note_violation(void *context, const char *text)
{
    (void)context;
    if (violation[0] == '\0') {
        snprintf(violation, sizeof violation, "%s", text);
    }
}

struct story {
    struct catalogue *catalogue;
    struct runlog_opening opening;
    struct omega_task_group group;
    struct omega_job job;
    struct runlog_check *check;
    const struct runlog_effect *effect;
};

static int tell(struct story *story, const struct runlog_record *record)
{
    return runlog_check_record(story->check, record, &story->effect, NULL);
}

static int tell_attempt(struct story *story, uint32_t attempt, int64_t time_us)
{
    struct runlog_record record = {.kind = RUNLOG_ATTEMPT,
                                   .time_us = time_us,
                                   .attempt = {.job = 1, .attempt = attempt, .planned = true}};
    return tell(story, &record);
}

static int tell_restart(struct story *story, uint32_t incarnation, int64_t time_us)
{
    struct runlog_record record = {
        .kind = RUNLOG_RESTART, .time_us = time_us, .incarnation = incarnation};
    return tell(story, &record);
}

/* One job of two tasks, and an attempt of instance 0 at it. */
static void begin(struct story *story, bool live)
{
    *story = (struct story){
        .catalogue = catalogue_create(),
        .group = {.count = 2, .request = {.cpu_milli = 1, .mem_mib = 1}, .duration_us = 900},
    };
    story->opening = make_opening(story->catalogue);
    story->opening.live = live;
    story->job = (struct omega_job){.id = 1, .group_count = 1, .groups = &story->group};
    ck_assert_int_eq(omega_job_seal(&story->job, &story->group, NULL), 0);
    violation[0] = '\0';
    ck_assert_int_eq(
        runlog_check_create(&story->opening, note_violation, NULL, &story->check, NULL), 0);
    struct runlog_record submission = {
        .kind = RUNLOG_SUBMISSION, .time_us = 10, .job = &story->job};
    ck_assert_int_eq(tell(story, &submission), 1);
    ck_assert_int_eq(tell_attempt(story, 1, 20), 1);
}

static void end(struct story *story)
{
    runlog_check_destroy(story->check);
    catalogue_destroy(story->catalogue);
}

/* Attempt 1 ends and places a task; incarnations of transactions rise. */
static int tell_transaction(struct story *story, uint32_t attempt, uint32_t incarnation,
                            uint64_t version, uint32_t task)
{
    struct omega_claim claim = {.machine = 0, .task = task};
    struct omega_claim_result result = {.outcome = OMEGA_ACCEPTED, .rival = OMEGA_INSTANCE_NONE};
    struct runlog_record record = {
        .kind = RUNLOG_TRANSACTION,
        .changes = true,
        .version = version,
        .time_us = 60,
        .attempt = {.job = 1, .attempt = attempt, .planned = true},
        .txn = {.job = 1,
                .attempt = attempt,
                .incarnation = incarnation,
                .claim_count = 1,
                .claims = &claim},
        .results = &result,
    };
    return tell(story, &record);
}

START_TEST(a_restart_cuts_the_attempt_and_queues_the_job)
{
    struct story story;
    begin(&story, true);
    ck_assert_int_eq(tell_restart(&story, 2, 30), 1);
    ck_assert_ptr_nonnull(story.effect->job);
    ck_assert_int_eq(story.effect->start_us, 20);
    ck_assert_int_eq(tell_attempt(&story, 1, 40), 1); /* nothing was placed: from 1 on again */
    ck_assert_str_eq(violation, "");
    ck_assert_uint_eq(runlog_check_job(story.check, 1)->attempts, 2);
    ck_assert_int_eq(runlog_check_job(story.check, 1)->queued_us, 10 + 10);
    end(&story);
}
END_TEST

START_TEST(attempts_go_on_from_the_last_one_that_placed_something)
{
    struct story story;
    begin(&story, true);
    ck_assert_int_eq(tell_transaction(&story, 1, 1, 1, 0), 1);
    struct runlog_record restart = {
        .kind = RUNLOG_RESTART, .version = 1, .time_us = 70, .incarnation = 2};
    struct runlog_record again = {
        .kind = RUNLOG_ATTEMPT,
        .version = 1,
        .time_us = 80,
        .attempt = {.job = 1, .attempt = _i == 0 ? 2 : 1, .planned = true}};
    ck_assert_int_eq(tell(&story, &restart), 1);
    ck_assert_int_eq(tell(&story, &again), 1);
    ck_assert_str_eq(violation, _i == 0 ? "" : "attempt 1 of job 1, expected attempt 2");
    end(&story);
}
END_TEST

START_TEST(a_superseded_incarnation_is_found_out)
{
    struct story story;
    begin(&story, true);
    ck_assert_int_eq(tell_restart(&story, 2, 30), 1);
    ck_assert_int_eq(tell_attempt(&story, 1, 40), 1);
    ck_assert_int_eq(tell_transaction(&story, 1, 1, 1, 0), 0);
    ck_assert_str_eq(violation, "G: a transaction of incarnation 1 of instance 0, expected 2, "
                                "which supersedes it");
    end(&story);
}
END_TEST

START_TEST(an_incarnation_begins_once_and_live)
{
    static const char *const expected[] = {
        "G: instance 0 begins anew as incarnation 1, expected one above 0 in a live run",
        "G: instance 0 begins anew as incarnation 2, expected one above 2 in a live run",
    };
    struct story story;
    begin(&story, _i == 1);
    ck_assert_int_eq(tell_restart(&story, _i == 1 ? 2 : 1, 30), _i == 1);
    if (_i == 1) {
        ck_assert_int_eq(tell_restart(&story, 2, 40), 0);
    }
    ck_assert_str_eq(violation, expected[_i]);
    end(&story);
}
END_TEST

/* Behind a missing version a job's attempts are not followed, but incarnations are. */
START_TEST(incarnations_rise_behind_a_gap)
{
    static const char *const expected[] = {
        "G: instance 0 begins anew as incarnation 2, expected one above 2",
        "G: a transaction of incarnation 1 of instance 0, expected 2 or above",
        "",
    };
    struct story story;
    begin(&story, true);
    ck_assert_int_eq(runlog_check_missing(story.check, 1, NULL), OMEGA_OK);
    struct runlog_record restart = {
        .kind = RUNLOG_RESTART, .version = 1, .time_us = 30, .incarnation = 2};
    ck_assert_int_eq(tell(&story, &restart), 1);
    ck_assert_str_eq(violation, "");
    if (_i == 0) {
        tell(&story, &restart);
    } else {
        tell_transaction(&story, 1, _i == 1 ? 1 : 3, 2, 0);
    }
    ck_assert_str_eq(violation, expected[_i]);
    end(&story);
}
END_TEST

/* A commit made from the change log counts as one that was told. */
START_TEST(a_repaired_commit_numbers_attempts)
{
    struct story story;
    struct omega_claim claim = {.machine = 0, .task = 0};
    struct omega_claim_result result = {.outcome = OMEGA_ACCEPTED, .rival = OMEGA_INSTANCE_NONE};
    begin(&story, true);
    struct runlog_record repaired = {
        .kind = RUNLOG_TRANSACTION,
        .changes = true,
        .repaired = true,
        .version = 1,
        .time_us = 30,
        .attempt = {.job = 1, .attempt = 1},
        .txn = {.job = 1, .attempt = 1, .incarnation = 2, .claim_count = 1, .claims = &claim},
        .results = &result,
    };
    struct runlog_record restart = {
        .kind = RUNLOG_RESTART, .version = 1, .time_us = 40, .incarnation = _i == 0 ? 3 : 2};
    struct runlog_record again = {.kind = RUNLOG_ATTEMPT,
                                  .version = 1,
                                  .time_us = 50,
                                  .attempt = {.job = 1, .attempt = 2, .planned = true}};
    runlog_check_torn(story.check);
    ck_assert_int_eq(tell(&story, &repaired), 1);
    ck_assert_int_eq(tell(&story, &restart), _i == 0);
    if (_i == 0) {
        ck_assert_int_eq(tell(&story, &again), 1);
    }
    ck_assert_str_eq(violation, _i == 0 ? ""
                                        : "G: instance 0 begins anew as incarnation 2, "
                                          "expected one above 2 in a live run");
    end(&story);
}
END_TEST

/* So does one whose attempt is not told either, by another instance, which may begin anew. */
START_TEST(a_repaired_commit_tells_who_attempted)
{
    struct story story;
    struct omega_claim claim = {.machine = 0, .task = 0};
    struct omega_claim_result result = {.outcome = OMEGA_ACCEPTED, .rival = OMEGA_INSTANCE_NONE};
    begin(&story, true);
    struct runlog_record repaired = {
        .kind = RUNLOG_TRANSACTION,
        .changes = true,
        .repaired = true,
        .version = 1,
        .time_us = 30,
        .attempt = {.job = 1, .attempt = 2, .instance = 1},
        .txn = {.job = 1, .attempt = 2, .instance = 1, .claim_count = 1, .claims = &claim},
        .results = &result,
    };
    struct runlog_record restart = {
        .kind = RUNLOG_RESTART, .version = 1, .time_us = 40, .instance = 1, .incarnation = 1};
    struct runlog_record retry = {.kind = RUNLOG_RETRY, .version = 1, .time_us = 40, .job_id = 1};
    struct runlog_record again = {
        .kind = RUNLOG_ATTEMPT,
        .version = 1,
        .time_us = 50,
        .attempt = {.job = 1, .attempt = 3, .instance = 1, .planned = true}};
    runlog_check_torn(story.check);
    ck_assert_int_eq(tell(&story, &repaired), 1);
    ck_assert_int_eq(tell(&story, _i == 0 ? &restart : &retry), 1);
    ck_assert_int_eq(tell(&story, &again), 1);
    ck_assert_str_eq(violation, "");
    end(&story);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *bytes = tcase_create("bytes");
    tcase_add_loop_test(bytes, a_segment_goes_on_behind_its_last_whole_block, 0, 2);
    tcase_add_test(bytes, a_whole_block_behind_the_mark_counts);
    suite_add_tcase(suite, bytes);
    TCase *proof = tcase_create("proof");
    tcase_add_test(proof, a_restart_cuts_the_attempt_and_queues_the_job);
    tcase_add_loop_test(proof, attempts_go_on_from_the_last_one_that_placed_something, 0, 2);
    tcase_add_test(proof, a_superseded_incarnation_is_found_out);
    tcase_add_loop_test(proof, an_incarnation_begins_once_and_live, 0, 2);
    tcase_add_loop_test(proof, incarnations_rise_behind_a_gap, 0, 3);
    tcase_add_loop_test(proof, a_repaired_commit_numbers_attempts, 0, 2);
    tcase_add_loop_test(proof, a_repaired_commit_tells_who_attempted, 0, 2);
    suite_add_tcase(suite, proof);
}

CHECK_MAIN("restart", add_cases)
