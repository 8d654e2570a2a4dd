/* SPDX-License-Identifier: MIT */
/*
 * The machine's limit for the load day: the same jobs, placements, commits and ends as the
 * simulator, written by hand for exactly this experiment. No store, no modules, no metrics, no
 * checks; of omega only the random numbers and their logarithm, so that the draws are the same and
 * the tasks placed come out equal.
 *
 * usage: bare_loop [SEED [HOURS]]
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "core/base/fmath.h"
#include "core/base/random.h"

#define MACHINES 10000u
#define MACHINE_CPU 4000
#define MACHINE_MEM 16384
#define TASK_CPU 1000
#define TASK_MEM 2048
#define PROBES 32
#define SECOND INT64_C(1000000)
#define DECISION_JOB 100000
#define DECISION_TASK 5000
#define KINDS 2u /* batch and service: a workload and a scheduler each */

struct machine {
    int32_t cpu; /* free */
    int32_t mem;
    uint32_t seq;
    uint32_t unused; /* a machine never lies across two cache lines */
};

struct claim {
    uint32_t machine;
    uint32_t seq;
};

struct job {
    struct job *next;
    int64_t duration;
    uint32_t unplaced;
    uint32_t kind;
};

/* Tasks of one commit, which end together. */
struct running {
    uint32_t count;
    uint32_t machines[];
};

struct workload {
    struct omega_random gaps;
    struct omega_random tasks;
    struct omega_random durations;
    double gap_s;
    double task_count;
    double duration_s;
    int64_t next; /* submission */
};

struct scheduler {
    struct omega_random random;
    struct job *first;
    struct job **last;
    struct job *planning; /* NULL: idle */
    struct claim *claims;
    uint32_t claim_room;
    uint32_t claim_count;
    uint64_t attempts;
    uint64_t conflicting;
};

/* In the order in which simultaneous events happen. */
enum event_kind {
    TASKS_END = 1,
    COMMIT = 2,
    ARRIVAL = 3,
    RETRY = 4,
    ATTEMPT = 5
};

struct event {
    int64_t time;
    uint64_t order; /* kind above, sequence of creation below */
    void *what;
};

static struct machine machines[MACHINES];
static struct workload workloads[KINDS] = {
    {.gap_s = 1, .task_count = 100, .duration_s = 100},
    {.gap_s = 20, .task_count = 10, .duration_s = 500},
};
static struct scheduler schedulers[KINDS];
static struct event *heap;
static size_t heap_count;
static size_t heap_room;
static uint64_t events_made;
static uint64_t events_done;
static uint64_t placed;

static void *checked(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "bare_loop: no memory\n");
        exit(1);
    }
    return memory;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static void push(int64_t time, enum event_kind kind, void *what)
{
    if (heap_count == heap_room) {
        heap_room = heap_room == 0 ? 1024 : 2 * heap_room;
        heap = checked(realloc(heap, heap_room * sizeof(*heap)));
    }
    struct event event = {time, (uint64_t)kind << 56 | events_made++, what};
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
    workload->next += microseconds(exponential(&workload->gaps, workload->gap_s));
    push(workload->next, ARRIVAL, workload);
}

static struct job *draw_job(struct workload *workload)
{
    struct job *job = checked(malloc(sizeof(*job)));
    double tasks = exponential(&workload->tasks, workload->task_count);
    int64_t duration = microseconds(exponential(&workload->durations, workload->duration_s));
    job->unplaced = (uint32_t)tasks;
    if ((double)job->unplaced < tasks || job->unplaced == 0) {
        job->unplaced++;
    }
    job->duration = duration > 0 ? duration : 1;
    job->kind = (uint32_t)(workload - workloads);
    return job;
}

static void enqueue(struct job *job, int64_t now)
{
    struct scheduler *scheduler = &schedulers[job->kind];
    job->next = NULL;
    *scheduler->last = job;
    if (scheduler->planning == NULL && scheduler->last == &scheduler->first) {
        push(now, ATTEMPT, scheduler);
    }
    scheduler->last = &job->next;
}

static bool fits(const struct machine *machine)
{
    return machine->cpu >= TASK_CPU && machine->mem >= TASK_MEM;
}

/* Randomised first fit: a few probes, then a scan. MACHINES if the cell is full. */
static uint32_t find(struct omega_random *random)
{
    for (int probe = 0; probe < PROBES; probe++) {
        uint32_t machine = omega_random_below(random, MACHINES);
        if (fits(&machines[machine])) {
            return machine;
        }
    }
    uint32_t start = omega_random_below(random, MACHINES);
    for (uint32_t i = 0; i < MACHINES; i++) {
        uint32_t machine = (start + i) % MACHINES;
        if (fits(&machines[machine])) {
            return machine;
        }
    }
    return MACHINES;
}

