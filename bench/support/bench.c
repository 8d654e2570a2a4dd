/* SPDX-License-Identifier: MIT */
/* What the benches of the lmdb store share: see bench.h. */
#include "bench/support/bench.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- ends ---- */

void bench_fail(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_FAILURE);
}

void bench_check(int rc, const omega_error_t *err, const char *what)
{
    if (rc != OMEGA_OK) {
        char text[600];
        omega_error_format(err, text, sizeof(text));
        fprintf(stderr, "%s: %s: code %d: %s\n", program_invocation_short_name, what, rc, text);
        exit(EXIT_FAILURE);
    }
}

void bench_check_mdb(int rc, const char *what)
{
    if (rc != MDB_SUCCESS) {
        fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, mdb_strerror(rc));
        exit(EXIT_FAILURE);
    }
}

void *bench_memory(void *memory)
{
    if (memory == NULL) {
        bench_fail("memory");
    }
    return memory;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- processes ---- */

int bench_fork(void)
{
    fflush(NULL);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        bench_fail("fork");
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(EXIT_FAILURE); /* it died before we said so */
        }
    }
    return child;
}

/* Waits for a child; its exit code, or 128 + the signal that ended it. */
static int ended(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            bench_fail("waitpid");
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void bench_wait(int child)
{
    int code = ended(child);
    if (code != 0) {
        fprintf(stderr, "%s: a process ended with code %d\n", program_invocation_short_name, code);
        exit(EXIT_FAILURE);
    }
}

void bench_start_init(struct bench_start *start)
{
    if (pipe(start->ready) != 0 || pipe(start->go) != 0) {
        bench_fail("pipe");
    }
}

void bench_start_wait(struct bench_start *start)
{
    char byte = 0;
    close(start->ready[0]);
    close(start->go[1]);
    if (write(start->ready[1], &byte, 1) != 1 || read(start->go[0], &byte, 1) != 0) {
        bench_fail("cannot wait for the start");
    }
    close(start->ready[1]);
    close(start->go[0]);
}

void bench_start_ready(struct bench_start *start, uint32_t children)
{
    close(start->ready[1]); /* so that a child that dies is an end of file, not a wait */
    for (uint32_t i = 0; i < children; i++) {
        char byte;
        errno = 0;
        if (read(start->ready[0], &byte, 1) != 1) {
            bench_fail("a process did not get ready");
        }
    }
    close(start->ready[0]);
}

void bench_start_go(struct bench_start *start)
{
    close(start->go[0]);
    close(start->go[1]); /* what every child's read waits for */
}

void *bench_share(unsigned long size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        bench_fail("mmap");
    }
    return memory;
}

/* ---- the directory ---- */

static volatile sig_atomic_t running; /* the child that does the work */

