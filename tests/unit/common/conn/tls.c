/* tls: credentials from files, and sessions between two ends of a socket pair. */
#include "tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>

#include "tls_fixture.h"

TestSuite(tls, .init = tls_make_all, .fini = tls_remove_all);

/* ---- credentials ---- */

static char said[512];

static struct tls_creds *
load(enum tls_side side, const struct tls_files *files)
{
	FILE *err = fmemopen(said, sizeof said, "w");
	struct tls_creds *c;

	said[0] = '\0';
	c = tls_creds_load(side, files, "prog", err);
	cr_assert_eq(fclose(err), 0);
	cr_assert_eq(c == NULL, said[0] != '\0', "%s", said);
	return c;
}

static struct tls_files
server_files(void)
{
	return (struct tls_files){.certificate = made.server.certificate, .key = made.server.key};
}

static struct tls_files
client_files(void)
{
	return (struct tls_files){.ca = made.ca.certificate, .verify = TLS_VERIFY_REQUIRED};
}

/* Refused, in one line that begins with prog and has both words. */
static void
refused(enum tls_side side, const struct tls_files *files, const char *what, const char *why)
{
	cr_assert_null(load(side, files));
	cr_assert_eq(strncmp(said, "prog: ", 6), 0, "%s", said);
	cr_assert_not_null(strstr(said, what), "%s in %s", what, said);
	cr_assert_not_null(strstr(said, why), "%s in %s", why, said);
	cr_assert_eq(strchr(said, '\n'), said + strlen(said) - 1, "%s", said);
}

Test(tls, credentials_are_shared_and_go_with_the_last_holder)
{
	struct tls_files f = server_files();
	struct tls_creds *c = load(TLS_SERVER, &f);

	cr_assert_eq(tls_creds_ref(c), c);
	tls_creds_unref(c);
	tls_creds_unref(c);
	tls_creds_unref(NULL);
}

Test(tls, what_is_wrong_with_a_file_is_said_with_its_name)
{
	struct tls_files f = server_files();
	char path[TLS_PATH];

	f.certificate = "/nowhere/at.all";
	refused(TLS_SERVER, &f, "/nowhere/at.all", "No such file");
	f.certificate = tls_folder;
	refused(TLS_SERVER, &f, tls_folder, "no regular file");
	f.certificate = made.server.key;
	refused(TLS_SERVER, &f, made.server.key, "no certificate in it");
	f = server_files();
	f.key = made.client.key;
	refused(TLS_SERVER, &f, made.client.key, "not the key of the certificate");
	f.key = made.server.certificate;
	cr_assert_eq(chmod(made.server.certificate, 0600), 0);
	refused(TLS_SERVER, &f, made.server.certificate, "no key in it");
	f = server_files();
	(void)snprintf(path, sizeof path, "%s/broken.crt", tls_folder);
	tls_save(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 57, 0644);
	f.certificate = path;
	refused(TLS_SERVER, &f, path, "");
}

Test(tls, a_key_that_others_can_read_is_refused)
{
	struct tls_files f = server_files();

	cr_assert_eq(chmod(made.server.key, 0644), 0);
	refused(TLS_SERVER, &f, made.server.key, "0600");
	cr_assert_eq(chmod(made.server.key, 0660), 0);
	refused(TLS_SERVER, &f, made.server.key, "0600");
	cr_assert_eq(chmod(made.server.key, 0640), 0);
	tls_creds_unref(load(TLS_SERVER, &f));
}

Test(tls, what_does_not_go_together_is_refused)
{
	struct tls_files f = {.key = made.server.key};

	refused(TLS_SERVER, &f, made.server.key, "and its key");
	f = (struct tls_files){.certificate = made.server.certificate};
	refused(TLS_CLIENT, &f, made.server.certificate, "and its key");
	f = (struct tls_files){.key = NULL};
	refused(TLS_SERVER, &f, "certificate", "needed");
	f = server_files();
	f.verify = TLS_VERIFY_OPTIONAL;
	refused(TLS_SERVER, &f, "CA", "needed");
	f.ca = made.server.key;
	refused(TLS_SERVER, &f, made.server.key, "no certificate of a CA");
	f = client_files();
	f.crl = made.ca.certificate;
	refused(TLS_CLIENT, &f, made.ca.certificate, "revoked");
}

