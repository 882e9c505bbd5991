/* upstream_conn: one connection to a server that is a socket of the test. */
#include "upstream_conn.h"

#include "server_fixture.h"

static int listener, peer; /* the server: where it listens, its end of the lane */
static char no_name[] = "";
static struct proxy_conf conf;
static struct registry_server server;
static struct upstream_conn *l;
static char reply_text[512];
static struct request *sent_on_reply;
static struct request *sent_at_end; /* tried to be sent on a lane that is over */

static void
on_open(struct upstream_conn *lane, void *ctx)
{
	cr_assert(lane == l && ctx == &server);
	tell("open ");
}

static void
on_reply(struct upstream_conn *lane, struct request *r, struct span reply, bool last, void *ctx)
{
	cr_assert(lane == l && ctx == &server);
	cr_assert_eq(r->connected_us, lane->opened_us);
	(void)snprintf(reply_text, sizeof reply_text, "%.*s", SPAN_ARG(reply));
	tell("%s(%.*s%s) ", r->refused ? "refused" : "reply", SPAN_ARG(r->srcid),
	     last ? ", the last" : "");
	request_free(r);
	if (sent_on_reply != NULL)
		cr_assert_eq(upstream_conn_send(lane, sent_on_reply, true), 0);
	sent_on_reply = NULL;
}

static void
on_declined(struct upstream_conn *lane, struct request *r, const char *how, void *ctx)
{
	cr_assert(lane == l && ctx == &server);
	tell("%s(%.*s) ", how, SPAN_ARG(r->srcid));
	request_free(r);
}

static void
on_end(struct upstream_conn *lane, const struct upstream_conn_end *end, void *ctx)
{
	struct request *r;

	cr_assert(lane == l && ctx == &server);
	tell("end(%s%s%s%s) ", end->why, end->connected ? ", connected" : "",
	     end->orderly ? ", orderly" : "", end->unasked ? ", unasked" : "");
	if (sent_at_end != NULL)
		tell("send=%d ", upstream_conn_send(lane, sent_at_end, true));
	while ((r = upstream_conn_take_last(lane)) != NULL) {
		tell("left(%.*s) ", SPAN_ARG(r->srcid));
		request_free(r);
	}
	cr_assert_eq(lane->n, 0);
	upstream_conn_free(lane);
	l = NULL;
}

static void
on_event(struct upstream_conn *lane, const struct upstream_conn_event *e, void *ctx)
{
	switch (e->what) {
	case UPSTREAM_CONN_OPENED: on_open(lane, ctx); break;
	case UPSTREAM_CONN_REPLIED: on_reply(lane, e->request, e->reply, e->last, ctx); break;
	case UPSTREAM_CONN_DECLINED: on_declined(lane, e->request, "declined", ctx); break;
	case UPSTREAM_CONN_STOPPING: on_declined(lane, e->request, "stopping", ctx); break;
	case UPSTREAM_CONN_ENDED: on_end(lane, e->end, ctx); break;
	}
}

static void
begin(void)
{
	open_loop();
	conf = (struct proxy_conf){.server.name = no_name};
	server = (struct registry_server){.used = true};
	listener = listen_at(&server.addr, 16);
	peer = -1;
}

static void
end(void)
{
	struct request *r;

	if (l != NULL) {
		while ((r = upstream_conn_take_last(l)) != NULL)
			request_free(r);
		upstream_conn_free(l);
	}
	(void)close(peer);
	(void)close(listener);
	close_loop();
}

TestSuite(lane, .init = begin, .fini = end, .timeout = 120);

static struct upstream_conn *
dial(enum reply_check_how how)
{
	struct reply_check check = reply_check_of(how, server.job);

	return upstream_conn_open(loop, &server, &conf, 5000, &check, on_event, &server);
}

static void
open_lane(enum reply_check_how how)
{
	l = dial(how);
	cr_assert_not_null(l);
	peer = accept_one(listener);
	expect_told("open ");
}

static struct request *
send_one(const char *srcid)
{
	struct request *r = request_of(srcid);

	cr_assert_eq(upstream_conn_send(l, r, true), 0);
	return r;
}

