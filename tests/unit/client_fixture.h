/* client_fixture.h - a proxy's worker without its process: the real front and all below it in the
 * test's own loop.  The test is the clients and the servers, over loopback, and the master: what
 * the worker tells it is kept, what it is told is said through proxy_worker_ops.
 *
 * A test changes `settings` and `conf`, calls start(), and awaits what it expects with UNTIL(). */
#ifndef POLICYPOOL_TESTS_CLIENT_FIXTURE_H
#define POLICYPOOL_TESTS_CLIENT_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "log.h"
#include "net.h"
#include "proxy_settings.h"
#include "proxy_worker_internal.h"

enum {
	PATIENCE_MS = 60000, /* whatever is awaited on a busy machine */
	LONG_MS = 600000,    /* a clock that does not run out */
	TICK_US = 2000,	     /* the loop turns so often at least */
	TOLD_MAX = 8,
	SERVERS = 160,
	POLICIES = 8
};

#define DIGEST "0123456789012345678901234567890123456789"

/* ---- the worker's process ---- */

struct worker {
	struct event_base *base;
	struct counters *scoreboard;
	bool yields;
	bool unheard; /* the master takes nothing more */
	unsigned ready, done;
	/* What the master was told. */
	unsigned told_n;
	struct {
		size_t n;
		char text[CHANNEL_MAX];
	} told[TOLD_MAX];
};

static struct worker worker;

struct event_base *
worker_base(struct worker *w)
{
	return w->base;
}

unsigned
worker_slot(const struct worker *w)
{
	(void)w;
	return 0;
}

struct counters *
worker_scoreboard(struct worker *w)
{
	return w->scoreboard;
}

struct scoreboard_row *
worker_row(struct worker *w)
{
	return scoreboard_row(w->scoreboard, 0);
}

void
worker_ready(struct worker *w)
{
	w->ready++;
}

bool
worker_yields(const struct worker *w)
{
	return w->yields;
}

void
worker_done(struct worker *w)
{
	w->done++;
}

int
worker_send(struct worker *w, struct span message)
{
	cr_assert_leq(message.n, CHANNEL_MAX);
	if (w->unheard) {
		errno = EAGAIN;
		return -1;
	}
	cr_assert_lt(w->told_n, TOLD_MAX);
	memcpy(w->told[w->told_n].text, message.p, message.n);
	w->told[w->told_n++].n = message.n;
	return 0;
}

static inline struct span
told(unsigned i)
{
	return span_of(worker.told[i].text, worker.told[i].n);
}

/* ---- what stands around it ---- */

static struct proxy_settings settings;
static struct proxy_worker_conf conf;
static struct proxy_worker *front; /* NULL before start() and after its end */
static struct addr proxy_at;
static struct event *tick;
static char log_path[] = "/tmp/ppool-client-XXXXXX";

static inline void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static inline int
listen_anywhere(struct addr *at)
{
	int fd;

	cr_assert_eq(addr_numeric(at, "127.0.0.1", 0), 0);
	fd = net_listen(at, 64);
	cr_assert(fd >= 0 && net_local(fd, at) == 0);
	return fd;
}

/* The defaults, with clocks that don't run out of themselves, and one connection to a server. */
static inline void
load_settings(void)
{
	static char program[] = "ppool-proxy";
	char *argv[] = {program, NULL};
	struct conf_command command;

	/* Without proxy_settings_kind, which stands beside what a master needs. */
	settings.base.table[0] = (struct conf_table){
		.key = proxy_keys, .n = proxy_keys_n, .settings = &settings.proxy};
	settings.base.table[1] = (struct conf_table){
		.key = policy_keys, .n = policy_keys_n, .settings = &settings.proxy.policy};
	settings.base.table[2] = (struct conf_table){
		.key = daemon_keys, .n = daemon_keys_n, .settings = &settings.base.daemon};
	cr_assert_eq(conf_load(settings.base.table, 3, 1, argv, NULL, &command, stderr), 0);
	settings.base.daemon.workers = 1;
	settings.base.daemon.idle_timeout = settings.base.daemon.stop_timeout = LONG_MS;
	settings.proxy.max_servers = SERVERS;
	settings.proxy.max_policies = POLICIES;
	settings.proxy.server_connections = 1;
	settings.proxy.policy.queue_timeout = settings.proxy.policy.connect_timeout = LONG_MS;
	settings.proxy.policy.reply_timeout = settings.proxy.policy.request_timeout = LONG_MS;
	settings.proxy.client_send_timeout = settings.proxy.client_read_timeout = LONG_MS;
}

