/* master.h - the server's master: listens, joins the pool, tells on the control socket, supervises.
 */
#ifndef POLICYPOOL_SERVER_MASTER_H
#define POLICYPOOL_SERVER_MASTER_H

#include "addr.h"
#include "control.h"
#include "registrar.h"
#include "serve.h"
#include "settings.h"
#include "supervisor.h"

/* In the order in which its parts are made.  Zeroed, listen_fd -1, the settings loaded and addr
 * where to listen, before master_prepare(). */
struct master {
	struct server_settings settings;
	struct addr addr;
	int listen_fd;
	char name[sizeof "ppool-server-" + PACKET_ID_MAX]; /* of this instance */
	struct serve_conf serve;			   /* all that a worker sees */
	struct supervisor_ops ops;
	struct event_base *base;
	struct control *control;
	struct registrar *registrar; /* NULL without a proxy */
	struct supervisor *supervisor;
};

/* Opens what it needs.  0, or -1 with the reason logged. */
MUST_CHECK int master_prepare(struct master *);

/* Joins, forks, serves until told to stop; the exit status. */
int master_run(struct master *);

/* The settings stay the caller's. */
void master_release(struct master *);

#endif
