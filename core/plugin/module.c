/* SPDX-License-Identifier: MIT */
/*
 * Finding and loading scheduler modules. A module is looked at from the outside in: file, symbol,
 * ABI, size, mandatory fields, options; the first thing wrong is the error.
 */
#include "core/plugin/module_private.h"
#include "core/plugin/running.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE_SYMBOL "omega_scheduler_entry"
#define MODULE_SUFFIX ".so"
#define MODULES_MAX 4096u      /* shipped modules listed */
#define MODULE_FOLDERS_MAX 64u /* entries of $OMEGA_MODULES, and the two beside the command */

/* The folders that hold shipped modules, in the order of search. */
struct folders {
    uint32_t count;
    char path[MODULE_FOLDERS_MAX][PATH_MAX];
};

/* ---- finding ---- */

static bool add_folder(struct folders *folders, const char *start, size_t length, const char *tail)
{
    if (folders->count == MODULE_FOLDERS_MAX) {
        return false;
    }
    int n = snprintf(folders->path[folders->count], PATH_MAX, "%.*s%s", (int)length, start, tail);
    if (n < 0 || n >= PATH_MAX) {
        return false;
    }
    folders->count++;
    return true;
}

/* The entries of $OMEGA_MODULES; empty ones and those that are too long are passed over. */
static void add_listed_folders(struct folders *folders)
{
    const char *list = getenv("OMEGA_MODULES");
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ":");
        if (length > 0 && length < PATH_MAX) {
            add_folder(folders, list, length, "");
        }
        list += length + (list[length] == ':');
    }
}

/* The folders beside the running command, as built and as installed. */
static void add_command_folders(struct folders *folders)
{
    char command[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", command, sizeof(command) - 1);
    if (length <= 0) {
        return;
    }
    command[length] = '\0';
    const char *slash = strrchr(command, '/');
    if (slash != NULL) {
        size_t folder = (size_t)(slash - command);
        add_folder(folders, command, folder, "/schedulers");
        add_folder(folders, command, folder, "/../lib/omega/schedulers");
    }
}

static struct folders *folders_create(void)
{
    struct folders *folders = malloc(sizeof(*folders));
    if (folders != NULL) {
        folders->count = 0;
        add_listed_folders(folders);
        add_command_folders(folders);
    }
    return folders;
}

/* Joins the names of shipped modules for a message. */
static void shipped_names(char *out, size_t size)
{
    char **names = NULL;
    int count = module_list(&names, NULL);
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", names[i]);
        if (n > 0 && (size_t)n < size - used) {
            used += (size_t)n;
        } else {
            out[used] = '\0';
        }
        free(names[i]);
    }
    free(names);
}

static int find_shipped(const char *name, char path[PATH_MAX], omega_error_t *err)
{
    if (!module_is_word(name, "_-")) {
        return omega_error_set(err, OMEGA_EIO,
                               "no module '%.64s': expected a path with a '/', or the name of a "
                               "shipped module (up to %u letters, digits, '_' and '-')",
                               name, MODULE_NAME_MAX);
    }
    struct folders *folders = folders_create();
    if (folders == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to find module '%s'", name);
    }
    bool found = false;
    for (uint32_t i = 0; i < folders->count && !found; i++) {
        int n = snprintf(path, PATH_MAX, "%s/%s%s", folders->path[i], name, MODULE_SUFFIX);
        found = n > 0 && n < PATH_MAX && access(path, F_OK) == 0;
    }
    free(folders);
    if (found) {
        return 0;
    }
    char names[160];
    shipped_names(names, sizeof(names));
    return omega_error_set(err, OMEGA_EIO,
                           "no module '%s', expected %s%sa path with a '/' (shipped modules are "
                           "looked for in $OMEGA_MODULES and beside the command)",
                           name, names, names[0] == '\0' ? "" : " or ");
}

/* A path without "./" in front. */
static const char *plain_path(const char *path)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    return path;
}

/* A path as it was given, taken from `directory` if it is relative. Messages show it, so it has no
 * "./" but the one that a file right here needs: dlopen() searches for names without '/'. */
static int find_path(const char *name, const char *directory, char path[PATH_MAX],
                     omega_error_t *err)
{
    const char *rest = plain_path(name);
    const char *start = directory == NULL || name[0] == '/' ? "" : plain_path(directory);
    if (strcmp(start, ".") == 0) {
        start = "";
    }
    const char *between = start[0] != '\0' ? "/" : strchr(rest, '/') == NULL ? "./" : "";
    int n = snprintf(path, PATH_MAX, "%s%s%s", start, between, rest);
    if (n < 0 || n >= PATH_MAX) {
        return omega_error_set(err, OMEGA_EIO,
                               "module '%.64s...': the path is too long, expected "
                               "less than %d bytes",
                               name, PATH_MAX);
    }
    struct stat info;
    if (stat(path, &info) != 0) {
        return omega_error_set(err, OMEGA_EIO, "module '%s': %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return omega_error_set(err, OMEGA_EIO,
                               "module '%s': no regular file, expected a shared "
                               "object (.so)",
                               path);
    }
    return 0;
}

