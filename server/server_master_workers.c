/* server_master_workers.c - what a server's master does for its workers and their job processes,
 * and what it hears from them; see server_master_internal.h. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "job_child.h"
#include "log.h"
#include "printable.h"
#include "reaper.h"
#include "sandbox.h"
#include "server_master_internal.h"
#include "supervisor.h"

static void
forget_registrars(struct server_master *m)
{
	registrar_set_free(m->proxies);
	m->proxies = NULL;
}

void
server_master_after_fork(unsigned slot, void *arg)
{
	struct server_master *m = arg;

	if (job_stats_enter(m->stats, slot) < 0) {
		log_errno(LOG_ERROR, "cannot give up what other workers write", NULL);
		_exit(1);
	}
	job_processes_after_fork(m->processes);
	m->processes = NULL;
	forget_registrars(m);
}

/* In a job process that runs code of others: nothing of the master is to be found there, neither
 * keys nor what it shares with its workers. */
void
server_master_forget(void *arg)
{
	struct server_master *m = arg;

	if (event_reinit(m->base.base) < 0)
		_exit(1);
	job_processes_each_settings(m->processes, server_settings_forget_secrets);
	server_settings_forget_secrets(m->base.settings);
	if (m->base.former != NULL)
		server_settings_forget_secrets(m->base.former);
	forget_registrars(m);
	job_stats_free(m->stats);
	job_strikes_free(m->strikes);
	master_forget(&m->base);
}

/* The policy of the settings before these, while a reload changes it; NULL: none. */
const char *
server_master_former_policy(const struct master *base, const struct settings *former)
{
	const char *policy = former == NULL ? NULL : server_settings_of(former)->server.policy;

	return policy != NULL && strcmp(policy, conf_of(base)->policy) != 0 ? policy : NULL;
}

/* Nobody is answered by another job than the one it asked for. */
static bool
does_former_job(const struct master *base)
{
	const struct settings *former = base->former;

	return former != NULL && strcmp(server_settings_of(former)->server.handler.name,
					conf_of(base)->handler.name) == 0;
}

/* In the worker's process, with the settings that it was forked with. */
static void *
start_worker(struct worker *w, void *arg)
{
	struct server_master *m = arg;
	const struct server_conf *c = conf_of(&m->base);

	m->serve = (struct server_worker_conf){
		.id = c->id,
		.policy = c->policy,
		.former_policy = does_former_job(&m->base)
					 ? server_master_former_policy(&m->base, m->base.former)
					 : NULL,
		.daemon = &m->base.settings->daemon,
		.tls = m->base.settings->tls_listen,
		.client_send_timeout = c->client_send_timeout,
		.client_read_timeout = c->client_read_timeout,
		.pipeline = c->pipeline,
		.proxied = c->revproc.n > 0,
		.handler = &c->handler,
		.stats = m->stats,
		.strikes = m->strikes};
	m->serve.listeners = listen_socket_fds(&m->base.listen, m->serve.listen_fd);
	return server_worker_ops.start(w, &m->serve);
}

static void
strike(struct server_master *m, const struct job_msg *said)
{
	if (said->strike.clear)
		(void)job_strikes_clear(m->strikes, said->strike.fingerprint);
	else
		(void)job_strikes_add(m->strikes, said->strike.fingerprint,
				      (enum job_end)said->strike.end, said->strike.client,
				      clock_ms());
}

static void
from_worker(unsigned slot, struct span message, void *arg)
{
	struct server_master *m = arg;
	struct job_msg said;

	if (!job_msg_read(message, JOB_STATS_PROCESSES, &said))
		said.kind = JOB_MSG_NONE;
	switch (said.kind) {
	case JOB_MSG_READY:
		m->repeatable = said.ready.repeatable;
		job_processes_hear(m->processes, slot, &said);
		break;
	case JOB_MSG_KILL:
	case JOB_MSG_RETIRE: job_processes_hear(m->processes, slot, &said); break;
	case JOB_MSG_STRIKE: strike(m, &said); break;
	case JOB_MSG_FAILING:
		job_stats_failing(m->stats, slot, said.failing.failing ? said.failing.why : NULL,
				  clock_ms());
		break;
	default:
		log_event(LOG_ERROR, "unexpected message from a worker", "worker=%u bytes=%zu",
			  slot, message.n);
	}
}

static void
on_exit_of(unsigned slot, void *arg)
{
	struct server_master *m = arg;

	job_processes_worker_ended(m->processes, slot);
	job_stats_fold(m->stats, slot);
}

static void
on_forked(unsigned slot, void *arg)
{
	struct server_master *m = arg;

	job_processes_worker_forked(m->processes, slot, m->base.settings);
}

static bool
on_child(pid_t pid, int status, void *arg)
{
	const struct server_master *m = arg;

	return job_processes_reaped(m->processes, pid, status);
}

static bool
lingers(void *arg)
{
	const struct server_master *m = arg;

	return job_processes_linger(m->processes);
}

/* Ends at most so long after their worker was ready to start. */
uint64_t
server_master_start_timeout(const struct master *base)
{
	const struct handler_conf *c = &conf_of(base)->handler;

	return handler_conf_has_processes(c) ? c->start_timeout : 0;
}

/* What job processes have in common with the daemon, which is their user, they could look into. */
void
server_master_guard(const struct master *base)
{
	const struct daemon_conf *d = &base->settings->daemon;
	const struct handler_conf *c = &conf_of(base)->handler;

	if (!handler_conf_has_processes(c))
		return;
	if (reaper_adopt() < 0)
		log_errno(LOG_WARN, "what job processes leave behind is not found", NULL);
	if (job_child_has_own_user(c, d))
		return;
	log_event(LOG_INFO, "job processes have the user of workers: handler_user gives them one",
		  NULL);
	if (c->user.plan.uid == geteuid() && d->isolation.core == 0 && !SANDBOX_SANITIZED &&
	    prctl(PR_SET_DUMPABLE, 0UL) < 0)
		log_errno(LOG_WARN, "job processes can look into this one", NULL);
}

static const char *
trouble(void *arg)
{
	struct server_master *m = arg;
	const char *why = m->jobs.conf == NULL ? NULL : job_admin_trouble(&m->jobs);
	char text[sizeof m->trouble - 32];

	if (why == NULL)
		return NULL;
	(void)snprintf(m->trouble, sizeof m->trouble, "the handler fails: %s",
		       printable(why, text, sizeof text));
	return m->trouble;
}

/* Of those of server_worker.h only where they find their settings is ours to say. */
void
server_master_workers(struct supervisor_ops *ops)
{
	ops->sandbox = SANDBOX_SERVER;
	ops->worker = server_worker_ops;
	ops->worker.start = start_worker;
	ops->from_worker = from_worker;
	ops->on_exit = on_exit_of;
	ops->on_forked = on_forked;
	ops->on_child = on_child;
	ops->lingers = lingers;
	ops->trouble = trouble;
}
