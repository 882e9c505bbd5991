/* conn: over real sockets, in a loop. */
#include "conn.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "net.h"

enum { MAX = 4096 };

static struct event_base *base;
static struct conn_loop *loop;
static struct conn *c;
static int peer; /* the other end, non-blocking */

/* What the callbacks were told. */
static struct {
	char text[65536];
	size_t n;
	unsigned packets, eofs, closes, faults, opens, drains, grown;
	int error;
	unsigned told[2]; /* of stalls */
	bool stalled[2];
	bool cut, hold_each, close_self, discard, finish_at_fault, finish_at_eof;
} got;

static void
on_open(struct conn *conn, void *ctx)
{
	cr_assert(ctx == &got && conn == c);
	got.opens++;
}

static void
on_packet(struct conn *conn, struct span text, void *ctx)
{
	(void)ctx;
	got.packets++;
	cr_assert_lt(text.n, sizeof got.text - got.n);
	memcpy(got.text + got.n, text.p, text.n);
	got.n += text.n;
	if (got.hold_each)
		conn_pause(conn);
	if (got.close_self) {
		conn_close(conn);
		c = NULL;
	}
}

static void
on_fault(struct conn *conn, int error, void *ctx)
{
	(void)ctx;
	got.faults++;
	got.error = error;
	if (got.finish_at_fault) {
		cr_assert_eq(conn_write(conn, span_str("last words")), 0);
		conn_finish(conn);
	}
}

static void
on_eof(struct conn *conn, bool cut, void *ctx)
{
	(void)ctx;
	got.eofs++;
	got.cut = cut;
	if (got.finish_at_eof)
		conn_finish(conn);
}

static void
on_close(struct conn *conn, int error, void *ctx)
{
	(void)conn;
	(void)ctx;
	got.closes++;
	got.error = error;
	c = NULL;
}

static void
on_drained(struct conn *conn, void *ctx)
{
	(void)conn;
	(void)ctx;
	got.drains++;
}

static void
on_stall(struct conn *conn, enum conn_stall stall, bool stalled, void *ctx)
{
	(void)conn;
	(void)ctx;
	got.stalled[stall] = stalled;
	got.told[stall]++;
}

static void
on_grown(struct conn *conn, void *ctx)
{
	(void)ctx;
	got.grown++;
	if (got.discard)
		conn_discard(conn);
}

static const struct conn_ops ops = {on_open,  on_packet,  on_fault, on_eof,
				    on_close, on_drained, on_stall, on_grown};

static void
open_loop(void)
{
	base = event_base_new();
	loop = conn_loop_new(base, MAX);
	cr_assert_not_null(loop);
}

static void
open_pair(uint64_t idle)
{
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	peer = fd[1];
	c = conn_new(loop, fd[0], idle, &ops, &got);
	cr_assert_not_null(c);
}

static void
close_loop(void)
{
	conn_close(c);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(conn_loop_count(loop), 0);
	conn_loop_free(loop);
	event_base_free(base);
}

TestSuite(conn, .init = open_loop, .fini = close_loop, .timeout = 30);

static void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

