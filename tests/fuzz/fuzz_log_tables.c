/* SPDX-License-Identifier: MIT */
/* Fuzz target: a table beside a log, which the first byte chooses, held against the rows of a point
 * that is made here. It has to be told of exactly when it is not what omega writes. */
#include <stdlib.h>
#include <string.h>

#include "core/experiment/conflict_records.h"
#include "core/experiment/log_tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct metrics_refused claim = {.job = 7, .rival = OMEGA_INSTANCE_NONE};

static void count(void *context, const char *text)
{
    *(size_t *)context += strlen(text);
}

/* What is told of the table `bytes`; 0: it is right. */
static size_t hold(enum output_file file, const struct point_result *result, char *bytes,
                   size_t size)
{
    struct log_tables *tables = NULL;
    size_t told = 0;
    uint64_t fields = 0;
    log_tables_create("", &tables, NULL);
    log_tables_add(tables, file, bytes, size, NULL);
    log_tables_begin(tables, result->point);
    log_tables_refused(tables, result->metrics, &claim);
    log_tables_compare(tables, result, 0, &fields, count, &told, NULL);
    log_tables_rest(tables, 0, count, &told);
    log_tables_close(tables);
    return told;
}

/* The last line's end may be missing. */
static void compare(const struct point_result *result, const uint8_t *data, size_t size)
{
    enum output_file file =
        OUTPUT_TABLE_FIRST + *data % (OUTPUT_TABLE_LAST + 1 - OUTPUT_TABLE_FIRST);
    char *made = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&made, &length);
    output_table_head(file, false, &result->point->parameters, out);
    output_table_rows(file, false, result, out, NULL);
    if (file == OUTPUT_REFUSED) {
        conflict_refused_row(result->point, result->metrics, &claim, out);
    }
    fclose(out);
    char *bytes = calloc(size, 1); /* with a NUL behind it */
    memcpy(bytes, data + 1, size - 1);
    bool right = size - 1 == length || size == length;
    right = right && memcmp(made, bytes, size - 1) == 0;
    if ((hold(file, result, bytes, size - 1) == 0) != right) {
        abort();
    }
    free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"one"};
    static const uint32_t instances[] = {2};
    static struct run_scheduler scheduler = {.granularity = OMEGA_COMMIT_TASK};
    static struct point point = {.variant = "v",
                                 .seed = 3,
                                 .config.schedulers = &scheduler,
                                 .metrics = {names, instances, 1, names, 1, .horizon_us = 2,
                                             .series_step_us = 1, .jobs = true, .conflicts = true,
                                             .counterfactuals = true}};
    static struct point_result result = {.point = &point};
    if (result.metrics == NULL) { /* once for all inputs */
        result.metrics = metrics_create(&point.metrics);
        metrics_job(result.metrics,
                    &(struct metrics_job){.job = 1, .outcome = METRICS_JOB_PENDING});
        metrics_finish(result.metrics, 2);
    }
    if (size > 0) {
        compare(&result, data, size);
    }
    return 0;
}
