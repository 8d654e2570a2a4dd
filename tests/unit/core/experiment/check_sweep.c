/* SPDX-License-Identifier: MIT */
/* Sweeps: axes crossed and zipped, lists and ranges, what the command line adds, the seeds, the
 * identity of an experiment, and errors with their lines. */
#include <stdio.h>
#include <string.h>

#include "core/experiment/experiment_private.h"
#include "tests/support/check_main.h"

#define CELL                                                                                       \
    "\"cell\":{\"machines\":[{\"count\":5,\"cpu_milli\":4000,\"mem_mib\":8192}]},"                 \
    "\"workloads\":[{\"name\":\"w\",\"interarrival_s\":10,\"tasks\":1,\"duration_s\":5,"           \
    "\"cpu_milli\":100,\"mem_mib\":100}],\"architecture\":\"shared_state\","                       \
    "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]"
#define BODY "\"name\":\"t\",\"horizon_s\":1000," CELL

static struct experiment *parse(const char *text, const struct experiment_options *options)
{
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    int rc = experiment_parse(text, strlen(text), "t.json", ".", options, &experiment, &err);
    ck_assert_msg(rc == 0, "%s:%ld: %s", err.source, err.line, err.text);
    return experiment;
}

/* The same with a sweep; "seed" 1 only. */
static struct experiment *parse_sweep(const char *sweep)
{
    char text[4096];
    snprintf(text, sizeof text, "{" BODY ",\"seeds\":[1],\"sweep\":%s}", sweep);
    return parse(text, NULL);
}

/* All assignments, "path=value path=value; ..." */
static void show(const struct experiment *experiment, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < experiment_point_count(experiment); i++) {
        struct parameter at[PARAMETERS_MAX];
        struct parameters parameters;
        experiment_parameters(experiment, i, at, &parameters);
        for (uint32_t p = 0; p < parameters.count; p++) {
            used += (size_t)snprintf(out + used, size - used, "%s%s=%s",
                                     p > 0   ? " "
                                     : i > 0 ? "; "
                                             : "",
                                     at[p].path, at[p].json);
        }
    }
}

static void expect(const char *sweep, const char *assignments)
{
    char shown[4096];
    struct experiment *experiment = parse_sweep(sweep);
    show(experiment, shown, sizeof shown);
    ck_assert_str_eq(shown, assignments);
    experiment_close(experiment);
}

START_TEST(test_crossed)
{
    expect("{\"horizon_s\":[10,20],\"warmup_s\":[1,2,3]}",
           "horizon_s=10 warmup_s=1; horizon_s=10 warmup_s=2; horizon_s=10 warmup_s=3; "
           "horizon_s=20 warmup_s=1; horizon_s=20 warmup_s=2; horizon_s=20 warmup_s=3");
    expect("{\"schedulers[0].instances\":[4]}", "schedulers.0.instances=4");
    expect("{\"schedulers.0.sync\":[\"private\",{\"interval_s\":5}],\"warmup_s\":[null,2e0]}",
           "schedulers.0.sync=\"private\" warmup_s=null; schedulers.0.sync=\"private\" warmup_s=2; "
           "schedulers.0.sync={\"interval_s\":5} warmup_s=null; "
           "schedulers.0.sync={\"interval_s\":5} warmup_s=2");
}
END_TEST

START_TEST(test_zipped)
{
    expect("[{\"warmup_s\":[1,2],\"horizon_s\":[10,20]}]",
           "horizon_s=10 warmup_s=1; horizon_s=20 warmup_s=2");
    expect("[{\"warmup_s\":[1,2],\"horizon_s\":[10,20]},{\"schedulers.0.instances\":[3,4]}]",
           "horizon_s=10 warmup_s=1 schedulers.0.instances=3; "
           "horizon_s=10 warmup_s=1 schedulers.0.instances=4; "
           "horizon_s=20 warmup_s=2 schedulers.0.instances=3; "
           "horizon_s=20 warmup_s=2 schedulers.0.instances=4");
    /* a value may come again beside another one */
    expect("[{\"warmup_s\":[1,1],\"horizon_s\":[10,20]}]",
           "horizon_s=10 warmup_s=1; horizon_s=20 warmup_s=1");
}
END_TEST

