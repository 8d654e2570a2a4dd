/* SPDX-License-Identifier: MIT */
/* The processor's cache: what it moves at once, and asking for something before it is needed. */
#ifndef OMEGA_CORE_BASE_CACHE_H
#define OMEGA_CORE_BASE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE ((size_t)64) /* bytes */

/* In a cell of so many machines, what is known of a machine, or of a job when its tasks end, is out
 * of the processor's own caches by the time it is looked at again; in smaller ones asking for it
 * ahead is work for nothing. Modules, which see no header of this folder, have OMEGA_PLACE_FAR. */
#define CACHE_MACHINES_FAR 40000u

/* For functions that do nothing but ask: gcc takes them for ones without effect, and removes what
 * it has not put in place by then. */
#define CACHE_ASKS static inline __attribute__((always_inline)) void

/* Asks for `bytes` from a place on, which will be looked at, mostly to be written; there need not
 * be so many, or any. */
CACHE_ASKS cache_ask(const void *at, size_t bytes)
{
    const uintptr_t end = (uintptr_t)at + bytes;
    for (uintptr_t line = (uintptr_t)at & -CACHE_LINE; line < end; line += CACHE_LINE) {
        __builtin_prefetch((const void *)line, 1);
    }
}

#endif
