/*
 * Incremental reader of one HTTP answer: content-length, chunked or close-delimited, and
 * in it either a JSON document or an event stream, of any dialect. It measures when the
 * first text came and how long each chunk was under way. It knows no socket.
 */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include "common.h"
#include "dialects.h"
#include "histogram.h"

enum {
    ANSWER_MAX_HEAD = 64 * 1024,
    ANSWER_MAX_LINE = 1024 * 1024,
    ANSWER_KEEP = 64 * 1024, /* of a JSON body, to look for the text in it */
};

enum answer_state {
    ANSWER_HEAD, ANSWER_LENGTH, ANSWER_UNTIL_CLOSE,
    ANSWER_SIZE, ANSWER_CHUNK, ANSWER_CHUNK_END, ANSWER_TRAILER,
    ANSWER_COMPLETE, ANSWER_BROKEN,
};

struct answer {
    enum answer_state state;
    const struct dialect *dialect;
    bool streamed; /* what the caller asked for */
    bool began, keep_alive, done, error_event;
    unsigned status;
    uint64_t left, first_text_us, chunks, comments;
    struct buffer text; /* the head, then an unfinished line or the JSON body */
    struct buffer line; /* an unfinished line of the chunked framing */
    struct histogram *delays;
};

static inline void answer_begin(struct answer *a, const struct dialect *dialect, bool streamed,
                                struct histogram *delays)
{
    struct buffer text = a->text, line = a->line;

    text.len = line.len = 0;
    *a = (struct answer){.dialect = dialect, .streamed = streamed, .text = text, .line = line,
                         .delays = delays};
}

static inline void answer_free(struct answer *a)
{
    buffer_free(&a->text);
    buffer_free(&a->line);
}

/* ---- the text ---- */

/* The non-empty text of a field in [p, p+len); NULL if there is none. */
static inline const char *find_text(const char *p, size_t len, const char *key)
{
    const char *end = p + len, *value = p;

    while ((value = find_json_value(value, (size_t)(end - value), key)) != NULL) {
        if (end - value >= 2 && value[0] == '"' && value[1] != '"')
            return value + 1;
    }
    return NULL;
}

/* One delay for each "t=<us>;" of a chunk's text: several may have been joined. */
static inline void measure_delays(struct answer *a, const char *text, const char *end,
                                  uint64_t now)
{
    while ((text = memmem(text, (size_t)(end - text), "t=", 2)) != NULL) {
        uint64_t made = parse_digits(text + 2, end, UINT64_MAX / 16, &text);

        if (text < end && *text == ';' && made > 0) {
            histogram_add(a->delays, now > made ? now - made : 0);
            a->chunks++;
        }
    }
}

static inline void answer_data(struct answer *a, const char *data, const char *end, uint64_t now)
{
    const char *text;

    if (data_ends(a->dialect, data, end))
        a->done = true;
    if (begins_with(data, end, "{\"error\""))
        a->error_event = true;
    text = find_text(data, (size_t)(end - data), a->dialect->delta_key);
    if (text == NULL)
        return;
    if (a->first_text_us == 0)
        a->first_text_us = now;
    measure_delays(a, text, end, now);
}

static inline void answer_line(struct answer *a, const char *line, size_t len, uint64_t now)
{
    const char *end = line + len;

    if (begins_with(line, end, "data:")) {
        answer_data(a, skip_space(line + 5, end), end, now);
    } else if (begins_with(line, end, "event:")) {
        line = skip_space(line + 6, end);
        if (event_ends(a->dialect, line, end))
            a->done = true;
        if (begins_with(line, end, "error") || begins_with(line, end, "response.failed"))
            a->error_event = true;
    } else if (begins_with(line, end, ":")) {
        a->comments++;
    }
}

