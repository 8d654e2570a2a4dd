/* SPDX-License-Identifier: MIT */
/* omega top as lines of text: see top_private.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/cli/cell_private.h"
#include "core/cli/top_private.h"

#define LINE_BYTES 512
#define CONFLICT_ROWS 5  /* kept free for conflicts, with their heads, where rows are few */
#define SMALL_COLUMNS 80 /* of a terminal; what there is beyond them, names may have */
#define NAME_COLUMNS 14
#define SHORT_COLUMNS 12 /* of a scheduler that has much to say */

struct page_view {
    const struct watch *watch;
    uint32_t columns;
    uint32_t left; /* rows */
    int longest;   /* name of a scheduler instance */
    FILE *out;
};

/* ---- lines ---- */

/* One line, cut to the columns; what a terminal could take for more than a letter becomes '?'. */
static void line(struct page_view *view, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void line(struct page_view *view, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    if (view->left == 0) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = strlen(text);
    length = length < view->columns ? length : view->columns;
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        fputc(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?', view->out);
    }
    fputc('\n', view->out);
    view->left--;
}

/* "61.2 %", or "-" where there is nothing to use. */
static const char *share(int64_t used, int64_t capacity, char out[16])
{
    if (capacity == 0) {
        snprintf(out, 16, "-");
    } else {
        snprintf(out, 16, "%.1f %%", 100 * (double)used / (double)capacity);
    }
    return out;
}

/* A time in at most five columns: "-", "20us", "5ms", ">10s". */
static const char *duration(int64_t ns, char out[16])
{
    if (ns < 0) {
        snprintf(out, 16, "-");
    } else if (ns == INT64_MAX) {
        snprintf(out, 16, ">10s");
    } else if (ns < 1000000) {
        snprintf(out, 16, "%" PRId64 "us", ns / 1000);
    } else if (ns < 1000000000) {
        snprintf(out, 16, "%" PRId64 "ms", ns / 1000000);
    } else {
        snprintf(out, 16, "%" PRId64 "s", ns / 1000000000);
    }
    return out;
}

/* ---- names ---- */

/* The columns of a name that gets at least so many, where `names` of them share a line. */
static int name_columns(const struct page_view *view, int least, uint32_t names)
{
    uint32_t spare = view->columns > SMALL_COLUMNS ? (view->columns - SMALL_COLUMNS) / names : 0;
    int most = least + (int)(spare < STATUS_NAME_BYTES ? spare : STATUS_NAME_BYTES);
    return view->longest < least ? least : view->longest < most ? view->longest : most;
}

/* The name of a scheduler instance in so many columns: its scheduler's is cut, its number stays. */
static const char *short_name(const struct status *status, uint16_t instance, int columns,
                              char out[STATUS_NAME_BYTES])
{
    size_t length = strlen(status_name(status, instance, out));
    const char *number = strrchr(out, '/');
    size_t kept = number == NULL ? 0 : strlen(number);
    if (length > (size_t)columns && kept < (size_t)columns) {
        memmove(out + columns - kept, out + length - kept, kept);
        out[columns] = '\0';
    }
    return out;
}

static int longest_name(const struct status *status)
{
    size_t longest = 0;
    char name[STATUS_NAME_BYTES];
    for (uint32_t i = 0; i < status->process_count; i++) {
        const struct page_copy *page = &status->processes[i].page;
        if (page->role == PAGE_SCHEDULER) {
            size_t length = strlen(status_name(status, page->instance, name));
            longest = length > longest ? length : longest;
        }
    }
    return (int)longest;
}

/* ---- the cell ---- */

static void print_writer(struct page_view *view)
{
    const struct status *status = &view->watch->now;
    const struct lmdb_writer *writer = &status->writer;
    if (!status->blocked) {
        return;
    }
    line(view, "BLOCKED  process %" PRId32 " (%s) has been writing for %.1f s", writer->pid,
         writer->module[0] == '\0' ? "no name" : writer->module, (double)writer->since_us / 1e6);
}

static void print_cell(struct page_view *view)
{
    const struct status *status = &view->watch->now;
    const struct store_counters *counters = &status->counters;
    const struct store_totals *totals = &status->totals;
    const struct lmdb_info *info = &status->info;
    char cpu[16];
    char mem[16];
    char gpu[16];
    char used[32];
    char map[32];
    line(view, "cell     %.8s  mode %s  version %" PRIu64 "  map %s of %s", info->identity,
         lmdb_mode_name(info->mode), counters->version, cell_bytes_text(info->used_bytes, used),
         cell_bytes_text(info->map_bytes, map));
    line(view,
         "in use   CPU %s  memory %s  GPU %s  readers %" PRIu32 ", the oldest %" PRIu64 " behind",
         share(totals->cpu_used_milli, totals->cpu_capacity_milli, cpu),
         share(totals->mem_used_mib, totals->mem_capacity_mib, mem),
         share(totals->gpu_used_milli, totals->gpu_capacity_milli, gpu), info->readers,
         info->oldest_reader);
    line(view,
         "tasks    %" PRIu64 " pending  %" PRIu64 " running  %" PRIu64 " finished  %" PRIu64
         " failed  %" PRIu64 " abandoned",
         counters->tasks_pending, counters->tasks_running, counters->tasks_finished,
         counters->tasks_failed, counters->tasks_abandoned);
    double successful = watch_rate(view->watch, PAGE_SUCCESSFUL);
    double conflicting = watch_rate(view->watch, PAGE_CONFLICTING);
    line(view, "a second %.1f commits  %.1f placements  %.1f conflicts",
         successful + conflicting + watch_rate(view->watch, PAGE_REFUSED),
         watch_placements(view->watch), conflicting);
    print_writer(view);
    if (status->damaged > 0) {
        line(view, "damaged  %" PRIu32 " pages, the first: %s: %s", status->damaged,
             status->first.source, status->first.text);
    }
}

/* ---- schedulers ---- */

static void print_scheduler(struct page_view *view, const struct status_process *process,
                            int columns)
{
    const struct watch *watch = view->watch;
    const struct page_copy *page = &process->page;
    const struct status_queue queue = status_queue(&watch->now, page->instance);
    char name[STATUS_NAME_BYTES];
    char plan[16];
    char commit[16];
    double commits = watch_page_rate(watch, page, PAGE_SUCCESSFUL) +
                     watch_page_rate(watch, page, PAGE_CONFLICTING) +
                     watch_page_rate(watch, page, PAGE_REFUSED);
    line(view,
         "%-*s %7" PRId32 " %-4s %3" PRIu32 " %5" PRIu64 " %6" PRIu64
         " %8.1f %8.4f %5s %6s %6" PRIu64,
         columns, short_name(&watch->now, page->instance, columns, name), page->pid,
         process->runs ? "runs" : "gone", page->incarnation, queue.jobs, queue.tasks, commits,
         status_conflict_fraction(page, NULL),
         duration(page_quantile_ns(&page->times[PAGE_PLAN], 0.99), plan),
         duration(page_quantile_ns(&page->times[PAGE_COMMIT], 0.99), commit),
         status_view_age(&watch->now, page));
}

static uint32_t count_schedulers(const struct status *status)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < status->process_count; i++) {
        count += status->processes[i].page.role == PAGE_SCHEDULER;
    }
    return count;
}

