/* SPDX-License-Identifier: MIT */
/* Conflicts explained, as files and columns: see conflict_records.h. */
#include "core/experiment/conflict_records.h"

#include <inttypes.h>

static const char *const matrix_columns[] = {
    "variant",   "seed",      ROW_PARAMETERS_COLUMN, "scheduler",    "instance", "rival_scheduler",
    "rival",     "claims",    "no_longer_fits",      "seq_changed",  "spurious", "sole_rival",
    "short_cpu", "short_mem", "short_gpu",           "transactions", "lost_us",  NULL};

static const char *const would_columns[] = {"variant",
                                            "seed",
                                            ROW_PARAMETERS_COLUMN,
                                            "scheduler",
                                            "detection",
                                            "granularity",
                                            "in_use",
                                            "transactions",
                                            "would_conflict",
                                            "claims",
                                            "claims_would_conflict",
                                            "claims_would_be_accepted",
                                            NULL};

static const char *const machine_columns[] = {"variant",     "seed",     ROW_PARAMETERS_COLUMN,
                                              "machine",     "name",     "accepted",
                                              "conflicting", "spurious", "refused",
                                              "aborted",     NULL};

static const char *const refused_columns[] = {"variant",
                                              "seed",
                                              ROW_PARAMETERS_COLUMN,
                                              "time_us",
                                              "version",
                                              "scheduler",
                                              "instance",
                                              "job",
                                              "attempt",
                                              "task",
                                              "machine",
                                              "detection",
                                              "outcome",
                                              "missing_cpu_milli",
                                              "missing_mem_mib",
                                              "missing_gpu_milli",
                                              "above_limit",
                                              "seq_seen",
                                              "seq_found",
                                              "rival_scheduler",
                                              "rival",
                                              "rival_version",
                                              "sole_rival",
                                              "other_refuses",
                                              "view_age_us",
                                              "view_age_versions",
                                              NULL};

static const char *const *const columns[CONFLICT_TABLES] = {
    [CONFLICT_TABLE_MATRIX] = matrix_columns,
    [CONFLICT_TABLE_WOULD] = would_columns,
    [CONFLICT_TABLE_MACHINES] = machine_columns,
    [CONFLICT_TABLE_REFUSED] = refused_columns,
};

void conflict_table_head(enum conflict_table table, const struct parameters *parameters, FILE *out)
{
    row_write_head(columns[table], parameters, out);
}

static void begin(struct row *row, const struct point *point)
{
    row->size = 0;
    row_text(row, "variant", point->variant);
    row_count(row, "seed", point->seed);
    row_parameters(row, &point->parameters);
}

/* Names an instance of the cell; nobody is empty. */
static void add_instance(struct row *row, const struct point *point, const struct metrics *metrics,
                         const char *scheduler, const char *number, uint16_t instance)
{
    uint32_t at;
    uint32_t among;
    if (instance != OMEGA_INSTANCE_NONE) {
        metrics_instance(metrics, instance, &at, &among);
        row_text(row, scheduler, point->metrics.schedulers[at]);
        row_count(row, number, among);
    }
}

const char *conflict_machine_name(const struct point *point, uint32_t machine)
{
    const struct store_config *cell = &point->config.cell;
    return symbols_text(catalogue_symbols(cell->catalogue), cell->machines[machine].name);
}

/* ---- the tables ---- */

static void matrix_rows(const struct point_result *result, FILE *out)
{
    const struct metrics_block *block;
    struct row row;
    for (uint32_t i = 0; (block = metrics_read_block(result->metrics, i)) != NULL; i++) {
        begin(&row, result->point);
        add_instance(&row, result->point, result->metrics, "scheduler", "instance",
                     block->instance);
        add_instance(&row, result->point, result->metrics, "rival_scheduler", "rival",
                     block->rival);
        row_count(&row, "claims", block->claims);
        row_count(&row, "no_longer_fits", block->claims_no_longer_fits);
        row_count(&row, "seq_changed", block->claims_seq_changed);
        row_count(&row, "spurious", block->claims_spurious);
        row_count(&row, "sole_rival", block->claims_sole_rival);
        row_count(&row, "short_cpu", block->claims_short_cpu);
        row_count(&row, "short_mem", block->claims_short_mem);
        row_count(&row, "short_gpu", block->claims_short_gpu);
        row_count(&row, "transactions", block->transactions);
        row_whole(&row, "lost_us", block->lost_us);
        row_write_csv(&row, matrix_columns, out);
    }
}

