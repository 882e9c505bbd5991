/* master.c - see master.h. */
#include "master.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "clock.h"
#include "describe.h"
#include "launch.h"
#include "log.h"
#include "net.h"
#include "orders.h"
#include "proctitle.h"
#include "status.h"
#include "vitals.h"

static const char program[] = MASTER_PROGRAM;

enum { EXPIRE_MS = 200 }; /* how often leases are looked at */

/* ---- what the control socket tells ---- */

static struct json_object *
describe_proxy(void *arg)
{
	struct master *m = arg;
	struct json_object *o = status_of_daemon(program, m->supervisor);
	char text[ADDR_TEXT];

	if (o == NULL)
		return NULL;
	status_add_text(o, "id", m->settings.proxy.id);
	status_add_text(o, "listen", addr_text(&m->addr, text));
	describe_meter(o, m->front.meter);
	describe_joins(o, &m->joins);
	reload_add_status(m->reload, o);
	upgrade_add_status(m->upgrade, o);
	return o;
}

static struct json_object *
tell_status(const struct control_call *call, const char **error, void *arg)
{
	struct json_object *o = describe_proxy(arg);

	(void)call;
	if (o == NULL)
		*error = "out of memory";
	return o;
}

static const struct control_verb verbs[] = {
	{.name = "status", .run = tell_status},
	{.name = NULL},
};

/* ---- the registry's master ---- */

static void
tell_change(struct master *m)
{
	watch_registry(m->watch);
	keeper_changed(m->keeper);
	for (unsigned i = 0; i < supervisor_slots(m->supervisor); i++)
		permit_nudge(m->front.permits, i);
}

void
master_review_keys(struct master *m)
{
	if (join_review(&m->join) == JOIN_CHANGED)
		tell_change(m);
}

void
master_register(struct master *m, struct span message, struct buf *answer)
{
	struct join_handoff head;
	struct span text;

	if (join_read(message, &head, &text) < 0) {
		log_event(LOG_WARN, "a worker handed over what is no registration", "bytes=%zu",
			  message.n);
		return;
	}
	/* The head stands in front of the answer, and is known when that is. */
	if (buf_append(answer, &head, sizeof head) < 0)
		return;
	/* The workers know of the change before the server knows that it is done. */
	if (join_handle(&m->join, text, &head.guest, clock_ms(), answer) == JOIN_CHANGED)
		tell_change(m);
	memcpy(answer->base + answer->head, &head, sizeof head);
}

static void
take_registration(struct master *m, unsigned slot, struct span message)
{
	struct buf answer = BUF_INIT;
	bool elsewhere = succession_forward(m, slot, message);

	master_register(m, message, &answer);
	if (!elsewhere && buf_len(&answer) > 0 &&
	    supervisor_tell(m->supervisor, slot, buf_span(&answer)) < 0)
		log_errno(LOG_WARN, "cannot answer a registration", "worker=%u", slot);
	buf_release(&answer);
}

static void
take_incident(struct master *m, struct span message)
{
	struct handoff_incident incident;

	if (handoff_read_incident(message, clock_ms(), &incident) == 0)
		watch_incident(m->watch, &incident);
}

static void
from_worker(unsigned slot, struct span message, void *arg)
{
	switch (handoff_kind_of(message)) {
	case HANDOFF_REGISTRATION: take_registration(arg, slot, message); break;
	case HANDOFF_INCIDENT: take_incident(arg, message); break;
	case HANDOFF_EXPLAIN: console_answer(((struct master *)arg)->console, message); break;
	case HANDOFF_NONE:
	case HANDOFF_END:
		log_event(LOG_WARN, "a worker said what nobody understands", "worker=%u bytes=%zu",
			  slot, message.n);
		break;
	}
}

static void
on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	/* Who stops takes no renewals, and needs the servers until its workers are done. */
	if (!supervisor_stopping(m->supervisor) &&
	    join_expire(&m->join, clock_ms()) == JOIN_CHANGED)
		tell_change(m);
}

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
	log_event(LOG_INFO, "serving", "listen=%s workers=%u", addr_text(&m->addr, text), v.ready);
	log_narrate("Proxy running on port %u", addr_port(&m->addr));
	proctitle_set("master :%u", addr_port(&m->addr));
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

static struct addr_net *
parse_networks(const struct conf_list *list)
{
	struct addr_net *net = calloc(list->n + 1, sizeof *net);
	const char *why;

	for (size_t i = 0; net != NULL && i < list->n; i++)
		if (addr_net_parse(&net[i], list->item[i], &why) < 0)
			abort(); /* the setting was judged */
	return net;
}

