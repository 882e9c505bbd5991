/* tls_sessions.h - what servers have given to resume sessions by, for connections that are made to
 * them again; internal to tls.c.
 *
 * An entry is for an address and for the name that was verified there: what was verified for one is
 * never taken for another.  Those used last are kept. */
#ifndef POLICYPOOL_TLS_SESSIONS_H
#define POLICYPOOL_TLS_SESSIONS_H

#include <gnutls/gnutls.h>
#include <sys/queue.h>

#include "addr.h"
#include "compiler.h"

enum { TLS_SESSIONS_MOST = 1024 };

struct tls_session; /* one entry */
TAILQ_HEAD(tls_session_list, tls_session);

struct tls_sessions {
	struct tls_session_list list; /* the one used last is the first */
	unsigned n;
};

void tls_sessions_init(struct tls_sessions *);
void tls_sessions_release(struct tls_sessions *); /* wiped */

/* NULL: none.  Valid until the next call that changes them.  name may be NULL. */
const gnutls_datum_t *tls_sessions_find(struct tls_sessions *, const struct addr *,
					const char *name);
/* In place of the former one; data is GnuTLS's and becomes theirs, also where there is no memory
 * and it is not kept. */
void tls_sessions_put(struct tls_sessions *, const struct addr *, const char *name,
		      gnutls_datum_t data);
void tls_sessions_drop(struct tls_sessions *, const struct addr *, const char *name);

#endif
