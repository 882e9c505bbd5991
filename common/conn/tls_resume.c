/* tls_resume.c - sessions resumed: a client's, by what servers have given, and what is still asked
 * of either side's; see tls.h and tls_internal.h. */
#include <assert.h>
#include <time.h>

#include "tls_internal.h"

/* Of TLS 1.3, once a ticket has come; of 1.2, once the handshake is done. */
static void
remember(struct tls *t)
{
	gnutls_datum_t data;

	if (gnutls_session_get_data2(t->session, &data) == 0)
		tls_sessions_put(&t->creds->sessions, &t->server, t->name, data);
}

static bool
has_old_tickets(const struct tls *t)
{
	return gnutls_protocol_get_version(t->session) < GNUTLS_TLS1_3;
}

static int
on_ticket(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	  const gnutls_datum_t *message)
{
	struct tls *t = gnutls_session_get_ptr(session);

	(void)type;
	(void)when;
	(void)incoming;
	(void)message;
	if (!has_old_tickets(t))
		remember(t);
	return 0;
}

void
tls_resume(struct tls *t, const struct addr *server)
{
	const gnutls_datum_t *data;

	assert(t->creds->side == TLS_CLIENT);
	t->resumes = true;
	t->server = *server;
	data = tls_sessions_find(&t->creds->sessions, server, t->name);
	if (data != NULL)
		(void)gnutls_session_set_data(t->session, data->data, data->size);
	gnutls_handshake_set_hook_function(t->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET,
					   GNUTLS_HOOK_POST, on_ticket);
}

bool
tls_is_resumed(const struct tls *t)
{
	return gnutls_session_is_resumed(t->session) != 0;
}

/* Of 1.2 it is a part of the handshake. */
bool
tls_resume_owes(const struct tls *t)
{
	return t->creds->side == TLS_SERVER && t->creds->resume_for != 0 && !has_old_tickets(t);
}

/* One; GnuTLS by itself writes two, of which our clients keep the last, in a write of their own. */
int
tls_resume_give(struct tls *t)
{
	t->owes_ticket = false;
	return gnutls_session_ticket_send(t->session, 1, 0);
}

/* A session that is resumed has been verified, but maybe not today. */
bool
tls_resume_expired(const struct tls *t)
{
	time_t until;

	if (t->creds->verify == TLS_VERIFY_NO || !tls_is_resumed(t))
		return false;
	until = gnutls_certificate_expiration_time_peers(t->session);
	return until != (time_t)-1 && until < time(NULL);
}

void
tls_resume_shaken(struct tls *t)
{
	if (t->resumes && has_old_tickets(t))
		remember(t);
}

void
tls_resume_failed(struct tls *t)
{
	if (t->resumes)
		tls_sessions_drop(&t->creds->sessions, &t->server, t->name);
}
