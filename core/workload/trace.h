/* SPDX-License-Identifier: MIT */
/*
 * Traces: machines, machine events and jobs of a real or generated cell, in memory and as a compact
 * binary file. Importers (openb, csv, ...) fill one; `omega trace info` describes one; a replay
 * gives its jobs to the simulator.
 *
 * File format (docs in core/workload/README.md): magic "OMEGATRC", version, then blocks, each with
 * type, length and XXH3-64 checksum, all little-endian. A newer version is refused by number.
 */
#ifndef OMEGA_CORE_WORKLOAD_TRACE_H
#define OMEGA_CORE_WORKLOAD_TRACE_H

#include <stdio.h>

#include "core/base/map.h"
#include "core/model/catalogue.h"
#include "core/workload/workload.h"

#define TRACE_VERSION 1u
#define TRACE_WORKLOADS_MAX 256u
#define TRACE_NOTES_MAX 64u
#define TRACE_JOBS_MAX (1u << 27)
#define TRACE_EVENTS_MAX (1u << 27)
#define TRACE_NAME_MAX 4096u               /* bytes of one name or set, without the NUL */
#define TRACE_TIME_MAX OMEGA_DURATION_MAX  /* of a submission or event, from 0 */
#define TRACE_FILE_MAX (UINT64_C(1) << 34) /* bytes of a binary trace file */

/* An assumption an importer made, and how often. */
struct trace_note {
    char text[160];
    uint64_t count;
};

struct trace {
    struct catalogue *catalogue; /* names, attributes and constraints */
    bool owns_catalogue;
    char *source; /* owned: format and origin, one line */
    struct omega_machine_spec *machines;
    uint32_t machine_count;
    struct omega_machine_event *events; /* by time; those of one time as they were added */
    uint32_t event_count;
    char **workloads; /* names; a job's `workload` is an index here */
    uint32_t workload_count;
    /* By submit time, then id; owned copies; ids as in the trace. A group whose tasks all last
     * equally long has one duration_us; one with a duration per task has duration_us 0. */
    struct omega_job **jobs;
    uint32_t job_count;
    struct trace_note notes[TRACE_NOTES_MAX];
    uint32_t note_count;
    /* private: growth, and the machine of a name (symbol + 1 -> index + 1) */
    struct map machine_of;
    uint32_t machine_room;
    uint32_t event_room;
    uint32_t job_room;
    uint32_t workload_room;
};

/* Building. trace_create interns into `catalogue`, which outlives the trace, or into one of its own
 * where that is NULL; NULL without memory. trace_destroy(NULL) is allowed. */
struct trace *trace_create(struct catalogue *catalogue);
void trace_destroy(struct trace *trace);

/* What the following return: 0, OMEGA_ENOMEM, or OMEGA_EINVAL for what is out of range. */

/* One line about format and origin, copied; replaces an earlier one. */
int trace_set_source(struct trace *trace, const char *source, omega_error_t *err);

/* Adds a machine. Its name must be new, not empty and free of control characters. */
int trace_add_machine(struct trace *trace, const struct omega_machine_spec *machine,
                      omega_error_t *err);

/* The index of the machine of a name, or UINT32_MAX. */
uint32_t trace_find_machine(const struct trace *trace, const char *name);

/* Adds a machine event; its machine must have been added. */
int trace_add_event(struct trace *trace, const struct omega_machine_event *event,
                    omega_error_t *err);

/* Adds a copy of a job, sealed here. Its id is 1 to INT64_MAX, its workload one of the trace's. */
int trace_add_job(struct trace *trace, const struct omega_job *job, omega_error_t *err);

/* The index of a workload by name, made if it is new. */
int trace_workload(struct trace *trace, const char *name, uint32_t *index, omega_error_t *err);

/* Counts an assumption; the same text is one note. What goes beyond TRACE_NOTES_MAX is counted
 * under one last note. */
void trace_note(struct trace *trace, const char *text, uint64_t count);

/* Sorts events and jobs; refuses a job id that comes twice and an event that makes no sense in its
 * machine's state. Call once after building. */
