/*
 * A fake OpenAI chat-completions upstream for benchmarks: one thread, epoll, HTTP/1.1
 * keep-alive, bound to 127.0.0.1 only. It owns no state between calls.
 *
 *   upstream [--port N] [--max-s N]      prints "listening <port>"; port 0 picks a free one
 *
 *   POST .../chat/completions   an answer chosen by the model name in the body:
 *       bench-d<ms>[-n<chunks>][-i<ms>][-x<chunks>][-e<status>]
 *       d = delay before the answer, n = content chunks (20), i = time between them (0),
 *       x = cut the connection after that many chunks, e = answer with that error status
 *   GET .../models              one model
 *   GET /stats                  counters
 *
 * Every content chunk carries "t=<us>;", the CLOCK_MONOTONIC time at which it was made.
 * A body over 256 kB is read to its end, but only its first and last part are searched.
 */
#include "common.h"
#include "completions.h"
#include "requests.h"
#include "timers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    MAX_PENDING = 64 * 1024, /* bytes not yet taken by the client before we pause */
    EVENTS = 512,
};

enum phase { READING, WAITING, STREAMING, CLOSING };

struct conn {
    int fd; /* -1: dropped, freed at the end of the turn */
    enum phase phase;
    bool readable, is_call, close_after;
    struct request request;
    struct buffer out;
    size_t sent;
    struct plan plan;
    unsigned step; /* 0 = head and role, 1..n = content, n + 1 = the end */
    struct timer timer;
    struct conn *next_dead;
};

static struct {
    uint64_t requests, completed, aborted, rejected, body_bytes;
    uint64_t open_connections, open_streams, peak_streams;
} stats;

static struct timers timers;
static struct conn **by_fd, *dead;
static size_t max_fds;
static int epoll_fd, listen_fd, timer_fd;
static uint64_t armed_us;
static volatile sig_atomic_t stopping;

static void drop(struct conn *c)
{
    if (c->fd < 0)
        return;
    if (c->phase != READING)
        stats.aborted++;
    if (c->phase == STREAMING)
        stats.open_streams--;
    timers_cancel(&timers, &c->timer);
    by_fd[c->fd] = NULL;
    close(c->fd);
    c->fd = -1;
    c->next_dead = dead;
    dead = c;
    stats.open_connections--;
}

static void bury(void)
{
    while (dead != NULL) {
        struct conn *c = dead;

        dead = c->next_dead;
        buffer_free(&c->request.in);
        buffer_free(&c->out);
        free(c);
    }
}

static void drop_all(void)
{
    size_t fd;

    for (fd = 0; fd < max_fds; fd++) {
        if (by_fd[fd] != NULL)
            drop(by_fd[fd]);
    }
    bury();
}

/* ---- the answer ---- */

/* Sends what is pending. False: the connection is gone or its socket is full. */
static bool flush(struct conn *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                drop(c);
            return false;
        }
        c->sent += (size_t)n;
    }
    c->out.len = c->sent = 0;
    return true;
}

/* The answer is out: back to reading, or the end of the connection. */
static void answered(struct conn *c)
{
    stats.completed += c->is_call;
    c->phase = READING;
    if (c->out.cap > KEEP_PART)
        buffer_free(&c->out);
    if (c->close_after)
        drop(c);
}

/* Makes the chunks that are due, as far as there is room. True: the last one is made. */
static bool fill_stream(struct conn *c)
{
    unsigned paced = c->plan.interval_ms ? 1 : c->plan.chunks;

    if (c->step == 0) {
        put_stream_start(&c->out, &c->plan);
        c->step = 1;
    }
    while (paced-- > 0 && c->step <= c->plan.chunks && c->out.len - c->sent < MAX_PENDING) {
        if (c->plan.cut_after && c->step > c->plan.cut_after) {
            c->close_after = true;
            return true;
        }
        put_content(&c->out, &c->plan, now_us());
        c->step++;
    }
    if (c->step <= c->plan.chunks)
        return false;
    put_stream_end(&c->out, &c->plan);
    return true;
}

