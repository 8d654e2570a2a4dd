/* SPDX-License-Identifier: MIT */
/*
 * service: careful placement for few long tasks. Looks at all machines and takes, in the failure
 * domain that holds the fewest tasks of the job, the machine that the task fits best (the score of
 * schedulers/placement.h; the lowest index among equals). Machines without a domain count as one
 * domain.
 *
 * Machines are scored once per run of tasks that are alike, not once per task: each domain keeps
 * its best few candidates in order, and the domains stand in a heap by (tasks, best candidate). A
 * domain that runs out of candidates while it has dropped some makes all be collected again.
 */
#include <stdlib.h>
#include <string.h>

#include "schedulers/placement.h"

#define LIST_MAX 64u        /* candidates that a domain keeps at most */
#define LIST_MIN 4u         /* ... and at least, where there are that many tasks */
#define LIST_ROOM (1u << 16) /* candidates kept in all, about */
#define KEY_NONE UINT64_MAX

/* A candidate is its score above its machine: less is better, then the lowest index. */
static uint64_t key_of(uint32_t score, uint32_t machine)
{
    return (uint64_t)score << 32 | machine;
}

struct domain {
    uint64_t bound; /* the best candidate dropped from the list; KEY_NONE if there was none */
    uint32_t tasks; /* of the job: claimed in this attempt or accepted in the last one */
    uint32_t count; /* candidates in its list, the best one last */
};

struct service {
    const struct omega_host *host;
    bool spread;
    bool use_optional;
    /* failure domains as small numbers: a pure function of the view's array, kept while it stays
     * the same */
    uint32_t machine_room;
    uint32_t machine_count; /* entries of `symbols`; 0 = none known */
    uint32_t *symbols;      /* the view's array when `domain_of` was made */
    uint32_t *domain_of;    /* by machine */
    uint64_t *taken;        /* bitmap: declined for the run's group */
    uint32_t domain_count;
    uint32_t domain_room;
    struct domain *domains;
    uint32_t *heap;         /* domains with candidates */
    uint32_t heap_count;
    /* candidates: list_size entries for each domain */
    uint64_t *lists;
    size_t list_room;
    uint32_t list_size;
    bool stale; /* lists and heap are to be made again before the next task */
};

static int service_init(void *state, const struct omega_host *host)
{
    struct service *service = state;
    service->host = host;
    return 0;
}

static void service_fini(void *state)
{
    struct service *service = state;
    free(service->symbols);
    free(service->domain_of);
    free(service->taken);
    free(service->domains);
    free(service->heap);
    free(service->lists);
}

/* ---- failure domains ---- */

/* A new array of `count` zeroed entries in place of an old one; NULL without memory. */
static void *renew(void *old, size_t count, size_t size)
{
    free(old);
    return calloc(count, size);
}

static bool prepare_machines(struct service *service, uint32_t count)
{
    if (count <= service->machine_room) {
        return true;
    }
    service->machine_count = 0; /* the domains are to be found again */
    service->symbols = renew(service->symbols, count, sizeof(*service->symbols));
    service->domain_of = renew(service->domain_of, count, sizeof(*service->domain_of));
    service->taken = renew(service->taken, count / 64 + 1, sizeof(*service->taken));
    bool ready =
        service->symbols != NULL && service->domain_of != NULL && service->taken != NULL;
    service->machine_room = ready ? count : 0;
    return ready;
}

static bool prepare_domains(struct service *service, uint32_t count)
{
    if (count > service->domain_room) {
        service->domains = renew(service->domains, count, sizeof(*service->domains));
        service->heap = renew(service->heap, count, sizeof(*service->heap));
        service->domain_room = service->domains != NULL && service->heap != NULL ? count : 0;
    }
    service->domain_count = count;
    return count <= service->domain_room;
}

/* Numbers the domains in order of first appearance, by a table from symbol to number + 1. */
static bool number_domains(struct service *service, const uint32_t *symbols, uint32_t machines)
{
    uint32_t largest = 0;
    for (uint32_t m = 0; m < machines; m++) {
        largest = symbols[m] > largest ? symbols[m] : largest;
    }
    uint32_t *number = calloc((size_t)largest + 1, sizeof(*number));
    if (number == NULL) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t m = 0; m < machines; m++) {
        if (number[symbols[m]] == 0) {
            number[symbols[m]] = ++count;
        }
        service->domain_of[m] = number[symbols[m]] - 1;
    }
    free(number);
    return prepare_domains(service, count);
}

/* Makes domain_of fit the view; false without memory. */
static bool find_domains(struct service *service, const struct omega_view *view)
{
    uint32_t machines = view->machine_count;
    size_t bytes = machines * sizeof(uint32_t);
    if (!prepare_machines(service, machines)) {
        return false;
    }
    if (!service->spread || view->domain == NULL) {
        service->machine_count = 0;
        memset(service->domain_of, 0, bytes);
        return prepare_domains(service, 1);
    }
    if (service->machine_count == machines && memcmp(service->symbols, view->domain, bytes) == 0) {
        return true;
    }
    service->machine_count = 0;
    if (!number_domains(service, view->domain, machines)) {
        return false;
    }
    memcpy(service->symbols, view->domain, bytes);
    service->machine_count = machines;
    return true;
}

