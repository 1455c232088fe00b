/*
 * The load client: calls in one dialect to one address on this machine, by epoll in one
 * thread. It ends by itself: the number of calls, the time in which calls are started and the
 * time of a call are all bounded. SIGINT ends it with the report.
 *
 *   load --url HOST:PORT --body-file FILE [--path /v1/chat/completions] [--header "K: V"]...
 *        [--concurrency N] [--requests N] [--duration-s S] [--timeout-s S] [--stream]
 *        [--rate CALLS_PER_S] [--dialect chat|messages|responses|gemini] [--json]
 *
 * Closed loop: N connections, each with one call at a time. With --rate calls are started
 * at that rate instead, as far as one of the N connections is free. Calls are started until
 * --requests or --duration-s is reached; then those that are open may end (--timeout-s).
 *
 * A stream is good only with text, its dialect's own end and the end of its HTTP body. TTFT
 * is the time to the first event with text in it; chunk delay is now minus the "t=<us>;" that
 * the fake upstream wrote into the chunk.
 */
#include "common.h"
#include "answer.h"
#include "results.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 512,
    READ_SIZE = 256 * 1024,
    MAX_HEADERS = 32,
    MAX_CONCURRENCY = 50000,
    PAUSE_US = 10000, /* after a refused connection, so that a dead server is no busy loop */
};

struct options {
    struct sockaddr_in address;
    const char *url, *path, *headers[MAX_HEADERS], *body_file;
    const struct dialect *dialect;
    size_t header_count, concurrency;
    uint64_t requests;
    double duration_s, timeout_s, rate;
    bool stream, json;
};

enum conn_state { IDLE, CONNECTING, BUSY };

struct conn {
    int fd; /* -1 = not connected */
    enum conn_state state;
    bool used, streaming, retried;
    size_t sent;
    uint64_t started_us;
    struct answer answer;
};

static struct options options;
static struct results run;
static uint64_t pause_until_us;
static struct buffer request;
static struct conn *conns, **idle;
static size_t idle_count;
static int epoll_fd;
static char *read_buffer;
static volatile sig_atomic_t interrupted;

/* ---- one call ---- */

static void disconnect(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->used = false;
}

static void finish(struct conn *c, enum kind kind, uint64_t now)
{
    struct answer *a = &c->answer;

    run.kinds[kind]++;
    run.finished++;
    run.last_us = now;
    run.chunks += a->chunks;
    run.comments += a->comments;
    if (a->status > 0 && a->status < 600)
        run.statuses[a->status]++;
    if (c->streaming)
        run.streaming--;
    if (kind == OK) {
        histogram_add(&run.latency, now - c->started_us);
        if (now <= run.window_end_us)
            run.in_window++;
    }
    if (kind == NO_CONNECT)
        pause_until_us = now + PAUSE_US;
    if (!a->keep_alive || a->state != ANSWER_COMPLETE || c->sent < request.len)
        disconnect(c);
    c->used = c->fd >= 0;
    c->streaming = false;
    c->state = IDLE;
    idle[idle_count++] = c;
}

static enum kind judge(const struct answer *a)
{
    if (a->status > 0 && (a->status < 200 || a->status > 299))
        return BAD_STATUS;
    if (a->status == 0)
        return PROTOCOL;
    if (a->streamed) {
        if (a->error_event)
            return ERROR_EVENT;
        if (a->state != ANSWER_COMPLETE || !a->done)
            return TRUNCATED;
        return a->first_text_us ? OK : PROTOCOL;
    }
    if (a->state != ANSWER_COMPLETE)
        return TRUNCATED;
    return find_text(a->text.data, a->text.len, a->dialect->text_key) ? OK : PROTOCOL;
}

