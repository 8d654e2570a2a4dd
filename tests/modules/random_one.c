/* SPDX-License-Identifier: MIT */
/*
 * random_one: the oracle's module. Puts the tasks of a group on machines drawn uniformly, without
 * bias and without repetition, from those that suit in the view at the attempt's start. On a cell
 * of S one-slot machines, N instances with K tasks each then collide as the formula says.
 */
#include <stdlib.h>

#include "schedulers/placement.h"

struct random_one {
    const struct omega_host *host;
    uint32_t *machines;
    uint32_t room;
};

static int random_one_init(void *state, const struct omega_host *host)
{
    ((struct random_one *)state)->host = host;
    return 0;
}

static void random_one_fini(void *state)
{
    free(((struct random_one *)state)->machines);
}

/* Lists the machines that suit; 0 also without memory. */
static uint32_t list_suiting(struct random_one *self, const struct omega_place *place)
{
    if (place->machine_count > self->room) {
        free(self->machines);
        self->machines = calloc(place->machine_count, sizeof(*self->machines));
        self->room = self->machines == NULL ? 0 : place->machine_count;
    }
    uint32_t count = 0;
    uint32_t machine = omega_place_first(place, 0, self->room);
    while (machine != OMEGA_NO_MACHINE) {
        self->machines[count++] = machine;
        machine = omega_place_first(place, machine + 1, place->machine_count);
    }
    return count;
}

/* Takes one of the first `left` entries out: a step of the Fisher-Yates shuffle. */
static uint32_t draw(struct random_one *self, uint32_t left)
{
    uint32_t at = omega_random_below(self->host->random, left);
    uint32_t machine = self->machines[at];
    self->machines[at] = self->machines[left - 1];
    return machine;
}

static void random_one_place(void *state, const struct omega_pending *pending,
                             const struct omega_view *view, struct omega_txn *txn)
{
    struct random_one *self = state;
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, false)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t left = list_suiting(self, &place);
        uint32_t placed = 0;
        while (placed < run.count && left > 0) {
            uint32_t machine = draw(self, left--);
            if (omega_txn_claim(txn, run.group, run.tasks[placed], machine) == 0) {
                placed++;
            }
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "random_one",
    .summary = "uniformly random distinct machines: the conflict oracle's module",
    .state_size = sizeof(struct random_one),
    .init = random_one_init,
    .fini = random_one_fini,
    .place = random_one_place,
};
