/* tls_conf.c - see tls_conf.h. */
#include "tls_conf.h"

#include <errno.h>

#include "log.h"

static int
refuse(const char *prefix, const char *why, FILE *err)
{
	(void)fprintf(err, "%s: %s\n", prefix, why);
	return -1;
}

int
tls_conf_listen(const struct tls_listen_conf *c, const char *program, struct tls_creds **out,
		FILE *err)
{
	const struct tls_files files = {
		.certificate = c->certificate,
		.key = c->key,
		.ca = c->client_ca,
		.crl = c->client_crl,
		.priorities = c->priorities,
		.verify = (enum tls_verify)c->verify_client,
		.resume_for = c->session_tickets ? (unsigned)(c->session_timeout / 1000) : 0};
	char prefix[64];

	*out = NULL;
	(void)snprintf(prefix, sizeof prefix, "%s: tls", program);
	if (c->mode == CONN_TLS_OFF)
		return 0;
	if (c->certificate[0] == '\0' || c->key[0] == '\0')
		return refuse(prefix, "tls_certificate and tls_key are needed", err);
	if (c->verify_client != TLS_VERIFY_NO && c->client_ca[0] == '\0')
		return refuse(prefix, "tls_verify_client needs tls_client_ca", err);
	*out = tls_creds_load(TLS_SERVER, &files, prefix, err);
	return *out == NULL ? -1 : 0;
}

void
tls_conf_secure(struct conn_loop *loop, const struct tls_listen_conf *c, struct tls_creds *creds,
		struct scoreboard_row *row)
{
	const struct conn_tls tls = {.mode = (enum conn_tls_mode)c->mode,
				     .creds = creds,
				     .handshake_ms = c->handshake_timeout,
				     .handshakes = c->handshakes};

	conn_loop_secure(loop, &tls, row);
}

int
tls_conf_dial(const struct tls_dial_conf *c, const char *priorities, const char *prefix,
	      struct tls_creds **out, FILE *err)
{
	const struct tls_files files = {.certificate = c->certificate,
					.key = c->key,
					.ca = c->ca,
					.priorities = priorities,
					.verify = c->verify ? TLS_VERIFY_REQUIRED : TLS_VERIFY_NO};

	*out = NULL;
	if (c->verify && c->ca[0] == '\0')
		return c->certificate[0] == '\0' && c->key[0] == '\0'
			       ? 0
			       : refuse(prefix, "a certificate of ours is of no use without a CA",
					err);
	*out = tls_creds_load(TLS_CLIENT, &files, prefix, err);
	return *out == NULL ? -1 : 0;
}

void
tls_conf_log_agreed(const struct conn *c, const struct addr_peer *peer)
{
	const char *what = log_wants(LOG_VERBOSE) ? conn_tls_describe(c) : NULL;
	char from[ADDR_TEXT];

	if (what != NULL)
		log_limited(LOG_VERBOSE, "TLS", "peer=%s what=%s",
			    log_quoted(addr_peer_text(peer, from)), log_quoted(what));
}

void
tls_conf_log_lost(const struct conn *c, const struct addr_peer *peer, int error)
{
	bool tls = error == EPROTO;
	char from[ADDR_TEXT];

	log_limited(tls ? LOG_WARN : LOG_VERBOSE, tls ? "TLS failed" : "connection lost",
		    "peer=%s why=%s", log_quoted(addr_peer_text(peer, from)),
		    log_quoted(conn_why(c, error)));
}

void
tls_conf_log_off(const struct addr_peer *peer, bool *told)
{
	char from[ADDR_TEXT];

	log_limited(*told ? LOG_VERBOSE : LOG_WARN, "refused: it speaks TLS, which is off here",
		    "peer=%s", log_quoted(addr_peer_text(peer, from)));
	*told = true;
}
