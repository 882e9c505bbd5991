/* upstream_conn over TLS: the server is a conn of the same loop's base, or a bare socket. */
#include "upstream_conn.h"

#include "server_fixture.h"
#include "tls_fixture.h"

enum { HANDSHAKE_MS = 15000 };

static int listener;
static char no_name[] = "";
static struct proxy_conf conf;
static struct registry_server server;
static struct tls_creds *server_creds;
static struct conn_loop *servers; /* the server's */
static struct conn *peer;
static struct upstream_conn *l;
static char why[256]; /* of the end */

/* ---- the server: replies to "a" ---- */

static void
peer_on_packet(struct conn *c, struct span text, void *ctx)
{
	(void)ctx;
	cr_assert(span_eq_str(text, REQUEST("a")));
	cr_assert_eq(conn_write(c, span_str(REPLY("a"))), 0);
}

static void
peer_on_fault(struct conn *c, int error, void *ctx)
{
	(void)error;
	(void)ctx;
	conn_finish(c);
}

static void
peer_on_eof(struct conn *c, bool cut, void *ctx)
{
	(void)cut;
	(void)ctx;
	conn_finish(c);
}

static void
peer_on_close(struct conn *c, int error, void *ctx)
{
	(void)c;
	(void)error;
	(void)ctx;
	peer = NULL;
}

static const struct conn_ops peer_ops = {.on_packet = peer_on_packet,
					 .on_fault = peer_on_fault,
					 .on_eof = peer_on_eof,
					 .on_close = peer_on_close};

static void
accept_peer(void)
{
	peer = conn_new(servers, accept_one(listener), 0, &peer_ops, NULL);
	cr_assert_not_null(peer);
}

/* ---- the lane ---- */

static void
on_open(struct upstream_conn *lane, void *ctx)
{
	cr_assert(lane == l && ctx == &server);
	tell("open ");
}

static void
on_reply(struct upstream_conn *lane, struct request *r, struct span reply, void *ctx)
{
	cr_assert(lane == l && ctx == &server);
	cr_assert(span_eq_str(reply, REPLY("a")));
	tell("reply(%.*s) ", SPAN_ARG(r->srcid));
	request_free(r);
}

static void
on_end(struct upstream_conn *lane, const struct upstream_conn_end *end, void *ctx)
{
	struct request *r;

	cr_assert(lane == l && ctx == &server);
	(void)snprintf(why, sizeof why, "%s", end->why);
	tell("end(%s%s) ", failure_text(end->cause), end->connected ? ", connected" : "");
	while ((r = upstream_conn_take_last(lane)) != NULL) {
		tell("left(%.*s) ", SPAN_ARG(r->srcid));
		request_free(r);
	}
	upstream_conn_free(lane);
	l = NULL;
}

static void
on_event(struct upstream_conn *lane, const struct upstream_conn_event *e, void *ctx)
{
	switch (e->what) {
	case UPSTREAM_CONN_OPENED: on_open(lane, ctx); break;
	case UPSTREAM_CONN_REPLIED: on_reply(lane, e->request, e->reply, ctx); break;
	case UPSTREAM_CONN_STOPPING:
	case UPSTREAM_CONN_DECLINED: cr_assert_fail("none is declined"); break;
	case UPSTREAM_CONN_ENDED: on_end(lane, e->end, ctx); break;
	}
}

static struct tls_creds *
load(enum tls_side side, const struct tls_files *f)
{
	struct tls_creds *c = tls_creds_load(side, f, "test", stderr);

	cr_assert_not_null(c);
	return c;
}

static void
begin(void)
{
	struct conn_tls tls = {.mode = CONN_TLS_REQUIRED, .handshake_ms = 0, .handshakes = 10};

	tls_make_all();
	server_creds = load(TLS_SERVER, &(struct tls_files){.certificate = made.server.certificate,
							    .key = made.server.key});
	conf = (struct proxy_conf){.server.name = no_name, .server_handshake = HANDSHAKE_MS};
	conf.server_creds = load(TLS_CLIENT, &(struct tls_files){.ca = made.ca.certificate,
								 .verify = TLS_VERIFY_REQUIRED});
	open_loop();
	servers = conn_loop_new(base, MAX_MESSAGE);
	tls.creds = server_creds;
	tls.handshake_ms = HANDSHAKE_MS;
	conn_loop_secure(servers, &tls, NULL);
	server = (struct registry_server){.used = true, .tls = true};
	listener = listen_at(&server.addr, 16);
}

static void
end(void)
{
	if (l != NULL) {
		cr_assert_eq(l->n, 0);
		upstream_conn_free(l);
	}
	conn_close(peer);
	turn();
	conn_loop_free(servers);
	close_loop();
	(void)close(listener);
	tls_creds_unref(server_creds);
	tls_creds_unref(conf.server_creds);
	tls_remove_all();
}

TestSuite(lane_tls, .init = begin, .fini = end, .timeout = 120);

static void
dial_and_ask(void)
{
	struct reply_check check = reply_check_of(REPLY_CHECK_SHAPE, server.job);

	l = upstream_conn_open(loop, &server, &conf, 5000, &check, on_event, &server);
	cr_assert_not_null(l);
	cr_assert_eq(upstream_conn_send(l, request_of("a"), true), 0);
}

Test(lane_tls, a_server_is_known_by_its_address)
{
	dial_and_ask();
	accept_peer();
	expect_told("open reply(a) ");
	cr_assert_not_null(conn_tls_describe(l->conn));
}

Test(lane_tls, a_server_is_known_by_the_name_of_the_settings)
{
	conf.server.name = (char[]){"pool.example"};
	dial_and_ask();
	accept_peer();
	expect_told("open reply(a) ");
}

Test(lane_tls, nothing_is_sent_to_whoever_has_another_name)
{
	conf.server.name = (char[]){"elsewhere.example"};
	dial_and_ask();
	accept_peer();
	expect_told("end(TLS failed) left(a) ");
	cr_assert_str_neq(why, failure_text(CAUSE_TLS), "it says what was wrong");
	cr_assert_not_null(strstr(why, "name"), "%s", why);
}

Test(lane_tls, nothing_is_sent_to_whoever_another_ca_has_signed)
{
	tls_creds_unref(conf.server_creds);
	conf.server_creds = load(TLS_CLIENT, &(struct tls_files){.ca = made.other.certificate,
								 .verify = TLS_VERIFY_REQUIRED});
	dial_and_ask();
	accept_peer();
	expect_told("end(TLS failed) left(a) ");
}

Test(lane_tls, it_is_not_open_before_the_handshake_is_done)
{
	int fd;

	dial_and_ask();
	fd = accept_one(listener);
	turn();
	cr_assert(!l->open);
	expect_nothing_told();
	pass(HANDSHAKE_MS + 1);
	expect_told("end(TLS failed) left(a) ");
	(void)close(fd);
}

Test(lane_tls, a_peer_that_speaks_no_tls_is_told_as_such)
{
	int fd;

	dial_and_ask();
	fd = accept_one(listener);
	say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	expect_told("end(TLS failed) left(a) ");
	(void)close(fd);
}

Test(lane_tls, one_that_did_not_announce_it_is_spoken_to_in_the_clear)
{
	int fd;

	server.tls = false;
	dial_and_ask();
	fd = accept_one(listener);
	expect_told("open ");
	expect_heard(fd, REQUEST("a") "\n");
	say(fd, REPLY("a"));
	expect_told("reply(a) ");
	(void)close(fd);
}