static inline void
open_log(bool narrate)
{
	const struct log_options o = {
		.program = "t", .target = log_path, .level = LOG_VERBOSE, .narrate = narrate};

	cr_assert_eq(log_open(&o), 0);
}

static inline void
open_worker(void)
{
	const struct timeval often = {.tv_usec = TICK_US};
	int fd = mkstemp(log_path);

	cr_assert(fd >= 0 && close(fd) == 0);
	open_log(false);
	load_settings();
	worker.base = event_base_new();
	worker.scoreboard = scoreboard_new(1);
	tick = event_new(worker.base, -1, EV_PERSIST, on_tick, NULL);
	cr_assert_eq(event_add(tick, &often), 0);
	conf = (struct proxy_worker_conf){.settings = &settings,
					  .registry = registry_new(SERVERS, POLICIES),
					  .permits = permits_new(SERVERS, 2),
					  .tally = server_stats_new(1, SERVERS),
					  .meter = worker_stats_new(1, POLICIES),
					  .verdicts = verdicts_new(SERVERS),
					  .listen_fd = {listen_anywhere(&proxy_at)},
					  .listeners = 1,
					  .access_fd = -1};
	permits_admit(conf.permits, 0);
}

static inline void
start(void)
{
	front = proxy_worker_ops.start(&worker, &conf);
	cr_assert_not_null(front);
}

static inline struct scoreboard_row *
row(void)
{
	return scoreboard_row(worker.scoreboard, 0);
}

static inline struct worker_stats_row *
meter(void)
{
	return worker_stats_row(conf.meter, 0);
}

#define COUNT(cell) ((unsigned)counter_get(&(cell)))

static inline void
end_worker(void)
{
	if (front == NULL)
		return;
	proxy_worker_ops.end(front);
	front = NULL;
	cr_expect_eq(COUNT(row()->connections), 0);
	cr_expect_eq(COUNT(row()->in_flight), 0);
}

static inline void
close_worker(void)
{
	end_worker();
	acl_free(conf.gate);
	registry_free(conf.registry);
	permits_free(conf.permits);
	counters_free(conf.tally);
	worker_stats_free(conf.meter);
	verdicts_free((struct verdicts *)(uintptr_t)conf.verdicts);
	for (unsigned i = 0; i < conf.listeners; i++)
		(void)close(conf.listen_fd[i]);
	event_free(tick);
	counters_free(worker.scoreboard);
	event_base_free(worker.base);
	conf_free(settings.base.table, 3);
	log_close();
	(void)unlink(log_path);
}

static inline void
turn(void)
{
	cr_assert_geq(event_base_loop(worker.base, EVLOOP_ONCE), 0);
}

/* Turns the loop until the condition holds. */
#define UNTIL(condition)                                                          \
	do {                                                                      \
		uint64_t limit_ = clock_ms() + PATIENCE_MS;                       \
		while (!(condition)) {                                            \
			cr_assert_lt(clock_ms(), limit_, "never %s", #condition); \
			turn();                                                   \
		}                                                                 \
	} while (0)

/* What has come has been read, and what a turn's end brings has happened. */
static inline void
some_turns(void)
{
	for (int i = 0; i < 10; i++)
		turn();
}

/* The loop turns for a while: for what must not happen. */
static inline void
for_ms(unsigned ms)
{
	uint64_t end = clock_ms() + ms;

	some_turns();
	while (clock_ms() < end)
		turn();
}

/* The first client that the worker has, or its only one. */
static inline const struct client *
the_client(void)
{
	return LIST_FIRST(&front->clients);
}

/* A line of the log that has all of these, NULL or "" for what does not matter.  It borrows until
 * the next call. */
static inline const char *
logged(const char *a, const char *b, const char *c)
{
	static char text[1 << 16];
	FILE *f = fopen(log_path, "r");
	char *rest = text, *line;
	size_t n;

	cr_assert_not_null(f);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, a) != NULL && (b == NULL || strstr(line, b) != NULL) &&
		    (c == NULL || strstr(line, c) != NULL))
			return line;
	return NULL;
}