static void take(struct machine *machine)
{
    machine->cpu -= TASK_CPU;
    machine->mem -= TASK_MEM;
}

static void give(struct machine *machine)
{
    machine->cpu += TASK_CPU;
    machine->mem += TASK_MEM;
}

/* The start of an attempt: plans on the live machines and rolls back. */
static void attempt(struct scheduler *scheduler, int64_t now)
{
    struct job *job = scheduler->first;
    scheduler->first = job->next;
    if (scheduler->first == NULL) {
        scheduler->last = &scheduler->first;
    }
    if (job->unplaced > scheduler->claim_room) {
        scheduler->claim_room = 2 * job->unplaced;
        scheduler->claims =
            checked(realloc(scheduler->claims, scheduler->claim_room * sizeof(struct claim)));
    }
    struct omega_random random = scheduler->random;
    struct claim *claims = scheduler->claims;
    uint32_t count = 0;
    while (count < job->unplaced) {
        uint32_t machine = find(&random);
        if (machine == MACHINES) {
            break;
        }
        claims[count++] = (struct claim){machine, machines[machine].seq};
        take(&machines[machine]);
    }
    for (uint32_t i = 0; i < count; i++) {
        give(&machines[claims[i].machine]);
    }
    scheduler->random = random;
    scheduler->claim_count = count;
    scheduler->planning = job;
    push(now + DECISION_JOB + DECISION_TASK * (int64_t)job->unplaced, COMMIT, scheduler);
}

/* Coarse-grained, claim by claim: a machine whose sequence moved is a conflict. One whose sequence
 * stood still has at least the room it had, since only placements take room here. */
static void commit(struct scheduler *scheduler, int64_t now)
{
    struct job *job = scheduler->planning;
    uint32_t count = scheduler->claim_count;
    const struct claim *claims = scheduler->claims;
    struct running *running =
        checked(malloc(sizeof(*running) + count * sizeof(running->machines[0])));
    running->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        running->machines[running->count] = claims[i].machine;
        running->count += machines[claims[i].machine].seq == claims[i].seq;
    }
    for (uint32_t i = 0; i < running->count; i++) {
        struct machine *machine = &machines[running->machines[i]];
        take(machine);
        machine->seq++;
    }
    scheduler->attempts++;
    scheduler->conflicting += running->count < count;
    scheduler->planning = NULL;
    placed += running->count;
    job->unplaced -= running->count;
    if (running->count > 0) {
        push(now + job->duration, TASKS_END, running);
    } else {
        free(running);
    }
    if (job->unplaced > 0) {
        push(now + SECOND, RETRY, job);
    } else {
        free(job);
    }
    if (scheduler->first != NULL) {
        push(now, ATTEMPT, scheduler);
    }
}

static void end_tasks(struct running *running)
{
    for (uint32_t i = 0; i < running->count; i++) {
        give(&machines[running->machines[i]]);
    }
    free(running);
}

static void handle(const struct event *event)
{
    switch ((enum event_kind)(event->order >> 56)) {
    case TASKS_END:
        end_tasks(event->what);
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

static void set_up(uint64_t seed)
{
    for (uint32_t m = 0; m < MACHINES; m++) {
        machines[m] = (struct machine){MACHINE_CPU, MACHINE_MEM, 0, 0};
    }
    for (uint32_t k = 0; k < KINDS; k++) {
        omega_random_init(&workloads[k].gaps, seed, "interarrival", k);
        omega_random_init(&workloads[k].tasks, seed, "tasks", k);
        omega_random_init(&workloads[k].durations, seed, "duration", k);
        omega_random_init(&schedulers[k].random, seed, "scheduler", k);
        schedulers[k].last = &schedulers[k].first;
        next_arrival(&workloads[k]);
    }
}

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    int64_t horizon = (argc > 2 ? strtoll(argv[2], NULL, 10) : 24) * 3600 * SECOND;
    double start = clock_seconds();
    set_up(seed);
    while (heap[0].time <= horizon) { /* never empty: there is always a next arrival */
        struct event event = pop();
        handle(&event);
        events_done++;
    }
    double seconds = clock_seconds() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("program=bare_loop tasks=%llu attempts=%llu conflicting=%llu seconds=%.4f "
           "ns_per_task=%.2f tasks_per_s=%.0f events=%llu events_per_s=%.0f peak_rss_kib=%ld\n",
           (unsigned long long)placed,
           (unsigned long long)(schedulers[0].attempts + schedulers[1].attempts),
           (unsigned long long)(schedulers[0].conflicting + schedulers[1].conflicting), seconds,
           1e9 * seconds / (double)placed, (double)placed / seconds,
           (unsigned long long)events_done, (double)events_done / seconds, usage.ru_maxrss);
    return 0;
}
