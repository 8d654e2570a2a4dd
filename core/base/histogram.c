/* SPDX-License-Identifier: MIT */
/*
 * Histograms: see histogram.h.
 *
 * Values below 2048 have a bucket each. A larger value with highest bit o lies in [2^o, 2^(o+1)),
 * which is cut into 1024 buckets of 2^(o-10) values, allocated when the first value falls into it.
 * Censored values have buckets of their own, filled with what each has reached.
 */
#include "core/base/histogram.h"

#include <stdlib.h>

#include "core/base/error.h"

#define SUB_BITS 10
#define SUB_BUCKETS (1u << SUB_BITS)
#define EXACT_BITS (SUB_BITS + 1)
#define EXACT (1u << EXACT_BITS)
#define OCTAVES (63 - EXACT_BITS) /* int64: highest bits 11 to 62 */

/* Values of one kind. */
struct part {
    uint64_t count;
    int64_t max;
    unsigned __int128 sum;
    uint64_t *last; /* the bucket of the newest value, which is not counted in it yet; NULL: none */
    uint64_t *exact;
    uint64_t *octaves[OCTAVES]; /* NULL until something falls into it */
};

struct histogram {
    struct part known;
    struct part censored; /* what each has reached */
};

struct histogram *histogram_create(void)
{
    return calloc(1, sizeof(struct histogram));
}

static void part_release(struct part *part)
{
    for (int i = 0; i < OCTAVES; i++) {
        free(part->octaves[i]);
    }
    free(part->exact);
}

void histogram_destroy(struct histogram *histogram)
{
    if (histogram == NULL) {
        return;
    }
    part_release(&histogram->known);
    part_release(&histogram->censored);
    free(histogram);
}

