/*
 * A histogram of microseconds in fixed memory: exact below 4,096 us, above it within 0.05 %.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_HALF = 2048, HISTOGRAM_SLOTS = HISTOGRAM_HALF * 32 };

struct histogram {
    uint64_t count, max_us;
    uint64_t slots[HISTOGRAM_SLOTS];
};

/* Above 2 * HALF each doubling of the value has HALF slots of its own. */
static inline size_t histogram_slot(uint64_t us)
{
    unsigned shift = 0;
    size_t slot;

    if (us >= 2 * HISTOGRAM_HALF)
        shift = 64u - 12u - (unsigned)__builtin_clzll(us);
    slot = (size_t)shift * HISTOGRAM_HALF + (size_t)(us >> shift);
    return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t us)
{
    h->slots[histogram_slot(us)]++;
    h->count++;
    if (us > h->max_us)
        h->max_us = us;
}

/* The value in the middle of the slot that holds the quantile (0..1), in microseconds. */
static inline double histogram_quantile(const struct histogram *h, double quantile)
{
    uint64_t rank = (uint64_t)(quantile * (double)h->count), seen = 0;
    size_t slot, shift;
    double middle;

    for (slot = 0; slot < HISTOGRAM_SLOTS - 1; slot++) {
        seen += h->slots[slot];
        if (seen > rank || seen == h->count)
            break;
    }
    if (slot < 2 * HISTOGRAM_HALF)
        return (double)slot;
    shift = slot / HISTOGRAM_HALF - 1;
    middle = ((double)(slot - shift * HISTOGRAM_HALF) + 0.5) * (double)((uint64_t)1 << shift);
    return middle < (double)h->max_us ? middle : (double)h->max_us;
}

#endif
