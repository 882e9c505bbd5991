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

static const char program[] = "ppool-server";

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
	status_add_text(o, "listen", addr_text(&m->addr, text));
	status_add_text(o, "proxy", m->settings.server.revproc);
	if (m->registrar != NULL) {
		status_add_text(o, "registration", registrar_state(m->registrar, &since));
		status_add_seconds(o, "registration_age_s", clock_ms() - since);
	}
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
}

static void *
start_worker(struct worker *w, void *arg)
{
	struct master *m = arg;

	return serve_ops.start(w, &m->serve);
}

static void
on_up(void *arg)
{
	struct master *m = arg;
	const struct server_conf *c = &m->settings.server;
	struct supervisor_view v;
	char text[ADDR_TEXT];

	supervisor_look(m->supervisor, &v);
	log_event(LOG_INFO, "serving", "id=%s policy=%s listen=%s workers=%u", log_quoted(c->id),
		  log_quoted(c->policy), addr_text(&m->addr, text), v.ready);
	log_narrate("Server running with id %s, policy %s, listening on port %u", c->id, c->policy,
		    addr_port(&m->addr));
	proctitle_set("master %s/%s :%u", c->id, c->policy, addr_port(&m->addr));
	daemon_ready();
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
}

static void
from_worker(unsigned slot, struct span message, void *arg)
{
	(void)arg;
	log_event(LOG_ERROR, "unexpected message from a worker", "worker=%u bytes=%zu", slot,
		  message.n);
}

/* ---- putting it together ---- */

static int
open_registrar(struct master *m)
{
	const struct server_conf *c = &m->settings.server;
	struct packet_announcement a;
	struct registrar_conf conf = {.proxy = c->revproc,
				      .lease = c->lease,
				      .retry_min = c->retry_min,
				      .retry_max = c->retry_max,
				      .ack_timeout = c->ack_timeout,
				      .reannounce = c->reannounce};

	if (c->revproc[0] == '\0')
		return 0;
	server_settings_announcement(&m->settings, &a);
	a.port = addr_port(&m->addr);
	m->registrar = registrar_new(m->base, &conf, &a);
	if (m->registrar == NULL) {
		log_errno(LOG_ERROR, "cannot set up the registration", "proxy=%s",
			  log_quoted(c->revproc));
		return -1;
	}
	return 0;
}

/* The workers' ops are those of serve.h; only where they find their settings is ours to say. */
static struct supervisor_ops
make_ops(void)
{
	struct supervisor_ops ops = {.after_fork = after_fork,
				     .worker = serve_ops,
				     .on_up = on_up,
				     .from_worker = from_worker,
				     .on_stop = on_stop};

	ops.worker.start = start_worker;
	return ops;
}

int
master_prepare(struct master *m)
{
	const struct daemon_conf *d = &m->settings.daemon;

	(void)snprintf(m->name, sizeof m->name, "%s-%s", program, m->settings.server.id);
	m->serve = (struct serve_conf){
		.id = m->settings.server.id, .policy = m->settings.server.policy, .daemon = d};
	m->ops = make_ops();
	(void)net_raise_nofile((unsigned long)d->worker_connections + 64);
	m->serve.listen_fd = m->listen_fd = launch_listen(d, &m->addr);
	if (m->listen_fd < 0 || daemon_pidfile(d, m->name) < 0)
		return -1;
	m->base = event_base_new();
	if (m->base == NULL) {
		log_errno(LOG_ERROR, "cannot make an event loop", NULL);
		return -1;
	}
	if (launch_control(d, m->base, m->name, verbs, m, &m->control) < 0 || open_registrar(m) < 0)
		return -1;
	m->supervisor = launch_supervisor(d, m->base, m->settings.server.ack_timeout, &m->ops, m);
	if (m->supervisor == NULL)
		return -1;
	if (m->control != NULL)
		control_add(m->control, orders, m->supervisor);
	return 0;
}

int
master_run(struct master *m)
{
	if (m->registrar != NULL)
		registrar_start(m->registrar);
	return supervisor_run(m->supervisor);
}

void
master_release(struct master *m)
{
	supervisor_free(m->supervisor);
	registrar_free(m->registrar);
	control_free(m->control);
	if (m->base != NULL)
		event_base_free(m->base);
	if (m->listen_fd >= 0)
		(void)close(m->listen_fd);
}
