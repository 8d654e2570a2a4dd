/* SPDX-License-Identifier: MIT */
/* The finished points of a run: see parts.h. */
#include "core/experiment/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/experiment/outputs.h"
#include "core/experiment/parts_private.h"

#define PART_SUFFIX ".part"
#define LOG_SUFFIX ".omlog"
#define HEAD_NAME "head" PART_SUFFIX
#define LOCK_TRIES 50 /* workers of a killed run may take a moment to end */
#define LOCK_PAUSE_NS 100000000

struct parts {
    const struct experiment *experiment; /* NULL where it was opened from the folder alone */
    char *folder;
    int lock;      /* the folder itself; -1: it is not held */
    json_t *about; /* what the head says, or will say */
    bool *finished;
    uint32_t points;
    uint32_t finished_count;
    uint32_t damaged;
    struct parts_shard shard;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

/* ---- names ---- */

static char *path_of(const struct parts *parts, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", parts->folder, name) < 0 ? NULL : path;
}

static char *point_path(const struct parts *parts, uint32_t point, const char *suffix)
{
    char name[40];
    snprintf(name, sizeof name, "%06" PRIu32 "%s", point, suffix);
    return path_of(parts, name);
}

char *parts_path(const struct parts *parts, uint32_t point)
{
    return point_path(parts, point, PART_SUFFIX);
}

char *parts_log_path(const struct parts *parts, uint32_t point, uint32_t segment)
{
    char suffix[32] = LOG_SUFFIX;
    if (segment > 0) {
        snprintf(suffix, sizeof suffix, "-%" PRIu32 LOG_SUFFIX, segment);
    }
    return point_path(parts, point, suffix);
}

uint32_t parts_log_segments(const struct parts *parts, uint32_t point)
{
    bool there = true;
    uint32_t segments = 0;
    for (; there; segments += there) {
        char *path = parts_log_path(parts, point, segments);
        there = path != NULL && access(path, R_OK) == 0;
        free(path);
    }
    return segments;
}

/* The number of a file of a point, "000012.part", or "000012-3.omlog" of a segment; false: it is
 * none, as where somebody has written the number in another way. */
static bool is_point_file(const char *name, const char *suffix, uint32_t *point)
{
    char *end;
    char digits[16];
    if (name[0] < '0' || name[0] > '9' || strlen(name) > 32) {
        return false;
    }
    unsigned long number = strtoul(name, &end, 10);
    *point = (uint32_t)number;
    int length = snprintf(digits, sizeof digits, "%06" PRIu32, *point);
    bool numbered =
        number <= UINT32_MAX && end - name == length && memcmp(name, digits, (size_t)length) == 0;
    if (*end == '-' && strcmp(suffix, LOG_SUFFIX) == 0) {
        end += 1 + strspn(end + 1, "0123456789");
    }
    return numbered && strcmp(end, suffix) == 0;
}

/* A file that runs leave here: a part, a log, or a temporary of one. */
static bool is_ours(const char *name)
{
    uint32_t point;
    size_t length = strlen(name);
    bool temporary = length > 4 && strcmp(name + length - 4, ".tmp") == 0;
    return strcmp(name, HEAD_NAME) == 0 || is_point_file(name, PART_SUFFIX, &point) ||
           is_point_file(name, LOG_SUFFIX, &point) ||
           (temporary && (strncmp(name, HEAD_NAME, strlen(HEAD_NAME)) == 0 ||
                          (name[0] >= '0' && name[0] <= '9')));
}

/* Calls `each` with the names in the folder; one that is not there has none. */
static int list(const struct parts *parts, int (*each)(void *, const char *, omega_error_t *),
                void *context, omega_error_t *err)
{
    DIR *folder = opendir(parts->folder);
    if (folder == NULL) {
        return errno == ENOENT ? OMEGA_OK
                               : omega_error_set_errno(err, parts->folder, "cannot list");
    }
    int rc = OMEGA_OK;
    const struct dirent *entry;
    while (rc == OMEGA_OK && (entry = readdir(folder)) != NULL) {
        rc = each(context, entry->d_name, err);
    }
    closedir(folder);
    return rc;
}

/* ---- what the head says ---- */

/* A whole number of the head, from `min` to `max`; false: it is not there. */
static bool number_at(const json_t *about, const char *key, uint32_t min, uint32_t max,
                      uint32_t *out)
{
    const json_t *value = json_object_get(about, key);
    json_int_t number = json_integer_value(value);
    *out = (uint32_t)number;
    return json_is_integer(value) && number >= min && number <= max;
}

/* ---- taking stock ---- */

/* Nothing is lost of a point of this run that has another one's name: it can be run again. What is
 * of another run, or of another shard, may be somebody's only copy. */
static int check_point(const struct parts *parts, uint32_t point, const struct part *part,
                       omega_error_t *err)
{
    const json_t *about = part_about(part);
    uint32_t number;
    if (strcmp(parts_text_at(about, "run"), parts_text_at(parts->about, "run")) != 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, part_name(part), 0,
                                  "is no point of this run, expected those of its head only: move "
                                  "it away, or drop all that are there (--fresh)");
    }
    if (!number_at(about, "point", 0, UINT32_MAX, &number) || number != point) {
        return omega_error_set_at(err, OMEGA_ECORRUPT, part_name(part), 0,
                                  "has the name of another point, expected that of point %" PRIu32
                                  ": --resume runs the missing one again",
                                  number);
    }
    if (!parts_is_due(parts, point)) {
        return omega_error_set_at(err, OMEGA_EINVAL, part_name(part), 0,
                                  "is a point of another shard, expected those of %" PRIu32
                                  "/%" PRIu32 " only: move it away",
                                  parts->shard.number, parts->shard.count);
    }
    return OMEGA_OK;
}

