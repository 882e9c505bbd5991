/* master.c - see master.h. */
#include "master_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "daemon_metrics.h"
#include "log.h"
#include "process_init.h"
#include "proctitle.h"
#include "reaper.h"
#include "status.h"
#include "takeover.h"
#include "tls_tickets.h"
#include "worker_cmds.h"

static const char *
program_of(const struct master *m)
{
	return m->ops->usage->program;
}

/* ---- what the control socket tells ---- */

struct json_object *
master_status(void *arg)
{
	struct master *m = arg;
	struct json_object *o = status_of_daemon(program_of(m), m->supervisor);

	if (o == NULL)
		return NULL;
	if (m->ops->describe != NULL)
		m->ops->describe(m, o);
	reload_add_status(m->reload, o);
	upgrade_add_status(m->upgrade, o);
	return o;
}

static struct json_object *
run_status(const struct control_call *call, const char **error, void *arg)
{
	struct json_object *o = master_status(arg);

	(void)call;
	if (o == NULL)
		*error = "out of memory";
	return o;
}

static const struct control_verb verbs[] = {
	{.name = "status", .run = run_status},
	{.name = NULL},
};

/* ---- what the supervisor asks for ---- */

static void
leave_to_master(struct master *m)
{
	daemon_after_fork();
	control_after_fork(m->control);
	m->control = NULL;
	reload_free(m->reload);
	m->reload = NULL;
	upgrade_free(m->upgrade);
	m->upgrade = NULL;
}

void
master_forget(struct master *m)
{
	leave_to_master(m);
	supervisor_free(m->supervisor);
	m->supervisor = NULL;
}

void
master_after_fork(unsigned slot, void *arg)
{
	struct master *m = arg;

	leave_to_master(m);
	settings_forget_keys(m->settings);
	if (m->former != NULL) {
		listen_socket_forget(&m->former_listen, &m->listen);
		settings_forget_keys(m->former);
	}
	if (m->ops->after_fork != NULL)
		m->ops->after_fork(slot, m);
}

static void
keep_open(struct fd_keep *k, void *arg)
{
	const struct master *m = arg;

	for (unsigned i = 0; i < m->listen.n; i++)
		fd_keep_add(k, m->listen.at[i].fd);
	if (m->ops->keep_open != NULL)
		m->ops->keep_open(k, arg);
}

static void
announced(void *arg)
{
	(void)arg;
	if (takeover_ready() < 0)
		log_errno(LOG_ERROR, "cannot tell the predecessor that this one is ready", NULL);
}

static void
on_up(void *arg)
{
	struct master *m = arg;

	m->ops->serving(m);
	if (!takeover_is_on()) {
		daemon_ready();
		upgrade_resume(m->upgrade);
	} else if (m->ops->announce != NULL) {
		m->ops->announce(m, announced); /* not before: the predecessor may have to go on */
	} else {
		announced(m);
	}
}

static void
left(void *arg)
{
	supervisor_stop_workers(((struct master *)arg)->supervisor);
}

void
master_leave(struct master *m)
{
	if (m->ops->leave != NULL)
		m->ops->leave(m, left);
	else
		left(m);
}

static void
on_stop(bool at_once, void *arg)
{
	struct master *m = arg;

	(void)at_once; /* the supervisor's leave clock is shorter then */
	upgrade_stop(m->upgrade);
	master_leave(m);
	reload_resume(m->reload);
}

static void
on_reload(void *arg)
{
	reload_request(((struct master *)arg)->reload);
}

static void
on_look(void *arg)
{
	struct master *m = arg;

	listen_socket_tick(&m->listen, &m->settings->daemon);
	tls_tickets_advance(clock_ms());
	if (m->ops->on_look != NULL)
		m->ops->on_look(m);
}

static void
on_room(void *arg)
{
	struct master *m = arg;

	if (m->ops->on_room != NULL)
		m->ops->on_room(m);
	reload_resume(m->reload);
}

/* ---- reloads ---- */

/* What fresh settings want opened.  0, or -1 with a line on err. */
static int
open_fresh(struct master *m, struct settings *fresh, struct listen_socket *at, FILE *err)
{
	if (listen_socket_open(at, &m->listen, &fresh->daemon, err) < 0 ||
	    startup_log_anew(&fresh->daemon, program_of(m), err) < 0)
		return -1;
	if (m->ops->take == NULL || m->ops->take(m, fresh, at, err) == 0)
		return 0;
	startup_log_before(&m->settings->daemon, program_of(m));
	return -1;
}

static int
take(void *arg, FILE *notes, FILE *err)
{
	struct master *m = arg;
	struct listen_socket at = {.n = 0};
	struct settings *fresh;

	startup_restore(&m->settings->daemon, m->control);
	fresh = startup_reread(&m->command, m->settings, &at, notes, err);
	if (fresh == NULL)
		return -1;
	if (open_fresh(m, fresh, &at, err) < 0) {
		listen_socket_close(&at, &m->listen);
		settings_release(fresh);
		return -1;
	}
	m->former = m->settings;
	m->former_listen = m->listen;
	m->settings = fresh;
	m->listen = at;
	return 0;
}

static void
supervisor_conf_of(void *arg, struct supervisor_conf *out)
{
	struct master *m = arg;

	startup_supervisor_conf(&m->settings->daemon, m->ops->leave_timeout(m), out);
	if (m->ops->start_timeout != NULL)
		out->start_timeout += m->ops->start_timeout(m);
}