/* Returns the first that is shown: not all of them need a scroll as far as `first`. */
static uint32_t print_schedulers(struct page_view *view, uint32_t first)
{
    const struct status *status = &view->watch->now;
    uint32_t count = count_schedulers(status);
    uint32_t room = view->left > CONFLICT_ROWS + 3 ? view->left - CONFLICT_ROWS - 1 : 2;
    uint32_t shown = count <= room ? count : room - 1;
    uint32_t skip = first < count - shown ? first : count - shown;
    uint32_t at = 0;
    int columns = name_columns(view, SHORT_COLUMNS, 1);
    line(view, " ");
    line(view, "%-*s %7s %-4s %3s %5s %6s %8s %8s %5s %6s %6s", columns, "scheduler", "process", "",
         "inc", "jobs", "tasks", "commit/s", "conflict", "plan", "commit", "behind");
    for (uint32_t i = 0; i < status->process_count; i++) {
        if (status->processes[i].page.role == PAGE_SCHEDULER) {
            if (at >= skip && at < skip + shown) {
                print_scheduler(view, &status->processes[i], columns);
            }
            at++;
        }
    }
    if (count == 0) {
        line(view, "none has a page here");
    } else if (shown < count) {
        line(view, "%" PRIu32 " to %" PRIu32 " of %" PRIu32, skip + 1, skip + shown, count);
    }
    return skip;
}

/* ---- conflicts ---- */

static void print_conflicts(struct page_view *view)
{
    const struct status *status = &view->watch->now;
    struct status_conflict conflicts[TOP_CONFLICTS];
    uint32_t count = status_conflicts(status, conflicts, TOP_CONFLICTS);
    int columns = name_columns(view, NAME_COLUMNS, 2);
    line(view, " ");
    line(view, "%10s  %-*s %-*s %-*s %-14s %s", "version", columns, "lost by", NAME_COLUMNS,
         "machine", columns, "to", "why", "job.task");
    for (uint32_t i = 0; i < count && view->left > 0; i++) {
        const struct page_conflict *conflict = conflicts[i].conflict;
        char loser[STATUS_NAME_BYTES];
        char rival[STATUS_NAME_BYTES];
        line(view, "%10" PRIu64 "  %-*s %-*.*s %-*s %-14s %" PRIu64 ".%" PRIu32, conflict->version,
             columns, short_name(status, conflicts[i].loser->page.instance, columns, loser),
             NAME_COLUMNS, NAME_COLUMNS, status_machine(view->watch->source, conflict->machine),
             columns, short_name(status, conflict->rival, columns, rival),
             omega_outcome_name(conflict->outcome), conflict->job, conflict->task);
    }
    if (count == 0) {
        line(view, "%10s  no conflict yet", "");
    }
}

uint32_t top_text(const struct watch *watch, uint32_t columns, uint32_t rows, uint32_t first,
                  FILE *out)
{
    struct page_view view = {
        .watch = watch,
        .columns = columns,
        .left = rows == TOP_ALL ? UINT32_MAX : rows,
        .longest = longest_name(&watch->now),
        .out = out,
    };
    print_cell(&view);
    first = print_schedulers(&view, first);
    print_conflicts(&view);
    return first;
}
