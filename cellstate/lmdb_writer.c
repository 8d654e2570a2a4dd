/* SPDX-License-Identifier: MIT */
/* The gate before LMDB's write lock: see lmdb_writer.h. */
#include "cellstate/lmdb_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <urcu/arch.h>

#include "cellstate/lmdb_directory.h"
#include "core/base/process.h"

#define GATE_MAGIC "omegawr\n"
#define GATE_VERSION 1u
#define GATE_BYTES 4096u
#define GATE_LINE 64 /* bytes that CPUs hand to each other in one piece */
#define MODULE_BYTES sizeof(((struct lmdb_writer *)NULL)->module)
#define MODULE_WORDS (MODULE_BYTES / sizeof(uint64_t))
/* Pauses before a waiter sleeps: some 10 us, a little more than a usual commit. With 6 us held, two
 * processes got 0.82 of the throughput of one without any, 0.97 with 200, 1.04 with 400 or more. */
#define SPINS 400
/* Where commits take longer, it then watches for so long, and gives way to whoever has work for its
 * CPU. A lock that is watched needs no bell, which takes its time on both sides. Who was awake so
 * long ago at most may have given way since, and still watches. (Where they are over by then, the
 * holder has lost its CPU, and to watch is to keep it from it: four schedulers in `fast` that plan
 * for a few microseconds came to three quarters of what they get done.) */
#define WATCH_US 300
#define WATCHED_US 600
/* A watcher looks so often, for about a microsecond, at a free lock before it takes it: a holder
 * that has several changes to make is back by then, and has the pages at hand. */
#define WATCH_LOOKS 40
/* So often a sleeper is let in, watched or not. Those at work are about as many as there are CPUs:
 * more would only take CPUs and caches from each other. */
#define ROUND_US 4000
/* A holder that keeps coming back so soon is at it: it need not let others in each time, but does
 * so each BURST_US. Being woken takes longer than a commit, so that without it two processes would
 * hand the lock to and fro by system calls, and pages between CPUs. (Eight that only commit got a
 * quarter more done in turns of 16 ms than of 4.) Its returns are counted, up to HURRY_MOST, and a
 * late one takes HURRY_LATE of them back: one page fault or tick of the clock in between is no
 * reason to let others in at every commit again. */
#define HURRY_US 20
#define HURRY_RETURNS 16u
#define HURRY_MOST 32u
#define HURRY_LATE 4u
#define BURST_US 16000
/* Whoever has gone on for so long gives way between two attempts: before the kernel would take its
 * CPU. */
#define GIVE_WAY_US 1000
/* Whoever has rung so stands back that long at most for the one that was woken, who takes longer to
 * come than a holder to come back, and would find the lock taken for ever. */
#define STAND_BACK_US 200
/* A sleeper looks by itself whether the lock is free, too: nobody rings for a holder that has died,
 * or for one that is at it and does not come back. Behind the latter soon, and each time after
 * twice as long. */
#define NAP_FIRST_US 100
#define NAP_LAST_US 10000
#define READ_TRIES 1000 /* of a record that is being written */
#define FLOCK_TRIES 10000
#define FLOCK_NAP_NS 1000000L

/*
 * Who holds the lock, written by the holder. `turn` is odd while the other fields change; readers
 * that see two different or odd ones read again. Atomics with acquire and release in place of
 * fences, which the thread sanitizer does not know; on x86-64 they are plain loads and stores.
 */
struct gate_record {
    _Atomic uint64_t turn;
    _Atomic int64_t since_us; /* CLOCK_MONOTONIC */
    _Atomic uint64_t start;   /* of the process: field 22 of /proc/PID/stat */
    _Atomic int32_t pid;      /* 0: nobody */
    _Atomic uint32_t instance;
    _Atomic uint64_t module[MODULE_WORDS];
};

/* Where waiters sleep. Not on the lock itself: giving that back would be a system call whenever
 * somebody sleeps, and it is the holder who knows whether it comes back at once. */
