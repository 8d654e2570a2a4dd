/* SPDX-License-Identifier: MIT */
/*
 * Inside of metrics: one struct, filled by metrics.c (counts), integrals.c (the cell's use over
 * time), series.c (samples), records.c (jobs, digest) and conflicts.c, summed up by scopes.c, read
 * by read.c.
 */
#ifndef OMEGA_CORE_METRICS_METRICS_PRIVATE_H
#define OMEGA_CORE_METRICS_METRICS_PRIVATE_H

#include "core/base/digest.h"
#include "core/metrics/metrics.h"

/* Time x resource: 64 bits are too few for a large cell over a month. */
__extension__ typedef __int128 metrics_area;

enum metrics_resource {
    METRICS_CPU = 0,
    METRICS_MEM = 1,
    METRICS_GPU = 2,
    METRICS_RESOURCES = 3,
};

/* Use and capacity of the cell, integrated over some stretch of time. */
struct metrics_use {
    metrics_area used[METRICS_RESOURCES];
    metrics_area capacity[METRICS_RESOURCES];
};

/* The histograms of a scope or a tally. */
struct metrics_histograms {
    struct histogram *wait_first;
    struct histogram *wait_full;
    struct histogram *queued;
    struct histogram *attempts_settled;
    struct histogram *view_age;
    struct histogram *view_age_versions;
    struct histogram *speedup;
};

/* What one scheduler did for one workload. Everything is counted here, once; the scopes of both
 * are summed up at the end of the run. */
struct tally {
    struct metrics_scope figures; /* counts and times only */
    struct metrics_histograms histograms;
};

struct scope {
    struct metrics_scope
        figures; /* names, histograms and instances from the start, sums at the end */
    struct metrics_histograms histograms;
    char *name;
};

/* What an attempt's time was spent on. */
enum attempt_kind {
    ATTEMPT_NO_FIT,
    ATTEMPT_SHORT,
    ATTEMPT_SUCCESSFUL,
    ATTEMPT_CONFLICTING,
    ATTEMPT_REFUSED,
    ATTEMPT_CUT, /* not known: it was going on at the horizon */
};

/* A scheduler's part of one day. */
struct day {
    int64_t busy_us;
    int64_t useful_us;
    int64_t wasted_us;
    int64_t no_fit_us;
    int64_t redone_us;
    int64_t reference_us; /* attempts with a transaction, whole, on the day of their end */
    uint64_t successful;  /* transactions, on the day of their end */
    uint64_t conflicting;
    int64_t waited_us; /* jobs whose first attempt began on this day: until then, summed up */
    uint64_t waits;
};

/* The measured part by days. Attempts are told in the order of their ends, so one day is open. */
struct days {
    int64_t start_us;
    int64_t end_us;
    uint32_t count; /* 0 = none */
    uint32_t schedulers;
    uint32_t open;
    int64_t open_start_us;
    int64_t open_end_us;
    struct day *days; /* [day * schedulers + scheduler] */
    double *values;   /* per day: working memory of days_spread() */
};

struct counter {
    char name[METRICS_COUNTER_NAME_MAX + 1];
    int64_t value;
};

/* The length of a scheduler's queues over the measured part, up to since_us. */
struct queue_level {
    int64_t since_us;
    int64_t end_us; /* of the sample that is open; INT64_MAX without a series */
    uint32_t length;
    uint32_t sample;
    uint32_t max; /* that lasted, in that sample, */
    uint32_t max_before;
    metrics_area area;
    metrics_area area_before;
};

struct scheduler {
    struct scope scope;
    int64_t *instance_busy_us;
    struct queue_level queue;
    uint32_t counter_count;
    uint32_t counter_last; /* hit last: a module tends to count the same thing again */
    struct counter counters[METRICS_COUNTERS_MAX];
};

/* Samples of equal length from start_us on; the last may be shorter. */
struct series {
    int64_t start_us;
    int64_t end_us;
    int64_t step_us;
    uint32_t count; /* 0 = no series */
    uint32_t schedulers;
    uint32_t cell_sample;      /* the one open for the cell's use */
    struct metrics_use use;    /* in it */
    struct metrics_use before; /* in those before it */
    double *utilisation;       /* [sample * METRICS_RESOURCES + resource] */
    double *fragmentation;     /* the same; NaN without a sample. NULL: it is not measured */
    uint32_t room_sample;      /* the one open for fragmentation */
    struct metrics_use room;   /* in it */
    double *queue;             /* [sample * schedulers + scheduler] */
    uint32_t *queue_max;       /* the same */
    int64_t *busy_us;          /* the same; over all instances */
    double *busyness;          /* the same; from busy_us at the end */
};

struct conflicts; /* conflicts.c */

struct metrics {
    int64_t warmup_us;
    int64_t horizon_us; /* the run's end, once it is finished */
    int status;
    bool finished;
    bool histograms;
    bool keep_jobs;
    struct scheduler *schedulers;
    uint32_t scheduler_count;
    struct scope *workloads;
    uint32_t workload_count;
    struct tally **tallies; /* [scheduler * workload_count + workload]; NULL until it is needed */

    int64_t totals_since_us;
    struct store_totals totals;
    struct metrics_use use; /* with a series 0, until at the end its samples are added up */
    struct series series;
    struct days days;