static void
send_all(const char *srcids)
{
	for (; *srcids != '\0'; srcids++)
		(void)send_one((char[]){*srcids, '\0'});
}

/* ---- connecting ---- */

Test(lane, what_is_sent_before_it_is_connected_leaves_then)
{
	l = dial(REPLY_CHECK_SHAPE);
	send_all("ab");
	cr_assert(!l->open && l->n == 2);
	peer = accept_one(listener);
	expect_told("open ");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n");
}

Test(lane, a_refused_connection_is_told_with_what_waited_for_it)
{
	int fd = refuse_at(&server.addr);

	l = dial(REPLY_CHECK_SHAPE);
	send_all("abc");
	expect_told("end(connection refused) left(c) left(b) left(a) ");
	(void)close(fd);
}

Test(lane, connecting_ends_with_its_clock_and_not_before)
{
	int filler, fd = hang_at(&server.addr, &filler);

	l = dial(REPLY_CHECK_SHAPE);
	send_all("a");
	pass(4999);
	expect_nothing_told();
	pass(2);
	expect_told("end(connecting took longer than connect_timeout) left(a) ");
	(void)close(filler);
	(void)close(fd);
}

Test(lane, a_server_without_a_way_there_is_told_at_once)
{
	cr_assert_eq(addr_numeric(&server.addr, "255.255.255.255", 9), 0);
	cr_assert_null(dial(REPLY_CHECK_SHAPE));
	cr_assert_eq(errno, ENETUNREACH);
	cr_assert_str_eq(upstream_conn_why(errno), strerror(ENETUNREACH));
}

Test(lane, it_opens_none_with_no_descriptor_left)
{
	take_descriptors();
	cr_assert_null(dial(REPLY_CHECK_SHAPE));
	cr_assert_eq(errno, EMFILE);
	give_descriptors();
	cr_assert_str_eq(upstream_conn_why(EMFILE), net_shortage(EMFILE));
}

Test(lane, settings_may_want_tls_where_the_server_did_not_announce_it)
{
	conf.server_tls = 1;
	cr_assert_null(dial(REPLY_CHECK_SHAPE));
	cr_assert_eq(errno, EPROTOTYPE);
	cr_assert_str_eq(upstream_conn_why(errno), "it did not announce TLS, which is required");
	cr_assert(!somebody_connects(listener));
}

Test(lane, a_server_in_tls_is_not_connected_to_without_a_ca)
{
	server.tls = true;
	cr_assert_null(dial(REPLY_CHECK_SHAPE));
	cr_assert_eq(errno, EPROTONOSUPPORT);
	cr_assert_str_eq(upstream_conn_why(errno),
			 "it announced TLS, and there is no server_ca to verify it by");
	cr_assert(!somebody_connects(listener));
}

/* ---- requests and replies ---- */

Test(lane, a_newline_follows_a_request_only_where_asked_for)
{
	open_lane(REPLY_CHECK_SHAPE);
	cr_assert_eq(upstream_conn_send(l, request_of("a"), false), 0);
	expect_heard(peer, REQUEST("a"));
	cr_assert_eq(upstream_conn_send(l, request_of("b"), true), 0);
	expect_heard(peer, REQUEST("b") "\n");
}

Test(lane, requests_of_a_turn_leave_when_it_ends)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	cr_assert_lt(read(peer, (char[1]){0}, 1), 0);
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n");
}

Test(lane, the_nth_reply_is_the_nth_requests)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("abc");
	say(peer, REPLY("a") "\n" REPLY("b") "\n{\"type\":\"2\",");
	expect_told("reply(a) reply(b) ");
	cr_assert_str_eq(reply_text, REPLY("b"));
	cr_assert(l->n == 1 && l->served == 2);
	say(peer, "\"destid\":\"c\",\"payload\":\"" DIGEST "\"}");
	expect_told("reply(c) ");
	cr_assert(l->n == 0 && l->served == 3);
}

Test(lane, two_requests_of_one_client_have_a_reply_each)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("aa");
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	cr_assert_eq(l->n, 1);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
}

