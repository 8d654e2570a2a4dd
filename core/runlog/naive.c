/* SPDX-License-Identifier: MIT */
/* A second cell that keeps lists and adds up: see naive.h. */
#include "core/runlog/naive.h"

#include "cellstate/compat.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for one more thing of an array. */
static int grow(void **array, uint32_t *room, uint32_t count, size_t size)
{
    if (count < *room) {
        return OMEGA_OK;
    }
    uint32_t more = *room == 0 ? 8 : *room * 2;
    void *grown = reallocarray(*array, more, size);
    if (grown == NULL) {
        return OMEGA_ENOMEM;
    }
    *array = grown;
    *room = more;
    return OMEGA_OK;
}

int naive_init(struct naive_cell *cell, const struct runlog_opening *opening)
{
    *cell = (struct naive_cell){.opening = opening};
    cell->machines = calloc(opening->machine_count + 1u, sizeof *cell->machines);
    if (cell->machines == NULL) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t i = 0; i < opening->machine_count; i++) {
        const struct omega_machine_spec *spec = &opening->machines[i];
        struct naive_machine *machine = &cell->machines[i];
        machine->cpu_milli = spec->cpu_milli;
        machine->mem_mib = spec->mem_mib;
        machine->gpu_devices = spec->gpu_devices;
        machine->state = spec->absent ? OMEGA_MACHINE_DOWN : OMEGA_MACHINE_UP;
    }
    cell->totals = naive_totals(cell);
    return OMEGA_OK;
}

void naive_fini(struct naive_cell *cell)
{
    for (uint32_t i = 0; cell->machines != NULL && i < cell->opening->machine_count; i++) {
        free(cell->machines[i].running);
        free(cell->machines[i].changes);
    }
    for (uint64_t v = 0; v < cell->version_room; v++) {
        free(cell->versions[v]);
    }
    free(cell->machines);
    free(cell->versions);
}

/* ---- changes ---- */

int naive_begin(struct naive_cell *cell, uint32_t placements)
{
    uint64_t version = cell->version + 1;
    if (version >= cell->version_room) {
        uint64_t room = 2 * version + 64;
        struct naive_version **grown = reallocarray(cell->versions, room, sizeof(void *));
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        memset(grown + cell->version_room, 0, (room - cell->version_room) * sizeof(void *));
        cell->versions = grown;
        cell->version_room = room;
    }
    if (placements > 0) {
        struct naive_version *made = malloc(sizeof *made + placements * sizeof made->machines[0]);
        if (made == NULL) {
            return OMEGA_ENOMEM;
        }
        made->count = placements;
        made->running = 0;
        memset(made->machines, 0xff, placements * sizeof made->machines[0]);
        cell->versions[version] = made;
    }
    cell->version = version;
    return OMEGA_OK;
}

