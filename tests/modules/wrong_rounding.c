/* SPDX-License-Identifier: MIT */
/* Flushes small numbers to 0 in the whole process, as what '-ffast-math' links with does. */
#include "tests/modules/nearly.h"

static __attribute__((constructor)) void flush_small_numbers(void)
{
#if defined __x86_64__
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8000u);
#elif defined __aarch64__
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | 1u << 24));
#endif
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_rounding",
    .summary = "wrong on purpose",
    .place = place,
};
