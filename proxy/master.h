/* master.h - the proxy's master: listens, keeps the registry, tells on the control socket,
 * supervises. */
#ifndef POLICYPOOL_PROXY_MASTER_H
#define POLICYPOOL_PROXY_MASTER_H

#include "addr.h"
#include "command.h"
#include "console.h"
#include "control.h"
#include "events.h"
#include "front.h"
#include "join.h"
#include "keeper.h"
#include "pages.h"
#include "refit.h"
#include "reload.h"
#include "settings.h"
#include "succession.h"
#include "supervisor.h"
#include "upgrade.h"
#include "venue.h"
#include "watch.h"

#define MASTER_PROGRAM "ppool-proxy"
enum { MASTER_LEAVE_MS = 1000 }; /* what leaving may take until the workers are stopped anyway */

/* In the order in which its parts are made.  Zeroed, venue.fd and access_fd -1, the settings
 * loaded and asked where to listen, before master_prepare(). */
struct master {
	struct command command;
	struct proxy_settings settings;
	struct venue venue;
	char name[sizeof "ppool-proxy-65535"]; /* of this instance */
	struct front_conf front;	       /* all that a worker sees */
	struct supervisor_ops ops;
	struct event_base *base;
	struct control *control;
	struct events *events;
	struct console_env pool; /* what the console and the pages tell of */
	struct console *console;
	struct pages pages;
	struct admin *admin; /* NULL: no pages */
	char *journal_path;  /* NULL: none is kept */
	struct keeper *keeper;
	struct verdicts *verdicts;
	struct watch *watch;
	struct join join;
	struct join_counts joins;
	struct ledger *ledger;
	struct event *expiry; /* of leases */
	struct supervisor *supervisor;
	struct reload *reload;
	struct refit refit;
	struct upgrade *upgrade;
};

/* Opens what it needs.  0, or -1 with the reason logged. */
MUST_CHECK int master_prepare(struct master *);

/* Forks, serves until told to stop; the exit status. */
int master_run(struct master *);

/* What the control socket and the pages tell of the proxy, with a struct master; NULL on ENOMEM. */
struct json_object *master_describe(void *);

/* ---- for parts.c and refit.c ---- */

/* The access log's file where the settings want one; -1 for none, and with errno. */
MUST_CHECK int master_open_access(const struct proxy_conf *);
/* Log, narration and title. */
void master_tell_serving(struct master *);

/* Open files that a worker may need. */
unsigned long master_files(const struct daemon_conf *);

/* The settings stay the caller's. */
void master_release(struct master *);

#endif
