/* SPDX-License-Identifier: MIT */
/* Playing a log: see log_play.h. */
#include "core/experiment/log_play.h"

#include <inttypes.h>
#include <stdio.h>

struct player {
    struct runlog_merge *merge;
    struct runlog_check *check;
    struct log_figures *figures;
    int64_t until_us; /* 0: to the end */
    log_seen *seen;
    void *context;
    const volatile sig_atomic_t *stop; /* or NULL */
    char violation[256];               /* the first */
};

static void on_violation(void *context, const char *text)
{
    struct player *player = context;
    if (player->violation[0] == '\0') {
        snprintf(player->violation, sizeof player->violation, "%s", text);
    }
}

/* Plays one record: 1; 0 if nothing behind it makes sense. */
static int play_record(struct player *player, const struct runlog_record *record,
                       omega_error_t *err)
{
    const struct runlog_effect *effect = NULL;
    if (player->stop != NULL && *player->stop != 0) {
        return omega_error_set(err, OMEGA_EINTR, "stopped: nothing is written");
    }
    log_figures_before(player->figures, player->check, record->time_us);
    int rc = runlog_check_record(player->check, record, &effect, err);
    if (rc != 1) {
        return rc;
    }
    if (player->seen != NULL && player->seen(player->context, record, effect, err) != 0) {
        return err->code;
    }
    log_figures_add(player->figures, player->check, record, effect);
    return 1;
}

/* The horizon, where it is made to come before that of the log. */
static int end_early(struct player *player, omega_error_t *err)
{
    struct runlog_record horizon = {.kind = RUNLOG_HORIZON,
                                    .version = runlog_check_version(player->check),
                                    .time_us = player->until_us};
    int rc = play_record(player, &horizon, err);
    return rc < 0 ? rc : 0;
}

static int play_all(struct player *player, omega_error_t *err)
{
    const struct runlog_record *record = NULL;
    int rc = 1;
    log_figures_begin(player->figures, player->check);
    while (rc == 1 && (rc = runlog_merge_next(player->merge, &record, err)) == 1) {
        if (player->until_us > 0 && record->time_us >= player->until_us) {
            return end_early(player, err);
        }
        rc = play_record(player, record, err);
    }
    if (rc == 0 && player->violation[0] == '\0' && player->until_us > 0) {
        return end_early(player, err);
    }
    return rc == 0 && runlog_merge_cuts(player->merge) > 0
               ? omega_error_set(err, OMEGA_ECORRUPT,
                                 "the log of this run is incomplete: %" PRIu32
                                 " of its segments are cut or missing",
                                 runlog_merge_cuts(player->merge))
               : rc;
}

static int play(struct player *player, omega_error_t *err)
{
    int rc = play_all(player, err);
    if (rc == 0 && player->violation[0] == '\0') {
        runlog_check_end(player->check);
    }
    return rc < 0 || player->violation[0] == '\0'
               ? rc
               : omega_error_set(err, OMEGA_ECORRUPT, "the log of this run is not sound: %s",
                                 player->violation);
}

int log_play(struct runlog_merge *merge, const struct log_figures_options *options,
             int64_t until_us, log_seen *seen, void *context, const volatile sig_atomic_t *stop,
             struct log_played *played, omega_error_t *err)
{
    omega_error_t own = {0};
    err = err == NULL ? &own : err;
    struct runlog_opening opening = *runlog_merge_opening(merge);
    struct player player = {
        .merge = merge, .until_us = until_us, .seen = seen, .context = context, .stop = stop};
    *played = (struct log_played){.metrics = NULL};
    opening.horizon_us = until_us > 0 ? until_us : opening.horizon_us;
    player.figures = log_figures_create(&opening, options);
    int rc = player.figures == NULL
                 ? omega_error_set(err, OMEGA_ENOMEM, "no memory to play a log")
                 : runlog_check_create(&opening, on_violation, &player, &player.check, err);
    if (rc == OMEGA_OK && options->counterfactuals) {
        runlog_check_counterfactuals(player.check);
    }
    rc = rc == OMEGA_OK ? play(&player, err) : rc;
    if (rc == OMEGA_OK) {
        runlog_check_report(player.check, &played->report);
        runlog_check_counters(player.check, &played->counters);
        played->metrics = log_figures_take_metrics(player.figures);
    }
    runlog_check_destroy(player.check);
    log_figures_destroy(player.figures);
    return rc;
}
