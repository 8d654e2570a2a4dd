/* SPDX-License-Identifier: MIT */
/*
 * Folders for tests: all below one folder of the test program, which is removed when the program
 * ends, whatever became of the processes that it forked for its tests.
 */
#ifndef OMEGA_TESTS_SUPPORT_SCRATCH_H
#define OMEGA_TESTS_SUPPORT_SCRATCH_H

#define SCRATCH_PATH_MAX 256

/* A path where there is nothing yet, in $TMPDIR, or else /tmp. Fails the running test
 * where it cannot be made. */
void scratch_path(char path[SCRATCH_PATH_MAX]);

/* How many files and folders lie in a folder; -1 if it is not there. */
int scratch_entries(const char *path);

/* Removes a file, or a folder with all that is in it, if there is one. */
void scratch_remove(const char *path);

#endif