/* Goes on with a stream until it waits for its next chunk or for the client. */
static void pump(struct conn *c)
{
    bool last;

    do {
        last = fill_stream(c);
        if (last) {
            stats.open_streams--;
            c->phase = CLOSING; /* all is made: only the sending is left */
        }
        if (!flush(c))
            break;
    } while (!last && c->plan.interval_ms == 0);
    if (c->fd < 0)
        return;
    if (!last && c->plan.interval_ms)
        timers_set(&timers, &c->timer, c->timer.due_us + c->plan.interval_ms * 1000u);
    if (last && c->out.len == 0)
        answered(c);
}

static void begin_answer(struct conn *c)
{
    if (c->plan.status || !c->plan.stream) {
        if (c->plan.status)
            put_plain(&c->out, c->plan.status, "Error",
                      "{\"error\":{\"message\":\"asked for by the model name\","
                      "\"type\":\"bench_error\",\"param\":null,\"code\":null}}");
        else
            put_completion(&c->out, &c->plan);
        c->phase = CLOSING;
        if (flush(c))
            answered(c);
        return;
    }
    c->phase = STREAMING;
    c->step = 0;
    if (++stats.open_streams > stats.peak_streams)
        stats.peak_streams = stats.open_streams;
    pump(c);
}

static void put_stats(struct conn *c)
{
    char json[384];

    snprintf(json, sizeof json,
             "{\"requests\":%llu,\"completed\":%llu,\"aborted\":%llu,\"rejected\":%llu,"
             "\"body_bytes\":%llu,\"open_connections\":%llu,\"open_streams\":%llu,"
             "\"peak_streams\":%llu}\n",
             (unsigned long long)stats.requests, (unsigned long long)stats.completed,
             (unsigned long long)stats.aborted, (unsigned long long)stats.rejected,
             (unsigned long long)stats.body_bytes, (unsigned long long)stats.open_connections,
             (unsigned long long)stats.open_streams, (unsigned long long)stats.peak_streams);
    put_plain(&c->out, 200, "OK", json);
}

/* Answers that are no call: they are not counted as requests. */
static void answer_other(struct conn *c)
{
    if (request_is(&c->request, "GET ", "/stats")) {
        put_stats(c);
    } else if (request_is(&c->request, "GET ", "/models")) {
        put_plain(&c->out, 200, "OK",
                  "{\"object\":\"list\",\"data\":[{\"id\":\"bench-d0\",\"object\":\"model\","
                  "\"created\":1700000000,\"owned_by\":\"bench\"}]}");
    } else {
        stats.rejected++;
        put_plain(&c->out, 404, "Not Found",
                  "{\"error\":{\"message\":\"no such path or model\",\"type\":\"bench_error\","
                  "\"param\":null,\"code\":null}}");
    }
    request_forget(&c->request);
    c->is_call = false;
    c->phase = CLOSING;
    if (flush(c))
        answered(c);
}

static void start_call(struct conn *c)
{
    size_t len;
    const char *body = request_body(&c->request, &len);

    c->close_after = c->request.close_after;
    if (!request_is(&c->request, "POST ", "/chat/completions")
        || !plan_from_body(&c->plan, body, len)) {
        answer_other(c);
        return;
    }
    c->is_call = true;
    stats.requests++;
    stats.body_bytes += c->request.body_len;
    request_forget(&c->request);
    if (c->plan.delay_ms == 0) {
        c->timer.due_us = now_us();
        begin_answer(c);
        return;
    }
    c->phase = WAITING;
    timers_set(&timers, &c->timer, now_us() + c->plan.delay_ms * 1000u);
}

/* Serves the whole requests that lie in the buffer. */
static void serve(struct conn *c)
{
    while (c->fd >= 0 && c->phase == READING && c->request.in.len > 0) {
        int ready = request_ready(&c->request);

        if (ready < 0) {
            stats.rejected++;
            drop(c);
        }
        if (ready <= 0)
            return;
        start_call(c);
    }
}

