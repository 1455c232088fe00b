/*
 * What one run of the load client counted, and how it is printed: JSON for the report,
 * text for people. It knows no socket and no option but the ones that it is told.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "common.h"
#include "histogram.h"

enum kind { OK, BAD_STATUS, TRUNCATED, NO_CONNECT, TIMEOUT, PROTOCOL, ERROR_EVENT, KINDS };

static const char *const KIND_NAMES[KINDS] = {
    "ok",       /* a whole answer with text in it */
    "status",   /* an answer that is not 2xx */
    "truncated", /* a body or a stream without its end */
    "connect",
    "timeout",
    "protocol", /* no answer, one that is not HTTP, or one without any text */
    "error_event", /* an error inside a stream that began with 200 */
};

struct results {
    uint64_t started, finished, in_window, kinds[KINDS], statuses[600];
    uint64_t chunks, comments, reconnects, bytes;
    uint64_t streaming, peak_streaming;
    uint64_t begin_us, window_end_us, last_us;
    bool all_started; /* the number of calls was the end, not the time */
    bool interrupted;
    struct histogram latency, ttft, delays;
};

/* Up to the end of the window if it was used up, else up to the last answer. */
static inline double measured_s(const struct results *r)
{
    uint64_t end = r->last_us;

    if (!r->all_started && end > r->window_end_us)
        end = r->window_end_us;
    return end > r->begin_us ? (double)(end - r->begin_us) / 1e6 : 1e-6;
}

static inline double measured_rate(const struct results *r)
{
    return (double)(r->all_started ? r->kinds[OK] : r->in_window) / measured_s(r);
}

static inline void print_times_json(const char *name, const struct histogram *h)
{
    if (h->count == 0) {
        printf("\"%s\":null,", name);
        return;
    }
    printf("\"%s\":{\"count\":%llu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name,
           (unsigned long long)h->count, histogram_quantile(h, 0.5) / 1e3,
           histogram_quantile(h, 0.9) / 1e3, histogram_quantile(h, 0.99) / 1e3,
           (double)h->max_us / 1e3);
}

static inline void print_json(const struct results *r)
{
    const char *comma = "";
    unsigned i;

    printf("{\"started\":%llu,\"completed\":%llu,\"errors\":{", (unsigned long long)r->started,
           (unsigned long long)r->kinds[OK]);
    for (i = OK + 1; i < KINDS; i++)
        printf("\"%s\":%llu,", KIND_NAMES[i], (unsigned long long)r->kinds[i]);
    printf("\"total\":%llu},\"statuses\":{", (unsigned long long)(r->finished - r->kinds[OK]));
    for (i = 0; i < 600; i++) {
        if (r->statuses[i] == 0)
            continue;
        printf("%s\"%u\":%llu", comma, i, (unsigned long long)r->statuses[i]);
        comma = ",";
    }
    printf("},\"elapsed_s\":%.3f,\"requests_per_s\":%.1f,", measured_s(r), measured_rate(r));
    print_times_json("latency_ms", &r->latency);
    print_times_json("ttft_ms", &r->ttft);
    print_times_json("chunk_delay_ms", &r->delays);
    printf("\"chunks\":%llu,\"comments\":%llu,\"peak_streams\":%llu,\"reconnects\":%llu,"
           "\"bytes\":%llu,\"open_at_end\":%llu,\"interrupted\":%s}\n",
           (unsigned long long)r->chunks, (unsigned long long)r->comments,
           (unsigned long long)r->peak_streaming, (unsigned long long)r->reconnects,
           (unsigned long long)r->bytes, (unsigned long long)(r->started - r->finished),
           r->interrupted ? "true" : "false");
}

static inline void print_times(const char *name, const struct histogram *h)
{
    if (h->count > 0)
        printf("%-12s p50 %.3f  p90 %.3f  p99 %.3f  max %.3f ms\n", name,
               histogram_quantile(h, 0.5) / 1e3, histogram_quantile(h, 0.9) / 1e3,
               histogram_quantile(h, 0.99) / 1e3, (double)h->max_us / 1e3);
}

static inline void print_text(const struct results *r)
{
    unsigned i;

    printf("%llu of %llu calls completed in %.2f s: %.1f/s\n", (unsigned long long)r->kinds[OK],
           (unsigned long long)r->started, measured_s(r), measured_rate(r));
    for (i = OK + 1; i < KINDS; i++) {
        if (r->kinds[i] > 0)
            printf("%-12s %llu\n", KIND_NAMES[i], (unsigned long long)r->kinds[i]);
    }
    print_times("latency", &r->latency);
    print_times("ttft", &r->ttft);
    print_times("chunk delay", &r->delays);
    if (r->chunks > 0)
        printf("%llu chunks, %llu streams open at once\n", (unsigned long long)r->chunks,
               (unsigned long long)r->peak_streaming);
}

#endif
