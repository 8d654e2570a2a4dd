/* SPDX-License-Identifier: MIT */
/*
 * mapreduce: gives MapReduce jobs more workers than they ask for, where the cell has idle resources
 * and the policy lets it. The workers that a job asks for are its required tasks, further ones its
 * optional tasks; what more of them are worth says the performance model
 * (core/model/mapreduce.h). It is linear, so each further worker shortens a job until its larger
 * phase runs at once: the allocation that ends earliest is the largest one that the policy allows.
 *
 * Policies, after section 6 of the Omega paper:
 *
 *     none               the workers asked for
 *     max_parallelism    as many as are of use
 *     global_cap         the same, while no more than `cap` of the cell is in use, those included
 *     relative_job_size  the same, up to `factor` times the workers asked for
 *
 * Tasks are placed as `batch` does it. Those that a job lacks beyond what it asks for are not
 * missed: it has been committed, and runs for as long as the model says for what it got.
 */
#include "schedulers/placement.h"

enum policy {
    POLICY_NONE = 0,
    POLICY_MAX_PARALLELISM = 1,
    POLICY_GLOBAL_CAP = 2,
    POLICY_RELATIVE_JOB_SIZE = 3,
};

struct mapreduce {
    const struct omega_host *host;
    int policy;
    double cap;
    double factor;
    int64_t probes;
};

/* What further workers may use. */
struct allowance {
    uint64_t workers;
    int64_t cpu_milli;
    int64_t mem_mib;
};

static int mapreduce_init(void *state, const struct omega_host *host)
{
    struct mapreduce *mapreduce = state;
    mapreduce->host = host;
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* `times` x whole, rounded down. The number nearest to 0.29, say, lies below it, and so would
 * 0.29 x 100: what is a whole number but for that counts as one. */
static int64_t multiple(double times, int64_t whole)
{
    return (int64_t)(times * (double)whole * (1 + 0x1p-51));
}

/* What is left of a resource below the cap; 0 above it. */
static int64_t below_cap(double cap, int64_t limit, int64_t used)
{
    int64_t allowed = multiple(cap, limit);
    return allowed > used ? allowed - used : 0;
}

/* What may be used until CPU or memory in use comes to the cap, over machines that take tasks. */
static void cap_allowance(double cap, const struct omega_view *view, struct allowance *allowance)
{
    int64_t cpu_limit = 0;
    int64_t cpu_used = 0;
    int64_t mem_limit = 0;
    int64_t mem_used = 0;
    for (uint32_t m = 0; m < view->machine_count; m++) {
        const struct omega_room room = view->entry[m].room;
        const struct omega_room limit = view->entry[m].limit;
        if (room.cpu_milli >= 0 && room.mem_mib >= 0) {
            cpu_limit += limit.cpu_milli;
            cpu_used += limit.cpu_milli - room.cpu_milli;
            mem_limit += limit.mem_mib;
            mem_used += limit.mem_mib - room.mem_mib;
        }
    }
    allowance->cpu_milli = below_cap(cap, cpu_limit, cpu_used);
    allowance->mem_mib = below_cap(cap, mem_limit, mem_used);
}

/* What the policy allows a job beyond its required tasks, which the view shows already. */
static struct allowance allow(const struct mapreduce *mapreduce, const struct omega_job *job,
                              const struct omega_view *view)
{
    struct allowance allowance = {.cpu_milli = INT64_MAX, .mem_mib = INT64_MAX};
    uint32_t useful = omega_mapreduce_useful(&job->mapreduce);
    if (mapreduce->policy == POLICY_NONE || useful <= job->tasks) {
        return allowance;
    }
    allowance.workers = useful - job->tasks;
    if (mapreduce->policy == POLICY_RELATIVE_JOB_SIZE) {
        uint64_t most = (uint64_t)multiple(mapreduce->factor, job->tasks);
        allowance.workers = least(allowance.workers, most - job->tasks);
    }
    if (mapreduce->policy == POLICY_GLOBAL_CAP) {
        cap_allowance(mapreduce->cap, view, &allowance);
    }
    return allowance;
}

/* How many of `count` such tasks the allowance has room for. */
static uint32_t room_for(const struct allowance *allowance, const struct omega_request *request,
                         uint32_t count)
{
    uint64_t room = least(count, allowance->workers);
    if (request->cpu_milli > 0) {
        room = least(room, (uint64_t)(allowance->cpu_milli / request->cpu_milli));
    }
    if (request->mem_mib > 0) {
        room = least(room, (uint64_t)(allowance->mem_mib / request->mem_mib));
    }
    return (uint32_t)room;
}

static void spend(struct allowance *allowance, const struct omega_request *request, uint32_t tasks)
{
    allowance->workers -= tasks;
    allowance->cpu_milli -= (int64_t)request->cpu_milli * tasks;
    allowance->mem_mib -= (int64_t)request->mem_mib * tasks;
}

static void mapreduce_place(void *state, const struct omega_pending *pending,
                            const struct omega_view *view, struct omega_txn *txn)
{
    const struct mapreduce *mapreduce = state;
    struct allowance allowance = {.workers = 0};
    bool extend = omega_job_is_elastic(pending->job);
    bool allowed = false;
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, extend)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t count = run.count;
        if (run.optional) {
            allowance = allowed ? allowance : allow(mapreduce, pending->job, view);
            allowed = true;
            count = room_for(&allowance, &place.request, run.count);
        }
        uint32_t placed = omega_place_run(&place, mapreduce->host->random,
                                          (uint32_t)mapreduce->probes, txn, &run, count);
        if (run.optional) {
            spend(&allowance, &place.request, placed);
        } else if (placed < count) {
            extend = false; /* further workers need all required ones beside them */
        }
    }
}

