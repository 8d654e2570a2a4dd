/* SPDX-License-Identifier: MIT */
/* Experiment files as data (tests/data/{valid,invalid}), variants, seeds, settings, identity. */
#include "core/experiment/experiment.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/experiment/experiment_private.h"
#include "tests/support/check_main.h"

#define INVALID "tests/data/invalid"
#define VALID "tests/data/valid"

static int is_json(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".json") == 0;
}

/* Parses a file of a directory; the message names the file without the directory. */
static int parse_case(const char *directory, const char *name, char *message, size_t size)
{
    char path[512];
    char *bytes;
    size_t length;
    struct experiment *experiment;
    omega_error_t err = {0};
    snprintf(path, sizeof path, "%s/%s", directory, name);
    ck_assert_msg(file_read_all(path, 1 << 20, &bytes, &length, &err) == 0, "%s", path);
    int rc = experiment_parse(bytes, length, name, directory, NULL, &experiment, &err);
    ck_assert_int_eq(rc, err.code);
    ck_assert_msg((rc == 0) == (experiment != NULL), "%s", name);
    omega_error_format(&err, message, size);
    experiment_close(experiment);
    free(bytes);
    return rc;
}

static void read_expected(const char *name, char *out, size_t size)
{
    char path[512];
    const char *dot = strrchr(name, '.');
    snprintf(path, sizeof path, INVALID "/%.*s.expect", (int)(dot - name), name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is missing", path);
    ck_assert_ptr_nonnull(fgets(out, (int)size, file));
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

START_TEST(test_invalid)
{
    struct dirent **entries;
    int count = scandir(INVALID, &entries, is_json, alphasort);
    ck_assert_int_gt(count, 100);
    for (int i = 0; i < count; i++) {
        char expected[600];
        char message[600];
        read_expected(entries[i]->d_name, expected, sizeof expected);
        ck_assert_int_eq(parse_case(INVALID, entries[i]->d_name, message, sizeof message),
                         OMEGA_EINVAL);
        ck_assert_str_eq(message, expected);
        free(entries[i]);
    }
    free(entries);
}
END_TEST

START_TEST(test_valid)
{
    struct dirent **entries;
    int count = scandir(VALID, &entries, is_json, alphasort);
    ck_assert_int_gt(count, 2);
    for (int i = 0; i < count; i++) {
        char message[600];
        int rc = parse_case(VALID, entries[i]->d_name, message, sizeof message);
        ck_assert_msg(rc == 0, "%s: %s", entries[i]->d_name, message);
        free(entries[i]);
    }
    free(entries);
}
END_TEST

/* ---- a small experiment to vary ---- */

#define CELL "\"cell\":{\"machines\":[{\"count\":2,\"cpu_milli\":1000,\"mem_mib\":1000}]}"
#define WORKLOAD                                                                                   \
    "{\"name\":\"w\",\"interarrival_s\":1,\"tasks\":1,\"duration_s\":1,\"cpu_milli\":1,"           \
    "\"mem_mib\":1}"
#define SCHEDULER "{\"name\":\"s\",\"module\":\"batch\",\"workloads\":[\"w\"]}"
#define BODY                                                                                       \
    "\"name\":\"t\",\"horizon_s\":10," CELL ",\"workloads\":[" WORKLOAD                            \
    "],\"architecture\":\"shared_state\",\"schedulers\":[" SCHEDULER "]"

static struct experiment *parse(const char *text, const struct experiment_options *options)
{
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    int rc = experiment_parse(text, strlen(text), "t.json", ".", options, &experiment, &err);
    ck_assert_msg(rc == 0, "%s:%ld: %s", err.source, err.line, err.text);
    return experiment;
}

static void parse_fails(const char *text, const struct experiment_options *options,
                        const char *message)
{
    char formatted[600];
    omega_error_t err = {0};
    struct experiment *experiment;
    ck_assert_int_eq(
        experiment_parse(text, strlen(text), "t.json", ".", options, &experiment, &err),
        OMEGA_EINVAL);
    ck_assert_ptr_null(experiment);
    omega_error_format(&err, formatted, sizeof formatted);
    ck_assert_str_eq(formatted, message);
}

START_TEST(test_points)
{
    struct experiment *experiment =
        parse("{" BODY ",\"seeds\":[7,8],\"variants\":[{\"name\":\"a\"},"
              "{\"name\":\"b\",\"set\":{\"seeds\":[9]}},"
              "{\"name\":\"c\",\"set\":{\"seeds\":null}}]}",
              NULL);
    static const struct {
        const char *variant;
        uint64_t seed;
    } points[] = {{"a", 7}, {"a", 8}, {"b", 9}, {"c", 1}};
    ck_assert_uint_eq(experiment_variant_count(experiment), 3);
    ck_assert_uint_eq(experiment_point_count(experiment), 4);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_str_eq(experiment_point_variant(experiment, i), points[i].variant);
        ck_assert_uint_eq(experiment_point_seed(experiment, i), points[i].seed);
    }
    ck_assert_str_eq(experiment_name(experiment), "t");
    ck_assert_str_eq(experiment_file(experiment), "t.json");
    ck_assert_ptr_null(experiment_input(experiment, 0));
    experiment_close(experiment);
    experiment_close(NULL);
}
END_TEST

START_TEST(test_seed_option)
{
    struct experiment_options options = {.has_seed = true, .seed = 42};
    struct experiment *experiment =
        parse("{" BODY ",\"seeds\":[7,8],\"variants\":[{\"name\":\"a\"},"
              "{\"name\":\"b\",\"set\":{\"seed\":9,\"seeds\":null}}]}",
              &options);
    ck_assert_uint_eq(experiment_point_count(experiment), 2);
    ck_assert_uint_eq(experiment_point_seed(experiment, 0), 42);
    ck_assert_uint_eq(experiment_point_seed(experiment, 1), 42);
    experiment_close(experiment);
}
END_TEST

START_TEST(test_record)
{
    struct experiment *experiment = parse("{" BODY "}", NULL);
    ck_assert(experiment_record(experiment)->summary);
    ck_assert(experiment_record(experiment)->histograms);
    ck_assert(experiment_record(experiment)->series);
    ck_assert(!experiment_record(experiment)->jobs);
    experiment_close(experiment);
    experiment = parse("{" BODY ",\"record\":[\"jobs\"]}", NULL);
    ck_assert(!experiment_record(experiment)->series);
    ck_assert(experiment_record(experiment)->jobs);
    experiment_close(experiment);
}
END_TEST

/* ---- --set ---- */

static const struct {
    const char *set;
    const char *message; /* NULL: is taken */
} settings[] = {
    {"horizon_s=20", NULL},
    {"schedulers.0.instances=4", NULL},
    {"schedulers[0].instances=4", NULL},
    {"schedulers.0.retry={\"delay_s\":5}", NULL},
    {"schedulers.0.sync=private", NULL},
    {"description=some text", NULL},
    {"horizon_s", "--set 'horizon_s': expected path=value"},
    {"=3", "--set '=3': expected path=value"},
    {"schedulers.1.instances=4",
     "--set schedulers.1.instances: '1' is no entry, expected an index below 1"},
    {"schedulers.1=4", "--set schedulers.1: '1' is no entry, expected an index below 1"},
    {"schedulers.x.instances=4",
     "--set schedulers.x.instances: 'x' is no entry, expected an index below 1"},
    {"shedulers.0.instances=4",
     "--set shedulers.0.instances: shedulers: unknown key, expected one of: name, description, "
     "preset, seed, seeds, horizon_s, warmup_s, cell, machine_events, lost_tasks, cut_attempts, "
     "workloads, architecture, schedulers, scheduler_stream, store, driver, live, record, "
     "counterfactuals, series_step_s, fragmentation, sweep, variants"},
    {"schedulers.0.options.probes=32", NULL},
    {"cell.overcommit.cpu=2", NULL},
    {"cell.overcomit.cpu=2",
     "--set cell.overcomit.cpu: cell.overcomit: unknown key, expected one of: machines, trace, "
     "time_scale, overcommit, prefill, release_raises_seq"},
    {"cell.overcommit.cpus=2", "--set cell.overcommit.cpus: cell.overcommit.cpus: unknown key, "
                               "expected one of: cpu, mem, gpu"},
    {"cell..cpu=2", "--set cell..cpu: an empty step, expected keys between the dots"},
    {"schedulers.0.instances=4e0", NULL},
    {"seed=4e3", NULL},
    {"seed=4.5", "--set seed: seed: expected a seed, a whole number from 0 to "
                 "9223372036854775807"},
    {"seeds=[1,2,1.0]", "--set seeds: seeds[2]: a second 1, expected different seeds"},
    {"record=[\"jobs\",\"series\",\"jobs\"]",
     "--set record: record[2]: a second 'jobs', expected different entries"},
    {"horizon_s.x=1", "--set horizon_s.x: 'x' is below a number, expected an object or an array"},
    {"schedulers.0.instances=many", "--set schedulers.0.instances: schedulers[0].instances: a "
                                    "string, expected a whole number from 1 to 4096"},
    {"schedulers.0.retry={\"delay\":5}",
     "--set schedulers.0.retry: schedulers[0].retry.delay: unknown key, expected one of: delay_s, "
     "backoff, delay_max_s, queue, attempts, attempts_unplaced"},
    {"horizons_s=3",
     "--set horizons_s: horizons_s: unknown key, expected one of: name, description, preset, seed, "
     "seeds, horizon_s, warmup_s, cell, machine_events, lost_tasks, cut_attempts, workloads, "
     "architecture, schedulers, scheduler_stream, store, driver, live, record, counterfactuals, "
     "series_step_s, fragmentation, sweep, variants"},
    {"a\xff=3", "--set a\xff: cannot be set, expected UTF-8"},
    {"counterfactuals=true", NULL},
    {"counterfactuals=1",
     "--set counterfactuals: counterfactuals: a number, expected true or false"},
    {"record=[\"conflicts\",\"machines\",\"refused\"]", NULL},
    {"description=\xff", "--set 'description=\xff': expected UTF-8 text"},
};

START_TEST(test_setting)
{
    const char *sets[] = {settings[_i].set};
    struct experiment_options options = {.sets = sets, .set_count = 1};
    if (settings[_i].message == NULL) {
        experiment_close(parse("{" BODY "}", &options));
    } else {
        parse_fails("{" BODY "}", &options, settings[_i].message);
    }
}
END_TEST

/* ---- paths in "set" ---- */

#define VARIANT(name, set) "{\"name\":\"" name "\",\"set\":{" set "}}"

START_TEST(test_path_errors)
{
    parse_fails("{" BODY
                ",\n\"variants\":[\n" VARIANT("a", "\n\"schedulers[0].instances\":\"x\"") "]}",
                NULL,
                "t.json:4: variants[0].set.schedulers[0].instances: a string, expected a whole "
                "number from 1 to 4096");
    parse_fails("{" BODY
                ",\n\"variants\":[\n" VARIANT("a", "\"schedulers.0.retry\":\n{\"delay\":3}") "]}",
                NULL,
                "t.json:4: variants[0].set.schedulers.0.retry.delay: unknown key, expected one of: "
                "delay_s, backoff, delay_max_s, queue, attempts, attempts_unplaced");
    parse_fails("{" BODY ",\n\"variants\":[\n" VARIANT("a", "\"cell.overcomit.cpu\":3") "]}", NULL,
                "t.json:3: variants[0].set.cell.overcomit.cpu: unknown key, expected one of: "
                "machines, trace, time_scale, overcommit, prefill, release_raises_seq");
    parse_fails("{" BODY ",\"variants\":[" VARIANT("a", "\"schedulers.3.instances\":3") "]}", NULL,
                "t.json:1: variants[0].set.schedulers.3.instances: '3' is no entry, expected an "
                "index below 1");
    parse_fails("{" BODY ",\"variants\":[" VARIANT("a", "\"variants.0.name\":3") "]}", NULL,
                "t.json:1: variants[0].set.variants.0.name: cannot differ between variants, "
                "expected it in the experiment itself");
}
END_TEST

/* A --set that a variant undoes is told, with the variant; one that it leaves alone is not. */
START_TEST(test_overwritten)
{
    static const char text[] =
        "{" BODY ",\"variants\":[" VARIANT("a", "\"horizon_s\":5") "," VARIANT(
            "b", "\"schedulers\":[{\"name\":\"s\",\"module\":"
                 "\"batch\"}]") "," VARIANT("c", "\"schedulers.0.retry."
                                                 "backoff\":2") "]}";
    const char *sets[] = {"schedulers[0].instances=4", "warmup_s=1", "horizon_s=7",
                          "schedulers.0.retry={\"delay_s\":3}"};
    struct experiment_options options = {.sets = sets, .set_count = 4};
    struct experiment *experiment = parse(text, &options);
    ck_assert_str_eq(experiment_warning(experiment, 0),
                     "--set schedulers.0.instances: overwritten by \"set\" of variant 'b'");
    ck_assert_str_eq(experiment_warning(experiment, 1),
                     "--set horizon_s: overwritten by \"set\" of variant 'a'");
    ck_assert_str_eq(experiment_warning(experiment, 2),
                     "--set schedulers.0.retry: overwritten by \"set\" of variant 'b' and 1 more");
    ck_assert_ptr_null(experiment_warning(experiment, 3));
    experiment_close(experiment);
    experiment = parse(text, NULL);
    ck_assert_ptr_null(experiment_warning(experiment, 0));
    experiment_close(experiment);
}
END_TEST

/* ---- identity ---- */

static void sha_of(const char *text, const char *set, char out[65])
{
    const char *sets[] = {set};
    struct experiment_options options = {.sets = sets, .set_count = set == NULL ? 0 : 1};
    struct experiment *experiment = parse(text, &options);
    snprintf(out, 65, "%s", experiment_sha256(experiment));
    experiment_close(experiment);
}

START_TEST(test_identity)
{
    char plain[65];
    char other[65];
    sha_of("{" BODY "}", NULL, plain);
    ck_assert_uint_eq(strlen(plain), 64);
    sha_of("{\n  \"record\": [],\n\"series_step_s\":5, \"description\":\"x\", " BODY "}", NULL,
           other);
    ck_assert_str_eq(plain, other);
    sha_of("{" BODY "}", "horizon_s=10", other);
    ck_assert_str_eq(plain, other);
    sha_of("{" BODY "}", "horizon_s=10.0", other);
    ck_assert_str_eq(plain, other);
    sha_of("{" BODY "}", "horizon_s=1e1", other);
    ck_assert_str_eq(plain, other);
    sha_of("{" BODY "}", "horizon_s=10.5", other);
    ck_assert_str_ne(plain, other);
    sha_of("{" BODY "}", "horizon_s=11", other);
    ck_assert_str_ne(plain, other);
    sha_of("{" BODY ",\"fragmentation\":{\"cpu_milli\":1,\"mem_mib\":1}}", NULL, other);
    ck_assert_str_ne(plain, other); /* the results have more figures */
    sha_of("{" BODY ",\"seed\":2}", NULL, other);
    ck_assert_str_ne(plain, other);
}
END_TEST

/* Where the cell state lives is no part of what an experiment is, in the base and in variants. */
START_TEST(test_identity_without_store)
{
    static const char *const sets[] = {"store=lmdb", "store.kind=lmdb", "store=\"memory\"",
                                       "store={\"kind\":\"lmdb\",\"mode\":\"fast\"}"};
    static const char *const variants[] = {
        ",\"set\":{\"store\":\"lmdb\"}",
        ",\"set\":{\"store.kind\":\"lmdb\",\"store.mode\":\"fast\"}",
    };
    static const char *const others[] = {",\"set\":{\"horizon_s\":11}",
                                         ",\"set\":{\"store\":\"lmdb\",\"horizon_s\":11}",
                                         ",\"set\":{\"store.kind\":\"lmdb\",\"horizon_s\":11}"};
    char text[2][1024];
    char plain[65];
    char other[65];
    sha_of("{" BODY "}", NULL, plain);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        sha_of("{" BODY "}", sets[i], other);
        ck_assert_str_eq(plain, other);
    }
    snprintf(text[0], sizeof text[0], "{" BODY ",\"variants\":[{\"name\":\"v\"}]}");
    sha_of(text[0], NULL, plain);
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        snprintf(text[1], sizeof text[1], "{" BODY ",\"variants\":[{\"name\":\"v\"%s}]}",
                 variants[i]);
        sha_of(text[1], NULL, other);
        ck_assert_str_eq(plain, other);
    }
    char longer[65];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(text[1], sizeof text[1], "{" BODY ",\"variants\":[{\"name\":\"v\"%s}]}",
                 others[i]);
        sha_of(text[1], NULL, i == 0 ? longer : other);
        ck_assert_str_eq(i == 0 ? longer : other, longer);
        ck_assert_str_ne(plain, longer);
    }
}
END_TEST

