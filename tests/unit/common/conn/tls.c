/* tls: bytes and ends between two sides, and what is no TLS as we speak it. */
#include "tls.h"

#include <gnutls/gnutls.h>

#include "tls_pair_fixture.h"

TestSuite(tls, .init = tls_make_all, .fini = tls_remove_all);

Test(tls, bytes_go_both_ways_and_each_side_ends_for_itself)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p = shake_files(&s, &c, "pool.example");
	static char room[TLS_RECORD];
	size_t n;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	cr_assert_not_null(strstr(tls_describe(p.client), "TLS1.3, AES-128-GCM"), "%s",
			   tls_describe(p.client));
	cr_assert_not_null(strstr(tls_describe(p.client), "CN=server"), "%s",
			   tls_describe(p.client));
	cr_assert_null(strstr(tls_describe(p.server), "CN="), "%s", tls_describe(p.server));
	cr_assert_eq(read_some(p.server, room, &n), TLS_WANT_READ);
	cr_assert_eq(write_some(p.client, "hello", 5, &n), TLS_DONE);
	cr_assert_eq(n, 5);
	cr_assert_eq(tls_bye(p.client), TLS_DONE);
	cr_assert_eq(read_some(p.server, room, &n), TLS_DONE);
	cr_assert_eq(n, 5);
	cr_assert_eq(memcmp(room, "hello", 5), 0);
	cr_assert_eq(read_some(p.server, room, &n), TLS_DONE);
	cr_assert_eq(n, 0, "the end of the client's side");
	cr_assert_eq(write_some(p.server, "still", 5, &n), TLS_DONE);
	cr_assert_eq(read_some(p.client, room, &n), TLS_DONE);
	cr_assert_eq(n, 5);
	(void)shutdown(ends[0], SHUT_RDWR);
	cr_assert_eq(read_some(p.client, room, &n), TLS_DONE, "%s", tls_why(p.client));
	cr_assert_eq(n, 0, "an end without a word is one too");
	part(&p);
}

Test(tls, a_write_that_would_block_is_gone_on_with)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p = shake_files(&s, &c, "127.0.0.1");
	static char room[TLS_RECORD], sent[1 << 20], got[1 << 20];
	size_t out = 0, in = 0, before = tls_held(p.client), n;
	bool waited = false;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = (char)(i * 7 + i / 251);
	while (in < sizeof got) {
		while (out < sizeof sent) {
			enum tls_result r = write_some(p.client, sent + out, sizeof sent - out, &n);
			waited = waited || (r == TLS_WANT_WRITE && tls_held(p.client) > before);
			if (r != TLS_DONE)
				break;
			out += n;
		}
		cr_assert_eq(read_some(p.server, room, &n), TLS_DONE);
		memcpy(got + in, room, n);
		in += n;
	}
	cr_assert(waited);
	cr_assert_eq(tls_held(p.client), before);
	cr_assert_eq(memcmp(got, sent, sizeof got), 0);
	part(&p);
}

Test(tls, an_end_that_comes_along_with_data_is_told_with_it)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p = shake_files(&s, &c, "127.0.0.1");
	static char room[2 * TLS_RECORD];
	size_t n;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	cr_assert_not(tls_ended(p.server));
	cr_assert_eq(write_some(p.client, "last", 4, &n), TLS_DONE);
	cr_assert_eq(tls_bye(p.client), TLS_DONE);
	cr_assert_eq(tls_read(p.server, room, sizeof room, &n), TLS_DONE);
	cr_assert_eq(n, 4);
	cr_assert(tls_ended(p.server));
	cr_assert_not(tls_pending(p.server));
	part(&p);
}

Test(tls, data_before_a_record_that_is_bad_is_given_first)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p = shake_files(&s, &c, "127.0.0.1");
	static char room[TLS_RECORD];
	ssize_t both;
	size_t n;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	cr_assert_eq(write_some(p.client, "good", 4, &n), TLS_DONE);
	cr_assert_eq(write_some(p.client, "bad", 3, &n), TLS_DONE);
	both = recv(ends[0], room, sizeof room, 0);
	cr_assert_gt(both, 0);
	room[both - 1] ^= 1; /* of the second one */
	cr_assert_eq(send(ends[1], room, (size_t)both, 0), both);
	cr_assert_eq(tls_read(p.server, room, sizeof room, &n), TLS_DONE);
	cr_assert_eq(n, 4);
	cr_assert(tls_pending(p.server), "it has something to say");
	cr_assert_eq(tls_read(p.server, room, sizeof room, &n), TLS_FAILED);
	cr_assert_str_not_empty(tls_why(p.server));
	part(&p);
}

