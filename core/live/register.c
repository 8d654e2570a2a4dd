/* SPDX-License-Identifier: MIT */
/* The files of a standing cell's processes, and the numbers and ids that they give out. */
#include "core/live/register_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_BYTES 256u /* of a process: as long for all, so that one write replaces another */
#define FILE_MODE (S_IRUSR | S_IWUSR)
#define LAST_ID (UINT64_MAX / 2) /* ids are at most INT64_MAX, as everywhere outside */

bool register_is_name(const char *text)
{
    size_t length = strlen(text);
    for (const char *p = text; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr("._-+:", *p) == NULL) {
            return false;
        }
    }
    return length > 0 && length <= REGISTER_NAME_MAX;
}

/* ---- small files ---- */

static void name_file(uint32_t number, char out[32])
{
    snprintf(out, 32, "process-%" PRIu32, number);
}

/* A lock that dies with whoever opened the file, and that can be looked at without being taken. */
static int lock_file(int fd, int command, struct flock *lock)
{
    *lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, command, lock);
}

/* Reads all of a file as text; returns its length, or -1 with errno. */
static ssize_t read_text(int fd, char text[REGISTER_TEXT_MAX + 1])
{
    ssize_t size = pread(fd, text, REGISTER_TEXT_MAX, 0);
    text[size < 0 ? 0 : size] = '\0';
    return size;
}

/* Replaces the text of a file. */
static int write_text(int fd, const char *name, const char *text, size_t length, omega_error_t *err)
{
    if (pwrite(fd, text, length, 0) != (ssize_t)length || ftruncate(fd, (off_t)length) != 0 ||
        fdatasync(fd) != 0) {
        return omega_error_set_errno(err, name, "cannot write");
    }
    return OMEGA_OK;
}

/* ---- processes ---- */

/* Reads the value of the next line "key value"; false if it is not that. */
static bool take_line(const char **at, const char *key, char *out, size_t size)
{
    size_t key_length = strlen(key);
    const char *end = strchr(*at, '\n');
    if (end == NULL || strncmp(*at, key, key_length) != 0 || (*at)[key_length] != ' ') {
        return false;
    }
    const char *value = *at + key_length + 1;
    size_t length = (size_t)(end - value);
    if (length >= size) {
        return false;
    }
    memcpy(out, value, length);
    out[length] = '\0';
    *at = end + 1;
    return true;
}

bool register_parse_entry(const char *text, struct register_entry *entry)
{
    char pid[16];
    char *end;
    if (!take_line(&text, "name", entry->name, sizeof entry->name) ||
        !take_line(&text, "module", entry->module, sizeof entry->module) ||
        !take_line(&text, "pid", pid, sizeof pid) || text[strspn(text, "\n")] != '\0') {
        return false;
    }
    errno = 0;
    long value = strtol(pid, &end, 10);
    entry->pid = (int32_t)value;
    return register_is_name(entry->name) && *end == '\0' && end != pid && errno == 0 && value > 0 &&
           value <= INT32_MAX;
}

/* A file that is none of a process: named with its directory, so that it can be removed. */
static int refuse_file(int directory_fd, const char *name, const char *what, omega_error_t *err)
{
    char link[32];
    char path[160];
    char source[sizeof path + 32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory_fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    snprintf(source, sizeof source, "%s%s%s", path, length < 0 ? "" : "/", name);
    return omega_error_set_at(err, OMEGA_ECORRUPT, source, 0,
                              "%s, expected the lines name, module, pid of a process: remove it",
                              what);
}

int register_read(int directory_fd, uint32_t number, struct register_entry *entry,
                  omega_error_t *err)
{
    char name[32];
    char text[REGISTER_TEXT_MAX + 1];
    struct flock lock;
    struct stat status;
    name_file(number, name);
    *entry = (struct register_entry){.number = number};
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT  ? 1
               : errno == ELOOP ? refuse_file(directory_fd, name, "is a link", err)
                                : omega_error_set_errno(err, name, "cannot open");
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return refuse_file(directory_fd, name, "is no file", err);
    }
    ssize_t size = read_text(fd, text);
    entry->lives = lock_file(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    if (size < 0) {
        return omega_error_set_errno(err, name, "cannot read");
    }
    if (size == 0) {
        return 1; /* not written yet, or killed before it was */
    }
    return register_parse_entry(text, entry)
               ? OMEGA_OK
               : refuse_file(directory_fd, name, "describes no process", err);
}

bool register_lives(int directory_fd, uint32_t number)
{
    struct register_entry entry;
    int rc = register_read(directory_fd, number, &entry, NULL);
    return rc < 0 || (rc == OMEGA_OK && entry.lives);
}

int register_find(int directory_fd, const char *name, struct register_entry *entry)
{
    for (uint32_t number = REGISTER_EXECUTOR; number < REGISTER_NUMBERS; number++) {
        if (register_read(directory_fd, number, entry, NULL) == OMEGA_OK &&
            strcmp(entry->name, name) == 0) {
            return OMEGA_OK;
        }
    }
    return 1;
}

struct taken {
    bool instances[REGISTER_NUMBERS];
};

static int note_instance(void *context, const struct lmdb_instance *instance)
{
    struct taken *taken = context;
    if (instance->instance < REGISTER_NUMBERS - REGISTER_SCHEDULERS) {
        taken->instances[REGISTER_SCHEDULERS + instance->instance] = true;
    }
    return 0;
}

/* The first number of a scheduler that nobody has had. A file that cannot be read is somebody's. */
static int free_number(int directory_fd, struct store *store, uint32_t *number, omega_error_t *err)
{
    struct taken taken = {.instances = {false}};
    struct register_entry other;
    int rc = lmdb_instances(store, note_instance, &taken, err);
    for (uint32_t n = REGISTER_SCHEDULERS; rc == OMEGA_OK && n < REGISTER_NUMBERS; n++) {
        if (!taken.instances[n] && register_read(directory_fd, n, &other, NULL) == 1) {
            *number = n;
            return OMEGA_OK;
        }
    }
    return rc != OMEGA_OK ? rc
                          : omega_error_set(err, OMEGA_EINVAL,
                                            "all %u scheduler instances have a name already, "
                                            "expected --instance with one of them",
                                            REGISTER_NUMBERS - REGISTER_SCHEDULERS);
}

static int lives_already(const struct register_entry *other, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EINVAL,
                           "'%s' works on this cell already (process %" PRId32
                           "), expected it to have ended, or another name",
                           other->name, other->pid);
}

