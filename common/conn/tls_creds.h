/* tls_creds.h - internal to credentials, for tls.c; see tls.h. */
#ifndef POLICYPOOL_TLS_CREDS_H
#define POLICYPOOL_TLS_CREDS_H

#include <gnutls/gnutls.h>

#include "tls.h"

struct tls_creds {
	unsigned references;
	enum tls_side side;
	enum tls_verify verify;
	gnutls_certificate_credentials_t certificates;
	gnutls_priority_t priorities;
	gnutls_datum_t tickets; /* a server's key for them: all its workers have the same */
};

#endif
