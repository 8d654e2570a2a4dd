/* SPDX-License-Identifier: MIT */
/*
 * kill_run PID CELL KILLS SECONDS SEED: kills processes of a live run at random, one in eight of
 * them by SIGSTOP, which its supervisor has to notice. Half of the victims are caught while they
 * write to the cell, so that many die between the store's answer and the log. Measures how long it
 * takes from each to the next commit in the cell, whoever makes it, and prints the distribution.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cellstate/lmdb.h"
#include "cellstate/lmdb_records.h"
#include "core/base/random.h"

#define CHILDREN_MAX 512
#define KILLS_MAX 100000
#define PATIENCE_NS INT64_C(30000000000) /* for a commit */
#define LOOK_NS 50000
#define LATE_NS INT64_C(2000000000) /* for the last kills, where those before took longer */
#define STOPS 8                     /* one in so many is stopped */
#define CATCH_NS INT64_C(50000000)  /* for one of the run to write */

struct run {
    pid_t pid;
    struct store *cell;
    struct omega_random random;
    int64_t *waits_ns; /* of each kill */
    int kills;
    int stops;
    uint64_t seen; /* version */
    bool committed;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void pause_ns(int64_t ns)
{
    nanosleep(&(struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, NULL);
}

/* The processes that the run has started, stopped or not; not those that have ended. */
static int find_children(pid_t parent, pid_t children[CHILDREN_MAX])
{
    int count = 0;
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    while (all != NULL && count < CHILDREN_MAX && (entry = readdir(all)) != NULL) {
        char path[300];
        char text[512] = "";
        int of = 0;
        char state = 'Z';
        snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        FILE *file = pid > 0 ? fopen(path, "re") : NULL;
        if (file == NULL) {
            continue;
        }
        const char *end = fgets(text, sizeof text, file) == NULL ? NULL : strrchr(text, ')');
        if (end != NULL && sscanf(end + 1, " %c %d", &state, &of) == 2 && of == parent &&
            state != 'Z' && state != 'X' && state != 'T') {
            children[count++] = pid;
        }
        fclose(file);
    }
    if (all != NULL) {
        closedir(all);
    }
    return count;
}

static int see(void *context, const struct lmdb_change *change)
{
    struct run *run = context;
    run->seen = change->version;
    run->committed = run->committed || change->kind == RECORD_CHANGE_COMMIT;
    return 0;
}

/* Waits for the next commit; how long it took, or -1. */
static int64_t wait_for_commit(struct run *run, int64_t since_ns)
{
    struct store_counters counters;
    while (now_ns() - since_ns < PATIENCE_NS) {
        store_counters(run->cell, &counters);
        if (counters.version > run->seen) {
            int64_t waited_ns = now_ns() - since_ns;
            run->committed = false;
            if (lmdb_changes(run->cell, run->seen + 1, see, run, NULL) != 0) {
                return -1;
            }
            if (run->committed) {
                return waited_ns;
            }
        }
        pause_ns(LOOK_NS);
    }
    return -1;
}

/* Waits for one of these to write to the cell, and a little, up to the time of a commit. */
static pid_t catch_writer(struct run *run, const pid_t *children, int count)
{
    struct lmdb_writer writer;
    int64_t until_ns = now_ns() + CATCH_NS;
    while (now_ns() < until_ns) {
        if (!lmdb_writer_now(run->cell, &writer)) {
            continue;
        }
        for (int i = 0; i < count; i++) {
            if (children[i] == writer.pid) {
                int64_t at_ns = now_ns() + omega_random_below(&run->random, 200) * INT64_C(1000);
                while (now_ns() < at_ns) {
                    /* a sleep takes longer than that */
                }
                return writer.pid;
            }
        }
    }
    return 0;
}

static bool kill_one(struct run *run)
{
    pid_t children[CHILDREN_MAX];
    struct store_counters counters;
    int count = find_children(run->pid, children);
    if (count == 0) {
        return true; /* all are about to be started again */
    }
    pid_t caught = run->kills % 2 == 0 ? catch_writer(run, children, count) : 0;
    pid_t chosen = children[omega_random_below(&run->random, (uint32_t)count)];
    pid_t victim = caught != 0 ? caught : chosen;
    bool stop = omega_random_below(&run->random, STOPS) == 0;
    store_counters(run->cell, &counters);
    run->seen = counters.version;
    int64_t at_ns = now_ns();
    if (kill(victim, stop ? SIGSTOP : SIGKILL) != 0) {
        return true; /* it has ended just now */
    }
    int64_t waited_ns = wait_for_commit(run, at_ns);
    run->stops += stop;
    run->waits_ns[run->kills++] = waited_ns;
    if (waited_ns < 0) {
        fprintf(stderr, "kill_run: no commit after signal %d to process %d, expected one\n",
                stop ? SIGSTOP : SIGKILL, (int)victim);
    }
    return waited_ns >= 0;
}

static int compare_waits(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct run *run, int percent)
{
    return (double)run->waits_ns[(run->kills - 1) * percent / 100] / 1e6;
}

/* Spreads the kills over the time that there is. */
static int kill_all(struct run *run, int kills, double seconds)
{
    int64_t begin_ns = now_ns();
    int64_t end_ns = begin_ns + (int64_t)(seconds * 1e9);
    while (run->kills < kills && now_ns() < end_ns + LATE_NS) {
        int64_t left_ns = end_ns > now_ns() ? end_ns - now_ns() : 0;
        int64_t mean_ns = left_ns / (kills - run->kills);
        pause_ns((int64_t)(2 * omega_random_unit(&run->random) * (double)mean_ns));
        if (!kill_one(run)) {
            return EXIT_FAILURE;
        }
    }
    qsort(run->waits_ns, (size_t)run->kills, sizeof *run->waits_ns, compare_waits);
    printf("%d kills, %d of them by SIGSTOP; time to the next commit: median %.1f ms, p99 %.1f ms, "
           "longest %.1f ms\n",
           run->kills, run->stops, percentile_ms(run, 50), percentile_ms(run, 99),
           percentile_ms(run, 100));
    return run->kills >= kills ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **arguments)
{
    omega_error_t err = {0};
    struct run run = {.pid = 0};
    if (count != 6) {
        fprintf(stderr, "usage: kill_run PID CELL KILLS SECONDS SEED\n");
        return 2;
    }
    int kills = (int)strtol(arguments[3], NULL, 10);
    struct lmdb_use use = {.module = "kill_run", .read_only = true};
    run.pid = (pid_t)strtol(arguments[1], NULL, 10);
    run.waits_ns = kills > 0 && kills <= KILLS_MAX ? calloc((size_t)kills, sizeof(int64_t)) : NULL;
    omega_random_init(&run.random, strtoull(arguments[5], NULL, 10), "kill-run", 0);
    if (run.waits_ns == NULL || lmdb_open(arguments[2], &use, &run.cell, &err) != OMEGA_OK) {
        fprintf(stderr, "kill_run: %s\n", err.text);
        return EXIT_FAILURE;
    }
    int rc = kill_all(&run, kills, strtod(arguments[4], NULL));
    store_close(run.cell);
    free(run.waits_ns);
    return rc;
}
