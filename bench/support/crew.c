/* SPDX-License-Identifier: MIT */
/* Several processes that commit to one cell at full speed: see crew.h. */
#include "bench/support/crew.h"

#include <stdlib.h>
#include <sys/mman.h>

/* What the processes of one run share. */
struct shared {
    int64_t warm_ns; /* from then on commits count */
    int64_t deadline_ns;
    struct {
        uint32_t commits; /* that count */
        int64_t end_ns;   /* of the last one */
    } by_process[CREW_MAX];
};

/* The moments at which all processes wait for each other. */
enum moment {
    OPENED,    /* whoever opens reads, which keeps pages from being used again */
    SUBMITTED, /* the cell is as large as it will be before the run */
    READY,
    MOMENTS
};

static void work(const struct crew *crew, struct shared *shared, struct bench_start *starts,
                 uint32_t number)
{
    struct cell_load load;
    struct omega_random random;
    omega_random_init(&random, crew->seed, "bench-process", number);
    uint32_t jobs = crew->jobs;
    cell_load_init(&load, &random, crew->machines, 1 + number * UINT64_C(1000000), jobs,
                   crew->claims);
    void *cell = crew->ops->open(crew->path, crew->mode, (uint16_t)(number + 1));
    bench_start_wait(&starts[OPENED]);
    cell_load_submit(&load, crew->ops, cell);
    bench_start_wait(&starts[SUBMITTED]);
    bench_map_pages(crew->path);
    bench_start_wait(&starts[READY]);
    uint32_t done = 0;
    int64_t now_ns = bench_now_ns();
    while (done < jobs && now_ns < shared->deadline_ns) {
        cell_load_commit(&load, crew->ops, cell, done, done + 1);
        done++;
        now_ns = bench_now_ns();
        shared->by_process[number].commits += now_ns > shared->warm_ns;
    }
    shared->by_process[number].end_ns = now_ns;
    crew->ops->close(cell);
    cell_load_fini(&load);
    exit(EXIT_SUCCESS);
}

double crew_run(const struct crew *crew, uint32_t processes)
{
    if (crew->ops == &cell_bare) {
        cell_create_bare(crew->path, crew->mode, crew->machines);
    } else {
        cell_create_omega(crew->path, crew->mode, crew->machines, 0);
    }
    struct shared *shared = bench_share(sizeof(*shared));
    struct bench_start starts[MOMENTS];
    for (int moment = 0; moment < MOMENTS; moment++) {
        bench_start_init(&starts[moment]);
    }
    int children[CREW_MAX];
    for (uint32_t number = 0; number < processes; number++) {
        children[number] = bench_fork();
        if (children[number] == 0) {
            work(crew, shared, starts, number);
        }
    }
    for (int moment = 0; moment < READY; moment++) {
        bench_start_ready(&starts[moment], processes);
        bench_start_go(&starts[moment]);
    }
    bench_start_ready(&starts[READY], processes);
    shared->warm_ns = bench_now_ns() + crew->warm_ns;
    shared->deadline_ns = shared->warm_ns + crew->run_ns;
    bench_start_go(&starts[READY]);
    uint64_t commits = 0;
    int64_t end_ns = shared->warm_ns + 1;
    for (uint32_t number = 0; number < processes; number++) {
        bench_wait(children[number]);
        commits += shared->by_process[number].commits;
        int64_t ended_ns = shared->by_process[number].end_ns;
        end_ns = ended_ns > end_ns ? ended_ns : end_ns;
    }
    /* over the time of all: some may run out of jobs early, since nothing makes bare loops fair */
    double rate = 1e9 * (double)commits / (double)(end_ns - shared->warm_ns);
    munmap(shared, sizeof(*shared));
    bench_remove(crew->path);
    return rate;
}