/* Counts the tasks that the attempt before placed; older ones are not known. */
static void count_placed(struct service *service, const struct omega_pending *pending,
                         uint32_t machine_count)
{
    for (uint32_t d = 0; d < service->domain_count; d++) {
        service->domains[d].tasks = 0;
    }
    for (uint32_t i = 0; i < pending->last_count; i++) {
        uint32_t machine = pending->last_claims[i].machine;
        if (pending->last_results[i].outcome == OMEGA_ACCEPTED && machine < machine_count) {
            service->domains[service->domain_of[machine]].tasks++;
        }
    }
}

/* ---- candidates ---- */

static uint64_t *list_of(const struct service *service, uint32_t domain)
{
    return service->lists + (size_t)domain * service->list_size;
}

/* Puts a candidate into its domain's list, kept in falling order; drops the worst of a full one. */
static void list_add(const struct service *service, uint32_t d, uint64_t key)
{
    struct domain *domain = &service->domains[d];
    uint64_t *list = list_of(service, d);
    if (key > domain->bound) {
        return; /* worse than one that was dropped: it waits for the next collection too */
    }
    if (domain->count == service->list_size) {
        if (key > list[0]) {
            domain->bound = key;
            return;
        }
        domain->bound = list[0];
        memmove(list, list + 1, (domain->count - 1) * sizeof(*list));
        domain->count--;
    }
    uint32_t at = domain->count++;
    for (; at > 0 && list[at - 1] < key; at--) {
        list[at] = list[at - 1];
    }
    list[at] = key;
}

static bool is_taken(const struct service *service, uint32_t machine)
{
    return (service->taken[machine / 64] >> (machine % 64) & 1) != 0;
}

/* Offers a machine with room for CPU and memory to its domain's list. */
static inline void offer(const struct service *service, const struct omega_place *place,
                         uint32_t machine, int32_t share)
{
    uint32_t d = service->domain_of[machine];
    uint64_t key = key_of((uint32_t)share, machine);
    if (place->view->free_gpu_milli != NULL) {
        if (!omega_place_suits(place, machine)) {
            return;
        }
        key = key_of(omega_place_score(place, machine), machine);
    }
    if (key < service->domains[d].bound && omega_eligible(place->eligible, machine) &&
        !is_taken(service, machine)) {
        list_add(service, d, key);
    }
}

/* Machines with this share or a larger one enter no domain's list any more: among equals the first
 * ones stay. Not looked for where it would take longer than it saves, or where GPUs count before
 * shares. */
static int32_t score_ceiling(const struct service *service, const struct omega_place *place)
{
    uint64_t worst = 0;
    if (service->domain_count > OMEGA_PLACE_BLOCK || place->view->free_gpu_milli != NULL) {
        return OMEGA_SCORE_ONE + 1;
    }
    for (uint32_t d = 0; d < service->domain_count; d++) {
        uint64_t bound = service->domains[d].bound;
        worst = bound > worst ? bound : worst;
    }
    return worst == KEY_NONE ? OMEGA_SCORE_ONE + 1 : (int32_t)(worst >> 32);
}

/* True if any of 64 shares is of a machine with room and below the ceiling. */
static bool block_may_matter(const int32_t *shares, int32_t ceiling)
{
    int32_t any = 0;
    for (uint32_t i = 0; i < OMEGA_PLACE_BLOCK; i++) {
        any |= (shares[i] >= 0) & (shares[i] < ceiling);
    }
    return any != 0;
}

/* Scores all machines and keeps each domain's best. */
static void collect(const struct service *service, const struct omega_place *place)
{
    for (uint32_t d = 0; d < service->domain_count; d++) {
        service->domains[d].count = 0;
        service->domains[d].bound = KEY_NONE;
    }
    if (place->request.gpu_devices > 0 && place->view->free_gpu_milli == NULL) {
        return; /* a cell without GPUs */
    }
    uint32_t machine = 0;
    while (place->machine_count - machine >= OMEGA_PLACE_BLOCK) {
        int32_t shares[OMEGA_PLACE_BLOCK];
        uint32_t first = machine;
        machine += OMEGA_PLACE_BLOCK;
        if (!omega_place_may_suit(place, first, OMEGA_PLACE_BLOCK)) {
            continue;
        }
        omega_place_share_block(place, first, shares);
        if (!block_may_matter(shares, score_ceiling(service, place))) {
            continue;
        }
        for (uint32_t i = 0; i < OMEGA_PLACE_BLOCK; i++) {
            if (shares[i] >= 0) {
                offer(service, place, first + i, shares[i]);
            }
        }
    }
    for (; machine < place->machine_count; machine++) {
        int32_t share = omega_place_share(place, machine);
        if (share >= 0) {
            offer(service, place, machine, share);
        }
    }
}

/* ---- the heap of domains ---- */