START_TEST(test_ranges)
{
    expect("{\"warmup_s\":{\"from\":0.1,\"to\":0.5,\"step\":0.1}}",
           "warmup_s=0.1; warmup_s=0.2; warmup_s=0.3; warmup_s=0.4; warmup_s=0.5");
    expect("{\"warmup_s\":{\"from\":5,\"to\":0,\"step\":-2}}",
           "warmup_s=5; warmup_s=3; warmup_s=1");
    expect("{\"warmup_s\":{\"from\":0,\"to\":1,\"count\":4}}",
           "warmup_s=0; warmup_s=0.333333333333; warmup_s=0.666666666667; warmup_s=1");
    expect("{\"warmup_s\":{\"from\":1,\"to\":100,\"count\":5,\"scale\":\"log\"}}",
           "warmup_s=1; warmup_s=3.16227766017; warmup_s=10; warmup_s=31.6227766017; warmup_s=100");
    expect("{\"warmup_s\":{\"from\":0.1,\"to\":100,\"count\":4,\"scale\":\"log\"}}",
           "warmup_s=0.1; warmup_s=1; warmup_s=10; warmup_s=100");
    /* whole numbers are whole, which a field of whole numbers needs */
    expect("{\"schedulers.0.instances\":{\"from\":1,\"to\":16,\"count\":5,\"scale\":\"log\"}}",
           "schedulers.0.instances=1; schedulers.0.instances=2; schedulers.0.instances=4; "
           "schedulers.0.instances=8; schedulers.0.instances=16");
    /* what is shown is what the point has */
    struct experiment *experiment = parse_sweep("{\"warmup_s\":{\"from\":0.1,\"to\":0.3,"
                                                "\"step\":0.1}}");
    const json_t *third = json_array_get(experiment->sweep.axes[0].values, 2);
    ck_assert_msg(json_real_value(third) == 0.3, "%.17g", json_real_value(third));
    experiment_close(experiment);
}
END_TEST

/* ---- points ---- */

START_TEST(test_order_and_seeds)
{
    struct experiment *experiment =
        parse("{" BODY ",\"sweep\":{\"warmup_s\":[1,2]},\"seeds\":[5,3],"
              "\"variants\":[{\"name\":\"a\"},{\"name\":\"b\",\"set\":{\"seeds\":[8]}}]}",
              NULL);
    static const char *const names[] = {"a, warmup_s=1, seed 5", "a, warmup_s=1, seed 3",
                                        "a, warmup_s=2, seed 5", "a, warmup_s=2, seed 3",
                                        "b, warmup_s=1, seed 8", "b, warmup_s=2, seed 8"};
    static const char *const labels[] = {"a-sweep-1-seed-5", "a-sweep-1-seed-3",
                                         "a-sweep-2-seed-5", "a-sweep-2-seed-3",
                                         "b-sweep-1-seed-8", "b-sweep-2-seed-8"};
    char name[200];
    ck_assert_uint_eq(experiment_point_count(experiment), 6);
    ck_assert_uint_eq(experiment_assignment_count(experiment), 2);
    for (uint32_t i = 0; i < 6; i++) {
        struct point *point;
        ck_assert_int_eq(point_make(experiment, i, false, &point, &(omega_error_t){0}), 0);
        ck_assert_int_eq(point->config.warmup_us, 1000000 * (1 + (i / (i < 4 ? 2 : 1)) % 2));
        ck_assert_uint_eq(point->parameters.count, 1);
        experiment_name_point(experiment, i, name, sizeof name);
        ck_assert_str_eq(name, names[i]);
        char *label = point_label(point->variant, point->assignment, point->seed);
        ck_assert_str_eq(label, labels[i]);
        free(label);
        point_destroy(point);
    }
    experiment_name_point(experiment, 0, name, 8);
    ck_assert_str_eq(name, "a, warm");
    experiment_close(experiment);
}
END_TEST

static void expect_seeds(const char *text, const struct experiment_options *options, uint32_t count,
                         uint64_t first)
{
    struct experiment *experiment = parse(text, options);
    ck_assert_uint_eq(experiment_point_count(experiment), 2 * count);
    for (uint32_t i = 0; i < 2 * count; i++) {
        ck_assert_uint_eq(experiment_point_seed(experiment, i), first + i % count);
    }
    experiment_close(experiment);
}

