/* server_worker.h - a server's worker: accepts, owns the connections, answers with handler. */
#ifndef POLICYPOOL_SERVER_WORKER_H
#define POLICYPOOL_SERVER_WORKER_H

#include "daemon.h"
#include "handler_conf.h"
#include "job_stats.h"
#include "job_strikes.h"
#include "listener.h"
#include "worker.h"

struct server_worker_conf {
	const char *id, *policy;   /* borrowed, as all here */
	const char *former_policy; /* answered too: it was served until now; or NULL */
	const struct daemon_conf *daemon;
	struct tls_creds *tls;				   /* of the listener; NULL: plain */
	uint64_t client_send_timeout, client_read_timeout; /* ms; 0: never */
	int listen_fd[LISTENER_MOST];
	unsigned listeners;
	unsigned pipeline; /* requests of a peer in hand at once */
	bool proxied;	   /* it is joined to proxies, which send elsewhere what is declined */
	const struct handler_conf *handler;
	const struct job_stats *stats; /* by worker_slot() */
	const struct job_strikes *strikes;
};

/* The ops of a worker; their ctx is a struct server_worker_conf. */
extern const struct worker_ops server_worker_ops;

#endif
