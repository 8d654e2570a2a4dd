/* SPDX-License-Identifier: MIT */
/* Messages: one table for the keys of each object, which both reads and writes it. */
#include "core/messages/msg.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum key_type {
    KEY_COUNT, /* uint64_t, up to INT64_MAX */
    KEY_WHOLE, /* int64_t, from -1 */
    KEY_BOOL,
    KEY_TEXT, /* char[MSG_TEXT_MAX + 1] */
};

struct key_spec {
    const char *key; /* NULL ends a table */
    enum key_type type;
    size_t offset;
};

static const char *const request_names[] = {"status", "drain", "undrain", "stop", NULL};
static const char *const event_names[] = {"submitted", "committed", "refused",  "abandoned",
                                          "ended",     "malformed", "declined", NULL};

#define EVENT_KEY(key, type, member)                                                               \
    {                                                                                              \
        key, type, offsetof(struct msg_event, member)                                              \
    }

/* Besides "version", "hint" and "event". */
static const struct key_spec event_keys[] = {
    EVENT_KEY("from", KEY_TEXT, from),
    EVENT_KEY("job", KEY_COUNT, job),
    EVENT_KEY("attempt", KEY_COUNT, attempt),
    EVENT_KEY("accepted", KEY_COUNT, accepted),
    EVENT_KEY("conflicts", KEY_COUNT, conflicts),
    EVENT_KEY("refused", KEY_COUNT, refused),
    EVENT_KEY("tasks", KEY_COUNT, tasks),
    EVENT_KEY("cell_version", KEY_COUNT, version),
    EVENT_KEY("error", KEY_TEXT, error),
    {NULL, KEY_COUNT, 0},
};

#define STATUS_KEY(key, type)                                                                      \
    {                                                                                              \
#key, type, offsetof(struct msg_status, key)                                               \
    }

static const struct key_spec status_keys[] = {
    STATUS_KEY(name, KEY_TEXT),       STATUS_KEY(module, KEY_TEXT),
    STATUS_KEY(instance, KEY_WHOLE),  STATUS_KEY(pid, KEY_COUNT),
    STATUS_KEY(up_us, KEY_COUNT),     STATUS_KEY(draining, KEY_BOOL),
    STATUS_KEY(queued, KEY_COUNT),    STATUS_KEY(waiting, KEY_COUNT),
    STATUS_KEY(attempts, KEY_COUNT),  STATUS_KEY(commits, KEY_COUNT),
    STATUS_KEY(accepted, KEY_COUNT),  STATUS_KEY(conflicts, KEY_COUNT),
    STATUS_KEY(refused, KEY_COUNT),   STATUS_KEY(ended, KEY_COUNT),
    STATUS_KEY(malformed, KEY_COUNT), {NULL, KEY_COUNT, 0},
};

/* ---- names ---- */

static int index_of(const char *name, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

const char *msg_request_name(enum msg_request request)
{
    return (unsigned)request <= MSG_STOP ? request_names[request] : NULL;
}

bool msg_request_of(const char *name, enum msg_request *request)
{
    int found = index_of(name, request_names);
    *request = found < 0 ? MSG_STATUS : (enum msg_request)found;
    return found >= 0;
}

/* ---- reading ---- */

static int fail(omega_error_t *err, const char *key, const char *expected)
{
    return omega_error_set(err, OMEGA_EINVAL, "'%s' is not what it takes, expected %s", key,
                           expected);
}

/* True if brackets lie too deep within each other, outside of strings. */
static bool is_too_deep(const char *bytes, size_t size)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else {
            in_string = c == '"';
        }
        if (depth > MSG_DEPTH_MAX) {
            return true;
        }
    }
    return false;
}

static int read_key(const json_t *value, const struct key_spec *spec, void *out, omega_error_t *err)
{
    char *at = (char *)out + spec->offset;
    const char *text = json_string_value(value);
    int64_t whole = json_integer_value(value);
    bool flag = json_is_true(value);
    switch (spec->type) {
    case KEY_COUNT:
    case KEY_WHOLE:
        if (!json_is_integer(value) || whole < (spec->type == KEY_WHOLE ? -1 : 0)) {
            return fail(err, spec->key, "a whole number");
        }
        memcpy(at, &whole, sizeof whole);
        return OMEGA_OK;
    case KEY_BOOL:
        memcpy(at, &flag, sizeof flag);
        return json_is_boolean(value) ? OMEGA_OK : fail(err, spec->key, "true or false");
    default:
        if (text == NULL || strlen(text) > MSG_TEXT_MAX) {
            return fail(err, spec->key, "a text of at most 512 bytes");
        }
        memcpy(at, text, strlen(text) + 1);
        return OMEGA_OK;
    }
}

