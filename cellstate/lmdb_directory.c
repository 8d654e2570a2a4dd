/* SPDX-License-Identifier: MIT */
/* The directory of a cell: see lmdb_directory.h. */
#include "cellstate/lmdb_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"

#define CELL_FILE "cell"
#define CELL_FILE_MAX 4096u
#define CELL_WORD "omega-cell"
#define NAMES_TOLD 3
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define MADE_BY "a cell made by 'omega cell init'"
#define NEW_NAME "an empty directory or a new name"

/* What a cell consists of. `cell` goes last: what is left before that is still known as a cell. */
static const char *const cell_files[] = LMDB_FILES;

/* Writes "path/name" into `out`. */
static int join(char out[PATH_MAX], const char *path, const char *name, omega_error_t *err)
{
    int length = snprintf(out, PATH_MAX, "%s/%s", path, name);
    if (path[0] == '\0' || length < 0 || length >= PATH_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "'%.80s' is no path, expected 1 to %zu bytes",
                               path, PATH_MAX - 2 - strlen(name));
    }
    return OMEGA_OK;
}

/* ---- the boot ---- */

/* A boot id is one word. */
static bool is_boot(const char *text)
{
    size_t length = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");
    return length > 0 && length < LMDB_BOOT_BYTES && text[length] == '\0';
}

int lmdb_boot_id(char boot[LMDB_BOOT_BYTES], omega_error_t *err)
{
    const char *given = getenv("OMEGA_BOOT_ID");
    char text[LMDB_BOOT_BYTES] = "";
    memset(boot, 0, LMDB_BOOT_BYTES);
    if (given != NULL && given[0] != '\0') {
        if (!is_boot(given)) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "OMEGA_BOOT_ID is '%.80s', expected 1 to %d letters, digits or "
                                   "any of '-_.'",
                                   given, LMDB_BOOT_BYTES - 1);
        }
        memcpy(boot, given, strlen(given));
        return OMEGA_OK;
    }
    int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got < 0) {
        omega_error_set_errno(err, BOOT_ID_FILE, "cannot read the id of this boot");
    }
    if (fd >= 0) {
        close(fd);
    }
    if (got < 0) {
        return OMEGA_EIO;
    }
    text[strcspn(text, "\n")] = '\0';
    if (!is_boot(text)) {
        return omega_error_set_at(err, OMEGA_EIO, BOOT_ID_FILE, 0, "is '%s', expected an id", text);
    }
    memcpy(boot, text, sizeof text);
    return OMEGA_OK;
}

bool lmdb_cell_file_is_stale(const struct lmdb_cell_file *file, const char *boot)
{
    return file->mode != LMDB_POWER && file->boot[0] != '\0' && strcmp(file->boot, boot) != 0;
}

/* ---- directories ---- */

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Whether all bytes can be shown in a message. */
static bool is_text(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~') {
            return false;
        }
    }
    return true;
}

/* Says what is in a directory, as "'a', 'b' and 3 more" by name; *count how many there are. */
static int describe(const char *path, char *out, size_t size, int *count, omega_error_t *err)
{
    struct dirent **entries;
    *count = scandir(path, &entries, is_entry, alphasort);
    if (*count < 0) {
        return omega_error_set_errno(err, path, "cannot read this directory");
    }
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < *count; i++) {
        const char *name = entries[i]->d_name;
        if (i < NAMES_TOLD && used < size) {
            used += (size_t)snprintf(out + used, size - used, "%s'%.40s'", i > 0 ? ", " : "",
                                     is_text(name, strlen(name)) ? name : "?");
        }
        free(entries[i]);
    }
    free(entries);
    if (*count > NAMES_TOLD && used < size) {
        snprintf(out + used, size - used, " and %d more", *count - NAMES_TOLD);
    }
    return OMEGA_OK;
}

/* True for a name that core/base/file.c gives to a file `cell` that is not whole yet,
 * "cell.PID-N.tmp": its writer was killed, or writes. */
static int is_temporary(const struct dirent *entry)
{
    static const char begin[] = CELL_FILE ".";
    const char *at = entry->d_name;
    if (strncmp(at, begin, sizeof begin - 1) != 0) {
        return 0;
    }
    at += sizeof begin - 1;
    size_t pid = strspn(at, "0123456789");
    size_t number = at[pid] == '-' ? strspn(at + pid + 1, "0123456789") : 0;
    return pid > 0 && number > 0 && strcmp(at + pid + 1 + number, ".tmp") == 0;
}

