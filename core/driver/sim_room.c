/* SPDX-License-Identifier: MIT */
/* Looking at what is free in the cell, where fragmentation is to be measured. */
#include "core/driver/simulate_private.h"

static int look(struct simulation *sim, struct metrics_room *room, omega_error_t *err)
{
    const struct omega_request *task = metrics_room_task(sim->metrics);
    for (uint32_t m = 0; m < sim->store->machine_count; m++) {
        struct omega_machine machine;
        int rc = store_machine(sim->store, m, &machine, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        metrics_room_add(room, &machine, task);
    }
    return OMEGA_OK;
}

int sim_measure_room(struct simulation *sim, int64_t before_us, omega_error_t *err)
{
    struct metrics_room room = {0};
    if (sim->room_due_us >= before_us) {
        return OMEGA_OK;
    }
    int rc = look(sim, &room, err);
    while (rc == OMEGA_OK && sim->room_due_us < before_us) { /* nothing has changed in between */
        metrics_room(sim->metrics, &room);
        sim->room_due_us = metrics_room_due(sim->metrics);
    }
    return rc;
}
