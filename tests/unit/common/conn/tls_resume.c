/* tls_resume: sessions are resumed by tickets, as long as what they were verified by holds. */
#include "tls_pair_fixture.h"

TestSuite(tls_resume, .init = tls_make_all, .fini = tls_remove_all);

/* Once more, as somebody who knows the server by an address. */
static struct pair
shake_again(struct tls_creds *server, struct tls_creds *client, const char *name, uint16_t port)
{
	struct pair p = {.s = TLS_WANT_READ, .c = TLS_WANT_READ};
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", port), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	p.server = tls_new(server, ends[0], NULL);
	p.client = tls_new(client, ends[1], name);
	cr_assert(p.server != NULL && p.client != NULL);
	tls_resume(p.client, &at);
	for (int i = 0; i < 20; i++) {
		if (p.c > TLS_DONE)
			p.c = tls_handshake(p.client);
		if (p.s > TLS_DONE)
			p.s = tls_handshake(p.server);
	}
	return p;
}

/* True when the session was resumed; both sides then say so.  What the server gives is read. */
static bool
resumes(struct tls_creds *server, struct tls_creds *client, const char *name, uint16_t port)
{
	struct pair p = shake_again(server, client, name, port);
	static char room[TLS_RECORD];
	bool resumed;
	size_t n;

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s, %s", tls_why(p.client),
		  tls_why(p.server));
	cr_assert_eq(tls_give_ticket(p.server), TLS_DONE);
	cr_assert_eq(read_some(p.client, room, &n), TLS_WANT_READ);
	resumed = tls_is_resumed(p.client);
	cr_assert_eq(tls_is_resumed(p.server), resumed);
	cr_assert_not_null(strstr(tls_describe(p.client), "CN=server"), "%s",
			   tls_describe(p.client));
	part(&p);
	return resumed;
}

