/* tls.c - sessions; see tls.h.  Credentials are read in tls_creds.c. */
#include "tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "tls_internal.h"

/* A record of an alert: fatal, handshake failure. */
const char tls_refusal[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28};
_Static_assert(sizeof tls_refusal == TLS_REFUSAL_SIZE, "an alert's record");

/* ---- what went wrong ---- */

static void
say_verification(struct tls *t)
{
	gnutls_datum_t said = {NULL, 0};

	if (t->name != NULL && t->status == (GNUTLS_CERT_INVALID | GNUTLS_CERT_UNEXPECTED_OWNER)) {
		(void)snprintf(t->text, sizeof t->text,
			       "the peer's certificate is not for the name expected, %.150s: see "
			       "server_name and revproc_name",
			       t->name);
		return;
	}
	if (gnutls_certificate_verification_status_print(t->status, GNUTLS_CRT_X509, &said, 0) == 0)
		(void)snprintf(t->text, sizeof t->text, "%s", (const char *)said.data);
	else
		(void)snprintf(t->text, sizeof t->text, "the peer's certificate is not good");
	gnutls_free(said.data);
	for (size_t n = strlen(t->text); n > 0 && (t->text[n - 1] == ' ' || t->text[n - 1] == '.');)
		t->text[--n] = '\0';
}

static void
say_alert(struct tls *t)
{
	const char *name = gnutls_alert_get_name(gnutls_alert_get(t->session));

	(void)snprintf(t->text, sizeof t->text, "the peer refuses: %s",
		       name != NULL ? name : "an unknown alert");
}

static enum tls_result
failed(struct tls *t, int rc)
{
	if (t->status != 0)
		say_verification(t);
	else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
		say_alert(t);
	else if (rc == GNUTLS_E_PREMATURE_TERMINATION)
		(void)snprintf(t->text, sizeof t->text, "the peer closed the connection");
	else if (rc == GNUTLS_E_PUSH_ERROR || rc == GNUTLS_E_PULL_ERROR)
		(void)snprintf(t->text, sizeof t->text, "%s", strerror(errno));
	else if (rc == GNUTLS_E_REHANDSHAKE)
		(void)snprintf(t->text, sizeof t->text, "the peer wants a renegotiation");
	else if (rc == GNUTLS_E_NO_CERTIFICATE_FOUND || rc == GNUTLS_E_CERTIFICATE_REQUIRED)
		(void)snprintf(t->text, sizeof t->text, "the peer shows no certificate");
	else
		(void)snprintf(t->text, sizeof t->text, "%s", gnutls_strerror(rc));
	return TLS_FAILED;
}

static bool
is_wait(int rc)
{
	return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
}

static enum tls_result
waits_for(const struct tls *t)
{
	return gnutls_record_get_direction(t->session) != 0 ? TLS_WANT_WRITE : TLS_WANT_READ;
}

/* A result that is no number of bytes.  True: call again at once. */
static bool
harmless(int rc)
{
	return rc == GNUTLS_E_WARNING_ALERT_RECEIVED || rc == GNUTLS_E_INTERRUPTED;
}

/* ---- making ---- */

static bool
is_address(const char *name)
{
	unsigned char space[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, space) == 1 || inet_pton(AF_INET6, name, space) == 1;
}

/* What gnutls_session_set_verify_cert2() does, but for one thing: that refuses a client without a
 * certificate where one is optional. */
static int
verify(gnutls_session_t session)
{
	struct tls *t = gnutls_session_get_ptr(session);
	unsigned n;

	if (t->creds->verify == TLS_VERIFY_OPTIONAL && t->creds->side == TLS_SERVER &&
	    gnutls_certificate_get_peers(session, &n) == NULL)
		return 0;
	if (gnutls_certificate_verify_peers(session, t->expected, t->expected_n, &t->status) < 0)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return t->status == 0 ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/* Name and purpose: a certificate for something else is not good. */
static void
expect(struct tls *t)
{
	static const char *const purpose[] = {
		[TLS_SERVER] = GNUTLS_KP_TLS_WWW_CLIENT, [TLS_CLIENT] = GNUTLS_KP_TLS_WWW_SERVER};

	t->expected[t->expected_n++] = (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)purpose[t->creds->side]};
	if (t->name != NULL)
		t->expected[t->expected_n++] = (gnutls_typed_vdata_st){
			.type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)t->name};
	gnutls_session_set_verify_function(t->session, verify);
}

