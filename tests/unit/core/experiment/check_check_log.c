/* SPDX-License-Identifier: MIT */
/*
 * Forged logs and results: whatever is changed, at a random place and with right checksums, is
 * found and named. OMEGA_SEED repeats the places.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/random.h"
#include "core/experiment/check_log.h"
#include "core/experiment/output_tables.h"
#include "tests/support/check_main.h"
#include "tests/support/rewrite_log.h"
#include "tests/support/run_here.h"
#include "tests/support/scratch.h"

#define PLACES 4 /* of each alteration; 1 under valgrind */
#define EXPERIMENT "tests/data/valid/eventful.json"

static char directory[SCRATCH_PATH_MAX];
static struct omega_random places;

static void path_in(char out[SCRATCH_PATH_MAX + 64], const char *name)
{
    snprintf(out, SCRATCH_PATH_MAX + 64, "%s/%s", directory, name);
}

/* Runs the experiment with a log, changed by these settings, into a directory of its own. */
static void run_logged_with(const char *const *sets, uint32_t set_count)
{
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    struct experiment_options changes = {.sets = sets, .set_count = set_count};
    run_here_modules();
    scratch_path(directory);
    ck_assert_msg(experiment_open(EXPERIMENT, &changes, &experiment, &err) == 0, "%s", err.text);
    run_here_logged(experiment, directory);
}

static void run_logged(void)
{
    const char *sets[] = {"horizon_s=500", "record=[\"summary\"]"};
    run_logged_with(sets, 2);
}

