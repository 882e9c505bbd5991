/* serve.h - what a server's worker does: accept, own the connections, answer through service. */
#ifndef POLICYPOOL_SERVE_H
#define POLICYPOOL_SERVE_H

#include "daemon.h"
#include "worker.h"

struct serve_conf {
	const char *id, *policy;   /* borrowed, as all here */
	const char *former_policy; /* answered too: it was served until now; or NULL */
	const struct daemon_conf *daemon;
	struct tls_creds *tls; /* of the listener; NULL: plain */
	int listen_fd;
};

/* The ops of a worker; their ctx is a struct serve_conf. */
extern const struct worker_ops serve_ops;

#endif