/* Reads and serves until the socket is empty or a call waits. */
static void read_all(struct conn *c)
{
    c->readable = false;
    while (c->fd >= 0 && c->phase == READING) {
        size_t room = request_room(&c->request);
        struct buffer *in = &c->request.in;
        ssize_t n = recv(c->fd, in->data + in->len, room, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            drop(c);
            return;
        }
        request_took(&c->request, (size_t)n);
        serve(c);
        if ((size_t)n < room)
            return;
    }
    c->readable = true;
}

/* ---- the loop ---- */

static void go_on(struct conn *c)
{
    serve(c);
    if (c->fd >= 0 && c->phase == READING && c->readable)
        read_all(c);
}

static void on_writable(struct conn *c)
{
    if (c->out.len == 0 || !flush(c))
        return;
    if (c->phase == STREAMING && c->plan.interval_ms == 0)
        pump(c);
    else if (c->phase == CLOSING)
        answered(c);
    if (c->fd >= 0)
        go_on(c);
}

static void on_event(struct conn *c, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP)) {
        drop(c);
        return;
    }
    if (events & EPOLLOUT)
        on_writable(c);
    if (c->fd >= 0 && events & EPOLLIN) {
        c->readable = true;
        if (c->phase == READING)
            read_all(c);
    }
    if (c->fd >= 0 && events & EPOLLRDHUP)
        drop(c);
}

static void accept_all(void)
{
    int one = 1, fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
        struct conn *c = (size_t)fd < max_fds ? calloc(1, sizeof *c) : NULL;

        if (c == NULL) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        c->timer.owner = c;
        by_fd[fd] = c;
        stats.open_connections++;
        event.data.ptr = c;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            drop(c);
    }
}

static void fire_timers(void)
{
    uint64_t now = now_us();
    struct timer *timer;

    while ((timer = timers_first(&timers)) != NULL && timer->due_us <= now) {
        struct conn *c = timer->owner;

        timers_cancel(&timers, timer);
        if (c->phase == WAITING)
            begin_answer(c);
        else
            pump(c);
        if (c->fd >= 0 && c->phase == READING)
            go_on(c);
    }
}

static void arm_timer(void)
{
    struct timer *timer = timers_first(&timers);
    struct itimerspec when = {0};

    if (timer == NULL || timer->due_us == armed_us)
        return;
    armed_us = timer->due_us;
    when.it_value.tv_sec = (time_t)(armed_us / 1000000u);
    when.it_value.tv_nsec = (long)(armed_us % 1000000u) * 1000;
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void run_loop(uint64_t end_us)
{
    struct epoll_event events[EVENTS];

    while (!stopping && now_us() < end_us) {
        int count, i;

        arm_timer();
        count = epoll_wait(epoll_fd, events, EVENTS, 1000);
        for (i = 0; i < count; i++) {
            if (events[i].data.ptr == &listen_fd)
                accept_all();
            else if (events[i].data.ptr != &timer_fd)
                on_event(events[i].data.ptr, events[i].events);
        }
        fire_timers();
        bury();
    }
}

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0) {
        perror("upstream: listen");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &len);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &listen_fd}};
    double port = 0, max_s = 7200;
    int i;

    for (i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            port = parse_option(argv[i], argv[i + 1], 0, 65535);
        else if (strcmp(argv[i], "--max-s") == 0)
            max_s = parse_option(argv[i], argv[i + 1], 1, 86400);
        else
            break;
    }
    if (i != argc) {
        fputs("usage: upstream [--port N] [--max-s N]\n", stderr);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    max_fds = raise_file_limit() - 8; /* some are left to refuse with */
    timers.slots = calloc(max_fds + 2, sizeof *timers.slots);
    by_fd = calloc(max_fds, sizeof *by_fd);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    listen_fd = listen_on((uint16_t)port);
    if (timers.slots == NULL || by_fd == NULL || epoll_fd < 0 || timer_fd < 0)
        return 1;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data = {.ptr = &timer_fd}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event);
    run_loop(now_us() + (uint64_t)(max_s * 1e6));
    drop_all();
    free(timers.slots);
    free(by_fd);
    return 0;
}