static uint64_t seed_places(const char *what)
{
    const char *given = getenv("OMEGA_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    omega_random_init(&places, seed, what, 0);
    printf("%s: OMEGA_SEED=%" PRIu64 "\n", what, seed);
    return seed;
}

static uint32_t below(uint32_t limit)
{
    return omega_random_below(&places, limit);
}

/* Checks; returns what was told, for free(). */
static char *check_it(struct check_log_report *report)
{
    char *told = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    FILE *out = open_memstream(&told, &size);
    int rc = check_log(directory, NULL, 10, out, report, &err);
    ck_assert_msg(rc == OMEGA_OK, "%s: %s", err.source, err.text);
    ck_assert_int_eq(fclose(out), 0);
    return told;
}

static void expect_proved(void)
{
    struct check_log_report report;
    char *told = check_it(&report);
    ck_assert_msg(report.violations == 0, "%s", told);
    ck_assert_uint_gt(report.fields, 1000);
    free(told);
}

/* ---- alterations ---- */

struct alteration;

struct forgery {
    const struct alteration *alteration;
    uint64_t chosen; /* which of the records that it fits, from 0 */
    uint64_t seen;   /* of them */
    uint64_t number; /* of the record that was altered; 0: none yet */
    uint64_t version;
};

struct alteration {
    const char *name;
    bool (*fits)(const struct runlog_record *record);
    void (*apply)(struct forgery *forgery, struct rewritten *rewritten);
    /* of those behind the chosen one, or NULL */
    void (*go_on)(struct forgery *forgery, struct rewritten *rewritten);
    const char *told; /* what a message says, "" for any: what is altered could have been, and is
                         found by what comes of it; NULL: it names the record that is altered */
};

static bool is_transaction(const struct runlog_record *record)
{
    return record->kind == RUNLOG_TRANSACTION;
}

static bool is_commit(const struct runlog_record *record)
{
    return record->kind == RUNLOG_TRANSACTION && record->changes;
}

static bool is_release(const struct runlog_record *record)
{
    return record->kind == RUNLOG_RELEASE && record->changes;
}

static bool is_change(const struct runlog_record *record)
{
    return record->changes;
}

static bool is_refused(const struct runlog_record *record)
{
    return is_transaction(record) && record->results[0].outcome != OMEGA_ACCEPTED &&
           record->results[0].outcome != OMEGA_ABORTED;
}

static bool is_machine_event(const struct runlog_record *record)
{
    return record->kind == RUNLOG_MACHINE;
}

static bool is_attempt(const struct runlog_record *record)
{
    return record->kind == RUNLOG_ATTEMPT;
}

static bool is_submission(const struct runlog_record *record)
{
    return record->kind == RUNLOG_SUBMISSION;
}

static bool is_retry(const struct runlog_record *record)
{
    return record->kind == RUNLOG_RETRY;
}

static bool is_abandonment(const struct runlog_record *record)
{
    return record->kind == RUNLOG_ABANDONMENT;
}

static bool is_horizon(const struct runlog_record *record)
{
    return record->kind == RUNLOG_HORIZON;
}

static uint32_t any_claim(const struct rewritten *rewritten)
{
    return below(rewritten->record.txn.claim_count);
}

static void move_claim(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    struct omega_claim *claim = &rewritten->claims[any_claim(rewritten)];
    claim->machine = (claim->machine + 1 + below(35)) % 36;
}

static void rename_claim(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->claims[any_claim(rewritten)].task += 1 + below(5);
}

static void alter_seq(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    struct omega_claim *claim = &rewritten->claims[any_claim(rewritten)];
    claim->seq += claim->seq == 0 || below(2) == 0 ? 1 : UINT64_MAX;
}

static void alter_view(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->claims[any_claim(rewritten)].synced = rewritten->record.txn.synced - 1;
}

static void alter_devices(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->claims[any_claim(rewritten)].devices ^= (uint8_t)(1u << below(8));
}

static void alter_outcome(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    struct omega_claim_result *result = &rewritten->results[any_claim(rewritten)];
    result->outcome = (uint8_t)((result->outcome + 1 + below(OMEGA_OUTCOMES - 1)) % OMEGA_OUTCOMES);
}

static void alter_rival(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->results[0].rival = rewritten->results[0].rival == 0 ? 1 : 0;
}

static void lose_claim(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    struct omega_transaction *txn = &rewritten->record.txn;
    uint32_t i = any_claim(rewritten);
    txn->claim_count--;
    memmove(&rewritten->claims[i], &rewritten->claims[i + 1],
            (txn->claim_count - i) * sizeof *rewritten->claims);
    memmove(&rewritten->results[i], &rewritten->results[i + 1],
            (txn->claim_count - i) * sizeof *rewritten->results);
}

static void alter_detection(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->record.txn.detection ^= 1;
}

static void alter_granularity(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    struct omega_transaction *txn = &rewritten->record.txn;
    txn->granularity =
        txn->granularity == OMEGA_COMMIT_GANG ? OMEGA_COMMIT_TASK : OMEGA_COMMIT_GANG;
}

static void alter_attempt(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->record.attempt.attempt++;
}

static void alter_time(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->record.time_us = rewritten->record.time_us == 0 ? 1 : rewritten->record.time_us - 1;
}

static void drop(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->copies = 0;
}

static void duplicate(struct forgery *forgery, struct rewritten *rewritten)
{
    rewritten->copies = 2;
    forgery->number++; /* the second one is found */
}

static void raise_version(struct forgery *forgery, struct rewritten *rewritten)
{
    forgery->version = rewritten->record.version++;
}

/* The change behind the chosen one gets its version. */
static void swap_back(struct forgery *forgery, struct rewritten *rewritten)
{
    if (rewritten->record.changes && rewritten->record.version == forgery->version + 1) {
        rewritten->record.version = forgery->version;
    }
}

static void alter_release(struct forgery *forgery, struct rewritten *rewritten)
{
    (void)forgery;
    rewritten->released[below(rewritten->record.released_count)].placement++;
}

/* A release that is left out, all versions behind it being closed up: nothing is missing there. */
static void drop_well(struct forgery *forgery, struct rewritten *rewritten)
{
    forgery->version = rewritten->record.version;
    rewritten->copies = 0;
}

static void close_up(struct forgery *forgery, struct rewritten *rewritten)
{
    uint64_t gone = forgery->version;
    struct runlog_record *record = &rewritten->record;
    record->version -= record->version >= gone;
    record->attempt.synced -= record->attempt.synced >= gone;
    for (uint32_t i = 0; i < record->txn.claim_count; i++) {
        rewritten->claims[i].synced -= rewritten->claims[i].synced >= gone;
        rewritten->results[i].rival_version -= rewritten->results[i].rival_version >= gone;
    }
    for (uint32_t i = 0; i < record->released_count; i++) {
        uint64_t *id = &rewritten->released[i].placement;
        *id -= omega_placement_version(*id) >= gone ? omega_placement_id(1, 0) : 0;
    }
}

static const struct alteration alterations[] = {
    {"a claim on another machine", is_transaction, move_claim, NULL, ""},
    {"a claim of another task", is_transaction, rename_claim, NULL, NULL},
    {"a claim that saw another sequence", is_transaction, alter_seq, NULL, NULL},
    {"a claim that saw another version", is_transaction, alter_view, NULL, NULL},
    {"a claim of another device", is_transaction, alter_devices, NULL, NULL},
    {"a claim with another result", is_transaction, alter_outcome, NULL, NULL},
    {"a refused claim with another rival", is_refused, alter_rival, NULL, NULL},
    {"a transaction without one of its claims", is_transaction, lose_claim, NULL, ""},
    {"a transaction of another detection", is_transaction, alter_detection, NULL, NULL},
    {"a transaction of another granularity", is_transaction, alter_granularity, NULL, NULL},
    {"a transaction of another attempt", is_transaction, alter_attempt, NULL, NULL},
    {"a commit that comes twice", is_commit, duplicate, NULL, NULL},
    {"a commit that is left out", is_commit, drop, NULL, NULL},
    {"a release that is left out", is_release, drop, NULL, NULL},
    {"a release that is left out well", is_release, drop_well, close_up, ""},
    {"a release of another placement", is_release, alter_release, NULL, NULL},
    {"a release at another time", is_release, alter_time, NULL, NULL},
    {"two changes with swapped versions", is_change, raise_version, swap_back, NULL},
    {"a machine event that is left out", is_machine_event, drop, NULL, NULL},
    {"a submission that is left out", is_submission, drop, NULL, ""},
    {"a submission that comes twice", is_submission, duplicate, NULL, NULL},
    {"an attempt that is left out", is_attempt, drop, NULL, ""},
    {"a retry that is left out", is_retry, drop, NULL, ""},
    {"an abandonment that is left out", is_abandonment, drop, NULL, ""},
    {"a log without its end", is_horizon, drop, NULL, "before the horizon"},
};

/* Is it a claim that this alteration would leave as it is? */
static bool is_vain(const struct alteration *alteration, const struct runlog_record *record)
{
    return alteration->apply == alter_view && record->txn.synced == 0;
}

static void count_fitting(void *context, struct rewritten *rewritten)
{
    struct forgery *forgery = context;
    forgery->seen += forgery->alteration->fits(&rewritten->record) &&
                     !is_vain(forgery->alteration, &rewritten->record);
}

static void forge(void *context, struct rewritten *rewritten)
{
    struct forgery *forgery = context;
    const struct alteration *alteration = forgery->alteration;
    if (forgery->number != 0) {
        if (alteration->go_on != NULL) {
            alteration->go_on(forgery, rewritten);
        }
    } else if (alteration->fits(&rewritten->record) && !is_vain(alteration, &rewritten->record) &&
               forgery->seen++ == forgery->chosen) {
        forgery->number = rewritten->number;
        alteration->apply(forgery, rewritten);
    }
}

/* The message names the log and the record, or a figure that came out differently. */
static void expect_named(const char *told, const struct forgery *forgery)
{
    char record[64];
    const char *name = forgery->alteration->name;
    snprintf(record, sizeof record, ".omlog: record %" PRIu64 " (version ", forgery->number);
    bool named = forgery->alteration->told != NULL ? strstr(told, forgery->alteration->told) != NULL
                                                   : strstr(told, record) != NULL;
    bool by_figure = strstr(told, "digest is ") != NULL;
    ck_assert_msg(named || by_figure, "%s, record %" PRIu64 ": %s", name, forgery->number, told);
}

static void forge_at(const struct alteration *alteration, const char *log, const char *kept)
{
    struct forgery forgery = {.alteration = alteration};
    struct check_log_report report;
    rewrite_log(kept, log, 0, 1, count_fitting, &forgery);
    ck_assert_msg(forgery.seen > 0, "%s: no record that it fits", alteration->name);
    forgery.chosen = below((uint32_t)forgery.seen);
    forgery.seen = 0;
    rewrite_log(kept, log, 0, 1, forge, &forgery);
    char *told = check_it(&report);
    ck_assert_msg(report.violations > 0, "%s, record %" PRIu64 ": not found", alteration->name,
                  forgery.number);
    expect_named(told, &forgery);
    free(told);
}

static void forge_all(const char *name)
{
    char log[SCRATCH_PATH_MAX + 64];
    char kept[SCRATCH_PATH_MAX + 64];
    path_in(log, name);
    path_in(kept, "kept");
    ck_assert_int_eq(rename(log, kept), 0);
    for (size_t a = 0; a < sizeof alterations / sizeof alterations[0]; a++) {
        for (int i = 0; i < (getenv("OMEGA_SLOW") != NULL ? 1 : PLACES); i++) {
            forge_at(&alterations[a], log, kept);
        }
    }
    rewrite_log(kept, log, 0, 1, NULL, NULL);
    expect_proved();
}

START_TEST(forged_logs_are_refused)
{
    run_logged();
    expect_proved();
    seed_places("forged logs");
    forge_all("log/planned-seed-3.omlog");
    forge_all("log/random-seed-3.omlog");
}
END_TEST

/* ---- results ---- */

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, size, out), size);
    ck_assert_int_eq(fclose(out), 0);
}

