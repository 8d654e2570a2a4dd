/* SPDX-License-Identifier: MIT */
/*
 * Memory that is lent to a module for one call: it can be read during the call, not written, and
 * afterwards not used at all. What a module does against that ends in a signal, and the address
 * tells what it was: lend_explain().
 */
#ifndef OMEGA_CORE_KIT_LEND_H
#define OMEGA_CORE_KIT_LEND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct lender;

/* A lender of up to `size` bytes at a time. With `retire` each loan gets other addresses, and can
 * be read no more once it is over; without, it is the same memory each time. OMEGA_EIO where there
 * is no such memory, OMEGA_ENOMEM. */
int lender_open(size_t size, bool retire, struct lender **lender, omega_error_t *err);
void lender_close(struct lender *lender); /* NULL is allowed */

/* Begins a loan. OMEGA_EIO. */
int lender_begin(struct lender *lender, omega_error_t *err);

/* Copies `size` bytes into the loan and returns where the module may read them; NULL if they are
 * too many. `name`, a constant, is how messages call them. */
const void *lender_put(struct lender *lender, const void *bytes, size_t size, const char *name);

/* Where the host may write what lender_put() has returned. */
void *lender_writable(const struct lender *lender, const void *lent);

/* Ends the loan. */
void lender_end(struct lender *lender);

/* What a signal at this address means for the loans of the lender opened last, such as "wrote to
 * view->entry"; returns false for an address that was never lent. Async-signal-safe. */
bool lend_explain(const void *address, const char **what, const char **name);

#endif
