/* conn_tls_fixture.h - two ends that speak TLS, both conns in one loop; what the server hears it
 * says back. */
#ifndef POLICYPOOL_TESTS_CONN_TLS_FIXTURE_H
#define POLICYPOOL_TESTS_CONN_TLS_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "clock.h"
#include "conn.h"
#include "net.h"
#include "tls_fixture.h"

enum { MAX = 4 << 20, PATIENCE_MS = 20000, HANDSHAKE_MS = 15000 };

struct end {
	struct conn *conn;
	size_t packets, bytes;
	unsigned opens, eofs, closes, faults;
	int error;
	char why[128], first;
};

static struct event_base *base;
static struct conn_loop *servers, *clients;
static struct tls_creds *server_creds, *client_creds;
static struct scoreboard_row row;
static int listening;
static struct addr where;
static struct end server, client;

static inline void
on_open(struct conn *c, void *ctx)
{
	(void)c;
	((struct end *)ctx)->opens++;
}

static inline void
on_packet(struct conn *c, struct span text, void *ctx)
{
	struct end *e = ctx;

	e->packets++;
	e->bytes += text.n;
	if (e == &server) { /* says it back */
		cr_assert_eq(conn_write(c, text), 0);
		cr_assert_eq(conn_write(c, span_str("\n")), 0);
	}
}

static inline void
on_fault(struct conn *c, int error, void *ctx)
{
	struct end *e = ctx;

	e->faults++;
	e->error = error;
	if (error == EPROTOTYPE)
		cr_assert_eq(conn_write(c, span_str("{\"no\":1}")), 0);
	conn_finish(c);
}

static inline void
on_eof(struct conn *c, bool cut, void *ctx)
{
	(void)cut;
	((struct end *)ctx)->eofs++;
	conn_finish(c);
}

static inline void
on_close(struct conn *c, int error, void *ctx)
{
	struct end *e = ctx;

	e->closes++;
	if (error != 0)
		e->error = error;
	(void)snprintf(e->why, sizeof e->why, "%s", conn_why(c, error));
	e->conn = NULL;
}

static const struct conn_ops ops = {on_open,  on_packet, on_fault, on_eof,
				    on_close, NULL,	 NULL,	   NULL};

static inline struct tls_creds *
load(enum tls_side side, const struct tls_files *f)
{
	struct tls_creds *c = tls_creds_load(side, f, "test", stderr);

	cr_assert_not_null(c);
	return c;
}

static inline void
on_listening(evutil_socket_t fd, short what, void *arg)
{
	struct addr_peer peer;
	int accepted;

	(void)what;
	(void)arg;
	cr_assert_eq(net_accept(fd, &accepted, &peer), NET_ACCEPTED);
	server.conn = conn_new(servers, accepted, 0, &ops, &server);
	cr_assert_not_null(server.conn);
}

static struct event *on_listener;

static inline void
begin(void)
{
	struct tls_files s, c;

	tls_make_all();
	s = (struct tls_files){.certificate = made.server.certificate, .key = made.server.key};
	c = (struct tls_files){.ca = made.ca.certificate, .verify = TLS_VERIFY_REQUIRED};
	server_creds = load(TLS_SERVER, &s);
	client_creds = load(TLS_CLIENT, &c);
	base = event_base_new();
	servers = conn_loop_new(base, MAX);
	clients = conn_loop_new(base, MAX);
	cr_assert_eq(addr_numeric(&where, "127.0.0.1", 0), 0);
	listening = net_listen(&where, 16);
	cr_assert_geq(listening, 0);
	cr_assert_eq(net_local(listening, &where), 0);
	on_listener = event_new(base, listening, EV_READ | EV_PERSIST, on_listening, NULL);
	cr_assert_eq(event_add(on_listener, NULL), 0);
}

static inline void
end(void)
{
	conn_close(server.conn);
	conn_close(client.conn);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	conn_loop_free(servers);
	conn_loop_free(clients);
	event_free(on_listener);
	event_base_free(base);
	(void)close(listening);
	tls_creds_unref(server_creds);
	tls_creds_unref(client_creds);
	tls_remove_all();
}

static inline void
secure(enum conn_tls_mode mode, uint64_t handshake_ms, unsigned handshakes)
{
	struct conn_tls tls = {.mode = mode,
			       .creds = mode == CONN_TLS_OFF ? NULL : server_creds,
			       .handshake_ms = handshake_ms,
			       .handshakes = handshakes};

	conn_loop_secure(servers, &tls, &row);
}

static inline void
connect_tls(const char *name)
{
	struct conn_tls_peer peer = {
		.creds = client_creds, .name = name, .handshake_ms = HANDSHAKE_MS};

	client.conn = conn_connect_tls(clients, &where, 2000, &peer, &ops, &client);
	cr_assert_not_null(client.conn);
}

static inline void
turn(uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	cr_assert_eq(event_base_loopexit(base, &tv), 0);
	cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* Turns the loop until the condition holds. */
#define UNTIL(condition)                                                              \
	do {                                                                          \
		uint64_t limit = clock_ms() + PATIENCE_MS;                            \
		bool reached = (condition);                                           \
		while (!reached && clock_ms() < limit) {                              \
			turn(20);                                                     \
			reached = (condition);                                        \
		}                                                                     \
		cr_assert(reached, "client: %s, server: %s", client.why, server.why); \
	} while (0)

static inline uint64_t
counted(const _Atomic uint64_t *cell)
{
	return counter_get(cell);
}

#endif