static void send_request(struct conn *c)
{
    while (c->sent < request.len) {
        ssize_t n = send(c->fd, request.data + c->sent, request.len - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* full: EPOLLOUT goes on; broken: the read sees it */
        c->sent += (size_t)n;
    }
}

static bool open_socket(struct conn *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    event.data.ptr = c;
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0
        && (connect(c->fd, (struct sockaddr *)&options.address, sizeof options.address) == 0
            || errno == EINPROGRESS);
}

static void call(struct conn *c)
{
    c->sent = 0;
    answer_begin(&c->answer, options.dialect, options.stream, &run.delays);
    if (c->fd >= 0) {
        c->state = BUSY;
        send_request(c);
        return;
    }
    c->state = CONNECTING;
    if (!open_socket(c))
        finish(c, NO_CONNECT, now_us());
}

/* A kept connection that the server has closed meanwhile: once more, on a new one. */
static bool call_again(struct conn *c)
{
    if (!c->used || c->answer.began || c->retried)
        return false;
    run.reconnects++;
    c->retried = true;
    disconnect(c);
    call(c);
    return true;
}

static void on_bytes(struct conn *c, size_t len, uint64_t now)
{
    struct answer *a = &c->answer;

    run.bytes += len;
    answer_feed(a, read_buffer, len, now);
    if (a->first_text_us && a->streamed && !c->streaming) {
        c->streaming = true;
        histogram_add(&run.ttft, a->first_text_us - c->started_us);
        if (++run.streaming > run.peak_streaming)
            run.peak_streaming = run.streaming;
    }
    if (a->state == ANSWER_COMPLETE || a->state == ANSWER_BROKEN)
        finish(c, judge(a), now);
}

static void on_readable(struct conn *c)
{
    while (c->fd >= 0) {
        ssize_t n = recv(c->fd, read_buffer, READ_SIZE, 0);
        uint64_t now = now_us();

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (c->state == IDLE) { /* the server closed a kept connection, or talks unasked */
            disconnect(c);
        } else if (n > 0) {
            on_bytes(c, (size_t)n, now);
        } else if (!call_again(c)) {
            answer_closed(&c->answer, n == 0);
            finish(c, judge(&c->answer), now);
        }
        if (n < READ_SIZE)
            return;
    }
}

static void on_event(struct conn *c, uint32_t events)
{
    int fd = c->fd;

    if (fd < 0)
        return;
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;

        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0 || events & EPOLLERR) {
            finish(c, NO_CONNECT, now_us());
            return;
        }
        if (!(events & EPOLLOUT))
            return;
        c->state = BUSY;
    }
    if (c->state == BUSY && c->sent < request.len)
        send_request(c);
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
        on_readable(c);
    if (c->fd == fd && events & (EPOLLRDHUP | EPOLLHUP))
        on_readable(c); /* the end itself, when the last read ended in front of it */
}

/* ---- the loop ---- */

static bool may_start(uint64_t now)
{
    return !interrupted && run.started < options.requests && now < run.window_end_us;
}

/* Starts what may start now; returns the time of the next start, 0 = not by time. */
static uint64_t start_calls(uint64_t now)
{
    while (idle_count > 0 && may_start(now)) {
        uint64_t due = run.begin_us;

        if (options.rate > 0)
            due += (uint64_t)((double)run.started * 1e6 / options.rate);
        if (due < pause_until_us)
            due = pause_until_us;
        if (due > now)
            return due;
        run.started++;
        idle_count--;
        idle[idle_count]->started_us = now_us();
        idle[idle_count]->retried = false;
        call(idle[idle_count]);
    }
    return 0;
}

static void expire(uint64_t now)
{
    uint64_t limit_us = (uint64_t)(options.timeout_s * 1e6);
    size_t i;

    for (i = 0; i < options.concurrency; i++) {
        if (conns[i].state != IDLE && now > conns[i].started_us + limit_us)
            finish(&conns[i], TIMEOUT, now);
    }
}

static void run_loop(void)
{
    struct epoll_event events[EVENTS];
    uint64_t next_expiry;

    run.begin_us = run.last_us = now_us();
    run.window_end_us = run.begin_us + (uint64_t)(options.duration_s * 1e6);
    next_expiry = run.begin_us + 1000000;
    for (;;) {
        uint64_t now = now_us(), due = start_calls(now), wait_us = 100000;
        int count, i;

        if (interrupted || (idle_count == options.concurrency && !may_start(now)))
            return;
        if (due > 0)
            wait_us = due > now_us() ? due - now_us() : 0;
        if (wait_us > 100000)
            wait_us = 100000;
        count = epoll_wait(epoll_fd, events, EVENTS, (int)((wait_us + 999) / 1000));
        for (i = 0; i < count; i++)
            on_event(events[i].data.ptr, events[i].events);
        if (now >= next_expiry) {
            expire(now);
            next_expiry = now + 1000000;
        }
    }
}

/* ---- the start ---- */

static void usage(const char *problem)
{
    fprintf(stderr, "load: %s\nusage: load --url HOST:PORT --body-file FILE [--path P] "
                    "[--header \"K: V\"]... [--concurrency N] [--requests N] [--duration-s S] "
                    "[--timeout-s S] [--stream] [--rate N] [--dialect NAME] [--json]\n", problem);
    exit(2);
}