struct gate_bell {
    _Atomic uint32_t rings;  /* a futex */
    _Atomic uint32_t asleep; /* 1: somebody may be. Set by who sleeps, cleared by who rings, and set
                                again by who was woken, for others that may be left */
    _Atomic uint32_t hurries; /* 1: the holder is at it; who is so, too, need not wait awake */
    _Atomic uint32_t wanted;  /* 1: since it was given back last somebody has found it taken */
    /* where waiters watch, by CLOCK_MONOTONIC: when one last did; 0: one has left off since */
    _Atomic int64_t watched_us;
    _Atomic int64_t rang_us; /* when the bell last rang */
};

/* The file. Lock and record have lines of their own: who spins reads the record only. All of it
 * lies in the first 512 bytes, so no part of it can be a hole while the header is there. */
struct gate_file {
    char magic[8];
    uint32_t version;
    uint32_t unused;
    char boot[LMDB_BOOT_BYTES]; /* in which the lock was made; "" = in none */
    uint64_t device;            /* on which it was made, and the file's number there: the lock of */
    uint64_t inode;             /* a copy of the file is worthless */
    alignas(GATE_LINE) pthread_mutex_t lock;
    alignas(GATE_LINE) struct gate_record record;
    alignas(GATE_LINE) struct gate_bell bell;
};
static_assert(sizeof(struct gate_file) <= 512, "the file in one sector");

struct lmdb_gate {
    struct gate_file *file;
    bool outdated; /* looked at only, and its record is of another boot or file */
    bool watches;  /* commits take long */
    int32_t pid;
    uint64_t start;
    uint64_t module[MODULE_WORDS];
    _Atomic int64_t left_us;  /* when it gave the lock back last, if others wanted it; else 0 */
    _Atomic uint64_t rang_at; /* turn of the record when it rang while it was at it; else 0 */
    /* of this process's turns; whoever holds the lock owns them */
    int64_t since_us; /* when it last rang, or had to wait itself */
    uint32_t returns; /* so often it has come back at once, less the late ones */
    bool hurries;     /* often enough: it is at it */
    char path[];      /* for messages */
};

/* A record as read at one moment. */
struct holder {
    uint64_t turn;
    int64_t since_us;
    uint64_t start;
    int32_t pid;
    uint32_t instance;
    char module[MODULE_BYTES];
};

/* One that comes for the lock. Unless others wanted it when this process left, nobody asks how soon
 * it is back, and a clock will do that is right to within a tick and takes an eighth of the
 * time. */