/* Reads an object by a table; keys of `also`, NULL at the end, have been read. */
static int read_object(json_t *object, const struct key_spec *keys, const char *const *also,
                       void *out, omega_error_t *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const struct key_spec *spec = keys;
        while (spec->key != NULL && strcmp(spec->key, key) != 0) {
            spec++;
        }
        if (spec->key == NULL && index_of(key, also) < 0) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "unknown key '%.60s', expected those of version %d", key,
                                   MSG_VERSION);
        }
        if (spec->key != NULL && read_key(value, spec, out, err) != OMEGA_OK) {
            return OMEGA_EINVAL;
        }
    }
    return OMEGA_OK;
}

static const struct key_spec no_keys[] = {{NULL, KEY_COUNT, 0}};

static int read_submit(json_t *root, struct msg *msg, omega_error_t *err)
{
    static const char *const also[] = {"version", "submit", NULL};
    msg->kind = MSG_SUBMIT;
    if (read_object(root, no_keys, also, msg, err) != OMEGA_OK) {
        return OMEGA_EINVAL;
    }
    if (!json_is_object(json_object_get(root, "submit"))) {
        return fail(err, "submit", "an object, the job");
    }
    msg->submitted = json_incref(json_object_get(root, "submit"));
    return OMEGA_OK;
}

static int read_request(json_t *root, struct msg *msg, omega_error_t *err)
{
    static const char *const also[] = {"version", "request", NULL};
    const char *name = json_string_value(json_object_get(root, "request"));
    msg->kind = MSG_REQUEST;
    if (read_object(root, no_keys, also, msg, err) != OMEGA_OK) {
        return OMEGA_EINVAL;
    }
    return name != NULL && msg_request_of(name, &msg->request)
               ? OMEGA_OK
               : fail(err, "request", "'status', 'drain', 'undrain' or 'stop'");
}

static int read_reply(json_t *root, struct msg *msg, omega_error_t *err)
{
    static const char *const also[] = {"version", "status", NULL};
    static const char *const none[] = {NULL};
    static const struct key_spec keys[] = {
        {"ok", KEY_BOOL, offsetof(struct msg, ok)},
        {"error", KEY_TEXT, offsetof(struct msg, error)},
        {"job", KEY_COUNT, offsetof(struct msg, job)},
        {NULL, KEY_COUNT, 0},
    };
    json_t *status = json_object_get(root, "status");
    msg->kind = MSG_REPLY;
    int rc = read_object(root, keys, also, msg, err);
    if (rc != OMEGA_OK || status == NULL) {
        return rc;
    }
    msg->has_status = true;
    return json_is_object(status) ? read_object(status, status_keys, none, &msg->status, err)
                                  : fail(err, "status", "an object");
}

static int read_event(json_t *root, struct msg *msg, omega_error_t *err)
{
    static const char *const also[] = {"version", "hint", "event", NULL};
    const char *name = json_string_value(json_object_get(root, "event"));
    int kind = name == NULL ? -1 : index_of(name, event_names);
    msg->kind = MSG_EVENT;
    if (kind < 0) {
        return fail(err, "event", "the name of an event");
    }
    if (!json_is_true(json_object_get(root, "hint"))) {
        return fail(err, "hint", "true");
    }
    msg->event.kind = (enum msg_event_kind)kind;
    return read_object(root, event_keys, also, &msg->event, err);
}

static int check_version(const json_t *root, omega_error_t *err)
{
    const json_t *version = json_object_get(root, "version");
    if (!json_is_integer(version)) {
        return fail(err, "version", "1");
    }
    return json_integer_value(version) == MSG_VERSION
               ? OMEGA_OK
               : omega_error_set(err, OMEGA_EVERSION,
                                 "a message of version %" JSON_INTEGER_FORMAT ", expected %d",
                                 json_integer_value(version), MSG_VERSION);
}

/* A kind of message is known by one key. */
static const struct {
    const char *key;
    enum msg_kind kind;
    int (*read)(json_t *root, struct msg *msg, omega_error_t *err);
} readers[] = {
    {"submit", MSG_SUBMIT, read_submit},
    {"request", MSG_REQUEST, read_request},
    {"ok", MSG_REPLY, read_reply},
    {"event", MSG_EVENT, read_event},
};

