/* SPDX-License-Identifier: MIT */
/* Does in started() what belongs into place(), gives up there, or returns no time at all. */
#include "tests/modules/nearly.h"

enum what {
    CLAIMS,
    UNCLAIMS,
    FAILS,
    RETURNS_TOO_MUCH,
};

struct state {
    const struct omega_host *host;
    struct omega_txn *txn;
    int what;
};

static int init(void *state, const struct omega_host *host)
{
    ((struct state *)state)->host = host;
    return 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    ((struct state *)state)->txn = txn;
    nearly_place(pending, view, txn);
}

static int64_t started(void *state, const struct omega_job *job, uint32_t accepted)
{
    const struct state *own = state;
    switch (own->what) {
    case CLAIMS:
        omega_txn_claim(own->txn, 0, job->slots - 1, accepted % 2);
        break;
    case UNCLAIMS:
        omega_txn_unclaim(own->txn, 0);
        break;
    case FAILS:
        own->host->fail(own->host, "no model of such a job");
        break;
    default:
        return OMEGA_NEVER - 1;
    }
    return 1;
}

static const char *const choices[] = {"claims", "unclaims", "fails", "returns_too_much", NULL};

static const struct omega_option options[] = {
    {
        .name = "what",
        .help = "what it does wrong",
        .type = OMEGA_OPTION_CHOICE,
        .offset = offsetof(struct state, what),
        .choices = choices,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_late",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .init = init,
    .place = place,
    .started = started,
};
