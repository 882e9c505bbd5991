/* signals.c - what the supervisor is told by signal: orders, and that a child ended; see
 * supervisor_state.h. */
#include <signal.h>
#include <sys/wait.h>

#include "log.h"
#include "supervisor_state.h"

/* ---- orders ---- */

static void
on_stop_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	bool at_once = sig != SIGTERM || s->phase >= PHASE_LEAVING;

	(void)what;
	log_event(LOG_INFO, "stopping", "signal=%d at_once=%d", (int)sig, at_once);
	supervisor_stop(s, at_once);
}

static void
on_reopen_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)supervisor_reopen(arg); /* which is logged */
}

static void
on_scale_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	unsigned to = sig == SIGTTIN ? s->target + 1 : s->target - 1;

	(void)what;
	if (supervisor_scale(s, to) < 0)
		log_errno(LOG_WARN, "the number of workers stays", "workers=%u wanted=%u",
			  s->target, to);
}

static void
on_reload_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)sig;
	(void)what;
	if (s->ops->on_reload != NULL)
		s->ops->on_reload(s->ctx);
}

static void
on_upgrade_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)sig;
	(void)what;
	if (s->ops->on_upgrade != NULL)
		s->ops->on_upgrade(s->ctx);
}

/* ---- children ---- */

/* One that is killed though it is wanted was not ready in time. */
static bool
was_asked(const struct member *m)
{
	if (m->state == SLOT_KILLED)
		return m->was_ready || !m->wanted;
	return m->state == SLOT_DRAINING;
}

static void
reaped(struct supervisor *s, struct member *m, int status)
{
	bool asked = was_asked(m);

	supervisor_remember(s, m, status, asked);
	member_reaped(m, status);
	scoreboard_clear(s->scoreboard, m->index);
	if (s->ops->on_exit != NULL)
		s->ops->on_exit(m->index, s->ctx);
	if (!asked || m->hung)
		m->deaths++;
	supervisor_member_ended(s, m);
	member_happen(m, SLOT_EXITED);
}

static struct member *
find_pid(struct supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].pid == pid)
			return &s->member[i];
	return NULL;
}

static void
on_child(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	struct member *m;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		m = find_pid(s, pid);
		if (m != NULL)
			reaped(s, m, status);
		else if (s->ops->on_other_child != NULL)
			s->ops->on_other_child(pid, status, s->ctx);
	}
}

int
supervisor_signals_init(struct supervisor *s)
{
	static const struct {
		int sig;
		event_callback_fn fn;
	} row[SUPERVISOR_SIGNALS] = {{SIGCHLD, on_child},	  {SIGTERM, on_stop_signal},
				     {SIGINT, on_stop_signal},	  {SIGQUIT, on_stop_signal},
				     {SIGUSR1, on_reopen_signal}, {SIGTTIN, on_scale_signal},
				     {SIGTTOU, on_scale_signal},  {SIGHUP, on_reload_signal},
				     {SIGUSR2, on_upgrade_signal}};

	for (size_t i = 0; i < SUPERVISOR_SIGNALS; i++) {
		s->signal[i] = evsignal_new(s->base, row[i].sig, row[i].fn, s);
		if (s->signal[i] == NULL || event_add(s->signal[i], NULL) < 0)
			return -1;
	}
	return 0;
}

void
supervisor_signals_free(struct supervisor *s)
{
	for (size_t i = 0; i < SUPERVISOR_SIGNALS; i++)
		if (s->signal[i] != NULL)
			event_free(s->signal[i]);
}