static inline void answer_lines(struct answer *a, const char *p, size_t len, uint64_t now)
{
    const char *end = p + len, *newline;

    while (p < end && (newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if (a->text.len > 0) {
            buffer_append(&a->text, p, (size_t)(newline - p));
            answer_line(a, a->text.data, a->text.len, now);
            a->text.len = 0;
        } else {
            answer_line(a, p, (size_t)(newline - p), now);
        }
        p = newline + 1;
    }
    if (p < end)
        buffer_append(&a->text, p, (size_t)(end - p));
    if (a->text.len > ANSWER_MAX_LINE)
        a->state = ANSWER_BROKEN;
}

static inline void answer_body(struct answer *a, const char *p, size_t len, uint64_t now)
{
    if (a->streamed)
        answer_lines(a, p, len, now);
    else if (a->text.len < ANSWER_KEEP)
        buffer_append(&a->text, p, len < ANSWER_KEEP - a->text.len ? len
                                                                   : ANSWER_KEEP - a->text.len);
}

/* ---- the framing ---- */

/* Collects up to the end of a line. True: it is in a->line, without its end. */
static inline bool take_line(struct answer *a, const char **p, const char *end)
{
    const char *newline = memchr(*p, '\n', (size_t)(end - *p));
    const char *stop = newline ? newline : end;

    buffer_append(&a->line, *p, (size_t)(stop - *p));
    *p = newline ? newline + 1 : end;
    if (a->line.len > ANSWER_MAX_HEAD)
        a->state = ANSWER_BROKEN;
    if (newline == NULL)
        return false;
    if (a->line.len > 0 && a->line.data[a->line.len - 1] == '\r')
        a->line.len--;
    return true;
}

static inline void answer_size(struct answer *a)
{
    char digits[24] = {0}, *end;
    size_t len = a->line.len < sizeof digits - 1 ? a->line.len : sizeof digits - 1;

    if (len > 0)
        memcpy(digits, a->line.data, len);
    a->line.len = 0;
    a->left = strtoull(digits, &end, 16);
    if (end == digits)
        a->state = ANSWER_BROKEN;
    else
        a->state = a->left ? ANSWER_CHUNK : ANSWER_TRAILER;
}

static inline void answer_framing(struct answer *a, const char *head, size_t len)
{
    const char *length = find_header(head, len, "content-length");

    if (header_is(head, len, "transfer-encoding", "chunked")) {
        a->state = ANSWER_SIZE;
    } else if (length != NULL) {
        a->left = parse_digits(length, head + len, UINT64_MAX / 16, NULL);
        a->state = a->left ? ANSWER_LENGTH : ANSWER_COMPLETE;
    } else {
        a->state = ANSWER_UNTIL_CLOSE;
        a->keep_alive = false;
    }
}

static inline void answer_head(struct answer *a, const char **p, const char *end)
{
    size_t before = a->text.len, from = before > 3 ? before - 3 : 0;
    const char *stop;

    buffer_append(&a->text, *p, (size_t)(end - *p));
    stop = memmem(a->text.data + from, a->text.len - from, "\r\n\r\n", 4);
    if (stop == NULL) {
        *p = end;
        if (a->text.len > ANSWER_MAX_HEAD)
            a->state = ANSWER_BROKEN;
        return;
    }
    a->text.len = (size_t)(stop - a->text.data) + 4;
    *p += a->text.len - before;
    if (a->text.len < 13 || memcmp(a->text.data, "HTTP/1.", 7) != 0) {
        a->state = ANSWER_BROKEN;
        return;
    }
    a->status = (unsigned)parse_digits(a->text.data + 9, stop, 999, NULL);
    a->keep_alive = a->text.data[7] == '1'
        && !header_is(a->text.data, a->text.len, "connection", "close");
    if (a->status >= 200)
        answer_framing(a, a->text.data, a->text.len);
    a->text.len = 0;
}

static inline void answer_bytes(struct answer *a, const char **p, const char *end, uint64_t now)
{
    size_t len = (size_t)(end - *p);

    if (a->state != ANSWER_UNTIL_CLOSE && len > a->left)
        len = (size_t)a->left;
    answer_body(a, *p, len, now);
    *p += len;
    if (a->state == ANSWER_UNTIL_CLOSE || a->state == ANSWER_BROKEN)
        return;
    a->left -= len;
    if (a->left == 0)
        a->state = a->state == ANSWER_CHUNK ? ANSWER_CHUNK_END : ANSWER_COMPLETE;
}

/* Takes bytes that came at `now`. Bytes behind the end of the answer break it. */
static inline void answer_feed(struct answer *a, const char *p, size_t len, uint64_t now)
{
    const char *end = p + len;

    a->began = true;
    while (p < end && a->state != ANSWER_BROKEN) {
        switch (a->state) {
        case ANSWER_HEAD:
            answer_head(a, &p, end);
            break;
        case ANSWER_SIZE:
            if (take_line(a, &p, end))
                answer_size(a);
            break;
        case ANSWER_CHUNK_END:
        case ANSWER_TRAILER:
            if (!take_line(a, &p, end))
                break;
            if (a->state == ANSWER_CHUNK_END)
                a->state = a->line.len == 0 ? ANSWER_SIZE : ANSWER_BROKEN;
            else if (a->line.len == 0)
                a->state = ANSWER_COMPLETE;
            a->line.len = 0;
            break;
        case ANSWER_COMPLETE:
            a->state = ANSWER_BROKEN;
            break;
        default:
            answer_bytes(a, &p, end, now);
        }
    }
}

/* The connection ended. A clean end is the end of a close-delimited answer too. */
static inline void answer_closed(struct answer *a, bool clean)
{
    a->keep_alive = false;
    if (a->state == ANSWER_UNTIL_CLOSE && clean)
        a->state = ANSWER_COMPLETE;
    else if (a->state != ANSWER_COMPLETE)
        a->state = ANSWER_BROKEN;
}

#endif
