/* launch.h - the start that both daemons share: settings, listening, control socket, supervisor. */
#ifndef POLICYPOOL_LAUNCH_H
#define POLICYPOOL_LAUNCH_H

#include <event2/event.h>
#include <stdio.h>

#include "addr.h"
#include "attr.h"
#include "conf.h"
#include "control.h"
#include "daemon.h"
#include "supervisor.h"

/* Loads the settings and answers -h, -V, -t and -T.  check judges what no single key can; 0 if
 * fine. Returns LAUNCH_GO_ON, or the exit status: 0, or 2 for what is wrong in the settings. */
enum { LAUNCH_GO_ON = -1 };
MUST_CHECK int launch_settings(const char *program, const struct conf_table *tables, size_t n,
			       int argc, char *const argv[], int (*check)(void *ctx, FILE *err),
			       void *ctx);

/* Detaches and opens the log as the settings say.  0, or -1 with the reason told. */
MUST_CHECK int launch_detach(const struct daemon_conf *, const char *program);

/* Listens at *addr, or takes the listening socket that this process was given (inherit.h); *addr is
 * then where it does, a port 0 replaced by the one taken.  The descriptor, or -1 with the
 * reason logged. */
MUST_CHECK int launch_listen(const struct daemon_conf *, struct addr *addr);

/* The control socket where the settings want it; NULL in *out for none.  One that was not asked for
 * by its path and can't be had is only warned of.  0, or -1 with the reason logged. */
MUST_CHECK int launch_control(const struct daemon_conf *, struct event_base *, const char *name,
			      const struct control_verb *, void *ctx, struct control **out);

/* A supervisor with the settings' workers and clocks.  leave_ms: what on_stop has.  NULL with the
 * reason logged. */
MUST_CHECK struct supervisor *launch_supervisor(const struct daemon_conf *, struct event_base *,
						uint64_t leave_ms, const struct supervisor_ops *,
						void *ctx);

#endif
