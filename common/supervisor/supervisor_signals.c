/* supervisor_signals.c - see supervisor.h: what the master is told by signal, and its stop. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "clock.h"
#include "log.h"
#include "sd_notify.h"
#include "supervisor_internal.h"

/* ---- stopping ---- */

void
supervisor_stop_workers(struct supervisor *s)
{
	if (s->set.phase == PHASE_STOPPING)
		return;
	s->set.phase = PHASE_STOPPING;
	(void)event_del(s->leave_clock);
	child_set_abort_renewal(&s->set, "the daemon stops");
	child_set_stop(&s->set);
}

void
supervisor_stop(struct supervisor *s, bool at_once)
{
	struct timeval tv;

	s->host.at_once = s->host.at_once || at_once;
	if (s->set.phase == PHASE_STOPPING) {
		if (at_once)
			child_set_kill(&s->set);
		return;
	}
	if (s->set.phase == PHASE_LEAVING) {
		if (at_once)
			supervisor_stop_workers(s);
		return;
	}
	tv = clock_timeval(at_once ? CHILD_AT_ONCE_MS : s->set.conf.leave_timeout);
	s->set.phase = PHASE_LEAVING;
	sd_notify_stopping();
	child_set_abort_renewal(&s->set, "the daemon stops");
	if (event_add(s->leave_clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the leave clock", NULL);
	s->ops->on_stop(at_once, s->ctx);
}

static void
on_leave_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	supervisor_stop_workers(arg);
}

/* ---- signals ---- */

static void
on_other_child(struct supervisor *s, pid_t pid, int status)
{
	if (s->ops->on_child != NULL && s->ops->on_child(pid, status, s->ctx))
		return;
	if (s->succession != NULL)
		s->succession->on_other_child(pid, status, s->succession_ctx);
}

void
supervisor_reap(struct supervisor *s)
{
	struct child *c;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
		if (pid < 0)
			continue;
		c = child_set_find(&s->set, pid);
		if (c == NULL) {
			on_other_child(s, pid, status);
			continue;
		}
		child_reaped(c, status);
		counters_fold(s->scoreboard, c->index, 1);
		if (s->ops->on_exit != NULL)
			s->ops->on_exit(c->index, s->ctx);
		child_set_ended(&s->set, c);
	}
}

static void
on_stop_signal(struct supervisor *s, int sig, bool forwarded)
{
	bool at_once = sig != SIGTERM || s->set.phase >= PHASE_LEAVING;

	if (forwarded) { /* the workers here are leaving as it is */
		at_once = sig != SIGTERM || s->stop_forwarded;
		s->stop_forwarded = true;
		if (!at_once)
			return;
	}
	log_event(LOG_INFO, "stopping", "signal=%d at_once=%d", sig, at_once);
	supervisor_stop(s, at_once);
}

static void
on_scale_signal(struct supervisor *s, int sig)
{
	unsigned to = sig == SIGTTIN ? s->set.target + 1 : s->set.target - 1;

	if (supervisor_scale(s, to) < 0)
		log_errno(LOG_WARN, "the number of workers stays", "workers=%u wanted=%u",
			  s->set.target, to);
}

static void
on_child_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	supervisor_reap(arg);
}

static void
on_order_signal(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;
	int sig = (int)fd;
	bool forwarded = s->succession != NULL && s->succession->forward(sig, s->succession_ctx);

	(void)what;
	switch (sig) {
	case SIGUSR1:
		(void)supervisor_reopen(s); /* forwarded too: its workers still write; logged */
		break;
	case SIGTTIN:
	case SIGTTOU:
		if (!forwarded)
			on_scale_signal(s, sig);
		break;
	case SIGHUP:
		if (!forwarded && s->ops->on_reload != NULL)
			s->ops->on_reload(s->ctx);
		break;
	case SIGUSR2:
		if (!forwarded && s->succession != NULL)
			s->succession->on_upgrade(s->succession_ctx);
		break;
	default: on_stop_signal(s, sig, forwarded);
	}
}

int
supervisor_listen_to_signals(struct supervisor *s)
{
	static const int order[SUPERVISOR_SIGNALS] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGUSR1,
						      SIGTTIN, SIGTTOU, SIGHUP, SIGUSR2};

	s->leave_clock = event_new(s->base, -1, 0, on_leave_clock, s);
	for (size_t i = 0; i < SUPERVISOR_SIGNALS; i++) {
		s->signal[i] = evsignal_new(s->base, order[i],
					    order[i] == SIGCHLD ? on_child_signal : on_order_signal,
					    s);
		if (s->signal[i] == NULL || event_add(s->signal[i], NULL) < 0)
			return -1;
	}
	return s->leave_clock == NULL ? -1 : 0;
}
