/* daemon.h - what every daemon here needs around its loop: settings, detaching, pidfile, paths. */
#ifndef POLICYPOOL_DAEMON_H
#define POLICYPOOL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attr.h"
#include "conf.h"
#include "isolate.h"
#include "log.h"
#include "tls_settings.h"

enum { DAEMON_WORKERS_MAX = 512 }; /* the proxy's permits know as many */

/* The settings that both daemons share; rows in daemon_keys (daemon_keys.c).  Paths are absolute: a
 * detached daemon stands in /, so that it keeps no file system busy. */
struct daemon_conf {
	bool daemon;	   /* -d: detach */
	char *pidfile;	   /* empty: RUNTIME/NAME.pid when detached, none in front */
	char *runtime_dir; /* empty: /run/policypool for root, otherwise $XDG_RUNTIME_DIR/policypool
			      or /tmp/policypool-UID */
	char *control;	   /* empty: RUNTIME/NAME.sock; "none": no control socket */
	unsigned control_mode;
	char *log; /* "stderr", "syslog" or a path; empty: syslog when detached, otherwise stderr */
	int log_level;	  /* enum log_level */
	int log_format;	  /* 0 logfmt, 1 json */
	int narrate;	  /* 0 auto (in front only), 1 yes, 2 no */
	unsigned workers; /* 0: the CPUs this process may use */
	unsigned worker_connections;
	uint64_t stop_timeout;	      /* ms */
	uint64_t upgrade_timeout;     /* ms */
	uint64_t worker_timeout;      /* ms; 0: never */
	unsigned worker_max_requests; /* 0: never */
	uint64_t worker_max_memory;   /* bytes; 0: never */
	int scheduling;		      /* of workers; enum scheduling_mode */
	unsigned busy_poll;	      /* us that a worker looks on before it sleeps; 0: never */
	unsigned backlog;
	uint64_t max_message; /* bytes */
	bool strict_payloadsize;
	uint64_t idle_timeout;	       /* ms; 0: never */
	struct isolate_conf isolation; /* of workers */
	struct tls_listen_conf tls;    /* of the listener */
	char *admin; /* PORT or HOST:PORT of the pages for operators; empty: none */
};

extern const struct conf_key daemon_keys[];
extern const size_t daemon_keys_n;

/* `name` is the instance: "ppool-proxy-2100", "ppool-server-100". */

/* 1. Puts /dev/null where stdio is closed.  Detaches if conf says so: the caller goes on in the
 * child; the parent stays until daemon_ready() and exits 0, or 1 when the child ended before.  0,
 * or -1 with errno. */
MUST_CHECK int daemon_detach(const struct daemon_conf *);

/* 2. Opens the log as conf says; until daemon_ready() a detached daemon's warnings and errors go to
 *    stderr as well.  The service manager that the environment names is found (notify.h).  0, or -1
 *    with the reason logged. */
MUST_CHECK int daemon_log(const struct daemon_conf *, const char *program);

/* The same for other settings while serving.  0, or -1 with errno and the log as it was. */
MUST_CHECK int daemon_log_anew(const struct daemon_conf *, const char *program);

/* 3. Makes the runtime directory and the pidfile, with the lock held for as long as its descriptor
 * is open here or in a successor.  One that is handed over (handover.h) is written only by
 *    daemon_take_over().  0, or -1 with the reason logged, which names the pid that is in it. */
MUST_CHECK int daemon_pidfile(const struct daemon_conf *, const char *name);

/* Serving: tells the service manager, lets the parent of daemon_detach() go and turns stdio to
 * /dev/null.  SIGPIPE is ignored by then. */
void daemon_ready(void);

/* The predecessor has let go: the pidfile is ours. */
void daemon_take_over(void);
/* For a successor: the pidfile's descriptor and path, borrowed; -1 where there is none. */
int daemon_pidfile_held(const char **path);
/* It has it: not ours any more. */
void daemon_hand_over(void);

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

/* conf.workers, or the CPUs this process may use when 0; at least 1. */
unsigned daemon_workers(const struct daemon_conf *);

/* Slots for workers: room to scale up, for successors, and for generations that drain.  At most
 * 512. */
unsigned daemon_slots(const struct daemon_conf *);

#endif
