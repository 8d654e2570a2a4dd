/* SPDX-License-Identifier: MIT */
/* The experiment of a log: see log_text.h. */
#include "core/experiment/log_text.h"

#include <stdlib.h>
#include <string.h>

/* Reads `text->text`, which is new. */
static int read_new(struct log_text *text, omega_error_t *err)
{
    struct sha256 sha;
    size_t size = strlen(text->text);
    sha256_init(&sha);
    sha256_add(&sha, text->text, size);
    sha256_finish(&sha, text->sha256);
    json_t *experiment = json_loads(text->text, 0, NULL);
    text->counterfactuals = json_is_true(json_object_get(experiment, "counterfactuals"));
    json_decref(experiment);
    if (strstr(text->text, "\"fragmentation") == NULL) {
        return OMEGA_OK; /* most experiments: nothing else is asked of them */
    }
    return experiment_parse(text->text, size, "the experiment", ".", NULL, &text->experiment, err);
}

int log_text_read(struct log_text *text, const struct runlog_opening *opening, omega_error_t *err)
{
    omega_error_t cause = {0};
    if (text->text == NULL || strcmp(text->text, opening->text) != 0) {
        log_text_clear(text);
        text->text = strdup(opening->text);
        if (text->text == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
        read_new(text, &cause);
    }
    if (strcmp(text->sha256, opening->sha256) != 0) {
        return omega_error_set(err, OMEGA_ECORRUPT,
                               "the experiment has SHA-256 %s, expected %s, which the log names",
                               text->sha256, opening->sha256);
    }
    if (cause.code != OMEGA_OK) {
        log_text_clear(text); /* and is read, and told of, again */
        *err = cause;
    }
    return cause.code;
}

int log_text_fragmentation(const struct log_text *text, const struct runlog_opening *opening,
                           struct metrics_fragmentation *out, omega_error_t *err)
{
    *out = (struct metrics_fragmentation){0};
    return text->experiment == NULL ? OMEGA_OK
                                    : fragmentation_of_variant(text->experiment, opening->variant,
                                                               opening->assignment,
                                                               opening->horizon_us, out, err);
}

void log_text_clear(struct log_text *text)
{
    free(text->text);
    experiment_close(text->experiment);
    *text = (struct log_text){0};
}