/* Changes the last digit of a key's figure, in the first row that has one, and expects to be told
 * which one it was. */
static void forge_figure(char *bytes, size_t size, const char *key)
{
    char path[SCRATCH_PATH_MAX + 64];
    char quoted[64];
    char named[64];
    path_in(path, "results.jsonl");
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    snprintf(named, sizeof named, ": %s is ", key);
    char *at = strstr(bytes, quoted);
    ck_assert_msg(at != NULL, "no %s", key);
    at += strlen(quoted);
    at += strcspn(at, "0123456789");
    at += strspn(at, "0123456789.") - 1;
    char was = *at;
    *at = was == '5' ? '6' : '5';
    write_file(path, bytes, size);
    struct check_log_report report;
    char *told = check_it(&report);
    ck_assert_msg(report.violations > 0 && strstr(told, named) != NULL, "%s: %s", key, told);
    free(told);
    *at = was;
}

START_TEST(forged_figures_are_named)
{
    static const char *const keys[] = {
        "busy_useful_s",
        "busy_wasted_s",
        "busy_no_fit_s",
        "busy_cut_s",
        "busy_redone_s",
        "busyness_useful",
        "busyness_wasted",
        "busyness_no_fit",
        "busyness_cut",
        "busyness_no_conflicts",
        "busyness_reference",
        "busyness_day_median",
        "busyness_useful_day_median",
        "busyness_wasted_day_median",
        "busyness_no_fit_day_median",
        "busyness_no_conflicts_day_median",
        "busyness_reference_day_median",
        "conflict_fraction_day_median",
        "busyness_day_mad",
        "wait_first_day_median_s",
        "busyness_days",
        "conflict_fraction_days",
        "wait_first_days_s",
        "queue_mean",
        "queue_max",
        "cpu_fragmentation",
        "mem_fragmentation",
        "gpu_fragmentation",
        "final_cpu_fragmentation",
        "final_mem_fragmentation",
        "final_gpu_fragmentation",
    };
    char path[SCRATCH_PATH_MAX + 64];
    char *bytes;
    char *text;
    size_t size;
    run_logged();
    path_in(path, "results.jsonl");
    ck_assert_int_eq(file_read_all(path, 1 << 24, &bytes, &size, NULL), OMEGA_OK);
    text = strndup(bytes, size);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        forge_figure(text, size, keys[i]);
    }
    write_file(path, text, size);
    expect_proved();
    free(text);
    free(bytes);
}
END_TEST