int
master_set_join(struct master *m, const struct addr *self)
{
	const struct proxy_conf *c = &m->settings.proxy;
	struct addr_net *trusted = parse_networks(&c->trusted_networks);
	struct limiter *refusals = NULL;
	struct gate *gate = NULL;

	if (c->refusals_per_address > 0)
		refusals = limiter_new(c->refusals_per_address, 0);
	if (trusted == NULL || (c->refusals_per_address > 0 && refusals == NULL) ||
	    gate_open(&gate, c, m->front.gate) < 0) {
		free(trusted);
		limiter_free(refusals);
		return -1;
	}
	free(m->join.trusted);
	limiter_free(m->join.refusals);
	gate_free(m->front.gate);
	m->front.gate = gate;
	m->join = (struct join){.registry = m->front.registry,
				.tally = m->front.tally,
				.events = m->events,
				.counts = &m->joins,
				.proxy_id = c->id,
				.self = *self,
				.keyring = m->settings.keyring,
				.cluster = c->cluster,
				.require_signature = c->require_signature,
				.tls_known = c->server_creds != NULL,
				.tls_required = c->server_tls != 0,
				.refusals = refusals,
				.trusted = trusted,
				.trusted_n = c->trusted_networks.n};
	return 0;
}

static void
on_order(void *arg)
{
	tell_change(arg);
}

/* Any worker that serves. */
static int
ask_worker(struct span question, void *arg)
{
	struct master *m = arg;
	struct supervisor_member w;

	for (unsigned i = 0; i < supervisor_slots(m->supervisor); i++) {
		supervisor_look_at(m->supervisor, i, &w);
		if (w.state == SLOT_READY && supervisor_tell(m->supervisor, i, question) == 0)
			return 0;
	}
	return -1;
}

static int
open_console(struct master *m)
{
	m->pool = (struct console_env){.base = m->base,
				       .balance = &m->settings.proxy.balance,
				       .meter = m->front.meter,
				       .joins = &m->joins,
				       .registry = m->front.registry,
				       .tally = m->front.tally,
				       .events = m->events,
				       .watch = m->watch,
				       .changed = on_order,
				       .ask = ask_worker,
				       .ctx = m};
	m->console = console_new(&m->pool);
	if (m->console == NULL) {
		log_errno(LOG_ERROR, "cannot answer an operator", NULL);
		return -1;
	}
	if (m->control != NULL)
		control_add(m->control, console_verbs, m->console);
	return 0;
}

static int
open_watch(struct master *m)
{
	struct watch_env env = {.base = m->base,
				.conf = &m->settings.proxy,
				.registry = m->front.registry,
				.permits = m->front.permits,
				.tally = m->front.tally,
				.verdicts = m->verdicts,
				.events = m->events,
				.worker = daemon_slots(&m->settings.daemon),
				.changed = on_order,
				.ctx = m};

	m->watch = watch_new(&env);
	if (m->watch != NULL)
		return 0;
	log_errno(LOG_ERROR, "cannot watch the servers", NULL);
	return -1;
}

static int
open_registry(struct master *m)
{
	const struct proxy_conf *c = &m->settings.proxy;
	unsigned workers = daemon_slots(&m->settings.daemon);
	struct timeval tv = clock_timeval(EXPIRE_MS);

	m->front.registry = registry_new(c->max_servers, c->max_policies);
	m->events = events_new();
	m->front.permits = permits_new(c->max_servers,
				       workers + 1); /* the master's probes take some too */
	m->front.tally = tally_new(workers, c->max_servers);
	m->front.verdicts = m->verdicts = verdicts_new(c->max_servers);
	m->front.meter = meter_new(workers, c->max_policies);
	m->expiry = event_new(m->base, -1, EV_PERSIST, on_expiry, m);
	if (m->front.registry == NULL || m->front.permits == NULL || m->front.tally == NULL ||
	    m->front.meter == NULL || m->verdicts == NULL || m->events == NULL ||
	    master_set_join(m, &m->addr) < 0 || m->expiry == NULL ||
	    event_add(m->expiry, &tv) < 0) {
		log_errno(LOG_ERROR, "cannot make the registry", NULL);
		return -1;
	}
	return 0;
}

