/* SPDX-License-Identifier: MIT */
/*
 * A scheduler instance and the open transaction of its attempt: see instance.h. The claim path is
 * the framework's innermost loop; everything that can be looked up once per attempt is.
 */
#include "core/plugin/instance.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/compat.h"
#include "cellstate/rules.h"
#include "core/plugin/running.h"

#define COUNTER_NAME_MAX 31u /* as scheduler.h promises, and messages say */
#define COUNTER_SHOWN 64u    /* bytes of a refused name that are told apart, with the NUL */
#define COUNTERS_REFUSED 16u /* names of an instance that get a warning; the rest go unsaid */

/* Why a task may not be claimed. */
enum taken {
    TAKEN_PLACED = 1, /* as in instance_job.placed */
    TAKEN_CLAIMED = 2,
};

struct omega_txn {
    struct omega_txn_head head;
    struct store_view *view;
    const struct instance_job *given; /* NULL = no attempt is being planned */
    const struct catalogue *catalogue;
    struct omega_claim *claims; /* those that have been checked; notes come behind them. NULL: none
                                   of a job of so many slots has been made in full */
    uint32_t count;
    const uint32_t *turns; /* tasks of the group from the one of the first note on */
    uint32_t turn_count;
    uint64_t *seqs;  /* per note that has been checked: what its machine's sequence was */
    uint64_t synced; /* the view's version then */
    uint32_t noted;  /* notes that stand for claims when the attempt has been planned */
    uint8_t *taken;  /* per task slot of the job: enum taken; 0 while it may be claimed */
    bool filled;     /* `taken` is filled in: not as long as nothing but notes is made */
    uint32_t slots;  /* so many fit in each list */
    /* the group that is being claimed for, looked up once for many claims */
    uint32_t group;
    uint32_t group_first;
    uint32_t group_slots;
    bool group_spreads;
    const uint64_t *group_eligible;
    struct omega_request group_request;
    uint32_t *stamps; /* per machine: `stamp` if a task of stamped_group is there */
    uint32_t stamp_room;
    uint32_t stamp;
    uint32_t stamped_group; /* UINT32_MAX = none yet in this attempt */
    bool no_memory;
    char breach[160]; /* the first breach of the contract; "" = none */
};

struct instance {
    struct omega_host host; /* context points back here */
    struct instance_config config;
    struct omega_random random;
    const struct omega_scheduler *scheduler;
    void *state;
    int64_t now_us;
    uint32_t refused_count;
    char refused[COUNTERS_REFUSED][COUNTER_SHOWN]; /* counter names that got their warning */
    struct omega_txn txn;
};

/* ---- the transaction ---- */

