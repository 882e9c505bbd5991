/* tls_pair_fixture.h - credentials from files, and sessions between the two ends of a socket pair.
 */
#ifndef POLICYPOOL_TESTS_TLS_PAIR_FIXTURE_H
#define POLICYPOOL_TESTS_TLS_PAIR_FIXTURE_H

#include <sys/socket.h>

#include "tls.h"
#include "tls_fixture.h"

/* ---- credentials ---- */

static char said[512];

static inline struct tls_creds *
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

static inline struct tls_files
server_files(void)
{
	return (struct tls_files){.certificate = made.server.certificate, .key = made.server.key};
}

static inline struct tls_files
client_files(void)
{
	return (struct tls_files){.ca = made.ca.certificate, .verify = TLS_VERIFY_REQUIRED};
}

/* ---- sessions ---- */

static int ends[2];

struct pair {
	struct tls *server, *client;
	enum tls_result s, c; /* of their handshakes */
};

/* Both take steps until neither can. */
static inline struct pair
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

static inline void
part(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static inline struct pair
shake_files(const struct tls_files *server, const struct tls_files *client, const char *name)
{
	struct tls_creds *s = load(TLS_SERVER, server), *c = load(TLS_CLIENT, client);
	struct pair p = shake(s, c, name);

	tls_creds_unref(s); /* the sessions hold them */
	tls_creds_unref(c);
	return p;
}

static inline enum tls_result
write_some(struct tls *t, const char *from, size_t n, size_t *written)
{
	return tls_write(t, span_of(from, n), span_of(NULL, 0), written);
}

/* A record that is no data, such as a session's ticket, counts as nothing to read yet. */
static inline enum tls_result
read_some(struct tls *t, char *to, size_t *n)
{
	enum tls_result r = TLS_WANT_READ;

	for (int i = 0; i < 5 && r == TLS_WANT_READ; i++)
		r = tls_read(t, to, TLS_RECORD, n);
	return r;
}

#endif