/* In as many records as one span of that length. */
Test(tls, two_spans_are_written_as_if_they_were_one)
{
	static const size_t of_a[] = {5, TLS_RECORD, 40000, 69999};
	static char all[70000], room[5 * TLS_RECORD], got[sizeof all];
	struct tls_files s = server_files(), c = client_files();
	struct pair p = shake_files(&s, &c, "127.0.0.1");
	size_t n, in;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++) {
		cr_assert_eq(tls_write(p.client, span_of(all, of_a[i]),
				       span_of(all + of_a[i], sizeof all - of_a[i]), &n),
			     TLS_DONE);
		cr_assert_eq(n, sizeof all);
		cr_assert_eq(recv(ends[0], room, sizeof room, MSG_PEEK),
			     (ssize_t)(sizeof all + 5 * 22L), "five records");
		for (in = 0; in < sizeof all; in += n) {
			cr_assert_eq(read_some(p.server, room, &n), TLS_DONE);
			memcpy(got + in, room, n);
		}
		cr_assert_eq(memcmp(got, all, sizeof all), 0);
	}
	part(&p);
}

/* As many small records as are more than the room that they are read to. */
Test(tls, what_was_read_and_has_no_room_comes_with_the_next_reads)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p = shake_files(&s, &c, "127.0.0.1");
	static char piece[6000], room[TLS_RECORD];
	size_t n, in = 0, out = 0;
	unsigned asked = 0;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	for (unsigned i = 0; i < 10; i++) {
		memset(piece, (int)('a' + i), sizeof piece);
		cr_assert_eq(write_some(p.client, piece, sizeof piece, &n), TLS_DONE);
		out += n;
	}
	do {
		cr_assert_eq(tls_read(p.server, room, sizeof room, &n), TLS_DONE);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(room[i], (char)('a' + (in + i) / sizeof piece));
		in += n;
		asked++;
		cr_assert_eq(tls_held(p.server) > 0, tls_pending(p.server));
	} while (in < out && asked < 100);
	cr_assert_eq(in, out);
	cr_assert_not(tls_pending(p.server));
	part(&p);
}

Test(tls, what_comes_with_the_end_of_a_handshake_is_kept_for_the_first_read)
{
	struct tls_files sf = server_files(), cf = client_files();
	struct tls_creds *s = load(TLS_SERVER, &sf), *c = load(TLS_CLIENT, &cf);
	struct pair p;
	static char room[TLS_RECORD];
	size_t n;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	p.server = tls_new(s, ends[0], NULL);
	p.client = tls_new(c, ends[1], "127.0.0.1");
	cr_assert_eq(tls_handshake(p.client), TLS_WANT_READ);
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_READ);
	cr_assert_eq(tls_handshake(p.client), TLS_DONE);
	cr_assert_eq(write_some(p.client, "early", 5, &n), TLS_DONE);
	cr_assert_eq(tls_handshake(p.server), TLS_DONE);
	cr_assert(tls_pending(p.server), "read along with the handshake's end");
	cr_assert_lt(recv(ends[0], room, sizeof room, 0), 0, "the socket has nothing more");
	cr_assert_eq(tls_read(p.server, room, sizeof room, &n), TLS_DONE);
	cr_assert_eq(n, 5);
	part(&p);
	tls_creds_unref(s);
	tls_creds_unref(c);
}

Test(tls, what_somebody_else_has_read_of_a_handshake_is_gone_by)
{
	struct tls_files sf = server_files(), cf = client_files();
	struct tls_creds *s = load(TLS_SERVER, &sf), *c = load(TLS_CLIENT, &cf);
	struct pair p;
	static char room[TLS_RECORD];
	ssize_t n;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	p.server = tls_new(s, ends[0], NULL);
	p.client = tls_new(c, ends[1], "127.0.0.1");
	cr_assert_eq(tls_handshake(p.client), TLS_WANT_READ);
	n = recv(ends[0], room, sizeof room, 0);
	cr_assert_gt(n, 100);
	cr_assert_eq(tls_given(p.server, span_of(room, 100)), 0);
	cr_assert_eq(send(ends[1], room + 100, (size_t)n - 100, 0), n - 100);
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_READ);
	cr_assert_eq(tls_held(p.server), 0);
	cr_assert_lt(recv(ends[1], room, sizeof room, MSG_PEEK), 0, "of these alone");
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_READ, "the rest is in the socket");
	cr_assert_eq(tls_handshake(p.client), TLS_DONE);
	cr_assert_eq(tls_handshake(p.server), TLS_DONE);
	part(&p);
	tls_creds_unref(s);
	tls_creds_unref(c);
}

/* The server's end takes no more. */
static size_t
fill_up(void)
{
	static const char junk[1024];
	size_t n = 0;
	ssize_t some;

	while ((some = send(ends[0], junk, sizeof junk, 0)) > 0)
		n += (size_t)some;
	return n;
}

static void
drain(size_t n)
{
	static char room[65536];

	while (n > 0) {
		ssize_t some = recv(ends[1], room, n < sizeof room ? n : sizeof room, 0);
		cr_assert_gt(some, 0);
		n -= (size_t)some;
	}
}