START_TEST(forged_results_are_refused)
{
    char path[SCRATCH_PATH_MAX + 64];
    char *bytes;
    size_t size;
    run_logged();
    seed_places("forged results");
    path_in(path, "results.jsonl");
    ck_assert_int_eq(file_read_all(path, 1 << 24, &bytes, &size, NULL), OMEGA_OK);
    size_t head = strcspn(bytes, "\n");
    for (int i = 0; i < 100;) {
        size_t at = head + below((uint32_t)(size - head));
        char was = bytes[at];
        if (was < '0' || was > '9') {
            continue;
        }
        struct check_log_report report;
        bytes[at] = (char)('0' + (was - '0' + 1 + (char)below(9)) % 10);
        write_file(path, bytes, size);
        char *told = check_it(&report);
        ck_assert_msg(report.violations > 0 && strstr(told, "results.jsonl: ") != NULL,
                      "byte %zu: %s", at, told);
        free(told);
        bytes[at] = was;
        i++;
    }
    write_file(path, bytes, size);
    expect_proved();
    free(bytes);
}
END_TEST

START_TEST(a_changed_figure_is_named)
{
    char path[SCRATCH_PATH_MAX + 64];
    char *bytes;
    size_t size;
    struct check_log_report report;
    run_logged();
    path_in(path, "results.jsonl");
    ck_assert_int_eq(file_read_all(path, 1 << 24, &bytes, &size, NULL), OMEGA_OK);
    char *figure = strstr(bytes, "\"jobs_submitted\":");
    ck_assert_ptr_nonnull(figure);
    figure += strlen("\"jobs_submitted\":");
    *figure = *figure == '9' ? '8' : '9';
    write_file(path, bytes, size);
    char *told = check_it(&report);
    ck_assert_uint_eq(report.violations, 1);
    ck_assert_ptr_nonnull(strstr(
        told, "/results.jsonl: scheduler batch, variant planned, seed 3: jobs_submitted is 9"));
    ck_assert_ptr_nonnull(strstr(told, " by the log\n"));
    free(told);
    free(bytes);
}
END_TEST

