/* registrar_fixture.h - a registrar beside a proxy that is a socket of the test, in one loop; what
 * it asks of the resolver and of its pauses is the test's to answer. */
#ifndef POLICYPOOL_TESTS_REGISTRAR_FIXTURE_H
#define POLICYPOOL_TESTS_REGISTRAR_FIXTURE_H

#include "registrar.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "net.h"
#include "resolver.h"

enum {
	NEVER = 600000, /* ms: longer than a test may take */
	COARSE = 10	/* ms by which the loop's clock may be early */
};

static char log_path[] = "/tmp/registrar-test-XXXXXX";
static char log_read[65536];
static struct event_base *base;
static struct registrar *registrar;
static struct registrar_conf conf = {.proxy = NULL,
				     .lease = NEVER,
				     .retry_min = 7,
				     .retry_max = 70,
				     .ack_timeout = NEVER,
				     .reannounce = NEVER,
				     .handshake = NEVER};
static struct packet_announcement announcement = {
	.id = "100", .policy = "111", .port = 5, .lease = 1, .ack = true};
static char proxy[ADDR_TEXT];
static int listener = -1, peer = -1;
static char heard[8192]; /* of the peer, and not yet looked at */
static char line[4096];
static unsigned done; /* calls of on_done() */

/* ---- backoff.c's place ---- */

static unsigned failures, pauses; /* begun since the last reset; and in all */
static uint32_t pause_ms = 2;	  /* how long each takes */
static struct backoff pause_seen;

void
backoff_reset(struct backoff *b)
{
	(void)b;
	failures = 0;
}

uint32_t
backoff_next(struct backoff *b, uint32_t random)
{
	(void)random;
	pause_seen = *b;
	failures++;
	pauses++;
	return pause_ms;
}

uint32_t
backoff_random(void)
{
	return 0;
}

/* ---- resolver.c's place ---- */

struct resolver {
	resolver_fn *fn;
	void *ctx;
	bool on;
};

static struct resolver lookup;
static char looked_up[ADDR_HOST];
static unsigned lookups, lookups_cancelled;
static bool no_lookups;

struct resolver *
resolver_start(struct event_base *b, const char *host, resolver_fn *fn, void *ctx)
{
	cr_assert_eq(b, base);
	cr_assert_not(lookup.on, "two lookups at once");
	if (no_lookups) {
		errno = EAGAIN;
		return NULL;
	}
	lookups++;
	lookup = (struct resolver){fn, ctx, true};
	(void)snprintf(looked_up, sizeof looked_up, "%s", host);
	return &lookup;
}

void
resolver_cancel(struct resolver *r)
{
	if (r == NULL)
		return;
	cr_assert(r == &lookup && r->on);
	r->on = false;
	lookups_cancelled++;
}

/* The answer: these addresses, numeric, ended by NULL. */
static inline void
resolved(const char *const hosts[], const char *why)
{
	struct addr at[ADDR_FOUND];
	size_t n = 0;

	cr_assert(lookup.on, "nothing is being looked up");
	for (; hosts[n] != NULL; n++)
		cr_assert_eq(addr_numeric(&at[n], hosts[n], 0), 0);
	lookup.on = false;
	lookup.fn(at, n, why, lookup.ctx);
}

/* ---- the log ---- */

static inline const char *
logged(void)
{
	FILE *f = fopen(log_path, "r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(log_read, 1, sizeof log_read - 1, f);
	log_read[n] = '\0';
	(void)fclose(f);
	return log_read;
}

/* How often it is there. */
static inline unsigned
times(const char *where, const char *what)
{
	unsigned n = 0;

	for (; (where = strstr(where, what)) != NULL; where += strlen(what))
		n++;
	return n;
}

/* ---- the proxy ---- */

static inline void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	(void)poll(NULL, 0, 1);
}

/* A while in which nothing is to happen. */
static inline void
idle(uint64_t ms)
{
	for (uint64_t end = clock_ms() + ms; clock_ms() < end;)
		turn();
}

static inline void
open_listener(const char *host, uint16_t port)
{
	struct addr at;

	cr_assert_eq(addr_numeric(&at, host, port), 0);
	listener = net_listen(&at, 8);
	cr_assert_geq(listener, 0, "%s", strerror(errno));
	cr_assert_eq(net_local(listener, &at), 0);
	(void)addr_text(&at, proxy);
	conf.proxy = proxy;
}

static inline void
close_listener(void)
{
	(void)close(listener);
	listener = -1;
}