int trace_seal(struct trace *trace, omega_error_t *err);

/* The file. Writing goes to a temporary beside `path` and is renamed when complete: a failure
 * leaves nothing behind. Reading checks every length, range and checksum. */
int trace_write(const struct trace *trace, const char *path, omega_error_t *err);
int trace_read(const char *path, struct catalogue *catalogue, struct trace **trace,
               omega_error_t *err);

/* The same from bytes in memory; `name` is for messages. OMEGA_ECORRUPT names block and offset,
 * OMEGA_EVERSION a newer version's number. Strings go into `catalogue`, as for trace_create(). */
int trace_decode(const uint8_t *bytes, size_t size, const char *name, struct catalogue *catalogue,
                 struct trace **trace, omega_error_t *err);

/* A reader of one outside format: fills a trace from its input files. */
struct trace_reader {
    const char *format; /* for --format */
    const char *inputs; /* what the INPUT arguments are, one line */
    const char *summary;
    int (*read)(struct trace *trace, const char *const *inputs, uint32_t count, omega_error_t *err);
};

/* All readers, a NULL at the end. Adding one is a file and a line here. */
extern const struct trace_reader *const trace_readers[];

/* Appends the events of an events.csv (format csv) to a trace whose machines are known, and sorts
 * them by time. Errors are file:line. */
int trace_read_events_csv(const char *path, struct trace *trace, omega_error_t *err);

/* Imports by format name; unknown names are OMEGA_EINVAL that lists the known ones. */
int trace_import(const char *format, const char *const *inputs, uint32_t count,
                 struct trace **trace, omega_error_t *err);

/* Writes jobs.csv, machines.csv and, if there are events, events.csv into a directory, which is
 * made if it is missing. Re-importing them with format csv gives an equal trace. */
int trace_export_csv(const struct trace *trace, const char *directory, omega_error_t *err);

/* Describes a trace: counts, span, percentiles of tasks, requests, durations and gaps, load by
 * resource over time; as text for people, or as JSON. */
int trace_info(const struct trace *trace, FILE *out, int as_json, omega_error_t *err);

/* XXH3-128 of machines, events and jobs with all names written out, as 32 hex digits: equal for
 * equal traces whatever file they came from. */
int trace_digest(const struct trace *trace, char out[33], omega_error_t *err);

/*
 * Replay: a trace's jobs as a job source.
 *
 * As recorded, each job comes at its own (scaled) time, `copies` times. With no_departures no task
 * ends: the list of jobs (each `copies` times) is shuffled, and the submit times of the trace are
 * dealt to it in their order. With `demand` such a list is followed by others, each shuffled anew,
 * up to the job with which the required tasks ask for that share of the cell's capacity; the spans
 * of the lists follow each other, compressed so that together they are as long as the trace's.
 */
struct replay_config {
    double time_scale;     /* submit times are multiplied by it; 1 = as recorded */
    double duration_scale; /* durations are multiplied by it; 1 = as recorded */
    bool no_departures;    /* tasks never end; jobs are shuffled over the submit times */
    uint32_t copies;       /* tiling: each job this many times; >= 1 */
    double demand;         /* 0, or a share of the capacity (1 = all of it); no_departures only */
    int demand_resource;   /* enum replay_resource */
    int64_t capacity;      /* of the cell in that resource: milli-cores, MiB or milli-GPU;
                              0 = of the trace's machines, without the absent ones */
    const uint32_t *workload_map; /* trace workload -> experiment workload, UINT32_MAX = leave out;
                                     NULL = as in the trace; copied */
    int64_t end_us;               /* no submission at or after this time */
};

enum replay_resource {
    REPLAY_CPU = 0,
    REPLAY_MEM = 1,
    REPLAY_GPU = 2,
};

/* Opens a replay; `trace` outlives it. Stream: (seed, "replay-shuffle", 0). OMEGA_EINVAL for values
 * out of range, times that overflow when scaled, and a demand that the jobs can never reach. */
int replay_open(const struct trace *trace, const struct replay_config *config, uint64_t seed,
                struct job_source **source, omega_error_t *err);

#endif
