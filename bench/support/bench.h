/* SPDX-License-Identifier: MIT */
/*
 * What the benches of the lmdb store share: a directory of their own that is always removed, a
 * clock, series of measurements with their medians, and the rows of the table they print.
 */
#ifndef OMEGA_BENCH_SUPPORT_BENCH_H
#define OMEGA_BENCH_SUPPORT_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define BENCH_ROUNDS_MAX 64
#define BENCH_PATH 512

struct bench_options {
    uint32_t rounds;   /* interleaved rounds of every figure */
    uint32_t machines; /* 0: what the figure says */
    uint64_t seed;
    const char *mode; /* NULL: all */
};

/*
 * Runs `run` in a child process, with a fresh directory in $OMEGA_BENCH_DIR, $TMPDIR or /tmp, and
 * removes the directory whatever became of the child. Returns the exit code of the program. `usage`
 * names the options besides --rounds, --machines, --seed and --mode, and may be NULL.
 */
int bench_main(int argc, char **argv, void (*run)(const struct bench_options *, const char *));

/* The same without options of its own: for programs that read theirs. */
int bench_in_directory(int (*run)(void *context, const char *directory), void *context);

/* Removes a directory with all that is in it, unless other file systems are. */
void bench_remove(const char *path);

/* Ends the process with a message if rc is not 0. */
void bench_check(int rc, const omega_error_t *err, const char *what);
/* Ends the process with a message if an LMDB call failed. */
void bench_check_mdb(int rc, const char *what);
/* Ends the process with a message and errno's text. */
void bench_fail(const char *what) __attribute__((noreturn));
/* The memory, or the end of the process. */
void *bench_memory(void *memory);

/* Brings the pages of the cell that this process has open in a directory into its page table, and
 * reads each once, so that the host of a virtual machine has them in its own, too: as they are in a
 * process that has worked for a while. There a first touch takes as long as a commit, and each of
 * many processes would spend the whole run on them. Ends the process if no cell is open. The file
 * may be as long as the map, and empty but for its beginning. Linux before 5.14 cannot do it ahead
 * of writing. */
void bench_map_pages(const char *directory);

/* Monotonic time. */
int64_t bench_now_ns(void);
/* Time of this thread on a CPU, its system calls included: for what waits for nothing, since other
 * programs on the machine disturb it less. */
int64_t bench_cpu_ns(void);

/* A child of this process, which dies with it: fork() that cannot fail. */
int bench_fork(void);
/* Waits for a child; ends the process unless the child ended well. */
void bench_wait(int child);

/* Lets children start together: each calls bench_start_wait() when it is ready, and the parent
 * bench_start_ready() for `children` of them, then bench_start_go(). */
struct bench_start {
    int ready[2];
    int go[2];
};
void bench_start_init(struct bench_start *start);
void bench_start_wait(struct bench_start *start);
void bench_start_ready(struct bench_start *start, uint32_t children);
void bench_start_go(struct bench_start *start);

/* Zeroed memory that children share. */
void *bench_share(unsigned long size);

/* ---- measurements ---- */

struct bench_series {
    double values[BENCH_ROUNDS_MAX];
    uint32_t count;
};

void bench_add(struct bench_series *series, double value);
double bench_median(const struct bench_series *series);
/* The median of many; sorts them. */
double bench_middle(double *values, uint32_t count);

enum bench_goal {
    BENCH_NO_GOAL,
    BENCH_AT_LEAST,
    BENCH_AT_MOST,
};

/* One line of the table: a figure of omega, the one it is held against, and their ratio. */
struct bench_row {
    char title[64];
    const char *mode;
    uint32_t machines;
    struct bench_series omega;
    struct bench_series beside; /* empty: there is none */
    struct bench_series
        ratio; /* per round, since within a round the machine's speed changes least */
    enum bench_goal direction;
    double goal;
};

void bench_print_head(const char *omega, const char *beside);
void bench_print_row(const struct bench_row *row);

#endif
