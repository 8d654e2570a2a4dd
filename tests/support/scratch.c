/* SPDX-License-Identifier: MIT */
/* Folders for tests. See scratch.h. */
#include "tests/support/scratch.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The process that runs the program's main(): a test that fails leaves its fork by _exit(), so only
 * this one can clean up. */
static pid_t root;
static char folder[SCRATCH_PATH_MAX / 2];

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

void scratch_remove(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void remove_folder(void)
{
    if (getpid() == root) {
        scratch_remove(folder);
    }
}

/* Before main(), and so before any fork: the name is the same in all processes of the program. */
__attribute__((constructor)) static void name_folder(void)
{
    const char *above = getenv("TMPDIR");
    if (above == NULL || above[0] == '\0') {
        above = "/tmp";
    }
    root = getpid();
    (void)snprintf(folder, sizeof(folder), "%s/omega-test-%d", above, (int)root);
    (void)atexit(remove_folder);
}

void scratch_path(char path[SCRATCH_PATH_MAX])
{
    static unsigned count;
    int rc = mkdir(folder, 0700);
    ck_assert_msg(rc == 0 || errno == EEXIST, "'%s' cannot be made", folder);
    (void)snprintf(path, SCRATCH_PATH_MAX, "%s/%d-%u", folder, (int)getpid(), count++);
    ck_assert_msg(access(path, F_OK) != 0, "'%s' is there already", path);
}

int scratch_entries(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return -1;
    }
    int count = -2; /* . and .. */
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}
