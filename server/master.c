/* master.c - see master.h. */
#include "master.h"

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"
#include "log.h"
#include "net.h"
#include "orders.h"
#include "proctitle.h"
#include "status.h"
#include "vitals.h"

static const char program[] = MASTER_PROGRAM;

/* ---- what the control socket tells ---- */

static struct json_object *
tell_status(const struct control_call *call, const char **error, void *arg)
{
	struct master *m = arg;
	struct json_object *o = status_of_daemon(program, m->supervisor);
	char text[ADDR_TEXT];
	uint64_t since;

	(void)call;
	if (o == NULL) {
		*error = "out of memory";
		return NULL;
	}
	status_add_text(o, "id", m->settings.server.id);
	status_add_text(o, "policy", m->settings.server.policy);
	status_add_text(o, "listen", addr_text(&m->venue.addr, text));
	status_add_text(o, "proxy", m->settings.server.revproc);
	if (m->registrar != NULL) {
		status_add_text(o, "registration", registrar_state(m->registrar, &since));
		status_add_seconds(o, "registration_age_s", clock_ms() - since);
		status_add_text(o, "registration_trouble", registrar_trouble(m->registrar));
		status_add_text(o, "registration_key", m->settings.server.key_id);
	}
	reload_add_status(m->reload, o);
	upgrade_add_status(m->upgrade, o);
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
	registrar_free(m->registrar);
	m->registrar = NULL;
	registrar_free(m->leaving);
	m->leaving = NULL;
	reload_free(m->reload);
	m->reload = NULL;
	upgrade_free(m->upgrade);
	m->upgrade = NULL;
	refit_after_fork(m);
	server_settings_forget_keys(&m->settings); /* the master alone registers */
}

static void
keep(struct keep *k, void *arg)
{
	const struct master *m = arg;

	keep_add(k, m->serve.listen_fd);
}

static void *
start_worker(struct worker *w, void *arg)
{
	struct master *m = arg;

	return serve_ops.start(w, &m->serve);
}

void
master_tell_serving(struct master *m)
{
	const struct server_conf *c = &m->settings.server;
	struct supervisor_view v;
	char text[ADDR_TEXT];

	supervisor_look(m->supervisor, &v);
	log_event(LOG_INFO, "serving", "id=%s policy=%s listen=%s workers=%u", log_quoted(c->id),
		  log_quoted(c->policy), addr_text(&m->venue.addr, text), v.ready);
	log_narrate("Server running with id %s, policy %s, listening on port %u", c->id, c->policy,
		    addr_port(&m->venue.addr));
	proctitle_set("master %s/%s :%u", c->id, c->policy, addr_port(&m->venue.addr));
}

static void
ready(void *arg)
{
	(void)arg;
	if (handover_ready() < 0)
		log_errno(LOG_ERROR, "cannot tell the predecessor that this one is ready", NULL);
}

static void
on_up(void *arg)
{
	struct master *m = arg;

	master_tell_serving(m);
	if (!handover_is_on())
		daemon_ready();
	else if (m->registrar != NULL)
		master_announce(m, ready); /* not before: the predecessor may have to go on */
	else
		ready(m);
}

static void
left_the_pool(void *arg)
{
	struct master *m = arg;

	supervisor_stop_workers(m->supervisor);
}

static void
on_stop(bool at_once, void *arg)
{
	struct master *m = arg;

	(void)at_once; /* the supervisor's leave clock is shorter then */
	if (m->registrar != NULL)
		registrar_leave(m->registrar, left_the_pool, m);
	else
		supervisor_stop_workers(m->supervisor);
	reload_look(m->reload);
}

static void
on_reload(void *arg)
{
	struct master *m = arg;

	reload_request(m->reload);
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

	refit_look(m);
	reload_look(m->reload);
}

static void
from_worker(unsigned slot, struct span message, void *arg)
{
	(void)arg;
	log_event(LOG_ERROR, "unexpected message from a worker", "worker=%u bytes=%zu", slot,
		  message.n);
}

/* ---- putting it together ---- */

static void
registration(const struct master *m, struct registrar_conf *conf, struct packet_announcement *a)
{
	const struct server_conf *c = &m->settings.server;

	*conf = (struct registrar_conf){.proxy = c->revproc,
					.lease = c->lease,
					.retry_min = c->retry_min,
					.retry_max = c->retry_max,
					.ack_timeout = c->ack_timeout,
					.signer = m->settings.signer,
					.tls = m->settings.tls_proxy,
					.tls_name = c->proxy.name,
					.handshake = m->settings.daemon.tls.handshake_timeout,
					.reannounce = c->reannounce};
	server_settings_announcement(&m->settings, a);
	a->port = addr_port(&m->venue.addr);
}

