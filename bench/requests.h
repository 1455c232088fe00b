/*
 * The input side of one connection of the fake upstream: bytes come in, one request at a
 * time comes out. It owns where a request begins and ends and what of its body is kept:
 * up to 256 kB whole, of a larger one the first and the last part.
 */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include "common.h"

enum {
    MAX_HEAD = 32 * 1024,
    FIRST_READ = 8 * 1024,
    KEEP_BODY = 256 * 1024,
    KEEP_PART = 64 * 1024,
};

#define MAX_BODY ((uint64_t)256 * 1024 * 1024)

struct request {
    struct buffer in;
    size_t head_len; /* 0 = the head is not whole yet */
    uint64_t body_len, body_seen;
    bool whole_body, close_after;
};

static inline void request_saw(struct request *r, uint64_t bytes)
{
    r->body_seen += bytes;
    if (r->body_seen > r->body_len)
        r->body_seen = r->body_len;
}

/* Room for the next read, never 0 while a request is not whole. */
static inline size_t request_room(struct request *r)
{
    uint64_t left = r->body_len - r->body_seen;
    struct buffer *in = &r->in;

    if (r->head_len == 0) {
        buffer_reserve(in, FIRST_READ);
        return in->cap - in->len;
    }
    if (r->whole_body) {
        buffer_reserve(in, (size_t)left + 1);
        return in->cap - in->len;
    }
    if (in->cap < r->head_len + KEEP_BODY)
        buffer_reserve(in, r->head_len + KEEP_BODY - in->len);
    if (in->cap - in->len < KEEP_PART) { /* the middle is given up */
        memmove(in->data + r->head_len + KEEP_PART, in->data + in->len - KEEP_PART, KEEP_PART);
        in->len = r->head_len + 2 * KEEP_PART;
    }
    return in->cap - in->len < left ? in->cap - in->len : (size_t)left;
}

/* After a read of `bytes` into the room. */
static inline void request_took(struct request *r, size_t bytes)
{
    r->in.len += bytes;
    if (r->head_len)
        request_saw(r, bytes);
}

/* 1 = a whole request is there, 0 = more to come, -1 = not one that we take. */
static inline int request_ready(struct request *r)
{
    const char *end, *length;

    if (r->head_len)
        return r->body_seen == r->body_len;
    end = r->in.len ? memmem(r->in.data, r->in.len, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return r->in.len > MAX_HEAD ? -1 : 0;
    r->head_len = (size_t)(end - r->in.data) + 4;
    if (find_header(r->in.data, r->head_len, "transfer-encoding"))
        return -1;
    length = find_header(r->in.data, r->head_len, "content-length");
    r->body_len = length ? parse_digits(length, end, MAX_BODY + 1, NULL) : 0;
    if (r->body_len > MAX_BODY)
        return -1;
    r->close_after = header_is(r->in.data, r->head_len, "connection", "close");
    r->whole_body = r->body_len <= KEEP_BODY;
    r->body_seen = 0;
    request_saw(r, r->in.len - r->head_len);
    return r->body_seen == r->body_len;
}

/* What is there of the body. */
static inline const char *request_body(const struct request *r, size_t *len)
{
    size_t there = r->in.len - r->head_len;

    *len = r->body_len < there ? (size_t)r->body_len : there;
    return r->in.data + r->head_len;
}

static inline bool request_is(const struct request *r, const char *method, const char *path_end)
{
    const char *head = r->in.data, *start = memchr(head, ' ', r->head_len), *end;

    if (start == NULL || strncmp(head, method, strlen(method)) != 0)
        return false;
    end = memchr(start + 1, ' ', (size_t)(head + r->head_len - start - 1));
    return end != NULL && (size_t)(end - start - 1) >= strlen(path_end)
        && memcmp(end - strlen(path_end), path_end, strlen(path_end)) == 0;
}

/* Takes the served request off, so that the next one begins at the start. */
static inline void request_forget(struct request *r)
{
    size_t used = r->in.len;

    if (r->whole_body)
        used = r->head_len + (size_t)r->body_len;
    r->in.len -= used;
    memmove(r->in.data, r->in.data + used, r->in.len);
    if (r->in.len == 0 && r->in.cap > KEEP_PART)
        buffer_free(&r->in);
    r->head_len = 0;
    r->body_len = r->body_seen = 0;
}

#endif
