/* supervisor.c - see supervisor.h.  What becomes of a worker is slot.c's to say; this file carries
 * it out. */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backoff.h"
#include "channel.h"
#include "clock.h"
#include "log.h"

enum {
	MESSAGES_A_WAKE = 64,
	FIRST_TRIES = 5, /* deaths a slot may have before the daemon has ever been up */
	AT_ONCE_MS = 500 /* what is left to a worker of stop_timeout when stopping at once */
};

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_LEAVING, PHASE_STOPPING };

struct member {
	struct supervisor *sup; /* ref in: the timers' and channel's callbacks */
	unsigned index;
	enum slot_state state;
	bool wanted;
	bool was_ready; /* this worker */
	pid_t pid;
	int channel; /* the master's end, or -1 */
	struct event *readable, *clock;
	struct backoff pause;
	uint64_t born;	 /* clock_ms() of the fork */
	unsigned deaths; /* of this slot's workers that were not asked to end */
	int last_status; /* wait status of the last one, -1: none yet */
};

enum { SIGNALS = 5 };

struct supervisor {
	struct event_base *base;
	struct supervisor_conf conf;
	const struct supervisor_ops *ops;
	void *ctx;
	struct scoreboard *scoreboard;
	enum phase phase;
	bool at_once;
	int status;
	uint64_t started;
	struct event *signal[SIGNALS], *leave_clock;
	struct member *member;
	char space[CHANNEL_MAX + 1];
};

static void happen(struct member *m, enum slot_event event);

static const char *
phase_text(enum phase p)
{
	static const char *const text[] = {"starting", "running", "leaving", "stopping"};

	return text[p];
}

static unsigned
count_state(const struct supervisor *s, enum slot_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf.workers; i++)
		n += s->member[i].state == state;
	return n;
}

/* ---- carrying out ---- */