static unsigned highest_bit(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/* Where a value >= 0 is counted: in the bucket `at` of `size`, which may not be there yet. */
struct place {
    uint64_t **buckets;
    size_t size;
    size_t at;
};

static inline struct place place_of(struct part *part, uint64_t value)
{
    if (value < EXACT) {
        return (struct place){&part->exact, EXACT, (size_t)value};
    }
    const unsigned octave = highest_bit(value);
    return (struct place){&part->octaves[octave - EXACT_BITS], SUB_BUCKETS,
                          (size_t)(value >> (octave - SUB_BITS)) - SUB_BUCKETS};
}

static int part_add_first(struct part *part, int64_t value);

static int part_add(struct part *part, int64_t value)
{
    const int64_t counted = value < 0 ? 0 : value;
    const struct place place = place_of(part, (uint64_t)counted);
    if (*place.buckets == NULL) {
        return part_add_first(part, counted);
    }
    uint64_t *bucket = &(*place.buckets)[place.at];
    /* buckets are mostly far: this one will be at hand when the next value comes */
    __builtin_prefetch(bucket, 1);
    if (part->last != NULL) {
        (*part->last)++;
    }
    part->last = bucket;
    part->count++;
    part->sum += (uint64_t)counted;
    if (counted > part->max) {
        part->max = counted;
    }
    return OMEGA_OK;
}

/* The same where there are no buckets yet. Apart, so that the usual way saves no registers. */
static __attribute__((noinline, cold)) int part_add_first(struct part *part, int64_t value)
{
    const struct place place = place_of(part, (uint64_t)value);
    *place.buckets = calloc(place.size, sizeof **place.buckets);
    return *place.buckets == NULL ? OMEGA_ENOMEM : part_add(part, value);
}

int histogram_add(struct histogram *histogram, int64_t value)
{
    return part_add(&histogram->known, value);
}

int histogram_add_censored(struct histogram *histogram, int64_t above)
{
    return part_add(&histogram->censored, above);
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

static int part_room(struct part *into, const struct part *from)
{
    int rc = merge_room(&into->exact, from->exact, EXACT);
    for (int i = 0; rc == OMEGA_OK && i < OCTAVES; i++) {
        rc = merge_room(&into->octaves[i], from->octaves[i], SUB_BUCKETS);
    }
    return rc;
}

/* How many values a bucket has. */
static inline uint64_t values_in(const struct part *part, const uint64_t *bucket)
{
    return *bucket + (bucket == part->last);
}

static void merge_buckets(uint64_t *into, const struct part *part, const uint64_t *from,
                          size_t size)
{
    for (size_t i = 0; from != NULL && i < size; i++) {
        into[i] += values_in(part, &from[i]);
    }
}

static void part_merge(struct part *into, const struct part *from)
{
    merge_buckets(into->exact, from, from->exact, EXACT);
    for (int i = 0; i < OCTAVES; i++) {
        merge_buckets(into->octaves[i], from, from->octaves[i], SUB_BUCKETS);
    }
    into->count += from->count;
    into->sum += from->sum;
    into->max = from->max > into->max ? from->max : into->max;
}

int histogram_merge(struct histogram *into, const struct histogram *from)
{
    /* all allocations first: a failed merge changes nothing */
    if (part_room(&into->known, &from->known) != OMEGA_OK ||
        part_room(&into->censored, &from->censored) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    part_merge(&into->known, &from->known);
    part_merge(&into->censored, &from->censored);
    return OMEGA_OK;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram->known.count + histogram->censored.count;
}

uint64_t histogram_censored(const struct histogram *histogram)
{
    return histogram->censored.count;
}

double histogram_mean(const struct histogram *histogram)
{
    uint64_t count = histogram_count(histogram);
    unsigned __int128 sum = histogram->known.sum + histogram->censored.sum;
    if (count == 0) {
        return 0.0;
    }
    /* The whole part and the rest apart: the quotient has 64 bits at most, each is exact enough. */
    unsigned __int128 whole = sum / count;
    unsigned __int128 rest = sum % count;
    return (double)(uint64_t)whole + (double)(uint64_t)rest / (double)count;
}

int64_t histogram_max(const struct histogram *histogram)
{
    int64_t known = histogram->known.max;
    int64_t reached = histogram->censored.max;
    return known > reached ? known : reached;
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

/* The value at a rank, from 1 to the count, among those of one kind. */
static int64_t value_at(const struct part *part, uint64_t rank)
{
    uint64_t seen = 0;
    if (rank >= part->count) {
        return part->max;
    }
    for (size_t i = 0; part->exact != NULL && i < EXACT; i++) {
        seen += values_in(part, &part->exact[i]);
        if (seen >= rank) {
            return (int64_t)i;
        }
    }
    for (int octave = 0; octave < OCTAVES; octave++) {
        const uint64_t *buckets = part->octaves[octave];
        for (size_t i = 0; buckets != NULL && i < SUB_BUCKETS; i++) {
            seen += values_in(part, &buckets[i]);
            if (seen >= rank) {
                int64_t low;
                int64_t high;
                octave_range(octave, i, &low, &high);
                int64_t middle = low + (high - low) / 2;
                return middle < part->max ? middle : part->max;
            }
        }
    }
    return part->max;
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
    uint64_t known = histogram->known.count;
    if (rank <= known) {
        return value_at(&histogram->known, rank);
    }
    if (censored != NULL) {
        *censored = true;
    }
    /* Where what it has reached exceeds all known values, this is also the quantile of all values
     * together, censored ones taken as what they have reached: every known one is below. */
    int64_t reached = value_at(&histogram->censored, rank - known);
    return reached > histogram->known.max ? reached : histogram->known.max;
}

static void part_each(const struct part *part,
                      void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                      void *context)
{
    for (size_t i = 0; part->exact != NULL && i < EXACT; i++) {
        const uint64_t count = values_in(part, &part->exact[i]);
        if (count != 0) {
            each(context, (int64_t)i, (int64_t)i, count);
        }
    }
    for (int octave = 0; octave < OCTAVES; octave++) {
        const uint64_t *buckets = part->octaves[octave];
        for (size_t i = 0; buckets != NULL && i < SUB_BUCKETS; i++) {
            const uint64_t count = values_in(part, &buckets[i]);
            if (count != 0) {
                int64_t low;
                int64_t high;
                octave_range(octave, i, &low, &high);
                each(context, low, high, count);
            }
        }
    }
}

void histogram_each(const struct histogram *histogram,
                    void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                    void *context)
{
    part_each(&histogram->known, each, context);
}

void histogram_each_censored(const struct histogram *histogram,
                             void (*each)(void *context, int64_t low, int64_t high, uint64_t count),
                             void *context)
{
    part_each(&histogram->censored, each, context);
}