/* Has the registrar come?  Then that connection is the peer. */
static inline bool
has_come(void)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	if (poll(&p, 1, 0) != 1)
		return false;
	if (peer >= 0)
		(void)close(peer);
	heard[0] = '\0';
	peer = accept(listener, NULL, NULL);
	cr_assert_geq(peer, 0);
	return true;
}

static inline void
take_connection(void)
{
	while (!has_come())
		turn();
}

/* What is there to read, without waiting.  False once the registrar has closed. */
static inline bool
listen_to_peer(void)
{
	size_t n = strlen(heard);
	ssize_t got = recv(peer, heard + n, sizeof heard - 1 - n, MSG_DONTWAIT);

	if (got > 0)
		heard[n + (size_t)got] = '\0';
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* The next line. */
static inline const char *
hear(void)
{
	char *end;
	size_t n;

	while ((end = strchr(heard, '\n')) == NULL) {
		cr_assert(listen_to_peer(), "closed after: %s", heard);
		turn();
	}
	n = (size_t)(end - heard);
	cr_assert_lt(n, sizeof line);
	memcpy(line, heard, n);
	line[n] = '\0';
	memmove(heard, end + 1, strlen(end + 1) + 1);
	return line;
}

static inline void
hears_nothing(void)
{
	cr_assert(listen_to_peer(), "it has closed");
	cr_assert_str_eq(heard, "");
}

/* Without another word. */
static inline void
hears_the_end(void)
{
	while (listen_to_peer())
		turn();
	cr_assert_str_eq(heard, "");
}

static inline void
say(const char *text)
{
	cr_assert_eq(send(peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void
acknowledge_with(const char *verb, const char *more)
{
	char out[2048];

	(void)snprintf(out, sizeof out,
		       "{\"type\":\"4\",\"srcid\":\"proxy\",\"destid\":\"100\","
		       "\"privPolyId\":\"111\",\"verb\":\"%s\"%s}\n",
		       verb, more);
	say(out);
}

static inline void
acknowledge(void)
{
	acknowledge_with("registered", "");
}

static inline void
refuse(const char *code, const char *message)
{
	char out[1024];

	(void)snprintf(out, sizeof out,
		       "{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"100\","
		       "\"payloadsize\":0,\"payload\":\"\",\"code\":\"%s\",\"message\":\"%s\"}\n",
		       code, message);
	say(out);
}

/* ---- the registrar ---- */

static inline const char *
state(void)
{
	uint64_t since;

	return registrar_state(registrar, &since);
}

static inline void
until(const char *wanted)
{
	while (strcmp(state(), wanted) != 0)
		turn();
}

/* It may be over already when that is seen. */
static inline void
until_pause(unsigned n)
{
	while (pauses < n)
		turn();
}

static inline void
make(void)
{
	registrar = registrar_new(base, &conf, &announcement);
	cr_assert_not_null(registrar);
}

static inline void
begin(void)
{
	make();
	registrar_start(registrar);
}

/* Begun, connected and heard. */
static inline const char *
announced(void)
{
	begin();
	take_connection();
	return hear();
}

static inline void
joined(void)
{
	(void)announced();
	acknowledge();
	until("joined");
}

/* A proxy that is known to acknowledge, from which it is cut off; it pauses, for good. */
static inline void
joined_and_cut_off(void)
{
	joined();
	pause_ms = NEVER;
	cr_assert_eq(close(peer), 0);
	peer = -1;
	until("pausing");
}

static inline void
on_done(void *ctx)
{
	cr_assert_eq(ctx, &done);
	done++;
}

static inline void
leave(void)
{
	registrar_leave(registrar, on_done, &done);
}

static inline void
announce(const struct packet_announcement *a)
{
	registrar_announce(registrar, &conf, a, on_done, &done);
}

/* What is announced, for another policy. */
static inline struct packet_announcement
for_policy(const char *policy)
{
	struct packet_announcement a = announcement;

	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	return a;
}

static void
open_proxy(void)
{
	struct log_options o = {.program = "prog", .target = log_path, .level = LOG_VERBOSE};
	int fd = mkstemp(log_path);

	cr_assert(fd >= 0 && close(fd) == 0);
	cr_assert_eq(log_open(&o), 0);
	base = event_base_new();
	cr_assert_not_null(base);
	open_listener("127.0.0.1", 0);
}

static void
close_proxy(void)
{
	registrar_free(registrar);
	event_base_free(base);
	if (peer >= 0)
		(void)close(peer);
	if (listener >= 0)
		(void)close(listener);
	log_close();
	(void)unlink(log_path);
}

#endif
