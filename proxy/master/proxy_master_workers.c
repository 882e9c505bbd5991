/* proxy_master_workers.c - the proxy's workers and the process of its store: what they are forked
 * with, what they say, and where the access log goes. */
#include <unistd.h>

#include "access_log.h"
#include "clock.h"
#include "log.h"
#include "proxy_master_internal.h"
#include "proxy_takeover.h"

/* ---- what workers say ---- */

static void
take_registration(struct proxy_master *m, unsigned slot, struct span message)
{
	struct buf answer = BUF_INIT;
	bool elsewhere = proxy_takeover_forward(m->base.upgrade, slot, message);

	pool_register(&m->pool, message, &answer);
	if (!elsewhere && buf_len(&answer) > 0 &&
	    supervisor_send(m->base.supervisor, slot, buf_span(&answer)) < 0)
		log_limited_errno(LOG_WARN, "cannot answer a registration", "worker=%u", slot);
	buf_release(&answer);
}

static void
take_failure(struct proxy_master *m, unsigned slot, struct span message)
{
	struct worker_msg_failure failure;

	(void)slot;
	if (worker_msg_get_failure(message, registry_max_servers(m->pool.registry), clock_ms(),
				   &failure) == 0)
		health_monitor_incident(m->pool.watch, &failure);
}

static void
take_loop(struct proxy_master *m, unsigned slot, struct span message)
{
	struct worker_msg_loop loop;

	(void)slot;
	if (worker_msg_get_loop(message, &loop) == 0)
		health_monitor_loop(m->pool.watch, loop.server);
}

static void
take_explanation(struct proxy_master *m, unsigned slot, struct span message)
{
	(void)slot;
	admin_cmds_answer(m->console, message);
}

static void
take_nonsense(struct proxy_master *m, unsigned slot, struct span message)
{
	(void)m;
	log_limited(LOG_WARN, "a worker said what nobody understands", "worker=%u bytes=%zu", slot,
		    message.n);
}

static void (*const on_message[WORKER_MSG_END])(struct proxy_master *, unsigned, struct span) = {
	[WORKER_MSG_NONE] = take_nonsense,	 [WORKER_MSG_REGISTRATION] = take_registration,
	[WORKER_MSG_FAILURE] = take_failure,	 [WORKER_MSG_LOOP] = take_loop,
	[WORKER_MSG_EXPLAIN] = take_explanation,
};

static void
from_worker(unsigned slot, struct span message, void *arg)
{
	on_message[worker_msg_kind_of(message)](arg, slot, message);
}

/* ---- workers ---- */

void
proxy_master_after_fork(unsigned slot, void *arg)
{
	struct proxy_master *m = arg;

	pool_after_fork(&m->pool, slot);
	admin_cmds_after_fork(m->console);
	m->console = NULL;
	if (m->former_access_fd >= 0)
		(void)close(m->former_access_fd);
}

void
proxy_master_forget(void *arg)
{
	struct proxy_master *m = arg;

	if (event_reinit(m->base.base) < 0)
		_exit(1);
	pool_forget(&m->pool);
	master_forget(&m->base);
	admin_cmds_after_fork(m->console);
	m->console = NULL;
}

static bool
on_child(pid_t pid, int status, void *arg)
{
	return pool_store_reaped(((struct proxy_master *)arg)->pool.store, pid, status);
}

void
proxy_master_keep_open(struct fd_keep *k, void *arg)
{
	const struct proxy_master *m = arg;

	fd_keep_add(k, m->access_fd);
	/* To hear by, its own alone; to tell every other worker, and the master. */
	for (unsigned i = 0; i <= supervisor_slots(m->base.supervisor); i++) {
		fd_keep_add(k, conn_limit_descriptor(m->pool.permits, i));
		fd_keep_add(k, conn_limit_nudge_descriptor(m->pool.permits, i));
	}
}

static void
before_fork(unsigned slot, void *arg)
{
	permits_admit(((struct proxy_master *)arg)->pool.permits, slot);
}

/* In the worker's process, whose settings are those that it was forked with. */
static void *
start_worker(struct worker *w, void *arg)
{
	struct proxy_master *m = arg;

	m->front = (struct proxy_worker_conf){.settings = m->pool.rules.settings,
					      .registry = m->pool.registry,
					      .permits = m->pool.permits,
					      .tally = m->pool.tally,
					      .meter = m->pool.meter,
					      .gate = m->pool.rules.gate,
					      .verdicts = m->pool.verdicts,
					      .instance = m->pool.instance,
					      .access_fd = m->access_fd};
	m->front.listeners = listen_socket_fds(&m->base.listen, m->front.listen_fd);
	return proxy_worker_ops.start(w, &m->front);
}

static void
on_exit_of(unsigned slot, void *arg)
{
	pool_worker_ended(&((struct proxy_master *)arg)->pool, slot);
}

/* ---- the access log ---- */

int
proxy_master_open_log(const struct proxy_conf *c, int *fd)
{
	bool wanted = c->access_log != ACCESS_LOG_OFF && c->access_log_file[0] != '\0';

	*fd = wanted ? access_log_open(c->access_log_file) : -1;
	return wanted && *fd < 0 ? -1 : 0;
}

void
proxy_master_close_log(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* The workers that there are get the new one; those to come inherit it. */
static void
on_reopen(void *arg)
{
	struct proxy_master *m = arg;
	const struct proxy_conf *c = pool_conf(&m->pool);
	int fd;

	pool_store_reopen(m->pool.store);
	if (m->access_fd < 0)
		return;
	if (proxy_master_open_log(c, &fd) < 0) {
		log_errno(LOG_ERROR, "cannot reopen the access log", "path=%s",
			  log_quoted(c->access_log_file));
		return;
	}
	proxy_master_close_log(&m->access_fd);
	m->access_fd = fd;
	supervisor_pass(m->base.supervisor, fd);
}

/* Of those of proxy_worker.h only where they find their settings is ours to say. */
void
proxy_master_workers(struct supervisor_ops *ops)
{
	ops->before_fork = before_fork;
	ops->sandbox = SANDBOX_PROXY;
	ops->worker = proxy_worker_ops;
	ops->worker.start = start_worker;
	ops->from_worker = from_worker;
	ops->on_exit = on_exit_of;
	ops->on_child = on_child;
	ops->on_reopen = on_reopen;
}