    struct metrics_fragmentation fragmentation; /* with the step as it is */
    int64_t room_due_us;
    struct metrics_use room; /* over all samples: stranded as used, free as capacity */
    struct metrics_use room_last;

    uint64_t events;
    uint64_t losses;
    uint64_t machine_events[OMEGA_EVENT_CAPACITY + 1];

    struct digest *digest; /* NULL: off */
    struct metrics_job *jobs;
    uint64_t job_count;
    uint64_t job_room;
    struct conflicts *conflicts; /* NULL: off */
};

/* The measured part of a time: not before the warm-up's end, not after the horizon. */
static inline int64_t metrics_clamp(const struct metrics *metrics, int64_t time_us)
{
    if (time_us < metrics->warmup_us) {
        return metrics->warmup_us;
    }
    return time_us > metrics->horizon_us ? metrics->horizon_us : time_us;
}

/* Adds what another stretch of time came to. */
void metrics_use_merge(struct metrics_use *use, const struct metrics_use *other);
/* Adds the totals over `span_us`. */
void metrics_use_add(struct metrics_use *use, const struct store_totals *totals, int64_t span_us);

/* Used / capacity of one resource; 0 where there is no capacity. */
double metrics_use_ratio(const struct metrics_use *use, enum metrics_resource resource);

/* Adds the totals up to now_us to the series, or to the whole where there is none. */
void metrics_advance(struct metrics *metrics, int64_t now_us);

/* Stranded / free of one resource; NaN if nothing was free. */
double metrics_room_ratio(const struct metrics_use *room, enum metrics_resource resource);

/* Sets up the samples; step_us 0 means none. Returns 0 or OMEGA_ENOMEM. */
int series_init(struct series *series, int64_t start_us, int64_t end_us, int64_t step_us,
                uint32_t schedulers, bool fragmentation);
void series_release(struct series *series);

/* The cell had these totals from from_us to to_us; both within the series, and from_us where the
 * last call ended. */
void series_use(struct series *series, int64_t from_us, int64_t to_us,
                const struct store_totals *totals);
/* The step, doubled until there are at most `limit` samples. */
int64_t series_step(int64_t span_us, int64_t step_us, int64_t limit);
/* A sample of fragmentation; times rise. */
void series_room(struct series *series, int64_t now_us, const struct metrics_use *room);
/* The first sample of a queue opens. */
void series_queue_open(const struct series *series, struct queue_level *level);
/* The open sample of a scheduler's queue has come to its end: the next one opens. */
void series_queue_close(struct series *series, uint32_t scheduler, struct queue_level *level);
/* One of a scheduler's instances was busy from from_us to to_us. */
void series_busy(struct series *series, int64_t from_us, int64_t to_us, uint32_t scheduler);
/* The run ended, maybe before end_us: closes the open samples and drops those behind. */
void series_finish(struct series *series, int64_t end_us, struct scheduler *schedulers);

/* Sets up the days from start_us to end_us. Returns 0 or OMEGA_ENOMEM. */
int days_init(struct days *days, int64_t start_us, int64_t end_us, uint32_t schedulers);
void days_release(struct days *days);
/* One of a scheduler's instances was busy from from_us to to_us, both within the days, with an
 * attempt of that kind; `redone`: conflicts have made it necessary. */
void days_busy(struct days *days, int64_t from_us, int64_t to_us, uint32_t scheduler,
               enum attempt_kind kind, bool redone);
/* An attempt that began in the measured part has ended with a transaction. */
void days_transaction(struct days *days, const struct metrics_attempt *attempt,
                      enum attempt_kind kind);
/* A job of the measured part has waited so long for its first attempt, which began at start_us. */
void days_wait(struct days *days, int64_t start_us, uint32_t scheduler, int64_t waited_us);
/* The run ended, maybe before end_us: drops the days behind. */
void days_finish(struct days *days, int64_t end_us);
double days_value(const struct days *days, uint32_t scheduler, uint32_t instances, uint32_t day,
                  enum metrics_daily figure);
void days_spread(struct days *days, uint32_t scheduler, uint32_t instances,
                 enum metrics_daily figure, struct metrics_spread *out);

/* All of them, empty, or none and OMEGA_ENOMEM. */
int histograms_init(struct metrics_histograms *histograms);
void histograms_release(struct metrics_histograms *histograms);

/* The names, or counts, that the configuration gives; scopes are empty. OMEGA_ENOMEM otherwise, and
 * the caller releases. */
int scopes_init(struct metrics *metrics, const struct metrics_config *config);
void scopes_release(struct metrics *metrics);
/* Adds all tallies up into the scopes. Returns 0 or OMEGA_ENOMEM. */
int scopes_sum(struct metrics *metrics);

/* What conflicts are counted in, as the configuration asks for it: made, closed at the end of the
 * run, and released. conflicts_init() returns 0 or OMEGA_ENOMEM, and the caller releases. */
int conflicts_init(struct metrics *metrics, const struct metrics_config *config);
void conflicts_finish(struct metrics *metrics);
void conflicts_release(struct metrics *metrics);

/* Keeps a job record. Returns 0 or OMEGA_ENOMEM. */
int metrics_keep_job(struct metrics *metrics, const struct metrics_job *job);
/* Sorts the records by job. */
void metrics_sort_jobs(struct metrics *metrics);

#endif