static void set_address(const char *url)
{
    const char *colon = strrchr(url, ':');
    char host[64] = {0};

    if (colon == NULL || (size_t)(colon - url) >= sizeof host)
        usage("--url is HOST:PORT");
    memcpy(host, url, (size_t)(colon - url));
    options.url = url;
    options.address.sin_family = AF_INET;
    options.address.sin_port = htons((uint16_t)parse_option("--url", colon + 1, 1, 65535));
    if (inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1",
                  &options.address.sin_addr) != 1
        || (ntohl(options.address.sin_addr.s_addr) >> 24) != 127)
        usage("only addresses of this machine (127.x.x.x)");
}

static void set_dialect(const char *name)
{
    options.dialect = find_dialect(name);
    if (options.dialect == NULL)
        usage("--dialect is chat, messages, responses or gemini");
}

static void set_option(const char *name, const char *value)
{
    if (strcmp(name, "--url") == 0)
        set_address(value);
    else if (strcmp(name, "--path") == 0)
        options.path = value;
    else if (strcmp(name, "--dialect") == 0)
        set_dialect(value);
    else if (strcmp(name, "--body-file") == 0)
        options.body_file = value;
    else if (strcmp(name, "--header") == 0 && options.header_count < MAX_HEADERS)
        options.headers[options.header_count++] = value;
    else if (strcmp(name, "--concurrency") == 0)
        options.concurrency = (size_t)parse_option(name, value, 1, MAX_CONCURRENCY);
    else if (strcmp(name, "--requests") == 0)
        options.requests = (uint64_t)parse_option(name, value, 1, 1e9);
    else if (strcmp(name, "--duration-s") == 0)
        options.duration_s = parse_option(name, value, 0.01, 3600);
    else if (strcmp(name, "--timeout-s") == 0)
        options.timeout_s = parse_option(name, value, 0.1, 3600);
    else if (strcmp(name, "--rate") == 0)
        options.rate = parse_option(name, value, 0.001, 1e6);
    else
        usage(name);
}

static void parse_arguments(int argc, char **argv)
{
    int i;

    options = (struct options){.path = "/v1/chat/completions", .dialect = find_dialect("chat"),
                               .concurrency = 1, .timeout_s = 60};
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--stream") == 0) {
            options.stream = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            options.json = true;
        } else if (i + 1 < argc) {
            set_option(argv[i], argv[i + 1]);
            i++;
        } else {
            usage(argv[i]);
        }
    }
    if (options.url == NULL || options.body_file == NULL)
        usage("--url and --body-file are needed");
    if (options.duration_s == 0)
        options.duration_s = options.requests ? 300 : 10;
    if (options.requests == 0)
        options.requests = UINT64_MAX;
}

static void append_text(struct buffer *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

static void build_request(void)
{
    FILE *file = fopen(options.body_file, "rb");
    struct buffer body = {0};
    char length[64];
    size_t n, i;

    if (file == NULL) {
        perror(options.body_file);
        exit(2);
    }
    do {
        buffer_reserve(&body, 65536);
        n = fread(body.data + body.len, 1, 65536, file);
        body.len += n;
    } while (n > 0);
    fclose(file);
    append_text(&request, "POST ");
    append_text(&request, options.path);
    append_text(&request, " HTTP/1.1\r\nHost: ");
    append_text(&request, options.url);
    append_text(&request, "\r\nContent-Type: application/json\r\n");
    for (i = 0; i < options.header_count; i++) {
        append_text(&request, options.headers[i]);
        append_text(&request, "\r\n");
    }
    snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", body.len);
    append_text(&request, length);
    buffer_append(&request, body.data, body.len);
    buffer_free(&body);
}

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void set_up(void)
{
    size_t i;

    if (raise_file_limit() < options.concurrency + 16)
        usage("--concurrency is more than the open files allowed here");
    conns = calloc(options.concurrency, sizeof *conns);
    idle = calloc(options.concurrency, sizeof *idle);
    read_buffer = malloc(READ_SIZE);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (conns == NULL || idle == NULL || read_buffer == NULL || epoll_fd < 0)
        usage("no memory");
    for (i = 0; i < options.concurrency; i++) {
        conns[i].fd = -1;
        idle[idle_count++] = &conns[i];
    }
}

static void tear_down(void)
{
    size_t i;

    for (i = 0; i < options.concurrency; i++) {
        disconnect(&conns[i]);
        answer_free(&conns[i].answer);
    }
    free(conns);
    free(idle);
    free(read_buffer);
    buffer_free(&request);
    close(epoll_fd);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};

    parse_arguments(argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    build_request();
    set_up();
    run_loop();
    run.all_started = run.started == options.requests;
    run.interrupted = interrupted;
    if (options.json)
        print_json(&run);
    else
        print_text(&run);
    tear_down();
    return interrupted ? 130 : 0;
}
