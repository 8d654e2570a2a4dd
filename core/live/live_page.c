/* SPDX-License-Identifier: MIT */
/* What a process of a live cell tells its statistics page (core/monitor/page.h). */
#include "core/live/live_private.h"

int live_page_open(struct live_process *process, const struct page_who *who, omega_error_t *err)
{
    return page_create(process->directory_fd, process->number, who, &process->page, err);
}

void live_page_close(struct live_process *process)
{
    page_close(process->page);
    process->page = NULL;
}

/* The view has been brought up to date: what follows is planning. */
static void on_synced(void *context)
{
    struct live_process *process = context;
    int64_t now_ns = live_clock_ns();
    page_took(process->page, PAGE_REFRESH, now_ns - process->plan_ns);
    process->plan_ns = now_ns;
}

void live_page_plans(struct live_process *process, struct runner *runner, int64_t now_ns)
{
    process->plan_ns = now_ns;
    runner->synced = on_synced;
    runner->synced_context = process;
}

void live_page_planned(struct live_process *process, const struct runner *runner, int64_t now_ns)
{
    page_took(process->page, PAGE_PLAN, now_ns - process->plan_ns);
    page_set(process->page, PAGE_VIEW_VERSION, runner->view->shown.version);
}

void live_page_attempt(struct live_process *process, const struct runner *runner,
                       const struct omega_result *result, enum settlement settlement, int64_t ns)
{
    struct page *page = process->page;
    page_add(page, PAGE_ATTEMPTS, 1);
    if (runner->plan.count == 0) {
        page_add(page, PAGE_NO_FIT, 1);
    } else if (runner->falls_short) {
        page_add(page, PAGE_SHORT, 1);
    } else {
        struct omega_transaction txn;
        attempt_transaction(runner, &txn);
        page_transaction(page, &txn, attempt_results(runner), result);
        page_took(page, PAGE_COMMIT, ns);
        page_set(page, PAGE_VIEW_VERSION, runner->view->shown.version);
    }
    if (settlement == SETTLED_DONE) {
        page_add(page, PAGE_JOBS_SCHEDULED, 1);
    } else if (settlement == SETTLED_ABANDON) {
        page_add(page, PAGE_JOBS_ABANDONED, 1);
    }
}
