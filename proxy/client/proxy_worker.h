/* proxy_worker.h - a proxy's worker: accepts, owns the clients, keeps their answers in order. */
#ifndef POLICYPOOL_PROXY_WORKER_H
#define POLICYPOOL_PROXY_WORKER_H

#include "acl.h"
#include "conn_limit.h"
#include "listener.h"
#include "proxy_conf.h"
#include "registry.h"
#include "server_health.h"
#include "server_stats.h"
#include "worker.h"
#include "worker_stats.h"

struct proxy_worker_conf {
	const struct proxy_settings *settings; /* borrowed, as all here */
	struct registry *registry;
	struct permits *permits;
	struct counters *tally;
	struct worker_stats *meter;
	struct acl *gate; /* NULL: everybody's requests are taken */
	const struct verdicts *verdicts;
	const char *instance; /* see request_probed() */
	int listen_fd[LISTENER_MOST];
	unsigned listeners;
	int access_fd; /* of the access log's file; -1: it has none */
};

/* The ops of a worker; their ctx is a struct proxy_worker_conf. */
extern const struct worker_ops proxy_worker_ops;

#endif
