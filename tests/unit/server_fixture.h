/* server_fixture.h - servers that are sockets of the test, the loop of a worker that talks to them,
 * and a clock that stands still. */
#ifndef POLICYPOOL_TESTS_SERVER_FIXTURE_H
#define POLICYPOOL_TESTS_SERVER_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "net.h"
#include "request.h"

/* SHA-1 of "hello". */
#define DIGEST "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
#define REQUEST(srcid)                                                    \
	"{\"type\":\"0\",\"srcid\":\"" srcid "\",\"privPoliId\":\"111\"," \
	"\"payload\":\"hello\"}"
#define REPLY_OF(digest, destid)                                                        \
	"{\"type\":\"2\",\"srcid\":\"s\",\"destid\":\"" destid "\",\"payloadsize\":40," \
	"\"payload\":\"" digest "\"}"
#define REPLY(destid) REPLY_OF(DIGEST, destid)
#define ERROR_OF(code, destid)                                                         \
	"{\"type\":\"3\",\"srcid\":\"s\",\"destid\":\"" destid "\",\"payloadsize\":0," \
	"\"payload\":\"\",\"code\":\"" code "\",\"message\":\"m\"}"

enum { MAX_MESSAGE = 16384, LOOKS = 20000 /* of a millisecond at least: then it does not come */ };

/* ---- the clock: it passes when the test says so; libevent's too ---- */

static uint64_t still_us; /* 0: it runs */

int
clock_gettime(clockid_t id, struct timespec *t)
{
	if (still_us == 0 || (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE))
		return (int)syscall(SYS_clock_gettime, id, t);
	*t = (struct timespec){.tv_sec = (time_t)(still_us / 1000000),
			       .tv_nsec = (long)(still_us % 1000000 * 1000)};
	return 0;
}

static inline uint64_t
now_ms(void)
{
	return still_us / 1000;
}

/* ---- the loop ---- */

static struct event_base *base;
static struct conn_loop *loop;

static inline void
open_loop(void)
{
	still_us = UINT64_C(1000000000);
	base = event_base_new();
	loop = conn_loop_new(base, MAX_MESSAGE);
	cr_assert_not_null(loop);
}

static inline void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

/* All conns must be closed. */
static inline void
close_loop(void)
{
	turn();
	cr_assert_eq(conn_loop_count(loop), 0);
	conn_loop_free(loop);
	event_base_free(base);
}

static inline void
pass(uint64_t ms)
{
	turn(); /* which had one time */
	still_us += ms * 1000;
}

/* Turns the loop until the condition holds. */
#define UNTIL(condition)                                            \
	do {                                                        \
		unsigned looks = 0;                                 \
		for (turn(); !(condition) && looks < LOOKS; turn()) \
			looks += usleep(1000) == 0;                 \
		cr_assert(looks < LOOKS, "never: %s", #condition);  \
	} while (0)

/* ---- servers ---- */

/* Listens on a free port of the loopback. */
static inline int
listen_at(struct addr *at, int backlog)
{
	int fd;

	cr_assert_eq(addr_numeric(at, "127.0.0.1", 0), 0);
	fd = net_listen(at, backlog);
	cr_assert_geq(fd, 0);
	cr_assert_eq(net_local(fd, at), 0);
	return fd;
}

static inline int
try_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* The next connection that the worker makes. */
static inline int
accept_one(int listener)
{
	int fd = -1;

	UNTIL((fd = try_accept(listener)) >= 0);
	return fd;
}

static inline bool
somebody_connects(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	turn();
	return poll(&p, 1, 0) == 1;
}

/* A port where nobody listens for as long as the descriptor is open. */
static inline int
refuse_at(struct addr *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(addr_numeric(at, "127.0.0.1", 0), 0);
	cr_assert_eq(bind(fd, &at->u.sa, at->len), 0);
	cr_assert_eq(net_local(fd, at), 0);
	return fd;
}

/* A port where connecting goes on for ever: there is no room for one more to be accepted. */
static inline int
hang_at(struct addr *at, int *filler)
{
	int fd = listen_at(at, 0);

	*filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(*filler, &at->u.sa, at->len), 0);
	return fd;
}

static inline void
say(int fd, const char *text)
{
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Exactly that has come on the connection since the last time, and nothing beyond it. */
static inline void
expect_heard(int fd, const char *text)
{
	static char heard[4 * MAX_MESSAGE];
	size_t n = 0;

	for (unsigned looks = 0; n < strlen(text) && looks < LOOKS; looks++) {
		ssize_t got;
		turn();
		got = read(fd, heard + n, sizeof heard - 1 - n);
		cr_assert(got > 0 || (got < 0 && errno == EAGAIN), "ended after %zu bytes", n);
		n += got > 0 ? (size_t)got : 0;
		if (got < 0)
			(void)usleep(1000);
	}
	turn();
	cr_assert(read(fd, heard + n, 1) < 0 && errno == EAGAIN, "more than %s", text);
	heard[n] = '\0';
	cr_assert_str_eq(heard, text);
}

static inline void
expect_silence(int fd)
{
	expect_heard(fd, "");
}

/* The worker has closed it; unread bytes are thrown away. */
static inline void
expect_end(int fd)
{
	char bytes[4096];
	ssize_t n;

	UNTIL((n = read(fd, bytes, sizeof bytes)) == 0 || (n < 0 && errno == ECONNRESET));
	(void)close(fd);
}

static inline void
reset_it(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	(void)close(fd);
}

/* ---- descriptors ---- */

static struct rlimit descriptors;

static inline void
take_descriptors(void)
{
	struct rlimit none;
	int next = dup(STDERR_FILENO);

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
	none = descriptors;
	none.rlim_cur = (rlim_t)next;
	(void)close(next);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static inline void
give_descriptors(void)
{
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
}

/* ---- requests ---- */

static char somebody; /* stands for a client: none of these modules looks into one */

static inline struct request *
request_of(const char *srcid)
{
	char text[256];
	struct packet_fault fault;
	struct packet p;
	struct request *r;

	(void)snprintf(text, sizeof text, REQUEST("%s"), srcid);
	cr_assert_eq(packet_parse(&p, span_str(text), &fault), 0);
	r = request_new(NULL, (struct client *)(void *)&somebody, p.text,
			packet_scalar(&p, "srcid"));
	cr_assert_not_null(r);
	return r;
}

/* ---- what the module has told, in words, one after the other ---- */

static char told[4096];

static inline void tell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static inline void
tell(const char *fmt, ...)
{
	size_t n = strlen(told);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(told + n, sizeof told - n, fmt, ap);
	va_end(ap);
}

/* It tells just that, since the last time. */
static inline void
expect_told(const char *text)
{
	UNTIL(strlen(told) >= strlen(text));
	cr_assert_str_eq(told, text);
	told[0] = '\0';
}

/* The same without a turn of the loop. */
static inline void
expect_told_at_once(const char *text)
{
	cr_assert_str_eq(told, text);
	told[0] = '\0';
}

static inline void
expect_nothing_told(void)
{
	turn();
	cr_assert_str_empty(told, "%s", told);
}

#endif
