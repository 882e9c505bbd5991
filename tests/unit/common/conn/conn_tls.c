/* conn over TLS: both ends are conns in one loop, or one of them is a bare socket. */
#include "conn_tls_fixture.h"

TestSuite(conn_tls, .init = begin, .fini = end, .timeout = 120);

Test(conn_tls, packets_go_there_and_back_and_the_end_is_told)
{
	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connect_tls("pool.example");
	cr_assert_eq(conn_write(client.conn, span_str("{}{\"a\":1}")), 0, "before the handshake");
	UNTIL(client.packets == 2);
	cr_assert_eq(client.opens, 1);
	cr_assert_not_null(strstr(conn_tls_describe(client.conn), "TLS1.3"));
	cr_assert_eq(counted(&row.tls_handshakes), 1);
	cr_assert_eq(counted(&row.tls_handshaking), 0);
	conn_finish(client.conn);
	UNTIL(client.closes == 1 && server.closes == 1);
	cr_assert_eq(server.eofs, 1);
	cr_assert_eq(server.error, 0);
	cr_assert_eq(client.error, 0);
}

Test(conn_tls, a_megabyte_and_a_thousand_packets_at_once)
{
	struct buf big = BUF_INIT;

	secure(CONN_TLS_OPTIONAL, HANDSHAKE_MS, 10);
	connect_tls("127.0.0.1");
	cr_assert_eq(buf_printf(&big, "{\"payload\":\"%0*d\"}", 1 << 20, 0), 0);
	cr_assert_eq(conn_write(client.conn, buf_span(&big)), 0);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(conn_write(client.conn, span_str("{\"n\":12345}\n")), 0);
	UNTIL(client.packets == 1001);
	cr_assert_eq(client.bytes, buf_len(&big) + 1000 * strlen("{\"n\":12345}"));
	buf_release(&big);
}

Test(conn_tls, input_that_was_held_comes_when_it_is_resumed)
{
	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connect_tls("pool.example");
	UNTIL(server.conn != NULL && client.opens == 1);
	conn_pause(server.conn);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(conn_write(client.conn, span_str("{\"n\":1}")), 0);
	UNTIL(conn_queued(client.conn) == 0);
	cr_assert_eq(server.packets, 0);
	conn_resume(server.conn);
	UNTIL(client.packets == 100);
}

/* More than one read takes, while the socket has no more: 300 small records a read of theirs. */
Test(conn_tls, packets_that_were_read_ahead_need_no_further_input)
{
	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connect_tls("pool.example");
	UNTIL(server.conn != NULL && client.opens == 1);
	conn_pause(server.conn);
	for (unsigned i = 0; i < 300; i++) {
		cr_assert_eq(conn_write(client.conn, span_str("{\"n\":1}")), 0);
		turn(0);
	}
	conn_finish(client.conn);
	conn_resume(server.conn);
	UNTIL(client.closes == 1 && server.closes == 1);
	cr_assert_eq(server.packets, 300);
	cr_assert_eq(server.eofs, 1);
}

/* ---- who is who ---- */

static int
dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, &where.u.sa, where.len), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static size_t
take(int fd, char *to, size_t room)
{
	ssize_t n = recv(fd, to, room, 0);

	return n > 0 ? (size_t)n : 0;
}

Test(conn_tls, plain_and_tls_share_a_port)
{
	char got[64];
	size_t n = 0;
	int fd;

	secure(CONN_TLS_OPTIONAL, HANDSHAKE_MS, 10);
	fd = dial();
	cr_assert_eq(send(fd, "{\"x\":1}", 7, 0), 7);
	UNTIL((n = take(fd, got, sizeof got)) > 0);
	cr_assert_eq(n, 8);
	(void)close(fd);
	UNTIL(server.closes == 1);
	connect_tls("pool.example");
	cr_assert_eq(conn_write(client.conn, span_str("{}")), 0);
	UNTIL(client.packets == 1);
}

Test(conn_tls, plain_is_refused_with_an_answer_where_tls_is_required)
{
	char got[64] = "";
	int fd;

	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	fd = dial();
	cr_assert_eq(send(fd, "{\"x\":1}", 7, 0), 7);
	UNTIL(take(fd, got, sizeof got - 1) > 0);
	cr_assert_str_eq(got, "{\"no\":1}");
	cr_assert_eq(server.error, EPROTOTYPE);
	cr_assert_eq(server.packets, 0);
	(void)close(fd);
	UNTIL(server.closes == 1);
	cr_assert_eq(counted(&row.tls_handshaking), 0);
}

Test(conn_tls, who_comes_and_goes_without_a_word_is_not_complained_about)
{
	int fd;

	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	fd = dial();
	UNTIL(server.conn != NULL);
	(void)close(fd);
	UNTIL(server.closes == 1);
	cr_assert_eq(server.faults, 0);
	cr_assert_eq(server.eofs, 1);
}

Test(conn_tls, tls_is_refused_in_its_own_language_where_it_is_off)
{
	secure(CONN_TLS_OFF, 0, 0);
	connect_tls("pool.example");
	UNTIL(client.closes == 1 && server.closes == 1);
	cr_assert_eq(server.error, EPROTONOSUPPORT);
	cr_assert_eq(client.error, EPROTO);
	cr_assert_not_null(strstr(client.why, "the peer refuses"), "%s", client.why);
}