static void
arm(struct member *m, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(m->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a worker's clock", "worker=%u", m->index);
}

static void
disarm(struct member *m)
{
	(void)event_del(m->clock);
}

static void
close_channel(struct member *m)
{
	if (m->readable != NULL)
		event_free(m->readable);
	m->readable = NULL;
	if (m->channel >= 0)
		(void)close(m->channel);
	m->channel = -1;
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct member *m = arg;
	struct supervisor *s = m->sup;
	enum channel_tag tag;
	struct span body;

	(void)what;
	for (int i = 0; i < MESSAGES_A_WAKE; i++) {
		switch (channel_receive(fd, s->space, &tag, &body)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_ENDED: (void)event_del(m->readable); return; /* SIGCHLD follows */
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_READY)
			happen(m, SLOT_SAID_READY);
		else if (tag == CHANNEL_DATA)
			s->ops->from_worker(m->index, body, s->ctx);
	}
}

/* In the child: nothing of the master's may stay. */
static void
drop_master(struct supervisor *s)
{
	for (size_t i = 0; i < SIGNALS; i++)
		event_free(s->signal[i]);
	event_free(s->leave_clock);
	for (unsigned i = 0; i < s->conf.workers; i++) {
		close_channel(&s->member[i]);
		event_free(s->member[i].clock);
	}
	if (s->ops->after_fork != NULL)
		s->ops->after_fork(s->ctx);
}

static NORETURN void
be_worker(struct supervisor *s, struct member *m, int channel, pid_t master)
{
	struct event_base *base;
	int status;

	/* A new epoll set first: deleting events from the one shared with the master would delete
	 * the master's. */
	if (event_reinit(s->base) < 0)
		_exit(1);
	drop_master(s);
	/* A base of its own: a worker's successor is forked from within the master's loop, and a
	 * loop can't be entered twice. */
	event_base_free(s->base);
	base = event_base_new();
	if (base == NULL)
		_exit(1);
	status = worker_run(base, m->index, channel, master,
			    scoreboard_row(s->scoreboard, m->index), &s->ops->worker, s->ctx);
	event_base_free(base);
	exit(status);
}

/* 0, or -1 with errno and nothing left open. */
static int
fork_worker(struct supervisor *s, struct member *m)
{
	sigset_t all, before;
	pid_t master = getpid();
	int fd[2];

	if (channel_pair(fd) < 0)
		return -1;
	m->channel = fd[0];
	m->readable = event_new(s->base, fd[0], EV_READ | EV_PERSIST, on_channel, m);
	if (m->readable == NULL || event_add(m->readable, NULL) < 0) {
		(void)close(fd[1]);
		close_channel(m);
		errno = ENOMEM;
		return -1;
	}
	/* Blocked, so that no signal meant for the child is told to the master's loop before the
	 * child has a loop of its own. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	m->pid = fork();
	if (m->pid == 0)
		be_worker(s, m, fd[1], master);
	int saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)close(fd[1]);
	if (m->pid > 0)
		return 0;
	close_channel(m);
	errno = saved;
	return -1;
}

static void
do_fork(struct member *m)
{
	struct supervisor *s = m->sup;

	m->born = clock_ms();
	if (fork_worker(s, m) < 0) {
		log_errno(LOG_ERROR, "cannot fork a worker", "worker=%u", m->index);
		happen(m, SLOT_EXITED);
		return;
	}
	arm(m, s->conf.start_timeout);
	log_event(LOG_VERBOSE, "worker forked", "worker=%u worker_pid=%d", m->index, (int)m->pid);
}

static void
check_up(struct supervisor *s)
{
	if (s->phase != PHASE_STARTING || count_state(s, SLOT_READY) < s->conf.workers)
		return;
	s->phase = PHASE_RUNNING;
	s->ops->on_up(s->ctx);
}

static void
send_signal(struct member *m, int sig)
{
	if (m->pid > 0 && kill(m->pid, sig) < 0 && errno != ESRCH)
		log_errno(LOG_ERROR, "cannot signal a worker", "worker=%u signal=%d", m->index,
			  sig);
}

static void
do_pause(struct member *m)
{
	struct supervisor *s = m->sup;
	uint32_t ms;

	if (s->phase == PHASE_STARTING && m->deaths >= FIRST_TRIES) {
		log_event(LOG_ERROR, "workers do not start; giving up", "worker=%u tries=%u",
			  m->index, m->deaths);
		s->status = 1;
		supervisor_stop_workers(s);
		return;
	}
	ms = backoff_next(&m->pause, backoff_random());
	arm(m, ms);
	log_event(LOG_INFO, "worker will be replaced", "worker=%u in_ms=%u", m->index, ms);
}

static void
end_if_empty(struct supervisor *s)
{
	if (s->phase == PHASE_STOPPING && count_state(s, SLOT_VACANT) == s->conf.workers)
		(void)event_base_loopbreak(s->base);
}

static void
happen(struct member *m, enum slot_event event)
{
	struct supervisor *s = m->sup;
	struct slot_step step = slot_step(m->state, event, m->wanted);

	m->state = step.next;
	switch (step.action) {
	case SLOT_NOTHING: break;
	case SLOT_FORK: do_fork(m); break;
	case SLOT_COUNT:
		m->was_ready = true;
		disarm(m);
		check_up(s);
		break;
	case SLOT_ASK:
		send_signal(m, SIGTERM);
		arm(m, s->at_once ? AT_ONCE_MS : s->conf.stop_timeout);
		break;
	case SLOT_SHOOT:
		disarm(m);
		log_event(LOG_WARN, "worker killed", "worker=%u worker_pid=%d why=%s", m->index,
			  (int)m->pid, slot_event_text(event));
		send_signal(m, SIGKILL);
		break;
	case SLOT_PAUSE: do_pause(m); break;
	case SLOT_RELEASE: disarm(m); break;
	case SLOT_ACTION_COUNT: abort();
	}
	end_if_empty(s);
}

/* ---- what the kernel tells ---- */

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	happen(arg, SLOT_TIMED_OUT);
}

static void
log_exit(const struct member *m, int status, bool asked)
{
	enum log_level level = asked ? LOG_VERBOSE : LOG_WARN;

	if (WIFSIGNALED(status))
		log_event(level, "worker died", "worker=%u worker_pid=%d signal=%d", m->index,
			  (int)m->pid, WTERMSIG(status));
	else
		log_event(level, "worker ended", "worker=%u worker_pid=%d code=%d", m->index,
			  (int)m->pid, WEXITSTATUS(status));
}

static void
reaped(struct supervisor *s, struct member *m, int status)
{
	bool asked = m->state == SLOT_DRAINING || m->state == SLOT_KILLED;

	log_exit(m, status, asked);
	disarm(m);
	/* What it said before it died still counts. */
	if (m->readable != NULL)
		on_channel(m->channel, EV_READ, m);
	close_channel(m);
	scoreboard_clear(s->scoreboard, m->index);
	if (s->ops->on_exit != NULL)
		s->ops->on_exit(m->index, s->ctx);
	m->last_status = status;
	m->pid = 0;
	if (!asked)
		m->deaths++;
	/* Only those that die while starting are held back more and more: a worker that has served
	 * is replaced after the shortest pause, however often it dies. */
	if (m->was_ready)
		backoff_reset(&m->pause);
	m->was_ready = false;
	happen(m, SLOT_EXITED);
}

static void
on_child(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < s->conf.workers; i++)
			if (s->member[i].pid == pid)
				reaped(s, &s->member[i], status);
}

static void
on_stop_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	bool again = s->phase >= PHASE_LEAVING;

	(void)what;
	log_event(LOG_INFO, "stopping", "signal=%d at_once=%d", (int)sig, again || sig != SIGTERM);
	s->at_once = again || sig != SIGTERM;
	if (s->phase == PHASE_STOPPING) {
		for (unsigned i = 0; i < s->conf.workers; i++)
			happen(&s->member[i], SLOT_KILL);
		return;
	}
	if (again) {
		supervisor_stop_workers(s);
		return;
	}
	struct timeval tv = clock_timeval(s->at_once ? AT_ONCE_MS : s->conf.leave_timeout);
	s->phase = PHASE_LEAVING;
	if (event_add(s->leave_clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the leave clock", NULL);
	s->ops->on_stop(s->at_once, s->ctx);
}

static void
on_leave_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	supervisor_stop_workers(arg);
}