struct coming {
    int64_t at_us;
    bool counts;  /* it is known how soon: */
    bool at_once; /* like one that is at it */
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

/* ---- the record ---- */

static void record_write(struct gate_record *record, const struct lmdb_gate *gate,
                         uint16_t instance, int64_t now)
{
    /* a holder that died while it wrote has left an odd number */
    uint64_t turn = (atomic_load_explicit(&record->turn, memory_order_relaxed) + 1) | 1;
    atomic_store_explicit(&record->turn, turn, memory_order_relaxed);
    atomic_store_explicit(&record->since_us, now, memory_order_release);
    atomic_store_explicit(&record->start, gate->start, memory_order_release);
    atomic_store_explicit(&record->instance, instance, memory_order_release);
    for (size_t i = 0; i < MODULE_WORDS; i++) {
        atomic_store_explicit(&record->module[i], gate->module[i], memory_order_release);
    }
    atomic_store_explicit(&record->pid, gate->pid, memory_order_release);
    atomic_store_explicit(&record->turn, turn + 1, memory_order_release);
}

/* Reads the record; false if it names nobody. holder->turn is set in any case. */
static bool record_read(const struct gate_record *record, struct holder *holder)
{
    for (int i = 0; i < READ_TRIES; i++) {
        holder->turn = atomic_load_explicit(&record->turn, memory_order_acquire);
        holder->since_us = atomic_load_explicit(&record->since_us, memory_order_acquire);
        holder->start = atomic_load_explicit(&record->start, memory_order_acquire);
        holder->instance = atomic_load_explicit(&record->instance, memory_order_acquire);
        for (size_t word = 0; word < MODULE_WORDS; word++) {
            uint64_t bytes = atomic_load_explicit(&record->module[word], memory_order_acquire);
            memcpy(holder->module + word * sizeof bytes, &bytes, sizeof bytes);
        }
        holder->pid = atomic_load_explicit(&record->pid, memory_order_acquire);
        uint64_t turn = atomic_load_explicit(&record->turn, memory_order_relaxed);
        if (turn == holder->turn && turn % 2 == 0) {
            holder->module[MODULE_BYTES - 1] = '\0';
            return holder->pid != 0;
        }
        caa_cpu_relax();
    }
    holder->pid = 0;
    return false;
}

/* Tells who the holder is; false, and a pid of 0, if that process is gone. */
static bool holder_tell(const struct lmdb_gate *gate, const struct holder *holder,
                        struct lmdb_writer *writer)
{
    *writer = (struct lmdb_writer){.instance = OMEGA_INSTANCE_NONE};
    if (holder->pid == 0) {
        return false;
    }
    if (holder->pid != gate->pid || holder->start != gate->start) {
        uint64_t start = 0;
        enum process_state state = process_look(holder->pid, &start);
        if (state == PROCESS_GONE || (state == PROCESS_THERE && start != holder->start)) {
            return false;
        }
    }
    int64_t since_us = now_us() - holder->since_us;
    writer->pid = holder->pid;
    writer->instance = (uint16_t)holder->instance;
    writer->since_us = since_us > 0 ? since_us : 0;
    memcpy(writer->module, holder->module, sizeof writer->module);
    return true;
}

bool lmdb_gate_writer(const struct lmdb_gate *gate, struct lmdb_writer *writer)
{
    struct holder holder;
    if (gate->outdated) {
        return false;
    }
    record_read(&gate->file->record, &holder);
    return holder_tell(gate, &holder, writer);
}

/* ---- the lock ---- */

/* Tries for some microseconds, since most holders need no longer: going to sleep and being woken
 * costs both sides more. Looks at the record, which does not disturb the holder, until that is
 * empty. */
static int lock_spin(struct gate_file *file)
{
    for (int i = 0; i < SPINS; i++) {
        caa_cpu_relax();
        if (atomic_load_explicit(&file->record.pid, memory_order_relaxed) == 0) {
            int code = pthread_mutex_trylock(&file->lock);
            if (code != EBUSY) {
                return code;
            }
        }
    }
    return EBUSY;
}

/* Looks at the record for about two microseconds, or as long as the lock is free; takes it when it
 * stays so. */
static int lock_look(struct gate_file *file)
{
    int code = EBUSY;
    int looks = 0; /* at a lock that was free */
    for (int i = 0; code == EBUSY && (i < 2 * WATCH_LOOKS || looks > 0); i++) {
        caa_cpu_relax();
        bool is_free = atomic_load_explicit(&file->record.pid, memory_order_relaxed) == 0;
        looks = is_free ? looks + 1 : 0;
        if (looks == WATCH_LOOKS) {
            code = pthread_mutex_trylock(&file->lock);
            looks = 0;
        }
    }
    return code;
}

/* Tries for longer, says so, and gives way to others on this CPU. */
static int lock_watch(struct gate_file *file)
{
    int64_t now = now_us();
    const int64_t end_us = now + WATCH_US;
    int code = EBUSY;
    while (code == EBUSY && now < end_us) {
        atomic_store_explicit(&file->bell.watched_us, now, memory_order_relaxed);
        atomic_store_explicit(&file->bell.wanted, 1, memory_order_relaxed);
        sched_yield();
        code = lock_look(file);
        now = now_us();
    }
    atomic_store_explicit(&file->bell.watched_us, 0, memory_order_relaxed);
    return code;
}

/* Waits awake. EBUSY: nothing came of it. */
static int lock_await(const struct lmdb_gate *gate)
{
    int code = lock_spin(gate->file);
    return code == EBUSY && gate->watches ? lock_watch(gate->file) : code;
}

/* Sleeps until the bell rings, for so long at most, and tries again. EBUSY: nothing came of it. */
static int lock_sleep(const struct lmdb_gate *gate, int64_t limit_us)
{
    struct gate_file *file = gate->file;
    struct gate_bell *bell = &file->bell;
    struct timespec limit = {.tv_sec = limit_us / 1000000, .tv_nsec = limit_us % 1000000 * 1000};
    uint32_t rings = atomic_load(&bell->rings);
    atomic_store(&bell->asleep, 1); /* from here on who gives the lock back knows of this one */
    int code = pthread_mutex_trylock(&file->lock);
    if (code != EBUSY) {
        return code;
    }
    bool rung = syscall(SYS_futex, &bell->rings, FUTEX_WAIT, rings, &limit, NULL, 0) == 0;
    code = pthread_mutex_trylock(&file->lock);
    if (code == EBUSY && rung) {
        code = lock_await(gate);
    }
    atomic_store(&bell->asleep, 1);
    return code;
}

/* Is the holder one of those that come back at once? */
static bool is_at_it(const struct gate_file *file)
{
    return atomic_load_explicit(&file->bell.hurries, memory_order_relaxed) != 0;
}

/* Waits for the lock, and tells who holds it when that has lasted too long. A holder that was
 * stopped just before it wrote its record, or just after it cleared it, has the pid 0. */
static int lock_wait(struct lmdb_gate *gate,
                     void (*blocked)(void *context, const struct lmdb_writer *writer),
                     void *context)
{
    struct holder last = {.pid = -1};
    int64_t due_us = 0;
    int64_t nap_us = NAP_FIRST_US;
    for (;;) {
        struct holder holder;
        struct lmdb_writer writer;
        bool named = record_read(&gate->file->record, &holder);
        int64_t now = now_us();
        if (holder.turn != last.turn || holder.pid != last.pid) {
            due_us = (named ? holder.since_us : now) + LMDB_WRITER_WAIT_US;
            last = holder;
        }
        if (now >= due_us) {
            if (blocked != NULL) {
                holder_tell(gate, &holder, &writer);
                blocked(context, &writer);
            }
            due_us = now + LMDB_WRITER_WAIT_US;
        }
        int64_t limit_us = is_at_it(gate->file) ? nap_us : NAP_LAST_US;
        int code = lock_sleep(gate, due_us - now < limit_us ? due_us - now : limit_us);
        if (code != EBUSY) {
            return code;
        }
        nap_us = nap_us * 2 < NAP_LAST_US ? nap_us * 2 : NAP_LAST_US;
    }
}

static struct coming come(const struct lmdb_gate *gate)
{
    int64_t left_us = atomic_load_explicit(&gate->left_us, memory_order_relaxed);
    if (left_us == 0) {
        return (struct coming){.at_us = clock_us(CLOCK_MONOTONIC_COARSE)};
    }
    int64_t at_us = now_us();
    return (struct coming){.at_us = at_us, .counts = true, .at_once = at_us - left_us <= HURRY_US};
}

static uint64_t turn_of(const struct gate_file *file)
{
    return atomic_load_explicit(&file->record.turn, memory_order_relaxed);
}

/* Lets the one that was woken in first. */
static void stand_back(struct lmdb_gate *gate, const struct coming *coming)
{
    uint64_t turn = atomic_exchange(&gate->rang_at, 0);
    while (turn_of(gate->file) == turn && now_us() - coming->at_us < STAND_BACK_US) {
        sched_yield(); /* it may have been woken on this CPU */
    }
}

/* Counts that this process has come for the lock again, at once or late. */
static void count_return(struct lmdb_gate *gate, bool at_once)
{
    if (at_once) {
        gate->returns += gate->returns < HURRY_MOST;
    } else {
        gate->returns -= gate->returns < HURRY_LATE ? gate->returns : HURRY_LATE;
    }
}

/* The lock has been taken. */
static void turn_begins(struct lmdb_gate *gate, uint16_t instance, const struct coming *coming,
                        bool waited)
{
    struct gate_bell *bell = &gate->file->bell;
    int64_t now = waited ? now_us() : coming->at_us;
    if (coming->counts) {
        count_return(gate, coming->at_once);
        gate->hurries = gate->returns >= HURRY_RETURNS;
    }
    gate->since_us = waited ? now : gate->since_us;
    if (is_at_it(gate->file) != gate->hurries) {
        atomic_store_explicit(&bell->hurries, gate->hurries, memory_order_relaxed);
    }
    record_write(&gate->file->record, gate, instance, now);
}

/* Two that come back at once had better take turns of some length: neither waits awake for the
 * other. Who plans in between does, and finds its moment. */
static bool is_of_use_to_wait_awake(const struct gate_file *file, const struct coming *coming)
{
    return !is_at_it(file) || !coming->at_once;
}

int lmdb_gate_enter(struct lmdb_gate *gate, uint16_t instance,
                    void (*blocked)(void *context, const struct lmdb_writer *writer), void *context,
                    bool *died, omega_error_t *err)
{
    struct gate_file *file = gate->file;
    struct coming coming = come(gate);
    if (atomic_load_explicit(&gate->rang_at, memory_order_relaxed) != 0) {
        stand_back(gate, &coming);
    }
    int code = pthread_mutex_trylock(&file->lock);
    bool waited = code == EBUSY;
    if (waited) {
        atomic_store_explicit(&file->bell.wanted, 1, memory_order_relaxed);
        code = is_of_use_to_wait_awake(file, &coming) ? lock_await(gate) : code;
    }
    if (code == EBUSY) {
        code = lock_wait(gate, blocked, context);
    }
    *died = code == EOWNERDEAD;
    if (*died) {
        code = pthread_mutex_consistent(&file->lock);
    }
    if (code != 0) {
        return omega_error_set_at(err, OMEGA_EIO, gate->path, 0,
                                  "the lock of the writers cannot be taken: %s, expected one that "
                                  "was made in this boot and is not held by this thread",
                                  strerror(code));
    }
    turn_begins(gate, instance, &coming, waited);
    return OMEGA_OK;
}

/* Have others come for the lock during this turn? */
static bool take_wanted(struct gate_bell *bell)
{
    bool wanted = atomic_load_explicit(&bell->wanted, memory_order_relaxed) != 0;
    if (wanted) {
        atomic_store_explicit(&bell->wanted, 0, memory_order_relaxed);
    }
    return wanted;
}

/* Is it time to wake one of those who sleep, if any do? */
static bool lets_in(const struct lmdb_gate *gate, int64_t now)
{
    const struct gate_bell *bell = &gate->file->bell;
    int64_t watched_us = atomic_load_explicit(&bell->watched_us, memory_order_relaxed);
    int64_t rang_us = atomic_load_explicit(&bell->rang_us, memory_order_relaxed);
    bool is_watched = now - watched_us < WATCHED_US && now - rang_us < ROUND_US;
    return now == 0 || (!is_watched && (!gate->hurries || now - gate->since_us >= BURST_US));
}

/* Wakes one of those who sleep. */
static void ring(struct gate_bell *bell)
{
    atomic_store(&bell->asleep, 0);
    atomic_fetch_add(&bell->rings, 1);
    (void)syscall(SYS_futex, &bell->rings, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void lmdb_gate_leave(struct lmdb_gate *gate)
{
    struct gate_file *file = gate->file;
    bool asleep = atomic_load(&file->bell.asleep) != 0;
    int64_t now = take_wanted(&file->bell) || asleep ? now_us() : 0;
    bool open = lets_in(gate, now);
    bool rings = open && asleep;
    gate->since_us = open && now != 0 ? now : gate->since_us;
    uint64_t rang_at = rings && gate->hurries ? turn_of(file) : 0;
    atomic_store_explicit(&gate->rang_at, rang_at, memory_order_relaxed);
    atomic_store_explicit(&gate->left_us, now, memory_order_relaxed);
    /* the rest may stay: `turn` changes with the next holder only, so nothing can be mixed */
    atomic_store_explicit(&file->record.pid, 0, memory_order_release);
    pthread_mutex_unlock(&file->lock);
    if (open && atomic_load(&file->bell.asleep) != 0) {
        if (gate->watches) {
            atomic_store_explicit(&file->bell.rang_us, now_us(), memory_order_relaxed);
        }
        ring(&file->bell);
        /* another thread may be inside by now: it is none of those that come back */
        atomic_store_explicit(&gate->left_us, now_us(), memory_order_relaxed);
    }
}

void lmdb_gate_give_way(const struct lmdb_gate *gate, int64_t *since_us)
{
    if (!gate->outdated && is_at_it(gate->file)) {
        return;
    }
    int64_t now = now_us();
    if (*since_us == 0) {
        *since_us = now;
    } else if (now - *since_us >= GIVE_WAY_US) {
        sched_yield();
        *since_us = now_us();
    }
}

/* ---- the file ---- */

int lmdb_gate_create(const char *path, omega_error_t *err)
{
    static const union {
        struct gate_file file;
        char bytes[GATE_BYTES];
    } fresh = {.file = {.magic = GATE_MAGIC, .version = GATE_VERSION}};
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0, "is there, expected a new name");
    }
    if (fd < 0) {
        return omega_error_set_errno(err, path, "cannot create");
    }
    int rc = OMEGA_OK;
    ssize_t put = write(fd, fresh.bytes, sizeof fresh.bytes);
    if (put >= 0 && put < (ssize_t)sizeof fresh.bytes) {
        errno = ENOSPC;
    }
    if (put != (ssize_t)sizeof fresh.bytes || fsync(fd) != 0) {
        rc = omega_error_set_errno(err, path, "cannot write");
        unlink(path);
    }
    close(fd);
    return rc;
}

/* Takes the file's lock against other processes that open it. With a limit: one of them may have
 * been stopped meanwhile. */
static int file_lock(int fd, const char *path, omega_error_t *err)
{
    for (int i = 0; i < FLOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return OMEGA_OK;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return omega_error_set_errno(err, path, "cannot lock");
        }
        nanosleep(&(struct timespec){.tv_nsec = FLOCK_NAP_NS}, NULL);
    }
    return omega_error_set_at(err, OMEGA_EIO, path, 0,
                              "another process has been opening it for %ld s, expected some "
                              "microseconds: is that process stopped?",
                              FLOCK_TRIES / (1000000000L / FLOCK_NAP_NS));
}

