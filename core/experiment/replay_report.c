/* SPDX-License-Identifier: MIT */
/* Predicted beside observed: see replay_report.h. */
#include "core/experiment/replay_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/statistics.h"
#include "core/experiment/pool.h"
#include "core/experiment/table.h"

#define CONFIDENCE 0.95
#define NONE __builtin_nan("")

/* The figures that are held side by side: keys of the results. `lower` is the one that tells of a
 * value that it is a lower bound only; NULL: it never is. */
static const struct {
    const char *key;
    const char *title;
    const char *lower;
} figures[] = {
    {"conflict_fraction", "conflict fraction", NULL},
    {"claim_conflict_fraction", "claims in conflict, of all claims", NULL},
    {"busyness", "busyness", NULL},
    {"wait_first_mean_s", "wait to the first attempt, mean [s]", "wait_first_mean_censored"},
    {"wait_first_p90_s", "wait to the first attempt, p90 [s]", "wait_first_p90_censored"},
    {"wait_full_mean_s", "wait until fully scheduled, mean [s]", "wait_full_mean_censored"},
};

#define FIGURES (sizeof figures / sizeof figures[0])

struct figure_value {
    double value; /* NaN: there is none */
    bool lower;   /* a bound only: some jobs still waited at the horizon */
};

/* One scheduler of one point. */
struct line {
    const char *variant;
    const char *scheduler;
    uint64_t seed;
    uint32_t instances;
    uint64_t conflicts; /* observed: transactions */
    int64_t until_us;   /* both are of the time before */
    int64_t horizon_us; /* of the run */
    struct recorded_counts counts;
    struct figure_value predicted[FIGURES];
    struct figure_value observed[FIGURES];
};

struct replay_report {
    struct pool pool; /* of texts */
    struct line *lines;
    double *scratch; /* room for three values a line */
    uint32_t count;
    uint32_t points;
    bool variants; /* there are several */
};

struct replay_report *replay_report_create(void)
{
    return calloc(1, sizeof(struct replay_report));
}

void replay_report_destroy(struct replay_report *report)
{
    if (report != NULL) {
        pool_release(&report->pool);
        free(report->lines);
        free(report->scratch);
        free(report);
    }
}

/* ---- reading the results ---- */

struct reading {
    struct line *lines; /* of this point, by scheduler */
    uint32_t next;
    bool predicted;
};

static struct figure_value figure_of(const struct row *row, size_t figure)
{
    const struct row_value *value = row_find(row, figures[figure].key);
    const struct row_value *lower =
        figures[figure].lower == NULL ? NULL : row_find(row, figures[figure].lower);
    return (struct figure_value){.value = value == NULL ? NONE : value->real,
                                 .lower = lower != NULL && lower->whole != 0};
}

static uint64_t count_of(const struct row *row, const char *key)
{
    const struct row_value *value = row_find(row, key);
    return value == NULL ? 0 : value->count;
}

static void read_row(void *context, const struct row *row)
{
    struct reading *reading = context;
    if (strcmp(row->values[0].text, "scheduler") != 0) {
        return;
    }
    struct line *line = &reading->lines[reading->next++];
    for (size_t f = 0; f < FIGURES; f++) {
        struct figure_value *to = reading->predicted ? line->predicted : line->observed;
        to[f] = figure_of(row, f);
    }
    if (!reading->predicted) {
        line->conflicts = count_of(row, "transactions_conflicting");
        line->instances = (uint32_t)count_of(row, "instances");
    }
}

