/* daemon.h - what every daemon needs around its loop: settings, detaching, pidfile, paths. */
#ifndef POLICYPOOL_DAEMON_H
#define POLICYPOOL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "addr.h"
#include "compiler.h"
#include "conf.h"
#include "fd_limit.h"
#include "host_names.h"
#include "log.h"
#include "net_unix.h"
#include "privdrop.h"
#include "tls_conf.h"

enum { DAEMON_WORKERS_MAX = 512 }; /* the proxy's permits know as many */
#define DAEMON_CONNECTIONS 16384   /* of a worker, by default */

/* The settings that both daemons share; rows in daemon_keys (daemon_keys.c).  Paths are absolute: a
 * detached daemon stands in /, so that it keeps no file system busy. */
struct daemon_conf {
	bool daemon;	   /* -d: detach */
	char *pidfile;	   /* empty: RUNTIME/NAME.pid when detached, none in front */
	char *runtime_dir; /* empty: /run/policypool for root, otherwise $XDG_RUNTIME_DIR/policypool
			      or /tmp/policypool-UID */
	char *control;	   /* empty: RUNTIME/NAME.sock; "none": no control socket */
	unsigned control_mode;
	char *log;	   /* "stderr", "syslog" or a path; empty: see log in policypool.conf(5) */
	int log_level;	   /* enum log_level */
	int log_format;	   /* 0 logfmt, 1 json */
	unsigned log_rate; /* lines a second of a kind; 0: no limit */
	int narrate;	   /* 0 auto (in front on a terminal), 1 yes, 2 no */
	unsigned workers;  /* 0: the CPUs this process may use */
	unsigned worker_connections; /* as daemon_fit_files() leaves it */
	struct fd_limit files;
	/* That the program needs beside connections, in a worker and in the master, there for two
	 * generations of workers and by which key; by its check. */
	unsigned other_files, master_files;
	const char *master_files_key;
	uint64_t max_buffered;	      /* bytes that one worker holds for its peers; 0: no limit */
	uint64_t stop_timeout;	      /* ms */
	uint64_t upgrade_timeout;     /* ms */
	uint64_t worker_timeout;      /* ms; 0: never */
	unsigned worker_max_requests; /* 0: never */
	uint64_t worker_max_memory;   /* bytes; 0: never */
	int scheduling;		      /* of workers; enum sched_policy_mode */
	unsigned busy_poll;	      /* us that a worker looks on before it sleeps; 0: never */
	unsigned backlog;
	unsigned listen_mode;		      /* of Unix sockets that are listened at */
	char *listen_owner, *listen_group;    /* name or number; empty: this process's */
	struct net_unix_rights listen_rights; /* what they come to; by listen_unix_check() */
	uint64_t max_message;		      /* bytes */
	bool strict_payloadsize;
	uint64_t idle_timeout;		/* ms; 0: never */
	struct privdrop_conf isolation; /* of workers */
	struct tls_listen_conf tls;	/* of the listener */
	char *admin; /* PORT or HOST:PORT of the pages for operators; empty: none */
	struct addr admin_at[HOST_NAMES_PAIR]; /* what it comes to; by daemon_find_admin() */
	unsigned admin_n;
	struct conf_list admin_names; /* that their Host may be, beside addresses */
};

extern const struct conf_key daemon_keys[];
extern const size_t daemon_keys_n;

/* Raises the limit of open files to what the settings need, and lowers worker_connections where it
 * does not go so far; forwards: see fd_limit.h.  0, or -1 with a line on err where not even one
 * connection fits. */
MUST_CHECK int daemon_fit_files(struct daemon_conf *, bool forwards, const char *program,
				FILE *err);
/* What that has lowered, as a sentence; NULL where nothing was. */
const char *daemon_files_text(const struct daemon_conf *, char text[FD_LIMIT_TEXT]);

/* `name` is the instance: "ppool-proxy-2100", "ppool-server-100". */