/* Proves that the file is one of ours, before a byte of it is mapped. */
static int file_check(int fd, const char *path, struct stat *status, omega_error_t *err)
{
    struct gate_file head;
    size_t size = offsetof(struct gate_file, boot);
    memset(&head, 0, size);
    if (fstat(fd, status) != 0 || (S_ISREG(status->st_mode) && pread(fd, &head, size, 0) < 0)) {
        return omega_error_set_errno(err, path, "cannot read");
    }
    if (memcmp(head.magic, GATE_MAGIC, sizeof head.magic) != 0 || head.version == 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "is no file of writers, expected one made by 'omega cell init'");
    }
    if (head.version > GATE_VERSION) {
        return omega_error_set_at(err, OMEGA_EVERSION, path, 0,
                                  "has version %u, expected at most %u: made by a newer omega",
                                  head.version, GATE_VERSION);
    }
    if (status->st_size != GATE_BYTES) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0, "holds %jd bytes, expected %u",
                                  (intmax_t)status->st_size, GATE_BYTES);
    }
    return OMEGA_OK;
}

/* Makes the lock, over whatever bytes are there. */
static int lock_make(pthread_mutex_t *lock)
{
    pthread_mutexattr_t kind;
    int code = pthread_mutexattr_init(&kind);
    if (code != 0) {
        return code;
    }
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    memset(lock, 0, sizeof *lock);
    code = pthread_mutex_init(lock, &kind);
    pthread_mutexattr_destroy(&kind);
    return code;
}