static int
open_pages(struct master *m)
{
	m->pages = (struct pages){
		.pool = &m->pool, .supervisor = m->supervisor, .status = describe_proxy, .ctx = m};
	if (launch_admin(&m->settings.daemon, m->base, pages, &m->pages, &m->admin) < 0)
		return -1;
	if (m->admin != NULL)
		admin_add(m->admin, vitals_pages, m->supervisor);
	return 0;
}

void
master_open_keeper(struct master *m)
{
	const struct proxy_settings *s = &m->settings;
	struct keeper_env env = {.base = m->base,
				 .registry = m->front.registry,
				 .events = m->events,
				 .max_age = s->proxy.state_max_age};
	int error;

	m->journal_path = keeper_path(s->proxy.state_file, s->daemon.daemon, m->name, &error);
	if (error != 0)
		log_event(LOG_ERROR, "out of memory: no journal is kept", NULL);
	if (m->journal_path == NULL)
		return;
	env.path = m->journal_path;
	m->keeper = keeper_new(&env);
	if (!handover_is_on()) /* otherwise all is known, and newer */
		keeper_recall(m->keeper);
	watch_registry(m->watch);
	keeper_changed(m->keeper);
}

/* The workers' ops are those of front.h; only where they find their settings is ours to say. */
static struct supervisor_ops
make_ops(void)
{
	struct supervisor_ops ops = {.after_fork = after_fork,
				     .keep = keep,
				     .sandbox = SANDBOX_PROXY,
				     .worker = front_ops,
				     .on_up = on_up,
				     .from_worker = from_worker,
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

static int
open_access_log(struct master *m)
{
	const struct proxy_conf *c = &m->settings.proxy;

	m->front.access_fd = master_open_access(c);
	if (m->front.access_fd >= 0 || c->access_log == ACCESS_OFF || c->access_log_file[0] == '\0')
		return 0;
	log_errno(LOG_ERROR, "cannot open the access log", "path=%s",
		  log_quoted(c->access_log_file));
	return -1;
}

unsigned long
master_files(const struct daemon_conf *d)
{
	/* A client and its share of the connections to servers. */
	return (unsigned long)d->worker_connections * 2 + 256;
}

static int
open_upgrade(struct master *m)
{
	struct upgrade_env env = {.base = m->base,
				  .command = &m->command,
				  .name = m->name,
				  .supervisor = m->supervisor,
				  .reload = m->reload,
				  .timeout = &m->settings.daemon.upgrade_timeout};

	m->upgrade = upgrade_new(&env, &succession_testator, m);
	if (m->upgrade == NULL || handover_begin(m->base, &succession_heir, m) < 0) {
		log_errno(LOG_ERROR, "cannot prepare for upgrades", NULL);
		return -1;
	}
	if (m->control != NULL)
		control_add(m->control, upgrade_verbs, m->upgrade);
	return 0;
}

int
master_prepare(struct master *m)
{
	const struct daemon_conf *d = &m->settings.daemon;

	m->ops = make_ops();
	m->front.settings = &m->settings;
	(void)net_raise_nofile(master_files(d));
	m->addr = m->asked;
	m->front.listen_fd = m->listen_fd = launch_listen(d, &m->addr);
	if (m->listen_fd < 0)
		return -1;
	if (open_access_log(m) < 0)
		return -1;
	(void)snprintf(m->name, sizeof m->name, "%s-%u", program, addr_port(&m->addr));
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
	    open_registry(m) < 0 || open_watch(m) < 0 || open_console(m) < 0)
		return -1;
	m->supervisor = launch_supervisor(d, m->base, MASTER_LEAVE_MS, &m->ops, m);
	if (m->supervisor == NULL || open_pages(m) < 0)
		return -1;
	if (m->control != NULL)
		control_add(m->control, orders, m->supervisor);
	if (!handover_is_on())
		master_open_keeper(m);
	else if (succession_recall(m) < 0)
		return -1;
	watch_registry(m->watch);
	master_review_keys(m);
	if (m->control != NULL)
		control_add(m->control, reload_verbs, m->reload);
	reload_attach(m->reload, m->supervisor);
	return open_upgrade(m);
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
	if (m->listen_fd >= 0)
		(void)close(m->listen_fd);
	if (m->front.access_fd >= 0)
		(void)close(m->front.access_fd);
	permits_free(m->front.permits);
	registry_free(m->front.registry);
	tally_free(m->front.tally);
	meter_free(m->front.meter);
	verdicts_free(m->verdicts);
	events_free(m->events);
	limiter_free(m->join.refusals);
	gate_free(m->front.gate);
	free(m->join.trusted);
}
