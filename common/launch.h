/* launch.h - the start that both daemons share: settings, listening, control socket, supervisor. */
#ifndef POLICYPOOL_LAUNCH_H
#define POLICYPOOL_LAUNCH_H

#include <event2/event.h>
#include <stdio.h>

#include "addr.h"
#include "admin.h"
#include "attr.h"
#include "command.h"
#include "conf.h"
#include "control.h"
#include "daemon.h"
#include "supervisor.h"
#include "upgrade.h"

/* Loads the settings and answers -h, -V, -t and -T.  check judges what no single key can; 0 if
 * fine. Returns LAUNCH_GO_ON, with the command to be released, or the exit status: 0, or 2 for what
 * is wrong in the settings. */
enum { LAUNCH_GO_ON = -1 };
MUST_CHECK int launch_settings(const char *program, const struct conf_table *tables, size_t n,
			       int argc, char *const argv[], int (*check)(void *ctx, FILE *err),
			       void *ctx, struct command *);

/* Loads them again, from the same file and the same command line, into fresh tables; what a running
 * daemon can't change stays as it is in `before` and is told in notes.  0, or -1 with lines on err;
 * both ways conf_free() is due. */
MUST_CHECK int launch_reread(const struct command *, const struct conf_table *fresh,
			     const struct conf_table *before, size_t n,
			     int (*check)(void *ctx, FILE *err), void *ctx, FILE *notes, FILE *err);

/* Detaches and opens the log as the settings say.  0, or -1 with the reason told. */
MUST_CHECK int launch_detach(const struct daemon_conf *, const char *program);

/* Listens at *addr, or takes the listening socket that this process was given (inherit.h); *addr is
 * then where it does, a port 0 replaced by the one taken.  Waits for up to a second while the
 * address is in use.  The descriptor, or -1 with the reason logged. */
MUST_CHECK int launch_listen(const struct daemon_conf *, struct addr *addr);

/* The same for fresh settings: `fd` itself where they ask for the place that was asked for before,
 * otherwise another, which is the caller's to close.  -1 with a line on err. */
MUST_CHECK int launch_listen_anew(const struct daemon_conf *, const struct addr *asked_before,
				  int fd, struct addr *addr, FILE *err);

/* Opens the log as fresh settings say; 0, or -1 with a line on err. */
MUST_CHECK int launch_log_anew(const struct daemon_conf *, const char *program, FILE *err);
/* And as the former ones did, which are in force again. */
void launch_log_before(const struct daemon_conf *, const char *program);

/* The control socket where the settings want it; NULL in *out for none.  One that was not asked for
 * by its path and can't be had is only warned of.  0, or -1 with the reason logged. */
MUST_CHECK int launch_control(const struct daemon_conf *, struct event_base *, const char *name,
			      const struct control_verb *, void *ctx, struct control **out);

/* The pages for operators where the settings want them, after launch_listen(); NULL in *out for
 * none.  A port alone is one of 127.0.0.1.  0, or -1 with the reason logged. */
MUST_CHECK int launch_admin(const struct daemon_conf *, struct event_base *,
			    const struct admin_page *, void *ctx, struct admin **out);

/* What the settings ask of a supervisor.  leave_ms: what on_stop has. */
void launch_supervisor_conf(const struct daemon_conf *, uint64_t leave_ms,
			    struct supervisor_conf *);

/* A supervisor with the settings' workers and clocks.  leave_ms: what on_stop has.  NULL with the
 * reason logged. */
MUST_CHECK struct supervisor *launch_supervisor(const struct daemon_conf *, struct event_base *,
						uint64_t leave_ms, const struct supervisor_ops *,
						void *ctx);

/* Ready to have a successor (testator), and to be one (heir); ctx is for both.  control may be
 * NULL.  0, or -1 with the reason logged. */
MUST_CHECK int launch_upgrade(const struct upgrade_env *, const struct upgrade_ops *testator,
			      const struct handover_ops *heir, void *ctx, struct control *,
			      struct upgrade **out);

/* What every daemon passes to its successor: control socket, pidfile, pages.  control and admin may
 * be NULL. */
void launch_give(struct upgrade *, const struct control *, const struct admin *);
/* The successor serves: gives up what it has taken, and the pages in any case. */
void launch_given(const struct upgrade *, struct control *, struct admin **);

#endif
