/* SPDX-License-Identifier: MIT */
/*
 * The machine's limit for a row of `make bench-sim`: the same jobs, placements, commits and ends as
 * the simulator, written by hand for exactly these rows. No store, no modules, no metrics, no
 * checks; of omega only the random numbers and their logarithm, so that the draws are the same, the
 * digest, which proves that the placements are, and the pages that its heap lies in.
 *
 * usage: bare_loop [--digest] ROW [SEED]
 *        bare_loop --rows
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/support/bench.h"
#include "bench/support/rows.h"
#include "core/base/digest.h"
#include "core/base/fmath.h"
#include "core/base/large.h"
#include "core/base/random.h"

/* CPU above, memory below, each under a bit of its own that a subtraction takes away if there is
 * less than it asks for: both are compared at once. */
#define GUARDS (UINT32_C(1) << 31 | UINT32_C(1) << 15)
_Static_assert(ROW_CPU_MILLI < 1 << 15 && ROW_MEM_MIB < 1 << 15, "15 bits hold a machine's room");
#define BLOCK 64 /* machines that a scan looks at together */

struct claim {
    uint32_t machine;
    uint32_t seq;
};

struct scheduler;

struct job {
    struct job *next;
    struct scheduler *scheduler;
    uint64_t id;
    int64_t duration;
    uint32_t count;
    uint32_t unplaced;
    uint32_t attempts;
    uint32_t kind;
    uint32_t *tasks; /* those unplaced, in order; for the digest, else NULL */
};

/* Tasks of one commit, which end together. */
struct running {
    uint32_t need; /* of each */
    uint64_t job;
    uint32_t *tasks; /* for the digest, else NULL */
    uint32_t count;
    uint32_t machines[];
};

struct workload {
    struct omega_random gaps;
    struct omega_random tasks;
    struct omega_random durations;
    int64_t next;  /* submission */
    uint32_t need; /* of each task */
    struct scheduler *schedulers;
    uint32_t turn;
};

struct scheduler {
    struct omega_random random;
    struct job *first;
    struct job **last;
    struct job *planning; /* NULL: idle */
    struct claim *claims;
    uint32_t claim_room;
    uint32_t claim_count;
};

/* In the order in which simultaneous events happen; retries have the rank of arrivals. */
enum event_kind {
    TASKS_END = 1,
    COMMIT = 2,
    ARRIVAL = 3,
    ATTEMPT = 4,
    RETRY = 5
};

struct event {
    int64_t time;
    uint64_t order; /* rank above, then sequence of creation, kind below */
    void *what;
};

static const struct row *row;
static int64_t horizon;
static uint32_t machine_count;
static uint32_t *rooms; /* free, per machine */
static uint32_t *seqs;
static struct workload workloads[ROW_KINDS];
static struct event *heap;
static size_t heap_count;
static size_t heap_room;
static uint64_t events_made;
static uint64_t jobs_made;
static uint64_t version;
static struct digest *digest; /* NULL: off */
static struct row_figures figures;

/* ---- events ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static void push(int64_t time, enum event_kind kind, void *what)
{
    if (time > horizon) {
        return;
    }
    if (heap_count == heap_room) {
        heap_room = heap_room == 0 ? 1024 : 2 * heap_room;
        heap = bench_memory(realloc(heap, heap_room * sizeof(*heap)));
    }
    uint64_t rank = kind == RETRY ? ARRIVAL : kind;
    struct event event = {time, rank << 60 | events_made++ << 3 | kind, what};
    size_t hole = heap_count++;
    while (hole > 0 && before(&event, &heap[(hole - 1) / 2])) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = event;
}

static struct event pop(void)
{
    struct event top = heap[0];
    struct event last = heap[--heap_count];
    size_t hole = 0;
    for (size_t child = 1; child < heap_count; child = 2 * hole + 1) {
        if (child + 1 < heap_count && before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!before(&heap[child], &last)) {
            break;
        }
        heap[hole] = heap[child];
        hole = child;
    }
    heap[hole] = last;
    return top;
}

/* ---- the digest ---- */

/* A claim stands if the next machine kept is its own: of claims of one size on one machine, none
 * behind a refused one is kept. */