Test(lane, an_error_of_the_request_is_its_reply)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	say(peer, ERROR_OF("bad-payload", "a") REPLY("b"));
	expect_told("refused(a) reply(b) ");
}

Test(lane, one_that_the_server_finds_too_large_is_answered_and_the_last)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	say(peer, REPLY("a") ERROR_OF("too-large", ""));
	expect_told("reply(a) refused(b, the last) ");
	cr_assert_not_null(strstr(reply_text, "\"destid\":\"b\""), "%s", reply_text);
	cr_assert_not_null(strstr(reply_text, "\"code\":\"too-large\""), "%s", reply_text);
	say(peer, ERROR_OF("too-large", ""));
	expect_told("end(a reply that nobody asked for, connected, unasked) ");
}

Test(lane, an_error_that_says_nothing_of_the_request_is_told_apart)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("abcd");
	say(peer, ERROR_OF("overloaded", "a") ERROR_OF("shutting-down", "b"));
	say(peer, ERROR_OF("unknown-policy", "c") REPLY("d"));
	expect_told("declined(a) declined(b) declined(c) reply(d) ");
}

Test(lane, a_pooled_server_that_is_about_to_stop_says_so_of_the_connection)
{
	server.pooled = true;
	open_lane(REPLY_CHECK_SHAPE);
	send_all("abc");
	say(peer, ERROR_OF("overloaded", "a") ERROR_OF("shutting-down", "b") REPLY("c"));
	expect_told("declined(a) stopping(b) reply(c) ");
}

Test(lane, a_request_knows_when_it_was_sent_and_on_which_connection)
{
	struct request *r;

	l = dial(REPLY_CHECK_SHAPE);
	cr_assert_eq(l->begun_us, still_us);
	still_us += 7000;
	peer = accept_one(listener);
	expect_told("open ");
	cr_assert(l->opened_us == l->begun_us + 7000 && l->ready_us == l->opened_us);
	pass(5);
	r = send_one("a");
	cr_assert(r->sent_us == still_us && r->sends == 1 && r->state == REQUEST_IN_FLIGHT);
	cr_assert_eq(TAILQ_FIRST(&l->flight), r);
	pass(3);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	cr_assert_eq(l->ready_us, still_us);
}

/* ---- what a server must not do ---- */

Test(lane, after_a_reply_for_another_nothing_is_taken_from_it)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("abc");
	say(peer, REPLY("b") REPLY("a") REPLY("b") REPLY("c"));
	expect_told("end(the reply is for another client, connected) left(c) left(b) left(a) ");
	expect_end(peer);
	expect_nothing_told();
}

Test(lane, a_reply_that_nobody_asked_for_is_its_end)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	say(peer, REPLY("a") REPLY("a"));
	expect_told("reply(a) end(a reply that nobody asked for, connected, unasked) ");
}

Test(lane, a_reply_to_what_has_not_left_answers_nobody)
{
	struct request *next = request_of("a");

	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	sent_on_reply = next;
	say(peer, REPLY("a") REPLY("a"));
	expect_told("reply(a) end(a reply that nobody asked for, connected, unasked) left(a) ");
}

Test(lane, a_reply_that_begins_while_nobody_asks_is_its_end)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	say(peer, REPLY("a") " \n\t ");
	expect_told("reply(a) ");
	say(peer, "\n \n");
	expect_nothing_told();
	say(peer, "{\"type\":");
	expect_told("end(a reply that nobody asked for, connected, unasked) ");
}

Test(lane, the_reply_to_a_request_that_has_left_may_begin_and_end_later)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("abc");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n" REQUEST("c") "\n");
	say(peer, "{\"type\":\"2\",");
	say(peer, "\"destid\":\"a\",\"payload\":\"" DIGEST "\"}" REPLY("b"));
	expect_told("reply(a) reply(b) ");
	cr_assert_eq(l->bytes, sizeof REQUEST("c"), "with its newline");
	say(peer, REPLY("c"));
	expect_told("reply(c) ");
	cr_assert_eq(l->bytes, 0);
}

