/* master.h - the server's master: listens, joins the pool, tells on the control socket, supervises.
 */
#ifndef POLICYPOOL_SERVER_MASTER_H
#define POLICYPOOL_SERVER_MASTER_H

#include "addr.h"
#include "command.h"
#include "control.h"
#include "pages.h"
#include "refit.h"
#include "registrar.h"
#include "reload.h"
#include "serve.h"
#include "settings.h"
#include "succession.h"
#include "supervisor.h"
#include "upgrade.h"
#include "venue.h"

#define MASTER_PROGRAM "ppool-server"

/* In the order in which its parts are made.  Zeroed, venue.fd -1, the settings loaded and asked
 * where to listen, before master_prepare(). */
struct master {
	struct command command;
	struct server_settings settings;
	struct venue venue;
	char name[sizeof "ppool-server-" + PACKET_ID_MAX]; /* of this instance */
	struct serve_conf serve;			   /* all that a worker sees */
	struct supervisor_ops ops;
	struct event_base *base;
	struct control *control;
	struct pages pages;
	struct admin *admin;	     /* NULL: no pages */
	struct registrar *registrar; /* NULL without a proxy */
	struct registrar *leaving;   /* from the proxy of former settings, or NULL */
	struct reload *reload;
	struct refit refit;
	struct upgrade *upgrade;
	struct supervisor *supervisor;
};

/* Opens what it needs.  0, or -1 with the reason logged. */
MUST_CHECK int master_prepare(struct master *);

/* Joins, forks, serves until told to stop; the exit status. */
int master_run(struct master *);

/* ---- for refit.c ---- */

/* What workers see, after a change of the settings. */
void master_set_serve(struct master *);
/* Log, narration and title. */
void master_tell_serving(struct master *);
/* Tells the proxy what the settings say now; done is called once it knows, or can't be told for
 * now, maybe before the return. */
void master_announce(struct master *, void (*done)(void *master));

/* The settings stay the caller's. */
void master_release(struct master *);

#endif
