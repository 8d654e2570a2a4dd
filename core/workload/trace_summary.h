/* SPDX-License-Identifier: MIT */
/* What `omega trace info` tells about a trace, as plain figures; trace_info.c prints them. */
#ifndef OMEGA_CORE_WORKLOAD_TRACE_SUMMARY_H
#define OMEGA_CORE_WORKLOAD_TRACE_SUMMARY_H

#include "core/workload/trace.h"

#define SUMMARY_RESOURCES 3 /* enum replay_resource */
#define SUMMARY_SLICES 20   /* of the time from the first submission to the last */
#define SUMMARY_EVENT_KINDS 5

/* A distribution of integers: exact, a quantile is the value at rank ceil(q x count). */
struct summary_values {
    uint64_t count;
    uint64_t never; /* durations without end, which are in none of the other figures */
    double mean;
    int64_t p50;
    int64_t p90;
    int64_t p99;
    int64_t max;
};

enum summary_distribution {
    SUMMARY_TASKS,        /* per job */
    SUMMARY_CPU,          /* per task, milli-cores */
    SUMMARY_MEM,          /* per task, MiB */
    SUMMARY_GPU,          /* per task, milli-GPU of all its devices */
    SUMMARY_DURATION,     /* per task, us */
    SUMMARY_INTERARRIVAL, /* us from one submission to the next */
    SUMMARY_MAPS,         /* per MapReduce job, its map activities */
    SUMMARY_REDUCES,      /* the same, reduce activities */
    SUMMARY_DISTRIBUTIONS,
};

struct summary_workload {
    uint64_t jobs;
    uint64_t tasks;
};

struct summary {
    char digest[33];
    uint64_t groups;
    uint64_t tasks;       /* required ones; so in all figures per task */
    uint64_t optional;    /* tasks a scheduler may add */
    uint64_t users;       /* that are known */
    uint64_t absent;      /* machines that an event brings later */
    uint64_t gpu_devices; /* of the machines that are there from the start */
    uint64_t events[SUMMARY_EVENT_KINDS];
    int64_t first_us; /* submissions */
    int64_t last_us;
    struct summary_workload workloads[TRACE_WORKLOADS_MAX];
    struct summary_values values[SUMMARY_DISTRIBUTIONS];
    /* by resource, in milli-cores, MiB and milli-GPU */
    int64_t capacity[SUMMARY_RESOURCES]; /* of the machines that are there from the start */
    double demand[SUMMARY_RESOURCES];    /* of all tasks, if they ran at once */
    /* Mean demand of the running tasks of a slice of time, if each had started when it was
     * submitted, as share of the capacity; none if all jobs come at (nearly) one time. */
    uint32_t slices;
    int64_t slice_us[SUMMARY_SLICES + 1]; /* their bounds */
    double load[SUMMARY_SLICES][SUMMARY_RESOURCES];
};

/* Fills a summary. Returns 0 or OMEGA_ENOMEM. */
int summary_of(const struct trace *trace, struct summary *summary, omega_error_t *err);

/* A share of the capacity: 0 where there is none. */
double summary_share(double amount, int64_t capacity);

#endif
