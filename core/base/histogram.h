/* SPDX-License-Identifier: MIT */
/*
 * Histograms of non-negative integers (microseconds, counts) with a bounded relative error: values
 * below 2048 are exact, larger ones fall into 1024 buckets per power of two, so that a quantile
 * read from it is at most 0.05 % away from the exact one (a bucket's middle is given).
 * Buckets are allocated by power of two, so a histogram costs some KiB.
 */
#ifndef OMEGA_CORE_BASE_HISTOGRAM_H
#define OMEGA_CORE_BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct histogram;

/* NULL without memory; histogram_destroy(NULL) is allowed. */
struct histogram *histogram_create(void);
void histogram_destroy(struct histogram *histogram);

/* Adds a value >= 0 (below 0 counts as 0). Returns 0 or OMEGA_ENOMEM. */
int histogram_add(struct histogram *histogram, int64_t value);

/* Adds a value that is not known yet (a job that never started): it counts as larger than any known
 * one; `above` >= 0 is what it has reached so far. Returns 0 or OMEGA_ENOMEM. */
int histogram_add_censored(struct histogram *histogram, int64_t above);

/* Adds all of `from` to `into`. */
int histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram); /* censored ones included */
uint64_t histogram_censored(const struct histogram *histogram);

/* Exact mean and maximum of all values, 0 if there are none. Censored ones are taken as what they
 * have reached, so with any of them both are lower bounds. */
double histogram_mean(const struct histogram *histogram);
int64_t histogram_max(const struct histogram *histogram);

/* The value at rank ceil(q * count), q in [0, 1], the censored ones behind all known ones: exact
 * below 2048, else within the error above. If that rank is a censored value, *censored becomes
 * true and the result is a lower bound: what it has reached (censored values by rising `above`), or
 * the largest known value where that is more, since it counts as larger. That is never less than
 * the quantile of all values together, censored ones taken as what they have reached. 0 if empty.
 * `censored` may be NULL. */
int64_t histogram_quantile(const struct histogram *histogram, double q, bool *censored);

/* Walks the buckets that hold something, by rising value: each gets lowest and highest value of the
 * bucket and its count. The known values, */
void histogram_each(const struct histogram *histogram,
                    void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                    void *context);
/* and what the censored ones have reached. */
void histogram_each_censored(const struct histogram *histogram,
                             void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                             void *context);

#endif
