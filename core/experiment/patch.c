/* SPDX-License-Identifier: MIT */
/* Documents made of documents: the merge patch of variants, and the normalised form whose SHA-256
 * names an experiment. Nesting is bounded by LOCATE_DEPTH_MAX before anything gets here. */
#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/experiment/experiment_private.h"

json_t *patch_merge(const json_t *target, json_t *patch)
{
    if (!json_is_object(patch)) {
        return json_deep_copy(patch);
    }
    json_t *merged = json_is_object(target) ? json_deep_copy(target) : json_object();
    const char *key;
    json_t *value;
    json_object_foreach(patch, key, value)
    {
        if (merged == NULL) {
            return NULL;
        }
        if (json_is_null(value)) {
            json_object_del(merged, key);
            continue;
        }
        json_t *part = patch_merge(json_object_get(merged, key), value);
        if (part == NULL || json_object_set_new(merged, key, part) != 0) {
            json_decref(merged);
            return NULL;
        }
    }
    return merged;
}

static bool is_whole(const json_t *value)
{
    const double limit = 9007199254740992.0; /* 2^53: every whole number up to it is exact */
    double real = json_real_value(value);
    return json_is_real(value) && real >= -limit && real <= limit && real == (double)(int64_t)real;
}

static json_t *to_integer(const json_t *real)
{
    return json_integer((json_int_t)json_real_value(real));
}

static void whole_numbers_within(json_t *doc)
{
    const char *key;
    size_t index;
    json_t *value;
    json_object_foreach(doc, key, value)
    {
        if (is_whole(value)) {
            json_object_set_new(doc, key, to_integer(value));
        } else {
            whole_numbers_within(value);
        }
    }
    json_array_foreach(doc, index, value)
    {
        if (is_whole(value)) {
            json_array_set_new(doc, index, to_integer(value));
        } else {
            whole_numbers_within(value);
        }
    }
}

json_t *whole_numbers(json_t *value)
{
    if (value != NULL && is_whole(value)) {
        json_t *integer = to_integer(value);
        json_decref(value);
        return integer;
    }
    whole_numbers_within(value);
    return value;
}

/* Where the cell state lives changes nothing of the results; in a variant's "set" it may also come
 * as paths. A variant that sets nothing else is the base. */
static void drop_store(json_t *variant)
{
    json_t *set = json_object_get(variant, "set");
    size_t before = json_object_size(set);
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(set, next, key, value)
    {
        size_t length = strcspn(key, ".[");
        if (length == strlen("store") && strncmp(key, "store", length) == 0) {
            json_object_del(set, key);
        }
    }
    if (before > 0 && json_object_size(set) == 0) {
        json_object_del(variant, "set");
    }
}

/* What changes which files are written, or how fine, but no result. */
static void drop_outputs(json_t *doc)
{
    static const char *const keys[] = {"description", "record", "series_step_s"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_object_del(doc, keys[i]);
    }
}

/* A copy without what says where the cell state lives, and the outermost descriptions. */
static json_t *without_store(const json_t *base)
{
    json_t *copy = json_deep_copy(base);
    json_object_del(copy, "description");
    json_object_del(copy, "store");
    size_t index;
    json_t *variant;
    json_array_foreach(json_object_get(copy, "variants"), index, variant)
    {
        json_object_del(variant, "description");
        drop_store(variant);
    }
    return copy;
}

static char *sorted_text(const json_t *doc)
{
    return doc == NULL ? NULL
                       : json_dumps(doc, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
}

static void sha256_of(const char *text, char out[65])
{
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, text, strlen(text));
    sha256_finish(&sha, out);
}

int outputs_sha256(const json_t *base, char out[65], omega_error_t *err)
{
    json_t *copy = without_store(base);
    char *text = sorted_text(copy);
    json_decref(copy);
    if (text == NULL) {
        return out_of_memory(err);
    }
    sha256_of(text, out);
    free(text);
    return 0;
}

int normalised_text(const json_t *base, char **out, omega_error_t *err)
{
    json_t *copy = without_store(base);
    drop_outputs(copy);
    size_t index;
    json_t *variant;
    json_array_foreach(json_object_get(copy, "variants"), index, variant)
    {
        drop_outputs(json_object_get(variant, "set"));
    }
    *out = sorted_text(copy);
    json_decref(copy);
    return *out == NULL ? out_of_memory(err) : 0;
}

int normalised_sha256(const json_t *base, char out[65], omega_error_t *err)
{
    char *text;
    if (normalised_text(base, &text, err) != 0) {
        return err->code;
    }
    sha256_of(text, out);
    free(text);
    return 0;
}