static void record_commit(const struct scheduler *scheduler, struct job *job,
                          struct running *running, int64_t now)
{
    const struct claim *claims = scheduler->claims;
    uint32_t left = 0;
    uint32_t kept = 0;
    running->tasks = bench_memory(malloc((running->count + 1) * sizeof(uint32_t)));
    for (uint32_t i = 0; i < job->unplaced; i++) {
        if (i < scheduler->claim_count && kept < running->count &&
            running->machines[kept] == claims[i].machine) {
            digest_add(digest, version, now, DIGEST_CLAIM, job->id, job->tasks[i],
                       claims[i].machine, 0, 1);
            running->tasks[kept++] = job->tasks[i];
            scheduler->claims[i].machine = machine_count; /* told */
        } else {
            job->tasks[left++] = job->tasks[i];
        }
    }
    uint32_t refused = 0; /* the first tasks left, in order */
    for (uint32_t i = 0; i < scheduler->claim_count; i++) {
        if (claims[i].machine != machine_count) {
            digest_add(digest, version, now, DIGEST_CLAIM, job->id, job->tasks[refused++],
                       claims[i].machine, 0, 0);
        }
    }
}

static void record_end(const struct running *running, int64_t now)
{
    for (uint32_t i = 0; i < running->count; i++) {
        digest_add(digest, version, now, DIGEST_RELEASE, running->job, running->tasks[i],
                   running->machines[i], 0, 1);
    }
}

/* ---- jobs ---- */

static double exponential(struct omega_random *random, double mean)
{
    return -mean * fmath_log(omega_random_unit_positive(random));
}

static int64_t microseconds(double seconds)
{
    return (int64_t)(seconds * 1e6 + 0.5);
}

/* Draws the gap to the workload's next job and schedules its arrival. */
static void next_arrival(struct workload *workload)
{
    double gap_s = row->kinds[workload - workloads].gap_s;
    workload->next += microseconds(exponential(&workload->gaps, gap_s));
    if (workload->next < horizon) {
        push(workload->next, ARRIVAL, workload);
    }
}

static struct job *draw_job(struct workload *workload)
{
    struct job *job = bench_memory(malloc(sizeof(*job)));
    const struct row_kind *kind = &row->kinds[workload - workloads];
    double tasks = exponential(&workload->tasks, kind->tasks);
    int64_t duration = microseconds(exponential(&workload->durations, kind->duration_s));
    *job = (struct job){
        .scheduler = &workload->schedulers[workload->turn],
        .id = ++jobs_made,
        .duration = duration > 0 ? duration : 1,
        .unplaced = (uint32_t)tasks,
        .kind = (uint32_t)(workload - workloads),
    };
    if ((double)job->unplaced < tasks || job->unplaced == 0) {
        job->unplaced++;
    }
    job->count = job->unplaced;
    workload->turn = workload->turn + 1 == kind->instances ? 0 : workload->turn + 1;
    if (digest != NULL) {
        job->tasks = bench_memory(malloc(job->unplaced * sizeof(uint32_t)));
        for (uint32_t i = 0; i < job->unplaced; i++) {
            job->tasks[i] = i;
        }
    }
    return job;
}

static void enqueue(struct job *job, int64_t now)
{
    struct scheduler *scheduler = job->scheduler;
    job->next = NULL;
    *scheduler->last = job;
    if (scheduler->planning == NULL && scheduler->last == &scheduler->first) {
        push(now, ATTEMPT, scheduler);
    }
    scheduler->last = &job->next;
}

/* ---- placement ---- */

static inline bool fits(uint32_t room, uint32_t need)
{
    return ((room - need) & GUARDS) == GUARDS;
}

/* Whether any of BLOCK machines has room; without branches, so that it becomes vector code. */
static inline bool block_fits(const uint32_t *block, uint32_t need)
{
    uint32_t any = 0;
    for (int i = 0; i < BLOCK; i++) {
        uint32_t left = block[i] - need;
        any |= left & left << 16;
    }
    return any >> 31 != 0;
}

/* The first machine from `from` on, below `to`, that has room; `to` if none has. */
static uint32_t scan(uint32_t need, uint32_t from, uint32_t to)
{
    while (to - from >= BLOCK && !block_fits(rooms + from, need)) {
        from += BLOCK;
    }
    while (from < to && !fits(rooms[from], need)) {
        from++;
    }
    return from;
}

/* Randomised first fit: a few probes, then a scan. Their number if no machine has room. */
static inline uint32_t find(struct omega_random *random, uint32_t need, uint32_t machines)
{
    for (int probe = 0; probe < ROW_PROBES; probe++) {
        uint32_t machine = omega_random_below(random, machines);
        if (fits(rooms[machine], need)) {
            return machine;
        }
    }
    uint32_t start = omega_random_below(random, machines);
    uint32_t machine = scan(need, start, machines);
    if (machine < machines) {
        return machine;
    }
    machine = scan(need, 0, start);
    return machine < start ? machine : machines;
}