Test(lane, a_reply_that_is_none_is_its_end)
{
	static const struct {
		const char *reply, *why;
	} wrong[] = {
		{"{]", "the reply is no packet"},
		{"HTTP/1.1 200 OK\r\n", "the reply is no packet"},
		{"{\"type\":\"9\"}", "the reply is no packet"},
		{REQUEST("a"), "the reply has another type than 2"},
		{REPLY_OF("hello", "a"), "the reply is no SHA-1 digest"},
		{"{\"type\":\"2\",\"destid\":\"a\",\"payloadsize\":41,\"payload\":\"" DIGEST "\"}",
		 "payloadsize is not the reply's length"},
	};
	char want[128];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		open_lane(REPLY_CHECK_SHAPE);
		send_all("ab");
		say(peer, wrong[i].reply);
		(void)snprintf(want, sizeof want, "end(%s, connected) left(b) left(a) ",
			       wrong[i].why);
		expect_told(want);
		(void)close(peer);
	}
	peer = -1;
}

Test(lane, the_digest_itself_is_looked_at_where_asked_for)
{
	static const char other[] = "0000000000000000000000000000000000000000";
	char reply[256];

	(void)snprintf(reply, sizeof reply, REPLY_OF("%s", "a"), other);
	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	say(peer, reply);
	expect_told("reply(a) ");
	upstream_conn_free(l);
	(void)close(peer);
	open_lane(REPLY_CHECK_DIGEST);
	send_all("aa");
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	say(peer, reply);
	expect_told("end(the reply is not the payload's digest, connected) left(a) ");
}

Test(lane, a_reply_larger_than_max_message_is_its_end)
{
	static char large[MAX_MESSAGE + 2] = "{\"";

	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	memset(large + 2, 'x', sizeof large - 3);
	say(peer, large);
	expect_told("end(the reply is larger than max_message, connected) left(a) ");
}

/* ---- its end ---- */

Test(lane, an_end_between_replies_is_in_order_once_it_has_served)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("abc");
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	(void)shutdown(peer, SHUT_WR);
	expect_told("end(the server closed the connection, connected, orderly) left(c) left(b) ");
}

Test(lane, replies_before_the_end_count)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	say(peer, REPLY("a") REPLY("b"));
	(void)shutdown(peer, SHUT_WR);
	expect_told("reply(a) reply(b) "
		    "end(the server closed the connection, connected, orderly) ");
}

Test(lane, an_end_before_any_reply_is_not_in_order)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	expect_heard(peer, REQUEST("a") "\n");
	(void)shutdown(peer, SHUT_WR);
	expect_told("end(the server closed the connection, connected) left(a) ");
}

Test(lane, half_a_reply_is_no_end_in_order)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	say(peer, REPLY("a") "{\"type\":\"2\",\"dest");
	(void)shutdown(peer, SHUT_WR);
	expect_told("reply(a) end(the reply was cut, connected) left(b) ");
}

Test(lane, a_reset_is_no_end_in_order_though_it_has_served)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	reset_it(peer);
	expect_told("end(connection reset, connected) left(b) ");
	peer = -1;
}

Test(lane, nothing_is_sent_on_one_that_is_over)
{
	sent_at_end = request_of("late");
	open_lane(REPLY_CHECK_SHAPE);
	reset_it(peer);
	expect_told("end(connection reset, connected) send=-1 ");
	cr_assert(sent_at_end->state == REQUEST_QUEUED && sent_at_end->sends == 0);
	request_free(sent_at_end);
	peer = -1;
}

Test(lane, a_request_stays_as_it_was_when_there_is_no_memory_for_it)
{
	struct request *r = request_of("a");
	struct span text = r->text;

	open_lane(REPLY_CHECK_SHAPE);
	r->text.n = PTRDIFF_MAX;
	cr_assert_eq(upstream_conn_send(l, r, true), -1);
	cr_assert(r->state == REQUEST_QUEUED && r->sends == 0 && l->n == 0);
	cr_assert(TAILQ_EMPTY(&l->flight));
	r->text = text;
	cr_assert_eq(upstream_conn_send(l, r, true), 0);
	expect_heard(peer, REQUEST("a") "\n");
}

