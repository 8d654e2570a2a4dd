/* SPDX-License-Identifier: MIT */
/*
 * Making a cell whole or not at all. It is made in a directory of its own, which a signal removes:
 * beside the place if that does not exist, or within it, since a directory that is there may be a
 * mount point, or have an owner and rights to keep. When it is complete it moves to its place.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "core/base/file.h"
#include "core/cli/cell_private.h"
#include "core/driver/run.h"

#define NAMES_TRIED 100 /* directories of killed processes with our id may be in the way */

static const char *const files[] = LMDB_FILES; /* `cell`, which makes them a cell, is the last */

#define FILES (sizeof files / sizeof *files)

/* Keeps the user's signals back while a step must not be half done. */
static void hold_signals(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, before);
}

static int no_memory(const char *path, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to make '%.80s'", path);
}

/* ---- errors ---- */

/* Puts `to` in the place of `from`, wherever that stands in a text with room for `size` bytes. */
static void replace_text(char *text, size_t size, const char *from, const char *to)
{
    char before[512];
    snprintf(before, sizeof before, "%s", text);
    const char *found = strstr(before, from);
    if (found != NULL) {
        snprintf(text, size, "%.*s%s%s", (int)(found - before), before, to, found + strlen(from));
    }
}

/* The user knows only the path that he gave. */
static void name_path(omega_error_t *err, const char *temporary, const char *path)
{
    size_t kept = strlen(err->source);
    if (kept == sizeof err->source - 1 && strncmp(err->source, temporary, kept) == 0) {
        snprintf(err->source, sizeof err->source, "%s", path); /* it was cut */
    }
    replace_text(err->source, sizeof err->source, temporary, path);
    replace_text(err->text, sizeof err->text, temporary, path);
}

/* ---- the directory to make it in ---- */

/* Its length without slashes at the end. */
static int path_length(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    return (int)length;
}

/* Makes what is above a path. */
static int make_above(const char *path, omega_error_t *err)
{
    int length = path_length(path);
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    char *above = length == 0 ? NULL : strndup(path, (size_t)length);
    if (length > 0 && above == NULL) {
        return no_memory(path, err);
    }
    int rc = length == 0 ? OMEGA_OK : file_make_directory(above, err);
    free(above);
    return rc;
}

static int try_names(const char *path, bool within, char **temporary, omega_error_t *err)
{
    for (int n = 0; n < NAMES_TRIED; n++) {
        if (asprintf(temporary, "%.*s%s%ld-%d.tmp", path_length(path), path, within ? "/" : ".",
                     (long)getpid(), n) < 0) {
            *temporary = NULL;
            return no_memory(path, err);
        }
        if (mkdir(*temporary, 0777) == 0) {
            run_scratch_list(*temporary);
            return OMEGA_OK;
        }
        if (errno != EEXIST) {
            break;
        }
        free(*temporary);
        *temporary = NULL;
    }
    int rc = omega_error_set_errno(err, path, "cannot make a directory here");
    free(*temporary);
    *temporary = NULL;
    return rc;
}

static int make_temporary(const char *path, bool within, char **temporary, omega_error_t *err)
{
    sigset_t before;
    *temporary = NULL;
    int rc = within ? OMEGA_OK : make_above(path, err);
    if (rc == OMEGA_OK) {
        hold_signals(&before);
        rc = try_names(path, within, temporary, err);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    return rc;
}

/* ---- moving it to its place ---- */

/* Brings the names in a directory to the disk, as far as it can be. */
static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static int give_name(const char *temporary, const char *path, omega_error_t *err)
{
    if (rename(temporary, path) != 0) {
        return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                   ? omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                        "was made by somebody else meanwhile, expected that it "
                                        "does not exist")
                   : omega_error_set_errno(err, path, "cannot be made");
    }
    return OMEGA_OK;
}

/* Moves a file into a directory in which no other of that name is. */
static int move_new(int from, int to, const char *name)
{
    int rc = renameat2(from, name, to, name, RENAME_NOREPLACE);
    return rc != 0 && errno == EINVAL ? renameat(from, name, to, name) : rc; /* not known there */
}

static int move_files(int from, int to, bool replace)
{
    int rc = replace ? unlinkat(to, files[FILES - 1], 0) : 0; /* never one cell's and another's */
    for (size_t i = 0; rc == 0 && i < FILES; i++) {
        rc = replace ? renameat(from, files[i], to, files[i]) : move_new(from, to, files[i]);
        if (rc != 0 && !replace) {
            int cause = errno;
            while (i-- > 0) {
                unlinkat(to, files[i], 0);
            }
            errno = cause;
            break;
        }
    }
    return rc;
}

static int move_within(const char *temporary, const char *path, bool replace, omega_error_t *err)
{
    int from = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = from < 0 || to < 0 || move_files(from, to, replace) != 0
                 ? omega_error_set_errno(err, path, "cannot make the cell here")
                 : OMEGA_OK;
    if (rc == OMEGA_OK) {
        fsync(to);
    }
    if (from >= 0) {
        close(from);
    }
    if (to >= 0) {
        close(to);
    }
    (void)rmdir(temporary);
    return rc;
}

static int move(const struct cell_making *making, const char *temporary, const char *path,
                bool within, omega_error_t *err)
{
    sigset_t before;
    int rc = making->replace == NULL ? OMEGA_OK : making->replace(path, err);
    if (rc == OMEGA_OK) {
        hold_signals(&before);
        rc = within ? move_within(temporary, path, making->replace != NULL, err)
                    : give_name(temporary, path, err);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    if (rc != OMEGA_OK) {
        lmdb_directory_remove(temporary, true, NULL);
    } else if (!within) {
        char *above = strndup(path, (size_t)path_length(path));
        char *slash = above == NULL ? NULL : strrchr(above, '/');
        if (slash != NULL) {
            slash[slash == above] = '\0';
        }
        sync_directory(slash == NULL ? "." : above);
        free(above);
    }
    return rc;
}

/* ---- the whole ---- */

static int make_apart(const struct cell_making *making, const char *path, bool within,
                      omega_error_t *err)
{
    char *temporary;
    int rc = make_temporary(path, within, &temporary, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = making->make(making->context, temporary, err);
    if (rc == OMEGA_OK) {
        rc = move(making, temporary, path, within, err);
    } else {
        name_path(err, temporary, path);
        (void)rmdir(temporary);
    }
    run_scratch_unlist(temporary);
    free(temporary);
    return rc;
}

static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool empty = directory != NULL;
    while (empty && (entry = readdir(directory)) != NULL) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return empty;
}

int cell_make(const struct cell_making *making, const char *path, omega_error_t *err)
{
    struct stat status;
    if (path[0] == '\0') {
        return making->make(making->context, path, err); /* it says what is wrong */
    }
    if (stat(path, &status) != 0) {
        if (lstat(path, &status) == 0) {
            return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                      "is a symbolic link that leads nowhere, expected a directory "
                                      "or a new name");
        }
        return make_apart(making, path, false, err);
    }
    if (S_ISDIR(status.st_mode) && (making->replace != NULL || is_empty(path))) {
        return make_apart(making, path, true, err);
    }
    return making->make(making->context, path, err); /* it says what is in the way */
}