static int64_t mapreduce_started(void *state, const struct omega_job *job, uint32_t accepted)
{
    const struct mapreduce *mapreduce = state;
    if (!omega_job_is_mapreduce(job)) {
        return omega_job_duration(job);
    }
    mapreduce->host->count(mapreduce->host, "workers_asked", job->tasks);
    mapreduce->host->count(mapreduce->host, "workers_added", (int64_t)accepted - job->tasks);
    return omega_mapreduce_predict(job, accepted);
}

static const char *const policies[] = {"none", "max_parallelism", "global_cap", "relative_job_size",
                                       NULL};

static const struct omega_option mapreduce_options[] = {
    {
        .name = "policy",
        .help = "which idle resources further workers may use",
        .type = OMEGA_OPTION_CHOICE,
        .offset = offsetof(struct mapreduce, policy),
        .value = POLICY_MAX_PARALLELISM,
        .choices = policies,
    },
    {
        .name = "cap",
        .help = "global_cap: share of the cell's CPU and memory that may be in use",
        .type = OMEGA_OPTION_REAL,
        .offset = offsetof(struct mapreduce, cap),
        .value = 0.6,
        .min = 0,
        .max = 1,
    },
    {
        .name = "factor",
        .help = "relative_job_size: most workers, as a multiple of those asked for",
        .type = OMEGA_OPTION_REAL,
        .offset = offsetof(struct mapreduce, factor),
        .value = 4,
        .min = 1,
        .max = 1000000,
    },
    {
        .name = "probes",
        .help = "random machines to look at for a task before all are scanned",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct mapreduce, probes),
        .value = 32,
        .min = 1,
        .max = 100000,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "mapreduce",
    .summary = "MapReduce jobs: idle resources for more workers than asked for, by a policy",
    .state_size = sizeof(struct mapreduce),
    .options = mapreduce_options,
    .option_count = sizeof(mapreduce_options) / sizeof(mapreduce_options[0]),
    .init = mapreduce_init,
    .place = mapreduce_place,
    .started = mapreduce_started,
    .ignores_last = true,
};
