/* conn_tls_write: large packets and tickets over TLS, and what they leave with. */
#include "conn_tls_fixture.h"

TestSuite(conn_tls_write, .init = begin, .fini = end, .timeout = 120);

static void
connected(void)
{
	connect_tls("127.0.0.1");
	UNTIL(client.conn != NULL && conn_is_open(client.conn) && server.conn != NULL &&
	      conn_is_open(server.conn));
}

static void
large(struct buf *b, int digits)
{
	buf_clear(b);
	cr_assert_eq(buf_printf(b, "{\"payload\":\"%0*d\"}", digits, 0), 0);
	cr_assert_eq(conn_write_large(client.conn, buf_span(b), span_str("\n")), 0);
}

Test(conn_tls_write, what_is_large_leaves_at_once_but_behind_what_was_written_before)
{
	struct buf big = BUF_INIT;

	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connected();
	large(&big, 100000);
	cr_assert_eq(conn_queued(client.conn), 0, "without the end of a turn");
	UNTIL(client.packets == 1);
	cr_assert_eq(client.bytes, buf_len(&big));
	cr_assert_eq(conn_write(client.conn, span_str("{\"n\":1}")), 0);
	large(&big, 100000);
	cr_assert_gt(conn_queued(client.conn), buf_len(&big));
	UNTIL(client.packets == 3);
	cr_assert_eq(client.bytes, 2 * buf_len(&big) + strlen("{\"n\":1}"));
	buf_release(&big);
}

/* Some records of it wait in the session, and the rest in the conn. */
Test(conn_tls_write, what_the_socket_does_not_take_of_a_large_one_follows)
{
	struct buf big = BUF_INIT;
	int small = 1 << 15;

	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connected();
	cr_assert_eq(setsockopt(conn_fd(client.conn), SOL_SOCKET, SO_SNDBUF, &small, sizeof small),
		     0);
	large(&big, 3 << 20);
	cr_assert_gt(conn_queued(client.conn), 0);
	UNTIL(client.packets == 1);
	cr_assert_eq(client.bytes, buf_len(&big));
	cr_assert_eq(conn_queued(client.conn), 0);
	buf_release(&big);
}

Test(conn_tls_write, a_large_one_that_fails_ends_the_conn_when_the_turn_ends)
{
	struct buf big = BUF_INIT;

	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
	connected();
	cr_assert_eq(shutdown(conn_fd(client.conn), SHUT_WR), 0);
	large(&big, 100000);
	cr_assert_eq(client.closes, 0, "not from within the call");
	UNTIL(client.closes == 1);
	cr_assert_eq(client.error, EPROTO);
	cr_assert_not_null(strstr(client.why, "pipe"), "%s", client.why);
	buf_release(&big);
}

/* ---- tickets ---- */

static void
give_tickets(void)
{
	const struct tls_files f = {
		.certificate = made.server.certificate, .key = made.server.key, .resume_for = 60};

	tls_creds_unref(server_creds);
	server_creds = load(TLS_SERVER, &f);
	secure(CONN_TLS_REQUIRED, HANDSHAKE_MS, 10);
}

static void
part(void)
{
	conn_close(client.conn);
	conn_close(server.conn);
	client.conn = server.conn = NULL;
}

Test(conn_tls_write, a_ticket_has_come_with_the_first_answer)
{
	give_tickets();
	for (unsigned i = 0; i < 3; i++) {
		connect_tls("127.0.0.1");
		cr_assert_eq(conn_write(client.conn, span_str("{}")), 0);
		UNTIL(client.packets == i + 1);
		cr_assert_eq(counted(&row.tls_resumed), i);
		part();
	}
}

Test(conn_tls_write, who_asks_for_nothing_has_a_ticket_all_the_same)
{
	give_tickets();
	for (unsigned i = 0; i < 100 && counted(&row.tls_resumed) == 0; i++) {
		connected();
		turn(20); /* it is on its way, of which nothing tells */
		part();
	}
	cr_assert_eq(counted(&row.tls_resumed), 1);
	cr_assert_eq(client.packets, 0);
}