/* GnuTLS has keys of its own from this one, a new one every three lifetimes, and copies of all. */
static int
set_up_tickets(struct tls *t)
{
	unsigned char key[TLS_TICKETS_KEY];
	const gnutls_datum_t d = {key, sizeof key};
	int rc = 0;

	if (t->creds->resume_for == 0)
		return 0;
	tls_tickets_advance(clock_ms());
	if (tls_tickets_key(t->creds->tickets, key) == 0)
		rc = gnutls_session_ticket_enable_server(t->session, &d);
	explicit_bzero(key, sizeof key);
	gnutls_db_set_cache_expiration(t->session, (int)t->creds->resume_for);
	return rc;
}

static int
set_up_server(struct tls *t)
{
	enum tls_verify verify = t->creds->verify;

	if (verify != TLS_VERIFY_NO)
		gnutls_certificate_server_set_request(t->session, verify == TLS_VERIFY_REQUIRED
									  ? GNUTLS_CERT_REQUIRE
									  : GNUTLS_CERT_REQUEST);
	return set_up_tickets(t);
}

static int
set_up_client(struct tls *t, const char *name)
{
	if (name == NULL)
		return 0;
	t->name = strdup(name);
	if (t->name == NULL)
		return GNUTLS_E_MEMORY_ERROR;
	return is_address(name)
		       ? 0
		       : gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, name, strlen(name));
}

static int
set_up(struct tls *t, int fd, const char *name)
{
	bool server = t->creds->side == TLS_SERVER;
	/* Ours is shown whatever CAs the server names: it then says what is wrong with it.  A
	 * second key for another group would be made for nothing but a server without the first. */
	unsigned side = server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET
			       : GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_KEY_SHARE_TOP;
	int rc = gnutls_init(&t->session, side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (rc == 0)
		rc = gnutls_priority_set(t->session, t->creds->priorities);
	if (rc == 0)
		rc = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
					    t->creds->certificates);
	if (rc == 0)
		rc = server ? set_up_server(t) : set_up_client(t, name);
	if (rc < 0)
		return -1;
	gnutls_session_set_ptr(t->session, t);
	if (t->creds->verify != TLS_VERIFY_NO)
		expect(t);
	gnutls_handshake_set_timeout(t->session, GNUTLS_INDEFINITE_TIMEOUT);
	t->transport.fd = fd;
	tls_transport_set(&t->transport, t->session);
	return 0;
}

struct tls *
tls_new(struct tls_creds *creds, int fd, const char *name)
{
	struct tls *t = calloc(1, sizeof *t);

	assert(creds->side == TLS_CLIENT || name == NULL);
	if (t == NULL)
		return NULL;
	t->creds = tls_creds_ref(creds);
	if (set_up(t, fd, name) == 0)
		return t;
	tls_free(t);
	errno = ENOMEM;
	return NULL;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	if (t->session != NULL)
		gnutls_deinit(t->session);
	tls_transport_release(&t->transport);
	tls_creds_unref(t->creds);
	free(t->name);
	free(t);
}

/* ---- steps ---- */

enum { HANDSHAKE_READ = 1 << 14 }; /* bytes at once: what comes with its end is read too */