static void pass_on(int number)
{
    if (running != 0) {
        kill((pid_t)running, number);
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static bool removed(const char *path)
{
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0;
}

void bench_remove(const char *path)
{
    if (!removed(path)) {
        bench_fail(path);
    }
}

static void make_directory(char path[BENCH_PATH])
{
    const char *parent = getenv("OMEGA_BENCH_DIR");
    parent = parent != NULL && *parent != '\0' ? parent : getenv("TMPDIR");
    parent = parent != NULL && *parent != '\0' ? parent : "/tmp";
    int length = snprintf(path, BENCH_PATH, "%s/omega-bench-XXXXXX", parent);
    if (length < 0 || length >= BENCH_PATH - 64 || mkdtemp(path) == NULL) {
        bench_fail(parent);
    }
}

int bench_in_directory(int (*run)(void *context, const char *directory), void *context)
{
    char path[BENCH_PATH];
    make_directory(path);
    pid_t child = bench_fork();
    if (child == 0) {
        exit(run(context, path));
    }
    running = child;
    struct sigaction action = {.sa_handler = pass_on};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    int code = ended(child);
    running = 0;
    if (!removed(path)) {
        fprintf(stderr, "%s: cannot remove '%s'\n", program_invocation_short_name, path);
        code = code == 0 ? EXIT_FAILURE : code;
    }
    if (code >= 128) {
        fprintf(stderr, "%s: ended by signal %d\n", program_invocation_short_name, code - 128);
    }
    return code;
}

/* ---- pages ---- */

#define BLOCK_BYTES 512u         /* stat() counts in these */
#define AHEAD_BYTES (256u << 20) /* beyond what is in use, which a run goes through */

/* What is in the page table of a guest need not be in that of its host. */
static void touch_pages(const volatile char *from, size_t size)
{
    size_t step = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < size; at += step) {
        (void)from[at];
    }
}

void bench_map_pages(const char *directory)
{
    char file[BENCH_PATH];
    char whole[PATH_MAX];
    char line[PATH_MAX + BENCH_PATH];
    struct stat status;
    bool found = false;
    snprintf(file, sizeof(file), "%.480s/data.mdb", directory);
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL || stat(file, &status) != 0 || realpath(file, whole) == NULL) {
        bench_fail(file);
    }
    while (fgets(line, sizeof(line), maps) != NULL) {
        size_t from;
        size_t to;
        char access[5];
        if (strstr(line, whole) != NULL && sscanf(line, "%zx-%zx %4s", &from, &to, access) == 3) {
            size_t used = (size_t)status.st_blocks * BLOCK_BYTES + AHEAD_BYTES;
            size_t size = used < to - from ? used : to - from;
            size = size < (size_t)status.st_size ? size : (size_t)status.st_size;
            found = true;
            (void)madvise((void *)from, size,
                          access[1] == 'w' ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
            touch_pages((const volatile char *)from, size);
        }
    }
    fclose(maps);
    if (!found) {
        bench_fail("a cell is open and not mapped");
    }
}

/* ---- options ---- */

static bool number_of(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *value >= low &&
           *value <= high;
}

static bool read_option(struct bench_options *options, const char *name, const char *value)
{
    uint64_t number = 0;
    if (strcmp(name, "--rounds") == 0 && number_of(value, 1, BENCH_ROUNDS_MAX, &number)) {
        options->rounds = (uint32_t)number;
    } else if (strcmp(name, "--machines") == 0 && number_of(value, 1000, 1000000, &number)) {
        options->machines = (uint32_t)number;
    } else if (strcmp(name, "--seed") == 0 && number_of(value, 0, UINT64_MAX, &number)) {
        options->seed = number;
    } else if (strcmp(name, "--mode") == 0) {
        options->mode = value;
    } else {
        return false;
    }
    return true;
}

struct task {
    void (*run)(const struct bench_options *options, const char *directory);
    struct bench_options options;
};

static int run_task(void *context, const char *directory)
{
    const struct task *task = context;
    task->run(&task->options, directory);
    return EXIT_SUCCESS;
}

int bench_main(int argc, char **argv, void (*run)(const struct bench_options *, const char *))
{
    struct task task = {.run = run, .options = {.rounds = 7, .seed = 1}};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || !read_option(&task.options, argv[i], argv[i + 1])) {
            fprintf(stderr,
                    "%s: '%s' is no option with its value, expected --rounds 1..%d, "
                    "--machines 1000.., --seed N or --mode pwrite|fast|power\n",
                    program_invocation_short_name, argv[i], BENCH_ROUNDS_MAX);
            return 2;
        }
    }
    return bench_in_directory(run_task, &task);
}

/* ---- measurements ---- */

void bench_add(struct bench_series *series, double value)
{
    if (series->count < BENCH_ROUNDS_MAX) {
        series->values[series->count++] = value;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_middle(double *values, uint32_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof(*values), compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double bench_median(const struct bench_series *series)
{
    struct bench_series sorted = *series;
    return bench_middle(sorted.values, sorted.count);
}

/* ---- the table ---- */

/* Three significant digits. */
static void write_number(char *out, size_t size, double value)
{
    const char *suffix = "";
    if (value >= 999500) {
        value /= 1e6;
        suffix = "M";
    } else if (value >= 9995) {
        value /= 1e3;
        suffix = "k";
    }
    int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(out, size, "%.*f%s", digits, value, suffix);
}

static void write_series(char *out, size_t size, const struct bench_series *series)
{
    if (series->count == 0) {
        snprintf(out, size, "-");
        return;
    }
    struct bench_series sorted = *series;
    char median[16];
    char low[16];
    char high[16];
    write_number(median, sizeof(median), bench_middle(sorted.values, sorted.count));
    write_number(low, sizeof(low), sorted.values[0]);
    write_number(high, sizeof(high), sorted.values[sorted.count - 1]);
    snprintf(out, size, "%s [%s..%s]", median, low, high);
}

void bench_print_head(const char *omega, const char *beside)
{
    printf("\n%-42s %-6s %8s  %-22s %-22s %-20s %s\n", "", "mode", "machines", omega, beside,
           "ratio", "goal");
}

void bench_print_row(const struct bench_row *row)
{
    char omega[64];
    char beside[64];
    char ratio[64];
    char goal[32] = "";
    write_series(omega, sizeof(omega), &row->omega);
    write_series(beside, sizeof(beside), &row->beside);
    write_series(ratio, sizeof(ratio), &row->ratio);
    if (row->direction != BENCH_NO_GOAL) {
        double median = bench_median(&row->ratio);
        bool met = row->direction == BENCH_AT_LEAST ? median >= row->goal : median <= row->goal;
        snprintf(goal, sizeof(goal), "%s %g %s",
                 row->direction == BENCH_AT_LEAST ? ">=" : "<=", row->goal, met ? "met" : "MISSED");
    }
    printf("%-42s %-6s %8u  %-22s %-22s %-20s %s\n", row->title, row->mode, row->machines, omega,
           beside, ratio, goal);
    fflush(stdout);
}
