/* SPDX-License-Identifier: MIT */
/* A new module's folder: see template.h. */
#include "core/kit/template.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/plugin/module.h"

#define PLACEHOLDER "my_scheduler"                  /* what the files have where the name goes */
#define SPDX "/* SPDX-License-Identifier: MIT */\n" /* of ours, not of what grows out of it */

/* Files that the linker has taken in as they are (Makefile, template_files.o). */
#define EMBEDDED(symbol)                                                                           \
    extern const char _binary_schedulers_template_##symbol##_start[];                              \
    extern const char _binary_schedulers_template_##symbol##_end[];
EMBEDDED(my_scheduler_c)
EMBEDDED(Makefile)
EMBEDDED(test_sh)
EMBEDDED(experiment_json)
EMBEDDED(README_md)

struct embedded {
    const char *name;
    const char *start;
    const char *end;
    bool executable;
};

#define FILE_OF(name, symbol, executable)                                                          \
    {                                                                                              \
        name, _binary_schedulers_template_##symbol##_start,                                        \
            _binary_schedulers_template_##symbol##_end, executable                                 \
    }

static const struct embedded files[] = {
    FILE_OF(PLACEHOLDER ".c", my_scheduler_c, false),
    FILE_OF("Makefile", Makefile, false),
    FILE_OF("test.sh", test_sh, true),
    FILE_OF("experiment.json", experiment_json, false),
    FILE_OF("README.md", README_md, false),
};

#define FILES (sizeof files / sizeof *files)

/* ---- names ---- */

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= TEMPLATE_NAME_MAX && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

int template_check_name(const char *name, omega_error_t *err)
{
    char **shipped = NULL;
    bool taken = false;
    if (!is_name(name)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "'%.60s' is no name for a module, expected 1 to %u lower-case "
                               "letters, digits and '_', a letter first",
                               name, TEMPLATE_NAME_MAX);
    }
    int count = module_list(&shipped, NULL);
    for (int i = 0; i < count; i++) {
        taken = taken || strcmp(shipped[i], name) == 0;
        free(shipped[i]);
    }
    free(shipped);
    return !taken ? OMEGA_OK
                  : omega_error_set(err, OMEGA_EINVAL,
                                    "'%s' is the name of a shipped module, expected another one",
                                    name);
}

const char *template_file(uint32_t index, const char *name, char out[64])
{
    if (index >= FILES) {
        return NULL;
    }
    bool named = strncmp(files[index].name, PLACEHOLDER, strlen(PLACEHOLDER)) == 0;
    snprintf(out, 64, "%s%s", named ? name : "",
             files[index].name + (named ? strlen(PLACEHOLDER) : 0));
    return out;
}

/* ---- writing ---- */

/* The text with the name in place of the placeholder. */
static void write_text(const struct embedded *file, const char *name, FILE *out)
{
    size_t skipped = strlen(PLACEHOLDER);
    const char *at = file->start;
    if ((size_t)(file->end - at) > strlen(SPDX) && strncmp(at, SPDX, strlen(SPDX)) == 0) {
        at += strlen(SPDX);
    }
    while (at < file->end) {
        bool found = (size_t)(file->end - at) >= skipped && strncmp(at, PLACEHOLDER, skipped) == 0;
        if (found) {
            fputs(name, out);
            at += skipped;
        } else {
            putc(*at++, out);
        }
    }
}

static int path_of(const char *directory, const char *name, uint32_t index, char path[PATH_MAX],
                   omega_error_t *err)
{
    char file[64];
    int n = snprintf(path, PATH_MAX, "%s/%s", directory, template_file(index, name, file));
    return n > 0 && n < PATH_MAX ? OMEGA_OK
                                 : omega_error_set(err, OMEGA_EINVAL, "the path is too long");
}

static int write_file(const char *name, const char *directory, uint32_t index, omega_error_t *err)
{
    char path[PATH_MAX];
    struct file_out *out;
    int rc = path_of(directory, name, index, path, err);
    rc = rc == OMEGA_OK ? file_out_open(path, &out, err) : rc;
    if (rc == OMEGA_OK) {
        write_text(&files[index], name, file_out_stream(out));
        rc = file_out_commit(out, err);
    }
    if (rc == OMEGA_OK && files[index].executable) {
        mode_t mask = umask(0);
        umask(mask);
        if (chmod(path, 0777 & ~mask) != 0) {
            rc = omega_error_set_errno(err, path, "cannot make it executable");
        }
    }
    return rc;
}

static void remove_all(const char *name, const char *directory)
{
    char path[PATH_MAX];
    for (uint32_t i = 0; i < FILES; i++) {
        if (path_of(directory, name, i, path, NULL) == OMEGA_OK) {
            unlink(path);
        }
    }
    rmdir(directory);
}

int template_write(const char *name, const char *directory, omega_error_t *err)
{
    int rc = template_check_name(name, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (mkdir(directory, 0777) != 0) {
        return omega_error_set_errno(err, directory, "cannot make the folder");
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < FILES; i++) {
        rc = write_file(name, directory, i, err);
    }
    if (rc != OMEGA_OK) {
        remove_all(name, directory);
    }
    return rc;
}
