/*
 * A binary heap of deadlines for the fake upstream. An entry lies in its owner's struct
 * and knows its place, so that a deadline can be taken back in O(log n).
 */
#ifndef BENCH_TIMERS_H
#define BENCH_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t due_us;
    size_t place; /* 1-based place in the heap; 0 = not in it */
    void *owner;
};

struct timers {
    struct timer **slots; /* 1-based; the caller gives room for every owner plus one */
    size_t count;
};

static inline void timers_put(struct timers *t, size_t place, struct timer *timer)
{
    t->slots[place] = timer;
    timer->place = place;
}

static inline void timers_up(struct timers *t, size_t place)
{
    struct timer *moving = t->slots[place];

    while (place > 1 && t->slots[place / 2]->due_us > moving->due_us) {
        timers_put(t, place, t->slots[place / 2]);
        place /= 2;
    }
    timers_put(t, place, moving);
}

static inline void timers_down(struct timers *t, size_t place)
{
    struct timer *moving = t->slots[place];

    for (;;) {
        size_t child = place * 2;

        if (child < t->count && t->slots[child + 1]->due_us < t->slots[child]->due_us)
            child++;
        if (child > t->count || t->slots[child]->due_us >= moving->due_us)
            break;
        timers_put(t, place, t->slots[child]);
        place = child;
    }
    timers_put(t, place, moving);
}

static inline void timers_cancel(struct timers *t, struct timer *timer)
{
    size_t place = timer->place;
    struct timer *last;

    if (place == 0)
        return;
    timer->place = 0;
    last = t->slots[t->count--];
    if (last == timer)
        return;
    timers_put(t, place, last);
    timers_up(t, place);
    timers_down(t, last->place);
}

static inline void timers_set(struct timers *t, struct timer *timer, uint64_t due_us)
{
    timers_cancel(t, timer);
    timer->due_us = due_us;
    timers_put(t, ++t->count, timer);
    timers_up(t, t->count);
}

/* The earliest timer, or NULL. */
static inline struct timer *timers_first(const struct timers *t)
{
    return t->count ? t->slots[1] : NULL;
}

#endif
