/* tls_internal.h - the inside of a session, for the files that it is made of: tls.c, and what is
 * resumed in tls_resume.c. */
#ifndef POLICYPOOL_TLS_INTERNAL_H
#define POLICYPOOL_TLS_INTERNAL_H

#include "tls_creds.h"
#include "tls_transport.h"

struct tls {
	struct tls_creds *creds;
	gnutls_session_t session;
	struct tls_transport transport;
	size_t promised;  /* bytes of the caller's in records that are not all sent */
	bool shaken;	  /* the handshake is done, but for what is unsent */
	bool closed;	  /* the peer has said that nothing more comes */
	bool broken;	  /* and text says why */
	bool interrupted; /* a write is to be gone on with */
	bool owes_ticket; /* of TLS 1.3 */
	bool resumes;	  /* the server at this address is known by its sessions */
	struct addr server;
	char *name; /* in expected, which GnuTLS borrows */
	gnutls_typed_vdata_st expected[2];
	unsigned expected_n, status; /* of verifying the peer's certificate */
	char text[256];		     /* what went wrong, or what was agreed upon */
};

/* ---- tls_resume.c, also for sessions that resume nothing ---- */

/* The handshake is done: does the server owe a ticket?  And GnuTLS writes it: 0, or what it says.
 */
bool tls_resume_owes(const struct tls *);
MUST_CHECK int tls_resume_give(struct tls *);
/* The handshake is done: of a session that was resumed, whether the peer's certificate has expired
 * since it was verified. */
bool tls_resume_expired(const struct tls *);
/* And it is good: what the server has given by now is kept. */
void tls_resume_shaken(struct tls *);
/* It is not: what may be the reason is not tried again. */
void tls_resume_failed(struct tls *);

#endif