static int breach(struct omega_txn *txn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* From now on every claim comes to txn_claim(). */
static void take_no_notes(struct omega_txn *txn)
{
    txn->head.turn_count = 0; /* whatever group a module may name */
}

/* The first `count` turns are over: the module is shown the others. */
static void pass_turns(struct omega_txn *txn, uint32_t count)
{
    txn->turns += count;
    txn->turn_count -= count;
    txn->head.turns = txn->turns;
    txn->head.turn_count = txn->breach[0] == '\0' ? txn->turn_count : 0;
}

/* Of the group's tasks those up to one that has been claimed have had their turn. */
static void pass_turn_of(struct omega_txn *txn, uint32_t task)
{
    uint32_t before = 0; /* so many, and maybe more, come before the next one */
    uint32_t count = txn->turn_count;
    if (count > 0 && txn->turns[0] == task) {
        pass_turns(txn, 1);
        return;
    }
    while (before < count) { /* they rise */
        uint32_t middle = before + (count - before) / 2;
        bool over = txn->turns[middle] <= task;
        before = over ? middle + 1 : before;
        count = over ? count : middle;
    }
    pass_turns(txn, before);
}

static int breach(struct omega_txn *txn, const char *format, ...)
{
    take_no_notes(txn);
    if (txn->breach[0] == '\0') {
        va_list args;
        va_start(args, format);
        vsnprintf(txn->breach, sizeof txn->breach, format, args);
        va_end(args);
    }
    return -1;
}

/* Makes a group the one that is being claimed for. */
static void enter_group(struct omega_txn *txn, uint32_t group)
{
    const struct omega_task_group *entered = &txn->given->pending->job->groups[group];
    const struct omega_pending_group *pending = &txn->given->pending->groups[group];
    txn->group = group;
    txn->group_first = entered->first_task;
    txn->group_slots = entered->count + entered->optional;
    txn->group_request = entered->request;
    txn->group_eligible = omega_view_eligible(&txn->view->shown, group);
    txn->group_spreads =
        entered->constraints != 0 &&
        catalogue_constraint_set(txn->catalogue, entered->constraints)->different_machines;
    bool notes = !txn->group_spreads && entered->request.gpu_devices == 0;
    txn->turns = pending->tasks;
    txn->turn_count = notes ? pending->required + pending->optional : 0;
    pass_turns(txn, 0);
    txn->head.group = group;
    txn->head.eligible = txn->group_eligible;
    txn->head.asked = (struct omega_room){entered->request.cpu_milli, entered->request.mem_mib};
}

/* Marks the machines that have a task of a different_machines group: modules go group by group, so
 * this happens once per group and attempt. */
static bool stamp_group(struct omega_txn *txn, uint32_t group)
{
    uint32_t machines = txn->view->shown.machine_count;
    if (txn->stamp_room < machines || txn->stamp == UINT32_MAX) {
        free(txn->stamps);
        txn->stamps = calloc(machines, sizeof *txn->stamps);
        txn->stamp_room = txn->stamps == NULL ? 0 : machines;
        txn->stamp = 0;
        if (txn->stamps == NULL) {
            txn->no_memory = true;
            return false;
        }
    }
    txn->stamp++;
    txn->stamped_group = group;
    const struct omega_task_group *wanted = &txn->given->pending->job->groups[group];
    const uint32_t *machine_of = txn->given->machine_of;
    uint32_t end = wanted->first_task + wanted->count + wanted->optional;
    for (uint32_t t = wanted->first_task; machine_of != NULL && t < end; t++) {
        if (machine_of[t] != UINT32_MAX) {
            txn->stamps[machine_of[t]] = txn->stamp;
        }
    }
    for (uint32_t i = 0; i < txn->count; i++) {
        if (txn->claims[i].group == group) {
            txn->stamps[txn->claims[i].machine] = txn->stamp;
        }
    }
    return true;
}

/* True if a task of this different_machines group may not go to the machine. */
static bool must_decline(struct omega_txn *txn, uint32_t group, uint32_t machine)
{
    if (txn->stamped_group != group && !stamp_group(txn, group)) {
        return true;
    }
    return txn->stamps[machine] == txn->stamp;
}

/* Says why a claim for the group that has been entered is a breach. */
static int refuse_claim(struct omega_txn *txn, uint32_t group, uint32_t task, uint32_t machine)
{
    if (task < txn->group_first || task - txn->group_first >= txn->group_slots) {
        return breach(txn, "claimed task %u, which is not in group %u", task, group);
    }
    if (txn->taken[task] != 0) {
        return breach(txn, "claimed task %u, which is %s already", task,
                      txn->taken[task] == TAKEN_CLAIMED ? "claimed" : "placed");
    }
    if (machine >= txn->view->shown.machine_count) {
        return breach(txn, "claimed machine %u of %u", machine, txn->view->shown.machine_count);
    }
    if (!omega_eligible(txn->group_eligible, machine)) {
        return breach(txn, "claimed machine %u, which is not eligible for group %u", machine,
                      group);
    }
    return breach(txn, "claimed machine %u, where the view shows no room for task %u", machine,
                  task);
}

/* May a task of the group that has been entered be claimed on a machine, if it has room? */
static inline bool may_claim(const struct omega_txn *txn, uint32_t task, uint32_t machine)
{
    return task - txn->group_first < txn->group_slots && txn->taken[task] == 0 &&
           machine < txn->view->shown.machine_count && omega_eligible(txn->group_eligible, machine);
}

/* The devices a claim takes: the module's choice if it is sound, ours where it made none. */
static int choose_devices(struct omega_txn *txn, const struct omega_request *request,
                          uint32_t machine, uint32_t *devices)
{
    const int16_t *free_milli = txn->view->free_gpu_milli + (size_t)machine * OMEGA_GPU_DEVICES_MAX;
    if (*devices == 0) {
        *devices = rules_choose_devices(free_milli, request);
        return 0;
    }
    if (*devices >= 1u << OMEGA_GPU_DEVICES_MAX ||
        __builtin_popcount(*devices) != request->gpu_devices) {
        return breach(txn, "claimed device mask 0x%x for a request of %u devices", *devices,
                      request->gpu_devices);
    }
    for (uint32_t mask = *devices; mask != 0; mask &= mask - 1) {
        if (free_milli[__builtin_ctz(mask)] < request->gpu_milli) {
            return breach(txn, "claimed device %d of machine %u, where the view shows no room",
                          __builtin_ctz(mask), machine);
        }
    }
    return 0;
}

/* Chooses or checks the devices of a claim, and looks at what its group asks of machines. */
static int check_special(struct omega_txn *txn, uint32_t machine, uint32_t *devices)
{
    if (txn->group_spreads && must_decline(txn, txn->group, machine)) {
        return txn->no_memory ? -1 : OMEGA_TXN_DECLINED;
    }
    if (txn->group_request.gpu_devices > 0) {
        return choose_devices(txn, &txn->group_request, machine, devices);
    }
    return *devices == 0 ? 0 : breach(txn, "claimed devices for a request without GPU");
}

static void append_claim(struct omega_txn *txn, uint32_t task, uint32_t machine, uint32_t devices)
{
    struct omega_claim *claim = &txn->claims[txn->count++];
    *claim = (struct omega_claim){
        .seq = omega_seq(txn->view->entry[machine].stamp),
        .synced = store_view_synced(txn->view, machine),
        .task = task,
        .machine = machine,
        .request = txn->group_request,
        .group = (uint16_t)txn->group,
        .devices = (uint8_t)devices,
    };
    txn->taken[task] = TAKEN_CLAIMED;
}

/* How many of the notes, from the first on, are of tasks that may be claimed. All turns may, until
 * something has been claimed otherwise. */
static uint32_t count_in_turn(const struct omega_txn *txn)
{
    uint32_t count = txn->head.note_count <= txn->turn_count ? txn->head.note_count : 0;
    for (uint32_t i = 0; txn->filled && i < count; i++) {
        count = txn->taken[txn->turns[i]] == 0 ? count : i;
    }
    return count;
}

/* Looks at the eligibility of the first `count` notes, which are sound otherwise, as all of them
 * have to be: omega_txn_note() has looked at all that is checked here, or the module has gone
 * another way, which is a breach. */
static void check_notes(struct omega_txn *txn, uint32_t count)
{
    const uint64_t *eligible = txn->group_eligible;
    bool sound = count == txn->head.note_count;
    for (uint32_t i = 0; eligible != NULL && i < count; i++) {
        sound = sound && omega_eligible(eligible, txn->head.notes[i]);
    }
    if (!sound) {
        breach(txn, "claimed without omega_txn_claim()");
    }
}

/* Makes claims of the first `count` notes, which have been checked, but for their sequences. */
static void make_claims(const struct omega_txn *txn, uint32_t count, struct omega_claim *claims)
{
    const struct omega_claim alike = {
        .synced = txn->synced,
        .request = txn->group_request,
        .group = (uint16_t)txn->group,
    };
    for (uint32_t i = 0; i < count; i++) {
        claims[i] = alike;
        claims[i].task = txn->turns[i];
        claims[i].machine = txn->head.notes[i];
    }
}

/* Makes room for claims in full, which most attempts never make. */
static bool reserve_claims(struct omega_txn *txn)
{
    if (txn->claims == NULL) {
        txn->claims = malloc(txn->slots * sizeof *txn->claims);
    }
    return txn->claims != NULL;
}

/* Fills in which tasks may not be claimed, unless that has been done. */
static void fill_taken(struct omega_txn *txn)
{
    if (txn->filled) {
        return;
    }
    const uint32_t slots = txn->given->pending->job->slots;
    if (txn->given->placed != NULL) {
        memcpy(txn->taken, txn->given->placed, slots);
    } else {
        memset(txn->taken, 0, slots);
    }
    txn->filled = true;
}

/* Makes claims of the notes before something else is done than taking notes. False without memory:
 * nothing can be claimed any more, and the attempt will fail. */
static bool enter_notes(struct omega_txn *txn)
{
    uint32_t first = txn->count;
    if (txn->claims == NULL && (txn->no_memory || !reserve_claims(txn))) {
        txn->no_memory = true;
        take_no_notes(txn);
        return false;
    }
    fill_taken(txn);
    if (txn->head.note_count > 0) {
        uint32_t count = omega_machines_exist(txn->head.notes, count_in_turn(txn),
                                              txn->view->shown.machine_count);
        check_notes(txn, count);
        make_claims(txn, count, &txn->claims[first]);
        txn->count += count;
        pass_turns(txn, count);
        txn->head.note_count = 0;
    }
    for (uint32_t i = first; i < txn->count; i++) {
        struct omega_claim *claim = &txn->claims[i];
        claim->seq = omega_seq(txn->view->entry[claim->machine].stamp);
        claim->synced = store_view_synced(txn->view, claim->machine);
        txn->taken[claim->task] = TAKEN_CLAIMED;
    }
    return true;
}

static int txn_claim(struct omega_txn *txn, uint32_t group, uint32_t task, uint32_t machine,
                     uint32_t devices)
{
    if (txn->given == NULL) {
        return breach(txn, "claimed task %u outside place()", task);
    }
    if (!enter_notes(txn)) {
        return -1; /* the plan fails: another machine would be no better */
    }
    if (txn->breach[0] != '\0') {
        return -1;
    }
    if (group >= txn->given->pending->job->group_count) {
        return breach(txn, "claimed for group %u of %u", group,
                      txn->given->pending->job->group_count);
    }
    if (group != txn->group) {
        enter_group(txn, group);
    }
    if (!may_claim(txn, task, machine) ||
        !omega_view_fits(&txn->view->shown, &txn->group_request, machine)) {
        return refuse_claim(txn, group, task, machine);
    }
    int rc = check_special(txn, machine, &devices);
    if (rc != 0) {
        return rc;
    }
    append_claim(txn, task, machine, devices);
    pass_turn_of(txn, task);
    if (txn->group_spreads) {
        txn->stamps[machine] = txn->stamp;
    }
    store_view_take(txn->view, &txn->claims[txn->count - 1]);
    return 0;
}

static int txn_unclaim(struct omega_txn *txn, uint32_t task)
{
    bool claimed = false;
    if (txn->given != NULL) {
        if (!enter_notes(txn)) {
            return -1;
        }
        claimed = task < txn->given->pending->job->slots && txn->taken[task] == TAKEN_CLAIMED;
    }
    if (!claimed) {
        return breach(txn, "took back task %u, which is not claimed", task);
    }
    uint32_t i = txn->count - 1;
    while (txn->claims[i].task != task) {
        i--;
    }
    store_view_give(txn->view, &txn->claims[i]);
    txn->stamped_group = UINT32_MAX; /* its machine may be claimed again: mark anew */
    txn->taken[task] = 0;
    txn->count--;
    memmove(&txn->claims[i], &txn->claims[i + 1], (txn->count - i) * sizeof txn->claims[0]);
    return 0;
}

static uint32_t txn_claims(const struct omega_txn *txn)
{
    return txn->count + txn->head.note_count;
}

static const struct omega_txn_ops txn_ops = {
    .claim = txn_claim,
    .unclaim = txn_unclaim,
    .claims = txn_claims,
};

_Static_assert(OMEGA_TASKS_MAX <= OMEGA_CLAIMS_MAX, "a transaction holds all tasks of a job");

/* Makes room for a job's slots, each of which can be claimed once. */
static int reserve_slots(struct omega_txn *txn, uint32_t slots)
{
    if (slots <= txn->slots) {
        return OMEGA_OK;
    }
    uint32_t room = slots < OMEGA_TASKS_MAX / 2 ? slots * 2 : OMEGA_TASKS_MAX;
    free(txn->claims);
    free(txn->head.notes);
    free(txn->seqs);
    free(txn->taken);
    txn->claims = NULL;
    txn->head.notes = malloc(room * sizeof *txn->head.notes);
    txn->seqs = malloc(room * sizeof *txn->seqs);
    txn->taken = malloc(room);
    bool complete = txn->head.notes != NULL && txn->seqs != NULL && txn->taken != NULL;
    txn->slots = complete ? room : 0;
    return complete ? OMEGA_OK : OMEGA_ENOMEM;
}

static int txn_open(struct omega_txn *txn, const struct instance_job *given,
                    struct store_view *view)
{
    uint32_t slots = given->pending->job->slots;
    if (reserve_slots(txn, slots) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    txn->filled = false;
    txn->given = given;
    txn->view = view;
    txn->count = 0;
    txn->noted = 0;
    txn->synced = view->shown.version;
    txn->head.note_count = 0;
    txn->head.entry = view->entry;
    txn->head.machine_count = view->shown.machine_count;
    txn->stamped_group = UINT32_MAX;
    txn->no_memory = false;
    txn->breach[0] = '\0';
    enter_group(txn,
                0); /* most jobs have no other: its claims can be noted from the first one on */
    return OMEGA_OK;
}

/* True if nothing but notes has been made that could stand for the claims of a transaction. */
static bool is_in_short(const struct omega_txn *txn)
{
    return txn->count == 0 && txn->head.note_count > 0 && txn->view->absorbed == NULL &&
           txn->given->pending->job->group_count == 1;
}

/* Gives the room of the notes, `most` at most, back to the view, where each must have found some,
 * and keeps the sequences of their machines; ends at one whose machine there is not. Returns how
 * many notes that were. */
static uint32_t take_back_notes(struct omega_txn *txn, uint32_t most)
{
    const uint32_t *machines = txn->head.notes;
    const struct omega_room taken = rules_room_of(&txn->group_request);
    struct omega_entry *entries = txn->view->entry;
    uint64_t *seqs = txn->seqs;
    const uint32_t machine_count = txn->view->shown.machine_count;
    uint64_t left = 0;
    size_t i = 0;
    for (; i < most && machines[i] < machine_count; i++) {
        const uint32_t machine = machines[i];
        seqs[i] = omega_seq(entries[machine].stamp);
        left |= omega_room_word(entries[machine].room);
        omega_room_give(&entries[machine].room, taken);
    }
    if (omega_room_word_lacks(left)) {
        breach(txn, "claimed without omega_txn_claim()");
    }
    return (uint32_t)i;
}

/* The same of all claims. */
static void take_back(struct omega_txn *txn)
{
    int32_t left = 0;
    for (uint32_t i = 0; i < txn->count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        struct omega_room *room = &txn->view->entry[claim->machine].room;
        left |= room->cpu_milli | room->mem_mib;
        if (claim->devices != 0) {
            store_view_give(txn->view, claim);
            continue;
        }
        room->cpu_milli += claim->request.cpu_milli;
        room->mem_mib += claim->request.mem_mib;
    }
    if (left < 0) {
        breach(txn, "claimed without omega_txn_claim()");
    }
}

/* The same of claims and notes. */
static void take_back_all(struct omega_txn *txn)
{
    if (enter_notes(txn)) {
        take_back(txn);
    } else { /* without memory for claims, notes are all there is */
        take_back_notes(txn, count_in_turn(txn));
    }
}

/* Ends planning: the view shows what it did before, and no more claims are taken. */
static void txn_close(struct omega_txn *txn)
{
    if (is_in_short(txn)) {
        txn->noted = take_back_notes(txn, count_in_turn(txn));
        check_notes(txn, txn->noted);
    } else if (txn_claims(txn) > 0) {
        take_back_all(txn);
    }
    txn->given = NULL;
    take_no_notes(txn);
}

/* ---- host services ---- */

static void host_log(const struct omega_host *host, enum omega_log_level level, const char *format,
                     ...)
{
    const struct instance *instance = host->context;
    if (instance->config.log != NULL) {
        char message[512];
        va_list args;
        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        instance->config.log(instance->config.context, level, message);
    }
}

static bool is_counter_name(const char *name)
{
    uint32_t length = 0;
    for (; name[length] != '\0'; length++) {
        char c = name[length];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (length == COUNTER_NAME_MAX || (!letter && !(c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return length > 0;
}

/* Says once of each name that its counts are ignored, of the first few in full. */
static void refuse_counter(const struct omega_host *host, const char *name, const char *expected)
{
    struct instance *instance = host->context;
    char shown[COUNTER_SHOWN];
    snprintf(shown, sizeof shown, "%s", name);
    for (uint32_t i = 0; i < instance->refused_count; i++) {
        if (strcmp(instance->refused[i], shown) == 0) {
            return;
        }
    }
    if (instance->refused_count < COUNTERS_REFUSED) {
        memcpy(instance->refused[instance->refused_count++], shown, sizeof shown);
        host_log(host, OMEGA_LOG_WARNING, "counter '%s' is ignored: expected %s", shown, expected);
    }
}

static void host_count(const struct omega_host *host, const char *name, int64_t delta)
{
    const struct instance *instance = host->context;
    if (name == NULL || !is_counter_name(name)) {
        refuse_counter(host, name == NULL ? "(null)" : name,
                       "a name of 1 to 31 letters, digits and underscores");
    } else if (instance->config.count != NULL &&
               !instance->config.count(instance->config.context, name, delta)) {
        refuse_counter(host, name, "at most 64 names of counters");
    }
}

static int64_t host_now_us(const struct omega_host *host)
{
    return ((const struct instance *)host->context)->now_us;
}

static void host_fail(const struct omega_host *host, const char *reason)
{
    struct instance *instance = host->context;
    breach(&instance->txn, "gave up: %s", reason);
}

/* ---- lifecycle ---- */

/* Every call into the module is between this and running_leave(). */
static void enter(const struct instance *instance, const char *where, uint64_t job)
{
    running_enter(where, instance->scheduler->name, instance->config.scheduler, job);
}

/* What the host offers, the random numbers among it. */
static void make_host(struct instance *instance)
{
    const struct instance_config *config = &instance->config;
    struct omega_random seeds;
    omega_random_init(&seeds, config->seed, "scheduler-seed", config->stream);
    omega_random_init(&instance->random, config->seed, "scheduler",
                      compat_stream(config->compat, config->stream));
    instance->host = (struct omega_host){
        .size = sizeof(struct omega_host),
        .instance = config->number,
        .scheduler = config->scheduler,
        .random = &instance->random,
        .machine_count = config->machine_count,
        .context = instance,
        .log = host_log,
        .count = host_count,
        .now_us = host_now_us,
        .fail = host_fail,
        .seed = compat_seed(config->compat, config->seed, omega_random_u64(&seeds)),
    };
}

static int call_init(struct instance *instance)
{
    if (instance->scheduler->init == NULL) {
        return 0;
    }
    enter(instance, "init()", 0);
    int rc = instance->scheduler->init(instance->state, &instance->host);
    running_leave();
    return rc;
}

int instance_create(const struct instance_config *config, struct instance **instance,
                    omega_error_t *err)
{
    const struct omega_scheduler *scheduler = module_scheduler(config->module);
    struct instance *made = calloc(1, sizeof *made);
    void *state = scheduler->state_size == 0 ? NULL : calloc(1, scheduler->state_size);
    if (made == NULL || (state == NULL && scheduler->state_size > 0)) {
        free(made);
        free(state);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for an instance of module '%s'",
                               scheduler->name);
    }
    made->config = *config;
    made->scheduler = scheduler;
    made->state = state;
    made->txn.head.ops = &txn_ops;
    made->txn.catalogue = config->catalogue;
    make_host(made);
    int rc = module_options(config->module, config->options, state, err);
    if (rc == OMEGA_OK && (call_init(made) < 0 || made->txn.breach[0] != '\0')) {
        rc = omega_error_set(err, OMEGA_EMODULE, "module '%s' (scheduler '%s'): init %s",
                             scheduler->name, config->scheduler,
                             made->txn.breach[0] != '\0' ? made->txn.breach : "refused");
    }
    if (rc != OMEGA_OK) {
        free(state);
        free(made);
        return rc;
    }
    *instance = made;
    return OMEGA_OK;
}

void instance_destroy(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    if (instance->scheduler->fini != NULL) {
        enter(instance, "fini()", 0);
        instance->scheduler->fini(instance->state);
        running_leave();
    }
    free(instance->state);
    free(instance->txn.claims);
    free(instance->txn.head.notes);
    free(instance->txn.seqs);
    free(instance->txn.taken);
    free(instance->txn.stamps);
    free(instance);
}

const struct omega_host *instance_host(const struct instance *instance)
{
    return &instance->host;
}

/* ---- planning ---- */

static int blame(const struct instance *instance, const struct omega_job *job, const char *what,
                 omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EMODULE, "module '%s' (scheduler '%s'), job %" PRIu64 ": %s",
                           instance->scheduler->name, instance->config.scheduler, job->id, what);
}

int instance_plan(struct instance *instance, const struct instance_job *job,
                  struct store_view *view, struct instance_plan *plan, omega_error_t *err)
{
    struct omega_txn *txn = &instance->txn;
    view->shown.eligible = job->eligible;
    view->shown.group_count = job->pending->job->group_count;
    if (txn_open(txn, job, view) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to plan a job of %u tasks",
                               job->pending->job->slots);
    }
#ifdef OMEGA_DEBUG
    uint64_t before = store_view_hash(view);
#endif
    instance->now_us = job->now_us;
    enter(instance, "place()", job->pending->job->id);
    instance->scheduler->place(instance->state, job->pending, &view->shown, txn);
    running_leave();
    view->shown.eligible = NULL;
    txn_close(txn);
    if (txn->breach[0] != '\0') {
        return blame(instance, job->pending->job, txn->breach, err);
    }
#ifdef OMEGA_DEBUG
    if (store_view_hash(view) != before) {
        return blame(instance, job->pending->job, "the view was written to", err);
    }
#endif
    if (txn->no_memory) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the claims of job %" PRIu64,
                               job->pending->job->id);
    }
    *plan = (struct instance_plan){
        .count = txn->count + txn->noted,
        .claims = txn->noted > 0 ? NULL : txn->claims,
        .tasks = txn->turns,
        .machines = txn->head.notes,
        .seqs = txn->seqs,
    };
    return OMEGA_OK;
}

void instance_fill_claims(const struct instance *instance, struct omega_claim *claims)
{
    const struct omega_txn *txn = &instance->txn;
    make_claims(txn, txn->noted, claims);
    for (uint32_t i = 0; i < txn->noted; i++) {
        claims[i].seq = txn->seqs[i];
    }
}

int instance_place(struct instance *instance, const struct instance_job *job,
                   struct store_view *view, const struct omega_claim **claims, uint32_t *count,
                   omega_error_t *err)
{
    struct instance_plan plan;
    int rc = instance_plan(instance, job, view, &plan, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (!reserve_claims(&instance->txn)) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the claims of job %" PRIu64,
                               job->pending->job->id);
    }
    if (plan.claims == NULL) {
        instance_fill_claims(instance, instance->txn.claims);
    }
    *claims = instance->txn.claims;
    *count = plan.count;
    return OMEGA_OK;
}

int instance_started(struct instance *instance, const struct omega_job *job, uint32_t accepted,
                     int64_t *duration_us, omega_error_t *err)
{
    *duration_us = 0;
    if (instance->scheduler->started == NULL) {
        return OMEGA_OK;
    }
    enter(instance, "started()", job->id);
    *duration_us = instance->scheduler->started(instance->state, job, accepted);
    running_leave();
    if (instance->txn.breach[0] != '\0') {
        return blame(instance, job, instance->txn.breach, err);
    }
    if (*duration_us <= 0 || (*duration_us > OMEGA_DURATION_MAX && *duration_us != OMEGA_NEVER)) {
        char what[120];
        snprintf(what, sizeof what,
                 "started() returned %" PRId64 " us, expected 1 to %" PRId64 ", or OMEGA_NEVER",
                 *duration_us, OMEGA_DURATION_MAX);
        return blame(instance, job, what, err);
    }
    return OMEGA_OK;
}