/* Which number the entry gets. */
static int choose_number(int directory_fd, struct store *store, struct register_entry *entry,
                         bool fixed, omega_error_t *err)
{
    struct register_entry other;
    if (register_find(directory_fd, entry->name, &other) != OMEGA_OK) {
        return fixed ? OMEGA_OK : free_number(directory_fd, store, &entry->number, err);
    }
    if (fixed && other.number != entry->number) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "'%s' is instance %" PRIu32 " of this cell, expected that instance, "
                               "or another name",
                               other.name, other.number - REGISTER_SCHEDULERS);
    }
    if (other.lives) {
        return lives_already(&other, err);
    }
    entry->number = other.number;
    return OMEGA_OK;
}

/* Locks the file of a number and writes the entry into it. */
static int hold_number(int directory_fd, const struct register_entry *entry, int *lock,
                       omega_error_t *err)
{
    char name[32];
    char text[ENTRY_BYTES];
    struct register_entry other;
    struct flock held;
    name_file(entry->number, name);
    int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return omega_error_set_errno(err, name, "cannot open");
    }
    if (lock_file(fd, F_OFD_SETLK, &held) != 0) {
        close(fd);
        int rc = register_read(directory_fd, entry->number, &other, err);
        return rc < 0 ? rc : lives_already(&other, err);
    }
    int length = snprintf(text, sizeof text, "name %s\nmodule %s\npid %" PRId32 "\n", entry->name,
                          entry->module, entry->pid);
    memset(text + length, '\n', sizeof text - (size_t)length);
    int rc = write_text(fd, name, text, sizeof text, err);
    if (rc != OMEGA_OK) {
        close(fd);
        return rc;
    }
    *lock = fd;
    return OMEGA_OK;
}

int register_enter(int directory_fd, struct store *store, struct register_entry *entry, bool fixed,
                   int *lock, omega_error_t *err)
{
    *lock = -1;
    entry->pid = getpid();
    int alone = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (alone < 0 || flock(alone, LOCK_EX) != 0) { /* two may be started at once */
        int rc = omega_error_set_errno(err, "process-N", "cannot lock");
        close(alone);
        return rc;
    }
    int rc = choose_number(directory_fd, store, entry, fixed, err);
    rc = rc == OMEGA_OK ? hold_number(directory_fd, entry, lock, err) : rc;
    close(alone);
    return rc;
}

/* ---- ids of jobs ---- */

static int note_job(void *context, const struct lmdb_job *job)
{
    uint64_t *last = context;
    *last = job->job->id > *last ? job->job->id : *last;
    return 0;
}

bool register_parse_last(const char *text, uint64_t *last)
{
    char *end = NULL;
    errno = 0;
    *last = text[0] == '\0' ? 0 : strtoull(text, &end, 10);
    return text[0] == '\0' || (isdigit((unsigned char)text[0]) && errno == 0 &&
                               strcmp(end, "\n") == 0 && *last <= LAST_ID);
}

/* The highest id that was ever given out by this file; 0 if it is empty. */
static int read_last(int fd, uint64_t *last, omega_error_t *err)
{
    char text[REGISTER_TEXT_MAX + 1];
    ssize_t size = read_text(fd, text);
    if (size < 0) {
        return omega_error_set_errno(err, "jobs", "cannot read");
    }
    bool good = strlen(text) == (size_t)size && register_parse_last(text, last);
    return good ? OMEGA_OK
                : omega_error_set_at(err, OMEGA_ECORRUPT, "jobs", 0,
                                     "holds no id of a job, expected one number");
}

static int give_ids(int fd, struct store *store, uint64_t count, uint64_t *first,
                    omega_error_t *err)
{
    char text[32];
    uint64_t last = 0;
    int rc = read_last(fd, &last, err);
    rc = rc == OMEGA_OK ? lmdb_jobs_from(store, last + 1, note_job, &last, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (last > LAST_ID || count > LAST_ID - last) {
        return omega_error_set(err, OMEGA_EINVAL, "there are no ids left for %" PRIu64 " jobs",
                               count);
    }
    *first = last + 1;
    snprintf(text, sizeof text, "%" PRIu64 "\n", last + count);
    return write_text(fd, "jobs", text, strlen(text), err);
}

int register_job_ids(int directory_fd, struct store *store, uint64_t count, bool waits,
                     uint64_t *first, int *lock, omega_error_t *err)
{
    *lock = -1;
    int fd = openat(directory_fd, "jobs", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return omega_error_set_errno(err, "jobs", "cannot open");
    }
    struct flock held;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && lock_file(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &held) != 0) {
        rc = errno == EINTR ? OMEGA_OK
             : errno == EAGAIN || errno == EACCES
                 ? 1
                 : omega_error_set_errno(err, "jobs", "cannot lock");
    }
    rc = rc == OMEGA_OK ? give_ids(fd, store, count, first, err) : rc;
    if (rc != OMEGA_OK) {
        close(fd);
        return rc;
    }
    *lock = fd;
    return OMEGA_OK;
}