/* Is it known what this mode would have made of a scheduler's transactions? Without a configured
 * minimum nobody knows what "at least" would ask, not even of a scheduler that sent none. */
static bool is_known(const struct point_result *result, uint32_t scheduler, uint8_t granularity,
                     const struct metrics_would *would)
{
    const struct run_scheduler *config = &result->point->config.schedulers[scheduler];
    bool asks = granularity != OMEGA_COMMIT_AT_LEAST || config->granularity == granularity ||
                would->transactions > 0;
    return asks && would->unknown == 0;
}

static void would_row(const struct point_result *result, uint32_t scheduler, uint8_t detection,
                      uint8_t granularity, FILE *out)
{
    const struct run_scheduler *config = &result->point->config.schedulers[scheduler];
    struct metrics_would would;
    struct row row;
    metrics_read_scheduler_would(result->metrics, scheduler, detection, granularity, &would);
    begin(&row, result->point);
    row_text(&row, "scheduler", result->point->metrics.schedulers[scheduler]);
    row_text(&row, "detection", omega_detection_names[detection]);
    row_text(&row, "granularity", omega_granularity_names[granularity]);
    row_count(&row, "in_use", config->detection == detection && config->granularity == granularity);
    if (is_known(result, scheduler, granularity, &would)) {
        row_count(&row, "transactions", would.transactions);
        row_count(&row, "would_conflict", would.conflicting);
        row_count(&row, "claims", would.claims);
        row_count(&row, "claims_would_conflict", would.claims_conflicting);
        row_count(&row, "claims_would_be_accepted", would.claims_accepted);
    }
    row_write_csv(&row, would_columns, out);
}

static void would_rows(const struct point_result *result, FILE *out)
{
    for (uint32_t s = 0; s < metrics_scheduler_count(result->metrics); s++) {
        for (uint8_t d = 0; d < OMEGA_DETECTIONS; d++) {
            for (uint8_t g = 0; g < OMEGA_GRANULARITIES; g++) {
                would_row(result, s, d, g, out);
            }
        }
    }
}

static void machine_rows(const struct point_result *result, FILE *out)
{
    struct row row;
    for (uint32_t m = 0; m < result->point->config.cell.machine_count; m++) {
        struct metrics_machine machine;
        metrics_read_machine(result->metrics, m, &machine);
        if (machine.accepted + machine.conflicting + machine.refused + machine.aborted == 0) {
            continue;
        }
        begin(&row, result->point);
        row_count(&row, "machine", m);
        row_text(&row, "name", conflict_machine_name(result->point, m));
        row_count(&row, "accepted", machine.accepted);
        row_count(&row, "conflicting", machine.conflicting);
        row_count(&row, "spurious", machine.spurious);
        row_count(&row, "refused", machine.refused);
        row_count(&row, "aborted", machine.aborted);
        row_write_csv(&row, machine_columns, out);
    }
}

void conflict_refused_row(const struct point *point, const struct metrics *metrics,
                          const struct metrics_refused *claim, FILE *out)
{
    struct row row;
    begin(&row, point);
    row_whole(&row, "time_us", claim->time_us);
    row_count(&row, "version", claim->version);
    add_instance(&row, point, metrics, "scheduler", "instance", claim->instance);
    row_count(&row, "job", claim->job);
    row_count(&row, "attempt", claim->attempt);
    row_count(&row, "task", claim->task);
    row_count(&row, "machine", claim->machine);
    row_text(&row, "detection", omega_detection_names[claim->detection]);
    row_text(&row, "outcome", omega_outcome_name(claim->outcome));
    row_whole(&row, "missing_cpu_milli", claim->cause.missing_cpu_milli);
    row_whole(&row, "missing_mem_mib", claim->cause.missing_mem_mib);
    row_whole(&row, "missing_gpu_milli", claim->cause.missing_gpu_milli);
    row_count(&row, "above_limit", claim->cause.above_limit);
    row_count(&row, "seq_seen", claim->seq_seen);
    row_count(&row, "seq_found", claim->cause.seq_found);
    add_instance(&row, point, metrics, "rival_scheduler", "rival", claim->rival);
    if (claim->rival != OMEGA_INSTANCE_NONE) {
        row_count(&row, "rival_version", claim->rival_version);
    }
    row_count(&row, "sole_rival", claim->cause.sole_rival);
    row_count(&row, "other_refuses", claim->other_refuses);
    row_whole(&row, "view_age_us", claim->view_age_us);
    row_count(&row, "view_age_versions", claim->version - claim->synced);
    row_write_csv(&row, refused_columns, out);
}

