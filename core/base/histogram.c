/* SPDX-License-Identifier: MIT */
/*
 * Histograms: see histogram.h.
 *
 * Values below 2048 have a bucket each. A larger value with highest bit o lies in [2^o, 2^(o+1)),
 * which is cut into 1024 buckets of 2^(o-10) values, allocated when the first value falls into it.
 */
#include "core/base/histogram.h"

#include <stdlib.h>

#include "core/base/error.h"

#define SUB_BITS 10
#define SUB_BUCKETS (1u << SUB_BITS)
#define EXACT_BITS (SUB_BITS + 1)
#define EXACT (1u << EXACT_BITS)
#define OCTAVES (63 - EXACT_BITS) /* int64: highest bits 11 to 62 */

struct histogram {
    uint64_t count; /* without the censored ones */
    uint64_t censored;
    int64_t max;
    int64_t least_above; /* smallest `above` of the censored values */
    unsigned __int128 sum;
    uint64_t *exact;
    uint64_t *octaves[OCTAVES]; /* NULL until something falls into it */
};

struct histogram *histogram_create(void)
{
    return calloc(1, sizeof(struct histogram));
}

void histogram_destroy(struct histogram *histogram)
{
    if (histogram == NULL) {
        return;
    }
    for (int i = 0; i < OCTAVES; i++) {
        free(histogram->octaves[i]);
    }
    free(histogram->exact);
    free(histogram);
}