/* True if lock and record are of this boot and of this very file. */
static bool file_is_current(const struct gate_file *file, const char *boot,
                            const struct stat *status)
{
    return file->boot[0] != '\0' && strncmp(file->boot, boot, sizeof file->boot) == 0 &&
           file->device == status->st_dev && file->inode == status->st_ino;
}

/* Makes lock and record anew if they are of another boot, or of the file that this one was copied
 * from. The boot id is written last: a process that dies in between leaves the work to the next. */
static int file_renew(struct gate_file *file, const char *boot, const struct stat *status,
                      const char *path, omega_error_t *err)
{
    if (file_is_current(file, boot, status)) {
        return OMEGA_OK;
    }
    file->boot[0] = '\0';
    atomic_signal_fence(memory_order_seq_cst);
    memset((void *)&file->record, 0, sizeof file->record);
    memset((void *)&file->bell, 0, sizeof file->bell);
    int code = lock_make(&file->lock);
    if (code != 0) {
        errno = code;
        return omega_error_set_errno(err, path, "cannot make a lock for the writers");
    }
    file->device = status->st_dev;
    file->inode = status->st_ino;
    atomic_signal_fence(memory_order_seq_cst);
    memset(file->boot + 1, 0, sizeof file->boot - 1);
    memcpy(file->boot + 1, boot + 1, strlen(boot + 1));
    atomic_signal_fence(memory_order_seq_cst);
    file->boot[0] = boot[0];
    return OMEGA_OK;
}

