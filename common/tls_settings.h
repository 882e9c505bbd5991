/* tls_settings.h - what settings say of TLS, turned into credentials and into what conn.h takes;
 * and what the log tells of connections that TLS has ended. */
#ifndef POLICYPOOL_TLS_SETTINGS_H
#define POLICYPOOL_TLS_SETTINGS_H

#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "attr.h"
#include "conn.h"

/* Of a listener; rows in daemon_keys.  Texts are never NULL once loaded. */
struct tls_listen_conf {
	int mode; /* enum conn_tls_mode */
	char *certificate, *key, *client_ca, *client_crl;
	int verify_client; /* enum tls_verify */
	char *priorities;
	uint64_t handshake_timeout; /* ms */
	unsigned handshakes;	    /* at once, of one worker */
};

/* *out is NULL where TLS is off.  0, or -1 with a line on err. */
MUST_CHECK int tls_settings_listen(const struct tls_listen_conf *, const char *program,
				   struct tls_creds **out, FILE *err);

/* Accepted conns of the loop speak as the settings say. */
void tls_settings_secure(struct conn_loop *, const struct tls_listen_conf *, struct tls_creds *,
			 struct scoreboard_row *);

/* Of whom we connect to. */
struct tls_dial_conf {
	bool verify; /* the peer's certificate: without it anybody can be the peer */
	char *ca, *certificate, *key;
	char *name; /* whom to find in it; empty: the host connected to */
};

/* *out is NULL where there is nothing to verify by.  prefix: of complaints.  0, or -1 with a line
 * on err. */
MUST_CHECK int tls_settings_dial(const struct tls_dial_conf *, const char *priorities,
				 const char *prefix, struct tls_creds **out, FILE *err);

/* In on_open of an accepted conn: what was agreed upon; nothing of a plain one. */
void tls_settings_tell_agreed(const struct conn *, const struct addr *peer);
/* In on_close of an accepted conn, error not 0. */
void tls_settings_tell_lost(const struct conn *, const struct addr *peer, int error);
/* For EPROTONOSUPPORT in on_fault; told: of this worker, so that it says so once. */
void tls_settings_tell_off(const struct addr *peer, bool *told);

#endif