static enum tls_result
shaken(struct tls *t)
{
	if (tls_resume_expired(t)) {
		t->status = GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED;
		(void)gnutls_alert_send(t->session, GNUTLS_AL_FATAL, GNUTLS_A_CERTIFICATE_EXPIRED);
		return failed(t, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
	}
	t->owes_ticket = tls_resume_owes(t);
	tls_resume_shaken(t);
	return TLS_DONE;
}

static enum tls_result
step(struct tls *t)
{
	int rc;

	tls_transport_begin_read(&t->transport, HANDSHAKE_READ);
	do
		rc = gnutls_handshake(t->session);
	while (rc < 0 && harmless(rc));
	if (tls_transport_end_read(&t->transport) < 0)
		return failed(t, GNUTLS_E_MEMORY_ERROR);
	if (rc == 0)
		return shaken(t);
	if (is_wait(rc))
		return t->transport.ended ? failed(t, GNUTLS_E_PREMATURE_TERMINATION)
					  : waits_for(t);
	/* What we think of it is worth an attempt to tell; the peer may be gone. */
	if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED && rc != GNUTLS_E_PREMATURE_TERMINATION)
		(void)gnutls_alert_send_appropriate(t->session, rc);
	return failed(t, rc);
}

static enum tls_result
flush(struct tls *t)
{
	if (tls_transport_flush(&t->transport) == 0)
		return TLS_DONE;
	return errno == EAGAIN ? TLS_WANT_WRITE : failed(t, GNUTLS_E_PUSH_ERROR);
}

/* With all that it has to say in one write. */
static enum tls_result
step_and_send(struct tls *t)
{
	enum tls_result r, sent;

	tls_transport_gather(&t->transport);
	r = step(t);
	if (r == TLS_FAILED) /* an alert goes as far as the socket takes it */
		return tls_transport_flush(&t->transport) < 0 ? TLS_FAILED : r;
	t->shaken = r == TLS_DONE;
	sent = flush(t);
	return sent == TLS_DONE ? r : sent;
}

enum tls_result
tls_handshake(struct tls *t)
{
	enum tls_result r = TLS_DONE;

	if (tls_transport_is_unsent(&t->transport))
		r = flush(t);
	if (r == TLS_DONE && !t->shaken)
		r = step_and_send(t);
	if (r == TLS_FAILED)
		tls_resume_failed(t);
	return r;
}

int
tls_given(struct tls *t, struct span s)
{
	return tls_transport_given(&t->transport, s);
}

static ssize_t
read_record(struct tls *t, char *to, size_t room)
{
	ssize_t rc;

	do
		rc = gnutls_record_recv(t->session, to, room);
	while (rc < 0 && harmless((int)rc));
	return rc;
}

/* All that one read of the socket has brought, as far as there is room; what the last record came
 * to. */
static ssize_t
read_records(struct tls *t, char *to, size_t room, size_t *n)
{
	ssize_t rc;

	/* A part of a record may be there already. */
	tls_transport_begin_read(&t->transport,
				 room >= 2 * TLS_RECORD ? room - TLS_RECORD : TLS_RECORD);
	do {
		rc = read_record(t, to + *n, room - *n);
		if (rc > 0)
			*n += (size_t)rc;
	} while (rc > 0 && t->transport.ahead.n > 0 && room - *n >= TLS_RECORD);
	return tls_transport_end_read(&t->transport) == 0 ? rc : GNUTLS_E_MEMORY_ERROR;
}

enum tls_result
tls_read(struct tls *t, char *to, size_t room, size_t *n)
{
	ssize_t rc;

	assert(room >= TLS_RECORD);
	*n = 0;
	if (t->broken)
		return TLS_FAILED;
	rc = read_records(t, to, room, n);
	assert(rc < 0 || gnutls_record_check_pending(t->session) == 0);
	t->closed = t->closed || rc == 0;
	if (rc < 0 && !is_wait((int)rc)) {
		t->broken = true;
		(void)failed(t, (int)rc);
		return *n > 0 ? TLS_DONE : TLS_FAILED; /* what came before it is good */
	}
	/* An end without its alert can cut no object unseen: those know where they end. */
	return rc >= 0 || tls_ended(t) ? TLS_DONE : waits_for(t);
}

bool
tls_ended(const struct tls *t)
{
	return t->closed || (t->transport.ended && t->transport.ahead.n == 0);
}

bool
tls_pending(const struct tls *t)
{
	return t->broken || t->transport.ahead.n > 0;
}

/* What a record is made of, of two spans one after the other, so many bytes of which are done; in
 * seam where it is of both. */