static bool domain_before(const struct service *service, uint32_t a, uint32_t b)
{
    const struct domain *left = &service->domains[a];
    const struct domain *right = &service->domains[b];
    if (left->tasks != right->tasks) {
        return left->tasks < right->tasks;
    }
    return list_of(service, a)[left->count - 1] < list_of(service, b)[right->count - 1];
}

static void heap_sink(const struct service *service, uint32_t at)
{
    uint32_t *heap = service->heap;
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < service->heap_count &&
                domain_before(service, heap[child], heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        uint32_t domain = heap[at];
        heap[at] = heap[least];
        heap[least] = domain;
        at = least;
    }
}

static void heap_build(struct service *service)
{
    service->heap_count = 0;
    for (uint32_t d = 0; d < service->domain_count; d++) {
        if (service->domains[d].count > 0) {
            service->heap[service->heap_count++] = d;
        }
    }
    for (uint32_t i = service->heap_count / 2; i-- > 0;) {
        heap_sink(service, i);
    }
}

/* ---- placing ---- */

/* Sizes the lists: enough for the run's tasks without a second collection as a rule. */
static bool prepare_lists(struct service *service, uint32_t tasks)
{
    uint32_t size = LIST_ROOM / service->domain_count;
    size = size > LIST_MAX ? LIST_MAX : size;
    size = size < LIST_MIN ? LIST_MIN : size;
    service->list_size = size < tasks ? size : tasks;
    size_t need = (size_t)service->domain_count * service->list_size;
    if (need > service->list_room) {
        service->lists = renew(service->lists, need, sizeof(*service->lists));
        service->list_room = service->lists != NULL ? need : 0;
    }
    return need <= service->list_room;
}

/* Brings the first domain of the heap, whose list has changed, to its place; one without
 * candidates leaves. All are stale if it dropped some before. */
static void settle_first(struct service *service)
{
    const struct domain *domain = &service->domains[service->heap[0]];
    if (domain->count == 0) {
        service->stale = domain->bound != KEY_NONE;
        service->heap[0] = service->heap[--service->heap_count];
    }
    heap_sink(service, 0);
}

/* Makes lists and heap current; false if no machine suits. */
static bool has_candidates(struct service *service, const struct omega_place *place)
{
    if (service->stale) {
        collect(service, place);
        heap_build(service);
        service->stale = false;
    }
    return service->heap_count > 0;
}

/* Claims one task on the best candidate of the best domain; false if there is none. */
static bool place_task(struct service *service, const struct omega_place *place,
                       struct omega_txn *txn, uint32_t group, uint32_t task)
{
    while (has_candidates(service, place)) {
        uint32_t d = service->heap[0];
        struct domain *domain = &service->domains[d];
        uint32_t machine = (uint32_t)list_of(service, d)[--domain->count];
        int rc = omega_txn_claim(txn, group, task, machine);
        if (rc < 0) {
            return false;
        }
        if (rc == OMEGA_TXN_DECLINED) {
            service->taken[machine / 64] |= UINT64_C(1) << (machine % 64);
        } else {
            domain->tasks++;
            if (omega_place_suits(place, machine)) {
                list_add(service, d, key_of(omega_place_score(place, machine), machine));
            }
        }
        settle_first(service);
        if (rc == 0) {
            return true;
        }
    }
    return false;
}

/* Places the tasks of one run; false if one of them fits nowhere. */
static bool place_run(struct service *service, const struct omega_tasks *run,
                      const struct omega_place *place, struct omega_txn *txn)
{
    if (!prepare_lists(service, run->count)) {
        return false;
    }
    memset(service->taken, 0, (place->machine_count / 64 + 1) * sizeof(uint64_t));
    service->stale = true;
    for (uint32_t i = 0; i < run->count; i++) {
        if (!place_task(service, place, txn, run->group, run->tasks[i])) {
            return false;
        }
    }
    return true;
}

static void service_place(void *state, const struct omega_pending *pending,
                          const struct omega_view *view, struct omega_txn *txn)
{
    struct service *service = state;
    if (view->machine_count == 0) {
        return;
    }
    if (!find_domains(service, view)) {
        service->host->fail(service->host, "no memory for the scores of all machines");
        return;
    }
    count_placed(service, pending, view->machine_count);
    bool use_optional = service->use_optional;
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, use_optional)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        if (!place_run(service, &run, &place, txn) && !run.optional) {
            use_optional = false; /* optional tasks need all required ones beside them */
        }
    }
}

static const struct omega_option service_options[] = {
    {
        .name = "spread",
        .help = "take the failure domain with the fewest tasks of the job first",
        .type = OMEGA_OPTION_BOOL,
        .offset = offsetof(struct service, spread),
        .value = 1,
    },
    {
        .name = "use_optional",
        .help = "place optional tasks too, as many as fit",
        .type = OMEGA_OPTION_BOOL,
        .offset = offsetof(struct service, use_optional),
        .value = 1,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "service",
    .summary = "careful: all machines, best fit, spread over failure domains",
    .state_size = sizeof(struct service),
    .options = service_options,
    .option_count = sizeof(service_options) / sizeof(service_options[0]),
    .init = service_init,
    .fini = service_fini,
    .place = service_place,
};
