/*
 * What the load client has to know of each dialect: where the text of an answer stands and
 * how a stream says that it is whole. It knows no framing and no socket.
 */
#ifndef BENCH_DIALECTS_H
#define BENCH_DIALECTS_H

#include "common.h"

struct dialect {
    const char *name;
    const char *text_key;  /* of the text in an answer that is not streamed, quoted */
    const char *delta_key; /* of the text in a stream's event, quoted */
    /* The one of these that is not NULL tells the good end of a stream. */
    const char *end_event; /* the last event's type */
    const char *end_data;  /* how the last event's data begins */
    const char *end_key;   /* a key that only the last event has, quoted */
};

static const struct dialect DIALECTS[] = {
    {"chat", "\"content\"", "\"content\"", NULL, "[DONE]", NULL},
    {"messages", "\"text\"", "\"text\"", "message_stop", NULL, NULL},
    {"responses", "\"text\"", "\"delta\"", "response.completed", NULL, NULL},
    {"gemini", "\"text\"", "\"text\"", NULL, NULL, "\"finishReason\""},
};

/* NULL if there is none of that name. */
static inline const struct dialect *find_dialect(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof DIALECTS / sizeof DIALECTS[0]; i++) {
        if (strcmp(DIALECTS[i].name, name) == 0)
            return &DIALECTS[i];
    }
    return NULL;
}

static inline bool begins_with(const char *p, const char *end, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(end - p) >= len && memcmp(p, word, len) == 0;
}

/* True if an event of this type is the good end of a stream. */
static inline bool event_ends(const struct dialect *d, const char *type, const char *end)
{
    return d->end_event != NULL && begins_with(type, end, d->end_event);
}

/* True if an event with this data is the good end of a stream. */
static inline bool data_ends(const struct dialect *d, const char *data, const char *end)
{
    if (d->end_data != NULL)
        return begins_with(data, end, d->end_data);
    return d->end_key != NULL && find_json_value(data, (size_t)(end - data), d->end_key);
}

#endif