Test(tls, priorities_are_judged)
{
	struct tls_files f = server_files();

	f.priorities = "NORMAL:+NONSENSE";
	refused(TLS_SERVER, &f, "NORMAL:+NONSENSE", "NONSENSE");
	f.priorities = "NORMAL:+VERS-TLS1.1";
	refused(TLS_SERVER, &f, "VERS-TLS1.1", "older than TLS 1.2");
	f.priorities = "NORMAL:-VERS-TLS1.1:-VERS-TLS1.0";
	tls_creds_unref(load(TLS_SERVER, &f));
	f.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	tls_creds_unref(load(TLS_SERVER, &f));
}

/* ---- sessions ---- */

static int ends[2];

struct pair {
	struct tls *server, *client;
	enum tls_result s, c; /* of their handshakes */
};

/* Both take steps until neither can. */
static struct pair
shake(struct tls_creds *server, struct tls_creds *client, const char *name)
{
	struct pair p = {.s = TLS_WANT_READ, .c = TLS_WANT_READ};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	p.server = tls_new(server, ends[0], NULL);
	p.client = tls_new(client, ends[1], name);
	cr_assert(p.server != NULL && p.client != NULL);
	for (int i = 0; i < 20; i++) {
		if (p.c > TLS_DONE)
			p.c = tls_handshake(p.client);
		if (p.s > TLS_DONE)
			p.s = tls_handshake(p.server);
	}
	return p;
}

static void
part(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static struct pair
shake_files(const struct tls_files *server, const struct tls_files *client, const char *name)
{
	struct tls_creds *s = load(TLS_SERVER, server), *c = load(TLS_CLIENT, client);
	struct pair p = shake(s, c, name);

	tls_creds_unref(s); /* the sessions hold them */
	tls_creds_unref(c);
	return p;
}

/* A record that is no data, such as a session's ticket, counts as nothing to read yet. */
static enum tls_result
read_some(struct tls *t, char *to, size_t *n)
{
	enum tls_result r = TLS_WANT_READ;

	for (int i = 0; i < 5 && r == TLS_WANT_READ; i++)
		r = tls_read(t, to, TLS_RECORD, n);
	return r;
}

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
	cr_assert_eq(tls_write(p.client, "hello", 5, &n), TLS_DONE);
	cr_assert_eq(n, 5);
	cr_assert_eq(tls_bye(p.client), TLS_DONE);
	cr_assert_eq(read_some(p.server, room, &n), TLS_DONE);
	cr_assert_eq(n, 5);
	cr_assert_eq(memcmp(room, "hello", 5), 0);
	cr_assert_eq(read_some(p.server, room, &n), TLS_DONE);
	cr_assert_eq(n, 0, "the end of the client's side");
	cr_assert_eq(tls_write(p.server, "still", 5, &n), TLS_DONE);
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
			enum tls_result r = tls_write(p.client, sent + out, sizeof sent - out, &n);
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
	cr_assert_eq(tls_write(p.client, "last", 4, &n), TLS_DONE);
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
	cr_assert_eq(tls_write(p.client, "good", 4, &n), TLS_DONE);
	cr_assert_eq(tls_write(p.client, "bad", 3, &n), TLS_DONE);
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
		cr_assert_eq(tls_write(p.client, piece, sizeof piece, &n), TLS_DONE);
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
	cr_assert_eq(tls_write(p.client, "early", 5, &n), TLS_DONE);
	cr_assert_eq(tls_handshake(p.server), TLS_DONE);
	cr_assert(tls_pending(p.server), "read along with the handshake's end");
	cr_assert_lt(recv(ends[0], room, sizeof room, 0), 0, "the socket has nothing more");
	cr_assert_eq(tls_read(p.server, room, sizeof room, &n), TLS_DONE);
	cr_assert_eq(n, 5);
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

/* The server's answer, and the tickets that it gives once it has verified a client. */
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
	cr_assert_eq(tls_handshake(p.server), TLS_WANT_WRITE, "it is done, but for its tickets");
	drain(much);
	cr_assert_eq(tls_handshake(p.server), TLS_DONE);
	cr_assert_eq(tls_write(p.server, "hello", 5, &n), TLS_DONE);
	for (n = 0; n == 0;) {
		static char room[TLS_RECORD];
		cr_assert_neq(tls_read(p.client, room, sizeof room, &n), TLS_FAILED);
	}
	cr_assert_eq(n, 5);
	part(&p);
	tls_creds_unref(s);
	tls_creds_unref(c);
}

