/* SPDX-License-Identifier: MIT */
/* How far a run has come: see progress.h. */
#include "core/experiment/progress.h"

#include <stdlib.h>
#include <unistd.h>

#define ETA_FROM 0.02 /* share of a point that must be done before its time is guessed */
#define BAR_WIDTH 20

struct progress_point {
    double began_s;
    double share;
    bool runs;
};

double progress_since(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) / 1e9;
}

double progress_elapsed(const struct progress *progress)
{
    return progress_since(&progress->began);
}

int progress_init(struct progress *progress, const struct experiment *experiment, uint32_t jobs,
                  uint32_t total, uint32_t finished, bool quiet, FILE *out)
{
    *progress = (struct progress){
        .experiment = experiment,
        .out = out,
        .quiet = quiet,
        .terminal = !quiet && isatty(fileno(out)),
        .jobs = jobs,
        .total = total,
        .finished = finished,
    };
    clock_gettime(CLOCK_MONOTONIC, &progress->began);
    progress->points = calloc(experiment_point_count(experiment), sizeof *progress->points);
    return progress->points == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

void progress_fini(struct progress *progress)
{
    free(progress->points);
    progress->points = NULL;
}

void progress_begun(struct progress *progress, uint32_t point)
{
    progress->points[point] =
        (struct progress_point){.began_s = progress_elapsed(progress), .runs = true};
    progress->running++;
}

void progress_share(struct progress *progress, uint32_t point, double share)
{
    progress->points[point].share = share < 1 ? share : 1;
}

void progress_ended(struct progress *progress, uint32_t point, double wall_s)
{
    char name[200];
    progress->points[point].runs = false;
    progress->running--;
    if (wall_s < 0) {
        return;
    }
    progress->finished++;
    progress->run++;
    progress->run_s += wall_s;
    if (!progress->quiet && !progress->terminal) {
        experiment_name_point(progress->experiment, point, name, sizeof name);
        fprintf(progress->out, "point %u of %u: %s: %.2f s\n", progress->finished, progress->total,
                name, wall_s);
        fflush(progress->out);
    }
}

/* ---- the time left ---- */

/* What is known of the points that run. */
struct guess {
    double shares;  /* done of them, summed up */
    double left_s;  /* summed up */
    double most_s;  /* the longest of these */
    double whole_s; /* of those far enough to be guessed by themselves, summed up */
    uint32_t guessed;
    uint32_t unknown; /* which are not */
    double unknown_s; /* how long these have run, summed up */
};

static void guess_running(const struct progress *progress, double now_s, struct guess *guess)
{
    uint32_t left = progress->running;
    for (uint32_t i = 0; left > 0; i++) {
        const struct progress_point *point = &progress->points[i];
        if (!point->runs) {
            continue;
        }
        left--;
        double so_far = now_s - point->began_s;
        guess->shares += point->share;
        if (point->share < ETA_FROM) {
            guess->unknown++;
            guess->unknown_s += so_far;
            continue;
        }
        double left_s = so_far / point->share - so_far;
        guess->guessed++;
        guess->whole_s += so_far / point->share;
        guess->left_s += left_s;
        guess->most_s = left_s > guess->most_s ? left_s : guess->most_s;
    }
}

/* Seconds left; below 0: nobody knows. Points that have not begun take what others took on average:
 * the finished ones, or else those that run. */
static double guess_left(const struct progress *progress, const struct guess *guess)
{
    uint32_t waiting = progress->total - progress->finished - progress->running;
    if (progress->run + guess->guessed == 0) {
        return -1;
    }
    double mean =
        progress->run > 0 ? progress->run_s / progress->run : guess->whole_s / guess->guessed;
    double unknown_s = guess->unknown * mean - guess->unknown_s;
    double work_s = guess->left_s + (unknown_s > 0 ? unknown_s : 0) + waiting * mean;
    double left_s = work_s / progress->jobs;
    return left_s > guess->most_s ? left_s : guess->most_s;
}

static void put_time(double seconds, FILE *out)
{
    long whole = (long)(seconds + 0.5);
    if (whole < 100) {
        fprintf(out, "%ld s", whole);
    } else if (whole < 3600) {
        fprintf(out, "%ld:%02ld min", whole / 60, whole % 60);
    } else {
        fprintf(out, "%ld:%02ld:%02ld h", whole / 3600, whole / 60 % 60, whole % 60);
    }
}

/* ---- the line ---- */

void progress_erase(struct progress *progress)
{
    if (progress->drawn_s > 0) {
        fputs("\r\033[K", progress->out);
        progress->drawn_s = 0;
    }
}

void progress_draw(struct progress *progress)
{
    double now_s = progress_elapsed(progress);
    if (!progress->terminal || now_s - progress->drawn_s < PROGRESS_REDRAW_S) {
        return;
    }
    struct guess guess = {0};
    guess_running(progress, now_s, &guess);
    double done = (progress->finished + guess.shares) / progress->total;
    double left_s = guess_left(progress, &guess);
    int bar = (int)(done * BAR_WIDTH);
    FILE *out = progress->out;
    fprintf(out, "\r\033[K%3.0f %% [%.*s%*s] %u of %u points, %u running, ", done * 100, bar,
            "####################", BAR_WIDTH - bar, "", progress->finished, progress->total,
            progress->running);
    put_time(now_s, out);
    if (left_s >= 0) {
        fputs(", ", out);
        put_time(left_s, out);
        fputs(" left", out);
    }
    fflush(out);
    progress->drawn_s = now_s;
}