/* ---- listing ---- */

struct names {
    char **list;
    size_t count;
    size_t room;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->list[i]);
    }
    free(names->list);
}

static bool names_has(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int names_add(struct names *names, const char *name)
{
    if (names_has(names, name) || names->count == MODULES_MAX) {
        return 0;
    }
    if (names->count == names->room) {
        size_t room = names->room == 0 ? 16 : 2 * names->room;
        char **list = realloc(names->list, room * sizeof(*list));
        if (list == NULL) {
            return OMEGA_ENOMEM;
        }
        names->list = list;
        names->room = room;
    }
    names->list[names->count] = strdup(name);
    return names->list[names->count++] == NULL ? OMEGA_ENOMEM : 0;
}

/* The module that a file name stands for; false if it is not one of a shipped module. */
static bool module_of_file(const char *file, char name[MODULE_NAME_MAX + 1])
{
    size_t length = strlen(file);
    size_t suffix = strlen(MODULE_SUFFIX);
    if (length <= suffix || length - suffix > MODULE_NAME_MAX ||
        strcmp(file + length - suffix, MODULE_SUFFIX) != 0) {
        return false;
    }
    memcpy(name, file, length - suffix);
    name[length - suffix] = '\0';
    return module_is_word(name, "_-");
}

/* Adds the modules of one folder; one that cannot be read holds none. */
static int names_add_folder(struct names *names, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return 0;
    }
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        char name[MODULE_NAME_MAX + 1];
        if (module_of_file(entry->d_name, name)) {
            rc = names_add(names, name);
        }
    }
    closedir(folder);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int module_list(char ***list, omega_error_t *err)
{
    *list = NULL;
    struct names names = {0};
    struct folders *folders = folders_create();
    int rc = folders == NULL ? OMEGA_ENOMEM : 0;
    for (uint32_t i = 0; rc == 0 && i < folders->count; i++) {
        rc = names_add_folder(&names, folders->path[i]);
    }
    free(folders);
    if (rc != 0) {
        names_free(&names);
        return omega_error_set(err, rc, "no memory to list the shipped modules");
    }
    if (names.count > 0) {
        qsort(names.list, names.count, sizeof(names.list[0]), compare_names);
    }
    *list = names.list;
    return (int)names.count;
}

/* ---- opening ---- */

/* The reason dlopen() gives, without the path in front, which our message has already. */
static const char *dl_reason(const char *path)
{
    const char *reason = dlerror();
    if (reason == NULL) {
        return "unknown reason";
    }
    size_t length = strlen(path);
    if (strncmp(reason, path, length) == 0 && strncmp(reason + length, ": ", 2) == 0) {
        reason += length + 2;
    }
    return reason;
}

static int load(struct module *module, omega_error_t *err)
{
    /* local: modules must not see each other's symbols; now: a missing one is found here, not in
     * the middle of a run */
    running_enter("the loading", module->path, NULL, 0);
    module->handle = dlopen(module->path, RTLD_NOW | RTLD_LOCAL);
    running_leave();
    if (module->handle == NULL) {
        return omega_error_set(err, OMEGA_EIO, "module '%s': cannot be loaded: %s", module->path,
                               dl_reason(module->path));
    }
    module->scheduler = dlsym(module->handle, MODULE_SYMBOL);
    if (module->scheduler == NULL) {
        return omega_error_set(err, OMEGA_EMODULE,
                               "module '%s': no symbol '%s', expected a constant struct "
                               "omega_scheduler of that name",
                               module->path, MODULE_SYMBOL);
    }
    return module_check(module, err);
}

int module_open(const char *name, const char *directory, struct module **module, omega_error_t *err)
{
    *module = NULL;
    struct module *new = calloc(1, sizeof(*new));
    if (new == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to load module '%.64s'", name);
    }
    int rc = strchr(name, '/') != NULL ? find_path(name, directory, new->path, err)
                                       : find_shipped(name, new->path, err);
    if (rc == 0) {
        rc = load(new, err);
    }
    if (rc != 0) {
        module_close(new);
        return rc;
    }
    *module = new;
    return 0;
}

void module_close(struct module *module)
{
    if (module == NULL) {
        return;
    }
    int saved = errno;
    if (module->handle != NULL) {
        dlclose(module->handle);
    }
    free(module);
    errno = saved;
}

const struct omega_scheduler *module_scheduler(const struct module *module)
{
    return module->scheduler;
}

const char *module_path(const struct module *module)
{
    return module->path;
}
