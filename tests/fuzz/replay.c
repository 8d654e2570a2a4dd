/* SPDX-License-Identifier: MIT */
/* A main for fuzz targets: runs one over the files, and over the files in the folders, that the
 * arguments name, and ends with "N inputs". What make test does with the corpus. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"

#define INPUT_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long inputs;

/* Runs one file, from a block of exactly its size, so that sanitizers see a read beyond it. */
static int run_file(const char *path)
{
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    if (file_read_all(path, INPUT_MAX, &bytes, &size, &err) != OMEGA_OK) {
        fprintf(stderr, "replay: %s: %s\n", path, err.text);
        return 1;
    }
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        fputs("replay: no memory\n", stderr);
        free(bytes);
        return 1;
    }
    memcpy(exact, bytes, size);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs++;
    return 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0) {
        perror(path);
        return 1;
    }
    int failed = 0;
    for (int i = 0; i < count; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0) {
            name = NULL;
        }
        failed |= name == NULL ? 1 : run_file(name);
        free(name);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        bool folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        failed |= folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%ld inputs\n", inputs);
    return failed != 0 || inputs == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