static void
undo(void *arg)
{
	struct master *m = arg;

	listen_socket_close(&m->listen, &m->former_listen);
	settings_release(m->settings);
	m->settings = m->former;
	m->listen = m->former_listen;
	m->former = NULL;
	startup_log_before(&m->settings->daemon, program_of(m));
	if (m->ops->undo != NULL)
		m->ops->undo(m);
}

void
master_settled(void *arg)
{
	struct master *m = arg;

	reload_settled(m->reload, m->same_place);
}

static void
keep(void *arg)
{
	struct master *m = arg;
	struct settings *former = m->former;

	m->former = NULL;
	m->same_place = listen_socket_is_within(&m->former_listen, &m->listen);
	listen_socket_close(&m->former_listen, &m->listen);
	m->ops->serving(m);
	if (http_admin_set_names(m->admin, &m->settings->daemon.admin_names) < 0)
		log_event(LOG_ERROR, "out of memory: admin_names stay as they were", NULL);
	m->ops->keep(m, former);
	settings_release(former);
}

const struct reload_ops master_reload_ops = {
	.take = take, .conf = supervisor_conf_of, .keep = keep, .undo = undo};

/* ---- putting it together ---- */

int
master_pages(struct master *m, const struct http_admin_page *pages, void *ctx)
{
	if (startup_admin(&m->settings->daemon, m->base, pages, ctx, &m->admin) < 0)
		return -1;
	if (m->admin != NULL)
		http_admin_add(m->admin, daemon_metrics_pages, m->supervisor);
	return 0;
}

static int
open_loop(struct master *m)
{
	m->base = event_base_new();
	if (m->base == NULL) {
		log_errno(LOG_ERROR, "cannot make an event loop", NULL);
		return -1;
	}
	m->reload = reload_new(m->base, &master_reload_ops, m);
	if (m->reload == NULL)
		log_errno(LOG_ERROR, "cannot prepare for reloads", NULL);
	return m->reload == NULL ? -1 : 0;
}

static int
open_supervisor(struct master *m)
{
	struct supervisor_conf conf;

	m->workers = (struct supervisor_ops){.after_fork = master_after_fork,
					     .keep = keep_open,
					     .on_up = on_up,
					     .on_stop = on_stop,
					     .on_reload = on_reload,
					     .on_look = on_look,
					     .on_room = on_room};
	m->ops->workers(&m->workers);
	supervisor_conf_of(m, &conf);
	m->supervisor = startup_supervisor(&conf, m->base, &m->workers, m);
	return m->supervisor == NULL ? -1 : 0;
}

/* Where it is another instance of this daemon that has the address, its pidfile says so. */
static int
listen_or_tell(struct master *m, const struct daemon_conf *d)
{
	if (listen_socket_begin(&m->listen, d) == 0)
		return 0;
	if (errno == EADDRINUSE && m->ops->name(m) == 0)
		(void)!daemon_pidfile(d, m->name);
	return -1;
}

/* In the order in which one needs the other. */
static int
prepare(struct master *m)
{
	const struct master_ops *ops = m->ops;
	const struct daemon_conf *d = &m->settings->daemon;

	startup_report_files(d);
	if (listen_or_tell(m, d) < 0 || ops->name(m) < 0 || daemon_pidfile(d, m->name) < 0 ||
	    open_loop(m) < 0 || (ops->open != NULL && ops->open(m) < 0) ||
	    startup_control(d, m->base, m->name, ops->unique, verbs, m, &m->control) < 0 ||
	    open_supervisor(m) < 0 || (ops->begin != NULL && ops->begin(m) < 0))
		return -1;
	if (m->control != NULL) {
		control_add(m->control, worker_cmds, m->supervisor);
		control_add(m->control, reload_verbs, m->reload);
	}
	reload_attach(m->reload, m->supervisor);
	return master_open_upgrade(m);
}

static void
release(struct master *m)
{
	supervisor_free(m->supervisor);
	http_admin_free(m->admin);
	if (m->ops->close != NULL)
		m->ops->close(m);
	control_free(m->control);
	reload_free(m->reload);
	upgrade_free(m->upgrade);
	takeover_close();
	if (m->base != NULL)
		event_base_free(m->base);
	if (m->former != NULL)
		listen_socket_close(&m->former_listen, &m->listen);
	settings_release(m->former);
	listen_socket_end(&m->listen);
}

/* From the settings on; the exit status. */
static int
run(struct master *m, int argc, char *argv[])
{
	int status = 1;

	proctitle_init(argc, argv, program_of(m));
	if (startup_detach(&m->settings->daemon, program_of(m)) == 0 && prepare(m) == 0) {
		if (m->ops->await != NULL)
			m->ops->await(m);
		status = supervisor_run(m->supervisor);
		reaper_settle(m->base);
	}
	process_block_signals(); /* without handlers, a further one would end it by a signal */
	release(m);
	cmdline_release(&m->command);
	daemon_end();
	status = reaper_run(status);
	log_close();
	return status;
}

int
master_main(struct master *m, const struct master_ops *ops, int argc, char *argv[])
{
	int status;

	process_init(PROCESS_DAEMON);
	m->ops = ops;
	m->settings = settings_new(ops->settings);
	m->listen = m->former_listen = (struct listen_socket){.n = 0};
	if (m->settings == NULL) {
		(void)fprintf(stderr, "%s: out of memory\n", program_of(m));
		return 1;
	}
	status = startup_settings(ops->usage, m->settings, &m->listen, argc, argv, &m->command);
	if (status == STARTUP_GO_ON)
		status = run(m, argc, argv);
	settings_release(m->settings);
	return status;
}
