/* SPDX-License-Identifier: MIT */
/*
 * stop_writer CELL: stops (SIGSTOP) a process at a moment when it holds the lock of the writers of
 * a cell, and prints its id. One that was stopped elsewhere goes on at once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cellstate/lmdb.h"

#define SECONDS_MAX 4 /* to catch one */

/* Waits until the process is stopped. */
static bool is_stopped(pid_t pid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 1000; i++) {
        FILE *file = fopen(path, "re");
        const char *end = NULL;
        if (file == NULL) {
            return false;
        }
        end = fgets(text, sizeof text, file) == NULL ? NULL : strrchr(text, ')');
        fclose(file);
        if (end != NULL && end[2] == 'T') {
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
    return false;
}

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

int main(int count, char **arguments)
{
    struct store *cell = NULL;
    omega_error_t err = {0};
    struct lmdb_use use = {.module = "stop_writer", .read_only = true};
    struct lmdb_writer writer;
    if (count != 2 || lmdb_open(arguments[1], &use, &cell, &err) != OMEGA_OK) {
        fprintf(stderr, "stop_writer CELL: %s\n", err.text);
        return EXIT_FAILURE;
    }
    time_t until = now_s() + SECONDS_MAX;
    while (now_s() < until) {
        struct lmdb_writer after;
        if (!lmdb_writer_now(cell, &writer) || kill(writer.pid, SIGSTOP) != 0) {
            continue;
        }
        if (is_stopped(writer.pid) && lmdb_writer_now(cell, &after) && after.pid == writer.pid) {
            printf("%d\n", (int)writer.pid);
            return EXIT_SUCCESS;
        }
        kill(writer.pid, SIGCONT);
    }
    fprintf(stderr, "stop_writer: nobody was caught\n");
    return EXIT_FAILURE;
}
