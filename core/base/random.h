/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), one stream per purpose.
 *
 * A stream is named by (seed, purpose, index): "interarrival" of workload 2 never shares a number
 * with "duration" of workload 2, so changing one part of an experiment leaves the draws of all
 * others as they were. Header-only, because scheduler modules draw from their stream in their
 * innermost loop and link to nothing. Not thread-safe: one thread per stream.
 */
#ifndef OMEGA_CORE_BASE_RANDOM_H
#define OMEGA_CORE_BASE_RANDOM_H

#include <stdint.h>

struct omega_random {
    uint64_t s[4];
};

/* splitmix64 step (Steele, Lea, Flood 2014): spreads a seed over the state. */
static inline uint64_t omega_random_mix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Opens the stream (seed, purpose, index). `purpose` is a short constant name. */
static inline void omega_random_init(struct omega_random *random, uint64_t seed,
                                     const char *purpose, uint64_t index)
{
    uint64_t name = UINT64_C(0xcbf29ce484222325); /* FNV-1a of the purpose */
    for (const char *p = purpose; *p != '\0'; p++) {
        name = (name ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    }
    uint64_t a = seed;
    uint64_t b = omega_random_mix(&a) ^ name;
    uint64_t c = omega_random_mix(&b) ^ index;
    for (int i = 0; i < 4; i++) {
        random->s[i] = omega_random_mix(&c);
    }
}

/* Rotates left by 1..63 bits. */
static inline uint64_t omega_random_rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* The next 64 random bits. */
static inline uint64_t omega_random_u64(struct omega_random *random)
{
    uint64_t *s = random->s;
    uint64_t result = omega_random_rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = omega_random_rotate(s[3], 45);
    return result;
}

/* A uniform integer in [0, bound), without bias (Lemire 2019). `bound` must be at least 1. */
static inline uint32_t omega_random_below(struct omega_random *random, uint32_t bound)
{
    uint64_t product = (omega_random_u64(random) >> 32) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = (uint32_t)(-bound) % bound;
        while ((uint32_t)product < threshold) {
            product = (omega_random_u64(random) >> 32) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}

/* A uniform double in [0, 1) with 53 random bits. */
static inline double omega_random_unit(struct omega_random *random)
{
    return (double)(omega_random_u64(random) >> 11) * 0x1p-53;
}

/* A uniform double in (0, 1]: the argument that a logarithm can take. */
static inline double omega_random_unit_positive(struct omega_random *random)
{
    return (double)((omega_random_u64(random) >> 11) + 1) * 0x1p-53;
}

#endif