Test(conn_tls, a_certificate_that_is_not_good_ends_both_sides_with_the_reason)
{
	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connect_tls("other.example");
	UNTIL(client.closes == 1 && server.closes == 1);
	cr_assert_eq(client.error, EPROTO);
	cr_assert_not_null(strstr(client.why, "is not for the name expected, other.example"), "%s",
			   client.why);
	cr_assert_eq(server.error, EPROTO);
	cr_assert_not_null(strstr(server.why, "the peer refuses"), "%s", server.why);
	cr_assert_eq(counted(&row.tls_failed), 1);
	cr_assert_eq(counted(&row.tls_handshaking), 0);
}

Test(conn_tls, a_client_without_a_certificate_reads_why_it_is_refused)
{
	struct tls_files f = {.certificate = made.server.certificate,
			      .key = made.server.key,
			      .ca = made.ca.certificate,
			      .verify = TLS_VERIFY_REQUIRED};
	struct buf big = BUF_INIT;

	tls_creds_unref(server_creds);
	server_creds = load(TLS_SERVER, &f);
	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connect_tls("pool.example");
	/* More than the sockets hold, sent before it knows. */
	cr_assert_eq(buf_printf(&big, "{\"payload\":\"%0*d\"}", 8 << 20, 0), 0);
	cr_assert_eq(conn_write(client.conn, buf_span(&big)), 0);
	buf_release(&big);
	UNTIL(client.closes == 1 && server.closes == 1);
	cr_assert_not_null(strstr(server.why, "no certificate"), "%s", server.why);
	cr_assert_not_null(strstr(client.why, "the peer refuses"), "%s", client.why);
	cr_assert_eq(server.packets, 0);
}

/* ---- clock and limit ---- */

/* Of a hello of 508 bytes. */
static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";

/* Fewer than the hello has, by far. */
static bool
one_more_byte(int fd)
{
	static uint64_t next;

	if (server.closes == 0 && clock_ms() >= next) {
		cr_assert_eq(send(fd, "", 1, MSG_NOSIGNAL), 1);
		next = clock_ms() + 20;
	}
	return server.closes == 1;
}

static void
handshake_that_stalls(enum conn_tls_mode mode, size_t said, bool drips)
{
	int fd;

	secure(mode, 100, 10);
	fd = dial();
	cr_assert_eq(send(fd, hello, said, 0), (ssize_t)said);
	UNTIL(counted(&row.tls_handshaking) == 1);
	UNTIL(drips ? one_more_byte(fd) : server.closes == 1);
	cr_assert_eq(server.error, ETIME, "%s", server.why);
	cr_assert_not_null(strstr(server.why, "handshake took too long"), "%s", server.why);
	cr_assert_eq(counted(&row.tls_failed), 1);
	cr_assert_eq(counted(&row.tls_handshaking), 0);
	(void)close(fd);
}

Test(conn_tls, a_handshake_that_stalls_is_cut_by_its_clock)
{
	handshake_that_stalls(CONN_TLS_OPTIONAL, 4, false);
}

Test(conn_tls, drops_of_input_do_not_keep_a_handshake_alive)
{
	handshake_that_stalls(CONN_TLS_OPTIONAL, 9, true);
}

Test(conn_tls, where_tls_is_required_silence_is_a_handshake_that_stalls)
{
	handshake_that_stalls(CONN_TLS_REQUIRED, 0, false);
}

Test(conn_tls, a_silent_connection_where_tls_is_optional_may_be_idle)
{
	int fd;

	secure(CONN_TLS_OPTIONAL, 10, 10);
	fd = dial();
	UNTIL(server.conn != NULL);
	for (uint64_t until = clock_ms() + 50; clock_ms() < until;)
		turn(10);
	cr_assert_eq(server.closes, 0);
	(void)close(fd);
	UNTIL(server.closes == 1);
}

static void
one_too_many(enum conn_tls_mode mode)
{
	struct conn *first;
	int one, two;

	secure(mode, HANDSHAKE_MS, 1);
	one = dial();
	cr_assert_eq(send(one, "\x16\x03", 2, 0), 2);
	UNTIL(counted(&row.tls_handshaking) == 1);
	first = server.conn;
	two = dial();
	cr_assert_eq(send(two, "\x16\x03", 2, 0), 2);
	UNTIL(server.closes == 1);
	cr_assert_eq(server.error, EBUSY);
	cr_assert_not_null(strstr(server.why, "too many"), "%s", server.why);
	cr_assert_eq(counted(&row.tls_refused), 1);
	cr_assert_eq(counted(&row.tls_failed), 0);
	conn_close(first);
	cr_assert_eq(counted(&row.tls_handshaking), 0);
	(void)close(one);
	(void)close(two);
}

Test(conn_tls, more_handshakes_than_allowed_are_turned_off)
{
	one_too_many(CONN_TLS_OPTIONAL);
}

Test(conn_tls, the_same_where_tls_is_required)
{
	one_too_many(CONN_TLS_REQUIRED);
}

Test(conn_tls, finishing_within_a_handshake_ends_it)
{
	int fd;

	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	fd = dial();
	cr_assert_eq(send(fd, "\x16\x03\x01", 3, 0), 3);
	UNTIL(counted(&row.tls_handshaking) == 1);
	conn_finish(server.conn);
	cr_assert_eq(counted(&row.tls_handshaking), 0);
	(void)close(fd);
	UNTIL(server.closes == 1);
	cr_assert_eq(server.error, 0);
}