/* What is not left over from a cell whose making was interrupted: `cell`, too, which comes last. */
static int is_no_rest(const struct dirent *entry)
{
    for (size_t i = 0; i < sizeof cell_files / sizeof cell_files[0]; i++) {
        if (strcmp(entry->d_name, cell_files[i]) == 0) {
            return strcmp(entry->d_name, CELL_FILE) == 0;
        }
    }
    return is_entry(entry) && !is_temporary(entry);
}

/* True if there is nothing but what a killed lmdb_create() leaves: `writer`, its first file, and
 * maybe others, and no `cell`. */
static bool is_unfinished(const char *path)
{
    char writer[PATH_MAX];
    struct dirent **entries;
    if (join(writer, path, "writer", NULL) != OMEGA_OK || access(writer, F_OK) != 0) {
        return false;
    }
    int others = scandir(path, &entries, is_no_rest, NULL);
    for (int i = 0; i < others; i++) {
        free(entries[i]);
    }
    if (others >= 0) {
        free(entries);
    }
    return others == 0;
}

static int refuse_unfinished(const char *path, const char *expected, omega_error_t *err)
{
    return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                              "holds a cell that was not made to its end (no file '" CELL_FILE
                              "'), expected %s: remove it if nobody is making it now",
                              expected);
}

/* Brings the names in a directory to the disk. */
static int sync_directory(const char *path, omega_error_t *err)
{
    int rc = OMEGA_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        rc = omega_error_set_errno(err, path, "cannot sync this directory");
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* Brings a directory's own name to the disk, without which its files are lost with it. */
static int sync_name(const char *path, omega_error_t *err)
{
    char above[PATH_MAX];
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/') {
        length--;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    memcpy(above, length == 0 ? "." : path, length == 0 ? 1 : length);
    above[length == 0 ? 1 : length] = '\0';
    if (access(above, R_OK) != 0 && errno == EACCES) {
        return OMEGA_OK; /* one that may not be read cannot be synced by us */
    }
    return sync_directory(above, err);
}

/* Makes one directory, or finds it there (*made: false). */
static int make_one(const char *path, bool *made, omega_error_t *err)
{
    *made = mkdir(path, 0777) == 0; /* of two at the same time, one has made it */
    if (!*made && errno != EEXIST) {
        return omega_error_set_errno(err, path, "cannot make this directory");
    }
    if (!*made) { /* by whom, we do not know: perhaps just now */
        (void)sync_name(path, NULL);
        return OMEGA_OK;
    }
    int rc = sync_name(path, err);
    if (rc != OMEGA_OK) {
        *made = false;
        (void)rmdir(path);
    }
    return rc;
}

/* Makes what is above a directory. */
static int make_above(const char *path, omega_error_t *err)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part) {
        return omega_error_set(err, OMEGA_EINVAL, "'%.80s' is no path, expected 1 to %d bytes",
                               path, PATH_MAX - 1);
    }
    memcpy(part, path, length + 1);
    while (length > 0 && part[length - 1] == '/') {
        length--;
    }
    struct stat status;
    for (size_t i = 1; i < length; i++) {
        if (part[i] != '/' || part[i - 1] == '/') {
            continue;
        }
        part[i] = '\0';
        bool made;
        /* what is there is not asked for, since it may be of others and on any file system */
        int rc = stat(part, &status) == 0 ? OMEGA_OK : make_one(part, &made, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        part[i] = '/';
    }
    return OMEGA_OK;
}

/* Proves that a directory which is there is an empty one. */
static int expect_empty(const char *path, omega_error_t *err)
{
    char names[160];
    int count = 0;
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "is no directory, expected an empty one or a new name");
    }
    int rc = describe(path, names, sizeof names, &count, err);
    if (rc != OMEGA_OK || count == 0) {
        return rc;
    }
    if (is_unfinished(path)) {
        return refuse_unfinished(path, NEW_NAME, err);
    }
    return omega_error_set_at(err, OMEGA_EINVAL, path, 0, "holds %s, expected " NEW_NAME, names);
}

