/* SPDX-License-Identifier: MIT */
/* A folder that appears complete or not at all: see folder.h. */
#include "core/report/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/file.h"

#define FOLDERS_OPEN 16 /* file descriptors that walking a folder may use */
#define REMOVE_TRIES 10 /* gnuplot may still be at work in it */

/* What is being made, for a signal handler to find. */
static _Atomic(const char *) making;

/* ---- from a signal handler ---- */

/* An entry of a folder as the kernel tells it: readdir() may not be called in a handler. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t kind;
    char name[];
};

/* Unlinks the files in a folder; `each` is called with the others, which may be folders. */
static void unlink_files(int folder, void (*each)(int folder, const char *name))
{
    _Alignas(struct entry) char block[4096];
    long size;
    while ((size = syscall(SYS_getdents64, folder, block, sizeof block)) > 0) {
        for (long at = 0; at < size;) {
            const struct entry *entry = (const struct entry *)(const void *)(block + at);
            bool dots =
                entry->name[0] == '.' &&
                (entry->name[1] == '\0' || (entry->name[1] == '.' && entry->name[2] == '\0'));
            if (!dots && unlinkat(folder, entry->name, 0) != 0 && each != NULL) {
                each(folder, entry->name);
            }
            at += entry->size;
        }
    }
}

static void unlink_folder(int above, const char *name)
{
    int folder = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) {
        unlink_files(folder, NULL);
        close(folder);
    }
    unlinkat(above, name, AT_REMOVEDIR);
}

void folder_remove_making(void)
{
    const char *path = atomic_load(&making);
    for (int i = 0; path != NULL && i < REMOVE_TRIES && rmdir(path) != 0; i++) {
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0) {
            return;
        }
        unlink_files(folder, unlink_folder);
        close(folder);
    }
}

/* ---- in peace ---- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int remove_all(const char *path)
{
    return nftw(path, remove_entry, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}

static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL &&
           (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)) {
    }
    bool empty = directory != NULL && entry == NULL;
    if (directory != NULL) {
        closedir(directory);
    }
    return empty;
}

/* May what is at `path` be replaced? Nothing, a folder of ours, or an empty one. */
static int check_place(const char *path, omega_error_t *err)
{
    struct stat status;
    char *mark;
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? 0 : omega_error_set_errno(err, path, "cannot look at it");
    }
    if (!S_ISDIR(status.st_mode)) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "is there and no directory, expected another --out");
    }
    if (asprintf(&mark, "%s/" FOLDER_MARK, path) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int marked = lstat(mark, &status);
    free(mark);
    if (marked == 0) {
        return 0;
    }
    if (!is_empty(path)) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "is there already and no report of omega: expected another "
                                  "--out directory, or remove it");
    }
    return 0;
}

/* Makes the directories above `path`. */
static int make_above(const char *path, omega_error_t *err)
{
    char *above = strdup(path);
    if (above == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    char *slash = strrchr(above, '/');
    int rc = 0;
    if (slash != NULL && slash != above) {
        *slash = '\0';
        rc = file_make_directory(above, err);
    }
    free(above);
    return rc;
}

/* The path without slashes at its end, for free(). */
static char *trimmed(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    return strndup(path, length);
}

/* Makes it and tells the handler, without a signal in between. */
static int make_listed(char *temporary)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = mkdtemp(temporary) == NULL || chmod(temporary, 0755) != 0 ? -1 : 0;
    int kept = errno;
    atomic_store(&making, rc == 0 ? temporary : NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = kept;
    return rc;
}

int folder_begin(const char *path, char **temporary, omega_error_t *err)
{
    char *place = trimmed(path);
    *temporary = NULL;
    if (place == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = check_place(place, err);
    rc = rc == 0 ? make_above(place, err) : rc;
    if (rc == 0 && asprintf(temporary, "%s.XXXXXX", place) < 0) {
        *temporary = NULL;
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (rc == 0 && make_listed(*temporary) != 0) {
        rc = omega_error_set_errno(err, place, "cannot make a directory beside it");
        free(*temporary);
        *temporary = NULL;
    }
    free(place);
    return rc;
}

static int write_mark(const char *temporary, omega_error_t *err)
{
    char *mark;
    struct file_out *out;
    if (asprintf(&mark, "%s/" FOLDER_MARK, temporary) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = file_out_open(mark, &out, err);
    if (rc == 0) {
        fputs("made by omega report, which replaces this folder\n", file_out_stream(out));
        rc = file_out_commit(out, err);
    }
    free(mark);
    return rc;
}

/* Swaps the folders, then removes the old one; without an old one a plain rename. */
static int take_place(const char *temporary, const char *place, omega_error_t *err)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, place, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EEXIST || renameat2(AT_FDCWD, temporary, AT_FDCWD, place, RENAME_EXCHANGE) != 0) {
        return omega_error_set_errno(err, place, "cannot give the report its name");
    }
    if (remove_all(temporary) != 0) {
        return omega_error_set_errno(err, temporary, "cannot remove the earlier report");
    }
    return 0;
}

int folder_commit(const char *temporary, const char *path, omega_error_t *err)
{
    char *place = trimmed(path);
    if (place == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = write_mark(temporary, err);
    rc = rc == 0 ? check_place(place, err) : rc;
    rc = rc == 0 ? take_place(temporary, place, err) : rc;
    if (rc == 0) {
        atomic_store(&making, NULL);
    }
    free(place);
    return rc;
}

void folder_abort(const char *temporary)
{
    if (temporary != NULL) {
        remove_all(temporary);
        atomic_store(&making, NULL);
    }
}