/* Notes what the current version did to a machine. */
static int note(struct naive_cell *cell, struct naive_machine *machine, uint16_t instance)
{
    if (grow((void **)&machine->changes, &machine->change_room, machine->change_count,
             sizeof *machine->changes) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    const struct naive_change *rival = naive_rival(machine, instance);
    machine->changes[machine->change_count++] = (struct naive_change){
        .version = cell->version,
        .seq = machine->seq,
        .other = rival == NULL ? 0 : (uint32_t)(rival - machine->changes) + 1,
        .instance = instance,
    };
    machine->placed_last =
        instance == OMEGA_INSTANCE_NONE ? machine->placed_last : machine->change_count;
    return OMEGA_OK;
}

static void count_use(struct store_totals *totals, const struct omega_request *request, int sign)
{
    totals->cpu_used_milli += (int64_t)sign * request->cpu_milli;
    totals->mem_used_mib += (int64_t)sign * request->mem_mib;
    totals->gpu_used_milli += (int64_t)sign * request->gpu_devices * request->gpu_milli;
}

static int add_running(struct naive_machine *machine, const struct naive_placement *placement)
{
    if (grow((void **)&machine->running, &machine->running_room, machine->running_count,
             sizeof *machine->running) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    machine->running[machine->running_count++] = *placement;
    return OMEGA_OK;
}

int naive_place(struct naive_cell *cell, uint32_t index, uint32_t position,
                const struct naive_placement *placement)
{
    struct naive_machine *machine = &cell->machines[index];
    struct naive_version *version = cell->versions[cell->version];
    if (add_running(machine, placement) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    machine->running[machine->running_count - 1].id = omega_placement_id(cell->version, position);
    version->machines[position] = index;
    version->running++;
    count_use(&cell->totals, &placement->request, 1);
    machine->seq++;
    return note(cell, machine, placement->instance);
}

uint32_t naive_find(const struct naive_cell *cell, uint64_t placement)
{
    uint64_t version = omega_placement_version(placement);
    const struct naive_version *made =
        version <= cell->version && version < cell->version_room ? cell->versions[version] : NULL;
    uint32_t position = omega_placement_position(placement);
    return made == NULL || position >= made->count ? UINT32_MAX : made->machines[position];
}

int naive_end(struct naive_cell *cell, uint64_t placement, struct naive_placement *ended)
{
    uint32_t index = naive_find(cell, placement);
    struct naive_machine *machine = &cell->machines[index];
    struct naive_version **made = &cell->versions[omega_placement_version(placement)];
    uint32_t i = 0;
    while (machine->running[i].id != placement) {
        i++;
    }
    *ended = machine->running[i];
    machine->running[i] = machine->running[--machine->running_count];
    count_use(&cell->totals, &ended->request, -1);
    (*made)->machines[omega_placement_position(placement)] = UINT32_MAX;
    if (--(*made)->running == 0) {
        free(*made);
        *made = NULL;
    }
    if (!cell->opening->release_raises_seq) {
        return OMEGA_OK;
    }
    machine->seq++;
    return note(cell, machine, OMEGA_INSTANCE_NONE);
}

int naive_event(struct naive_cell *cell, const struct omega_machine_event *event)
{
    struct naive_machine *machine = &cell->machines[event->machine];
    const struct omega_machine_spec *spec = &cell->opening->machines[event->machine];
    int after = omega_machine_state_after(machine->state, event->kind);
    if (after < 0) {
        return OMEGA_EINVAL;
    }
    if (event->kind == OMEGA_EVENT_ADD) {
        machine->cpu_milli = event->cpu_milli != 0 ? event->cpu_milli : spec->cpu_milli;
        machine->mem_mib = event->mem_mib != 0 ? event->mem_mib : spec->mem_mib;
        machine->gpu_devices = spec->gpu_devices;
    } else if (event->kind == OMEGA_EVENT_CAPACITY) {
        machine->cpu_milli = event->cpu_milli;
        machine->mem_mib = event->mem_mib;
        machine->gpu_devices = event->gpu_devices;
    }
    machine->state = (uint8_t)after;
    machine->seq++;
    cell->totals = naive_totals(cell);
    return note(cell, machine, OMEGA_INSTANCE_NONE);
}

int naive_leak(struct naive_cell *cell, uint32_t machine)
{
    cell->machines[machine].seq++;
    return note(cell, &cell->machines[machine], OMEGA_INSTANCE_NONE);
}

/* ---- adding up ---- */

static void add(struct naive_use *use, const struct omega_request *request, uint8_t devices)
{
    use->cpu_milli += request->cpu_milli;
    use->mem_mib += request->mem_mib;
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        use->gpu_milli[device] += (devices >> device & 1) != 0 ? request->gpu_milli : 0;
    }
}

struct naive_use naive_used(const struct naive_machine *machine)
{
    struct naive_use use = {0};
    for (uint32_t i = 0; i < machine->running_count; i++) {
        add(&use, &machine->running[i].request, machine->running[i].devices);
    }
    return use;
}

/* Is a use within so many thousandths of a capacity, and within what a record can hold? */
static bool fits(int64_t use, int64_t capacity, int32_t permille)
{
    return use <= INT32_MAX && use * 1000 <= capacity * permille;
}

bool naive_within(const struct naive_cell *cell, const struct naive_machine *machine,
                  const struct naive_use *use)
{
    const struct omega_overcommit *overcommit = &cell->opening->overcommit;
    bool within = fits(use->cpu_milli, machine->cpu_milli, overcommit->cpu_permille) &&
                  fits(use->mem_mib, machine->mem_mib, overcommit->mem_permille);
    for (int device = 0; within && device < OMEGA_GPU_DEVICES_MAX; device++) {
        int64_t capacity = device < machine->gpu_devices ? OMEGA_GPU_DEVICE_MILLI : 0;
        within = fits(use->gpu_milli[device], capacity, overcommit->gpu_permille);
    }
    return within;
}

struct store_totals naive_totals(const struct naive_cell *cell)
{
    struct store_totals totals = {0};
    for (uint32_t i = 0; i < cell->opening->machine_count; i++) {
        const struct naive_machine *machine = &cell->machines[i];
        for (uint32_t p = 0; p < machine->running_count; p++) {
            count_use(&totals, &machine->running[p].request, 1);
        }
        if (machine->state != OMEGA_MACHINE_DOWN) {
            totals.cpu_capacity_milli += machine->cpu_milli;
            totals.mem_capacity_mib += machine->mem_mib;
            totals.gpu_capacity_milli += (int64_t)machine->gpu_devices * OMEGA_GPU_DEVICE_MILLI;
        }
    }
    return totals;
}

uint64_t naive_seq_at(const struct naive_machine *machine, uint64_t version)
{
    for (uint32_t i = machine->change_count; i > 0; i--) {
        if (machine->changes[i - 1].version <= version) {
            return machine->changes[i - 1].seq;
        }
    }
    return 0;
}

const struct naive_change *naive_rival(const struct naive_machine *machine, uint16_t instance)
{
    if (machine->placed_last == 0) {
        return NULL;
    }
    const struct naive_change *last = &machine->changes[machine->placed_last - 1];
    if (last->instance != instance) {
        return last;
    }
    return last->other == 0 ? NULL : &machine->changes[last->other - 1];
}

/* ---- for the pure rule ---- */

static int32_t limit(int32_t capacity, int32_t permille)
{
    int64_t limit = (int64_t)capacity * permille / 1000;
    return limit > INT32_MAX ? INT32_MAX : (int32_t)limit;
}

/* The last two placements by different instances. */
static void record_placers(const struct naive_machine *machine, struct omega_machine *record)
{
    const struct naive_change *last = naive_rival(machine, OMEGA_INSTANCE_NONE);
    const struct naive_change *other = last == NULL ? NULL : naive_rival(machine, last->instance);
    record->placed_by[0] = last == NULL ? OMEGA_INSTANCE_NONE : last->instance;
    record->placed_version[0] = last == NULL ? 0 : last->version;
    record->placed_by[1] = other == NULL ? OMEGA_INSTANCE_NONE : other->instance;
    record->placed_version[1] = other == NULL ? 0 : other->version;
}

void naive_record(const struct naive_cell *cell, uint32_t index, struct omega_machine *record)
{
    const struct naive_machine *machine = &cell->machines[index];
    const struct omega_overcommit *overcommit = &cell->opening->overcommit;
    struct naive_use use = naive_used(machine);
    *record = (struct omega_machine){
        .seq = machine->seq,
        .state = machine->state,
        .gpu_devices = machine->gpu_devices,
        .gpu_limit_milli = (int16_t)limit(OMEGA_GPU_DEVICE_MILLI, overcommit->gpu_permille),
        .cpu_limit_milli = limit(machine->cpu_milli, overcommit->cpu_permille),
        .mem_limit_mib = limit(machine->mem_mib, overcommit->mem_permille),
        .cpu_used_milli = (int32_t)use.cpu_milli,
        .mem_used_mib = (int32_t)use.mem_mib,
        .index = index,
        .may_exceed = !naive_within(cell, machine, &use),
        .cpu_capacity_milli = machine->cpu_milli,
        .mem_capacity_mib = machine->mem_mib,
    };
    record_placers(machine, record);
    for (uint32_t i = 0; i < machine->running_count; i++) {
        const struct naive_placement *placement = &machine->running[i];
        record->band_cpu_milli[placement->band] += placement->request.cpu_milli;
        record->band_mem_mib[placement->band] += placement->request.mem_mib;
        for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
            int16_t *used = &record->band_gpu_milli[placement->band][device];
            bool takes = (placement->devices >> device & 1) != 0;
            *used = (int16_t)(*used + (takes ? placement->request.gpu_milli : 0));
        }
    }
}

/* ---- the naive rule ---- */

int naive_scratch_init(struct naive_scratch *scratch, uint32_t machines)
{
    *scratch = (struct naive_scratch){0};
    scratch->claims = calloc(machines + 1u, sizeof *scratch->claims);
    scratch->broken = calloc(machines + 1u, sizeof *scratch->broken);
    scratch->good = calloc(OMEGA_GROUPS_MAX, sizeof *scratch->good);
    return scratch->claims == NULL || scratch->broken == NULL || scratch->good == NULL
               ? OMEGA_ENOMEM
               : OMEGA_OK;
}

void naive_scratch_fini(struct naive_scratch *scratch)
{
    free(scratch->claims);
    free(scratch->broken);
    free(scratch->good);
}

/* Has the machine's sequence moved, as far as this claim may tell? Under compat-seq-aba the n-th
 * claim on a machine, from 0, carries a sequence n higher, and one that is high enough passes. */
static bool is_stale(const struct naive_cell *cell, const struct naive_machine *machine,
                     const struct omega_claim *claim, uint32_t earlier)
{
    if ((cell->opening->compat & COMPAT_SEQ_ABA) != 0) {
        return claim->seq + earlier < machine->seq;
    }
    return claim->seq != machine->seq;
}

/* What becomes of one claim by itself, the good ones before it being on their machines. */
static uint8_t judge(const struct naive_cell *cell, const struct naive_scratch *scratch,
                     const struct omega_transaction *txn, const struct omega_claim *claim,
                     uint8_t refused)
{
    const struct naive_machine *machine = &cell->machines[claim->machine];
    if (machine->state != OMEGA_MACHINE_UP) {
        return OMEGA_REFUSED_MACHINE_DOWN;
    }
    if (refused != OMEGA_ACCEPTED) {
        return refused;
    }
    bool stale = txn->detection == OMEGA_DETECT_COARSE &&
                 is_stale(cell, machine, claim, scratch->claims[claim->machine]);
    struct naive_use use = naive_used(machine);
    add(&use, &claim->request, claim->devices);
    if (!stale && naive_within(cell, machine, &use)) {
        return OMEGA_ACCEPTED;
    }
    const struct naive_change *rival = naive_rival(machine, txn->instance);
    bool raced = rival != NULL && rival->version > claim->synced;
    if (!raced && !(stale && cell->opening->compat != 0)) {
        return OMEGA_REFUSED_MACHINE_CHANGED;
    }
    return stale ? OMEGA_CONFLICT_SEQ_CHANGED : OMEGA_CONFLICT_NO_LONGER_FITS;
}

/* Does what the granularity binds together stand? */
static bool stands(const struct naive_scratch *scratch, const struct omega_transaction *txn,
                   uint32_t claim, bool all_good)
{
    switch ((enum omega_granularity)txn->granularity) {
    case OMEGA_COMMIT_TASK:
        return true;
    case OMEGA_COMMIT_MACHINE:
        return !scratch->broken[txn->claims[claim].machine];
    case OMEGA_COMMIT_AT_LEAST:
        for (uint32_t g = 0; g < txn->group_count; g++) {
            if (scratch->good[g] < txn->group_minimum[g]) {
                return false;
            }
        }
        return true;
    case OMEGA_COMMIT_ALL:
    case OMEGA_COMMIT_GANG:
        break;
    }
    return all_good;
}

/* Takes what was placed for the time being off again, and clears the marks. */
static void take_back(struct naive_cell *cell, struct naive_scratch *scratch,
                      const struct omega_transaction *txn, uint32_t judged)
{
    for (uint32_t i = 0; i < judged; i++) {
        uint32_t index = txn->claims[i].machine;
        struct naive_machine *machine = &cell->machines[index];
        while (machine->running_count > 0 && machine->running[machine->running_count - 1].id == 0) {
            machine->running_count--;
        }
        scratch->claims[index] = 0;
        scratch->broken[index] = false;
    }
}

int naive_decide(struct naive_cell *cell, struct naive_scratch *scratch,
                 const struct omega_transaction *txn, const uint8_t *refused, uint8_t *outcomes)
{
    bool all_good = true;
    int rc = OMEGA_OK;
    memset(scratch->good, 0, OMEGA_GROUPS_MAX * sizeof *scratch->good);
    uint32_t i = 0;
    for (; rc == OMEGA_OK && i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        outcomes[i] = judge(cell, scratch, txn, claim, refused[i]);
        scratch->claims[claim->machine]++;
        if (outcomes[i] == OMEGA_ACCEPTED) {
            struct naive_placement taken = {.request = claim->request, .devices = claim->devices};
            rc = add_running(&cell->machines[claim->machine], &taken);
            scratch->good[claim->group]++;
        } else {
            all_good = false;
            scratch->broken[claim->machine] = true;
        }
    }
    for (uint32_t k = 0; rc == OMEGA_OK && !all_good && k < txn->claim_count; k++) {
        if (outcomes[k] == OMEGA_ACCEPTED && !stands(scratch, txn, k, all_good)) {
            outcomes[k] = OMEGA_ABORTED;
        }
    }
    take_back(cell, scratch, txn, i);
    return rc;
}