/* ---- the far end of a connection ---- */

struct peer {
	int fd;
	bool ended; /* the proxy has ended its side */
	int error;  /* why, where it was not in order */
	size_t n, taken;
	char got[1 << 16];
};

static inline void
hear(struct peer *p)
{
	ssize_t n;

	memmove(p->got, p->got + p->taken, p->n - p->taken);
	p->n -= p->taken;
	p->taken = 0;
	while (!p->ended && p->n < sizeof p->got - 1 &&
	       ((n = recv(p->fd, p->got + p->n, sizeof p->got - 1 - p->n, MSG_DONTWAIT)) >= 0 ||
		(errno != EAGAIN && errno != EINTR))) {
		p->ended = n <= 0;
		p->error = n < 0 ? errno : 0;
		p->n += n > 0 ? (size_t)n : 0;
		p->got[p->n] = '\0';
	}
}

static inline char *
line_end(struct peer *p)
{
	hear(p);
	return memchr(p->got + p->taken, '\n', p->n - p->taken);
}

/* The next line, awaited; valid until more is heard. */
static inline const char *
next_line(struct peer *p)
{
	const char *line;
	char *end;

	UNTIL((end = line_end(p)) != NULL);
	*end = '\0';
	line = p->got + p->taken;
	p->taken = (size_t)(end + 1 - p->got);
	return line;
}

static inline bool
has_said_nothing(struct peer *p)
{
	hear(p);
	return p->n == p->taken;
}

static inline bool
has_ended(struct peer *p)
{
	hear(p);
	return p->ended;
}

/* The proxy ends its side in order, and has said no more before. */
static inline void
expect_end(struct peer *p)
{
	UNTIL(has_ended(p));
	cr_expect_eq(p->error, 0, "%s", strerror(p->error));
	cr_expect(has_said_nothing(p), "%s", p->got + p->taken);
}