static void
turn_until(const unsigned *counter, unsigned n)
{
	while (*counter < n)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
say(const char *text)
{
	cr_assert_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

static const char *
hear(void)
{
	static char text[65536];
	ssize_t n = read(peer, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return n == 0 ? "END" : text;
}

static void
check_text(unsigned packets, const char *text)
{
	cr_assert_eq(got.packets, packets);
	cr_assert(span_eq_str(span_of(got.text, got.n), text), "%.*s", (int)got.n, got.text);
}

Test(conn, packets_come_whole_however_they_were_cut)
{
	open_pair(0);
	say("{\"a\":1}\n {\"b\":");
	turn();
	check_text(1, "{\"a\":1}");
	for (const char *p = "2} {\"c\":3}"; *p != '\0'; p++) {
		cr_assert_eq(write(peer, p, 1), 1);
		turn();
	}
	check_text(3, "{\"a\":1}{\"b\":2}{\"c\":3}");
	cr_assert(conn_is_idle(c));
}

Test(conn, what_was_not_looked_at_yet_is_known)
{
	open_pair(0);
	cr_assert_not(conn_has_unread(c));
	say("{\"a\":1}");
	cr_assert(conn_has_unread(c), "in the socket");
	turn();
	cr_assert_not(conn_has_unread(c));
	say("{\"a\"");
	turn();
	cr_assert(conn_has_unread(c), "an object has begun");
	say(":1}");
	turn();
	cr_assert_not(conn_has_unread(c));
	conn_finish(c);
	say("{\"a\":1}");
	cr_assert_not(conn_has_unread(c), "nothing more is looked at");
}

Test(conn, an_end_that_has_come_is_known_before_it_is_told)
{
	open_pair(0);
	cr_assert_not(conn_has_end(c));
	say("{\"a\":1}");
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	cr_assert_not(conn_has_end(c), "something is to be read before");
	turn();
	cr_assert(got.packets == 1 && conn_has_end(c));
}

Test(conn, what_is_written_in_a_turn_leaves_in_one_piece)
{
	open_pair(0);
	cr_assert_eq(conn_write(c, span_str("one ")), 0);
	cr_assert_eq(conn_write(c, span_str("two ")), 0);
	cr_assert_eq(conn_write(c, span_str("three")), 0);
	cr_assert_str_empty(hear(), "not before the turn ends");
	cr_assert_eq(conn_queued(c), 13);
	turn();
	cr_assert_str_eq(hear(), "one two three");
	cr_assert_eq(conn_queued(c), 0);
	cr_assert_eq(got.drains, 1);
}

Test(conn, what_is_large_leaves_at_once_but_behind_what_was_written_before)
{
	open_pair(0);
	cr_assert_eq(conn_write_large(c, span_str("large"), span_str("\n")), 0);
	cr_assert_str_eq(hear(), "large\n", "without the end of a turn");
	cr_assert_eq(conn_queued(c), 0);
	cr_assert_eq(conn_write(c, span_str("small ")), 0);
	cr_assert_eq(conn_write_large(c, span_str("behind it"), span_of(NULL, 0)), 0);
	cr_assert_eq(conn_queued(c), 15);
	turn();
	cr_assert_str_eq(hear(), "small behind it");
	cr_assert_eq(conn_write_large(c, span_str("large"), span_of(NULL, 0)), 0);
	cr_assert_str_eq(hear(), "large");
	conn_finish(c);
	cr_assert_eq(conn_write_large(c, span_str("late"), span_str("\n")), -1);
	cr_assert_eq(errno, ENOTCONN);
}

/* The socket takes a part of it: anywhere, also in front of the end. */
Test(conn, what_the_socket_does_not_take_of_a_large_one_follows)
{
	enum { MUCH = 4 << 20 };
	char *much = malloc(MUCH), room[65536];
	size_t come = 0;
	ssize_t n;

	cr_assert_not_null(much);
	for (size_t i = 0; i < MUCH; i++)
		much[i] = (char)('a' + (i * 7 + i / 251) % 26);
	open_pair(0);
	cr_assert_eq(conn_write_large(c, span_of(much, MUCH), span_str("\n")), 0);
	cr_assert(conn_queued(c) > 0 && conn_queued(c) < MUCH, "%zu", conn_queued(c));
	while (come < MUCH + 1) {
		turn();
		while ((n = recv(peer, room, sizeof room, 0)) > 0) {
			for (ssize_t i = 0; i < n; i++, come++)
				cr_assert_eq(room[i], come < MUCH ? much[come] : '\n', "byte %zu",
					     come);
		}
	}
	turn();
	cr_assert_eq(conn_queued(c), 0);
	free(much);
}

Test(conn, a_peer_that_is_gone_is_told_when_the_turn_ends_after_a_large_one)
{
	open_pair(0);
	(void)close(peer);
	peer = -1;
	cr_assert_eq(conn_write_large(c, span_str("nobody"), span_str("\n")), 0);
	cr_assert_eq(got.closes, 0, "not from within the call");
	turn_until(&got.closes, 1);
	cr_assert_eq(got.closes, 1);
}

Test(conn, a_held_one_reads_nothing_and_loses_nothing)
{
	open_pair(0);
	got.hold_each = true;
	say("{\"a\":1}{\"b\":2}{\"c\":3}");
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	for (unsigned i = 1; i <= 3; i++) {
		turn();
		turn();
		cr_assert_eq(got.packets, i);
		cr_assert_eq(got.eofs, 0, "the end is told after what came before it");
		conn_resume(c);
	}
	turn();
	turn();
	check_text(3, "{\"a\":1}{\"b\":2}{\"c\":3}");
	cr_assert_eq(got.eofs, 1);
	cr_assert(!got.cut);
}

Test(conn, a_half_closed_peer_still_gets_what_is_written)
{
	open_pair(0);
	say("{\"a\":1}");
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	turn_until(&got.eofs, 1);
	cr_assert(conn_is_open(c));
	cr_assert_eq(conn_write(c, span_str("reply")), 0);
	conn_finish(c);
	cr_assert_eq(conn_write(c, span_str("too late")), -1);
	cr_assert_eq(errno, ENOTCONN);
	turn_until(&got.closes, 1);
	cr_assert_eq(got.error, 0);
	cr_assert_str_eq(hear(), "reply");
	cr_assert_str_eq(hear(), "END");
}

Test(conn, an_object_that_was_cut_is_told_as_cut)
{
	open_pair(0);
	say("{\"a\":1}{\"b\":");
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	turn_until(&got.eofs, 1);
	check_text(1, "{\"a\":1}");
	cr_assert(got.cut);
}

Test(conn, one_too_large_is_a_fault_and_its_answer_arrives)
{
	static char big[3 * MAX];

	open_pair(0);
	got.finish_at_fault = true;
	memset(big, 'x', sizeof big);
	big[0] = '{';
	cr_assert_eq(write(peer, big, sizeof big), (ssize_t)sizeof big);
	turn_until(&got.faults, 1);
	cr_assert_eq(got.error, EMSGSIZE);
	cr_assert_eq(write(peer, big, sizeof big), (ssize_t)sizeof big, "it still sends");
	turn();
	turn();
	cr_assert_str_eq(hear(), "last words");
	cr_assert_str_eq(hear(), "END");
	(void)close(peer);
	turn_until(&got.closes, 1);
	cr_assert_eq(got.error, 0);
	cr_assert_eq(got.faults, 1);
}

/* Over TCP, where unread bytes at a close would make the kernel reset what was written. */
Test(conn, an_answer_survives_input_that_nobody_reads)
{
	static char junk[400000], text[64];
	struct addr at;
	int listener, fd;
	ssize_t n;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	listener = net_listen(&at, 1);
	cr_assert(listener >= 0 && net_local(listener, &at) == 0);
	peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(peer, &at.u.sa, at.len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	c = conn_new(loop, fd, 0, &ops, &got);
	got.finish_at_fault = true;
	memset(junk, 'x', sizeof junk);
	cr_assert_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 30; i++) {
		(void)!write(peer, junk, sizeof junk); /* as long as it takes them */
		turn();
	}
	cr_assert_eq(got.faults, 1);
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	turn_until(&got.closes, 1);
	n = read(peer, text, sizeof text);
	cr_assert(n == 10 && memcmp(text, "last words", 10) == 0, "reset instead of an answer");
	(void)close(listener);
}

Test(conn, silence_ends_it)
{
	open_pair(30);
	say("{\"a\":1}");
	turn_until(&got.closes, 1);
	cr_assert_eq(got.error, ETIMEDOUT);
	cr_assert_eq(got.packets, 1);
}

Test(conn, one_that_closes_itself_in_its_callback_is_gone_quietly)
{
	open_pair(0);
	got.close_self = true;
	say("{\"a\":1}{\"b\":2}");
	turn();
	cr_assert_eq(got.packets, 1);
	cr_assert_eq(got.closes, 0);
	cr_assert_str_eq(hear(), "END");
	cr_assert_eq(conn_loop_count(loop), 0);
}

Test(conn, a_connection_refused_is_told)
{
	struct addr at;
	int taken;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and nobody listens */
	cr_assert(bind(taken, &at.u.sa, at.len) == 0 && net_local(taken, &at) == 0);
	c = conn_connect(loop, &at, 1000, &ops, &got);
	if (c == NULL) {
		cr_assert_eq(errno, ECONNREFUSED);
		return;
	}
	turn_until(&got.closes, 1);
	cr_assert_eq(got.error, ECONNREFUSED);
	cr_assert_eq(got.opens, 0);
	(void)close(taken);
}

Test(conn, what_is_written_while_connecting_arrives)
{
	struct addr at;
	int listener;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	listener = net_listen(&at, 1);
	cr_assert(listener >= 0 && net_local(listener, &at) == 0);
	c = conn_connect(loop, &at, 1000, &ops, &got);
	cr_assert_not_null(c);
	cr_assert_eq(conn_write(c, span_str("early")), 0);
	turn_until(&got.opens, 1);
	turn();
	peer = accept(listener, NULL, NULL);
	cr_assert_str_eq(hear(), "early");
	(void)close(listener);
}

/* Over loopback, and to a Unix socket, it is decided at once. */
Test(conn, what_is_written_while_connecting_leaves_in_the_same_turn)
{
	struct addr at;
	int listener;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	listener = net_listen(&at, 1);
	cr_assert(listener >= 0 && net_local(listener, &at) == 0);
	c = conn_connect(loop, &at, 1000, &ops, &got);
	cr_assert_not_null(c);
	cr_assert_eq(got.opens, 0, "not before the caller knows it");
	cr_assert_eq(conn_write(c, span_str("early")), 0);
	turn();
	cr_assert_eq(got.opens, 1);
	peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	cr_assert_str_eq(hear(), "early");
	conn_close(c);
	c = conn_connect(loop, &at, 1000, &ops, &got);
	conn_close(c); /* and nothing is told */
	turn();
	cr_assert_eq(got.opens, 1);
	c = NULL;
	(void)close(listener);
	c = conn_connect(loop, &at, 1000, &ops, &got);
	turn();
	cr_assert(c == NULL && got.opens == 1, "a refusal neither takes longer");
}

Test(conn, what_has_come_with_a_connection_is_read_at_once)
{
	open_pair(0);
	say("{\"a\":1}");
	conn_read_at_once(c);
	check_text(1, "{\"a\":1}");
	say("{\"b\":1}");
	turn();
	check_text(2, "{\"a\":1}{\"b\":1}");
}

static void
accept_with(const char *text)
{
	conn_close(c);
	open_pair(0);
	say(text);
	conn_read_at_once(c);
}

Test(conn, where_nothing_comes_with_connections_it_is_seldom_looked_for)
{
	unsigned n = 0;

	for (int i = 0; i < 100; i++)
		accept_with("");
	while (got.packets == 0 && n++ < 200)
		accept_with("{}");
	cr_assert_gt(n, 8);
	cr_assert_eq(got.packets, 1, "and yet now and then");
	accept_with("{}");
	cr_assert_eq(got.packets, 2);
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

Test(conn, a_thousand_of_them_leave_no_descriptor)
{
	unsigned before = descriptors();

	got.finish_at_eof = true;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned closes = got.closes;
		open_pair(0);
		say("{}");
		(void)close(peer);
		turn_until(&got.closes, closes + 1);
	}
	cr_assert_eq(got.packets, 1000);
	cr_assert_eq(descriptors(), before);
}

Test(conn, a_peer_that_does_not_send_the_rest_stalls_and_bytes_now_and_then_do_not_put_it_off)
{
	open_pair(0);
	say("{\"a\":1}");
	turn();
	cr_assert_eq(got.told[CONN_STALL_SENDING], 0, "a whole one is no stall");
	say("{\"b\"");
	turn();
	cr_assert(got.stalled[CONN_STALL_SENDING] && got.told[CONN_STALL_SENDING] == 1);
	for (const char *p = ":2"; *p != '\0'; p++) {
		cr_assert_eq(write(peer, p, 1), 1);
		turn();
	}
	cr_assert_eq(got.told[CONN_STALL_SENDING], 1, "still the same");
	say("}{\"c\"");
	turn();
	cr_assert(got.stalled[CONN_STALL_SENDING] && got.told[CONN_STALL_SENDING] == 2,
		  "another one has begun");
	conn_pause(c);
	cr_assert(!got.stalled[CONN_STALL_SENDING], "it is not read from");
	conn_resume(c);
	turn();
	cr_assert(got.stalled[CONN_STALL_SENDING]);
	say(":3}");
	turn();
	cr_assert(!got.stalled[CONN_STALL_SENDING]);
	check_text(3, "{\"a\":1}{\"b\":2}{\"c\":3}");
}

Test(conn, a_peer_that_does_not_read_stalls_and_a_byte_now_and_then_does_not_put_it_off)
{
	static char big[4 << 20];
	char some[65536];
	size_t taken = 0;

	open_pair(0);
	memset(big, ' ', sizeof big);
	cr_assert_eq(conn_write(c, span_of(big, sizeof big)), 0);
	turn();
	cr_assert(got.stalled[CONN_STALL_READING] && got.told[CONN_STALL_READING] == 1);
	cr_assert_eq(conn_write(c, span_of(big, sizeof big)), 0);
	while (taken < sizeof big / 2) {
		ssize_t n = read(peer, some, sizeof some);
		taken += n > 0 ? (size_t)n : 0;
		turn();
	}
	cr_assert_eq(got.told[CONN_STALL_READING], 1,
		     "there is still something of what was there at first");
	while (conn_queued(c) > 0) {
		(void)!read(peer, some, sizeof some);
		turn();
	}
	cr_assert(!got.stalled[CONN_STALL_READING]);
	cr_assert_eq(got.told[CONN_STALL_READING], 3,
		     "anew once the first half was taken, and the end");
}

Test(conn, what_leaves_in_this_turn_is_told_from_what_the_socket_does_not_take)
{
	size_t large = 1 << 20;
	char *bytes = calloc(1, large);

	cr_assert_not_null(bytes);
	open_pair(0);
	cr_expect_eq(conn_gathered(c), 0);
	cr_assert_eq(conn_write(c, span_str("ab")), 0);
	cr_assert_eq(conn_write(c, span_str("c")), 0);
	cr_expect_eq(conn_gathered(c), 3);
	turn();
	cr_expect_eq(conn_gathered(c), 0);
	cr_assert_eq(conn_write(c, span_of(bytes, large)), 0);
	turn();
	cr_assert_gt(conn_queued(c), 0, "the socket took it all");
	cr_assert_eq(conn_write(c, span_str("more")), 0);
	cr_expect_eq(conn_gathered(c), 0);
	free(bytes);
}

Test(conn, the_time_of_a_turn_stands_still_and_the_next_turn_has_its_own)
{
	uint64_t first = conn_loop_us(loop);

	while (clock_us() < first + 2000)
		continue;
	cr_expect_eq(conn_loop_us(loop), first);
	turn();
	cr_expect_geq(conn_loop_us(loop), first + 2000);
}

Test(conn, white_space_does_not_keep_it_from_being_idle)
{
	const uint64_t began = clock_ms();

	open_pair(100);
	while (got.closes == 0) {
		cr_assert_lt(clock_ms() - began, 10000, "it lives on white space");
		(void)!write(peer, " ", 1);
		(void)usleep(5000); /* the pace of a peer that drips, not a wait */
		turn();
	}
	cr_assert(got.error == ETIMEDOUT && got.faults == 0);
}

Test(conn, packets_and_an_object_that_comes_slowly_keep_it_from_being_idle)
{
	open_pair(1000); /* far above a pause, also on a busy machine, and less than all of them */
	for (int i = 0; i < 60; i++) {
		say(i % 2 == 0 ? "  {" : "}  ");
		(void)usleep(25000); /* the same */
		turn();
	}
	cr_assert(got.closes == 0 && got.packets == 30);
}

Test(conn, what_is_held_for_it_is_counted_and_given_back)
{
	const uint64_t *held = conn_loop_held(loop);
	char text[1024];

	open_pair(0);
	cr_assert_eq(*held, 0);
	say("{\"a\":1}");
	turn();
	cr_assert_eq(*held, 0, "a whole one is not kept");
	cr_assert_eq(got.grown, 0);
	memset(text, 'x', sizeof text);
	memcpy(text, "{\"a\":\"", 6);
	cr_assert_eq(write(peer, text, sizeof text), (ssize_t)sizeof text);
	turn();
	cr_assert_geq(*held, sizeof text);
	cr_assert_geq(conn_unfinished(c), sizeof text);
	cr_assert_eq(got.grown, 1);
	conn_pause(c);
	cr_assert_eq(conn_unfinished(c), 0);
	conn_resume(c);
	say("\"}");
	turn();
	cr_assert(got.packets == 2 && *held == 0);
	while (*held == 0) {
		cr_assert_eq(conn_write(c, span_of(text, sizeof text)), 0);
		turn(); /* until the socket takes no more */
	}
	conn_close(c);
	c = NULL;
	cr_assert_eq(*held, 0);
}

static void
note_held(void *ctx)
{
	*(uint64_t *)ctx = *conn_loop_held(loop);
}

Test(conn, what_is_held_of_an_object_that_has_begun_can_be_told_when_the_turn_ends)
{
	uint64_t told = 0;
	char text[1024];

	open_pair(0);
	conn_loop_at_turn_end(loop, note_held, &told);
	memset(text, 'x', sizeof text);
	memcpy(text, "{\"a\":\"", 6);
	cr_assert_eq(write(peer, text, sizeof text), (ssize_t)sizeof text);
	turn();
	turn();
	cr_assert_geq(told, sizeof text);
	conn_close(c);
	c = NULL;
	turn();
	cr_assert_eq(told, 0);
}

Test(conn, what_is_discarded_is_no_longer_held_and_an_answer_still_leaves)
{
	open_pair(0);
	got.discard = true;
	say("{\"a\":");
	turn();
	cr_assert(got.grown == 1 && *conn_loop_held(loop) == 0);
	say("1}{}");
	turn();
	cr_assert_eq(got.packets, 0, "nothing more is read");
	cr_assert_eq(conn_write(c, span_str("answer")), 0);
	conn_finish(c);
	turn();
	cr_assert_str_eq(hear(), "answer");
}

Test(conn, tls_is_known_by_the_first_byte_of_a_connection_alone)
{
	static const char hello[] = {TLS_FIRST_BYTE, 3, 1, 0};

	open_pair(0);
	say("{}");
	turn();
	cr_assert_eq(write(peer, hello, sizeof hello), (ssize_t)sizeof hello);
	turn();
	cr_assert(got.faults == 1 && got.error == EBADMSG);
	cr_assert_str_eq(hear(), "", "an alert among packets");
	conn_close(c);
	memset(&got, 0, sizeof got);
	open_pair(0);
	cr_assert_eq(write(peer, hello, sizeof hello), (ssize_t)sizeof hello);
	turn();
	cr_assert(got.faults == 1 && got.error == EPROTONOSUPPORT);
}

static bool no_memory;

static void *
allocate(size_t n)
{
	return no_memory ? NULL : malloc(n);
}

static void *
reallocate(void *p, size_t n)
{
	return no_memory ? NULL : realloc(p, n);
}

static void
open_loop_without_memory(void)
{
	event_set_mem_functions(allocate, reallocate, free);
	open_loop();
}

/* Nothing would ever wake it, and nobody would be told. */
Test(conn, one_for_whose_event_there_is_no_memory_is_closed_when_the_turn_ends,
     .init = open_loop_without_memory)
{
	no_memory = true;
	open_pair(0);
	no_memory = false;
	cr_assert_eq(got.closes, 0, "the caller does not know it yet");
	turn();
	cr_assert(got.closes == 1 && got.error == ENOMEM, "%u, %d", got.closes, got.error);
	cr_assert_str_eq(hear(), "END");
}

Test(conn, what_comes_for_one_that_is_held_stays_in_the_socket)
{
	char there[16];

	open_pair(0);
	conn_pause(c);
	say("{}");
	turn();
	turn();
	cr_assert_eq(recv(conn_fd(c), there, sizeof there, MSG_PEEK | MSG_DONTWAIT), 2);
	conn_resume(c);
	turn();
	turn();
	check_text(1, "{}");
}
