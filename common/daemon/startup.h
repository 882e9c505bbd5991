/* startup.h - a daemon's start: settings, listening, control socket, supervisor. */
#ifndef POLICYPOOL_STARTUP_H
#define POLICYPOOL_STARTUP_H

#include <event2/event.h>
#include <stdio.h>

#include "addr.h"
#include "cmdline.h"
#include "compiler.h"
#include "conf.h"
#include "control.h"
#include "daemon.h"
#include "http_admin.h"
#include "listen_socket.h"
#include "settings.h"
#include "supervisor.h"
#include "upgrade.h"

/* What -h tells beside the options. */
struct startup_usage {
	const char *program;
	const char *example;	  /* a command line that runs */
	const char *const *usual; /* keys of the short help, ended by NULL */
	const char *more;	  /* lines of the help for what main() takes itself, or NULL */
	/* Settings that are read where this file is there and the command line names neither
	 * another (-c) nor where to listen (the key `listen`); NULL: none. */
	const char *file;
};

/* Loads the settings, finds out where to listen, and answers -h, --help-all, -V, -t and -T.
 * Returns STARTUP_GO_ON, with the command to be released, or the exit status: 0, or 2 for what is
 * wrong in the settings. */
enum { STARTUP_GO_ON = -1 };
MUST_CHECK int startup_settings(const struct startup_usage *, struct settings *,
				struct listen_socket *asked, int argc, char *const argv[],
				struct cmdline *);

/* Loads them again, from the same file and the same command line, as another snapshot, the
 * caller's; what a running daemon can't change stays as it is in `before` and is told in notes.
 * NULL with lines on err. */
struct settings *startup_reread(const struct cmdline *, const struct settings *before,
				struct listen_socket *asked, FILE *notes, FILE *err);

/* Logs what the limit of open files has lowered, see daemon_fit_files(). */
void startup_report_files(const struct daemon_conf *);

/* Detaches and opens the log as the settings say.  0, or -1 with the reason told. */
MUST_CHECK int startup_detach(const struct daemon_conf *, const char *program);

/* Listens at *addr, or takes the listening socket that the predecessor has there or that this
 * process was given (socket_activation.h; alone: no other is wanted); *addr is then where it does,
 * a port 0 replaced by the one taken, and *owner tells whose a Unix socket's path is.  Waits for up
 * to a second while the address is in use.  The descriptor, or -1 with the reason logged. */
MUST_CHECK int startup_listen(const struct daemon_conf *, struct addr *addr, bool alone,
			      enum listen_owner *owner);

/* The same for fresh settings, without waiting.  -1 with errno. */
MUST_CHECK int startup_listen_anew(const struct daemon_conf *, struct addr *addr);

/* Opens the log as fresh settings say; 0, or -1 with a line on err. */
MUST_CHECK int startup_log_anew(const struct daemon_conf *, const char *program, FILE *err);
/* And as the former ones did, which are in force again. */
void startup_log_before(const struct daemon_conf *, const char *program);

/* The control socket where the settings want it; NULL in *out for none.  One that was not asked for
 * by its path and can't be had is only warned of, unless the name is to be unique and another
 * daemon serves there.  0, or -1 with the reason logged. */
MUST_CHECK int startup_control(const struct daemon_conf *, struct event_base *, const char *name,
			       bool unique, const struct control_verb *, void *ctx,
			       struct control **out);

/* Puts back what of the runtime directory somebody has removed, and says so: pidfile and control
 * socket; control may be NULL.  For reloads, and before an upgrade. */
void startup_restore(const struct daemon_conf *, struct control *);

/* The pages for operators where daemon_find_admin() has them, after startup_listen(); NULL in *out
 * for none.  0, or -1 with the reason logged. */
MUST_CHECK int startup_admin(const struct daemon_conf *, struct event_base *,
			     const struct http_admin_page *, void *ctx, struct http_admin **out);

/* What the settings ask of a supervisor.  leave_ms: what on_stop has. */
void startup_supervisor_conf(const struct daemon_conf *, uint64_t leave_ms,
			     struct supervisor_conf *);

/* NULL with the reason logged. */
MUST_CHECK struct supervisor *startup_supervisor(const struct supervisor_conf *,
						 struct event_base *, const struct supervisor_ops *,
						 void *ctx);

/* What every daemon passes to its successor: control socket, pidfile, pages.  control and admin may
 * be NULL. */
void startup_give(struct upgrade *, const struct control *, const struct http_admin *);
/* The successor serves: gives up what it has taken, and the pages in any case. */
void startup_given(const struct upgrade *, struct control *, struct http_admin **);

#endif
