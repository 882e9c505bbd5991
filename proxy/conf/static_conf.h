/* static_conf.h - the servers that the proxy's file has itself: `server "ID" { ... }`; see
 * policypool.conf(5). */
#ifndef POLICYPOOL_STATIC_CONF_H
#define POLICYPOOL_STATIC_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "conf.h"

struct proxy_conf;

enum static_kind { STATIC_PLAIN, STATIC_POOLED };

/* As much as an announcement has, but what is of its sender: lease and signature. */
struct static_conf {
	char *policy;
	char *host; /* PORT, HOST:PORT with an address or a name, or a Unix socket */
	int kind;   /* enum static_kind */
	unsigned pipeline, slots, weight;
	bool tls, backup, repeat;
	char *job;	      /* empty: that of its policy */
	uint64_t job_timeout; /* ms; 0: not known */
};

/* Where it is.  False where that is a name, to be asked for. */
bool static_conf_addr(const struct static_conf *, struct addr *);

/* The section with that id; NULL: there is none. */
const struct conf_section *static_conf_find(const struct proxy_conf *, const char *id);

/* The job that a policy's servers are to do by the settings, its own or that of a static server of
 * it; empty: any. */
const char *static_conf_job_of(const struct proxy_conf *, const char *policy);

#endif