START_TEST(test_ten_seeds)
{
    const struct experiment_options seed = {.has_seed = true, .seed = 7};
    expect_seeds("{" BODY ",\"sweep\":{\"warmup_s\":[1,2]}}", NULL, 10, 1);
    expect_seeds("{" BODY ",\"sweep\":{\"warmup_s\":[1,2]},\"seed\":4}", NULL, 10, 4);
    expect_seeds("{" BODY ",\"sweep\":{\"warmup_s\":[1,2]},\"seeds\":[4]}", NULL, 1, 4);
    expect_seeds("{" BODY ",\"sweep\":{\"warmup_s\":[1,2]},\"seed\":4}", &seed, 1, 7);
    expect_seeds("{" BODY ",\"sweep\":{\"warmup_s\":[1,2]},\"seeds\":[4,5]}", &seed, 1, 7);
}
END_TEST

START_TEST(test_without_a_sweep)
{
    struct experiment *experiment = parse("{" BODY "}", NULL);
    struct parameter at[PARAMETERS_MAX];
    struct parameters parameters;
    experiment_parameters(experiment, 0, at, &parameters);
    ck_assert_uint_eq(parameters.count, 0);
    ck_assert_uint_eq(experiment_point_count(experiment), 1);
    ck_assert_uint_eq(experiment_point_assignment(experiment, 0), 0);
    char *label = point_label("", 0, 3);
    ck_assert_str_eq(label, "seed-3");
    free(label);
    experiment_close(experiment);
}
END_TEST

/* Every value is tried once where trying every assignment would take long. */
START_TEST(test_probes)
{
    struct experiment *experiment = parse_sweep(
        "{\"horizon_s\":[10,20,30],\"warmup_s\":[1,2],\"schedulers.0.instances\":[1,2]}");
    const struct sweep *sweep = &experiment->sweep;
    uint32_t probes = 0;
    for (uint32_t i = 0; i < sweep->assignments; i++) {
        uint32_t moved = 0;
        for (uint32_t a = 0; a < 3; a++) {
            moved += sweep_index(sweep, a, i) != 0;
        }
        ck_assert_int_eq(sweep_is_probe(sweep, i), moved <= 1);
        probes += sweep_is_probe(sweep, i);
    }
    ck_assert_uint_eq(probes, 1 + 2 + 1 + 1);
    experiment_close(experiment);
}
END_TEST

/* ---- the command line ---- */

static void expect_added(const char *sweep, const char *const *added, uint32_t count,
                         const char *assignments)
{
    char text[2048];
    char shown[4096];
    const struct experiment_options options = {.sweeps = added, .sweep_count = count};
    snprintf(text, sizeof text, "{" BODY ",\"seeds\":[1]%s}", sweep);
    struct experiment *experiment = parse(text, &options);
    show(experiment, shown, sizeof shown);
    ck_assert_str_eq(shown, assignments);
    experiment_close(experiment);
}

START_TEST(test_command_line)
{
    const char *const span[] = {"schedulers[0].instances=2..4"};
    const char *const back[] = {"warmup_s=3..1"};
    const char *const list[] = {"schedulers.0.commit.detection=fine,coarse", "warmup_s=[1,2]"};
    const char *const range[] = {"warmup_s={\"from\":1,\"to\":2,\"count\":2}"};
    const char *const one[] = {"warmup_s=5"};
    expect_added("", span, 1,
                 "schedulers.0.instances=2; schedulers.0.instances=3; schedulers.0.instances=4");
    expect_added("", back, 1, "warmup_s=3; warmup_s=2; warmup_s=1");
    expect_added("", list, 2,
                 "schedulers.0.commit.detection=\"fine\" warmup_s=1; "
                 "schedulers.0.commit.detection=\"fine\" warmup_s=2; "
                 "schedulers.0.commit.detection=\"coarse\" warmup_s=1; "
                 "schedulers.0.commit.detection=\"coarse\" warmup_s=2");
    expect_added("", range, 1, "warmup_s=1; warmup_s=2");
    expect_added(",\"sweep\":{\"horizon_s\":[10,20]}", one, 1,
                 "horizon_s=10 warmup_s=5; horizon_s=20 warmup_s=5");
    expect_added(",\"sweep\":{\"warmup_s\":[1,2]}", one, 1, "warmup_s=5");
    expect_added(",\"sweep\":[{\"horizon_s\":[10,20]}]", one, 1,
                 "horizon_s=10 warmup_s=5; horizon_s=20 warmup_s=5");
}
END_TEST

/* ---- identity ---- */