static struct span
piece(struct span a, struct span b, size_t done, char seam[TLS_RECORD])
{
	size_t left, more;

	if (done >= a.n)
		return span_of(b.p + (done - a.n), b.n - (done - a.n));
	left = a.n - done;
	if (left >= TLS_RECORD || b.n == 0)
		return span_of(a.p + done, left);
	more = TLS_RECORD - left < b.n ? TLS_RECORD - left : b.n;
	memcpy(seam, a.p + done, left);
	memcpy(seam + left, b.p, more);
	return span_of(seam, left + more);
}

/* Records of the first bytes, of as many as are sent at once.  0, or what GnuTLS says. */
static int
encrypt(struct tls *t, struct span a, struct span b)
{
	char seam[TLS_RECORD];
	ssize_t rc = 0;

	tls_transport_gather(&t->transport);
	if (t->owes_ticket)
		rc = tls_resume_give(t);
	while (rc >= 0 && t->promised < a.n + b.n && tls_transport_has_room(&t->transport)) {
		struct span s = piece(a, b, t->promised, seam);

		rc = t->interrupted ? gnutls_record_send(t->session, NULL, 0)
				    : gnutls_record_send(t->session, s.p, s.n);
		t->interrupted = rc < 0 && is_wait((int)rc);
		if (rc > 0)
			t->promised += (size_t)rc;
	}
	return rc >= 0 || t->interrupted ? 0 : (int)rc;
}

enum tls_result
tls_write(struct tls *t, struct span a, struct span b, size_t *written)
{
	enum tls_result r = TLS_DONE;
	int rc;

	*written = 0;
	if (t->promised == 0 && tls_transport_is_unsent(&t->transport))
		r = flush(t); /* of a ticket */
	if (r != TLS_DONE)
		return r;
	rc = t->promised == 0 ? encrypt(t, a, b) : 0;
	if (rc < 0)
		return failed(t, rc);
	r = flush(t);
	if (r != TLS_DONE)
		return r;
	*written = t->promised;
	t->promised = 0;
	return *written > 0 ? TLS_DONE : TLS_WANT_WRITE;
}

enum tls_result
tls_give_ticket(struct tls *t)
{
	int rc;

	if (tls_transport_is_unsent(&t->transport))
		return flush(t);
	if (!t->owes_ticket)
		return TLS_DONE;
	tls_transport_gather(&t->transport);
	rc = tls_resume_give(t);
	return rc < 0 ? failed(t, rc) : flush(t);
}

size_t
tls_held(const struct tls *t)
{
	return t->transport.kept.cap + t->transport.unsent.cap;
}

enum tls_result
tls_bye(struct tls *t)
{
	enum tls_result r = flush(t);
	int rc;

	if (r != TLS_DONE)
		return r;
	do
		rc = gnutls_bye(t->session, GNUTLS_SHUT_WR);
	while (rc == GNUTLS_E_INTERRUPTED);
	if (rc == 0)
		return TLS_DONE;
	return is_wait(rc) ? waits_for(t) : failed(t, rc);
}

/* ---- asking ---- */

const char *
tls_why(const struct tls *t)
{
	return t->text;
}

/* Empty when the peer has shown no certificate. */
static void
peer_name(const struct tls *t, char *out, size_t room)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(t->session, &n);
	gnutls_x509_crt_t crt;

	out[0] = '\0';
	if (n == 0 || gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_x509_crt_get_dn(crt, out, &room) < 0)
		out[0] = '\0';
	gnutls_x509_crt_deinit(crt);
}

const char *
tls_describe(struct tls *t)
{
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(t->session)),
		   *cipher = gnutls_cipher_get_name(gnutls_cipher_get(t->session));
	char peer[128];

	peer_name(t, peer, sizeof peer);
	(void)snprintf(t->text, sizeof t->text, "%s, %s%s%s%s", version != NULL ? version : "?",
		       cipher != NULL ? cipher : "?", tls_is_resumed(t) ? ", resumed" : "",
		       peer[0] != '\0' ? ", " : "", peer);
	return t->text;
}
