/* tls.h - TLS over a connected socket, 1.2 at least, and the credentials it takes.  The only user
 * of GnuTLS, together with tls_creds.h.
 *
 * A session owns neither the socket nor what is sent.  Each step is tried without blocking and
 * tells what it waits for; it is then called again when the socket is ready. */
#ifndef POLICYPOOL_TLS_H
#define POLICYPOOL_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "addr.h"
#include "compiler.h"
#include "span.h"

/* ---- credentials ---- */

enum tls_side { TLS_SERVER, TLS_CLIENT };

/* What is asked of the peer's certificate; one that is shown must be good in any case but NO. */
enum tls_verify { TLS_VERIFY_NO, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

/* Files in PEM; NULL or empty: none. */
struct tls_files {
	const char *certificate; /* ours, followed by those that lead to its CA */
	const char *key;	 /* its key, without a passphrase; nobody but owner and group may
				    read it */
	const char *ca;		 /* CAs that may have signed the peer's */
	const char *crl;	 /* certificates that are revoked */
	const char *priorities;	 /* GnuTLS priority string; none: TLS_PRIORITIES */
	enum tls_verify verify;	 /* a client's OPTIONAL is REQUIRED: servers always have one */
	unsigned resume_for;	 /* s for which a server lets sessions be resumed; 0: not at all */
};

/* No RSA key transport (it has no forward secrecy), no CBC, no SHA-1; keys of 2048 bits of RSA, or
 * what is as strong, at least.  First what costs least at that strength: X25519, which takes two
 * thirds of what P-256 does, and AES-128 with SHA-256, which processors have instructions for. */
#define TLS_PRIORITIES                                                                     \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-MAC-ALL:+AEAD:-CIPHER-ALL:"      \
	"+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM:+AES-256-CCM:"          \
	"-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"       \
	"+GROUP-SECP384R1:+GROUP-SECP521R1:+GROUP-X448:+GROUP-FFDHE2048:+GROUP-FFDHE3072:" \
	"%PROFILE_MEDIUM:%SERVER_PRECEDENCE"

struct tls_creds;

/* Reads and checks everything: no file is opened later, so that a process that may open none can
 * make sessions.  NULL with one line on err, `PREFIX: FILE: what is wrong`; what is only remarkable
 * (a certificate that has expired) is logged. */
MUST_CHECK struct tls_creds *tls_creds_load(enum tls_side, const struct tls_files *,
					    const char *prefix, FILE *err);

/* Sessions hold them too: their owner may swap them for others, and running sessions go on. */
struct tls_creds *tls_creds_ref(struct tls_creds *); /* NULL is fine, here and below */
void tls_creds_unref(struct tls_creds *);

/* ---- sessions ---- */

enum tls_result {
	TLS_FAILED = -1, /* tls_why() tells; only tls_free() and tls_why() from here */
	TLS_DONE,
	TLS_WANT_READ,
	TLS_WANT_WRITE
};

struct tls;

/* Over a connected, non-blocking socket, which is borrowed.  name: the host name or address that a
 * client must find in the server's certificate; a server gives NULL.  NULL on ENOMEM. */
struct tls *tls_new(struct tls_creds *, int fd, const char *name);
void tls_free(struct tls *); /* says nothing to the peer; NULL is fine */

/* A client, before its handshake: what the server there gave to another session of the same
 * credentials, of the same name, is used to resume that; what it gives to this one is kept.  No
 * data is sent early. */
void tls_resume(struct tls *, const struct addr *server);
bool tls_is_resumed(const struct tls *); /* after the handshake */

MUST_CHECK enum tls_result tls_handshake(struct tls *);
/* A server, before its handshake: bytes that were read from the socket already, which its first
 * step goes by.  0, or -1 with ENOMEM. */
MUST_CHECK int tls_given(struct tls *, struct span);

/* *n bytes are there, of as many records as one read of the socket has brought, whatever is
 * returned but FAILED; DONE and 0: the peer has ended its side, as tls_ended() then tells, which it
 * may do earlier.  room must hold TLS_RECORD bytes at least. */
enum { TLS_RECORD = 16384 };
MUST_CHECK enum tls_result tls_read(struct tls *, char *to, size_t room, size_t *n);
bool tls_ended(const struct tls *); /* nothing more comes */
/* tls_read() has something to say, or to give, for which the socket need not be ready. */
bool tls_pending(const struct tls *);

/* Of two spans, one after the other.  DONE: the first *n bytes are on their way.  After a WANT the
 * next call must begin with the same bytes, of which there may be more, in one span or two. */
MUST_CHECK enum tls_result tls_write(struct tls *, struct span, struct span, size_t *written);
/* A server's ticket goes with what it writes first, or now, after its handshake. */
MUST_CHECK enum tls_result tls_give_ticket(struct tls *);
/* Bytes of memory in which records wait to be read or sent, beside what GnuTLS has. */
size_t tls_held(const struct tls *);

/* Ends our side; the peer may go on. */
MUST_CHECK enum tls_result tls_bye(struct tls *);

/* A sentence, valid for as long as the session. */
const char *tls_why(const struct tls *);
/* "TLS1.3, AES-256-GCM, resumed, CN=pool" (the subject of the peer's certificate, if it has shown
 * one), once the handshake is done; the same validity. */
const char *tls_describe(struct tls *);

/* ---- on the wire ---- */

enum { TLS_FIRST_BYTE = 0x16 };	 /* of a connection that begins with a handshake; no JSON does */
extern const char tls_refusal[]; /* the alert for a peer that is not to speak TLS here */
enum { TLS_REFUSAL_SIZE = 7 };

#endif