static const char *const either[] = {NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

Test(tls_resume, a_session_is_resumed_with_the_same_server_by_the_same_name_alone)
{
	for (size_t v = 0; v < 2; v++) {
		struct tls_files sf = server_files(), cf = client_files();
		struct tls_creds *s, *c, *again;

		sf.resume_for = 60;
		cf.priorities = either[v];
		s = load(TLS_SERVER, &sf);
		c = load(TLS_CLIENT, &cf);
		again = load(TLS_SERVER, &sf);
		cr_assert_not(resumes(s, c, "pool.example", 1));
		cr_assert(resumes(s, c, "pool.example", 1));
		cr_assert(resumes(s, c, "pool.example", 1));
		cr_assert_not(resumes(s, c, "pool.example", 2), "another address");
		cr_assert_not(resumes(s, c, "127.0.0.1", 1), "another name");
		cr_assert(resumes(again, c, "pool.example", 1), "the same settings once more");
		tls_creds_unref(s);
		tls_creds_unref(c);
		tls_creds_unref(again);
	}
}

/* Of TLS 1.3; one, and once. */
Test(tls_resume, a_ticket_goes_with_what_the_server_writes_first)
{
	struct tls_files sf = server_files(), cf = client_files();
	static char room[TLS_RECORD];
	struct tls_creds *s, *c;
	struct pair p;
	size_t n;

	sf.resume_for = 60;
	s = load(TLS_SERVER, &sf);
	c = load(TLS_CLIENT, &cf);
	for (int i = 0; i < 2; i++) {
		p = shake_again(s, c, "127.0.0.1", 1);
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
		cr_assert_eq(tls_is_resumed(p.client), i > 0);
		cr_assert_lt(recv(ends[1], room, sizeof room, MSG_PEEK), 0);
		cr_assert_eq(write_some(p.server, "hello", 5, &n), TLS_DONE);
		cr_assert_gt(recv(ends[1], room, sizeof room, MSG_PEEK), 5 + 22 + 100);
		cr_assert_eq(read_some(p.client, room, &n), TLS_DONE);
		cr_assert_eq(n, 5);
		cr_assert_eq(tls_give_ticket(p.server), TLS_DONE);
		cr_assert_lt(recv(ends[1], room, sizeof room, MSG_PEEK), 0);
		part(&p);
	}
	tls_creds_unref(s);
	tls_creds_unref(c);
}

Test(tls_resume, where_no_tickets_are_given_nobody_resumes)
{
	struct tls_files sf = server_files(), cf = client_files();
	struct tls_creds *s = load(TLS_SERVER, &sf), *c = load(TLS_CLIENT, &cf);

	for (unsigned i = 0; i < 3; i++)
		cr_assert_not(resumes(s, c, "pool.example", 1));
	tls_creds_unref(s);
	tls_creds_unref(c);
}

/* A server of each kind, with a client that has a session with the first of them. */
Test(tls_resume, what_was_verified_by_something_else_is_not_resumed)
{
	struct tls_files sf = server_files(), cf = client_files(), changed[5];
	struct tls_creds *s, *c, *z;

	sf.resume_for = 60;
	sf.ca = made.ca.certificate;
	sf.verify = TLS_VERIFY_REQUIRED;
	cf.certificate = made.client.certificate;
	cf.key = made.client.key;
	for (size_t i = 0; i < 5; i++)
		changed[i] = sf;
	changed[0].ca = made.both;
	changed[1].certificate = made.twin.certificate;
	changed[1].key = made.twin.key;
	changed[2].verify = TLS_VERIFY_OPTIONAL;
	changed[3].resume_for = 61;
	changed[4].priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	s = load(TLS_SERVER, &sf);
	for (size_t i = 0; i < 5; i++) {
		c = load(TLS_CLIENT, &cf);
		z = load(TLS_SERVER, &changed[i]);
		cr_assert_not(resumes(s, c, "127.0.0.1", 1));
		cr_assert(resumes(s, c, "127.0.0.1", 1));
		cr_assert_not(resumes(z, c, "127.0.0.1", 1), "%zu", i);
		tls_creds_unref(c);
		tls_creds_unref(z);
	}
	tls_creds_unref(s);
}

Test(tls_resume, a_session_that_is_resumed_has_the_identity_that_was_verified)
{
	for (size_t v = 0; v < 2; v++) {
		struct tls_files sf = server_files(), cf = client_files();
		struct tls_creds *s, *c;
		struct pair p;

		sf.resume_for = 60;
		sf.ca = made.ca.certificate;
		sf.verify = TLS_VERIFY_REQUIRED;
		cf.certificate = made.client.certificate;
		cf.key = made.client.key;
		cf.priorities = either[v];
		s = load(TLS_SERVER, &sf);
		c = load(TLS_CLIENT, &cf);
		cr_assert_not(resumes(s, c, "127.0.0.1", 1));
		p = shake_again(s, c, "127.0.0.1", 1);
		cr_assert_eq(p.s, TLS_DONE);
		cr_assert_not_null(strstr(tls_describe(p.server), "resumed, CN=client"), "%s",
				   tls_describe(p.server));
		part(&p);
		tls_creds_unref(s);
		tls_creds_unref(c);
	}
}

/* The server's, to the client; and the client's, to the server. */
Test(tls_resume, a_certificate_that_has_expired_since_ends_its_session, .timeout = 60)
{
	for (size_t v = 0; v < 4; v++) {
		struct tls_files sf = server_files(), cf = client_files();
		static char room[TLS_RECORD];
		struct identity soon;
		struct tls_creds *s, *c;
		struct pair p;
		bool servers = v < 2;
		size_t n;

		identity_make(&soon, &(struct identity_wish){
					     .name = "soon",
					     .issuer = &made.ca,
					     .ip = "127.0.0.1",
					     .purpose = servers ? NULL : GNUTLS_KP_TLS_WWW_CLIENT,
					     .from = -DAY,
					     .until = 2});
		sf.resume_for = 60;
		cf.priorities = either[v % 2];
		if (servers) {
			sf.certificate = soon.certificate;
			sf.key = soon.key;
		} else {
			sf.ca = made.ca.certificate;
			sf.verify = TLS_VERIFY_REQUIRED;
			cf.certificate = soon.certificate;
			cf.key = soon.key;
		}
		s = load(TLS_SERVER, &sf);
		c = load(TLS_CLIENT, &cf);
		p = shake_again(s, c, "127.0.0.1", 1);
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
		cr_assert_eq(tls_give_ticket(p.server), TLS_DONE);
		cr_assert_eq(read_some(p.client, room, &n), TLS_WANT_READ);
		part(&p);
		while (time(NULL) <= gnutls_x509_crt_get_expiration_time(soon.crt))
			(void)usleep(50000);
		p = shake_again(s, c, "127.0.0.1", 1);
		cr_assert_eq(servers ? p.c : p.s, TLS_FAILED);
		cr_assert_not_null(strstr(tls_why(servers ? p.client : p.server), "expired"), "%s",
				   tls_why(servers ? p.client : p.server));
		part(&p);
		identity_free(&soon);
		tls_creds_unref(s);
		tls_creds_unref(c);
	}
}