int replay_report_add(struct replay_report *report, const struct point_result *predicted,
                      const struct point_result *observed, const struct recorded_counts *counts,
                      int64_t horizon_us, omega_error_t *err)
{
    const struct point *point = predicted->point;
    uint32_t schedulers = point->config.scheduler_count;
    struct line *grown =
        reallocarray(report->lines, report->count + schedulers + 1u, sizeof *grown);
    report->lines = grown == NULL ? report->lines : grown;
    double *scratch =
        reallocarray(report->scratch, report->count + schedulers + 1u, 3 * sizeof *scratch);
    report->scratch = scratch == NULL ? report->scratch : scratch;
    const char *variant = point->assignment == 0 ? pool_text(&report->pool, point->variant)
                                                 : pool_format(&report->pool, "%s#%" PRIu32,
                                                               point->variant, point->assignment);
    if (grown == NULL || scratch == NULL || variant == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    struct line *lines = &report->lines[report->count];
    for (uint32_t s = 0; s < schedulers; s++) {
        lines[s] = (struct line){.variant = variant,
                                 .seed = point->seed,
                                 .until_us = point->config.horizon_us,
                                 .horizon_us = horizon_us,
                                 .counts = counts[s]};
        lines[s].scheduler = pool_text(&report->pool, point->config.schedulers[s].name);
        if (lines[s].scheduler == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
    }
    struct reading first = {.lines = lines, .predicted = true};
    struct reading second = {.lines = lines, .predicted = false};
    int rc = results_rows(predicted, read_row, &first, err);
    rc = rc == 0 ? results_rows(observed, read_row, &second, err) : rc;
    if (rc == 0) {
        report->variants = report->variants || strcmp(report->lines[0].variant, variant) != 0;
        report->count += schedulers;
        report->points++;
    }
    return rc;
}

/* ---- ratios ---- */

/* What is said of a scheduler's figure over points. */
struct agreement {
    struct interval interval; /* of the ratios of the points that have one */
    uint32_t left_out;        /* points that have none */
    double ratio_of_sums;     /* of the points with both values, also those with 0 observed */
};

/* Are there both values, and neither a bound only? */
static bool is_comparable(const struct line *line, size_t figure)
{
    const struct figure_value *predicted = &line->predicted[figure];
    const struct figure_value *observed = &line->observed[figure];
    return predicted->value == predicted->value && observed->value == observed->value &&
           !predicted->lower && !observed->lower;
}

/* NaN where nothing was observed to hold it against, or where one is a bound only. */
static double ratio_of(const struct line *line, size_t figure)
{
    double observed = line->observed[figure].value;
    return is_comparable(line, figure) && observed > 0 ? line->predicted[figure].value / observed
                                                       : NONE;
}

/* Of a scheduler's figure, of one variant or (NULL) of all. The mean of ratios can say nothing of
 * points without conflicts, and is low where those are many; the ratio of sums has them in it. */
static void agreement_of(const struct replay_report *report, const char *variant,
                         const char *scheduler, size_t figure, struct agreement *agreement)
{
    double *ratios = report->scratch;
    double *predicted = ratios + report->count;
    double *observed = predicted + report->count;
    uint32_t count = 0;
    uint32_t comparable = 0;
    *agreement = (struct agreement){.left_out = 0};
    for (uint32_t i = 0; i < report->count; i++) {
        const struct line *line = &report->lines[i];
        if (strcmp(line->scheduler, scheduler) != 0 ||
            (variant != NULL && strcmp(line->variant, variant) != 0)) {
            continue;
        }
        double ratio = ratio_of(line, figure);
        if (ratio == ratio) {
            ratios[count++] = ratio;
        } else {
            agreement->left_out++;
        }
        if (is_comparable(line, figure)) {
            predicted[comparable] = line->predicted[figure].value;
            observed[comparable++] = line->observed[figure].value;
        }
    }
    double mean = statistics_mean(observed, comparable);
    agreement->ratio_of_sums = mean > 0 ? statistics_mean(predicted, comparable) / mean : NONE;
    interval_of_mean(ratios, count, CONFIDENCE, &agreement->interval);
}

/* Is a line the first of its scheduler, among those of its variant or (`all`) of all? */
static bool is_first(const struct replay_report *report, uint32_t line, bool all)
{
    for (uint32_t i = 0; i < line; i++) {
        if (strcmp(report->lines[i].scheduler, report->lines[line].scheduler) == 0 &&
            (all || strcmp(report->lines[i].variant, report->lines[line].variant) == 0)) {
            return false;
        }
    }
    return true;
}

/* Calls `each` for every agreement: by variant and scheduler; then, with variant NULL, of all
 * variants together, where there are several. */
static void agreements(const struct replay_report *report,
                       void (*each)(void *context, const char *variant, const char *scheduler,
                                    size_t figure, const struct agreement *agreement),
                       void *context)
{
    for (int all = 0; all <= report->variants; all++) {
        for (uint32_t i = 0; i < report->count; i++) {
            const struct line *line = &report->lines[i];
            const char *variant = all ? NULL : line->variant;
            for (size_t f = 0; f < FIGURES && is_first(report, i, all); f++) {
                struct agreement agreement;
                agreement_of(report, variant, line->scheduler, f, &agreement);
                each(context, variant, line->scheduler, f, &agreement);
            }
        }
    }
}

/* ---- tables ---- */

static void begin_line(struct table *table, const struct line *line)
{
    table_cell(table, "%s", line->variant[0] == '\0' ? "-" : line->variant);
    table_cell(table, "%" PRIu64, line->seed);
    if (line->instances > 1) {
        table_cell(table, "%s x%" PRIu32, line->scheduler, line->instances);
    } else {
        table_cell(table, "%s", line->scheduler);
    }
}

static void write_counts(const struct replay_report *report, FILE *out)
{
    static const char *const headings[] = {"variant",  "seed",       "scheduler",
                                           "recorded", "conflicts",  "simulated",
                                           "drawn",    "of formula", NULL};
    struct table *table = table_create(headings, 3);
    for (uint32_t i = 0; table != NULL && i < report->count; i++) {
        const struct line *line = &report->lines[i];
        const struct recorded_counts *counts = &line->counts;
        uint64_t asked = counts->recorded + counts->drawn + counts->formula;
        double share = asked == 0 ? NONE : (double)counts->drawn / (double)asked;
        begin_line(table, line);
        table_cell(table, "%" PRIu64, counts->known);
        table_cell(table, "%" PRIu64, line->conflicts);
        table_cell(table, "%" PRIu64, asked);
        table_figure_as(table, "", share * 100, " %");
        table_cell(table, "%" PRIu64, counts->formula);
    }
    if (table != NULL) {
        fputs("attempts recorded, and conflicting transactions after the warm-up; attempts "
              "simulated, and\nof these whose times were drawn or the formula's, since the attempt "
              "was not recorded:\n",
              out);
        table_write(table, out);
    }
    table_destroy(table);
}

/* Names the points of which a part was replayed. */
static void write_cuts(const struct replay_report *report, FILE *out)
{
    for (uint32_t i = 0; i < report->count; i++) {
        const struct line *line = &report->lines[i];
        bool same =
            i > 0 && line[-1].seed == line->seed && strcmp(line[-1].variant, line->variant) == 0;
        if (line->until_us < line->horizon_us && !same) {
            fprintf(out,
                    "%s%sseed %" PRIu64 ": the log is incomplete: what is predicted and observed "
                    "is of the first %.3f s of %.3f s\n",
                    line->variant, line->variant[0] == '\0' ? "" : ", ", line->seed,
                    (double)line->until_us / 1e6, (double)line->horizon_us / 1e6);
        }
    }
}

static void add_value(struct table *table, const struct figure_value *value)
{
    table_figure_as(table, value->lower ? "> " : "", value->value, "");
}

static void write_figure(const struct replay_report *report, size_t figure, FILE *out)
{
    static const char *const headings[] = {"variant",  "seed",  "scheduler", "predicted",
                                           "observed", "ratio", NULL};
    struct table *table = table_create(headings, 3);
    for (uint32_t i = 0; table != NULL && i < report->count; i++) {
        const struct line *line = &report->lines[i];
        begin_line(table, line);
        add_value(table, &line->predicted[figure]);
        add_value(table, &line->observed[figure]);
        table_figure(table, ratio_of(line, figure));
    }
    if (table != NULL) {
        fprintf(out, "\n%s:\n", figures[figure].title);
        table_write(table, out);
    }
    table_destroy(table);
}

static void add_agreement(void *context, const char *variant, const char *scheduler, size_t figure,
                          const struct agreement *agreement)
{
    struct table *table = context;
    const struct interval *interval = &agreement->interval;
    const char *shown = variant == NULL ? "(all)" : variant[0] == '\0' ? "-" : variant;
    table_cell(table, "%s", shown);
    table_cell(table, "%s", scheduler);
    table_cell(table, "%s", figures[figure].title);
    table_cell(table, "%" PRIu32, interval->n);
    table_cell(table, "%" PRIu32, agreement->left_out);
    table_figure(table, interval->estimate);
    table_figure(table, interval->low);
    table_figure(table, interval->high);
    table_figure(table, agreement->ratio_of_sums);
}

void replay_report_write(const struct replay_report *report, FILE *out)
{
    static const char *const headings[] = {"variant", "scheduler", "figure", "points",  "left out",
                                           "mean",    "from",      "to",     "of sums", NULL};
    write_cuts(report, out);
    write_counts(report, out);
    for (size_t f = 0; f < FIGURES; f++) {
        write_figure(report, f, out);
    }
    struct table *table = table_create(headings, 3);
    if (table != NULL) {
        agreements(report, add_agreement, table);
        fputs(
            "\npredicted / observed, the mean of the points with its 95 % interval, without those "
            "left out where\nnothing was observed or a value is a bound only; and that of the "
            "sums, with what was observed as 0:\n",
            out);
        table_write(table, out);
    }
    table_destroy(table);
}

/* ---- JSON ---- */

static void write_line(const struct line *line, FILE *out)
{
    struct row row = {0};
    char keys[5 * FIGURES][64];
    row_text(&row, "variant", line->variant);
    row_count(&row, "seed", line->seed);
    row_text(&row, "scheduler", line->scheduler);
    row_count(&row, "instances", line->instances);
    row_real(&row, "until_s", (double)line->until_us / 1e6);
    row_bool(&row, "complete", line->until_us == line->horizon_us);
    row_count(&row, "attempts_recorded", line->counts.known);
    row_count(&row, "transactions_conflicting_observed", line->conflicts);
    row_count(&row, "times_recorded", line->counts.recorded);
    row_count(&row, "times_drawn", line->counts.drawn);
    row_count(&row, "times_of_formula", line->counts.formula);
    for (size_t f = 0; f < FIGURES; f++) {
        char(*key)[64] = keys + 5 * f;
        snprintf(key[0], sizeof key[0], "%s_predicted", figures[f].key);
        snprintf(key[1], sizeof key[1], "%s_observed", figures[f].key);
        snprintf(key[2], sizeof key[2], "%s_ratio", figures[f].key);
        row_real(&row, key[0], line->predicted[f].value);
        row_real(&row, key[1], line->observed[f].value);
        row_real(&row, key[2], ratio_of(line, f));
        if (figures[f].lower != NULL) {
            snprintf(key[3], sizeof key[3], "%s_predicted", figures[f].lower);
            snprintf(key[4], sizeof key[4], "%s_observed", figures[f].lower);
            row_bool(&row, key[3], line->predicted[f].lower);
            row_bool(&row, key[4], line->observed[f].lower);
        }
    }
    row_write_json(&row, out);
}

struct writing {
    FILE *out;
    uint32_t count;
};

static void write_agreement(void *context, const char *variant, const char *scheduler,
                            size_t figure, const struct agreement *agreement)
{
    struct writing *writing = context;
    const struct interval *interval = &agreement->interval;
    struct row row = {0};
    if (variant == NULL) {
        row_json(&row, "variant", "null");
    } else {
        row_text(&row, "variant", variant);
    }
    row_text(&row, "scheduler", scheduler);
    row_text(&row, "figure", figures[figure].key);
    row_count(&row, "points", interval->n);
    row_real(&row, "ratio_mean", interval->estimate);
    row_real(&row, "ratio_sd", interval->sd);
    row_real(&row, "ratio_low", interval->low);
    row_real(&row, "ratio_high", interval->high);
    row_count(&row, "points_left_out", agreement->left_out);
    row_real(&row, "ratio_of_sums", agreement->ratio_of_sums);
    fputs(writing->count++ == 0 ? "\n" : ",\n", writing->out);
    row_write_json(&row, writing->out);
}

void replay_report_write_json(const struct replay_report *report, const char *experiment, FILE *out)
{
    struct writing writing = {.out = out};
    fputs("{\"experiment\":", out);
    row_put_json_text(experiment, out);
    fputs(",\"rows\":[", out);
    for (uint32_t i = 0; i < report->count; i++) {
        fputs(i == 0 ? "\n" : ",\n", out);
        write_line(&report->lines[i], out);
    }
    fprintf(out, "\n],\"confidence\":%.2f,\"intervals\":[", CONFIDENCE);
    agreements(report, write_agreement, &writing);
    fputs("\n]}\n", out);
}
