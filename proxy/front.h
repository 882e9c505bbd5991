/* front.h - what a proxy's worker does: accept, own the clients, keep their answers in order. */
#ifndef POLICYPOOL_FRONT_H
#define POLICYPOOL_FRONT_H

#include "gate.h"
#include "meter.h"
#include "permit.h"
#include "registry.h"
#include "settings.h"
#include "tally.h"
#include "verdict.h"
#include "worker.h"

struct front_conf {
	const struct proxy_settings *settings; /* borrowed, as all here */
	struct registry *registry;
	struct permits *permits;
	struct tally *tally;
	struct meter *meter;
	struct gate *gate; /* NULL: everybody's requests are taken */
	const struct verdicts *verdicts;
	int listen_fd;
	int access_fd; /* of the access log's file; -1: it has none */
};

/* The ops of a worker; their ctx is a struct front_conf. */
extern const struct worker_ops front_ops;

#endif