Test(lane, its_owner_may_close_it_and_hears_no_more)
{
	open_lane(REPLY_CHECK_SHAPE);
	say(peer, REPLY("a"));
	upstream_conn_free(l);
	l = NULL;
	expect_end(peer);
	expect_nothing_told();
	peer = -1;
}

/* ---- what its owner asks ---- */

Test(lane, requests_are_taken_back_from_the_last_to_the_first)
{
	struct request *r;

	l = dial(REPLY_CHECK_SHAPE);
	send_all("abc");
	for (const char *want = "cba"; *want != '\0'; want++) {
		r = upstream_conn_take_last(l);
		cr_assert(span_eq_str(r->srcid, ((char[]){*want, '\0'})));
		request_free(r);
	}
	cr_assert_null(upstream_conn_take_last(l));
	cr_assert_eq(l->n, 0);
}

Test(lane, what_was_taken_back_before_it_was_connected_is_never_sent)
{
	l = dial(REPLY_CHECK_SHAPE);
	send_all("a");
	upstream_conn_take_back(l);
	request_free(upstream_conn_take_last(l));
	peer = accept_one(listener);
	expect_told("open ");
	expect_silence(peer);
	send_all("b");
	expect_heard(peer, REQUEST("b") "\n");
}

Test(lane, nothing_is_taken_back_once_it_is_connected)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("a");
	upstream_conn_take_back(l);
	expect_heard(peer, REQUEST("a") "\n");
}

Test(lane, a_server_owes_from_when_it_was_sent_to)
{
	open_lane(REPLY_CHECK_SHAPE);
	pass(10);
	cr_assert_eq(upstream_conn_owes(l, still_us), 0, "nothing is in flight");
	send_all("a");
	pass(20);
	send_all("b");
	cr_assert_eq(upstream_conn_owes(l, still_us), 20000);
	cr_assert_eq(upstream_conn_owes(l, still_us - 30000), 0, "it is not yet sent");
}

Test(lane, what_others_made_a_server_wait_behind_does_not_count)
{
	open_lane(REPLY_CHECK_SHAPE);
	send_all("ab");
	pass(50);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	cr_assert_eq(upstream_conn_owes(l, still_us), 0);
	pass(5);
	cr_assert_eq(upstream_conn_owes(l, still_us), 5000);
}

Test(lane, a_server_owes_nothing_while_it_is_connected_to)
{
	l = dial(REPLY_CHECK_SHAPE);
	send_all("a");
	still_us += 40000;
	peer = accept_one(listener);
	expect_told("open ");
	pass(3);
	cr_assert_eq(upstream_conn_owes(l, still_us), 3000);
}

/* ---- Unix sockets ---- */

/* The server listens there from now on. */
static void
move_to_a_unix_socket(void)
{
	char name[64];
	const char *why;

	(void)snprintf(name, sizeof name, "unix:@lane-test-%d", (int)getpid());
	cr_assert_eq(addr_unix(&server.addr, name, &why), 0);
	(void)close(listener);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, &server.addr.u.sa, server.addr.len), 0);
	cr_assert_eq(listen(listener, 5), 0);
}

Test(lane, at_a_unix_socket_it_is_the_same)
{
	move_to_a_unix_socket();
	server.user = geteuid();
	open_lane(REPLY_CHECK_SHAPE);
	(void)send_one("1");
	turn();
	say(peer, REPLY("1"));
	expect_told("reply(1) ");
}

Test(lane, a_unix_socket_of_another_user_is_asked_nothing)
{
	char c;

	move_to_a_unix_socket();
	server.user = geteuid() + 1;
	l = dial(REPLY_CHECK_SHAPE);
	cr_assert_not_null(l);
	(void)send_one("1");
	peer = accept_one(listener);
	expect_told("end(the Unix socket is not that of the user who announced it) left(1) ");
	cr_assert_leq(recv(peer, &c, 1, MSG_DONTWAIT), 0, "nothing has left");
}
