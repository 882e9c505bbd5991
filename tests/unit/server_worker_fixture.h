/* A server's worker in the loop of the test, asked over loopback; the master's side of the worker
 * is the test's. */
#ifndef POLICYPOOL_TESTS_SERVER_WORKER_FIXTURE_H
#define POLICYPOOL_TESTS_SERVER_WORKER_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "log.h"
#include "net.h"
#include "server_worker.h"
#include "tls_fixture.h"

enum { PEERS = 4, NEVER = 600000 /* ms */ };

static char log_path[] = "/tmp/serve-test-XXXXXX";
static char log_read[65536];
static struct event_base *base;
static struct counters *board;
static struct job_stats *stats;
static struct job_strikes *strikes;
static bool ready, yields;
static unsigned done;
static struct daemon_conf settings = {.worker_connections = 16,
				      .max_message = 65536,
				      .idle_timeout = NEVER,
				      .stop_timeout = NEVER,
				      .tls = {.handshake_timeout = NEVER, .handshakes = 16}};
static const char *job = "sha1";
static struct handler_conf handler_conf = {.kind = HANDLER_NONE};
static struct server_worker_conf conf = {.id = "100",
					 .policy = "111",
					 .daemon = &settings,
					 .handler = &handler_conf,
					 .pipeline = 64,
					 .client_send_timeout = NEVER,
					 .client_read_timeout = NEVER,
					 .listeners = 1};
static struct addr place;
static void *state;
static int peer[PEERS] = {-1, -1, -1, -1};
static char heard[PEERS][65536];

/* ---- worker.c's place ---- */

struct worker {
	char nothing;
};
static struct worker worker;

struct event_base *
worker_base(struct worker *w)
{
	cr_assert_eq(w, &worker);
	return base;
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
	(void)w;
	return board;
}

struct scoreboard_row *
worker_row(struct worker *w)
{
	(void)w;
	return scoreboard_row(board, 0);
}

void
worker_ready(struct worker *w)
{
	(void)w;
	ready = true;
}

bool
worker_yields(const struct worker *w)
{
	(void)w;
	return yields;
}

void
worker_done(struct worker *w)
{
	(void)w;
	done++;
}

/* What the worker says to its master: of job processes. */
static struct job_msg said[16];
static unsigned says;

int
worker_send(struct worker *w, struct span message)
{
	(void)w;
	cr_assert(job_msg_read(message, 64, &said[says++ % 16]));
	return 0;
}

/* ---- the world ---- */

static int
listen_at(const char *host, struct addr *at)
{
	int fd;

	cr_assert_eq(addr_numeric(at, host, 0), 0);
	fd = net_listen(at, 8);
	cr_assert_geq(fd, 0);
	cr_assert_eq(net_local(fd, at), 0);
	return fd;
}

static void
open_serve(void)
{
	struct log_options o = {.program = "prog", .target = log_path, .level = LOG_WARN};
	int fd = mkstemp(log_path);

	cr_assert(fd >= 0 && close(fd) == 0 && log_open(&o) == 0);
	base = event_base_new();
	board = scoreboard_new(1);
	stats = job_stats_new(1);
	strikes = job_strikes_new();
	cr_assert(base != NULL && board != NULL && stats != NULL && strikes != NULL);
	conf.stats = stats;
	conf.strikes = strikes;
	(void)signal(SIGPIPE, SIG_IGN);
	conf.listen_fd[0] = listen_at("127.0.0.1", &place);
}

static void
close_serve(void)
{
	if (state != NULL)
		server_worker_ops.end(state);
	event_base_free(base);
	counters_free(board);
	job_stats_free(stats);
	job_strikes_free(strikes);
	for (int i = 0; i < PEERS; i++)
		if (peer[i] >= 0)
			(void)close(peer[i]);
	for (unsigned i = 0; i < conf.listeners; i++)
		(void)close(conf.listen_fd[i]);
	log_close();
	(void)unlink(log_path);
}

TestSuite(serve, .init = open_serve, .fini = close_serve, .timeout = 60);

static void
start(void)
{
	handler_conf.known = job_find(span_str(job));
	state = server_worker_ops.start(&worker, &conf);
	cr_assert_not_null(state);
}

static void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	(void)poll(NULL, 0, 1);
}

static void
idle(uint64_t ms)
{
	for (uint64_t end = clock_ms() + ms; clock_ms() < end;)
		turn();
}

static const char *
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

#define COUNT(cell) counter_get(&scoreboard_row(board, 0)->cell)

/* ---- peers ---- */

static void
connect_to(int i, const struct addr *at)
{
	peer[i] = socket(at->u.sa.sa_family, SOCK_STREAM, 0);
	cr_assert_geq(peer[i], 0);
	cr_assert_eq(connect(peer[i], &at->u.sa, at->len), 0);
}

static void
come(int i)
{
	connect_to(i, &place);
}

/* All of it, while the worker reads. */
static void
send_bytes(int i, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(peer[i], p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		cr_assert(sent > 0 || errno == EAGAIN, "%s", strerror(errno));
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
		turn();
	}
}

static void
say(int i, const char *text)
{
	send_bytes(i, text, strlen(text));
}

/* False once the worker has closed. */
static bool
listen_to(int i)
{
	size_t n = strlen(heard[i]);
	ssize_t got = recv(peer[i], heard[i] + n, sizeof heard[i] - 1 - n, MSG_DONTWAIT);

	if (got > 0)
		heard[i][n + (size_t)got] = '\0';
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* The next line, which holds that. */
static void
hear(int i, const char *wanted)
{
	char *end;

	while ((end = strchr(heard[i], '\n')) == NULL) {
		cr_assert(listen_to(i), "%d: closed after: %s", i, heard[i]);
		turn();
	}
	*end = '\0';
	cr_assert_not_null(strstr(heard[i], wanted), "%s lacks %s", heard[i], wanted);
	memmove(heard[i], end + 1, strlen(end + 1) + 1);
}

static void
hear_the_end(int i)
{
	while (listen_to(i))
		turn();
	cr_assert_str_eq(heard[i], "");
}

static void
hear_nothing(int i)
{
	cr_assert(listen_to(i), "it has closed");
	cr_assert_str_eq(heard[i], "");
}

#define REQUEST(policy, payload) \
	"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"" policy "\",\"payload\":\"" payload "\"}"
#define ABC "a9993e364706816aba3e25717850c26c9cd0d89d"
#define NIL "da39a3ee5e6b4b0d3255bfef95601890afd80709"

#endif