void conflict_table_rows(enum conflict_table table, const struct point_result *result, FILE *out)
{
    static void (*const writers[CONFLICT_TABLES])(const struct point_result *, FILE *) = {
        [CONFLICT_TABLE_MATRIX] = matrix_rows,
        [CONFLICT_TABLE_WOULD] = would_rows,
        [CONFLICT_TABLE_MACHINES] = machine_rows,
    };
    if (writers[table] != NULL) {
        writers[table](result, out);
    }
}

/* ---- columns of the results ---- */

static double ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? __builtin_nan("") : (double)part / (double)whole;
}

static void add_conflicts(struct row *row, const struct metrics_conflicts *figures)
{
    const struct histogram *age = figures->view_age;
    const struct histogram *versions = figures->view_age_versions;
    double none = __builtin_nan("");
    bool censored;
    bool any = histogram_count(age) > 0;
    row_count(row, "claims_no_longer_fits", figures->claims_no_longer_fits);
    row_count(row, "claims_seq_changed", figures->claims_seq_changed);
    row_count(row, "claims_spurious", figures->claims_spurious);
    row_count(row, "claims_sole_rival", figures->claims_sole_rival);
    row_count(row, "transactions_spurious", figures->transactions_spurious);
    row_real(row, "spurious_fraction",
             ratio(figures->claims_spurious,
                   figures->claims_no_longer_fits + figures->claims_seq_changed));
    row_seconds(row, "view_age_conflicting_mean_s", any ? histogram_mean(age) : none);
    row_seconds(row, "view_age_conflicting_p90_s",
                any ? (double)histogram_quantile(age, 0.9, &censored) : none);
    row_seconds(row, "view_age_conflicting_max_s", any ? (double)histogram_max(age) : none);
    row_real(row, "view_age_conflicting_mean_versions", any ? histogram_mean(versions) : none);
}

/* How often the scheduler's transactions would have conflicted in each mode, one step each. */
static void add_would(struct row *row, const struct point_result *result, uint32_t scheduler)
{
    static const char *const keys[OMEGA_DETECTIONS][OMEGA_GRANULARITIES] = {
        {"would_conflict_fine_task", "would_conflict_fine_machine", "would_conflict_fine_at_least",
         "would_conflict_fine_all", "would_conflict_fine_gang"},
        {"would_conflict_coarse_task", "would_conflict_coarse_machine",
         "would_conflict_coarse_at_least", "would_conflict_coarse_all",
         "would_conflict_coarse_gang"},
    };
    for (uint8_t d = 0; d < OMEGA_DETECTIONS; d++) {
        for (uint8_t g = 0; g < OMEGA_GRANULARITIES; g++) {
            struct metrics_would would;
            metrics_read_scheduler_would(result->metrics, scheduler, d, g, &would);
            if (is_known(result, scheduler, g, &would)) {
                row_count(row, keys[d][g], would.conflicting);
            } else {
                row_real(row, keys[d][g], __builtin_nan(""));
            }
        }
    }
}

void conflict_row_scheduler(struct row *row, const struct point_result *result, uint32_t index)
{
    struct metrics_conflicts figures;
    metrics_read_scheduler_conflicts(result->metrics, index, &figures);
    if (metrics_wants_causes(result->metrics)) {
        add_conflicts(row, &figures);
    }
    if (metrics_wants_counterfactuals(result->metrics)) {
        add_would(row, result, index);
    }
}

void conflict_row_workload(struct row *row, const struct point_result *result, uint32_t index)
{
    struct metrics_conflicts figures;
    metrics_read_workload_conflicts(result->metrics, index, &figures);
    if (metrics_wants_causes(result->metrics)) {
        add_conflicts(row, &figures);
    }
}