/* ---- sessions resumed ---- */

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
	cr_assert_eq(read_some(p.client, room, &n), TLS_WANT_READ);
	resumed = tls_is_resumed(p.client);
	cr_assert_eq(tls_is_resumed(p.server), resumed);
	cr_assert_not_null(strstr(tls_describe(p.client), "CN=server"), "%s",
			   tls_describe(p.client));
	part(&p);
	return resumed;
}

static const char *const either[] = {NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

Test(tls, a_session_is_resumed_with_the_same_server_by_the_same_name_alone)
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

Test(tls, where_no_tickets_are_given_nobody_resumes)
{
	struct tls_files sf = server_files(), cf = client_files();
	struct tls_creds *s = load(TLS_SERVER, &sf), *c = load(TLS_CLIENT, &cf);

	for (unsigned i = 0; i < 3; i++)
		cr_assert_not(resumes(s, c, "pool.example", 1));
	tls_creds_unref(s);
	tls_creds_unref(c);
}

/* A server of each kind, with a client that has a session with the first of them. */
Test(tls, what_was_verified_by_something_else_is_not_resumed)
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

Test(tls, a_session_that_is_resumed_has_the_identity_that_was_verified)
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
Test(tls, a_certificate_that_has_expired_since_ends_its_session, .timeout = 60)
{
	for (size_t v = 0; v < 4; v++) {
		struct tls_files sf = server_files(), cf = client_files();
		struct identity soon;
		struct tls_creds *s, *c;
		struct pair p;
		bool servers = v < 2;

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

static void
client_says(const struct tls_files *s, const struct tls_files *c, const char *name, const char *why)
{
	struct pair p = shake_files(s, c, name);

	cr_assert_eq(p.c, TLS_FAILED, "not refused: %s", why);
	cr_assert_not_null(strstr(tls_why(p.client), why), "%s in %s", why, tls_why(p.client));
	cr_assert_neq(p.s, TLS_WANT_WRITE);
	part(&p);
}

Test(tls, a_server_is_whom_its_certificate_is_for_and_signed_by_our_ca)
{
	struct tls_files s = server_files(), c = client_files();

	client_says(&s, &c, "other.example",
		    "is not for the name expected, other.example: see server_name");
	client_says(&s, &c, "127.0.0.2", "is not for the name expected, 127.0.0.2");
	c.ca = made.other.certificate;
	client_says(&s, &c, "pool.example", "issuer is unknown");
	c = client_files();
	s.certificate = made.expired.certificate;
	s.key = made.expired.key;
	client_says(&s, &c, "pool.example", "expired");
	s.certificate = made.client.certificate;
	s.key = made.client.key;
	client_says(&s, &c, NULL, "purpose");
}

Test(tls, who_verifies_nothing_takes_every_certificate)
{
	struct tls_files s = server_files(), c = {.ca = NULL};
	struct pair p = shake_files(&s, &c, "other.example");

	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE);
	part(&p);
}

/* In TLS 1.3 a client is done before it is judged: it learns of it when it reads. */
static void
server_says(const struct tls_files *s, const struct tls_files *c, const char *why)
{
	static char room[TLS_RECORD];
	struct pair p = shake_files(s, c, "pool.example");
	size_t n;

	cr_assert_eq(p.s, TLS_FAILED, "not refused: %s", why);
	cr_assert_not_null(strstr(tls_why(p.server), why), "%s in %s", why, tls_why(p.server));
	cr_assert_eq(p.c == TLS_DONE ? read_some(p.client, room, &n) : p.c, TLS_FAILED);
	cr_assert_not_null(strstr(tls_why(p.client), "the peer refuses"), "%s", tls_why(p.client));
	part(&p);
}

static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
				       "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

Test(tls, a_client_shows_a_certificate_of_our_ca_where_it_must)
{
	for (size_t i = 0; i < 2; i++) {
		struct tls_files s = server_files(), c = client_files();
		struct pair p;

		s.ca = made.ca.certificate;
		s.verify = TLS_VERIFY_REQUIRED;
		s.priorities = versions[i];
		server_says(&s, &c, "no certificate");
		c.certificate = made.server.certificate; /* for servers, not for clients */
		c.key = made.server.key;
		server_says(&s, &c, "purpose");
		c.certificate = made.client.certificate;
		c.key = made.client.key;
		p = shake_files(&s, &c, "pool.example");
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
		part(&p);
		s.ca = made.other.certificate;
		server_says(&s, &c, "issuer is unknown");
	}
}

Test(tls, where_a_certificate_is_optional_none_will_do_and_a_bad_one_will_not)
{
	for (size_t i = 0; i < 2; i++) {
		struct tls_files s = server_files(), c = client_files();
		struct pair p;

		s.ca = made.ca.certificate;
		s.verify = TLS_VERIFY_OPTIONAL;
		s.priorities = versions[i];
		p = shake_files(&s, &c, "pool.example");
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
		part(&p);
		c.certificate = made.client.certificate;
		c.key = made.client.key;
		p = shake_files(&s, &c, "pool.example");
		cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
		part(&p);
		c.certificate = made.server.certificate;
		c.key = made.server.key;
		server_says(&s, &c, "purpose");
	}
}

/* Of the CA's, with one serial number; its path. */
static const char *
list_of_revoked(const struct identity *i)
{
	static char path[TLS_PATH];
	unsigned char serial[20];
	size_t n = sizeof serial;
	gnutls_x509_crl_t crl;
	gnutls_datum_t text;
	time_t now = time(NULL);

	cr_assert_eq(gnutls_x509_crl_init(&crl), 0);
	cr_assert_eq(gnutls_x509_crl_set_version(crl, 2), 0);
	cr_assert_eq(gnutls_x509_crl_set_this_update(crl, now - DAY), 0);
	cr_assert_eq(gnutls_x509_crl_set_next_update(crl, now + DAY), 0);
	cr_assert_eq(gnutls_x509_crl_set_number(crl, "\x01", 1), 0);
	cr_assert_eq(gnutls_x509_crt_get_serial(i->crt, serial, &n), 0);
	cr_assert_eq(gnutls_x509_crl_set_crt_serial(crl, serial, n, now - DAY), 0);
	cr_assert_eq(gnutls_x509_crl_sign2(crl, made.ca.crt, made.ca.private, GNUTLS_DIG_SHA256, 0),
		     0);
	cr_assert_eq(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &text), 0);
	(void)snprintf(path, sizeof path, "%s/crl", tls_folder);
	tls_save(path, text.data, text.size, 0644);
	gnutls_free(text.data);
	gnutls_x509_crl_deinit(crl);
	return path;
}

Test(tls, a_certificate_that_is_revoked_is_refused_and_others_are_not)
{
	struct tls_files s = server_files(), c = client_files();
	struct pair p;

	s.ca = made.ca.certificate;
	s.verify = TLS_VERIFY_REQUIRED;
	c.certificate = made.client.certificate;
	c.key = made.client.key;
	s.crl = list_of_revoked(&made.expired);
	p = shake_files(&s, &c, "pool.example");
	cr_assert(p.s == TLS_DONE && p.c == TLS_DONE, "%s", tls_why(p.server));
	part(&p);
	s.crl = list_of_revoked(&made.client);
	server_says(&s, &c, "revoked");
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
