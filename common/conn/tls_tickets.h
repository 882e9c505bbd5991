/* tls_tickets.h - the secret by which a daemon encrypts its session tickets: one for all workers,
 * so that each takes the tickets of the others; internal to TLS and to what hands it over.
 *
 * Of this process: made by the master when it is first needed, inherited by workers, given to a
 * successor.  Each TLS_TICKETS_PERIOD it is replaced by what follows from it, in every process by
 * itself, so that from a secret of today no ticket of before can be read: the former one is not
 * kept, and cannot be found out.
 *
 * A listener's key follows from the secret and from what its sessions were verified by: another
 * certificate, CA, list of revoked ones or lifetime has another key, and the same ones have the
 * same again. */
#ifndef POLICYPOOL_TLS_TICKETS_H
#define POLICYPOOL_TLS_TICKETS_H

#include <stdint.h>

#include "compiler.h"

enum {
	TLS_TICKETS_PERIOD = 24 * 3600 * 1000, /* ms */
	TLS_TICKETS_OF = 32,		       /* bytes that tell what sessions are verified by */
	TLS_TICKETS_KEY = 64		       /* bytes, as GnuTLS wants them */
};

/* There is a secret from now on.  0, or -1 with errno. */
MUST_CHECK int tls_tickets_begin(void);

/* In a process that is to have no secrets. */
void tls_tickets_forget(void);

/* At now, in clock_ms(): what is due is replaced. */
void tls_tickets_advance(uint64_t now);
/* ms until the next one is due. */
uint64_t tls_tickets_left(uint64_t now);

/* The key of those who are verified by `of`, to be wiped.  -1 where there is no secret, or GnuTLS
 * can't. */
MUST_CHECK int tls_tickets_key(const unsigned char of[TLS_TICKETS_OF],
			       unsigned char key[TLS_TICKETS_KEY]);

/* For a successor: a pipe from which the secret can be read once; -1 with errno, ENOENT where there
 * is none. */
MUST_CHECK int tls_tickets_give(void);
/* From a predecessor, before there is one; fd is borrowed.  0, or -1 with errno: nothing is taken.
 */
MUST_CHECK int tls_tickets_take(int fd);

#endif