int lmdb_directory_make(const char *path, bool *made, omega_error_t *err)
{
    *made = false;
    int rc = make_above(path, err);
    if (rc == OMEGA_OK) {
        rc = make_one(path, made, err);
    }
    return rc == OMEGA_OK && !*made ? expect_empty(path, err) : rc;
}

static int remove_one(const char *path, const char *file, omega_error_t *err)
{
    char name[PATH_MAX];
    int rc = join(name, path, file, err);
    if (rc == OMEGA_OK && unlink(name) != 0 && errno != ENOENT) {
        rc = omega_error_set_errno(err, name, "cannot remove");
    }
    return rc;
}

static int remove_temporaries(const char *path, omega_error_t *err)
{
    struct dirent **entries;
    int rc = OMEGA_OK;
    int count = scandir(path, &entries, is_temporary, alphasort);
    if (count < 0) {
        return errno == ENOENT ? OMEGA_OK
                               : omega_error_set_errno(err, path, "cannot read this directory");
    }
    for (int i = 0; i < count; i++) {
        int one = remove_one(path, entries[i]->d_name, err);
        rc = rc == OMEGA_OK ? one : rc;
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int lmdb_directory_remove(const char *path, bool directory, omega_error_t *err)
{
    int rc = remove_temporaries(path, err);
    for (size_t i = 0; i < sizeof cell_files / sizeof cell_files[0]; i++) {
        int one = remove_one(path, cell_files[i], err);
        rc = rc == OMEGA_OK ? one : rc;
    }
    if (directory && rmdir(path) != 0 && errno != ENOTEMPTY && errno != EEXIST && rc == OMEGA_OK) {
        rc = omega_error_set_errno(err, path, "cannot remove this directory");
    }
    return rc;
}

/* ---- the file `cell` ---- */

/* Gives a new file the owner, group and rights of the one that it replaces, as far as this process
 * may: others who use the cell read it, too. */
static void keep_rights(const char *name, int fd)
{
    struct stat old;
    if (stat(name, &old) == 0) {
        if (fchown(fd, old.st_uid, old.st_gid) != 0 && fchown(fd, (uid_t)-1, old.st_gid) != 0) {
            errno = 0; /* neither is ours to give away */
        }
        (void)fchmod(fd, old.st_mode & 0777);
    }
}

int lmdb_cell_file_write(const char *path, const struct lmdb_cell_file *file, omega_error_t *err)
{
    char name[PATH_MAX];
    struct file_out *out;
    int rc = join(name, path, CELL_FILE, err);
    if (rc == OMEGA_OK) {
        rc = file_out_open(name, &out, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    fprintf(file_out_stream(out), "%s %u\nmode %s\nmap_bytes %" PRIu64 "\nidentity %s\nboot%s%s\n",
            CELL_WORD, file->schema, lmdb_mode_name(file->mode), file->map_bytes, file->identity,
            file->boot[0] == '\0' ? "" : " ", file->boot);
    keep_rights(name, fileno(file_out_stream(out)));
    rc = file_out_commit(out, err);
    return rc == OMEGA_OK ? sync_directory(path, err) : rc;
}

/* Whole numbers without sign or leading zeros, up to INT64_MAX. */
static bool number(const char *text, uint64_t *value)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || text[length] != '\0' || (text[0] == '0' && length > 1)) {
        return false;
    }
    errno = 0;
    long long parsed = strtoll(text, NULL, 10);
    *value = (uint64_t)parsed;
    return errno == 0;
}

static bool schema_of(const char *text, struct lmdb_cell_file *file)
{
    uint64_t value;
    bool good = number(text, &value) && value > 0 && value <= UINT32_MAX;
    file->schema = good ? (uint32_t)value : 0;
    return good;
}

static bool mode_of(const char *text, struct lmdb_cell_file *file)
{
    return lmdb_mode_of(text, &file->mode);
}

static bool map_bytes_of(const char *text, struct lmdb_cell_file *file)
{
    return number(text, &file->map_bytes) && file->map_bytes > 0;
}

static bool identity_of(const char *text, struct lmdb_cell_file *file)
{
    size_t length = sizeof file->identity - 1;
    if (strlen(text) != length || strspn(text, "0123456789abcdef") != length) {
        return false;
    }
    memcpy(file->identity, text, length + 1);
    return true;
}

static bool boot_of(const char *text, struct lmdb_cell_file *file)
{
    if (text[0] != '\0' && !is_boot(text)) {
        return false;
    }
    memcpy(file->boot, text, strlen(text) + 1);
    return true;
}

/* The lines of the file, in this order. */
static const struct cell_line {
    const char *key;
    const char *expected;
    bool (*read)(const char *value, struct lmdb_cell_file *file);
} cell_lines[] = {
    {CELL_WORD, "the number of a schema", schema_of},
    {"mode", "pwrite, fast or power", mode_of},
    {"map_bytes", "a number above 0", map_bytes_of},
    {"identity", "32 hexadecimal digits", identity_of},
    {"boot", "the id of a boot or nothing", boot_of},
};

#define CELL_LINES (sizeof cell_lines / sizeof cell_lines[0])

/* Reads one line, which ends in a NUL. */
static int read_line(const char *name, size_t index, char *text, struct lmdb_cell_file *file,
                     omega_error_t *err)
{
    const struct cell_line *line = &cell_lines[index];
    size_t length = strlen(line->key);
    bool is_key = strncmp(text, line->key, length) == 0;
    const char *value = text + length;
    if (is_key && value[0] == ' ' && value[1] != '\0') {
        value++;
    } else if (!is_key || value[0] != '\0') { /* "key " is no way to write an empty value */
        return omega_error_set_at(err, OMEGA_EINVAL, name, (long)index + 1,
                                  "'%.40s', expected '%s' and %s", text, line->key, line->expected);
    }
    if (!line->read(value, file)) {
        return omega_error_set_at(err, OMEGA_EINVAL, name, (long)index + 1,
                                  "'%s' is '%.40s', expected %s", line->key, value, line->expected);
    }
    if (index == 0 && file->schema != LMDB_SCHEMA) {
        return omega_error_set_at(err, OMEGA_EVERSION, name, 1,
                                  "schema %u, expected %u: made by %s omega", file->schema,
                                  LMDB_SCHEMA, file->schema > LMDB_SCHEMA ? "a newer" : "an older");
    }
    return OMEGA_OK;
}

/* Reads the lines of `bytes`, which are cut up. */
static int read_lines(const char *name, char *bytes, size_t size, struct lmdb_cell_file *file,
                      omega_error_t *err)
{
    char *at = bytes;
    char *end = bytes + size;
    for (size_t i = 0; i < CELL_LINES; i++) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL || !is_text(at, (size_t)(stop - at))) {
            return omega_error_set_at(err, OMEGA_EINVAL, name, (long)i + 1,
                                      "is no whole line of text, expected '%s' and %s",
                                      cell_lines[i].key, cell_lines[i].expected);
        }
        *stop = '\0';
        int rc = read_line(name, i, at, file, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        at = stop + 1;
    }
    if (at != end) {
        return omega_error_set_at(err, OMEGA_EINVAL, name, (long)CELL_LINES + 1,
                                  "is one line too many, expected the end of the file");
    }
    return OMEGA_OK;
}

/* Says why there is no file `cell` in `path`. Returns OMEGA_EINVAL, or why it cannot be told. */
static int no_cell(const char *path, omega_error_t *err)
{
    struct stat status;
    char names[160];
    int count = 0;
    if (stat(path, &status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return omega_error_set_errno(err, path, "cannot open");
        }
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "there is no such directory, expected " MADE_BY);
    }
    if (!S_ISDIR(status.st_mode)) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0, "is no directory, expected " MADE_BY);
    }
    int rc = describe(path, names, sizeof names, &count, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (is_unfinished(path)) {
        return refuse_unfinished(path, MADE_BY, err);
    }
    return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                              count == 0 ? "is empty%s, expected " MADE_BY
                                         : "holds %s and no file '" CELL_FILE
                                           "', expected " MADE_BY,
                              count == 0 ? "" : names);
}

int lmdb_cell_file_read(const char *path, struct lmdb_cell_file *file, omega_error_t *err)
{
    char name[PATH_MAX];
    char *bytes;
    size_t size;
    memset(file, 0, sizeof *file);
    int rc = join(name, path, CELL_FILE, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct stat status = {.st_mode = 0};
    bool missing = stat(name, &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
    if (missing || S_ISDIR(status.st_mode)) {
        return no_cell(path, err);
    }
    rc = file_read_all(name, CELL_FILE_MAX, &bytes, &size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = read_lines(name, bytes, size, file, err);
    free(bytes);
    return rc;
}