/* The start of an attempt: plans on the live machines and rolls back. */
static void attempt(struct scheduler *scheduler, int64_t now)
{
    struct job *job = scheduler->first;
    const struct row_kind *kind = &row->kinds[job->kind];
    scheduler->first = job->next;
    if (scheduler->first == NULL) {
        scheduler->last = &scheduler->first;
    }
    if (job->unplaced > scheduler->claim_room) {
        scheduler->claim_room = 2 * job->unplaced;
        scheduler->claims =
            bench_memory(realloc(scheduler->claims, scheduler->claim_room * sizeof(struct claim)));
    }
    struct omega_random random = scheduler->random;
    struct claim *claims = scheduler->claims;
    uint32_t need = workloads[job->kind].need;
    uint32_t machines = machine_count;
    uint32_t wanted = job->unplaced;
    uint32_t count = 0;
    while (count < wanted) {
        uint32_t machine = find(&random, need, machines);
        if (machine == machines) {
            break;
        }
        claims[count++] = (struct claim){machine, seqs[machine]};
        rooms[machine] -= need;
    }
    for (uint32_t i = 0; i < count; i++) {
        rooms[claims[i].machine] += need;
    }
    scheduler->random = random;
    scheduler->claim_count = count;
    scheduler->planning = job;
    job->attempts++;
    push(now + kind->job_us + kind->task_us * (int64_t)wanted, COMMIT, scheduler);
}

/* ---- commits ---- */

/* Coarse-grained: a machine whose sequence moved is a conflict. One whose sequence stood still has
 * at least the room it had, since only placements take room here. */
static uint32_t keep_unmoved(const struct claim *claims, uint32_t count, uint32_t need,
                             uint32_t *kept)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        kept[n] = claims[i].machine;
        n += seqs[claims[i].machine] == claims[i].seq;
    }
    for (uint32_t i = 0; i < n; i++) {
        rooms[kept[i]] -= need;
        seqs[kept[i]]++;
    }
    return n;
}

/* Fine-grained: what has room beside the claims before it. Nobody looks at sequences. */
static uint32_t keep_fitting(const struct claim *claims, uint32_t count, uint32_t need,
                             uint32_t *kept)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t machine = claims[i].machine;
        if (fits(rooms[machine], need)) {
            kept[n++] = machine;
            rooms[machine] -= need;
        }
    }
    return n;
}

static void free_job(struct job *job)
{
    free(job->tasks);
    free(job);
}

/* What becomes of the job behind an attempt: it is placed, given up or tried again. */
static void settle(struct job *job, int64_t now)
{
    if (job->unplaced == 0 || job->attempts >= ROW_ATTEMPTS_MAX ||
        (job->unplaced == job->count && job->attempts >= ROW_ATTEMPTS_UNPLACED_MAX)) {
        free_job(job);
    } else {
        push(now + ROW_RETRY_US, RETRY, job);
    }
}

static void commit(struct scheduler *scheduler, int64_t now)
{
    struct job *job = scheduler->planning;
    uint32_t count = scheduler->claim_count;
    uint32_t need = workloads[job->kind].need;
    struct running *running =
        bench_memory(malloc(sizeof(*running) + count * sizeof(running->machines[0])));
    running->need = need;
    running->job = job->id;
    running->tasks = NULL;
    running->count = (row->fine ? keep_fitting : keep_unmoved)(scheduler->claims, count, need,
                                                               running->machines);
    version += running->count > 0;
    if (digest != NULL) {
        record_commit(scheduler, job, running, now);
    }
    figures.attempts++;
    figures.conflicting += running->count < count;
    figures.tasks += running->count;
    scheduler->planning = NULL;
    job->unplaced -= running->count;
    if (running->count > 0 && now + job->duration <= horizon) {
        push(now + job->duration, TASKS_END, running);
    } else {
        free(running->tasks);
        free(running);
    }
    settle(job, now);
    if (scheduler->first != NULL) {
        push(now, ATTEMPT, scheduler);
    }
}

