/* policy_conf.h - the settings that may differ by policy: those of all policies, and of those that
 * have a section of their own in the configuration file; see policypool.conf(5). */
#ifndef POLICYPOOL_POLICY_CONF_H
#define POLICYPOOL_POLICY_CONF_H

#include <stdint.h>

#include "conf.h"

struct proxy_conf;

/* Times in ms. */
struct policy_conf {
	struct conf_list allow, deny;		      /* networks of clients */
	unsigned rate_per_address, burst_per_address; /* requests a second, at once; rate 0: off */
	unsigned rate_per_srcid, burst_per_srcid;
	unsigned queue_length; /* requests of one worker waiting for a server of it */
	char *balance;	       /* see lb_conf.h */
	char *job;	       /* that its servers must do; empty: that of the first of them */
	unsigned retries;      /* further tries after a server failed with a request */
	uint64_t queue_timeout, connect_timeout, reply_timeout;
	uint64_t request_timeout; /* 0: never */
	int verify;		  /* enum reply_check_how */
	unsigned eject_after;	  /* incidents in a row; 0: no server is ever ejected */
	unsigned eject_share;	  /* percent of its servers */
	uint64_t eject_time;	  /* the first pause, times the ejections remembered */
	uint64_t eject_max;	  /* the longest pause; one ejection is forgotten after so long */
	uint64_t slow_start;	  /* 0: none */
	int health_check;	  /* enum health_check_how */
	uint64_t check_interval, check_timeout;
	unsigned check_rise, check_fall; /* in a row, at least 1 */
};

/* What is in force for a policy: borrowed from the settings.  A search among the sections: once
 * when a policy or its server is first seen, not per request. */
const struct policy_conf *policy_conf_of(const struct proxy_conf *, const char *policy);

#endif
