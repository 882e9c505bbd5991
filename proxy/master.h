/* master.h - the proxy's master: listens, keeps the registry, tells on the control socket,
 * supervises. */
#ifndef POLICYPOOL_PROXY_MASTER_H
#define POLICYPOOL_PROXY_MASTER_H

#include "addr.h"
#include "console.h"
#include "control.h"
#include "events.h"
#include "front.h"
#include "join.h"
#include "keeper.h"
#include "settings.h"
#include "supervisor.h"

/* In the order in which its parts are made.  Zeroed, listen_fd -1, the settings loaded and addr
 * where to listen, before master_prepare(). */
struct master {
	struct proxy_settings settings;
	struct addr addr;
	int listen_fd;
	char name[sizeof "ppool-proxy-65535"]; /* of this instance */
	struct front_conf front;	       /* all that a worker sees */
	struct supervisor_ops ops;
	struct event_base *base;
	struct control *control;
	struct events *events;
	struct console *console;
	char *journal_path; /* NULL: none is kept */
	struct keeper *keeper;
	struct join join;
	struct event *expiry; /* of leases */
	struct supervisor *supervisor;
};

/* Opens what it needs.  0, or -1 with the reason logged. */
MUST_CHECK int master_prepare(struct master *);

/* Forks, serves until told to stop; the exit status. */
int master_run(struct master *);

/* The settings stay the caller's. */
void master_release(struct master *);

#endif