static void end_tasks(struct running *running, int64_t now)
{
    uint32_t need = running->need;
    for (uint32_t i = 0; i < running->count; i++) {
        rooms[running->machines[i]] += need;
    }
    version++;
    if (digest != NULL) {
        record_end(running, now);
        free(running->tasks);
    }
    free(running);
}

/* ---- the run ---- */

static void handle(const struct event *event)
{
    switch ((enum event_kind)(event->order & 7)) {
    case TASKS_END:
        end_tasks(event->what, event->time);
        break;
    case COMMIT:
        commit(event->what, event->time);
        break;
    case ARRIVAL:
        enqueue(draw_job(event->what), event->time);
        next_arrival(event->what);
        break;
    case RETRY:
        enqueue(event->what, event->time);
        break;
    case ATTEMPT:
        attempt(event->what, event->time);
        break;
    }
}

static uint32_t pack(int32_t cpu_milli, int32_t mem_mib)
{
    return (uint32_t)cpu_milli << 16 | (uint32_t)mem_mib;
}

/* Never-ending tasks before time 0; the simulator gives 65,536 of them one version. */
static void prefill(uint64_t seed)
{
    struct omega_random random;
    omega_random_init(&random, seed, "prefill-machine", 0);
    uint32_t need = pack(ROW_FILL_CPU_MILLI, ROW_FILL_MEM_MIB);
    double capacity = (double)ROW_CPU_MILLI * machine_count;
    int64_t count = (int64_t)(row->prefill * capacity) / ROW_FILL_CPU_MILLI;
    for (int64_t i = 0; i < count; i++) {
        uint32_t machine = find(&random, need, machine_count);
        rooms[machine] -= need;
        version += i % 65536 == 0;
        if (digest != NULL) {
            digest_add(digest, version, 0, DIGEST_PRELOAD, 0, 0, machine, 0, 1);
        }
    }
}

static void set_up_kind(uint32_t k, uint64_t seed, uint32_t stream)
{
    const struct row_kind *kind = &row->kinds[k];
    struct workload *workload = &workloads[k];
    omega_random_init(&workload->gaps, seed, "interarrival", k);
    omega_random_init(&workload->tasks, seed, "tasks", k);
    omega_random_init(&workload->durations, seed, "duration", k);
    workload->need = pack(kind->cpu_milli, kind->mem_mib);
    workload->schedulers = bench_memory(calloc(kind->instances, sizeof(struct scheduler)));
    for (uint32_t i = 0; i < kind->instances; i++) {
        struct scheduler *scheduler = &workload->schedulers[i];
        omega_random_init(&scheduler->random, seed, "scheduler", stream + i);
        scheduler->last = &scheduler->first;
    }
    next_arrival(workload);
}

static void set_up(uint64_t seed)
{
    machine_count = row->machines;
    horizon = row->horizon_s * ROW_SECOND;
    rooms = bench_memory(malloc(machine_count * sizeof(*rooms)));
    seqs = bench_memory(calloc(machine_count, sizeof(*seqs)));
    for (uint32_t m = 0; m < machine_count; m++) {
        rooms[m] = GUARDS | pack(ROW_CPU_MILLI, ROW_MEM_MIB);
    }
    prefill(seed);
    uint32_t stream = 0; /* of the schedulers' instances, numbered through */
    for (uint32_t k = 0; k < ROW_KINDS; k++) {
        set_up_kind(k, seed, stream);
        stream += row->kinds[k].instances;
    }
}

static void run(uint64_t seed)
{
    int64_t start = bench_cpu_ns();
    set_up(seed);
    while (heap_count > 0) {
        struct event event = pop();
        handle(&event);
        figures.events++;
    }
    figures.ns = bench_cpu_ns() - start;
}

int main(int argc, char **argv)
{
    char text[33] = "";
    large_heap(); /* as omega does */
    if (argc > 1 && strcmp(argv[1], "--rows") == 0) {
        row_list();
        return EXIT_SUCCESS;
    }
    if (argc > 1 && strcmp(argv[1], "--digest") == 0) {
        digest = bench_memory(digest_create());
        argc--;
        argv++;
    }
    row = argc > 1 ? row_find(argv[1]) : NULL;
    if (row == NULL) {
        fprintf(stderr, "usage: bare_loop [--digest] ROW [SEED], or bare_loop --rows\n");
        return 2;
    }
    run(argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    if (digest != NULL) {
        digest_text(digest, text);
    }
    figures.digest = text;
    row_print("bare_loop", row, &figures);
    printf("\n");
    return EXIT_SUCCESS;
}
