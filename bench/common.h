/*
 * What the fake upstream and the load client have in common: the clock, a growing
 * buffer, number parsing and header lookup. It knows nothing of either program.
 * Include it first: it asks for the GNU extensions (accept4, memmem).
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

/* CLOCK_MONOTONIC in microseconds: comparable between processes of one machine. */
static inline uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

struct buffer {
    char *data;
    size_t len, cap;
};

/* Room for `more` bytes behind the content. Out of memory ends the program. */
static inline void buffer_reserve(struct buffer *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 1024;

    if (b->cap - b->len >= more)
        return;
    while (cap - b->len < more)
        cap *= 2;
    b->data = realloc(b->data, cap);
    if (b->data == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    b->cap = cap;
}

static inline void buffer_append(struct buffer *b, const char *bytes, size_t len)
{
    buffer_reserve(b, len);
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
}

static inline void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}

/* Decimal digits at the start of [p, end), at most `limit`; *next is behind them. */
static inline uint64_t parse_digits(const char *p, const char *end, uint64_t limit,
                                    const char **next)
{
    uint64_t value = 0;

    while (p < end && *p >= '0' && *p <= '9') {
        value = value * 10 + (uint64_t)(*p++ - '0');
        if (value > limit)
            value = limit;
    }
    if (next)
        *next = p;
    return value;
}

/* A whole argument as a number in [low, high], else an exit with a clear line. */
static inline double parse_option(const char *name, const char *text, double low, double high)
{
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= low && value <= high)) {
        fprintf(stderr, "%s: a number from %.0f to %.0f, not '%s'\n", name, low, high, text);
        exit(2);
    }
    return value;
}

static inline const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p;
}

/* The value of a header in [head, head+len), without the space before it, or NULL. */
static inline const char *find_header(const char *head, size_t len, const char *name)
{
    const char *end = head + len, *line = memchr(head, '\n', len);
    size_t name_len = strlen(name);

    while (line != NULL && ++line < end) {
        if ((size_t)(end - line) > name_len && line[name_len] == ':'
            && strncasecmp(line, name, name_len) == 0) {
            line += name_len + 1;
            while (line < end && (*line == ' ' || *line == '\t'))
                line++;
            return line;
        }
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return NULL;
}

/* True if the header's value begins with `word`, whatever the case. */
static inline bool header_is(const char *head, size_t len, const char *name, const char *word)
{
    const char *value = find_header(head, len, name);

    return value != NULL && (size_t)(head + len - value) >= strlen(word)
        && strncasecmp(value, word, strlen(word)) == 0;
}

/* The value of a JSON key in [text, text+len): behind `"key":` and white space, or NULL. */
static inline const char *find_json_value(const char *text, size_t len, const char *quoted_key)
{
    const char *end = text + len, *p = text;
    size_t key_len = strlen(quoted_key);

    while ((p = memmem(p, (size_t)(end - p), quoted_key, key_len)) != NULL) {
        p = skip_space(p + key_len, end);
        if (p < end && *p == ':')
            return skip_space(p + 1, end);
    }
    return NULL;
}

/* As many open files as this process may have; the soft limit is raised to it. */
static inline size_t raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 65536 ? 65536 : (size_t)limit.rlim_cur;
}

#endif
