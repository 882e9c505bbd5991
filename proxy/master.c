/* master.c - see master.h. */
#include "master.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "access.h"
#include "describe.h"
#include "inbox.h"
#include "launch.h"
#include "log.h"
#include "net.h"
#include "orders.h"
#include "parts.h"
#include "proctitle.h"
#include "status.h"

static const char program[] = MASTER_PROGRAM;

/* ---- what the control socket tells ---- */

struct json_object *
master_describe(void *arg)
{
	struct master *m = arg;
	struct json_object *o = status_of_daemon(program, m->supervisor);
	char text[ADDR_TEXT];

	if (o == NULL)
		return NULL;
	status_add_text(o, "id", m->settings.proxy.id);
	status_add_text(o, "listen", addr_text(&m->venue.addr, text));
	describe_meter(o, m->front.meter);
	describe_joins(o, &m->joins);
	reload_add_status(m->reload, o);
	upgrade_add_status(m->upgrade, o);
	return o;
}

static struct json_object *
tell_status(const struct control_call *call, const char **error, void *arg)
{
	struct json_object *o = master_describe(arg);

	(void)call;
	if (o == NULL)
		*error = "out of memory";
	return o;
}

static const struct control_verb verbs[] = {
	{.name = "status", .run = tell_status},
	{.name = NULL},
};

/* ---- what the supervisor asks for ---- */

static void
after_fork(void *arg)
{
	struct master *m = arg;

	daemon_after_fork();
	control_after_fork(m->control);
	m->control = NULL;
	console_after_fork(m->console);
	m->console = NULL;
	watch_free(m->watch);
	m->watch = NULL;
	keeper_after_fork(m->keeper);
	m->keeper = NULL;
	event_free(m->expiry);
	m->expiry = NULL;
	proxy_settings_forget_keys(&m->settings); /* the master alone judges registrations */
	m->join.keyring = NULL;
	reload_free(m->reload);
	m->reload = NULL;
	upgrade_free(m->upgrade);
	m->upgrade = NULL;
	refit_after_fork(m);
}

static void
keep(struct keep *k, void *arg)
{
	const struct master *m = arg;

	keep_add(k, m->front.listen_fd);
	keep_add(k, m->front.access_fd);
	/* Every worker's, and the master's own. */
	for (unsigned i = 0; i <= supervisor_slots(m->supervisor); i++)
		keep_add(k, permit_descriptor(m->front.permits, i));
}

static void *
start_worker(struct worker *w, void *arg)
{
	struct master *m = arg;

	return front_ops.start(w, &m->front);
}

static void
on_exit_of(unsigned slot, void *arg)
{
	struct master *m = arg;

	permit_release_all(m->front.permits, slot);
	meter_fold(m->front.meter, slot);
	tally_fold(m->front.tally, slot, registry_server_end(m->front.registry));
}

void
master_tell_serving(struct master *m)
{
	struct supervisor_view v;
	char text[ADDR_TEXT];

	supervisor_look(m->supervisor, &v);
	log_event(LOG_INFO, "serving", "listen=%s workers=%u", addr_text(&m->venue.addr, text),
		  v.ready);
	log_narrate("Proxy running on port %u", addr_port(&m->venue.addr));
	proctitle_set("master :%u", addr_port(&m->venue.addr));
}

static void
on_up(void *arg)
{
	master_tell_serving(arg);
	if (!handover_is_on())
		daemon_ready();
	else if (handover_ready() < 0)
		log_errno(LOG_ERROR, "cannot tell the predecessor that this one is ready", NULL);
}

static void
on_stop(bool at_once, void *arg)
{
	struct master *m = arg;

	(void)at_once; /* nothing to leave */
	supervisor_stop_workers(m->supervisor);
	reload_look(m->reload);
}

static void
on_reload(void *arg)
{
	struct master *m = arg;

	reload_request(m->reload);
}

int
master_open_access(const struct proxy_conf *c)
{
	return c->access_log == ACCESS_OFF || c->access_log_file[0] == '\0'
		       ? -1
		       : access_open(c->access_log_file);
}

/* The workers that there are get the new one; those to come inherit it. */
static void
on_reopen(void *arg)
{
	struct master *m = arg;
	int fd;

	if (m->front.access_fd < 0)
		return;
	fd = master_open_access(&m->settings.proxy);
	if (fd < 0) {
		log_errno(LOG_ERROR, "cannot reopen the access log", "path=%s",
			  log_quoted(m->settings.proxy.access_log_file));
		return;
	}
	(void)close(m->front.access_fd);
	m->front.access_fd = fd;
	supervisor_pass(m->supervisor, fd);
}

