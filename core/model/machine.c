/* SPDX-License-Identifier: MIT */
/* Machine states and events: which follows which, and their names. */
#include "core/model/machine.h"

#include <stddef.h>

const char *omega_machine_state_name(uint8_t state)
{
    static const char *const names[] = {
        [OMEGA_MACHINE_DOWN] = "down",
        [OMEGA_MACHINE_UP] = "up",
        [OMEGA_MACHINE_DRAINING] = "draining",
    };
    return state <= OMEGA_MACHINE_DRAINING ? names[state] : NULL;
}

const char *omega_machine_event_name(uint8_t kind)
{
    static const char *const names[] = {
        [OMEGA_EVENT_ADD] = "add",           [OMEGA_EVENT_REMOVE] = "remove",
        [OMEGA_EVENT_DRAIN] = "drain",       [OMEGA_EVENT_UNDRAIN] = "undrain",
        [OMEGA_EVENT_CAPACITY] = "capacity",
    };
    return kind <= OMEGA_EVENT_CAPACITY ? names[kind] : NULL;
}

int omega_machine_state_after(uint8_t state, uint8_t kind)
{
    switch (kind) {
    case OMEGA_EVENT_ADD:
        return state == OMEGA_MACHINE_DOWN ? OMEGA_MACHINE_UP : -1;
    case OMEGA_EVENT_REMOVE:
        return state != OMEGA_MACHINE_DOWN ? OMEGA_MACHINE_DOWN : -1;
    case OMEGA_EVENT_DRAIN:
        return state == OMEGA_MACHINE_UP ? OMEGA_MACHINE_DRAINING : -1;
    case OMEGA_EVENT_UNDRAIN:
        return state == OMEGA_MACHINE_DRAINING ? OMEGA_MACHINE_UP : -1;
    case OMEGA_EVENT_CAPACITY:
        return state != OMEGA_MACHINE_DOWN ? state : -1;
    default:
        return -1;
    }
}
