/* tls_conf.h - the settings of TLS, turned into credentials and into what conn.h takes; and log
 * lines of failed TLS. */
#ifndef POLICYPOOL_TLS_CONF_H
#define POLICYPOOL_TLS_CONF_H

#include <stdint.h>
#include <stdio.h>

#include "addr_peer.h"
#include "compiler.h"
#include "conn.h"

/* Of a listener; rows in daemon_keys.  Texts are never NULL once loaded. */
struct tls_listen_conf {
	int mode; /* enum conn_tls_mode */
	char *certificate, *key, *client_ca, *client_crl;
	int verify_client; /* enum tls_verify */
	char *priorities;
	uint64_t handshake_timeout; /* ms */
	unsigned handshakes;	    /* at once, of one worker */
	bool session_tickets;
	uint64_t session_timeout; /* ms for which a session can be resumed */
};

/* *out is NULL where TLS is off.  0, or -1 with a line on err. */
MUST_CHECK int tls_conf_listen(const struct tls_listen_conf *, const char *program,
			       struct tls_creds **out, FILE *err);

/* Accepted conns of the loop speak as the settings say. */
void tls_conf_secure(struct conn_loop *, const struct tls_listen_conf *, struct tls_creds *,
		     struct scoreboard_row *);

/* Of connections that we make. */
struct tls_dial_conf {
	bool verify; /* the peer's certificate: without it anybody can be the peer */
	char *ca, *certificate, *key;
	char *name; /* the name in it; empty: the host connected to */
};

/* *out is NULL where there is nothing to verify by.  prefix: of complaints.  0, or -1 with a line
 * on err. */
MUST_CHECK int tls_conf_dial(const struct tls_dial_conf *, const char *priorities,
			     const char *prefix, struct tls_creds **out, FILE *err);

/* In on_open of an accepted conn: what was agreed upon; nothing of a plain one. */
void tls_conf_log_agreed(const struct conn *, const struct addr_peer *peer);
/* In on_close of an accepted conn, error not 0. */
void tls_conf_log_lost(const struct conn *, const struct addr_peer *peer, int error);
/* For EPROTONOSUPPORT in on_fault; told: of this worker, so that it says so once. */
void tls_conf_log_off(const struct addr_peer *peer, bool *told);

#endif