static void
on_upgrade(void *arg)
{
	struct master *m = arg;

	upgrade_request(m->upgrade);
}

static void
on_other_child(pid_t pid, int status, void *arg)
{
	struct master *m = arg;

	upgrade_child_ended(m->upgrade, pid, status);
}

static void
on_room(void *arg)
{
	struct master *m = arg;

	reload_look(m->reload);
}

/* ---- putting it together ---- */

/* The workers' ops are those of front.h; only where they find their settings is ours to say. */
static struct supervisor_ops
make_ops(void)
{
	struct supervisor_ops ops = {.after_fork = after_fork,
				     .keep = keep,
				     .sandbox = SANDBOX_PROXY,
				     .worker = front_ops,
				     .on_up = on_up,
				     .from_worker = inbox_message,
				     .on_exit = on_exit_of,
				     .on_stop = on_stop,
				     .on_reload = on_reload,
				     .on_upgrade = on_upgrade,
				     .on_other_child = on_other_child,
				     .on_reopen = on_reopen,
				     .on_room = on_room};

	ops.worker.start = start_worker;
	return ops;
}

unsigned long
master_files(const struct daemon_conf *d)
{
	/* A client and its share of the connections to servers. */
	return (unsigned long)d->worker_connections * 2 + 256;
}

int
master_prepare(struct master *m)
{
	const struct daemon_conf *d = &m->settings.daemon;

	m->ops = make_ops();
	m->front.settings = &m->settings;
	(void)net_raise_nofile(master_files(d));
	m->venue.addr = m->venue.asked;
	m->front.listen_fd = m->venue.fd = launch_listen(d, &m->venue.addr);
	if (m->venue.fd < 0)
		return -1;
	if (parts_open_access_log(m) < 0)
		return -1;
	(void)snprintf(m->name, sizeof m->name, "%s-%u", program, addr_port(&m->venue.addr));
	if (daemon_pidfile(d, m->name) < 0)
		return -1;
	m->base = event_base_new();
	if (m->base == NULL) {
		log_errno(LOG_ERROR, "cannot make an event loop", NULL);
		return -1;
	}
	m->reload = reload_new(m->base, &refit_ops, m);
	if (m->reload == NULL) {
		log_errno(LOG_ERROR, "cannot prepare for reloads", NULL);
		return -1;
	}
	if (launch_control(d, m->base, m->name, verbs, m, &m->control) < 0 ||
	    parts_open_registry(m) < 0 || parts_open_watch(m) < 0 || parts_open_console(m) < 0)
		return -1;
	m->supervisor = launch_supervisor(d, m->base, MASTER_LEAVE_MS, &m->ops, m);
	if (m->supervisor == NULL || parts_open_pages(m) < 0)
		return -1;
	if (m->control != NULL)
		control_add(m->control, orders, m->supervisor);
	if (!handover_is_on())
		parts_open_keeper(m);
	else if (succession_recall(m) < 0)
		return -1;
	watch_registry(m->watch);
	inbox_review(m);
	if (m->control != NULL)
		control_add(m->control, reload_verbs, m->reload);
	reload_attach(m->reload, m->supervisor);
	return parts_open_upgrade(m);
}

int
master_run(struct master *m)
{
	return supervisor_run(m->supervisor);
}

void
master_release(struct master *m)
{
	supervisor_free(m->supervisor);
	keeper_end(m->keeper);
	keeper_free(m->keeper);
	free(m->journal_path);
	admin_free(m->admin);
	console_free(m->console);
	watch_free(m->watch);
	control_free(m->control);
	reload_free(m->reload);
	upgrade_free(m->upgrade);
	handover_close();
	if (m->expiry != NULL)
		event_free(m->expiry);
	if (m->base != NULL)
		event_base_free(m->base);
	if (m->venue.fd >= 0)
		(void)close(m->venue.fd);
	if (m->front.access_fd >= 0)
		(void)close(m->front.access_fd);
	permits_free(m->front.permits);
	registry_free(m->front.registry);
	ledger_free(m->ledger);
	tally_free(m->front.tally);
	meter_free(m->front.meter);
	verdicts_free(m->verdicts);
	events_free(m->events);
	limiter_free(m->join.refusals);
	gate_free(m->front.gate);
	free(m->join.trusted);
}