/* The server's answer, and the ticket that it gives once it has verified a client. */
Test(tls, a_handshake_that_has_no_room_for_what_it_says_is_gone_on_with)
{
	struct tls_files sf = server_files(), cf = client_files();
	struct tls_creds *s, *c;
	struct pair p;
	size_t much, n;

	sf.resume_for = 60;
	sf.ca = made.ca.certificate;
	sf.verify = TLS_VERIFY_REQUIRED;
	cf.certificate = made.client.certificate;
	cf.key = made.client.key;
	s = load(TLS_SERVER, &sf);
	c = load(TLS_CLIENT, &cf);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	p.server = tls_new(s, ends[0], NULL);
	p.client = tls_new(c, ends[1], "127.0.0.1");
	cr_assert_eq(tls_handshake(p.client), TLS_WANT_READ);
	much = fill_up();
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_WRITE);
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_WRITE);
	drain(much);
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_READ);
	cr_assert_eq(tls_handshake(p.client), TLS_DONE);
	much = fill_up();
	cr_assert_eq(tls_handshake(p.server), TLS_DONE);
	cr_assert_eq(tls_give_ticket(p.server), TLS_WANT_WRITE);
	cr_assert_eq(write_some(p.server, "hello", 5, &n), TLS_WANT_WRITE, "the ticket first");
	cr_assert_eq(tls_give_ticket(p.server), TLS_WANT_WRITE);
	drain(much);
	cr_assert_eq(write_some(p.server, "hello", 5, &n), TLS_DONE);
	for (n = 0; n == 0;) {
		static char room[TLS_RECORD];
		cr_assert_neq(tls_read(p.client, room, sizeof room, &n), TLS_FAILED);
	}
	cr_assert_eq(n, 5);
	part(&p);
	tls_creds_unref(s);
	tls_creds_unref(c);
}

/* A client of GnuTLS's own, which may be what ours can't. */
struct bare {
	gnutls_certificate_credentials_t none;
	gnutls_session_t session;
	struct tls *server;
	int rc;
	enum tls_result s;
};

static void
shake_bare(struct bare *b, const char *priorities)
{
	struct tls_files f = server_files();
	struct tls_creds *creds = load(TLS_SERVER, &f);

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	b->server = tls_new(creds, ends[0], NULL);
	tls_creds_unref(creds);
	cr_assert_eq(gnutls_certificate_allocate_credentials(&b->none), 0);
	cr_assert_eq(gnutls_init(&b->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	cr_assert_eq(gnutls_priority_set_direct(b->session, priorities, NULL), 0);
	cr_assert_eq(gnutls_credentials_set(b->session, GNUTLS_CRD_CERTIFICATE, b->none), 0);
	gnutls_transport_set_int(b->session, ends[1]);
	b->rc = GNUTLS_E_AGAIN;
	b->s = TLS_WANT_READ;
	for (int i = 0; i < 20; i++) {
		if (b->rc == GNUTLS_E_AGAIN)
			b->rc = gnutls_handshake(b->session);
		if (b->s > TLS_DONE)
			b->s = tls_handshake(b->server);
	}
}

static void
part_bare(struct bare *b)
{
	gnutls_deinit(b->session);
	gnutls_certificate_free_credentials(b->none);
	tls_free(b->server);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

Test(tls, nothing_older_than_1_2_is_spoken)
{
	struct bare b;

	shake_bare(&b, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	cr_assert(b.rc == 0 && b.s == TLS_DONE);
	part_bare(&b);
	shake_bare(&b, "NORMAL:-VERS-ALL:+VERS-TLS1.1");
	cr_assert_lt(b.rc, 0);
	cr_assert_eq(b.s, TLS_FAILED);
	cr_assert_not_null(strstr(tls_why(b.server), "version"), "%s", tls_why(b.server));
	part_bare(&b);
}

Test(tls, nobody_can_renegotiate)
{
	static char room[TLS_RECORD];
	struct bare b;
	size_t n;

	shake_bare(&b, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	cr_assert(b.rc == 0 && b.s == TLS_DONE);
	cr_assert_eq(gnutls_handshake(b.session), GNUTLS_E_AGAIN);
	cr_assert_eq(tls_read(b.server, room, sizeof room, &n), TLS_FAILED);
	cr_assert_not_null(strstr(tls_why(b.server), "renegotiation"), "%s", tls_why(b.server));
	part_bare(&b);
}

Test(tls, what_is_no_tls_fails_with_a_reason)
{
	struct tls_files f = server_files();
	struct tls_creds *creds = load(TLS_SERVER, &f);
	struct tls *s;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	s = tls_new(creds, ends[0], NULL);
	cr_assert_eq(tls_handshake(s), TLS_WANT_READ);
	cr_assert_eq(write(ends[1], "\x16GET / HTTP/1.0\r\n\r\n", 19), 19);
	cr_assert_eq(tls_handshake(s), TLS_FAILED);
	cr_assert_gt(strlen(tls_why(s)), 0);
	tls_free(s);
	(void)close(ends[0]);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	s = tls_new(creds, ends[0], NULL);
	(void)close(ends[1]);
	cr_assert_eq(tls_handshake(s), TLS_FAILED);
	cr_assert_not_null(strstr(tls_why(s), "closed"), "%s", tls_why(s));
	tls_free(s);
	tls_creds_unref(creds);
	(void)close(ends[0]);
}