int parts_open_point(const struct parts *parts, uint32_t point, struct part **part,
                     omega_error_t *err)
{
    char *path = parts_path(parts, point);
    *part = NULL;
    int rc = path == NULL ? no_memory(err) : part_open(path, part, err);
    rc = rc == OMEGA_OK ? check_point(parts, point, *part, err) : rc;
    if (rc != OMEGA_OK) {
        part_close(*part);
        *part = NULL;
    }
    free(path);
    return rc;
}

/* All segments of a point's log lie beside its part, which says how many they are. */
static int check_log(const struct parts *parts, uint32_t point, const struct part *part,
                     omega_error_t *err)
{
    uint32_t expected = 0;
    uint32_t found = parts_log_segments(parts, point);
    bool told =
        number_at(part_about(part), "segments", parts_has_logs(parts), UINT32_MAX, &expected);
    if (told && (!parts_has_logs(parts) || found >= expected)) {
        return OMEGA_OK;
    }
    return omega_error_set_at(err, OMEGA_ECORRUPT, parts->folder, 0,
                              "has the first %" PRIu32 " segments of the log of point %" PRIu32
                              ", expected all %" PRIu32,
                              found, point, told ? expected : 1);
}

/* A point that is damaged, or whose log is not whole, is run again. */
static int drop_damaged(struct parts *parts, const char *name, omega_error_t *err)
{
    char *path = path_of(parts, name);
    int rc = path == NULL ? no_memory(err) : OMEGA_OK;
    if (rc == OMEGA_OK && unlink(path) != 0) {
        rc = omega_error_set_errno(err, path, "cannot remove");
    }
    parts->damaged++;
    free(path);
    return rc;
}

static int take_in(void *context, const char *name, omega_error_t *err)
{
    struct parts *parts = context;
    omega_error_t cause = {0};
    struct part *part = NULL;
    uint32_t point;
    if (!is_point_file(name, PART_SUFFIX, &point)) {
        return OMEGA_OK;
    }
    int rc = parts_open_point(parts, point, &part, &cause);
    rc = rc == OMEGA_OK ? check_log(parts, point, part, &cause) : rc;
    part_close(part);
    if (rc == OMEGA_ECORRUPT && parts->experiment != NULL) {
        return drop_damaged(parts, name, err);
    }
    if (rc != OMEGA_OK) {
        *err = cause;
        return rc;
    }
    parts_add(parts, point);
    return OMEGA_OK;
}

static int count_in(void *context, const char *name, omega_error_t *err)
{
    struct parts *parts = context;
    uint32_t point;
    (void)err;
    parts->finished_count += is_point_file(name, PART_SUFFIX, &point);
    return OMEGA_OK;
}

/* Reads the head that lies there. */
static int read_head(const struct parts *parts, json_t **about, omega_error_t *err)
{
    struct part *head;
    int rc = parts_open_head(parts, &head, err);
    if (rc == OMEGA_OK) {
        *about = json_incref((json_t *)part_about(head));
        part_close(head);
    }
    return rc;
}

static int check_shard(const struct parts *parts, const json_t *found, omega_error_t *err)
{
    uint32_t number = 0;
    uint32_t count = 0;
    number_at(found, "shard", 1, PARTS_SHARDS_MAX, &number);
    number_at(found, "shards", 1, PARTS_SHARDS_MAX, &count);
    if (number != parts->shard.number || count != parts->shard.count) {
        return omega_error_set_at(err, OMEGA_EINVAL, parts->folder, 0,
                                  "holds points of shard %" PRIu32 "/%" PRIu32
                                  ", expected those of %" PRIu32 "/%" PRIu32,
                                  number, count, parts->shard.number, parts->shard.count);
    }
    return OMEGA_OK;
}

/* Each point names its run, so the finished ones are known without a head that has gone or is
 * damaged, and it can be written again. */
