/*
 * What the fake upstream answers: the plan that a model name asks for, and the bytes of
 * each kind of answer. It writes into buffers and knows no socket.
 */
#ifndef BENCH_COMPLETIONS_H
#define BENCH_COMPLETIONS_H

#include "common.h"

struct plan {
    unsigned delay_ms, chunks, interval_ms, cut_after, status;
    bool stream;
    char model[64];
};

/* Model name of the body into plan->model; only names that begin with "bench-" count. */
static inline bool find_model(const char *body, size_t len, struct plan *plan)
{
    const char *end = body + len, *p = body;

    while ((p = find_json_value(p, (size_t)(end - p), "\"model\"")) != NULL) {
        const char *quote;

        if (end - p < 7 || memcmp(p, "\"bench-", 7) != 0)
            continue;
        quote = memchr(p + 1, '"', (size_t)(end - p - 1));
        if (quote == NULL || (size_t)(quote - p) > sizeof plan->model)
            return false;
        memcpy(plan->model, p + 1, (size_t)(quote - p - 1));
        plan->model[quote - p - 1] = '\0';
        return true;
    }
    return false;
}

static inline bool parse_model(struct plan *plan)
{
    const char *end = plan->model + strlen(plan->model), *p = plan->model + strlen("bench");

    plan->chunks = 20;
    while (p + 1 < end && *p == '-') {
        char name = p[1];
        const char *digits = p + 2;
        unsigned value = (unsigned)parse_digits(digits, end, 600000, &p);

        if (p == digits)
            return false;
        switch (name) {
        case 'd': plan->delay_ms = value; break;
        case 'n': plan->chunks = value; break;
        case 'i': plan->interval_ms = value; break;
        case 'x': plan->cut_after = value; break;
        case 'e': plan->status = value; break;
        default: return false;
        }
    }
    return p == end;
}

/* False: the body names no model of ours. */
static inline bool plan_from_body(struct plan *plan, const char *body, size_t len)
{
    const char *stream = find_json_value(body, len, "\"stream\"");

    *plan = (struct plan){0};
    plan->stream = stream != NULL && body + len - stream >= 4 && memcmp(stream, "true", 4) == 0;
    return find_model(body, len, plan) && parse_model(plan);
}

/* A JSON answer with its length. */
static inline void put_plain(struct buffer *out, unsigned status, const char *reason,
                             const char *json)
{
    buffer_reserve(out, strlen(json) + 256);
    out->len += (size_t)snprintf(
        out->data + out->len, out->cap - out->len,
        "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
        status, reason, strlen(json), status == 429 ? "Retry-After: 1\r\n" : "", json);
}

static inline void put_completion(struct buffer *out, const struct plan *plan)
{
    char json[768];

    snprintf(json, sizeof json,
             "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,"
             "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
             "\"content\":\"The quick brown fox jumps over the lazy dog, and then it does so "
             "once more for the count.\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
             "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":%u,\"total_tokens\":%u}}",
             plan->model, plan->chunks, plan->chunks + 10);
    put_plain(out, 200, "OK", json);
}

/* One SSE frame in a HTTP chunk of its own. `tail` is what follows "choices":. */
static inline void put_frame(struct buffer *out, const struct plan *plan, const char *tail)
{
    char frame[640];
    int len = snprintf(frame, sizeof frame,
                       "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
                       "\"created\":1700000000,\"model\":\"%s\",\"choices\":%s}\n\n",
                       plan->model, tail);

    buffer_reserve(out, (size_t)len + 16);
    out->len += (size_t)snprintf(out->data + out->len, out->cap - out->len, "%x\r\n%s\r\n",
                                 (unsigned)len, frame);
}

static inline void put_stream_start(struct buffer *out, const struct plan *plan)
{
    static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

    buffer_append(out, HEAD, sizeof HEAD - 1);
    put_frame(out, plan, "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                         "\"finish_reason\":null}]");
}

static inline void put_content(struct buffer *out, const struct plan *plan, uint64_t made_us)
{
    char tail[160];

    snprintf(tail, sizeof tail,
             "[{\"index\":0,\"delta\":{\"content\":\"t=%llu; word \"},\"finish_reason\":null}]",
             (unsigned long long)made_us);
    put_frame(out, plan, tail);
}

static inline void put_stream_end(struct buffer *out, const struct plan *plan)
{
    static const char DONE[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    char usage[160];

    put_frame(out, plan, "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]");
    snprintf(usage, sizeof usage,
             "[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":%u,\"total_tokens\":%u}",
             plan->chunks, plan->chunks + 10);
    put_frame(out, plan, usage);
    buffer_append(out, DONE, sizeof DONE - 1);
}

#endif
