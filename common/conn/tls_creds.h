/* tls_creds.h - internal to credentials, for tls.c; see tls.h. */
#ifndef POLICYPOOL_TLS_CREDS_H
#define POLICYPOOL_TLS_CREDS_H

#include <gnutls/gnutls.h>

#include "tls.h"
#include "tls_sessions.h"
#include "tls_tickets.h"

struct tls_creds {
	unsigned references;
	enum tls_side side;
	enum tls_verify verify;
	gnutls_certificate_credentials_t certificates;
	gnutls_priority_t priorities;
	unsigned resume_for;		       /* s, of a server; 0: no tickets */
	unsigned char tickets[TLS_TICKETS_OF]; /* what their key follows from */
	struct tls_sessions sessions;	       /* of a client */
};

#endif
