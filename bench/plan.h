/* plan.h - what a run of the load generator is asked to do: its options, and the requests that they
 * come to. */
#ifndef POLICYPOOL_PLAN_H
#define POLICYPOOL_PLAN_H

#include <stdint.h>

#include "addr.h"
#include "compiler.h"
#include "digest.h"
#include "protocol.h"

/* One request, built once and sent many times. */
struct variant {
	struct buf text;
	char digest[DIGEST_HEX + 1]; /* of its payload */
};

struct plan {
	enum protocol protocol;
	struct addr to;		  /* --port: of 127.0.0.1, or unix:/PATH */
	unsigned connections;	  /* kept open, or opened anew for each request */
	unsigned in_flight;	  /* requests on one connection */
	unsigned loads;		  /* processes that share the connections */
	bool persist;		  /* connections that end are opened anew, to the end of the run */
	bool one_a_connection;	  /* a connection serves one request */
	bool tls;		  /* the certificate is not verified */
	bool resume;		  /* sessions of TLS */
	unsigned size;		  /* bytes of a payload */
	const char *name;	  /* of the policy; policies > 1: with their number behind it */
	unsigned policies;	  /* taken in turn */
	const char *script;	  /* Redis: the script's SHA-1 */
	uint64_t warm_us, run_us; /* not counted; counted */
	uint64_t timeout_us;	  /* for a reply, then its connection is closed; 0: none */
	uint64_t count;		  /* requests after which it ends, whatever the time; 0: no bound */
	struct variant *variant;
	unsigned variants;
};

/* 0, or -1 after a sentence on stderr. */
MUST_CHECK int plan_read(struct plan *, int argc, char *argv[]);
void plan_free(struct plan *);

#endif