/* 1. Puts /dev/null where stdio is closed.  Detaches if conf says so: the caller goes on in the
 * child; the parent stays until daemon_ready() and exits 0, or with the child's status, 1 for 0 and
 * for a signal, when that ended before.  0,
 * or -1 with errno. */
MUST_CHECK int daemon_detach(const struct daemon_conf *);

/* 2. Opens the log as conf says; until daemon_ready() a detached daemon's warnings and errors go to
 *    stderr as well.  The service manager that the environment names is found (sd_notify.h).  0, or
 * -1 with the reason logged. */
MUST_CHECK int daemon_log(const struct daemon_conf *, const char *program);

/* The same for other settings while serving.  0, or -1 with errno and the log as it was. */
MUST_CHECK int daemon_log_anew(const struct daemon_conf *, const char *program);

/* 3. Makes the runtime directory and the pidfile (pidfile.h).  One that is handed over is written
 *    only by daemon_take_over().  0, or -1 with the reason logged. */
MUST_CHECK int daemon_pidfile(const struct daemon_conf *, const char *name);

/* Puts the pidfile back where it has been removed, or its folder; says so. */
void daemon_restore_pidfile(const struct daemon_conf *);

/* Makes the runtime directory if path lies in it: what the settings name there is no worse off than
 * what they leave open.  0, or -1 with errno and a warning logged. */
MUST_CHECK int daemon_prepare_for(const struct daemon_conf *, const char *path);

/* Serving: tells the service manager, lets the parent of daemon_detach() go and turns stdio to
 * /dev/null.  SIGPIPE is ignored by then. */
void daemon_ready(void);

/* The predecessor has let go: the pidfile is ours, and the service manager is told by us. */
void daemon_take_over(void);

/* In a forked worker: forgets pidfile and parent pipe without touching the file, and the terminal
 * when detached. */
void daemon_after_fork(void);

/* Removes the pidfile if this process wrote it; frees. */
void daemon_end(void);

/* RUNTIME/NAME.sock or what conf.control says, RUNTIME made; NULL for "none" with errno 0, and when
 * RUNTIME can't be used, with errno and a warning logged.  It is refused when somebody else but
 * root owns it, EPERM.  Owned by the caller. */
char *daemon_control_path(const struct daemon_conf *, const char *name);

/* The runtime directory in force, for ppool-ctl too; `configured` may be NULL or empty.  Owned by
 * the caller; NULL on ENOMEM. */
char *daemon_runtime_dir(const char *configured);

/* Finds out where the pages are to be, a port alone is one of 127.0.0.1; asks for a name that is
 * not known.  0, or -1 with a line on err. */
MUST_CHECK int daemon_find_admin(struct daemon_conf *, struct host_names *, const char *program,
				 FILE *err);
/* They need a place of their own beside `listen`.  0, or -1 with a line on err. */
MUST_CHECK int daemon_check_admin(const struct daemon_conf *, const struct addr *listen,
				  const char *program, FILE *err);

/* The file that `key` names can be appended to, or made, by this user; an empty path is none.  0,
 * or -1 with a line on err. */
MUST_CHECK int daemon_check_file(const char *program, const char *key, const char *path, FILE *err);
/* The same for `log`, where that is a file. */
MUST_CHECK int daemon_check_log(const struct daemon_conf *, const char *program, FILE *err);
/* The same of pidfile and control socket, with the runtime folder where they lie there, which can
 * be missing as long as it can be made; makes nothing.  A control socket that was not asked for is
 * done without: then there is a line, and it is 0. */
MUST_CHECK int daemon_check_runtime(const struct daemon_conf *, const char *program, FILE *err);

/* conf.workers, or the CPUs this process may use when 0; at least 1. */
unsigned daemon_workers(const struct daemon_conf *);

/* Slots for workers: room to scale up, for successors, and for generations that drain.  At most
 * 512. */
unsigned daemon_slots(const struct daemon_conf *);

#endif