static inline void
say_bytes(const struct peer *p, struct span s)
{
	uint64_t limit = clock_ms() + PATIENCE_MS;

	while (s.n > 0) {
		ssize_t n = send(p->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		cr_assert(n >= 0 || errno == EAGAIN, "%s", strerror(errno));
		cr_assert_lt(clock_ms(), limit);
		if (n < 0)
			turn();
		else
			s = span_of(s.p + n, s.n - (size_t)n);
	}
}

static inline void
say(const struct peer *p, const char *text)
{
	say_bytes(p, span_str(text));
}

/* It is not there any more; one that only closes may still want what it asked for. */
static inline void
vanish(struct peer *p)
{
	const struct linger at_once = {.l_onoff = 1};

	cr_assert_eq(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	cr_assert_eq(close(p->fd), 0);
	p->fd = -1;
}

static inline void
hang_up(struct peer *p)
{
	cr_assert_eq(close(p->fd), 0);
	p->fd = -1;
}

/* ---- clients ---- */

static inline void
connect_to(struct peer *p, const struct addr *at)
{
	memset(p, 0, sizeof *p);
	p->fd = net_connect(at);
	cr_assert_geq(p->fd, 0);
}

/* One that the worker has accepted. */
static inline void
come(struct peer *p)
{
	unsigned before = COUNT(row()->accepted);

	connect_to(p, &proxy_at);
	UNTIL(COUNT(row()->accepted) == before + 1);
}

/* As the log writes it. */
static inline const char *
peer_text(const struct peer *p)
{
	static char text[ADDR_TEXT];
	struct addr own;

	cr_assert_eq(net_local(p->fd, &own), 0);
	return addr_text(&own, text);
}

static inline void
ask(const struct peer *p, const char *srcid, const char *policy)
{
	char text[256];

	(void)snprintf(
		text, sizeof text,
		"{\"type\":\"0\",\"srcid\":\"%s\",\"privPoliId\":\"%s\",\"payload\":\"x\"}\n",
		srcid, policy);
	say(p, text);
}

/* The next answer is an error of ours with that code, for that srcid. */
static inline const char *
expect_error(struct peer *p, const char *srcid, const char *code)
{
	const char *line = next_line(p);
	char part[128];

	cr_expect(strncmp(line, "{\"type\":\"3\"", 11) == 0 || strncmp(line, "{\"type\":3", 9) == 0,
		  "%s", line);
	(void)snprintf(part, sizeof part, "\"destid\":\"%s\"", srcid);
	cr_expect_not_null(strstr(line, part), "%s lacks %s", line, part);
	(void)snprintf(part, sizeof part, "\"code\":\"%s\"", code);
	cr_expect_not_null(strstr(line, part), "%s lacks %s", line, part);
	return line;
}

/* ---- servers ---- */

struct server {
	int listening;
	struct addr at;
	const char *id;
	struct peer lane; /* the proxy's connection; fd -1: none yet */
};

/* As one of ours announces itself: it keeps connections, and takes many requests on each. */
static inline void
announce(const char *id, const char *policy, const struct addr *at)
{
	struct packet_announcement a = {
		.port = addr_port(at), .keepalive = true, .pipeline = 128, .slots = CONN_LIMIT_MAX};

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_eq(registry_join(conf.registry, &a, at, clock_ms()), REGISTRY_JOINED);
}

static inline void
open_server(struct server *s, const char *id, const char *policy)
{
	s->id = id;
	s->listening = listen_anywhere(&s->at);
	s->lane.fd = -1;
	announce(id, policy, &s->at);
}

static inline bool
is_connected(struct server *s)
{
	struct addr_peer from;

	return s->lane.fd >= 0 || net_accept(s->listening, &s->lane.fd, &from) == NET_ACCEPTED;
}

/* The next request, awaited; valid until more is heard. */
static inline const char *
request_at(struct server *s)
{
	UNTIL(is_connected(s));
	return next_line(&s->lane);
}

/* The next request is of that client. */
static inline void
expect_request(struct server *s, const char *srcid)
{
	const char *line = request_at(s);
	char part[96];

	(void)snprintf(part, sizeof part, "\"srcid\":\"%s\"", srcid);
	cr_assert_not_null(strstr(line, part), "%s lacks %s", line, part);
}

/* With a further key, "more", where filler is given. */
static inline void
reply(const struct server *s, const char *destid, const char *filler)
{
	struct buf text = BUF_INIT;

	cr_assert_eq(buf_printf(&text,
				"{\"type\":\"2\",\"srcid\":\"%s\",\"destid\":\"%s\","
				"\"payloadsize\":40,\"payload\":\"" DIGEST "\"%s%s%s}\n",
				s->id, destid, filler != NULL ? ",\"more\":\"" : "",
				filler != NULL ? filler : "", filler != NULL ? "\"" : ""),
		     0);
	say_bytes(&s->lane, buf_span(&text));
	buf_release(&text);
}

/* The next answer is what reply() says without filler, unchanged. */
static inline void
expect_reply(struct peer *p, const char *server, const char *destid)
{
	char wanted[256];
	const char *line = next_line(p);

	(void)snprintf(wanted, sizeof wanted,
		       "{\"type\":\"2\",\"srcid\":\"%s\",\"destid\":\"%s\",\"payloadsize\":40,"
		       "\"payload\":\"" DIGEST "\"}",
		       server, destid);
	cr_expect_str_eq(line, wanted, "%s", line);
}

/* The policy is known, and nobody serves it. */
static inline void
know_policy(const char *policy)
{
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 9), 0);
	announce("gone", policy, &at);
	cr_assert(registry_leave(conf.registry, "gone", policy));
}

#endif
