/* master.h - the master process of a daemon, from main to its end; what differs between programs
 * they give as ops.
 *
 *   start    settings -> detach -> listen -> pidfile -> open -> control socket -> begin -> await
 *            -> workers -> serving -> announce
 *   reload   a fresh snapshot -> take -> new workers beside the old -> keep -> the old drain
 *                                                                  +-> undo
 *   upgrade  the predecessor: give -> given; its successor: a start, then took_over
 *   stop     leave -> the workers drain -> close
 *
 * A program's struct begins with a struct master, so that each op has its own. */
#ifndef POLICYPOOL_MASTER_H
#define POLICYPOOL_MASTER_H

#include <event2/event.h>
#include <json-c/json.h>

#include "cmdline.h"
#include "compiler.h"
#include "control.h"
#include "http_admin.h"
#include "listen_socket.h"
#include "reload.h"
#include "settings.h"
#include "startup.h"
#include "supervisor.h"
#include "upgrade.h"

struct master;

/* NULL: nothing is to be done there, unless it says otherwise. */
struct master_ops {
	const struct startup_usage *usage;
	const struct settings_kind *settings; /* required */
	bool unique; /* the name: another daemon that serves by it ends the start */

	/* Required.  Fills what is the program's: worker, sandbox, before_fork, from_worker,
	 * on_exit, on_reopen. */
	void (*workers)(struct supervisor_ops *);
	/* As in supervisor_ops, after the master's own. */
	void (*after_fork)(unsigned slot, void *master);
	void (*keep_open)(struct fd_keep *, void *master);
	void (*on_room)(void *master);
	void (*on_look)(void *master);

	/* Required.  Fills m->name, the instance's, once it listens.  0, or -1 logged. */
	int (*name)(struct master *);
	/* Required.  ms that leave() may take. */
	uint64_t (*leave_timeout)(const struct master *);
	/* ms that workers may take to start beyond what they need themselves. */
	uint64_t (*start_timeout)(const struct master *);

	/* Makes what is not of the master; there are a loop, settings and a name.  0, or -1 logged.
	 */
	int (*open)(struct master *);
	/* And what needs the supervisor or the control socket, which may be NULL.  0, or -1 logged.
	 */
	int (*begin)(struct master *);
	/* All is made, and no worker forked: may run the loop for a while first. */
	void (*await)(struct master *);
	/* Required.  Workers serve with the settings in force: log, narration, title. */
	void (*serving)(struct master *);
	/* Tells the pool; done(m) is called once, maybe before the return. */
	void (*announce)(struct master *, void (*done)(void *master));
	/* Leaves the pool; done(m) likewise.  Not in charge, the pool is the predecessor's. */
	void (*leave)(struct master *, void (*done)(void *master));
	/* Frees all of its own; there is no worker and no supervisor any more. */
	void (*close)(struct master *);

	/* Adds to the status. */
	void (*describe)(struct master *, struct json_object *);

	/* Opens what fresh settings want, the last that can fail: m->settings are still those
	 * before.  0, or -1 with a line on err. */
	int (*take)(struct master *, struct settings *fresh, const struct listen_socket *at,
		    FILE *err);
	/* Required.  Its workers serve.  Gives up what was for the former settings, borrowed for
	 * the call; then master_settled(), maybe before the return. */
	void (*keep)(struct master *, const struct settings *former);
	/* They do not, and the former settings are in force again. */
	void (*undo)(struct master *);

	/* upgrade_give() of its own.  0, or -1 logged. */
	int (*give)(struct master *);
	/* The successor serves: gives up what two can't have. */
	void (*given)(struct master *);
	/* The predecessor has let go.  Required: logs that. */
	void (*took_over)(struct master *);
	/* Over the channel between them; NULL: nothing is expected. */
	void (*from_predecessor)(struct span, void *master);
	void (*from_successor)(struct span, void *master);
};

enum { MASTER_NAME = 288 };

struct master {
	const struct master_ops *ops;
	struct cmdline command;
	struct settings *settings; /* in force; held */
	struct listen_socket listen;
	/* While a reload's workers come up: those before; NULL: none is under way. */
	struct settings *former;
	struct listen_socket former_listen;
	bool same_place; /* the new workers accept where the old ones do */
	char name[MASTER_NAME];
	struct event_base *base;
	struct control *control;  /* NULL: none */
	struct http_admin *admin; /* NULL: no pages */
	struct reload *reload;
	struct upgrade *upgrade;
	struct supervisor_ops workers;
	struct supervisor *supervisor;
};

/* The program, from main to its exit status.  Zeroed but for what is the program's own. */
int master_main(struct master *, const struct master_ops *, int argc, char *argv[]);

/* The pages for operators where the settings want them, from begin(), and what there is of each
 * daemon besides.  0, or -1 logged. */
MUST_CHECK int master_pages(struct master *, const struct http_admin_page *, void *ctx);

/* As ppool-ctl status has it; NULL on ENOMEM. */
struct json_object *master_status(void *master);

/* In a forked process that is no worker, its loop made anew: gives up what is the master's, but for
 * the settings; the rest of what it shares too. */
void master_forget(struct master *);

/* From keep(), or later: the pool knows. */
void master_settled(void *master);

/* ---- for tests ---- */

extern const struct reload_ops master_reload_ops; /* their ctx is a struct master */

/* In a forked worker: gives up what is the master's alone. */
void master_after_fork(unsigned slot, void *master);

#endif