static int
open_registrar(struct master *m)
{
	struct registrar_conf conf;
	struct packet_announcement a;

	if (m->settings.server.revproc[0] == '\0')
		return 0;
	registration(m, &conf, &a);
	m->registrar = registrar_new(m->base, &conf, &a);
	if (m->registrar == NULL) {
		log_errno(LOG_ERROR, "cannot set up the registration", "proxy=%s",
			  log_quoted(conf.proxy));
		return -1;
	}
	return 0;
}

static void
left_former_proxy(void *arg)
{
	(void)arg; /* it stands in its own callback: freed with the next change, or at the end */
}

static void
leave_former_proxy(struct master *m)
{
	registrar_free(m->leaving);
	m->leaving = m->registrar;
	m->registrar = NULL;
	if (m->leaving != NULL)
		registrar_leave(m->leaving, left_former_proxy, NULL);
}

void
master_announce(struct master *m, void (*done)(void *master))
{
	struct registrar_conf conf;
	struct packet_announcement a;
	bool same;

	registration(m, &conf, &a);
	same = m->registrar != NULL && registrar_is_of(m->registrar, &conf);
	if (same) {
		registrar_announce(m->registrar, &conf, &a, done, m);
		return;
	}
	leave_former_proxy(m);
	if (open_registrar(m) < 0 || m->registrar == NULL)
		done(m);
	else
		registrar_announce(m->registrar, &conf, &a, done, m);
}

/* The workers' ops are those of serve.h; only where they find their settings is ours to say. */
static struct supervisor_ops
make_ops(void)
{
	struct supervisor_ops ops = {.after_fork = after_fork,
				     .keep = keep,
				     .sandbox = SANDBOX_SERVER,
				     .worker = serve_ops,
				     .on_up = on_up,
				     .from_worker = from_worker,
				     .on_stop = on_stop,
				     .on_reload = on_reload,
				     .on_upgrade = on_upgrade,
				     .on_other_child = on_other_child,
				     .on_room = on_room};

	ops.worker.start = start_worker;
	return ops;
}

void
master_set_serve(struct master *m)
{
	m->serve = (struct serve_conf){.id = m->settings.server.id,
				       .policy = m->settings.server.policy,
				       .daemon = &m->settings.daemon,
				       .tls = m->settings.tls_listen,
				       .listen_fd = m->venue.fd};
}

static int
open_pages(struct master *m)
{
	m->pages = (struct pages){.supervisor = m->supervisor, .registrar = &m->registrar};
	if (launch_admin(&m->settings.daemon, m->base, pages, &m->pages, &m->admin) < 0)
		return -1;
	if (m->admin != NULL)
		admin_add(m->admin, vitals_pages, m->supervisor);
	return 0;
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

	return launch_upgrade(&env, &succession_testator, &succession_heir, m, m->control,
			      &m->upgrade);
}

int
master_prepare(struct master *m)
{
	const struct daemon_conf *d = &m->settings.daemon;

	(void)snprintf(m->name, sizeof m->name, "%s-%s", program, m->settings.server.id);
	if (!handover_is_of(m->name)) {
		log_event(LOG_ERROR, "a server of another id is another server", "id=%s",
			  log_quoted(m->settings.server.id));
		return -1;
	}
	m->ops = make_ops();
	(void)net_raise_nofile((unsigned long)d->worker_connections + 64);
	m->venue.addr = m->venue.asked;
	m->venue.fd = launch_listen(d, &m->venue.addr);
	master_set_serve(m);
	if (m->venue.fd < 0 || daemon_pidfile(d, m->name) < 0)
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
	if (launch_control(d, m->base, m->name, verbs, m, &m->control) < 0 || open_registrar(m) < 0)
		return -1;
	m->supervisor = launch_supervisor(d, m->base, m->settings.server.ack_timeout, &m->ops, m);
	if (m->supervisor == NULL || open_pages(m) < 0)
		return -1;
	if (m->control != NULL)
		control_add(m->control, orders, m->supervisor);
	if (m->control != NULL)
		control_add(m->control, reload_verbs, m->reload);
	reload_attach(m->reload, m->supervisor);
	return open_upgrade(m);
}

int
master_run(struct master *m)
{
	if (m->registrar != NULL && !handover_is_on())
		registrar_start(m->registrar);
	return supervisor_run(m->supervisor);
}

void
master_release(struct master *m)
{
	supervisor_free(m->supervisor);
	admin_free(m->admin);
	registrar_free(m->registrar);
	registrar_free(m->leaving);
	control_free(m->control);
	reload_free(m->reload);
	upgrade_free(m->upgrade);
	handover_close();
	if (m->base != NULL)
		event_base_free(m->base);
	if (m->venue.fd >= 0)
		(void)close(m->venue.fd);
}