static const char *sha_of(const char *sweep)
{
    static char sha256[65];
    struct experiment *experiment = parse_sweep(sweep);
    snprintf(sha256, sizeof sha256, "%s", experiment_sha256(experiment));
    experiment_close(experiment);
    return sha256;
}

START_TEST(test_identity)
{
    char first[65];
    snprintf(first, sizeof first, "%s", sha_of("{\"horizon_s\":[10,20],\"warmup_s\":[1,2]}"));
    ck_assert_str_eq(first, sha_of("[{\"horizon_s\":[10,20]},{\"warmup_s\":[1.0,2]}]"));
    ck_assert_str_eq(first, sha_of("{\"horizon_s\":[10,20],\"warmup_s\":{\"from\":1,\"to\":2,"
                                   "\"step\":1}}"));
    ck_assert_str_ne(first, sha_of("{\"warmup_s\":[1,2],\"horizon_s\":[10,20]}")); /* the order */
    ck_assert_str_ne(first, sha_of("[{\"horizon_s\":[10,20],\"warmup_s\":[1,2]}]"));
    ck_assert_str_ne(first, sha_of("{\"horizon_s\":[10,20],\"warmup_s\":[1,3]}"));
    /* of the fields that move together the order means nothing */
    snprintf(first, sizeof first, "%s", sha_of("[{\"horizon_s\":[10,20],\"warmup_s\":[1,2]}]"));
    ck_assert_str_eq(first, sha_of("[{\"warmup_s\":[1,2],\"horizon_s\":[10,20]}]"));
}
END_TEST

/* Ten seeds and one of them are different experiments; without a sweep the file's own is not. */
START_TEST(test_identity_of_seeds)
{
    const struct experiment_options seed = {.has_seed = true, .seed = 4};
    struct experiment *ten = parse("{" BODY ",\"seed\":4,\"sweep\":{\"warmup_s\":[1,2]}}", NULL);
    struct experiment *one = parse("{" BODY ",\"seed\":4,\"sweep\":{\"warmup_s\":[1,2]}}", &seed);
    ck_assert_str_ne(experiment_sha256(ten), experiment_sha256(one));
    experiment_close(ten);
    experiment_close(one);
    ten = parse("{" BODY ",\"seed\":4}", NULL);
    one = parse("{" BODY "}", &seed);
    ck_assert_str_eq(experiment_sha256(ten), experiment_sha256(one));
    experiment_close(ten);
    experiment_close(one);
}
END_TEST