/* ---- tables ---- */

#define ALL_TABLES ((2u << OUTPUT_TABLE_LAST) - (1u << OUTPUT_TABLE_FIRST))

static void run_with_tables(void)
{
    const char *sets[] = {"horizon_s=500", "counterfactuals=true", "series_step_s=7",
                          ("record=[\"histograms\",\"series\",\"jobs\",\"conflicts\","
                           "\"machines\",\"refused\"]")};
    run_logged_with(sets, 4);
}

/* A row with something behind a NUL byte, where text has ended. */
static void write_nul(const char *path, const char *bytes, size_t size, size_t head)
{
    struct check_log_report report;
    size_t at = head + 1 + strcspn(bytes + head + 1, "\n"); /* the end of the second line */
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, at, out), at);
    ck_assert_uint_eq(fwrite("\0more", 1, 5, out), 5);
    ck_assert_uint_eq(fwrite(bytes + at, 1, size - at, out), size - at);
    ck_assert_int_eq(fclose(out), 0);
    char *told = check_it(&report);
    ck_assert_msg(report.violations == 1 && strstr(told, "line 2: is ") != NULL &&
                      strstr(told, "\\0more', expected '") != NULL,
                  "%s", told);
    free(told);
}

/* Without one of its tables a run is not proved, and the table is named. */
static void lose_table(const char *path, const char *name)
{
    struct check_log_report report;
    char text[128];
    ck_assert_int_eq(unlink(path), 0);
    char *told = check_it(&report);
    snprintf(text, sizeof text, "/%s: is not there, expected what the run recorded", name);
    ck_assert_msg(report.violations == 1 && strstr(told, text) != NULL, "%s: %s", name, told);
    free(told);
}