static void
on_reopen(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)sig;
	(void)what;
	if (log_reopen() < 0)
		log_errno(LOG_ERROR, "cannot reopen the log", NULL);
	for (unsigned i = 0; i < s->conf.workers; i++)
		if (s->member[i].channel >= 0 &&
		    channel_send(s->member[i].channel, CHANNEL_REOPEN, span_of(NULL, 0)) < 0)
			log_errno(LOG_WARN, "cannot tell a worker to reopen its log", "worker=%u",
				  i);
}

/* ---- the supervisor itself ---- */

static int
init_members(struct supervisor *s)
{
	s->member = calloc(s->conf.workers, sizeof *s->member);
	if (s->member == NULL)
		return -1;
	for (unsigned i = 0; i < s->conf.workers; i++) {
		struct member *m = &s->member[i];
		*m = (struct member){
			.sup = s, .index = i, .wanted = true, .channel = -1, .last_status = -1};
		m->pause = (struct backoff){.min = s->conf.pause_min, .max = s->conf.pause_max};
		m->clock = event_new(s->base, -1, 0, on_clock, m);
		if (m->clock == NULL)
			return -1;
	}
	return 0;
}

static int
init_signals(struct supervisor *s)
{
	static const struct {
		int sig;
		event_callback_fn fn;
	} row[SIGNALS] = {{SIGCHLD, on_child},
			  {SIGTERM, on_stop_signal},
			  {SIGINT, on_stop_signal},
			  {SIGQUIT, on_stop_signal},
			  {SIGUSR1, on_reopen}};

	for (size_t i = 0; i < SIGNALS; i++) {
		s->signal[i] = evsignal_new(s->base, row[i].sig, row[i].fn, s);
		if (s->signal[i] == NULL || event_add(s->signal[i], NULL) < 0)
			return -1;
	}
	s->leave_clock = event_new(s->base, -1, 0, on_leave_clock, s);
	return s->leave_clock == NULL ? -1 : 0;
}

struct supervisor *
supervisor_new(struct event_base *base, const struct supervisor_conf *conf,
	       const struct supervisor_ops *ops, void *ctx)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->base = base;
	s->conf = *conf;
	s->ops = ops;
	s->ctx = ctx;
	s->started = clock_ms();
	s->scoreboard = scoreboard_new(conf->workers);
	if (s->scoreboard == NULL || init_members(s) < 0 || init_signals(s) < 0) {
		supervisor_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

void
supervisor_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; s->member != NULL && i < s->conf.workers; i++) {
		close_channel(&s->member[i]);
		free_event(s->member[i].clock);
	}
	for (size_t i = 0; i < SIGNALS; i++)
		free_event(s->signal[i]);
	free_event(s->leave_clock);
	free(s->member);
	scoreboard_free(s->scoreboard);
	free(s);
}

int
supervisor_run(struct supervisor *s)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	for (unsigned i = 0; i < s->conf.workers; i++)
		happen(&s->member[i], SLOT_WANTED);
	while (s->phase != PHASE_STOPPING || count_state(s, SLOT_VACANT) < s->conf.workers)
		if (event_base_dispatch(s->base) < 0)
			log_errno(LOG_ERROR, "event loop failed", NULL);
	return s->status;
}

void
supervisor_stop_workers(struct supervisor *s)
{
	if (s->phase == PHASE_STOPPING)
		return;
	s->phase = PHASE_STOPPING;
	(void)event_del(s->leave_clock);
	for (unsigned i = 0; i < s->conf.workers; i++)
		s->member[i].wanted = false;
	for (unsigned i = 0; i < s->conf.workers; i++)
		happen(&s->member[i], SLOT_UNWANTED);
}

int
supervisor_tell(struct supervisor *s, unsigned slot, struct span message)
{
	if (slot >= s->conf.workers || s->member[slot].channel < 0) {
		errno = ESRCH;
		return -1;
	}
	return channel_send(s->member[slot].channel, CHANNEL_DATA, message);
}

struct scoreboard *
supervisor_scoreboard(struct supervisor *s)
{
	return s->scoreboard;
}

unsigned
supervisor_slots(const struct supervisor *s)
{
	return s->conf.workers;
}

bool
supervisor_stopping(const struct supervisor *s)
{
	return s->phase >= PHASE_LEAVING;
}

void
supervisor_look(const struct supervisor *s, struct supervisor_view *v)
{
	*v = (struct supervisor_view){.state = phase_text(s->phase),
				      .started = s->started,
				      .wanted = s->conf.workers,
				      .ready = count_state(s, SLOT_READY)};
}

void
supervisor_look_at(const struct supervisor *s, unsigned slot, struct supervisor_member *v)
{
	const struct member *m = &s->member[slot];

	*v = (struct supervisor_member){.pid = m->pid,
					.state = m->state,
					.born = m->born,
					.deaths = m->deaths,
					.last_status = m->last_status};
}