static int read_root(json_t *root, unsigned kinds, struct msg *msg, omega_error_t *err)
{
    char expected[80] = "";
    if (!json_is_object(root)) {
        return omega_error_set(err, OMEGA_EINVAL, "the message is no object, expected one");
    }
    int rc = check_version(root, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if ((kinds >> readers[i].kind & 1) == 0) {
            continue;
        }
        if (json_object_get(root, readers[i].key) != NULL) {
            return readers[i].read(root, msg, err);
        }
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s'%s'", used == 0 ? "" : " or ",
                 readers[i].key);
    }
    return omega_error_set(err, OMEGA_EINVAL, "the message is not for here, expected %s", expected);
}

int msg_read(const char *bytes, size_t size, unsigned kinds, struct msg *msg, omega_error_t *err)
{
    json_error_t error;
    *msg = (struct msg){.kind = MSG_SUBMIT};
    if (size > MSG_BYTES_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "the message has %zu bytes, expected at most %u",
                               size, MSG_BYTES_MAX);
    }
    if (is_too_deep(bytes, size)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the message is nested too deeply, expected at most %d levels",
                               MSG_DEPTH_MAX);
    }
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the message is no JSON (%.120s), expected an "
                               "object",
                               error.text);
    }
    int rc = read_root(root, kinds, msg, err);
    json_decref(root);
    if (rc != OMEGA_OK) {
        msg_release(msg);
    }
    return rc;
}

void msg_release(struct msg *msg)
{
    json_decref(msg->submitted);
    msg->submitted = NULL;
}

/* ---- writing ---- */

/* A text as JSON can hold it. */
static json_t *text_value(const char *text)
{
    char plain[MSG_TEXT_MAX + 1];
    json_t *value = json_string(text);
    if (value != NULL) {
        return value;
    }
    snprintf(plain, sizeof plain, "%s", text);
    for (char *p = plain; *p != '\0'; p++) {
        *p = (unsigned char)*p < 0x80 ? *p : '?';
    }
    return json_string(plain);
}

/* The values of a table; without `all` only those that are not 0 or "". */
static void put_keys(json_t *object, const struct key_spec *keys, const void *from, bool all)
{
    for (const struct key_spec *spec = keys; spec->key != NULL; spec++) {
        const char *at = (const char *)from + spec->offset;
        int64_t whole = 0;
        bool flag = false;
        if (spec->type == KEY_TEXT) {
            if (all || at[0] != '\0') {
                json_object_set_new(object, spec->key, text_value(at));
            }
        } else if (spec->type == KEY_BOOL) {
            memcpy(&flag, at, sizeof flag);
            json_object_set_new(object, spec->key, json_boolean(flag));
        } else {
            memcpy(&whole, at, sizeof whole);
            if (all || whole != 0) {
                json_object_set_new(object, spec->key, json_integer(whole));
            }
        }
    }
}

static void put_reply(json_t *root, const struct msg *msg)
{
    json_object_set_new(root, "ok", json_boolean(msg->ok));
    if (!msg->ok) {
        json_object_set_new(root, "error", text_value(msg->error));
    }
    if (msg->job != 0) {
        json_object_set_new(root, "job", json_integer((json_int_t)msg->job));
    }
    if (msg->has_status) {
        json_t *status = json_object();
        put_keys(status, status_keys, &msg->status, true);
        json_object_set_new(root, "status", status);
    }
}

int msg_write(const struct msg *msg, char **bytes, size_t *size, omega_error_t *err)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(MSG_VERSION));
    switch (msg->kind) {
    case MSG_SUBMIT:
        json_object_set(root, "submit", msg->submitted);
        break;
    case MSG_REQUEST:
        json_object_set_new(root, "request", json_string(request_names[msg->request]));
        break;
    case MSG_REPLY:
        put_reply(root, msg);
        break;
    default:
        json_object_set_new(root, "hint", json_true());
        json_object_set_new(root, "event", json_string(event_names[msg->event.kind]));
        put_keys(root, event_keys, &msg->event, false);
    }
    *bytes = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (*bytes == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a message");
    }
    *size = strlen(*bytes);
    if (*size > MSG_BYTES_MAX) {
        free(*bytes);
        *bytes = NULL;
        return omega_error_set(err, OMEGA_EINVAL, "the message has %zu bytes, expected at most %u",
                               *size, MSG_BYTES_MAX);
    }
    return OMEGA_OK;
}
