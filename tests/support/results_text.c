/* SPDX-License-Identifier: MIT */
/* Result sets for tests: see results_text.h. */
#include "tests/support/results_text.h"

#include <check.h>
#include <stdlib.h>

static const char head[] =
    "{\"schema\":1,\"omega\":\"0.1.0\",\"experiment\":\"mine\",\"experiment_sha256\":\""
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"inputs\":[]}\n";

struct result_set *results_text(const char *rows)
{
    char *text = NULL;
    struct result_set *set = NULL;
    omega_error_t err = {0};
    int length = asprintf(&text, "%s%s", head, rows);
    ck_assert_int_gt(length, 0);
    FILE *stream = fmemopen(text, (size_t)length, "r");
    ck_assert_ptr_nonnull(stream);
    ck_assert_msg(result_set_parse(stream, "r.jsonl", &set, &err) == 0, "%ld: %s", err.line,
                  err.text);
    fclose(stream);
    free(text);
    return set;
}

static void put(FILE *out, const char *scope, const char *variant, int seed, const char *name,
                const char *rest)
{
    fprintf(out, "{\"scope\":\"%s\",\"variant\":\"%s\",\"seed\":%d,\"name\":\"%s\"%s}\n", scope,
            variant, seed, name, rest);
}

struct result_set *results_seeds(const char *variant, int first, int count,
                                 const char *const *workload, const char *const *scheduler)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    for (int i = 0; i < count; i++) {
        put(out, "workload", variant, first + i, "jobs", workload[i]);
        put(out, "scheduler", variant, first + i, "s", scheduler[i]);
    }
    ck_assert_int_eq(fclose(out), 0);
    struct result_set *set = results_text(text);
    free(text);
    return set;
}