/* ---- RFC 7396, appendix A ---- */

static const char *const patches[][3] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

START_TEST(test_patch)
{
    json_t *target = json_loads(patches[_i][0], JSON_DECODE_ANY, NULL);
    json_t *patch = json_loads(patches[_i][1], JSON_DECODE_ANY, NULL);
    json_t *merged = patch_merge(target, patch);
    char *text = json_dumps(merged, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(text, patches[_i][2]);
    free(text);
    json_decref(merged);
    json_decref(patch);
    json_decref(target);
}
END_TEST

START_TEST(test_no_file)
{
    omega_error_t err = {0};
    struct experiment *experiment;
    ck_assert_int_eq(experiment_open("tests/data/none.json", NULL, &experiment, &err), OMEGA_EIO);
    ck_assert_str_eq(err.source, "tests/data/none.json");
    ck_assert_ptr_null(experiment);
    omega_error_clear(&err);
    ck_assert_int_ne(experiment_open("tests/data", NULL, &experiment, &err), 0);
    ck_assert_int_eq(experiment_open("tests/data", NULL, &experiment, NULL), err.code);
}
END_TEST

#define LOOP(name, test, table)                                                                    \
    do {                                                                                           \
        TCase *tcase = tcase_create(name);                                                         \
        tcase_add_loop_test(tcase, test, 0, (int)(sizeof table / sizeof table[0]));                \
        suite_add_tcase(suite, tcase);                                                             \
    } while (0)

static void add_cases(Suite *suite)
{
    check_case(suite, "invalid", test_invalid);
    check_case(suite, "valid", test_valid);
    check_case(suite, "points", test_points);
    check_case(suite, "seed option", test_seed_option);
    check_case(suite, "record", test_record);
    LOOP("settings", test_setting, settings);
    check_case(suite, "errors at paths in set", test_path_errors);
    check_case(suite, "overwritten settings", test_overwritten);
    check_case(suite, "identity", test_identity);
    check_case(suite, "identity without store", test_identity_without_store);
    LOOP("patch", test_patch, patches);
    check_case(suite, "no file", test_no_file);
}

CHECK_MAIN("experiment", add_cases)