/* Checks and maps an open file, and makes its lock if need be. */
static int file_map(int fd, const char *path, const char *boot, struct gate_file **mapped,
                    omega_error_t *err)
{
    int rc = file_lock(fd, path, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct gate_file *file = MAP_FAILED;
    struct stat status;
    rc = file_check(fd, path, &status, err);
    if (rc == OMEGA_OK) {
        file = mmap(NULL, GATE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        rc = file == MAP_FAILED ? omega_error_set_errno(err, path, "cannot map")
                                : file_renew(file, boot, &status, path, err);
    }
    if (rc != OMEGA_OK && file != MAP_FAILED) {
        munmap(file, GATE_BYTES);
    }
    flock(fd, LOCK_UN); /* not left to close(): a child of fork() may have the file open, too */
    *mapped = file;
    return rc;
}

/* What is known of this process, for its records. */
static struct lmdb_gate *gate_new(const char *path, const char *module, omega_error_t *err)
{
    struct lmdb_gate *gate = calloc(1, sizeof *gate + strlen(path) + 1);
    if (gate == NULL) {
        omega_error_set(err, OMEGA_ENOMEM, "no memory to open '%s'", path);
        return NULL;
    }
    memcpy(gate->path, path, strlen(path) + 1);
    if (module != NULL) {
        memcpy(gate->module, module, strnlen(module, MODULE_BYTES - 1));
    }
    gate->pid = getpid();
    if (process_look(gate->pid, &gate->start) != PROCESS_THERE) {
        omega_error_set_at(err, OMEGA_EIO, "/proc/self/stat", 0,
                           "cannot read when this process was started, expected /proc");
        free(gate);
        return NULL;
    }
    return gate;
}

int lmdb_gate_open(const char *path, const char *boot, const char *module, struct lmdb_gate **gate,
                   omega_error_t *err)
{
    *gate = NULL;
    if (boot[0] == '\0' || strlen(boot) >= LMDB_BOOT_BYTES) {
        return omega_error_set(err, OMEGA_EINVAL, "boot '%.80s', expected 1 to %d bytes", boot,
                               LMDB_BOOT_BYTES - 1);
    }
    omega_error_t local = {0};
    struct lmdb_gate *opened = gate_new(path, module, &local);
    if (opened == NULL) {
        return omega_error_set_at(err, local.code, local.source, 0, "%s", local.text);
    }
    /* O_NONBLOCK: opening a FIFO must not wait; without effect on regular files */
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? omega_error_set_errno(err, path, "cannot open")
                    : file_map(fd, path, boot, &opened->file, err);
    if (fd >= 0) {
        close(fd);
    }
    if (rc != OMEGA_OK) {
        free(opened);
        return rc;
    }
    *gate = opened;
    return OMEGA_OK;
}

int lmdb_gate_look(const char *path, const char *boot, struct lmdb_gate **gate, omega_error_t *err)
{
    struct stat status;
    *gate = NULL;
    struct lmdb_gate *opened = gate_new(path, NULL, err);
    if (opened == NULL) {
        return OMEGA_EIO;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? omega_error_set_errno(err, path, "cannot open")
                    : file_check(fd, path, &status, err);
    if (rc == OMEGA_OK) {
        opened->file = mmap(NULL, GATE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
        rc = opened->file == MAP_FAILED ? omega_error_set_errno(err, path, "cannot map") : OMEGA_OK;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc != OMEGA_OK) {
        free(opened);
        return rc;
    }
    opened->outdated = !file_is_current(opened->file, boot, &status);
    *gate = opened;
    return OMEGA_OK;
}

void lmdb_gate_watch(struct lmdb_gate *gate)
{
    gate->watches = true;
}

void lmdb_gate_close(struct lmdb_gate *gate)
{
    if (gate != NULL) {
        munmap(gate->file, GATE_BYTES);
        free(gate);
    }
}
