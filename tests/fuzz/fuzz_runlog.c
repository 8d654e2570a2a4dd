/* SPDX-License-Identifier: MIT */
/* Fuzz target: the run log, its checksums set right, is read, checked and counted. */
#include "core/experiment/log_figures.h"
#include "core/metrics/conflicts.h"
#include "tests/fuzz/log_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(void *context, const struct metrics *metrics, const struct metrics_refused *claim)
{
    uint32_t scheduler;
    uint32_t number;
    metrics_instance(metrics, claim->instance, &scheduler, &number);
    *(size_t *)context += number;
}

static void check(struct runlog_reader *reader, size_t told)
{
    const struct runlog_opening *opening = runlog_reader_opening(reader);
    const struct runlog_record *record = NULL;
    const struct runlog_effect *effect = NULL;
    struct runlog_check *checker = NULL;
    const int64_t minute_us = INT64_C(60000000);
    const struct log_figures_options all = {
        {.step_us = minute_us}, minute_us, true, true, look, &told, true};
    struct log_figures *figures = log_figures_create(opening, &all);
    runlog_check_create(opening, log_input_told, &told, &checker, NULL);
    runlog_check_counterfactuals(checker);
    while (runlog_reader_next(reader, &record, NULL) == 1) {
        log_figures_before(figures, checker, record->time_us);
        if (runlog_check_record(checker, record, &effect, NULL) != 1) {
            break;
        }
        log_figures_add(figures, checker, record, effect);
    }
    runlog_check_end(checker);
    runlog_check_destroy(checker);
    log_figures_destroy(figures);
    runlog_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct runlog_reader *reader = log_input(data, size);
    if (reader != NULL) {
        check(reader, 0);
    }
    return 0;
}
