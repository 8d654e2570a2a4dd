/* SPDX-License-Identifier: MIT */
/*
 * Memory lent for one call: see lend.h. The bytes lie in a file in memory that is mapped twice, for
 * the module to read and for the host to write. A loan that is over keeps its addresses for a while
 * with nothing behind them, so that a pointer into it hits nothing else.
 */
#include "core/kit/lend.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 64u
#define PARTS_MAX 32u
#define LOANS_KEPT 32u

/* What both mappings of a loan hold: at equal offsets, the host's behind the module's. */
struct part {
    const char *name;
    size_t offset;
};

struct loan {
    char *address; /* of 2 x size bytes; NULL = not used yet */
    struct part parts[PARTS_MAX];
    uint32_t part_count;
};

struct lender {
    int file;
    size_t size;
    bool retire;
    bool lent;      /* between begin and end */
    uint32_t begun; /* how many loans there were */
    size_t used;
    struct loan loans[LOANS_KEPT]; /* [begun % LOANS_KEPT] is the present one */
};

static struct lender *opened; /* for a signal handler, which gets no context */

static struct loan *present(struct lender *lender)
{
    return &lender->loans[lender->begun % LOANS_KEPT];
}

int lender_open(size_t size, bool retire, struct lender **lender, omega_error_t *err)
{
    struct lender *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to lend");
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    made->size = (size + page - 1) / page * page;
    made->retire = retire;
    made->file = memfd_create("omega-lend", MFD_CLOEXEC);
    if (made->file < 0 || ftruncate(made->file, (off_t)made->size) != 0) {
        int rc = omega_error_set_errno(err, NULL, "cannot make memory to lend");
        lender_close(made);
        return rc;
    }
    *lender = made;
    opened = made;
    return OMEGA_OK;
}

void lender_close(struct lender *lender)
{
    if (lender == NULL) {
        return;
    }
    for (uint32_t i = 0; i < LOANS_KEPT; i++) {
        if (lender->loans[i].address != NULL) {
            munmap(lender->loans[i].address, 2 * lender->size);
        }
    }
    if (lender->file >= 0) {
        close(lender->file);
    }
    opened = opened == lender ? NULL : opened;
    free(lender);
}

/* Maps the file twice, one mapping behind the other, in the place of the oldest loan. */
static char *map_twice(const struct lender *lender)
{
    size_t size = lender->size;
    char *both = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (both == MAP_FAILED) {
        return NULL;
    }
    if (mmap(both, size, PROT_READ, MAP_SHARED | MAP_FIXED, lender->file, 0) == MAP_FAILED ||
        mmap(both + size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, lender->file, 0) ==
            MAP_FAILED) {
        munmap(both, 2 * size);
        return NULL;
    }
    return both;
}

int lender_begin(struct lender *lender, omega_error_t *err)
{
    if (lender->retire || present(lender)->address == NULL) {
        char *address = map_twice(lender); /* before the oldest goes: at addresses of its own */
        if (address == NULL) {
            return omega_error_set_errno(err, NULL, "cannot map memory to lend");
        }
        lender->begun++;
        if (present(lender)->address != NULL) {
            munmap(present(lender)->address, 2 * lender->size);
        }
        present(lender)->address = address;
    }
    present(lender)->part_count = 0;
    lender->used = 0;
    lender->lent = true;
    return OMEGA_OK;
}

const void *lender_put(struct lender *lender, const void *bytes, size_t size, const char *name)
{
    struct loan *loan = present(lender);
    if (size > lender->size - lender->used || loan->part_count == PARTS_MAX) {
        return NULL;
    }
    char *shown = loan->address + lender->used;
    if (bytes != NULL && size > 0) {
        memcpy(shown + lender->size, bytes, size);
    }
    loan->parts[loan->part_count++] = (struct part){name, lender->used};
    size_t used = (lender->used + size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    lender->used = used < lender->size ? used : lender->size;
    return shown;
}

void *lender_writable(const struct lender *lender, const void *lent)
{
    return (char *)(uintptr_t)lent + lender->size;
}

void lender_end(struct lender *lender)
{
    lender->lent = false;
    if (lender->retire) {
        mprotect(present(lender)->address, 2 * lender->size, PROT_NONE);
    }
}

static const char *part_name(const struct loan *loan, size_t offset)
{
    const char *name = "what it was lent";
    for (uint32_t i = 0; i < loan->part_count && loan->parts[i].offset <= offset; i++) {
        name = loan->parts[i].name;
    }
    return name;
}

bool lend_explain(const void *address, const char **what, const char **name)
{
    const struct lender *lender = opened;
    for (uint32_t i = 0; lender != NULL && i < LOANS_KEPT; i++) {
        const struct loan *loan = &lender->loans[i];
        uintptr_t first = (uintptr_t)loan->address;
        uintptr_t at = (uintptr_t)address;
        if (first != 0 && at >= first && at - first < 2 * lender->size) {
            bool now = lender->lent && i == lender->begun % LOANS_KEPT;
            *what = now || !lender->retire ? "wrote to " : "used after the call that lent it: ";
            *name = part_name(loan, (at - first) % lender->size);
            return true;
        }
    }
    return false;
}