/* Changes a digit of a table, at a random place; each is found in the table that was changed. */
static void forge_table(const char *path, char *bytes, size_t size, const char *name)
{
    size_t head = strcspn(bytes, "\n");
    struct check_log_report report;
    for (int i = 0; i < (getenv("OMEGA_SLOW") != NULL ? 1 : 4 * PLACES);) {
        size_t at = head + below((uint32_t)(size - head));
        char was = bytes[at];
        if (was < '0' || was > '9') {
            continue;
        }
        bytes[at] = (char)('0' + (was - '0' + 1 + (char)below(9)) % 10);
        write_file(path, bytes, size);
        char *told = check_it(&report);
        ck_assert_msg(report.violations > 0 && strstr(told, name) != NULL, "%s, byte %zu: %s", name,
                      at, told);
        free(told);
        bytes[at] = was;
        i++;
    }
    write_file(path, bytes, size - 1); /* the last line has lost its end: still the same rows */
    expect_proved();
    write_nul(path, bytes, size, head);
    bytes[size - 1] = '\0';
    char *last = strrchr(bytes, '\n');
    bytes[size - 1] = '\n';
    write_file(path, bytes, (size_t)(last + 1 - bytes)); /* the last row is gone */
    char *told = check_it(&report);
    ck_assert_msg(report.violations == 1 && strstr(told, "is not there, expected") != NULL, "%s",
                  told);
    free(told);
    lose_table(path, name);
    write_file(path, bytes, size);
}

START_TEST(forged_tables_are_refused)
{
    char path[SCRATCH_PATH_MAX + 64];
    run_with_tables();
    expect_proved();
    seed_places("forged tables");
    for (int file = OUTPUT_TABLE_FIRST; file <= OUTPUT_TABLE_LAST; file++) {
        char *bytes;
        size_t size;
        const char *name = output_name((enum output_file)file);
        path_in(path, name);
        ck_assert_int_eq(file_read_all(path, 1 << 24, &bytes, &size, NULL), OMEGA_OK);
        forge_table(path, bytes, size, name);
        free(bytes);
    }
    expect_proved();
    struct check_log_report report;
    FILE *out = fopen(path, "a"); /* a row of a point that there is not */
    ck_assert_ptr_nonnull(out);
    ck_assert_int_gt(fprintf(out, "planned,4,5,6\n"), 0);
    ck_assert_int_eq(fclose(out), 0);
    char *told = check_it(&report);
    ck_assert_uint_eq(report.violations, 1);
    ck_assert_ptr_nonnull(strstr(told, "is of no point with such rows by a log: planned,4,5,6"));
    ck_assert_uint_eq(report.tables, ALL_TABLES);
    ck_assert(report.recorded);
    free(told);
}
END_TEST

START_TEST(a_table_that_was_not_recorded_is_found)
{
    char path[SCRATCH_PATH_MAX + 64];
    struct check_log_report report;
    run_logged();
    path_in(path, "jobs.csv");
    write_file(path, "", 0);
    char *told = check_it(&report);
    ck_assert_ptr_nonnull(strstr(told, "/jobs.csv: is there, expected what the run recorded"));
    free(told);
}
END_TEST