static unsigned highest_bit(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/* The counter of a value >= 0; NULL without memory. */
static uint64_t *bucket_of(struct histogram *histogram, uint64_t value)
{
    uint64_t **part = &histogram->exact;
    size_t size = EXACT;
    size_t at = (size_t)value;
    if (value >= EXACT) {
        unsigned octave = highest_bit(value);
        part = &histogram->octaves[octave - EXACT_BITS];
        size = SUB_BUCKETS;
        at = (size_t)(value >> (octave - SUB_BITS)) - SUB_BUCKETS;
    }
    if (*part == NULL) {
        *part = calloc(size, sizeof **part);
        if (*part == NULL) {
            return NULL;
        }
    }
    return &(*part)[at];
}

int histogram_add(struct histogram *histogram, int64_t value)
{
    int64_t counted = value < 0 ? 0 : value;
    uint64_t *bucket = bucket_of(histogram, (uint64_t)counted);
    if (bucket == NULL) {
        return OMEGA_ENOMEM;
    }
    (*bucket)++;
    histogram->count++;
    histogram->sum += (unsigned __int128)counted;
    if (counted > histogram->max) {
        histogram->max = counted;
    }
    return OMEGA_OK;
}

int histogram_add_censored(struct histogram *histogram, int64_t above)
{
    int64_t bound = above < 0 ? 0 : above;
    if (histogram->censored == 0 || bound < histogram->least_above) {
        histogram->least_above = bound;
    }
    histogram->censored++;
    return OMEGA_OK;
}

/* Makes sure that `*into` exists if `from` does. */
static int merge_room(uint64_t **into, const uint64_t *from, size_t size)
{
    if (from != NULL && *into == NULL) {
        *into = calloc(size, sizeof **into);
        if (*into == NULL) {
            return OMEGA_ENOMEM;
        }
    }
    return OMEGA_OK;
}

static void merge_part(uint64_t *into, const uint64_t *from, size_t size)
{
    for (size_t i = 0; from != NULL && i < size; i++) {
        into[i] += from[i];
    }
}

int histogram_merge(struct histogram *into, const struct histogram *from)
{
    /* all allocations first: a failed merge changes nothing */
    int rc = merge_room(&into->exact, from->exact, EXACT);
    for (int i = 0; rc == OMEGA_OK && i < OCTAVES; i++) {
        rc = merge_room(&into->octaves[i], from->octaves[i], SUB_BUCKETS);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    merge_part(into->exact, from->exact, EXACT);
    for (int i = 0; i < OCTAVES; i++) {
        merge_part(into->octaves[i], from->octaves[i], SUB_BUCKETS);
    }
    if (from->censored > 0 && (into->censored == 0 || from->least_above < into->least_above)) {
        into->least_above = from->least_above;
    }
    into->count += from->count;
    into->censored += from->censored;
    into->sum += from->sum;
    into->max = from->max > into->max ? from->max : into->max;
    return OMEGA_OK;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram->count + histogram->censored;
}

uint64_t histogram_censored(const struct histogram *histogram)
{
    return histogram->censored;
}

double histogram_mean(const struct histogram *histogram)
{
    if (histogram->count == 0) {
        return 0.0;
    }
    /* The whole part and the rest apart: the quotient has 64 bits at most, each is exact enough. */
    unsigned __int128 whole = histogram->sum / histogram->count;
    unsigned __int128 rest = histogram->sum % histogram->count;
    return (double)(uint64_t)whole + (double)(uint64_t)rest / (double)histogram->count;
}

int64_t histogram_max(const struct histogram *histogram)
{
    return histogram->max;
}

/* Lowest and highest value of bucket `at` of an octave. */
static void octave_range(int octave, size_t at, int64_t *low, int64_t *high)
{
    int shift = octave + EXACT_BITS - SUB_BITS;
    *low = (int64_t)((uint64_t)(at + SUB_BUCKETS) << shift);
    *high = (int64_t)((uint64_t)*low + ((UINT64_C(1) << shift) - 1));
}

/* ceil(q * count), at least 1 and at most count. A product that exceeds a whole number by no more
 * than the rounding of q and of the product (0.07 * 100 > 7) counts as that number. */
static uint64_t rank_of(double q, uint64_t count)
{
    if (!(q > 0.0)) {
        return 1;
    }
    if (q >= 1.0) {
        return count;
    }
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact - exact * 0x1p-51) {
        rank++;
    }
    if (rank < 1) {
        rank = 1;
    }
    return rank > count ? count : rank;
}

/* The value at a rank among the values that are not censored. */
static int64_t value_at(const struct histogram *histogram, uint64_t rank)
{
    uint64_t seen = 0;
    for (size_t i = 0; histogram->exact != NULL && i < EXACT; i++) {
        seen += histogram->exact[i];
        if (seen >= rank) {
            return (int64_t)i;
        }
    }
    for (int octave = 0; octave < OCTAVES; octave++) {
        const uint64_t *buckets = histogram->octaves[octave];
        for (size_t i = 0; buckets != NULL && i < SUB_BUCKETS; i++) {
            seen += buckets[i];
            if (seen >= rank) {
                int64_t low;
                int64_t high;
                octave_range(octave, i, &low, &high);
                int64_t middle = low + (high - low) / 2;
                return middle < histogram->max ? middle : histogram->max;
            }
        }
    }
    return histogram->max;
}

int64_t histogram_quantile(const struct histogram *histogram, double q, bool *censored)
{
    if (censored != NULL) {
        *censored = false;
    }
    uint64_t count = histogram_count(histogram);
    if (count == 0) {
        return 0;
    }
    uint64_t rank = rank_of(q, count);
    if (rank <= histogram->count) {
        return rank == histogram->count ? histogram->max : value_at(histogram, rank);
    }
    if (censored != NULL) {
        *censored = true;
    }
    return histogram->max > histogram->least_above ? histogram->max : histogram->least_above;
}

void histogram_each(const struct histogram *histogram,
                    void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                    void *context)
{
    for (size_t i = 0; histogram->exact != NULL && i < EXACT; i++) {
        if (histogram->exact[i] != 0) {
            each(context, (int64_t)i, (int64_t)i, histogram->exact[i]);
        }
    }
    for (int octave = 0; octave < OCTAVES; octave++) {
        const uint64_t *buckets = histogram->octaves[octave];
        for (size_t i = 0; buckets != NULL && i < SUB_BUCKETS; i++) {
            if (buckets[i] != 0) {
                int64_t low;
                int64_t high;
                octave_range(octave, i, &low, &high);
                each(context, low, high, buckets[i]);
            }
        }
    }
}