static int resume_headless(struct parts *parts, omega_error_t *err)
{
    int rc = list(parts, take_in, parts, err);
    return rc == OMEGA_OK && parts->finished_count > 0 ? parts_write_head(parts, err) : rc;
}

static int resume(struct parts *parts, omega_error_t *err)
{
    omega_error_t cause = {0};
    json_t *found = NULL;
    char *head = path_of(parts, HEAD_NAME);
    if (head == NULL) {
        return no_memory(err);
    }
    bool there = access(head, F_OK) == 0;
    free(head);
    int rc = there ? read_head(parts, &found, &cause) : OMEGA_ECORRUPT;
    if (rc == OMEGA_ECORRUPT) {
        return resume_headless(parts, err);
    }
    if (rc != OMEGA_OK) {
        *err = cause;
        return rc;
    }
    rc = parts_head_check_same(found, parts->about, parts->folder, err);
    rc = rc == OMEGA_OK ? check_shard(parts, found, err) : rc;
    json_decref(found);
    return rc == OMEGA_OK ? list(parts, take_in, parts, err) : rc;
}

static int remove_ours(void *context, const char *name, omega_error_t *err)
{
    const struct parts *parts = context;
    (void)err;
    char *path = is_ours(name) ? path_of(parts, name) : NULL;
    if (path != NULL) {
        unlink(path);
    }
    free(path);
    return OMEGA_OK;
}

void parts_remove(struct parts *parts)
{
    list(parts, remove_ours, parts, NULL);
    rmdir(parts->folder); /* if it is empty */
}

static int take_stock(struct parts *parts, enum parts_start start, omega_error_t *err)
{
    if (start == PARTS_RESUME) {
        return resume(parts, err);
    }
    int rc = list(parts, count_in, parts, err);
    uint32_t count = parts->finished_count;
    parts->finished_count = 0;
    if (rc == OMEGA_OK && start == PARTS_NEW && count > 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, parts->folder, 0,
                                  "holds %" PRIu32 " finished point%s of an earlier run, expected "
                                  "--resume to go on with it, or --fresh to drop them",
                                  count, count == 1 ? "" : "s");
    }
    return rc == OMEGA_OK ? list(parts, remove_ours, parts, err) : rc;
}

/* ---- opening and closing ---- */

/* Keeps other runs out of the folder. */
static int lock(struct parts *parts, omega_error_t *err)
{
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    parts->lock = open(parts->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parts->lock < 0) {
        return omega_error_set_errno(err, parts->folder, "cannot open");
    }
    for (int i = 0; flock(parts->lock, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK) {
            return OMEGA_OK; /* a file system without locks */
        }
        if (i == LOCK_TRIES) {
            return omega_error_set_at(err, OMEGA_EINVAL, parts->folder, 0,
                                      "is in use by another run, expected another --out directory");
        }
        nanosleep(&pause, NULL);
    }
    return OMEGA_OK;
}

/* A handle with the path of the folder. */
static int make(const char *directory, struct parts **out, omega_error_t *err)
{
    struct parts *parts = calloc(1, sizeof *parts);
    *out = NULL;
    if (parts == NULL || asprintf(&parts->folder, "%s/" PARTS_FOLDER, directory) < 0) {
        free(parts);
        return no_memory(err);
    }
    parts->lock = -1;
    *out = parts;
    return OMEGA_OK;
}

/* Takes what the head says. */
static int take_about(struct parts *parts, omega_error_t *err)
{
    const json_t *about = parts->about;
    if (about == NULL) {
        return no_memory(err);
    }
    if (!number_at(about, "points", 1, EXPERIMENT_POINTS_MAX, &parts->points) ||
        !number_at(about, "shards", 1, PARTS_SHARDS_MAX, &parts->shard.count) ||
        !number_at(about, "shard", 1, parts->shard.count, &parts->shard.number)) {
        return omega_error_set_at(err, OMEGA_ECORRUPT, parts->folder, 0,
                                  "has a head without points and shards, expected one of a run");
    }
    parts->finished = calloc(parts->points, sizeof *parts->finished);
    return parts->finished == NULL ? no_memory(err) : OMEGA_OK;
}

int parts_begin(const char *directory, const struct parts_run *run, struct parts **out,
                omega_error_t *err)
{
    struct parts *parts;
    int rc = make(directory, &parts, err);
    *out = NULL;
    if (rc != OMEGA_OK) {
        return rc;
    }
    parts->experiment = run->experiment;
    parts->about = parts_head_describe(run);
    rc = take_about(parts, err);
    rc = rc == OMEGA_OK ? file_make_directory(parts->folder, err) : rc;
    rc = rc == OMEGA_OK ? lock(parts, err) : rc;
    rc = rc == OMEGA_OK ? take_stock(parts, run->start, err) : rc;
    if (rc != OMEGA_OK) {
        rmdir(parts->folder); /* if it is empty */
        parts_close(parts);
        return rc;
    }
    *out = parts;
    return OMEGA_OK;
}