/* Rows of a point between those of another one. */
START_TEST(rows_stand_together)
{
    char path[SCRATCH_PATH_MAX + 64];
    char *bytes;
    size_t size;
    struct check_log_report report;
    run_with_tables();
    path_in(path, "jobs.csv");
    ck_assert_int_eq(file_read_all(path, 1 << 24, &bytes, &size, NULL), OMEGA_OK);
    FILE *out = fopen(path, "a");
    ck_assert_ptr_nonnull(out);
    char *row = strchr(bytes, '\n') + 1;
    ck_assert_int_gt(fprintf(out, "%.*s\n", (int)strcspn(row, "\n"), row), 0);
    ck_assert_int_eq(fclose(out), 0);
    char *told = check_it(&report);
    ck_assert_uint_eq(report.violations, 1);
    ck_assert_ptr_nonnull(strstr(told, ": stands apart, expected all rows of its point"));
    free(told);
    free(bytes);
}
END_TEST

/* A run of an omega whose logs did not say which tables there should be. */
START_TEST(an_old_log_is_proved)
{
    struct check_log_report report;
    snprintf(directory, sizeof directory, "tests/data/log-1");
    char *told = check_it(&report);
    ck_assert_msg(report.violations == 0, "%s", told);
    ck_assert(!report.recorded);
    ck_assert_uint_eq(report.tables,
                      1u << OUTPUT_RESULTS_CSV | 1u << OUTPUT_JOBS | 1u << OUTPUT_CONFLICTS);
    free(told);
}
END_TEST

START_TEST(a_row_of_no_log_is_found)
{
    char log[SCRATCH_PATH_MAX + 64];
    struct check_log_report report;
    run_logged();
    path_in(log, "log/random-seed-3.omlog");
    ck_assert_int_eq(unlink(log), 0);
    char *told = check_it(&report);
    ck_assert_uint_gt(report.violations, 0);
    ck_assert_ptr_nonnull(strstr(told, "is of no point that has a log"));
    free(told);
}
END_TEST

/* ---- segments ---- */

/* Releases and machine events have segments of their own. Attempts share one, since nothing tells
 * the order of what different segments did at the same time behind the same version. */
static void keep_share(void *context, struct rewritten *rewritten)
{
    const uint32_t *segment = context;
    uint8_t kind = rewritten->record.kind;
    uint32_t belongs = kind == RUNLOG_RELEASE ? 1 : kind == RUNLOG_MACHINE ? 2 : 0;
    rewritten->copies = belongs == *segment;
}

START_TEST(segments_are_merged)
{
    char log[SCRATCH_PATH_MAX + 64];
    char kept[SCRATCH_PATH_MAX + 64];
    char part[SCRATCH_PATH_MAX + 64];
    struct check_log_report report;
    run_logged();
    path_in(log, "log/planned-seed-3.omlog");
    path_in(kept, "kept");
    ck_assert_int_eq(rename(log, kept), 0);
    for (uint32_t segment = 0; segment < 3; segment++) {
        char name[64];
        snprintf(name, sizeof name, "log/part-%" PRIu32 ".omlog", 2 - segment);
        path_in(part, name);
        rewrite_log(kept, part, segment, 3, keep_share, &segment);
    }
    char *told = check_it(&report);
    ck_assert_msg(report.violations == 0 && report.segments == 4 && report.points == 2, "%s", told);
    free(told);
    ck_assert_int_eq(unlink(part), 0);
    told = check_it(&report);
    ck_assert_uint_gt(report.violations, 0);
    ck_assert_ptr_nonnull(strstr(told, "of the 2 segments of one run"));
    free(told);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "forged logs", forged_logs_are_refused);
    check_case(suite, "forged results", forged_results_are_refused);
    check_case(suite, "forged figures", forged_figures_are_named);
    check_case(suite, "a changed figure", a_changed_figure_is_named);
    check_case(suite, "forged tables", forged_tables_are_refused);
    check_case(suite, "a table that was not recorded", a_table_that_was_not_recorded_is_found);
    check_case(suite, "rows stand together", rows_stand_together);
    check_case(suite, "an old log", an_old_log_is_proved);
    check_case(suite, "a row without a log", a_row_of_no_log_is_found);
    check_case(suite, "segments", segments_are_merged);
}

CHECK_MAIN("check_log", add_cases)
