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

/* Adds a value known only to be larger than any other one (a job that never started); `above` is
 * what it has reached so far. */
int histogram_add_censored(struct histogram *histogram, int64_t above);

/* Adds all of `from` to `into`. */
int histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram); /* censored ones included */
uint64_t histogram_censored(const struct histogram *histogram);

/* Exact, over all values but the censored ones; 0 if there are none. */
double histogram_mean(const struct histogram *histogram);
int64_t histogram_max(const struct histogram *histogram);

/* The value at rank ceil(q * count), q in [0, 1]: exact below 2048, else within the error above.
 * If that rank is a censored value, *censored becomes true and the result is the largest lower
 * bound known: the greater of the maximum and of the smallest `above`. 0 if it is empty. */
int64_t histogram_quantile(const struct histogram *histogram, double q, bool *censored);

/* Walks the buckets that hold something, by rising value: each gets lowest and highest value of the
 * bucket and its count. Censored values are not walked. */
void histogram_each(const struct histogram *histogram,
                    void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                    void *context);

#endif