/* The normalised text, which logs and shards carry, is the same experiment. */
START_TEST(test_text)
{
    char before[4096];
    char after[4096];
    char *text;
    struct pool pool = {0};
    struct parameters parameters;
    struct experiment *experiment =
        parse_sweep("[{\"warmup_s\":[1,2],\"horizon_s\":{\"from\":10,\"to\":20,\"count\":2}},"
                    "{\"schedulers[0].instances\":[3,4]}]");
    show(experiment, before, sizeof before);
    ck_assert_int_eq(experiment_text(experiment, &text, NULL), 0);
    struct experiment *again = parse(text, NULL);
    show(again, after, sizeof after);
    ck_assert_str_eq(after, before);
    ck_assert_str_eq(experiment_sha256(again), experiment_sha256(experiment));
    ck_assert_int_eq(parameters_of_text(text, 3, &pool, &parameters, NULL), 0);
    ck_assert_uint_eq(parameters.count, 3);
    ck_assert_str_eq(parameters.at[0].path, "horizon_s");
    ck_assert_str_eq(parameters.at[0].json, "20");
    ck_assert_str_eq(parameters.at[2].json, "3");
    ck_assert_int_eq(parameters_of_text(text, 5, &pool, &parameters, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(parameters_of_text(text, 0, &pool, &parameters, NULL), 0);
    ck_assert_uint_eq(parameters.count, 0);
    pool_release(&pool);
    free(text);
    experiment_close(again);
    experiment_close(experiment);
}
END_TEST

/* ---- errors ---- */

static void fails(const char *sweep, const char *message)
{
    char text[4096];
    char formatted[600];
    omega_error_t err = {0};
    struct experiment *experiment;
    snprintf(text, sizeof text, "{" BODY ",\n\"sweep\":\n%s}", sweep);
    ck_assert_int_eq(experiment_parse(text, strlen(text), "t.json", ".", NULL, &experiment, &err),
                     OMEGA_EINVAL);
    omega_error_format(&err, formatted, sizeof formatted);
    ck_assert_str_eq(formatted, message);
}

START_TEST(test_errors)
{
    fails("{\"warmup_s\": [1,\n-2]}",
          "t.json:4: sweep.warmup_s[1]: -2 is out of range, expected 0 to 10000000000");
    fails("{\"schedulers.0.sync\": [\n{\"interval_s\":\n0}]}",
          "t.json:5: sweep.schedulers.0.sync[0].interval_s: 0 is out of range, expected 1e-06 to "
          "10000000000");
    fails("[{\"warmup_s\": [1, 2]},\n {\"horizon_s\": [5, 2]}]",
          "t.json:3: sweep[0].warmup_s[1]: 2 s, expected less than the horizon of 2 s");
    fails("{\"warmup_s\": {\"from\": 0, \"to\": 9e9,\n \"count\": 3}}",
          "t.json:3: sweep.warmup_s: 4500000000 s, expected less than the horizon of 1000 s");
    fails("{\"warmup_s\": [1],\n\"schedulers.7.instances\": [2]}",
          "t.json:4: sweep.schedulers.7.instances[0]: '7' is no entry, expected an index below 1");
    fails("{\"schedulers.0.optionz.x\": [2]}",
          "t.json:3: sweep.schedulers.0.optionz.x[0]: unknown key, expected one of: name, module, "
          "workloads, instances, assignment, place, options, decision, sync, commit, retry");
}
END_TEST

START_TEST(test_command_line_errors)
{
    static const struct {
        const char *added;
        const char *message;
    } cases[] = {
        {"warmup_s", "--sweep 'warmup_s': expected path=values"},
        {"warmup_s=", "--sweep 'warmup_s=': expected path=values"},
        {"=1", "--sweep '=1': expected path=values"},
        {"warmup_s=1,-1", "--sweep warmup_s: sweep.warmup_s[1]: -1 is out of range, expected 0 to "
                          "10000000000"},
        {"warmup_s=1,1", "--sweep warmup_s: sweep.warmup_s: has 1 twice, expected different "
                         "values"},
        {"record=1", "--sweep record: sweep.record: cannot differ between points, expected another "
                     "field"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char formatted[600];
        omega_error_t err = {0};
        struct experiment *experiment;
        const struct experiment_options options = {.sweeps = &cases[i].added, .sweep_count = 1};
        const char *text = "{" BODY "}";
        ck_assert_int_eq(
            experiment_parse(text, strlen(text), "t.json", ".", &options, &experiment, &err),
            OMEGA_EINVAL);
        omega_error_format(&err, formatted, sizeof formatted);
        ck_assert_str_eq(formatted, cases[i].message);
    }
}
END_TEST

START_TEST(test_limits)
{
    fails("{\"warmup_s\":{\"from\":0,\"to\":0.1,\"step\":1e-5}}",
          "t.json:3: sweep.warmup_s: too many values, expected at most 10000");
    fails("{\"warmup_s\":{\"from\":0,\"to\":1,\"count\":2000},"
          "\"horizon_s\":{\"from\":2,\"to\":3,\"count\":200}}",
          "t.json:3: sweep.horizon_s: too many assignments, expected at most 100000 points");
    fails("{\"warmup_s\":{\"from\":0,\"to\":1,\"count\":200},"
          "\"horizon_s\":{\"from\":2,\"to\":3,\"count\":200}}",
          "t.json:1: too many points, expected at most 100000 of all variants, values of the sweep "
          "and seeds");
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "crossed", test_crossed);
    check_case(suite, "zipped", test_zipped);
    check_case(suite, "ranges", test_ranges);
    check_case(suite, "order and seeds", test_order_and_seeds);
    check_case(suite, "ten seeds", test_ten_seeds);
    check_case(suite, "without a sweep", test_without_a_sweep);
    check_case(suite, "probes", test_probes);
    check_case(suite, "command line", test_command_line);
    check_case(suite, "identity", test_identity);
    check_case(suite, "identity of seeds", test_identity_of_seeds);
    check_case(suite, "text", test_text);
    check_case(suite, "errors", test_errors);
    check_case(suite, "command line errors", test_command_line_errors);
    check_case(suite, "limits", test_limits);
}

CHECK_MAIN("sweep", add_cases)