/* Says what a directory without a head lacks. */
static int check_head(struct parts *parts, const char *directory, omega_error_t *err)
{
    char *head = path_of(parts, HEAD_NAME);
    int there = head == NULL ? -1 : access(head, F_OK);
    free(head);
    if (head == NULL) {
        return no_memory(err);
    }
    if (there == 0 || errno != ENOENT) {
        return OMEGA_OK; /* opening it says the rest */
    }
    int rc = list(parts, count_in, parts, err);
    uint32_t points = parts->finished_count;
    parts->finished_count = 0;
    if (rc != OMEGA_OK) {
        return rc;
    }
    return omega_error_set_at(
        err, OMEGA_EINVAL, directory, 0,
        points == 0 ? "is no shard, expected a directory that 'omega run --shard I/N' has left, "
                      "with " PARTS_FOLDER "/" HEAD_NAME
                    : "has points but no " PARTS_FOLDER "/" HEAD_NAME
                      ", expected it: 'omega run --shard I/N --resume' writes it again");
}

int parts_open(const char *directory, struct parts **out, omega_error_t *err)
{
    struct parts *parts;
    int rc = make(directory, &parts, err);
    *out = NULL;
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = check_head(parts, directory, err);
    rc = rc == OMEGA_OK ? read_head(parts, &parts->about, err) : rc;
    rc = rc == OMEGA_OK ? take_about(parts, err) : rc;
    rc = rc == OMEGA_OK ? list(parts, take_in, parts, err) : rc;
    if (rc != OMEGA_OK) {
        parts_close(parts);
        return rc;
    }
    *out = parts;
    return OMEGA_OK;
}

void parts_close(struct parts *parts)
{
    if (parts != NULL) {
        if (parts->lock >= 0) {
            close(parts->lock);
        }
        json_decref(parts->about);
        free(parts->finished);
        free(parts->folder);
        free(parts);
    }
}

int parts_write_head(struct parts *parts, omega_error_t *err)
{
    struct part_writer *head;
    char *path = path_of(parts, HEAD_NAME);
    int rc = path == NULL ? no_memory(err) : part_create(path, &head, err);
    free(path);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = outputs_heads(parts->experiment, head, err);
    if (rc != OMEGA_OK) {
        part_abort(head);
        return rc;
    }
    return part_commit(head, json_incref(parts->about), err);
}

int parts_open_head(const struct parts *parts, struct part **head, omega_error_t *err)
{
    char *path = path_of(parts, HEAD_NAME);
    *head = NULL;
    int rc = path == NULL ? no_memory(err) : part_open(path, head, err);
    free(path);
    return rc;
}

json_t *parts_about(const struct parts *parts, uint32_t point, json_t *ran)
{
    uint32_t segments = parts_has_logs(parts) ? parts_log_segments(parts, point) : 0;
    return json_pack("{s:s,s:I,s:I,s:o}", "run", parts_text_at(parts->about, "run"), "point",
                     (json_int_t)point, "segments", (json_int_t)segments, "ran", ran);
}

/* ---- asking ---- */

bool parts_has(const struct parts *parts, uint32_t point)
{
    return parts->finished[point];
}

void parts_add(struct parts *parts, uint32_t point)
{
    parts->finished_count += !parts->finished[point];
    parts->finished[point] = true;
}

uint32_t parts_finished(const struct parts *parts)
{
    return parts->finished_count;
}

bool parts_is_due(const struct parts *parts, uint32_t point)
{
    return point < parts->points && point % parts->shard.count == parts->shard.number - 1;
}

uint32_t parts_due(const struct parts *parts)
{
    uint32_t before = parts->shard.number - 1;
    return before >= parts->points ? 0 : (parts->points - before - 1) / parts->shard.count + 1;
}

uint32_t parts_damaged(const struct parts *parts)
{
    return parts->damaged;
}

struct parts_shard parts_shard(const struct parts *parts)
{
    return parts->shard;
}

uint32_t parts_points(const struct parts *parts)
{
    return parts->points;
}

bool parts_has_logs(const struct parts *parts)
{
    return json_is_true(json_object_get(parts->about, "log"));
}

const json_t *parts_modules(const struct parts *parts)
{
    return json_object_get(parts->about, "modules");
}

bool parts_is_of(const struct parts *parts, const struct experiment *experiment)
{
    return strcmp(parts_text_at(parts->about, "experiment_sha256"),
                  experiment_sha256(experiment)) == 0;
}

int parts_same_run(const struct parts *a, const struct parts *b, omega_error_t *err)
{
    return parts_head_check_same(b->about, a->about, b->folder, err);
}
