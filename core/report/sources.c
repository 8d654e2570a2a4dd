/* SPDX-License-Identifier: MIT */
/* The directories that a report is of: whether their files are whole, what experiment they have,
 * and whether all of its points are there. See report_private.h. */
#include <stdlib.h>
#include <string.h>

#include "core/analysis/sums.h"
#include "core/base/file.h"
#include "core/experiment/outputs.h"
#include "core/report/report_private.h"

/* What SHA256SUMS tells of the files that are read besides results.jsonl, which the result set has
 * checked. */
static int check_files(const struct result_source *source, omega_error_t *err)
{
    static const char *const read[] = {"histograms.jsonl", "series.csv", "conflicts.csv",
                                       "machines.csv", OUTPUT_EXPERIMENT_NAME};
    struct sums *sums;
    int rc = sums_open(source->directory, &sums, err);
    if (rc == 0 && sums == NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, source->directory, 0,
                                  "has no " OUTPUT_SUMS_NAME ", expected what omega run has left: "
                                  "without it nobody knows whether its files are whole");
    }
    for (size_t i = 0; rc == 0 && i < sizeof read / sizeof *read; i++) {
        rc = sums_check(sums, read[i], err);
    }
    sums_close(sums);
    return rc;
}

/* ---- experiments ---- */

static int check_text(const struct result_source *source, const char *path, const char *text,
                      size_t size, omega_error_t *err)
{
    char sha256[SHA256_HEX];
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, text, size);
    sha256_finish(&sha, sha256);
    return strcmp(sha256, source->sha256) == 0
               ? 0
               : omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                    "is not the experiment of the results beside it, expected "
                                    "SHA-256 %s",
                                    source->sha256);
}

static int read_experiment(struct report *report, uint32_t index, omega_error_t *err)
{
    const struct result_source *source = result_set_source(report->set, index);
    size_t size;
    char *text;
    char *path = pool_format(&report->pool, "%s/" OUTPUT_EXPERIMENT_NAME, source->directory);
    if (path == NULL) {
        return report_no_memory(err);
    }
    if (!report_has_file(report, index, OUTPUT_EXPERIMENT_NAME)) {
        return 0;
    }
    int rc = file_read_all(path, EXPERIMENT_BYTES_MAX, &text, &size, err);
    if (rc != 0) {
        return rc;
    }
    rc = check_text(source, path, text, size, err);
    report->experiments[index] = rc == 0 ? pool_text(&report->pool, text) : NULL;
    free(text);
    return rc == 0 && report->experiments[index] == NULL ? report_no_memory(err) : rc;
}

bool report_is_known(const struct report *report, uint32_t index)
{
    const char *sha256 = result_set_source(report->set, index)->sha256;
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(result_set_source(report->set, i)->sha256, sha256) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- points ---- */

/* Runs that the sources of an experiment have. */
static uint32_t count_runs(const struct report *report, const char *sha256)
{
    uint32_t runs = 0;
    for (uint32_t c = 0; c < result_set_configuration_count(report->set); c++) {
        const struct result_row *row;
        for (uint32_t s = 0; (row = result_set_run_row(report->set, c, s, 0)) != NULL; s++) {
            const struct result_source *source =
                result_set_source(report->set, result_row_source(row));
            runs += strcmp(source->sha256, sha256) == 0;
        }
    }
    return runs;
}

/* Points that each experiment has, beside those that are here: a run that was stopped leaves whole
 * files of what it has finished. Experiments that this version cannot read are passed over. */
static void count_points(struct report *report)
{
    const struct result_source *source;
    for (uint32_t i = 0; (source = result_set_source(report->set, i)) != NULL; i++) {
        struct experiment *experiment;
        const char *text = report->experiments[i];
        if (text != NULL && !report_is_known(report, i) &&
            experiment_parse(text, strlen(text), source->file, ".", NULL, &experiment, NULL) == 0) {
            uint32_t points = experiment_point_count(experiment);
            uint32_t runs = count_runs(report, source->sha256);
            report->points += points;
            report->missing += points > runs ? points - runs : 0;
            experiment_close(experiment);
        }
    }
}

int report_read_sources(struct report *report, omega_error_t *err)
{
    const struct result_source *source;
    int rc = 0;
    report->experiments =
        pool_alloc(&report->pool, report->options->count, sizeof *report->experiments);
    if (report->experiments == NULL) {
        return report_no_memory(err);
    }
    for (uint32_t i = 0; rc == 0 && (source = result_set_source(report->set, i)) != NULL; i++) {
        rc = check_files(source, err);
        rc = rc == 0 ? read_experiment(report, i, err) : rc;
    }
    if (rc == 0) {
        count_points(report);
    }
    return rc;
}
